"""The pictures of the documentation show what is there."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.support.drawing import ARROWS, BOXES, OUTSIDE, architecture, terminal
from tests.support.templates import load, statements

ROOT = Path(__file__).parents[2]


def words_in(svg: str) -> list[str]:
    tree = ET.fromstring(svg)  # noqa: S314 - our own
    return [text.text or "" for text in tree.iter("{http://www.w3.org/2000/svg}text")]


def test_architecture_shows_resources_of_the_template() -> None:
    template = (ROOT / "infra" / "template.yaml").read_text("utf-8")
    resources = template[template.index("\nResources:") :]

    for name in BOXES.keys() - set(OUTSIDE):
        assert re.search(rf"^  {name}:$", resources, re.MULTILINE), name


def test_arrows_are_what_the_template_connects() -> None:
    template = load("template.yaml")["Resources"]
    granted = statements(template["FunctionRole"])
    alarm = template["FailedRunsAlarm"]["Properties"]
    undelivered = template["Schedule"]["Properties"]["Target"]["DeadLetterConfig"]["Arn"]
    on_failure = template["FunctionRetries"]["Properties"]["DestinationConfig"]["OnFailure"]
    failed = on_failure["Destination"]
    connected = {
        (
            "Schedule",
            template["Schedule"]["Properties"]["Target"]["Arn"]["Fn::GetAtt"][0],
            "starts",
        ),
        ("Schedule", undelivered["Fn::GetAtt"][0], "start failed"),
        ("Function", failed["Fn::GetAtt"][0], "failed twice"),
        # What the function does there, its code knows and not the template.
        ("Function", "Provider", "mints"),
        ("TokenSecret", "Consumers", "read by"),
        ("FailedRuns", alarm["AlarmActions"][0]["Ref"], "alarms"),
    }
    _, credentials, _ = granted["ReadCredentials"]["Resource"]["Fn::If"]
    assert "secretsmanager:GetSecretValue" in granted["ReadCredentials"]["Action"]
    connected.add((credentials["Fn::GetAtt"][0], "Function", "read by"))
    written = granted["ReadAndPutToken"]
    assert "secretsmanager:PutSecretValue" in written["Action"]
    connected.add(("Function", written["Resource"]["Fn::GetAtt"][0], "publishes"))

    assert set(ARROWS) == connected
    assert "FailedRuns" in str(alarm["Dimensions"])


def test_architecture_is_drawn_anew_when_it_changes() -> None:
    assert (ROOT / "docs" / "architecture.svg").read_text("utf-8") == architecture()


def test_terminal_shows_the_output_up_to_a_step() -> None:
    shown = terminal("a <b>\n  $ rotator run\n5  later\n", until="5 ")

    assert words_in(shown) == ["a <b>", "  $ rotator run"]
