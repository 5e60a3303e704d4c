"""`rotator token`, `headers`, `env`, `exec` and `check`: the current token, for shells."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.local.binding import LocalBinding
    from rotator.local.ims_control import RemoteIms
    from tests.integration.cli.front import Front
    from tests.integration.cli.vault import Vault

    Cli = Callable[..., subprocess.CompletedProcess[str]]

TOKEN = "canary-stored-token"
READERS = ("token", "headers", "env")


def sh(script: str, *args: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `$ROTATOR` is the command; `$1` and so on are `args`."""
    return subprocess.run(
        ["/bin/sh", "-c", f"ROTATOR='{sys.executable} -m rotator'; {script}", "sh", *args],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_token_is_printed_bare(cli: Cli, binding: LocalBinding, vault: Vault) -> None:
    vault.put_token()

    ended = cli("token", binding.token_secret)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{TOKEN}\n", "")


def test_headers_are_those_of_adobes_apis(inside: Cli, binding: LocalBinding, vault: Vault) -> None:
    vault.put_token()

    ended = inside("headers", binding.token_secret)

    assert ended.returncode == 0
    assert ended.stdout == f"Authorization: Bearer {TOKEN}\nx-api-key: {binding.client_id}\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_headers_go_to_curl_by_standard_input(
    inside: Cli,
    binding: LocalBinding,
    vault: Vault,
    local_ims: RemoteIms,
    aws_env: dict[str, str],
) -> None:
    assert vault.versions() == {}
    inside("run", *binding.selectors)

    ended = sh(
        '$ROTATOR headers "$1" | curl -sS --noproxy "*" -H @- "$2"',
        binding.token_secret,
        local_ims.urls.hello,
        env=aws_env,
    )

    assert (ended.stdout, ended.stderr) == ("Welcome to the Photoshop API!", "")


def test_env_is_quoted_for_the_shell(
    binding: LocalBinding, vault: Vault, aws_env: dict[str, str]
) -> None:
    strange = 'it\'s "a" $(client) `id`; * \\ &'
    vault.put_token(client_id=strange)

    ended = sh(
        'eval "$($ROTATOR env "$1" --prefix PS_FF_SERVICES)";'
        ' printf "%s|%s" "$PS_FF_SERVICES_ACCESS_TOKEN" "$PS_FF_SERVICES_CLIENT_ID"',
        binding.token_secret,
        env=aws_env,
    )

    assert (ended.stdout, ended.stderr) == (f"{TOKEN}|{strange}", "")


@pytest.mark.parametrize(
    ("options", "start"), [((), ""), (("--prefix", "PS_FF_SERVICES"), "PS_FF_SERVICES_")]
)
def test_env_names_its_variables_by_the_prefix(
    inside: Cli, binding: LocalBinding, vault: Vault, options: tuple[str, ...], start: str
) -> None:
    vault.put_token()

    ended = inside("env", binding.token_secret, *options)

    assert ended.stdout.splitlines() == [
        f"export {start}ACCESS_TOKEN={TOKEN}",
        f"export {start}CLIENT_ID={binding.client_id}",
    ]


@pytest.mark.parametrize("prefix", ["", "1A", "A-B", "A B", "A;id", "Ä"])
def test_prefix_that_is_no_variable_is_refused(
    inside: Cli, binding: LocalBinding, prefix: str
) -> None:
    ended = inside("env", binding.token_secret, "--prefix", prefix)

    assert ended.returncode == 2
    assert ended.stderr.startswith("rotator env: --prefix: ")
    assert ended.stdout == ""


def test_command_gets_the_token_and_its_own_arguments(
    cli: Cli, binding: LocalBinding, vault: Vault
) -> None:
    vault.put_token()
    script = 'printf "%s|%s|%s|%s" "$P_ACCESS_TOKEN" "$P_CLIENT_ID" "$1" "$MINE"'

    ended = cli(
        *("exec", binding.token_secret, "--prefix", "P"),
        *("--", "sh", "-c", script, "sh", "--flag"),
        env={"MINE": "kept"},
    )

    assert ended.returncode == 0
    assert ended.stdout == f"{TOKEN}|{binding.client_id}|--flag|kept"


def test_command_reads_standard_input_and_ends_with_its_own_code(
    cli: Cli, binding: LocalBinding, vault: Vault
) -> None:
    vault.put_token()

    ended = cli("exec", binding.token_secret, "--", "sh", "-c", "cat; exit 42", stdin="piped")

    assert (ended.returncode, ended.stdout) == (42, "piped")


def test_command_takes_the_place_of_rotator(
    binding: LocalBinding, vault: Vault, aws_env: dict[str, str]
) -> None:
    vault.put_token()
    script = 'trap "exit 7" USR1; echo $$; while :; do sleep 0.05; done'
    with subprocess.Popen(
        [sys.executable, "-m", "rotator", "exec", binding.token_secret, "--", "sh", "-c", script],
        env=aws_env,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGUSR1)
        assert process.wait(30) == 7


@pytest.mark.parametrize("name", ["PIPE", "TERM", "INT"])
def test_command_meets_signals_as_a_shell_would_have_it(
    cli: Cli, binding: LocalBinding, vault: Vault, name: str
) -> None:
    vault.put_token()

    ended = cli("exec", binding.token_secret, "--", "sh", "-c", f"kill -{name} $$; echo survived")

    assert ended.stdout == ""
    assert ended.returncode == -signal.Signals[f"SIG{name}"]


@pytest.mark.parametrize(
    ("command", "code", "problem"),
    [
        ("no-such-command", 127, "is not found"),
        (os.devnull, 126, "cannot be executed"),
        ("/", 126, "cannot be executed"),
    ],
)
def test_command_that_cannot_run_gets_the_shells_code(
    *, cli: Cli, binding: LocalBinding, vault: Vault, command: str, code: int, problem: str
) -> None:
    vault.put_token()

    ended = cli("exec", binding.token_secret, "--", command)

    assert ended.returncode == code
    assert ended.stderr == f"rotator exec: {command}: {problem}\n"


def test_command_that_cannot_run_leaves_the_signals_of_the_caller_as_they_were(
    inside: Cli, binding: LocalBinding, vault: Vault
) -> None:
    vault.put_token()
    before = signal.getsignal(signal.SIGPIPE)

    assert inside("exec", binding.token_secret, "--", "/no/such/command").returncode == 127

    assert signal.getsignal(signal.SIGPIPE) is before


@pytest.mark.parametrize("args", [(), ("--",)])
def test_exec_needs_a_command(inside: Cli, binding: LocalBinding, args: tuple[str, ...]) -> None:
    ended = inside("exec", binding.token_secret, *args)

    assert ended.returncode == 2
    assert ended.stderr == "rotator exec: the command is missing; give it after --\n"


def test_check_makes_the_providers_first_call(
    inside: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    assert vault.versions() == {}
    inside("run", *binding.selectors)

    ended = inside("check", binding.token_secret, "--url", local_ims.urls.hello)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "HTTP 200\nWelcome to the Photoshop API!\n"


def test_check_of_a_token_that_the_api_refuses(
    cli: Cli, binding: LocalBinding, vault: Vault, local_ims: RemoteIms
) -> None:
    vault.put_token()

    ended = cli("check", binding.token_secret, "--url", local_ims.urls.hello)

    assert ended.returncode == 3
    assert ended.stdout.startswith('HTTP 401\n{"error_code": "401013"')
    assert TOKEN not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("status", "code"),
    [(200, 0), (204, 0), (302, 1), (401, 3), (403, 3), (404, 1), (429, 4), (500, 4), (503, 4)],
)
def test_check_ends_as_the_status_says(
    *, inside: Cli, binding: LocalBinding, vault: Vault, front: Front, status: int, code: int
) -> None:
    vault.put_token()
    front.api_status, front.api_body = status, b""

    ended = inside("check", binding.token_secret, "--url", front.api_url)

    assert (ended.returncode, ended.stdout) == (code, f"HTTP {status}\n")


def test_check_hides_a_token_that_the_api_repeats(
    inside: Cli, binding: LocalBinding, vault: Vault, front: Front
) -> None:
    vault.put_token()
    front.api_body = f"you sent {TOKEN}".encode()

    ended = inside("check", binding.token_secret, "--url", front.api_url)

    assert ended.stdout == "HTTP 401\nyou sent ***\n"


def test_check_of_an_api_that_cannot_be_reached_is_temporary(
    inside: Cli, binding: LocalBinding, vault: Vault
) -> None:
    vault.put_token()

    ended = inside("check", binding.token_secret, "--url", "http://127.0.0.1:1/hello")

    assert ended.returncode == 4
    assert ended.stderr == "rotator check: API: connection failed or was cut\n"


def test_check_sends_no_token_over_plain_http(
    inside: Cli, binding: LocalBinding, vault: Vault
) -> None:
    vault.put_token()

    ended = inside("check", binding.token_secret, "--url", "http://api.example/hello")

    assert ended.returncode == 2
    assert "must use https" in ended.stderr


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        (None, "has no AWSCURRENT value yet; has the rotator run?"),
        ("not JSON", "is not a JSON object"),
        ('{"access_token": "canary"}', "neither expires_at nor expires_at_epoch"),
        ("expired", "token expired at"),
    ],
)
def test_nothing_usable_ends_with_six(
    *,
    inside: Cli,
    binding: LocalBinding,
    vault: Vault,
    command: str,
    stored: str | None,
    problem: str,
) -> None:
    if stored == "expired":
        vault.put_token(age=timedelta(hours=25))
    elif stored is not None:
        vault.put(stored)

    ended = inside(command, binding.token_secret)

    [line] = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (6, "")
    assert line.startswith(f"rotator {command}: secret {binding.token_secret}: ")
    assert problem in line
    assert "canary" not in line


def test_exec_starts_nothing_without_a_token(
    inside: Cli, binding: LocalBinding, vault: Vault
) -> None:
    vault.put_token(age=timedelta(hours=25))

    ended = inside("exec", binding.token_secret, "--", "echo", "started")

    assert (ended.returncode, ended.stdout) == (6, "")


def test_previous_token_serves_while_the_current_one_is_unusable(
    inside: Cli, binding: LocalBinding, vault: Vault
) -> None:
    vault.put_token()
    vault.put("spoiled by hand")

    ended = inside("token", binding.token_secret)

    assert (ended.returncode, ended.stdout) == (0, f"{TOKEN}\n")


def test_secret_that_is_missing_ends_with_five(inside: Cli) -> None:
    ended = inside("token", "test/no-such-secret")

    assert ended.returncode == 5
    assert "secret test/no-such-secret: does not exist" in ended.stderr


@pytest.mark.parametrize("unbuffered", [None, "1"])
@pytest.mark.parametrize("command", ["token", "run", "--help"])
def test_reader_that_has_gone_is_no_error(
    binding: LocalBinding,
    vault: Vault,
    aws_env: dict[str, str],
    command: str,
    unbuffered: str | None,
) -> None:
    vault.put_token()
    args = {"token": (binding.token_secret,), "run": binding.selectors, "--help": ()}[command]
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
    binding: LocalBinding, vault: Vault, aws_env: dict[str, str]
) -> None:
    vault.put_token()

    ended = sh('$ROTATOR token "$1" | head -c 1', binding.token_secret, env=aws_env)

    assert (ended.stdout, ended.stderr) == (TOKEN[0], "")


def test_failed_run_is_one_even_if_nobody_reads_what_it_says(
    binding: LocalBinding, vault: Vault, aws_env: dict[str, str], local_ims: RemoteIms
) -> None:
    vault.put_token(age=timedelta(hours=25))
    local_ims.configure(behaviour="throttled", retry_after_s=600)

    ended = sh(
        '{ $ROTATOR run "$@" 2>/dev/null; echo $? >&2; } | :', *binding.selectors, env=aws_env
    )

    assert ended.stderr == "4\n"


def test_streams_that_are_closed_do_not_stop_the_job(
    binding: LocalBinding, vault: Vault, aws_env: dict[str, str]
) -> None:
    assert vault.versions() == {}

    ended = sh('$ROTATOR run "$@" <&- >&- 2>&-', *binding.selectors, env=aws_env)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert vault.fields()["client_id"] == binding.client_id


ONLY_LINUX = pytest.mark.skipif(
    not os.path.exists("/dev/full"),  # noqa: PTH110
    reason="only Linux has /dev/full",
)


@ONLY_LINUX
def test_log_that_cannot_be_written_does_not_stop_a_rotation(
    binding: LocalBinding, vault: Vault, aws_env: dict[str, str]
) -> None:
    # A warning comes before the token is published, the outcome's event after it.
    vault.put_credentials(client_secret=["wrong", binding.client_secret])

    ended = sh('$ROTATOR run "$@" 2>/dev/full', *binding.selectors, env=aws_env)

    assert ended.returncode == 0
    assert ended.stdout.startswith("rotated: token missing")
    assert vault.fields()["client_id"] == binding.client_id


@ONLY_LINUX
def test_code_of_a_failure_is_right_even_if_nothing_can_be_said_of_it(
    binding: LocalBinding, vault: Vault, aws_env: dict[str, str]
) -> None:
    assert vault.versions() == {}

    ended = sh('$ROTATOR token "$1" 2>/dev/full', binding.token_secret, env=aws_env)

    assert ended.returncode == 6


@ONLY_LINUX
def test_token_that_does_not_get_where_it_should_is_an_error(
    binding: LocalBinding, vault: Vault, aws_env: dict[str, str]
) -> None:
    vault.put_token()

    ended = sh('$ROTATOR token "$1" >/dev/full', binding.token_secret, env=aws_env)

    [line] = ended.stderr.splitlines()
    assert ended.returncode == 1
    assert line.startswith("rotator token: standard output: cannot be written (")
