"""What is published can be installed by the usual tools, and works when it is."""

import zipfile
from pathlib import Path

import pytest

import rotator
from tests.installed.installations import Installation, Tools, extract, pip_install, run

NAME = "oauth-token-rotator"
SCHEMAS = Path(rotator.__file__).parent / "schemas"


def assert_works(installed: Installation) -> None:
    schemas = (
        "sorted(p.name for p in importlib.resources.files('rotator').joinpath('schemas').iterdir())"
    )

    assert installed.command("--version") == f"rotator {rotator.__version__}\n"
    assert "rotator run" in installed.command("run", "--help")
    assert installed.evaluate(f"importlib.metadata.version('{NAME}')") == rotator.__version__
    assert installed.evaluate("rotator.__version__") == rotator.__version__
    assert installed.evaluate(schemas) == str(sorted(path.name for path in SCHEMAS.iterdir()))
    assert installed.evaluate("rotator.rotate_token.__name__") == "rotate_token"
    assert installed.evaluate("rotator.reader.__name__", imports="rotator.reader")


def test_the_index_has_nothing_to_complain_about(tools: Tools, wheel: Path, sdist: Path) -> None:
    assert tools.twine("check", "--strict", wheel, sdist).count("PASSED") == 2


@pytest.mark.parametrize("tool", ["pip", "pipx", "uv_tool"])
def test_wheel_is_installed_and_works(
    python: str, tool: str, tools: Tools, wheel: Path, tmp_path: Path
) -> None:
    assert_works(getattr(tools, tool)(python, wheel, tmp_path))


def test_sdist_is_built_installed_and_works(
    python: str, tools: Tools, sdist: Path, tmp_path: Path
) -> None:
    assert_works(tools.pip(python, sdist, tmp_path))


def test_wheel_of_the_sdist_is_the_wheel_of_the_checkout(
    tools: Tools, wheel: Path, sdist: Path, tmp_path: Path, any_python: str
) -> None:
    source = extract(sdist, tmp_path / "source")
    tools.uv("build", "-q", "--wheel", "--python", any_python, "-o", tmp_path, source)
    built, original = zipfile.ZipFile(tmp_path / wheel.name), zipfile.ZipFile(wheel)

    assert sorted(built.namelist()) == sorted(original.namelist())
    for name in original.namelist():
        assert built.read(name) == original.read(name), name


def test_demo_extra_is_enough_for_the_demo(
    any_python: str, tools: Tools, wheel: Path, tmp_path: Path
) -> None:
    installed = tools.pip(any_python, wheel, tmp_path)
    pip_install(installed, "-c", tools.constraints, f"{wheel}[demo]")

    assert "rotated" in installed.command("demo")


def test_crt_extra_brings_what_aws_login_needs(
    any_python: str, tools: Tools, wheel: Path, tmp_path: Path
) -> None:
    installed = tools.pip(any_python, wheel, tmp_path)
    pip_install(installed, "-c", tools.constraints, f"{wheel}[crt]")

    assert installed.evaluate("awscrt.__name__", imports="awscrt") == "awscrt"


# --- From 0.1.0, which was called rotator -------------------------------------------------------


def without(installed: Installation, name: str) -> None:
    run(installed.python, "-m", "pip", "uninstall", "-q", "-y", name)


def test_upgrade_uninstalls_first_and_works(
    any_python: str, tools: Tools, wheel: Path, first_release: Path, tmp_path: Path
) -> None:
    installed = tools.pip(any_python, first_release, tmp_path)
    assert installed.command("--version") == "rotator 0.1.0\n"

    without(installed, "rotator")
    pip_install(installed, "-c", tools.constraints, wheel)

    assert_works(installed)  # the command says nothing of another distribution any more


def test_uninstalling_last_takes_the_new_one_along_and_a_reinstallation_heals_it(
    any_python: str, tools: Tools, wheel: Path, first_release: Path, tmp_path: Path
) -> None:
    installed = tools.pip(any_python, first_release, tmp_path)
    pip_install(installed, "-c", tools.constraints, wheel)
    assert "0.1.0 of this project" in installed.command("--version")

    without(installed, "rotator")
    assert not (installed.bin / "rotator").exists()

    pip_install(installed, "--force-reinstall", "--no-deps", wheel)
    assert_works(installed)
