"""Secrets Manager without the AWS SDK, if credentials and region are in the environment."""

from __future__ import annotations

from rotator.clock import SYSTEM_CLOCK
from rotator.errors import ConfigError
from rotator.reader.process_state import importing
from rotator.reader.secrets_manager import replica_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rotator.clock import Clock
    from rotator.reader.direct_client import DirectClient
    from rotator.reader.secrets_manager import SdkSource

__all__ = ["DirectSource"]


class DirectSource:
    """Reads with the standard library, or through `sdk` if the environment needs the SDK.

    `region` None takes the region from the secret's ARN or the environment.
    """

    has_fresh = False

    def __init__(
        self,
        sdk: SdkSource | None = None,
        *,
        region: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.region = region
        self.sdk = sdk
        self._clock = clock
        self._client: DirectClient | None = None

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        """GetSecretValue; the environment is read each time. Raises RotatorError."""
        with importing:
            from rotator.reader.direct_client import DirectClient
            from rotator.reader.direct_settings import read_settings

        local_id = replica_id(secret_id, self.region)
        settings = read_settings(local_id, self.region)
        if isinstance(settings, str):
            return self._read_by_sdk(secret_id, stage, fresh=fresh, obstacle=settings)
        self._client = self._client or DirectClient(self._clock)
        return self._client.read(secret_id, stage, local_id=local_id, settings=settings)

    def close(self) -> None:
        """Close the SDK's client; this source keeps no connection."""
        if self.sdk is not None:
            self.sdk.close()

    def _read_by_sdk(
        self, secret_id: str, stage: str, *, fresh: bool, obstacle: str
    ) -> Mapping[str, Any]:
        if self.sdk is None:
            raise ConfigError(f"source direct: {obstacle}; use the source sdk")
        try:
            return self.sdk.read(secret_id, stage, fresh=fresh)
        except ConfigError as error:
            text = str(error)
        if text.startswith("AWS SDK: botocore cannot be imported"):
            text += "; without botocore, only AWS keys and a region in the environment work, but "
            text += obstacle
        raise ConfigError(text)
