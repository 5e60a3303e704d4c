"""`rotator check`: one API call with the current token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.cli.consume import read_token
from rotator.cli.exit_codes import EXIT_CONFIGURATION, EXIT_OK, EXIT_REFUSED, EXIT_TEMPORARY
from rotator.cli.selectors import add_token_secret
from rotator.cli.terminal import printable
from rotator.errors import ConfigError

if TYPE_CHECKING:
    import argparse

__all__ = ["add_to"]

_EXAMPLE = """\
example:
  rotator check adobe/token --url https://image.adobe.io/pie/psdService/hello

Sends `Authorization: Bearer` and `x-api-key`, follows no redirect, and prints
the status and the body. Exit codes: 0 for 2xx; 3 for 401 and 403; 4 for 429,
5xx and no response; 2 for the rest: the URL or the request is wrong."""


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "check",
        help="call an API with the current token",
        description="Make one authenticated GET with the current token, and print the response.",
        epilog=_EXAMPLE,
    )
    add_token_secret(parser)
    parser.add_argument("--url", metavar="URL", help="the API to call (https, or loopback)")
    parser.set_defaults(run=_check)


def _check(args: argparse.Namespace) -> int:
    if args.url is None:
        raise ConfigError("--url: missing; pass the API to call")
    from rotator.model.secret import Secret
    from rotator.rotation.probe import REJECTION_STATUSES, call_api

    snapshot = read_token(args)
    response = call_api(args.url, token=Secret(snapshot.token), client_id=snapshot.client_id)
    print(f"HTTP {response.status}")
    if response.body:
        print(printable(response.body))
    return EXIT_REFUSED if response.status in REJECTION_STATUSES else _code(response.status)


def _code(status: int) -> int:
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP
        return EXIT_OK
    if status == 429 or status >= 500:  # noqa: PLR2004 - HTTP
        return EXIT_TEMPORARY
    return EXIT_CONFIGURATION
