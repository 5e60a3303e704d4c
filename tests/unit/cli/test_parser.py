"""The grammar of the command line, and what it says of a wrong one."""

import re

import pytest

from rotator.cli.parser import build_parser, parse
from rotator.errors import ConfigError

CANARY = "p8e-canary"
KNOWN = (
    "known are run, init, credentials, rotate-client-secret, status, token, headers, env, exec,"
    " check, demo"
)
KNOWN_ACTIONS = "known are show, set, add, remove"
MISSING = "its value is missing, or begins with -"
FORMATS = "must be one of sh, fish, powershell, dotenv, json"
COMMANDS = (
    "run",
    "init",
    "credentials",
    "status",
    "token",
    "headers",
    "env",
    "exec",
    "check",
    "demo",
    "rotate-client-secret",
)
ACTIONS = ("show", "set", "add", "remove")


def refusal(*argv: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(argv)
    assert caught.value.__context__ is None
    return str(caught.value)


def helped(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as caught:
        parse([*argv, "--help"])
    assert caught.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", [*COMMANDS, *(f"credentials {name}" for name in ACTIONS)])
def test_every_command_has_help_with_an_example(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    text = helped(capsys, *command.split())

    assert "example" in text
    assert f"rotator {command}" in text.partition("example")[2]
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_parser_of_one_command_says_what_that_of_all_says(command: str) -> None:
    parsers = (build_parser(command), build_parser())

    assert len({each.find_command([command]).format_help() for each in parsers}) == 1


def test_help_lists_every_command_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    text = helped(capsys)

    for command in COMMANDS:
        assert re.search(rf"\n    {command}\s", text)
    for code in range(7):
        assert f"\n  {code}  " in text


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["--version"])

    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("rotator 0.")


def test_options_of_run_are_read() -> None:
    args = parse(["run", "--credentials-secret", "c", "--token-secret=t", "--force", "--json"])

    assert (args.command, args.credentials_secret, args.token_secret) == ("run", "c", "t")
    assert (args.force, args.json, args.dry_run) == (True, True, False)
    assert (args.cadence, args.interval, args.probe_url) == (None, None, None)


def test_what_follows_two_dashes_is_the_commands_own() -> None:
    args = parse(["exec", "t", "--prefix", "P", "--", "curl", "--prefix", "X", "--", "-h"])

    assert (args.id, args.prefix) == ("t", "P")
    assert args.argv == ["curl", "--prefix", "X", "--", "-h"]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ((), f"the command is missing; {KNOWN}; see rotator --help"),
        (("--frobnicate",), "unknown option --frobnicate; see rotator --help"),
        (("--x", "run"), "one argument too many; see rotator --help"),
        (("stats",), "unknown command; did you mean status?; see rotator --help"),
        (("rnu",), "unknown command; did you mean run?; see rotator --help"),
        (("xyz",), f"unknown command; {KNOWN}; see rotator --help"),
        (("cred",), "unknown command; did you mean credentials?; see rotator --help"),
        (("run", "--cadense", "23h"), "unknown option --cadense; see rotator run --help"),
        (("run", "--cad", "23h"), "unknown option --cad; see rotator run --help"),
        (("run", "more"), "one argument too many; see rotator run --help"),
        (("run", "--", "more"), "one argument too many; see rotator run --help"),
        (("exec", "t", "ls"), "the command goes after --; see rotator exec --help"),
        (("run", "--cadence"), f"--cadence: {MISSING}; see rotator run --help"),
        (("run", "--cadence", "-h1"), f"--cadence: {MISSING}; see rotator run --help"),
        (("run", "--force=x"), "--force: takes no value; see rotator run --help"),
        (("env", "--format", "csh"), f"--format: {FORMATS}; see rotator env --help"),
        (("env", "--format"), f"--format: {FORMATS}; see rotator env --help"),
        (("token", "a", "b"), "one argument too many; see rotator token --help"),
        (
            ("credentials",),
            f"the command is missing; {KNOWN_ACTIONS}; see rotator credentials --help",
        ),
        (
            ("credentials", "undo", "adobe/credentials"),
            f"unknown command; {KNOWN_ACTIONS}; see rotator credentials --help",
        ),
        (
            ("credentials", "sett"),
            "unknown command; did you mean set?; see rotator credentials --help",
        ),
        (
            ("credentials", "show", "--jsn"),
            "unknown option --jsn; see rotator credentials show --help",
        ),
        (
            ("credentials", "set", "--scope"),
            f"--scope: {MISSING}; see rotator credentials set --help",
        ),
    ],
)
def test_wrong_command_line_is_named_with_the_way_out(argv: tuple[str, ...], says: str) -> None:
    assert refusal(*argv).endswith(says)


@pytest.mark.parametrize(
    "argv",
    [
        (CANARY,),
        (f"--{CANARY}",),
        ("init", CANARY),
        ("--version-x", CANARY),
        ("env", "--format", CANARY),
        ("status", "a", CANARY),
        ("init", "--client-secret", CANARY),
        ("init", f"--client-secret={CANARY}"),
        ("init", f"--{CANARY}"),
        ("init", f"--{CANARY}=x"),
        ("init", f"-{CANARY}"),
        ("init", f"--bind-only={CANARY}"),
        ("init", f"--bind-only='{CANARY}\n{CANARY}'"),
        ("init", "--", CANARY),
        ("run", f"--force={CANARY}"),
    ],
)
def test_what_was_typed_is_never_repeated(argv: tuple[str, ...]) -> None:
    said = refusal(*argv)

    assert CANARY not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "argv",
    [
        ("credentials", "set", "--scope", "basic", "--scope", "firefly"),
        ("run", "--token-secret", "one", "--token-secret=two"),
        ("env", "--format", "sh", "--format", "sh"),
    ],
)
def test_option_that_is_there_twice_is_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"--[a-z-]+: is there twice; pass it once; see rotator "):
        parse(argv)
