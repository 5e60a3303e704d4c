"""The Secrets Manager that tests of the AWS side run against."""

import os
import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from rotator.local.environment import aws_variables
from tests.strict_aws.service import StrictSecretsManager
from tests.support.wire import Wire

# A shell starts what it puts in the background with SIGINT ignored, and children inherit that:
# those that tests interrupt would go on.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test fails because a machine is busy.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _default_logs() -> Iterator[None]:
    """What a test configures for its own output is gone with it."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def strict_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """A strict Secrets Manager of this test's own, which the SDK finds by the environment."""
    for name in os.environ:
        if name.startswith(("AWS_", "BOTO_")) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    with Wire(StrictSecretsManager()) as wire:
        for name, value in aws_variables(wire.endpoint_url).items():
            monkeypatch.setenv(name, value)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(name, os.devnull)
        yield wire
