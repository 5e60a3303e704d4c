"""What the tests of the reader's states share: a clock and a source that the test sets."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rotator.errors import StoreError, TokenUnavailable
from rotator.reader.clocked import ClockedReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.reader import TokenReader

START = 1_800_000_000.0
HOUR = 3600.0
DUE = START + 23 * HOUR
EXPIRY = START + 24 * HOUR
CURRENT = ("AWSCURRENT", False)


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> float:
        return self.at


class FakeSource:
    """Answers per stage with a value, or raises it."""

    def __init__(self, **stages: Mapping[str, Any] | Exception) -> None:
        self.has_fresh = False
        self.stages = stages
        self.calls: list[tuple[str, bool]] = []
        self.threads: set[int] = set()

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        self.calls.append((stage, fresh))
        self.threads.add(threading.get_ident())
        no_value = TokenUnavailable(f"secret {secret_id}: has no {stage} value yet")
        answer = self.stages.get(stage, no_value)
        if isinstance(answer, Exception):
            raise answer
        return answer


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def version(token: str = "first", *, issued_at: float = START, **changes: object) -> dict[str, Any]:
    """What GetSecretValue answers for a token of a day; a change to None drops the field."""
    fields: dict[str, object] = {
        "schema": 1,
        "access_token": token,
        "token_type": "bearer",
        "issued_at": rfc3339(issued_at),
        "expires_at": rfc3339(issued_at + 24 * HOUR),
        "expires_at_epoch": int(issued_at + 24 * HOUR),
        "next_rotation_at": rfc3339(issued_at + 23 * HOUR),
        "client_id": "my-client",
    }
    fields |= changes
    text = json.dumps({name: value for name, value in fields.items() if value is not None})
    return {"SecretString": text, "VersionId": f"version-of-{token}"}


MALFORMED = {"SecretString": '{"access_token": 12}', "VersionId": "v"}
UNREACHABLE = StoreError(
    "secret s: Secrets Manager cannot be reached",
    operation="GetSecretValue",
    secret_id="s",
    retryable=True,
)


def make_reader(clock: Clock, source: FakeSource, **options: Any) -> TokenReader:
    settings: dict[str, Any] = {"background": False, "uniform": lambda: 0.5}
    return ClockedReader("s", source=source, now=clock, monotonic=clock, **(settings | options))


def chain(error: BaseException) -> list[BaseException]:
    found = [error]
    while (following := found[-1].__cause__ or found[-1].__context__) is not None:
        found.append(following)
    return found
