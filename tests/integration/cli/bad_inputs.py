"""What can be wrong with an otherwise good set-up, and what is to be said of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rotator.local.ims_control import RemoteIms
from tests.integration.cli.vault import Vault

CANARY = "canary-3f9c61d7"
CONFIGURATION, REFUSED, TEMPORARY, SECRETS_MANAGER = 2, 3, 4, 5
NOWHERE = "http://127.0.0.1:1"

# What the service answers, by the API reference of GetSecretValue and the common errors.
ACCESS_DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/rotator/job is not authorized to perform:"
    " secretsmanager:{action} on resource: x because no identity-based policy allows it"
)
KMS_DENIED = "Access to KMS is not allowed"
EXPIRED = "The security token included in the request is expired"
READS = ("BatchGetSecretValue", "GetSecretValue")


@dataclass(frozen=True)
class Case:
    """One thing that is wrong with an otherwise good set-up, and what is to be said of it."""

    says: tuple[str, ...]
    code: int
    args: tuple[str, ...] = ()
    env: dict[str, str | None] = field(default_factory=dict)
    credentials: str | dict[str, Any] | None = None
    refused: tuple[tuple[str, ...], str, str] | None = None
    prepare: Callable[[Vault, RemoteIms], object] = lambda _, __: None


def case(*says: str, code: int = CONFIGURATION, **details: Any) -> Case:
    return Case(says, code, **details)


def deleted(name: str) -> Callable[[Vault, RemoteIms], object]:
    return lambda vault, _: vault.client.delete_secret(SecretId=getattr(vault, name))


def behaves(**settings: Any) -> Callable[[Vault, RemoteIms], object]:
    return lambda _, ims: ims.configure(**settings)


CASES = {
    "credentials secret that is missing": case(
        "secret test/none: does not exist",
        "check the name and AWS_REGION",
        "rotator init",
        code=SECRETS_MANAGER,
        args=("--credentials-secret", "test/none"),
    ),
    "token secret that is missing": case(
        "secret test/none: does not exist",
        "check the name and AWS_REGION",
        "rotator init",
        code=SECRETS_MANAGER,
        args=("--token-secret", "test/none"),
    ),
    "secret without JSON": case(
        "credentials secret {credentials_secret}: is not JSON",
        credentials=f"client_secret={CANARY}",
    ),
    "JSON that is no object": case(
        "credentials secret {credentials_secret}: is JSON, but not an object",
        credentials=f'["{CANARY}"]',
    ),
    "secret that is empty": case(
        "credentials secret {credentials_secret}: is not JSON", credentials=" "
    ),
    "missing client_id": case("client_id is missing", credentials={"client_id": None}),
    "empty client_id": case("client_id must be a non-empty string", credentials={"client_id": ""}),
    "missing client_secret": case(
        "client_secret is missing", credentials={"client_secret": None, "note": CANARY}
    ),
    "empty client_secret": case(
        "client_secret must be a non-empty string",
        credentials={"client_secret": "", "note": CANARY},
    ),
    "client_secret of another type": case(
        "client_secret must be a non-empty string, or a list of them",
        credentials={"client_secret": {"value": CANARY}},
    ),
    "misspelled key": case(
        "credentials secret {credentials_secret}: ",
        "did you mean token_url?",
        credentials={"token_url": None, "token_uri": f"https://{CANARY}.example"},
    ),
    "http token URL off loopback": case(
        "token_url: must use https", credentials={"token_url": f"http://{CANARY}.example/token"}
    ),
    "token URL with credentials in it": case(
        "token_url: holds user info",
        credentials={"token_url": f"https://me:{CANARY}@ims.example/token"},
    ),
    "unknown provider": case(
        "provider: unknown; did you mean adobe-ims?", credentials={"provider": "adobe_ims"}
    ),
    "unknown provider that resembles none": case(
        "provider: unknown; known are adobe-ims,", credentials={"provider": CANARY}
    ),
    "unknown auth_method": case(
        "auth_method: unknown; known are client_secret_basic, client_secret_post",
        credentials={"auth_method": CANARY},
    ),
    "generic provider without a token URL": case(
        "token_url: missing; or set issuer to look it up",
        credentials={"provider": "generic", "token_url": None},
    ),
    "no region": case(
        "AWS region: not set; set AWS_REGION", env={"AWS_REGION": None, "AWS_DEFAULT_REGION": None}
    ),
    "no AWS credentials": case(
        "AWS credentials: none found; set AWS_PROFILE",
        env={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
    ),
    "half of the AWS credentials": case(
        "AWS credentials: incomplete; access key id and secret access key belong together",
        env={"AWS_SECRET_ACCESS_KEY": None},
    ),
    "no such profile": case("AWS_PROFILE: there is no such", env={"AWS_PROFILE": "x"}),
    "endpoint that is no URL": case(
        "AWS_ENDPOINT_URL: is not a URL", env={"AWS_ENDPOINT_URL": "loopback"}
    ),
    "Secrets Manager that cannot be reached": case(
        "Secrets Manager cannot be reached",
        code=TEMPORARY,
        env={"AWS_ENDPOINT_URL": NOWHERE, "AWS_MAX_ATTEMPTS": "1"},
    ),
    "access denied to read": case(
        "secret {credentials_secret}: access denied",
        "grant secretsmanager:GetSecretValue",
        code=SECRETS_MANAGER,
        refused=(READS, "AccessDeniedException", ACCESS_DENIED.format(action="GetSecretValue")),
    ),
    "access denied to write": case(
        "secret {token_secret}: access denied",
        "grant secretsmanager:PutSecretValue",
        code=SECRETS_MANAGER,
        refused=(
            ("PutSecretValue",),
            "AccessDeniedException",
            ACCESS_DENIED.format(action="PutSecretValue"),
        ),
    ),
    "KMS denied to read": case(
        "its KMS key refused",
        "grant kms:Decrypt on the key",
        code=SECRETS_MANAGER,
        refused=(READS, "AccessDeniedException", KMS_DENIED),
    ),
    "KMS denied to write": case(
        "its KMS key refused",
        "kms:GenerateDataKey and kms:Decrypt",
        code=SECRETS_MANAGER,
        refused=(("PutSecretValue",), "EncryptionFailure", ""),
    ),
    "AWS session that has expired": case(
        "AWS does not accept these AWS credentials",
        "`aws configure`",
        code=SECRETS_MANAGER,
        refused=(READS, "ExpiredTokenException", EXPIRED),
    ),
    "credentials secret that is scheduled for deletion": case(
        "secret {credentials_secret}: is scheduled for deletion",
        "aws secretsmanager restore-secret --secret-id {credentials_secret}",
        code=SECRETS_MANAGER,
        prepare=deleted("credentials_secret"),
    ),
    "token secret that is scheduled for deletion": case(
        "secret {token_secret}: is scheduled for deletion",
        "aws secretsmanager restore-secret --secret-id {token_secret}",
        code=SECRETS_MANAGER,
        prepare=deleted("token_secret"),
    ),
    "cadence without a unit": case("--cadence: ", "such as 23h", args=("--cadence", "23")),
    "negative cadence": case("--cadence: ", "such as 23h", args=("--cadence=-1h",)),
    # Python 3.14 takes it for a number, and older ones for an option.
    "negative cadence as a word of its own": case("--cadence: ", args=("--cadence", "-1h")),
    "cadence of zero": case("--cadence: is zero", args=("--cadence", "0h")),
    "cadence in the environment": case(
        "ROTATOR_CADENCE: ", "such as 23h", env={"ROTATOR_CADENCE": "daily"}
    ),
    "cadence that is longer than the token's life": case(
        "cadence 25h: too long for tokens with a lifetime of 23h59m",
        "choose less than 23h42m",
        args=("--cadence", "25h"),
    ),
    "tick that is too rare for the cadence": case(
        "cadence 23h: too long for tokens",
        "when the job runs every 2h",
        args=("--cadence", "23h", "--tick", "2h"),
    ),
    "empty name": case(
        "--token-secret: is empty; give a secret's name or ARN", args=("--token-secret", "")
    ),
    "name on two lines": case(
        "--token-secret: is not a valid secret name or ARN", args=("--token-secret", "adobe\ntoken")
    ),
    "ARNs of two regions": case(
        "their ARNs name different regions",
        args=(
            *("--token-secret", "arn:aws:secretsmanager:eu-west-1:1:secret:a"),
            *("--credentials-secret", "arn:aws:secretsmanager:us-east-1:1:secret:b"),
        ),
    ),
    "http probe URL off loopback": case(
        "--probe-url: must use https", args=("--probe-url", f"http://{CANARY}.example/hello")
    ),
    "misspelled variable": case(
        "ROTATOR_CADENSE: unknown; did you mean ROTATOR_CADENCE?", env={"ROTATOR_CADENSE": "23h"}
    ),
    "unknown level": case(
        "ROTATOR_LOG_LEVEL: must be one of debug, info, warning, error",
        env={"ROTATOR_LOG_LEVEL": "loud"},
    ),
    "unknown option": case("unknown option --cadense; see", args=("--cadense", "23h")),
    "argument too many": case("one argument too many; see", args=(CANARY,)),
    "provider that cannot be reached": case(
        "token endpoint: ", code=TEMPORARY, credentials={"token_url": f"{NOWHERE}/ims/token/v3"}
    ),
    "provider that is throttling": case(
        "token endpoint: answered too_many_requests",
        "HTTP 429",
        "debug id",
        code=TEMPORARY,
        prepare=behaves(behaviour="throttled", retry_after_s=600),
    ),
    "client that the provider does not know": case(
        "token endpoint: answered invalid_client",
        "HTTP 400",
        "debug id",
        code=REFUSED,
        prepare=behaves(clients={}),
    ),
}
