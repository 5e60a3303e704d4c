"""A token is minted as the provider documents, or an error says why not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotator.errors import CredentialsError, MintError
from rotator.local.ims import LocalIms
from rotator.model.client_credentials import ClientCredentials
from rotator.oauth.endpoint import TokenEndpoint
from rotator.transport.bounded import HttpResponse, Timeouts, TransportError
from tests.support.clock import ManualClock
from tests.support.python_process import run_python

NOW = datetime(2026, 1, 31, 9, 0, 0, 750_000, tzinfo=UTC)
CLIENT = "3f0ad53b1f2f4a0e9d1c3f2b5a697887"
CANARY = "p8e-canary-of-the-client-secret"
OLD = "p8e-canary-of-the-old-secret"


@pytest.fixture
def ims() -> Iterator[LocalIms]:
    with LocalIms(now=NOW.timestamp, clients={CLIENT: [CANARY]}) as running:
        yield running


def endpoint(clock: ManualClock | None = None, **settings: Any) -> TokenEndpoint:
    return TokenEndpoint(clock=clock or ManualClock(NOW), **settings)


def credentials(ims: LocalIms, **changes: object) -> ClientCredentials:
    fields: dict[str, object] = {
        "provider": "adobe-ims",
        "token_url": ims.urls.token,
        "client_id": CLIENT,
        "client_secret": CANARY,
    }
    return ClientCredentials.from_fields(fields | changes)


def refusal(endpoint: TokenEndpoint, credentials: ClientCredentials) -> MintError:
    with pytest.raises(MintError) as caught:
        endpoint.mint(credentials)
    return caught.value


def test_adobe_gets_exactly_the_documented_form(ims: LocalIms) -> None:
    endpoint().mint(credentials(ims))

    (request,) = ims.token_requests()
    assert dict(request["form"]) == {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": CANARY,
        "scope": "openid,AdobeID,read_organizations",
    }
    assert len(request["form"]) == 4
    assert request["content_type"] == "application/x-www-form-urlencoded"
    assert request["query"] == ""
    assert not request["authorization"]


def test_minted_token_lives_from_before_the_request_was_sent(ims: LocalIms) -> None:
    token = endpoint().mint(credentials(ims)).token

    assert token.issued_at == NOW.replace(microsecond=0)
    assert token.expires_at == token.issued_at + timedelta(seconds=86_399)
    assert token.client_id == CLIENT
    assert token.token_url == ims.urls.token
    assert token.token_type == "bearer"
    assert token.scope == "openid,AdobeID,read_organizations"


def test_expected_lifetime_is_the_documented_one(ims: LocalIms) -> None:
    assert endpoint().expected_lifetime(credentials(ims)) == timedelta(seconds=86_399)
    assert endpoint().expected_lifetime(credentials(ims, provider="generic")) is None


def test_unknown_provider_is_refused_before_anything_is_sent(ims: LocalIms) -> None:
    with pytest.raises(CredentialsError, match="did you mean adobe-ims"):
        endpoint().mint(credentials(ims, provider="adobe-imss"))

    assert ims.token_requests() == []


def test_refused_client_names_the_code_and_the_debug_id_and_is_not_tried_again(
    ims: LocalIms,
) -> None:
    error = refusal(endpoint(), credentials(ims, client_secret=OLD))

    (request,) = ims.token_requests()
    assert error.oauth_error == "invalid_client"
    assert error.status == 400
    assert error.debug_id == request["debug_id"]
    assert not error.retryable
    assert "invalid_client: invalid client_secret parameter" in str(error)
    assert request["debug_id"] in str(error)


def test_client_secrets_are_tried_in_order_and_the_position_is_told(ims: LocalIms) -> None:
    minted = endpoint().mint(credentials(ims, client_secret=[OLD, CANARY, "p8e-third"]))

    sent = [dict(request["form"])["client_secret"] for request in ims.token_requests()]
    assert sent == [OLD, CANARY]
    assert minted.client_secret_position == 2


@pytest.mark.parametrize(("secrets", "said"), [([OLD, "p8e-third"], True), ([OLD], False)])
def test_refusal_of_every_client_secret_says_how_many(
    ims: LocalIms, secrets: list[str], *, said: bool
) -> None:
    with pytest.raises(MintError) as caught:
        endpoint().mint(credentials(ims, client_secret=secrets))

    assert str(caught.value).endswith("; client_secret: 2 of 2 were refused") is said


def test_refused_client_secret_is_not_tried_again_though_it_is_there_twice(ims: LocalIms) -> None:
    endpoint().mint(credentials(ims, client_secret=[OLD, OLD, CANARY]))

    sent = [dict(request["form"])["client_secret"] for request in ims.token_requests()]
    assert sent == [OLD, CANARY]


@pytest.mark.parametrize("behaviour", ["outage", "closed", "throttled"])
def test_temporary_failure_is_tried_again(ims: LocalIms, behaviour: str) -> None:
    ims.configure(behaviour=behaviour, for_requests=2)

    endpoint().mint(credentials(ims))

    assert ims.observed()["tokens_minted"] == 1
    assert ims.observed()["token_requests"] == 3


def test_tries_are_bounded_and_their_pauses_grow(ims: LocalIms) -> None:
    clock = ManualClock(NOW)
    ims.configure(behaviour="outage")

    error = refusal(endpoint(clock), credentials(ims))

    assert error.retryable
    assert error.status == 503
    assert clock.slept_s == [0.5, 1.0, 2.0]
    assert ims.observed()["token_requests"] == 4


def test_retry_after_is_waited_for(ims: LocalIms) -> None:
    clock = ManualClock(NOW)
    ims.configure(behaviour="throttled", retry_after_s=7, for_requests=1)

    endpoint(clock).mint(credentials(ims))

    assert clock.slept_s == [7.0]


def test_retry_after_beyond_the_deadline_is_told_and_not_waited_for(ims: LocalIms) -> None:
    clock = ManualClock(NOW)
    ims.configure(behaviour="throttled", retry_after_s=40)

    error = refusal(endpoint(clock, deadline_s=30), credentials(ims))

    assert error.retryable
    assert error.retry_after_s == 40
    assert clock.slept_s == []


def test_time_that_the_caller_has_left_bounds_the_mint(ims: LocalIms) -> None:
    clock = ManualClock(NOW)
    ims.configure(behaviour="throttled", retry_after_s=7)

    error = refusal(endpoint(clock, remaining_s=lambda: 6.0), credentials(ims))

    assert error.status == 429
    assert clock.slept_s == []


def test_silent_server_is_given_up_at_the_deadline(ims: LocalIms) -> None:
    ims.configure(behaviour="hang", hang_s=30)

    error = refusal(endpoint(deadline_s=0.05), credentials(ims))

    assert error.retryable
    assert "in time" in str(error)


class SlowProvider:
    """Answers after so many seconds of the clock, to whoever waits that long."""

    def __init__(self, clock: ManualClock, seconds: float) -> None:
        self.clock, self.seconds, self.requests = clock, seconds, 0

    def __call__(self, _: object, *, timeouts: Timeouts, **__: object) -> HttpResponse:
        self.requests += 1
        patience_s = min(timeouts.read_s, timeouts.total_s)
        self.clock.advance(min(self.seconds, patience_s))
        if patience_s < self.seconds:
            raise TransportError("no response in time", retryable=True)
        return HttpResponse(200, {}, b'{"access_token":"t","token_type":"bearer","expires_in":60}')


@pytest.mark.parametrize(("seconds", "requests"), [(8, 1), (11, 2), (14, 2), (20, 2)])
def test_provider_that_takes_twenty_seconds_gets_them(
    ims: LocalIms, monkeypatch: pytest.MonkeyPatch, seconds: int, requests: int
) -> None:
    clock = ManualClock(NOW)
    slow = SlowProvider(clock, seconds)
    monkeypatch.setattr("rotator.transport.bounded.send_bounded", slow)

    token = endpoint(clock).mint(credentials(ims)).token

    assert slow.requests == requests
    assert clock.monotonic() <= 30
    assert token.issued_at < token.expires_at


def test_provider_that_is_too_slow_is_told_with_how_long_was_waited(
    ims: LocalIms, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock(NOW)
    monkeypatch.setattr("rotator.transport.bounded.send_bounded", SlowProvider(clock, 60))

    error = refusal(endpoint(clock), credentials(ims))

    # Nine seconds, a pause of half a second, and the rest of thirty.
    assert str(error) == "token endpoint: no response in time (127.0.0.1, after 20 s)"
    assert clock.monotonic() == 30
    assert error.retryable


def test_no_time_left_sends_nothing(ims: LocalIms) -> None:
    error = refusal(endpoint(remaining_s=lambda: 0.0), credentials(ims))

    assert error.retryable
    assert ims.token_requests() == []


def test_nothing_is_imported_for_a_run_that_is_not_due() -> None:
    done = run_python(
        """
        import sys
        from rotator.oauth.endpoint import TokenEndpoint
        from rotator.rotation import probe
        TokenEndpoint(), probe.make_probe("https://a.example")
        print({"requests", "authlib", "urllib3"} & set(sys.modules))
        """
    )

    assert done.stdout == "set()\n", done.stderr
