"""Foreign numbers and dates are understood in all their forms, and nothing makes a parser raise."""

import math
from datetime import UTC, datetime
from email.utils import format_datetime
from time import asctime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.wire.dates import (
    MAX_NUMBER,
    parse_epoch,
    parse_http_date,
    parse_number,
    parse_retry_after,
    parse_whole_number,
)

# RFC 9110 section 5.6.7 gives this instant in all three forms.
NOV_6_1994 = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC).timestamp()
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
SOME_WORDS = (
    "Mon, Sunday, 01 6 31 Jan Nov 06-Nov-94 1994 0000 99999999999 08:49:37 23:59:60 99:99 GMT +0000"
    " -9999 + - : ٣ \0"
)
DATE_WORDS = st.lists(st.sampled_from(SOME_WORDS.split()), max_size=7).map(" ".join)
FOREIGN = ANYTHING | DATE_WORDS


@given(value=FOREIGN, now_s=st.floats(0, 1e12))
def test_nothing_foreign_makes_a_parser_raise(value: object, now_s: float) -> None:
    number, epoch, date = parse_number(value), parse_epoch(value), parse_http_date(value)
    whole, wait_s = parse_whole_number(value), parse_retry_after(value, now_s=now_s)

    assert number is None or -(2**53) <= number <= 2**53
    assert whole is None or whole == number
    for at in (epoch, date):
        assert at is None or datetime.fromtimestamp(at, UTC).year >= 1970
    assert wait_s is None or 0 <= wait_s < math.inf


@given(at=INSTANTS)
def test_every_form_of_an_http_date_is_the_same_instant(at: datetime) -> None:
    plain = format_datetime(at, usegmt=True)
    forms = [plain, plain.upper(), plain.removesuffix(" GMT"), plain[5:], asctime(at.timetuple())]
    if 1969 <= at.year <= 2068:
        forms.append(at.strftime("%A, %d-%b-%y %H:%M:%S GMT"))

    assert [parse_http_date(form) for form in forms] == [at.timestamp()] * len(forms)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "  sun,  6 nov 1994 08:49:37 utc ",
        "Sun, 06 Nov 1994 10:49:37 +0200",
        "Sun, 06 Nov 1994 03:19:37 -0530",
        "Mon, 06 Nov 1994 08:49:37 GMT",
    ],
)
def test_forms_of_the_standard_and_of_careless_servers_are_read(text: str) -> None:
    assert parse_http_date(text) == NOV_6_1994


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 01 Jan 0000 00:00:00 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 PST",
        "Fri, 31 Dec 9999 23:59:60 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        "06-Nov",
        "",
        1994,
        None,
    ],
)
def test_what_is_no_date_is_none(text: object) -> None:
    assert parse_http_date(text) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (86399, 86399),
        ("86399", 86399),
        ("0086399", 86399),
        (86399.0, 86399),
        (0.5, 0.5),
        ("0.5", 0.5),
        (-1, -1),
        (int("9" * 401), MAX_NUMBER),
        ("9" * 5000, MAX_NUMBER),
        (1e300, MAX_NUMBER),
    ],
)
def test_numbers_are_read_whatever_their_type_and_size(value: object, number: float) -> None:
    assert parse_number(value) == number


@pytest.mark.parametrize(
    "value",
    [
        "-1",
        "+1",
        "1e3",
        "1_000",
        "٣٦٠٠",
        " 1",
        "1.",
        ".5",
        "",
        "0x10",
        True,
        math.nan,
        math.inf,
        b"1",
    ],
)
def test_what_is_no_plain_number_is_none(value: object) -> None:
    assert parse_number(value) is None


@given(at=INSTANTS, digits=st.booleans())
def test_epochs_are_read_as_numbers_and_as_strings(at: datetime, *, digits: bool) -> None:
    epoch = int(at.timestamp())

    assert parse_epoch(str(epoch) if digits else epoch) == epoch
    assert parse_epoch(str(epoch * 1000 + MAX_NUMBER)) is None


@pytest.mark.parametrize("value", [1.5, "1.5", "soon"])
def test_what_is_not_whole_is_no_whole_number(value: object) -> None:
    assert parse_whole_number(value) is None


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("120", 120),
        (" 120\t", 120),
        (7, 7),
        ("Sun, 06 Nov 1994 08:50:07 GMT", 30),
        ("Sun, 06 Nov 1994 08:49:07 GMT", 0),
        ("9" * 400, MAX_NUMBER),
        ("soon", None),
        ("-5", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_from_now(value: object, wait_s: float | None) -> None:
    assert parse_retry_after(value, now_s=NOV_6_1994) == wait_s
