"""Variables, as each kind of reader takes them."""

import json
import subprocess

import pytest

from rotator.cli.shells import FORMATS

AWKWARD = """it's "a" $(client) `id`; * \\ & \u2019"""


def written(form: str, **variables: str | None) -> str:
    return FORMATS[form](variables)


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("sh", "export A=plain-1.2"),
        ("fish", "set -gx A 'plain-1.2'"),
        ("powershell", "$env:A = 'plain-1.2'"),
        ("dotenv", "A=plain-1.2"),
        ("json", '{\n  "A": "plain-1.2"\n}'),
    ],
)
def test_plain_value_is_written_as_the_reader_has_it(form: str, line: str) -> None:
    assert written(form, A="plain-1.2") == line


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("sh", "unset A"),
        ("fish", "set -e A"),
        ("powershell", "Remove-Item Env:A -ErrorAction Ignore"),
        ("dotenv", "A="),
        ("json", '{\n  "A": null\n}'),
    ],
)
def test_variable_without_a_value_does_not_keep_an_older_one(form: str, line: str) -> None:
    assert written(form, A=None) == line


def test_awkward_value_survives_a_shell() -> None:
    script = f'{written("sh", A=AWKWARD)}; printf %s "$A"'

    ended = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)

    assert ended.stdout == AWKWARD


@pytest.mark.parametrize(
    ("form", "line"),
    [
        # fish: in single quotes only \\ and \' are escapes (fish language, Quotes).
        ("fish", "set -gx A 'it\\'s \"a\" $(client) `id`; * \\\\ & \u2019'"),
        # PowerShell: a quote is doubled, the typographic ones too (about_Quoting_Rules).
        ("powershell", "$env:A = 'it''s \"a\" $(client) `id`; * \\ & \u2019\u2019'"),
        ("dotenv", 'A="it\'s \\"a\\" \\$(client) \\`id\\`; * \\\\ & \u2019"'),
    ],
)
def test_awkward_value_is_quoted_as_the_reader_documents(form: str, line: str) -> None:
    assert written(form, A=AWKWARD) == line


def test_json_is_an_object_of_strings() -> None:
    assert json.loads(written("json", A=AWKWARD, B="x")) == {"A": AWKWARD, "B": "x"}
