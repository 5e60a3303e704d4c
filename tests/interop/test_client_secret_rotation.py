"""A client secret that we choose, rotated at a server that nobody here wrote.

panva's oidc-provider with its registration management: the adapter is this test's own, since no
client can find out whether a server takes a client secret in an update (RFC 7592 leaves it open).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import unquote

import pytest

from rotator.client_admin.adapter import HttpClientAdmin, send_once
from rotator.client_admin.calls import Adapter, Call, Target
from rotator.errors import ClientAdminError, MintError
from rotator.model.client_credentials import ClientCredentials
from rotator.model.secret import Secret
from rotator.oauth.endpoint import TokenEndpoint
from rotator.rotation.client_secret import rotate_client_secret
from rotator.rotation.secret_result import SecretRotationResult
from rotator.rotation.secret_run import SecretRun, Situation
from rotator.transport.bounded import HttpResponse, TransportError
from rotator.transport.request import HttpRequest
from tests.support.clock import ManualClock
from tests.support.memory_store import MemoryStore

Start = Callable[[], AbstractContextManager[dict[str, Any]]]

NAME = "app/credentials"
METADATA = (
    "client_id",
    "grant_types",
    "redirect_uris",
    "response_types",
    "scope",
    "token_endpoint_auth_method",
)


class Registered:
    """The client as the server has registered it, and the secret in which rotator has it."""

    def __init__(self, client: dict[str, Any]) -> None:
        self.client = client
        self.clock = ManualClock()
        self.token = client["registration_access_token"]
        self.loses_responses = False
        fields = {
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "token_url": f"{client['issuer']}/token",
            "auth_method": "client_secret_post",
            # One client secret, which we choose: the shape that Auth0 has.
            "client_admin": {"kind": "auth0", "url": client["issuer"]},
        }
        self.store = MemoryStore(credentials=fields)

    @property
    def stored(self) -> list[str]:
        value = self.store.fields(NAME)["client_secret"]
        return value if isinstance(value, list) else [value]

    def rotate(self) -> SecretRotationResult:
        run = SecretRun(
            credentials_secret=NAME,
            store=self.store,
            endpoint=TokenEndpoint(),
            open_admin=self._open_admin,
            clock=self.clock,
        )
        return rotate_client_secret(run)

    def mints(self, value: str) -> bool:
        """Whether the server grants a token for this client secret."""
        fields = {**self.store.fields(NAME), "client_secret": value}
        try:
            TokenEndpoint().mint(ClientCredentials.from_fields(fields))
        except MintError as error:
            if error.oauth_error != "invalid_client":
                raise
            return False
        return True

    def _open_admin(self, seen: Situation) -> HttpClientAdmin:
        return HttpClientAdmin(
            Adapter(grants="the registration access token", replace=self._replace),
            Target(seen.credentials.client_id, seen.settings),
            token=lambda: (Secret(self.token), seen.credentials.client_id),
            send=self._send,
        )

    def _replace(self, _: Target, value: Secret) -> Call:
        uri = self.client["registration_client_uri"].removeprefix(self.client["issuer"])
        path = tuple(unquote(each) for each in uri.strip("/").split("/"))
        fields = {name: self.client[name] for name in METADATA}
        return Call(
            "set the client secret", "PUT", path, fields | {"chosen_client_secret": value.reveal()}
        )

    def _send(self, request: HttpRequest) -> HttpResponse:
        response = send_once(request)
        if self.loses_responses:
            raise TransportError("no response in time", retryable=True)
        return response


@pytest.fixture
def registered(start_registration: Start) -> Iterator[Registered]:
    with start_registration() as client:
        yield Registered(client)


def test_client_secret_is_replaced_and_the_old_one_ends(registered: Registered) -> None:
    [old] = registered.stored
    assert registered.mints(old)

    assert registered.rotate().outcome == "started"
    new, kept = registered.stored
    assert kept == old
    assert registered.mints(new)
    assert not registered.mints(old)

    registered.clock.advance(600)
    assert registered.rotate().outcome == "finished"
    assert registered.stored == [new]


def test_lost_response_is_settled_by_the_token_endpoint(registered: Registered) -> None:
    [old] = registered.stored
    registered.loses_responses = True

    assert registered.rotate().outcome == "started"

    new, kept = registered.stored
    assert kept == old
    assert registered.mints(new), "the server has taken it all the same"


def test_refused_management_token_keeps_the_old_client_secret(registered: Registered) -> None:
    [old], token = registered.stored, registered.token
    registered.token = "canary-of-somebody"

    with pytest.raises(ClientAdminError, match="HTTP 401") as caught:
        registered.rotate()

    new, kept = registered.stored
    assert kept == old
    assert registered.mints(old)
    assert "canary" not in str(caught.value)
    registered.token = token
    assert registered.rotate().outcome == "started"
    assert registered.stored == [new, old]
    assert registered.mints(new)
