"""The shape of the house: sizes, names and arrows, with what is still too large by name."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "rotator"
PRODUCT = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "node_modules" not in path.parts)
MAX_FILE_LINES = 400
MAX_CLASS_LINES = 150
MAX_FUNCTION_LINES = 50
MAX_ROOMS = 20


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def definitions(paths: list[Path], *kinds: type[ast.AST]) -> list[tuple[str, str, int]]:
    """File, name and lines of each class or function; the decorators are not counted."""
    return [
        (name_of(path), node.name, (node.end_lineno or 0) - node.lineno + 1)
        for path in paths
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, kinds)
        and isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def larger_than(limit: int, paths: list[Path], *kinds: type[ast.AST]) -> set[str]:
    return {f"{file}: {name}" for file, name, lines in definitions(paths, *kinds) if lines > limit}


def test_no_file_is_too_long() -> None:
    lines = {name_of(path): path.read_text("utf-8").count("\n") for path in PRODUCT + TESTS}
    assert {name for name, count in lines.items() if count > MAX_FILE_LINES} == set()


def test_no_class_of_the_product_is_too_long() -> None:
    assert larger_than(MAX_CLASS_LINES, PRODUCT, ast.ClassDef) == set()


def test_no_function_of_the_product_is_too_long() -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert larger_than(MAX_FUNCTION_LINES, PRODUCT, *functions) == set()


def test_no_class_name_is_there_twice_under_tests() -> None:
    names = Counter(name for _, name, _ in definitions(TESTS, ast.ClassDef))
    assert {name for name, count in names.items() if count > 1} == set()


def test_nobody_imports_a_conftest() -> None:
    imported = re.compile(r"^ *from [\w.]*\bconftest import", re.MULTILINE)
    assert [name_of(path) for path in TESTS if imported.search(path.read_text("utf-8"))] == []


def test_rooms_at_the_top_of_the_package_can_be_counted() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0] for path in PRODUCT}
    assert len(rooms) <= MAX_ROOMS


def messages(tree: ast.Module) -> Iterator[ast.Constant]:
    """The texts in a module that are not docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield node


def test_advised_change_of_credentials_names_the_secret() -> None:
    """Pasted without an ID it fails, or changes whatever secret the environment names."""
    without_id = re.compile("`rotator credentials (set|add|remove)( --[^`]*)?`")
    found = [
        f"{name_of(path)}:{each.lineno}"
        for path in PRODUCT
        for each in messages(ast.parse(path.read_text("utf-8")))
        if without_id.search(str(each.value))
    ]
    assert found == [], "use rotator.model.commands"
