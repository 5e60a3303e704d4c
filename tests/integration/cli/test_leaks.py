"""No secret leaves: canaries are planted, everything is driven at debug level, all is searched."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

import rotator
import rotator.app
from rotator.aws.store import SecretsManagerStore, connect
from rotator.errors import RotatorError
from rotator.model.access_token import AccessToken
from rotator.model.binding import Binding
from rotator.model.client_credentials import ClientCredentials
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret, StoredSecret
from rotator.oauth.endpoint import TokenEndpoint
from rotator.reader import Snapshot, TokenReader
from rotator.rotation.probe import call_api, make_probe
from rotator.rotation.rotate import rotate_token
from rotator.rotation.setup import set_up_binding
from rotator.transport.bounded import HttpAnswer
from rotator.transport.redaction import Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.local.binding import LocalBinding
    from rotator.local.ims_control import RemoteIms
    from tests.integration.cli.front import Front
    from tests.integration.cli.vault import Vault

    Cli = Callable[..., subprocess.CompletedProcess[str]]

# Of no shape that a redaction could know, and with characters that every encoding changes.
CLIENT_SECRET = "Kx9vQ2canary/w+e=r Zt&7mB3"
STORED_TOKEN = "Hd4canaryYp8Lr5Wn1Tb6"
OLD = timedelta(hours=23, minutes=5)
READS = ("BatchGetSecretValue", "GetSecretValue")
PATIENCE_S = 60


def traces(secret: str) -> set[str]:
    """What to look for: the secret as it is, encoded, and any long enough piece of it."""
    encoded = {
        base64.b64encode(b"x" * before + secret.encode()).decode()[4:-4] for before in range(3)
    }
    whole = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], secret.encode().hex()}
    return whole | encoded | {secret[at : at + 12] for at in range(0, len(secret) - 11, 4)}


def assert_silent(text: str, *secrets: str) -> None:
    for secret in secrets:
        found = sorted(trace for trace in traces(secret) if trace in text)
        assert found == []


@pytest.fixture
def planted(vault: Vault, local_ims: RemoteIms) -> Vault:
    """A client secret and a due token that are canaries."""
    local_ims.configure(clients={vault.binding.client_id: [CLIENT_SECRET]})
    vault.put_credentials(client_secret=CLIENT_SECRET)
    vault.put_token(age=OLD, access_token=STORED_TOKEN)
    return vault


@dataclass(frozen=True)
class Failure:
    """A way in which a run goes wrong, and the exit code that it ends with."""

    code: int
    cause: Callable[[Vault, RemoteIms, Front], object]
    args: tuple[str, ...] = ()


def refused(*actions: str, code: str) -> Callable[[Vault, RemoteIms, Front], object]:
    """A service that repeats in its error what it should not."""
    message = f"{CLIENT_SECRET} {STORED_TOKEN}"
    return lambda _, __, front: front.refuse(*actions, code=code, message=message)


def garbled(action: str) -> Callable[[Vault, RemoteIms, Front], object]:
    """An answer that no parser takes, with the values in it."""
    body = f'{{"SecretValues": ["{CLIENT_SECRET} {STORED_TOKEN}'.encode()
    return lambda _, __, front: front.answers.update({action: (200, body)})


def stored(text: str) -> Callable[[Vault, RemoteIms, Front], object]:
    return lambda vault, _, __: vault.put(text, secret_id=vault.binding.credentials_secret)


def grants(**fields: object) -> Callable[[Vault, RemoteIms, Front], object]:
    """A provider that hands out the canary as a token that must not be published."""

    def cause(vault: Vault, _: RemoteIms, front: Front) -> None:
        vault.put_credentials(client_secret=CLIENT_SECRET, token_url=front.token_url)
        front.grant = {"access_token": STORED_TOKEN, "token_type": "bearer", **fields}

    return cause


def provider(**settings: Any) -> Callable[[Vault, RemoteIms, Front], object]:
    return lambda _, ims, __: ims.configure(**settings)


FAILURES = {
    "provider repeats what it was sent": Failure(
        3,
        lambda vault, _, front: vault.put_credentials(
            client_secret=CLIENT_SECRET, token_url=front.token_url
        ),
    ),
    "provider repeats the Basic header": Failure(
        3,
        lambda vault, _, front: vault.put_credentials(
            client_secret=CLIENT_SECRET,
            token_url=front.token_url,
            auth_method="client_secret_basic",
        ),
    ),
    "provider grants a token of another type": Failure(3, grants(token_type="mac", expires_in=9)),
    "provider grants a token without an end": Failure(3, grants(access_token=STORED_TOKEN)),
    "provider refuses": Failure(3, provider(clients={})),
    "provider throttles": Failure(4, provider(behaviour="throttled", retry_after_s=600)),
    "provider cannot be reached": Failure(
        4,
        lambda vault, _, __: vault.put_credentials(
            client_secret=CLIENT_SECRET, token_url="http://127.0.0.1:1/token"
        ),
    ),
    "provider hands out its cached token": Failure(4, grants(expires_in=3000)),
    "API refuses the new token and repeats it": Failure(
        3, lambda _, __, front: setattr(front, "api_body", b'{"error_code": "1"}'), args=("probe",)
    ),
    "Secrets Manager repeats values when read": Failure(
        5, refused(*READS, code="InvalidParameterException")
    ),
    "Secrets Manager repeats values when written": Failure(
        5, refused("PutSecretValue", code="InvalidParameterException")
    ),
    "Secrets Manager is unwell": Failure(4, refused(*READS, code="InternalServiceError")),
    "credentials are no JSON": Failure(2, stored(f"client_secret: {CLIENT_SECRET}")),
    "credentials are no object": Failure(2, stored(json.dumps([CLIENT_SECRET]))),
    "credentials have a misspelled key": Failure(
        2, stored(json.dumps({"client_id": "me", "client_secrets": CLIENT_SECRET}))
    ),
    "client_secret is nested": Failure(
        2, stored(json.dumps({"client_id": "me", "client_secret": {"a": CLIENT_SECRET}}))
    ),
}


# Each once, and what is likeliest to be repeated in the form for terminals too.
FORMS = [
    *((name, "json") for name in FAILURES),
    ("provider repeats what it was sent", "console"),
    ("Secrets Manager repeats values when written", "console"),
]


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_no_failure_of_the_job_shows_a_secret(
    *,
    inside: Cli,
    binding: LocalBinding,
    planted: Vault,
    local_ims: RemoteIms,
    front: Front,
    name: str,
    form: str,
) -> None:
    failure = FAILURES[name]
    failure.cause(planted, local_ims, front)
    env = front.env | {"ROTATOR_LOG_LEVEL": "debug", "ROTATOR_LOG_FORMAT": form}
    args = ("--probe-url", front.api_url) if failure.args else ()

    ended = inside("run", *binding.selectors, "--force", *args, "--json", env=env)

    assert ended.returncode == failure.code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert_silent(ended.stdout + ended.stderr, CLIENT_SECRET, STORED_TOKEN)


def test_answer_that_no_parser_takes_shows_nothing_of_itself(
    inside: Cli, binding: LocalBinding, planted: Vault, local_ims: RemoteIms, front: Front
) -> None:
    for action in READS:
        garbled(action)(planted, local_ims, front)
    env = front.env | {"ROTATOR_LOG_LEVEL": "debug"}

    for args in (("run", *binding.selectors), ("token", binding.token_secret)):
        ended = inside(*args, env=env)
        assert ended.returncode != 0
        assert len(ended.stderr.splitlines()) == 1
        assert_silent(ended.stdout + ended.stderr, CLIENT_SECRET, STORED_TOKEN)


def test_error_that_nobody_foresaw_is_told_without_its_words(
    inside: Cli, binding: LocalBinding, planted: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise LookupError(CLIENT_SECRET)

    monkeypatch.setattr(rotator.app, "rotate_token", broken)
    before = planted.current()

    ended = inside("run", *binding.selectors, env={"ROTATOR_LOG_LEVEL": "debug"})

    event = json.loads(ended.stderr)
    assert ended.returncode == 1
    assert event["event"] == "rotator.rotation_failed"
    assert event["error"].startswith("unexpected LookupError in broken (test_leaks.py:")
    assert_silent(ended.stdout + ended.stderr, CLIENT_SECRET, STORED_TOKEN)
    assert planted.current() == before


def test_good_runs_show_no_secret(inside: Cli, binding: LocalBinding, planted: Vault) -> None:
    ended = [
        inside(*args, env={"ROTATOR_LOG_LEVEL": "debug"})
        for args in (
            ("run", *binding.selectors, "--dry-run"),
            ("run", *binding.selectors),
            ("run", *binding.selectors, "--json"),
            ("status", *binding.selectors),
            ("status", *binding.selectors, "--json"),
        )
    ]

    assert [e.returncode for e in ended] == [0] * 5
    printed = "".join(e.stdout + e.stderr for e in ended)
    assert_silent(printed, CLIENT_SECRET, STORED_TOKEN, planted.fields()["access_token"])


def test_only_commands_whose_purpose_it_is_print_the_token(
    inside: Cli, binding: LocalBinding, planted: Vault, local_ims: RemoteIms
) -> None:
    url = local_ims.urls.hello
    printing = [inside(name, binding.token_secret) for name in ("token", "headers", "env")]
    silent = [
        inside("check", binding.token_secret, "--url", url),
        inside("check", binding.token_secret, "--url", "http://127.0.0.1:1/"),
        inside("check", binding.token_secret, "--url", f"http://a.example/{STORED_TOKEN}"),
        inside("exec", binding.token_secret),
        inside("exec", binding.token_secret, "--", "/no/such/command"),
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
def test_malformed_token_is_not_shown(
    inside: Cli, binding: LocalBinding, planted: Vault, command: str, text: str
) -> None:
    # Twice, so that the version before it is malformed too, and does not serve.
    planted.put(text)
    planted.put(text + " ")
    args = ("--token-secret",) if command == "status" else ()

    ended = inside(command, *args, binding.token_secret, env={"ROTATOR_LOG_LEVEL": "debug"})

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


# Exceptions: their text, what they are chained to, and what a debugger finds in their frames.


def chained(error: BaseException) -> Iterator[BaseException]:
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        one = pending.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            pending += [one.__cause__, one.__context__]


def told(error: BaseException) -> str:
    """All that an exception says of itself: text, arguments, attributes."""
    return f"{error!s} {error!r} {error.args!r} {vars(error)!r}"


def locals_of(error: BaseException) -> str:
    """What tools that print local variables would print; this file's own frames hold canaries."""
    shown = []
    place = error.__traceback__
    while place is not None:
        frame = place.tb_frame
        if frame.f_code.co_filename != __file__:
            shown += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        place = place.tb_next
    return "\n".join(shown)


def raised_by(work: Callable[[], object]) -> RotatorError:
    with pytest.raises(RotatorError) as caught:
        work()
    return caught.value


@pytest.fixture
def store(planted: Vault, front: Front, monkeypatch: pytest.MonkeyPatch) -> SecretsManagerStore:
    """A store on the way through `front`."""
    assert planted.versions()
    for name, value in {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}.items():
        monkeypatch.setenv(name, value)
    for name, value in front.env.items():
        monkeypatch.setenv(name, value)
    return SecretsManagerStore(connect("us-east-1"))


@pytest.mark.parametrize("name", FAILURES)
def test_errors_of_the_job_hold_no_secret_anywhere(
    *,
    name: str,
    binding: LocalBinding,
    planted: Vault,
    local_ims: RemoteIms,
    front: Front,
    store: SecretsManagerStore,
) -> None:
    failure = FAILURES[name]
    failure.cause(planted, local_ims, front)

    error = raised_by(
        lambda: rotate_token(
            Binding(binding.credentials_secret, binding.token_secret),
            store=store,
            endpoint=TokenEndpoint(sleep=lambda _: None),
            policy=RenewalPolicy(),
            force=True,
            probe=make_probe(front.api_url) if failure.args else None,
        )
    )

    for one in chained(error):
        assert isinstance(one, RotatorError)
        assert_silent(told(one) + locals_of(one), CLIENT_SECRET, STORED_TOKEN)


@pytest.mark.parametrize("auth_method", ["client_secret_post", "client_secret_basic"])
@pytest.mark.parametrize("answers", ["no", "nothing"])
def test_errors_of_minting_hold_no_client_secret(
    front: Front, auth_method: str, answers: str
) -> None:
    credentials = ClientCredentials.from_fields(
        {
            "client_id": "me",
            "client_secret": CLIENT_SECRET,
            "token_url": front.token_url if answers == "no" else "http://127.0.0.1:1/token",
            "auth_method": auth_method,
        }
    )

    error = raised_by(lambda: TokenEndpoint(sleep=lambda _: None).mint(credentials))

    for one in chained(error):
        assert isinstance(one, RotatorError)
        assert_silent(told(one) + locals_of(one), CLIENT_SECRET)


@pytest.mark.parametrize("action", ["PutSecretValue", "CreateSecret"])
def test_errors_of_the_store_are_not_chained_to_the_request(
    binding: LocalBinding, front: Front, store: SecretsManagerStore, action: str
) -> None:
    front.refuse(action, code="InvalidParameterException", message=CLIENT_SECRET)
    text = Secret(CLIENT_SECRET)
    seen = StoredSecret(secret_id=binding.token_secret, arn="arn:aws:x")

    def write() -> None:
        if action == "PutSecretValue":
            store.put(seen, text, version_id="0" * 32)
        else:
            store.create("test/other", description="", tags={}, text=text)

    error = raised_by(write)

    assert list(chained(error)) == [error]
    assert_silent(told(error), CLIENT_SECRET)


def test_errors_of_binding_and_of_calling_an_api_are_not_chained(
    binding: LocalBinding, front: Front, store: SecretsManagerStore
) -> None:
    front.refuse("CreateSecret", code="InvalidParameterException", message=CLIENT_SECRET)
    credentials = {"client_id": "me", "client_secret": CLIENT_SECRET}

    errors = [
        raised_by(
            lambda: set_up_binding("test/a/c", "test/a/t", store=store, ask=lambda: credentials)
        ),
        raised_by(
            lambda: set_up_binding(
                "test/a/c", "test/a/t", store=store, ask=lambda: {CLIENT_SECRET: 1}
            )
        ),
        raised_by(
            lambda: call_api(
                "http://127.0.0.1:1/", token=Secret(STORED_TOKEN), client_id=binding.client_id
            )
        ),
    ]

    for error in errors:
        assert list(chained(error)) == [error]
        assert_silent(told(error), CLIENT_SECRET, STORED_TOKEN)


@pytest.mark.parametrize(
    "text", [STORED_TOKEN, json.dumps({"access_token": STORED_TOKEN}), "expired", "refused"]
)
def test_errors_of_the_reader_hold_no_token_anywhere(
    binding: LocalBinding, planted: Vault, front: Front, store: SecretsManagerStore, text: str
) -> None:
    del store  # for its environment
    if text == "refused":
        front.refuse(*READS, code="InvalidParameterException", message=STORED_TOKEN)
    elif text == "expired":
        planted.put_token(age=timedelta(hours=25), access_token=STORED_TOKEN)
        planted.put_token(age=timedelta(hours=26), access_token=STORED_TOKEN)
    else:
        planted.put(text)
        planted.put(text + " ")
    reader = TokenReader(binding.token_secret, background=False)

    error = raised_by(reader.token)

    for one in chained(error):
        assert isinstance(one, RotatorError)
        assert_silent(told(one) + locals_of(one), STORED_TOKEN)


# Objects.


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
    answer = HttpAnswer(
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
        Mask.of(secret, token),
        TokenEndpoint(),
        SecretsManagerStore(object()),
        binding,
    ]


def test_no_object_shows_a_secret_when_it_is_printed(binding: LocalBinding) -> None:
    for one in objects(binding):
        shown = f"{one!r} {one!s} {[one]!r} {one}"
        assert_silent(shown, CLIENT_SECRET, STORED_TOKEN, binding.client_secret)


# Processes.


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
    *,
    command: str,
    binding: LocalBinding,
    planted: Vault,
    front: Front,
    aws_env: dict[str, str],
) -> None:
    assert planted.fields()["access_token"] == STORED_TOKEN
    front.hold("PutSecretValue", passed_on=False)
    front.hold("CreateSecret", passed_on=False)
    other = ("--credentials-secret", "test/leak/c", "--token-secret", "test/leak/t")
    script = "sh -c 'echo started; read line'; :"  # in the background it would have no input
    args = {
        "run": binding.selectors,
        "init": other,
        "exec": (binding.token_secret, "--", "sh", "-c", script),
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


def test_no_url_holds_a_secret(
    inside: Cli, binding: LocalBinding, planted: Vault, local_ims: RemoteIms
) -> None:
    inside("run", *binding.selectors)

    [request] = local_ims.token_requests()
    assert planted.fields()["client_id"] == binding.client_id
    assert (request["path"], request["query"]) == ("/ims/token/v3", "")
    assert os.linesep not in request["path"]
