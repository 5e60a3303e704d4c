"""Numbers and dates that servers send, parsed tolerantly.

None means that the value cannot be parsed; only `refuse_json_constant` raises an exception. This
module imports little of the standard library and nothing else, because the reader imports it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = [
    "MAX_EPOCH_S",
    "MAX_NUMBER",
    "parse_epoch",
    "parse_http_date",
    "parse_json_integer",
    "parse_number",
    "parse_retry_after",
    "parse_whole_number",
    "refuse_json_constant",
]

MAX_NUMBER = 2**53
"""Larger numbers count as this one: above it, a float cannot represent every whole number."""

MAX_EPOCH_S = 253_402_300_800
"""The year 10000. A later time must be in another unit, and `datetime` ends there."""

MAX_DATE_CHARS = 64
MAX_INTEGER_CHARS = 400
DAY_S = 86_400

_DAY_OF_1970 = 719_163  # `date(1970, 1, 1).toordinal()`
_LAST_TWO_DIGIT_YEAR = 68  # as POSIX and Python read them: 1969 to 2068
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UTC = frozenset({"gmt", "utc", "ut", "z"})


def parse_number(value: object) -> float | None:
    """A JSON number, or a string of plain digits with or without a fraction (`86399`, `0.5`).

    No exponents, signs or white space in strings, no booleans, neither NaN nor infinity. Whole
    numbers stay `int`.
    """
    if isinstance(value, str):
        return _parse_digits(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and value - value != 0:  # NaN and the infinities
        return None
    return max(-MAX_NUMBER, min(value, MAX_NUMBER))


def parse_json_integer(text: str) -> float:
    """A JSON integer; infinity for one with implausibly many digits.

    `int` raises ValueError for more than 4,300 digits, which JSON allows.
    """
    return int(text) if len(text) <= MAX_INTEGER_CHARS else float(text)


def refuse_json_constant(_: str) -> NoReturn:
    """For `parse_constant` of a decoder: JSON has no `NaN` and `Infinity` (RFC 8259 section 6)."""
    raise ValueError("is not JSON")


def parse_whole_number(value: object) -> int | None:
    """As `parse_number`, but None for a number with a fraction: `3600`, `"3600"`, `3600.0`."""
    number = parse_number(value)
    return int(number) if number is not None and number == int(number) else None


def parse_epoch(value: object) -> float | None:
    """Seconds since 1970, as in a JWT's `exp` (RFC 7519 section 2, NumericDate).

    None for anything that is not a number, negative, or after the year 9999.
    """
    number = parse_number(value)
    return number if number is not None and 0 <= number < MAX_EPOCH_S else None


def parse_http_date(value: object) -> float | None:
    """Seconds since 1970 of an HTTP date in any of its three forms (RFC 9110 section 5.6.7).

    Accepted too: `+0100` or nothing in place of GMT, no day of the week or a wrong one, any case,
    a leap second. None before 1970.
    """
    if not isinstance(value, str) or len(value) > MAX_DATE_CHARS or not value.isascii():
        return None
    words = value.lower().replace(",", " ").split()
    if words and words[0] not in _MONTHS and words[0].isalpha():
        del words[0]  # the day of the week, which is redundant
    if words and "-" in words[0]:  # RFC 850: 06-Nov-94
        words[:1] = words[0].split("-")
    match words:
        case [month, day, time, year] if month in _MONTHS:  # asctime: Nov 6 08:49:37 1994
            zone = "gmt"
        case [day, month, year, time]:
            zone = "gmt"
        case [day, month, year, time, zone]:
            pass
        case _:
            return None
    date_s, time_s, offset_s = _parse_date(day, month, year), _parse_time(time), _parse_zone(zone)
    if date_s is None or time_s is None or offset_s is None:
        return None
    return parse_epoch(date_s + time_s - offset_s)


def parse_retry_after(value: object, *, now_s: float) -> float | None:
    """The seconds to wait by `Retry-After` (RFC 9110 section 10.2.3), at least 0.

    `value` is a number of seconds or an HTTP date, which is compared with `now_s` (since 1970).
    """
    text = value.strip() if isinstance(value, str) else value
    number = parse_number(text)
    if number is not None:
        return max(0.0, float(number))
    at_s = parse_http_date(text)
    return None if at_s is None else max(0.0, at_s - now_s)


def _parse_digits(text: str) -> float | None:
    whole, point, fraction = text.partition(".")
    if not _is_digits(whole) or (point and not _is_digits(fraction)):
        return None
    whole = whole.lstrip("0") or "0"
    if len(whole) > len(str(MAX_NUMBER)):
        return MAX_NUMBER
    return min(float(f"{whole}.{fraction[:17]}") if point else int(whole), MAX_NUMBER)


def _is_digits(text: str, *, most: int | None = None) -> bool:
    return text.isascii() and text.isdigit() and (most is None or len(text) <= most)


def _parse_date(day: str, month: str, year: str) -> int | None:
    """Seconds from 1970 to the start of the day."""
    is_short = len(year) == len("94")
    if month not in _MONTHS or not (_is_digits(day, most=2) and _is_digits(year, most=4)):
        return None
    if not is_short and len(year) != len("1994"):
        return None
    century = (2000 if int(year) <= _LAST_TWO_DIGIT_YEAR else 1900) if is_short else 0
    from datetime import date

    try:
        at = date(century + int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError:
        return None
    return (at.toordinal() - _DAY_OF_1970) * DAY_S


def _parse_time(text: str) -> int | None:
    """Seconds since midnight, of `08:49:37` or `08:49`."""
    parts = text.split(":")
    if len(parts) not in {2, 3} or not all(_is_digits(part, most=2) for part in parts):
        return None
    hours, minutes, seconds = (*map(int, parts), 0)[:3]
    is_time = hours <= 23 and minutes <= 59 and seconds <= 60  # noqa: PLR2004 - a leap second
    return (hours * 60 + minutes) * 60 + seconds if is_time else None


def _parse_zone(text: str) -> int | None:
    """Seconds east of UTC, of `gmt` or `+0100`."""
    if text in _UTC:
        return 0
    sign, digits = text[:1], text[1:]
    if sign not in {"+", "-"} or not _is_digits(digits, most=4):
        return None
    offset_s = _parse_time(f"{digits[:2]}:{digits[2:]}")
    return -offset_s if sign == "-" and offset_s is not None else offset_s
