"""The readers of examples/ keep the rules of docs/other-languages.md, with the SDKs of AWS.

The AWS CLI and the SDK for JavaScript are the real ones, Secrets Manager is the strict one, and the
time is told to the readers, so that nobody waits.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.local.environment import isolated_environment
from tests.strict_aws.service import StrictSecretsManager
from tests.support.documents import DAY, token_document
from tests.support.wire import Fault, Wire

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
NAME = "adobe/token"
START = 1_800_000_000
MINUTE, HOUR = 60, 3600
DUE, END = START + 23 * HOUR, START + 24 * HOUR


class ReaderProcess:
    """A reader in a process of its own, one answer for each question."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, question: str, at: int) -> Any:  # noqa: ANN401 - JSON
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{question} {at}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def token(self, at: int) -> str | None:
        answer = self.ask("token", at)
        return None if answer is None else str(answer["token"])

    def close(self) -> None:
        self._process.communicate()


def command_of(language: str) -> list[str]:
    if language == "node":
        node = shutil.which("node")
        if node is None or not (HERE / "node_modules" / "@aws-sdk").is_dir():
            pytest.skip("*** NO READER IN NODE: it needs Node and `make test-providers` ***")
        return [node, str(HERE / "drive_reader.mjs"), str(EXAMPLES / "token-reader.mjs"), NAME]
    missing = [tool for tool in ("aws", "jq") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"*** NO READER IN SHELL: {' and '.join(missing)} missing ***")
    return ["/bin/sh", "-u", str(HERE / "drive_reader.sh"), str(EXAMPLES / "read-token.sh"), NAME]


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire(StrictSecretsManager()) as wire:
        wire.secrets_manager.ask("CreateSecret", Name=NAME)
        yield wire


@pytest.fixture(params=["shell", "node"])
def reader(request: pytest.FixtureRequest, wire: Wire) -> Iterator[ReaderProcess]:
    environment = isolated_environment(os.environ, endpoint_url=wire.endpoint_url)
    extra = {"token_jitter": "0", "AWS_MAX_ATTEMPTS": "1"}
    reader = ReaderProcess(command_of(request.param), environment | extra)
    yield reader
    reader.close()


def put(wire: Wire, value: dict[str, Any] | str) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    versions = len(wire.secrets_manager.versions(NAME).all)
    wire.secrets_manager.ask(
        "PutSecretValue", SecretId=NAME, SecretString=text, ClientRequestToken=f"{versions:032}"
    )
    wire.secrets_manager.settle()


def stages_read(wire: Wire) -> list[str]:
    return [call.params["VersionStage"] for call in wire.calls]


def test_cached_token_is_served_until_the_next_rotation(wire: Wire, reader: ReaderProcess) -> None:
    put(wire, token_document("first", issued_at=START, added_later="ignored"))

    assert reader.ask("token", START) == {"token": "first", "client_id": "my-client"}
    assert reader.token(DUE) == "first"
    assert stages_read(wire) == ["AWSCURRENT"]


def test_secret_is_looked_at_every_few_minutes_from_then_on(
    wire: Wire, reader: ReaderProcess
) -> None:
    put(wire, token_document("first", issued_at=START))
    reader.token(START)

    assert reader.token(DUE + 3 * MINUTE) == "first"
    assert reader.token(DUE + 10 * MINUTE) == "first"
    assert reader.token(DUE + 16 * MINUTE) == "first"
    put(wire, token_document("second", issued_at=DUE + 16 * MINUTE))
    assert reader.token(DUE + 29 * MINUTE) == "second"
    assert len(wire.calls) == 4


def test_token_outlives_an_outage_and_never_its_end(wire: Wire, reader: ReaderProcess) -> None:
    put(wire, token_document("first", issued_at=START))
    reader.token(START)
    wire.spoil = lambda _call: Fault("down", reset=True)

    assert reader.token(DUE + 5 * MINUTE) == "first"
    assert reader.token(DUE + 5 * MINUTE + 59) == "first"
    assert len(wire.calls) == 2
    assert reader.token(END - 1) == "first"
    assert reader.token(END) is None

    wire.spoil = lambda _call: None
    put(wire, token_document("second", issued_at=END))
    assert reader.token(END + 1) == "second"


@pytest.mark.parametrize(
    "unusable",
    ["not JSON", "{}", json.dumps(token_document("old", issued_at=START - 25 * HOUR))],
    ids=["malformed", "empty", "expired"],
)
def test_version_before_serves_where_the_current_one_cannot(
    wire: Wire, reader: ReaderProcess, unusable: str
) -> None:
    put(wire, token_document("first", issued_at=START))
    put(wire, unusable)

    assert reader.token(START) == "first"
    assert stages_read(wire) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_secret_without_a_value_is_no_token(wire: Wire, reader: ReaderProcess) -> None:
    assert reader.token(START) is None

    put(wire, token_document("first", issued_at=START))
    assert reader.token(START + 1) == "first"


def test_rejected_token_is_looked_for_once_in_half_a_minute(
    wire: Wire, reader: ReaderProcess
) -> None:
    put(wire, token_document("first", issued_at=START))
    reader.token(START)
    put(wire, token_document("second", issued_at=START + 1))

    reader.ask("rejected", START + 100)
    assert reader.token(START + 100) == "second"
    reader.ask("rejected", START + 120)
    assert reader.token(START + 120) == "second"
    assert len(wire.calls) == 2
    reader.ask("rejected", START + 130)
    assert reader.token(START + 130) == "second"
    assert len(wire.calls) == 3


def test_values_that_became_strings_are_read_and_the_earlier_end_counts(
    wire: Wire, reader: ReaderProcess
) -> None:
    edited = token_document("first", issued_at=START, client_id=None)
    put(wire, edited | {"schema": "1", "expires_at_epoch": str(END - HOUR)})

    assert reader.ask("token", END - HOUR - 1) == {"token": "first", "client_id": ""}
    assert reader.token(END - HOUR) is None


def test_without_a_next_rotation_the_last_part_of_the_life_takes_its_place(
    wire: Wire, reader: ReaderProcess
) -> None:
    put(wire, token_document("first", issued_at=START, lifetime=DAY - timedelta(hours=2)))
    reader.token(START)

    assert reader.token(START + 21 * HOUR) == "first"
    assert len(wire.calls) == 1
    assert reader.token(START + 21 * HOUR + 15 * MINUTE) == "first"
    assert len(wire.calls) == 2


def test_shell_never_serves_a_token_that_expired_during_a_read(tmp_path: Path) -> None:
    if shutil.which("jq") is None:
        pytest.skip("*** NO READER IN SHELL: jq missing ***")
    ends = {"access_token": "t", "expires_at_epoch": END}
    script = """
        . "$EXAMPLE"
        date() { cat "$CLOCK"; }
        aws() { echo "$ends_at" > "$CLOCK"; [ "$works" = 1 ] && printf '%s' "$RESPONSE"; }
        for works in 1 0; do
          echo "$((END - 4))" > "$CLOCK"
          ends_at=$((END - 4)) turn=$works works=1
          current_token "s$turn"
          ends_at=$END works=$turn; rejected_token
          current_token "s$turn" 2>/dev/null && echo "served $access_token" || echo refused
        done
    """
    environment = {
        "PATH": os.environ["PATH"],
        "EXAMPLE": str(EXAMPLES / "read-token.sh"),
        "CLOCK": str(tmp_path / "clock"),
        "END": str(END),
        "RESPONSE": json.dumps({"SecretString": json.dumps(ends)}),
        "_secret": "s1",
        "token_jitter": "08",
    }
    done = subprocess.run(
        ["/bin/sh", "-uc", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == ["refused", "refused", ""]


NODE = """
    const { TokenReader } = await import(process.argv[1]);
    const alive = setInterval(() => {}, 1000);
    let now = 1_800_000_000;
    const text = (access_token, end) => JSON.stringify({ access_token, expires_at_epoch: end });
    const results = [];

    let reads = 0;
    const stuck = new TokenReader(
      async () => (++reads === 2 ? new Promise(() => {}) : text(`read-${reads}`, now + 100)),
      { now: () => now, timeoutS: 0.01 },
    );
    results.push(await stuck.token());
    now += 100;
    results.push(await stuck.token().catch(() => "timed out"));
    results.push(await stuck.token());

    let stored = "old";
    let release = null;
    let count = 0;
    const slow = new TokenReader(
      async () => {
        const seen = text(stored, now + 1000);
        if (++count === 2) await new Promise((resolve) => (release = resolve));
        return seen;
      },
      { now: () => now, random: () => 0 },
    );
    await slow.token();
    now += 990;
    await slow.token();
    stored = "new";
    const answers = [slow.invalidate("old"), slow.invalidate("old")];
    release();
    results.push(...(await Promise.all(answers)), await slow.token(), count);
    clearInterval(alive);
    console.log(JSON.stringify(results));
"""


def test_node_gives_a_read_up_and_reads_again_after_a_rejection_during_one() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("*** NO READER IN NODE: node missing ***")
    done = subprocess.run(
        [node, "--input-type=module", "--eval", NODE, str(EXAMPLES / "token-reader.mjs")],
        capture_output=True,
        text=True,
        check=True,
    )
    stuck, rejected = ["read-1", "timed out", "read-3"], [True, True, "new", 3]
    assert json.loads(done.stdout) == stuck + rejected
