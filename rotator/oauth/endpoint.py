"""Minting: one token from a provider's token endpoint, or an error that says why not.

Authlib writes the request, and `rotator.oauth.response` validates the response. Nothing here logs,
and requests and Authlib are imported only to mint.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from rotator.clock import SYSTEM_CLOCK
from rotator.errors import CredentialsError, MintError, replace_error
from rotator.model.providers import SECRET_METHODS, refuses_client, resolve
from rotator.oauth.retry import Retry
from rotator.transport.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.clock import Clock
    from rotator.model.access_token import Minted
    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.providers import Provider
    from rotator.model.secret import Secret
    from rotator.transport.bounded import HttpResponse, Timeouts
    from rotator.transport.request import HttpRequest
    from rotator.transport.tls import ClientCertificate

__all__ = ["TokenEndpoint"]

CONNECT_TIMEOUT_S = 5.0


class TokenEndpoint:
    """The token endpoint that the credentials name.

    `deadline_s` bounds one mint with all its retries, as does `remaining_s`, which returns how many
    seconds the caller has left (such as a Lambda function's remaining time). `read_timeout_s`
    bounds the wait for the response to one attempt; once less time is left than for three attempts,
    a slow provider gets all of it. Proxies and CA bundle are those in the environment at the first
    request to a server.
    """

    def __init__(
        self,
        *,
        deadline_s: float = 30.0,
        read_timeout_s: float = 9.0,
        remaining_s: Callable[[], float] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._deadline_s = deadline_s
        self._read_timeout_s = read_timeout_s
        self._remaining_s = remaining_s
        self._clock = clock
        self._environment = Environment()

    def expected_lifetime(self, credentials: ClientCredentials) -> timedelta | None:
        """The lifetime of tokens that the provider documents, None if it documents none.

        Raises CredentialsError if the credentials name no usable provider.
        """
        lifetime_s = resolve(credentials).lifetime_s
        return None if lifetime_s is None else timedelta(seconds=lifetime_s)

    def mint(self, credentials: ClientCredentials) -> Minted:
        """Exchange the credentials for a token (RFC 6749 section 4.4).

        The client secrets are tried in order, the next one only after the client was refused.
        Temporary failures (429, 5xx, network errors) are retried until the deadline, after a
        jittered pause or the `Retry-After`. Raises MintError, or CredentialsError for credentials
        that cannot even be tried.
        """
        provider = resolve(credentials)
        # Imported before the deadline is set: with little CPU, it takes a second.
        import_module("rotator.oauth.request")
        retry = Retry(ends_at_s=self._clock.monotonic() + self._budget_s(), clock=self._clock)
        token_url = provider.token_url or retry.call(partial(self._discover, credentials))
        mint = _Mint(
            credentials, provider, token_url, self._clock, self._timeouts, self._environment
        )
        has_secret = provider.auth_method in SECRET_METHODS
        return _mint_with_any(credentials.client_secrets if has_secret else (None,), retry, mint)

    def _budget_s(self) -> float:
        if self._remaining_s is None:
            return self._deadline_s
        return min(self._deadline_s, self._remaining_s())

    def _discover(self, credentials: ClientCredentials, left_s: float) -> str:
        from rotator.oauth.discovery import discover_token_url

        return discover_token_url(
            credentials.issuer or "",
            timeouts=self._timeouts(left_s),
            environment=self._environment,
        )

    def _timeouts(self, left_s: float) -> Timeouts:
        from rotator.transport.bounded import Timeouts

        read_s = self._read_timeout_s if left_s >= 3 * self._read_timeout_s else left_s
        return Timeouts(connect_s=CONNECT_TIMEOUT_S, read_s=read_s, total_s=left_s)


class _Mint(NamedTuple):
    """The parameters of all attempts of one mint."""

    credentials: ClientCredentials
    provider: Provider
    token_url: str
    clock: Clock
    timeouts: Callable[[float], Timeouts]
    environment: Environment

    def attempt(self, client_secret: Secret | None, left_s: float) -> Minted:
        """Mint once; raises MintError, or CredentialsError for an unusable key or certificate."""
        from rotator.oauth.expectation import Expectation
        from rotator.oauth.request import build_token_request, client_certificate
        from rotator.oauth.response import parse_token_response

        asked_at = self.clock.now()  # before sending, so that no token ends before we expect it
        request = build_token_request(
            self.credentials,
            self.provider,
            client_secret,
            token_url=self.token_url,
            now=asked_at,
        )
        certificate = client_certificate(self.credentials, self.provider)
        response = self._send(request, certificate, self.timeouts(left_s))
        return parse_token_response(
            response, Expectation.of(self.credentials, self.provider, request, asked_at=asked_at)
        )

    def _send(
        self, request: HttpRequest, certificate: ClientCertificate | None, timeouts: Timeouts
    ) -> HttpResponse:
        from rotator.oauth.response import MAX_BODY_BYTES
        from rotator.transport.bounded import TransportError, send_bounded

        host = urlsplit(self.token_url).hostname
        started_s = self.clock.monotonic()

        def explain(error: TransportError) -> MintError:
            waited_s = round(self.clock.monotonic() - started_s)
            waited = f", after {waited_s} s" if waited_s else ""
            problem = f"token endpoint: {error} ({host}{waited})"
            return MintError(problem, retryable=error.retryable)

        send = partial(
            send_bounded,
            request,
            timeouts=timeouts,
            max_body_bytes=MAX_BODY_BYTES,
            client_certificate=certificate,
            environment=self.environment,
        )
        return replace_error(
            lambda: replace_error(send, ValueError, lambda error: CredentialsError(str(error))),
            TransportError,
            explain,
        )


NEEDED_SECRETS = 2
"""How many client secrets a rotation needs in the list. If time runs out at the second one, it may
be correct and the provider slow."""

_SLOW_REFUSALS = (
    "client_secret: {tried} were refused before the time for minting was up; keep in the list only"
    " those that the provider accepts"
)


def _mint_with_any(client_secrets: tuple[Secret | None, ...], retry: Retry, mint: _Mint) -> Minted:
    """Try the client secrets (None: a key or a certificate) in order until one is accepted.

    Raises the last refusal, or the first MintError that has another reason than the client secret.
    If refusals use up the time, the failure is permanent: the next run would get no further.
    """
    refused = MintError("client_secret: the list is empty")
    for position, client_secret in enumerate(client_secrets, 1):
        if client_secret in client_secrets[: position - 1]:  # never twice, whatever the list says
            continue
        try:
            minted = retry.call(partial(mint.attempt, client_secret))
            if client_secret is None:
                return minted
            return minted._replace(client_secret_position=position)
        except MintError as error:
            if position > NEEDED_SECRETS and error.retryable and retry.is_over():
                tried = f"{position - 1} of {len(client_secrets)}"
                refused.args = (f"{refused}; {_SLOW_REFUSALS.format(tried=tried)}",)
                break
            refused = error
        if not refuses_client(refused.status, refused.oauth_error):
            break
    else:
        if len(client_secrets) > 1:
            tried = f"{len(client_secrets)} of {len(client_secrets)}"
            refused.args = (f"{refused}; client_secret: {tried} were refused",)
    # Without the frames below: their local variables contain what was sent.
    raise refused.with_traceback(None)
