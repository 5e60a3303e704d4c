"""The queue of a fleet's workers: what it refuses is told in its own words."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from rotator.aws.queue import send_messages
from rotator.errors import StoreError

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/due"


class Sqs:
    """Answers with what it is given, or raises it."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[list[dict[str, str]]] = []

    def send_message_batch(self, **params: Any) -> dict[str, Any]:
        self.sent.append(params["Entries"])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_messages_go_ten_a_call_and_what_the_queue_did_not_take_is_counted() -> None:
    client = Sqs({"Failed": [{"Id": "3"}]}, {"Successful": []})

    failed = send_messages(URL, [json.dumps(n) for n in range(12)], client=client)

    assert failed == 1
    assert [len(batch) for batch in client.sent] == [10, 2]


@pytest.mark.parametrize(
    ("error", "text", "retryable"),
    [
        (
            ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessageBatch"),
            f"queue {URL}: access denied; grant sqs:SendMessage on it to this role",
            False,
        ),
        (
            ClientError(
                {"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "SendMessageBatch"
            ),
            f"queue {URL}: does not exist; check ROTATOR_QUEUE_URL",
            False,
        ),
        (
            EndpointConnectionError(endpoint_url="https://sqs.example"),
            f"queue {URL}: SQS cannot be reached (SendMessage: EndpointConnectionError)",
            True,
        ),
    ],
)
def test_refusal_names_the_queue_and_its_permission(
    error: Exception, text: str, *, retryable: bool
) -> None:
    with pytest.raises(StoreError) as caught:
        send_messages(URL, ["{}"], client=Sqs(error))

    assert str(caught.value) == text
    assert caught.value.retryable is retryable
    assert caught.value.__context__ is None
