"""Which token endpoint is meant, and whether a secret may be sent there."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from rotator.errors import CredentialsError
from rotator.providers import PRESETS, Provider, problem_with_url, resolve

URL = "https://login.example/oauth/token"


def test_adobe_ims_is_the_default_and_as_documented() -> None:
    provider = resolve(None)
    assert provider is not None
    assert provider.name == "adobe-ims"
    assert provider.token_url == "https://ims-na1.adobelogin.com/ims/token/v3"
    assert provider.scope_parameter() == "openid,AdobeID,read_organizations"
    assert provider.auth_method == "client_secret_post"
    assert provider.lifetime_s == 86_399


def test_token_url_alone_means_any_standard_provider() -> None:
    provider = resolve(None, token_url=URL)
    assert (provider.name, provider.token_url) == ("generic", URL)
    assert provider.auth_method == "client_secret_basic"
    assert provider.scope_parameter() is None
    assert provider.lifetime_s is None


def test_fields_of_the_credentials_are_laid_over_the_preset() -> None:
    provider = resolve(
        "adobe-ims", token_url=URL, scope="openid, AdobeID", auth_method="client_secret_basic"
    )
    assert provider.token_url == URL
    assert provider.scope_parameter() == "openid,AdobeID"
    assert provider.auth_method == "client_secret_basic"
    assert provider.lifetime_s == 86_399
    assert PRESETS["adobe-ims"].token_url != URL


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


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "adobe"}, "provider: unknown; known are adobe-ims, generic"),
        ({"name": "adobe_ims"}, "provider: unknown; did you mean adobe-ims?"),
        ({"name": "generic"}, "token_url: missing; provider generic has no default"),
        ({"name": None, "auth_method": "canary"}, "auth_method: unknown; known are"),
        ({"name": None, "token_url": "http://canary.example/t"}, "token_url: must use https"),
        ({"name": "adobe-ims", "token_url": "canary"}, "token_url: is not an https URL"),
    ],
)
def test_provider_that_cannot_be_used_is_refused(fields: dict[str, str], problem: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        resolve(**fields)
    assert str(caught.value).startswith(problem)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS.keys())
def test_presets_send_secrets_over_https_only(preset: Provider) -> None:
    assert not preset.token_url or problem_with_url(preset.token_url) is None
    assert preset.documentation.startswith("https://")


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
