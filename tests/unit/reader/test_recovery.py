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
from tests.support.reader_rig import (
    CURRENT,
    DUE,
    EXPIRY,
    HOUR,
    MALFORMED,
    START,
    UNREACHABLE,
    FakeSource,
    ReaderRig,
    make_reader,
    rfc3339,
    version,
)

# -- AWSPREVIOUS


@pytest.mark.parametrize("current", [MALFORMED, version("old", issued_at=START - 25 * HOUR)])
def test_unexpired_previous_version_serves_when_the_current_one_is_unusable(
    rig: ReaderRig, current: Mapping[str, Any]
) -> None:
    rig.source.stages = {"AWSCURRENT": current, "AWSPREVIOUS": version("previous")}
    assert rig.reader.token() == "previous"
    rig.clock.advance_to(EXPIRY)
    with pytest.raises(TokenUnavailable, match="AWSCURRENT"):
        rig.reader.token()


def test_malformed_new_version_does_not_displace_the_good_token(rig: ReaderRig) -> None:
    rig.reader.token()
    rig.source.stages = {"AWSCURRENT": MALFORMED}
    rig.clock.advance_to(DUE + 200)
    assert rig.reader.token() == "first"
    rig.clock.advance_to(EXPIRY)
    with pytest.raises(TokenUnavailable, match="has no access_token"):
        rig.reader.token()


def test_previous_version_is_not_asked_for_when_secrets_manager_cannot_be_reached(
    rig: ReaderRig,
) -> None:
    rig.source.stages = {"AWSCURRENT": UNREACHABLE, "AWSPREVIOUS": version("previous")}
    with pytest.raises(StoreError):
        rig.reader.token()
    assert rig.source.calls == [CURRENT] * 2


@pytest.mark.parametrize("value", ["[1]", "{}", '{"access_token": "x"}'])
def test_value_that_is_no_token_comes_with_a_next_step(rig: ReaderRig, value: str) -> None:
    rig.source.stages = {"AWSCURRENT": {"SecretString": value, "VersionId": "v"}}
    with pytest.raises(TokenUnavailable, match=r"; check that .* `rotator status s`$"):
        rig.reader.token()


def test_failed_read_of_the_previous_version_is_reported_as_such(rig: ReaderRig) -> None:
    """The reader cannot know that there is no token."""
    rig.source.stages = {"AWSCURRENT": MALFORMED, "AWSPREVIOUS": UNREACHABLE}
    with pytest.raises(StoreError, match=r"AWSPREVIOUS cannot be read: .* reached") as failed:
        rig.reader.token()
    assert failed.value.retryable
    rig.source.stages["AWSPREVIOUS"] = version("previous")
    assert rig.reader.token() == "previous"


def test_cache_with_an_expired_token_is_asked_to_look_again(rig: ReaderRig) -> None:
    rig.source.has_fresh = True
    rig.source.stages = {"AWSCURRENT": version(issued_at=START - 25 * HOUR)}
    with pytest.raises(TokenUnavailable):
        rig.reader.token()
    assert rig.source.calls == [CURRENT, ("AWSCURRENT", True), ("AWSPREVIOUS", True)]


# -- a source that lags behind


def test_older_token_does_not_displace_the_one_in_hand(rig: ReaderRig) -> None:
    rig.serve(version("second", issued_at=START))
    rig.reader.token()
    rig.serve(version("first", issued_at=START - 600))
    rig.clock.advance_to(DUE + 200)
    assert rig.reader.token() == "second"
    rig.clock.advance_to(EXPIRY - 1)
    assert rig.reader.token() == "second"


def test_token_that_ends_earlier_displaces_the_one_in_hand_if_it_is_newer(rig: ReaderRig) -> None:
    rig.reader.token()
    rig.clock.advance_to(DUE + 200)
    rig.serve(
        version("short", issued_at=DUE, expires_at=rfc3339(DUE + 1800), expires_at_epoch=None)
    )
    assert rig.reader.token() == "short"


def test_without_an_issue_date_the_token_that_ends_later_is_the_newer_one(rig: ReaderRig) -> None:
    rig.serve(version("second", issued_at=START))
    rig.reader.token()
    fields = json.loads(version("first", issued_at=START - 600)["SecretString"])
    del fields["issued_at"]
    rig.serve({"SecretString": json.dumps(fields), "VersionId": "v"})
    rig.clock.advance_to(DUE + 200)
    assert rig.reader.token() == "second"


def test_rejected_token_yields_to_an_older_one(rig: ReaderRig) -> None:
    """Somebody moved the labels back by hand; the token in hand is of no use anyway."""
    rejected = rig.reader.token()
    rig.serve(version("older", issued_at=START - 600))
    assert rig.reader.invalidate(rejected)
    assert rig.reader.token() == "older"


def test_older_token_is_believed_if_its_source_answers_so_twice_in_a_row(rig: ReaderRig) -> None:
    """Somebody moved AWSCURRENT back by hand; a single look may have met a lagging replica."""
    rig.serve(version("second", issued_at=START))
    rig.reader.token()
    older = version("first", issued_at=START - 60)
    rig.clock.advance_to(DUE)
    for answer, served in (
        (older, "second"),
        (version("second", issued_at=START), "second"),
        (older, "second"),
        (older, "first"),
    ):
        rig.serve(answer)
        rig.clock.advance(750)  # the longest pause between two looks is 720 s
        assert rig.reader.token() == served


def test_older_token_of_another_source_never_displaces_the_one_in_hand(rig: ReaderRig) -> None:
    rig.serve(UNREACHABLE)
    replica = FakeSource(AWSCURRENT=version("first", issued_at=START - 600))
    rig.remake([rig.source, replica])
    assert rig.reader.token() == "first"
    rig.serve(version("second", issued_at=START))
    rig.clock.advance_to(DUE - 600 + 200)
    assert rig.reader.token() == "second"
    rig.serve(UNREACHABLE)
    while rig.clock.epoch() < EXPIRY - 800:
        rig.clock.advance(750)
        assert rig.reader.token() == "second"
    assert len(replica.calls) > 4


@pytest.mark.parametrize(("stated_s", "ends_s"), [(-1800, -1800), (1800, 0)])
def test_earlier_end_of_the_same_token_counts_from_any_source_and_a_later_one_does_not(
    rig: ReaderRig, stated_s: int, ends_s: int
) -> None:
    replica = FakeSource()
    rig.remake([rig.source, replica])
    rig.reader.token()
    rig.serve(UNREACHABLE)
    changed = int(EXPIRY) + stated_s
    replica.stages["AWSCURRENT"] = version(expires_at=rfc3339(changed), expires_at_epoch=changed)
    rig.clock.advance_to(DUE + 200)
    rig.reader.token()
    replica.stages["AWSCURRENT"] = UNREACHABLE
    rig.assert_serves_until(EXPIRY + ends_s)


def test_rejected_token_yields_to_an_older_one_at_a_later_look_too(rig: ReaderRig) -> None:
    rejected = rig.reader.token()
    assert not rig.reader.invalidate(rejected)
    rig.serve(version("older", issued_at=START - 600))
    rig.clock.advance_to(DUE + 200)
    assert rig.reader.token() == "older"


# -- after a 401


def test_rejected_token_is_replaced_by_the_newer_one(rig: ReaderRig) -> None:
    rejected = rig.reader.token()
    rig.serve(version("second"))
    assert rig.reader.invalidate(rejected)
    assert rig.reader.token() == "second"
    assert rig.source.calls == [CURRENT, ("AWSCURRENT", True)]


def test_rejected_token_that_is_no_longer_held_is_not_read_again(rig: ReaderRig) -> None:
    rig.reader.token()
    assert rig.reader.invalidate("an older token")
    assert rig.source.calls == [CURRENT]


def test_reader_without_a_token_looks_once_whether_there_is_another_one(rig: ReaderRig) -> None:
    """One that was closed, or unpickled in a worker, while a request was on its way."""
    rejected = rig.reader.token()
    rig.reader.close()
    assert not rig.reader.invalidate(rejected), "the secret still holds it"
    assert not rig.reader.invalidate(rejected)
    assert len(rig.source.calls) == 2
    rig.reader.close()
    rig.serve(version("second"))
    assert rig.reader.invalidate(rejected)
    assert rig.reader.invalidate(rejected)
    assert len(rig.source.calls) == 3
    rig.reader.close()
    rig.serve(UNREACHABLE)
    assert [rig.reader.invalidate(rejected) for _ in range(9)] == [False] * 9
    assert len(rig.source.calls) == 5, "a failure is followed by pauses"


def test_rejections_cause_one_read_per_interval(rig: ReaderRig) -> None:
    rejected = rig.reader.token()
    for _ in range(10):
        rig.clock.advance(2.9)
        assert not rig.reader.invalidate(rejected)
        assert rig.reader.token() == rejected, "still current, it stays in service"
    assert len(rig.source.calls) == 2
    rig.serve(version("second"))
    rig.clock.advance(30)
    assert rig.reader.invalidate(rejected)
    assert len(rig.source.calls) == 3


def test_reread_that_failed_is_repeated_after_pauses_that_double(rig: ReaderRig) -> None:
    """The interval is for a token that was read again and is still the same."""
    rejected = rig.reader.token()
    rig.serve(UNREACHABLE)
    attempts_at = []
    for second in range(100):
        calls = len(rig.source.calls)
        assert not rig.reader.invalidate(rejected)
        if len(rig.source.calls) > calls:
            attempts_at.append(second)
        rig.clock.advance(1)
    assert attempts_at == [0, 2, 6, 14, 30, 60, 90]
    rig.serve(version("second"))
    rig.clock.advance(20)
    assert rig.reader.invalidate(rejected)
    assert rig.reader.token() == "second"


def test_outage_during_a_rejection_leaves_the_token_in_service(rig: ReaderRig) -> None:
    rejected = rig.reader.token()
    rig.serve(UNREACHABLE)
    assert not rig.reader.invalidate(rejected)
    assert rig.reader.token() == rejected
    rig.clock.advance_to(DUE - 1)
    assert rig.reader.token() == rejected
    assert len(rig.source.calls) == 2, "it does not make the next refresh come earlier"


def test_rejection_promises_nothing_once_everything_has_expired(rig: ReaderRig) -> None:
    rig.reader.token()
    rig.clock.advance_to(EXPIRY)
    assert not rig.reader.invalidate("an older token")


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
    rig: ReaderRig, answer: tuple[int, Any], advice: str, calls: int
) -> None:
    token = rig.reader.token()
    rig.serve(version("second"))
    assert rig.reader.refused(token, *answer) == advice
    assert len(rig.source.calls) == calls


def test_refusal_without_a_newer_token_is_the_answer(rig: ReaderRig) -> None:
    assert rig.reader.refused(rig.reader.token(), 401) == "keep"


# -- a reader in hand


def test_source_that_needs_the_token_to_read_the_token_is_told_so(rig: ReaderRig) -> None:
    """As a logging handler that sends each line of the SDK's to an API with the token would."""

    class NeedySource(FakeSource):
        def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
            del secret_id, stage, fresh
            return {"SecretString": needy.token(), "VersionId": "v"}

    needy = make_reader(rig.clock, NeedySource())
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
    rig: ReaderRig, monkeypatch: pytest.MonkeyPatch, *, is_rejected: bool
) -> None:
    monkeypatch.setattr(process_state, "_STUCK_AFTER_S", 0.01)
    stuck, served = StuckSource(), []
    rig.remake(stuck)
    thread = threading.Thread(target=lambda: served.append(rig.reader.token()), daemon=True)
    thread.start()
    assert stuck.has_begun.wait(timeout=20)
    if is_rejected:
        assert rig.reader.invalidate("an older token")
    assert rig.reader.token() == "second"
    assert not stuck.end.is_set()
    stuck.end.set()
    thread.join(timeout=20)
    assert served == ["second"], "what was given up changes nothing"
    assert stuck.calls == 2
