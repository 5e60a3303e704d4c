"""The queue of a fleet's workers: only what it acknowledges is sent, and what it refuses is told
in its own words."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from rotator.aws.queue import locate, send_messages
from rotator.errors import RotatorError
from tests.support.clock import ManualClock
from tests.support.environment import clear_environment
from tests.support.http_server import HttpServer, Reply, json_reply

VPC_ENDPOINT = "https://vpce-0a1b-2c3d.sqs.us-east-2.vpce.amazonaws.com"
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/due"


def acknowledge(entries: list[dict[str, str]], *, but: tuple[str, ...] = ()) -> dict[str, Any]:
    ids = [each["Id"] for each in entries if each["MessageBody"] not in but]
    return {"Successful": [{"Id": id_, "MessageId": "m"} for id_ in ids]}


class Sqs:
    """Takes every message, but for what it is told to answer first."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.sent: list[list[str]] = []

    def send_message_batch(self, **params: Any) -> dict[str, Any]:
        entries = params["Entries"]
        self.sent.append([each["MessageBody"] for each in entries])
        answer = self.answers.pop(0) if self.answers else acknowledge
        if isinstance(answer, Exception):
            raise answer
        found: dict[str, Any] = answer(entries) if callable(answer) else answer
        return found


def send(client: Sqs, count: int = 1, **options: Any) -> dict[int, RotatorError]:
    bodies = [str(number) for number in range(count)]
    clock = ManualClock()
    return send_messages(URL, bodies, client=client, clock=clock, **options)


def refusing(body: str, **entry: Any) -> Any:  # noqa: ANN401 - what makes a response
    """The response in which one message is refused, the others are taken."""

    def respond(entries: list[dict[str, str]]) -> dict[str, Any]:
        [id_] = [each["Id"] for each in entries if each["MessageBody"] == body]
        return {**acknowledge(entries, but=(body,)), "Failed": [{"Id": id_, **entry}]}

    return respond


def refusal(code: str, status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "SendMessageBatch")


UNREACHABLE = EndpointConnectionError(endpoint_url="https://sqs.example")


def test_messages_go_ten_a_call() -> None:
    client = Sqs()

    assert send(client, 12) == {}
    assert [len(batch) for batch in client.sent] == [10, 2]


def test_message_that_fails_for_now_is_sent_again_alone() -> None:
    client = Sqs(refusing("3", Code="InternalError", SenderFault=False))

    assert send(client, 12) == {}
    assert client.sent[2:] == [["3"]]


def test_message_that_the_response_does_not_mention_is_not_sent() -> None:
    client = Sqs(lambda entries: acknowledge(entries, but=("1",)))

    assert send(client, 2) == {}
    assert client.sent == [["0", "1"], ["1"]]


def test_message_that_fails_again_and_again_is_given_up_and_named() -> None:
    client = Sqs(*[refusing("0", Code="ServiceUnavailable", SenderFault=False)] * 3)

    failed = send(client)

    assert str(failed[0]) == (
        f"queue {URL}: SQS is temporarily unavailable (SendMessage: ServiceUnavailable)"
    )
    assert failed[0].retryable
    assert client.sent == [["0"]] * 3


def test_throttling_is_temporary_whoever_is_at_fault() -> None:
    client = Sqs(refusing("0", Code="RequestThrottled", SenderFault=True))

    assert send(client) == {}


def test_message_that_is_refused_is_named_with_its_code_and_not_sent_again() -> None:
    client = Sqs(refusing("1", Code="InvalidMessageContents", SenderFault=True))

    failed = send(client, 3)

    assert list(failed) == [1]
    assert str(failed[1]) == (
        f"queue {URL}: SQS refused the message (SendMessage: InvalidMessageContents); look the code"
        " up in the API reference of SQS, SendMessage"
    )
    assert not failed[1].retryable
    assert client.sent == [["0", "1", "2"]]


@pytest.mark.parametrize("response", [{}, {"Failed": []}, {"Successful": "all"}])
def test_response_that_is_not_of_sqs_acknowledges_nothing(response: dict[str, Any]) -> None:
    failed = send(Sqs(*[response] * 3), 2)

    assert list(failed) == [0, 1]
    assert "the response is not from SQS (SendMessage: HTTP 200)" in str(failed[0])
    assert failed[0].retryable


def test_time_that_is_used_up_ends_the_attempts() -> None:
    client = Sqs(*[UNREACHABLE] * 3)

    assert list(send(client, remaining_s=0.5)) == [0]
    assert len(client.sent) == 1


def test_queue_that_fails_as_a_whole_is_not_called_for_every_batch() -> None:
    client = Sqs(*[UNREACHABLE] * 3)

    failed = send(client, 1_000)

    assert len(failed) == 1_000
    assert len(client.sent) == 3


PERMANENT = {
    "AccessDenied": "access denied; grant sqs:SendMessage on it to this role",
    "AWS.SimpleQueueService.NonExistentQueue": "does not exist; check ROTATOR_QUEUE_URL",
    "QueueDoesNotExist": "does not exist; check ROTATOR_QUEUE_URL",
    "InvalidAddress": "is not a queue of this account and region; check ROTATOR_QUEUE_URL",
    "MissingParameter": "wants parameters that only a FIFO queue needs; use a standard queue",
    "KMS.AccessDeniedException": "its KMS key refused (AccessDeniedException); grant"
    " kms:GenerateDataKey and kms:Decrypt on the key to this role, and check that it is enabled",
}
UNAVAILABLE = "SQS is temporarily unavailable (SendMessage: {})"


@pytest.mark.parametrize(
    ("error", "text", "retryable"),
    [
        *((refusal(code), text, False) for code, text in PERMANENT.items()),
        (refusal("RequestThrottled"), UNAVAILABLE.format("RequestThrottled"), True),
        (refusal("InternalFailure", 500), UNAVAILABLE.format("InternalFailure"), True),
        (UNREACHABLE, "SQS cannot be reached (SendMessage: EndpointConnectionError)", True),
    ],
)
def test_refusal_names_the_queue_and_its_permission(
    error: Exception, text: str, *, retryable: bool
) -> None:
    client = Sqs(*[error] * 3)

    [failure] = send(client).values()

    assert str(failure) == f"queue {URL}: {text}"
    assert failure.retryable is retryable
    assert failure.__context__ is None
    assert len(client.sent) == (3 if retryable else 1)


@pytest.mark.parametrize(
    ("url", "region", "endpoint"),
    [
        (URL, "eu-west-1", None),
        ("https://sqs.cn-north-1.amazonaws.com.cn/1/due", "cn-north-1", None),
        ("https://sqs-fips.us-gov-west-1.amazonaws.com/1/due", "us-gov-west-1", None),
        ("https://sqs.eu-west-1.api.aws/1/due", "eu-west-1", None),
        ("https://queue.amazonaws.com/1/due", "us-east-1", None),
        ("https://ap-south-1.queue.amazonaws.com/1/due", "ap-south-1", None),
        (f"{VPC_ENDPOINT}/1/due", "us-east-2", VPC_ENDPOINT),
        ("http://127.0.0.1:4566/000000000000/due", None, "http://127.0.0.1:4566"),
    ],
)
def test_url_of_a_queue_says_where_it_is(url: str, region: str | None, endpoint: str) -> None:
    """AWS General Reference, "Amazon SQS endpoints"; SQS developer guide, "VPC endpoints"."""
    assert locate(url) == (region, endpoint)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")


@pytest.mark.usefixtures("keys")
def test_queue_at_an_endpoint_of_its_own_needs_no_other_setting() -> None:
    def respond(request: Any) -> Reply:  # noqa: ANN401
        return json_reply(200, acknowledge(json.loads(request.body)["Entries"]))

    with HttpServer(respond) as server:
        failed = send_messages(f"{server.url}/1/due", ["{}"], region="eu-west-1")

    assert failed == {}


@pytest.mark.usefixtures("keys")
def test_page_of_a_proxy_acknowledges_nothing() -> None:
    page = Reply(200, b"<html>Welcome</html>", {"Content-Type": "text/html"})
    with HttpServer(lambda _: page) as server:
        url = f"{server.url}/1/due"
        failed = send_messages(url, ["{}"], region="eu-west-1", clock=ManualClock())

    assert f"queue {url}: the response is not from SQS" in str(failed[0])
    assert failed[0].retryable


@pytest.mark.usefixtures("keys")
def test_queue_without_a_region_says_what_to_set() -> None:
    failed = send_messages("https://queue.example/1/due", ["{}"])

    assert str(failed[0]) == "AWS region: not set; set AWS_REGION, or a region in the AWS profile"


def test_nothing_to_send_needs_no_queue() -> None:
    assert send_messages("https://queue.example/1/due", []) == {}
