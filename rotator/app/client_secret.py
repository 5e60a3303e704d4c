"""Builds the parts of a client secret's rotation."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from rotator.client_admin.adapter import HttpClientAdmin, send_once
from rotator.client_admin.calls import Target
from rotator.client_admin.kinds import ADAPTERS
from rotator.clock import SYSTEM_CLOCK
from rotator.errors import ClientAdminError, ConfigError, MintError, replace_error
from rotator.model.commands import set_command
from rotator.model.consent import has_consent, secret_name
from rotator.model.secret_rotation import DEFAULT_OVERLAP
from rotator.model.stored import parse_credentials
from rotator.oauth.endpoint import TokenEndpoint
from rotator.rotation.client_secret import rotate_client_secret
from rotator.rotation.secret_earlier import explain_way_out
from rotator.rotation.secret_run import SecretRun
from rotator.rotation.secret_verification import LOCKED_OUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.client_admin.adapter import Send
    from rotator.clock import Clock
    from rotator.model.client_credentials import ClientCredentials
    from rotator.model.secret import Secret, StoredSecret
    from rotator.model.secret_rotation import SecretRotationSettings
    from rotator.rotation.ports import Endpoint, HistoryStore
    from rotator.rotation.secret_result import SecretRotationResult
    from rotator.rotation.secret_run import Situation

__all__ = ["open_secret_run", "run_client_secret_rotation"]


def run_client_secret_rotation(
    credentials_secret: str,
    settings: SecretRotationSettings,
    *,
    store: HistoryStore,
    token_secrets: tuple[str, ...] = (),
    dry_run: bool = False,
    remaining_s: Callable[[], float] | None = None,
) -> SecretRotationResult:
    """Take the next steps on one client secret; raises as `rotate_client_secret`."""
    run = open_secret_run(
        credentials_secret,
        store=store,
        remaining_s=remaining_s,
        overlap=settings.overlap or DEFAULT_OVERLAP,
        max_age=settings.max_age,
        token_secrets=token_secrets,
        dry_run=dry_run,
    )
    return rotate_client_secret(run)


def open_secret_run(
    credentials_secret: str,
    *,
    store: HistoryStore,
    clock: Clock = SYSTEM_CLOCK,
    remaining_s: Callable[[], float] | None = None,
    endpoint: Endpoint | None = None,
    send: Send = send_once,
    **options: Any,
) -> SecretRun:
    """A run on this credentials secret; `options` are those of `SecretRun`."""
    endpoint = endpoint or TokenEndpoint(remaining_s=remaining_s, clock=clock)

    def open_admin(seen: Situation) -> HttpClientAdmin:
        return HttpClientAdmin(
            ADAPTERS[seen.settings.kind.name],
            Target(seen.credentials.client_id, seen.settings, seen.credentials.client_secrets),
            token=lambda: _mint_management_token(seen, store, endpoint),
            send=send,
            clock=clock,
        )

    return SecretRun(
        credentials_secret=credentials_secret,
        store=store,
        endpoint=endpoint,
        open_admin=open_admin,
        clock=clock,
        remaining_s=remaining_s,
        **options,
    )


def _mint_management_token(
    seen: Situation, store: HistoryStore, endpoint: Endpoint
) -> tuple[Secret, str]:
    """A token for the provider's management API, which is never stored, and its client id."""
    version, credentials = _management_credentials(seen, store)

    def explain(error: MintError) -> str:
        advise = partial(explain_way_out, version, credentials, store=store, endpoint=endpoint)
        return _explain_refused_mint(seen, credentials, error, advise=advise)

    minted = replace_error(
        lambda: endpoint.mint(credentials),
        MintError,
        lambda error: ClientAdminError(
            f"{seen.settings.kind.name}: no management token: {explain(error)}",
            retryable=error.retryable,
            status=error.status,
            debug_id=error.debug_id,
        ),
    )
    return minted.token.access_token, credentials.client_id


def _explain_refused_mint(
    seen: Situation,
    credentials: ClientCredentials,
    error: MintError,
    *,
    advise: Callable[[str], str],
) -> str:
    """The message for a management token that the provider refused, with what to do.

    `advise` returns the way out if no client secret is accepted, which may be the one it is given.
    """
    if error.retryable:
        return str(error)
    if error.status != HTTPStatus.UNAUTHORIZED and error.oauth_error != "invalid_client":
        return (
            f"{error}; check that these credentials may have the scope {credentials.scope}, or name"
            " others in credentials_secret of client_admin"
        )
    secret_id = seen.settings.credentials_secret or seen.version.secret_id
    count = len(credentials.client_secrets)
    if count == 0:
        return f"the key in {secret_id} was refused: {error}; check that the provider knows it"
    none = "none of the client secrets" if count > 1 else "the client secret"
    console = "" if seen.settings.credentials_secret else f" ({seen.settings.kind.console})"
    way_out = advise(
        f"make a client secret in the provider's console{console}, store it with"
        f" {set_command(secret_id)}"
    )
    return (
        f"{none} in {secret_id} is {'' if count > 1 else 'not '}accepted: {error}; {way_out}, then"
        f' run this again (docs/client-secrets.md, "{LOCKED_OUT}")'
    )


def _management_credentials(
    seen: Situation, store: HistoryStore
) -> tuple[StoredSecret, ClientCredentials]:
    """The credentials that `client_admin` names, else the client's own with the kind's scope."""
    settings = seen.settings
    kind = settings.kind
    audience = settings.url + kind.audience_path if kind.audience_path else None
    if settings.credentials_secret is None:
        own_scope = replace(seen.credentials, scope=kind.scope, audience=audience, resources=())
        return seen.version, own_scope
    [version] = store.read(settings.credentials_secret)
    named = parse_credentials(version)
    if version.arn != seen.version.arn and not has_consent(named.admin_of, seen.version.arn):
        own = secret_name(seen.version.arn)
        raise ConfigError(
            f"credentials secret {version.secret_id}: does not name {own} in admin_of, so its"
            f" credentials make no calls for it; if they should, store"
            f' {{"admin_of": ["{own}"]}}, with those that it names already, by'
            f" {set_command(version.secret_id)}"
        )
    audience = named.audience or audience
    return version, replace(named, scope=named.scope or kind.scope, audience=audience)
