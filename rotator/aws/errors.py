"""Explains errors of AWS and of its SDK to a user of rotator.

Errors are recognised by the names of their classes and by AWS's codes, so the SDK isn't imported
for a caller's client, and a class that an older SDK lacks does no harm. Messages quote no text of
AWS or the SDK, because it can hold values.
"""

from __future__ import annotations

import os
import re

from rotator.aws.credential_errors import explain_credential_error, failing_source
from rotator.aws.error_details import (
    NO_CODE,
    clock_problem,
    denied_action,
    explain_foreign_response,
    is_temporary,
    safe_code,
    store_error,
    tls_problem,
    unreadable_status,
)
from rotator.aws.error_table import (
    IDENTITY_CODES,
    NETWORK_ERRORS,
    POLICIES,
    RENEW_KEYS,
    SETUP_PROBLEMS,
)
from rotator.aws.places import place_of_error, problem_with_endpoint, region_of_place
from rotator.errors import (
    ConfigError,
    SecretNotFound,
    StoreError,
    VersionConflict,
    aws_command,
    explain_key_log,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rotator.errors import RotatorError

__all__ = [
    "explain_error",
    "explain_error_response",
    "explain_foreign_response",
    "explain_scheduled_deletion",
]


def explain_error(error: Exception, *, operation: str = "", secret_id: str = "") -> RotatorError:
    """Our error for one that the AWS SDK raised while it called `operation` for `secret_id`.

    Both are empty while the client is created, when only a setting can be wrong.
    """
    names = [kind.__name__ for kind in type(error).__mro__]
    problem = _environment_problem(error, names)
    if problem is not None:
        return ConfigError(problem)
    source = failing_source(error)
    if source is not None:
        return explain_credential_error(
            source, error, names, operation=operation, secret_id=secret_id
        )
    response = getattr(error, "response", None)
    if "ClientError" in names and isinstance(response, dict):
        place = place_of_error(error)
        return explain_error_response(
            response, operation=operation, secret_id=secret_id, place=place
        )
    if "ParamValidationError" in names:
        return ConfigError(f"secret {secret_id}: {_explain_parameter(error)}")
    if not operation:
        return ConfigError(
            f"AWS configuration: the AWS SDK rejects it ({names[0]}); check the AWS profile"
            " and the variables that begin with AWS_"
        )
    problem, temporary = f"the AWS SDK failed ({operation}: {names[0]})", False
    if not NETWORK_ERRORS.isdisjoint(names):
        certificate = tls_problem(error, "Secrets Manager")
        detail = "; ".join(filter(None, [f"{operation}: {names[0]}", place_of_error(error)]))
        unreachable = f"Secrets Manager cannot be reached ({detail})"
        problem, temporary = certificate or unreachable, certificate is None
    elif (status := unreadable_status(error)) is not None:
        return explain_foreign_response(operation, secret_id, status=status)
    return store_error(problem, operation, secret_id, retryable=temporary)


def _explain_parameter(error: Exception) -> str:
    """Which parameter the SDK refuses before it sends the request; its text can hold the value."""
    named = re.search(r"for parameter ([A-Za-z]{1,40}),", str(error))
    if named is None or named[1] == "SecretId":
        return "is not a valid secret name or ARN"
    return f"the AWS SDK refuses the value of {named[1]} before it asks Secrets Manager"


def _environment_problem(error: Exception, names: list[str]) -> str | None:
    """What is wrong with the variables or the configuration of the SDK, which no retry mends."""
    for name in names:
        if name in SETUP_PROBLEMS:
            return SETUP_PROBLEMS[name]
    text = str(error)
    is_url = "ValueError" in names and ("endpoint" in text or text.startswith("Port "))
    if is_url or ("HTTPClientError" in names and "Invalid header value" in text):
        for name in _SENT_VARIABLES:
            if not os.environ.get(name, "").isprintable():
                return f"{name}: has a line break; set it without"
    if "ValueError" in names or not NETWORK_ERRORS.isdisjoint(names):
        problem = problem_with_endpoint()
        if problem is not None:
            return problem
    if is_url:
        has_no_region = "secretsmanager.." in text or "secretsmanager-fips.." in text
        if has_no_region:
            return "AWS_DEFAULT_REGION: is empty; set AWS_REGION"
        return "AWS_ENDPOINT_URL: is not a URL; correct its host"
    return explain_key_log(error)


_SENT_VARIABLES = ("AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION")
"""What the SDK puts into headers and the host's name, line breaks and all."""


def explain_error_response(
    response: Mapping[str, Any], *, operation: str, secret_id: str, place: str = ""
) -> StoreError:
    """Our error for an error response of Secrets Manager: a ClientError's `response`.

    `place` is the region and endpoint, as `rotator.aws.places` describes them.
    """
    details = response.get("Error", {})
    code, message = safe_code(details.get("Code")), str(details.get("Message", ""))
    if code == NO_CODE:  # AWS always sends one
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return explain_foreign_response(operation, secret_id, status=status)
    kind, temporary = StoreError, False
    has_moved = code == "InvalidParameterException" and "replica secret" not in message
    if code == "ResourceNotFoundException":
        kind, asked = SecretNotFound, f" ({place})" if place else ""
        problem = (
            f"does not exist in this account and region{asked}; check"
            f" {_what_names(secret_id, region_of_place(place))}; `rotator init --help` says how to"
            " create it"
        )
    elif code == "ResourceExistsException":
        kind = VersionConflict
        problem = f"exists already, or the id of the version is taken ({operation})"
    elif operation == "UpdateSecretVersionStage" and has_moved:
        kind, problem = VersionConflict, f"its staging label has moved meanwhile ({operation})"
    elif is_temporary(code, response):
        temporary = True
        problem = f"Secrets Manager is temporarily unavailable ({operation}: {code})"
    else:
        problem = _refusal(code, message, operation, secret_id, place)
    return store_error(problem, operation, secret_id, kind=kind, aws_code=code, retryable=temporary)


def _what_names(secret_id: str, region: str | None) -> str:
    """What says which secret is meant: its ARN, or a name and the source of the region."""
    if secret_id.startswith("arn:"):
        return "the ARN, which names both"
    if region is not None and os.environ.get("AWS_REGION", region) != region:
        return "the name and the region, which an ARN or a setting names, not AWS_REGION"
    return "the name and AWS_REGION"


def _refusal(code: str, message: str, operation: str, secret_id: str, place: str) -> str:
    """The message for a permanent refusal, with what to do."""
    lower = message.lower()
    if code.startswith("AccessDenied") or code in {"DecryptionFailure", "EncryptionFailure"}:
        return _denial(code, lower, operation, denied_action(message))
    if code in IDENTITY_CODES:
        return clock_problem(message) or _explain_rejected_signature(code, lower, place)
    if code == "LimitExceededException" and operation == "PutSecretValue":
        # User guide, "AWS Secrets Manager quotas".
        return (
            "has no room for another version: Secrets Manager keeps about 100 and removes none"
            " younger than 24 hours; rotate less often, or ask the provider for longer-lived"
            f" tokens ({operation}: {code})"
        )
    # API reference, "Errors" of PutSecretValue: one code for many reasons; only the text differs.
    if code.startswith("Invalid"):
        if "delet" in lower:
            return explain_scheduled_deletion(secret_id, place=place)
        if "replica secret" in lower:
            return "is a replica, which cannot be written; use the primary secret, in its region"
        if "managed by" in lower:
            return "is managed by another AWS service, which alone can write it; use another secret"
    return f"Secrets Manager refused ({operation}: {code})"


def _explain_rejected_signature(code: str, message: str, place: str) -> str:
    """Why AWS does not accept a signature; `message` is in lower case."""
    if "scoped to a valid region" in message:  # the keys can be right
        detail = "; ".join(filter(None, [code, place]))
        return (
            f"the request was signed for another region than the endpoint's ({detail}); set"
            " AWS_REGION to the region of the secret, and check AWS_ENDPOINT_URL"
        )
    advice = RENEW_KEYS
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        advice = (
            "renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in the"
            " environment, or unset them, as they win over the keys of `aws configure`"
        )
    return f"AWS does not accept these AWS credentials ({code}); {advice}"


def explain_scheduled_deletion(secret_id: str, *, place: str) -> str:
    """The message for a secret that is scheduled for deletion; `place` is that of the client."""
    restore = aws_command("restore-secret", secret_id, region=region_of_place(place))
    return f"is scheduled for deletion; to keep it: {restore}"


def _denial(code: str, message: str, operation: str, action: str | None) -> str:
    """The message for a denied call; `message` is AWS's, in lower case, `action` the one in it."""
    # "kms" alone proves nothing: AWS's message has the names of roles and secrets.
    about_kms = not code.startswith("Access") or "access to kms" in message or "kms:" in message
    right, resource = action or f"secretsmanager:{operation}", "secret"
    problem, advice = "access denied", f"grant {right} on it to this role"
    if about_kms:
        rights = "kms:GenerateDataKey and kms:Decrypt" if "Put" in operation else "kms:Decrypt"
        right = action if action and action not in rights else rights
        problem, resource = f"its KMS key refused ({operation})", "key"
        advice = f"grant {right} on the key to this role"
    for policy, change in POLICIES.items():
        owner = change.format(resource=resource)
        name = policy.replace("vpc", "VPC")
        article = "an" if policy.startswith("i") else "a"
        if f"explicit deny in {article} {policy}" in message:
            return f"{problem} by an explicit deny in {article} {name}; {owner}"
        if f"no {policy} allows" in message and policy != "identity-based policy":
            return f"{problem}: no {name} allows it; {advice}, or {owner}"
    return f"{problem}; {advice}"
