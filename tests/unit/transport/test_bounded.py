"""An exchange ends when its time is up: nothing of it goes on in the background."""

import socket
import threading

import pytest

from rotator.oauth.endpoint import TokenEndpoint
from rotator.transport.connections import StrictAdapter
from tests.evidence.hostile_rows import ROWS
from tests.evidence.hostile_words import Row
from tests.support.hostile_server import HostileServer
from tests.support.minting import mint_error

ENDLESS = [row for row in ROWS if row.is_endless and row.retryable]


@pytest.mark.parametrize("row", ENDLESS, ids=lambda row: row.name)
def test_connection_that_is_given_up_is_closed(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with HostileServer() as server:
        mint_error(server.url(row), endpoint=TokenEndpoint(deadline_s=0.1))

        assert server.wait_until_idle(timeout_s=30)

    for thread in threading.enumerate():
        if thread.name == "rotator-exchange":
            thread.join(30)
            assert not thread.is_alive()


def test_connection_that_is_made_too_late_carries_nothing() -> None:
    adapter = StrictAdapter()
    ours, theirs = socket.socketpair()
    adapter.cut()

    with theirs:
        with pytest.raises(ConnectionAbortedError):
            adapter.track(ours)

        assert theirs.recv(1) == b""
    adapter.close()
