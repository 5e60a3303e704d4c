"""The workflows run what .ci/run runs, on every Python that the package supports."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repo.test_repository import claimed_pythons

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return loaded


def matrix() -> dict[str, list[str]]:
    jobs = load(ROOT / ".github" / "workflows" / "checks.yml")["jobs"]
    listed: dict[str, list[str]] = jobs["make"]["strategy"]["matrix"]
    return listed


def test_jobs_are_the_targets_of_the_local_check() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    listed = re.search(r"^targets=\((.+)\)$", script, re.MULTILINE)

    assert listed is not None
    assert sorted(matrix()["target"]) == sorted(listed[1].split())


def test_jobs_run_on_every_supported_python() -> None:
    assert matrix()["python"] == claimed_pythons()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_commit(path: Path) -> None:
    used = re.findall(r"^\s*(?:- )?uses: *(.+)$", path.read_text("utf-8"), re.MULTILINE)

    assert used
    for action in used:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", action), action


def test_local_hooks_run_what_make_installs() -> None:
    (repo,) = load(ROOT / ".pre-commit-config.yaml")["repos"]

    assert repo["repo"] == "local"
    assert {hook["entry"].split()[0] for hook in repo["hooks"]} == {
        ".venv/bin/ruff",
        ".venv/bin/mypy",
        "make",
    }
