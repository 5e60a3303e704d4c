"""The client proves itself by exactly one method, as its standard says."""

import base64
import hashlib
import json
import ssl
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, OctKey, OKPKey, RSAKey

from rotator.errors import CredentialsError
from rotator.oauth.client_auth import encode_basic
from rotator.oauth.endpoint import TokenEndpoint
from tests.support.big_keys import MERSENNE, pem_of, rsa_numbers
from tests.support.certificates import Identity
from tests.support.clock import ManualClock
from tests.support.http_server import Request
from tests.support.minting import mint
from tests.support.recording_server import RecordingServer

NOW = datetime(2026, 1, 31, 9, 0, 0, 250_000, tzinfo=UTC)
CLIENT_ID = "client id: +%"
CLIENT_SECRET = "p@ss:w%rd+/ &=~"

KEYS: dict[str, Callable[[], Any]] = {
    "RS256": lambda: RSAKey.generate_key(2048),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "ES384": lambda: ECKey.generate_key("P-384"),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
}


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    return {algorithm: generate() for algorithm, generate in KEYS.items()}


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as running:
        yield running


def ask(server: RecordingServer, **changes: object) -> Request:
    fields: dict[str, object] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    mint(f"{server.url}/token", endpoint=TokenEndpoint(clock=ManualClock(NOW)), **fields | changes)
    return server.requests[-1]


def ask_with_key(server: RecordingServer, key: object, **changes: object) -> Request:
    fields: dict[str, object] = {"client_secret": None, "private_key": key}
    return ask(server, **(fields | changes))


def decoded(request: Request, key: Any) -> jwt.Token:  # noqa: ANN401 - any kind of key
    assertion = dict(request.form)["client_assertion"]
    everything = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # RFC 9864 deprecates the name EdDSA
        return jwt.decode(assertion, key, algorithms=everything)


def test_basic_form_encodes_both_and_sends_neither_in_the_form(server: RecordingServer) -> None:
    request = ask(server, auth_method="client_secret_basic")

    kind, _, encoded = request.headers["authorization"].partition(" ")
    client_id, _, client_secret = base64.b64decode(encoded).decode().partition(":")
    assert kind == "Basic"
    assert "%3A" in client_id
    assert (unquote_plus(client_id), unquote_plus(client_secret)) == (CLIENT_ID, CLIENT_SECRET)
    assert request.form == [("grant_type", "client_credentials")]


def test_raw_basic_sends_both_as_they_are(server: RecordingServer) -> None:
    request = ask(server, auth_method="client_secret_basic", basic_encoding="raw")

    encoded = request.headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(encoded).decode() == f"{CLIENT_ID}:{CLIENT_SECRET}"


def test_post_sends_both_in_the_form_and_no_header(server: RecordingServer) -> None:
    request = ask(server, auth_method="client_secret_post")

    assert "authorization" not in request.headers
    assert request.form == [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
    ]


def test_basic_is_the_method_of_a_standard_provider(server: RecordingServer) -> None:
    assert "authorization" in ask(server).headers


@pytest.mark.parametrize("form", ["pem", "jwk", "jwk_text"])
@pytest.mark.parametrize("algorithm", list(KEYS))
def test_key_signs_an_assertion_with_the_algorithm_of_its_kind(
    server: RecordingServer, keys: dict[str, Any], algorithm: str, form: str
) -> None:
    key = keys[algorithm]
    jwk = key.as_dict(private=True)
    given = {"pem": key.as_pem(private=True).decode(), "jwk": jwk, "jwk_text": json.dumps(jwk)}

    request = ask_with_key(server, given[form], key_id="the-key", issuer="https://as.example")

    token = decoded(request, key)
    assert token.header == {"typ": "JWT", "alg": algorithm, "kid": "the-key"}
    assert token.claims["iss"] == token.claims["sub"] == CLIENT_ID
    assert token.claims["aud"] == "https://as.example"
    assert token.claims["exp"] - token.claims["iat"] <= 60
    assert token.claims["iat"] == int(NOW.timestamp())


def test_assertion_is_the_only_proof(server: RecordingServer, keys: dict[str, Any]) -> None:
    request = ask_with_key(server, keys["ES256"].as_dict(private=True))

    assert "authorization" not in request.headers
    assert [name for name, _ in request.form] == [
        "grant_type",
        "client_id",
        "client_assertion_type",
        "client_assertion",
    ]
    assert dict(request.form)["client_assertion_type"] == (
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    )


def test_no_two_assertions_have_the_same_id(server: RecordingServer, keys: dict[str, Any]) -> None:
    key = keys["ES256"]
    requests = [ask_with_key(server, key.as_dict(private=True)) for _ in range(3)]

    assert len({decoded(request, key).claims["jti"] for request in requests}) == 3


def test_assertion_is_for_the_token_endpoint_where_the_issuer_is_not_known(
    server: RecordingServer, keys: dict[str, Any]
) -> None:
    request = ask_with_key(server, keys["ES256"].as_dict(private=True))

    assert decoded(request, keys["ES256"]).claims["aud"] == f"{server.url}/token"


def test_entra_gets_what_it_documents(server: RecordingServer, keys: dict[str, Any]) -> None:
    certificate = Identity.of("client").certificate
    request = ask_with_key(
        server,
        keys["RS256"].as_dict(private=True),
        provider="entra-id",
        scope="https://graph.microsoft.com/.default",
        certificate=certificate,
        issuer="https://login.microsoftonline.com/tenant/v2.0",
        auth_method="private_key_jwt",
    )

    token = decoded(request, keys["RS256"])
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).digest()
    assert token.header["alg"] == "PS256"
    assert token.header["x5t#S256"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert token.claims["aud"] == f"{server.url}/token"


def test_key_id_of_a_jwk_is_used(server: RecordingServer) -> None:
    key = ECKey.generate_key("P-256", {"kid": "from-the-jwk"})

    request = ask_with_key(server, key.as_dict(private=True))

    assert decoded(request, key).header["kid"] == "from-the-jwk"


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("RS256", "PS256"), ("RS256", "RS256"), ("EdDSA", "Ed25519")]
)
def test_jwk_chooses_among_the_algorithms_of_its_kind(
    server: RecordingServer, keys: dict[str, Any], kind: str, algorithm: str
) -> None:
    key = keys[kind]

    request = ask_with_key(server, key.as_dict(private=True) | {"alg": algorithm})

    assert decoded(request, key).header["alg"] == algorithm


@pytest.mark.parametrize(
    "key",
    [
        "canary-canary",
        "{canary",
        '{"kty": "canary"}',
        '{"canary":' * 9000,
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n",
        ECKey.generate_key("P-256").as_dict(private=False),
        ECKey.generate_key("P-256").as_pem(private=False).decode(),
        OctKey.generate_key(256).as_dict(private=True),
        OKPKey.generate_key("X25519").as_dict(private=True),
        ECKey.generate_key("secp256k1").as_pem(private=True).decode(),
        ECKey.generate_key("P-256", {"use": "enc"}).as_dict(private=True),
    ],
    ids=range(11),  # what is in a key is another in each process
)
def test_key_that_cannot_sign_is_refused_before_anything_is_sent(
    server: RecordingServer, key: object
) -> None:
    with pytest.raises(CredentialsError, match="private_key: ") as caught:
        ask_with_key(server, key)

    assert server.requests == []
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_pem_with_a_prime_that_takes_long_to_check_is_refused(server: RecordingServer) -> None:
    pem = pem_of(rsa_numbers(MERSENNE[2203], MERSENNE[1279]))  # 3,482 bits together

    with pytest.raises(CredentialsError) as caught:
        ask_with_key(server, pem)

    assert str(caught.value) == (
        "private_key: its number p has more than 2,048 bits; use an RSA key with at most 4,096"
        " bits, or an EC key"
    )
    assert server.requests == []


def test_primes_of_a_key_are_checked_once_for_all_its_mints(
    server: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = RSAKey.generate_key(2048).as_pem(private=True).decode()
    load = Mock(side_effect=RSAKey.import_key)
    monkeypatch.setattr(RSAKey, "import_key", load)

    for _ in range(3):
        ask_with_key(server, pem)

    assert load.call_count == 1


def test_key_that_is_not_valid_is_checked_once_too(
    server: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    jwk = RSAKey.generate_key(2048).as_dict(private=True)
    jwk["d"] = jwk["n"]  # another exponent than that of the primes
    load = Mock(side_effect=JWKRegistry.import_key)
    monkeypatch.setattr(JWKRegistry, "import_key", load)

    for _ in range(3):
        with pytest.raises(CredentialsError, match="private_key: is neither"):
            ask_with_key(server, jwk)

    assert load.call_count == 1


def test_audience_resources_and_extra_parameters_are_sent(server: RecordingServer) -> None:
    request = ask(
        server,
        auth_method="client_secret_post",
        scope="read, write",
        audience="https://api.example",
        resource=["https://one.example", "https://two.example/?a=b&c"],
        parameters={"organization": "ö & co", "verify": "", "proxies": "x"},
    )

    assert request.form == [
        ("grant_type", "client_credentials"),
        ("scope", "read write"),
        ("audience", "https://api.example"),
        ("resource", "https://one.example"),
        ("resource", "https://two.example/?a=b&c"),
        ("organization", "ö & co"),
        ("verify", ""),
        ("proxies", "x"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
    ]


@given(client_id=st.text(min_size=1), client_secret=st.text(min_size=1))
def test_basic_decodes_to_what_was_encoded(client_id: str, client_secret: str) -> None:
    encodable = (client_id + client_secret).encode(errors="ignore").decode()
    if encodable != client_id + client_secret:  # half characters are in no secret
        return
    header = encode_basic(client_id, client_secret)

    kind, _, encoded = header.partition(" ")
    first, colon, second = base64.b64decode(encoded, validate=True).decode("ascii").partition(":")
    assert (kind, colon) == ("Basic", ":")
    assert (unquote_plus(first), unquote_plus(second)) == (client_id, client_secret)
