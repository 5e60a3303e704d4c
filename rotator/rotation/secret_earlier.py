"""Finds the version to go back to if no stored client secret is accepted.

Somebody who stores what they read before a rotation, or moves a label, takes out the client secret
that works. An earlier version still has it: the one with AWSPREVIOUS, or one that minted a token.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from rotator.errors import ConfigError, CredentialsError, MintError, StoreError
from rotator.model.access_token import AccessToken
from rotator.model.commands import undo_command
from rotator.model.providers import resolve
from rotator.model.stored import parse_credentials, parse_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.secret import Secret, StoredSecret
    from rotator.rotation.ports import Endpoint, HistoryStore

__all__ = ["explain_return", "explain_way_out", "find_earlier"]


class EarlierVersion(NamedTuple):
    """A version with other client secrets; `is_accepted` is False if they could not be tried."""

    version: StoredSecret
    is_accepted: bool


def find_earlier(
    current: StoredSecret,
    credentials: ClientCredentials,
    *,
    store: HistoryStore,
    endpoint: Endpoint,
) -> EarlierVersion | None:
    """An earlier version with a client secret that is accepted, else one that can't be tried.

    None if there is neither. `credentials` are those of the current version. Nothing is minted if
    that would end the stored token (`single_active`). Raises nothing: this is for an error's text.
    """
    untried = None
    for earlier in _read_earlier(current, credentials, store=store):
        values = _other_values(earlier, credentials)
        is_accepted = _is_accepted(credentials, values, endpoint=endpoint) if values else False
        if is_accepted:
            return EarlierVersion(earlier, is_accepted=True)
        if is_accepted is None and untried is None:
            untried = EarlierVersion(earlier, is_accepted=False)
    return untried


def explain_way_out(
    current: StoredSecret,
    credentials: ClientCredentials,
    otherwise: str,
    *,
    store: HistoryStore,
    endpoint: Endpoint,
) -> str:
    """The advice to go back to an earlier version that works, else `otherwise`."""
    earlier = find_earlier(current, credentials, store=store, endpoint=endpoint)
    if earlier is None:
        return otherwise
    back = explain_return(earlier, current)
    return back if earlier.is_accepted else f"{back}; if it has not, {otherwise}"


def explain_return(earlier: EarlierVersion, current: StoredSecret) -> str:
    """The advice to go back to that version: what it holds, and the command."""
    version = earlier.version
    labels = " (AWSPREVIOUS)" if "AWSPREVIOUS" in version.stages else ""
    command = undo_command(
        current.secret_id,
        version_id=version.version_id,
        undone_id=current.version_id,
        region=current.region,
    )
    if earlier.is_accepted:
        return (
            f"make version {version.version_id}{labels} current again, which holds a client secret"
            f" that is accepted: `{command}`; other edits since then have to be made again"
        )
    return (
        f"see whether version {version.version_id}{labels}, which holds another client secret, has"
        f" the one that works: `{command}` makes it current again"
    )


def _read_earlier(
    current: StoredSecret, credentials: ClientCredentials, *, store: HistoryStore
) -> Iterator[StoredSecret]:
    """AWSPREVIOUS, and the versions with which the stored tokens were minted, each once."""
    known = {current.version_id, None}
    with suppress(StoreError):
        previous = store.read_previous(current.secret_id)
        if previous is not None and previous.version_id not in known:
            known.add(previous.version_id)
            yield previous
    for name in (each for each in credentials.token_secrets if not each.endswith("/*")):
        with suppress(StoreError):
            [token_version] = store.read(name)
            token = parse_token(token_version)
            version_id = token.credentials_version_id if isinstance(token, AccessToken) else None
            if version_id is None or version_id in known:
                continue
            known.add(version_id)
            version = store.read_version(current.secret_id, version_id)
            if version is not None:
                yield version


def _other_values(earlier: StoredSecret, credentials: ClientCredentials) -> list[Secret]:
    """The client secrets of the same client there that are not stored now."""
    try:
        found = parse_credentials(earlier)
    except (CredentialsError, StoreError):
        return []
    if found.client_id != credentials.client_id:
        return []
    return [value for value in found.client_secrets if value not in credentials.client_secrets]


def _is_accepted(
    credentials: ClientCredentials, values: list[Secret], *, endpoint: Endpoint
) -> bool | None:
    """Whether the token endpoint accepts one of these values; None if they can't be tried."""
    if resolve(credentials).single_active:
        return None
    try:
        endpoint.mint(replace(credentials, client_secrets=tuple(values)))
    except MintError as error:
        return None if error.retryable else False
    except (ConfigError, CredentialsError):
        return None
    return True
