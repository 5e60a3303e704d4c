"""Settings from flags, environment variables and events; errors name the wrong one.

Only this package reads variables that begin with ROTATOR_. Those of AWS, proxies and terminals are
read where they are needed.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from rotator.aws.secret_ids import arn_region, check_secret_id, is_secret_id, shared_region
from rotator.config.fleet import FleetSelector, load_fleet, load_fleet_options
from rotator.config.given import (
    ALL_NAMES,
    LOG_NAMES,
    NAMES,
    PACES,
    PREFIX,
    SECRET_NAMES,
    Given,
    describe_missing,
    describe_missing_api,
    parse_choice,
    parse_flag,
    parse_interval,
    parse_span,
    parse_url,
    read_environment,
)
from rotator.errors import ConfigError, name_hint

# `rotator.model` is imported on use: `rotator token` needs only the name of a secret, and the
# dataclasses of the model would take longer to import than the reader.
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rotator.model.binding import Binding
    from rotator.model.policy import RenewalPolicy
    from rotator.model.secret_rotation import SecretRotationSettings


__all__ = [
    "ALL_NAMES",
    "PACES",
    "PREFIX",
    "FleetSelector",
    "JobSettings",
    "Settings",
    "environment_names",
    "environment_names_arn",
    "environment_token_secret",
    "load_fleet",
    "load_fleet_options",
    "load_log_settings",
    "load_secret_id",
    "load_secret_rotation",
    "load_settings",
    "region_of",
]


LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("json", "console")


class JobSettings(NamedTuple):
    """How tokens are kept fresh, for one binding or many.

    `interval` is how often the scheduler starts the job, `spread` how much early a token may be
    due, `probe_url` the API to call with a new token, and with `probe_stored` with the stored one
    too.
    """

    cadence: timedelta | None
    interval: timedelta
    spread: timedelta
    probe_url: str | None
    probe_stored: bool

    def policy(self) -> RenewalPolicy:
        """When a token is due."""
        from rotator.model.policy import RenewalPolicy

        return RenewalPolicy(cadence=self.cadence, interval=self.interval, spread=self.spread)


class Settings(NamedTuple):
    """One binding's secrets, their region, and how the token is kept fresh.

    `credentials_secret` is None if only the token secret was named, which is enough for its status.
    `region` is from the secrets' ARNs or AWS_REGION; None leaves it to the SDK.
    """

    token_secret: str
    credentials_secret: str | None
    region: str | None
    job: JobSettings

    def binding(self) -> Binding:
        """Both names; raises ConfigError if the credentials secret was not named."""
        from rotator.model.binding import Binding

        return Binding(self.needed_credentials_secret(), self.token_secret)

    def needed_credentials_secret(self) -> str:
        """The credentials secret; raises ConfigError if none was named."""
        if self.credentials_secret is None:
            raise ConfigError(describe_missing("credentials_secret"))
        return self.credentials_secret


class LogSettings(NamedTuple):
    """`level` is the lowest that is logged; `form` None means console on a terminal, else JSON."""

    level: str = "info"
    form: str | None = None


def load_settings(
    given: Mapping[str, str | None], *, environ: Mapping[str, str] = os.environ
) -> Settings:
    """The settings in `given`; the environment supplies the others.

    The keys of `given` are flags (`--token-secret`) or fields of an event (`token_secret`), as
    errors name them; None and an empty variable mean "not given". Raises ConfigError for a wrong
    value, an unknown key, or a variable that looks like a misspelling.
    """
    variables = read_environment(environ, NAMES)
    found = dict(variables)
    for label, text in given.items():
        name = label.removeprefix("--").replace("-", "_")
        if name not in NAMES:
            raise ConfigError(f"{label}: unknown; {name_hint(name, NAMES)}")
        if text is not None:
            found[name] = Given(text, label)
    for name in ("token_secret", "credentials_secret"):
        if name in found:
            check_secret_id(found[name].label, found[name].text)
    if "token_secret" not in found:
        raise ConfigError(describe_missing("token_secret"))
    if _name_one_secret(found) and not _name_one_secret(variables):
        _refuse_two_places(found["token_secret"], found["credentials_secret"])
    token_secret = found["token_secret"].text
    credentials = found.get("credentials_secret")
    credentials_secret = credentials.text if credentials else None
    return Settings(
        token_secret=token_secret,
        credentials_secret=credentials_secret,
        region=shared_region(token_secret, credentials_secret) or environ.get("AWS_REGION") or None,
        job=_job(found),
    )


def _name_one_secret(found: Mapping[str, Given]) -> bool:
    """Whether both settings are there, and name the same secret, by its name or its ARN."""
    if "token_secret" not in found or "credentials_secret" not in found:
        return False
    from rotator.model.binding import is_name_of

    one, other = found["token_secret"].text, found["credentials_secret"].text
    pairs = ((one, other), (other, one))
    return one == other or any(
        arn.startswith("arn:") and is_name_of(name, arn, arn) for name, arn in pairs
    )


def _refuse_two_places(token: Given, credentials: Given) -> None:
    """Raise ConfigError if only one of the two names of one secret is from the environment.

    Whoever keeps both in one secret names it twice in one place; otherwise it is a mistake.
    """
    if token.label.startswith(PREFIX) != credentials.label.startswith(PREFIX):
        raise ConfigError(
            f"{token.label} and {credentials.label}: name the same secret; name the one that"
            " consumers read as token secret, or, if this one is to hold both, name it for both"
            " in one place: by two flags, two variables, or two fields of the event"
        )


def _job(found: Mapping[str, Given]) -> JobSettings:
    from rotator.model.policy import DEFAULT_INTERVAL

    job = JobSettings(
        cadence=parse_span(found.get("cadence")),
        interval=parse_interval(found) or DEFAULT_INTERVAL,
        spread=parse_span(found.get("spread")) or timedelta(0),
        probe_url=parse_url(found.get("probe_url")),
        probe_stored=parse_flag(found.get("probe_stored")),
    )
    if job.probe_stored and job.probe_url is None:
        raise ConfigError(describe_missing_api(found["probe_stored"].label))
    return job


def load_secret_id(
    name: str, given: Mapping[str, str | None], *, environ: Mapping[str, str] = os.environ
) -> str:
    """The id of the one secret that a command works on, checked.

    `name` is `token_secret` or `credentials_secret`; `given` maps the names of arguments, as errors
    show them, to their values. Raises ConfigError if two values differ, or there is none, and if
    the variable decides while another one looks like a misspelling.
    """
    variable = f"{PREFIX}{name.upper()}"
    typed = {label: text for label, text in given.items() if text is not None}
    if len(set(typed.values())) > 1:
        raise ConfigError(f"{' and '.join(typed)}: name different secrets; pass one of them")
    if not typed:
        read_environment(environ, ())
    if not typed and environ.get(variable):
        typed = {variable: environ[variable]}
    if not typed:
        raise ConfigError(describe_missing(name))
    label, text = next(iter(typed.items()))
    return check_secret_id(label, text)


def load_secret_rotation(
    *,
    overlap: str | None = None,
    max_age: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> SecretRotationSettings:
    """How a client secret is rotated, by the texts of `--overlap` and `--max-age`.

    The environment supplies what is None. Raises ConfigError for a wrong value.
    """
    from rotator.model.secret_rotation import SecretRotationSettings

    found = read_environment(environ, SECRET_NAMES)
    if overlap is not None:
        found["client_secret_overlap"] = Given(overlap, "--overlap")
    if max_age is not None:
        found["client_secret_max_age"] = Given(max_age, "--max-age")
    return SecretRotationSettings(
        overlap=parse_span(found.get("client_secret_overlap")),
        max_age=parse_span(found.get("client_secret_max_age")),
    )


def environment_names(token_secret: str) -> bool:
    """Whether the environment names this token secret, in the same words."""
    return os.environ.get(f"{PREFIX}TOKEN_SECRET") == token_secret


def environment_names_arn(arn: str) -> bool:
    """Whether the environment names the token secret with this ARN, by name or ARN."""
    from rotator.model.binding import is_name_of

    return is_name_of(os.environ.get(f"{PREFIX}TOKEN_SECRET", ""), arn, arn)


def environment_token_secret(credentials_secret: str, consumers: Collection[str]) -> str | None:
    """The token secret of the environment, None if it may be that of other credentials.

    `consumers` are the entries of the field token_secrets of these.
    """
    named = {name: os.environ.get(f"{PREFIX}{name.upper()}") for name in NAMES[:2]}
    found = named["token_secret"]
    if found is None or not is_secret_id(found):
        return None
    is_theirs = named["credentials_secret"] in {None, "", credentials_secret}
    return found if is_theirs and (not consumers or found in consumers) else None


def load_log_settings(environ: Mapping[str, str] = os.environ) -> LogSettings:
    """The level and format of the logs; raises ConfigError for an unknown value."""
    found = read_environment(environ, LOG_NAMES)
    level, form = found.get("log_level"), found.get("log_format")
    return LogSettings(
        level=parse_choice(level, LOG_LEVELS) if level else "info",
        form=parse_choice(form, LOG_FORMATS) if form else None,
    )


def region_of(secret_id: str) -> str | None:
    """The region of one secret: its ARN's or AWS_REGION; None leaves it to the SDK."""
    return arn_region(secret_id) or os.environ.get("AWS_REGION") or None
