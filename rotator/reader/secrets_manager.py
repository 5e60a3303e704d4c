"""The token secret from Secrets Manager, through botocore."""

from __future__ import annotations

import os

from rotator.errors import SecretNotFound, signal_error
from rotator.reader.failures import explain_sdk_error, no_value, not_the_service
from rotator.reader.process_state import importing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from botocore.client import BaseClient
    from botocore.session import Session

__all__ = ["SdkSource", "arn_region", "replica_id"]

# A request ends within 2.5 s: without threads a read waits for a refresh although the cached token
# is valid, and a Lambda function has 3 s by default. The reader does the retries.
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S, _ATTEMPTS = 1.0, 1.5, 1


_MEMBERS = frozenset({"ARN", "SecretBinary", "SecretString", "VersionId"})
"""A response of Secrets Manager has at least one of these, even from a caller's client."""


class SdkSource:
    """Secrets Manager through botocore, or through the caller's client if there is one.

    `region` None takes the region from the secret's ARN or the environment.
    """

    has_fresh = False

    def __init__(self, client: object = None, *, region: str | None = None) -> None:
        self.region = region
        self._client: Any = client
        self._owned: Any = None
        self._failed = False

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        """GetSecretValue; `fresh` changes nothing, as there is no cache. Raises RotatorError."""
        del fresh
        with importing:
            import encodings.idna  # noqa: F401 - which every lookup of a host name imports

            from rotator.aws.sdk_logs import hide_bodies  # it imports logging
        if self._failed and stage == "AWSCURRENT":
            # A new client, because the old one keeps the credentials that it found, if any.
            self.close()
        problem: BaseException
        local_id = replica_id(secret_id, self.region)
        try:
            if self._client is None:
                # botocore itself reads AWS_DEFAULT_REGION only.
                region = self.region or arn_region(local_id) or os.environ.get("AWS_REGION")
                self._client = self._owned = _connect(region or None)
            with hide_bodies():
                response: Mapping[str, Any] = self._client.get_secret_value(
                    SecretId=local_id, VersionStage=stage
                )
        except Exception as error:  # noqa: BLE001 - the SDK raises exceptions of any class
            has_client = self._client is not None
            problem = signal_error(error) or explain_sdk_error(
                error, secret_id, stage, is_connected=has_client
            )
        else:
            # The SDK takes any body with status 200 for a response, even a proxy's HTML page.
            if response.keys() & _MEMBERS:
                return response
            problem = not_the_service(secret_id)
        self._failed = True
        # Emulators report a secret without a value as one that does not exist.
        if isinstance(problem, SecretNotFound) and self._exists(local_id):
            problem = no_value(secret_id, stage)
        raise problem

    def _exists(self, secret_id: str) -> bool:
        try:
            self._client.describe_secret(SecretId=secret_id)
        except Exception as error:  # noqa: BLE001 - it is missing, or DescribeSecret is denied
            own = signal_error(error)
        else:
            return True
        if own is not None:
            raise own
        return False

    def close(self) -> None:
        """Close the client, unless it is the caller's."""
        self._failed = False
        if self._owned is not None:
            self._owned.close()
            self._client = self._owned = None


def _connect(region: str | None) -> BaseClient:
    """Create a client; its imports take most of the time until the first token."""
    session = _call_without_collector(_open_session)
    region = region or session.get_config_variable("region")
    if region is not None:  # for STS too, which may have to be asked for credentials
        session.set_config_variable("region", region)
    # Finding credentials may run a program or a request, for seconds. So it isn't done under
    # `importing`, which blocks forks; the session keeps the credentials.
    found = region is not None and session.get_credentials() is not None
    client: BaseClient = _call_without_collector(_make_client, session, region, found)
    if not found:
        from botocore.exceptions import NoCredentialsError

        client.close()
        raise NoCredentialsError
    return client


def _call_without_collector(make: Any, *args: object) -> Any:  # noqa: ANN401 - what `make` returns
    """Call `make`, which imports a lot, without garbage collection, which would find nothing."""
    with importing:
        import gc

        collects = gc.isenabled()
        gc.disable()
        try:
            return make(*args)
        finally:
            if collects:
                gc.enable()


def _open_session() -> Session:
    # Imports modules for finding credentials too, because that isn't done under `importing`.
    import subprocess  # noqa: F401 - of `credential_process`

    import botocore.client
    import botocore.session
    from botocore.config import Config

    from rotator.aws.sdk_loader import limit_loading

    session = botocore.session.get_session()
    # For all clients, including those that fetch credentials.
    session.set_default_client_config(
        Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        )
    )
    limit_loading(session)
    return session


def _make_client(session: Session, region: str | None, found_credentials: bool) -> BaseClient:  # noqa: FBT001 - called above alone
    # Created without credentials too, to report other wrong settings first. The placeholders keep
    # it from searching for credentials again.
    none = {} if found_credentials else dict.fromkeys(_EXPLICIT, "none")
    return session.create_client(
        "secretsmanager",
        region_name=region,
        **none,  # type: ignore[arg-type]  # its stubs number every argument
    )


_EXPLICIT = ("aws_access_key_id", "aws_secret_access_key")


def arn_region(secret_id: str) -> str | None:
    """The region that an ARN names, None for a name."""
    # arn:partition:secretsmanager:region:account:secret:name
    parts = secret_id.split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > 3 else None  # noqa: PLR2004


def replica_id(secret_id: str, region: str | None) -> str:
    """The id of the secret's replica in this region: only the region in its ARN differs.

    Secrets Manager user guide, "Replicate secrets across Regions".
    """
    if region is None or arn_region(secret_id) is None:
        return secret_id
    parts = secret_id.split(":")
    return ":".join([*parts[:3], region, *parts[4:]])
