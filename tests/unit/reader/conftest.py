"""The reader that most of these tests look at, and an environment that says nothing of AWS."""

from pathlib import Path

import pytest

from rotator.reader import TokenReader
from tests.support.clock import ManualClock
from tests.support.reader_rig import FakeSource, make_reader, start_clock, version


@pytest.fixture
def clock() -> ManualClock:
    return start_clock()


@pytest.fixture
def source() -> FakeSource:
    return FakeSource(AWSCURRENT=version())


@pytest.fixture
def reader(clock: ManualClock, source: FakeSource) -> TokenReader:
    """Refreshes in the read that finds it due, in the middle of each jitter."""
    return make_reader(clock, source)


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
