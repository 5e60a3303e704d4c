"""Each source of AWS credentials: good, slow, refusing, throttling, garbage, nothing.

The expectations are those of the promises: what somebody has to change ends with 2, what can pass
by itself with 4, a refusal of AWS with 5; and the message names the source that failed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.credential_services import sts_error

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
    needs_crt: bool = False


def web_identity(name: str, code: int, *words: str, **details: Any) -> ChainCase:
    env = {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/token"}
    env["AWS_ENDPOINT_URL_STS"] = "URL"
    return ChainCase(
        f"web identity: {name}", code, words, env, {"token": "a.web.identity"}, **details
    )


def role(name: str, code: int, *words: str, **details: Any) -> ChainCase:
    return profile(f"role: {name}", code, *words, **{"settings": ASSUMED} | details)


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
LOGIN_SESSION = "arn:aws:iam::123456789012:user/me"
LOGIN = f"login_session = {LOGIN_SESSION}\n"
LOGIN_CACHE = f"home/.aws/login/cache/{hashlib.sha256(LOGIN_SESSION.encode()).hexdigest()}.json"
SSO = f"sso_start_url = {START_URL}\nsso_region = us-east-1\nsso_account_id = 123456789012\n"
SSO += "sso_role_name = r\n"
SSO_CACHE = f"home/.aws/sso/cache/{hashlib.sha1(START_URL.encode()).hexdigest()}.json"  # noqa: S324 - the SDK's name for it


def sso_session(expires_at: str) -> dict[str, str]:
    return {SSO_CACHE: json.dumps({"accessToken": "t", "expiresAt": expires_at})}


def login_session(expires_at: str) -> dict[str, str]:
    keys = {"accessKeyId": "a", "secretAccessKey": "s", "sessionToken": "t"}
    keys |= {"accountId": "123456789012", "expiresAt": expires_at}
    session = {
        "accessToken": keys,
        "refreshToken": "canary",
        "clientId": "c",
        "dpopKey": dpop_key(),
    }
    return {LOGIN_CACHE: json.dumps(session)}


def dpop_key() -> str:
    """A new key on P-256, as `aws login` leaves it."""
    private = ec.generate_private_key(ec.SECP256R1())
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


def login(name: str, code: int, *words: str, **details: Any) -> ChainCase:
    """A session of `aws login` whose keys have ended, so that they are asked for anew."""
    files = {"files": login_session(EXPIRED)} | details
    env = {"AWS_ENDPOINT_URL_SIGNIN": "URL"}
    case = profile(f"login: {name}", code, *words, settings=LOGIN, **files)
    return replace(case, env={**case.env, **env}, needs_crt=True)


IRSA, BY_ROLE = "sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"
ENDPOINT = "AWS credentials could not be fetched from the container credentials endpoint"
PROXY = ("not from STS", "HTTP 200", "proxy")
STS = "AWS credentials could not be fetched from STS"
IMDS = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "URL/"}
NONE_FOUND = "AWS credentials: none found"

SIGN_ON, SIGN_IN = "IAM Identity Center (SSO)", "AWS sign-in"


def sso(name: str, code: int, *words: str, **details: Any) -> ChainCase:
    files = sso_session("2035-01-01T00:00:00Z")
    return profile(f"sso: {name}", code, *words, settings=SSO, files=files, **details)


def login_error(code: str, status: int, error: str) -> tuple[int, str]:
    return status, json.dumps({"__type": code, "error": error, "message": "canary"})


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
    ),
    web_identity(
        "token refused",
        REFUSED,
        "web identity token",
        answers={IRSA: sts_error("InvalidIdentityToken", status=400)},
    ),
    web_identity("throttled", TEMPORARY, STS, answers={IRSA: sts_error("Throttling", status=400)}),
    web_identity("failing", TEMPORARY, STS, answers={IRSA: (503, "")}),
    web_identity("garbage", TEMPORARY, *PROXY, answers={IRSA: (200, "<html>canary")}),
    web_identity("another page", TEMPORARY, *PROXY, answers={IRSA: (200, "<html>canary</html>")}),
    web_identity("a wall", REFUSED, "not from STS", answers={IRSA: (403, "<html>canary")}),
    web_identity("nothing", TEMPORARY, STS, answers={IRSA: None}),
    ChainCase(
        "web identity: no token file",
        SETTING,
        ("web identity token file", "AWS_WEB_IDENTITY_TOKEN_FILE", "cannot be read"),
        {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/none"},
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
    container("failing", TEMPORARY, ENDPOINT, "HTTP 500", answers={"container": (500, "canary")}),
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
    metadata("refused", {"imds:token": (403, "canary"), "imds:role": (403, "canary")}),
    metadata("throttled", {"imds:role": (429, "canary")}),
    metadata("nothing, not even a session", {"imds:token": None, "imds:role": None}),
    metadata("no role", {"imds:role": (404, "canary")}),
    ChainCase("metadata: failing", SETTING, (NONE_FOUND,), IMDS, answers={"imds": (500, "canary")}),
    ChainCase(
        "metadata: garbage", SETTING, (NONE_FOUND,), IMDS, answers={"imds": (200, "<canary")}
    ),
    ChainCase("metadata: nothing", SETTING, (NONE_FOUND,), IMDS, answers={"imds:role": None}),
    ChainCase("nothing at all", SETTING, (NONE_FOUND, "set AWS_PROFILE")),
    role("good", OK),
    role(
        "refused",
        REFUSED,
        ROLE,
        "trust policy",
        "AssumeRole: AccessDenied",
        answers={BY_ROLE: sts_error("AccessDenied")},
    ),
    role(
        "throttled", TEMPORARY, STS, answers={BY_ROLE: sts_error("ThrottlingException", status=400)}
    ),
    role("slow", OK, delay_s=0.5),
    role("failing", TEMPORARY, STS, answers={BY_ROLE: (503, "")}),
    role("garbage", TEMPORARY, *PROXY, answers={BY_ROLE: (200, "<html>canary")}),
    role("nothing", TEMPORARY, STS, answers={BY_ROLE: None}),
    role(
        "clock behind",
        REFUSED,
        "clock is wrong: 15 min 0 s behind",
        answers={BY_ROLE: sts_error("SignatureDoesNotMatch", STALE)},
    ),
    role("not an ARN", SETTING, "role_arn", settings=ASSUMED.replace(ROLE, "short")),
    role(
        "MFA and nobody there",
        SETTING,
        "MFA",
        settings=f"mfa_serial = arn:aws:iam::123456789012:mfa/me\n{ASSUMED}",
    ),
    sso("good", OK),
    profile("sso: no session", SETTING, "SSO", "aws sso login", settings=SSO),
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
    sso(
        "role refused",
        SETTING,
        "sso_role_name",
        answers={"sso": (403, '{"__type": "ForbiddenException", "message": "No access"}')},
    ),
    sso(
        "throttled",
        TEMPORARY,
        SIGN_ON,
        answers={"sso": (429, '{"__type": "TooManyRequestsException"}')},
    ),
    sso("slow", OK, delay_s=0.5),
    sso("failing", TEMPORARY, SIGN_ON, answers={"sso": (503, "canary")}),
    sso("garbage", TEMPORARY, f"not from {SIGN_ON}", answers={"sso": (200, "<html>canary")}),
    sso("a wall", REFUSED, f"not from {SIGN_ON}", answers={"sso": (403, "<html>canary")}),
    sso("nothing", TEMPORARY, SIGN_ON, answers={"sso": None}),
    login("good", OK, files=login_session("2035-01-01T00:00:00Z")),
    login("slow", OK, delay_s=0.5),
    login("no session", SETTING, "aws login", files={}),
    login(
        "session ended",
        SETTING,
        "run `aws login`",
        answers={"login": login_error("AccessDeniedException", 403, "TOKEN_EXPIRED")},
    ),
    login(
        "refused",
        SETTING,
        "aws login",
        answers={"login": login_error("AccessDeniedException", 403, "INSUFFICIENT_PERMISSIONS")},
    ),
    login(
        "throttled",
        TEMPORARY,
        SIGN_IN,
        answers={"login": login_error("TooManyRequestsError", 429, "rate_exceeded")},
    ),
    login("failing", TEMPORARY, SIGN_IN, answers={"login": (503, "canary")}),
    login("garbage", TEMPORARY, f"not from {SIGN_IN}", answers={"login": (200, "<html>canary")}),
    login("nothing", TEMPORARY, SIGN_IN, answers={"login": None}),
    process("good", OK, script=keys_of_a_process()),
    process("slow", OK, script=f"sleep 1; {keys_of_a_process()}"),
    process("fails", SETTING, script="echo canary >&2; exit 3"),
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
    profile("login: without the CRT", SETTING, "oauth-token-rotator[crt]", settings=LOGIN),
    profile(
        "profile that contradicts itself",
        SETTING,
        "AWS profile",
        "source_profile",
        settings=f"role_arn = {ROLE}\nsource_profile = none\n",
    ),
]
