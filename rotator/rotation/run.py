"""The parameters and the state of one run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.clock import Clock
    from rotator.model.access_token import AccessToken
    from rotator.model.binding import Binding
    from rotator.model.policy import RenewalPolicy
    from rotator.rotation.ports import Endpoint, Store
    from rotator.rotation.result import RunWarning

__all__ = ["Run"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run on one binding: its parameters, and what its steps collect.

    `details` are fields of a failure's event, `warnings` are logged in any case. The run may wait
    until `ends_at_s` on the monotonic clock. `forced_at` is its start, if it is to replace a token
    that is not due. `is_tagged`: the binding was found by the tag of its token secret, which is not
    read again.
    """

    binding: Binding
    store: Store
    endpoint: Endpoint
    policy: RenewalPolicy
    clock: Clock
    ends_at_s: float
    forced_at: datetime | None = None
    is_tagged: bool = False
    probe: Callable[[AccessToken], str | None] | None = None
    stored_probe: Callable[[AccessToken], bool] | None = None
    details: dict[str, object] = field(default_factory=dict)
    warnings: list[RunWarning] = field(default_factory=list)

    @property
    def force(self) -> bool:
        """Whether to replace a token that is not due."""
        return self.forced_at is not None

    def is_forced_on(self, token: AccessToken) -> bool:
        """Whether this run is forced, and started after the token was minted (in whole seconds)."""
        return self.forced_at is not None and token.issued_at < self.forced_at.replace(
            microsecond=0
        )

    def left_s(self) -> float:
        """Seconds that the run may still wait."""
        return self.ends_at_s - self.clock.monotonic()
