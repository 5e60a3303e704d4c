"""The page on reliability names tests that are there, and says which provider ran where."""

import re
from collections import Counter
from pathlib import Path

from tests.evidence.table_of_worlds import table_of_worlds

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8")
KINDS = {"promises", "crashes and hangs", "advice", "consumers", "infrastructure"}


def found_from_outside() -> list[list[str]]:
    section = PAGE.partition("## Found from outside\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[1:]]


def test_each_defect_found_from_outside_is_guarded_by_a_test_that_is_there() -> None:
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    rows = found_from_outside()

    assert {row[0] for row in rows} == KINDS
    assert [row for row in rows if len(row) != 5 or row[4].strip("`") not in defined] == []


def test_no_defect_is_listed_twice() -> None:
    tried = Counter(row[1] for row in found_from_outside())

    assert [each for each, times in tried.items() if times > 1] == []


def test_table_of_providers_is_what_the_rows_run() -> None:
    assert table_of_worlds() in PAGE
