"""What is committed can be published, and what is installed is what was reviewed."""

import json
import re
import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from flit_core import buildapi
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from infra.completions import DATA, FILES
from infra.interpreters import LAMBDA_PYTHON

ROOT = Path(__file__).parents[2]
LARGER_THAN_DEV = ("types", "bench", "lint", "providers", "compare", "crt")
APART = (
    *("build", "lowest", "fuzz", "coverage", "e2e", "audit", "dist", "workflows", "lock"),
    "completions",
)
LOCKS = ("runtime", "run", "dev", *LARGER_THAN_DEV, *APART)

REGISTRY = re.compile(
    r"""pypi\.org | pythonhosted\.org | npmjs\.(?:org|com) | proxy\.golang\.org
    | -{2}(?:(?:extra|default)-)?index(?:-url)?\b | -{2}find-links\b""",
    re.VERBOSE,
)
HOME = re.compile(r"(?<![\w.~])/(?:root|home/\w+|Users/\w+|private/var)/|[A-Z]:\\\\?Users\\")
# Registries know another project by this name: it is installed from a checkout, or from its wheel.
INSTALL_BY_NAME = re.compile(
    r"\b(?:pip[3x]?|uv)\s+(?:install|run|add)\b[^`;&|#]*\s['\"]?rotator(?![\w/-]|\.\w)"
)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


def committed_texts() -> Iterator[tuple[str, str]]:
    """Every file that git has or would take, with its path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        path = ROOT / name
        if path.is_file():
            yield name, path.read_text("utf-8", errors="replace")


def files_that_match(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for name, text in committed_texts():
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                found.append(f"{name}:{number}: {line.strip()}")
    return found


def pins(lock: str) -> dict[str, str]:
    """Name to the whole requirement; a line continued with a backslash is one line."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and line.strip()[0] != "#"]
    return {line.split("==")[0].strip(): line for line in lines}


def pinned(requirement: str) -> Requirement:
    return Requirement(HASH.sub("", requirement).strip())


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def declared(lock: str) -> list[str]:
    """The direct requirements in pyproject.toml that a lock has to satisfy."""
    metadata, groups = project()["project"], project()["dependency-groups"]
    runtime, extras = metadata["dependencies"], metadata["optional-dependencies"]
    run = runtime + extras["demo"] + groups["build"]
    dev = run + groups["dev"]
    own = {"runtime": runtime, "run": run, "dev": dev, "lowest": dev}
    own |= {"crt": dev + extras["crt"], "lock": groups["build"] + groups["lock"]}
    return list(own.get(lock) or (dev if lock in LARGER_THAN_DEV else []) + groups[lock])


def test_the_repository_is_not_empty() -> None:
    names = {name for name, _ in committed_texts()}

    assert {"Makefile", "pyproject.toml", "requirements/run.txt"} <= names


def test_no_registry_is_named() -> None:
    assert files_that_match(REGISTRY) == []


def test_no_path_of_a_machine_is_named() -> None:
    assert files_that_match(HOME) == []


def test_nobody_is_told_to_install_the_project_of_the_same_name() -> None:
    assert files_that_match(INSTALL_BY_NAME) == []


def test_the_place_of_this_checkout_is_not_named() -> None:
    if len(ROOT.parts) < 3:
        pytest.skip("a checkout directly below / has a name that any text may hold")

    assert files_that_match(re.compile(re.escape(str(ROOT)) + r"\b")) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_is_pinned_and_hashed(lock: str) -> None:
    requirements = pins(lock)

    assert requirements
    for name, requirement in requirements.items():
        assert HASH.search(requirement), name
        (specifier,) = pinned(requirement).specifier
        assert specifier.operator == "==", name
        assert "*" not in specifier.version, name
        assert pinned(requirement).url is None, name


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_says_how_to_renew_it(lock: str) -> None:
    head = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8").splitlines()[:2]

    assert head[1].strip(" #") == "make lock"


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [("runtime", "run"), ("run", "dev"), *(("dev", each) for each in LARGER_THAN_DEV)],
)
def test_larger_lock_holds_the_same_versions(smaller: str, larger: str) -> None:
    # Not the markers: what one needs on a single platform, another may need on all.
    expected = {name: pinned(line).specifier for name, line in pins(smaller).items()}
    actual = {name: pinned(line).specifier for name, line in pins(larger).items()}

    assert {name: actual.get(name) for name in expected} == expected


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_satisfies_what_is_declared(lock: str) -> None:
    actual = pins(lock)

    for text in declared(lock):
        wanted = Requirement(text)
        name = canonicalize_name(wanted.name)
        assert name in actual, f"{name}: not in requirements/{lock}.txt, run make lock"
        (specifier,) = pinned(actual[name]).specifier
        assert wanted.specifier.contains(specifier.version), f"{name}: run make lock"


def test_lowest_lock_holds_the_lower_bounds_themselves() -> None:
    lowest = pins("lowest")

    for text in project()["project"]["dependencies"]:
        wanted = Requirement(text)
        (bound,) = [each.version for each in wanted.specifier if each.operator == ">="]
        (pin,) = pinned(lowest[canonicalize_name(wanted.name)]).specifier
        assert Version(pin.version) == Version(bound), f"{wanted.name}: run make lock"


def test_every_node_package_is_hashed_and_comes_from_no_named_place() -> None:
    lock = json.loads((ROOT / "tests" / "interop" / "package-lock.json").read_text("utf-8"))
    installed = {path: package for path, package in lock["packages"].items() if path}

    assert "node_modules/oidc-provider" in installed
    for path, package in installed.items():
        assert package["integrity"].startswith("sha512-"), path
        assert "resolved" not in package, path


def test_build_backend_comes_from_the_lock() -> None:
    assert project()["build-system"]["requires"] == project()["dependency-groups"]["build"]


def argued_for() -> set[str]:
    decision = (ROOT / "docs" / "decisions" / "0005-dependencies.md").read_text("utf-8")
    first_cells = {line.split("|")[1] for line in decision.splitlines() if line.startswith("|")}
    return {name.strip() for cell in first_cells for name in cell.split(",")}


@pytest.mark.parametrize("lock", ["dev", *LARGER_THAN_DEV, *APART])
def test_every_dependency_is_argued_for(lock: str) -> None:
    assert {Requirement(text).name for text in declared(lock)} <= argued_for()


def test_every_node_dependency_is_argued_for() -> None:
    package = json.loads((ROOT / "tests" / "interop" / "package.json").read_text("utf-8"))

    assert package["dependencies"].keys() <= argued_for()


def test_wheel_ships_the_typed_package_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    wheel = tmp_path / buildapi.build_wheel(str(tmp_path))
    names = zipfile.ZipFile(wheel).namelist()
    entry_points = zipfile.ZipFile(wheel).read(
        "oauth_token_rotator-0.2.0.dist-info/entry_points.txt"
    )

    assert {
        "rotator/py.typed",
        "rotator/schemas/credentials-secret.schema.json",
        "rotator/schemas/token-secret.schema.json",
    } <= set(names)
    assert {PurePosixPath(name).parts[0] for name in names} == {
        "rotator",
        "oauth_token_rotator-0.2.0.data",
        "oauth_token_rotator-0.2.0.dist-info",
    }
    assert {str(path.relative_to(DATA.parent)) for path in FILES.values()} == {
        name.partition(".data/data/")[2] for name in names if ".data/" in name
    }
    suffixes = {PurePosixPath(name).suffix for name in names if name.startswith("rotator/")}
    assert suffixes <= {".py", ".typed", ".json"}
    assert b"rotator=rotator.cli:main" in entry_points


def test_sdist_is_everything_that_git_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with tarfile.open(tmp_path / buildapi.build_sdist(str(tmp_path))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}

    assert names == {name for name, _ in committed_texts()} | {"PKG-INFO"}


def claimed_pythons() -> list[str]:
    return re.findall(r"Python :: (3\.\d+)", " ".join(project()["project"]["classifiers"]))


def test_every_python_that_is_claimed_is_allowed_and_the_oldest_is_claimed() -> None:
    metadata, claimed = project()["project"], claimed_pythons()
    specifier = Requirement(f"x{metadata['requires-python']}").specifier
    assert all(specifier.contains(version) for version in claimed)
    assert metadata["requires-python"] == f">={claimed[0]}"
    assert LAMBDA_PYTHON in claimed


def test_metadata_names_no_place_that_does_not_exist() -> None:
    assert "urls" not in project()["project"]
