"""The grammar of the command line; its errors name options and never quote what was given."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any, NoReturn

from rotator.cli import check, consume, demo, init, run, status
from rotator.cli.exit_codes import EXIT_CODES
from rotator.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["parse"]

_COMMANDS = (run, init, status, consume, check, demo)

_DESCRIPTION = """\
Keeps a valid OAuth 2.0 client-credentials token in AWS Secrets Manager.
The job is `rotator run`, started by a scheduler at any tick; everything else
reads. AWS is found by the standard variables of its SDK (AWS_REGION,
AWS_PROFILE, AWS_ENDPOINT_URL, ...)."""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The parsed command line, with `command` and `run`; raises ConfigError for a wrong one."""
    parser = _Parser(
        prog="rotator",
        description=_DESCRIPTION,
        epilog="exit codes:\n" + "\n".join(f"  {c}  {text}" for c, text in EXIT_CODES.items()),
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=_Parser
    )
    for module in _COMMANDS:
        module.add_to(commands)
    # What follows `--` is somebody else's command line (`rotator exec`).
    end = argv.index("--") if "--" in argv else len(argv)
    problem = None
    try:
        args, strangers = parser.parse_known_args(argv[:end])
    except ConfigError as error:
        problem = str(error)
    if problem is not None:  # raised anew: argparse's own error, with what was typed, hangs on it
        raise ConfigError(problem)
    args.argv = list(argv[end + 1 :])
    if args.argv and args.command != "exec":
        strangers += args.argv
    if strangers:
        names = (re.match(r"--[a-z][a-z-]{1,24}(?==|$)", text) for text in strangers)
        unknown = next(filter(None, names), None)
        many = "the command goes after --" if args.command == "exec" else "one argument too many"
        problem = f"unknown option {unknown[0]}" if unknown else many
        raise ConfigError(f"{problem}; see rotator {args.command} --help")
    return args


class _Parser(argparse.ArgumentParser):
    """Raises our own error, and takes what was typed out of the message: it may be a secret."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**{**options, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Called by argparse for every mistake."""
        if message.startswith("argument COMMAND: invalid choice"):
            typed = re.search(r"'([a-z]{1,12})'", message)
            names = [name for module in _COMMANDS for name in module.NAMES]
            meant = did_you_mean(typed[1], names) if typed else None
            hint = f"; did you mean {meant}?" if meant else ""
            raise ConfigError(f"unknown command{hint}; see rotator --help")
        text = re.sub(r":? (['\"]).*\1", "", message, flags=re.DOTALL)
        missing = r"\1: its value is missing, or begins with -"
        text = re.sub(r"argument (\S+): expected one argument", missing, text)
        text = re.sub(r"argument (\S+): ignored explicit argument", r"\1: takes no value", text)
        raise ConfigError(f"{text}; see {self.prog} --help")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        import rotator

        print(f"rotator {rotator.__version__}")
        parser.exit()
