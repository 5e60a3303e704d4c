"""Reports bindings that a run cannot work on, with the expiry of their stored tokens.

Consumers may still read a token that nothing replaces any more, and the alarms need its expiry.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from rotator.aws.secret_ids import is_secret_id
from rotator.errors import RotatorError
from rotator.fleet.report import BindingReport
from rotator.fleet.settings import FleetBinding
from rotator.model.access_token import AccessToken
from rotator.model.binding import Binding
from rotator.model.instants import format_instant
from rotator.model.secret import StoredSecret
from rotator.model.stored import parse_token

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rotator.fleet.settings import RefusedBinding

__all__ = ["add_expiry", "list_token_secrets", "report_refused"]


def list_token_secrets(refused: Iterable[RefusedBinding]) -> list[FleetBinding]:
    """Their token secrets, as bindings that are read together with the others of the run."""
    names = dict.fromkeys(each.binding.token_secret for each in refused)
    return [
        FleetBinding(Binding(name, name), is_refused=True) for name in names if is_secret_id(name)
    ]


def report_refused(
    refused: Iterable[RefusedBinding], found: Mapping[str, StoredSecret | RotatorError]
) -> Iterator[BindingReport]:
    """Yield a report on each, with the expiry of its token; `found` are the token secrets."""
    for each in refused:
        token_version = found.get(each.binding.token_secret)
        yield BindingReport(
            each.binding,
            error=add_expiry(each.error, token_version),
            is_confirmed=each.is_confirmed,
            was_read=isinstance(token_version, StoredSecret),
        )


def add_expiry(
    error: RotatorError, token_version: StoredSecret | RotatorError | None
) -> RotatorError:
    """A copy of the error, with the stored token's expiry in its details (None without a token).

    A temporary failure to read the token secret leaves the details as they are. A copy, because one
    failed call gives all of its secrets the same error.
    """
    copied = copy(error)
    copied.details = dict(error.details)
    if isinstance(token_version, RotatorError):
        if not token_version.retryable:
            copied.details["expires_at"] = None
        return copied
    stored = parse_token(token_version) if token_version is not None else None
    expires_at = format_instant(stored.expires_at) if isinstance(stored, AccessToken) else None
    version_id = token_version.version_id if token_version is not None else None
    copied.details.update(version_id=version_id, expires_at=expires_at)
    return copied
