"""The metrics of a run, as one line of log that CloudWatch turns into metrics.

CloudWatch's embedded metric format, by hand: it is one JSON object, where the maintained libraries
for it bring an event loop (aws-embedded-metrics) or a framework (Powertools).
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["DIMENSION", "NAMESPACE", "UNITS", "embedded"]

NAMESPACE = "Rotator"
DIMENSION = "TokenSecret"
UNITS = {
    "TokenRemainingSeconds": "Seconds",
    "RotationSucceeded": "Count",
    "RotationFailed": "Count",
    "MintDuration": "Milliseconds",
}
"""Every metric; the template's alarms and dashboard are checked against these names."""


def embedded(
    values: Mapping[str, float], *, token_secret: str, now: datetime, request_id: str
) -> str:
    """The line for `values` (metric to number, in its unit), taken at `now` (aware UTC)."""
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics}
    line = {
        "_aws": {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]},
        DIMENSION: token_secret,
        "request_id": request_id,
        **values,
    }
    return json.dumps(line)
