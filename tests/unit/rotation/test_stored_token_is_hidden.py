"""What a provider or an API says of the stored token is shown without it."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from rotator.errors import MintError, ProbeError
from rotator.model.binding import Binding
from rotator.model.policy import RenewalPolicy
from rotator.oauth.endpoint import TokenEndpoint
from rotator.rotation.probe import make_probe
from rotator.rotation.rotate import rotate_token
from tests.support.clock import NOW, ManualClock
from tests.support.documents import HOUR, token_document
from tests.support.http_server import HttpServer, Reply, Request, json_reply
from tests.support.memory_endpoint import MemoryEndpoint
from tests.support.memory_store import MemoryStore

STORED = "stored/canary+that=is&still/valid"


def quote_all(text: str) -> str:
    return "".join(f"%{ord(c):02x}" for c in text)


@pytest.mark.parametrize("spell", [str, lambda text: quote(text, safe=""), quote_all])
@pytest.mark.parametrize(
    ("by", "place"),
    [
        ("provider", "error"),
        ("provider", "error_description"),
        ("provider", "x-request-id"),
        ("probe", "error"),
        ("probe", "x-request-id"),
    ],
)
def test_error_that_repeats_the_stored_token_shows_nothing_of_it(
    by: str, place: str, spell: Callable[[str], str]
) -> None:
    echo = spell(STORED)

    def answer(_: Request) -> Reply:
        members = {"error": "invalid_grant"} | ({} if place == "x-request-id" else {place: echo})
        return json_reply(
            401, members, **({"x-request-id": echo} if place == "x-request-id" else {})
        )

    with HttpServer(answer) as server:
        credentials = {
            "client_id": "my-client",
            "client_secret": "canary-secret",
            "token_url": f"{server.url}/token",
        }
        store = MemoryStore(
            credentials=credentials, token=token_document(STORED, issued_at=NOW - HOUR)
        )
        clock = ManualClock(NOW)
        with pytest.raises((MintError, ProbeError)) as caught:
            rotate_token(
                Binding("app/credentials", "app/token"),
                store=store,
                endpoint=TokenEndpoint(clock=clock)
                if by == "provider"
                else MemoryEndpoint(clock=clock),
                policy=RenewalPolicy(),
                clock=clock,
                force=True,
                probe=make_probe(f"{server.url}/api") if by == "probe" else None,
            )

    shown = f"{caught.value} {vars(caught.value)}"
    assert "***" in shown
    assert echo[:12] not in shown


def test_warning_of_a_probe_that_repeats_the_stored_token_shows_nothing_of_it() -> None:
    store = MemoryStore(
        credentials={"client_id": "my-client", "client_secret": "canary-secret"},
        token=token_document(STORED, issued_at=NOW - HOUR),
    )
    clock = ManualClock(NOW)
    with HttpServer(lambda _: json_reply(500, {"error": STORED})) as server:
        result = rotate_token(
            Binding("app/credentials", "app/token"),
            store=store,
            endpoint=MemoryEndpoint(clock=clock),
            policy=RenewalPolicy(),
            clock=clock,
            force=True,
            probe=make_probe(server.url),
        )

    assert "***" in str(result.warnings)
    assert STORED[:12] not in str(result.warnings)
