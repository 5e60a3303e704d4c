"""JSON that is written again: what says the same stays to the letter."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.model.fields import load_object
from rotator.model.json_text import write_object

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
# Texts of numbers, as RFC 8259 section 6 allows them.
NUMBERS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
)
BLANKS = st.text(" \t\n\r", max_size=3)


@given(
    st.dictionaries(st.text(), VALUES, max_size=4),
    st.dictionaries(st.text(), VALUES, max_size=3),
    st.fixed_dictionaries({"ensure_ascii": st.booleans()}),
    BLANKS,
)
def test_object_that_is_written_again_says_what_it_is_told_to(
    before: dict[str, Any], changes: dict[str, Any], options: dict[str, Any], blank: str
) -> None:
    separators = f"{blank},{blank}", f"{blank}:{blank}"
    text = blank + json.dumps(before, separators=separators, **options) + blank
    written = write_object(before | changes, like=text)
    assert load_object(written) == before | changes
    assert written.encode()


@given(st.lists(NUMBERS, min_size=1, max_size=5), BLANKS)
def test_numbers_keep_each_of_their_digits(numbers: list[str], blank: str) -> None:
    members = [f'"n{place}":{blank}{number}' for place, number in enumerate(numbers)]
    text = "{" + f"{blank},".join(members) + "}"
    written = write_object(load_object(text) | {"added": 1}, like=text)
    lines = [line.strip(" ,\n") for line in written.split("\n")[1:-1]]
    assert lines == [f'"n{at}": {number}' for at, number in enumerate(numbers)] + ['"added": 1']


@pytest.mark.parametrize("value", [True, 1.0, "1", [1], None])
def test_value_that_is_another_in_json_is_written(value: object) -> None:
    assert write_object({"a": value}, like='{"a": 1}') == write_object({"a": value})


@pytest.mark.parametrize("like", ["", "no object", "[1]", '{"a": 1, "a": 2}'])
def test_text_that_is_no_object_is_nothing_to_copy_from(like: str) -> None:
    assert write_object({"a": "ü", "b": {}}, like=like) == '{\n  "a": "ü",\n  "b": {}\n}'


@pytest.mark.parametrize("number", ["-1e400", "7" * 5_000])
def test_number_too_large_for_a_float_is_copied_and_never_made_up(number: str) -> None:
    fields = load_object(f'{{"a": {number}}}')
    assert write_object(fields, like=f'{{"a":{number}}}') == f'{{\n  "a": {number}\n}}'
    with pytest.raises(ValueError, match="float"):
        write_object(fields)


def test_what_is_stored_and_what_is_given_keep_their_texts() -> None:
    stored, given = '{"a": 1e3, "b": 2.50, "c": 1}', '{"b": 3.50, "c": 1.0, "d": "\\u00fc"}'
    fields = load_object(stored) | load_object(given)

    written = write_object(fields, like=stored, given=given)

    lines = [line.strip(" ,") for line in written.split("\n")[1:-1]]
    assert lines == ['"a": 1e3', '"b": 3.50', '"c": 1.0', '"d": "\\u00fc"']
