"""`rotator token`, `headers` and `env`: print the current token for shells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rotator.cli.exit_codes import EXIT_OK
from rotator.cli.selectors import add_token_secret, named_token_secret
from rotator.cli.shells import FORMATS
from rotator.errors import ConfigError, TokenUnavailable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from datetime import timedelta

    from rotator.reader import Snapshot

__all__ = ["add_consumer", "add_prefix", "add_to", "read_token", "token_variables"]

_EXAMPLE = """\
example, in a script that must not go on without a token:
  token=$(rotator token adobe/token --min-life 10m) || exit"""

_HEADERS_EXAMPLE = """\
example, in a script that must not call without a token:
  headers=$(rotator headers adobe/token) || exit
  printf '%s\\n' "$headers" | curl --fail -H @- "$URL"
If rotator fails in a pipe, curl still sends the request, without a token, unless
`set -o pipefail` is on."""

_ENV_EXAMPLE = """\
example, in a script that must not go on with an old token:
  vars=$(rotator env adobe/token --prefix PS_FF_SERVICES) && eval "$vars" || exit
sets PS_FF_SERVICES_ACCESS_TOKEN, PS_FF_SERVICES_CLIENT_ID and
PS_FF_SERVICES_EXPIRES_AT (RFC 3339, UTC). `eval "$(rotator env ...)"` goes on
when rotator fails, even under `set -e`. In fish:
  set vars (rotator env adobe/token --format fish | string collect); and eval $vars"""


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands to the parser."""
    add_consumer(commands, "token", _token, does="print the current access token", epilog=_EXAMPLE)
    add_consumer(
        commands,
        "headers",
        _headers,
        does="print the request headers, for curl -H @-",
        epilog=_HEADERS_EXAMPLE,
    )
    env = add_consumer(
        commands,
        "env",
        _env,
        does="print the token as variables, for a shell or as dotenv or JSON",
        epilog=_ENV_EXAMPLE,
    )
    add_prefix(env)
    env.add_argument(
        "--format", choices=tuple(FORMATS), default="sh", help="the output format (default: sh)"
    )


def add_consumer(
    commands: argparse._SubParsersAction[Any],
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    does: str,
    epilog: str,
) -> argparse.ArgumentParser:
    """Add a command that reads the token; `does` is its help, `run` what it calls."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=does, description=f"{does[0].upper()}{does[1:]}.", epilog=epilog
    )
    add_token_secret(parser)
    parser.add_argument(
        "--min-life",
        metavar="DURATION",
        help="exit with 6 if the token expires sooner than this, such as 10m",
    )
    parser.set_defaults(run=run)
    return parser


def add_prefix(parser: argparse.ArgumentParser) -> None:
    """Add `--prefix`, which names the variables."""
    parser.add_argument(
        "--prefix",
        metavar="PREFIX",
        help="name the variables PREFIX_ACCESS_TOKEN, PREFIX_CLIENT_ID and PREFIX_EXPIRES_AT;"
        " without it they have no prefix",
    )


def read_token(args: argparse.Namespace) -> Snapshot:
    """The current token with its expiry and client id; raises as `TokenReader` does.

    Raises TokenUnavailable too for a token that expires sooner than `--min-life`.
    """
    secret_id = named_token_secret(args)
    typed: str | None = getattr(args, "min_life", None)
    from rotator.config.given import Given, parse_span
    from rotator.reader import TokenReader

    min_life = None if typed is None else parse_span(Given(typed, "--min-life"))
    with TokenReader(secret_id, background=False) as reader:
        snapshot = reader.current()
    if typed is not None and min_life is not None:
        _check_life(snapshot, min_life, typed=typed, secret_id=secret_id)
    return snapshot


def token_variables(args: argparse.Namespace) -> dict[str, str | None]:
    """The variables of `env` and `exec` by name; None for one to unset.

    Raises ConfigError for a prefix that no variable can have, and as `read_token` does.
    """
    prefix = args.prefix
    if prefix is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", prefix, re.ASCII):
        raise ConfigError("--prefix: is not a valid variable name; use letters, digits and _")
    from rotator.model.instants import format_instant

    start = f"{prefix}_" if prefix else ""
    snapshot = read_token(args)
    return {
        f"{start}ACCESS_TOKEN": snapshot.token,
        f"{start}CLIENT_ID": snapshot.client_id,
        f"{start}EXPIRES_AT": format_instant(snapshot.expires_at),
    }


def _token(args: argparse.Namespace) -> int:
    print(read_token(args).token)
    return EXIT_OK


def _headers(args: argparse.Namespace) -> int:
    for name, value in read_token(args).headers().items():
        print(f"{name}: {value}")
    return EXIT_OK


def _env(args: argparse.Namespace) -> int:
    print(FORMATS[args.format](token_variables(args)))
    return EXIT_OK


def _check_life(snapshot: Snapshot, min_life: timedelta, *, typed: str, secret_id: str) -> None:
    from rotator.clock import SYSTEM_CLOCK
    from rotator.model.instants import format_duration

    remaining = snapshot.expires_at - SYSTEM_CLOCK.now()
    if remaining < min_life:
        raise TokenUnavailable(
            f"secret {secret_id}: its token expires in {format_duration(remaining)}, sooner than"
            f" --min-life {typed.strip()}; see `rotator status {secret_id}`, or ask for less",
            expires_at=snapshot.expires_at,
        )
