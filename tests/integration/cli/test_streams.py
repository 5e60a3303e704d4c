"""Closed pipes, full disks and closed streams change no outcome."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from rotator.local.ims_control import RemoteIms
from tests.integration.cli.rig import sh
from tests.integration.cli.vault import Vault

TOKEN = "canary-stored-token"


@pytest.mark.parametrize("unbuffered", [None, "1"])
@pytest.mark.parametrize("command", ["token", "run", "--help"])
def test_reader_that_has_gone_is_no_error(
    fresh: Vault, aws_env: dict[str, str], command: str, unbuffered: str | None
) -> None:
    args = {"token": (fresh.token_secret,), "run": fresh.selectors, "--help": ()}[command]
    env = aws_env | ({"PYTHONUNBUFFERED": unbuffered} if unbuffered else {})
    theirs, ours = os.pipe()
    os.close(theirs)
    with os.fdopen(ours, "w") as gone:
        ended = subprocess.run(
            [sys.executable, "-m", "rotator", command, *args],
            env=env | {"ROTATOR_LOG_LEVEL": "error"},
            stdout=gone,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (0, b"")


def test_head_gets_its_character_and_nobody_complains(
    fresh: Vault, aws_env: dict[str, str]
) -> None:
    ended = sh('$ROTATOR token "$1" | head -c 1', fresh.token_secret, env=aws_env)

    assert (ended.stdout, ended.stderr) == (TOKEN[0], "")


def test_failed_run_is_one_even_if_nobody_reads_what_it_says(
    vault: Vault, aws_env: dict[str, str], ims: RemoteIms
) -> None:
    vault.put_token(age=timedelta(hours=25))
    ims.configure(behaviour="throttled", retry_after_s=600)

    ended = sh('{ $ROTATOR run "$@" 2>/dev/null; echo $? >&2; } | :', *vault.selectors, env=aws_env)

    assert ended.stderr == "4\n"


def test_streams_that_are_closed_do_not_stop_the_job(vault: Vault, aws_env: dict[str, str]) -> None:
    ended = sh('$ROTATOR run "$@" <&- >&- 2>&-', *vault.selectors, env=aws_env)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert vault.fields()["client_id"] == vault.client_id


ONLY_LINUX = pytest.mark.skipif(
    not os.path.exists("/dev/full"),  # noqa: PTH110
    reason="only Linux has /dev/full",
)


@ONLY_LINUX
def test_log_that_cannot_be_written_does_not_stop_a_rotation(
    vault: Vault, aws_env: dict[str, str]
) -> None:
    # A warning comes before the token is published, the outcome's event after it.
    vault.put_credentials(client_secret=["wrong", vault.client_secret])

    ended = sh('$ROTATOR run "$@" 2>/dev/full', *vault.selectors, env=aws_env)

    assert ended.returncode == 0
    assert ended.stdout.startswith("rotated: token missing")
    assert vault.fields()["client_id"] == vault.client_id


@ONLY_LINUX
def test_code_of_a_failure_is_right_even_if_nothing_can_be_said_of_it(
    vault: Vault, aws_env: dict[str, str]
) -> None:
    ended = sh('$ROTATOR token "$1" 2>/dev/full', vault.token_secret, env=aws_env)

    assert ended.returncode == 6


# Code 1 is for mistakes of rotator's own (docs/cli.md); a full disk is none, so it is 2.
@ONLY_LINUX
@pytest.mark.parametrize("command", ["token", "headers", "env"])
@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
@pytest.mark.parametrize("length", [20, 20_000])  # more than any buffer in between holds
def test_token_that_does_not_get_where_it_should_is_an_error(
    *, vault: Vault, aws_env: dict[str, str], command: str, where: str, length: int
) -> None:
    vault.put_token(access_token="t" * length)

    ended = sh(f'$ROTATOR {command} "$1" {where}', vault.token_secret, env=aws_env)

    [line] = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert line.startswith(f"rotator {command}: standard output: cannot be written (")


@ONLY_LINUX
@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
def test_rotation_whose_result_cannot_be_printed_keeps_its_code(
    fresh: Vault, aws_env: dict[str, str], where: str
) -> None:
    before = fresh.current()

    ended = sh(f'$ROTATOR run --force "$@" {where}', *fresh.selectors, env=aws_env)

    assert ended.returncode == 0
    assert fresh.current() != before
    assert "rotator run: standard output: cannot be written (" in ended.stderr


@ONLY_LINUX
def test_failed_rotation_whose_result_cannot_be_printed_keeps_its_code(
    vault: Vault, aws_env: dict[str, str], ims: RemoteIms
) -> None:
    vault.put_token(age=timedelta(hours=25))
    ims.configure(behaviour="throttled", retry_after_s=600)

    ended = sh('$ROTATOR run "$@" >/dev/full', *vault.selectors, env=aws_env)

    assert ended.returncode == 4
    assert "rotator run: standard output: cannot be written (" in ended.stderr
