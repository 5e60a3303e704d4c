"""The Secrets Manager store: few calls, and our own errors."""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from rotator.aws.client_config import client_config
from rotator.aws.error_details import drop_echoed_code, store_error
from rotator.aws.errors import explain_error, explain_foreign_response, explain_scheduled_deletion
from rotator.aws.places import place_of_client
from rotator.aws.responses import entries_by, entries_of, staging_labels
from rotator.aws.sdk_loader import limit_loading
from rotator.aws.sdk_logs import hide_bodies
from rotator.aws.time_limit import NO_LIMIT, call_within
from rotator.errors import (
    RotatorError,
    SecretNotFound,
    StoreError,
    VersionConflict,
    replace_error,
)
from rotator.model.secret import MAX_SECRET_BYTES, Secret, SecretInfo, StoredSecret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.client import BaseClient
    from botocore.config import Config

__all__ = [
    "CURRENT",
    "SecretsManagerStore",
    "connect",
    "is_version",
    "matches_id",
    "parse_tags",
    "stored_secret",
]

CURRENT = "AWSCURRENT"
_CONTENT_TYPE = "application/x-amz-json"  # of every response of the service, errors included


def connect(region: str | None = None, *, session: object = None) -> BaseClient:
    """Open a Secrets Manager client with bounded timeouts and retries.

    `session` is a boto3 or botocore session; without one, the SDK's own settings apply (endpoint,
    profile, role, proxy). Raises ConfigError if there is no region or no such profile, StoreError
    if AWS credentials cannot be fetched at the moment.
    """
    # A lost response is repeated with the same ClientRequestToken, which makes it a no-op.
    config = client_config(attempts=4)

    def create() -> BaseClient:
        opened: Any = session or _open_session(config, region)
        make = opened.client if hasattr(opened, "client") else opened.create_client
        client: BaseClient = make("secretsmanager", region_name=region, config=config)
        return client

    return replace_error(create, Exception, explain_error)


def _open_session(config: Config, region: str | None) -> object:
    """A boto3 session whose clients for fetching credentials have our timeouts and region.

    By default the SDK takes their region from AWS_DEFAULT_REGION only.
    """
    import boto3
    import botocore.session

    core = botocore.session.get_session()
    core.set_default_client_config(config)
    limit_loading(core)
    if region is not None:
        core.set_config_variable("region", region)
    return boto3.Session(botocore_session=core)


class ApiCaller:
    """Calls API actions through a client of boto3 or botocore, and translates the SDK's errors.

    Given a session of either, it makes a client in the session's region (`connect`).
    """

    def __init__(self, client: object) -> None:
        is_session = hasattr(client, "client") or hasattr(client, "create_client")
        self._client: Any = connect(session=client) if is_session else client
        self._left_s: Callable[[], float] = lambda: NO_LIMIT

    def limit_time(self, left_s: Callable[[], float]) -> Self:
        """A copy whose calls time out after the seconds that `left_s` returns at that moment."""
        limited = copy(self)
        limited._left_s = left_s  # noqa: SLF001 - a copy of this one
        return limited

    def fetch_credentials(self, secret_id: str) -> None:
        """Fetch the AWS credentials with which this secret is to be read, in this thread.

        The SDK fetches those of a role at the first call: it may prompt for an MFA code, which no
        time limit may cut off. Raises as a call does; without credentials, the first call does.
        """
        signer = getattr(self._client, "_request_signer", None)
        credentials = getattr(signer, "_credentials", None)
        if credentials is None:
            return
        with hide_bodies():
            replace_error(
                credentials.get_frozen_credentials,
                Exception,
                lambda error: explain_error(error, operation="GetSecretValue", secret_id=secret_id),
            )

    def _call(
        self,
        operation: str,
        secret_id: str,
        *,
        secrets: Mapping[str, Secret] = MappingProxyType({}),
        **params: Any,
    ) -> dict[str, Any]:
        """Call one API action; raises our errors only.

        They are raised after the handler, because the SDK's errors, if attached, would carry the
        request. The parameters in `secrets` are revealed only in a frame that no traceback has.
        """
        id_params = {
            "BatchGetSecretValue": {},
            "CreateSecret": {"Name": secret_id},
            "ListSecrets": {},
        }
        target = id_params.get(operation, {"SecretId": secret_id})

        def call() -> dict[str, Any]:
            plain = {name: secret.reveal() for name, secret in secrets.items()}
            with hide_bodies():
                return self._method(operation)(**target, **params, **plain)

        def explain(error: Exception) -> RotatorError:
            drop_echoed_code(error, secrets.values())
            return explain_error(error, operation=operation, secret_id=secret_id)

        left_s = self._left_s()

        def out_of_time(_: Exception) -> RotatorError:
            problem = f"Secrets Manager did not respond in the remaining time ({operation})"
            if left_s <= 0:
                problem = f"the time limit of this run was reached before the call ({operation})"
            return store_error(problem, operation, secret_id, retryable=True)

        response = replace_error(
            lambda: call_within(left_s, lambda: replace_error(call, Exception, explain)),
            TimeoutError,
            out_of_time,
        )
        if not _is_response(operation, response):
            raise explain_foreign_response(operation, secret_id)
        return response

    def _method(self, operation: str) -> Callable[..., dict[str, Any]]:
        snake_case = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation)
        method: Callable[..., dict[str, Any]] = getattr(self._client, snake_case[1:])
        return method


class SecretsManagerStore(ApiCaller):
    """Reads and publishes secrets."""

    # More parameters of PutSecretValue.
    _put_secrets: Mapping[str, Secret] = MappingProxyType({})

    def read(self, *secret_ids: str) -> list[StoredSecret]:
        """The current version of each secret, in order, in one call if the role may batch.

        A secret without a value comes back with `version_id` None. Raises SecretNotFound,
        StoreError, or ConfigError (no region, no AWS credentials).
        """
        found = self._read_batch(list(dict.fromkeys(secret_ids)))
        for secret_id in secret_ids:
            if secret_id not in found:
                # The service reports a secret without a value as missing; DescribeSecret finds it.
                version = self._find_version(secret_id, VersionStage=CURRENT)
                found[secret_id] = version or self._read_without_value(secret_id)
        return [found[secret_id] for secret_id in secret_ids]

    def read_version(self, secret_id: str, version_id: str) -> StoredSecret | None:
        """One version by its id, whatever its labels; None if there is none (yet)."""
        return self._find_version(secret_id, VersionId=version_id)

    def read_previous(self, secret_id: str) -> StoredSecret | None:
        """The version with AWSPREVIOUS, to which readers fall back; None if there is none."""
        return self._find_version(secret_id, VersionStage="AWSPREVIOUS")

    def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:
        """Publish `text` as the new current version under a version id of our choosing.

        The id is sent as ClientRequestToken: the same content again changes nothing, and other
        content under a taken id is refused (API reference, PutSecretValue). Raises VersionConflict
        in that case and if the version is no longer current, StoreError otherwise.
        """
        refuse_oversize(secret.secret_id, text)
        self._put(secret.secret_id, text, version_id, stage=CURRENT, arn=secret.arn)

    def _put(
        self,
        secret_id: str,
        text: Secret,
        version_id: str,
        *,
        stage: str,
        arn: str | None = None,
        **params: Any,
    ) -> None:
        """PutSecretValue; if the response is for another write, reads the version to confirm."""
        params["ClientRequestToken"] = version_id
        secrets = {"SecretString": text, **self._put_secrets}
        response = self._call("PutSecretValue", secret_id, secrets=secrets, **params)
        is_of_this_write = (
            response.get("VersionId") == version_id
            and stage in (response.get("VersionStages") or ())
            and arn in {None, response["ARN"]}
        )
        if is_of_this_write:
            return
        written = self.read_version(secret_id, version_id)
        if written is None or written.text != text or stage not in written.stages:
            problem = (
                "the response to PutSecretValue is for another write, and a read does not find the"
                " new version as written; the next run tries again"
            )
            kind = StoreError if written is None else VersionConflict
            raise store_error(problem, "PutSecretValue", secret_id, kind=kind, retryable=True)

    def describe(self, secret_id: str) -> SecretInfo:
        """The secret's ARN and tags, and whether it has a current value.

        Raises SecretNotFound; StoreError if it is scheduled for deletion.
        """
        response = self._call("DescribeSecret", secret_id)
        if response.get("DeletedDate"):
            raise _deletion_error(secret_id, self._client)
        return SecretInfo(
            arn=response["ARN"],
            tags=parse_tags(response),
            has_value=any(CURRENT in labels for labels in staging_labels(response).values()),
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
        secrets = {} if text is None else {"SecretString": text}
        if kms_key_id is not None:
            params["KmsKeyId"] = kms_key_id
        self._call("CreateSecret", name, secrets=secrets, **params)

    def tag(self, secret_id: str, tags: Mapping[str, str]) -> None:
        """Add tags to a secret, replacing those of the same key.

        The response has no body (API reference, TagResource) that would show whether it is from
        Secrets Manager. Unless it has the service's content type, the tags are read to confirm.
        """
        response = self._call("TagResource", secret_id, Tags=_tag_list(tags))
        headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if headers.get("content-type", "").startswith(_CONTENT_TYPE):
            return
        if not tags.items() <= self.describe(secret_id).tags.items():
            raise explain_foreign_response("TagResource", secret_id)

    def _read_batch(self, secret_ids: list[str]) -> dict[str, StoredSecret]:
        """The secrets that BatchGetSecretValue returns; the caller reads the rest one by one.

        It needs another permission (`secretsmanager:BatchGetSecretValue`, on `*`), has a
        hundredth of the single read's quota, and not every emulator has it. So an error response is
        ignored: the single read shows the cause. Raises StoreError if the service could not be
        reached.
        """
        if len(secret_ids) < 2:  # noqa: PLR2004 - for one secret, the single read costs less
            return {}
        try:
            response = self._call(
                "BatchGetSecretValue", ", ".join(secret_ids), SecretIdList=secret_ids
            )
        except StoreError as error:
            if error.retryable and not error.is_answered:
                raise
            return {}
        found = {}
        entries = [each for each in entries_of(response, "SecretValues") if is_version(each)]
        errors = entries_by(response, "Errors", "SecretId")
        for secret_id in secret_ids:
            entry = next((e for e in entries if matches_id(secret_id, e)), None)
            if entry is not None and CURRENT in entry["VersionStages"]:
                found[secret_id] = stored_secret(secret_id, entry)
            elif errors.get(secret_id, {}).get("ErrorCode") == "ResourceNotFoundException":
                found[secret_id] = self._read_without_value(secret_id)
        return found

    def _find_version(self, secret_id: str, **which: Any) -> StoredSecret | None:
        try:
            response = self._call("GetSecretValue", secret_id, **which)
        except SecretNotFound:
            return None
        return stored_secret(secret_id, response)

    def _read_without_value(self, secret_id: str) -> StoredSecret:
        described = self.describe(secret_id)
        return StoredSecret(secret_id=secret_id, arn=described.arn, tags=described.tags)


def parse_tags(response: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a secret; a tag's value is optional (API reference, Tag)."""
    listed = response.get("Tags")
    tags = [tag for tag in listed if isinstance(tag, dict)] if isinstance(listed, list) else []
    texts = {tag.get("Key"): tag.get("Value", "") for tag in tags}
    return {
        key: value if isinstance(value, str) else ""
        for key, value in texts.items()
        if isinstance(key, str)
    }


def stored_secret(secret_id: str, response: Mapping[str, Any]) -> StoredSecret:
    """One version, from the response of either read call."""
    created_at = response.get("CreatedDate")
    return StoredSecret(
        secret_id=secret_id,
        arn=response["ARN"],
        version_id=response["VersionId"],
        # A binary value reads as an empty text, which no parser accepts.
        text=Secret(response.get("SecretString", "")),
        stages=tuple(response.get("VersionStages", ())),
        is_binary="SecretBinary" in response,
        created_at=created_at.astimezone(UTC) if isinstance(created_at, datetime) else None,
    )


def refuse_oversize(secret_id: str, text: Secret) -> None:
    """Raise StoreError for a value that is too long for Secrets Manager."""
    size_bytes = len(text.reveal().encode())
    if size_bytes > MAX_SECRET_BYTES:
        problem = f"the new value has {size_bytes} bytes, Secrets Manager takes {MAX_SECRET_BYTES}"
        raise store_error(problem, "PutSecretValue", secret_id)


def _is_response(operation: str, response: Mapping[str, Any]) -> bool:
    """Whether it is from Secrets Manager: the SDK takes any body with status 200 for a response."""
    if not isinstance(response, dict):
        return False
    if operation == "GetSecretValue":
        return is_version(response)
    if operation == "ListSecrets":
        return isinstance(response.get("SecretList"), list)
    # Secrets missing from a batch are read one by one; the response to TagResource is empty.
    may_lack_arn = operation in {"BatchGetSecretValue", "TagResource"}
    return may_lack_arn or isinstance(response.get("ARN"), str)


def is_version(entry: object) -> bool:
    """Whether it is a version of a secret, as both read calls return it."""
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in ("ARN", "Name", "VersionId"))
        and isinstance(entry.get("VersionStages"), list)
        and isinstance(entry.get("SecretString", ""), str)
    )


def matches_id(secret_id: str, entry: Mapping[str, Any]) -> bool:
    """Whether the version belongs to the secret with this name, ARN or partial ARN."""
    return secret_id in {entry["Name"], entry["ARN"]} or (
        # A partial ARN ends before the six random characters.
        secret_id.startswith("arn:") and entry["ARN"].rpartition("-")[0] == secret_id
    )


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _deletion_error(secret_id: str, client: object) -> StoreError:
    problem = explain_scheduled_deletion(secret_id, place=place_of_client(client))
    return store_error(problem, "DescribeSecret", secret_id)
