"""The health of every token of a fleet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from rotator.errors import ConfigError, RotatorError, StoreError, replace_error
from rotator.fleet.binding_status import BindingStatus, urgency
from rotator.fleet.consent import check_assessment, is_confirmed
from rotator.fleet.descriptions import Descriptions, NotDescribedError
from rotator.fleet.guard import guard
from rotator.fleet.pacer import Pacer
from rotator.fleet.read import BatchStore, PrefetchedStore, read_bindings
from rotator.fleet.refused import list_token_secrets
from rotator.fleet.roles import SecretRoles, usable_versions
from rotator.fleet.settings import FleetBinding
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import StoredSecret
from rotator.model.secret_rotation import read_rotation
from rotator.model.status import ClientSecretStatus, ServedToken, assess_token
from rotator.model.stored import parse_fields, parse_token
from rotator.reader.failures import previous_unreadable
from rotator.reader.snapshot import parse
from rotator.rotation.assess import assess_unprobed
from rotator.rotation.ports import HistoryStore
from rotator.rotation.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rotator.clock import Clock
    from rotator.fleet.settings import Selection
    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.status import TokenStatus
    from rotator.rotation.ports import Endpoint

__all__ = ["assess_versions", "fleet_status"]


class PreviousStore(Protocol):
    """A store that reads the version before the current one."""

    def read_previous(self, secret_id: str) -> StoredSecret | None:
        """The version with AWSPREVIOUS, None if there is none."""


class StatusStore(BatchStore, HistoryStore, Protocol):
    """A store that reads in batches, and previous versions."""


@dataclass(frozen=True, slots=True)
class _Fleet:
    """What the statuses of one fleet have in common."""

    store: StatusStore
    endpoint: Endpoint
    policy_of: Callable[[FleetBinding], RenewalPolicy]
    clock: Clock
    region: str | None
    roles: SecretRoles
    descriptions: Descriptions


def fleet_status(
    store: StatusStore,
    selection: Selection,
    *,
    endpoint: Endpoint,
    policy_of: Callable[[FleetBinding], RenewalPolicy],
    clock: Clock,
    region: str | None = None,
) -> list[BindingStatus]:
    """Assess every stored token, the most urgent first; `endpoint` mints nothing.

    A binding that a run in `region` would refuse has that error too. Raises ConfigError or
    StoreError if nothing at all could be read.
    """
    roles, descriptions = SecretRoles(selection.bindings), Descriptions()
    fleet = _Fleet(store, endpoint, policy_of, clock, region, roles, descriptions)
    found: list[BindingStatus] = []
    refused: dict[str, StoredSecret | RotatorError] = {}
    to_read = [*selection.bindings, *list_token_secrets(selection.refused)]
    for read in read_bindings(store, to_read, descriptions):
        if read is None:
            continue
        fleet_binding, versions = read
        if fleet_binding.is_refused:
            refused |= versions
            continue
        status = guard(partial(_assess, fleet, fleet_binding, versions))
        if isinstance(status, NotDescribedError):
            descriptions.request(status.secret_id, read)
        elif isinstance(status, RotatorError):
            found.append(_describe_refused(fleet, fleet_binding, versions, status))
        else:
            found.append(BindingStatus(fleet_binding.binding, status=status))
    for each in selection.refused:
        unused = FleetBinding(each.binding, is_refused=True)
        known = _token_status(fleet, unused, refused.get(each.binding.token_secret))
        found.append(BindingStatus(each.binding, known, each.error, each.is_confirmed))
    return sorted(found, key=urgency)


def _assess(
    fleet: _Fleet,
    fleet_binding: FleetBinding,
    found: Mapping[str, StoredSecret | RotatorError],
) -> TokenStatus:
    """The status of a binding; raises RotatorError if a run would refuse it."""
    versions = usable_versions(fleet_binding, found, roles=fleet.roles, region=fleet.region)
    binding, policy = fleet_binding.binding, fleet.policy_of(fleet_binding)
    run = Run(
        binding=binding,
        store=PrefetchedStore(fleet.store, versions, Pacer(1, fleet.clock), fleet.descriptions),
        endpoint=fleet.endpoint,
        policy=policy,
        clock=fleet.clock,
        ends_at_s=fleet.clock.monotonic(),
        is_tagged=fleet_binding.needs_consent,
    )
    assessment = assess_unprobed(run)
    check_assessment(assessment, is_tagged=run.is_tagged)
    return assess_versions(
        assessment.credentials_version,
        assessment.token_version,
        credentials=assessment.credentials,
        store=fleet.store,
        policy=policy,
        now=fleet.clock.now(),
    )


def _describe_refused(
    fleet: _Fleet,
    fleet_binding: FleetBinding,
    versions: Mapping[str, StoredSecret | RotatorError],
    error: RotatorError,
) -> BindingStatus:
    """A binding that a run refuses, with what consumers find in its token secret."""
    binding = fleet_binding.binding
    return BindingStatus(
        binding,
        status=_token_status(fleet, fleet_binding, versions[binding.token_secret]),
        error=error,
        is_confirmed=is_confirmed(fleet_binding, versions),
    )


def _token_status(
    fleet: _Fleet, fleet_binding: FleetBinding, version: StoredSecret | RotatorError | None
) -> TokenStatus | None:
    """The status of the token whatever the credentials are; None if it was not read."""
    if not isinstance(version, StoredSecret):
        return None

    def assess(policy: RenewalPolicy) -> TokenStatus:
        return assess_versions(
            None, version, credentials=None, store=fleet.store, policy=policy, now=fleet.clock.now()
        )

    status = guard(lambda: assess(fleet.policy_of(fleet_binding)))
    if isinstance(status, ConfigError):  # a cadence that does not fit hides no expiry
        status = guard(lambda: assess(RenewalPolicy()))
    return None if isinstance(status, RotatorError) else status


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

    `credentials` is the content of `credentials_version`. Raises ConfigError as
    `assess_token`, and StoreError if AWSPREVIOUS is needed and cannot be read.
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
    if status.client_id == credentials.client_id and credentials.problem_with_client_id:
        status = replace(status, client_id="***")
    rotation = read_rotation(parse_fields(credentials_version))
    client_secret = ClientSecretStatus.of(credentials_version.secret_id, rotation)
    if client_secret is not None and len(credentials.client_secrets) == 1:
        client_secret = replace(client_secret, has_both=False)
    return replace(status, client_secret=client_secret)


def _find_served(
    token_version: StoredSecret, *, store: PreviousStore, now: datetime
) -> ServedToken | None:
    """The token that readers find in this secret; None if they find none.

    Uses the reader's parser, and AWSPREVIOUS if the current version has no valid token, so that
    `rotator status` and `rotator token` agree. Raises StoreError if AWSPREVIOUS cannot be read
    then: whether readers find a token is not known.
    """
    current = _read_served(token_version)
    if token_version.version_id is None or (current is not None and now < current.expires_at):
        return current
    secret_id = token_version.secret_id
    previous = replace_error(
        lambda: store.read_previous(secret_id),
        StoreError,
        partial(previous_unreadable, secret_id),
    )
    found = [each for each in (current, _read_served(previous) if previous else None) if each]
    return max(found, key=lambda each: each.expires_at, default=None)


def _read_served(version: StoredSecret) -> ServedToken | None:
    text = version.text.reveal() if version.text is not None else None
    try:
        return ServedToken(version.version_id, parse({"SecretString": text}).expires_at)
    except ValueError:
        return None
