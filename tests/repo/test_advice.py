"""Messages advise commands that do the right thing when they are pasted."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "rotator"

# In back quotes and complete, so without an ID: it fails, or changes whatever secret the
# environment names.
WITHOUT_ID = re.compile("`rotator credentials (set|add)( --[^`]*)?`")


def messages(path: Path) -> Iterator[ast.Constant]:
    """The texts in a module that are not docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    statements = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    docstrings = {id(value) for value in statements}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings:
            assert isinstance(node, ast.Constant)
            yield node


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_advised_change_of_credentials_names_the_secret(path: Path) -> None:
    lines = [each.lineno for each in messages(path) if WITHOUT_ID.search(str(each.value))]
    assert lines == [], f"{path}: use rotator.model.commands"
