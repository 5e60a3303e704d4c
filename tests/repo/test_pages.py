"""What the pages link to exists, and so does every command and every flag that they name."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from rotator.config import ALL_NAMES, PREFIX
from rotator.model.policy import Reason
from rotator.rotation.result import Outcome
from tests.evidence.mutations import MUTATIONS
from tests.evidence.table_of_worlds import table_of_worlds

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "docs" / "security.md").read_text("utf-8")
RELIABILITY = (ROOT / "docs" / "reliability.md").read_text("utf-8")
KINDS = {"promises", "crashes and hangs", "advice", "consumers", "infrastructure"}
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


def test_paths_in_the_contributors_map_exist_and_hold_what_it_says() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for name in re.findall(r"`((?:rotator|tests|infra|docs)/[\w./-]+)`", text):
        assert (ROOT / name).exists() or "NAME" in name, name
    places = re.findall(r"^\| [^|]+ \| `([^`]+)` \| `([^`]+)` \| `[^`]+` \|$", text, re.MULTILINE)
    assert len(places) >= 30
    assert [place for place in places if place[1] not in (ROOT / place[0]).read_text()] == []


def test_page_on_logs_lists_every_outcome_and_every_reason() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    for field, values in ("outcome", Outcome), ("reason", Reason):
        [row] = re.findall(rf"^\| `{field}` \| (.+) \|$", text, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", row)) - {"failed"} == set(get_args(values))


def test_every_mutation_that_the_threat_model_names_is_made() -> None:
    named = set(re.findall(r'mutation "([^"]+)"', SECURITY))

    assert named
    assert named <= MUTATIONS.keys()


def test_variable_that_gives_the_keys_of_a_connection_away_is_mentioned() -> None:
    """Python's `ssl.create_default_context` writes them to the file that it names."""
    [limit] = [line for line in SECURITY.splitlines() if "`SSLKEYLOGFILE`" in line]

    assert "Don't set it for the job" in limit


def test_each_defect_found_from_outside_is_listed_once_with_a_test_that_is_there() -> None:
    section = RELIABILITY.partition("## Found from outside\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"^(?:async )?def (test_\w+)", tests, re.MULTILINE))

    assert {row[0] for row in rows} == KINDS
    assert [row for row in rows if len(row) != 5 or row[4].strip("`") not in defined] == []
    assert len({row[1] for row in rows}) == len(rows)


def test_command_for_the_log_searches_all_pages_from_a_start_time() -> None:
    """`--query` with `--output text` runs once for each page, of which many are empty."""
    for page in PAGES:
        text = page.read_text("utf-8")
        assert "filter-log-events" not in text, page.name
        assert all("--since " in line for line in text.splitlines() if line.startswith("aws logs"))


def test_container_page_says_what_a_mounted_profile_cannot_do() -> None:
    """The SDK looks for the login of SSO under HOME, and runs credential_process."""
    deploy = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    after = deploy.partition('--volume "$HOME/.aws:/aws:ro"')[2].partition("## ")[0]
    for word in (".aws/sso/cache", "credential_process", "export-credentials"):
        assert word in after


def test_runbook_keeps_the_other_settings_when_the_client_secret_is_replaced() -> None:
    deploy = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    [line] = [each for each in deploy.splitlines() if each.startswith("- `invalid_client`")]
    assert line.index("rotator credentials set") < line.index("StoreCredentialsCommand")


def test_table_of_providers_is_what_the_rows_run() -> None:
    assert table_of_worlds() in RELIABILITY
