"""Reads the manifest of a fleet, a TOML file: `rotator run --config fleet.toml`.

    [fleet]
    name = "creative"

    [[binding]]
    credentials_secret = "adobe/credentials"
    token_secret = "adobe/token"

A mistake in the file or in `[fleet]` refuses the whole manifest. A mistake in one `[[binding]]`
refuses that binding, by its number, and the others run. The schema is
`rotator/schemas/fleet-manifest.schema.json`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rotator.aws.secret_ids import check_secret_id, is_secret_id
from rotator.errors import ConfigError, name_hint, replace_error
from rotator.fleet.settings import FleetBinding, FleetSettings, RefusedBinding, Selection
from rotator.model.binding import Binding
from rotator.model.fleet_name import check_fleet_name
from rotator.model.instants import parse_duration
from rotator.model.pace import check_pace
from rotator.model.urls import problem_with_url

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["BINDING_KEYS", "FLEET_KEYS", "load_manifest", "parse_manifest", "read_manifest"]

FLEET_KEYS = ("name", "interval", "cadence", "spread", "workers", "puts_per_s", "reads_per_s")
BINDING_KEYS = ("credentials_secret", "token_secret", "cadence", "probe_url")

MAX_WORKERS = 256

T = TypeVar("T")


def load_manifest(path: str) -> tuple[FleetSettings, Selection]:
    """Read the manifest at `path`; raises ConfigError as `parse_manifest` does."""
    read = Path(path).read_text
    text = replace_error(lambda: read("utf-8-sig"), (OSError, ValueError), _explain_unreadable)
    return parse_manifest(text)


def _explain_unreadable(error: Exception) -> ConfigError:
    reason = getattr(error, "strerror", None) or "not UTF-8"
    return ConfigError(
        f"manifest: the file cannot be read ({reason}); check --config or ROTATOR_CONFIG"
    )


def parse_manifest(text: str) -> tuple[FleetSettings, Selection]:
    """The fleet's settings and bindings; raises ConfigError for an unusable or empty manifest."""
    content = replace_error(
        lambda: tomllib.loads(text),
        (tomllib.TOMLDecodeError, RecursionError),
        lambda error: ConfigError(f"manifest: is not TOML{_position(error, text)}"),
    )
    return read_manifest(content)


def read_manifest(content: Mapping[str, Any]) -> tuple[FleetSettings, Selection]:
    """As `parse_manifest`, for a manifest that is already decoded."""
    _check_keys("manifest", content, ("fleet", "binding"))
    settings = _fleet_settings(_table(content.get("fleet", {}), "[fleet]"))
    entries = content.get("binding", [])
    if isinstance(entries, dict):
        raise ConfigError(
            "manifest: [binding] has single brackets; write [[binding]] for each token secret"
        )
    if not isinstance(entries, list) or not entries:
        raise ConfigError("manifest: has no bindings; add a [[binding]] for each token secret")
    return settings, _selection(entries)


def _selection(entries: list[object]) -> Selection:
    bindings: list[FleetBinding] = []
    refused: list[RefusedBinding] = []
    first_at: dict[str, int] = {}
    for number, entry in enumerate(entries, 1):
        try:
            parsed = _fleet_binding(number, entry)
            _refuse_second(number, parsed.binding.token_secret, first_at)
        except ConfigError as error:
            error.details["manifest_binding"] = number  # it may have no name
            refused.append(RefusedBinding(_read_names(entry), error))
        else:
            bindings.append(parsed)
    return Selection(tuple(bindings), tuple(refused))


def _refuse_second(number: int, token_secret: str, first_at: dict[str, int]) -> None:
    first = first_at.setdefault(token_secret, number)
    if first != number:
        raise ConfigError(
            f"manifest: binding {number}: token_secret is that of binding {first} too; remove one"
        )


def _fleet_settings(table: Mapping[str, Any]) -> FleetSettings:
    subject = "manifest: [fleet]"
    _check_keys(subject, table, FLEET_KEYS)
    settings: dict[str, Any] = {}
    for key in table:
        if key == "name":
            settings[key] = _parse(subject, table, key, check_fleet_name)
        elif key in {"interval", "cadence", "spread"}:
            settings[key] = _parse(subject, table, key, parse_duration)
        else:
            settings[key] = _number(subject, table, key)
    return FleetSettings(**settings)


def _number(subject: str, table: Mapping[str, Any], key: str) -> float:
    value = table[key]
    if key == "workers":
        if type(value) is float and value.is_integer():  # the same number to a JSON Schema
            value = int(value)
        if type(value) is not int or not 1 <= value <= MAX_WORKERS:
            raise ConfigError(f"{subject}: workers must be a whole number, 1 to {MAX_WORKERS}")
    else:
        replace_error(
            lambda: check_pace(value if type(value) in {int, float} else 0),
            ValueError,
            lambda error: ConfigError(f"{subject}: {key} {error}"),
        )
    return value  # type: ignore[no-any-return]  # as TOML has it


def _fleet_binding(number: int, entry: object) -> FleetBinding:
    subject = f"manifest: binding {number}"
    table = _table(entry, subject.removeprefix("manifest: "))
    _check_keys(subject, table, BINDING_KEYS)
    secrets = []
    for key in ("credentials_secret", "token_secret"):
        if key not in table:
            raise ConfigError(f"{subject}: {key} is missing")
        secrets.append(check_secret_id(f"{subject}: {key}", _text(subject, table, key)))
    probe_url = _text(subject, table, "probe_url") if "probe_url" in table else None
    problem = problem_with_url(probe_url) if probe_url is not None else None
    if problem is not None:
        raise ConfigError(f"{subject}: probe_url {problem}")
    return FleetBinding(
        Binding(*secrets),
        cadence=_parse(subject, table, "cadence", parse_duration) if "cadence" in table else None,
        probe_url=probe_url,
    )


def _read_names(entry: object) -> Binding:
    """The names in a refused entry, for the report; empty where they are missing or not names."""
    table = entry if isinstance(entry, dict) else {}
    secrets = (table.get(key) for key in ("credentials_secret", "token_secret"))
    # Anything else could control the terminal that shows the report or the log.
    return Binding(
        *(text if isinstance(text, str) and is_secret_id(text) else "" for text in secrets)
    )


def _table(value: object, label: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"manifest: {label} must be a table")
    return value


def _check_keys(subject: str, table: Mapping[str, Any], known: Collection[str]) -> None:
    for key in table:
        if key not in known:
            raise ConfigError(f"{subject}: has an unknown key; {name_hint(key, known)}")


def _text(subject: str, table: Mapping[str, Any], key: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{subject}: {key} must be a non-empty string")
    return value


def _parse(subject: str, table: Mapping[str, Any], key: str, parse: Callable[[str], T]) -> T:
    text = _text(subject, table, key)
    return replace_error(
        lambda: parse(text), ValueError, lambda error: ConfigError(f"{subject}: {key} {error}")
    )


def _position(error: Exception, text: str) -> str:
    """The line and column of a TOML error, whose own text can quote the file."""
    found = str(error).rpartition("(at ")[2]
    if found == "end of document)":
        last = text.count("\n", 0, len(text.rstrip())) + 1
        return f" (it ends too early, at line {last})"
    return f" (at {found}" if found.startswith("line ") else ""
