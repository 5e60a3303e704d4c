"""No secret leaves: canaries are planted, everything is driven at debug level, all is searched."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest

import rotator
import rotator.app
from rotator.aws.store import SecretsManagerStore
from rotator.local.binding import LocalBinding
from rotator.local.ims_control import RemoteIms
from rotator.model.access_token import AccessToken
from rotator.model.client_credentials import ClientCredentials
from rotator.model.secret import Secret, StoredSecret
from rotator.oauth.endpoint import TokenEndpoint
from rotator.reader import Snapshot, TokenReader
from rotator.transport.bounded import HttpResponse
from rotator.transport.redaction import Redactor
from tests.integration.cli.canaries import FAILURES, READS, garbled
from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli
from tests.integration.cli.vault import Vault
from tests.support.traces import CLIENT_SECRET, STORED_TOKEN, assert_silent

PATIENCE_S = 60

# Each once, and what is likeliest to be repeated in the form for terminals too.
FORMS = [
    *((name, "json") for name in FAILURES),
    ("provider repeats what it was sent", "console"),
    ("Secrets Manager repeats values when written", "console"),
]


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_no_failure_of_the_job_shows_a_secret(
    *, inside: Cli, planted: Vault, ims: RemoteIms, front: Front, name: str, form: str
) -> None:
    failure = FAILURES[name]
    failure.cause(planted, ims, front)
    env = front.env | {"ROTATOR_LOG_LEVEL": "debug", "ROTATOR_LOG_FORMAT": form}
    args = ("--probe-url", front.api_url) if failure.args else ()

    ended = inside("run", *planted.selectors, "--force", *args, "--json", env=env)

    assert ended.returncode == failure.code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert_silent(ended.stdout + ended.stderr, CLIENT_SECRET, STORED_TOKEN)


def test_answer_that_no_parser_takes_shows_nothing_of_itself(
    inside: Cli, planted: Vault, ims: RemoteIms, front: Front
) -> None:
    for action in READS:
        garbled(action)(planted, ims, front)
    env = front.env | {"ROTATOR_LOG_LEVEL": "debug"}

    for args in (("run", *planted.selectors), ("token", planted.token_secret)):
        ended = inside(*args, env=env)
        assert ended.returncode != 0
        assert len(ended.stderr.splitlines()) == 1
        assert_silent(ended.stdout + ended.stderr, CLIENT_SECRET, STORED_TOKEN)


def test_error_that_nobody_foresaw_is_told_without_its_words(
    inside: Cli, planted: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise LookupError(CLIENT_SECRET)

    monkeypatch.setattr(rotator.app, "rotate_token", broken)
    before = planted.current()

    ended = inside("run", *planted.selectors, env={"ROTATOR_LOG_LEVEL": "debug"})

    event = json.loads(ended.stderr)
    assert ended.returncode == 1
    assert event["event"] == "rotator.rotation_failed"
    assert event["error"].startswith("unexpected LookupError in broken (test_leaks.py:")
    assert_silent(ended.stdout + ended.stderr, CLIENT_SECRET, STORED_TOKEN)
    assert planted.current() == before


def test_good_runs_show_no_secret(inside: Cli, planted: Vault) -> None:
    ended = [
        inside(*args, env={"ROTATOR_LOG_LEVEL": "debug"})
        for args in (
            ("run", *planted.selectors, "--dry-run"),
            ("run", *planted.selectors),
            ("run", *planted.selectors, "--json"),
            ("status", *planted.selectors),
            ("status", *planted.selectors, "--json"),
        )
    ]

    assert [e.returncode for e in ended] == [0] * 5
    printed = "".join(e.stdout + e.stderr for e in ended)
    assert_silent(printed, CLIENT_SECRET, STORED_TOKEN, planted.fields()["access_token"])


def test_only_commands_whose_purpose_it_is_print_the_token(
    inside: Cli, planted: Vault, ims: RemoteIms
) -> None:
    url = ims.urls.hello
    printing = [inside(name, planted.token_secret) for name in ("token", "headers", "env")]
    silent = [
        inside("check", planted.token_secret, "--url", url),
        inside("check", planted.token_secret, "--url", "http://127.0.0.1:1/"),
        inside("check", planted.token_secret, "--url", f"http://a.example/{STORED_TOKEN}"),
        inside("exec", planted.token_secret),
        inside("exec", planted.token_secret, "--", "/no/such/command"),
    ]

    assert planted.fields()["access_token"] == STORED_TOKEN
    for ended in printing:
        assert STORED_TOKEN in ended.stdout
        assert_silent(ended.stdout + ended.stderr, CLIENT_SECRET)
        assert ended.stderr == ""
    for ended in silent:
        assert_silent(ended.stdout + ended.stderr, CLIENT_SECRET, STORED_TOKEN)


@pytest.mark.parametrize("command", ["token", "headers", "env", "status"])
@pytest.mark.parametrize(
    "text",
    [
        STORED_TOKEN,
        json.dumps({"access_token": STORED_TOKEN}),
        json.dumps({"access_token": STORED_TOKEN + "\n", "expires_at_epoch": 4_000_000_000}),
        json.dumps({"access_token": STORED_TOKEN, "expires_at": STORED_TOKEN}),
    ],
    ids=["no JSON", "no expiry", "newline", "expiry is the token"],
)
def test_malformed_token_is_not_shown(inside: Cli, planted: Vault, command: str, text: str) -> None:
    # Twice, so that the version before it is malformed too, and does not serve.
    planted.put(text)
    planted.put(text + " ")
    args = ("--token-secret",) if command == "status" else ()

    ended = inside(command, *args, planted.token_secret, env={"ROTATOR_LOG_LEVEL": "debug"})

    assert ended.returncode == 6
    assert_silent(ended.stdout + ended.stderr, STORED_TOKEN)


def test_init_shows_no_client_secret(inside: Cli, binding: LocalBinding, front: Front) -> None:
    given = json.dumps({"client_id": "me", "client_secret": CLIENT_SECRET})
    front.refuse("CreateSecret", code="InvalidParameterException", message=given)
    failed = inside("init", *binding.selectors, stdin=given, env=front.env)
    front.relent()

    ended = inside("init", *binding.selectors, stdin=given, env=front.env)

    assert (failed.returncode, ended.returncode) == (5, 0)
    for said in (failed, ended):
        assert_silent(said.stdout + said.stderr, CLIENT_SECRET)


def objects(binding: LocalBinding) -> list[object]:
    now = datetime.now(UTC)
    secret, token = Secret(CLIENT_SECRET), Secret(STORED_TOKEN)
    credentials = ClientCredentials.from_fields(
        {
            "client_id": "me",
            "client_secret": [CLIENT_SECRET, STORED_TOKEN],
            "parameters": {"password": CLIENT_SECRET},
        }
    )
    minted = AccessToken(
        access_token=token,
        token_type="bearer",
        issued_at=now,
        expires_at=now + timedelta(hours=24),
        client_id="me",
        token_url=binding.token_url,
    )
    snapshot = Snapshot(STORED_TOKEN, version_id="1", expires_at=now)
    reader = TokenReader("adobe/token", client=object())
    answer = HttpResponse(
        status=200, headers={"set-cookie": CLIENT_SECRET}, body=token.reveal().encode()
    )
    kept = StoredSecret(secret_id="a", arn="b", version_id="c", text=secret)
    return [
        secret,
        credentials,
        minted,
        snapshot,
        reader,
        reader.requests_auth("api.example.com"),
        reader.httpx_auth("api.example.com"),
        answer,
        kept,
        Redactor.of(secret, token),
        TokenEndpoint(),
        SecretsManagerStore(object()),
        binding,
    ]


def test_no_object_shows_a_secret_when_it_is_printed(binding: LocalBinding) -> None:
    for one in objects(binding):
        shown = f"{one!r} {one!s} {[one]!r} {one}"
        assert_silent(shown, CLIENT_SECRET, STORED_TOKEN, binding.client_secret)


def command_lines(pid: int) -> str:
    """The arguments of a process and of all that it has started, as anybody can see them."""
    pending, seen = [pid], []
    while pending:
        folder = Path("/proc") / str(pending.pop())
        seen.append((folder / "cmdline").read_bytes().decode())
        tasks = list((folder / "task").iterdir())
        children = chain.from_iterable((task / "children").read_text().split() for task in tasks)
        pending += map(int, children)
    return "\n".join(seen)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux has /proc/*/cmdline")
@pytest.mark.parametrize("command", ["run", "init", "exec"])
def test_arguments_of_running_processes_hold_no_secret(
    *, command: str, planted: Vault, front: Front, aws_env: dict[str, str]
) -> None:
    assert planted.fields()["access_token"] == STORED_TOKEN
    front.hold("PutSecretValue", passed_on=False)
    front.hold("CreateSecret", passed_on=False)
    other = ("--credentials-secret", "test/leak/c", "--token-secret", "test/leak/t")
    script = "sh -c 'echo started; read line'; :"  # in the background it would have no input
    args = {
        "run": planted.selectors,
        "init": other,
        "exec": (planted.token_secret, "--", "sh", "-c", script),
    }[command]
    with subprocess.Popen(
        [sys.executable, "-m", "rotator", command, *args],
        env=aws_env | front.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if command == "exec":
            process.stdout.readline()
        else:
            process.stdin.write(json.dumps({"client_id": "me", "client_secret": CLIENT_SECRET}))
            process.stdin.close()
            assert front.arrived.wait(PATIENCE_S)
        shown = command_lines(process.pid)
        process.kill()

    assert command in shown or "echo started" in shown
    assert_silent(shown, CLIENT_SECRET, STORED_TOKEN)
