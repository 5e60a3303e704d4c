"""The whole job against moto's Secrets Manager, with an endpoint in memory."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotator.errors import ConfigError, MintError, StoreError
from rotator.model.binding import Binding
from rotator.model.policy import RenewalPolicy
from rotator.reader import get_token
from rotator.rotation.rotate import RotationResult, rotate_token
from tests.support.clock import ManualClock
from tests.support.documents import HOUR, token_document
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.sdk_service import Service

NOW = datetime.now(UTC).replace(microsecond=0)
CREDENTIALS = {"client_id": "my-client", "client_secret": "canary-secret"}


def stored(age: timedelta, text: str = "old") -> str:
    return json.dumps(token_document(f"canary-{text}", issued_at=NOW - age))


@dataclass
class JobOnAws:
    """One binding in an account, and a run of the job over it."""

    service: Service
    endpoint: MemoryEndpoint = field(default_factory=lambda: MemoryEndpoint(ManualClock(NOW)))
    binding: Binding = field(default_factory=lambda: Binding("app/credentials", "app/token"))
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def run(self, **options: Any) -> RotationResult:
        self.service.calls.clear()
        return rotate_token(
            self.binding,
            store=self.service.store,
            endpoint=self.endpoint,
            policy=RenewalPolicy(),
            clock=self.clock,
            **options,
        )

    def create(self, value: str | None, name: str = "app/token") -> str | None:
        """Create the token secret; returns its first version's id."""
        params = {} if value is None else {"SecretString": value}
        answer = self.service.client.create_secret(Name=name, **params)
        version_id: str | None = answer.get("VersionId")
        return version_id

    def labels(self, name: str = "app/token") -> dict[str, list[str]]:
        described = self.service.client.describe_secret(SecretId=name)
        return dict(described["VersionIdsToStages"])


@pytest.fixture
def job(service: Service) -> JobOnAws:
    service.client.create_secret(Name="app/credentials", SecretString=json.dumps(CREDENTIALS))
    return JobOnAws(service)


def test_run_that_is_due_makes_two_calls_and_one_mint(job: JobOnAws) -> None:
    first = job.create(stored(23 * HOUR))
    result = job.run()
    assert (result.outcome, result.reason) == ("rotated", "cadence_reached")
    assert job.service.calls == ["BatchGetSecretValue", "PutSecretValue"]
    assert job.endpoint.mints == 1
    assert job.labels() == {first: ["AWSPREVIOUS"], result.version_id: ["AWSCURRENT"]}
    assert get_token("app/token") == "canary-new-1"


def test_first_run_on_a_secret_without_any_value_works(job: JobOnAws) -> None:
    job.create(None)
    result = job.run()
    assert (result.outcome, result.reason) == ("rotated", "token_missing")
    assert job.service.current("app/token")["access_token"] == "canary-new-1"
    assert job.run().outcome == "not_due"


def test_binary_value_of_others_is_never_replaced(job: JobOnAws) -> None:
    job.service.client.create_secret(Name="app/token", SecretBinary=b"canary")
    with pytest.raises(ConfigError, match="holds a value that is not a token"):
        job.run()
    assert job.endpoint.mints == 0


def test_one_secret_for_both_keeps_the_keys_of_the_team(job: JobOnAws) -> None:
    before = CREDENTIALS | {"owner": "team", "scope": "wanted", "limits": {"rps": 5}}
    job.create(json.dumps(before), "app/both")
    arn = job.service.client.describe_secret(SecretId="app/both")["ARN"]
    job.binding = Binding(credentials_secret=arn, token_secret="app/both")
    assert job.run().outcome == "rotated"
    assert len(job.service.calls) == 3
    after = job.service.current("app/both")
    assert {name: after[name] for name in before} == before
    assert get_token("app/both") == "canary-new-1"


def test_one_secret_for_both_asks_for_the_same_scope_again(job: JobOnAws) -> None:
    job.create(json.dumps(CREDENTIALS), "app/both")
    job.binding = Binding("app/both", "app/both")
    job.run()
    job.endpoint.lifetime += HOUR
    job.run(force=True)
    assert [each.scope for each in job.endpoint.minted_for] == [None, None]
    assert "token_url" not in job.service.current("app/both")
    assert job.run().outcome == "not_due"
    assert job.service.calls == ["GetSecretValue"]


def test_labels_moved_back_by_hand_do_not_stop_the_job(job: JobOnAws) -> None:
    first = job.create(stored(24 * HOUR))
    aborted = job.run()
    job.service.client.update_secret_version_stage(
        SecretId="app/token",
        VersionStage="AWSCURRENT",
        RemoveFromVersionId=aborted.version_id,
        MoveToVersionId=first,
    )
    result = job.run()
    assert (result.outcome, result.reason) == ("rotated", "expired")
    assert result.version_id not in {first, aborted.version_id}
    # Not by reading what is current: moto leaves the label on the older version as well.
    assert result.version_id is not None
    assert "AWSCURRENT" in job.labels()[result.version_id]
    written = job.service.store.read_version("app/token", result.version_id)
    assert written is not None
    assert written.text is not None
    assert "canary-new-2" in written.text.reveal()


def test_token_that_can_serve_neither_the_next_run_nor_longer_is_not_written(job: JobOnAws) -> None:
    version_id = job.create(stored(23 * HOUR))
    job.endpoint.lifetime = HOUR / 4
    with pytest.raises(MintError, match="no later than the stored one"):
        job.run()
    assert job.service.calls == ["BatchGetSecretValue"]
    assert job.labels() == {version_id: ["AWSCURRENT"]}


def test_refused_write_leaves_the_stored_version_as_it_was(job: JobOnAws) -> None:
    version_id = job.create(stored(23 * HOUR))
    job.service.refuse("PutSecretValue", "AccessDeniedException", "no")
    with pytest.raises(StoreError, match="grant secretsmanager:PutSecretValue"):
        job.run()
    assert job.labels() == {version_id: ["AWSCURRENT"]}


def test_job_works_where_batch_reads_are_denied(job: JobOnAws) -> None:
    job.create(stored(24 * HOUR))
    job.service.refuse("BatchGetSecretValue", "AccessDeniedException", "no")
    assert job.run().outcome == "rotated"
    assert job.service.calls == [
        "BatchGetSecretValue",
        "GetSecretValue",
        "GetSecretValue",
        "PutSecretValue",
    ]


def test_token_that_does_not_fit_beside_the_keys_of_the_team_is_not_written(job: JobOnAws) -> None:
    version_id = job.create(json.dumps(CREDENTIALS | {"notes": "x" * 65_300}), "app/both")
    job.binding = Binding("app/both", "app/both")
    with pytest.raises(StoreError, match="bytes, Secrets Manager takes 65536"):
        job.run()
    assert job.labels("app/both") == {version_id: ["AWSCURRENT"]}


def test_second_forced_run_takes_the_last_label_off_a_leaked_token(job: JobOnAws) -> None:
    """The runbook's steps 2 and 3: no label leads to it any more, its id still does."""
    leaked = job.create(stored(HOUR, "leaked"))
    assert leaked is not None

    first = job.run(force=True)
    assert job.labels()[leaked] == ["AWSPREVIOUS"]
    second = job.run(force=True)

    assert (first.outcome, second.outcome) == ("rotated", "rotated")
    assert job.labels() == {second.version_id: ["AWSCURRENT"], first.version_id: ["AWSPREVIOUS"]}
    kept = job.service.client.get_secret_value(SecretId="app/token", VersionId=leaked)
    assert json.loads(kept["SecretString"])["access_token"] == "canary-leaked"
