"""The behaviour of other providers, as settings of the local token endpoint.

Use `LocalIms(**WORLDS["cached tokens"])`, or `configure(**WORLDS[...])` at any time. For a lifetime
that changes, call `configure(token_lifetime_s=...)` between two mints.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

__all__ = ["REFUSAL_RESPONSES", "WORLDS"]

REFUSAL_RESPONSES: MappingProxyType[str, tuple[int, dict[str, str]]] = MappingProxyType(
    {
        "adobe": (400, {"error": "invalid_client", "error_description": "invalid client_secret"}),
        "auth0": (401, {"error": "access_denied", "error_description": "Unauthorized"}),
        "entra": (
            401,
            {
                "error": "invalid_client",
                "error_description": "AADSTS7000215: Invalid client secret provided.",
            },
        ),
        "keycloak": (
            401,
            {
                "error": "unauthorized_client",
                "error_description": "Invalid client or Invalid client credentials",
            },
        ),
        "okta": (
            401,
            {"errorCode": "invalid_client", "errorSummary": "Invalid value for client_secret"},
        ),
        "uaa": (401, {"error": "unauthorized", "error_description": "Bad credentials"}),
    }
)
"""How each refuses a wrong client secret: status and members; the values of `refuses_like`."""

WORLDS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "as documented": {},
        "cached tokens": {"hands_out_cached_tokens": True},
        "one active token": {"single_active": True},
        "announced too long": {"answer": {"expires_in": 7 * 86_400}, "token_lifetime_s": 3_600},
        "announced too short": {"answer": {"expires_in": 600}},
        "no token_type": {"answer": {"token_type": None}},
        "token_type BearerToken": {"answer": {"token_type": "BearerToken"}},
        "Apigee": {
            "answer": {"token_type": "BearerToken", "expires_in": "3599", "status": "approved"}
        },
        "201 Created": {"success_status": 201},
        "no expires_in": {"answer": {"expires_in": None}},
        "expires_in zero": {"answer": {"expires_in": 0}},
        "expires_in a string": {"answer": {"expires_in": "86399"}},
        "expires_in milliseconds": {"answer": {"expires_in": 86_399_000}},
        **{f"refuses like {name}": {"refuses_like": name} for name in REFUSAL_RESPONSES},
    }
)
"""Models of real token endpoints by name, as settings for `LocalIms` or `configure`."""
