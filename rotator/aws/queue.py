"""The SQS queue between the dispatcher of a fleet and its workers."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from rotator.aws.client_config import client_config
from rotator.aws.error_details import is_temporary, safe_code
from rotator.aws.error_table import THROTTLING_CODES
from rotator.aws.errors import explain_error, explain_foreign_response
from rotator.aws.responses import entries_by, entries_of
from rotator.aws.time_limit import call_within
from rotator.clock import SYSTEM_CLOCK
from rotator.errors import RotatorError, StoreError, replace_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rotator.clock import Clock

__all__ = ["locate", "send_messages"]

MAX_BATCH = 10
"""Messages in one call (API reference, SendMessageBatch)."""

PAUSES_S = (1.0, 4.0)
"""The pauses before messages that failed temporarily are sent again, after the SDK's retries."""

# SQS's endpoints (AWS General Reference), the legacy ones of older queues, and those of interface
# VPC endpoints (SQS developer guide).
_REGIONAL = re.compile(r"sqs(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)")
_LEGACY = re.compile(r"(?:([a-z0-9-]+)\.)?queue\.amazonaws\.com(?:\.cn)?")
_PRIVATE = re.compile(r"vpce-[a-z0-9-]+\.sqs\.([a-z0-9-]+)\.vpce\.amazonaws\.com(?:\.cn)?")
_AWS_HOST = re.compile(r"(?:.+\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)")

_QUEUE_URL = "check ROTATOR_QUEUE_URL"
_PROBLEMS = {
    "InvalidAddress": f"is not a queue of this account and region; {_QUEUE_URL}",
    "MissingParameter": "wants parameters that only a FIFO queue needs; use a standard queue",
    "NonExistentQueue": f"does not exist; {_QUEUE_URL}",
    "QueueDoesNotExist": f"does not exist; {_QUEUE_URL}",
    "UnsupportedOperation": f"does not take messages; {_QUEUE_URL}",
}
"""By SQS's code without its prefix (API reference, "Errors" of SendMessage)."""


def send_messages(
    queue_url: str,
    bodies: Sequence[str],
    *,
    region: str | None = None,
    client: object = None,
    clock: Clock = SYSTEM_CLOCK,
    remaining_s: float = 60.0,
    grace_s: float = 0.0,
) -> dict[int, RotatorError]:
    """Send every message, ten a call; returns the errors by position in `bodies`.

    Messages that failed temporarily are sent again within `remaining_s` seconds; one that arrives
    twice does no harm, as its binding is not due the second time. A call that hangs ends `grace_s`
    after that. `region` is used if the queue's URL names none.
    """
    if not bodies:
        return {}
    ends_at_s = clock.monotonic() + remaining_s
    try:
        sqs = client or _connect(queue_url, region)
    except RotatorError as error:
        return dict.fromkeys(range(len(bodies)), error)
    queue = _Queue(sqs, queue_url, lambda: ends_at_s + grace_s - clock.monotonic())
    failed = _send(queue, dict(enumerate(bodies)))
    for pause_s in PAUSES_S:
        again = {at: bodies[at] for at, error in failed.items() if error.retryable}
        if not again or clock.monotonic() + pause_s >= ends_at_s:
            break
        clock.sleep(pause_s)
        failed = {at: error for at, error in failed.items() if at not in again}
        failed |= _send(queue, again)
    return failed


class _Queue(NamedTuple):
    """A queue, with the client to call, and the seconds that are left for calls."""

    client: Any
    url: str
    left_s: Callable[[], float]


def _send(queue: _Queue, bodies: Mapping[int, str]) -> dict[int, RotatorError]:
    """Try each message once; a call that fails as a whole is the last."""
    failed: dict[int, RotatorError] = {}
    positions = list(bodies)
    for start in range(0, len(positions), MAX_BATCH):
        batch = positions[start : start + MAX_BATCH]
        try:
            response = _call(queue, {str(at): bodies[at] for at in batch})
        except RotatorError as error:
            return failed | dict.fromkeys(positions[start:], error)
        taken = entries_by(response, "Successful", "Id")
        refused = entries_by(response, "Failed", "Id")
        for at in batch:
            if str(at) not in taken:
                failed[at] = _refusal(queue.url, refused.get(str(at)))
    return failed


def _call(queue: _Queue, messages: Mapping[str, str]) -> dict[str, Any]:
    """One SendMessageBatch within the time that is left; raises RotatorError only."""
    entries = [{"Id": id_, "MessageBody": body} for id_, body in messages.items()]
    send = partial(queue.client.send_message_batch, QueueUrl=queue.url, Entries=entries)
    response: dict[str, Any] = replace_error(
        lambda: call_within(queue.left_s(), send),
        Exception,
        lambda error: _explain(error, queue.url),
    )
    if not _is_response(response):
        # The SDK takes any body with status 200 for a response.
        raise _reword_for_sqs(explain_foreign_response("SendMessage", queue.url), queue.url)
    return response


def _is_response(response: object) -> bool:
    return isinstance(response, dict) and any(
        entries_of(response, name) for name in ("Successful", "Failed")
    )


def _refusal(queue_url: str, entry: Mapping[str, Any] | None) -> StoreError:
    """Why one message is not in the queue (API reference, BatchResultErrorEntry)."""
    if entry is None:
        problem, code, temporary = "the response does not mention the message", None, True
    else:
        code = safe_code(_plain_code(entry.get("Code")))
        # A fault of the sender is permanent, throttling excepted.
        temporary = not entry.get("SenderFault") or is_temporary(code, {})
        state = "is temporarily unavailable" if temporary else "refused the message"
        problem = _PROBLEMS.get(code, f"SQS {state} (SendMessage: {code})")
        if not temporary and code not in _PROBLEMS:
            problem += "; look the code up in the API reference of SQS, SendMessage"
    return _queue_error(queue_url, problem, code=code, retryable=temporary)


def _explain(error: Exception, queue_url: str) -> RotatorError:
    """Our error for a call that failed as a whole."""
    if type(error) is TimeoutError:
        problem = "SQS did not respond in the remaining time (SendMessage)"
        return _queue_error(queue_url, problem, code=None, retryable=True)
    details = (getattr(error, "response", None) or {}).get("Error", {})
    raw = str(details.get("Code", ""))
    code = _plain_code(raw)
    if raw.upper().startswith("KMS"):
        temporary = code in THROTTLING_CODES
        problem = f"its KMS key refused ({safe_code(code)})"
        advice = "grant kms:GenerateDataKey and kms:Decrypt on the key to this role"
        problem = problem if temporary else f"{problem}; {advice}, and check that it is enabled"
        return _queue_error(queue_url, problem, code=code, retryable=temporary)
    if code in _PROBLEMS:
        return _queue_error(queue_url, _PROBLEMS[code], code=code, retryable=False)
    if raw:
        details["Code"] = code
    found = explain_error(error, operation="SendMessage", secret_id=queue_url)
    return _reword_for_sqs(found, queue_url) if isinstance(found, StoreError) else found


def _plain_code(code: object) -> str:
    """The code without SQS's prefix: `AWS.SimpleQueueService.NonExistentQueue`."""
    return str(code).rpartition(".")[2]


def _reword_for_sqs(error: StoreError, queue_url: str) -> StoreError:
    """The error, naming the queue and its permission instead of a secret's."""
    text = str(error).removeprefix(f"secret {queue_url}: ").replace("secretsmanager:", "sqs:")
    text = text.replace("Secrets Manager", "SQS").replace("region of the secret", "queue's region")
    return _queue_error(queue_url, text, code=error.aws_code, retryable=error.retryable)


def _queue_error(queue_url: str, problem: str, *, code: str | None, retryable: bool) -> StoreError:
    return StoreError(
        f"queue {queue_url}: {problem}",
        operation="SendMessage",
        secret_id=queue_url,
        aws_code=code,
        retryable=retryable,
    )


def locate(queue_url: str) -> tuple[str | None, str | None]:
    """The region in a queue's URL, and the endpoint unless it is the region's default."""
    parts = urlsplit(queue_url)
    host = parts.hostname or ""
    regional, legacy = _REGIONAL.fullmatch(host), _LEGACY.fullmatch(host)
    if regional:
        return regional[1], None
    if legacy:
        return legacy[1] or "us-east-1", None
    private = _PRIVATE.fullmatch(host)
    return private[1] if private else None, f"{parts.scheme}://{parts.netloc}"


def _connect(queue_url: str, region: str | None) -> Any:  # noqa: ANN401 - a client of botocore
    """A client for the queue's region and endpoint; an endpoint in the SDK's settings wins."""
    import botocore.session

    config = client_config(attempts=2)
    named, endpoint = locate(queue_url)

    def create(endpoint_url: str | None = None) -> Any:  # noqa: ANN401
        return botocore.session.get_session().create_client(
            "sqs", region_name=named or region, endpoint_url=endpoint_url, config=config
        )

    def connect() -> Any:  # noqa: ANN401
        client = create()
        is_default = _AWS_HOST.fullmatch(urlsplit(client.meta.endpoint_url).hostname or "")
        return create(endpoint) if endpoint is not None and is_default else client

    return replace_error(connect, Exception, explain_error)
