"""A strict Secrets Manager behind a real client, which counts calls and can be told to refuse."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.local.environment import aws_variables
from tests.strict_aws.service import StrictSecretsManager
from tests.support.sdk_service import REGION, Service
from tests.support.wire import Wire


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Service]:
    """An empty Secrets Manager that only this test knows, and an environment that leads to it."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with Wire(StrictSecretsManager()) as wire:
        for name, value in aws_variables(wire.endpoint_url).items():
            monkeypatch.setenv(name, REGION if name.endswith("REGION") else value)
        monkeypatch.delenv("AWS_REGION")  # AWS_DEFAULT_REGION is what botocore reads
        opened = Service()
        yield opened
        opened.client.close()
