"""What the tests of the reader share: a source and a clock that the test sets."""

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotator.errors import StoreError, TokenUnavailable
from rotator.reader import TokenReader
from rotator.reader.clocked import ClockedReader
from tests.support.clock import ManualClock
from tests.support.documents import token_document

START = 1_800_000_000.0
HOUR = 3600.0
DUE = START + 23 * HOUR
EXPIRY = START + 24 * HOUR
CURRENT = ("AWSCURRENT", False)


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


def version(
    token: str = "first", *, issued_at: float = START, lives_s: float = 24 * HOUR, **changes: object
) -> dict[str, Any]:
    """What GetSecretValue answers for a token; a change to None drops the member."""
    lifetime = timedelta(seconds=lives_s)
    document = token_document(token, issued_at=issued_at, lifetime=lifetime, **changes)
    return {"SecretString": json.dumps(document), "VersionId": f"version-of-{token}"}


def live_version(token: str = "first", *, lives_s: float = 3600) -> dict[str, Any]:
    """The same by the machine's clock, for readers that have no other."""
    now = float(int(time.time()))
    begin = min(now, now + lives_s - 1)  # one that has ended was issued before that
    return version(token, issued_at=begin, lives_s=now + lives_s - begin)


MALFORMED = {"SecretString": '{"access_token": 12}', "VersionId": "v"}


def store_error(problem: str, *, code: str | None = None, retryable: bool = True) -> StoreError:
    return StoreError(
        f"secret s: {problem}",
        operation="GetSecretValue",
        secret_id="s",
        aws_code=code,
        retryable=retryable,
    )


UNREACHABLE = store_error("Secrets Manager cannot be reached")


def start_clock(chance: float = 0.5) -> ManualClock:
    return ManualClock(START, chance=chance)


def make_reader(clock: ManualClock, source: object, **options: Any) -> TokenReader:
    return ClockedReader("s", source=source, clock=clock, **({"background": False} | options))


class ReaderRig:
    """A reader with the source and the clock that a test sets.

    It refreshes in the read that finds it due, in the middle of each jitter.
    """

    def __init__(self) -> None:
        self.clock = start_clock()
        self.source = FakeSource(AWSCURRENT=version())
        self.reader = make_reader(self.clock, self.source)

    def remake(self, source: object = None, **options: Any) -> None:
        """Put another reader in its place."""
        self.reader = make_reader(self.clock, source or self.source, **options)

    def assert_serves_until(self, end_s: float, token: str = "first") -> None:
        """Let time pass to this end: the token is served until then, and not after."""
        self.clock.advance_to(end_s - 0.1)
        assert self.reader.token() == token
        self.clock.advance_to(end_s)
        with pytest.raises(TokenUnavailable):
            self.reader.token()

    def serve(self, current: Mapping[str, Any] | Exception) -> None:
        """Answer so for AWSCURRENT from now on."""
        self.source.stages["AWSCURRENT"] = current


def chain(error: BaseException) -> list[BaseException]:
    found = [error]
    while (following := found[-1].__cause__ or found[-1].__context__) is not None:
        found.append(following)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ending_version(expires_at: int, *, token: str | None = None) -> dict[str, Any]:
    """A token that tells its end, and no more: `ends-1800000000`."""
    fields = {"access_token": token or f"ends-{expires_at}", "expires_at_epoch": expires_at}
    return {"SecretString": json.dumps(fields), "VersionId": str(expires_at)}


class FunctionSource:
    """Answers each read with what `answer` returns or raises."""

    has_fresh = False

    def __init__(self, answer: Callable[[], Mapping[str, Any]], region: str | None = None) -> None:
        self.answer = answer
        self.region = region
        self.calls = 0

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        del secret_id, stage, fresh
        self.calls += 1
        return self.answer()


def fixed_source(
    answer: Mapping[str, Any] | Exception, region: str | None = None
) -> FunctionSource:
    """One that always answers with this value, or raises it."""

    def give() -> Mapping[str, Any]:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return FunctionSource(give, region)


def token_of_a_day() -> dict[str, Any]:
    """Each second another one, by the machine's clock."""
    return ending_version(int(time.time()) + 86_400)


def steady_source() -> FunctionSource:
    return FunctionSource(token_of_a_day)
