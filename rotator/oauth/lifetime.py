"""The lifetime of a token, by the endpoint's `expires_in` and the provider's documentation."""

from __future__ import annotations

from rotator.oauth.claims import JustEndedError
from rotator.wire.dates import parse_whole_number

__all__ = ["MAX_BELIEVED_LIFETIME_S", "believed_lifetime"]

MAX_BELIEVED_LIFETIME_S = 31 * 86_400
"""The longest lifetime that is accepted if none is documented; a longer one counts as this."""

MAX_PLAUSIBLE_S = 400 * 86_400
"""If none is documented, a greater value can't be in seconds."""

MILLISECONDS_FROM = 500
"""A value of at least this many times the documented lifetime must be in milliseconds."""


def believed_lifetime(
    expires_in: object, *, documented_s: int | None, is_assumed: bool
) -> tuple[int, tuple[str, ...]]:
    """The lifetime in seconds, and warnings; raises ValueError if the token can't be published.

    `documented_s` is the documented lifetime, `is_assumed` whether it applies to a response without
    `expires_in`. If `expires_in` is too long to be true, the longest accepted lifetime counts.
    """
    if expires_in is None:
        if documented_s is None or not is_assumed:
            raise ValueError("expires_in is missing; set lifetime_s if the provider documents it")
        return documented_s, ()
    lifetime_s = parse_whole_number(expires_in)
    if lifetime_s is None:
        raise ValueError("expires_in is not a whole number of seconds")
    if lifetime_s <= 0:
        kind = JustEndedError if lifetime_s == 0 else ValueError
        raise kind("expires_in is not positive")
    if lifetime_s <= (2 * documented_s if documented_s else MAX_BELIEVED_LIFETIME_S):
        return lifetime_s, ()
    if _is_implausible(lifetime_s, documented_s):
        raise ValueError(
            "expires_in is implausibly long (milliseconds?);"
            " set lifetime_s if the provider documents it"
        )
    believed_s = documented_s or MAX_BELIEVED_LIFETIME_S
    doubt = f"token endpoint: expires_in is {lifetime_s}, and {believed_s} s are believed"
    return believed_s, (f"{doubt}; set lifetime_s to what the provider documents",)


def _is_implausible(lifetime_s: int, documented_s: int | None) -> bool:
    """Whether the number must be in milliseconds.

    Without a documented lifetime, that is a number which, divided by a thousand, is a multiple of
    five minutes, or one second less: no common lifetime in days is.
    """
    if documented_s is not None:
        return lifetime_s >= MILLISECONDS_FROM * documented_s
    seconds, rest = divmod(lifetime_s, 1000)
    is_round = rest == 0 and (seconds + 1) % 300 < 2  # noqa: PLR2004 - either of both
    return is_round or lifetime_s > MAX_PLAUSIBLE_S
