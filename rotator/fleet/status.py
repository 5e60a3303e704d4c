"""The health of every token of a fleet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rotator.errors import RotatorError
from rotator.fleet.consent import require_consent
from rotator.fleet.guard import guard
from rotator.fleet.read import read_bindings
from rotator.model.status import assess_token
from rotator.model.stored import parse_credentials, parse_token
from rotator.reader.snapshot import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rotator.errors import RotatorError as Failure
    from rotator.fleet.read import BatchStore
    from rotator.fleet.settings import FleetBinding, Selection
    from rotator.model.binding import Binding
    from rotator.model.policy import RenewalPolicy
    from rotator.model.secret import StoredSecret
    from rotator.model.status import TokenStatus

__all__ = ["BindingStatus", "fleet_status", "readable_until"]


@dataclass(frozen=True, slots=True)
class BindingStatus:
    """The health of one token, or why it is not known."""

    binding: Binding
    status: TokenStatus | None = None
    error: RotatorError | None = None


def fleet_status(
    batches: BatchStore,
    selection: Selection,
    *,
    policy_of: Callable[[FleetBinding], RenewalPolicy],
    now: datetime,
) -> list[BindingStatus]:
    """Assess every stored token at `now` (aware UTC), the most urgent first.

    Raises ConfigError or StoreError only where nothing at all could be read.
    """
    found = [BindingStatus(each.binding, error=each.error) for each in selection.refused]
    for fleet_binding, versions in read_bindings(batches, selection.bindings):
        binding = fleet_binding.binding
        status = guard(partial(_assess, fleet_binding, versions, policy_of, now))
        if isinstance(status, RotatorError):
            found.append(BindingStatus(binding, error=status))
        else:
            found.append(BindingStatus(binding, status=status))
    return sorted(found, key=_urgency)


def _assess(
    fleet_binding: FleetBinding,
    versions: Mapping[str, StoredSecret | Failure],
    policy_of: Callable[[FleetBinding], RenewalPolicy],
    now: datetime,
) -> TokenStatus:
    binding = fleet_binding.binding
    token_version = versions[binding.token_secret]
    credentials_version = versions[binding.credentials_secret]
    if isinstance(token_version, RotatorError):
        raise token_version
    if isinstance(credentials_version, RotatorError):
        raise credentials_version
    credentials = parse_credentials(credentials_version)
    if fleet_binding.needs_consent:
        require_consent(
            credentials,
            credentials_secret=binding.credentials_secret,
            token_secret_arn=token_version.arn,
        )
    return assess_token(
        binding.token_secret,
        parse_token(token_version),
        policy=policy_of(fleet_binding).for_secret(token_version.arn),
        now=now,
        version_id=token_version.version_id,
        client_id=credentials.client_id,
        fingerprint=credentials.fingerprint,
        readable_until=readable_until(token_version),
    )


def readable_until(token_version: StoredSecret) -> datetime | None:
    """When the token that readers find in this version ends; None if they find none.

    The reader's own parser says so: `rotator status` and `rotator token` never disagree.
    """
    text = token_version.text.reveal() if token_version.text is not None else None
    try:
        return parse({"SecretString": text}).expires_at
    except ValueError:
        return None


def _urgency(each: BindingStatus) -> float:
    """Seconds left; what could not be read, or holds no token, comes first."""
    if each.status is None or each.status.remaining is None:
        return float("-inf")
    return each.status.remaining.total_seconds()
