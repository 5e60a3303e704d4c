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

    name: str
    code: int
    says: tuple[str, ...]
    args: tuple[str, ...] = ()
    env: dict[str, str | None] = field(default_factory=dict)
    credentials: str | dict[str, Any] | None = None
    refused: tuple[tuple[str, ...], str, str] | None = None
    prepare: Callable[[Vault, RemoteIms], object] = lambda _, __: None


def deleted(name: str) -> Callable[[Vault, RemoteIms], object]:
    return lambda vault, _: vault.client.delete_secret(SecretId=getattr(vault.binding, name))


def behaves(**settings: Any) -> Callable[[Vault, RemoteIms], object]:
    return lambda _, ims: ims.configure(**settings)


CASES = (
    Case(
        "credentials secret that is missing",
        SECRETS_MANAGER,
        ("secret test/none: does not exist", "check the name and AWS_REGION", "rotator init"),
        args=("--credentials-secret", "test/none"),
    ),
    Case(
        "token secret that is missing",
        SECRETS_MANAGER,
        ("secret test/none: does not exist", "check the name and AWS_REGION", "rotator init"),
        args=("--token-secret", "test/none"),
    ),
    Case(
        "secret without JSON",
        CONFIGURATION,
        ("credentials secret {credentials_secret}: is not JSON",),
        credentials=f"client_secret={CANARY}",
    ),
    Case(
        "JSON that is no object",
        CONFIGURATION,
        ("credentials secret {credentials_secret}: is JSON, but not an object",),
        credentials=f'["{CANARY}"]',
    ),
    Case(
        "secret that is empty",
        CONFIGURATION,
        ("credentials secret {credentials_secret}: is not JSON",),
        credentials=" ",
    ),
    Case(
        "missing client_id",
        CONFIGURATION,
        ("client_id is missing",),
        credentials={"client_id": None},
    ),
    Case(
        "empty client_id",
        CONFIGURATION,
        ("client_id must be a non-empty string",),
        credentials={"client_id": ""},
    ),
    Case(
        "missing client_secret",
        CONFIGURATION,
        ("client_secret is missing",),
        credentials={"client_secret": None, "note": CANARY},
    ),
    Case(
        "empty client_secret",
        CONFIGURATION,
        ("client_secret must be a non-empty string",),
        credentials={"client_secret": "", "note": CANARY},
    ),
    Case(
        "client_secret of another type",
        CONFIGURATION,
        ("client_secret must be a non-empty string, or a list of them",),
        credentials={"client_secret": {"value": CANARY}},
    ),
    Case(
        "misspelled key",
        CONFIGURATION,
        ("credentials secret {credentials_secret}: ", "did you mean token_url?"),
        credentials={"token_url": None, "token_uri": f"https://{CANARY}.example"},
    ),
    Case(
        "http token URL off loopback",
        CONFIGURATION,
        ("token_url: must use https",),
        credentials={"token_url": f"http://{CANARY}.example/token"},
    ),
    Case(
        "token URL with credentials in it",
        CONFIGURATION,
        ("token_url: holds user info",),
        credentials={"token_url": f"https://me:{CANARY}@ims.example/token"},
    ),
    Case(
        "unknown provider",
        CONFIGURATION,
        ("provider: unknown; did you mean adobe-ims?",),
        credentials={"provider": "adobe_ims"},
    ),
    Case(
        "unknown provider that resembles none",
        CONFIGURATION,
        ("provider: unknown; known are adobe-ims,",),
        credentials={"provider": CANARY},
    ),
    Case(
        "unknown auth_method",
        CONFIGURATION,
        ("auth_method: unknown; known are client_secret_basic, client_secret_post",),
        credentials={"auth_method": CANARY},
    ),
    Case(
        "generic provider without a token URL",
        CONFIGURATION,
        ("token_url: missing; or set issuer to look it up",),
        credentials={"provider": "generic", "token_url": None},
    ),
    Case(
        "no region",
        CONFIGURATION,
        ("AWS region: not set; set AWS_REGION",),
        env={"AWS_REGION": None, "AWS_DEFAULT_REGION": None},
    ),
    Case(
        "no AWS credentials",
        CONFIGURATION,
        ("AWS credentials: none found; set AWS_PROFILE",),
        env={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
    ),
    Case(
        "half of the AWS credentials",
        CONFIGURATION,
        ("AWS credentials: incomplete; access key id and secret access key belong together",),
        env={"AWS_SECRET_ACCESS_KEY": None},
    ),
    Case(
        "no such profile",
        CONFIGURATION,
        ("AWS_PROFILE: there is no such",),
        env={"AWS_PROFILE": "x"},
    ),
    Case(
        "endpoint that is no URL",
        CONFIGURATION,
        ("AWS_ENDPOINT_URL: is not a URL",),
        env={"AWS_ENDPOINT_URL": "loopback"},
    ),
    Case(
        "Secrets Manager that cannot be reached",
        TEMPORARY,
        ("Secrets Manager cannot be reached",),
        env={"AWS_ENDPOINT_URL": NOWHERE, "AWS_MAX_ATTEMPTS": "1"},
    ),
    Case(
        "access denied to read",
        SECRETS_MANAGER,
        (
            "secret {credentials_secret}: access denied",
            "grant secretsmanager:GetSecretValue",
        ),
        refused=(READS, "AccessDeniedException", ACCESS_DENIED.format(action="GetSecretValue")),
    ),
    Case(
        "access denied to write",
        SECRETS_MANAGER,
        ("secret {token_secret}: access denied", "grant secretsmanager:PutSecretValue"),
        refused=(
            ("PutSecretValue",),
            "AccessDeniedException",
            ACCESS_DENIED.format(action="PutSecretValue"),
        ),
    ),
    Case(
        "KMS denied to read",
        SECRETS_MANAGER,
        ("its KMS key refused", "grant kms:Decrypt on the key"),
        refused=(READS, "AccessDeniedException", KMS_DENIED),
    ),
    Case(
        "KMS denied to write",
        SECRETS_MANAGER,
        ("its KMS key refused", "kms:GenerateDataKey and kms:Decrypt"),
        refused=(("PutSecretValue",), "EncryptionFailure", ""),
    ),
    Case(
        "AWS session that has expired",
        SECRETS_MANAGER,
        ("AWS does not accept these AWS credentials", "`aws configure`"),
        refused=(READS, "ExpiredTokenException", EXPIRED),
    ),
    Case(
        "credentials secret that is scheduled for deletion",
        SECRETS_MANAGER,
        (
            "secret {credentials_secret}: is scheduled for deletion",
            "aws secretsmanager restore-secret --secret-id {credentials_secret}",
        ),
        prepare=deleted("credentials_secret"),
    ),
    Case(
        "token secret that is scheduled for deletion",
        SECRETS_MANAGER,
        (
            "secret {token_secret}: is scheduled for deletion",
            "aws secretsmanager restore-secret --secret-id {token_secret}",
        ),
        prepare=deleted("token_secret"),
    ),
    Case(
        "cadence without a unit",
        CONFIGURATION,
        ("--cadence: ", "such as 23h"),
        args=("--cadence", "23"),
    ),
    Case(
        "negative cadence", CONFIGURATION, ("--cadence: ", "such as 23h"), args=("--cadence=-1h",)
    ),
    Case(
        "negative cadence as a word of its own",
        CONFIGURATION,
        ("--cadence: ",),  # Python 3.14 takes it for a number, and older ones for an option
        args=("--cadence", "-1h"),
    ),
    Case("cadence of zero", CONFIGURATION, ("--cadence: is zero",), args=("--cadence", "0h")),
    Case(
        "cadence in the environment",
        CONFIGURATION,
        ("ROTATOR_CADENCE: ", "such as 23h"),
        env={"ROTATOR_CADENCE": "daily"},
    ),
    Case(
        "cadence that is longer than the token's life",
        CONFIGURATION,
        ("cadence 25h: too long for tokens that live 23h59m", "choose less than 23h42m"),
        args=("--cadence", "25h"),
    ),
    Case(
        "tick that is too rare for the cadence",
        CONFIGURATION,
        ("cadence 23h: too long for tokens", "when the job runs every 2h"),
        args=("--cadence", "23h", "--tick", "2h"),
    ),
    Case(
        "empty name",
        CONFIGURATION,
        ("--token-secret: is empty; give a secret's name or ARN",),
        args=("--token-secret", ""),
    ),
    Case(
        "name on two lines",
        CONFIGURATION,
        ("--token-secret: is not a valid secret name or ARN",),
        args=("--token-secret", "adobe\ntoken"),
    ),
    Case(
        "ARNs of two regions",
        CONFIGURATION,
        ("their ARNs name different regions",),
        args=(
            *("--token-secret", "arn:aws:secretsmanager:eu-west-1:1:secret:a"),
            *("--credentials-secret", "arn:aws:secretsmanager:us-east-1:1:secret:b"),
        ),
    ),
    Case(
        "http probe URL off loopback",
        CONFIGURATION,
        ("--probe-url: must use https",),
        args=("--probe-url", f"http://{CANARY}.example/hello"),
    ),
    Case(
        "misspelled variable",
        CONFIGURATION,
        ("ROTATOR_CADENSE: unknown; did you mean ROTATOR_CADENCE?",),
        env={"ROTATOR_CADENSE": "23h"},
    ),
    Case(
        "unknown level",
        CONFIGURATION,
        ("ROTATOR_LOG_LEVEL: must be one of debug, info, warning, error",),
        env={"ROTATOR_LOG_LEVEL": "loud"},
    ),
    Case(
        "unknown option",
        CONFIGURATION,
        ("unknown option --cadense; see",),
        args=("--cadense", "23h"),
    ),
    Case("argument too many", CONFIGURATION, ("one argument too many; see",), args=(CANARY,)),
    Case(
        "provider that cannot be reached",
        TEMPORARY,
        ("token endpoint: ",),
        credentials={"token_url": f"{NOWHERE}/ims/token/v3"},
    ),
    Case(
        "provider that is throttling",
        TEMPORARY,
        ("token endpoint: answered too_many_requests", "HTTP 429", "debug id"),
        prepare=behaves(behaviour="throttled", retry_after_s=600),
    ),
    Case(
        "client that the provider does not know",
        REFUSED,
        ("token endpoint: answered invalid_client", "HTTP 400", "debug id"),
        prepare=behaves(clients={}),
    ),
)
