"""Which token endpoint is meant, what it needs, and whether a secret may be sent there."""

from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from rotator.errors import CredentialsError
from rotator.model.client_credentials import ClientCredentials
from rotator.model.providers import AUTH_METHODS, PRESETS, Provider, resolve
from rotator.model.urls import problem_with_url

URL = "https://login.example/oauth/token"
MINIMAL: dict[str, Any] = {"client_id": "client", "client_secret": "s3cret"}


def resolved(**fields: object) -> Provider:
    return resolve(ClientCredentials.from_fields(MINIMAL | fields))


def problem(**fields: object) -> str:
    with pytest.raises(CredentialsError) as caught:
        resolved(**fields)
    return str(caught.value)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_preset_is_complete(preset: Provider) -> None:
    assert preset.documentation.startswith("https://")
    assert preset.auth_method in AUTH_METHODS
    for url in filter(None, (preset.token_url, preset.token_url_pattern)):
        assert problem_with_url(url.replace("{", "").replace("}", "")) is None
    assert preset.token_url or preset.token_url_pattern or preset.name == "generic"


def test_nothing_but_credentials_means_adobe() -> None:
    provider = resolved()

    assert provider.token_url == "https://ims-na1.adobelogin.com/ims/token/v3"
    assert provider.scope_parameter() == "openid,AdobeID,read_organizations"
    assert provider.auth_method == "client_secret_post"
    assert provider.lifetime_s == 86_399


@pytest.mark.parametrize("name", ["token_url", "issuer"])
def test_an_address_means_a_standard_provider(name: str) -> None:
    provider = resolved(**{name: "https://as.example/x"})

    assert provider.name == "generic"
    assert provider.scope_parameter() is None


@pytest.mark.parametrize(
    "fields",
    [
        {"token_url": "https://ims-na1.adobelogin.com/ims/token/v3"},
        {"token_url": "https://ims-na1-stg1.adobelogin.com/ims/token/v3"},
        {"token_url": "HTTPS://IMS-NA1.adobelogin.com/ims/token/v3"},
        {"issuer": "https://ims-na1.adobelogin.com"},
        {"issuer": "https://ims-na1.adobelogin.com/"},
    ],
)
def test_host_of_adobe_means_adobe_wherever_it_stands(fields: dict[str, str]) -> None:
    provider = resolved(**fields)

    assert provider.name == "adobe-ims"
    assert provider.scope_parameter() == "openid,AdobeID,read_organizations"
    assert provider.token_url == fields.get(
        "token_url", "https://ims-na1.adobelogin.com/ims/token/v3"
    )


@pytest.mark.parametrize(
    "token_url",
    [
        "https://adobelogin.com.example/ims/token/v3",
        "https://as.example/?ims-na1.adobelogin.com/",
        "https://ims-na1.adobelogin.com.example/ims/token/v3",
    ],
)
def test_host_that_only_resembles_adobes_does_not_mean_adobe(token_url: str) -> None:
    assert resolved(token_url=token_url).name == "generic"


def test_fields_of_the_credentials_lie_over_the_preset() -> None:
    provider = resolved(
        provider="commercetools",
        token_url="https://auth.europe-west1.gcp.commercetools.com/oauth/token",
        scope="manage_project:shop",
        auth_method="client_secret_post",
        basic_encoding="raw",
        lifetime_s=172_800,
    )

    assert provider.token_url == "https://auth.europe-west1.gcp.commercetools.com/oauth/token"
    assert provider.scope == "manage_project:shop"
    assert provider.auth_method == "client_secret_post"
    assert provider.basic_encoding == "raw"
    assert provider.lifetime_s == 172_800


def test_key_without_a_client_secret_signs() -> None:
    credentials = ClientCredentials.from_fields(
        {"client_id": "client", "private_key": "PEM", "token_url": "https://as.example/token"}
    )

    assert resolve(credentials).auth_method == "private_key_jwt"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"provider": "acme"}, "provider: unknown; known are adobe-ims, apigee"),
        ({"provider": "otka"}, "provider: unknown; did you mean okta?"),
        ({"auth_method": "none"}, "auth_method: unknown; known are client_secret_basic"),
        ({"auth_method": "private_key_jwt"}, "private_key: missing; private_key_jwt needs it"),
        ({"auth_method": "tls_client_auth"}, "certificate: missing; tls_client_auth needs it"),
        (
            {"auth_method": "tls_client_auth", "certificate": "PEM"},
            "private_key: missing; tls_client_auth needs it",
        ),
        (
            {"client_secret": None, "private_key": "PEM", "auth_method": "client_secret_post"},
            "client_secret: missing; client_secret_post needs it",
        ),
        ({"provider": "generic"}, "token_url: missing; or set issuer to look it up"),
        (
            {"provider": "auth0", "audience": "https://api.example"},
            "token_url: missing; for auth0 it is https://{domain}/oauth/token",
        ),
        ({"provider": "auth0"}, "audience: missing; auth0 needs it"),
        ({"provider": "okta", "token_url": "https://x.okta.com/t"}, "scope: missing; okta needs"),
        ({"token_url": "http://as.example/token"}, "token_url: must use https"),
        ({"issuer": "http://as.example"}, "issuer: must use https"),
        ({"token_url": "https://as.example/token#x"}, "token_url: holds a fragment"),
    ],
)
def test_what_is_missing_or_wrong_is_named(fields: dict[str, object], told: str) -> None:
    assert told in problem(**fields)


@given(
    st.lists(
        st.text(
            st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","),
            min_size=1,
        )
    ),
    st.sampled_from([" ", ",", ", ", "\n", " ,  "]),
    st.sampled_from([" ", ","]),
)
def test_scopes_go_out_in_the_spelling_of_the_provider(
    scopes: list[str], written: str, wanted: str
) -> None:
    provider = Provider(name="p", scope=written.join(scopes), scope_separator=wanted)
    assert provider.scope_parameter() == (wanted.join(scopes) or None)


@given(scope=st.text())
def test_scope_never_holds_an_empty_name(scope: str) -> None:
    sent = Provider(name="any", scope=scope).scope_parameter()

    assert sent is None or all(sent.split(" "))


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "HTTPS://login.example:8443/token?tenant=t",
        "https://10.0.0.1/token",
        "http://localhost:8080/token",
        "http://LOCALHOST/token",
        "http://127.0.0.1:5000/ims/token/v3",
        "http://[::1]:5000/token",
        "https://login.example./token",
        f"https://{'a' * 63}.example/token",
        f"https://{'a.' * 126}a/token",
    ],
)
def test_secret_may_be_sent_over_https_and_to_this_machine(url: str) -> None:
    assert problem_with_url(url) is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "is not an https URL"),
        ("login.example/token", "is not an https URL"),
        ("//login.example/token", "is not an https URL"),
        ("https:///token", "is not an https URL"),
        ("https://:443/token", "is not an https URL"),
        ("https://login.example:port/token", "is not an https URL"),
        ("https://login.example:99999/token", "is not an https URL"),
        ("https://[::1/token", "is not an https URL"),
        ("ftp://login.example/token", "is not an https URL"),
        ("file:///token", "is not an https URL"),
        ("javascript:alert(1)", "is not an https URL"),
        ("https://a..b/token", "contains an invalid host name"),
        ("https://.login.example/token", "contains an invalid host name"),
        ("https://login.example../token", "contains an invalid host name"),
        ("https://./token", "contains an invalid host name"),
        (f"https://{'a' * 64}.example/token", "contains an invalid host name"),
        (f"https://{'a.' * 126}ab/token", "contains an invalid host name"),
        # RFC 1123 section 2.1: no hyphen at the end of a label, and no number as the last label.
        ("https://-login.example/token", "contains an invalid host name"),
        ("https://login-.example/token", "contains an invalid host name"),
        ("https://999.999.1.1/token", "contains an invalid host name"),
        ("https://10.1.2/token", "contains an invalid host name"),
        ("https://0x7f000001/token", "contains an invalid host name"),
        ("https://[fe80:::1]/token", "is not an https URL"),
        ("https://login.example:0/token", "has port 0, where no server listens"),
        ("http://login.example/token", "must use https"),
        ("http://localhost.login.example/token", "must use https"),
        ("http://127.0.0.1.login.example/token", "must use https"),
        ("http://0.0.0.0/token", "must use https"),
        ("http://169.254.169.254/token", "must use https"),
        ("https://id:canary@login.example/token", "holds user info"),
        ("https://id@login.example/token", "holds user info"),
        ("https://@login.example/token", "holds user info"),
        ("https://login.example\\@canary.example/token", "holds user info"),
        ("https://login.example/token#canary", "holds a fragment"),
        ("https://login.example\\.canary.example/token", "is not an https URL"),
        ("https://login.example/to ken", "holds white space"),
        ("https://login.example/token\n", "holds white space"),
        ("https://login\t.example/token", "holds white space"),
        ("https://login.example/token\x00", "holds white space"),
        ("https://l\u00f6gin.example/token", "is not an https URL"),
        ("https://login.example%2f.canary.example/", "is not an https URL"),
        ("https://login.example/t\u00f6ken", "holds white space"),
        ("https://login.example\uff0ftoken", "is not an https URL"),
    ],
)
def test_secret_is_not_sent_to_a_doubtful_url(url: str, problem: str) -> None:
    answer = problem_with_url(url)
    assert answer is not None
    assert answer.startswith(problem)
    assert "canary" not in answer


schemes = ["https", "http", "https://", "http://"]
hosts = ["login.example", "localhost", "127.0.0.1", "::1"]
pieces = st.sampled_from([*schemes, *hosts, *"/:@\\?#.[]%0x \t", "//", "%2f", "%40", "443"])


@given(
    st.lists(pieces, max_size=12).map("".join)
    | st.lists(pieces, max_size=10).map(lambda ps: "https://" + "".join(ps))
    | st.text()
)
def test_accepted_url_means_the_same_host_to_the_http_library(url: str) -> None:
    if problem_with_url(url) is not None:
        return
    try:
        sent = requests.Request("POST", url).prepare().url
    except requests.RequestException:
        return  # refused there too: nothing is sent
    assert sent is not None
    ours, theirs = urlsplit(url), urlsplit(sent)
    assert theirs.scheme == "https" or theirs.hostname in {"localhost", "127.0.0.1", "::1"}
    assert (theirs.scheme, theirs.hostname, theirs.port) == (ours.scheme, ours.hostname, ours.port)
    assert theirs.username is None
