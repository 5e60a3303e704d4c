"""Formats variables for shells and other programs."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FORMATS"]

# Each of these ends a single-quoted string in PowerShell (about_Quoting_Rules).
_POWERSHELL_QUOTES = "['\u2018\u2019\u201a\u201b]"

_PLAIN = r"[A-Za-z0-9_.:/+=@%,~-]+"


def _sh(name: str, value: str | None) -> str:
    return f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"


def _fish(name: str, value: str | None) -> str:
    if value is None:
        return f"set -e {name}"
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{quoted}'"


def _powershell(name: str, value: str | None) -> str:
    if value is None:
        return f"Remove-Item Env:{name} -ErrorAction Ignore"
    quoted = re.sub(_POWERSHELL_QUOTES, lambda quote: quote[0] * 2, value)
    return f"$env:{name} = '{quoted}'"


def _dotenv(name: str, value: str | None) -> str:
    """Unquoted where possible: for `docker run --env-file`, quotes are part of the value."""
    if value is None or re.fullmatch(_PLAIN, value):
        return f"{name}={value or ''}"
    if "'" not in value:
        return f"{name}='{value}'"
    escaped = re.sub(r'(["\\$`])', r"\\\1", value)
    return f'{name}="{escaped}"'


def _lines(
    line: Callable[[str, str | None], str],
) -> Callable[[Mapping[str, str | None]], str]:
    return lambda variables: "\n".join(line(name, value) for name, value in variables.items())


def _json(variables: Mapping[str, str | None]) -> str:
    return json.dumps(dict(variables), indent=2)


FORMATS: dict[str, Callable[[Mapping[str, str | None]], str]] = {
    "sh": _lines(_sh),
    "fish": _lines(_fish),
    "powershell": _lines(_powershell),
    "dotenv": _lines(_dotenv),
    "json": _json,
}
"""By value of `rotator env --format`: the function that writes the variables; None unsets one."""
