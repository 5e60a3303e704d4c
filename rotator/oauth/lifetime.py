"""How long a token lives, by what the token endpoint announces and the provider documents."""

from __future__ import annotations

from rotator.oauth.claims import JustEndedError
from rotator.wire.dates import parse_whole_number

__all__ = ["MAX_LIFETIME_S", "believed_lifetime"]

MAX_LIFETIME_S = 31 * 86_400
"""The longest lifetime that is believed where none is documented; a longer one counts as this."""

MAX_PLAUSIBLE_S = 400 * 86_400
"""Where none is documented, a longer lifetime can't be in seconds."""

MILLISECONDS_FROM = 500
"""From so many times the documented lifetime on, a value must be in milliseconds."""


def believed_lifetime(
    expires_in: object, *, documented_s: int | None, is_assumed: bool
) -> tuple[int, tuple[str, ...]]:
    """The lifetime in seconds, and warnings; raises ValueError for a token not to be published.

    `documented_s` is how long tokens are documented to live, `is_assumed` whether that holds for a
    response without `expires_in`. An announcement that is too long to be believed costs no token:
    the longest believed lifetime counts.
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
    if lifetime_s <= (2 * documented_s if documented_s else MAX_LIFETIME_S):
        return lifetime_s, ()
    if _is_implausible(lifetime_s, documented_s):
        raise ValueError(
            "expires_in is implausibly long (milliseconds?);"
            " set lifetime_s if the provider documents it"
        )
    believed_s = documented_s or MAX_LIFETIME_S
    doubt = f"token endpoint: expires_in is {lifetime_s}, and {believed_s} s are believed"
    return believed_s, (f"{doubt}; set lifetime_s to what the provider documents",)


def _is_implausible(lifetime_s: int, documented_s: int | None) -> bool:
    """Whether the number must be in milliseconds.

    Without a documented lifetime, that is one which, divided by a thousand, gives a multiple of
    five minutes, or one second less: no common lifetime in days does.
    """
    if documented_s is not None:
        return lifetime_s >= MILLISECONDS_FROM * documented_s
    seconds, rest = divmod(lifetime_s, 1000)
    is_round = rest == 0 and (seconds + 1) % 300 < 2  # noqa: PLR2004 - either of both
    return is_round or lifetime_s > MAX_PLAUSIBLE_S
