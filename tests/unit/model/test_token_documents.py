# ruff: noqa: FBT003 - values of a table
"""One rule for what a token secret may say, kept by each reader that we hand out, and by the job.

The rule is in docs/configuration.md, "The token secret", and docs/other-languages.md. Instants are
those of RFC 3339 section 5.6 with upper-case letters, which it lets a format demand.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rotator.errors import RotatorError
from rotator.model.access_token import AccessToken
from tests.support.clock import NOW, ManualClock
from tests.support.documents import token_document
from tests.support.reader_rig import FakeSource, make_reader

ROOT = Path(__file__).parents[3]
MISSING = object()
END = 4_102_444_800  # 2100-01-01T00:00:00Z, so that the line of the page finds it in the future
START, DUE, LAST_24TH = END - 86_400, END - 7_200, END - 3_600
DOCUMENT = {
    "schema": 1,
    "access_token": "a-token",
    "token_type": "bearer",
    "issued_at": "2099-12-31T00:00:00Z",
    "expires_at": "2100-01-01T00:00:00Z",
    "expires_at_epoch": END,
    "next_rotation_at": "2099-12-31T22:00:00Z",
    "client_id": "my-client",
}


class Usable(NamedTuple):
    """Until when a document's token is served, when the next one is due, and the client's id."""

    end: int = END
    due: int = DUE
    client_id: str = "my-client"


Rows = list[tuple[str, Usable | None]]


def text_of(**changes: object) -> str:
    fields = DOCUMENT | changes
    return json.dumps({name: value for name, value in fields.items() if value is not MISSING})


def rows(name: str, *values: Any, to: Usable | None, **others: object) -> Rows:
    return [(text_of(**{name: value}, **others), to) for value in values]


TYPES: tuple[tuple[Any, ...], ...] = (
    ("bearer", "Bearer", "BEARER", MISSING, None),
    (
        *("", " ", "bearer ", " bearer", "bearer\n", "\ufeffbearer", "bearer token"),
        *("bearer,bearer", "mac", "DPoP", "N_A", "null", "false"),
        *(["bearer"], [], {"bearer": True}, {}, True, False, 0, 7),
    ),
)
NO_TOKENS = (MISSING, None, "", 7, False, ["t"], "t u", " t", "t\n", "t\nu", "tökén", "t\u007f")
NO_INSTANTS: tuple[Any, ...] = (
    *("", "tomorrow", "2100", "2100-01-01", "2100-01-01T00:00:00", "Jan 1 2100 00:00:00 GMT"),
    *("2100-01-01 00:00:00Z", "2100-01-01t00:00:00Z", "2100-01-01T00:00:00z", "21000101T000000Z"),
    *("2100-01-01T00:00Z", "2100-01-01T00Z", "2100-W01-1T00:00:00Z", "2100-001T00:00:00Z"),
    *("2100-01-01T02:00:00+0200", "2100-01-01T02:00:00+02", "2100-01-02T00:00:00+24:00"),
    *("2100-01-01T00:00:00.Z", "2100-01-01T00:00:00,5Z", "2100-01-01T00:00:00ZZ"),
    *(" 2100-01-01T00:00:00Z", "2100-01-01T00:00:00Z\n", "٢100-01-01T00:00:00Z"),
    *("2100-02-30T00:00:00Z", "2100-02-29T00:00:00Z", "2100-13-01T00:00:00Z"),
    *("2099-12-31T24:00:00Z", "2099-12-31T23:59:60Z", "12100-01-01T00:00:00Z"),
    *("0000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01"),
    *(END, True, False, 0, [], ["2100-01-01T00:00:00Z"], {}),
)
NO_EPOCHS: tuple[Any, ...] = (
    *("", "x", "1e9", "0xfffffff0", "-5", f"+{END}", f"{END}.5", f"{END} 1", "9" * 400),
    *(True, False, 0, -5, END + 0.5, END * 1000, str(END * 1000), 1e300, [END], [], {}),
)
ENDS = [
    *rows("expires_at", MISSING, None, to=Usable()),
    *rows("expires_at", MISSING, None, to=None, expires_at_epoch=MISSING),
    *rows("expires_at_epoch", MISSING, None, to=Usable()),
    *rows(
        "expires_at_epoch", str(END), f" {END}\n", f"0{END}", f"{END}.0", float(END), to=Usable()
    ),
    *rows("expires_at_epoch", END - 60, str(END - 60), to=Usable(end=END - 60)),
    *rows("expires_at_epoch", END + 60, to=Usable()),
    *rows("expires_at_epoch", *NO_EPOCHS, to=None),
    *rows("expires_at_epoch", *NO_EPOCHS, to=None, expires_at=MISSING),
    *rows("expires_at", *NO_INSTANTS, to=None),
    *rows("expires_at", *NO_INSTANTS, to=None, expires_at_epoch=MISSING),
    *rows("expires_at", "2100-01-01T00:00:00.5Z", "2100-01-01T00:00:00.123456789Z", to=Usable()),
    *rows(
        "expires_at",
        *("2100-01-01T00:00:00.000Z", "2100-01-01T00:00:00-00:00", "2100-01-01T00:00:00+00:00"),
        *("2100-01-01T02:00:00+02:00", "2099-12-31T18:30:00-05:30", "2100-01-01T23:59:00+23:59"),
        to=Usable(),
        expires_at_epoch=MISSING,
    ),
]
DUES = [
    *rows("next_rotation_at", MISSING, None, "soon", *NO_INSTANTS, to=Usable(due=LAST_24TH)),
    *rows("next_rotation_at", "2100-01-01T00:00:00Z", to=Usable(due=LAST_24TH)),
    *rows("next_rotation_at", "2099-12-31T23:00:00+01:00", "2099-12-31T22:00:00.0Z", to=Usable()),
    *rows("issued_at", MISSING, None, *NO_INSTANTS, to=Usable()),
    *rows(
        "issued_at", MISSING, "junk", 5, False, to=Usable(due=LAST_24TH), next_rotation_at=MISSING
    ),
    *rows("issued_at", "2099-12-30T00:00:00Z", to=Usable(due=DUE), next_rotation_at=MISSING),
]
FROM_THE_FUTURE = [
    *rows("issued_at", "2099-12-31T02:00:00Z", to=Usable(end=END - 7_200, due=DUE - 7_200)),
    *rows(
        *("issued_at", "2099-12-31T03:00:00+02:00"),
        to=Usable(end=END - 3_600, due=LAST_24TH - 3_600),
        next_rotation_at=MISSING,
    ),
    *rows("issued_at", "2100-01-01T00:00:00Z", "2100-01-01T02:00:00Z", to=Usable()),
]
"""Issued after the first read, by a clock that is ahead: the end is too late by as much."""
CLIENTS = [
    *rows("client_id", MISSING, None, "", to=Usable(client_id="")),
    *rows("client_id", "a b", to=Usable(client_id="a b")),
    *rows("client_id", 5, 0, False, True, [], ["a"], {}, {"a": 1}, to=None),
    *rows("client_id", "a\nb", "a\r\nX-Evil: 1", "a\n", " a", "a ", " ", "ä", "\u0000", to=None),
    *rows("client_id", "\ud800", "a\u007f", "a\tb", "\u00a0", to=None),
]
NO_JSON = (  # RFC 8259 sections 3 and 6
    *("NaN", "nan", "-NaN", "Infinity", "-Infinity", "inf", "True", "None", "undefined"),
    *("01", "+1", ".5", "1.", "-", "1e", "0x10", "1_0", "'a'", r'"\x41"', '"a\nb"'),
)
JSON_WORDS = (
    *("true", "false", "null", "0", "-0", "10", "1.5", "1e5", "-1.25E+10", "1e-2", "1e999"),
    *('""', '"NaN"', r'"a\"b: [01], {"', r'"\\"', '"\u20ac"', '{"01": 1}'),
)
VALUES: Rows = [
    *((text, None) for text in ("", "null", "5", "[]", '"a-token"', "{}", text_of()[:-1])),
    *((text_of()[:-1] + f', "later": {word}}}', None) for word in NO_JSON),
    *((text_of()[:-1] + f', "later": [{word}]}}', Usable()) for word in JSON_WORDS),
    ("\ufeff" + text_of(), Usable()),
    (text_of(schema="7", added_later={"expires_at": [1]}), Usable()),
]
TABLE = [
    *rows("token_type", *TYPES[0], to=Usable()),
    *rows("token_type", *TYPES[1], to=None),
    *rows("access_token", *NO_TOKENS, to=None),
    *(ENDS + DUES + CLIENTS + VALUES),
]
WHOLE_TABLE = TABLE + FROM_THE_FUTURE


class Served(NamedTuple):
    """The client ids that went with the token, one for each instant (None: no token), and the
    reads of AWSCURRENT up to the third instant.
    """

    client_ids: list[str | None]
    reads: int


def instants(to: Usable | None) -> list[int]:
    """At the start, when due, when every reader has looked again, and around the end."""
    if to is None:
        return [START]
    return [START, to.due, to.due + (to.end - to.due) // 20 + 1, to.end - 1, to.end]


def expected(to: Usable | None) -> Served:
    return Served([None], 1) if to is None else Served([to.client_id] * 4 + [None], 2)


def serve_in_python(table: Rows) -> list[Served]:
    served = []
    for text, to in table:
        source = FakeSource(AWSCURRENT={"SecretString": text, "VersionId": "v"})
        clock = ManualClock(START)
        reader = make_reader(clock, source)
        client_ids: list[str | None] = []
        reads = []
        for at in instants(to):
            clock.advance_to(at)
            try:
                headers = reader.headers()
                assert headers["Authorization"] == "Bearer a-token"
                client_ids.append(headers.get("x-api-key", ""))
            except RotatorError:
                client_ids.append(None)
            reads.append([stage for stage, _ in source.calls].count("AWSCURRENT"))
        served.append(Served(client_ids, reads[:3][-1]))
    return served


def run_jq(program: str, values: list[Any]) -> list[list[str]]:
    """What a program of an example prints for each value, by one process, as a start is slow."""
    done = subprocess.run(
        [tool("jq"), "-c", "--argjson", "now", str(START), f"map([try ({program}) catch empty])"],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
    )
    printed: list[list[str]] = json.loads(done.stdout)
    return printed


SHELL = """
    exec 3>&1
    token_jitter=99
    . "$EXAMPLE"
    date() { echo "$now"; }
    aws() { [ "$6" = AWSPREVIOUS ] || echo read >&3; printf '%s' "$RESPONSE"; }
    for now in $INSTANTS; do
      current_token a 2>&- && echo "served $client_id" || echo refused
    done
"""


def serve_in_shell(text: str, at: list[int]) -> Served:
    environment = {
        "PATH": f"{Path(tool('jq')).parent}:{os.environ['PATH']}",
        "EXAMPLE": str(ROOT / "examples" / "read-token.sh"),
        "INSTANTS": " ".join(map(str, at)),
        "RESPONSE": json.dumps({"SecretString": text}),
    }
    done = subprocess.run(
        ["/bin/sh", "-uc", SHELL], env=environment, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    answers = [number for number, line in enumerate(lines) if line != "read"]
    client_ids = [lines[number].removeprefix("served ") for number in answers]
    reads = lines[: answers[:3][-1]].count("read")
    return Served([None if each == "refused" else each for each in client_ids], reads)


NODE = """
    const [, example] = process.argv;
    const { TokenReader } = await import(example);
    const serve = async ({ text, instants }) => {
      let now;
      let count = 0;
      const reads = [];
      const client_ids = [];
      const read = async (stage) => {
        if (stage === "AWSCURRENT") count += 1;
        return text;
      };
      const reader = new TokenReader(read, { now: () => now, random: () => 0.99 });
      for (now of instants) {
        const headers = await reader.headers().catch(() => null);
        await new Promise(setImmediate); // a read in the background has ended
        const is_served = headers?.Authorization === "Bearer a-token";
        client_ids.push(is_served ? (headers["x-api-key"] ?? "") : null);
        reads.push(count);
      }
      return [client_ids, reads.slice(0, 3).at(-1)];
    };
    const table = JSON.parse(await new Response(process.stdin).text());
    console.log(JSON.stringify(await Promise.all(table.map(serve))));
"""


def serve_in_node(table: Rows) -> list[Served]:
    done = subprocess.run(
        [
            *(tool("node"), "--input-type=module", "--eval", NODE),
            str(ROOT / "examples" / "token-reader.mjs"),
        ],
        input=json.dumps([{"text": text, "instants": instants(to)} for text, to in table]),
        capture_output=True,
        text=True,
        check=True,
    )
    return [Served(*each) for each in json.loads(done.stdout)]


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"*** NO READER IN {name.upper()}: {name} missing ***")
    return found


@pytest.mark.parametrize("serve", [serve_in_python, serve_in_node])
def test_reader_serves_a_document_by_the_one_rule(serve: Callable[[Rows], list[Served]]) -> None:
    pairs = zip(WHOLE_TABLE, serve(WHOLE_TABLE), strict=True)
    assert [(row, seen) for row, seen in pairs if seen != expected(row[1])] == []


def test_shell_reads_a_document_by_the_one_rule() -> None:
    example = (ROOT / "examples" / "read-token.sh").read_text("utf-8")
    [program] = re.findall(r"jq -er --argjson now [^']+'([^']+)'", example)

    lines = run_jq(program, [{"SecretString": text} for text, _ in TABLE])

    wrong = []
    for (text, to), line in zip(TABLE, lines, strict=True):
        # The first line ends with the time of issue, which the shell compares with the clock.
        shown = [re.sub(r" \d+\n", "\n", each, count=1) for each in line]
        right = [f"{to.end} {to.due}\n{to.client_id}\na-token"] if to else []
        if shown != right:
            wrong.append((text, to, line))
    assert wrong == []


def test_shell_ends_a_token_from_the_future_earlier() -> None:
    served = [serve_in_shell(text, instants(to)) for text, to in FROM_THE_FUTURE]

    assert served == [expected(to) for _, to in FROM_THE_FUTURE]


def test_line_of_the_page_prints_no_token_that_readers_refuse() -> None:
    page = (ROOT / "docs" / "other-languages.md").read_text("utf-8")
    [line] = re.findall(r"jq -er \\\n +'([^']+)'", page)
    usable = rows("token_type", *TYPES[0], to=Usable())
    refused = [
        *rows("token_type", *TYPES[1], to=None),
        *rows("access_token", *NO_TOKENS, to=None),
    ]

    printed = run_jq(line, [json.loads(text) for text, _ in usable + refused])

    assert printed == [["a-token"]] * len(usable) + [[]] * len(refused)


@pytest.mark.parametrize(
    ("token_type", "is_bearer"),
    [(each, True) for each in TYPES[0]] + [(each, False) for each in TYPES[1]],
    ids=repr,
)
def test_job_keeps_a_stored_token_by_its_type(token_type: object, *, is_bearer: bool) -> None:
    fields = token_document("a-token", issued_at=NOW, token_type=None)
    stated = {} if token_type is MISSING else {"token_type": token_type}
    try:
        AccessToken.from_fields(fields | stated)
    except ValueError as error:
        assert "token_type" in str(error)  # noqa: PT017 - which field it names
        assert not is_bearer
    else:
        assert is_bearer
