"""The reader's states, one read after the other: injected clock, injected source."""

from __future__ import annotations

import json
import logging
import pickle
import threading
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from rotator.errors import (
    ConfigError,
    RotatorError,
    SecretNotFound,
    StoreError,
    TokenUnavailable,
)
from rotator.reader import TokenReader
from rotator.reader.clocked import ClockedReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source() -> FakeSource:
    return FakeSource(AWSCURRENT=version())


@pytest.fixture
def reader(clock: Clock, source: FakeSource) -> TokenReader:
    """Refreshes in the read that finds it due, in the middle of each jitter."""
    return make_reader(clock, source)


def make_reader(clock: Clock, source: FakeSource, **options: Any) -> TokenReader:
    settings: dict[str, Any] = {"background": False, "uniform": lambda: 0.5}
    return ClockedReader("s", source=source, now=clock, monotonic=clock, **(settings | options))


def chain(error: BaseException) -> list[BaseException]:
    found = [error]
    while (following := found[-1].__cause__ or found[-1].__context__) is not None:
        found.append(following)
    return found


# -- the first read


def test_nothing_is_read_before_the_first_use(reader: TokenReader, source: FakeSource) -> None:
    assert source.calls == []
    assert repr(reader) == "ClockedReader('s')"
    assert repr(TokenReader("s")) == "TokenReader('s')"


def test_warm_reads_ask_nobody(reader: TokenReader, source: FakeSource, clock: Clock) -> None:
    assert reader.token() == "first"
    clock.at = DUE - 1
    assert [reader.token() for _ in range(5)] == ["first"] * 5
    assert source.calls == [CURRENT]


def test_headers_carry_the_token_and_the_client_id(reader: TokenReader) -> None:
    headers = reader.headers()
    assert headers == {"Authorization": "Bearer first", "x-api-key": "my-client"}
    headers["x-api-key"] = "changed by the caller"
    assert reader.headers()["x-api-key"] == "my-client"


def test_headers_leave_out_a_client_id_that_is_not_stored(
    reader: TokenReader, source: FakeSource
) -> None:
    source.stages["AWSCURRENT"] = version(client_id=None)
    assert reader.headers() == {"Authorization": "Bearer first"}


def test_snapshot_holds_what_the_secret_says(reader: TokenReader) -> None:
    snapshot = reader.current()
    assert snapshot.token == "first"
    assert snapshot.client_id == "my-client"
    assert snapshot.version_id == "version-of-first"
    assert snapshot.issued_at == datetime.fromtimestamp(START, UTC)
    assert snapshot.next_rotation_at == datetime.fromtimestamp(DUE, UTC)
    assert snapshot.expires_at == datetime.fromtimestamp(EXPIRY, UTC)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("AWS region: not set"),
        UNREACHABLE,
        SecretNotFound("secret s: does not exist", operation="GetSecretValue", secret_id="s"),
        TokenUnavailable("secret s: has no AWSCURRENT value yet"),
    ],
)
def test_first_read_raises_what_is_wrong_and_again_as_a_new_error(
    reader: TokenReader, source: FakeSource, error: RotatorError
) -> None:
    source.stages["AWSCURRENT"] = error
    raised = []
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            reader.token()
        raised.append(caught.value)
    assert str(raised[0]) == str(raised[1]) == str(error)
    assert vars(raised[0]) == vars(error)
    assert raised[0] is not raised[1]


def test_foreign_exception_of_a_source_is_translated_without_its_text(
    reader: TokenReader, source: FakeSource
) -> None:
    source.stages["AWSCURRENT"] = KeyError("canary-token")
    with pytest.raises(StoreError) as caught:
        reader.token()
    assert "KeyError" in str(caught.value)
    assert "canary-token" not in repr(chain(caught.value))


def test_error_for_a_malformed_value_holds_no_value(
    reader: TokenReader, source: FakeSource
) -> None:
    source.stages["AWSCURRENT"] = {
        "SecretString": '{"access_token": "canary-token"',
        "VersionId": "v",
    }
    with pytest.raises(
        TokenUnavailable, match="its AWSCURRENT value is not a JSON object"
    ) as caught:
        reader.token()
    assert chain(caught.value) == [caught.value]
    assert "canary-token" not in repr(vars(caught.value))


@pytest.mark.parametrize(
    "make",
    [
        lambda: TokenReader(""),
        lambda: TokenReader("s", source="sdk", client=object()),
        lambda: TokenReader("s", source="vault").token(),
    ],
)
def test_impossible_settings_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigError):
        make()


# -- the refresh


@pytest.mark.parametrize(("share", "first_look_s"), [(0.0, 60), (0.5, 120), (1.0, 180)])
def test_refresh_comes_shortly_after_the_rotation_is_due(
    clock: Clock, source: FakeSource, share: float, first_look_s: float
) -> None:
    reader = make_reader(clock, source, uniform=lambda: share)
    reader.token()
    source.stages["AWSCURRENT"] = version("second", issued_at=DUE)
    for at in (DUE, DUE + first_look_s - 1):
        clock.at = at
        assert reader.token() == "first"
    clock.at = DUE + first_look_s + 1
    assert reader.token() == "second"
    assert source.calls == [CURRENT] * 2


def test_share_of_the_jitter_is_drawn_when_due_and_not_by_the_parent_of_a_fork(
    clock: Clock, source: FakeSource
) -> None:
    shares = {"now": 0.0}
    reader = make_reader(clock, source, uniform=lambda: shares["now"])
    reader.token()
    shares["now"] = 1.0
    clock.at = DUE + 100
    reader.token()
    assert source.calls == [CURRENT]


def test_reads_go_on_with_the_good_token_while_a_refresh_runs(
    clock: Clock, source: FakeSource
) -> None:
    work: list[Callable[[], None]] = []
    reader = make_reader(clock, source, background=work.append)
    reader.token()
    source.stages["AWSCURRENT"] = version("second", issued_at=DUE)
    clock.at = DUE + 200
    assert [reader.token() for _ in range(5)] == ["first"] * 5
    assert len(work) == 1
    work.pop()()
    assert reader.token() == "second"


def test_lost_refresh_is_started_again(clock: Clock, source: FakeSource) -> None:
    work: list[Callable[[], None]] = []
    reader = make_reader(clock, source, background=work.append)
    reader.token()
    for late_s in (200, 230, 270):
        clock.at = DUE + late_s
        reader.token()
    assert len(work) == 2


def test_refresh_without_a_thread_to_be_had_is_tried_later(
    clock: Clock, source: FakeSource
) -> None:
    def refuse(_work: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    reader = make_reader(clock, source, background=refuse)
    reader.token()
    clock.at = DUE + 200
    assert reader.token() == "first"
    assert reader.token() == "first"


def test_version_that_is_still_the_old_one_is_asked_for_again_at_a_modest_pace(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    asked_at = []
    while clock.at < EXPIRY - 10:
        before = len(source.calls)
        assert reader.token() == "first"
        if len(source.calls) > before:
            asked_at.append(clock.at)
        clock.at += 10
    gaps = [later - earlier for earlier, later in pairwise(asked_at[1:])]
    assert asked_at[1] - DUE == pytest.approx(120, abs=10)
    assert all(450 <= gap <= 730 for gap in gaps)


def test_reader_started_when_the_rotation_is_overdue_polls_from_then_on(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    clock.at = DUE + 600
    reader.token()
    clock.at += 400
    reader.token()
    assert source.calls == [CURRENT]
    clock.at += 400
    reader.token()
    assert source.calls == [CURRENT] * 2


@pytest.mark.parametrize("next_rotation", [None, "no instant", rfc3339(EXPIRY + 1)])
def test_without_a_usable_next_rotation_the_last_24th_of_the_life_is_for_the_refresh(
    reader: TokenReader, source: FakeSource, clock: Clock, next_rotation: str | None
) -> None:
    source.stages["AWSCURRENT"] = version(next_rotation_at=next_rotation)
    reader.token()
    source.stages["AWSCURRENT"] = version("second", issued_at=DUE)
    clock.at = DUE + 100
    assert reader.token() == "first"
    clock.at = DUE + 200
    assert reader.token() == "second"


def test_consumer_makes_about_two_calls_a_day(clock: Clock, source: FakeSource) -> None:
    """A rotator that ticks every 15 minutes, a consumer that reads twice a minute, for 30 days."""
    shares = iter(range(1_000_000))
    reader = make_reader(clock, source, uniform=lambda: next(shares) * 0.618 % 1.0)
    issued_at, days = START, 30
    for tick_at in range(int(START), int(START + days * 24 * HOUR), 900):
        clock.at = float(tick_at)
        if clock.at >= issued_at + 23 * HOUR:
            issued_at = clock.at
            source.stages["AWSCURRENT"] = version(f"issued-{tick_at}", issued_at=issued_at)
        for _ in range(30):
            reader.token()
            clock.at += 30
    assert 1.0 <= len(source.calls) / days <= 2.5


def test_lambda_gets_no_thread_by_default(
    clock: Clock, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "consumer")
    reader = make_reader(clock, source, background=None)
    reader.token()
    source.stages["AWSCURRENT"] = version("second", issued_at=DUE)
    clock.at = DUE + 200
    assert reader.token() == "second"
    assert source.threads == {threading.get_ident()}


# -- trouble while the token is good


def test_outage_costs_nothing_before_the_expiry(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    reader.token()
    source.stages["AWSCURRENT"] = UNREACHABLE
    for at in (DUE + 200, DUE + 1800, EXPIRY - 0.001):
        clock.at = at
        assert reader.token() == "first"


def test_failed_refreshes_are_repeated_with_growing_pauses(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    reader.token()
    source.stages["AWSCURRENT"] = UNREACHABLE
    clock.at = DUE
    failed_at = []
    while clock.at < EXPIRY - 1:
        before = len(source.calls)
        reader.token()
        if len(source.calls) > before:
            failed_at.append(clock.at)
        clock.at += 1
    gaps = [later - earlier for earlier, later in pairwise(failed_at)]
    assert gaps[:5] == [15, 30, 60, 120, 240]
    assert set(gaps[5:]) == {300}


def test_failed_refresh_is_logged_once_with_its_reason_and_no_token(
    reader: TokenReader, source: FakeSource, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    reader.token()
    source.stages["AWSCURRENT"] = UNREACHABLE
    clock.at = DUE + 200
    with caplog.at_level(logging.DEBUG):
        reader.token()
        reader.token()
    assert [record.name for record in caplog.records] == ["rotator.reader"]
    text = caplog.records[0].getMessage()
    assert text.startswith("rotator.refresh_failed: secret s: Secrets Manager cannot be reached")
    assert rfc3339(EXPIRY) in text
    assert "first" not in text


def test_recovery_after_failures_brings_the_new_token(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    reader.token()
    source.stages["AWSCURRENT"] = UNREACHABLE
    clock.at = DUE + 200
    reader.token()
    source.stages["AWSCURRENT"] = version("second", issued_at=DUE)
    clock.at += 20
    assert reader.token() == "second"


# -- the expiry


def test_expired_token_is_never_served(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    assert reader.token() == "first"
    clock.at = EXPIRY
    for read in (reader.token, reader.current, reader.headers):
        with pytest.raises(TokenUnavailable):
            read()
    clock.at = EXPIRY + 1000
    source.stages["AWSCURRENT"] = UNREACHABLE
    with pytest.raises(TokenUnavailable):
        reader.token()


def test_expired_token_names_the_time_the_last_read_and_the_reason(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    reader.token()
    source.stages["AWSCURRENT"] = UNREACHABLE
    clock.at = EXPIRY
    with pytest.raises(TokenUnavailable) as caught:
        reader.token()
    error = caught.value
    assert error.expires_at == datetime.fromtimestamp(EXPIRY, UTC)
    assert error.retryable
    assert rfc3339(EXPIRY) in str(error)
    assert rfc3339(START) in str(error)
    assert "Secrets Manager cannot be reached" in str(error)
    assert "first" not in repr([(e, vars(e)) for e in chain(error)])


def test_first_read_of_an_expired_token_tells_when_it_ended(
    reader: TokenReader, clock: Clock
) -> None:
    clock.at = EXPIRY + 5
    with pytest.raises(TokenUnavailable, match="AWSCURRENT token expired") as caught:
        reader.token()
    assert caught.value.expires_at == datetime.fromtimestamp(EXPIRY, UTC)


def test_new_version_is_fetched_at_the_expiry(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    reader.token()
    source.stages["AWSCURRENT"] = version("second", issued_at=DUE)
    clock.at = EXPIRY + 5
    assert reader.token() == "second"


def test_without_a_token_attempts_are_paused_and_end_with_the_first_success(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    source.stages["AWSCURRENT"] = UNREACHABLE
    attempts = []
    for _ in range(3000):  # five minutes of ten reads a second
        with pytest.raises(StoreError):
            reader.token()
        attempts.append(len(source.calls))
        clock.at += 0.1
    assert attempts[0] == 2, "most blips are over at the second attempt"
    assert attempts[1] == 4, "and the next read follows at once"
    assert attempts[2] == 4
    assert 70 <= attempts[-1] <= 100
    source.stages["AWSCURRENT"] = version()
    clock.at += 8
    assert reader.token() == "first"


def test_thousands_of_failures_in_a_row_change_nothing(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    reader.token()
    source.stages["AWSCURRENT"] = UNREACHABLE
    clock.at = EXPIRY
    for _ in range(3000):
        clock.at += 10
        with pytest.raises(TokenUnavailable):
            reader.token()
    assert len(source.calls) == 1 + 2 * 3000
    source.stages["AWSCURRENT"] = version("second", issued_at=clock.at)
    clock.at += 10
    assert reader.token() == "second"


# -- AWSPREVIOUS


@pytest.mark.parametrize("current", [MALFORMED, version("old", issued_at=START - 25 * HOUR)])
def test_unexpired_previous_version_serves_when_the_current_one_is_unusable(
    reader: TokenReader, source: FakeSource, clock: Clock, current: Mapping[str, Any]
) -> None:
    source.stages = {"AWSCURRENT": current, "AWSPREVIOUS": version("previous")}
    assert reader.token() == "previous"
    clock.at = EXPIRY
    with pytest.raises(TokenUnavailable, match="AWSCURRENT"):
        reader.token()


def test_malformed_new_version_does_not_displace_the_good_token(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    reader.token()
    source.stages = {"AWSCURRENT": MALFORMED}
    clock.at = DUE + 200
    assert reader.token() == "first"
    clock.at = EXPIRY
    with pytest.raises(TokenUnavailable, match="has no access_token"):
        reader.token()


def test_previous_version_is_not_asked_for_when_secrets_manager_cannot_be_reached(
    reader: TokenReader, source: FakeSource
) -> None:
    source.stages = {"AWSCURRENT": UNREACHABLE, "AWSPREVIOUS": version("previous")}
    with pytest.raises(StoreError):
        reader.token()
    assert source.calls == [CURRENT] * 2


def test_cache_with_an_expired_token_is_asked_to_look_again(
    reader: TokenReader, source: FakeSource
) -> None:
    source.has_fresh = True
    source.stages = {"AWSCURRENT": version(issued_at=START - 25 * HOUR)}
    with pytest.raises(TokenUnavailable):
        reader.token()
    assert source.calls == [CURRENT, ("AWSCURRENT", True), ("AWSPREVIOUS", True)]


# -- a source that lags behind


def test_older_token_does_not_displace_the_one_in_hand(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    source.stages["AWSCURRENT"] = version("second", issued_at=START)
    reader.token()
    source.stages["AWSCURRENT"] = version("first", issued_at=START - 600)
    clock.at = DUE + 200
    assert reader.token() == "second"
    clock.at = EXPIRY - 1
    assert reader.token() == "second"


def test_token_that_ends_earlier_displaces_the_one_in_hand_if_it_is_newer(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    reader.token()
    clock.at = DUE + 200
    source.stages["AWSCURRENT"] = version(
        "short", issued_at=DUE, expires_at=rfc3339(DUE + 1800), expires_at_epoch=None
    )
    assert reader.token() == "short"


def test_without_an_issue_date_the_token_that_ends_later_is_the_newer_one(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    source.stages["AWSCURRENT"] = version("second", issued_at=START)
    reader.token()
    fields = json.loads(version("first", issued_at=START - 600)["SecretString"])
    del fields["issued_at"]
    source.stages["AWSCURRENT"] = {"SecretString": json.dumps(fields), "VersionId": "v"}
    clock.at = DUE + 200
    assert reader.token() == "second"


def test_rejected_token_yields_to_an_older_one(reader: TokenReader, source: FakeSource) -> None:
    """Somebody moved the labels back by hand; the token in hand is of no use anyway."""
    rejected = reader.token()
    source.stages["AWSCURRENT"] = version("older", issued_at=START - 600)
    assert reader.invalidate(rejected)
    assert reader.token() == "older"


# -- after a 401


def test_rejected_token_is_replaced_by_the_newer_one(
    reader: TokenReader, source: FakeSource
) -> None:
    rejected = reader.token()
    source.stages["AWSCURRENT"] = version("second")
    assert reader.invalidate(rejected)
    assert reader.token() == "second"
    assert source.calls == [CURRENT, ("AWSCURRENT", True)]


def test_rejected_token_that_is_no_longer_held_is_not_read_again(
    reader: TokenReader, source: FakeSource
) -> None:
    reader.token()
    assert reader.invalidate("an older token")
    assert source.calls == [CURRENT]


def test_rejected_token_that_is_still_current_stays_in_service(
    reader: TokenReader, source: FakeSource
) -> None:
    rejected = reader.token()
    assert not reader.invalidate(rejected)
    assert reader.token() == rejected
    assert len(source.calls) == 2


def test_rejections_cause_one_read_per_interval(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    rejected = reader.token()
    for _ in range(10):
        clock.at += 2.9
        assert not reader.invalidate(rejected)
    assert len(source.calls) == 2
    source.stages["AWSCURRENT"] = version("second")
    clock.at += 30
    assert reader.invalidate(rejected)
    assert len(source.calls) == 3


def test_outage_during_a_rejection_leaves_the_token_in_service(
    reader: TokenReader, source: FakeSource, clock: Clock
) -> None:
    rejected = reader.token()
    source.stages["AWSCURRENT"] = UNREACHABLE
    assert not reader.invalidate(rejected)
    assert reader.token() == rejected
    clock.at = DUE - 1
    assert reader.token() == rejected
    assert len(source.calls) == 2, "it does not make the next refresh come earlier"


def test_rejection_promises_nothing_once_everything_has_expired(
    reader: TokenReader, clock: Clock
) -> None:
    reader.token()
    clock.at = EXPIRY
    assert not reader.invalidate("an older token")


@pytest.mark.parametrize(
    ("answer", "advice", "calls"),
    [
        ((401, b""), "retry", 2),
        ((401, b'{"error_code": "401013"}'), "retry", 2),
        ((401, b'{"error_code": "401015"}'), "keep", 1),
        ((403, b'{"error_code": "401013"}'), "keep", 1),
        ((403, b'{"error_code": "403000"}'), "keep", 1),
        ((503, b'{"error_code": "503010"}'), "back_off", 1),
        ((503, b""), "keep", 1),
        ((200, b""), "keep", 1),
    ],
)
def test_refusal_is_told_with_what_to_do(
    reader: TokenReader, source: FakeSource, answer: tuple[int, bytes], advice: str, calls: int
) -> None:
    token = reader.token()
    source.stages["AWSCURRENT"] = version("second")
    assert reader.refused(token, *answer) == advice
    assert len(source.calls) == calls


def test_refusal_without_a_newer_token_is_the_answer(reader: TokenReader) -> None:
    assert reader.refused(reader.token(), 401) == "keep"


# -- the clock


@pytest.mark.parametrize(
    ("ahead_s", "ends_s"),
    [(60, -60.5), (-60, 0), (3, 0), (-3, 0), (299, -299.5), (3600, 0), (-3600, 0)],
)
def test_expiry_follows_the_clock_of_aws_where_that_is_ahead_within_bounds(
    reader: TokenReader, source: FakeSource, clock: Clock, ahead_s: float, ends_s: float
) -> None:
    at = datetime.fromtimestamp(START + ahead_s, UTC)
    metadata = {"HTTPHeaders": {"date": format_datetime(at, usegmt=True)}}
    source.stages["AWSCURRENT"] = version() | {"ResponseMetadata": metadata}
    reader.token()
    source.stages["AWSCURRENT"] = UNREACHABLE
    clock.at = EXPIRY + ends_s - 0.1
    assert reader.token() == "first"
    clock.at = EXPIRY + ends_s
    with pytest.raises(TokenUnavailable):
        reader.token()


# -- a reader in hand


def test_source_that_needs_the_token_to_read_the_token_is_told_so(clock: Clock) -> None:
    """As a logging handler that sends each line of the SDK's to an API with the token would."""

    class Source(FakeSource):
        def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
            del secret_id, stage, fresh
            return {"SecretString": needy.token(), "VersionId": "v"}

    needy = make_reader(clock, Source())
    with pytest.raises(TokenUnavailable, match="this very thread is reading it"):
        needy.token()


def test_pickled_reader_goes_without_the_token_and_reads_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    reader = TokenReader("s", source=PICKLED)
    assert reader.token() == "canary"
    pickled = pickle.dumps(reader)
    assert b"canary" not in pickled
    arrived = pickle.loads(pickled)  # noqa: S301 - our own
    assert arrived.token() == "canary"
    assert reader.token() == "canary"


class PickledSource:
    has_fresh = False

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        del secret_id, stage, fresh
        return version("canary", issued_at=float(int(time.time())))


PICKLED = PickledSource()


# -- the end


def test_closed_reader_has_forgotten_the_token_and_starts_afresh(
    reader: TokenReader, source: FakeSource
) -> None:
    with reader:
        assert reader.token() == "first"
    source.stages["AWSCURRENT"] = version("second")
    assert reader.token() == "second"


def test_refresh_that_ends_after_the_close_brings_no_token_back(
    clock: Clock, source: FakeSource
) -> None:
    work: list[Callable[[], None]] = []
    reader = make_reader(clock, source, background=work.append)
    reader.token()
    clock.at = DUE + 200
    reader.token()
    reader.close()
    work.pop()()
    source.stages["AWSCURRENT"] = UNREACHABLE
    with pytest.raises(StoreError):
        reader.token()
