"""What a module of the product offers to others is its `__all__`: no less and no more."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "rotator").rglob("*.py"))
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def exports(path: Path) -> list[str]:
    """The names in `__all__`, none without one."""
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []


def imported_names(path: Path) -> list[tuple[str, str]]:
    """The names that a file imports from modules of the product, each with its module."""
    return [
        (str(node.module), alias.name)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module in PRODUCT
        for alias in node.names
        if f"{node.module}.{alias.name}" not in PRODUCT
    ]


def type_names(path: Path) -> set[str]:
    """The classes and aliases that exist for the type checker only, and cannot be exported."""
    return {
        each.name if isinstance(each, ast.ClassDef) else ast.unparse(each.targets[0])
        for node in tree(path).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for each in node.body
        if isinstance(each, ast.ClassDef | ast.Assign)
    }


def test_modules_of_the_product_import_only_what_another_exports() -> None:
    found = {
        f"{module}: {name}"
        for path in PRODUCT.values()
        for module, name in imported_names(path)
        if name not in {*exports(PRODUCT[module]), *type_names(PRODUCT[module])}
    }
    assert found == set(), "add it to __all__"


def test_exported_name_is_used_or_documented_elsewhere() -> None:
    others = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    paths = [*PRODUCT.values(), *(each for each in others if each != Path(__file__))]
    words = {path: set(re.findall(r"\w+", path.read_text("utf-8"))) for path in paths}
    found = {
        f"{module}: {name}"
        for module, path in PRODUCT.items()
        for name in exports(path)
        if not any(name in words[other] for other in paths if other != path)
    }
    assert found == set(), "remove it from __all__"
