"""What `make bench` prints, saves and draws, apart from measuring."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks import __main__ as program
from tests.benchmarks.page import DATA, PAGE, fill, plots
from tests.benchmarks.plot import bars
from tests.benchmarks.table import Figure, Table, compare, versions

SVG = "{http://www.w3.org/2000/svg}"
TABLE = Table(
    name="suite",
    title="A suite",
    figures=(
        Figure(name="fast", value=1.4, at_most=1.5, detail="100 ns", raw={"fast_ns": 100.0}),
        Figure(name="slow", value=19.0, at_least=20, spread=(18.0, 19.5)),
        Figure(name="only told", value=3.0, spread=(2.0, 4.0)),
    ),
    versions={"peer": "1.2"},
)


@pytest.mark.parametrize(
    ("figure", "mark", "goal"),
    [
        (Figure(name="f", value=1.5, at_most=1.5), "met", "at most 1.5"),
        (Figure(name="f", value=1.51, at_most=1.5), "MISSED", "at most 1.5"),
        (Figure(name="f", value=20, at_least=20), "met", "at least 20"),
        (Figure(name="f", value=19.9, at_least=20), "MISSED", "at least 20"),
        (Figure(name="f", value=7), "", ""),
        (Figure(name="f", value=1, at_most=2, spread=(0.95, 1.05)), "met", "at most 2"),
        (Figure(name="f", value=1, at_most=2, spread=(0.9, 1.1)), "met noisy", "at most 2"),
    ],
)
def test_figure_says_whether_its_goal_is_reached(figure: Figure, mark: str, goal: str) -> None:
    assert figure.mark == mark
    assert figure.goal == goal


def test_compared_figure_is_the_median_of_the_pairs_with_its_quartiles() -> None:
    # Pair by pair 0.5, 0.6, 0.7, 0.8 and, in a round that was disturbed, 9.
    ours, theirs = [1.0, 6.0, 7.0, 0.8, 900.0], [2.0, 10.0, 10.0, 1.0, 100.0]
    figure = compare("f", ours, theirs, scale=1000, at_most=0.75)
    assert figure.value == pytest.approx(0.7)
    assert figure.spread == pytest.approx((0.6, 0.8))
    assert figure.detail == "6,000 ms against 10,000"
    assert figure.raw == {"ours_ms": 6000.0, "theirs_ms": 10000.0}


def test_table_shows_what_is_missed_and_what_it_was_measured_with() -> None:
    text = TABLE.text()
    fast, slow, told = text.splitlines()[3:6]
    assert fast.split() == ["fast", "1.4", "at", "most", "1.5", "met", "100", "ns"]
    assert slow.split() == ["slow", "19", "18", "to", "19.5", "at", "least", "20", "MISSED"]
    assert told.split()[-1] == "noisy"
    assert "peer 1.2" in text


def test_saved_table_comes_back_as_it_was(tmp_path: Path) -> None:
    path = TABLE.save(tmp_path / "new")
    assert [each["met"] for each in json.loads(path.read_text())["figures"]] == [True, False, None]
    loaded = Table.load(path)
    assert loaded.figures == TABLE.figures
    assert loaded.text() == TABLE.text()
    assert loaded.raw("fast") == {"fast_ns": 100.0}
    assert "| slow | 19 | 18 to 19.5 | at least 20 | **MISSED** |" in loaded.markdown()


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """A suite of this name, whose run is the table above."""
    module = ModuleType("tests.benchmarks.suite")
    module.run = lambda: TABLE  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(program, "SUITES", ("suite",))
    monkeypatch.setattr(program, "find_spec", lambda _: True)
    monkeypatch.setattr(program, "use_byte_code", lambda *_: None)
    monkeypatch.setattr(program, "ROOT", tmp_path)
    monkeypatch.setattr(program, "RESULTS", tmp_path)
    return module


@pytest.mark.usefixtures("suite")
def test_missed_goal_is_told_and_fails_a_strict_run_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert program.main([]) == 0
    assert capsys.readouterr().out.endswith("1 missed:\n  suite: slow\n")
    assert program.main(["--strict", "suite"]) == 1


# -- plots and the page


def drawn(plot: str) -> tuple[set[str | None], list[float]]:
    """The words of a plot, and how long its bars are."""
    tree = ET.fromstring(plot)  # noqa: S314 - our own
    rectangles = list(tree.iter(f"{SVG}rect"))[1:]
    return {each.text for each in tree.iter(f"{SVG}text")}, [
        float(each.attrib["width"]) for each in rectangles
    ]


@pytest.mark.parametrize("logarithmic", [False, True])
def test_plot_is_well_formed_and_longer_for_more(*, logarithmic: bool) -> None:
    plot = bars(
        {"ours & co": 100.0, "peer": 2000.0, "slow": 47_000.0},
        title="Nanoseconds",
        caption="2026-01-01, with everything",
        ours={"ours & co"},
        marker=("floor", 66.0),
        logarithmic=logarithmic,
    )
    words, widths = drawn(plot)
    assert {"ours & co", "47,000", "2026-01-01, with everything", "floor, 66"} <= words
    assert widths == sorted(widths)
    assert 0 < widths[0] < widths[-1] < 760
    if not logarithmic:
        assert widths[2] / widths[1] == pytest.approx(23.5, rel=0.01)


def test_suite_without_a_plot_of_its_own_shows_how_near_it_came_to_its_limits() -> None:
    [plot] = plots(TABLE).values()
    words, widths = drawn(plot)
    assert {"fast", "slow", "the limit, 1"} <= words
    assert widths[1] / widths[0] == pytest.approx((20 / 19) / (1.4 / 1.5), rel=0.01)


def test_page_has_a_place_for_every_suite() -> None:
    page = PAGE.read_text("utf-8")
    for name in program.SUITES:
        assert re.search(f"<!-- {name}: begin -->.*<!-- {name}: end -->", page, re.DOTALL)
    with pytest.raises(ValueError, match="no place for the suite elsewhere"):
        fill(page, Table(name="elsewhere", title="", figures=()))


def test_page_and_plots_are_what_the_published_run_says() -> None:
    published = sorted(DATA.glob("*.json"))
    assert published
    pictures = set()
    for path in published:
        table = Table.load(path)
        assert fill(PAGE.read_text("utf-8"), table) == PAGE.read_text("utf-8"), path.name
        for name, plot in plots(table).items():
            assert (DATA / f"{name}.svg").read_text("utf-8") == plot
            pictures.add(f"{name}.svg")
    assert {path.name for path in DATA.glob("*.svg")} == pictures


def test_version_of_what_is_not_there_is_told() -> None:
    assert versions(["no-such-package"]) == {"no-such-package": "not installed"}
    assert versions(["pytest"])["pytest"][0].isdigit()
