"""Four providers whose client secrets can be changed, answering as their documentation says.

One state for all: client secrets with ids, a limit, a lag until a new one is accepted, and a
management token that is asked for. Each class words it as its provider does. No code of the product
is used to write a body.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.clock import Clock

MANAGEMENT_TOKEN = "canary-management-token"
FIRST_VALUE = "canary-first-secret"


@dataclass
class KeptSecret:
    """A client secret as the provider keeps it; `works_at` is when its servers all know it."""

    id: str
    value: str
    created_at: datetime
    works_at: datetime
    ends_at: datetime | None = None
    is_active: bool = True
    used_at: datetime | None = None
    switched_at: datetime | None = None
    label: str | None = None


@dataclass
class SecretFake:
    """What the four have in common; `secrets` by id, oldest first.

    `unlisted` are the ids that a stale list leaves out.
    `before` and `after` are called with the method of each request, and `answer_add` makes of the
    response to an add what a cache or a failing server makes of it.
    """

    clock: Clock
    lag: timedelta = timedelta(0)
    listing_lag: timedelta = timedelta(0)
    is_allowed: bool = True
    client_id: str = "my-client"
    secrets: dict[str, KeptSecret] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)
    made: int = 0
    before: Callable[[str], object] = lambda _: None
    after: Callable[[str], object] = lambda _: None
    answer_add: Callable[[int, object], tuple[int, object]] = lambda *found: found

    KIND: ClassVar[str]
    CAPACITY: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        self.make(FIRST_VALUE, works_at=self.clock.now() - timedelta(days=200))

    @property
    def settings(self) -> dict[str, Any]:
        """The field `client_admin` of the credentials secret."""
        return {"kind": self.KIND, "url": "https://provider.example"}

    @classmethod
    def secret_id(cls, number: int) -> str:
        """The id of the client secret that was made as this one, from 1."""
        return f"{cls.KIND}-secret-{number}"

    def make(self, value: str = "", works_at: datetime | None = None, **more: Any) -> KeptSecret:
        """One more client secret, from now or from when it works."""
        self.made += 1
        at = self.clock.now().replace(microsecond=0)
        kept = KeptSecret(
            id=self.secret_id(self.made),
            value=value or f"canary-{self.KIND}-value-{self.made}",
            created_at=works_at or at,
            works_at=works_at or at + self.lag,
            **more,
        )
        self.secrets[kept.id] = kept
        return kept

    def accepts(self, value: str, *, sooner_or_later: bool = False) -> KeptSecret | None:
        """The client secret of this value, if the token endpoint takes it.

        With `sooner_or_later`, if it will take it once all servers know what has changed.
        """
        now = self.clock.now()
        settled_at = now + self.lag if sooner_or_later else now
        for kept in self.secrets.values():
            is_known = sooner_or_later or now >= kept.works_at
            ends = kept.ends_at is not None and settled_at >= kept.ends_at
            if kept.value == value and kept.is_active and is_known and not ends:
                return kept
        return None

    def respond(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, object]:
        """The status and the JSON for one request of the management interface."""
        self.before(method)
        found = self._respond(method, path, headers, body)
        self.after(method)
        return found

    def _respond(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, object]:
        if headers.get("authorization") != f"Bearer {MANAGEMENT_TOKEN}":
            return self.refuse(401)
        if not self.is_allowed:
            return self.refuse(403)
        fields = json.loads(body) if body else {}
        for verb, beginning, answer in self.routes():
            if method == verb and path.partition("?")[0].startswith(beginning):
                found = answer(path.removeprefix(beginning), fields)
                return self.answer_add(*found) if answer.__name__ == "_add" else found
        return self.refuse(404)

    def routes(self) -> list[tuple[str, str, Callable[[str, dict[str, Any]], tuple[int, object]]]]:
        """Method, beginning of the path, and what answers with the rest of it and the body."""
        raise NotImplementedError

    def refuse(self, status: int) -> tuple[int, object]:
        """The provider's own error document."""
        raise NotImplementedError

    def added(self, kept: KeptSecret) -> dict[str, Any]:
        """The document that answers an add, with the value."""
        raise NotImplementedError

    def listed(self) -> list[KeptSecret]:
        """Those that the list shows by now."""
        now = self.clock.now()
        return [
            kept
            for kept in self.secrets.values()
            if now >= kept.created_at + self.listing_lag and kept.id not in self.unlisted
        ]

    def is_full(self) -> bool:
        """Whether there is no room for one more."""
        return self.CAPACITY is not None and len(self.secrets) >= self.CAPACITY


class FakeAdobe(SecretFake):
    """AdobeDocs/adobe-dev-console, ServerToServerAuthentication/IMS.md."""

    KIND = "adobe"
    CAPACITY = 2

    @property
    def settings(self) -> dict[str, Any]:
        return super().settings | {"organization_id": "org-1", "credential_id": "cred-1"}

    def routes(self) -> list[Any]:
        path = "/console/organizations/org-1/credentials/cred-1/secrets"
        return [
            ("GET", path, self._list),
            ("POST", path, self._add),
            ("DELETE", path, self._remove),
        ]

    def _document(self, kept: KeptSecret) -> dict[str, Any]:
        used = [{"last_used_at": _ms(kept.used_at), "grant_type": "client_credentials"}]
        return {
            "expires_at": "PERMANENT",
            "expires_at_str": "PERMANENT",
            "created_at": _ms(kept.created_at),
            "uuid": kept.id,
            "secret_usages": used if kept.used_at else None,
        }

    def _list(self, *_: object) -> tuple[int, object]:
        listed = [self._document(kept) for kept in self.listed()]
        return 200, {"client_id": self.client_id, "client_secrets": listed}

    def _add(self, *_: object) -> tuple[int, object]:
        if self.is_full():
            return self.refuse(400)
        return 201, self.added(self.make())

    def added(self, kept: KeptSecret) -> dict[str, Any]:
        return self._document(kept) | {"client_secret": kept.value}

    def _remove(self, rest: str, _: object) -> tuple[int, object]:
        return (204, None) if self.secrets.pop(rest.strip("/"), None) else self.refuse(404)

    def refuse(self, status: int) -> tuple[int, object]:
        return status, {"error_code": f"{status}000", "message": "adobe says no"}


class FakeEntraId(SecretFake):
    """Microsoft Graph v1.0: application, addPassword, removePassword, passwordCredential."""

    KIND = "entra-id"

    @classmethod
    def secret_id(cls, number: int) -> str:
        return f"00000000-0000-4000-8000-{number:012}"

    def routes(self) -> list[Any]:
        path = f"/v1.0/applications(appId='{self.client_id}')"
        return [
            ("POST", f"{path}/addPassword", self._add),
            ("POST", f"{path}/removePassword", self._remove),
            ("GET", path, self._list),
        ]

    def _document(self, kept: KeptSecret) -> dict[str, Any]:
        return {
            "customKeyIdentifier": None,
            "displayName": kept.label,
            "endDateTime": _rfc3339(kept.ends_at),
            "hint": kept.value[:3],
            "keyId": kept.id,
            "secretText": None,
            "startDateTime": _rfc3339(kept.created_at),
        }

    def _list(self, *_: object) -> tuple[int, object]:
        listed = [self._document(kept) for kept in self.listed()]
        return 200, {"@odata.context": "context", "passwordCredentials": listed}

    def _add(self, _: object, fields: dict[str, Any]) -> tuple[int, object]:
        wanted = fields["passwordCredential"]
        ends_at = datetime.fromisoformat(wanted["endDateTime"])
        kept = self.make(
            f"{self.made}~n-canary-entra", ends_at=ends_at, label=wanted["displayName"]
        )
        return 200, self.added(kept)

    def added(self, kept: KeptSecret) -> dict[str, Any]:
        return self._document(kept) | {"secretText": kept.value}

    def _remove(self, _: object, fields: dict[str, Any]) -> tuple[int, object]:
        return (204, None) if self.secrets.pop(fields["keyId"], None) else self.refuse(400)

    def refuse(self, status: int) -> tuple[int, object]:
        return status, {
            "error": {"code": "Authorization_RequestDenied", "message": "graph says no"}
        }


class FakeOkta(SecretFake):
    """Okta's management API: OAuth 2.0 client secrets of an application."""

    KIND = "okta"
    CAPACITY = 2

    @property
    def settings(self) -> dict[str, Any]:
        more = {"app_id": "0oa1", "credentials_secret": "app/management"}
        return super().settings | more

    def routes(self) -> list[Any]:
        path = "/api/v1/apps/0oa1/credentials/secrets"
        return [
            ("GET", path, self._list),
            ("POST", f"{path}/", self._switch),
            ("POST", path, self._add),
            ("DELETE", f"{path}/", self._remove),
        ]

    def _document(self, kept: KeptSecret) -> dict[str, Any]:
        return {
            "id": kept.id,
            "created": _rfc3339(kept.created_at),
            "lastUpdated": _rfc3339(kept.switched_at or kept.created_at),
            "secret_hash": "hash",
            "status": "ACTIVE" if kept.is_active else "INACTIVE",
            "client_secret": kept.value,
        }

    def _list(self, *_: object) -> tuple[int, object]:
        return 200, [self._document(kept) for kept in self.listed()]

    def _add(self, *_: object) -> tuple[int, object]:
        return self.refuse(400) if self.is_full() else (201, self.added(self.make()))

    def added(self, kept: KeptSecret) -> dict[str, Any]:
        return self._document(kept)

    def _switch(self, rest: str, _: object) -> tuple[int, object]:
        secret_id, _, verb = rest.partition("/lifecycle/")
        kept = self.secrets.get(secret_id)
        if kept is None:
            return self.refuse(404)
        self.switch(kept, is_active=verb == "activate")
        return 200, self._document(kept)

    def switch(self, kept: KeptSecret, *, is_active: bool) -> None:
        """Switch a client secret on or off, as the console does it too."""
        kept.is_active, kept.switched_at = is_active, self.clock.now()

    def _remove(self, rest: str, _: object) -> tuple[int, object]:
        if rest not in self.secrets:
            return self.refuse(404)
        if self.secrets[rest].is_active:
            return self.refuse(400)
        del self.secrets[rest]
        return 204, None

    def refuse(self, status: int) -> tuple[int, object]:
        return status, {"errorCode": "E0000001", "errorSummary": "okta says no"}


class FakeAuth0(SecretFake):
    """Auth0's Management API: a client's only secret, set by PATCH; the old one lags behind too."""

    KIND = "auth0"
    CAPACITY = 1

    def routes(self) -> list[Any]:
        return [("PATCH", f"/api/v2/clients/{self.client_id}", self._replace)]

    def _replace(self, _: object, fields: dict[str, Any]) -> tuple[int, object]:
        now = self.clock.now()
        if all(kept.value != fields["client_secret"] for kept in self.secrets.values()):
            for kept in self.secrets.values():
                kept.ends_at = now + self.lag
            self.make(fields["client_secret"])
        return 200, {"client_id": self.client_id, "name": "my client"}

    def refuse(self, status: int) -> tuple[int, object]:
        return status, {"statusCode": status, "error": "Forbidden", "message": "auth0 says no"}


OVERLAPPING: tuple[type[SecretFake], ...] = (FakeAdobe, FakeEntraId, FakeOkta)
"""At these an old client secret can live beside the new one."""
FAKES: tuple[type[SecretFake], ...] = (*OVERLAPPING, FakeAuth0)


def is_management_scope(scope: str) -> bool:
    """Whether a token for this scope is one for the provider's own interface."""
    return any(
        mark in scope for mark in ("manage_client", "graph.micro", "client_keys", "okta.apps")
    )


def _ms(at: datetime | None) -> str | None:
    return None if at is None else str(int(at.timestamp() * 1000))


def _rfc3339(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.1234567Z")
