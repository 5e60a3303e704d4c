"""A root logger at debug level, as a Lambda function's log settings make it, shows no secret."""

import json
import logging
import threading
from typing import Any

import botocore.session
import pytest

from rotator.aws.store import SecretsManagerStore, connect
from rotator.errors import VersionConflict
from rotator.model.secret import Secret, StoredSecret
from rotator.reader import get_token
from tests.support.wire import Wire

CANARY = "canary-of-a-secret"
NAME = "photoshop/token"
ID = "0" * 32


@pytest.fixture(autouse=True)
def debug_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def secret_with(wire: Wire, **fields: object) -> None:
    text = json.dumps({"access_token": CANARY, "expires_at_epoch": 4_000_000_000} | fields)
    wire.secrets_manager.ask("CreateSecret", Name=NAME, SecretString=text)


def test_what_the_store_reads_is_not_logged(
    strict_aws: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    secret_with(strict_aws)
    store = SecretsManagerStore(connect())
    [read] = store.read(NAME)
    assert read.text is not None
    assert CANARY in read.text.reveal()
    assert store.read_version(NAME, read.version_id or "") is not None
    assert "botocore" in caplog.text
    assert CANARY not in caplog.text


def test_what_the_store_writes_is_not_logged_even_if_it_is_refused(
    strict_aws: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    secret_with(strict_aws)
    store = SecretsManagerStore(connect())
    [read] = store.read(NAME)
    written = StoredSecret(NAME, read.arn)
    store.put(written, Secret(CANARY), version_id=ID)
    with pytest.raises(VersionConflict):
        store.put(written, Secret(CANARY + "2"), version_id=ID)
    assert CANARY not in caplog.text


def test_what_the_reader_reads_is_not_logged(
    strict_aws: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    secret_with(strict_aws)
    assert get_token(NAME) == CANARY
    assert "botocore" in caplog.text
    assert CANARY not in caplog.text


def test_other_calls_are_logged_as_before_even_at_the_same_time(
    strict_aws: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    secret_with(strict_aws)
    client: Any = botocore.session.get_session().create_client("secretsmanager")
    store = SecretsManagerStore(connect())

    def others(_call: object) -> None:
        strict_aws.before = lambda _: None
        thread = threading.Thread(target=lambda: client.get_secret_value(SecretId=NAME))
        thread.start()
        thread.join()

    strict_aws.before = others
    store.read(NAME)
    assert caplog.text.count(CANARY) == 1
    client.close()
