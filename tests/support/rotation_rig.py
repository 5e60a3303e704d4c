"""The one use case, over a store and an endpoint in memory: what its tests share."""

import json
from datetime import timedelta
from typing import Any

import pytest

from rotator.errors import RotatorError
from rotator.model.binding import BINDING_TAG, Binding
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import StoredSecret
from rotator.rotation.publish import successor_id
from rotator.rotation.rotate import RotationResult, rotate_token
from tests.support.clock import NOW, ManualClock
from tests.support.documents import token_document
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.memory_store import MemorySecret, MemoryStore

HOUR = timedelta(hours=1)
DAY = timedelta(seconds=86_399)
BINDING = Binding(credentials_secret="app/credentials", token_secret="app/token")
SHARED = Binding(credentials_secret="app/both", token_secret="app/both")
CREDENTIALS = {"client_id": "my-client", "client_secret": "canary-secret"}


def stored(age: timedelta, *, text: str = "old", **changes: Any) -> dict[str, Any]:
    """The token secret's value with a token of this age; a change to None leaves a member out."""
    details = {"lifetime": DAY, "next_rotation_at": None, **changes}
    return token_document(f"canary-{text}", issued_at=NOW - age, **details)


class TokenJob:
    """One binding in memory, its provider, and the clock of both; `run` is one run of the job.

    `binding` is the one with two secrets, or `SHARED`, whose one secret has the credentials.
    """

    def __init__(
        self,
        stored: Any = None,  # noqa: ANN401 - what becomes JSON
        credentials: Any = CREDENTIALS,  # noqa: ANN401
        *,
        binding: Binding = BINDING,
        tag: str | None = None,
        **mints: Any,
    ) -> None:
        self.binding = binding
        self.clock = ManualClock(NOW)
        self.endpoint = MemoryEndpoint(self.clock, **mints)
        self.store = MemoryStore(credentials=credentials, token=stored, both=credentials)
        if tag is not None:
            self.secret.tags[BINDING_TAG] = tag

    @property
    def secret(self) -> MemorySecret:
        """The token secret."""
        return self.store.secrets[self.binding.token_secret]

    @property
    def fields(self) -> dict[str, Any]:
        """What the token secret holds."""
        return self.store.fields(self.binding.token_secret)

    @property
    def token(self) -> str:
        """The stored token."""
        text: str = self.fields["access_token"]
        return text

    @property
    def versions(self) -> int:
        """How many versions the token secret has."""
        return len(self.secret.versions)

    def run(self, **options: Any) -> RotationResult:
        given = {"store": self.store, "endpoint": self.endpoint, "clock": self.clock}
        return rotate_token(self.binding, **{"policy": RenewalPolicy(), **given, **options})

    def refused(self, error: type[RotatorError], **options: Any) -> str:
        """The text of the error of a run that must leave the store as it was."""
        before = {name: dict(secret.versions) for name, secret in self.store.secrets.items()}
        with pytest.raises(error) as caught:
            self.run(**options)
        assert {name: each.versions for name, each in self.store.secrets.items()} == before
        assert "canary" not in str(caught.value)
        assert caught.value.__context__ is None
        return str(caught.value)

    def rival(self, value: str | None = None, *, text: str = "rival") -> None:
        """Publish as another rotator would that saw the same version: this value, or a token."""
        rival(
            self.store,
            value or json.dumps(stored(timedelta(0), text=text)),
            self.binding.token_secret,
        )


def rival(store: MemoryStore, value: str, name: str) -> None:
    """Publish as a rotator would that sees the current version."""
    secret = store.secrets[name]
    seen = StoredSecret(secret_id=name, arn=f"arn:{name}", version_id=secret.current)
    secret.publish(value, successor_id(seen))
