"""The settings that select the bindings of a fleet, and how it runs."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from rotator.config.given import (
    FLEET_NAMES,
    NAMES,
    PACES,
    PREFIX,
    Given,
    describe_missing_api,
    parse_flag,
    parse_interval,
    parse_span,
    parse_url,
    parse_value,
    read_environment,
)
from rotator.errors import ConfigError
from rotator.model.fleet_name import check_fleet_name
from rotator.model.pace import parse_pace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

__all__ = ["FleetSelector", "load_fleet", "load_fleet_options"]

MAX_KEY_CHARS, MAX_VALUE_CHARS = 128, 256


class FleetSelector(NamedTuple):
    """A fleet: the manifest `config`, or the secrets with the binding tag and the tags of `where`.

    `name`, `cadence`, `interval`, `spread` and the rates override the manifest; None leaves them to
    it or to the defaults. `probe_url` is for bindings that have none; with `probe_stored` it is
    called with stored tokens too. `queue_url` is the queue to send due bindings to.
    """

    config: str | None = None
    where: tuple[tuple[str, str], ...] = ()
    name: str | None = None
    cadence: timedelta | None = None
    interval: timedelta | None = None
    spread: timedelta | None = None
    puts_per_s: float | None = None
    reads_per_s: float | None = None
    probe_url: str | None = None
    probe_stored: bool = False
    region: str | None = None
    queue_url: str | None = None


def load_fleet(
    given: Mapping[str, str | None], *, environ: Mapping[str, str] = os.environ
) -> FleetSelector | None:
    """The fleet that `given` or the environment selects, None if they select one binding.

    Flags win: one that names a secret (`ID` is the token secret as an argument) overrides the
    variables that select a fleet, and vice versa. The pairs of `--where` are separated by commas.
    Raises ConfigError for a wrong value or an ambiguous selection.
    """
    typed = {
        "token_secret" if label == "ID" else label.removeprefix("--").replace("-", "_"): Given(
            text, label
        )
        for label, text in given.items()
        if text is not None
    }
    names_binding = typed.keys() & {"token_secret", "credentials_secret"}
    selects_fleet = typed.keys() & {"config", "discover"}
    if names_binding and not selects_fleet:
        _refuse_where(typed)
        return None
    found = read_environment(environ, (*NAMES, *FLEET_NAMES))
    if selects_fleet:
        for name in ("config", "discover", "token_secret", "credentials_secret"):
            found.pop(name, None)
        if "discover" not in typed:
            found.pop("where", None)
    found |= typed
    config, discover = found.get("config"), parse_flag(found.get("discover"))
    if not discover:
        # A variable that has no effect must not stop a job that is otherwise complete.
        has_selection = config is not None or "token_secret" in found
        _refuse_where(typed if has_selection else found)
        found.pop("where", None)
    if config is None and not discover:
        return None
    # A variable that names a token secret may be there for readers; an argument means that one.
    named = ("credentials_secret", *(typed.keys() & {"token_secret"}))
    rivals = [
        found[name].label
        for name in ("config", "discover", *named)
        if name in found and (name != "discover" or discover)
    ]
    if len(rivals) > 1:
        raise ConfigError(f"{' and '.join(rivals)}: select different bindings; keep one of them")
    return _fleet_selector(found, environ)


def _refuse_where(found: Mapping[str, Given]) -> None:
    """Raise ConfigError for --where without --discover."""
    if "where" in found:
        label = found["where"].label
        flag = "--discover" if label.startswith("--") else f"{PREFIX}DISCOVER"
        raise ConfigError(f"{label}: works only with {flag}; set both, or neither")


def load_fleet_options(environ: Mapping[str, str] = os.environ) -> FleetSelector:
    """The settings of a fleet whose bindings come from elsewhere, such as a queue."""
    names = ("cadence", "interval", "tick", "spread", "probe_url", "probe_stored", "fleet", *PACES)
    return _fleet_selector(read_environment(environ, names), environ)


def _fleet_selector(found: Mapping[str, Given], environ: Mapping[str, str]) -> FleetSelector:
    probe_stored = parse_flag(found.get("probe_stored"))
    if probe_stored and "probe_url" not in found and "config" not in found:
        raise ConfigError(describe_missing_api(found["probe_stored"].label))
    return FleetSelector(
        config=_path(found.get("config")),
        where=_tags(found.get("where")),
        name=parse_value(found.get("fleet"), check_fleet_name),
        cadence=parse_span(found.get("cadence")),
        interval=parse_interval(found),
        spread=parse_span(found.get("spread")),
        puts_per_s=parse_value(found.get("puts_per_s"), parse_pace),
        reads_per_s=parse_value(found.get("reads_per_s"), parse_pace),
        probe_url=parse_url(found.get("probe_url")),
        probe_stored=probe_stored,
        region=environ.get("AWS_REGION") or None,
        queue_url=_queue(found.get("queue_url")),
    )


def _tags(given: Given | None) -> tuple[tuple[str, str], ...]:
    """`KEY=VALUE,KEY=VALUE` as pairs."""
    if given is None:
        return ()
    tags: dict[str, str] = {}
    for number, part in enumerate(given.text.split(","), 1):
        key, separator, value = (each.strip() for each in part.partition("="))
        problem = _problem_with_tag(key, value) if separator else "is not KEY=VALUE"
        if problem is None and tags.setdefault(key, value) != value:
            problem = "names a tag again, with another value, which no secret can have"
        if problem is not None:
            raise ConfigError(
                f"{given.label}: pair {number} {problem}; write KEY=VALUE, and a comma between two"
                " of them"
            )
    return tuple(tags.items())


def _problem_with_tag(key: str, value: str) -> str | None:
    """Why no secret can have this tag (API reference of Secrets Manager, Tag)."""
    if not key:
        return "has no key"
    if len(key) > MAX_KEY_CHARS or len(value) > MAX_VALUE_CHARS:
        return (
            f"is too long: a key has {MAX_KEY_CHARS} characters at most, a value {MAX_VALUE_CHARS}"
        )
    if not all(char.isalnum() or char.isspace() or char in "_.:/=+-@" for char in key + value):
        return "has a character that no tag has"
    return None


def _path(given: Given | None) -> str | None:
    if given is not None and not given.text.strip():
        raise ConfigError(f"{given.label}: is empty; give the path of a manifest")
    return given.text if given is not None else None


def _queue(given: Given | None) -> str | None:
    """The URL of a standard queue: http(s)://HOST/ACCOUNT/NAME."""
    if given is None:
        return None
    if not re.fullmatch(r"https?://[^/\s]+/[^\s?#]+", given.text) or not _has_host(given.text):
        raise ConfigError(f"{given.label}: is not the URL of an SQS queue; take it from the queue")
    if given.text.endswith(".fifo"):
        raise ConfigError(
            f"{given.label}: names a FIFO queue; use a standard one, as neither order nor"
            " duplicates matter"
        )
    return given.text


def _has_host(url: str) -> bool:
    """Whether its host and port can be parsed: the SDK's error would name neither."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
