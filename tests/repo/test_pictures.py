"""The pictures of the documentation show what is there."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.support.drawing import BOXES, OUTSIDE, architecture, terminal

ROOT = Path(__file__).parents[2]


def words_in(svg: str) -> list[str]:
    tree = ET.fromstring(svg)  # noqa: S314 - our own
    return [text.text or "" for text in tree.iter("{http://www.w3.org/2000/svg}text")]


def test_architecture_shows_resources_of_the_template() -> None:
    template = (ROOT / "infra" / "template.yaml").read_text("utf-8")
    resources = template[template.index("\nResources:") :]

    for name in BOXES.keys() - set(OUTSIDE):
        assert re.search(rf"^  {name}:$", resources, re.MULTILINE), name


def test_architecture_is_drawn_anew_when_it_changes() -> None:
    assert (ROOT / "docs" / "architecture.svg").read_text("utf-8") == architecture()


def test_terminal_shows_the_output_up_to_a_step() -> None:
    shown = terminal("a <b>\n  $ rotator run\n5  later\n", until="5 ")

    assert words_in(shown) == ["a <b>", "  $ rotator run"]


def test_picture_of_the_demo_shows_its_commands() -> None:
    shown = "\n".join(words_in((ROOT / "docs" / "demo.svg").read_text("utf-8")))

    assert "$ rotator init" in shown
    assert "$ rotator run" in shown
    assert "rotated: token missing" in shown
