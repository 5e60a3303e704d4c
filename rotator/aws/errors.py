"""What errors of AWS, and of the AWS SDK on its way there, mean to a user of rotator: one table.

Errors are recognised by the names of their classes and by AWS's codes, so that nothing is imported
for a client of the caller's, and a name that an older SDK lacks is only text. None of their own
text goes into ours, because that can hold what was sent or read.
"""

from __future__ import annotations

from rotator.aws.error_table import (
    CREDENTIAL_SETTINGS,
    IDENTITY_CODES,
    NETWORK_ERRORS,
    POLICIES,
    SETUP_PROBLEMS,
    SOURCE_NAMES,
    SOURCE_OF,
    TEMPORARY_CODES,
)
from rotator.errors import (
    ConfigError,
    SecretNotFound,
    StoreError,
    VersionConflict,
    explain_handshake,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rotator.errors import RotatorError

__all__ = [
    "explain_error",
    "explain_foreign_response",
    "explain_refusal",
    "scheduled_for_deletion",
]

_NO_CODE = "Unknown"


def explain_error(error: Exception, *, operation: str = "", secret_id: str = "") -> RotatorError:
    """Our error for one that the AWS SDK raised while `operation` was called.

    `operation` is empty while the client is made: what fails then is a setting.
    """
    names = [kind.__name__ for kind in type(error).__mro__]
    for name in names:
        if name in SETUP_PROBLEMS:
            return ConfigError(SETUP_PROBLEMS[name])
    source = _failing_source(error)
    if source is not None:
        return _credential_error(source, error, names, operation=operation, secret_id=secret_id)
    response = getattr(error, "response", None)
    if "ClientError" in names and isinstance(response, dict):
        return explain_refusal(response, operation=operation, secret_id=secret_id)
    if "ParamValidationError" in names:
        return ConfigError(f"secret {secret_id}: is not a valid secret name or ARN")
    if "ValueError" in names and "endpoint" in str(error):
        return ConfigError("AWS_ENDPOINT_URL: is not a URL")
    if not operation:
        return ConfigError(
            f"AWS configuration: the AWS SDK rejects it ({names[0]}); check the AWS profile"
            " and the variables that begin with AWS_"
        )
    problem, temporary = f"the AWS SDK failed ({operation}: {names[0]})", False
    if not NETWORK_ERRORS.isdisjoint(names):
        certificate = _tls_problem(error, "Secrets Manager")
        unreachable = f"Secrets Manager cannot be reached ({operation}: {names[0]})"
        problem, temporary = certificate or unreachable, certificate is None
    elif (status := _unreadable_status(error)) is not None:
        return explain_foreign_response(operation, secret_id, status=status)
    return _store_error(problem, operation, secret_id, retryable=temporary)


def explain_refusal(response: Mapping[str, Any], *, operation: str, secret_id: str) -> StoreError:
    """Our error for an error response of Secrets Manager, in the SDK's form (`Error`, ...)."""
    details = response.get("Error", {})
    code, message = _safe_code(details.get("Code")), str(details.get("Message", ""))
    if code == _NO_CODE:  # AWS always sends one
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return explain_foreign_response(operation, secret_id, status=status)
    subject = f"secret {secret_id}: "
    if code == "ResourceNotFoundException":
        return SecretNotFound(
            f"{subject}does not exist in this account and region; check the name and AWS_REGION,"
            " or create it with `rotator init`",
            operation=operation,
            secret_id=secret_id,
            aws_code=code,
        )
    if code == "ResourceExistsException":
        return VersionConflict(
            f"{subject}exists already, or the id of the version is taken ({operation})",
            operation=operation,
            secret_id=secret_id,
            aws_code=code,
        )
    has_moved = code == "InvalidParameterException" and "replica secret" not in message
    if operation == "UpdateSecretVersionStage" and has_moved:
        return VersionConflict(
            f"{subject}its staging label has moved meanwhile ({operation})",
            operation=operation,
            secret_id=secret_id,
            aws_code=code,
        )
    temporary = _is_temporary(code, response)
    if temporary:
        problem = f"Secrets Manager is temporarily unavailable ({operation}: {code})"
    else:
        problem = _refusal(code, message, operation, secret_id)
    return _store_error(problem, operation, secret_id, aws_code=code, retryable=temporary)


def explain_foreign_response(
    operation: str, secret_id: str, *, status: int | None = 200
) -> StoreError:
    """Our error for a response that Secrets Manager cannot have sent, such as a proxy's HTML page.

    It says nothing about the secret. With a success status, or one that says so, the problem is
    temporary; a redirect or a refusal is permanent.
    """
    detail = operation if status is None else f"{operation}: HTTP {status}"
    temporary = status == 200 or _is_temporary("", {"ResponseMetadata": {"HTTPStatusCode": status}})  # noqa: PLR2004
    if status is not None and status >= 500:  # noqa: PLR2004
        problem = f"Secrets Manager is temporarily unavailable ({detail})"
    else:
        problem = (
            f"the response is not from Secrets Manager ({detail}), but from a proxy or another"
            " server; check AWS_ENDPOINT_URL, the proxy and the network"
        )
    return _store_error(problem, operation, secret_id, retryable=temporary)


def _refusal(code: str, message: str, operation: str, secret_id: str) -> str:
    """What a permanent refusal means, and what to do."""
    lower = message.lower()
    if code.startswith("AccessDenied") or code in {"DecryptionFailure", "EncryptionFailure"}:
        return _denial(code, lower, operation)
    if code in IDENTITY_CODES:
        clock = _clock_problem(message)
        return clock or f"AWS does not accept these AWS credentials ({code}); run `aws configure`"
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
            return scheduled_for_deletion(secret_id)
        if "replica secret" in lower:
            return "is a replica, which cannot be written; use the primary secret, in its region"
        if "managed by" in lower:
            return "is managed by another AWS service, which alone can write it; use another secret"
    return f"Secrets Manager refused ({operation}: {code})"


def scheduled_for_deletion(secret_id: str) -> str:
    """What to say of a secret that is scheduled for deletion."""
    return (
        "is scheduled for deletion; to keep it:"
        f" aws secretsmanager restore-secret --secret-id {secret_id}"
    )


def _denial(code: str, message: str, operation: str) -> str:
    """Who denied what; `message` is in lower case."""
    # Names of roles and secrets are in the message too, and may have "kms" in them.
    about_kms = not code.startswith("Access") or "access to kms" in message or "kms:" in message
    right, resource = f"secretsmanager:{operation}", "secret"
    problem, advice = "access denied", f"grant {right} on it to this role"
    if about_kms:
        right = "kms:GenerateDataKey and kms:Decrypt" if "Put" in operation else "kms:Decrypt"
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


def _store_error(
    problem: str,
    operation: str,
    secret_id: str,
    *,
    aws_code: str | None = None,
    retryable: bool = False,
) -> StoreError:
    subject = f"secret {secret_id}: " if secret_id else ""
    return StoreError(
        f"{subject}{problem}",
        operation=operation,
        secret_id=secret_id,
        aws_code=aws_code,
        retryable=retryable,
    )


# Credentials: where the SDK looked for them, and what its failure there means


def _failing_source(error: Exception) -> str | None:
    """The source of credentials that failed, None if the error is of something else."""
    found = [kind.__name__ for kind in type(error).__mro__]
    found.append(str(getattr(error, "operation_name", "")))
    kwargs = getattr(error, "kwargs", None)
    if isinstance(kwargs, dict):
        found.append(str(kwargs.get("provider", "")))
    found.extend(_names_on_the_way(error))
    return next((SOURCE_OF[name] for name in found if name in SOURCE_OF), None)


def _names_on_the_way(error: Exception) -> list[str]:
    """The classes whose methods the error came through, innermost first, and their `method`."""
    names: list[str] = []
    step = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        if "botocore" in frame.f_code.co_filename:
            method = getattr(frame.f_locals.get("self"), "method", "")
            names += [str(method), frame.f_code.co_qualname.partition(".")[0]]
        step = step.tb_next
    return names[::-1]


def _credential_error(
    source: str, error: Exception, names: list[str], *, operation: str, secret_id: str
) -> RotatorError:
    """Our error for a source of credentials that gave none."""
    response = getattr(error, "response", None)
    if "ClientError" in names and isinstance(response, dict):
        return _credential_refusal(source, error, response, secret_id)
    called = operation or "GetCredentials"
    if not NETWORK_ERRORS.isdisjoint(names):
        certificate = _tls_problem(error, SOURCE_NAMES.get(source, source))
        if certificate is not None:
            return _store_error(certificate, called, secret_id)
        return _unavailable(source, names[0], called, secret_id)
    problem = _setting_problem(source, [*names, str(error)])
    if problem is not None:
        return ConfigError(f"AWS credentials: {problem}")
    if source in {"container", "metadata"}:
        return _unavailable(source, _detail(names[0], str(error)), called, secret_id)
    problem = "AWS credentials: the response is not from STS; check AWS_ENDPOINT_URL_STS"
    return _store_error(problem, called, secret_id)


def _setting_problem(source: str, signs: list[str]) -> str | None:
    for where, marks, problem in CREDENTIAL_SETTINGS:
        if where == source and any(m in sign for m in marks.split("|") for sign in signs):
            return problem
    return None


def _detail(name: str, text: str) -> str:
    """What is known of the endpoint's answer; its text stays out, as bodies are in it."""
    status = text.partition("non 200 response ")[2][:3]
    if status.isdigit():
        return f"HTTP {status}"
    return "not JSON" if "parse JSON" in text else name


def _unavailable(source: str, detail: str, operation: str, secret_id: str) -> StoreError:
    problem = f"AWS credentials could not be fetched from {SOURCE_NAMES[source]} ({detail})"
    return _store_error(f"{problem}; this may be temporary", operation, secret_id, retryable=True)


def _credential_refusal(
    source: str, error: Exception, response: Mapping[str, Any], secret_id: str
) -> RotatorError:
    """Our error where STS, SSO or sign-in responded with an error."""
    details = response.get("Error", {})
    code, message = _safe_code(details.get("Code")), str(details.get("Message", ""))
    operation = str(getattr(error, "operation_name", ""))
    detail = f"{operation}: {code}"
    if _is_temporary(code, response):
        return _unavailable(source, detail, operation, secret_id)
    clock = _clock_problem(message)
    if clock is not None:
        problem = f"AWS credentials: {clock}"
    elif source in {"sso", "login"}:
        return ConfigError(f"AWS credentials: {_setting_problem(source, [code])} ({detail})")
    else:
        problem = _role_refusal(source, code, detail, _role_of(error))
    return _store_error(problem, operation, secret_id, aws_code=code)


def _role_refusal(source: str, code: str, detail: str, role: str) -> str:
    subject = f"AWS credentials: STS refused {role} ({detail})"
    if not code.startswith("AccessDenied"):
        given = "web identity token" if source == "web identity" else "keys (`aws configure`)"
        return f"{subject}; renew the {given}"
    needed = (
        "sts:AssumeRoleWithWebIdentity to this identity provider, audience and service account"
        if source == "web identity"
        else "sts:AssumeRole to the source credentials, and so do their own policies"
    )
    return f"{subject}; its trust policy has to allow {needed}"


def _role_of(error: Exception) -> str:
    """The role that was to be assumed, as the SDK's own objects on the way here name it."""
    step = error.__traceback__
    while step is not None:
        arn = getattr(step.tb_frame.f_locals.get("self"), "_role_arn", None)
        if isinstance(arn, str) and arn.isprintable():
            return f"the role {arn}"
        step = step.tb_next
    return "the role"


# What errors of all of them have in common


def _is_temporary(code: str, response: Mapping[str, Any]) -> bool:
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0
    return code in TEMPORARY_CODES or status == 429 or status >= 500  # noqa: PLR2004 - HTTP


def _safe_code(code: object) -> str:
    """The code, if it can be one: it goes into messages, and came over a wire."""
    return code if isinstance(code, str) and code.isidentifier() else _NO_CODE


def _unreadable_status(error: BaseException) -> int | None:
    """The status of the response that the SDK could not read; None if it failed elsewhere.

    Its parsers raise what they like, body and all.
    """
    step = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        if frame.f_globals.get("__name__") == "botocore.endpoint":
            status = getattr(frame.f_locals.get("http_response"), "status_code", None)
            if isinstance(status, int):
                return status
        step = step.tb_next
    return None


def _clock_problem(message: str) -> str | None:
    """By how much this host's clock is wrong, if that is why a signature was refused.

    AWS says when it was signed and, in parentheses, what time it is there: `Signature expired:
    20260101T000000Z is now earlier than 20260101T001000Z (20260101T001500Z - 5 min.)`.
    """
    import re
    from datetime import datetime

    if not re.match("Signature (expired|not yet current)", message):
        return None
    problem, advice = "this host's clock is wrong", "set it, and let NTP keep it right"
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


def _tls_problem(error: BaseException, service: str) -> str | None:
    """What OpenSSL says against certificate or handshake; None if the trouble can pass."""
    step: BaseException | None = error
    for _ in range(8):  # the SDK's error, urllib3's, OpenSSL's
        if step is None:
            return None
        # The second is urllib3's own, which looks at the name where OpenSSL is told not to.
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
