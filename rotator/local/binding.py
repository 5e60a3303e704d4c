"""A made-up client of the local token endpoint, and the names of its two secrets."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rotator.local.ims import LocalIms
    from rotator.local.ims_control import RemoteIms

__all__ = ["LocalBinding"]


@dataclass(frozen=True, slots=True)
class LocalBinding:
    """Names of a credentials secret and a token secret, and the client credentials to store."""

    credentials_secret: str
    token_secret: str
    client_id: str
    client_secret: str = field(repr=False)
    token_url: str

    @classmethod
    def register(cls, ims: LocalIms | RemoteIms, *, prefix: str) -> Self:
        """Make up random credentials, and let `ims` accept these and no others.

        They look like Adobe's: 32 hexadecimal digits, and a secret that begins with `p8e-`.
        """
        binding = cls(
            credentials_secret=f"{prefix}/credentials",
            token_secret=f"{prefix}/token",
            client_id=secrets.token_hex(16),
            client_secret=f"p8e-{secrets.token_urlsafe(24)}",
            token_url=ims.urls.token,
        )
        ims.configure(clients={binding.client_id: [binding.client_secret]})
        return binding

    @property
    def selectors(self) -> tuple[str, ...]:
        """The arguments that name both secrets to `rotator run` and `rotator init`."""
        return (
            "--credentials-secret",
            self.credentials_secret,
            "--token-secret",
            self.token_secret,
        )

    def init_input(self) -> str:
        """The standard input of `rotator init`."""
        return json.dumps(
            {
                "provider": "adobe-ims",
                "token_url": self.token_url,
                "client_id": self.client_id,
                "client_secret": self.client_secret,
            }
        )
