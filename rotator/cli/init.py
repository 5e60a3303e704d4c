"""`rotator init`: create both secrets and their binding."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from rotator.cli.answers import hide_typing
from rotator.cli.client_settings import add_client_settings, ask_credentials, given_settings
from rotator.cli.exit_codes import EXIT_OK
from rotator.cli.selectors import add_names, load_job_settings
from rotator.errors import ConfigError
from rotator.model.commands import set_command

if TYPE_CHECKING:
    import argparse

__all__ = ["add_to"]

_EXAMPLE = """\
examples:
  rotator init --credentials-secret adobe/credentials --token-secret adobe/token
  rotator init --credentials-secret adobe/credentials --token-secret adobe/token \\
    --scope firefly < client.json

client.json holds at least {"client_id": "...", "client_secret": "..."}. The
client secret is asked for at the terminal or read from standard input; it is
never an argument, where every user of the machine could see it. Existing values
are not overwritten."""


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "init",
        help="create both secrets, and store the client credentials",
        description="Create the credentials secret and the token secret, and bind them.",
        epilog=_EXAMPLE,
    )
    add_names(parser)
    add_client_settings(parser)
    parser.add_argument(
        "--kms-key-id", metavar="KEY", help="encrypt both secrets with this KMS key"
    )
    parser.add_argument(
        "--bind-only",
        action="store_true",
        help="create and bind the token secret for existing credentials, and add it"
        " to their token_secrets",
    )
    parser.set_defaults(run=_init, has_effect=True)


def _init(args: argparse.Namespace) -> int:
    settings = load_job_settings(args)
    credentials_secret = settings.needed_credentials_secret()
    client_settings = given_settings(args, credentials_secret)
    if args.kms_key_id is not None and not args.kms_key_id.strip():
        raise ConfigError("--kms-key-id: is empty; leave it out for AWS's own key, or name a key")
    if args.bind_only and client_settings:
        raise ConfigError(
            f"--bind-only: changes no settings; use {set_command(credentials_secret)} for these"
        )
    from rotator.app import open_store
    from rotator.rotation.setup import set_up_binding

    with nullcontext() if args.bind_only else hide_typing():
        done = set_up_binding(
            credentials_secret,
            settings.token_secret,
            store=open_store(settings.region),
            ask=None if args.bind_only else lambda: ask_credentials(client_settings),
            kms_key_id=args.kms_key_id,
        )
    for line in done:
        print(line)
    return EXIT_OK
