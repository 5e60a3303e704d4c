"""Access tokens in Adobe's format: JSON Web Tokens with times as strings of milliseconds.

Signed with a key of the running server, so that its API accepts no other tokens.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

__all__ = ["TokenMint"]


class TokenMint:
    """Issues tokens and verifies them."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def issue(self, *, client_id: str, scope: str, issued_at_ms: int, lifetime_s: int) -> str:
        """A new token: base64url of header, payload and signature (RFC 7519 section 3.1).

        The payload has the names and types of IMS's tokens, where `created_at` is milliseconds
        since 1970 and `expires_in` milliseconds from then.
        """
        header = {"alg": "HS256", "kid": "ims_local-key-at-1", "itt": "at"}
        payload = {
            "id": f"{issued_at_ms}_{secrets.token_hex(16)}",
            "type": "access_token",
            "client_id": client_id,
            "user_id": f"{client_id}@techacct.adobe.com",
            "as": "ims-local",
            "scope": scope,
            "created_at": str(issued_at_ms),
            "expires_in": str(lifetime_s * 1000),
        }
        signed = f"{_encode_json(header)}.{_encode_json(payload)}"
        return f"{signed}.{self._signature(signed)}"

    def read(self, token: str, *, now_ms: int) -> dict[str, Any] | None:
        """The payload of a token of this server, None if it is another's or has expired."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return None
        encoded = signed.partition(".")[2]
        padded = encoded + "=" * (-len(encoded) % 4)
        payload: dict[str, Any] = json.loads(base64.urlsafe_b64decode(padded))
        expires_at_ms = int(payload["created_at"]) + int(payload["expires_in"])
        return payload if now_ms < expires_at_ms else None

    def _signature(self, signed: str) -> str:
        return _encode(hmac.digest(self._key, signed.encode(), hashlib.sha256))


def _encode_json(value: dict[str, str]) -> str:
    return _encode(json.dumps(value, separators=(",", ":")).encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
