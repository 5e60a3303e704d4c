"""Trouble while the token is good, the end of its life, and the end of its reader."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from rotator.errors import StoreError, TokenUnavailable
from rotator.reader import TokenReader
from tests.support.reader_rig import (
    DUE,
    EXPIRY,
    START,
    UNREACHABLE,
    ReaderRig,
    chain,
    rfc3339,
    version,
)

# -- trouble while the token is good


def test_outage_costs_nothing_before_the_expiry(rig: ReaderRig) -> None:
    rig.reader.token()
    rig.serve(UNREACHABLE)
    for at in (DUE + 200, DUE + 1800, EXPIRY - 0.001):
        rig.clock.advance_to(at)
        assert rig.reader.token() == "first"


def test_failed_refreshes_are_repeated_with_growing_pauses(rig: ReaderRig) -> None:
    rig.reader.token()
    rig.serve(UNREACHABLE)
    rig.clock.advance_to(DUE)
    failed_at = []
    while rig.clock.epoch() < EXPIRY - 1:
        before = len(rig.source.calls)
        rig.reader.token()
        if len(rig.source.calls) > before:
            failed_at.append(rig.clock.epoch())
        rig.clock.advance(1)
    gaps = [later - earlier for earlier, later in pairwise(failed_at)]
    assert gaps[:5] == [15, 30, 60, 120, 240]
    assert set(gaps[5:]) == {300}


def test_failed_refresh_is_logged_once_with_its_reason_and_no_token(
    rig: ReaderRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.reader.token()
    rig.serve(UNREACHABLE)
    rig.clock.advance_to(DUE + 200)
    with caplog.at_level(logging.DEBUG):
        rig.reader.token()
        rig.reader.token()
    assert [record.name for record in caplog.records] == ["rotator.reader"]
    text = caplog.records[0].getMessage()
    assert text.startswith("rotator.refresh_failed: secret s: Secrets Manager cannot be reached")
    assert rfc3339(EXPIRY) in text
    assert "first" not in text


class BrokenHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        del record
        raise ValueError("a handler that fails")


@pytest.mark.parametrize("part", ["handler", "filter"])
def test_logging_that_fails_costs_no_valid_token(
    rig: ReaderRig, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_record: logging.LogRecord) -> bool:
        raise ValueError("a filter that fails")

    handler = BrokenHandler() if part == "handler" else logging.NullHandler()
    logger = logging.getLogger("rotator.reader")
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "filters", [fail] if part == "filter" else [])
    rig.reader.token()
    rig.serve(UNREACHABLE)
    for at in (DUE + 200, DUE + 1800, EXPIRY - 1):
        rig.clock.advance_to(at)
        assert rig.reader.token() == "first"
    rig.serve(version("second", issued_at=EXPIRY - 1))
    rig.clock.advance_to(EXPIRY)
    assert rig.reader.token() == "second"


# -- the expiry


def test_expired_token_is_never_served(rig: ReaderRig) -> None:
    assert rig.reader.token() == "first"
    rig.clock.advance_to(EXPIRY)
    for read in (rig.reader.token, rig.reader.current, rig.reader.headers):
        with pytest.raises(TokenUnavailable):
            read()
    rig.clock.advance_to(EXPIRY + 1000)
    rig.serve(UNREACHABLE)
    with pytest.raises(TokenUnavailable):
        rig.reader.token()


def test_expired_token_names_the_time_the_last_read_and_the_reason(rig: ReaderRig) -> None:
    rig.reader.token()
    rig.serve(UNREACHABLE)
    rig.clock.advance_to(EXPIRY)
    with pytest.raises(TokenUnavailable) as caught:
        rig.reader.token()
    error = caught.value
    assert error.expires_at == datetime.fromtimestamp(EXPIRY, UTC)
    assert error.retryable
    assert rfc3339(EXPIRY) in str(error)
    assert rfc3339(START) in str(error)
    assert "Secrets Manager cannot be reached" in str(error)
    assert "first" not in repr([(e, vars(e)) for e in chain(error)])


def test_first_read_of_an_expired_token_tells_when_it_ended(rig: ReaderRig) -> None:
    rig.clock.advance_to(EXPIRY + 5)
    with pytest.raises(TokenUnavailable, match="AWSCURRENT token expired") as caught:
        rig.reader.token()
    assert caught.value.expires_at == datetime.fromtimestamp(EXPIRY, UTC)


def test_new_version_is_fetched_at_the_expiry(rig: ReaderRig) -> None:
    rig.reader.token()
    rig.serve(version("second", issued_at=DUE))
    rig.clock.advance_to(EXPIRY + 5)
    assert rig.reader.token() == "second"


def test_without_a_token_attempts_are_paused_and_end_with_the_first_success(rig: ReaderRig) -> None:
    rig.serve(UNREACHABLE)
    attempts = []
    for _ in range(3000):  # five minutes of ten reads a second
        with pytest.raises(StoreError):
            rig.reader.token()
        attempts.append(len(rig.source.calls))
        rig.clock.advance(0.1)
    assert attempts[0] == 2, "most blips are over at the second attempt"
    assert attempts[1] == 4, "and the next read follows at once"
    assert attempts[2] == 4
    assert 70 <= attempts[-1] <= 100
    rig.serve(version())
    rig.clock.advance(8)
    assert rig.reader.token() == "first"


def test_thousands_of_failures_in_a_row_change_nothing(rig: ReaderRig) -> None:
    rig.reader.token()
    rig.serve(UNREACHABLE)
    rig.clock.advance_to(EXPIRY)
    for _ in range(3000):
        rig.clock.advance(10)
        with pytest.raises(TokenUnavailable):
            rig.reader.token()
    assert len(rig.source.calls) == 1 + 2 * 3000
    rig.serve(version("second", issued_at=rig.clock.epoch()))
    rig.clock.advance(10)
    assert rig.reader.token() == "second"


class EndingSource:
    """A token that ends soon, and then there is none."""

    has_fresh = False

    def __init__(self) -> None:
        self.ends_at = 0.0
        self.calls = 0

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        del secret_id, stage, fresh
        self.calls += 1
        if self.calls > 1:
            raise UNREACHABLE
        self.ends_at = time.time() + 0.3
        ends = datetime.fromtimestamp(self.ends_at, UTC).isoformat()
        fields = {"access_token": "brief", "expires_at": ends}
        return {"SecretString": json.dumps(fields), "VersionId": "v"}


@pytest.mark.parametrize("name", ["token", "current", "headers"])
def test_expired_token_is_never_served_by_the_real_clock_either(name: str) -> None:
    source = EndingSource()
    reader = TokenReader("s", source=source, background=False)
    read = getattr(reader, name)
    read()
    while time.time() < source.ends_at:
        pass
    with pytest.raises(TokenUnavailable):
        read()


# -- the end of a reader


def test_closed_reader_has_forgotten_the_token_and_starts_afresh(rig: ReaderRig) -> None:
    with rig.reader:
        assert rig.reader.token() == "first"
    rig.serve(version("second"))
    assert rig.reader.token() == "second"


def test_refresh_that_ends_after_the_close_brings_no_token_back(rig: ReaderRig) -> None:
    work: list[Callable[[], None]] = []
    rig.remake(background=work.append)
    rig.reader.token()
    rig.clock.advance_to(DUE + 200)
    rig.reader.token()
    rig.reader.close()
    work.pop()()
    rig.serve(UNREACHABLE)
    with pytest.raises(StoreError):
        rig.reader.token()
