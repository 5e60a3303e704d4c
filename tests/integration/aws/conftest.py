"""A strict Secrets Manager behind a real client, which counts calls and can be told to refuse."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.app.aws_lambda.fleet import open_fleet
from rotator.local.binding import LocalBinding
from rotator.local.environment import aws_variables, secrets_manager_client
from rotator.local.ims import LocalIms
from tests.integration.aws.fleet_of import FleetOf
from tests.strict_aws.service import StrictSecretsManager
from tests.support.lambda_function import run_secrets_manager, set_environment
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


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Iterator[FleetOf]:
    team = str(uuid.uuid4())
    with run_secrets_manager() as endpoint_url, LocalIms() as ims:
        set_environment(monkeypatch, endpoint_url)
        binding = LocalBinding.register(ims, prefix=team)
        fields = json.loads(binding.init_input()) | {"token_secrets": [f"{team}/*"]}
        client = secrets_manager_client(endpoint_url)
        client.create_secret(Name=binding.credentials_secret, SecretString=json.dumps(fields))
        monkeypatch.setenv("ROTATOR_DISCOVER", "true")
        monkeypatch.setenv("ROTATOR_WHERE", f"team={team}")
        monkeypatch.setenv("ROTATOR_FLEET", "creative")
        open_fleet.cache_clear()
        yield FleetOf(client, binding, ims, team)
        client.close()
