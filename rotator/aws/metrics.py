"""The metrics of a run, as one log line in CloudWatch's embedded metric format.

It is one JSON object, and written without a library: the maintained ones bring an event loop
(aws-embedded-metrics) or a framework (Powertools).
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CLIENT_SECRET_DIMENSION",
    "CLIENT_SECRET_UNITS",
    "DIMENSION",
    "FLEET_DIMENSION",
    "FLEET_UNITS",
    "NAMESPACE",
    "UNITS",
    "print_metrics",
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


def print_metrics(
    values: Mapping[str, float], dimension: str, subject: str, *, request_id: str
) -> None:
    """Print the line for `values`, which maps metrics to numbers; `dimension` has this `subject`.

    To standard output, because CloudWatch extracts metrics from any line, and logs stay separate.
    """
    units = UNITS | FLEET_UNITS | CLIENT_SECRET_UNITS
    metrics = [{"Name": name, "Unit": units[name]} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [[dimension]], "Metrics": metrics}
    timestamp_ms = int(datetime.now(UTC).timestamp() * 1000)
    line = {
        "_aws": {"Timestamp": timestamp_ms, "CloudWatchMetrics": [directive]},
        dimension: subject,
        "request_id": request_id,
        **values,
    }
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()
