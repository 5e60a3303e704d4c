"""The local token endpoint and API answer as Adobe's do, and do what the tests tell them."""

import base64
import http.client
import json
import socket
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from rotator.local.binding import LocalBinding
from rotator.local.ims import LocalIms
from rotator.local.ims_control import CONTROL_PATH, HELLO_PATH, TOKEN_PATH, RemoteIms
from rotator.local.ims_settings import ImsSettings
from tests.support.ims_client import ACCEPTED, CANARY, CLIENT, NOW, ImsClient
from tests.support.reader_threads import eventually


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return decoded


def test_token_answer_has_the_documented_body(client: ImsClient) -> None:
    answer = client.mint()
    assert answer.status == 200
    assert answer.json.keys() == {"access_token", "token_type", "expires_in"}
    assert answer.json["token_type"] == "bearer"
    assert answer.json["expires_in"] == 86_399
    assert answer.headers["content-type"].startswith("application/json")


def test_token_is_a_jwt_whose_times_are_strings_in_milliseconds(client: ImsClient) -> None:
    token = client.mint().json["access_token"]
    assert token.count(".") == 2
    assert "=" not in token
    told = claims(token)
    assert told["created_at"] == "1700000000250"
    assert told["expires_in"] == "86400000"
    assert told["client_id"] == CLIENT
    assert told["type"] == "access_token"
    assert told.keys() >= {"id", "user_id", "as", "scope"}


def test_every_mint_gives_another_token(client: ImsClient) -> None:
    assert client.mint().json["access_token"] != client.mint().json["access_token"]


@pytest.mark.parametrize("scope", ["openid,AdobeID", "openid, AdobeID", "openid AdobeID"])
def test_scopes_are_accepted_with_commas_and_with_spaces(client: ImsClient, scope: str) -> None:
    answer = client.mint(scope=scope)
    assert answer.status == 200
    assert set(claims(answer.json["access_token"])["scope"].split(",")) == {"openid", "AdobeID"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "somebody-else"}, "invalid_client"),
        ({"client_secret": "p8e-wrong"}, "invalid_client"),
        ({"scope": "openid,not_granted"}, "invalid_scope"),
        ({"scope": ","}, "invalid_scope"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"client_secret": ""}, "invalid_request"),
    ],
)
def test_refusal_is_400_with_the_oauth_error(
    client: ImsClient, changes: dict[str, str], error: str
) -> None:
    answer = client.mint(**changes)
    assert answer.status == 400
    assert answer.json["error"] == error
    assert answer.json["error_description"]


@pytest.mark.parametrize("missing", sorted(ACCEPTED))
def test_missing_parameter_is_invalid_request(client: ImsClient, missing: str) -> None:
    answer = client.post(urlencode({k: v for k, v in ACCEPTED.items() if k != missing}))
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    assert missing in answer.json["error_description"]


def test_repeated_parameter_is_invalid_request(client: ImsClient) -> None:
    answer = client.post(urlencode([*ACCEPTED.items(), ("scope", "openid")]))
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_json_body_is_not_taken_for_a_form(client: ImsClient) -> None:
    answer = client.send("POST", TOKEN_PATH, json.dumps(ACCEPTED), Content_Type="application/json")
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_token_url_takes_post_only(client: ImsClient, method: str) -> None:
    answer = client.send(method, TOKEN_PATH)
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"


def test_refusal_never_echoes_the_secret(client: ImsClient) -> None:
    assert CANARY not in client.mint(client_id="somebody-else").text
    assert "p8e-wrong" not in client.mint(client_secret="p8e-wrong").text


def test_each_answer_carries_its_own_debug_id(client: ImsClient) -> None:
    answers = [client.mint(), client.mint(scope="x"), client.hello("x"), client.send("GET", "/")]
    assert len({answer.headers["x-debug-id"] for answer in answers}) == 4


def test_debug_id_is_found_again_in_the_recorded_request(ims: LocalIms, client: ImsClient) -> None:
    refused = client.mint(scope="x")
    assert ims.token_requests()[-1]["debug_id"] == refused.headers["x-debug-id"]


def test_api_greets_a_valid_token_with_its_key(client: ImsClient) -> None:
    answer = client.hello(client.mint().json["access_token"])
    assert (answer.status, answer.text) == (200, "Welcome to the Photoshop API!")


def test_api_starts_a_job_as_firefly_does(client: ImsClient) -> None:
    token = client.mint().json["access_token"]
    answer = client.hello(token, body='{"prompt": "a lighthouse at dawn"}')
    assert answer.status == 202
    assert answer.json.keys() == {"jobId", "statusUrl"}
    status_path = urlsplit(answer.json["statusUrl"]).path
    asked = client.send("GET", status_path, Authorization=f"Bearer {token}", x_api_key=CLIENT)
    assert asked.status == 200


@pytest.mark.parametrize("body", [None, '{"prompt": "a lighthouse at dawn"}'])
@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é"])
def test_api_refuses_a_wrong_token(client: ImsClient, token: str, body: str | None) -> None:
    answer = client.hello(token.encode().decode("latin-1"), body=body)
    assert answer.status == 401
    assert answer.json == {"error_code": "401013", "message": "Oauth token is not valid"}


def test_api_refuses_a_call_without_token(client: ImsClient) -> None:
    assert client.send("GET", HELLO_PATH, x_api_key=CLIENT).status == 401


def test_api_refuses_another_scheme(client: ImsClient) -> None:
    assert client.hello(client.mint().json["access_token"], scheme="Basic").status == 401


def test_api_refuses_a_token_that_was_tampered_with(client: ImsClient) -> None:
    header, payload, signature = client.mint().json["access_token"].split(".")
    longer = claims(f"{header}.{payload}.") | {"expires_in": "999999999999"}
    forged = base64.urlsafe_b64encode(json.dumps(longer).encode()).decode().rstrip("=")
    assert client.hello(f"{header}.{forged}.{signature}").status == 401


def test_api_refuses_an_expired_token(ims: LocalIms, client: ImsClient) -> None:
    token = client.mint().json["access_token"]
    ims.configure(clock_offset_s=86_399)
    assert client.hello(token).status == 200
    ims.configure(clock_offset_s=86_400)
    assert client.hello(token).status == 401


def test_api_refuses_a_token_of_another_server(client: ImsClient) -> None:
    with LocalIms(now=lambda: NOW, clients={CLIENT: [CANARY]}) as other:
        foreign = ImsClient(other.urls.base).mint().json["access_token"]
    assert client.hello(foreign).status == 401


@pytest.mark.parametrize("key", [None, "somebody-else"])
def test_api_refuses_a_missing_or_mismatched_key(client: ImsClient, key: str | None) -> None:
    answer = client.hello(client.mint().json["access_token"], key=key)
    assert answer.status == 403
    assert answer.json == {"error_code": "403000", "message": "Api Key is invalid"}


def test_outage_is_503_until_changed(ims: LocalIms, client: ImsClient) -> None:
    ims.configure(behaviour="outage")
    assert [client.mint().status for _ in range(3)] == [503, 503, 503]
    ims.configure(behaviour="ok")
    assert client.mint().status == 200


def test_outage_for_the_next_requests_ends_by_itself(ims: LocalIms, client: ImsClient) -> None:
    ims.configure(behaviour="outage", for_requests=2)
    assert [client.mint().status for _ in range(3)] == [503, 503, 200]


def test_new_behaviour_lasts_although_the_old_one_was_limited(
    ims: LocalIms, client: ImsClient
) -> None:
    ims.configure(behaviour="outage", for_requests=1)
    ims.configure(behaviour="throttled")
    assert [client.mint().status for _ in range(3)] == [429, 429, 429]


def test_throttled_names_the_seconds_to_wait(ims: LocalIms, client: ImsClient) -> None:
    ims.configure(behaviour="throttled", retry_after_s=7)
    answer = client.mint()
    assert answer.status == 429
    assert answer.headers["retry-after"] == "7"


def test_hang_lasts_longer_than_a_mint_waits() -> None:
    """30 seconds: docs/providers.md. Otherwise a rehearsal meets a closed connection instead."""
    assert ImsSettings().hang_s > 30


@pytest.mark.parametrize("settings", [{"behaviour": "closed"}, {"behaviour": "hang", "hang_s": 0}])
def test_closed_and_hang_end_the_connection_without_an_answer(
    ims: LocalIms, client: ImsClient, settings: dict[str, Any]
) -> None:
    ims.configure(**settings)
    with pytest.raises(http.client.RemoteDisconnected):
        client.mint()


def test_hang_blocks_nobody_else_and_ends_with_the_server() -> None:
    with LocalIms(clients={CLIENT: [CANARY]}, behaviour="hang", hang_s=60, for_requests=1) as ims:
        client = ImsClient(ims.urls.base)
        hanging = socket.create_connection(("127.0.0.1", urlsplit(ims.urls.base).port or 0), 10)
        body = urlencode(ACCEPTED)
        head = f"POST {TOKEN_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        hanging.sendall((head + body).encode())
        eventually(lambda: ims.observed()["token_requests"] == 1)
        assert client.mint().status == 200
    with hanging:
        assert hanging.recv(1) == b""


def test_outage_leaves_the_api_alone(ims: LocalIms, client: ImsClient) -> None:
    token = client.mint().json["access_token"]
    ims.configure(behaviour="outage")
    assert client.hello(token).status == 200


def test_lifetime_shows_in_body_and_claims(ims: LocalIms, client: ImsClient) -> None:
    ims.configure(token_lifetime_s=3_600)
    answer = client.mint().json
    assert answer["expires_in"] == 3_599
    assert claims(answer["access_token"])["expires_in"] == "3600000"


def test_each_listed_client_secret_is_accepted(ims: LocalIms, client: ImsClient) -> None:
    ims.configure(clients={CLIENT: ["p8e-new", CANARY]})
    assert client.mint(client_secret="p8e-new").status == 200
    assert client.mint().status == 200
    ims.configure(clients={CLIENT: ["p8e-new"]})
    assert client.mint().json["error"] == "invalid_client"


def test_counters_tell_mints_requests_and_calls(ims: LocalIms, client: ImsClient) -> None:
    token = client.mint().json["access_token"]
    client.mint(scope="x")
    client.hello(token)
    client.hello("x")
    assert ims.observed() == {
        "tokens_minted": 1,
        "token_requests": 2,
        "api_calls": 2,
        "api_calls_ok": 1,
    }


def test_token_request_is_recorded_as_it_was_sent(ims: LocalIms, client: ImsClient) -> None:
    client.mint()
    client.send("POST", f"{TOKEN_PATH}?client_id=in-the-url", "", Authorization="Basic x")
    first, second = ims.token_requests()
    assert first["content_type"] == "application/x-www-form-urlencoded"
    assert first["fields"] == list(ACCEPTED)
    assert dict(first["form"]) == ACCEPTED
    assert (first["query"], first["authorization"], first["status"]) == ("", False, 200)
    assert (second["query"], second["authorization"]) == ("client_id=in-the-url", True)


def test_reset_returns_to_the_start(ims: LocalIms, client: ImsClient) -> None:
    ims.configure(behaviour="outage", clients={})
    client.mint()
    ims.reset()
    assert ims.observed()["token_requests"] == 0
    assert ims.token_requests() == []
    assert client.mint().status == 200


def test_remote_control_does_what_the_handle_does(ims: LocalIms, client: ImsClient) -> None:
    remote = RemoteIms(ims.urls.base)
    remote.configure(behaviour="outage", for_requests=1)
    assert [client.mint().status for _ in range(2)] == [503, 200]
    assert remote.observed() == ims.observed()
    assert [tuple(pair) for pair in remote.token_requests()[0]["form"]] == list(ACCEPTED.items())
    remote.reset()
    assert remote.token_requests() == []


def test_control_page_shows_settings_and_no_secret(client: ImsClient) -> None:
    client.mint()
    answer = client.send("GET", CONTROL_PATH)
    assert answer.json["settings"]["clients"] == [CLIENT]
    assert answer.json["observed"]["tokens_minted"] == 1
    assert CANARY not in answer.text


@pytest.mark.parametrize(
    "body", ['{"behavior": "ok"}', '{"behaviour": "down"}', '{"hang_s": 1e9}', "[]", "", "{"]
)
def test_control_refuses_a_wrong_setting_and_keeps_the_old(client: ImsClient, body: str) -> None:
    before = client.send("GET", CONTROL_PATH).json["settings"]
    assert client.send("POST", CONTROL_PATH, body).status == 400
    assert client.send("GET", CONTROL_PATH).json["settings"] == before


@pytest.mark.parametrize(
    "changes",
    [
        {"behaviour": "down"},
        {"for_requests": 0},
        {"token_lifetime_s": 1},
        {"hang_s": -1},
        {"unheard_of": 1},
    ],
)
def test_wrong_settings_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        ImsSettings().apply(changes)


def test_settings_show_no_client_secret() -> None:
    settings = ImsSettings().apply({"clients": {CLIENT: [CANARY]}})
    assert CANARY not in repr(settings)
    assert CANARY not in str(settings.to_fields())


def test_registered_binding_can_mint_and_hides_its_secret(ims: LocalIms, client: ImsClient) -> None:
    binding = LocalBinding.register(ims, prefix="demo/adobe")
    sent = json.loads(binding.init_input())
    assert sent["token_url"] == ims.urls.token
    answer = client.mint(client_id=sent["client_id"], client_secret=sent["client_secret"])
    assert answer.status == 200
    assert binding.client_secret not in repr(binding)
    assert binding.client_secret not in " ".join(binding.selectors)


def test_oversized_body_is_refused_unread(client: ImsClient) -> None:
    answer = client.send("POST", TOKEN_PATH, "", Content_Length="1000000000")
    assert answer.status == 413


def test_server_writes_nothing(
    ims: LocalIms, client: ImsClient, capfd: pytest.CaptureFixture[str]
) -> None:
    client.mint()
    client.mint(client_secret="p8e-wrong")
    client.send("GET", f"{TOKEN_PATH}?client_secret={CANARY}")
    ims.configure(behaviour="closed")
    with pytest.raises(http.client.RemoteDisconnected):
        client.mint()
    ims.stop()
    assert capfd.readouterr() == ("", "")


def test_stopped_server_gives_its_port_back() -> None:
    with LocalIms() as ims:
        port = urlsplit(ims.urls.base).port or 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 10)
