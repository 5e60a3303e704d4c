"""What a mutation quotes is there, once: else it would break nothing, or too much."""

import re
from pathlib import Path

import pytest

from tests.evidence.mutation import Mutation
from tests.evidence.mutations import MUTATIONS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_mutation_is_of_the_code_as_it_is(mutation: Mutation) -> None:
    assert (ROOT / mutation.path).read_text("utf-8").count(mutation.old) == 1


@pytest.mark.parametrize("check", sorted({mutation.check for mutation in MUTATIONS.values()}))
def test_check_of_a_mutation_is_named_by_whole_words(check: str) -> None:
    """`-k hang` would choose `..._changes_nothing` once the test of what hangs has moved."""
    file, _, expression = check.partition(" -k ")
    path = ROOT / file
    sources = path.glob("test_*.py") if path.is_dir() else [path]
    names = re.findall(r"def (test_\w+)", "".join(each.read_text("utf-8") for each in sources))
    words = set(re.findall(r"\w+", expression)) - {"and", "or", "not"}
    chosen = {word: [name for name in names if word in name] for word in words}

    assert names
    for word, found in chosen.items():  # one in no name is of a parameter
        assert not found or any(f"_{word}_" in f"{name}_" for name in found), word


def test_no_mutation_takes_the_name_of_another() -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "tests/evidence").glob("mutations*.py")]

    assert "".join(sources).count(": Mutation(") == len(MUTATIONS)
