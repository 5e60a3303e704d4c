"""The errors that callers can tell apart, in one hierarchy.

Whether trying again can help is data (`retryable`), not a class. Messages read `subject: problem`
and never contain a secret value: they are printed, logged and sent to people who may not see it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing `typing` would cost the reader more than all its other imports
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from types import FrameType
    from typing import TypeVar

    T = TypeVar("T")
    E = TypeVar("E", bound=Exception)

__all__ = [
    "ClientAdminError",
    "ConfigError",
    "CredentialsError",
    "MintError",
    "ProbeError",
    "RotatorError",
    "SecretNotFound",
    "StoreError",
    "TokenUnavailable",
    "VersionConflict",
    "aws_command",
    "clear_frames",
    "copy_error",
    "describe_unexpected",
    "did_you_mean",
    "explain_handshake",
    "explain_key_log",
    "name_hint",
    "replace_error",
    "signal_error",
]


class RotatorError(Exception):
    """The base class of all errors of rotator.

    `retryable`: the same call can succeed later although nobody changes anything. `details` are
    further fields for the log event: names and instants, never a secret value.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.details: dict[str, object] = {}

    def __reduce__(self) -> tuple[object, ...]:
        # The inherited method would call the class with the message alone; subclasses need more.
        return _rebuild, (type(self), self.args), self.__dict__


def _rebuild(kind: type[RotatorError], args: tuple[object, ...]) -> RotatorError:
    return kind.__new__(kind, *args)


def copy_error(error: RotatorError) -> RotatorError:
    """A copy without the traceback, which grows each time that the same object is raised."""
    twin = _rebuild(type(error), error.args)
    twin.__dict__.update(error.__dict__)
    return twin


class ConfigError(RotatorError):
    """A setting, a flag or the environment is wrong; nothing was tried."""


class CredentialsError(RotatorError):
    """The credentials secret was read, and its content cannot be used."""


class MintError(RotatorError):
    """The token endpoint refused, failed, or sent a response that must not be published.

    `status` is the HTTP status (None without a response), `oauth_error` the provider's `error`
    code (RFC 6749 section 5.2), `debug_id` its request id, `retry_after_s` its `Retry-After`.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        status: int | None = None,
        oauth_error: str | None = None,
        debug_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, retryable=retryable)
        self.status = status
        self.oauth_error = oauth_error
        self.debug_id = debug_id
        self.retry_after_s = retry_after_s


class ProbeError(RotatorError):
    """An API rejected the token, or could not be called.

    `status` is the HTTP status (None without a response), `error_code` the API's error code,
    `debug_id` its request id. `is_refusal`: the API rejected the token.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        status: int | None = None,
        error_code: str | None = None,
        debug_id: str | None = None,
        is_refusal: bool = False,
    ) -> None:
        super().__init__(message, retryable=retryable)
        self.status = status
        self.error_code = error_code
        self.debug_id = debug_id
        self.is_refusal = is_refusal


class ClientAdminError(RotatorError):
    """A provider refused to list or change a client's secrets, or could not be reached.

    `status` is the HTTP status (None without a response), `debug_id` the provider's request id.
    `is_refusal`: the response is an error in the provider's own form, not that of a proxy, say.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        status: int | None = None,
        debug_id: str | None = None,
        is_refusal: bool = False,
    ) -> None:
        super().__init__(message, retryable=retryable)
        self.status = status
        self.debug_id = debug_id
        self.is_refusal = is_refusal


class StoreError(RotatorError):
    """Secrets Manager refused or could not be reached.

    `operation` is the API action, `aws_code` the service's error code (None without a response).
    `is_answered`: a response arrived, from the service or, say, from a proxy in its place.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        secret_id: str,
        aws_code: str | None = None,
        retryable: bool = False,
        is_answered: bool = False,
    ) -> None:
        super().__init__(message, retryable=retryable)
        self.operation = operation
        self.secret_id = secret_id
        self.aws_code = aws_code
        self.is_answered = is_answered or aws_code is not None


class SecretNotFound(StoreError):
    """The secret does not exist in this account and region."""


class VersionConflict(StoreError):
    """A write was refused or given up, because somebody else has written meanwhile.

    The secret or a version with this id exists already, the staging label has moved, or the current
    version keeps changing.
    """


class TokenUnavailable(RotatorError):
    """There is no unexpired token.

    `expires_at` is when the last known token expired (aware UTC), None if there was none.
    """

    def __init__(
        self, message: str, *, expires_at: datetime | None = None, retryable: bool = True
    ) -> None:
        super().__init__(message, retryable=retryable)
        self.expires_at = expires_at


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` probably misspells, None if it resembles none."""
    import difflib  # here, because it takes milliseconds and few runs need it

    name, known = name.lower(), list(known)
    swaps = (f"{name[:at]}{name[at + 1]}{name[at]}{name[at + 2 :]}" for at in range(len(name) - 1))
    swapped = next((each for each in swaps if each in known), None)  # difflib misses short names
    matches = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return swapped or (matches[0] if matches else None)


def name_hint(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A hint for an unknown name: the known one that is meant, else `otherwise`, else all.

    Meant is the only one that begins so (`adobe`), or the one that it resembles.
    """
    known = list(known)
    begun = [each for each in known if each.startswith(name.lower())]
    meant = begun[0] if len(begun) == 1 and name else did_you_mean(name, known)
    return f"did you mean {meant}?" if meant else otherwise or f"known are {', '.join(known)}"


def replace_error(
    call: Callable[[], T], caught: type[E] | tuple[type[E], ...], ours: Callable[[E], Exception]
) -> T:
    """The result of `call`; if that raises `caught`, raises `ours(error)` instead.

    It is raised after the `except` block, so that the caught error is not attached to it as
    `__context__`: exceptions of requests, botocore and json contain what was sent or read.
    """
    try:
        return call()
    except caught as error:
        problem = signal_error(error) or ours(error)
    raise problem


def describe_unexpected(error: Exception) -> str:
    """A message with the exception's class and where it was raised.

    The exception's own message is left out: it may quote a secret.
    """
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    kind = type(error).__name__
    if place is None:
        return f"unexpected {kind}; please report it"
    code = place.tb_frame.f_code
    file = os.path.basename(code.co_filename)  # noqa: PTH119 - pathlib costs milliseconds to import
    return f"unexpected {kind} in {code.co_name} ({file}:{place.tb_lineno}); please report it"


def signal_error(error: BaseException | None) -> BaseException | None:
    """The exception that a signal handler raised, if `error` is that or was caused by it, or None.

    Python runs a handler wherever its main thread is, also inside a library's `try` (standard
    library, `signal`). A handler's exception, such as a job queue's timeout, belongs to the program
    and is no failure of the interrupted code. Exceptions from before the call of the caller don't
    count. The returned one is stripped of the interrupted frames and of the exception that was
    being handled in them, because they hold secrets.
    """
    caller = sys._getframe(1)  # noqa: SLF001 - as `inspect` does, which is slow to import
    handlers = _handler_code()
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        place = error.__traceback__
        first = None if place is None else place.tb_frame
        while place is not None:
            frame = place.tb_frame
            # A finished generator no longer knows its caller, so the first frame counts too.
            if frame.f_code in handlers and (_is_below(first, caller) or _is_below(frame, caller)):
                error.__context__ = None
                return error.with_traceback(place)
            place = place.tb_next
        error = error.__cause__ or error.__context__
    return None


def clear_frames(error: BaseException) -> None:
    """Clear the local variables, which may hold secrets, of the frames between caller and handler.

    For the exception of a signal handler that propagates through the caller: the handler's own
    frames stay as they are.
    """
    caller = sys._getframe(1)  # noqa: SLF001 - as in `signal_error`
    handlers = _handler_code()
    place = error.__traceback__
    while place is not None and place.tb_frame.f_code not in handlers:
        if place.tb_frame is not caller:
            _clear(place.tb_frame)
        place = place.tb_next
    handled = error.__context__
    begin = None if handled is None else handled.__traceback__
    if begin is not None and _is_below(begin.tb_frame, caller):
        error.__context__ = None  # handled below the caller, and holds what was read


def _clear(frame: FrameType) -> None:
    try:
        frame.clear()
    except RuntimeError:
        return  # the frame is still running


def _is_below(frame: FrameType | None, caller: FrameType) -> bool:
    while frame is not None and frame is not caller:
        frame = frame.f_back
    return frame is not None


def _handler_code() -> set[object]:
    """The code objects of the signal handlers that are written in Python."""
    import _signal  # type: ignore[import-not-found]  # `signal` imports `enum`

    found = set()
    for number in range(1, _signal.NSIG):
        handler = _signal.getsignal(number)
        handler = getattr(handler, "func", handler)  # functools.partial
        if not hasattr(handler, "__code__"):
            handler = getattr(type(handler), "__call__", None)  # noqa: B004 - its code is wanted
        found.add(getattr(handler, "__code__", None))
    return found - {None}


_HANDSHAKES = {
    "PROTOCOL": "the server supports no version of TLS that this host accepts",
    "WRONG_VERSION": "the server does not use TLS on this port",
    "HTTP_REQUEST": "the server does not use TLS on this port",
    "HANDSHAKE_FAILURE": "the server accepts no cipher of this host, or needs a client certificate",
    "CERTIFICATE_REQUIRED": "the server needs a client certificate",
    "UNKNOWN_CA": "the server does not trust this client's certificate",
    "BAD_CERTIFICATE": "the server does not accept this client's certificate",
}
"""The meaning of permanent failures, by a part of OpenSSL's reason code."""


def explain_handshake(reason: str) -> str | None:
    """The meaning of OpenSSL's reason code for a failed handshake, None if it may be temporary."""
    return next((text for part, text in _HANDSHAKES.items() if part in reason), None)


def explain_key_log(error: BaseException) -> str | None:
    """What is wrong with SSLKEYLOGFILE, if `error` is about its file: each TLS context opens it."""
    named = os.environ.get("SSLKEYLOGFILE")
    if not named or not isinstance(error, OSError) or error.filename != named:
        return None
    return (
        "SSLKEYLOGFILE: the file cannot be written; unset it, or name one in a folder that exists"
    )


def aws_command(action: str, secret_id: str, options: str = "", *, region: str | None) -> str:
    """A command of the AWS CLI on this secret, to paste; `region` is None if it is not known.

    The region is always named: version 1 of the AWS CLI doesn't read AWS_REGION, and no version
    takes the region from an ARN.
    """
    place = f"--region {region}" if region else ""
    words = ["aws secretsmanager", action, f"--secret-id {secret_id}", options, place]
    return " ".join(filter(None, words))
