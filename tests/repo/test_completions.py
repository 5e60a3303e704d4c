"""Completion scripts and manual page say what the command line takes today."""

import argparse
import subprocess

import pytest

from infra.completions import FILES, arguments, commands, grammar_digest
from rotator.cli.parser import build_parser


def options() -> list[tuple[str, str]]:
    return [
        (command.prog, max(action.option_strings, key=len))
        for command in commands(build_parser())
        for action in arguments(command)
        if action.option_strings
    ]


def parser_of(name: str) -> argparse.ArgumentParser:
    return next(parser for parser in commands(build_parser()) if parser.prog == name)


@pytest.mark.parametrize("kind", FILES)
def test_file_was_made_of_the_grammar_as_it_is(kind: str) -> None:
    text = FILES[kind].read_text("utf-8")

    assert f"grammar {grammar_digest(build_parser())}" in text, "run make completions"


@pytest.mark.parametrize("kind", FILES)
def test_file_names_every_option(kind: str) -> None:
    # fish writes `-l name`, and roff a hyphen with a backslash.
    text = FILES[kind].read_text("utf-8").replace("\\-", "-").replace("-l ", "--")

    assert [option for _, option in options() if option not in text] == []


def test_grammar_knows_of_every_change() -> None:
    before = grammar_digest(build_parser())
    changed = build_parser()
    command = next(parser for parser in commands(changed) if parser.prog == "rotator run")
    command.add_argument("--new", help="something new")

    assert grammar_digest(changed) != before


def test_silent_alias_is_told_to_nobody() -> None:
    assert "--tick" not in {option for _, option in options()}
    assert all("--tick" not in path.read_text("utf-8") for path in FILES.values())
    assert parser_of("rotator run").parse_args(["--tick", "5m"]).tick == "5m"


def test_bash_completes_commands_options_and_known_values() -> None:
    script = """
        . "$1"
        complete_line() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _rotator
            echo "${COMPREPLY[@]}"
        }
        complete_line rotator cred
        complete_line rotator run --probe-u
        complete_line rotator init --provider ad
        complete_line rotator credentials set adobe/credentials --scope f
    """

    ended = subprocess.run(
        ["/bin/bash", "-c", script, "bash", str(FILES["bash"])],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stdout.splitlines() == ["credentials", "--probe-url", "adobe-ims", "firefly"], (
        ended.stderr
    )


def test_option_with_known_values_takes_others_too() -> None:
    args = ["--provider", "mine", "--scope", "openid,AdobeID"]

    taken = parser_of("rotator init").parse_args(args)

    assert (taken.provider, taken.scope) == ("mine", "openid,AdobeID")


def test_headings_of_the_manual_page_are_in_capitals() -> None:
    lines = FILES["man"].read_text("utf-8").splitlines()
    headings = [line.removeprefix(".SH ") for line in lines if line.startswith(".SH ")]

    assert headings[0] == "NAME"
    assert [each for each in headings if not each.isupper()] == []
