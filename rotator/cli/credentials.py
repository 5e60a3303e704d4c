"""`rotator credentials`: show and change the content of the credentials secret."""

from __future__ import annotations

import contextlib
import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from rotator.cli.client_settings import (
    add_client_settings,
    ask_changes,
    ask_client_secret,
    combine,
    expand_scope,
    given_settings,
    has_unread_input,
)
from rotator.cli.exit_codes import EXIT_OK
from rotator.cli.selectors import add_credentials_secret, named_credentials_secret

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from rotator.model.secret import StoredSecret

__all__ = ["add_to"]

_EXAMPLE = """\
examples:
  rotator credentials show adobe/credentials
  rotator credentials set adobe/credentials --scope firefly
  rotator credentials add adobe/credentials

Secrets are asked for at the terminal or read from standard input, never
arguments, where every user of the machine could see them."""

_NEXT_RUN = "the next `rotator run` that is due mints with it; {force} tries it now"
_NEXT_RUN_IS_DUE = "the next `rotator run` mints with it, because the token request has changed"
_LATER = "once the old one is deleted at the provider, {command} stores the new one alone"
_BEFORE = (
    "the previous client secret is still in the version AWSPREVIOUS of this secret;"
    " `rotator credentials add {secret_id}` would keep both in use"
)
_REPLACED = (
    "the previous value could not be read and was replaced as a whole; until the next write it is"
    " still in the version AWSPREVIOUS of this secret"
)
_UNREAD = (
    "rotator: standard input was not read, because settings were given; --stdin stores what it has"
    " with them"
)
_NOT_FOR_MINTING = frozenset({"client_admin", "client_secret_rotation"})

_SHOW = """\
example:
  rotator credentials show adobe/credentials"""

_SET = """\
examples:
  rotator credentials set adobe/credentials --scope firefly
  rotator credentials set adobe/credentials --audience ''
  rotator credentials set adobe/credentials < new-client-secret.txt

With settings, it changes only these and doesn't read standard input; an empty
value removes a setting. Without settings, or with --stdin, it replaces the
client secret, or the fields of a JSON object on standard input, such as
{"private_key": "..."}. Complete client credentials as JSON also replace a value
that cannot be read, unless it seems to hold more than client credentials."""

_ADD = """\
example, while the provider accepts the old and the new client secret:
  rotator credentials add adobe/credentials
  rotator run --credentials-secret adobe/credentials --token-secret adobe/token --force
then, once the old one is deleted at the provider:
  rotator credentials set adobe/credentials"""


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "credentials",
        help="show the client credentials without secrets, or change them",
        description="Show or change the content of the credentials secret.",
        epilog=_EXAMPLE,
    )
    actions = parser.add_subparsers(metavar="ACTION")
    show = _add(actions, "show", _show, "show the settings; no secret is shown", _SHOW)
    show.add_argument("--json", action="store_true", help="print them as JSON")
    change = _add(actions, "set", _set, "change settings, or replace the client secret", _SET)
    add_client_settings(change)
    change.add_argument(
        "--stdin",
        action="store_true",
        help="with settings, also store the content of standard input, in one write",
    )
    _add(actions, "add", _add_secret, "put another client secret first in the list", _ADD)


def _add(
    actions: argparse._SubParsersAction[Any],
    name: str,
    run: Callable[[argparse.Namespace], int],
    does: str,
    epilog: str,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=does, description=f"{does[0].upper()}{does[1:]}.", epilog=epilog
    )
    add_credentials_secret(parser)
    parser.set_defaults(run=run, has_effect=run is not _show)
    return parser


def _show(args: argparse.Namespace) -> int:
    from rotator.app import read_credentials_secret

    shown = _describe(read_credentials_secret(named_credentials_secret(args)))
    if args.json:
        print(json.dumps(shown, indent=2))
        return EXIT_OK
    for name, value in shown.items():
        if value not in (None, [], False):
            text = ", ".join(value) if isinstance(value, list) else value
            print(f"{name.replace('_', ' '):<18}  {'yes, not shown' if text is True else text}")
    return EXIT_OK


def _set(args: argparse.Namespace) -> int:
    secret_id, settings = named_credentials_secret(args), given_settings(args)
    from rotator.model.client_credentials import ClientCredentials
    from rotator.rotation.credentials import is_complete, merge_settings

    is_asked = args.stdin or not settings
    changes: dict[str, Any] = combine(settings, ask_changes()) if is_asked else settings
    what = ", ".join(name.replace("_", " ") for name in changes if name in ClientCredentials.FIELDS)
    next_step = None
    if changes.keys() <= _NOT_FOR_MINTING:
        next_step = f"`rotator rotate-client-secret {secret_id} --dry-run` tries it"

    def change(fields: dict[str, Any]) -> dict[str, Any]:
        merged = merge_settings(fields, changes)
        return expand_scope(merged) if "scope" in changes else merged

    code = _edit(
        secret_id,
        change,
        done=f"changed {what}",
        next_step=next_step,
        replaces=is_complete(changes),
    )
    if not is_asked and has_unread_input():
        print(_UNREAD, file=sys.stderr)
    return code


def _add_secret(args: argparse.Namespace) -> int:
    secret_id = named_credentials_secret(args)
    from rotator.model.commands import set_command
    from rotator.rotation.credentials import add_client_secret

    text = ask_client_secret()
    return _edit(
        secret_id,
        lambda fields: add_client_secret(fields, text),
        done="added a client secret in front of those",
        later=_LATER.format(command=set_command(secret_id)),
    )


def _edit(
    secret_id: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    done: str,
    next_step: str | None = None,
    later: str | None = None,
    replaces: bool = False,
) -> int:
    from rotator.app import open_store_for
    from rotator.model.commands import run_command
    from rotator.rotation.credentials import (
        asks_for_another,
        edit_credentials,
        replaces_client_secret,
    )

    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    unreadable: list[str] = []

    def change_and_keep(fields: dict[str, Any]) -> dict[str, Any]:
        nonlocal before, after
        before, after = fields, change(fields)
        return after

    store = open_store_for(secret_id)
    note = partial(unreadable.append, secret_id) if replaces else None
    if not edit_credentials(secret_id, change_and_keep, store=store, on_unreadable=note):
        print(f"credentials secret {secret_id}: already has that value; nothing was changed")
        return EXIT_OK
    print(f"{done} in credentials secret {secret_id}")
    if unreadable and not before:
        print(_REPLACED)
    if replaces_client_secret(before, after):
        print(_BEFORE.format(secret_id=secret_id))
    if next_step is None:
        is_due = asks_for_another(before, after)
        force = run_command(secret_id, _only_token_secret(after), "--force")
        next_step = _NEXT_RUN_IS_DUE if is_due else _NEXT_RUN.format(force=force)
    print(next_step)
    if later is not None:
        print(later)
    return EXIT_OK


def _only_token_secret(fields: dict[str, Any]) -> str | None:
    """The token secret that these credentials serve, None if it is not exactly one."""
    names = fields.get("token_secrets")
    names = names if isinstance(names, list) else [names]
    return names[0] if len(names) == 1 and not str(names[0]).endswith("*") else None


def _describe(secret: StoredSecret) -> dict[str, object]:
    """The settings by name; of secrets only how many there are."""
    from rotator.model.providers import resolve
    from rotator.model.stored import parse_credentials
    from rotator.model.urls import hide_query

    credentials = parse_credentials(secret)
    provider = resolve(credentials)
    return {
        "credentials_secret": secret.secret_id,
        "version_id": secret.version_id,
        "client_id": credentials.client_id,
        "client_secrets": len(credentials.client_secrets),
        "private_key": credentials.private_key is not None,
        "certificate": credentials.certificate is not None,
        "provider": provider.name,
        "token_url": hide_query(provider.token_url) if provider.token_url else None,
        "issuer": credentials.issuer,
        "scope": provider.scope_parameter(),
        "audience": credentials.audience,
        "resource": list(credentials.resources),
        "auth_method": provider.auth_method,
        "parameters": sorted(credentials.parameters),
        "token_secrets": list(credentials.token_secrets),
        "admin_of": list(credentials.admin_of),
        "client_admin": _kind_of_admin(secret),
    }


def _kind_of_admin(secret: StoredSecret) -> str | None:
    """The kind of `client_admin`, None if there is none or it is malformed."""
    from rotator.model.client_admin import parse_admin_settings
    from rotator.model.stored import parse_fields

    with contextlib.suppress(ValueError):
        settings = parse_admin_settings(parse_fields(secret))
        return None if settings is None else settings.kind.name
    return None
