"""The reader's states, one read after the other: injected clock, injected source."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from rotator.errors import ConfigError, RotatorError, SecretNotFound, StoreError, TokenUnavailable
from rotator.reader import TokenReader
from tests.support.reader_rig import (
    CURRENT,
    DUE,
    EXPIRY,
    HOUR,
    START,
    UNREACHABLE,
    ReaderRig,
    chain,
    rfc3339,
    version,
)

# -- the first read


def test_nothing_is_read_before_the_first_use(rig: ReaderRig) -> None:
    assert rig.source.calls == []
    assert repr(rig.reader) == "ClockedReader('s')"
    assert repr(TokenReader("s")) == "TokenReader('s')"


def test_warm_reads_ask_nobody(rig: ReaderRig) -> None:
    assert rig.reader.token() == "first"
    rig.clock.advance_to(DUE - 1)
    assert [rig.reader.token() for _ in range(5)] == ["first"] * 5
    assert rig.source.calls == [CURRENT]


def test_headers_carry_the_token_and_the_client_id(rig: ReaderRig) -> None:
    headers = rig.reader.headers()
    assert headers == {"Authorization": "Bearer first", "x-api-key": "my-client"}
    headers["x-api-key"] = "changed by the caller"
    assert rig.reader.headers()["x-api-key"] == "my-client"


def test_headers_leave_out_a_client_id_that_is_not_stored(rig: ReaderRig) -> None:
    rig.serve(version(client_id=None))
    assert rig.reader.headers() == {"Authorization": "Bearer first"}


def test_snapshot_holds_what_the_secret_says(rig: ReaderRig) -> None:
    snapshot = rig.reader.current()
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
    rig: ReaderRig, error: RotatorError
) -> None:
    rig.serve(error)
    raised = []
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            rig.reader.token()
        raised.append(caught.value)
    assert str(raised[0]) == str(raised[1]) == str(error)
    assert vars(raised[0]) == vars(error)
    assert raised[0] is not raised[1]


def test_foreign_exception_of_a_source_is_translated_without_its_text(rig: ReaderRig) -> None:
    rig.serve(KeyError("canary-token"))
    with pytest.raises(StoreError) as caught:
        rig.reader.token()
    assert "KeyError" in str(caught.value)
    assert "canary-token" not in repr(chain(caught.value))


def test_error_for_a_malformed_value_holds_no_value(rig: ReaderRig) -> None:
    rig.serve({"SecretString": '{"access_token": "canary-token"', "VersionId": "v"})
    with pytest.raises(
        TokenUnavailable, match="its AWSCURRENT value is not a JSON object"
    ) as caught:
        rig.reader.token()
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
    rig: ReaderRig, share: float, first_look_s: float
) -> None:
    rig.clock.chance = share
    rig.reader.token()
    rig.serve(version("second", issued_at=DUE))
    for at in (DUE, DUE + first_look_s - 1):
        rig.clock.advance_to(at)
        assert rig.reader.token() == "first"
    rig.clock.advance_to(DUE + first_look_s + 1)
    assert rig.reader.token() == "second"
    assert rig.source.calls == [CURRENT] * 2


def test_share_of_the_jitter_is_drawn_when_due_and_not_by_the_parent_of_a_fork(
    rig: ReaderRig,
) -> None:
    rig.clock.chance = 0.0
    rig.reader.token()
    rig.clock.chance = 1.0
    rig.clock.advance_to(DUE + 100)
    rig.reader.token()
    assert rig.source.calls == [CURRENT]


def test_reads_go_on_with_the_good_token_while_a_refresh_runs(rig: ReaderRig) -> None:
    work: list[Callable[[], None]] = []
    rig.remake(background=work.append)
    rig.reader.token()
    rig.serve(version("second", issued_at=DUE))
    rig.clock.advance_to(DUE + 200)
    assert [rig.reader.token() for _ in range(5)] == ["first"] * 5
    assert len(work) == 1
    work.pop()()
    assert rig.reader.token() == "second"


def test_lost_refresh_is_started_again(rig: ReaderRig) -> None:
    work: list[Callable[[], None]] = []
    rig.remake(background=work.append)
    rig.reader.token()
    for late_s in (200, 230, 270):
        rig.clock.advance_to(DUE + late_s)
        rig.reader.token()
    assert len(work) == 2


def test_refresh_without_a_thread_to_be_had_is_tried_later(rig: ReaderRig) -> None:
    def refuse(_work: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    rig.remake(background=refuse)
    rig.reader.token()
    rig.clock.advance_to(DUE + 200)
    assert rig.reader.token() == "first"
    assert rig.reader.token() == "first"


def test_version_that_is_still_the_old_one_is_asked_for_again_at_a_modest_pace(
    rig: ReaderRig,
) -> None:
    asked_at = []
    while rig.clock.epoch() < EXPIRY - 10:
        before = len(rig.source.calls)
        assert rig.reader.token() == "first"
        if len(rig.source.calls) > before:
            asked_at.append(rig.clock.epoch())
        rig.clock.advance(10)
    gaps = [later - earlier for earlier, later in pairwise(asked_at[1:])]
    assert asked_at[1] - DUE == pytest.approx(120, abs=10)
    assert all(450 <= gap <= 730 for gap in gaps)


def test_reader_started_when_the_rotation_is_overdue_polls_from_then_on(rig: ReaderRig) -> None:
    rig.clock.advance_to(DUE + 600)
    rig.reader.token()
    rig.clock.advance(400)
    rig.reader.token()
    assert rig.source.calls == [CURRENT]
    rig.clock.advance(400)
    rig.reader.token()
    assert rig.source.calls == [CURRENT] * 2


@pytest.mark.parametrize("next_rotation", [None, "no instant", rfc3339(EXPIRY + 1)])
def test_without_a_usable_next_rotation_the_last_24th_of_the_life_is_for_the_refresh(
    rig: ReaderRig, next_rotation: str | None
) -> None:
    rig.serve(version(next_rotation_at=next_rotation))
    rig.reader.token()
    rig.serve(version("second", issued_at=DUE))
    rig.clock.advance_to(DUE + 100)
    assert rig.reader.token() == "first"
    rig.clock.advance_to(DUE + 200)
    assert rig.reader.token() == "second"


def test_consumer_makes_about_two_calls_a_day(rig: ReaderRig) -> None:
    """A rotator that ticks every 15 minutes, a consumer that reads twice a minute, for 30 days."""
    issued_at, days = START, 30
    for tick_at in range(int(START), int(START + days * 24 * HOUR), 900):
        rig.clock.advance_to(float(tick_at))
        if rig.clock.epoch() >= issued_at + 23 * HOUR:
            issued_at = rig.clock.epoch()
            rig.serve(version(f"issued-{tick_at}", issued_at=issued_at))
        for turn in range(30):
            rig.clock.chance = (tick_at / 900 * 30 + turn) * 0.618 % 1.0
            rig.reader.token()
            rig.clock.advance(30)
    assert 1.0 <= len(rig.source.calls) / days <= 2.5


def test_lambda_gets_no_thread_by_default(rig: ReaderRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "consumer")
    rig.remake(background=None)
    rig.reader.token()
    rig.serve(version("second", issued_at=DUE))
    rig.clock.advance_to(DUE + 200)
    assert rig.reader.token() == "second"
    assert rig.source.threads == {threading.get_ident()}
