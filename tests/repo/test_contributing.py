"""The map for contributors is right."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| [^|]+ \| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)


def test_each_place_to_change_something_is_where_the_map_says() -> None:
    places = ROW.findall((ROOT / "CONTRIBUTING.md").read_text())
    assert len(places) >= 10
    assert [place for place in places if place[1] not in (ROOT / place[0]).read_text()] == []
