"""Rotations of a client secret with known texts, healthy and at servers that repeat all they know.

The old and the new client secret, the management token, and the token that proves the new one.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from tests.evidence.job import Stage
from tests.evidence.leak_search import search_run
from tests.support.clock import ManualClock
from tests.support.documents import token_document
from tests.support.http_server import Reply, Request, json_reply
from tests.support.secret_providers import (
    FIRST_VALUE,
    MANAGEMENT_TOKEN,
    FakeAdobe,
    FakeAuth0,
    FakeEntraId,
    FakeOkta,
    SecretFake,
    is_management_scope,
)
from tests.support.secret_server import TOKEN_PATH, serve

DRAWN = "canary-drawn-by-the-run-0123456789"
NEW_VALUES = {
    FakeAdobe: "canary-adobe-value-2",
    FakeAuth0: DRAWN,
    FakeEntraId: "1~n-canary-entra",
    FakeOkta: "canary-okta-value-2",
}
FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "rotator",
    "ROTATOR_CREDENTIALS_SECRET": "credentials",
    "ROTATOR_TOKEN_SECRET": "token",
}
COMMAND = ("rotate-client-secret", "credentials")
EVENT = ("lambda", '{"rotate_client_secret": true}')
KEY_FIELDS = ("client_id", "client_secret", "token_url", "auth_method")
VERSION = "11111111-2222-3333-4444-555555555555"

Spoil = Callable[[Request, Reply], Reply]


def _as_it_is(_: Request, reply: Reply) -> Reply:
    return reply


@dataclass(frozen=True, slots=True)
class RotationSituation:
    """What is spoilt, the command, a word of what it prints, and whether it is near its end."""

    name: str
    make: type[SecretFake]
    spoil: Spoil = _as_it_is
    command: tuple[str, ...] = COMMAND
    outcome: str = "failed"
    is_old: bool = False


def client_secret_leaks(on: Stage) -> Iterator[tuple[str, Callable[[], str | None]]]:
    """Each situation by its name, and what runs it and says where a secret is to be seen."""
    for situation in _situations():
        yield f"rotate-client-secret: {situation.name}", partial(_leak, on, situation)


def _situations() -> Iterator[RotationSituation]:
    for make in NEW_VALUES:
        kind = make.KIND
        yield RotationSituation(f"{kind}: healthy", make, outcome="started")
        yield RotationSituation(
            f"{kind}: dry run", make, command=(*COMMAND, "--dry-run", "--json"), outcome="would"
        )
        yield RotationSituation(f"{kind}: function", make, command=EVENT, outcome="started")
        for method in ("PATCH",) if make is FakeAuth0 else ("GET", "POST"):
            yield from _echoes(make, method)
        for tried in ("management", "stored", "new"):
            for status, code in ((401, "invalid_client"), (400, "invalid_scope")):
                name = f"{kind}: token endpoint, {tried}, {code}"
                if (tried, code) != ("new", "invalid_client"):  # which is tried for two minutes
                    yield RotationSituation(name, make, _at_token(status, code, tried))
    yield RotationSituation("adobe: end", FakeAdobe, outcome="finished", is_old=True)
    yield RotationSituation("okta: end", FakeOkta, outcome="retired", is_old=True)
    yield from _echoes(FakeAdobe, "DELETE")


def _echoes(make: type[SecretFake], method: str) -> Iterator[RotationSituation]:
    is_old = method == "DELETE"
    # What a PATCH is answered with decides nothing: the token endpoint accepts what it has set.
    outcome = "started" if method == "PATCH" else "failed"
    for name, echo in ECHOES.items():
        yield RotationSituation(
            f"{make.KIND}: {method} {name}", make, _of(method, echo), outcome=outcome, is_old=is_old
        )


def _sent(request: Request) -> str:
    return f"{request.body.decode()} {request.headers.get('authorization', '')}"


def _error(request: Request, _: Reply) -> Reply:
    """A refusal that repeats the request, and the client secret that the provider knows."""
    known = f"{_sent(request)} {FIRST_VALUE}"
    return json_reply(403, {"message": known, "error": {"message": known}, "errorSummary": known})


def _html(status: int, request: Request, reply: Reply) -> Reply:
    known = f"{_sent(request)} {FIRST_VALUE} {reply.body.decode()}"
    return Reply(status, f"<p>{known}</p>".encode(), {})


def _undocumented(request: Request, reply: Reply) -> Reply:
    known = f"{_sent(request)} {FIRST_VALUE} {reply.body.decode()}"
    return json_reply(201, {"client_secret": known, "secretText": known, "uuid": 7, known: 7})


ECHOES: dict[str, Spoil] = {
    "error echoes": _error,
    "HTML echoes": partial(_html, 503),
    "200 HTML echoes": partial(_html, 200),
    "undocumented": _undocumented,
}
"""None of them is what the provider documents, whatever the status."""


def _of(method: str, echo: Spoil) -> Spoil:
    """The echo at the provider's interface, for requests of this method."""

    def spoil(request: Request, reply: Reply) -> Reply:
        is_meant = request.path != TOKEN_PATH and request.method == method
        return echo(request, reply) if is_meant else reply

    return spoil


def _at_token(status: int, code: str, tried: str) -> Spoil:
    """An error that repeats all at the token endpoint, where this client secret is tried."""

    def spoil(request: Request, reply: Reply) -> Reply:
        form = dict(request.form)
        what = "stored" if form.get("client_secret") == FIRST_VALUE else "new"
        if is_management_scope(form.get("scope", "")):
            what = "management"
        if request.path != TOKEN_PATH or what != tried:
            return reply
        fields = {"error": code, "error_description": _sent(request)}
        return json_reply(status, fields)

    return spoil


def _leak(on: Stage, situation: RotationSituation) -> str | None:
    on.set("empty")
    fake = situation.make(ManualClock(datetime.now(UTC)))
    new = NEW_VALUES[situation.make]
    with serve(fake, situation.spoil) as url:
        _store(on, fake, url, is_old=situation.is_old)
        return search_run(
            on.wire,
            situation.command,
            [FIRST_VALUE, new, MANAGEMENT_TOKEN, "canary-token-1"],
            environment=FUNCTION if situation.command[0] == "lambda" else {},
            drawn=DRAWN,
            outcome=situation.outcome,
        )


def _store(on: Stage, fake: SecretFake, url: str, *, is_old: bool) -> None:
    fields: dict[str, object] = {
        "client_id": fake.client_id,
        "client_secret": FIRST_VALUE,
        "token_url": url + TOKEN_PATH,
        "auth_method": "client_secret_post",
        "token_secrets": ["token"],
        "client_admin": fake.settings | {"url": url},
    }
    if isinstance(fake, FakeOkta):  # which wants other credentials for its own interface
        fields["client_admin"] = fake.settings | {"url": url, "credentials_secret": "management"}
        key = {name: fields[name] for name in KEY_FIELDS} | {"admin_of": ["credentials"]}
        on.wire.secrets_manager.ask("CreateSecret", Name="management", SecretString=json.dumps(key))
    ask = on.wire.secrets_manager.ask
    if is_old:
        fields |= _old_rotation(fake)
        token = token_document(
            "canary-token-1",
            issued_at=fake.clock.now() - timedelta(hours=1),
            client_id=fake.client_id,
            credentials_version_id=VERSION,
            client_secret_position=1,
        )
        ask("PutSecretValue", SecretId="token", SecretString=json.dumps(token))
    text = json.dumps(fields)
    ask("PutSecretValue", SecretId="credentials", SecretString=text, ClientRequestToken=VERSION)


def _old_rotation(fake: SecretFake) -> dict[str, object]:
    """Of five days ago, whose gate is open."""
    from rotator.model.secret import Secret
    from rotator.model.secret_rotation import digest_of

    new = fake.make()
    long_ago = (fake.clock.now() - timedelta(days=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    state = {
        "id": "rotation-1",
        "step": "overlap",
        "started_at": long_ago,
        "stored_at": long_ago,
        "old": {"id": fake.secret_id(1)},
        "new": {"id": new.id},
        "new_digest": digest_of(Secret(new.value)),
        "minted_since": {"token": long_ago},
    }
    return {"client_secret": [new.value, FIRST_VALUE], "client_secret_rotation": state}
