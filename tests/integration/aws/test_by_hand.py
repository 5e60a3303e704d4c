"""What people do to the secrets by hand, on the console or with the CLI; job and reader go on."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from rotator.aws.store import SecretsManagerStore
from rotator.errors import StoreError
from rotator.model.binding import Binding
from rotator.model.policy import RenewalPolicy
from rotator.reader import TokenReader, get_token
from rotator.rotation.rotate import RotationResult, rotate_token
from tests.support.clock import ManualClock
from tests.support.documents import HOUR, token_document
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.sdk_service import Service

NOW = datetime.now(UTC).replace(microsecond=0)
TOKEN, CREDENTIALS = "app/token", "app/credentials"
CLIENT = {"client_id": "my-client", "client_secret": "canary-secret"}
ELSEWHERE = "us-west-2"


class HandledSecrets:
    """Both secrets of a binding, the team's hands on them, and a run of the job."""

    def __init__(self, service: Service) -> None:
        self.client = service.client
        self.clock = ManualClock(NOW)
        self.endpoint = MemoryEndpoint(self.clock)
        self.client.create_secret(Name=CREDENTIALS, SecretString=json.dumps(CLIENT))
        self.client.create_secret(Name=TOKEN)

    def store(self, document: dict[str, Any], edit: Callable[[str], str] = str) -> str:
        """Put a token document, edited, as the current version; returns the version's id."""
        text = edit(json.dumps(document))
        answer = self.client.put_secret_value(SecretId=TOKEN, SecretString=text)
        return str(answer["VersionId"])

    def run(self, *, client: Any = None, **options: Any) -> RotationResult:  # noqa: ANN401 - made at run time
        return rotate_token(
            Binding(CREDENTIALS, TOKEN),
            store=SecretsManagerStore(client or self.client),
            endpoint=self.endpoint,
            policy=RenewalPolicy(),
            clock=self.clock,
            **options,
        )

    def stages(self) -> dict[str, list[str]]:
        described = self.client.describe_secret(SecretId=TOKEN)
        return dict(described["VersionIdsToStages"])

    def holder(self, stage: str) -> str:
        [version_id] = [each for each, stages in self.stages().items() if stage in stages]
        return version_id

    def move(self, stage: str, **versions: str) -> None:
        self.client.update_secret_version_stage(SecretId=TOKEN, VersionStage=stage, **versions)


@pytest.fixture
def secrets(service: Service) -> HandledSecrets:
    return HandledSecrets(service)


def document(text: str, *, age: timedelta = HOUR) -> dict[str, Any]:
    return token_document(text, issued_at=NOW - age)


def strings_for_numbers(text: str) -> str:
    return json.dumps({name: str(value) for name, value in json.loads(text).items()})


EDITS: dict[str, Callable[[str], str]] = {
    "a byte order mark": lambda text: f"\ufeff{text}",
    "pretty printing": lambda text: json.dumps(json.loads(text), indent=4),
    "line ends of Windows": lambda text: json.dumps(json.loads(text), indent=2).replace(
        "\n", "\r\n"
    ),
    "a key of the team's own": lambda text: json.dumps(json.loads(text) | {"note": "ask Blue"}),
    "a new line at the end": lambda text: f"{text}\n",
}


@pytest.mark.parametrize("edit", EDITS)
def test_fresh_token_edited_on_the_console_is_read_and_not_replaced(
    secrets: HandledSecrets, edit: str
) -> None:
    secrets.store(document("canary-stored"), EDITS[edit])
    assert secrets.run().outcome == "not_due"
    assert get_token(TOKEN) == "canary-stored"


@pytest.mark.parametrize("edit", EDITS)
def test_due_token_edited_on_the_console_is_replaced_by_a_document_as_it_should_be(
    secrets: HandledSecrets, edit: str
) -> None:
    secrets.store(document("canary-stored", age=23 * HOUR), EDITS[edit])
    assert secrets.run().reason == "cadence_reached"
    assert get_token(TOKEN) == "canary-new-1"
    written = json.loads(secrets.client.get_secret_value(SecretId=TOKEN)["SecretString"])
    assert isinstance(written["expires_at_epoch"], int)
    assert "note" not in written


def test_strings_for_numbers_are_read_and_written_as_numbers_by_the_next_run(
    secrets: HandledSecrets,
) -> None:
    """Shells and small clients count on the number, so the document is put right at once."""
    secrets.store(document("canary-stored"), strings_for_numbers)
    assert get_token(TOKEN) == "canary-stored"
    assert secrets.run().reason == "token_malformed"
    written = json.loads(secrets.client.get_secret_value(SecretId=TOKEN)["SecretString"])
    assert (written["schema"], type(written["expires_at_epoch"])) == (1, int)
    assert get_token(TOKEN) == "canary-new-1"


def test_credentials_edited_on_the_console_are_read(secrets: HandledSecrets) -> None:
    text = "\ufeff" + json.dumps(CLIENT, indent=4).replace("\n", "\r\n")
    secrets.client.put_secret_value(SecretId=CREDENTIALS, SecretString=text)
    assert secrets.run().outcome == "rotated"


def test_label_moved_back_makes_the_older_token_current_until_it_is_due(
    secrets: HandledSecrets,
) -> None:
    older = secrets.store(document("canary-older", age=2 * HOUR))
    newer = secrets.store(document("canary-newer"))
    secrets.move("AWSCURRENT", MoveToVersionId=older, RemoveFromVersionId=newer)
    assert secrets.run().version_id == older
    assert get_token(TOKEN) == "canary-older"

    secrets.clock.advance(21.5 * 3600)
    assert secrets.run().outcome == "rotated"
    assert get_token(TOKEN) == "canary-new-1"


def test_label_moved_back_to_an_expired_token_costs_one_run(secrets: HandledSecrets) -> None:
    older = secrets.store(document("canary-expired", age=25 * HOUR))
    newer = secrets.store(document("canary-newer"))
    secrets.move("AWSCURRENT", MoveToVersionId=older, RemoveFromVersionId=newer)
    assert get_token(TOKEN) == "canary-newer"  # as AWSPREVIOUS, while it is valid
    assert secrets.run().reason == "expired"
    assert get_token(TOKEN) == "canary-new-1"


def test_previous_version_deleted_by_its_label_changes_nothing(secrets: HandledSecrets) -> None:
    secrets.store(document("canary-older", age=2 * HOUR))
    secrets.store(document("canary-stored", age=23 * HOUR))
    previous = secrets.holder("AWSPREVIOUS")
    secrets.move("AWSPREVIOUS", RemoveFromVersionId=previous)
    assert secrets.run().outcome == "rotated"
    assert previous not in secrets.stages()
    assert get_token(TOKEN) == "canary-new-1"


def test_label_of_native_rotation_left_behind_does_not_stop_the_job(
    secrets: HandledSecrets,
) -> None:
    """Switched on and off again on the console, it leaves AWSPENDING where it stood."""
    secrets.store(document("canary-stored", age=23 * HOUR))
    pending = secrets.client.put_secret_value(
        SecretId=TOKEN,
        SecretString=json.dumps(document("canary-pending")),
        VersionStages=["AWSPENDING"],
    )["VersionId"]
    result = secrets.run()
    assert result.outcome == "rotated"
    assert "AWSPENDING" in secrets.stages()[pending]
    assert secrets.holder("AWSCURRENT") == result.version_id
    assert get_token(TOKEN) == "canary-new-1"


def test_secret_restored_from_deletion_goes_on_where_it_stopped(secrets: HandledSecrets) -> None:
    secrets.store(document("canary-stored", age=23 * HOUR))
    secrets.client.delete_secret(SecretId=TOKEN, RecoveryWindowInDays=7)
    with pytest.raises(StoreError, match="restore-secret") as caught:
        secrets.run()
    assert not caught.value.retryable
    assert secrets.endpoint.mints == 0

    secrets.client.restore_secret(SecretId=TOKEN)
    assert secrets.run().outcome == "rotated"
    assert get_token(TOKEN) == "canary-new-1"


def test_replica_promoted_by_hand_is_a_secret_of_its_own(secrets: HandledSecrets) -> None:
    """A job in the other region can keep it fresh from then on; before, the primary has to."""
    there = boto3.Session(region_name=ELSEWHERE).client("secretsmanager")
    secrets.store(document("canary-stored", age=23 * HOUR))
    for name in (TOKEN, CREDENTIALS):
        secrets.client.replicate_secret_to_regions(
            SecretId=name, AddReplicaRegions=[{"Region": ELSEWHERE}]
        )
    with pytest.raises(StoreError, match="replica") as caught:
        secrets.run(client=there)
    assert not caught.value.retryable

    for name in (TOKEN, CREDENTIALS):
        there.stop_replication_to_replica(SecretId=name)
    assert secrets.run(client=there).outcome == "rotated"
    with TokenReader(TOKEN, regions=(ELSEWHERE,)) as reader:
        assert reader.token() == "canary-new-2"
    assert get_token(TOKEN) == "canary-stored"  # the former primary is another secret now
    there.close()
