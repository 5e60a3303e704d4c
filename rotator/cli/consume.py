"""`rotator token`, `headers`, `env` and `exec`: the current token, for shells."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
from typing import TYPE_CHECKING, Any

from rotator.aws.secret_ids import checked_secret_id
from rotator.cli.exit_codes import EXIT_OK
from rotator.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from rotator.reader import Snapshot

__all__ = ["NAMES", "add_to", "read_token"]

NAMES = ("token", "headers", "env", "exec")

# The shell's own codes for a command that cannot be run and one that does not exist.
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands to the parser."""
    _add(
        commands,
        "token",
        _token,
        does="print the current access token",
        epilog="example:\n  TOKEN=$(rotator token adobe/token)",
    )
    _add(
        commands,
        "headers",
        _headers,
        does="print the request headers, for curl -H @-",
        epilog='example:\n  rotator headers adobe/token | curl -H @- "$URL"',
    )
    env = _add(
        commands,
        "env",
        _env,
        does="print export lines for a shell",
        epilog='example:\n  eval "$(rotator env adobe/token --prefix PS_FF_SERVICES)"\n'
        "sets PS_FF_SERVICES_ACCESS_TOKEN and PS_FF_SERVICES_CLIENT_ID",
    )
    child = _add(
        commands,
        "exec",
        _exec,
        does="run a command with the token in its environment",
        epilog="example:\n  rotator exec adobe/token --prefix PS_FF_SERVICES -- ./job.sh\n"
        "The command takes rotator's place: its exit code and signals are its own.",
    )
    for parser in (env, child):
        parser.add_argument(
            "--prefix",
            metavar="PREFIX",
            help="PREFIX_ACCESS_TOKEN and PREFIX_CLIENT_ID; without it ACCESS_TOKEN and CLIENT_ID",
        )
    child.usage = "rotator exec [-h] [--prefix PREFIX] ID -- CMD [ARG ...]"


def _add(
    commands: argparse._SubParsersAction[Any],
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    does: str,
    epilog: str,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=does, description=f"{does[0].upper()}{does[1:]}.", epilog=epilog
    )
    parser.add_argument("token_secret", metavar="ID", help="name or ARN of the token secret")
    parser.set_defaults(run=run)
    return parser


def read_token(secret_id: str) -> Snapshot:
    """The current token and what its secret says of it; raises as `TokenReader` does."""
    from rotator.reader import TokenReader

    with TokenReader(checked_secret_id("ID", secret_id), background=False) as reader:
        return reader.current()


def _token(args: argparse.Namespace) -> int:
    print(read_token(args.token_secret).token)
    return EXIT_OK


def _headers(args: argparse.Namespace) -> int:
    for name, value in read_token(args.token_secret).headers().items():
        print(f"{name}: {value}")
    return EXIT_OK


def _env(args: argparse.Namespace) -> int:
    for name, value in _variables(args).items():
        print(f"export {name}={shlex.quote(value)}")
    return EXIT_OK


def _exec(args: argparse.Namespace) -> int:
    if not args.argv:
        raise ConfigError("the command is missing; give it after --")
    variables = _variables(args)
    command = args.argv[0]
    # Python ignores it, and what is ignored stays so: `| head` would not end the command.
    ours = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvpe(command, args.argv, {**os.environ, **variables})  # noqa: S606 - what it is for
    except FileNotFoundError:
        code, problem = _NOT_FOUND, "is not found"
    except (OSError, ValueError):  # no program, no permission, or an argument that cannot be one
        code, problem = _NOT_EXECUTABLE, "cannot be executed"
    signal.signal(signal.SIGPIPE, ours)  # whoever called us goes on
    print(f"rotator exec: {command}: {problem}", file=sys.stderr)
    return code


def _variables(args: argparse.Namespace) -> dict[str, str]:
    prefix = args.prefix
    if prefix is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", prefix, re.ASCII):
        raise ConfigError("--prefix: is no name of a variable; take letters, digits and _")
    start = f"{prefix}_" if prefix else ""
    snapshot = read_token(args.token_secret)
    variables = {f"{start}ACCESS_TOKEN": snapshot.token}
    if snapshot.client_id is not None:
        variables[f"{start}CLIENT_ID"] = snapshot.client_id
    return variables
