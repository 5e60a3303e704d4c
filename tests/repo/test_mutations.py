"""What a mutation quotes is there, once: else it would break nothing, or too much."""

from pathlib import Path

import pytest

from tests.evidence.mutation import Mutation
from tests.evidence.mutations import MUTATIONS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_mutation_is_of_the_code_as_it_is(mutation: Mutation) -> None:
    assert (ROOT / mutation.path).read_text("utf-8").count(mutation.old) == 1
