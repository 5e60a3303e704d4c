"""Whatever the token endpoint answers: an error that says what, and nothing else happens."""

import logging
import re
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rotator.errors import MintError, ProbeError
from rotator.model.binding import Binding
from rotator.model.client_credentials import ClientCredentials
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret
from rotator.oauth.endpoint import TokenEndpoint
from rotator.rotation.probe import call_api
from rotator.rotation.rotate import rotate_token
from tests.evidence.hostile_rows import BODIES, CONNECTIONS, REDIRECTS, ROWS
from tests.evidence.hostile_words import (
    ASKED_AT_S,
    BASIC,
    CLIENT_ID,
    CLIENT_SECRET,
    GOOD,
    TOKEN,
    Row,
    credential_fields,
)
from tests.support.clock import FunctionClock, ManualClock
from tests.support.documents import DAY, HOUR, token_document
from tests.support.hostile_server import GOOD_ROW, HostileServer
from tests.support.memory_store import MemoryStore
from tests.support.reader_rig import chain

NOW = datetime.fromtimestamp(ASKED_AT_S, UTC)
BINDING = Binding("app/credentials", "app/token")
STORED = token_document("the-stored-token", issued_at=NOW - DAY + HOUR, client_id=CLIENT_ID)
CANARIES = (
    CLIENT_SECRET,
    CLIENT_SECRET[:18],
    CLIENT_SECRET[-12:],
    quote(CLIENT_SECRET, safe=""),
    quote_plus(CLIENT_SECRET),
    BASIC,
    BASIC[-20:],
    TOKEN,
    TOKEN[:20],
    "canary",
)

NOT_ABOUT_TOKENS = (*REDIRECTS, *BODIES, *CONNECTIONS)
PIECES = st.sampled_from([GOOD, *re.split(rb"(\r\n|[ ,:{}])", GOOD), b"Transfer-Encoding: chunked"])
ANSWERS = st.lists(PIECES | st.binary(max_size=5), max_size=60).map(b"".join)
"""Whole answers, and what comes of one that is torn to pieces and put together again."""


def store_for(token_url: str) -> MemoryStore:
    return MemoryStore(credentials=credential_fields(token_url), token=STORED)


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with HostileServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


def clock(pauses_s: list[float]) -> FunctionClock:
    """Real time, as only a deadline ends some rows, without real pauses."""
    return FunctionClock(lambda: NOW, monotonic=time.monotonic, wait=pauses_s.append)


def endpoint(row: Row, pauses_s: list[float]) -> TokenEndpoint:
    return TokenEndpoint(
        deadline_s=0.15 if row.is_endless and row.retryable else 20,
        read_timeout_s=0.1 if row.is_endless else 20,
        clock=clock(pauses_s),
    )


def test_there_are_many_rows_with_names_of_their_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 60


def test_the_answer_that_rows_depart_from_is_published(server: HostileServer) -> None:
    store = store_for(server.url(GOOD_ROW))

    result = rotate_token(
        BINDING,
        store=store,
        endpoint=endpoint(GOOD_ROW, []),
        policy=RenewalPolicy(),
        force=True,
        clock=ManualClock(NOW),
    )

    assert result.outcome == "rotated"
    assert result.expires_at == NOW + timedelta(seconds=86_399)
    assert store.fields()["access_token"] == TOKEN


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_hostile_answer_costs_nothing_but_an_error(
    row: Row,
    server: HostileServer,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    store = store_for(server.url(row))
    before = store.values
    pauses_s: list[float] = []

    with pytest.raises(MintError) as caught:
        rotate_token(
            BINDING,
            store=store,
            endpoint=endpoint(row, pauses_s),
            policy=RenewalPolicy(),
            force=True,
            clock=ManualClock(NOW),
        )

    error = caught.value
    assert row.error in str(error)
    assert facts(error) == (row.retryable, row.oauth_error, row.status)
    assert store.values == before
    assert store.writes == []
    assert server.elsewhere == 0
    assert server.requests[row.name] <= (4 if row.retryable else 1)
    assert sum(pauses_s) < 20
    assert canaries_in(error, caplog.text, *capfd.readouterr()) == []


@given(answer=st.binary(max_size=300) | ANSWERS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_good_token_or_an_error_of_ours(
    answer: bytes, server: HostileServer
) -> None:
    url = server.add(Row("any bytes", (answer,), ""))
    fields = {"token_url": url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    endpoint = TokenEndpoint(deadline_s=20, clock=clock([]))
    refused, text = None, "nothing"
    try:
        text = endpoint.mint(ClientCredentials.from_fields(fields)).token.access_token.reveal()
    except MintError as error:
        refused = error

    assert canaries_in(refused) == []
    assert text.isascii()
    assert text.isprintable()


@pytest.mark.parametrize("row", NOT_ABOUT_TOKENS, ids=lambda row: row.name)
def test_hostile_metadata_costs_nothing_but_an_error(row: Row, server: HostileServer) -> None:
    fields = {"issuer": server.url(row), "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    before = server.posts[row.name]

    with pytest.raises(MintError, match="issuer: ") as caught:
        endpoint(row, []).mint(ClientCredentials.from_fields(fields))

    assert server.posts[row.name] == before
    assert server.elsewhere == 0
    assert canaries_in(caught.value) == []


@pytest.mark.parametrize("row", NOT_ABOUT_TOKENS, ids=lambda row: row.name)
def test_hostile_api_gets_the_token_once_and_says_nothing_of_it(
    row: Row, server: HostileServer
) -> None:
    before = server.requests[row.name]
    timeout_s = 0.15 if row.is_endless else 20
    refused, answer = None, None
    try:
        answer = call_api(
            server.url(row), token=Secret(TOKEN), client_id=CLIENT_ID, timeout_s=timeout_s
        )
    except ProbeError as error:
        refused = error

    assert canaries_in(refused, answer) == []
    assert refused is None or refused.retryable
    assert server.requests[row.name] <= before + 1
    assert server.elsewhere == 0


def facts(error: MintError) -> tuple[Any, ...]:
    return error.retryable, error.oauth_error, error.status


def canaries_in(error: BaseException | None, *outputs: object) -> list[str]:
    shown = [str(output) for output in outputs]
    for each in [] if error is None else chain(error):
        shown += [str(each), repr(each), repr(vars(each)), *traceback.format_exception(each)]
    everything = "\n".join(shown)
    return [canary for canary in CANARIES if canary.lower() in everything.lower()]
