"""The import rules of the house, in one table."""

import ast
import graphlib
import sys
from pathlib import Path

import pytest

from tests.support.python_process import run_python

PACKAGE = Path(__file__).parents[2] / "rotator"

# Who may import what, besides the standard library: our own modules by their bare names, then
# libraries. A package has one row for all of its files, which may import each other. An import
# counts wherever it stands, in a function or under TYPE_CHECKING too.
MAY_IMPORT = {
    "errors": "",
    # time, waiting and randomness
    "clock": "",
    # what servers send: numbers, dates, the end of a body
    "wire": "",
    # values and decisions: no AWS, no HTTP, no logs
    "model": "errors wire",
    # HTTP, which knows no AWS
    "transport": "errors model wire | cryptography requests urllib3",
    "oauth": "clock errors model transport wire | authlib cryptography joserfc requests",
    # the providers' interfaces for the secrets of their clients
    "client_admin": "clock errors model oauth transport wire",
    # AWS, which knows no HTTP
    "aws": "clock errors model | boto3 botocore",
    # what the product does
    "rotation": "clock errors model transport | requests structlog",
    # the reader's parser, so that the status is what readers find
    "fleet": "aws clock errors model reader rotation | structlog",
    # settings, logs and the composition root
    "config": "aws errors model | structlog",
    "app": "aws client_admin clock config errors fleet model oauth rotation",
    # the doors
    "__init__": "aws model oauth rotation",
    "cli": "__init__ app aws clock config demo errors fleet model reader rotation",
    "__main__": "cli",
    "lambda_handler": "app aws config errors model rotation",
    # the consumers' side
    "reader": "aws clock errors wire | botocore httpx requests urllib3",
    "testing": "clock errors reader | pytest",
    # servers on loopback, and the demo that shows them
    "local": "errors reader | botocore moto werkzeug",
    "demo": "config errors local reader",
}


def row_of(path: Path) -> str:
    """The row for a file: its folder directly below the package, or its own name."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


FILES = sorted(PACKAGE.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """What a file imports, as the table spells it; the standard library and itself left out."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = str(node.module)
            bare = module == "rotator"
            names |= {f"rotator.{alias.name}" for alias in node.names} if bare else {module}
    names = {(name + ".").removeprefix("rotator.").split(".")[0] or "__init__" for name in names}
    return names - sys.stdlib_module_names - {row_of(path)}


def test_every_file_has_a_row_and_every_row_a_file() -> None:
    rows = {row_of(path) for path in FILES}
    assert rows - MAY_IMPORT.keys() == set(), "write down what the new module may import"
    assert MAY_IMPORT.keys() - rows == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_file_imports_what_its_row_allows(path: Path) -> None:
    allowed = set(MAY_IMPORT[row_of(path)].replace("|", " ").split())
    assert imports_of(path) - allowed == set()


def test_arrows_between_rows_only_run_downwards() -> None:
    ours = {row: set(may.partition("|")[0].split()) for row, may in MAY_IMPORT.items()}
    tuple(graphlib.TopologicalSorter(ours).static_order())  # raises CycleError


def test_demo_is_imported_by_the_command_of_its_name_only() -> None:
    assert [str(path.relative_to(PACKAGE)) for path in FILES if "demo" in imports_of(path)] == [
        "cli/demo.py"
    ]


def loaded_by(statement: str) -> set[str]:
    """What a fresh interpreter loads for this statement."""
    code = f"import sys; b = {{*sys.modules}}; {statement}; print(*{{*sys.modules}} - b)"
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    ["", ".reader", ".errors", ".wire.dates", ".model.access_token", ".model.policy", ".config"],
)
def test_import_loads_the_standard_library_only(module: str) -> None:
    loaded = {name.split(".")[0] for name in loaded_by("import rotator" + module)}
    assert loaded - sys.stdlib_module_names == {"rotator"}


def test_package_itself_imports_none_of_its_modules() -> None:
    assert {name for name in loaded_by("import rotator") if name.startswith("rotator")} == {
        "rotator"
    }


def test_command_line_loads_nothing_that_the_command_does_not_need() -> None:
    loaded = loaded_by("from rotator.cli.parser import parse; parse(['run'])")
    heavy = {"asyncio", "authlib", "boto3", "botocore", "moto", "requests", "structlog", "urllib3"}
    others = {"check", "consume", "credentials", "demo", "execute", "init", "status"}
    assert loaded.isdisjoint(heavy | {f"rotator.cli.{name}" for name in others})
