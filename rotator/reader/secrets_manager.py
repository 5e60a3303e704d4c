"""The token secret straight from Secrets Manager, and what its refusals mean to a reader."""

from __future__ import annotations

import os

from rotator.aws.errors import explain_error, explain_refusal
from rotator.errors import RotatorError, SecretNotFound, StoreError, TokenUnavailable
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
    """Our error for the SDK's; by names, so that nothing is imported for a caller's client."""
    response = getattr(error, "response", None)
    if isinstance(response, dict) and _has_no_value(response):
        return _no_value(secret_id, stage)
    return explain_error(error, operation="GetSecretValue", secret_id=secret_id)


def refusal(secret_id: str, stage: str, *, code: str, message: str, status: int) -> RotatorError:
    """What a response to GetSecretValue means that a loopback source passes on."""
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    if _has_no_value(response):
        return _no_value(secret_id, stage)
    return explain_refusal(response, operation="GetSecretValue", secret_id=secret_id)


def _has_no_value(response: Mapping[str, Any]) -> bool:
    # A secret without a value gets the code of a missing one; only the message tells them apart.
    details = response.get("Error", {})
    return details.get("Code") == "ResourceNotFoundException" and "staging label" in str(
        details.get("Message", "")
    )


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
