"""The settings of a fleet, and the bindings of one run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from rotator.model.policy import DEFAULT_INTERVAL

if TYPE_CHECKING:
    from rotator.errors import RotatorError
    from rotator.model.binding import Binding

__all__ = ["FleetBinding", "FleetSettings", "RefusedBinding", "Selection"]

DEFAULT_SPREAD = timedelta(hours=1)
"""Tokens that were minted together would otherwise always be due together."""

DEFAULT_WORKERS = 16

# Four fifths of the region's quotas, which other teams share (user guide, "AWS Secrets Manager
# quotas": BatchGetSecretValue 100 a second; PutSecretValue with UpdateSecret and
# UpdateSecretVersionStage 50 a second).
DEFAULT_PUTS_PER_S = 40.0
DEFAULT_READS_PER_S = 80.0


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """The settings that all bindings of a fleet share.

    `name` is used in metrics. `spread` is how much before its cadence a token may be due.
    `workers` is the number of threads that mint and publish; `puts_per_s` and `reads_per_s` limit
    the calls to Secrets Manager.
    """

    name: str = "default"
    interval: timedelta = DEFAULT_INTERVAL
    cadence: timedelta | None = None
    spread: timedelta = DEFAULT_SPREAD
    workers: int = DEFAULT_WORKERS
    puts_per_s: float = DEFAULT_PUTS_PER_S
    reads_per_s: float = DEFAULT_READS_PER_S


@dataclass(frozen=True, slots=True)
class FleetBinding:
    """One binding of a fleet; None stands for the fleet's setting.

    With `needs_consent` the binding comes from a tag, and its credentials have to name the token
    secret. With `is_refused` only the expiry of the stored token is read.
    """

    binding: Binding
    cadence: timedelta | None = None
    probe_url: str | None = None
    needs_consent: bool = False
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class RefusedBinding:
    """A binding that cannot be run, and why; the others run without it.

    Its names may be invalid. `is_confirmed` is false if only a tag declares the binding.
    """

    binding: Binding
    error: RotatorError
    is_confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Selection:
    """The bindings of one run, and those that were refused before it began.

    `broken_off` is the error that cut discovery short.
    """

    bindings: tuple[FleetBinding, ...]
    refused: tuple[RefusedBinding, ...] = field(default=())
    broken_off: RotatorError | None = None

    def summary_fields(self) -> dict[str, bool]:
        """The fields that the selection adds to the summary of a run."""
        return {} if self.broken_off is None else {"discovery_incomplete": True}
