"""`rotator init`: both secrets and the binding between them."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from rotator.cli.exit_codes import EXIT_OK
from rotator.cli.selectors import add_names, load_job_settings
from rotator.errors import ConfigError

if TYPE_CHECKING:
    import argparse

__all__ = ["add_to"]

_EXAMPLE = """\
examples:
  rotator init --credentials-secret adobe/credentials --token-secret adobe/token
  rotator init --credentials-secret adobe/credentials --token-secret adobe/token < client.json

client.json holds at least {"client_id": "...", "client_secret": "..."}. The
client secret is asked for at the terminal or read from standard input; it is
never an argument, where every user of the machine could see it. What exists is
not overwritten."""

_MOST_CHARACTERS = 1_000_000


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "init",
        help="create both secrets, and store the client credentials",
        description="Create the credentials secret and the token secret, and bind them.",
        epilog=_EXAMPLE,
    )
    add_names(parser)
    parser.add_argument("--kms-key-id", metavar="KEY", help="encrypt both with this KMS key")
    parser.add_argument(
        "--bind-only",
        action="store_true",
        help="the credentials secret exists already: only create and bind the token secret",
    )
    parser.set_defaults(run=_init)


def _init(args: argparse.Namespace) -> int:
    settings = load_job_settings(args)
    credentials_secret = settings.needed_credentials_secret()
    from rotator.app import open_store
    from rotator.rotation.setup import bind

    done = bind(
        credentials_secret,
        settings.token_secret,
        store=open_store(settings),
        ask=None if args.bind_only else _ask,
        kms_key_id=args.kms_key_id,
    )
    for line in done:
        print(line)
    return EXIT_OK


def _ask() -> dict[str, Any]:
    """The fields of the credentials secret, from the terminal or from standard input as JSON."""
    if not sys.stdin.isatty():
        return _piped()
    import getpass

    print("client id: ", end="", file=sys.stderr, flush=True)
    client_id = sys.stdin.readline().strip()
    client_secret = ""
    with contextlib.suppress(EOFError):
        if client_id:
            prompt = "client secret (not shown): "
            client_secret = getpass.getpass(prompt, stream=sys.stderr).strip()
    if not client_secret:
        raise ConfigError("client id and client secret: both are needed")
    return {"provider": "adobe-ims", "client_id": client_id, "client_secret": client_secret}


def _piped() -> dict[str, Any]:
    from rotator.model.fields import load_object

    problem = "is empty; pipe the credentials in as JSON, or run this at a terminal"
    try:
        text = sys.stdin.read(_MOST_CHARACTERS)
        if text.strip():
            return load_object(text)
    except ValueError as error:  # not UTF-8 is one as well, and that error holds the bytes
        problem = "is not UTF-8 text" if isinstance(error, UnicodeError) else str(error)
    raise ConfigError(f"standard input: {problem}")
