"""The token secret straight from Secrets Manager, and what its refusals mean to a reader."""

from __future__ import annotations

import os

from rotator.errors import ConfigError, RotatorError, SecretNotFound, StoreError, TokenUnavailable
from rotator.reader.process_state import importing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from botocore.client import BaseClient

__all__ = ["SdkSource", "refusal", "store_error"]

# A request ends within 2.5 s, because where threads are unwelcome a read waits for it while the
# token in hand is good: a Lambda function has 3 s by default. Trying again is the reader's to do.
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S, _ATTEMPTS = 1.0, 1.5, 1

# https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
_TEMPORARY_CODES = {
    "InternalFailure",
    "InternalServiceError",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_IDENTITY_CODES = {
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "UnrecognizedClientException",
}

# What is missing around the SDK, by the names of the exceptions it has for it.
_NO_CREDENTIALS = (
    "AWS credentials: none found, or no longer valid; set AWS_PROFILE or AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY, log in again, or run where a role is attached"
)
_SETUP_PROBLEMS = {
    "ImportError": "AWS SDK: botocore cannot be imported; install it, or use a loopback source",
    "InvalidRegionError": "AWS region: is not the name of a region; set AWS_REGION",
    "LoginError": _NO_CREDENTIALS,
    "NoCredentialsError": _NO_CREDENTIALS,
    "NoRegionError": "AWS region: not set; set AWS_REGION, or a region in the AWS profile",
    "PartialCredentialsError": _NO_CREDENTIALS,
    "ProfileNotFound": "AWS_PROFILE: there is no such profile in the AWS configuration",
    "SSOError": _NO_CREDENTIALS,
}


class SdkSource:
    """Secrets Manager itself, through botocore; through the caller's client if there is one.

    `region` is the one to ask, if it is not to follow from the secret's ARN or the environment.
    """

    has_fresh = False

    def __init__(self, client: object = None, *, region: str | None = None) -> None:
        self.region = region
        self._client: Any = client
        self._owned: Any = None

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        """GetSecretValue; `fresh` changes nothing, as there is no cache."""
        del fresh
        with importing:
            from rotator.aws.sdk_logs import without_bodies  # logging: with the SDK, not before
        problem: RotatorError
        local_id = _in_region(secret_id, self.region)
        try:
            if self._client is None:
                self._client = self._owned = _connect(local_id, self.region)
            with without_bodies():
                answer: Mapping[str, Any] = self._client.get_secret_value(
                    SecretId=local_id, VersionStage=stage
                )
        except Exception as error:  # noqa: BLE001 - the SDK lets through what its parts raise
            problem = _translate(error, secret_id, stage)
        else:
            return answer
        # Emulators give a secret without a value the message of one that does not exist.
        if isinstance(problem, SecretNotFound) and self._exists(local_id):
            problem = _no_value(secret_id, stage)
        raise problem

    def _exists(self, secret_id: str) -> bool:
        try:
            self._client.describe_secret(SecretId=secret_id)
        except Exception:  # noqa: BLE001 - it is missing, or this role may not know
            return False
        return True

    def close(self) -> None:
        """Close the client, unless it is the caller's."""
        if self._owned is not None:
            self._owned.close()
            self._client = self._owned = None


def _connect(secret_id: str, region: str | None) -> BaseClient:
    """A client of our own; what it imports takes most of the time until the first token."""
    import gc

    with importing:
        # An import makes objects that stay; the collector would look through them many times.
        collects = gc.isenabled()
        gc.disable()
        try:
            return _client(region or _region(secret_id))
        finally:
            if collects:
                gc.enable()


def _client(region: str | None) -> BaseClient:
    import botocore.session
    from botocore.config import Config

    session = botocore.session.get_session()
    # Before it loads one service's description it lists all that it has, some four hundred folders,
    # only to say which there are if this one is missing.
    session.get_component("data_loader").list_available_services = lambda _type_name: _Anything()
    return session.create_client(
        "secretsmanager",
        region_name=region,
        config=Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        ),
    )


class _Anything(frozenset[str]):
    """A set of names that holds whichever is looked for."""

    def __contains__(self, _name: object) -> bool:
        return True


def _region(secret_id: str) -> str | None:
    """The region that the ARN names, or AWS_REGION; None leaves it to botocore.

    Of the two variables botocore itself reads AWS_DEFAULT_REGION only.
    """
    return _arn_region(secret_id) or os.environ.get("AWS_REGION") or None


def _arn_region(secret_id: str) -> str | None:
    # arn:partition:secretsmanager:region:account:secret:name
    parts = secret_id.split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > 3 else None  # noqa: PLR2004


def _in_region(secret_id: str, region: str | None) -> str:
    """The same secret in this region: a replica's ARN differs from the primary's in it only.

    Secrets Manager user guide, "Replicate secrets across Regions".
    """
    if region is None or _arn_region(secret_id) is None:
        return secret_id
    parts = secret_id.split(":")
    return ":".join([*parts[:3], region, *parts[4:]])


def _translate(error: Exception, secret_id: str, stage: str) -> RotatorError:
    """Our error for the SDK's: by the names of its classes, and without its text.

    By name, so that nothing is imported for a client of the caller's; without the text, because
    that of a parsing error holds the response.
    """
    names = [kind.__name__ for kind in type(error).__mro__]
    response = getattr(error, "response", None)
    if "ClientError" in names and isinstance(response, dict):
        details = response.get("Error", {})
        return refusal(
            secret_id,
            stage,
            code=str(details.get("Code", "Unknown")),
            message=str(details.get("Message", "")),
            status=response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
        )
    for name in names:
        if name in _SETUP_PROBLEMS:
            return ConfigError(_SETUP_PROBLEMS[name])
    if "ParamValidationError" in names:
        return ConfigError(f"secret {secret_id}: is not a name or ARN that Secrets Manager takes")
    if "ValueError" in names and "endpoint" in str(error):
        return ConfigError("AWS_ENDPOINT_URL: is not a URL")
    if not {"HTTPClientError", "ConnectionError", "CredentialRetrievalError"}.isdisjoint(names):
        problem = f"Secrets Manager cannot be reached ({names[0]})"
        return store_error(secret_id, problem, retryable=True)
    return store_error(secret_id, f"the AWS SDK failed ({names[0]})")


def refusal(secret_id: str, stage: str, *, code: str, message: str, status: int) -> RotatorError:
    """What Secrets Manager's answer to GetSecretValue means to a reader."""
    if not code.isidentifier():  # it goes into messages, and came over a wire
        code = "Unknown"
    if code == "ResourceNotFoundException":
        # A secret without a value gets the same code; only the message tells them apart.
        if "staging label" in message:
            return _no_value(secret_id, stage)
        return SecretNotFound(
            f"secret {secret_id}: does not exist in this account and region; check its name and"
            " AWS_REGION",
            operation="GetSecretValue",
            secret_id=secret_id,
            aws_code=code,
        )
    if code == "DecryptionFailure" or "Access to KMS" in message or "kms:Decrypt" in message:
        problem = "its KMS key refused; this role needs kms:Decrypt on the key"
    elif code.startswith("AccessDenied"):
        problem = "access denied; this role needs secretsmanager:GetSecretValue on it"
    elif code in _IDENTITY_CODES:
        problem = f"AWS does not accept these AWS credentials ({code}); renew them"
    elif code == "InvalidRequestException" and "delet" in message:
        problem = (
            "is scheduled for deletion; to keep it:"
            f" aws secretsmanager restore-secret --secret-id {secret_id}"
        )
    elif code in _TEMPORARY_CODES or status >= 500:  # noqa: PLR2004 - HTTP server errors
        problem = f"Secrets Manager is busy or unwell ({code})"
        return store_error(secret_id, problem, aws_code=code, retryable=True)
    else:
        problem = f"Secrets Manager refused ({code})"
    return store_error(secret_id, problem, aws_code=code)


def _no_value(secret_id: str, stage: str) -> TokenUnavailable:
    return TokenUnavailable(f"secret {secret_id}: has no {stage} value yet; has the rotator run?")


def store_error(
    secret_id: str, problem: str, *, aws_code: str | None = None, retryable: bool = False
) -> StoreError:
    """A StoreError about reading this secret."""
    return StoreError(
        f"secret {secret_id}: {problem}",
        operation="GetSecretValue",
        secret_id=secret_id,
        aws_code=aws_code,
        retryable=retryable,
    )
