"""The errors for a source that fails."""

from __future__ import annotations

from rotator.errors import RotatorError, StoreError, TokenUnavailable, copy_error
from rotator.reader.process_state import importing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "explain_response",
    "explain_sdk_error",
    "no_value",
    "not_the_service",
    "previous_unreadable",
    "store_error",
]

_GET = "GetSecretValue"


def explain_sdk_error(
    error: Exception, secret_id: str, stage: str, *, is_connected: bool = True
) -> RotatorError:
    """Our error for one of the AWS SDK; `is_connected` is False if creating the client failed."""
    response = getattr(error, "response", None)
    if isinstance(response, dict) and _says_no_value(response):
        return no_value(secret_id, stage)
    with importing:
        from rotator.aws.errors import explain_error
    return explain_error(error, operation=_GET if is_connected else "", secret_id=secret_id)


def explain_response(
    fields: Mapping[str, Any], secret_id: str, stage: str, *, status: int, region: str = ""
) -> RotatorError:
    """Our error for an error response of Secrets Manager: `__type` (or `code`) and `message`.

    `region` is where it was asked, empty if that is not known.
    """
    code = fields.get("__type") or fields.get("code") or "Unknown"
    code = str(code).rpartition("#")[2].partition(":")[0]
    message = str(fields.get("message") or fields.get("Message") or "")
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    if _says_no_value(response):
        return no_value(secret_id, stage)
    with importing:
        from rotator.aws.errors import explain_error_response
    return explain_error_response(response, operation=_GET, secret_id=secret_id, place=region)


def _says_no_value(response: Mapping[str, Any]) -> bool:
    # A secret without a value has the code of a missing one; only the message differs.
    error = response.get("Error", {})
    is_missing = error.get("Code") == "ResourceNotFoundException"
    return is_missing and "staging label" in str(error.get("Message"))


def no_value(secret_id: str, stage: str) -> TokenUnavailable:
    """The error for a secret that has no version with this staging label."""
    return TokenUnavailable(
        f"secret {secret_id}: has no {stage} value yet; check that the rotator runs"
    )


def not_the_service(secret_id: str, *, status: int | None = 200) -> StoreError:
    """The error for a response that is not from Secrets Manager."""
    with importing:
        from rotator.aws.errors import explain_foreign_response
    return explain_foreign_response(_GET, secret_id, status=status)


def store_error(secret_id: str, problem: str, *, retryable: bool = False) -> StoreError:
    """A StoreError for a read of this secret that got no response from Secrets Manager."""
    return StoreError(
        f"secret {secret_id}: {problem}",
        operation=_GET,
        secret_id=secret_id,
        retryable=retryable,
    )


def previous_unreadable(secret_id: str, failure: RotatorError) -> RotatorError:
    """The `failure` to read AWSPREVIOUS while AWSCURRENT has no valid token.

    Whether there is a token to serve isn't known, so it is no TokenUnavailable.
    """
    subject = f"secret {secret_id}: "
    problem = str(failure).removeprefix(subject)
    known = copy_error(failure)
    known.args = (
        f"{subject}AWSCURRENT has no valid token, and AWSPREVIOUS cannot be read: {problem}",
    )
    return known
