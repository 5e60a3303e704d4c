"""What `make bench` prints, saves and draws, apart from measuring."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks.plot import bars
from tests.benchmarks.table import Figure, Table, versions

TABLE = Table(
    name="suite",
    title="A suite",
    figures=(
        Figure(name="fast", value=1.4, at_most=1.5, detail="100 ns", raw={"fast_ns": 100.0}),
        Figure(name="slow", value=19.0, at_least=20),
        Figure(name="only told", value=3.0),
    ),
    versions={"peer": "1.2"},
)


@pytest.mark.parametrize(
    ("figure", "met", "goal"),
    [
        (Figure(name="f", value=1.5, at_most=1.5), True, "at most 1.5"),
        (Figure(name="f", value=1.51, at_most=1.5), False, "at most 1.5"),
        (Figure(name="f", value=20, at_least=20), True, "at least 20"),
        (Figure(name="f", value=19.9, at_least=20), False, "at least 20"),
        (Figure(name="f", value=7), None, ""),
    ],
)
def test_figure_says_whether_its_goal_is_reached(figure: Figure, met: object, goal: str) -> None:
    assert figure.met is met
    assert figure.goal == goal


def test_table_shows_what_is_missed_and_what_it_was_measured_with() -> None:
    text = TABLE.text()
    assert [line.split()[-1] for line in text.splitlines()[3:6]] == ["ns", "MISSED", "3"]
    assert "peer 1.2" in text


def test_saved_table_has_every_figure(tmp_path: Path) -> None:
    saved = json.loads(TABLE.save(tmp_path / "new").read_text())
    assert saved["suite"] == "suite"
    assert [each["met"] for each in saved["figures"]] == [True, False, None]
    assert saved["figures"][0]["raw"] == {"fast_ns": 100.0}


def test_plot_is_well_formed_and_longer_for_more() -> None:
    plot = bars(
        {"ours & co": 100.0, "peer": 2000.0, "slow": 47_000.0},
        title="Nanoseconds",
        caption="2026-01-01, with everything",
        marker=("floor", 66.0),
    )
    tree = ET.fromstring(plot)  # noqa: S314 - our own
    texts = [each.text for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert {"ours & co", "47,000", "2026-01-01, with everything", "floor, 66"} <= set(texts)
    bars_drawn = list(tree.iter("{http://www.w3.org/2000/svg}rect"))[1:]
    widths = [float(each.attrib["width"]) for each in bars_drawn]
    assert widths == sorted(widths)
    assert 0 < widths[0] < widths[-1] < 760


def test_version_of_what_is_not_there_is_told() -> None:
    assert versions(["no-such-package"]) == {"no-such-package": "not installed"}
    assert versions(["pytest"])["pytest"][0].isdigit()
