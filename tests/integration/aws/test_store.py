"""The store over botocore, against moto's Secrets Manager."""

import json

import pytest

from rotator.aws.store import SecretsManagerStore
from rotator.errors import ConfigError, SecretNotFound, StoreError, VersionConflict
from rotator.model.secret import MAX_SECRET_BYTES, Secret, StoredSecret
from tests.support.errors_of import CANARY, lone_error
from tests.support.sdk_service import Service

FIRST, SECOND = (f"{n:08d}-0000-4000-8000-000000000000" for n in (1, 2))
BOTH = [Secret("canary-a"), Secret("canary-b")]


# Reading


def test_two_secrets_are_read_with_one_call(service: Service) -> None:
    first = service.client.create_secret(Name="a", SecretString="canary-a")
    second = service.client.create_secret(Name="b", SecretString="canary-b")
    service.calls.clear()
    assert [each._replace(created_at=None) for each in service.store.read("b", "a")] == [
        StoredSecret("b", second["ARN"], second["VersionId"], Secret("canary-b"), ("AWSCURRENT",)),
        StoredSecret("a", first["ARN"], first["VersionId"], Secret("canary-a"), ("AWSCURRENT",)),
    ]
    assert service.calls == ["BatchGetSecretValue"]


def test_one_secret_is_read_with_one_call(service: Service) -> None:
    service.client.create_secret(Name="a", SecretString="canary")
    service.calls.clear()
    [read, again] = service.store.read("a", "a")
    assert read == again
    assert service.calls == ["GetSecretValue"]


@pytest.mark.parametrize("batch_denied", [False, True])
def test_name_arn_and_partial_arn_lead_to_the_same_secret(
    service: Service, *, batch_denied: bool
) -> None:
    arn = service.client.create_secret(Name="app/my-token", SecretString="canary")["ARN"]
    service.client.create_secret(Name="app/my", SecretString="canary of another")
    partial = arn.rpartition("-")[0]
    if batch_denied:
        service.refuse("BatchGetSecretValue", "AccessDeniedException")
    service.calls.clear()
    read = service.store.read("app/my-token", arn, partial, "app/my")
    assert [secret.secret_id for secret in read] == ["app/my-token", arn, partial, "app/my"]
    assert [secret.arn == arn for secret in read] == [True, True, True, False]
    assert {secret.text for secret in read[:3]} == {Secret(CANARY)}
    assert service.calls == ["BatchGetSecretValue"] + 4 * batch_denied * ["GetSecretValue"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"__type": "AccessDeniedException", "message": "not authorized"}'),
        (400, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'),
        (501, b'{"__type": "InternalFailure", "message": "not implemented"}'),
        (501, b"<h1>501</h1>"),
    ],
)
def test_read_falls_back_to_single_reads_where_batch_reads_fail(
    service: Service, status: int, body: bytes
) -> None:
    service.create("a", "b")
    service.answer("BatchGetSecretValue", status, body)
    service.calls.clear()
    assert [each.text for each in service.store.read("a", "b")] == BOTH
    assert service.calls == ["BatchGetSecretValue", "GetSecretValue", "GetSecretValue"]


@pytest.mark.parametrize("answer", [{}, {"SecretValues": []}])
def test_what_a_batch_leaves_out_is_read_by_itself(
    service: Service, answer: dict[str, object]
) -> None:
    service.create("a", "b")
    service.answer("BatchGetSecretValue", 200, json.dumps(answer).encode())
    assert [each.text for each in service.store.read("a", "b")] == BOTH


def test_secret_without_a_value_is_there_but_empty(service: Service) -> None:
    service.client.create_secret(Name="a", SecretString="canary")
    arn = service.client.create_secret(Name="empty")["ARN"]
    empty = StoredSecret(secret_id="empty", arn=arn, tags={})
    assert service.store.read("a", "empty")[1] == service.store.read("empty")[0] == empty


def test_error_of_a_batch_for_an_empty_secret_spares_the_single_read(service: Service) -> None:
    first = service.client.create_secret(Name="a", SecretString="canary")
    service.client.create_secret(Name="empty")
    entry = {
        "ARN": first["ARN"],
        "Name": "a",
        "VersionId": first["VersionId"],
        "SecretString": "canary",
        "VersionStages": ["AWSCURRENT"],
    }
    missing = {"SecretId": "empty", "ErrorCode": "ResourceNotFoundException", "Message": "no value"}
    body = json.dumps({"SecretValues": [entry], "Errors": [missing]}).encode()
    service.answer("BatchGetSecretValue", 200, body)
    service.calls.clear()
    assert service.store.read("a", "empty")[1].version_id is None
    assert service.calls == ["BatchGetSecretValue", "DescribeSecret"]


def test_binary_value_reads_as_an_empty_text(service: Service) -> None:
    service.client.create_secret(Name="a", SecretBinary=b"canary")
    [read] = service.store.read("a")
    assert read.text == Secret("")
    assert read.version_id is not None


def test_pending_version_is_never_read(service: Service) -> None:
    service.create("a", "b")
    service.client.put_secret_value(
        SecretId="a", SecretString="pending", VersionStages=["AWSPENDING"]
    )
    assert service.store.read("a", "b")[0].text == Secret("canary-a")
    assert service.store.read("a")[0].text == Secret("canary-a")


def test_version_that_is_not_current_is_never_taken_from_a_batch(service: Service) -> None:
    service.create("a", "b")
    entry = service.client.get_secret_value(SecretId="a")
    old = {"SecretString": "of-yesterday", "VersionId": FIRST, "VersionStages": ["AWSPREVIOUS"]}
    body = {"SecretValues": [{key: entry[key] for key in ("ARN", "Name")} | old]}
    service.answer("BatchGetSecretValue", 200, json.dumps(body).encode())

    assert [each.text for each in service.store.read("a", "b")] == BOTH


def test_version_is_found_by_its_id_whatever_its_labels(service: Service) -> None:
    service.client.create_secret(Name="a", SecretString="canary-1", ClientRequestToken=FIRST)
    service.client.put_secret_value(
        SecretId="a", SecretString="canary-2", ClientRequestToken=SECOND
    )
    found = service.store.read_version("a", FIRST)
    assert found is not None
    assert found.text == Secret("canary-1")
    assert "AWSCURRENT" not in found.stages
    assert service.store.read_version("a", "00000000-0000-4000-8000-00000000dead") is None


# Writing


def read_one(store: SecretsManagerStore, name: str) -> StoredSecret:
    [secret] = store.read(name)
    return secret


def test_put_makes_the_new_version_current(service: Service) -> None:
    service.client.create_secret(Name="a")
    service.store.put(read_one(service.store, "a"), Secret(CANARY), version_id=FIRST)
    written = read_one(service.store, "a")
    assert (written.version_id, written.text) == (FIRST, Secret(CANARY))
    assert written.stages == ("AWSCURRENT",)


def test_put_of_the_same_content_again_changes_nothing(service: Service) -> None:
    service.client.create_secret(Name="a", SecretString="canary-1")
    seen = read_one(service.store, "a")
    service.store.put(seen, Secret("canary-2"), version_id=SECOND)
    service.store.put(seen, Secret("canary-2"), version_id=SECOND)
    versions = service.client.list_secret_version_ids(SecretId="a", IncludeDeprecated=True)
    assert len(versions["Versions"]) == 2


def test_put_under_a_taken_id_is_a_conflict_and_writes_nothing(service: Service) -> None:
    service.client.create_secret(Name="a", SecretString="canary-1")
    seen = read_one(service.store, "a")
    service.store.put(seen, Secret("canary-2"), version_id=SECOND)
    error = lone_error(lambda: service.store.put(seen, Secret(f"{CANARY}-3"), version_id=SECOND))
    assert isinstance(error, VersionConflict)
    assert error.aws_code == "ResourceExistsException"
    assert read_one(service.store, "a").text == Secret("canary-2")


# API reference, PutSecretValue, response elements: those of the version that was written.
OF_ANOTHER_WRITE = [
    {"VersionId": SECOND},
    {"VersionId": None},
    {"VersionStages": ["AWSPREVIOUS"]},
    {"VersionStages": []},
    {"VersionStages": None},
    {"ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf"},
]


@pytest.mark.parametrize("changes", OF_ANOTHER_WRITE)
@pytest.mark.parametrize("written", [None, CANARY, "of a rival", "moved aside"])
def test_response_of_another_write_is_believed_only_once_it_is_read(
    service: Service, changes: dict[str, object], written: str | None
) -> None:
    arn = service.client.create_secret(Name="a", SecretString="canary-1")["ARN"]
    seen = read_one(service.store, "a")
    if written is not None:
        text = CANARY if written == "moved aside" else written
        service.store.put(seen, Secret(text), version_id=FIRST)
    if written == "moved aside":
        service.client.put_secret_value(SecretId="a", SecretString="later")
    response = {"ARN": arn, "Name": "a", "VersionId": FIRST, "VersionStages": ["AWSCURRENT"]}
    service.answer("PutSecretValue", 200, json.dumps(response | changes).encode())
    if written == CANARY:
        service.store.put(seen, Secret(CANARY), version_id=FIRST)
        return
    error = lone_error(lambda: service.store.put(seen, Secret(CANARY), version_id=FIRST))
    assert isinstance(error, StoreError)
    assert error.retryable
    assert isinstance(error, VersionConflict) == (written is not None)


def test_value_over_the_limit_is_refused_without_a_call(service: Service) -> None:
    service.client.create_secret(Name="a", SecretString="canary")
    seen = read_one(service.store, "a")
    service.calls.clear()
    wide = "\u00e4" * (MAX_SECRET_BYTES // 2)
    error = lone_error(lambda: service.store.put(seen, Secret(wide + "x"), version_id=SECOND))
    assert str(error) == ("secret a: the new value has 65537 bytes, Secrets Manager takes 65536")
    assert isinstance(error, StoreError)
    assert not error.retryable
    assert service.calls == []
    service.store.put(seen, Secret(wide), version_id=SECOND)


def test_created_secret_has_what_it_was_given(service: Service) -> None:
    service.store.create("empty", description="a token", tags={"rotator:credentials-secret": "c"})
    service.store.create(
        "full", description="d", tags={}, text=Secret(CANARY), kms_key_id="alias/k"
    )
    empty, full = service.store.describe("empty"), service.store.describe("full")
    assert empty.tags == {"rotator:credentials-secret": "c"}
    assert (empty.has_value, full.has_value) == (False, True)
    described = service.client.describe_secret(SecretId="full")
    assert (full.arn, described["KmsKeyId"]) == (described["ARN"], "alias/k")
    error = lone_error(lambda: service.store.create("full", description="d", tags={}))
    assert isinstance(error, VersionConflict)
    assert "full" in str(error)


def test_tag_replaces_the_value_of_the_same_key(service: Service) -> None:
    service.client.create_secret(Name="a", Tags=[{"Key": "k", "Value": "old"}])
    service.store.tag("a", {"k": "new", "l": "more"})
    assert service.store.describe("a").tags == {"k": "new", "l": "more"}


# Refusals

DENIED, KMS, CALLER = (
    "grant secretsmanager:{} on it",
    "its KMS key refused",
    "does not accept these AWS credentials",
)
AGAIN = "temporarily unavailable"
NAMED_KMS = (
    "User: role/kms-admins/x is not authorized to perform: secretsmanager:X on my-kms-secret"
)
BY_KMS = "User: x is not authorized to perform: kms:Decrypt on this resource"
DELETED = "You can't perform this operation on the secret because it was marked for deletion."
REFUSALS = [
    (400, "AccessDeniedException", "User: x is not authorized", DENIED),
    (400, "AccessDeniedException", NAMED_KMS, DENIED),
    (400, "AccessDeniedException", "Access to KMS is not allowed", KMS),
    (400, "AccessDeniedException", BY_KMS, KMS),
    (400, "DecryptionFailure", "", KMS),
    (400, "EncryptionFailure", "", KMS),
    (400, "InvalidRequestException", DELETED, "restore-secret"),
    (400, "InvalidRequestException", "something else", "refused ({}: InvalidRequest"),
    (400, "LimitExceededException", "", "({}: LimitExceeded"),
    (400, "ExpiredTokenException", "", CALLER),
    (400, "UnrecognizedClientException", "", CALLER),
    (400, "InvalidSignatureException", "", CALLER),
    (400, "ThrottlingException", "Rate exceeded", AGAIN),
    (500, "InternalServiceError", "", AGAIN),
    (503, "Whatever", "", AGAIN),
]


@pytest.mark.parametrize(("status", "code", "message", "says"), REFUSALS)
@pytest.mark.parametrize("operation", ["GetSecretValue", "PutSecretValue", "DescribeSecret"])
def test_refusal_names_the_secret_and_the_way_out(
    *, service: Service, operation: str, status: int, code: str, message: str, says: str
) -> None:
    calls = {
        "GetSecretValue": lambda: service.store.read("app/token"),
        "PutSecretValue": lambda: service.store.put(
            StoredSecret("app/token", "arn"), Secret(CANARY), version_id=FIRST
        ),
        "DescribeSecret": lambda: service.store.describe("app/token"),
    }
    service.refuse(operation, code, f"{message} canary", status=status)
    error = lone_error(calls[operation])
    assert isinstance(error, StoreError)
    assert (error.operation, error.secret_id, error.aws_code) == (operation, "app/token", code)
    assert error.retryable is (says == AGAIN)
    assert str(error).startswith("secret app/token: ")
    assert says.format(operation) in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("others", [(), ("there",)])
def test_missing_secret_is_told_with_the_way_out(service: Service, others: tuple[str, ...]) -> None:
    service.client.create_secret(Name="there", SecretString="canary")
    error = lone_error(lambda: service.store.read(*others, "missing"))
    assert isinstance(error, SecretNotFound)
    assert str(error).startswith("secret missing: does not exist in this account and region")
    assert not error.retryable


@pytest.mark.parametrize("others", [(), ("there",)])
def test_secret_scheduled_for_deletion_is_told_with_the_way_out(
    service: Service, others: tuple[str, ...]
) -> None:
    service.client.create_secret(Name="there", SecretString="canary")
    service.client.create_secret(Name="gone", SecretString="canary")
    service.client.delete_secret(SecretId="gone")
    for call in (
        lambda: service.store.read(*others, "gone"),
        lambda: service.store.describe("gone"),
    ):
        region = service.client.meta.region_name
        restore = f"aws secretsmanager restore-secret --secret-id gone --region {region}"
        assert str(lone_error(call)).endswith(restore)


def test_single_read_that_fails_too_is_the_last_call(service: Service) -> None:
    for operation in ("BatchGetSecretValue", "GetSecretValue"):
        service.refuse(operation, "ThrottlingException")
    assert lone_error(lambda: service.store.read("a", "b")).retryable
    assert service.calls == ["BatchGetSecretValue", "GetSecretValue"]


def test_name_that_is_none_is_a_setting_to_mend(service: Service) -> None:
    error = lone_error(lambda: service.store.describe(""))
    assert isinstance(error, ConfigError)
    assert "is not a valid secret name or ARN" in str(error)
