"""Minting: one token from a provider's token endpoint, or an error that says why not.

A library does the protocol, and `rotator.oauth.gate` lets nothing through that must not be
published. Nothing here logs, and requests and Authlib are imported only to mint.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rotator.errors import MintError
from rotator.providers import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.credentials import ClientCredentials
    from rotator.providers import Provider
    from rotator.tokens import AccessToken, Secret

__all__ = ["TokenEndpoint"]

FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 8.0
MAX_ATTEMPTS = 4


class TokenEndpoint:
    """The token endpoint that the credentials name.

    `deadline_s` bounds one mint with all its retries, as does `remaining_s`, which tells how many
    seconds the caller has left when it starts (a Lambda function's remaining time, say).
    `connect_timeout_s` and `read_timeout_s` bound each attempt. `warn` is told, in a sentence
    without secrets, what is odd and yet no reason to refuse. `now` gives aware UTC, `uniform` a
    random number between its two arguments.
    """

    def __init__(
        self,
        *,
        deadline_s: float = 30.0,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 10.0,
        remaining_s: Callable[[], float] | None = None,
        warn: Callable[[str], None] = lambda _: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._deadline_s = deadline_s
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._remaining_s = remaining_s
        self._warn = warn
        self._now = now
        self._monotonic = monotonic
        self._sleep = sleep
        self._uniform = uniform

    def expected_lifetime(self, credentials: ClientCredentials) -> timedelta | None:
        """How long the provider documents its tokens to live, None if it does not say.

        Raises CredentialsError if the credentials name no usable provider.
        """
        lifetime_s = resolve(credentials).lifetime_s
        return None if lifetime_s is None else timedelta(seconds=lifetime_s)

    def mint(self, credentials: ClientCredentials) -> AccessToken:
        """Exchange the credentials for a token (RFC 6749 section 4.4).

        The client secrets are tried in order, the next one only after `invalid_client`. What may be
        temporary (429, 5xx, network faults) is tried again, after a jittered pause or what
        `Retry-After` asks for, until the deadline. Raises MintError, or CredentialsError for
        credentials that cannot even be tried.
        """
        provider = resolve(credentials)
        ends_at_s = self._monotonic() + self._budget_s()
        refused = MintError("client_secret: there is none to try")
        for position, client_secret in enumerate(credentials.client_secrets, 1):
            outcome = self._mint_with(credentials, provider, client_secret, ends_at_s)
            if not isinstance(outcome, MintError):
                if position > 1:
                    self._warn(
                        f"client_secret: number {position} of {len(credentials.client_secrets)}"
                        " was accepted, what stands before it was refused"
                    )
                return outcome
            refused = outcome
            if refused.oauth_error != "invalid_client":
                break
        raise refused

    def _budget_s(self) -> float:
        if self._remaining_s is None:
            return self._deadline_s
        return min(self._deadline_s, self._remaining_s())

    def _mint_with(
        self,
        credentials: ClientCredentials,
        provider: Provider,
        client_secret: Secret,
        ends_at_s: float,
    ) -> AccessToken | MintError:
        """A token for this client secret; temporary failures are tried again until `ends_at_s`."""
        attempt = 1
        while True:
            outcome = self._attempt(credentials, provider, client_secret, ends_at_s)
            if not isinstance(outcome, MintError):
                return outcome
            pause_s = self._pause_s(attempt, outcome)
            is_last = attempt == MAX_ATTEMPTS or self._monotonic() + pause_s >= ends_at_s
            if not outcome.retryable or is_last:
                return outcome
            self._sleep(pause_s)
            attempt += 1

    def _pause_s(self, attempt: int, refused: MintError) -> float:
        longest_s = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (attempt - 1))
        return max(self._uniform(longest_s / 2, longest_s), refused.retry_after_s or 0.0)

    def _attempt(
        self,
        credentials: ClientCredentials,
        provider: Provider,
        client_secret: Secret,
        ends_at_s: float,
    ) -> AccessToken | MintError:
        from rotator.exchange import Timeouts
        from rotator.oauth.gate import Expectation, judge
        from rotator.oauth.request import request_token

        # After the imports, which take their time when they are the first.
        left_s = ends_at_s - self._monotonic()
        if left_s <= 0:
            return MintError("token endpoint: no time left to ask it", retryable=True)
        expected = Expectation(
            client_id=credentials.client_id,
            token_url=provider.token_url,
            asked_at=self._now(),  # before it is sent: no token lives longer than it is believed to
            secrets=credentials.client_secrets,
            scope=provider.scope_parameter(),
            lifetime_s=provider.lifetime_s,
        )
        timeouts = Timeouts(
            connect_s=self._connect_timeout_s, read_s=self._read_timeout_s, total_s=left_s
        )
        try:
            answer = request_token(credentials, provider, client_secret, timeouts=timeouts)
            return judge(answer, expected, warn=self._warn)
        except MintError as error:
            return error
