"""`rotator credentials`: show and change the content of the credentials secret."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from typing import TYPE_CHECKING, Any

from rotator.cli.answers import hide_typing
from rotator.cli.client_settings import (
    add_client_settings,
    ask_changes,
    ask_client_secret,
    combine,
    expand_scope,
    given_settings,
    has_unread_input,
    note_unknown_scope,
    refuse_secret_as_adobe_id,
)
from rotator.cli.edit_report import (
    advise_removal,
    describe_added,
    describe_changes,
    describe_removed,
    edited_fields,
    explain_client_id,
    report_edit,
)
from rotator.cli.exit_codes import EXIT_OK
from rotator.cli.selectors import add_credentials_secret, named_credentials_secret
from rotator.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.secret import Secret, StoredSecret
    from rotator.rotation.publish import Published

__all__ = ["add_to"]

_EXAMPLE = """\
examples:
  rotator credentials show adobe/credentials
  rotator credentials set adobe/credentials --scope firefly
  rotator credentials add adobe/credentials
  rotator credentials remove adobe/credentials --number 2

Secrets are asked for at the terminal or read from standard input, never
arguments, where every user of the machine could see them."""

_UNREAD = (
    "rotator: standard input was not read, because settings were given; --stdin stores what it has"
    " with them"
)
_FILLER = "?"  # a client secret, to try an edit before the real one is asked for

_SHOW = """\
example:
  rotator credentials show adobe/credentials"""

_SET = """\
examples:
  rotator credentials set adobe/credentials --scope firefly
  echo '{"audience": null}' | rotator credentials set adobe/credentials
  rotator credentials set adobe/credentials < new-client-secret.txt

With settings, it changes only these and doesn't read standard input. Without
settings, or with --stdin, it replaces the client secret, or the fields of a
JSON object on standard input, such as {"private_key": "..."}; null removes a
key, and an empty option is refused. Complete client credentials as JSON
also replace a value that cannot be read, unless it seems to hold more than
client credentials.

keys: admin_of, audience, auth_method, basic_encoding, certificate,
client_admin, client_id, client_secret, issuer, key_id, lifetime_s, parameters,
private_key, provider, resource, scope, scope_policy, single_active,
token_secrets, token_type_policy, token_url"""

_ADD = """\
example, while the provider accepts the old and the new client secret:
  rotator credentials add adobe/credentials
  rotator run --credentials-secret adobe/credentials --token-secret adobe/token --force
then, once the old one is deleted at the provider:
  rotator credentials remove adobe/credentials --number 2

A client secret that is stored already becomes the first."""

_REMOVE = """\
example, once the old client secret is deleted at the provider:
  rotator credentials remove adobe/credentials --number 2

Number 1 is tried first. The messages of `rotator run` count in the same way:
"client_secret: number 2 of 2 was accepted; those before it were refused". The
only client secret is never removed."""


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
    remove = _add(actions, "remove", _remove_secret, "take one client secret out", _REMOVE)
    remove.add_argument(
        "--number", metavar="N", help="which one: 1 is tried first, 2 is the next one, and so on"
    )


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
    from rotator.model.stored import parse_credentials

    secret_id = named_credentials_secret(args)
    credentials = parse_credentials(secret := read_credentials_secret(secret_id))
    shown = _describe(secret, credentials)
    if credentials.problem_with_client_id is not None:
        print(explain_client_id(secret_id, credentials.problem_with_client_id), file=sys.stderr)
    if args.json:
        print(json.dumps(shown, indent=2))
        return EXIT_OK
    for name, value in shown.items():
        if value not in (None, [], False):
            text = ", ".join(value) if isinstance(value, list) else value
            if name == "client_secrets" and value != 1:
                text = f"{value}; number 1 is tried first"
            print(f"{name.replace('_', ' '):<18}  {'yes, not shown' if text is True else text}")
    return EXIT_OK


def _set(args: argparse.Namespace) -> int:
    secret_id = named_credentials_secret(args)
    settings = given_settings(args, secret_id)
    from rotator.model.json_text import JsonInput
    from rotator.rotation.credentials import is_complete, merge_settings

    def merge(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
        merged = merge_settings(fields, changes, secret_id=secret_id)
        refuse_secret_as_adobe_id(changes, merged)
        return expand_scope(merged) if "scope" in changes else merged

    is_asked = args.stdin or not settings
    given = JsonInput({})
    if is_asked:
        with hide_typing():
            client_id = _check_before_asking(
                secret_id, lambda fields: merge(fields, {**settings, "client_secret": _FILLER})
            )
            given = ask_changes(secret_id, client_id)
    changes = combine(settings, given.fields)
    published = _edit(
        secret_id,
        lambda fields: merge(fields, changes),
        given=given.text,
        replacement=changes if is_complete(changes) else None,
    )
    if published is None:
        print(f"credentials secret {secret_id}: already has that value; nothing was changed")
    else:
        done = describe_changes(*edited_fields(published))
        _print_lines(report_edit(secret_id, published, done))
        if "scope" in changes:
            note_unknown_scope(edited_fields(published)[1])
    if not is_asked and has_unread_input():
        print(_UNREAD, file=sys.stderr)
    return EXIT_OK


def _add_secret(args: argparse.Namespace) -> int:
    secret_id = named_credentials_secret(args)
    from rotator.rotation.credentials import add_client_secret

    def add(fields: dict[str, Any], text: str) -> dict[str, Any]:
        return add_client_secret(fields, text, secret_id=secret_id)

    with hide_typing():
        client_id = _check_before_asking(secret_id, lambda fields: add(fields, _FILLER))
        text = ask_client_secret(secret_id, client_id)
    published = _edit(secret_id, lambda fields: add(fields, text))
    if published is None:
        print(
            f"credentials secret {secret_id}: has this client secret already, as number 1, which"
            " is tried first; nothing was changed"
        )
        return EXIT_OK
    before, after = edited_fields(published)
    _print_lines(report_edit(secret_id, published, describe_added(before, after)))
    later = advise_removal(secret_id, before, after)
    if later is not None:
        print(later)
    return EXIT_OK


def _remove_secret(args: argparse.Namespace) -> int:
    secret_id, number = named_credentials_secret(args), _number(args)
    from rotator.app import read_credentials_secret
    from rotator.model.stored import parse_credentials
    from rotator.rotation.credentials import remove_client_secret

    # Found before the edit, which is repeated if somebody else changes the numbers meanwhile.
    texts = parse_credentials(read_credentials_secret(secret_id)).client_secrets
    if number > len(texts):
        raise ConfigError(
            f"--number: there is no client secret {number}; credentials secret {secret_id} holds"
            f" {len(texts)}"
        )
    removed = texts[number - 1]
    published = _edit(secret_id, lambda fields: remove_client_secret(fields, removed.reveal()))
    if published is None:
        print(f"credentials secret {secret_id}: another process has removed it already")
        return EXIT_OK
    done = describe_removed(*edited_fields(published))
    _print_lines(report_edit(secret_id, published, done, is_removal=True))
    return EXIT_OK


def _number(args: argparse.Namespace) -> int:
    if re.fullmatch("[1-9][0-9]{0,3}", args.number or ""):
        return int(args.number)
    problem = "missing" if args.number is None else "is not a number from 1 on"
    raise ConfigError(
        f"--number: {problem}; 1 is the client secret that is tried first, and `rotator"
        f" credentials show {named_credentials_secret(args)}` says how many there are"
    )


def _check_before_asking(
    secret_id: str, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> str | None:
    """At a terminal, refuse what could not be stored whatever is typed; the client id."""
    if not sys.stdin.isatty():
        return None
    from rotator.app import read_credentials_secret
    from rotator.model.stored import parse_fields
    from rotator.rotation.credentials import validate_edit

    version = read_credentials_secret(secret_id)
    validate_edit(version, change)
    fields = parse_fields(version)
    client_id = fields.get("client_id") or fields.get("CLIENT_ID")
    return client_id if isinstance(client_id, str) else None


def _edit(
    secret_id: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    given: Secret | None = None,
    replacement: dict[str, Any] | None = None,
) -> Published | None:
    """The edit, None if nothing had to be changed; `replacement` is for an unreadable value."""
    from rotator.app import open_store_for
    from rotator.config import environment_token_secret
    from rotator.rotation.credentials import NOTHING_GIVEN, edit_credentials

    return edit_credentials(
        secret_id,
        change,
        store=open_store_for(secret_id),
        given=given or NOTHING_GIVEN,
        replacement=replacement,
        token_secret=environment_token_secret(secret_id, ()),
    )


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _describe(secret: StoredSecret, credentials: ClientCredentials) -> dict[str, object]:
    """The settings by name; of secrets only how many there are."""
    from rotator.model.providers import resolve
    from rotator.model.urls import hide_query

    provider = resolve(credentials)
    return {
        "credentials_secret": secret.secret_id,
        "version_id": secret.version_id,
        "client_id": "***" if credentials.problem_with_client_id else credentials.client_id,
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
