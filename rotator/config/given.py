"""Parses settings from flags, environment variables and fields of an event."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from rotator.errors import ConfigError, did_you_mean, replace_error
from rotator.model.instants import parse_duration
from rotator.model.urls import problem_with_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

T = TypeVar("T")

__all__ = [
    "ALL_NAMES",
    "FLEET_NAMES",
    "LOG_NAMES",
    "NAMES",
    "PACES",
    "PREFIX",
    "SECRET_NAMES",
    "Given",
    "describe_missing",
    "describe_missing_api",
    "parse_choice",
    "parse_flag",
    "parse_interval",
    "parse_span",
    "parse_url",
    "parse_value",
    "read_environment",
]

PREFIX = "ROTATOR_"
NAMES = (
    "credentials_secret",
    "token_secret",
    "cadence",
    "interval",
    "tick",
    "spread",
    "probe_url",
    "probe_stored",
)
"""The settings of `load_settings`: flags (`--token-secret`), variables (`ROTATOR_TOKEN_SECRET`) and
fields of an event (`token_secret`). `tick` is the old name of `interval`, until 1.0."""

LOG_NAMES = ("log_level", "log_format")
PACES = ("puts_per_s", "reads_per_s")
FLEET_NAMES = ("config", "discover", "where", "fleet", "queue_url", *PACES)
"""The settings of a fleet, in addition to `cadence`, `interval` and `spread`."""

SECRET_NAMES = ("client_secret_overlap", "client_secret_max_age")
ALL_NAMES = (*NAMES, *LOG_NAMES, *FLEET_NAMES, *SECRET_NAMES)

CREDENTIALS_FIELDS = ("client_id", "client_secret", "private_key", "scope", "token_url", "provider")
"""Fields of the credentials secret that people expect to set in the environment."""

_YES, _NO = ("1", "on", "true", "yes"), ("0", "off", "false", "no")

# The variables that Kubernetes sets for each Service of a namespace, which may be "rotator-log".
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SERVICE_LINK = (
    r"\w+_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?"
    r"|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)


class Given(NamedTuple):
    """The text of a setting, and its name in errors."""

    text: str
    label: str


def read_environment(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, Given]:
    """The settings of the environment among `names`, by name; an empty variable counts as unset.

    Raises ConfigError for a variable that looks like a misspelt setting, or like a field of one of
    the secrets.
    """
    known = {f"{PREFIX}{name.upper()}": name for name in ALL_NAMES}
    found = {}
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        name = known.get(variable)
        if name is None and not re.fullmatch(_SERVICE_LINK, variable):
            problem = _explain_unknown(variable)
            if problem is not None:
                raise ConfigError(f"{variable}: {problem}")
        elif name is not None and name in names and environ[variable]:
            found[name] = Given(environ[variable], variable)
    return found


def _explain_unknown(variable: str) -> str | None:
    """Why a variable that is not a setting is refused; None if it may be another program's."""
    name = variable.removeprefix(PREFIX).lower()
    if name in {"token", "access_token"}:
        return (
            "is never read: the token is in the token secret, which"
            f" {PREFIX}TOKEN_SECRET names; unset this variable, or, if `rotator exec` or `rotator"
            f" env` has set it, pass these another --prefix than {PREFIX.rstrip('_')}"
        )
    if name.removesuffix("s") in CREDENTIALS_FIELDS:
        return _explain_credentials_field(name.removesuffix("s"))
    meant = did_you_mean(name, ALL_NAMES)
    if meant is not None:
        return f"unknown; did you mean {PREFIX}{meant.upper()}?"
    field = did_you_mean(name, CREDENTIALS_FIELDS)
    return None if field is None else _explain_credentials_field(field)


def _explain_credentials_field(field: str) -> str:
    return (
        f"is never read: the {field.replace('_', ' ')} is a part of the credentials secret; store"
        " it there with `rotator credentials set ID`, and unset this variable"
    )


def describe_missing(name: str) -> str:
    """The message for a secret that no setting names."""
    flag = f"--{name.replace('_', '-')}"
    return f"{name.replace('_', ' ')}: missing; pass {flag} ID or set {PREFIX}{name.upper()}"


def describe_missing_api(label: str) -> str:
    """The message for a probe without an API."""
    return f"{label}: needs an API to call; pass --probe-url or set {PREFIX}PROBE_URL"


def parse_choice(given: Given, choices: tuple[str, ...]) -> str:
    """One of `choices`, in lower case; raises ConfigError for any other."""
    text = given.text.lower()
    if text not in choices:
        raise ConfigError(f"{given.label}: must be one of {', '.join(choices)}")
    return text


def parse_value(given: Given | None, parse: Callable[[str], T]) -> T | None:
    """The value as `parse` reads it, None if it was not given; raises ConfigError."""
    if given is None:
        return None
    return replace_error(
        lambda: parse(given.text), ValueError, lambda error: ConfigError(f"{given.label}: {error}")
    )


def parse_span(given: Given | None) -> timedelta | None:
    """A duration, None if it was not given; raises ConfigError."""
    return parse_value(given, parse_duration)


def parse_flag(given: Given | None) -> bool:
    """A boolean, False if it was not given; raises ConfigError."""
    if given is None:
        return False
    text = given.text.lower()
    if text not in {*_YES, *_NO}:
        raise ConfigError(f"{given.label}: must be true or false")
    return text in _YES


def parse_interval(found: Mapping[str, Given]) -> timedelta | None:
    """The interval, by its old name too; raises ConfigError if both are set and differ."""
    interval, tick = found.get("interval"), found.get("tick")
    both = {parse_span(interval), parse_span(tick)} - {None}
    if interval and tick and len(both) > 1:
        raise ConfigError(f"{interval.label} and {tick.label}: differ; set {interval.label} alone")
    return parse_span(interval or tick)


def parse_url(given: Given | None) -> str | None:
    """A URL to which a token may be sent, None if it was not given; raises ConfigError."""
    if given is None:
        return None
    problem = problem_with_url(given.text)
    if problem is not None:
        raise ConfigError(f"{given.label}: {problem}")
    return given.text
