"""Bindings that a run cannot work on: reported with what is known of their tokens.

Consumers may still read a token that nobody replaces any more, and the alarms have to know.
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

    from rotator.errors import RotatorError as Failure
    from rotator.fleet.settings import RefusedBinding

__all__ = ["report_refused", "token_secrets_of", "with_life"]


def token_secrets_of(refused: Iterable[RefusedBinding]) -> list[FleetBinding]:
    """Their token secrets, as bindings that are read together with all others of the run."""
    names = dict.fromkeys(each.binding.token_secret for each in refused)
    return [
        FleetBinding(Binding(name, name), is_refused=True) for name in names if is_secret_id(name)
    ]


def report_refused(
    refused: Iterable[RefusedBinding], found: Mapping[str, StoredSecret | Failure]
) -> Iterator[BindingReport]:
    """The report on each, with the life of its token; `found` are the token secrets as read."""
    for each in refused:
        token_version = found.get(each.binding.token_secret)
        yield BindingReport(
            each.binding,
            error=with_life(each.error, token_version),
            is_confirmed=each.is_confirmed,
            was_read=isinstance(token_version, StoredSecret),
        )


def with_life(error: Failure, token_version: StoredSecret | Failure | None) -> Failure:
    """The error with the end of the stored token in its details, None where there is no token.

    Nothing is added where the token secret could not be read for a moment. It is a copy: a call
    that failed as a whole has the same error for each of its secrets.
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
