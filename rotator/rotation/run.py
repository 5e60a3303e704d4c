"""What the steps of one run share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.model.access_token import AccessToken
    from rotator.model.binding import Binding
    from rotator.model.clock import Clock
    from rotator.model.policy import RenewalPolicy
    from rotator.rotation.ports import Endpoint, Store
    from rotator.rotation.result import RunWarning

__all__ = ["Run"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run on one binding: what it works with, and what it has found out so far.

    `details` is what a failure's event adds, `warnings` what is logged too. The run
    may wait until `ends_at_s` on the monotonic clock.
    """

    binding: Binding
    store: Store
    endpoint: Endpoint
    policy: RenewalPolicy
    clock: Clock
    ends_at_s: float
    force: bool = False
    probe: Callable[[AccessToken], str | None] | None = None
    stored_probe: Callable[[AccessToken], bool] | None = None
    details: dict[str, object] = field(default_factory=dict)
    warnings: list[RunWarning] = field(default_factory=list)

    def left_s(self) -> float:
        """Seconds that the run may still wait."""
        return self.ends_at_s - self.clock.monotonic()
