"""Explains why the AWS SDK found no AWS credentials: which source failed, and what to do."""

from __future__ import annotations

from rotator.aws.error_details import (
    NO_CODE,
    clock_problem,
    explain_foreign_response,
    frames_of,
    is_temporary,
    safe_code,
    store_error,
    tls_problem,
    unreadable_status,
)
from rotator.aws.error_table import (
    CREDENTIAL_SETTINGS,
    NETWORK_ERRORS,
    RENEW_KEYS,
    RESPONSE_MEMBERS,
    SOURCE_NAMES,
    SOURCE_OF,
)
from rotator.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rotator.errors import RotatorError, StoreError

__all__ = ["explain_credential_error", "failing_source"]


def failing_source(error: Exception) -> str | None:
    """The source of credentials that failed (a key of `CREDENTIAL_SOURCES`), None if none did."""
    found = [kind.__name__ for kind in type(error).__mro__]
    found.append(str(getattr(error, "operation_name", "")))
    kwargs = getattr(error, "kwargs", None)
    if isinstance(kwargs, dict):
        found.append(str(kwargs.get("provider", "")))
    found.extend(_names_on_the_way(error))
    return next((SOURCE_OF[name] for name in found if name in SOURCE_OF), None)


def _names_on_the_way(error: Exception) -> list[str]:
    """The botocore classes that the error passed through, and their `METHOD`; innermost first."""
    names: list[str] = []
    for frame in frames_of(error):
        if "botocore" in frame.f_code.co_filename:
            method = getattr(frame.f_locals.get("self"), "method", "")
            names += [str(method), frame.f_code.co_qualname.partition(".")[0]]
    return names[::-1]


def explain_credential_error(
    source: str, error: Exception, names: list[str], *, operation: str, secret_id: str
) -> RotatorError:
    """Our error for a failed `source`; `names` are the error's classes, the most specific first.

    `operation` is the Secrets Manager action that needed the credentials, empty for none.
    """
    response = getattr(error, "response", None)
    if "ClientError" in names and isinstance(response, dict):
        return _credential_refusal(source, error, response, secret_id)
    called = operation or "GetCredentials"
    if not NETWORK_ERRORS.isdisjoint(names):
        certificate = tls_problem(error, SOURCE_NAMES.get(source, source))
        if certificate is not None:
            return store_error(certificate, called, secret_id)
        return _unavailable(source, names[0], called, secret_id)
    status = _foreign_status(source, error)
    if status is not None:
        return explain_foreign_response(
            called, secret_id, status=status, service=SOURCE_NAMES[source]
        )
    problem = _setting_problem(source, [*names, str(error)])
    if problem is not None:
        return ConfigError(f"AWS credentials: {problem}")
    if source in {"container", "metadata"}:
        return _unavailable(source, _detail(names[0], str(error)), called, secret_id)
    problem = f"AWS credentials: the AWS SDK failed ({called}: {names[0]})"
    return store_error(problem, called, secret_id)


def _foreign_status(source: str, error: Exception) -> int | None:
    """The status of a response that isn't from STS, SSO or sign-in; None for one that is."""
    if source not in RESPONSE_MEMBERS:
        return None
    status = unreadable_status(error)
    if status is None and isinstance(error, KeyError) and error.args == RESPONSE_MEMBERS[source]:
        return 200  # the SDK took it for a success, and found a required member missing
    return status


def _setting_problem(source: str, signs: list[str]) -> str | None:
    for where, marks, problem in CREDENTIAL_SETTINGS:
        if where == source and any(m in sign for m in marks.split("|") for sign in signs):
            return problem
    return None


def _detail(name: str, text: str) -> str:
    """A safe description of the endpoint's response; the SDK's `text` may hold its body."""
    status = text.partition("non 200 response ")[2][:3]
    if status.isdigit():
        return f"HTTP {status}"
    return "not JSON" if "parse JSON" in text else name


def _unavailable(source: str, detail: str, operation: str, secret_id: str) -> StoreError:
    problem = f"AWS credentials could not be fetched from {SOURCE_NAMES[source]} ({detail})"
    return store_error(f"{problem}; this may be temporary", operation, secret_id, retryable=True)


def _credential_refusal(
    source: str, error: Exception, response: Mapping[str, Any], secret_id: str
) -> RotatorError:
    """Our error where STS, SSO or sign-in responded with an error."""
    details = response.get("Error", {})
    code, message = safe_code(details.get("Code")), str(details.get("Message", ""))
    operation = str(getattr(error, "operation_name", ""))
    detail = f"{operation}: {code}"
    if is_temporary(code, response):
        return _unavailable(source, detail, operation, secret_id)
    if code == NO_CODE:
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        service = SOURCE_NAMES[source]
        return explain_foreign_response(operation, secret_id, status=status, service=service)
    clock = clock_problem(message)
    if clock is not None:
        problem = f"AWS credentials: {clock}"
    elif source in {"sso", "login"}:
        return ConfigError(f"AWS credentials: {_setting_problem(source, [code])} ({detail})")
    else:
        problem = _role_refusal(source, code, detail, _role_of(error))
    return store_error(problem, operation, secret_id, aws_code=code)


def _role_refusal(source: str, code: str, detail: str, role: str) -> str:
    subject = f"AWS credentials: STS refused {role} ({detail})"
    if not code.startswith("AccessDenied"):
        is_token = source == "web identity"
        return f"{subject}; {'renew the web identity token' if is_token else RENEW_KEYS}"
    needed = (
        "sts:AssumeRoleWithWebIdentity to this identity provider, audience and service account"
        if source == "web identity"
        else "sts:AssumeRole to the source credentials, and so do their own policies"
    )
    return f"{subject}; its trust policy has to allow {needed}"


def _role_of(error: Exception) -> str:
    """The role to assume; only the SDK's objects in the traceback have its name."""
    for frame in frames_of(error):
        arn = getattr(frame.f_locals.get("self"), "_role_arn", None)
        if isinstance(arn, str) and arn.isprintable():
            return f"the role {arn}"
    return "the role"
