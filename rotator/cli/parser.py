"""Parses the command line; its errors name options and never quote values."""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rotator.cli.exit_codes import EXIT_CODES
from rotator.errors import ConfigError, name_hint, replace_error

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build_parser", "parse"]

_MODULES = {
    "run": "run",
    "init": "init",
    "credentials": "credentials",
    "rotate-client-secret": "rotate_client_secret",
    "status": "status",
    "token": "consume",
    "headers": "consume",
    "env": "consume",
    "exec": "execute",
    "check": "check",
    "demo": "demo",
}
"""Each command, and the module that adds it; in the order of `rotator --help`."""

_DESCRIPTION = """\
Keeps a valid OAuth 2.0 client-credentials token in AWS Secrets Manager.
The job is `rotator run`, which a scheduler starts at any interval; the other
commands set it up, monitor it, or read the token. Each has an example in its
own --help. AWS settings come from the standard variables of its SDK
(AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL, ...)."""

# Only an argument that looks like an option is quoted in errors: any other may be a secret.
_PLAIN_OPTION = r"--[a-z][a-z-]{1,24}(?==|$)"


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The parsed command line, with `command` and `run`; raises ConfigError for a wrong one."""
    parser = build_parser(argv[0] if argv and argv[0] in _MODULES else None)
    # What follows `--` is the command line of another program (`rotator exec`).
    end = argv.index("--") if "--" in argv else len(argv)
    command = parser.find_command(argv[:end])
    args, unknown_args = replace_error(  # argparse's error quotes the arguments
        lambda: parser.parse_known_args(argv[:end]),
        argparse.ArgumentError,
        lambda error: ConfigError(command.find_problem(error.argument_name)),
    )
    args.argv = list(argv[end + 1 :])
    if args.argv and args.command != "exec":
        unknown_args += args.argv
    problem = None
    unknown = next(filter(None, map(_unknown_option, unknown_args)), None)
    if unknown is not None:
        problem = f"unknown option {unknown}"
    elif not hasattr(args, "run"):
        known = ", ".join(command.command_names)
        problem = f"the command is missing; known are {known}"
    elif unknown_args:
        is_exec = args.command == "exec"
        problem = "the command goes after --" if is_exec else "one argument too many"
    if problem is not None:
        raise ConfigError(f"{problem}; see {command.prog} --help")
    return args


def build_parser(command: str | None = None) -> _Parser:
    """The parser of the whole command line; completions and the manual page are made from it too.

    With `command` it has that command alone: importing the others would take a tenth of the time of
    a run that is not due, not counting the AWS SDK.
    """
    parser = _Parser(
        prog="rotator",
        description=_DESCRIPTION,
        epilog="exit codes:\n" + "\n".join(f"  {c}  {text}" for c, text in EXIT_CODES.items()),
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    modules = dict.fromkeys(_MODULES.values()) if command is None else (_MODULES[command],)
    for module in modules:
        import_module(f"rotator.cli.{module}").add_to(commands)
    return parser


def _unknown_option(text: str) -> str | None:
    option = re.match(_PLAIN_OPTION, text)
    return option[0] if option else None


class _Parser(argparse.ArgumentParser):
    """Leaves the wording of errors to `parse`; see docs/decisions/0014-command-line.md."""

    def __init__(self, **settings: Any) -> None:
        self._actions_by_name: dict[str, argparse.Action] = {}
        self._commands: dict[str, _Parser] = {}
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**settings, allow_abbrev=False, exit_on_error=False)
        self.register("action", None, _Once)
        self.register("action", "store", _Once)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """As inherited; remembers the action by its name in an `ArgumentError`."""
        action = super().add_argument(*names, **settings)
        self._actions_by_name["/".join(action.option_strings) or str(action.metavar)] = action
        return action

    def add_subparsers(self, **settings: Any) -> argparse._SubParsersAction[Any]:
        """As inherited, with parsers of this kind."""
        action = super().add_subparsers(parser_class=_Parser, **settings)
        self._commands = action.choices  # which grows with every `add_parser`
        return action

    @property
    def command_names(self) -> tuple[str, ...]:
        """The names of its own commands."""
        return tuple(self._commands)

    def find_command(self, argv: Sequence[str]) -> _Parser:
        """The parser of the innermost command in `argv`; raises ConfigError for an unknown one."""
        if not self._commands or not argv or argv[0].startswith("-"):
            return self
        if argv[0] not in self._commands:
            hint = name_hint(argv[0], self._commands)
            raise ConfigError(f"unknown command; {hint}; see {self.prog} --help")
        return self._commands[argv[0]].find_command(argv[1:])

    def find_problem(self, argument_name: str | None) -> str:
        """The message for the argument that argparse has named in an error."""
        action = self._actions_by_name.get(argument_name or "")
        name = action.option_strings[-1] if action else ""
        if action is None:
            problem = "unknown command"
        elif action.nargs == 0:
            problem = f"{name}: takes no value"
        elif action.choices is not None:
            problem = f"{name}: must be one of {', '.join(action.choices)}"
        else:
            problem = f"{name}: its value is missing, or begins with -"
        return f"{problem}; see {self.prog} --help"


class _Once(argparse.Action):
    """Takes one value; to take the last of several would ignore the others in silence.

    Each command line has a parser of its own.
    """

    _is_there = False

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        if option_string is not None and self._is_there:
            problem = f"{option_string}: is there twice; pass it once"
            raise ConfigError(f"{problem}; see {parser.prog} --help")
        self._is_there = True
        setattr(namespace, self.dest, values)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        import rotator

        print(f"rotator {rotator.__version__}")
        parser.exit()
