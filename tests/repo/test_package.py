"""`import rotator` and `import rotator.cli` cost what is used of them, and no more."""

import re
import subprocess
import sys

import pytest

import rotator

DEAR = ("authlib", "botocore", "boto3", "requests", "urllib3", "structlog", "moto", "asyncio")


def imported(statement: str) -> set[str]:
    """The modules that a fresh interpreter holds after `statement`."""
    code = f"import sys; {statement}; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(ended.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import rotator",
        "import rotator.reader",
        "import rotator.cli",
        "from rotator.cli.parser import parse; parse(['run'])",
    ],
)
def test_import_costs_no_library(statement: str) -> None:
    assert imported(statement).isdisjoint(DEAR)


def test_command_imports_no_other_command() -> None:
    loaded = imported("from rotator.cli.parser import parse; parse(['run'])")
    others = ("check", "consume", "credentials", "demo", "execute", "init", "status")
    assert loaded.isdisjoint(f"rotator.cli.{name}" for name in others)


def test_package_itself_imports_none_of_its_modules() -> None:
    assert {name for name in imported("import rotator") if name.startswith("rotator")} == {
        "rotator"
    }


def test_reader_reaches_nothing_of_the_job() -> None:
    job = {f"rotator.{name}" for name in ("rotate", "store", "oauth", "app", "config", "logs")}

    assert imported("import rotator.reader").isdisjoint(job)


@pytest.mark.parametrize("name", rotator.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(rotator, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'rotator' has no attribute 'rotat'"):
        _ = rotator.rotat


def test_version_is_a_release() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", str(rotator.__version__))
