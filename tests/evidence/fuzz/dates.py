"""One input of the fuzzer: a number or a date as a server sends it, put through the parsers."""

import contextlib
import json
from datetime import UTC, datetime

from rotator.wire.dates import (
    parse_epoch,
    parse_http_date,
    parse_number,
    parse_retry_after,
    parse_whole_number,
)

NOW_S = 1_769_850_000.0

SEEDS = (
    b"Sun, 06 Nov 1994 08:49:37 GMT",
    b"Sunday, 06-Nov-94 08:49:37 GMT",
    b"Sun Nov  6 08:49:37 1994",
    b"Mon, 01 Jan 99999999999 00:00:00 +0200",
    b"1769850000.5",
    b"-1e400",
)


def run_once(data: bytes) -> None:
    """Parse `data` as text and, if it is JSON, as that; raises AssertionError for a wrong result.

    What the parsers raise comes through: they are never to raise.
    """
    text = data.decode("utf-8", errors="replace")
    values: list[object] = [text]
    with contextlib.suppress(ValueError, RecursionError):
        values.append(json.loads(text))
    for value in values:
        check(value)


def check(value: object) -> None:
    for at in (parse_epoch(value), parse_http_date(value)):
        if at is not None and datetime.fromtimestamp(at, UTC).year < 1970:
            raise AssertionError("an instant before 1970")
    number, whole = parse_number(value), parse_whole_number(value)
    if number is not None and not -(2**53) <= number <= 2**53:
        raise AssertionError("a number that is too large")
    if whole is not None and whole != number:
        raise AssertionError("a whole number that is another")
    wait_s = parse_retry_after(value, now_s=NOW_S)
    if wait_s is not None and not wait_s >= 0:
        raise AssertionError("a wait before now")
