"""Canary secrets, what is made to go wrong with them, and where they must not be found."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rotator.local.ims_control import RemoteIms
from tests.integration.cli.front import Front
from tests.integration.cli.vault import Vault

# Of no shape that a redaction could know, and with characters that every encoding changes.
CLIENT_SECRET = "Kx9vQ2canary/w+e=r Zt&7mB3"


STORED_TOKEN = "Hd4canaryYp8Lr5Wn1Tb6"


READS = ("BatchGetSecretValue", "GetSecretValue")


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
