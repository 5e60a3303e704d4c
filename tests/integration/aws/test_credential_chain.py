"""Where AWS credentials come from, and what is said when they do not: the job as a process.

The expectations are those of the issue: what somebody has to change ends with 2, what can pass by
itself with 4, a refusal of AWS with 5; and the message names the source that failed.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.credentials
import pytest

from rotator.local.environment import isolated_environment
from tests.strict_aws.service import StrictSecretsManager
from tests.support.credential_services import CredentialServices, sts_error
from tests.support.documents import token_document
from tests.support.wire import Wire

OK, SETTING, TEMPORARY, REFUSED = 0, 2, 4, 5
ROLE = "arn:aws:iam::123456789012:role/rotator"
START_URL = "https://example.awsapps.com/start"
STALE = "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z"
STALE += " (20260101T001500Z - 5 min.)"
EXPIRED = "2020-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class ChainCase:
    """One source of credentials in one state; `URL` and `HOME` in texts become what they are."""

    name: str
    code: int
    words: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, tuple[int, str] | None] = field(default_factory=dict)
    delay_s: float = 0.0
    by_reader: bool = False


def web_identity(name: str, code: int, *words: str, **details: Any) -> ChainCase:
    env = {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/token"}
    env["AWS_ENDPOINT_URL_STS"] = "URL"
    return ChainCase(
        f"web identity: {name}", code, words, env, {"token": "a.web.identity"}, **details
    )


def container(name: str, code: int, *words: str, **details: Any) -> ChainCase:
    env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "URL/container"} | details.pop("env", {})
    return ChainCase(f"container: {name}", code, words, env, **details)


def profile(name: str, code: int, *words: str, settings: str, **details: Any) -> ChainCase:
    env = {"AWS_PROFILE": "p", "AWS_ENDPOINT_URL_STS": "URL", "AWS_ENDPOINT_URL_SSO": "URL"}
    files = {"config": f"[profile p]\n{settings}"} | details.pop("files", {})
    return ChainCase(name, code, words, env, files, **details)


def process(name: str, code: int, *words: str, script: str, **details: Any) -> ChainCase:
    return profile(
        f"process: {name}",
        code,
        "credential_process" if code else "",
        *words,
        settings="credential_process = /bin/sh HOME/keys.sh\n",
        files={"keys.sh": script},
        **details,
    )


def keys_of_a_process(**changes: object) -> str:
    keys = {"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "s"} | changes
    return f"echo '{json.dumps(keys)}'"


ASSUMED = f"role_arn = {ROLE}\nsource_profile = base\n[profile base]\n"
ASSUMED += "aws_access_key_id = a\naws_secret_access_key = s\n"
SSO = f"sso_start_url = {START_URL}\nsso_region = us-east-1\nsso_account_id = 123456789012\n"
SSO += "sso_role_name = r\n"
SSO_CACHE = f"home/.aws/sso/cache/{hashlib.sha1(START_URL.encode()).hexdigest()}.json"  # noqa: S324 - the SDK's name for it


def sso_session(expires_at: str) -> dict[str, str]:
    return {SSO_CACHE: json.dumps({"accessToken": "t", "expiresAt": expires_at})}


IRSA, BY_ROLE = "sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"
ENDPOINT = "AWS credentials could not be fetched from the container credentials endpoint"
STS = "AWS credentials could not be fetched from STS"
IMDS = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "URL/"}
NONE_FOUND = "AWS credentials: none found"


def metadata(name: str, answers: dict[str, tuple[int, str] | None]) -> ChainCase:
    return ChainCase(f"metadata: {name}", SETTING, (NONE_FOUND,), IMDS, answers=answers)


CASES = [
    web_identity("good", OK),
    web_identity("slow", OK, delay_s=0.5),
    web_identity(
        "refused",
        REFUSED,
        ROLE,
        "trust policy",
        "AssumeRoleWithWebIdentity: AccessDenied",
        answers={IRSA: sts_error("AccessDenied")},
        by_reader=True,
    ),
    web_identity(
        "token refused",
        REFUSED,
        "web identity token",
        answers={IRSA: sts_error("InvalidIdentityToken", status=400)},
    ),
    web_identity("throttled", TEMPORARY, STS, answers={IRSA: sts_error("Throttling", status=400)}),
    web_identity("failing", TEMPORARY, STS, answers={IRSA: (503, "")}, by_reader=True),
    web_identity("garbage", REFUSED, "not STS", answers={IRSA: (200, "<html>canary")}),
    web_identity("nothing", TEMPORARY, STS, answers={IRSA: None}),
    ChainCase(
        "web identity: no token file",
        SETTING,
        ("web identity token file", "AWS_WEB_IDENTITY_TOKEN_FILE", "cannot be read"),
        {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/none"},
        by_reader=True,
    ),
    ChainCase(
        "web identity: empty token file",
        SETTING,
        ("web identity token file", "is empty"),
        {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/token"},
        {"token": ""},
    ),
    container("good", OK),
    container("slow", OK, delay_s=0.5),
    container("refused", TEMPORARY, ENDPOINT, "HTTP 403", answers={"container": (403, "canary")}),
    container("throttled", TEMPORARY, ENDPOINT, "HTTP 429", answers={"container": (429, "canary")}),
    container(
        "failing",
        TEMPORARY,
        ENDPOINT,
        "HTTP 500",
        answers={"container": (500, "canary")},
        by_reader=True,
    ),
    container("garbage", TEMPORARY, ENDPOINT, "not JSON", answers={"container": (200, "<canary")}),
    container("no keys", TEMPORARY, ENDPOINT, answers={"container": (200, "{}")}),
    container("nothing", TEMPORARY, ENDPOINT, answers={"container": None}),
    container(
        "no token file",
        TEMPORARY,
        ENDPOINT,
        env={"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "HOME/none"},
    ),
    container(
        "host that is not asked",
        SETTING,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/"},
    ),
    ChainCase("metadata: good", OK, (), IMDS),
    ChainCase("metadata: slow", OK, (), IMDS, delay_s=0.3),
    metadata("no role", {"imds:role": (404, "canary")}),
    ChainCase("metadata: failing", SETTING, (NONE_FOUND,), IMDS, answers={"imds": (500, "canary")}),
    ChainCase(
        "metadata: garbage", SETTING, (NONE_FOUND,), IMDS, answers={"imds": (200, "<canary")}
    ),
    ChainCase("metadata: nothing", SETTING, (NONE_FOUND,), IMDS, answers={"imds:role": None}),
    ChainCase("nothing at all", SETTING, (NONE_FOUND, "set AWS_PROFILE"), by_reader=True),
    profile("role: good", OK, settings=ASSUMED),
    profile(
        "role: refused",
        REFUSED,
        ROLE,
        "trust policy",
        "AssumeRole: AccessDenied",
        settings=ASSUMED,
        answers={BY_ROLE: sts_error("AccessDenied")},
        by_reader=True,
    ),
    profile(
        "role: throttled",
        TEMPORARY,
        STS,
        settings=ASSUMED,
        answers={BY_ROLE: sts_error("ThrottlingException", status=400)},
    ),
    profile(
        "role: clock behind",
        REFUSED,
        "clock is wrong: 15 min 0 s behind",
        settings=ASSUMED,
        answers={BY_ROLE: sts_error("SignatureDoesNotMatch", STALE)},
    ),
    profile(
        "role: MFA and nobody there",
        SETTING,
        "MFA",
        settings=f"mfa_serial = arn:aws:iam::123456789012:mfa/me\n{ASSUMED}",
        by_reader=True,
    ),
    profile("sso: good", OK, settings=SSO, files=sso_session("2035-01-01T00:00:00Z")),
    profile("sso: no session", SETTING, "SSO", "aws sso login", settings=SSO, by_reader=True),
    profile(
        "sso: expired",
        SETTING,
        "SSO",
        "aws sso login",
        settings=SSO,
        files=sso_session(EXPIRED),
        # An older botocore does not look at the end of the session, and asks.
        answers={"sso": (401, '{"__type": "UnauthorizedException"}')},
    ),
    profile(
        "sso: role refused",
        SETTING,
        "sso_role_name",
        settings=SSO,
        files=sso_session("2035-01-01T00:00:00Z"),
        answers={"sso": (403, '{"__type": "ForbiddenException", "message": "No access"}')},
    ),
    profile(
        "sso: throttled",
        TEMPORARY,
        "IAM Identity Center (SSO)",
        settings=SSO,
        files=sso_session("2035-01-01T00:00:00Z"),
        answers={"sso": (429, '{"__type": "TooManyRequestsException"}')},
    ),
    process("good", OK, script=keys_of_a_process()),
    process("slow", OK, script=f"sleep 1; {keys_of_a_process()}"),
    process("fails", SETTING, script="echo canary >&2; exit 3", by_reader=True),
    process("garbage", SETTING, script="echo '<canary'"),
    process("a list", SETTING, script="echo '[]'"),
    process("nothing", SETTING, script="true"),
    process("no key", SETTING, script="echo '{\"Version\": 1}'"),
    process("expired keys", SETTING, script=keys_of_a_process(Expiration=EXPIRED)),
    profile(
        "process: not found",
        SETTING,
        "credential_process",
        "not found",
        settings="credential_process = HOME/none\n",
    ),
    profile(
        "login: without the CRT",
        SETTING,
        "oauth-token-rotator[crt]",
        settings="login_session = arn:aws:iam::123456789012:user/me\n",
    ),
    profile(
        "profile that contradicts itself",
        SETTING,
        "AWS profile",
        "source_profile",
        settings=f"role_arn = {ROLE}\nsource_profile = none\n",
    ),
]

RUN = ("run", "--json", "--credentials-secret", "app/credentials", "--token-secret", "app/token")
INIT = ("init", "--credentials-secret", "new/credentials", "--token-secret", "new/token")
IDS = [case.name for case in CASES]
FAILING = [case for case in CASES if case.code]


class ChainRig:
    """Runs commands in the world of a case, against one Secrets Manager."""

    def __init__(self, endpoint_url: str, folder: Path) -> None:
        self.endpoint_url = endpoint_url
        self.folder = folder

    def run(self, case: ChainCase, *command: str) -> subprocess.CompletedProcess[str]:
        home = self.folder / hashlib.sha256(f"{case.name} {command}".encode()).hexdigest()[:12]
        with CredentialServices() as services, ExitStack() as cleanup:
            services.answers |= case.answers
            services.delay_s = case.delay_s
            for name, text in case.files.items():
                path = home / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self._fill(text, services.url, home))
            home.mkdir(exist_ok=True)
            child = subprocess.Popen(
                [sys.executable, "-m", "rotator", *command],
                env=self._env(case, services.url, home),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # no terminal to ask for an MFA code
                text=True,
            )
            cleanup.callback(child.kill)
            told = '{"client_id": "c", "client_secret": "s"}' if command[0] == "init" else ""
            out, err = child.communicate(told, timeout=60)
            return subprocess.CompletedProcess(command, child.returncode, out, err)

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
def ended(rig: ChainRig) -> dict[str, subprocess.CompletedProcess[str]]:
    """How the job ended in each case; side by side, as some sources take seconds to give up."""
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(IDS, pool.map(lambda case: rig.run(case, *RUN), CASES), strict=True))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_job_says_which_source_failed_and_whether_it_can_pass(
    ended: dict[str, subprocess.CompletedProcess[str]], case: ChainCase
) -> None:
    if case.name.startswith("login") and not hasattr(botocore.credentials, "LoginProvider"):
        pytest.skip("this botocore does not know `aws login`")
    done = ended[case.name]
    assert done.returncode == case.code, done.stderr
    told = json.loads(done.stdout)
    if case.code:
        assert told["retryable"] is (case.code == TEMPORARY)
        assert [word for word in case.words if word not in told["error"]] == [], told["error"]
    assert "canary" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "case", [case for case in FAILING if case.by_reader], ids=lambda case: case.name
)
def test_reader_and_init_say_the_same_as_the_job(rig: ChainRig, case: ChainCase) -> None:
    for command in (("token", "app/token"), INIT):
        done = rig.run(case, *command)
        assert done.returncode == case.code, (command, done.stderr)
        assert [word for word in case.words if word not in done.stderr] == [], done.stderr
        assert "canary" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_every_source_is_tried_well_and_badly() -> None:
    sources = {case.name.partition(":")[0] for case in CASES if ":" in case.name}
    assert sources >= {"web identity", "container", "metadata", "role", "sso", "process", "login"}
