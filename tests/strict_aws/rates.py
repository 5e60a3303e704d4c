"""Requests per second that the service allows one account and region.

reference_limits.html of the user guide; what is above it is answered with ThrottlingException.
"""

from collections.abc import Callable

from tests.strict_aws.versions import Refused

_WRITES = ("PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage")
REQUESTS_PER_S = {
    ("DescribeSecret",): 40_000,
    ("GetSecretValue",): 10_000,
    _WRITES: 50,
    ("RemoveRegionsFromReplication", "ReplicateSecretToRegions", "StopReplicationToReplica"): 50,
    ("RotateSecret", "CancelRotateSecret"): 50,
    ("BatchGetSecretValue",): 100,
    ("ListSecrets",): 100,
    ("ListSecretVersionIds",): 50,
    ("CreateSecret",): 50,
    ("DeleteSecret",): 50,
    ("RestoreSecret",): 50,
    ("TagResource", "UntagResource"): 50,
}
"""Actions that share one rate, and the rate."""


class RequestRates:
    """One bucket for each rate, full at the start and filled again within a second."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, operation: str) -> None:
        """Count one request; raise Refused if there are too many."""
        group = next((names for names in REQUESTS_PER_S if operation in names), None)
        if group is None:
            return
        rate, now = REQUESTS_PER_S[group], self._monotonic()
        left, at = self._buckets.get(group[0], (float(rate), now))
        left = min(float(rate), left + (now - at) * rate)
        if left < 1:
            self._buckets[group[0]] = (left, now)
            raise Refused("ThrottlingException", "Rate exceeded")
        self._buckets[group[0]] = (left - 1, now)
