"""Many rotators at once, and rotators that are stopped half-way."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from rotator.local.binding import LocalBinding
from rotator.local.ims_control import RemoteIms
from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli
from tests.integration.cli.vault import OLD, Vault
from tests.support.reader_threads import eventually

pytestmark = pytest.mark.untraced

Start = Callable[..., subprocess.Popen[str]]

CROWD = 16
PATIENCE_S = 60.0


@pytest.fixture
def start(aws_env: dict[str, str]) -> Iterator[Start]:
    """Start `python -m rotator ARGS`; whatever still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*args: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "rotator", *args],
            env=aws_env | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def outcomes(start: Start, binding: LocalBinding) -> Counter[str]:
    """How a crowd of runs ended; each of them with exit code 0."""
    crowd = [start("run", *binding.selectors, "--json") for _ in range(CROWD)]
    ended = [(p.communicate(timeout=PATIENCE_S), p.returncode) for p in crowd]
    assert [(code, said) for said, code in ended if code != 0] == []
    return Counter(json.loads(stdout)["outcome"] for (stdout, _), _ in ended)


@pytest.mark.parametrize("stored", ["due", "empty"])
def test_crowd_of_rotators_leaves_one_new_version(start: Start, vault: Vault, stored: str) -> None:
    old = [vault.put_token(age=OLD)] if stored == "due" else []

    counted = outcomes(start, vault)

    versions = vault.versions()
    current, _ = vault.current()
    assert counted["rotated"] == 1
    assert counted["superseded"] + counted["not_due"] == CROWD - 1
    assert set(versions) == {*old, current}
    assert versions[current] == ["AWSCURRENT"]
    assert vault.fields()["client_id"] == vault.client_id


def test_rotators_that_saw_the_same_token_supersede_each_other(
    start: Start, vault: Vault, front: Front, ims: RemoteIms
) -> None:
    old = vault.put_token(age=OLD)
    front.gather("PutSecretValue", 4)

    rotators = [start("run", *vault.selectors, "--json", env=front.env) for _ in range(4)]
    ended = [json.loads(p.communicate(timeout=PATIENCE_S)[0]) for p in rotators]

    current, _ = vault.current()
    assert Counter(said["outcome"] for said in ended) == {"rotated": 1, "superseded": 3}
    assert {said["version_id"] for said in ended} == {current}
    assert set(vault.versions()) == {old, current}
    assert ims.observed()["tokens_minted"] == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("command", ["run", "set", "remove", "init"])
def test_command_that_a_signal_ends_says_what_it_may_have_stored(
    *, start: Start, vault: Vault, front: Front, number: int, command: str
) -> None:
    vault.put_token(age=OLD)
    vault.put_credentials(client_secret=["canary-1", vault.client_secret])
    credentials, token = vault.credentials_secret, vault.token_secret
    new = f"{token}/new"
    words = {
        "run": ["run", *vault.selectors],
        "set": ["credentials", "set", credentials, "--scope", "openid"],
        "remove": ["credentials", "remove", credentials, "--number", "1"],
        "init": ["init", "--bind-only", "--credentials-secret", credentials, "--token-secret", new],
    }[command]
    front.hold("CreateSecret" if command == "init" else "PutSecretValue", passed_on=True)
    ended = start(*words, env=front.env)
    assert front.arrived.wait(PATIENCE_S)
    ended.send_signal(number)
    said, warned = ended.communicate(timeout=PATIENCE_S)

    show = {"run": f"`rotator status {token}`", "init": f"`rotator status {new}`"}
    assert ended.returncode == 128 + number
    [line] = [each for each in (said + warned).splitlines() if not each.startswith("{")]
    assert show.get(command, f"`rotator credentials show {credentials}`") in line
    assert "may have been" in line
    assert "canary" not in said + warned
    events = [json.loads(each) for each in warned.splitlines() if each.startswith("{")]
    named = [(each["event"], each["binding"]) for each in events]
    assert named[-1:] == ([("rotator.rotation_interrupted", token)] if command == "run" else [])


@pytest.mark.parametrize(
    ("passed_on", "outcome"), [(False, "rotated"), (True, "not_due")], ids=["before", "after"]
)
def test_rotator_killed_at_the_write_leaves_a_binding_that_the_next_run_mends(
    *, start: Start, inside: Cli, vault: Vault, front: Front, passed_on: bool, outcome: str
) -> None:
    old = vault.put_token(age=OLD)
    front.hold("PutSecretValue", passed_on=passed_on)
    killed = start("run", *vault.selectors, env=front.env)
    assert front.arrived.wait(PATIENCE_S)
    killed.kill()
    assert killed.wait(PATIENCE_S) == -signal.SIGKILL

    healthy = inside("run", *vault.selectors, "--json")

    current, _ = vault.current()
    assert healthy.returncode == 0
    assert json.loads(healthy.stdout)["outcome"] == outcome
    assert vault.versions() == {old: ["AWSPREVIOUS"], current: ["AWSCURRENT"]}


def test_rotator_killed_at_the_mint_leaves_the_stored_token(
    start: Start, inside: Cli, vault: Vault, ims: RemoteIms
) -> None:
    before = vault.put_token(age=OLD), vault.current()
    ims.configure(behaviour="hang", hang_s=30)
    killed = start("run", *vault.selectors)
    eventually(lambda: ims.observed()["token_requests"])
    killed.kill()
    killed.wait(PATIENCE_S)
    left = vault.current()
    ims.configure(behaviour="ok")

    healthy = inside("run", *vault.selectors)

    assert (left[0], left) == before
    assert healthy.returncode == 0
    assert vault.fields()["client_id"] == vault.client_id


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_signal_ends_a_run_without_a_traceback(
    *, start: Start, vault: Vault, ims: RemoteIms, number: signal.Signals, code: int
) -> None:
    before = vault.put_token(age=OLD)
    ims.configure(behaviour="hang", hang_s=30)
    process = start("run", *vault.selectors)
    eventually(lambda: ims.observed()["token_requests"])

    process.send_signal(number)

    said, warned = process.communicate(timeout=PATIENCE_S)
    assert said.startswith("interrupted: ")
    assert json.loads(warned)["event"] == "rotator.rotation_interrupted"
    assert process.returncode == code
    assert vault.current()[0] == before
