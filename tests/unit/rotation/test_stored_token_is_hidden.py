"""What a provider or an API says of the stored token is shown without it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from rotator.errors import MintError, ProbeError
from rotator.oauth.endpoint import TokenEndpoint
from rotator.rotation.probe import make_probe
from tests.support.clock import NOW
from tests.support.documents import HOUR, token_document
from tests.support.http_server import HttpServer, Reply, Request, json_reply
from tests.support.rotation_rig import CREDENTIALS, TokenJob

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
        said = {place: echo}
        if place == "x-request-id":
            return json_reply(401, {"error": "invalid_grant"}, **said)
        return json_reply(401, {"error": "invalid_grant"} | said)

    with HttpServer(answer) as server:
        job = TokenJob(
            token_document(STORED, issued_at=NOW - HOUR),
            CREDENTIALS | {"token_url": f"{server.url}/token"},
        )
        ways: dict[str, Any] = {
            "provider": {"endpoint": TokenEndpoint(clock=job.clock)},
            "probe": {"probe": make_probe(f"{server.url}/api")},
        }
        with pytest.raises((MintError, ProbeError)) as caught:
            job.run(force=True, **ways[by])

    shown = f"{caught.value} {vars(caught.value)}"
    assert "***" in shown
    assert echo[:12] not in shown


def test_warning_of_a_probe_that_repeats_the_stored_token_shows_nothing_of_it() -> None:
    with HttpServer(lambda _: json_reply(500, {"error": STORED})) as server:
        job = TokenJob(token_document(STORED, issued_at=NOW - HOUR))
        result = job.run(force=True, probe=make_probe(server.url))

    assert "***" in str(result.warnings)
    assert STORED[:12] not in str(result.warnings)
