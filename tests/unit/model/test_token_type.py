"""One rule for a stored `token_type`, kept by the job and by each reader that we hand out.

The rule is in docs/configuration.md, "The token secret". RFC 6749 section 5.1: the value is not
case-sensitive; its grammar (appendix A.13) has no white space.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rotator.model.access_token import AccessToken
from rotator.reader.snapshot import parse
from tests.support.clock import NOW
from tests.support.documents import token_document

ROOT = Path(__file__).parents[3]
MISSING = object()
BEARER = (MISSING, None, "bearer", "Bearer", "BEARER")
OTHERS: tuple[object, ...] = (
    "",
    " ",
    "bearer ",
    " bearer",
    "bearer\n",
    "\ufeffbearer",
    "bearer token",
    "bearer,bearer",
    "mac",
    "DPoP",
    "N_A",
    "null",
    "false",
    ["bearer"],
    [],
    {"bearer": True},
    {},
    True,
    False,
    0,
    7,
)
TABLE = [(each, True) for each in BEARER] + [(each, False) for each in OTHERS]


def document(token_type: object) -> str:
    """A token document that is good for a day from now on, whenever that is."""
    ends = {"expires_at": "2100-01-01T00:00:00Z", "expires_at_epoch": 4_102_444_800}
    fields: dict[str, Any] = token_document("a-token", issued_at=NOW, token_type=None) | ends
    stated = {} if token_type is MISSING else {"token_type": token_type}
    return json.dumps(fields | stated)


def is_taken(read: Callable[[str], object], token_type: object) -> bool:
    try:
        read(document(token_type))
    except ValueError as error:
        return "token_type" not in str(error)
    return True


def is_printed(command: list[str], text: str, tmp_path: Path, **environment: str) -> bool:
    """Whether a command prints the token; without one it prints nothing."""
    done = subprocess.run(
        command,
        input=text,
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() in {"a-token", ""}, done.stderr
    return bool(done.stdout.strip())


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"*** NO READER IN {name.upper()}: {name} missing ***")
    return found


BY_TYPE = pytest.mark.parametrize(("token_type", "is_bearer"), TABLE, ids=repr)


@BY_TYPE
def test_job_keeps_a_stored_token_by_its_type(token_type: object, *, is_bearer: bool) -> None:
    def read(text: str) -> AccessToken:
        return AccessToken.from_fields(json.loads(text))

    assert is_taken(read, token_type) == is_bearer


@BY_TYPE
def test_reader_serves_a_token_by_its_type(token_type: object, *, is_bearer: bool) -> None:
    assert is_taken(lambda text: parse({"SecretString": text}), token_type) == is_bearer


@BY_TYPE
def test_shell_serves_a_token_by_its_type(
    token_type: object, tmp_path: Path, *, is_bearer: bool
) -> None:
    tool("jq")
    aws = tmp_path / "aws"  # answers each call with the value that the variable has
    aws.write_text("#!/bin/sh\njq -n --arg text \"$VALUE\" '{SecretString: $text}'\n", "utf-8")
    aws.chmod(0o755)
    script = f'. "{ROOT}/examples/read-token.sh"; current_token s && echo "$access_token"'

    shell = ["/bin/sh", "-uc", script]
    assert is_printed(shell, "", tmp_path, VALUE=document(token_type)) == is_bearer


@BY_TYPE
def test_line_of_the_page_prints_a_token_by_its_type(
    token_type: object, tmp_path: Path, *, is_bearer: bool
) -> None:
    page = (ROOT / "docs" / "other-languages.md").read_text("utf-8")
    [line] = re.findall(r"jq -er \\\n +'([^']+)'", page)

    assert is_printed([tool("jq"), "-er", line], document(token_type), tmp_path) == is_bearer


def test_node_serves_a_token_by_its_type(tmp_path: Path) -> None:
    script = """
        const [, example] = process.argv;
        const { TokenReader } = await import(example);
        const isServed = (text) => new TokenReader(async () => text).token().then(
          (token) => token === "a-token",
          () => false,
        );
        const texts = JSON.parse(await new Response(process.stdin).text());
        console.log(JSON.stringify(await Promise.all(texts.map(isServed))));
    """
    done = subprocess.run(
        [
            *(tool("node"), "--input-type=module", "--eval", script),
            str(ROOT / "examples" / "token-reader.mjs"),
        ],
        input=json.dumps([document(token_type) for token_type, _ in TABLE]),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout) == [is_bearer for _, is_bearer in TABLE]
