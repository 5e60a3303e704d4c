"""`rotator exec`: a command with the token in its environment."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.local.binding import LocalBinding
from tests.integration.cli.rig import Cli, sh
from tests.integration.cli.vault import Vault

TOKEN = "canary-stored-token"


def test_command_gets_the_token_and_its_own_arguments(cli: Cli, fresh: Vault) -> None:
    script = 'printf "%s|%s|%s|%s" "$P_ACCESS_TOKEN" "$P_CLIENT_ID" "$1" "$MINE"'

    ended = cli(
        *("exec", fresh.token_secret, "--prefix", "P"),
        *("--", "sh", "-c", script, "sh", "--flag"),
        env={"MINE": "kept"},
    )

    assert ended.returncode == 0
    assert ended.stdout == f"{TOKEN}|{fresh.client_id}|--flag|kept"


def test_command_reads_standard_input_and_ends_with_its_own_code(cli: Cli, fresh: Vault) -> None:
    ended = cli("exec", fresh.token_secret, "--", "sh", "-c", "cat; exit 42", stdin="piped")

    assert (ended.returncode, ended.stdout) == (42, "piped")


def test_command_takes_the_place_of_rotator(fresh: Vault, aws_env: dict[str, str]) -> None:
    script = 'trap "exit 7" USR1; echo $$; while :; do sleep 0.05; done'
    with subprocess.Popen(
        [sys.executable, "-m", "rotator", "exec", fresh.token_secret, "--", "sh", "-c", script],
        env=aws_env,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGUSR1)
        assert process.wait(30) == 7


@pytest.mark.parametrize("name", ["PIPE", "TERM", "INT"])
def test_command_meets_signals_as_a_shell_would_have_it(cli: Cli, fresh: Vault, name: str) -> None:
    ended = cli("exec", fresh.token_secret, "--", "sh", "-c", f"kill -{name} $$; echo survived")

    assert ended.stdout == ""
    assert ended.returncode == -signal.Signals[f"SIG{name}"]


@pytest.mark.parametrize(
    ("command", "code", "problem"),
    [
        ("no-such-command", 127, "is not found; check the name and PATH"),
        (os.devnull, 126, "cannot be executed; check its permissions"),
        ("/", 126, "is a directory; pass a program"),
        ("/dev/null/job", 127, "is not found; check the name and PATH"),
    ],
)
def test_command_that_cannot_run_gets_the_shells_code(
    *, cli: Cli, fresh: Vault, command: str, code: int, problem: str
) -> None:
    ended = cli("exec", fresh.token_secret, "--", command)

    assert ended.returncode == code
    assert ended.stderr == f"rotator exec: {command}: {problem}\n"


def test_empty_command_is_not_found_and_not_said_to_hold_anything(cli: Cli, fresh: Vault) -> None:
    """As a shell ends with 127 for a command name that is empty."""
    ended = cli("exec", fresh.token_secret, "--", "")

    assert ended.returncode == 127
    assert ended.stderr == "rotator exec: the command is empty; pass its name after --\n"


@pytest.mark.parametrize(
    ("command", "shown"), [("first\nsecond", "first\\nsecond"), ("x" * 5000, "x" * 200)]
)
def test_name_of_a_command_that_cannot_run_is_one_short_line(
    inside: Cli, fresh: Vault, command: str, shown: str
) -> None:
    [line] = inside("exec", fresh.token_secret, "--", command).stderr.splitlines()

    assert line.startswith(f"rotator exec: {shown}: ")


def test_command_that_cannot_run_leaves_the_signals_of_the_caller_as_they_were(
    inside: Cli, fresh: Vault
) -> None:
    before = signal.getsignal(signal.SIGPIPE)

    assert inside("exec", fresh.token_secret, "--", "/no/such/command").returncode == 127

    assert signal.getsignal(signal.SIGPIPE) is before


@pytest.mark.parametrize("args", [(), ("--",)])
def test_exec_needs_a_command(inside: Cli, binding: LocalBinding, args: tuple[str, ...]) -> None:
    ended = inside("exec", binding.token_secret, *args)

    assert ended.returncode == 2
    assert ended.stderr == (
        "rotator exec: the command is missing; pass it after --, as in rotator exec ID -- CMD\n"
    )


def test_exec_starts_nothing_without_a_token(inside: Cli, vault: Vault) -> None:
    vault.put_token(age=timedelta(hours=25))

    ended = inside("exec", vault.token_secret, "--", "echo", "started")

    assert (ended.returncode, ended.stdout) == (6, "")


def script(folder: Path, text: str) -> str:
    path = folder / "job"
    path.write_bytes(text.encode())
    path.chmod(0o755)
    return str(path)


def test_script_that_names_no_interpreter_is_run_by_the_shell(
    cli: Cli, fresh: Vault, tmp_path: Path
) -> None:
    path = script(tmp_path, 'printf "%s|%s|%s" "$0" "$1" "$ACCESS_TOKEN"\n')

    ended = cli("exec", fresh.token_secret, "--", path, "one")

    assert (ended.returncode, ended.stdout) == (0, f"{path}|one|{TOKEN}")


def test_script_is_found_by_path(cli: Cli, fresh: Vault, tmp_path: Path) -> None:
    script(tmp_path, "echo found\n")

    ended = cli("exec", fresh.token_secret, "--", "job", env={"PATH": f"/nowhere:{tmp_path}"})

    assert (ended.returncode, ended.stdout) == (0, "found\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("#!/bin/sh\r\necho never\r\n", "Windows line ending"),
        ("#!/no/such/interpreter\necho never\n", "interpreter that its first line names"),
    ],
)
def test_file_that_exists_is_not_called_missing(
    *, inside: Cli, fresh: Vault, tmp_path: Path, text: str, says: str
) -> None:
    ended = inside("exec", fresh.token_secret, "--", script(tmp_path, text))

    [line] = ended.stderr.splitlines()
    assert ended.returncode == 126
    assert says in line
    assert "not found" not in line


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux has /proc")
@pytest.mark.parametrize("trap", ["", "trap '' TERM; ", "trap '' HUP PIPE; "])
def test_command_starts_with_the_signals_of_a_plain_child(
    fresh: Vault, aws_env: dict[str, str], trap: str
) -> None:
    look = 'grep -E "^Sig(Ign|Blk)" /proc/self/status'

    plain = sh(f"{trap.replace(' PIPE', '')}{look}", env=aws_env)
    ended = sh(f'{trap}$ROTATOR exec "$1" -- {look}', fresh.token_secret, env=aws_env)

    assert ended.stdout == plain.stdout


def test_stale_variables_do_not_reach_the_command(cli: Cli, vault: Vault) -> None:
    vault.put_token(client_id=None)
    stale = dict.fromkeys(("P_ACCESS_TOKEN", "P_CLIENT_ID", "P_EXPIRES_AT"), "of-yesterday")

    ended = cli("exec", vault.token_secret, "--prefix", "P", "--", "env", env=stale)

    assert "of-yesterday" not in ended.stdout
    assert f"P_ACCESS_TOKEN={TOKEN}\n" in ended.stdout
    assert f"P_EXPIRES_AT={vault.fields()['expires_at']}\n" in ended.stdout
