"""For the tests of services that read the token: a reader without AWS.

    def test_photo_is_sent(fake_token_reader: FakeTokenReader) -> None:
        send_photo(reader=fake_token_reader)

`FakeTokenReader` is the real reader with a fake source and a fake clock. The fixture is in the
pytest plugin `rotator.testing.plugin`, which a line in your conftest.py loads:
`pytest_plugins = ["rotator.testing.plugin"]`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rotator.clock import SystemClock
from rotator.errors import TokenUnavailable
from rotator.reader.clocked import ClockedReader
from rotator.reader.snapshot import instant_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.errors import RotatorError

__all__ = ["FakeTokenReader"]

_DAY_S = 24 * 3600.0


class _Secret:
    """A token secret in memory, with its current and its previous version."""

    has_fresh = False

    def __init__(self) -> None:
        self.versions: dict[str, Mapping[str, Any]] = {}
        self.error: RotatorError | None = None
        self.reads = 0

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        del fresh
        self.reads += 1
        if self.error is not None:
            raise self.error
        if stage not in self.versions:
            raise TokenUnavailable(f"secret {secret_id}: has no {stage} value yet")
        return self.versions[stage]


class _Clock(SystemClock):
    """The system clock, `ahead_s` seconds ahead, and without randomness."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_s)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s

    def sleep(self, seconds: float) -> None:
        self.ahead_s += seconds

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


class FakeTokenReader(ClockedReader):
    """A TokenReader whose secret and time your test controls.

    It starts with `token`, which lives `lives_s` seconds. `rejected` lists the tokens that the code
    under test reported after a 401. A refresh runs in the read that finds it due, without
    randomness, so that tests are repeatable.
    """

    def __init__(
        self,
        token: str = "test-token",  # noqa: S107 - what it is for
        *,
        client_id: str | None = "test-client",
        lives_s: float = _DAY_S,
    ) -> None:
        self.rejected: list[str] = []
        self._published = 0
        self._client_id = client_id
        self._secret = _Secret()
        self._fake_clock = _Clock()
        super().__init__(
            "test/token", source=self._secret, background=False, clock=self._fake_clock
        )
        self.publish(token, lives_s=lives_s)

    @property
    def reads(self) -> int:
        """How often the secret was read."""
        return self._secret.reads

    def publish(self, token: str, *, lives_s: float = _DAY_S) -> None:
        """Make this token the secret's current version, as a rotation does.

        The reader keeps its token until the next rotation is due, or it is rejected.
        """
        now = self._now()
        fields = {
            "schema": 1,
            "access_token": token,
            "token_type": "bearer",
            "issued_at": _text(now),
            "expires_at": _text(now + lives_s),
            "next_rotation_at": _text(now + lives_s * 23 / 24),
            "client_id": self._client_id,
        }
        versions = self._secret.versions
        if "AWSCURRENT" in versions:
            versions["AWSPREVIOUS"] = versions["AWSCURRENT"]
        self._published += 1
        version_id = f"version-{self._published}"
        versions["AWSCURRENT"] = {"SecretString": json.dumps(fields), "VersionId": version_id}

    def advance(self, seconds: float) -> None:
        """Let time pass, for this reader only."""
        self._fake_clock.ahead_s += seconds

    def expire(self) -> None:
        """Advance until no published token is valid: reads raise TokenUnavailable."""
        self._secret.versions.clear()
        self.advance(max(0.0, self._refresher.cache.cached.expires - self._now()))

    def fail(self, error: RotatorError) -> None:
        """Make every read of the secret raise `error` until `recover`: an AWS outage."""
        self._secret.error = error

    def recover(self) -> None:
        """End the outage, and the reader's pause after a failure."""
        self._secret.error = None
        self._refresher.state().retry_at = float("-inf")
        self._refresher.cache.refresh_on_next_read()

    def invalidate(self, rejected_token: str) -> bool:
        """As in TokenReader; also adds the token to `rejected`."""
        self.rejected.append(rejected_token)
        return super().invalidate(rejected_token)


def _text(at: float) -> str:
    return instant_text(datetime.fromtimestamp(at, UTC))
