"""A package that shares our command and folder is told of: whose it is, and what to do."""

from pathlib import Path

import pytest

from rotator.cli.distributions import OURS, namesake_problem
from tests.repo.test_repository import project


def install(folder: Path, name: str, summary: str | None, file: str = "METADATA") -> None:
    (folder / name).mkdir()
    line = f"Summary: {summary}\n" if summary is not None else ""
    (folder / name / file).write_text(f"Metadata-Version: 2.1\nName: rotator\n{line}")


@pytest.mark.parametrize(
    ("name", "file"), [("rotator-0.1.0.dist-info", "METADATA"), ("rotator-1.egg-info", "PKG-INFO")]
)
def test_package_of_another_project_is_told_of(tmp_path: Path, name: str, file: str) -> None:
    install(tmp_path, name, "Rotates things", file)

    problem = namesake_problem([str(tmp_path / "none"), str(tmp_path)])

    assert problem is not None
    assert "another project" in problem
    assert "pip uninstall rotator" in problem


def test_first_release_of_ours_is_told_apart(tmp_path: Path) -> None:
    install(tmp_path, "rotator-0.1.0.dist-info", f"{OURS} client-credentials token in ...")

    problem = namesake_problem([str(tmp_path)])

    assert problem is not None
    assert "another project" not in problem
    assert "0.1.0 of this project" in problem
    assert "pip uninstall rotator" in problem


def test_package_without_a_summary_and_other_names_are_not(tmp_path: Path) -> None:
    install(tmp_path, "rotator-0.1.0.dist-info", None)
    install(tmp_path, "rotator_tools-1.dist-info", "Other tools")
    install(tmp_path, "oauth_token_rotator-0.2.0.dist-info", f"{OURS} client-credentials token")

    assert namesake_problem([str(tmp_path)]) is None


def test_our_summary_is_the_one_that_is_looked_for() -> None:
    assert project()["project"]["description"].startswith(OURS)
