"""The queue between the dispatcher of a fleet and its workers (Amazon SQS)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from rotator.aws.errors import explain_error
from rotator.errors import RotatorError, StoreError, replace_error

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["send_messages"]

MAX_BATCH = 10
"""Messages in one call (API reference, SendMessageBatch)."""


def send_messages(queue_url: str, bodies: Iterable[str], *, client: object = None) -> int:
    """Send every message, ten a call; returns how many the queue did not take.

    The next run of the dispatcher sends those again, as their tokens are still due. Raises
    StoreError or ConfigError where the queue cannot be reached at all.
    """
    sqs: Any = client or _connect(queue_url)
    remaining, failed = iter(bodies), 0
    while batch := list(islice(remaining, MAX_BATCH)):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(batch)]

        def send(entries: list[dict[str, str]] = entries) -> dict[str, Any]:
            response: dict[str, Any] = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
            return response

        response = replace_error(
            send,
            Exception,
            lambda error: _explain(error, queue_url),
        )
        failed += len(response.get("Failed", []))
    return failed


def _explain(error: Exception, queue_url: str) -> RotatorError:
    """Our error in the words of SQS, whose permission has no name for batches."""
    found = explain_error(error, operation="SendMessage", secret_id=queue_url)
    if not isinstance(found, StoreError):
        return found
    text = str(found).replace(f"secret {queue_url}", f"queue {queue_url}", 1)
    code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
    if code.rpartition(".")[2] in {"NonExistentQueue", "QueueDoesNotExist"}:
        text = f"queue {queue_url}: does not exist; check ROTATOR_QUEUE_URL"
    return StoreError(
        text.replace("secretsmanager:", "sqs:").replace("Secrets Manager", "SQS"),
        operation="SendMessage",
        secret_id=queue_url,
        aws_code=found.aws_code,
        retryable=found.retryable,
    )


def _connect(queue_url: str) -> object:
    import botocore.session
    from botocore.config import Config

    config = Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 4},
        user_agent_extra="rotator",
    )
    # https://sqs.REGION.amazonaws.com/ACCOUNT/NAME
    host = queue_url.split("/")[2].split(".")
    region = host[1] if host[0] == "sqs" and len(host) > 2 else None  # noqa: PLR2004
    return replace_error(
        lambda: botocore.session.get_session().create_client(
            "sqs", region_name=region, config=config
        ),
        Exception,
        explain_error,
    )
