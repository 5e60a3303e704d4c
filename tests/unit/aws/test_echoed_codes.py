"""What stands in the place of AWS and sends back what it received is not quoted as AWS's code."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rotator.aws.rotation_store import RotationStore
from rotator.aws.store import SecretsManagerStore
from rotator.errors import StoreError, VersionConflict
from rotator.model.secret import Secret, StoredSecret
from rotator.reader.failures import explain_response, explain_sdk_error
from tests.support.traces import assert_silent

SECRET = "cAnArYxQzWkLmPvtRbnHd"  # letters alone, as the codes of AWS are
VERSION = StoredSecret(secret_id="token", arn="arn:token", version_id="1" * 32)
TEXT = Secret(json.dumps({"client_id": "me", "client_secret": SECRET}))


class Echoing:
    """A client of something that answers every write with an error of this code."""

    def __init__(self, code: str, message: str = "x") -> None:
        self.code = code
        self.message = message

    def put_secret_value(self, **_: Any) -> dict[str, Any]:
        error = {"Error": {"Code": self.code, "Message": self.message}}
        raise ClientError({**error, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Any")  # type: ignore[typeddict-item]

    create_secret = put_secret_value


WRITES: dict[str, Callable[[object], object]] = {
    "put": lambda client: SecretsManagerStore(client).put(VERSION, TEXT, version_id="2" * 32),
    "create": lambda client: SecretsManagerStore(client).create(
        "new", description="", tags={}, text=TEXT
    ),
    "native rotation": lambda client: RotationStore(
        client, rotation_token=Secret(SECRET)
    ).put_labelled("token", Secret("{}"), version_id="2" * 32, stage="AWSPENDING"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize(
    "code", [SECRET, SECRET.upper(), SECRET[3:15], f"{SECRET}Exception", SECRET.encode().hex()]
)
def test_code_that_repeats_what_was_sent_is_not_shown(
    write: Callable[[object], object], code: str
) -> None:
    with pytest.raises(StoreError) as caught:
        write(Echoing(code))

    assert caught.value.aws_code is None
    assert_silent(f"{caught.value} {vars(caught.value)}", SECRET)
    assert "not from Secrets Manager" in str(caught.value)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("code", ["SomethingNewException", "AccessDeniedException"])
def test_code_of_aws_is_shown(write: Callable[[object], object], code: str) -> None:
    with pytest.raises(StoreError) as caught:
        write(Echoing(code))

    assert caught.value.aws_code == code


def create(client: Echoing, **fields: str) -> StoreError:
    text = Secret(json.dumps({"client_secret": SECRET, **fields}))
    with pytest.raises(StoreError) as caught:
        SecretsManagerStore(client).create("new", description="", tags={}, text=text)
    return caught.value


def test_field_of_the_credentials_does_not_hide_a_code_of_aws() -> None:
    """`resource` (RFC 8707) is a part of the code."""
    refused = create(Echoing("ResourceExistsException"), resource="https://api.example")
    assert isinstance(refused, VersionConflict)


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        ("secretsmanager:TagResource", "grant secretsmanager:TagResource"),
        (f"secretsmanager:C{SECRET}", "grant secretsmanager:CreateSecret"),
    ],
)
def test_action_that_repeats_what_was_sent_is_not_shown(action: str, shown: str) -> None:
    message = f"is not authorized to perform: {action} on resource: x"
    refused = create(Echoing("AccessDeniedException", message), resource="https://api.example")
    assert shown in str(refused)
    assert_silent(str(refused), SECRET)


@pytest.mark.parametrize(
    "code", ["tOkEn4f8ZyXwVuTsRqPoNmLkJi", "A" * 65, "eyJhbGciOiJub25lIn0", "x-y", "", "<b>"]
)
def test_reader_shows_no_code_that_cannot_be_one(code: str) -> None:
    refusal = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    by_sdk = explain_sdk_error(ClientError(refusal, "GetSecretValue"), "token", "AWSCURRENT")  # type: ignore[arg-type]
    direct = explain_response({"__type": code}, "token", "AWSCURRENT", status=400)

    for error in (by_sdk, direct):
        assert isinstance(error, StoreError)
        assert error.aws_code is None
        assert not code or code not in str(error)
