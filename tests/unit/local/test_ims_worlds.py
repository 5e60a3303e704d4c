"""The local token endpoint plays what other providers do, and the job's side of it holds."""

from datetime import timedelta

import pytest

from rotator.errors import MintError
from rotator.local.ims import LocalIms
from rotator.local.ims_worlds import REFUSAL_RESPONSES, WORLDS
from rotator.model.access_token import AccessToken
from rotator.oauth.endpoint import TokenEndpoint
from rotator.rotation.probe import call_api
from tests.support import minting
from tests.support.clock import NOW, ManualClock


def mint(ims: LocalIms, clock: ManualClock, **changes: object) -> AccessToken:
    fields = {"provider": "adobe-ims", "client_id": "me", "client_secret": "p8e-s"} | changes
    return minting.mint(ims.urls.token, endpoint=TokenEndpoint(clock=clock), **fields).token


def world(name: str, clock: ManualClock) -> LocalIms:
    return LocalIms(now=clock.epoch, clients={"me": ["p8e-s"]}, **WORLDS[name])


def test_cached_token_is_handed_out_until_it_ends() -> None:
    clock = ManualClock(NOW)
    with world("cached tokens", clock) as ims:
        first = mint(ims, clock)
        clock.advance(3600)
        again = mint(ims, clock)
        clock.advance(86_400)
        new = mint(ims, clock)

    assert again.access_token == first.access_token
    assert first.expires_at - again.expires_at <= timedelta(seconds=1)
    assert new.access_token != first.access_token


def test_minting_ends_the_token_before_where_one_is_active() -> None:
    clock = ManualClock(NOW)
    with world("one active token", clock) as ims:
        tokens = [mint(ims, clock), mint(ims, clock)]
        statuses = [
            call_api(ims.urls.hello, token=token.access_token, client_id="me").status
            for token in tokens
        ]

    assert statuses == [401, 200]


@pytest.mark.parametrize("name", REFUSAL_RESPONSES)
def test_second_secret_is_tried_whoever_refuses_the_first(name: str) -> None:
    clock = ManualClock(NOW)
    with world(f"refuses like {name}", clock) as ims:
        token = mint(ims, clock, client_secret=["p8e-wrong", "p8e-s"])

    assert token.client_id == "me"


@pytest.mark.parametrize("name", ["no token_type", "token_type BearerToken"])
def test_unnamed_bearer_tokens_are_minted_by_consent(name: str) -> None:
    clock = ManualClock(NOW)
    with world(name, clock) as ims:
        assert mint(ims, clock, token_type_policy="assume_bearer").token_type == "Bearer"
        with pytest.raises(MintError, match="token_type_policy"):
            mint(ims, clock)


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("apigee", "Apigee"),
        ("auth0", "refuses like auth0"),
        ("entra-id", "refuses like entra"),
        ("keycloak", "refuses like keycloak"),
        ("marketo", "cached tokens"),
        ("okta", "refuses like okta"),
        ("shopify", "no token_type"),
        ("uaa", "refuses like uaa"),
    ],
)
def test_preset_mints_from_what_its_provider_does(preset: str, name: str) -> None:
    clock = ManualClock(NOW)
    asked = {"provider": preset, "scope": "openid", "audience": "https://api.example"}
    with world(name, clock) as ims:
        ims.configure(token_lifetime_s=3600)
        # The fake takes credentials from the form alone, whatever the preset's own way is.
        asked |= {"auth_method": "client_secret_post"}
        token = mint(ims, clock, client_secret=["p8e-wrong", "p8e-s"], **asked)

    assert token.token_type.lower() == "bearer"
    assert token.expires_at - token.issued_at == timedelta(seconds=3599)


@pytest.mark.parametrize(
    ("name", "life_s"),
    [
        ("as documented", 86_399),
        ("201 Created", 86_399),
        ("expires_in a string", 86_399),
        ("announced too short", 600),
        # A week; the claims of the token say an hour, and the earlier end counts.
        ("announced too long", 3_600),
    ],
)
def test_announced_lives_are_believed(name: str, life_s: int) -> None:
    clock = ManualClock(NOW)
    with world(name, clock) as ims:
        token = mint(ims, clock)
    assert token.expires_at - token.issued_at == timedelta(seconds=life_s)


@pytest.mark.parametrize(
    ("name", "can_pass"),
    [
        # What a provider with a cache says of a token that ends within this second.
        ("expires_in zero", True),
        ("expires_in milliseconds", False),
        ("no expires_in", False),
    ],
)
def test_announced_lives_are_refused(name: str, *, can_pass: bool) -> None:
    clock = ManualClock(NOW)
    with world(name, clock) as ims, pytest.raises(MintError, match="expires_in") as caught:
        mint(ims, clock)
    assert caught.value.retryable is can_pass
