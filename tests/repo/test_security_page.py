"""The threat model names as evidence only what is there."""

import re
from pathlib import Path

from tests.evidence.mutations import MUTATIONS

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")


def test_every_mutation_that_the_threat_model_names_is_made() -> None:
    named = set(re.findall(r'mutation "([^"]+)"', PAGE))

    assert named
    assert named <= MUTATIONS.keys()


def test_variable_that_gives_the_keys_of_a_connection_away_is_mentioned() -> None:
    """Python's `ssl.create_default_context` writes them to the file that it names."""
    [limit] = [line for line in PAGE.splitlines() if "`SSLKEYLOGFILE`" in line]

    assert "Don't set it for the job" in limit
