"""Limits on the size of a private key, checked before anything parses one.

Checking the primes of a large RSA key stops every thread of the process, for seconds to minutes.
Keys of other kinds have fixed sizes, and load in milliseconds.
"""

from __future__ import annotations

import contextlib

from rotator.model.fields import load_object

__all__ = ["JWK_LIMITS", "problem_with_key_size", "problem_with_number"]

MAX_RSA_BITS = 4096
"""The longest that a provider documents (Auth0). For 8,192 bits it would take ten times as long."""

MAX_PEM_CHARACTERS = 4500
"""Of one section. RSA with 4,096 bits takes 3,272, and tools may write attributes before it."""

_PRIME_PARTS = ("p", "q", "dp", "dq", "qi")

JWK_LIMITS = dict.fromkeys(("n", "e", "d"), MAX_RSA_BITS) | dict.fromkeys(
    _PRIME_PARTS, MAX_RSA_BITS // 2
)
"""Bits of the numbers of an RSA key, by their names in a JWK (RFC 7518 section 6.3)."""

_WAY_OUT = f"use an RSA key with at most {MAX_RSA_BITS:,} bits, or an EC key"


def problem_with_key_size(text: str) -> str | None:
    """Why this private key, PEM or JWK, would take too long to load; None if it would not."""
    if text.lstrip().startswith("{"):
        with contextlib.suppress(ValueError):  # whoever loads it says that it is no JWK
            return _problem_with_jwk(load_object(text, last_counts=True))
        return None
    if max(map(len, text.split("-----END "))) <= MAX_PEM_CHARACTERS:
        return None
    return f"has a part of more than {MAX_PEM_CHARACTERS:,} characters; {_WAY_OUT}"


def problem_with_number(name: str) -> str:
    """The message for a number of an RSA key, by its name in a JWK, that is too long."""
    return f"its number {name} has more than {JWK_LIMITS[name]:,} bits; {_WAY_OUT}"


def _problem_with_jwk(jwk: dict[str, object]) -> str | None:
    for name, bits in JWK_LIMITS.items():
        value = jwk.get(name)
        # Six bits a character; some tools write a zero before the number.
        if isinstance(value, str) and 6 * len(value.rstrip("=")) > bits + 14:
            return problem_with_number(name)
    # Without its primes, a key made for that takes hours to load.
    if jwk.get("kty") == "RSA" and "d" in jwk and not all(name in jwk for name in _PRIME_PARTS):
        return "its JWK lacks p, q, dp, dq or qi; export it with these, or as PEM"
    return None
