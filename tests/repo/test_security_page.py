"""The threat model names as evidence only what is there."""

import re
from pathlib import Path

from tests.evidence.mutations import MUTATIONS

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")


def test_every_mutation_that_the_threat_model_names_is_made() -> None:
    named = set(re.findall(r'mutation "([^"]+)"', PAGE))

    assert named
    assert named <= {mutation.name for mutation in MUTATIONS}
