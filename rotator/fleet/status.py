"""The health of every token of a fleet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from rotator.errors import RotatorError, StoreError
from rotator.fleet.consent import require_consent
from rotator.fleet.guard import guard
from rotator.fleet.read import BatchStore, read_bindings
from rotator.fleet.roles import SecretRoles, usable_versions
from rotator.model.secret_rotation import read_rotation
from rotator.model.status import ClientSecretStatus, ServedToken, assess_token
from rotator.model.stored import parse_credentials, parse_fields, parse_token
from rotator.reader.snapshot import parse
from rotator.rotation.overwrite import refuse_foreign_content, refuse_unwanted_token
from rotator.rotation.ports import Descriptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rotator.fleet.settings import FleetBinding, Selection
    from rotator.model.binding import Binding
    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.policy import RenewalPolicy
    from rotator.model.secret import StoredSecret
    from rotator.model.status import TokenStatus

__all__ = ["BindingStatus", "assess_versions", "fleet_status"]


@dataclass(frozen=True, slots=True)
class BindingStatus:
    """The health of one token, or why it is not known."""

    binding: Binding
    status: TokenStatus | None = None
    error: RotatorError | None = None


class PreviousStore(Descriptions, Protocol):
    """A store that reads the version before the current one."""

    def read_previous(self, secret_id: str) -> StoredSecret | None:
        """The version with AWSPREVIOUS, None if there is none."""


class StatusStore(BatchStore, PreviousStore, Protocol):
    """A store that reads in batches, and previous versions."""


def fleet_status(
    batches: StatusStore,
    selection: Selection,
    *,
    policy_of: Callable[[FleetBinding], RenewalPolicy],
    now: datetime,
    region: str | None = None,
) -> list[BindingStatus]:
    """Assess every stored token at `now` (aware UTC), the most urgent first.

    A binding that a run in `region` would refuse has that error instead of a status. Raises
    ConfigError or StoreError if nothing at all could be read.
    """
    found = [BindingStatus(each.binding, error=each.error) for each in selection.refused]
    roles = SecretRoles(selection.bindings)
    for read in read_bindings(batches, selection.bindings):
        if read is None:
            continue
        fleet_binding, versions = read
        binding = fleet_binding.binding
        assess = partial(_assess, fleet_binding, versions, batches, roles)
        status = guard(partial(assess, policy_of=policy_of, now=now, region=region))
        if isinstance(status, RotatorError):
            found.append(BindingStatus(binding, error=status))
        else:
            found.append(BindingStatus(binding, status=status))
    return sorted(found, key=_urgency)


def _assess(
    fleet_binding: FleetBinding,
    versions: Mapping[str, StoredSecret | RotatorError],
    store: PreviousStore,
    roles: SecretRoles,
    *,
    policy_of: Callable[[FleetBinding], RenewalPolicy],
    now: datetime,
    region: str | None,
) -> TokenStatus:
    usable = usable_versions(fleet_binding, versions, roles=roles, region=region)
    binding = fleet_binding.binding
    credentials_version = usable[binding.credentials_secret]
    token_version = usable[binding.token_secret]
    credentials = parse_credentials(credentials_version)
    if fleet_binding.needs_consent:
        require_consent(
            credentials,
            credentials_version=credentials_version,
            token_version=token_version,
        )
        refuse_foreign_content(
            credentials_version,
            token_version,
            stored=parse_token(token_version),
            store=store,
            is_tagged=True,
        )
    return assess_versions(
        credentials_version,
        token_version,
        credentials=credentials,
        store=store,
        policy=policy_of(fleet_binding),
        now=now,
    )


def assess_versions(
    credentials_version: StoredSecret | None,
    token_version: StoredSecret,
    *,
    credentials: ClientCredentials | None,
    store: PreviousStore,
    policy: RenewalPolicy,
    now: datetime,
) -> TokenStatus:
    """The status of a token, with that of its client secret where the credentials are known.

    `credentials` is the content of `credentials_version`. Raises ConfigError as `assess_token`.
    """
    status = assess_token(
        token_version.secret_id,
        parse_token(token_version),
        policy=policy.for_secret(token_version.arn),
        now=now,
        version_id=token_version.version_id,
        client_id=credentials.client_id if credentials else None,
        fingerprint=credentials.fingerprint if credentials else None,
        served=_find_served(token_version, store=store, now=now),
    )
    if credentials_version is None or credentials is None:
        return status
    refuse_unwanted_token(credentials, credentials_version, token_version, stored=status.reason)
    rotation = read_rotation(parse_fields(credentials_version))
    client_secret = ClientSecretStatus.of(credentials_version.secret_id, rotation)
    return replace(status, client_secret=client_secret)


def _find_served(
    token_version: StoredSecret, *, store: PreviousStore, now: datetime
) -> ServedToken | None:
    """The token that readers find in this secret; None if they find none.

    Uses the reader's parser, and AWSPREVIOUS if the current version has no valid token, so that
    `rotator status` and `rotator token` agree.
    """
    current = _read_served(token_version)
    if token_version.version_id is None or (current is not None and now < current.expires_at):
        return current
    try:
        previous = store.read_previous(token_version.secret_id)
    except StoreError:
        return current  # a reader with this role could not read it either
    found = [each for each in (current, _read_served(previous) if previous else None) if each]
    return max(found, key=lambda each: each.expires_at, default=None)


def _read_served(version: StoredSecret) -> ServedToken | None:
    text = version.text.reveal() if version.text is not None else None
    try:
        return ServedToken(version.version_id, parse({"SecretString": text}).expires_at)
    except ValueError:
        return None


def _urgency(each: BindingStatus) -> float:
    """Seconds until the expiry; bindings without a known token come first."""
    if each.status is None or each.status.remaining is None:
        return float("-inf")
    return each.status.remaining.total_seconds()
