"""Minting: one token from a provider's token endpoint, or an error that says why not.

A library does the protocol, and `rotator.oauth.response` lets nothing through that must not be
published. Nothing here logs, and requests and Authlib are imported only to mint.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from rotator.errors import MintError
from rotator.model.providers import SECRET_METHODS, resolve
from rotator.oauth.retry import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.model.access_token import Minted
    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.providers import Provider
    from rotator.model.secret import Secret
    from rotator.transport.bounded import Timeouts

__all__ = ["TokenEndpoint"]


class TokenEndpoint:
    """The token endpoint that the credentials name.

    `deadline_s` bounds one mint with all its retries, as does `remaining_s`, which tells how many
    seconds the caller has left when it starts (a Lambda function's remaining time, say).
    `connect_timeout_s` and `read_timeout_s` bound each attempt. `now` gives aware UTC,
    `uniform` a random number between its two arguments.
    """

    def __init__(
        self,
        *,
        deadline_s: float = 30.0,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 10.0,
        remaining_s: Callable[[], float] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._deadline_s = deadline_s
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._remaining_s = remaining_s
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

    def mint(self, credentials: ClientCredentials) -> Minted:
        """Exchange the credentials for a token (RFC 6749 section 4.4).

        The client secrets are tried in order, the next one only after the client was refused. What
        may be temporary (429, 5xx, network faults) is tried again, after a jittered pause or what
        `Retry-After` asks for, until the deadline. Raises MintError, or CredentialsError for
        credentials that cannot even be tried.
        """
        provider = resolve(credentials)
        # Before the clock starts: where little CPU is to be had, it takes a second.
        import_module("rotator.oauth.request")
        pace = Pace(
            ends_at_s=self._monotonic() + self._budget_s(),
            monotonic=self._monotonic,
            sleep=self._sleep,
            uniform=self._uniform,
        )
        token_url = provider.token_url or pace.keep(partial(self._discover, credentials))
        has_secret = provider.auth_method in SECRET_METHODS
        proofs = credentials.client_secrets if has_secret else (None,)
        refused = MintError("client_secret: there is none to try")
        for position, proof in enumerate(proofs, 1):
            if proof in proofs[: position - 1]:  # never twice, whatever the list says
                continue
            ask = partial(self._ask, credentials, provider, token_url, proof)
            try:
                minted = pace.keep(ask)
            except MintError as error:
                refused = error
            else:
                return _with_position(minted, position, len(proofs)) if has_secret else minted
            if not _refuses_client(refused):
                break
        # Without the frames that it comes from: their local variables hold what was sent.
        raise refused.with_traceback(None)

    def _budget_s(self) -> float:
        if self._remaining_s is None:
            return self._deadline_s
        return min(self._deadline_s, self._remaining_s())

    def _discover(self, credentials: ClientCredentials, left_s: float) -> str:
        from rotator.oauth.discovery import discover_token_url

        return discover_token_url(credentials.issuer or "", timeouts=self._timeouts(left_s))

    def _ask(
        self,
        credentials: ClientCredentials,
        provider: Provider,
        token_url: str,
        client_secret: Secret | None,
        left_s: float,
    ) -> Minted:
        from rotator.oauth.request import request_token
        from rotator.oauth.response import Expectation, judge

        expected = Expectation(
            client_id=credentials.client_id,
            token_url=token_url,
            asked_at=self._now(),  # before it is sent: no token lives longer than it is believed to
            secrets=credentials.secrets,
            scope=provider.scope_parameter(),
            lifetime_s=provider.lifetime_s,
            is_lifetime_assumed=credentials.lifetime_s is not None,
            is_scope_binding=credentials.scope_policy == "refuse",
        )
        answer = request_token(
            credentials,
            provider,
            client_secret,
            token_url=token_url,
            now=expected.asked_at,
            timeouts=self._timeouts(left_s),
        )
        return judge(answer, expected)

    def _timeouts(self, left_s: float) -> Timeouts:
        from rotator.transport.bounded import Timeouts

        return Timeouts(
            connect_s=self._connect_timeout_s, read_s=self._read_timeout_s, total_s=left_s
        )


def _with_position(minted: Minted, position: int, count: int) -> Minted:
    warnings = minted.warnings
    if position > 1:
        rank = f"number {position} of {count}"
        warnings += (f"client_secret: {rank} was accepted, what stands before it was refused",)
    return replace(minted, warnings=warnings, client_secret_position=position)


def _refuses_client(refused: MintError) -> bool:
    """Whether another client secret may fare better (RFC 6749 section 5.2; some send no code)."""
    is_bare = refused.oauth_error is None and refused.status == 401  # noqa: PLR2004 - HTTP
    return refused.oauth_error == "invalid_client" or is_bare
