"""One structured event per outcome: JSON for machines, readable on a terminal, without secrets.

Secrets are kept out of logs elsewhere: events consist of names, instants and counts, and secrets
are `rotator.model.secret.Secret`. The redaction here is a second line of defence, for fields that
are added by mistake.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from structlog.typing import EventDict, Processor, WrappedLogger

    from rotator.errors import RotatorError


__all__ = [
    "bound_fields",
    "configure",
    "defer_import",
    "error_fields",
    "logger",
    "redact",
    "shows_colour",
]


@contextmanager
def defer_import(name: str) -> Iterator[None]:
    """In this context, `import NAME` binds a placeholder that loads the module on first use.

    Only modules imported in the context keep the placeholder; one that is already loaded stays.
    `importlib.util.LazyLoader` doesn't help: a second import of its module, such as by a library,
    loads it.
    """
    placeholder = _LazyModule(name)
    sys.modules.setdefault(name, placeholder)
    try:
        yield
    finally:
        placeholder.unregister()


class _LazyModule(ModuleType):
    def __bool__(self) -> bool:
        return False  # from Python 3.12 on, a log record asks a loaded asyncio for the task's name

    def unregister(self) -> None:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]

    def __getattr__(self, attribute: str) -> Any:  # noqa: ANN401 - whatever the module has
        self.unregister()
        return getattr(import_module(self.__name__), attribute)


# Only structlog's asynchronous methods use asyncio, which takes as long to import as all the rest.
with defer_import("asyncio"):
    import structlog

MASK = "***"

_SECRET_KEYS = re.compile(
    r"secret(?!s?_id|_name)|token(?!_type|_url|_secret)|password|passphrase|authorization|api_key"
    r"|private_key|credential|assertion|jwt|cookie",
    re.IGNORECASE,
)
_NAMES_OF_SECRETS = frozenset({"binding", "credentials_secret", "secret_id", "token_secret"})

# A JSON Web Token, credentials after an authorization scheme, Adobe's client secrets, and values of
# secret fields in a form, JSON or YAML. Not words of a sentence, nor "...": our messages name these
# fields, and show their form.
_SECRET_TEXTS = re.compile(
    r"""
      \beyJ[\w-]{8,}(?:\.[\w-]*){0,4}
    | \b(?:Bearer|Basic)\s+(?!WORD)[\w.~+/=-]{6,}
    | \bp8e-[\w-]{6,}
    | \b(?:client_secret|access_token|client_assertion)
      (?: [\"']?\s*=\s*[\"']? | [\"']\s*:\s*[\"']? | :\s*(?!WORD|COUNT|REFUSED) )
      (?!\.{3}[\"']) [^\s&\"',}]+
    """.replace("WORD", r"[a-z]{1,15}(?:[\s,;]|$)")
    .replace("COUNT", r"\d{1,3}\sof\s\d{1,3}\s")
    .replace("REFUSED", r"\d+\sof\s\d+\swere\srefused\b"),
    re.IGNORECASE | re.VERBOSE,
)

_ERROR_FIELDS = ("status", "oauth_error", "error_code", "debug_id", "operation", "aws_code")


def configure(
    *,
    level: str = "info",
    form: str | None = None,
    stream: TextIO | None = None,
    outcomes: bool = True,
) -> None:
    """Send events of at least `level` to `stream` (standard error), one line each.

    `form` is `json` or `console`; None means console on a terminal and JSON everywhere else.
    `outcomes` False drops events with an outcome, for a command that prints it itself. The logs of
    libraries stay off: at debug level they write bodies, and with them secrets.
    """
    stream = stream or sys.stderr
    levels = logging.getLevelNamesMapping()  # structlog takes names since 25.1 only
    on_terminal = stream.isatty()
    render: Processor
    if (form or ("console" if on_terminal else "json")) == "console":
        render = structlog.dev.ConsoleRenderer(
            colors=shows_colour(stream),
            sort_keys=False,
            exception_formatter=structlog.dev.plain_traceback,
        )
    else:
        render = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            *([] if outcomes else [_drop_outcomes]),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            _put_event_first,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(levels[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def shows_colour(stream: TextIO) -> bool:
    """Whether to write in colour: on a terminal, unless NO_COLOR (no-color.org) or TERM says no."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not is_plain


bound_fields = structlog.contextvars.bound_contextvars
"""A context manager that adds fields to every event logged within it."""


def logger() -> Any:  # noqa: ANN401 - structlog makes its methods at run time
    """The logger, with the configuration at the time of its first use."""
    return structlog.get_logger()


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace what looks like a secret, by its field's name or its form; a structlog processor."""
    return {key: _redact_value(key, value) for key, value in event.items()}


def error_fields(error: RotatorError) -> dict[str, Any]:
    """The fields of an event for an error: its text, its attributes and its details."""
    fields: dict[str, Any] = {"error": str(error), "retryable": error.retryable}
    for name in _ERROR_FIELDS:
        value = getattr(error, name, None)
        if value is not None:
            fields[name] = value
    return fields | error.details


def _drop_outcomes(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if "outcome" in event:
        raise structlog.DropEvent
    return event


def _put_event_first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Long lines are mostly read at their beginning."""
    return {**{key: event[key] for key in ("timestamp", "level", "event")}, **event}


def _redact_value(key: str, value: Any) -> Any:  # noqa: ANN401 - whatever was logged
    if isinstance(value, dict):
        return {str(k): _redact_value(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_redact_value(key, item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    if key not in _NAMES_OF_SECRETS and _SECRET_KEYS.search(key):
        return MASK
    return _SECRET_TEXTS.sub(MASK, str(value))
