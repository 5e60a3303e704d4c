"""Secrets Manager as rotator needs it: few calls, our own errors, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

from rotator.aws.sdk_logs import without_bodies
from rotator.errors import ConfigError, RotatorError, SecretNotFound, StoreError, VersionConflict
from rotator.model.secret import MAX_SECRET_BYTES, Secret, SecretInfo, StoredSecret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.client import BaseClient

__all__ = ["SecretsManagerStore", "connect"]

CURRENT = "AWSCURRENT"

# https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
_TEMPORARY_CODES = frozenset(
    {
        "InternalFailure",
        "InternalServiceError",
        "RequestTimeout",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_IDENTITY_CODES = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "UnrecognizedClientException",
    }
)


def connect(region: str | None = None) -> BaseClient:
    """Open a Secrets Manager client with the AWS SDK's standard settings and bounded patience.

    Everything that the SDK reads (endpoint, profile, role, proxy) applies. Raises ConfigError if
    no region can be found or the profile does not exist.
    """
    import botocore.session
    from botocore.config import Config

    config = Config(
        connect_timeout=3,
        read_timeout=10,
        # A lost answer is repeated with the same ClientRequestToken, which makes it a no-op.
        retries={"mode": "standard", "total_max_attempts": 4},
        user_agent_extra="rotator",
    )
    problem: RotatorError
    try:
        session = botocore.session.get_session()
        return session.create_client("secretsmanager", region_name=region, config=config)
    except BotoCoreError as error:
        problem = _missing_setting(error) or ConfigError(
            f"AWS configuration: the AWS SDK does not take it ({type(error).__name__})"
        )
    except ValueError:  # an endpoint that is no URL
        problem = ConfigError("AWS_ENDPOINT_URL: is not a URL")
    raise problem


class SecretsManagerStore:
    """Reads and publishes secrets through a botocore (or boto3) client."""

    def __init__(self, client: BaseClient) -> None:
        self._client: Any = client

    def read(self, *secret_ids: str) -> list[StoredSecret]:
        """The current version of each secret, in order; one call for all where that is allowed.

        A secret without a value comes back with `version_id` None. Raises SecretNotFound,
        StoreError, or ConfigError (no region, no AWS credentials).
        """
        found = self._read_batch(list(dict.fromkeys(secret_ids)))
        for secret_id in secret_ids:
            if secret_id not in found:
                found[secret_id] = self._read_one(secret_id)
        return [found[secret_id] for secret_id in secret_ids]

    def read_version(self, secret_id: str, version_id: str) -> StoredSecret | None:
        """One version by its id, whatever its labels; None if there is none (yet)."""
        try:
            answer = self._call("GetSecretValue", secret_id, VersionId=version_id)
        except SecretNotFound:
            return None
        return _stored(secret_id, answer)

    def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:
        """Publish `text` as the new current version under a version id of our choosing.

        The id goes out as ClientRequestToken: sending the same content again changes nothing, and
        other content under a taken id is refused (API reference, PutSecretValue). Raises
        VersionConflict then, StoreError otherwise.
        """
        size_bytes = len(text.reveal().encode())
        if size_bytes > MAX_SECRET_BYTES:
            raise StoreError(
                f"secret {secret.secret_id}: the new value has {size_bytes} bytes, Secrets Manager"
                f" takes {MAX_SECRET_BYTES}",
                operation="PutSecretValue",
                secret_id=secret.secret_id,
            )
        self._call(
            "PutSecretValue",
            secret.secret_id,
            ClientRequestToken=version_id,
            SecretString=text.reveal(),
        )

    def describe(self, secret_id: str) -> SecretInfo:
        """The secret's ARN and tags, and whether it has a current value.

        Raises SecretNotFound; StoreError if it is scheduled for deletion.
        """
        answer = self._call("DescribeSecret", secret_id)
        if answer.get("DeletedDate"):
            raise StoreError(_deleted(secret_id), operation="DescribeSecret", secret_id=secret_id)
        stages = answer.get("VersionIdsToStages", {}).values()
        return SecretInfo(
            arn=answer["ARN"],
            tags={tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])},
            has_value=any(CURRENT in labels for labels in stages),
        )

    def create(
        self,
        name: str,
        *,
        description: str,
        tags: Mapping[str, str],
        text: Secret | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        """Create a secret, with a value or without one; raises StoreError, also if it exists."""
        params: dict[str, Any] = {"Description": description, "Tags": _tag_list(tags)}
        if text is not None:
            params["SecretString"] = text.reveal()
        if kms_key_id is not None:
            params["KmsKeyId"] = kms_key_id
        self._call("CreateSecret", name, **params)

    def tag(self, secret_id: str, tags: Mapping[str, str]) -> None:
        """Add tags to a secret, replacing those of the same key."""
        self._call("TagResource", secret_id, Tags=_tag_list(tags))

    def _read_batch(self, secret_ids: list[str]) -> dict[str, StoredSecret]:
        """What BatchGetSecretValue gives at once; whatever it does not is read one by one.

        It asks for a permission of its own (`secretsmanager:BatchGetSecretValue`, on `*`), and
        some say no to it, so a refusal here is not an error: the single read says what is wrong.
        """
        if len(secret_ids) < 2:  # noqa: PLR2004 - a batch of one is the dearer single read
            return {}
        try:
            answer = self._call(
                "BatchGetSecretValue", ", ".join(secret_ids), SecretIdList=secret_ids
            )
        except StoreError as error:
            if error.retryable:
                raise
            return {}
        found = {}
        entries = [entry for entry in answer.get("SecretValues", []) if _is_version(entry)]
        for secret_id in secret_ids:
            entry = next((e for e in entries if _is(secret_id, e)), None)
            if entry is not None and CURRENT in entry["VersionStages"]:
                found[secret_id] = _stored(secret_id, entry)
            elif _has_no_value(secret_id, answer.get("Errors", [])):
                found[secret_id] = self._without_value(secret_id)
        return found

    def _read_one(self, secret_id: str) -> StoredSecret:
        try:
            answer = self._call("GetSecretValue", secret_id, VersionStage=CURRENT)
        except SecretNotFound:
            # The service says the same of a secret without a value; it exists if described.
            answer = None
        return self._without_value(secret_id) if answer is None else _stored(secret_id, answer)

    def _without_value(self, secret_id: str) -> StoredSecret:
        return StoredSecret(secret_id=secret_id, arn=self.describe(secret_id).arn)

    def _call(self, operation: str, secret_id: str, **params: Any) -> dict[str, Any]:
        """Call one API action; the SDK's exceptions end here.

        Ours are raised after the handler: chained, they would carry the request with them.
        """
        id_params = {"CreateSecret": {"Name": secret_id}, "BatchGetSecretValue": {}}
        target = id_params.get(operation, {"SecretId": secret_id})
        problem: RotatorError
        try:
            with without_bodies():
                answer: dict[str, Any] = self._method(operation)(**target, **params)
        except Exception as error:  # noqa: BLE001 - its parsers raise what they like, body and all
            problem = _translate(error, operation=operation, secret_id=secret_id)
        else:
            if _is_answer(operation, answer):
                return answer
            problem = StoreError(
                f"secret {secret_id}: what answered is not Secrets Manager ({operation});"
                " check AWS_ENDPOINT_URL",
                operation=operation,
                secret_id=secret_id,
            )
        raise problem

    def _method(self, operation: str) -> Callable[..., dict[str, Any]]:
        names = {
            "BatchGetSecretValue": "batch_get_secret_value",
            "CreateSecret": "create_secret",
            "DescribeSecret": "describe_secret",
            "GetSecretValue": "get_secret_value",
            "PutSecretValue": "put_secret_value",
            "TagResource": "tag_resource",
        }
        method: Callable[..., dict[str, Any]] = getattr(self._client, names[operation])
        return method


def _stored(secret_id: str, answer: Mapping[str, Any]) -> StoredSecret:
    return StoredSecret(
        secret_id=secret_id,
        arn=answer["ARN"],
        version_id=answer["VersionId"],
        # A binary value is none of ours: it reads as an empty text, which no codec accepts.
        text=Secret(answer.get("SecretString", "")),
        stages=tuple(answer.get("VersionStages", ())),
    )


def _is_answer(operation: str, answer: Mapping[str, Any]) -> bool:
    """Whether Secrets Manager itself answered: the SDK reads any body of a 200 as an answer."""
    if operation == "GetSecretValue":
        return _is_version(answer)
    return operation in {"BatchGetSecretValue", "TagResource"} or isinstance(answer.get("ARN"), str)


def _is_version(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in ("ARN", "Name", "VersionId"))
        and isinstance(entry.get("VersionStages"), list)
        and isinstance(entry.get("SecretString", ""), str)
    )


def _is(secret_id: str, entry: Mapping[str, Any]) -> bool:
    return secret_id in {entry["Name"], entry["ARN"]} or (
        # A partial ARN ends before the six random characters.
        secret_id.startswith("arn:") and entry["ARN"].rpartition("-")[0] == secret_id
    )


def _has_no_value(secret_id: str, errors: list[dict[str, str]]) -> bool:
    return any(
        error.get("SecretId") == secret_id and error.get("ErrorCode") == "ResourceNotFoundException"
        for error in errors
    )


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _deleted(secret_id: str) -> str:
    return (
        f"secret {secret_id}: is scheduled for deletion;"
        f" to keep it: aws secretsmanager restore-secret --secret-id {secret_id}"
    )


def _translate(error: Exception, *, operation: str, secret_id: str) -> RotatorError:
    """Our error for the SDK's, without its text where that could hold a value."""
    if isinstance(error, ClientError):
        return _refused(error, operation=operation, secret_id=secret_id)
    setting = _missing_setting(error)
    if setting is not None:
        return setting
    if isinstance(error, ParamValidationError):
        return ConfigError(f"secret {secret_id}: is not a name or ARN that Secrets Manager takes")
    temporary = isinstance(error, HTTPClientError | BotoConnectionError)
    problem = "Secrets Manager cannot be reached" if temporary else "the AWS SDK failed"
    return StoreError(
        f"secret {secret_id}: {problem} ({operation}: {type(error).__name__})",
        operation=operation,
        secret_id=secret_id,
        retryable=temporary,
    )


def _missing_setting(error: Exception) -> ConfigError | None:
    if isinstance(error, NoRegionError):
        return ConfigError("AWS region: not set; set AWS_REGION, or a region in the AWS profile")
    if isinstance(error, ProfileNotFound):
        return ConfigError("AWS_PROFILE: there is no such profile in the AWS configuration")
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return ConfigError(
            "AWS credentials: none found; set AWS_PROFILE or AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY, or run where a role is attached"
        )
    if isinstance(error, LoginError | SSOError | TokenRetrievalError):
        return ConfigError("AWS credentials: the session has ended; log in again")
    return None


def _refused(error: ClientError, *, operation: str, secret_id: str) -> StoreError:
    code = error.response.get("Error", {}).get("Code", "Unknown")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    # Names of roles and secrets are in the message too, and may have "kms" in them.
    message = str(error.response.get("Error", {}).get("Message", "")).lower()
    about_kms = "access to kms" in message or "kms:" in message
    details: dict[str, Any] = {"operation": operation, "secret_id": secret_id, "aws_code": code}
    subject = f"secret {secret_id}:"
    if code == "ResourceNotFoundException":
        return SecretNotFound(
            f"{subject} does not exist in this account and region; check the name and AWS_REGION,"
            " or create it with `rotator init`",
            **details,
        )
    if code == "ResourceExistsException":
        return VersionConflict(f"{subject} is taken already ({operation})", **details)
    if code in {"DecryptionFailure", "EncryptionFailure"} or (
        code.startswith("AccessDenied") and about_kms
    ):
        right = "kms:GenerateDataKey and kms:Decrypt" if "Put" in operation else "kms:Decrypt"
        problem = f"its KMS key refused ({operation}); this role needs {right} on the key"
    elif code.startswith("AccessDenied"):
        problem = f"access denied; this role needs secretsmanager:{operation} on it"
    elif code in _IDENTITY_CODES:
        problem = f"AWS does not accept these AWS credentials ({code}); renew them"
    elif code == "InvalidRequestException" and "delet" in str(error).lower():
        return StoreError(_deleted(secret_id), **details)
    elif code in _TEMPORARY_CODES or status >= 500:  # noqa: PLR2004 - HTTP server errors
        problem = f"Secrets Manager is busy or unwell ({operation}: {code}); the next run retries"
        return StoreError(f"{subject} {problem}", retryable=True, **details)
    else:
        problem = f"Secrets Manager refused ({operation}: {code})"
    return StoreError(f"{subject} {problem}", **details)
