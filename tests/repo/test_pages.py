"""What the pages link to exists, and so does every command and every flag that they name."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from rotator.config import ALL_NAMES, PREFIX

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"\brotator (credentials [a-z]+|[a-z][a-z-]+)((?: [^`|;&\n]*)?)")
# Named, and not rotator's: what follows `rotator` there is a user, a noun or a package.
NO_COMMANDS = re.compile(r"\b(?:logger -t rotator|rotator (?:rotator|package|authors))\b")

pages = pytest.mark.parametrize("path", sorted(PAGES), ids=lambda path: str(path.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-") for text in headings}


@cache
def help_of(command: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "rotator", *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout if run.returncode == 0 else ""


@pages
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(FENCE.sub("", path.read_text("utf-8"))):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def commands_in(text: str) -> list[tuple[str, list[str]]]:
    """The command lines in code of a page: the command, and the flags that it is given."""
    text = re.sub(r"^```text$.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    code = [*FENCE.findall(text), *re.findall(r"`([^`\n]+)`", FENCE.sub("", text))]
    found = []
    for block in code:
        joined = NO_COMMANDS.sub("", block.replace("\\\n", " "))
        for command, rest in COMMAND.findall(joined):
            ours = rest.split(" -- ")[0]
            flags = re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", ours)
            found.append((command, flags))
    return found


@pages
def test_commands_and_flags_exist(path: Path) -> None:
    for command, flags in commands_in(path.read_text("utf-8")):
        shown = help_of(command)
        assert shown, f"rotator {command}: no such command"
        for flag in flags:
            assert flag in shown or (command == "run" and flag == "--tick"), (command, flag)


@pages
def test_variables_are_read_by_the_product(path: Path) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in ALL_NAMES}

    assert set(re.findall(r"\bROTATOR_[A-Z_]+\b", path.read_text("utf-8"))) <= known


def test_paths_in_the_contributors_map_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for name in re.findall(r"`((?:rotator|tests|infra|docs)/[\w./-]+)`", text):
        assert (ROOT / name).exists() or "NAME" in name, name
