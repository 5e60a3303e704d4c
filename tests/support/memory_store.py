"""The one store in memory, for everything that takes a `Store` or a `SetupStore`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rotator.errors import SecretNotFound, StoreError, VersionConflict
from rotator.model.secret import Secret, SecretInfo, StoredSecret
from tests.support.clock import NOW


@dataclass
class MemorySecret:
    """Versions as texts by their ids, in order, and the id that AWSCURRENT is on."""

    versions: dict[str, str] = field(default_factory=dict)
    current: str | None = None
    previous: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    kms_key_id: str | None = None

    def publish(self, text: str, version_id: str) -> None:
        self.versions[version_id] = text
        self.previous, self.current = self.current, version_id

    @property
    def text(self) -> str | None:
        return None if self.current is None else self.versions[self.current]


class MemoryStore:
    """Secrets Manager's documented rules; `MemoryStore(token=...)` holds the secret `app/token`.

    `calls` are the verbs in order, `writes` the verbs that change something with their secret.
    `before_put` are actions for the next puts, one each; `broken` is the verb that fails once.
    """

    def __init__(self, **secrets: Any) -> None:
        self.secrets: dict[str, MemorySecret] = {}
        for name, value in secrets.items():
            self.add("app/" + name, value)
        self.calls: list[str] = []
        self.writes: list[str] = []
        self.before_put: list[Callable[[], None]] = []
        self.broken = ""
        self._lag = 0
        self._past: dict[str, MemorySecret] = {}

    def add(self, name: str, value: Any = None, **tags: str) -> MemorySecret:  # noqa: ANN401 - a text, or what becomes JSON
        """A secret with this text, with this value as JSON, or without any value."""
        secret = self.secrets[name] = MemorySecret(tags=tags)
        if value is not None:
            secret.publish(value if isinstance(value, str) else json.dumps(value), "first")
        return secret

    @property
    def values(self) -> dict[str, str]:
        """The current texts of those that have one."""
        return {
            name: secret.text for name, secret in self.secrets.items() if secret.text is not None
        }

    def fields(self, name: str = "app/token") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.values[name])
        return found

    def lag_behind(self, name: str = "app/token", *, reads: int) -> None:
        """Answer the next reads of a secret with what it is now."""
        secret = self.secrets[name]
        self._past[name] = MemorySecret(dict(secret.versions), secret.current)
        self._lag = reads

    def read(self, *secret_ids: str) -> list[StoredSecret]:
        self._call("read")
        return [self._version(name, None) or _stored(name) for name in secret_ids]

    def read_version(self, secret_id: str, version_id: str) -> StoredSecret | None:
        self._call("read_version")
        return self._version(secret_id, version_id)

    def read_previous(self, secret_id: str) -> StoredSecret | None:
        self._call("read_previous")
        previous = self._secret(secret_id).previous
        return None if previous is None else self._version(secret_id, previous)

    def put(self, secret: StoredSecret, text: Secret, *, version_id: str) -> None:
        self._call("put", secret.secret_id)
        if self.before_put:
            self.before_put.pop(0)()
        assert 32 <= len(version_id) <= 64, "the API's bounds of ClientRequestToken"
        published = self._secret(secret.secret_id)
        taken = published.versions.get(version_id)
        if taken is None:
            published.publish(text.reveal(), version_id)
        elif taken != text.reveal() or published.current != version_id:
            raise VersionConflict("taken", operation="PutSecretValue", secret_id="s")

    def describe(self, secret_id: str) -> SecretInfo:
        self._call("describe")
        secret = self._secret(secret_id)
        return SecretInfo(_arn(secret_id), secret.tags, secret.text is not None)

    def create(
        self,
        name: str,
        *,
        description: str,
        tags: Mapping[str, str],
        text: Secret | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        assert description
        self._call("create", name)
        secret = self.add(name, text.reveal() if text else None, **tags)
        secret.kms_key_id = kms_key_id

    def tag(self, secret_id: str, tags: Mapping[str, str]) -> None:
        self._call("tag", secret_id)
        self._secret(secret_id).tags.update(tags)

    def _call(self, verb: str, changed: str = "") -> None:
        self.calls.append(verb)
        if changed:
            self.writes.append(f"{verb} {changed}")
        if verb == self.broken:
            self.broken = ""
            raise StoreError("unwell", operation=verb, secret_id=changed, retryable=True)

    def _secret(self, secret_id: str) -> MemorySecret:
        name = secret_id.removeprefix("arn:")
        if name not in self.secrets:
            raise SecretNotFound("missing", operation="DescribeSecret", secret_id=secret_id)
        return self.secrets[name]

    def _version(self, name: str, version_id: str | None) -> StoredSecret | None:
        secret = self._secret(name)
        if self._lag and name in self._past:
            self._lag -= 1
            secret = self._past[name]
        version_id = version_id or secret.current
        if version_id not in secret.versions:
            return None
        return _stored(
            name,
            version_id=version_id,
            text=Secret(secret.versions[version_id]),
            stages=_stages(secret, version_id),
            created_at=NOW + timedelta(seconds=list(secret.versions).index(version_id)),
        )


def _stages(secret: MemorySecret, version_id: str) -> tuple[str, ...]:
    labels = {"AWSCURRENT": secret.current, "AWSPREVIOUS": secret.previous}
    return tuple(label for label, labelled in labels.items() if labelled == version_id)


def _stored(name: str, **fields: Any) -> StoredSecret:
    return StoredSecret(secret_id=name, arn=_arn(name), **fields)


def _arn(secret_id: str) -> str:
    return "arn:" + secret_id.removeprefix("arn:")
