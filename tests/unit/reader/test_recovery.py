"""What the reader does with unusable versions, refusals, clocks that differ, and at the end."""

import json
import pickle
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from rotator.errors import StoreError, TokenUnavailable
from rotator.reader import TokenReader, process_state
from tests.support.clock import ManualClock
from tests.support.reader_rig import (
    CURRENT,
    DUE,
    EXPIRY,
    HOUR,
    MALFORMED,
    START,
    UNREACHABLE,
    FakeSource,
    make_reader,
    rfc3339,
    version,
)

# -- AWSPREVIOUS


@pytest.mark.parametrize("current", [MALFORMED, version("old", issued_at=START - 25 * HOUR)])
def test_unexpired_previous_version_serves_when_the_current_one_is_unusable(
    reader: TokenReader, source: FakeSource, clock: ManualClock, current: Mapping[str, Any]
) -> None:
    source.stages = {"AWSCURRENT": current, "AWSPREVIOUS": version("previous")}
    assert reader.token() == "previous"
    clock.advance_to(EXPIRY)
    with pytest.raises(TokenUnavailable, match="AWSCURRENT"):
        reader.token()


def test_malformed_new_version_does_not_displace_the_good_token(
    reader: TokenReader, source: FakeSource, clock: ManualClock
) -> None:
    reader.token()
    source.stages = {"AWSCURRENT": MALFORMED}
    clock.advance_to(DUE + 200)
    assert reader.token() == "first"
    clock.advance_to(EXPIRY)
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
    reader: TokenReader, source: FakeSource, clock: ManualClock
) -> None:
    source.stages["AWSCURRENT"] = version("second", issued_at=START)
    reader.token()
    source.stages["AWSCURRENT"] = version("first", issued_at=START - 600)
    clock.advance_to(DUE + 200)
    assert reader.token() == "second"
    clock.advance_to(EXPIRY - 1)
    assert reader.token() == "second"


def test_token_that_ends_earlier_displaces_the_one_in_hand_if_it_is_newer(
    reader: TokenReader, source: FakeSource, clock: ManualClock
) -> None:
    reader.token()
    clock.advance_to(DUE + 200)
    source.stages["AWSCURRENT"] = version(
        "short", issued_at=DUE, expires_at=rfc3339(DUE + 1800), expires_at_epoch=None
    )
    assert reader.token() == "short"


def test_without_an_issue_date_the_token_that_ends_later_is_the_newer_one(
    reader: TokenReader, source: FakeSource, clock: ManualClock
) -> None:
    source.stages["AWSCURRENT"] = version("second", issued_at=START)
    reader.token()
    fields = json.loads(version("first", issued_at=START - 600)["SecretString"])
    del fields["issued_at"]
    source.stages["AWSCURRENT"] = {"SecretString": json.dumps(fields), "VersionId": "v"}
    clock.advance_to(DUE + 200)
    assert reader.token() == "second"


def test_rejected_token_yields_to_an_older_one(reader: TokenReader, source: FakeSource) -> None:
    """Somebody moved the labels back by hand; the token in hand is of no use anyway."""
    rejected = reader.token()
    source.stages["AWSCURRENT"] = version("older", issued_at=START - 600)
    assert reader.invalidate(rejected)
    assert reader.token() == "older"


def test_older_token_is_believed_if_its_source_answers_so_twice_in_a_row(
    reader: TokenReader, source: FakeSource, clock: ManualClock
) -> None:
    """Somebody moved AWSCURRENT back by hand; a single look may have met a lagging replica."""
    source.stages["AWSCURRENT"] = version("second", issued_at=START)
    reader.token()
    older = version("first", issued_at=START - 60)
    clock.advance_to(DUE)
    for answer, served in (
        (older, "second"),
        (version("second", issued_at=START), "second"),
        (older, "second"),
        (older, "first"),
    ):
        source.stages["AWSCURRENT"] = answer
        clock.advance(750)  # the longest pause between two looks is 720 s
        assert reader.token() == served


def test_older_token_of_another_source_never_displaces_the_one_in_hand(
    clock: ManualClock, source: FakeSource
) -> None:
    source.stages["AWSCURRENT"] = UNREACHABLE
    replica = FakeSource(AWSCURRENT=version("first", issued_at=START - 600))
    reader = make_reader(clock, [source, replica])
    assert reader.token() == "first"
    source.stages["AWSCURRENT"] = version("second", issued_at=START)
    clock.advance_to(DUE - 600 + 200)
    assert reader.token() == "second"
    source.stages["AWSCURRENT"] = UNREACHABLE
    while clock.epoch() < EXPIRY - 800:
        clock.advance(750)
        assert reader.token() == "second"
    assert len(replica.calls) > 4


@pytest.mark.parametrize(("stated_s", "ends_s"), [(-1800, -1800), (1800, 0)])
def test_earlier_end_of_the_same_token_counts_from_any_source_and_a_later_one_does_not(
    clock: ManualClock, source: FakeSource, stated_s: int, ends_s: int
) -> None:
    replica = FakeSource()
    reader = make_reader(clock, [source, replica])
    reader.token()
    source.stages["AWSCURRENT"] = UNREACHABLE
    changed = int(EXPIRY) + stated_s
    replica.stages["AWSCURRENT"] = version(expires_at=rfc3339(changed), expires_at_epoch=changed)
    clock.advance_to(DUE + 200)
    reader.token()
    replica.stages["AWSCURRENT"] = UNREACHABLE
    clock.advance_to(EXPIRY + ends_s - 1)
    assert reader.token() == "first"
    clock.advance_to(EXPIRY + ends_s)
    with pytest.raises(TokenUnavailable):
        reader.token()


def test_rejected_token_yields_to_an_older_one_at_a_later_look_too(
    reader: TokenReader, source: FakeSource, clock: ManualClock
) -> None:
    rejected = reader.token()
    assert not reader.invalidate(rejected)
    source.stages["AWSCURRENT"] = version("older", issued_at=START - 600)
    clock.advance_to(DUE + 200)
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


def test_reader_without_a_token_looks_once_whether_there_is_another_one(
    reader: TokenReader, source: FakeSource
) -> None:
    """One that was closed, or unpickled in a worker, while a request was on its way."""
    rejected = reader.token()
    reader.close()
    assert not reader.invalidate(rejected), "the secret still holds it"
    assert not reader.invalidate(rejected)
    assert len(source.calls) == 2
    reader.close()
    source.stages["AWSCURRENT"] = version("second")
    assert reader.invalidate(rejected)
    assert reader.invalidate(rejected)
    assert len(source.calls) == 3
    reader.close()
    source.stages["AWSCURRENT"] = UNREACHABLE
    assert [reader.invalidate(rejected) for _ in range(9)] == [False] * 9
    assert len(source.calls) == 5, "a failure is followed by pauses"


def test_rejected_token_that_is_still_current_stays_in_service(
    reader: TokenReader, source: FakeSource
) -> None:
    rejected = reader.token()
    assert not reader.invalidate(rejected)
    assert reader.token() == rejected
    assert len(source.calls) == 2


def test_rejections_cause_one_read_per_interval(
    reader: TokenReader, source: FakeSource, clock: ManualClock
) -> None:
    rejected = reader.token()
    for _ in range(10):
        clock.advance(2.9)
        assert not reader.invalidate(rejected)
    assert len(source.calls) == 2
    source.stages["AWSCURRENT"] = version("second")
    clock.advance(30)
    assert reader.invalidate(rejected)
    assert len(source.calls) == 3


def test_reread_that_failed_is_repeated_after_pauses_that_double(
    reader: TokenReader, source: FakeSource, clock: ManualClock
) -> None:
    """The interval is for a token that was read again and is still the same."""
    rejected = reader.token()
    source.stages["AWSCURRENT"] = UNREACHABLE
    attempts_at = []
    for second in range(100):
        calls = len(source.calls)
        assert not reader.invalidate(rejected)
        if len(source.calls) > calls:
            attempts_at.append(second)
        clock.advance(1)
    assert attempts_at == [0, 2, 6, 14, 30, 60, 90]
    source.stages["AWSCURRENT"] = version("second")
    clock.advance(20)
    assert reader.invalidate(rejected)
    assert reader.token() == "second"


def test_outage_during_a_rejection_leaves_the_token_in_service(
    reader: TokenReader, source: FakeSource, clock: ManualClock
) -> None:
    rejected = reader.token()
    source.stages["AWSCURRENT"] = UNREACHABLE
    assert not reader.invalidate(rejected)
    assert reader.token() == rejected
    clock.advance_to(DUE - 1)
    assert reader.token() == rejected
    assert len(source.calls) == 2, "it does not make the next refresh come earlier"


def test_rejection_promises_nothing_once_everything_has_expired(
    reader: TokenReader, clock: ManualClock
) -> None:
    reader.token()
    clock.advance_to(EXPIRY)
    assert not reader.invalidate("an older token")


@pytest.mark.parametrize(
    ("answer", "advice", "calls"),
    [
        ((401, b""), "retry", 2),
        ((401, None), "retry", 2),
        ((503, None), "keep", 1),
        ((401, b'{"error_code": "401013"}'), "retry", 2),
        ((401, b'{"error_code": "401015"}'), "keep", 1),
        ((401, b'{"error_code": "401015"}' + b" " * 65_536), "retry", 2),
        ((403, b'{"error_code": "401013"}'), "keep", 1),
        ((403, b'{"error_code": "403000"}'), "keep", 1),
        ((503, b'{"error_code": "503010"}'), "back_off", 1),
        ((503, b""), "keep", 1),
        ((200, b""), "keep", 1),
    ],
)
def test_refusal_is_told_with_what_to_do(
    reader: TokenReader, source: FakeSource, answer: tuple[int, Any], advice: str, calls: int
) -> None:
    token = reader.token()
    source.stages["AWSCURRENT"] = version("second")
    assert reader.refused(token, *answer) == advice
    assert len(source.calls) == calls


def test_refusal_without_a_newer_token_is_the_answer(reader: TokenReader) -> None:
    assert reader.refused(reader.token(), 401) == "keep"


# -- a reader in hand


def test_source_that_needs_the_token_to_read_the_token_is_told_so(clock: ManualClock) -> None:
    """As a logging handler that sends each line of the SDK's to an API with the token would."""

    class NeedySource(FakeSource):
        def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
            del secret_id, stage, fresh
            return {"SecretString": needy.token(), "VersionId": "v"}

    needy = make_reader(clock, NeedySource())
    with pytest.raises(TokenUnavailable, match="this thread already reads it"):
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


class StuckSource:
    """The first read trickles until `end`; any other is answered at once."""

    has_fresh = False

    def __init__(self) -> None:
        self.has_begun, self.end = threading.Event(), threading.Event()
        self.calls = 0

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        del secret_id, stage, fresh
        self.calls += 1
        if self.calls > 1:
            return version("second", issued_at=START + 1)
        self.has_begun.set()
        self.end.wait(timeout=20)
        return version("first")


@pytest.mark.parametrize("is_rejected", [False, True])
def test_read_that_never_ends_keeps_no_other_reader_waiting(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, *, is_rejected: bool
) -> None:
    monkeypatch.setattr(process_state, "_STUCK_AFTER_S", 0.01)
    source, served = StuckSource(), []
    reader = make_reader(clock, source)
    thread = threading.Thread(target=lambda: served.append(reader.token()), daemon=True)
    thread.start()
    assert source.has_begun.wait(timeout=20)
    if is_rejected:
        assert reader.invalidate("an older token")
    assert reader.token() == "second"
    assert not source.end.is_set()
    source.end.set()
    thread.join(timeout=20)
    assert served == ["second"], "what was given up changes nothing"
    assert source.calls == 2
