"""A fleet found by tag: each token secret names its credentials secret in a tag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import structlog

from rotator.aws.secret_ids import check_secret_id
from rotator.errors import ConfigError, StoreError
from rotator.fleet.settings import FleetBinding, RefusedBinding, Selection
from rotator.model.binding import BINDING_TAG, Binding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rotator.aws.paced_store import ListedSecret

__all__ = ["discover"]


class Listing(Protocol):
    """The part of the store that discovery uses."""

    def list_tagged(self, tag: str, where: Mapping[str, str]) -> Iterator[ListedSecret | None]:
        """Every secret with this tag, and all the tags of `where`; None for an unusable entry."""


def discover(store: Listing, where: Mapping[str, str]) -> Selection:
    """The bindings that tags declare; each still needs the consent of its credentials.

    A binding is refused if the value of its tag can't be a secret's name or ARN. If a later page of
    the list fails, the result has the bindings before it, and the error. Raises StoreError if
    nothing can be listed, ConfigError if no secret has the tag.
    """
    listed: dict[str, ListedSecret] = {}
    broken_off, skipped = None, 0
    try:
        for secret in store.list_tagged(BINDING_TAG, where):
            if secret is None:
                skipped += 1
            else:
                listed[secret.name] = secret
    except StoreError as error:
        if not listed:
            raise
        broken_off = error
    if skipped:
        structlog.get_logger().warning(
            "rotator.list_entries_skipped",
            entries=skipped,
            problem="list of secrets: entries without a secret's name and ARN were left out"
            " (ListSecrets); check AWS_ENDPOINT_URL",
        )
    bindings, refused = [], []
    for name, secret in sorted(listed.items()):
        binding = Binding(secret.tags[BINDING_TAG], name)
        problem = _problem(binding)
        if problem is None:
            bindings.append(FleetBinding(binding, needs_consent=True))
        else:
            refused.append(RefusedBinding(binding, problem, is_confirmed=False))
    if not listed:
        narrowed = " and the tags of --where" if where else ""
        raise ConfigError(
            f"--discover: no secret has the tag {BINDING_TAG}{narrowed} in this account and region;"
            " `rotator init` writes it, and a new tag takes up to five minutes to be listed"
        )
    return Selection(tuple(bindings), tuple(refused), broken_off)


def _problem(binding: Binding) -> ConfigError | None:
    label = f"token secret {binding.token_secret}: its tag {BINDING_TAG}"
    try:
        check_secret_id(label, binding.credentials_secret)
    except ConfigError as error:
        return error
    return None
