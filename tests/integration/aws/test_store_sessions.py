"""What the store can be made of, and the calls of native rotation, against the strict service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from botocore.config import Config

from rotator.aws.rotation_store import RotationStore
from rotator.aws.store import SecretsManagerStore, connect
from rotator.errors import StoreError, VersionConflict
from rotator.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sdk_service import Service

CANARY = "canary"
FIRST, SECOND = (f"{number:032d}" for number in (1, 2))


@pytest.mark.parametrize(
    "make",
    [
        boto3.Session,
        lambda: boto3.Session().client("secretsmanager"),
        botocore.session.get_session,
        lambda: botocore.session.get_session().create_client("secretsmanager"),
        connect,
        lambda: connect(session=boto3.Session(region_name="us-east-1"), region="eu-west-1"),
    ],
    ids=["boto3 session", "boto3 client", "botocore session", "botocore client", "ours", "region"],
)
def test_store_takes_sessions_and_clients_of_boto3_and_botocore(
    service: Service, make: Callable[[], object]
) -> None:
    service.client.create_secret(Name="a", SecretString=CANARY)
    store = SecretsManagerStore(make())
    assert store.read("a")[0].text == Secret(CANARY)
    store._client.close()  # noqa: SLF001 - the client of a session is nobody else's


@pytest.mark.usefixtures("service")
def test_client_of_our_own_comes_from_a_boto3_session() -> None:
    from rotator.aws.store import _open_session

    assert isinstance(_open_session(Config(), None), boto3.Session)


@pytest.mark.usefixtures("service")
def test_requests_name_rotator_and_the_sdk_for_the_trail_of_the_account() -> None:
    client: Any = connect()
    sent: list[str] = []
    client.meta.events.register(
        "before-send.*", lambda request, **_: sent.append(request.headers["User-Agent"].decode())
    )
    client.list_secrets()
    assert sent == [f"rotator Botocore/{botocore.__version__}"]
    client.close()


@pytest.mark.usefixtures("service")
def test_clients_that_fetch_credentials_are_as_patient_as_ours() -> None:
    """STS waits 60 s five times by default: longer than any run may take."""
    from rotator.aws.store import _open_session

    client: Any = connect()
    session: Any = _open_session(client.meta.config, None)
    sts = session.client("sts", region_name="eu-west-1")
    assert (sts.meta.config.connect_timeout, sts.meta.config.read_timeout) == (3, 10)
    client.close()
    sts.close()


@pytest.mark.usefixtures("service")
def test_clients_that_fetch_credentials_are_in_the_region_of_the_job() -> None:
    """AWS_REGION is ours: the SDK itself looks at AWS_DEFAULT_REGION alone."""
    from rotator.aws.store import _open_session

    session: Any = _open_session(Config(), "eu-north-1")
    assert session.region_name == "eu-north-1"
    assert session.client("sts").meta.region_name == "eu-north-1"


@pytest.fixture
def store(service: Service) -> RotationStore:
    service.client.create_secret(Name="a", SecretString="old", ClientRequestToken=FIRST)
    return RotationStore(service.client)


def test_pending_value_is_put_beside_the_current_one(store: RotationStore) -> None:
    store.with_token(Secret("r" * 36)).put_labelled(
        "a", Secret(CANARY), version_id=SECOND, stage="AWSPENDING"
    )
    assert store.rotation_state("a").stages == {FIRST: ("AWSCURRENT",), SECOND: ("AWSPENDING",)}
    assert store.read("a")[0].text == Secret("old")
    pending = store.read_version("a", SECOND)
    assert pending is not None
    assert pending.text == Secret(CANARY)
    with pytest.raises(VersionConflict):
        store.put_labelled("a", Secret("other"), version_id=SECOND, stage="AWSPENDING")


def test_label_moves_only_from_where_it_was_seen(store: RotationStore) -> None:
    store.put_labelled("a", Secret(CANARY), version_id=SECOND, stage="AWSPENDING")
    with pytest.raises(VersionConflict, match="label has moved meanwhile") as caught:
        store.move_stage("a", "AWSCURRENT", move_to=FIRST, remove_from=SECOND)
    assert isinstance(caught.value, StoreError)
    store.move_stage("a", "AWSCURRENT", move_to=SECOND, remove_from=FIRST)
    store.move_stage("a", "AWSPENDING", move_to=None, remove_from=SECOND)
    assert store.rotation_state("a").stages == {FIRST: ("AWSPREVIOUS",), SECOND: ("AWSCURRENT",)}
