"""What a fleet is measured against: quotas enforced on loopback, and a provider over TLS.

Secrets Manager is the strict one, so that what is above a documented rate is really refused. Two
names of this machine are two hosts: the provider answers on `localhost`, and on `127.0.0.1` listens
one that takes every connection and never says a word.
"""

import itertools
import json
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi

from tests.strict_aws.service import ServiceAnswer, StrictSecretsManager
from tests.strict_aws.versions import CURRENT
from tests.support.certificates import Identity, server_context
from tests.support.documents import HOUR, token_document
from tests.support.http_server import HttpServer, Reply, Request, json_reply
from tests.support.wire import Call, Wire

TAG = "rotator:credentials-secret"
PROVIDER_S = 0.05
LIFETIME_S = 86_399
TOKEN_CHARS = 1_200
"""As long as a token of Adobe IMS."""

OLD = "old-"
DUE_AGE = timedelta(hours=23, minutes=10)


class QuotaService(StrictSecretsManager):
    """Counts what it refused because of its rates."""

    throttled = 0

    def handle(self, headers: Mapping[str, str], body: bytes) -> ServiceAnswer:
        answer = super().handle(headers, body)
        if answer.body.get("__type") == "ThrottlingException":
            self.throttled += 1
        return answer


@dataclass(slots=True)
class FleetWorld:
    """Both services, and the bindings `c/N` to `t/N` in them.

    `put_at` says when each token secret was published, in seconds on the monotonic clock.
    """

    wire: Wire
    service: QuotaService
    folder: Path
    provider_url: str
    hanging_url: str
    put_at: dict[str, float] = field(default_factory=dict)

    def create(self, count: int) -> None:
        """`count` bindings, each with its own credentials, found by tag and with their consent."""
        for number in range(count):
            name = f"c/{number}"
            self.service.ask(
                "CreateSecret", Name=name, SecretString=self._credentials(number, self.provider_url)
            )
            self.create_token(number, name)

    def create_token(self, number: int, credentials: str) -> None:
        tags = [{"Key": TAG, "Value": credentials}]
        self.service.ask(
            "CreateSecret", Name=f"t/{number}", SecretString=_token(number, HOUR), Tags=tags
        )

    def make_due(self, numbers: range, *, hanging: range = range(0)) -> None:
        """Make these tokens due; those of `hanging` are of the host that never answers."""
        for number in numbers:
            self.service.ask("PutSecretValue", SecretId=f"t/{number}", **_value(number, DUE_AGE))
            url = self.hanging_url if number in hanging else self.provider_url
            self.service.ask(
                "PutSecretValue",
                SecretId=f"c/{number}",
                ClientRequestToken=_version_id(),
                SecretString=self._credentials(number, url),
            )

    def refresh(self, numbers: range) -> None:
        for number in numbers:
            self.service.ask("PutSecretValue", SecretId=f"t/{number}", **_value(number, HOUR))

    def begin(self) -> None:
        """Count from here; the buckets of the rates are full again, as after a quiet second."""
        self.service.settle()
        time.sleep(1)
        self.wire.healthy()
        self.wire.after = self._note
        self.service.throttled = 0
        self.put_at = {}

    def counts(self) -> Counter[str]:
        return Counter(call.name.removeprefix("sm:") for call in self.wire.calls)

    def lost(self, numbers: range) -> int:
        """How many of these still have their old token."""
        return sum(self._stored(number).startswith(OLD) for number in numbers)

    def manifest(self, numbers: range, *, shared: int | None = None, **settings: object) -> str:
        """The path of a manifest of these bindings; `shared`: of so many credentials secrets."""
        lines = ["[fleet]", *(f"{name} = {json.dumps(each)}" for name, each in settings.items())]
        for number in numbers:
            credentials = number if shared is None else number % shared
            lines += ["[[binding]]", f'credentials_secret = "c/{credentials}"']
            lines += [f'token_secret = "t/{number}"']
        path = self.folder / "fleet.toml"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return str(path)

    def _note(self, call: Call) -> None:
        if call.name == "sm:PutSecretValue":
            self.put_at[call.params["SecretId"]] = time.monotonic()

    def _stored(self, number: int) -> str:
        version = self.service.versions(f"t/{number}").labelled(CURRENT)
        if version is None or version.content is None:
            return OLD
        token: str = json.loads(version.content[1])["access_token"]
        return token

    @staticmethod
    def _credentials(number: int, token_url: str) -> str:
        return json.dumps(
            {
                "client_id": "my-client",
                "client_secret": f"secret-of-{number}",
                "token_url": token_url,
                "token_secrets": ["t/*"],
            }
        )


@contextmanager
def fleet_world(folder: Path) -> Iterator[FleetWorld]:
    """Everything up, on free ports; `folder` gets the CA bundle, `ca-bundle.pem`."""
    identity = Identity.of("localhost")
    usual = Path(certifi.where()).read_text("utf-8")
    (folder / "ca-bundle.pem").write_text(identity.certificate + usual, "utf-8")
    numbers = itertools.count()

    def grant(_: Request) -> Reply:
        provider.stopped.wait(PROVIDER_S)
        token = f"new-{next(numbers)}-".ljust(TOKEN_CHARS, "t")
        fields = {"access_token": token, "token_type": "bearer", "expires_in": LIFETIME_S}
        return json_reply(200, fields)

    service = QuotaService()
    with (
        socket.create_server(("127.0.0.1", 0), backlog=128) as silent,
        Wire(service) as wire,
        HttpServer(grant, context=server_context(identity, folder)) as provider,
    ):
        yield FleetWorld(
            wire,
            service,
            folder,
            provider_url=f"https://localhost:{provider.port}/token",
            hanging_url=f"https://127.0.0.1:{silent.getsockname()[1]}/token",
        )


_version_numbers = itertools.count(1)


def _version_id() -> str:
    return f"{next(_version_numbers):036d}"


def _value(number: int, age: timedelta) -> dict[str, Any]:
    return {"ClientRequestToken": _version_id(), "SecretString": _token(number, age)}


def _token(number: int, age: timedelta) -> str:
    text = f"{OLD}{number}-".ljust(TOKEN_CHARS, "t")
    return json.dumps(token_document(text, issued_at=datetime.now(UTC) - age))
