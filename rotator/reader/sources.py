"""Opens a reader's sources, and finds a usable token in them.

Imported at the first fetch, with everything that a fetch needs except the SDK.
"""

from __future__ import annotations

import datetime  # noqa: F401, ICN001 - `snapshot` needs these two, and imports them late
import json  # noqa: F401
import os

from rotator.errors import (
    ConfigError,
    RotatorError,
    SecretNotFound,
    StoreError,
    TokenUnavailable,
    signal_error,
)
from rotator.reader.direct import DirectSource
from rotator.reader.failures import previous_unreadable, store_error
from rotator.reader.loopback import AGENT_TOKEN_FILE, LoopbackSource
from rotator.reader.secrets_manager import SdkSource
from rotator.reader.snapshot import instant_text, parse
from rotator.wire.dates import parse_http_date

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from rotator.reader.snapshot import Snapshot
    from rotator.reader.source import Source

    Found = tuple[Snapshot, float, int]
    """A token, the seconds by which AWS's clock is ahead, and the index of the source."""

__all__ = ["close_sources", "find_token", "open_sources"]

# A smaller difference of the clocks is rounding and latency. With a greater one AWS refuses the
# request: a signature's time may be five minutes off (Signature Version 4, elements of a request).
_MIN_SKEW_S, _MAX_SKEW_S = 5.0, 300.0


def open_sources(
    source: str | Source | Sequence[str | Source] | None,
    *,
    client: object = None,
    regions: Sequence[str] = (),
) -> tuple[Source, ...]:
    """The sources in order, as `TokenReader` documents; nothing is read yet.

    Raises ConfigError for an unknown name, and for regions without a source that uses them.
    """
    if client is not None:
        return (SdkSource(client),)
    if source is None:
        named: Sequence[str | Source] = _announced_sources()
    elif isinstance(source, list | tuple):
        named = source
    else:
        named = (source,)  # type: ignore[assignment]  # a Source may have a length of its own
    names = [each for each in named if isinstance(each, str)]
    if regions and not {"direct", "sdk"} & set(names):
        raise ConfigError("token reader: regions work only with the sources direct and sdk")
    opened: list[Source] = []
    kinds = [each if isinstance(each, str) else None for each in named]
    for at, each in enumerate(named):
        follows_direct = kinds[at - 1 : at] == ["direct"]
        if not (kinds[at] == "sdk" and follows_direct):  # that is the fallback of each "direct"
            opened += _open(each, regions, falls_back=kinds[at + 1 : at + 2] == ["sdk"])
    return tuple(opened)


def _open(source: str | Source, regions: Sequence[str], *, falls_back: bool) -> Sequence[Source]:
    """The sources of this name, one for each region; "direct" alone can fall back to the SDK."""
    if not isinstance(source, str):
        return (source,)
    if source == "sdk":
        return [SdkSource(region=region) for region in regions or (None,)]
    if source == "direct":
        return [
            DirectSource(SdkSource(region=region) if falls_back else None, region=region)
            for region in regions or (None,)
        ]
    if source in {"agent", "extension"}:
        return (getattr(LoopbackSource, source)(),)
    raise ConfigError("token reader: unknown source; use agent, extension, direct or sdk")


def _announced_sources() -> Sequence[str]:
    """The source that the environment announces, then Secrets Manager itself as a fallback."""
    environ = os.environ
    # An empty variable counts as unset.
    if environ.get("AWS_ENDPOINT_URL") or environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER"):
        return ("direct", "sdk")  # only that endpoint may be called
    if environ.get("AWS_TOKEN") or os.access(AGENT_TOKEN_FILE, os.R_OK):
        return ("agent", "direct", "sdk")
    if "AWS_LAMBDA_FUNCTION_NAME" in environ:
        # Without the extension, its port refuses the connection at once.
        return ("extension", "direct", "sdk")
    return ("direct", "sdk")


def close_sources(sources: Sequence[Source]) -> None:
    """Close the sources that `open_sources` created; a caller's source stays open."""
    for source in sources:
        close = getattr(source, "close", None) if _is_ours(source) else None
        if close is not None:
            close()


def _is_ours(source: Source) -> bool:
    return type(source).__module__.startswith("rotator.reader.")


def _stated_end(snapshot: Snapshot, skew_s: float) -> float:
    return snapshot.expires_at.timestamp() - skew_s


def find_token(
    sources: Sequence[Source],
    secret_id: str,
    *,
    fresh: bool,
    now: Callable[[], float],
    ends_at: Callable[[Snapshot, float], float] = _stated_end,
) -> Found | RotatorError:
    """An unexpired token from the first source that has one, or the error.

    With the token come the seconds by which AWS's clock is ahead of `now`, and its source's index.
    `ends_at` returns the expiry of a token on the clock of `now`, given these seconds. Errors are
    returned, because a traceback would have frames with the secret's text in a variable.
    """
    failures: list[tuple[str | None, _Failure]] = []
    for index, source in enumerate(sources):
        region: str | None = getattr(source, "region", None)
        if failures and region is None and failures[-1][1].is_final:
            break
        found = _find_in(source, secret_id, fresh=fresh, now=now, ends_at=ends_at)
        if not isinstance(found, _Failure):
            return *found, index
        # A fallback that isn't configured must not hide the first failure.
        if not failures or not isinstance(found.error, ConfigError):
            failures.append((region, found))
    return _summary(secret_id, [(region, failure.error) for region, failure in failures])


class _Failure:
    """Why a source has no token.

    `is_final`: Secrets Manager refused to read AWSCURRENT, and would again. A refused AWSPREVIOUS
    is not: a cache may have an older AWSCURRENT than the next source.
    """

    __slots__ = ("error", "is_final")

    def __init__(self, error: RotatorError, *, is_final: bool = False) -> None:
        self.error = error
        self.is_final = is_final


def _is_refusal(error: RotatorError) -> bool:
    return isinstance(error, StoreError) and bool(error.aws_code) and not error.retryable


def _summary(secret_id: str, failures: Sequence[tuple[str | None, RotatorError]]) -> RotatorError:
    """The last failure, since it is Secrets Manager's own; it lists those of all regions."""
    last = failures[-1][1]
    regional = [(region, failure) for region, failure in failures if region is not None]
    if len(regional) > 1:
        problems = [f"in {region}: {str(each).partition(': ')[2]}" for region, each in regional]
        last.args = (f"secret {secret_id}: {'; '.join(problems)}",)
        last.retryable = any(failure.retryable for _, failure in regional)
    return last


def _find_in(
    source: Source, secret_id: str, *, fresh: bool, **times: Any
) -> tuple[Snapshot, float] | _Failure:
    current = _read(source, secret_id, "AWSCURRENT", fresh=fresh, **times)
    if not isinstance(current, RotatorError):
        return current
    if not isinstance(current, TokenUnavailable):
        return _Failure(current, is_final=_is_refusal(current))
    if source.has_fresh and not fresh:
        return _find_in(source, secret_id, fresh=True, **times)
    previous = _read(source, secret_id, "AWSPREVIOUS", fresh=fresh, **times)
    if isinstance(previous, TokenUnavailable | SecretNotFound):
        return _Failure(current)
    if isinstance(previous, RotatorError):
        return _Failure(previous_unreadable(secret_id, previous))
    return previous


def _read(
    source: Source,
    secret_id: str,
    stage: str,
    *,
    fresh: bool,
    now: Callable[[], float],
    ends_at: Callable[[Snapshot, float], float],
) -> tuple[Snapshot, float] | RotatorError:
    """One version of the secret, if it holds a token that has not expired."""
    requested_at = now()
    try:
        response = dict(source.read(secret_id, stage, fresh=fresh))
    except RotatorError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a caller's source may raise anything
        own = signal_error(error)
        problem = f"its source failed ({type(error).__name__})"
    else:
        own, problem = None, ""
    if own is not None:
        raise own
    if problem:
        return store_error(secret_id, problem, retryable=True)
    responded_at = now()
    skew_s = _seconds_ahead(response, (requested_at + responded_at) / 2)
    try:
        snapshot = parse(response)
    except ValueError as error:
        own = signal_error(error)
        problem = f"its {stage} value {_with_next_step(str(error), secret_id)}"
    if own is not None:
        raise own
    if problem:
        return TokenUnavailable(f"secret {secret_id}: {problem}")
    early_s = _stated_end(snapshot, skew_s) - ends_at(snapshot, skew_s)
    if responded_at + skew_s + early_s < snapshot.expires_at.timestamp():
        return snapshot, skew_s
    early = f" less {early_s:.0f} s, as its issuer's clock is ahead" if early_s > 1 else ""
    return TokenUnavailable(
        f"secret {secret_id}: its {stage} token expired at {instant_text(snapshot.expires_at)}"
        f"{early}; check that the rotator runs: `rotator status {secret_id}`",
        expires_at=snapshot.expires_at,
    )


def _with_next_step(problem: str, secret_id: str) -> str:
    if ";" in problem:  # it says what to do
        return problem
    check = "check that this is the token secret, and that the rotator runs"
    return f"{problem}; {check}: `rotator status {secret_id}`"


def _seconds_ahead(response: Mapping[str, Any], at: float) -> float:
    """By how much AWS's clock is ahead of ours, from the response's `Date` (RFC 9110, 6.6.1).

    Zero if it is behind: a correction that lengthened a token's life would let it be served after
    its expiry once this machine's clock is set right.
    """
    metadata = response.get("ResponseMetadata")
    if not metadata:  # a loopback source has this machine's clock
        return 0.0
    try:
        date_s = parse_http_date(metadata["HTTPHeaders"]["date"])
    except (KeyError, TypeError):
        return 0.0
    if date_s is None:
        return 0.0
    skew_s = date_s + 0.5 - at  # Date has no fractions
    # The source "direct" signs by AWS's clock once AWS has refused ours.
    greatest_s = max(_MAX_SKEW_S, metadata.get("ClockOffset", 0.0) + _MAX_SKEW_S)
    return skew_s if _MIN_SKEW_S <= skew_s <= greatest_s else 0.0
