"""Where AWS credentials come from, and what is said when they do not: job, init and reader.

The cases are those of `chain_cases`. The job runs as processes, each case alone; `init` and the
reader run in one process each, case after case.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import botocore.credentials
import pytest

from rotator.local.environment import isolated_environment
from tests.integration.aws.chain_cases import CASES, TEMPORARY, ChainCase
from tests.strict_aws.service import StrictSecretsManager
from tests.support.command_worker import CommandWorker
from tests.support.credential_services import CredentialServices
from tests.support.documents import token_document
from tests.support.wire import Wire

RUN = ("run", "--json", "--credentials-secret", "app/credentials", "--token-secret", "app/token")
READ = ("token", "app/token")
IDS = [case.name for case in CASES]
HAS_CRT = importlib.util.find_spec("awscrt") is not None
TOLD = '{"client_id": "c", "client_secret": "s"}'

pytestmark = pytest.mark.untraced

Ended = dict[str, subprocess.CompletedProcess[str]]


class ChainRig:
    """Runs commands in the world of a case, against one Secrets Manager."""

    def __init__(self, endpoint_url: str, folder: Path) -> None:
        self.endpoint_url = endpoint_url
        self.folder = folder

    @contextmanager
    def world(self, case: ChainCase, home: Path) -> Iterator[dict[str, str]]:
        """The environment of a command in the world of a case, with nothing else in `home`."""
        with CredentialServices() as services:
            services.answers |= case.answers
            services.delay_s = case.delay_s
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            for name, text in case.files.items():
                path = home / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self._fill(text, services.url, home))
            yield self._env(case, services.url, home)

    def run(self, case: ChainCase) -> subprocess.CompletedProcess[str]:
        """The job, as a process of its own."""
        home = self.folder / hashlib.sha256(case.name.encode()).hexdigest()[:12]
        with self.world(case, home) as env, ExitStack() as cleanup:
            child = subprocess.Popen(
                [sys.executable, "-m", "rotator", *RUN],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # no terminal to ask for an MFA code
                text=True,
            )
            cleanup.callback(child.kill)
            out, err = child.communicate(timeout=60)
            return subprocess.CompletedProcess(RUN, child.returncode, out, err)

    def run_all(self, purpose: str, cases: list[ChainCase]) -> Ended:
        """`init` or the reader in each of the cases, in one process."""
        ended: Ended = {}
        home = self.folder / purpose
        with CommandWorker(home / "home") as worker:
            for number, case in enumerate(cases):
                fresh = (f"new-{number}/credentials", "--token-secret", f"new-{number}/token")
                args = READ if purpose == "reader" else ("init", "--credentials-secret", *fresh)
                told = "" if purpose == "reader" else TOLD
                with self.world(case, home) as env:
                    ended[case.name] = worker.run(*args, env=env, stdin=told)
        return ended

    def _env(self, case: ChainCase, url: str, home: Path) -> dict[str, str]:
        env = isolated_environment(os.environ) | {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": str(home / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
            "AWS_MAX_ATTEMPTS": "1",
            "HOME": str(home / "home"),
        }
        return env | {name: self._fill(text, url, home) for name, text in case.env.items()}

    @staticmethod
    def _fill(text: str, url: str, home: Path) -> str:
        return text.replace("URL", url).replace("HOME", str(home))


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChainRig]:
    service = StrictSecretsManager()
    credentials = {
        "client_id": "my-client",
        "client_secret": "s",
        "token_url": "https://ims.example",
    }
    service.ask("CreateSecret", Name="app/credentials", SecretString=json.dumps(credentials))
    document = token_document(issued_at=datetime.now(UTC))
    service.ask("CreateSecret", Name="app/token", SecretString=json.dumps(document))
    with Wire(service) as wire:
        yield ChainRig(wire.endpoint_url, tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="module")
def chosen(request: pytest.FixtureRequest) -> list[ChainCase]:
    """The cases of the tests that this run of pytest chose, without those that it skips."""
    functions = [item for item in request.session.items if isinstance(item, pytest.Function)]
    cases = [each.callspec.params.get("case") for each in functions if hasattr(each, "callspec")]
    return [case for case in CASES if case in cases and why_unknown(case) is None]


@pytest.fixture(scope="module")
def job(rig: ChainRig, chosen: list[ChainCase]) -> Ended:
    """How the job ended in each case; side by side, as some sources take seconds to give up."""
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(rig.run, chosen))
    return {case.name: done for case, done in zip(chosen, ended, strict=True)}


@pytest.fixture(scope="module")
def others(rig: ChainRig, chosen: list[ChainCase]) -> dict[str, Ended]:
    """How `init` and the reader ended in each case."""
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda purpose: rig.run_all(purpose, chosen), OTHERS))
    return dict(zip(OTHERS, ended, strict=True))


OTHERS = ("init", "reader")


def why_unknown(case: ChainCase) -> str | None:
    """Why the case cannot be tried with what is installed, None if it can."""
    if not case.name.startswith("login"):
        return None
    if not hasattr(botocore.credentials, "LoginProvider"):
        return "this botocore does not know `aws login`"
    if case.needs_crt != HAS_CRT:
        return f"the extra crt is {'there' if HAS_CRT else 'missing'}"
    return None


def skip_if_unknown(case: ChainCase) -> None:
    reason = why_unknown(case)
    if reason is not None:
        pytest.skip(reason)


def assert_told(done: subprocess.CompletedProcess[str], case: ChainCase, told: str) -> None:
    assert done.returncode == case.code, (done.stdout, done.stderr)
    assert [word for word in case.words if word not in told] == [], told
    assert "canary" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_job_says_which_source_failed_and_whether_it_can_pass(job: Ended, case: ChainCase) -> None:
    skip_if_unknown(case)
    told = json.loads(job[case.name].stdout)
    assert_told(job[case.name], case, told.get("error", ""))
    assert told.get("retryable", False) is (case.code == TEMPORARY)


@pytest.mark.parametrize("command", OTHERS)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_init_and_the_reader_say_the_same_as_the_job(
    others: dict[str, Ended], case: ChainCase, command: str
) -> None:
    skip_if_unknown(case)
    done = others[command][case.name]
    assert_told(done, case, done.stderr)


def test_every_source_is_tried_in_every_way() -> None:
    ways = {"good", "slow", "refused", "throttled", "garbage", "nothing"}
    known = {"web identity", "container", "metadata", "role", "sso", "process", "login"}
    # A process says no by its exit code, whatever for; SSO refuses a session or a role.
    known_otherwise = {"process: refused", "process: throttled", "sso: refused"}
    expected = {f"{source}: {way}" for source in known for way in ways} - known_otherwise
    assert expected - set(IDS) == set()
