"""What panva's certified oidc-provider takes, and what it says of the token that came of it."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey, OKPKey, RSAKey

from rotator.errors import MintError
from rotator.model.access_token import AccessToken
from rotator.model.client_credentials import ClientCredentials
from rotator.oauth.client_auth import encode_basic
from rotator.oauth.endpoint import TokenEndpoint
from tests.support.certificates import Identity

Start = Callable[..., AbstractContextManager[str]]

AWKWARD_ID = "client: id"
AWKWARD_SECRET = "p@ss:w%rd+/ &=~"
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
KEYS: dict[str, Any] = {
    "RS256": RSAKey.generate_key(2048),
    "PS256": RSAKey.generate_key(2048),
    "ES256": ECKey.generate_key("P-256"),
    "EdDSA": OKPKey.generate_key("Ed25519"),
}
RESOURCE = "https://api.example/one"
POSTS: dict[str, Any] = {
    "client_id": f"{AWKWARD_ID} client_secret_post",
    "client_secret": AWKWARD_SECRET,
    "auth_method": "client_secret_post",
}


def registrations() -> list[dict[str, Any]]:
    with_secret = [
        {
            "client_id": f"{AWKWARD_ID} {method}",
            "client_secret": AWKWARD_SECRET,
            "token_endpoint_auth_method": method,
        }
        for method in SECRET_METHODS
    ]
    with_key = [
        {
            "client_id": f"signs {algorithm}",
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": algorithm,
            "jwks": {"keys": [key.as_dict(private=False) | {"kid": "k1", "use": "sig"}]},
        }
        for algorithm, key in KEYS.items()
    ]
    return with_secret + with_key


@pytest.fixture(scope="module")
def issuer(start_oidc_provider: Start) -> Iterator[str]:
    with start_oidc_provider(registrations()) as running:
        yield running


def mint(**fields: object) -> AccessToken:
    return TokenEndpoint().mint(ClientCredentials.from_fields(fields)).token


def introspect(issuer: str, token: AccessToken) -> dict[str, Any]:
    """What the server itself says of the token (RFC 7662)."""
    basic = encode_basic(f"{AWKWARD_ID} client_secret_basic", AWKWARD_SECRET)
    answer = requests.post(
        f"{issuer}/token/introspection",
        data={"token": token.access_token.reveal()},
        headers={"Authorization": basic},
        timeout=10,
    )
    told: dict[str, Any] = answer.json()
    return told


def assert_is_known(issuer: str, token: AccessToken) -> None:
    told = introspect(issuer, token)
    assert told["active"] is True
    assert told["client_id"] == token.client_id
    assert abs(told["exp"] - token.expires_at.timestamp()) <= 2


@pytest.mark.parametrize("method", SECRET_METHODS)
def test_awkward_client_secret_is_accepted(issuer: str, method: str) -> None:
    token = mint(
        issuer=issuer,
        client_id=f"{AWKWARD_ID} {method}",
        client_secret=AWKWARD_SECRET,
        auth_method=method,
        scope="read",
    )

    assert token.expires_at - token.issued_at == timedelta(seconds=1200)
    assert token.scope == "read"
    assert token.token_url == f"{issuer}/token"
    assert_is_known(issuer, token)


def test_unencoded_basic_is_refused_by_a_server_that_follows_the_standard(issuer: str) -> None:
    with pytest.raises(MintError) as caught:
        mint(
            issuer=issuer,
            client_id=f"{AWKWARD_ID} client_secret_basic",
            client_secret=AWKWARD_SECRET,
            auth_method="client_secret_basic",
            basic_encoding="raw",
        )

    assert caught.value.oauth_error == "invalid_request"


@pytest.mark.parametrize("algorithm", list(KEYS))
def test_assertion_is_accepted(issuer: str, algorithm: str) -> None:
    key = KEYS[algorithm].as_dict(private=True) | {"kid": "k1"}
    if algorithm == "PS256":
        key["alg"] = algorithm

    for _ in range(2):  # the second would be refused as a replay with the same jti
        token = mint(issuer=issuer, client_id=f"signs {algorithm}", private_key=key)
        assert_is_known(issuer, token)


def test_assertion_of_another_key_is_refused(issuer: str) -> None:
    key = ECKey.generate_key("P-256").as_dict(private=True)

    with pytest.raises(MintError) as caught:
        mint(issuer=issuer, client_id="signs ES256", private_key=key)

    assert caught.value.oauth_error == "invalid_client"
    assert not caught.value.retryable


def test_second_client_secret_is_accepted_after_the_first_was_refused(issuer: str) -> None:
    token = mint(issuer=issuer, **POSTS | {"client_secret": ["replaced", AWKWARD_SECRET]})

    assert_is_known(issuer, token)


def test_resource_makes_a_token_for_that_audience(issuer: str) -> None:
    token = mint(issuer=issuer, **POSTS, scope="read", resource=RESOURCE)

    payload = token.access_token.reveal().split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert claims["aud"] == RESOURCE
    assert claims["client_id"] == token.client_id


def test_every_resource_reaches_the_server(issuer: str) -> None:
    with pytest.raises(MintError) as caught:
        mint(issuer=issuer, **POSTS, resource=[RESOURCE, "https://api.example/two"])

    assert caught.value.oauth_error == "invalid_target"
    assert "only a single resource indicator" in str(caught.value)


def test_scope_that_the_client_does_not_have_is_named_as_the_trouble(issuer: str) -> None:
    with pytest.raises(MintError) as caught:
        mint(issuer=issuer, **POSTS, scope="read administer")

    assert caught.value.oauth_error == "invalid_scope"


@pytest.mark.parametrize("policy", ["accept", "refuse"])
def test_scope_that_the_server_leaves_out_is_noticed(issuer: str, policy: str) -> None:
    fields: dict[str, Any] = {
        "issuer": issuer,
        "scope": "read unheard-of",
        "scope_policy": policy,
        **POSTS,
    }
    endpoint = TokenEndpoint()

    if policy == "refuse":
        with pytest.raises(MintError, match="scope is narrower"):
            endpoint.mint(ClientCredentials.from_fields(fields))
    else:
        minted = endpoint.mint(ClientCredentials.from_fields(fields))
        assert minted.token.scope == "read"
        assert len(minted.warnings) == 1


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_client_certificate_is_accepted(
    method: str, start_oidc_provider: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = Identity.of("localhost"), Identity.of("the-client")
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(server.certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    public = ECKey.import_key(client.private_key).as_dict(private=False)
    chain = "".join(client.certificate.splitlines()[1:-1])
    registered: dict[str, Any] = {"client_id": "certified", "token_endpoint_auth_method": method}
    if method == "tls_client_auth":
        registered["tls_client_auth_subject_dn"] = "CN=the-client"
    else:
        registered["jwks"] = {"keys": [public | {"x5c": [chain]}]}
    tls = {"cert": server.certificate, "key": server.private_key, "ca": client.certificate}
    identity = {"certificate": client.certificate, "private_key": client.private_key}

    with start_oidc_provider([registered], tls) as issuer:
        fields = {"issuer": issuer, "client_id": "certified", "auth_method": method}
        token = mint(**fields, **identity)
        stranger = Identity.of("a-stranger")
        with pytest.raises(MintError) as caught:
            mint(**fields, certificate=stranger.certificate, private_key=stranger.private_key)

    assert token.client_id == "certified"
    assert caught.value.oauth_error == "invalid_client"
