"""The wheel and the sdist, the tools that install them, and the Pythons that are here."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from flit_core import buildapi

from infra.interpreters import find_python
from tests.installed.installations import Tools
from tests.support.releases import check_out_first_release

ROOT = Path(__file__).parents[2]
CLASSIFIERS: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "classifiers"
]
SUPPORTED = re.findall(r"Python :: (3\.\d+)", " ".join(CLASSIFIERS))


@pytest.fixture(scope="session", params=SUPPORTED)
def python(request: pytest.FixtureRequest) -> str:
    """Every Python that the classifiers claim; one that is not here is a skip."""
    found = find_python(request.param)
    if found is None:
        pytest.skip(f"*** NOT INSTALLED on Python {request.param}: there is none here ***")
    return found


@pytest.fixture(scope="session")
def any_python() -> str:
    """One of them, for what does not depend on the version."""
    return next(path for path in map(find_python, SUPPORTED) if path is not None)


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """pipx, twine and uv, out of an environment of their own."""
    environment = ROOT / "build" / "dist"
    if not (environment / "complete").exists():
        pytest.skip("build/dist is not set up: run make dist-check")
    return Tools(environment / "bin", tmp_path_factory.mktemp("tools"))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(buildapi.build_wheel, ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(buildapi.build_sdist, ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of 0.1.0."""
    source = check_out_first_release(tmp_path_factory.mktemp("first"))
    if source is None:
        pytest.skip("*** NOT UPGRADED from 0.1.0: the history of this clone does not hold it ***")
    return build(buildapi.build_wheel, source, tmp_path_factory.mktemp("first-wheel"))


def build(backend: Callable[[str], str], source: Path, folder: Path) -> Path:
    """Let the backend build what is in `source`; the file that it made."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(source)
        return folder / backend(str(folder))
