"""Keeps a valid OAuth 2.0 token in AWS Secrets Manager, and hands it to every service.

Services that read the token import `rotator.reader` and nothing else. A program that embeds the job
calls `rotate_token` with a store, a token endpoint and a policy:

    import boto3
    from rotator import Binding, RenewalPolicy, SecretsManagerStore, TokenEndpoint, rotate_token

    rotate_token(
        Binding(credentials_secret="adobe/credentials", token_secret="adobe/token"),
        store=SecretsManagerStore(boto3.Session()),  # or a client
        endpoint=TokenEndpoint(),
        policy=RenewalPolicy(),
    )
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rotator.aws.store import SecretsManagerStore
    from rotator.model.binding import Binding
    from rotator.model.policy import RenewalPolicy
    from rotator.oauth.endpoint import TokenEndpoint
    from rotator.rotation.rotate import RotationResult, rotate_token

__all__ = [
    "Binding",
    "RenewalPolicy",
    "RotationResult",
    "SecretsManagerStore",
    "TokenEndpoint",
    "__version__",
    "rotate_token",
]

__version__ = "0.2.0"
"""The package's metadata is read from here, so that a copy in a zip has the version too."""

_HOMES = {
    "Binding": "rotator.model.binding",
    "RenewalPolicy": "rotator.model.policy",
    "RotationResult": "rotator.rotation.rotate",
    "SecretsManagerStore": "rotator.aws.store",
    "TokenEndpoint": "rotator.oauth.endpoint",
    "rotate_token": "rotator.rotation.rotate",
}


def __getattr__(name: str) -> object:
    """Import on first use: whoever imports `rotator.reader` must not pay for the job."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
