"""The JSON Schema of a fleet's manifest says what `rotator run --config` takes."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from rotator.errors import ConfigError
from rotator.fleet.manifest import (
    BINDING_KEYS,
    FLEET_KEYS,
    MAX_WORKERS,
    parse_manifest,
    read_manifest,
)
from rotator.model.fields import load_object
from rotator.model.pace import MAX_CALLS_PER_S, MIN_CALLS_PER_S

ROOT = Path(__file__).parents[2]
SCHEMA = load_object((ROOT / "rotator/schemas/fleet-manifest.schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
# Relations between entries, and what is too much for a pattern.
ONLY_THE_CODE_KNOWS = (
    "is that of binding",
    "is the token secret of another",
    "longer than a year",
    "probe_url",
)

durations = st.sampled_from(["15m", "22h30m", " 1d ", "0h", "h", "", "1m2h", "9", "\t90s\n"])
ids = st.sampled_from(["a", "b/c", "arn:aws:secretsmanager:eu-west-1:1:secret:x-AbCdEf", "a b", ""])
urls = st.sampled_from(
    [
        "https://a.example/",
        "https://a.example/@b#",
        "http://127.0.0.1:1/x",
        "ftp://a",
        "a",
        "https://",
    ]
)
numbers = st.integers(-2, 20_000) | st.floats(-2, 20_000) | st.sampled_from([1.0, 16.0, 257.0])
odd_values: list[Any] = [None, True, [], {}, "x\n", "\u00e4"]
anything = st.sampled_from(odd_values) | durations | ids | urls | numbers


def tables(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these members, mostly, and mostly with values of their kind."""
    known = {name: value | value | anything for name, value in values.items()}
    odd = st.dictionaries(st.sampled_from(["typo", "cadance"]), anything, max_size=1)
    return st.tuples(st.fixed_dictionaries({}, optional=known), st.just({}) | odd).map(
        lambda parts: parts[0] | parts[1]
    )


fleets = tables(
    {
        "name": ids,
        **dict.fromkeys(("interval", "cadence", "spread"), durations),
        **dict.fromkeys(("workers", "puts_per_s", "reads_per_s"), numbers),
    }
)
bindings = tables(
    {"credentials_secret": ids, "token_secret": ids, "cadence": durations, "probe_url": urls}
)
manifests = tables({"fleet": fleets, "binding": st.lists(bindings, max_size=2)})


def problems(content: dict[str, Any]) -> list[str]:
    """Why the code refuses it, as a whole or in part."""
    try:
        _, selection = read_manifest(content)
    except ConfigError as error:
        return [str(error)]
    return [str(each.error) for each in selection.refused]


def test_schema_describes_every_key_and_no_other() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    fleet = SCHEMA["properties"]["fleet"]["properties"]
    binding = SCHEMA["properties"]["binding"]["items"]["properties"]

    assert fleet.keys() == set(FLEET_KEYS)
    assert binding.keys() == set(BINDING_KEYS)
    assert all(each["description"] for each in (*fleet.values(), *binding.values()))
    assert fleet["workers"]["maximum"] == MAX_WORKERS
    assert SCHEMA["$defs"]["rate"]["maximum"] == MAX_CALLS_PER_S
    assert SCHEMA["$defs"]["rate"]["minimum"] == MIN_CALLS_PER_S


@pytest.mark.parametrize("example", SCHEMA["examples"])
def test_examples_are_valid_and_are_read(example: dict[str, Any]) -> None:
    VALIDATOR.validate(example)
    assert problems(example) == []


def test_manifest_of_the_page_is_valid() -> None:
    page = (ROOT / "docs/fleet.md").read_text("utf-8")
    found = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert found is not None

    VALIDATOR.validate(tomllib.loads(found[1]))
    assert parse_manifest(found[1])[1].refused == ()


@settings(max_examples=300)
@given(content=manifests)
def test_code_and_schema_take_the_same_manifests(content: dict[str, Any]) -> None:
    told = problems(content)
    relations = all(any(known in each for known in ONLY_THE_CODE_KNOWS) for each in told)
    if not told:
        VALIDATOR.validate(content)
    elif not relations:
        assert not VALIDATOR.is_valid(content), told
