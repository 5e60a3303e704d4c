"""A provider of `secret_providers` on loopback: its token endpoint and its management interface."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.http_server import HttpServer, Reply, Request, json_reply
from tests.support.secret_providers import MANAGEMENT_TOKEN, SecretFake, is_management_scope

TOKEN_PATH = "/token"
MANAGEMENT_CLIENT = {"client_id": "management", "client_secret": "canary-management-secret"}
"""A client of its own for the management interface, for who doesn't let the client itself ask."""
LIFETIME_S = 86_399


@contextmanager
def serve(
    fake: SecretFake,
    spoil: Callable[[Request, Reply], Reply] = lambda _, reply: reply,
    *,
    lifetime_s: int = LIFETIME_S,
) -> Iterator[str]:
    """The base URL of `fake`, whose token endpoint is below it at `/token`.

    `spoil` says what is sent in place of a reply. Tokens live for `lifetime_s`.
    """
    numbers = iter(range(1, 1_000_000))

    def mint(request: Request) -> Reply:
        form = dict(request.form)
        if form.items() >= MANAGEMENT_CLIENT.items():
            return token(MANAGEMENT_TOKEN)
        kept = fake.accepts(form.get("client_secret", ""))
        if form.get("client_id") != fake.client_id or kept is None:
            return json_reply(401, {"error": "invalid_client"})
        kept.used_at = fake.clock.now()
        is_management = is_management_scope(form.get("scope", ""))
        text = MANAGEMENT_TOKEN if is_management else f"canary-token-{next(numbers)}"
        return token(text)

    def token(text: str) -> Reply:
        answer = {"access_token": text, "token_type": "bearer", "expires_in": lifetime_s}
        return json_reply(200, answer)

    def respond(request: Request) -> Reply:
        if request.path == TOKEN_PATH:
            return mint(request)
        status, document = fake.respond(request.method, request.path, request.headers, request.body)
        return Reply(status) if document is None else json_reply(status, document)

    def answer(request: Request) -> Reply:
        return spoil(request, respond(request))

    with HttpServer(answer, epoch=lambda: fake.clock.now().timestamp()) as server:
        yield server.url
