"""The parts that explanations of AWS errors share: codes, statuses, clocks, certificates."""

from __future__ import annotations

from rotator.aws.error_table import ENDPOINT_VARIABLES, PUBLIC_NAMES, TEMPORARY_CODES
from rotator.errors import StoreError, explain_handshake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import FrameType
    from typing import Any

    from rotator.model.secret import Secret

__all__ = [
    "NO_CODE",
    "clock_problem",
    "denied_action",
    "drop_echoed_code",
    "explain_foreign_response",
    "frames_of",
    "is_temporary",
    "safe_code",
    "store_error",
    "tls_problem",
    "unreadable_status",
]

NO_CODE = "Unknown"
"""Stands for a missing error code: AWS always sends one."""


MAX_CODE_CHARS = 64
ECHO_CHARS = 8
"""A code and a secret value don't share this many characters by chance."""


def explain_foreign_response(
    operation: str,
    secret_id: str,
    *,
    status: int | None = 200,
    service: str = "Secrets Manager",
) -> StoreError:
    """Our error for a response that the service can't have sent, such as a proxy's HTML page.

    It says nothing about the secret or the AWS credentials. `status` None is unknown. Status 200,
    429 and 5xx are temporary; a redirect or a refusal is permanent.
    """
    detail = operation if status is None else f"{operation}: HTTP {status}"
    temporary = status == 200 or is_temporary("", {"ResponseMetadata": {"HTTPStatusCode": status}})  # noqa: PLR2004
    if status is not None and status >= 500:  # noqa: PLR2004
        problem = f"{service} is temporarily unavailable ({detail})"
    else:
        problem = (
            f"the response is not from {service} ({detail}), but from a proxy or another"
            f" server; check {ENDPOINT_VARIABLES[service]}, the proxy and the network"
        )
    if service != "Secrets Manager":
        problem = f"AWS credentials: {problem}"
    is_ours = service == "Secrets Manager"
    return store_error(problem, operation, secret_id, retryable=temporary, is_answered=is_ours)


def store_error(
    problem: str,
    operation: str,
    secret_id: str,
    *,
    kind: type[StoreError] = StoreError,
    aws_code: str | None = None,
    retryable: bool = False,
    is_answered: bool = False,
) -> StoreError:
    """A StoreError about this secret, or about none if `secret_id` is empty."""
    subject = f"secret {secret_id}: " if secret_id else ""
    return kind(
        f"{subject}{problem}",
        operation=operation,
        secret_id=secret_id,
        aws_code=aws_code,
        retryable=retryable,
        is_answered=is_answered,
    )


def is_temporary(code: str, response: Mapping[str, Any]) -> bool:
    """Whether the code, or the HTTP status of the response, stands for a temporary problem."""
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0
    return code in TEMPORARY_CODES or status == 429 or status >= 500  # noqa: PLR2004 - HTTP


def safe_code(code: object) -> str:
    """The code if it looks like one of AWS's (ASCII letters, bounded), else NO_CODE.

    Codes go into messages, and a server that isn't AWS may echo a secret in the code's place.
    """
    is_code = isinstance(code, str) and code.isascii() and code.isalpha()
    return str(code) if is_code and len(str(code)) <= MAX_CODE_CHARS else NO_CODE


def denied_action(message: str) -> str | None:
    """The action that AWS names in a denial, such as `kms:Decrypt`; None if it names none.

    It need not be the one that was called: CreateSecret with tags needs TagResource too. It has to
    be of a service that rotator uses, as a server that isn't AWS may echo anything.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    import re

    named = re.search(
        r"not authorized to perform: ((?:secretsmanager|kms|sqs|sts):[A-Z][A-Za-z]{2,50})(?!\S)",
        message,
    )
    return named[1] if named else None


def drop_echoed_code(error: Exception, sent: Iterable[Secret]) -> None:
    """Drop the code and the action in the SDK's error that echo a part of what was sent."""
    response = getattr(error, "response", None)
    details = response.get("Error") if isinstance(response, dict) else None
    if not isinstance(details, dict):
        return
    texts = [secret.reveal().lower() for secret in sent]
    if _repeats(str(details.get("Code")), texts):
        details["Code"] = NO_CODE
    if _repeats(denied_action(str(details.get("Message"))), texts):
        details["Message"] = ""


def _repeats(name: str | None, texts: list[str]) -> bool:
    """Whether a text has a part of the name, of its action alone if a service stands before it."""
    if name is None or name in PUBLIC_NAMES:
        return False
    name = name.rpartition(":")[2].lower()
    parts = [name[at : at + ECHO_CHARS] for at in range(max(1, len(name) - ECHO_CHARS + 1))]
    return any(part in text for part in parts for text in texts)


def frames_of(error: BaseException) -> Iterator[FrameType]:
    """The frames of the error's traceback, outermost first."""
    step = error.__traceback__
    while step is not None:
        yield step.tb_frame
        step = step.tb_next


def unreadable_status(error: BaseException) -> int | None:
    """The status of the response that the SDK could not parse; None if something else failed.

    The SDK's parsers raise exceptions of any class, so only the traceback shows it.
    """
    for frame in frames_of(error):
        if frame.f_globals.get("__name__") == "botocore.endpoint":
            status = getattr(frame.f_locals.get("http_response"), "status_code", None)
            if isinstance(status, int):
                return status
    return None


def clock_problem(message: str) -> str | None:
    """By how much this host's clock is wrong; None if that isn't why a signature was refused.

    AWS's message has the time of signing and, in parentheses, its own time: `Signature expired:
    20260101T000000Z is now earlier than 20260101T001000Z (20260101T001500Z - 5 min.)`.
    """
    import re
    from datetime import datetime

    if not re.match("Signature (expired|not yet current)", message):
        return None
    problem, advice = "this host's clock is wrong", "correct it, and keep it synchronized with NTP"
    try:
        signed, *_, now = (
            datetime.strptime(text, "%Y%m%dT%H%M%S%z")
            for text in re.findall(r"\d{8}T\d{6}Z", message)
        )
    except ValueError:
        return f"{problem}; {advice}"
    ahead_s = int((signed - now).total_seconds())
    minutes, seconds = divmod(abs(ahead_s), 60)
    side = "ahead of" if ahead_s > 0 else "behind"
    return f"{problem}: {minutes} min {seconds} s {side} AWS's; {advice}"


def tls_problem(error: BaseException, service: str) -> str | None:
    """Why the certificate or the handshake was refused; None if the failure may be temporary."""
    step: BaseException | None = error
    for _ in range(8):  # the SDK's error, urllib3's, OpenSSL's
        if step is None:
            return None
        # CertificateError is urllib3's, for a host name that it checks itself.
        if type(step).__name__ in {"SSLCertVerificationError", "CertificateError"}:
            reason = str(getattr(step, "verify_message", "")) or "it is for another host"
            return (
                f"the certificate of {service} was refused ({reason}); check AWS_CA_BUNDLE, the"
                " proxy and this host's clock"
            )
        reason = str(getattr(step, "reason", ""))
        meaning = explain_handshake(reason) if type(step).__name__ == "SSLError" else None
        if meaning is not None:
            return f"TLS with {service} failed: {meaning} ({reason}); check AWS_ENDPOINT_URL"
        inner = [*step.args, *getattr(step, "kwargs", {}).values(), step.__cause__]
        inner.append(step.__context__)
        step = next((each for each in inner if isinstance(each, BaseException)), None)
    return None
