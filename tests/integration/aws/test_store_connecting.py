"""How the store finds its service, and what it says where there is none."""

import json
from functools import partial
from typing import Any, cast

import pytest
from botocore.exceptions import ConnectTimeoutError

from rotator.aws.fleet_store import FleetStore
from rotator.aws.store import SecretsManagerStore, connect
from rotator.errors import ConfigError, StoreError
from rotator.fleet.discovery import discover
from rotator.model.secret import Secret
from rotator.reader import TokenReader
from tests.support.errors_of import CANARY, lone_error
from tests.support.sdk_service import Service

FIRST, SECOND = (f"{n:08d}-0000-4000-8000-000000000000" for n in (1, 2))


def test_connection_reads_what_the_environment_names(service: Service) -> None:
    service.client.create_secret(Name="a", SecretString="canary")
    client: Any = connect()
    with_region: Any = connect("eu-west-1")
    assert SecretsManagerStore(client).read("a")[0].text == Secret(CANARY)
    assert SecretsManagerStore(with_region).read("a")[0].text == Secret(CANARY)
    client.close()
    with_region.close()


@pytest.mark.usefixtures("service")
def test_two_calls_that_hang_leave_time_for_the_mint_before_the_next_run() -> None:
    config = cast("Any", connect()).meta.config
    hanging_s = config.retries["total_max_attempts"] * config.read_timeout
    mint_s, default_interval_s = 30, 15 * 60

    assert 2 * hanging_s + mint_s < default_interval_s
    assert config.read_timeout <= 10
    assert config.connect_timeout <= 5


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("name", "value", "subject"),
    [
        ("AWS_DEFAULT_REGION", None, "AWS region: not set; set AWS_REGION"),
        ("AWS_DEFAULT_REGION", "no region", "AWS region: is not the name of a region"),
        ("AWS_PROFILE", "nobody", "AWS_PROFILE: there is no such profile"),
        ("AWS_ENDPOINT_URL", "no url", "AWS_ENDPOINT_URL: is not a URL"),
    ],
)
def test_setting_that_does_not_lead_to_a_service_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, subject: str
) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    error = lone_error(connect)
    assert isinstance(error, ConfigError)
    assert str(error).startswith(subject)


def test_empty_region_is_not_told_as_a_wrong_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "")

    assert str(lone_error(connect)) == "AWS_DEFAULT_REGION: is empty; set AWS_REGION"


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:99999"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:port"),
        ("AWS_SESSION_TOKEN", "session\n"),
        ("AWS_ACCESS_KEY_ID", "key\nid"),
        ("AWS_DEFAULT_REGION", "us-east-1\n"),
        ("SSLKEYLOGFILE", "/does/not/exist/keys"),
    ],
)
def test_setting_that_no_request_can_be_made_with_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The SDK finds it while it sends, and calls it a failure of the network."""
    scheme = "https" if name == "SSLKEYLOGFILE" else "http"
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{scheme}://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    error = lone_error(lambda: SecretsManagerStore(connect()).read("a"))
    assert isinstance(error, ConfigError)
    assert str(error).startswith(f"{name}: ")
    assert value.strip() not in str(error)


@pytest.mark.usefixtures("service")
def test_region_with_a_line_break_is_not_taken_for_a_wrong_endpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1\n")
    error = lone_error(lambda: SecretsManagerStore(connect()).read("a"))
    assert str(error) == "AWS_DEFAULT_REGION: has a line break; set it without"


@pytest.mark.usefixtures("service")
def test_missing_aws_credentials_are_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as environment:
        environment.delenv("AWS_ACCESS_KEY_ID")
        client: Any = connect()
        for ids in (("a",), ("a", "b")):
            error = lone_error(partial(SecretsManagerStore(client).read, *ids))
            assert isinstance(error, ConfigError)
            assert str(error).startswith("AWS credentials: none found; set AWS_PROFILE")
        client.close()


def test_unreachable_service_is_temporary(service: Service) -> None:
    def fail(**_: object) -> None:
        raise ConnectTimeoutError(endpoint_url="https://canary.example")

    service.client.meta.events.register_first("before-send.secretsmanager", fail)
    error = lone_error(lambda: SecretsManagerStore(service.client).read("a"))
    assert isinstance(error, StoreError)
    assert error.retryable
    assert error.aws_code is None
    assert "cannot be reached" in str(error)


@pytest.mark.parametrize(
    "changes", [{"VersionId": None}, {"ARN": None}, {"Name": 1}, {"SecretString": 1}]
)
def test_answer_that_describes_no_version_is_refused(
    service: Service, changes: dict[str, object]
) -> None:
    entry = {"ARN": "arn", "Name": "app/token", "VersionId": "v", "VersionStages": ["AWSCURRENT"]}
    body = json.dumps(entry | {"SecretString": "canary"} | changes).encode()
    service.answer("GetSecretValue", 200, body)
    service.answer("BatchGetSecretValue", 200, b'{"SecretValues": [%s]}' % body)
    for secret_ids in (("app/token",), ("app/token", "app/other")):
        with pytest.raises(StoreError, match="the response is not from Secrets Manager"):
            service.store.read(*secret_ids)


@pytest.mark.parametrize(
    ("status", "body", "retryable"),
    [
        (200, b"<html>canary</html>", True),
        (200, b"", True),
        (200, b"{}", True),
        (200, b'["canary"]', True),
        (200, b'"canary"', True),
        (200, b"null", True),
        (200, b"\xff\xfecanary", True),
        (400, b'["canary"]', False),
        (301, b"", False),
        (307, b"<html>canary</html>", False),
        (403, b"<html>canary</html>", False),
        (407, b"", False),
        (429, b"canary", True),
    ],
)
def test_response_of_another_server_is_told_as_one_by_job_and_reader(
    service: Service, status: int, body: bytes, *, retryable: bool
) -> None:
    """A captive portal, a proxy's error page: nothing is known of the secret, nor wrong with it."""
    for operation in ("GetSecretValue", "DescribeSecret"):
        service.answer(operation, status, body)
    reader = TokenReader("a", client=service.client, background=False)
    for call in (
        lambda: service.store.read("a"),
        lambda: service.store.describe("a"),
        reader.token,
    ):
        error = lone_error(call)
        assert isinstance(error, StoreError)
        assert (error.retryable, error.aws_code) == (retryable, None)
        where = f"not from Secrets Manager ({error.operation}: HTTP {status}), but from a proxy"
        assert where in str(error)
        assert "check AWS_ENDPOINT_URL, the proxy and the network" in str(error)


@pytest.mark.parametrize("body", [b"<html>canary</html>", b"{}", b""])
def test_page_of_another_server_is_no_empty_list_of_secrets(service: Service, body: bytes) -> None:
    service.answer("ListSecrets", 200, body)
    listed = FleetStore(service.client).list_tagged("rotator:credentials-secret", {})
    error = lone_error(lambda: list(listed))
    assert isinstance(error, StoreError)
    assert "the response is not from Secrets Manager (ListSecrets: HTTP 200)" in str(error)


ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:good-AbCdEf"
TAGS = [{"Key": "rotator:credentials-secret", "Value": "c"}]
GOOD = {"ARN": ARN, "Name": "good", "Tags": TAGS, "CreatedDate": 1.7e9}


@pytest.mark.parametrize(
    ("odd", "is_listed"),
    [
        ({"CreatedDate": "yesterday"}, True),
        ({"LastChangedDate": {}}, True),
        ({"DeletedDate": 1e300}, True),
        ({"SecretVersionsToStages": ["v"]}, True),
        ({"RotationRules": "never"}, True),
        ({"PrimaryRegion": 7}, True),
        ({"ARN": None}, False),
        ({"Name": ["odd"]}, False),
        ({"Tags": "all"}, False),
        ({"Tags": [None, 7, {"Key": 7}]}, False),
        (None, False),
        ("odd", False),
        (["odd"], False),
    ],
    ids=str,
)
def test_entry_that_the_sdk_cannot_parse_costs_no_other_its_place_in_the_list(
    service: Service, odd: object, *, is_listed: bool
) -> None:
    named = GOOD | {"ARN": ARN.replace("good", "odd"), "Name": "odd"}
    entry = named | odd if isinstance(odd, dict) else odd
    page = {"SecretList": [GOOD, entry, GOOD]}
    service.answer("ListSecrets", 200, json.dumps(page).encode())

    listed = list(FleetStore(service.client).list_tagged("rotator:credentials-secret", {}))

    names = [each.name for each in listed if each]
    assert names == (["good", "odd", "good"] if is_listed else ["good", "good"])


@pytest.mark.parametrize("token", [7, True, ["next"], {"next": 1}])
def test_list_whose_continuation_is_no_text_breaks_off(service: Service, token: object) -> None:
    page = {"SecretList": [GOOD], "NextToken": token}
    service.answer("ListSecrets", 200, json.dumps(page).encode())

    selection = discover(FleetStore(service.client), {})

    assert [each.binding.token_secret for each in selection.bindings] == ["good"]
    assert "list of secrets: does not end" in str(selection.broken_off)


@pytest.mark.parametrize("body", [b"<html>canary</html>", b"{}", b""])
def test_page_of_another_server_is_no_tag(service: Service, body: bytes) -> None:
    service.client.create_secret(Name="a", Tags=[{"Key": "k", "Value": "old"}])
    service.answer("TagResource", 200, body)
    error = lone_error(lambda: service.store.tag("a", {"k": "new"}))
    assert isinstance(error, StoreError)
    assert error.retryable
    assert "the response is not from Secrets Manager (TagResource: HTTP 200)" in str(error)


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_tag_that_is_there_counts_whatever_the_response_looks_like(
    service: Service, body: bytes
) -> None:
    """Stand-ins for the service answer with another content type: moto with that of a page."""
    service.client.create_secret(Name="a", Tags=[{"Key": "k", "Value": "v"}])
    service.answer("TagResource", 200, body)
    service.store.tag("a", {"k": "v"})
    assert service.calls[-2:] == ["TagResource", "DescribeSecret"]
