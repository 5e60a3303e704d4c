"""What is made to go wrong with canary secrets (`tests.support.traces`)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rotator.local.ims_control import RemoteIms
from tests.integration.cli.front import Front
from tests.integration.cli.vault import Vault
from tests.support.traces import CLIENT_SECRET, STORED_TOKEN

READS = ("BatchGetSecretValue", "GetSecretValue")


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
    return lambda vault, _, __: vault.put(text, secret_id=vault.credentials_secret)


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
