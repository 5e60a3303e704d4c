"""The metrics of a run, as one log line in CloudWatch's embedded metric format.

It is one JSON object, and written without a library: the maintained ones bring an event loop
(aws-embedded-metrics) or a framework (Powertools).
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = [
    "CLIENT_SECRET_DIMENSION",
    "CLIENT_SECRET_UNITS",
    "DIMENSION",
    "FLEET_DIMENSION",
    "FLEET_UNITS",
    "NAMESPACE",
    "UNITS",
    "client_secret_line",
    "embedded",
    "fleet_line",
]

NAMESPACE = "Rotator"
DIMENSION = "TokenSecret"
UNITS = {
    "TokenRemainingSeconds": "Seconds",
    "RotationSucceeded": "Count",
    "RotationFailed": "Count",
    "MintDuration": "Milliseconds",
}
"""Every metric; the template's alarms and dashboard are checked against these names."""


FLEET_DIMENSION = "Fleet"
FLEET_UNITS = {
    "Bindings": "Count",
    "Due": "Count",
    "Rotated": "Count",
    "Failed": "Count",
    "Deferred": "Count",
    "Overdue": "Count",
    "Unusable": "Count",
    "MinRemainingSeconds": "Seconds",
}
"""Every metric of a fleet; one for each token would cost more than all the rest."""


CLIENT_SECRET_DIMENSION = "CredentialsSecret"  # noqa: S105 - the name of a dimension
CLIENT_SECRET_UNITS = {
    "ClientSecretAgeSeconds": "Seconds",
    "ClientSecretRemainingSeconds": "Seconds",
}
"""Every metric of a client secret; one that never expires has no remaining seconds."""


def embedded(
    values: Mapping[str, float], *, token_secret: str, now: datetime, request_id: str
) -> str:
    """The line for `values` (metric to number, in its unit), taken at `now` (aware UTC)."""
    return _line(values, UNITS, (DIMENSION, token_secret), now, request_id)


def fleet_line(values: Mapping[str, float], *, fleet: str, now: datetime, request_id: str) -> str:
    """As `embedded`, for the metrics of a fleet."""
    return _line(values, FLEET_UNITS, (FLEET_DIMENSION, fleet), now, request_id)


def client_secret_line(
    values: Mapping[str, float], *, credentials_secret: str, now: datetime, request_id: str
) -> str:
    """As `embedded`, for the metrics of a client secret."""
    dimension = (CLIENT_SECRET_DIMENSION, credentials_secret)
    return _line(values, CLIENT_SECRET_UNITS, dimension, now, request_id)


def _line(
    values: Mapping[str, float],
    units: Mapping[str, str],
    dimension: tuple[str, str],
    now: datetime,
    request_id: str,
) -> str:
    key, subject = dimension
    metrics = [{"Name": name, "Unit": units[name]} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [[key]], "Metrics": metrics}
    line = {
        "_aws": {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]},
        key: subject,
        "request_id": request_id,
        **values,
    }
    return json.dumps(line)
