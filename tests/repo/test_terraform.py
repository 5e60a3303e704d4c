"""The Terraform module asks for the template's parameters and tells its outputs, all of them.

Its files are read by patterns: each block starts at the beginning of a line and ends with a brace
there, which is how `terraform fmt` leaves them. `make audit` has a parser of the language, too, and
the last tests compare what it reads.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.templates import load

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "infra" / "terraform"
PARSER = ROOT / "build" / "audit" / "bin" / "python"  # python-hcl2, as checkov keeps it
PARSE = "import hcl2, json, sys; print(json.dumps(hcl2.load(open(sys.argv[1]))))"
PARAMETERS = load("template.yaml")["Parameters"]
OUTPUTS = load("template.yaml")["Outputs"]
OF_THE_STACK = {"stack_name", "tags"}


def name_of(parameter: str) -> str:
    """A parameter's name as Terraform's style guide has it: words in small letters, underscores."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter).lower()


def blocks(file: str, kind: str) -> dict[str, dict[str, str]]:
    """Name to arguments, as they are written."""
    text = (MODULE / file).read_text("utf-8")
    found = re.findall(rf'^{kind} "(\w+)" {{\n(.*?)^}}', text, re.MULTILINE | re.DOTALL)
    return {
        name: dict(re.findall(r"^  (\w+) += (.*)$", body, re.MULTILINE)) for name, body in found
    }


def test_variables_are_the_parameters() -> None:
    variables = blocks("variables.tf", "variable")

    assert variables.keys() - OF_THE_STACK == {name_of(name) for name in PARAMETERS}
    for name, parameter in PARAMETERS.items():
        variable = variables[name_of(name)]
        default = variable.get("default")
        assert variable["type"] == parameter["Type"].lower(), name
        assert (None if default is None else json.loads(default)) == parameter.get("Default"), name
        assert json.loads(variable["description"]) == parameter["Description"].strip(), name


def test_every_variable_reaches_its_parameter() -> None:
    text = (MODULE / "main.tf").read_text("utf-8")
    [given] = re.findall(r"^  parameters = {\n(.*?)^  }", text, re.MULTILINE | re.DOTALL)

    assert dict(re.findall(r"^    (\w+) += var\.(\w+)$", given, re.MULTILINE)) == {
        name: name_of(name) for name in PARAMETERS
    }
    assert 'template_body = file("${path.module}/../template.yaml")' in text
    # CreateStack's reference: a template in the request has at most 51,200 bytes.
    assert (MODULE.parent / "template.yaml").stat().st_size <= 51_200


def test_outputs_are_the_templates() -> None:
    outputs = blocks("outputs.tf", "output")

    assert outputs.keys() == {name_of(name) for name in OUTPUTS}
    for name, output in OUTPUTS.items():
        # One with a condition can be missing, and an index that is missing is an error.
        stack = "aws_cloudformation_stack.rotator.outputs"
        expected = (
            f'lookup({stack}, "{name}", null)' if "Condition" in output else (f'{stack}["{name}"]')
        )
        assert outputs[name_of(name)]["value"] == expected


# --- By a parser of the language ---------------------------------------------------------------


def parse(file: str) -> dict[str, list[dict[str, Any]]]:
    """What python-hcl2 makes of a file: each block by its kind, each argument in a list."""
    if not (PARSER.parents[1] / "complete").exists():
        pytest.skip("*** NOT PARSED by python-hcl2: run make audit ***")
    command = [str(PARSER), "-c", PARSE, str(MODULE / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    blocks: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return blocks


def test_parser_reads_the_same_variables() -> None:
    read = {name: body for each in parse("variables.tf")["variable"] for name, body in each.items()}

    assert read.keys() - OF_THE_STACK == {name_of(name) for name in PARAMETERS}
    for name, parameter in PARAMETERS.items():
        variable = read[name_of(name)]
        assert variable["type"] == [f"${{{parameter['Type'].lower()}}}"], name
        assert variable.get("default", [None]) == [parameter.get("Default")], name


def test_parser_reads_one_stack_with_every_parameter() -> None:
    [block] = parse("main.tf")["resource"]
    [stack] = block["aws_cloudformation_stack"].values()

    assert list(block) == ["aws_cloudformation_stack"]
    assert stack["parameters"] == [{name: f"${{var.{name_of(name)}}}" for name in PARAMETERS}]
    assert stack["template_body"] == ['${file("${path.module}/../template.yaml")}']


def test_parser_reads_the_outputs() -> None:
    read = [name for each in parse("outputs.tf")["output"] for name in each]

    assert sorted(read) == sorted(name_of(name) for name in OUTPUTS)
