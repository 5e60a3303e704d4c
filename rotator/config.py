"""Flags, environment variables and events, turned into settings; a wrong one is named.

The one place of the job that reads the environment. What the AWS SDK reads for itself (endpoint,
profile, keys) is left to it.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from rotator.aws.secret_ids import arn_region, checked_secret_id, shared_region
from rotator.errors import ConfigError, did_you_mean, name_hint, replace_error
from rotator.model.binding import Binding, is_name_of
from rotator.model.instants import parse_duration
from rotator.model.pace import parse_pace
from rotator.model.policy import DEFAULT_INTERVAL, RenewalPolicy
from rotator.model.urls import problem_with_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.model.secret_rotation import SecretRotationSettings

T = TypeVar("T")

__all__ = [
    "FleetSelector",
    "JobSettings",
    "LogSettings",
    "Settings",
    "environment_means",
    "environment_names",
    "load_fleet",
    "load_fleet_options",
    "load_log_settings",
    "load_secret_id",
    "load_secret_rotation",
    "load_settings",
    "region_of",
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
"""What `load_settings` takes: as flags (`--token-secret`), as variables (`ROTATOR_TOKEN_SECRET`)
and as fields of an event (`token_secret`). `tick` is the old name of `interval`, until 1.0."""

LOG_NAMES = ("log_level", "log_format")
PACES = ("puts_per_s", "reads_per_s")
FLEET_NAMES = ("config", "discover", "where", "fleet", "queue_url", *PACES)
"""What many bindings at once are run by; with `cadence`, `interval` and `spread` from above."""

SECRET_NAMES = ("client_secret_overlap", "client_secret_max_age")
ALL_NAMES = (*NAMES, *LOG_NAMES, *FLEET_NAMES, *SECRET_NAMES)

_YES, _NO = ("1", "on", "true", "yes"), ("0", "off", "false", "no")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("json", "console")

# What Kubernetes sets in a pod for each Service in its namespace; one may be called "rotator-log".
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SERVICE_LINK = (
    r"\w+_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?"
    r"|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)


class JobSettings(NamedTuple):
    """How tokens are kept fresh, whosever they are: the same for one binding and for many.

    `interval` is how often the job is started, `spread` by how much it may rotate early,
    `probe_url` the API to call with a new token, `probe_stored` whether it is called with the
    stored one too.
    """

    cadence: timedelta | None = None
    interval: timedelta = DEFAULT_INTERVAL
    spread: timedelta = timedelta(0)
    probe_url: str | None = None
    probe_stored: bool = False

    def policy(self) -> RenewalPolicy:
        """When a token is due."""
        return RenewalPolicy(cadence=self.cadence, interval=self.interval, spread=self.spread)


class Settings(NamedTuple):
    """The names of one binding's secrets, where they are, and how the token is kept fresh.

    `credentials_secret` is None where only the token secret was named, which is enough to look at
    it. `region` is the one that the secrets' ARNs or AWS_REGION name; None leaves it to the SDK.
    """

    token_secret: str
    credentials_secret: str | None = None
    region: str | None = None
    job: JobSettings = JobSettings()

    def binding(self) -> Binding:
        """Both names; raises ConfigError if the credentials secret was not named."""
        return Binding(self.needed_credentials_secret(), self.token_secret)

    def needed_credentials_secret(self) -> str:
        """The credentials secret; raises ConfigError if none was named."""
        if self.credentials_secret is None:
            raise ConfigError(_describe_missing("credentials_secret"))
        return self.credentials_secret


class FleetSelector(NamedTuple):
    """Which fleet: that of the manifest `config`, or what has the binding tag and those of `where`.

    `name`, `cadence`, `interval`, `spread` and the paces take the place of what the manifest says,
    None leaves it to that or to the defaults. `probe_url` serves bindings without their own, stored
    tokens too with `probe_stored`. `queue_url` is where to send what is due, for others to rotate.
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


class LogSettings(NamedTuple):
    """`level` is the least that is logged, `form` None the one that suits where logs go."""

    level: str = "info"
    form: str | None = None


class _Given(NamedTuple):
    """A setting as it was written, and what to call it in an error."""

    text: str
    label: str


def load_settings(
    given: Mapping[str, str | None], *, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Settings from `given`, and from the environment what is not there.

    The keys of `given` are flags (`--token-secret`) or fields of an event (`token_secret`), and are
    named like this in errors; None and an empty variable stand for "not given". Raises ConfigError
    for a wrong value, an unknown key, or a variable that looks like a misspelling.
    """
    found = _from_environment(environ, NAMES)
    for label, text in given.items():
        name = label.removeprefix("--").replace("-", "_")
        if name not in NAMES:
            raise ConfigError(f"{label}: unknown; {name_hint(name, NAMES)}")
        if text is not None:
            found[name] = _Given(text, label)
    for name in ("token_secret", "credentials_secret"):
        if name in found:
            checked_secret_id(found[name].label, found[name].text)
    if "token_secret" not in found:
        raise ConfigError(_describe_missing("token_secret"))
    token_secret = found["token_secret"].text
    credentials = found.get("credentials_secret")
    credentials_secret = credentials.text if credentials else None
    return Settings(
        token_secret=token_secret,
        credentials_secret=credentials_secret,
        region=shared_region(token_secret, credentials_secret) or environ.get("AWS_REGION") or None,
        job=_job(found),
    )


def _job(found: Mapping[str, _Given]) -> JobSettings:
    job = JobSettings(
        cadence=_duration(found.get("cadence")),
        interval=_interval(found) or DEFAULT_INTERVAL,
        spread=_duration(found.get("spread")) or timedelta(0),
        probe_url=_url(found.get("probe_url")),
        probe_stored=_flag(found.get("probe_stored")),
    )
    if job.probe_stored and job.probe_url is None:
        raise ConfigError(_no_api(found["probe_stored"].label))
    return job


def _no_api(label: str) -> str:
    return f"{label}: needs an API to call; pass --probe-url or set {PREFIX}PROBE_URL"


def load_fleet(
    given: Mapping[str, str | None], *, environ: Mapping[str, str] = os.environ
) -> FleetSelector | None:
    """The fleet that `given` or the environment selects, None where they select one binding.

    Flags decide first: one that names a secret makes the variables of a fleet moot, and the other
    way round. `--where` has its pairs separated by commas. Raises ConfigError for a wrong value, or
    a selection that is ambiguous.
    """
    typed = {
        label.removeprefix("--").replace("-", "_"): _Given(text, label)
        for label, text in given.items()
        if text is not None
    }
    names_binding = typed.keys() & {"token_secret", "credentials_secret"}
    selects_fleet = typed.keys() & {"config", "discover"}
    if names_binding and not selects_fleet:
        return None
    found = _from_environment(environ, (*NAMES, *FLEET_NAMES))
    if selects_fleet:
        for name in ("config", "discover", "token_secret", "credentials_secret"):
            found.pop(name, None)
    found |= typed
    config, discover = found.get("config"), _flag(found.get("discover"))
    if config is None and not discover:
        if "where" in typed:
            raise ConfigError("--where: works only with --discover; pass both")
        return None
    rivals = [
        found[name].label
        for name in ("config", "discover", "credentials_secret")
        if name in found and (name != "discover" or discover)
    ]
    if len(rivals) > 1:
        raise ConfigError(f"{' and '.join(rivals)}: select different bindings; keep one of them")
    return _fleet_selector(found, environ)


def load_fleet_options(environ: Mapping[str, str] = os.environ) -> FleetSelector:
    """How a fleet runs whose bindings are named by something else, such as a queue."""
    names = ("cadence", "interval", "tick", "spread", "probe_url", "probe_stored", "fleet", *PACES)
    return _fleet_selector(_from_environment(environ, names), environ)


def _fleet_selector(found: Mapping[str, _Given], environ: Mapping[str, str]) -> FleetSelector:
    texts = {name: found[name].text if name in found else None for name in FLEET_NAMES}
    probe_stored = _flag(found.get("probe_stored"))
    if probe_stored and "probe_url" not in found and "config" not in found:
        raise ConfigError(_no_api(found["probe_stored"].label))
    return FleetSelector(
        config=texts["config"],
        where=_tags(found.get("where")),
        name=texts["fleet"],
        cadence=_duration(found.get("cadence")),
        interval=_interval(found),
        spread=_duration(found.get("spread")),
        puts_per_s=_parse(found.get("puts_per_s"), parse_pace),
        reads_per_s=_parse(found.get("reads_per_s"), parse_pace),
        probe_url=_url(found.get("probe_url")),
        probe_stored=probe_stored,
        region=environ.get("AWS_REGION") or None,
        queue_url=texts["queue_url"],
    )


def load_secret_id(
    name: str, given: Mapping[str, str | None], *, environ: Mapping[str, str] = os.environ
) -> str:
    """The one secret that a command works on, checked.

    `name` is `token_secret` or `credentials_secret`; `given` what was typed, by what to call it in
    errors. Raises ConfigError if two of them differ, or nothing names it.
    """
    variable = f"{PREFIX}{name.upper()}"
    typed = {label: text for label, text in given.items() if text is not None}
    if len(set(typed.values())) > 1:
        raise ConfigError(f"{' and '.join(typed)}: name different secrets; pass one of them")
    for label, text in (typed or {variable: environ.get(variable, "")}).items():
        if typed or text:
            return checked_secret_id(label, text)
    raise ConfigError(f"{name.replace('_', ' ')}: missing; pass its ID or set {variable}")


def load_secret_rotation(
    given: Mapping[str, str | None], environ: Mapping[str, str] = os.environ
) -> SecretRotationSettings:
    """How a client secret is rotated; `given` are `--overlap` and `--max-age`, in this order."""
    from rotator.model.secret_rotation import SecretRotationSettings

    found = _from_environment(environ, SECRET_NAMES)
    for name, (label, text) in zip(SECRET_NAMES, given.items(), strict=False):
        found |= {name: _Given(text, label)} if text is not None else {}
    return SecretRotationSettings(*(_duration(found.get(name)) for name in SECRET_NAMES))


def environment_names(token_secret: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is the token secret that the environment names."""
    return environ.get(f"{PREFIX}TOKEN_SECRET") == token_secret


def environment_means(arn: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the token secret with this ARN is the one that the environment names."""
    return is_name_of(environ.get(f"{PREFIX}TOKEN_SECRET", ""), arn, arn)


def load_log_settings(environ: Mapping[str, str] = os.environ) -> LogSettings:
    """How much is logged and in which form; raises ConfigError for a value that is neither."""
    found = _from_environment(environ, LOG_NAMES)
    level, form = found.get("log_level"), found.get("log_format")
    return LogSettings(
        level=_choice(level, LOG_LEVELS) if level else "info",
        form=_choice(form, LOG_FORMATS) if form else None,
    )


def _from_environment(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, _Given]:
    known = {f"{PREFIX}{name.upper()}": name for name in ALL_NAMES}
    found = {}
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        name = known.get(variable)
        if name is None and not re.fullmatch(_SERVICE_LINK, variable):
            meant = did_you_mean(variable.removeprefix(PREFIX), [n.upper() for n in known.values()])
            meant = meant or did_you_mean(variable.removeprefix(PREFIX), known.values())
            if meant is not None:
                raise ConfigError(f"{variable}: unknown; did you mean {PREFIX}{meant.upper()}?")
        elif name is not None and name in names and environ[variable]:
            found[name] = _Given(environ[variable], variable)
    return found


def _describe_missing(name: str) -> str:
    flag = f"--{name.replace('_', '-')}"
    return f"{name.replace('_', ' ')}: missing; pass {flag} or set {PREFIX}{name.upper()}"


def _choice(given: _Given, choices: tuple[str, ...]) -> str:
    text = given.text.lower()
    if text not in choices:
        raise ConfigError(f"{given.label}: must be one of {', '.join(choices)}")
    return text


def _parse(given: _Given | None, parse: Callable[[str], T]) -> T | None:
    if given is None:
        return None
    return replace_error(
        lambda: parse(given.text), ValueError, lambda error: ConfigError(f"{given.label}: {error}")
    )


def _duration(given: _Given | None) -> timedelta | None:
    return _parse(given, parse_duration)


def _flag(given: _Given | None) -> bool:
    if given is None:
        return False
    text = given.text.lower()
    if text not in {*_YES, *_NO}:
        raise ConfigError(f"{given.label}: must be true or false")
    return text in _YES


def _tags(given: _Given | None) -> tuple[tuple[str, str], ...]:
    """`KEY=VALUE,KEY=VALUE` as pairs."""
    pairs = []
    for part in given.text.split(",") if given is not None else ():
        key, separator, value = part.partition("=")
        if not (separator and key.strip()):
            raise ConfigError(f"{given.label if given else ''}: must be KEY=VALUE")
        pairs.append((key.strip(), value.strip()))
    return tuple(pairs)


def _interval(found: Mapping[str, _Given]) -> timedelta | None:
    interval, tick = found.get("interval"), found.get("tick")
    both = {_duration(interval), _duration(tick)} - {None}
    if interval and tick and len(both) > 1:
        raise ConfigError(f"{interval.label} and {tick.label}: differ; set {interval.label} alone")
    return _duration(interval or tick)


def _url(given: _Given | None) -> str | None:
    if given is None:
        return None
    problem = problem_with_url(given.text)
    if problem is not None:
        raise ConfigError(f"{given.label}: {problem}")
    return given.text


def region_of(secret_id: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """The region to ask for one secret; None leaves it to the SDK."""
    return arn_region(secret_id) or environ.get("AWS_REGION") or None
