"""The one use case, over a store and an endpoint in memory: what its tests share."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.errors import RotatorError
from rotator.model.access_token import AccessToken
from rotator.model.binding import Binding
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret, StoredSecret
from rotator.rotation.publish import successor_id
from rotator.rotation.rotate import RotationResult, rotate_token
from tests.support.clock import NOW, ManualClock
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.memory_store import MemoryStore

HOUR = timedelta(hours=1)
DAY = timedelta(seconds=86_399)
BINDING = Binding(credentials_secret="app/credentials", token_secret="app/token")
SHARED = Binding(credentials_secret="app/both", token_secret="app/both")
CREDENTIALS = {"client_id": "my-client", "client_secret": "canary-secret"}


def token(
    issued_at: datetime, *, lifetime: timedelta = DAY, text: str = "old", **changes: Any
) -> AccessToken:
    fields: dict[str, Any] = {
        "access_token": Secret(f"canary-{text}"),
        "token_type": "bearer",
        "issued_at": issued_at,
        "expires_at": issued_at + lifetime,
        "client_id": "my-client",
        "token_url": "https://ims.example/token",
        "scope": "granted",
    }
    return AccessToken(**(fields | changes))


def stored(age: timedelta, **changes: Any) -> dict[str, object]:
    return token(NOW - age, **changes).to_fields()


def run(
    store: MemoryStore,
    endpoint: MemoryEndpoint | None = None,
    *,
    binding: Binding = BINDING,
    policy: RenewalPolicy | None = None,
    clock: ManualClock | None = None,
    **options: Any,
) -> RotationResult:
    return rotate_token(
        binding,
        store=store,
        endpoint=endpoint or MemoryEndpoint(),
        policy=policy or RenewalPolicy(),
        clock=clock or ManualClock(NOW),
        **options,
    )


def refused(
    error: type[RotatorError], store: MemoryStore, endpoint: MemoryEndpoint, **options: Any
) -> str:
    """The text of the error of a run that must leave the store as it was."""
    before = {name: dict(secret.versions) for name, secret in store.secrets.items()}
    with pytest.raises(error) as caught:
        run(store, endpoint, **options)
    assert {name: secret.versions for name, secret in store.secrets.items()} == before
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None
    return str(caught.value)


def rival(store: MemoryStore, text: str | None = None, *, name: str = "app/token") -> str:
    """Publish as another rotator would that saw the same version; returns its version id."""
    secret = store.secrets[name]
    version_id = successor_id(
        StoredSecret(secret_id=name, arn=f"arn:{name}", version_id=secret.current)
    )
    value = text if text is not None else json.dumps(stored(timedelta(0), text="rival"))
    secret.publish(value, version_id)
    return version_id


def void(_: object) -> None:
    """A lambda has to return something."""
