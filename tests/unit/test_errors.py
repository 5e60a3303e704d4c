import copy
import multiprocessing
import pickle
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from rotator import errors
from rotator.errors import (
    ClientAdminError,
    ConfigError,
    CredentialsError,
    MintError,
    ProbeError,
    RotatorError,
    SecretNotFound,
    StoreError,
    TokenUnavailable,
    VersionConflict,
    replace_error,
)


def fail() -> None:
    raise ValueError("canary-secret")


def test_replaced_error_has_nothing_of_the_one_it_replaces() -> None:
    with pytest.raises(ConfigError, match="subject: problem") as raised:
        replace_error(fail, ValueError, lambda _: ConfigError("subject: problem"))

    assert (raised.value.__context__, raised.value.__cause__) == (None, None)


def test_other_errors_pass_through() -> None:
    with pytest.raises(ValueError, match="canary"):
        replace_error(fail, KeyError, lambda _: ConfigError("never"))


@pytest.fixture
def interrupt() -> Iterator[Callable[[], None]]:
    """What a signal interrupts, whose handler raises TimeoutError."""

    def end_in_time(*_: object) -> None:
        raise TimeoutError("the program's own")

    before = signal.signal(signal.SIGUSR1, end_in_time)
    yield lambda: signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


def test_exception_of_a_signal_handler_is_never_replaced(interrupt: Callable[[], None]) -> None:
    def wrap() -> None:
        try:
            interrupt()
        except OSError as error:
            raise ValueError("the library's") from error

    for interrupted in (interrupt, wrap):
        with pytest.raises(TimeoutError, match="the program's own"):
            replace_error(interrupted, (OSError, ValueError), lambda _: ConfigError("never"))


def test_exception_of_a_signal_handler_has_nothing_of_what_it_interrupted(
    interrupt: Callable[[], None],
) -> None:
    def handle() -> None:
        try:
            int("canary-secret")
        except ValueError:
            interrupt()

    with pytest.raises(TimeoutError) as raised:
        replace_error(handle, OSError, lambda _: ConfigError("never"))
    assert (raised.value.__context__, raised.value.__cause__) == (None, None)
    frames = [each.name for each in raised.traceback]
    assert (frames[-1], "handle" in frames) == ("end_in_time", False)


def test_exception_of_a_signal_handler_that_came_before_is_no_reason(
    interrupt: Callable[[], None],
) -> None:
    try:
        interrupt()
    except TimeoutError:
        with pytest.raises(ConfigError):
            replace_error(fail, ValueError, lambda _: ConfigError("subject: problem"))


def test_result_is_handed_out() -> None:
    assert replace_error(lambda: 3, ValueError, lambda _: ConfigError("never")) == 3


ERRORS = (
    RotatorError("m", retryable=True),
    ConfigError("m"),
    CredentialsError("m"),
    MintError("m", retryable=True, status=429, oauth_error="slow_down", retry_after_s=3.0),
    ClientAdminError("m", status=403, debug_id="d"),
    ProbeError("m", status=401, error_code="401013", debug_id="d"),
    StoreError("m", operation="GetSecretValue", secret_id="s", aws_code="c", retryable=True),
    SecretNotFound("m", operation="GetSecretValue", secret_id="s"),
    VersionConflict("m", operation="PutSecretValue", secret_id="s"),
    TokenUnavailable("m", expires_at=datetime(2026, 1, 31, tzinfo=UTC)),
)


def by_pickle(error: RotatorError) -> RotatorError:
    arrived: RotatorError = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    return arrived


def test_every_error_has_its_example() -> None:
    classes = {thing for thing in vars(errors).values() if isinstance(thing, type)}
    assert {each for each in classes if issubclass(each, Exception)} == {*map(type, ERRORS)}


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, by_pickle, errors.copy_error])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_can_be_copied_and_pickled_with_all_that_it_says(
    error: RotatorError, duplicate: Callable[[RotatorError], RotatorError]
) -> None:
    error.details["version_id"] = "v1"
    arrived = duplicate(error)
    assert arrived is not error
    assert (type(arrived), str(arrived), vars(arrived)) == (type(error), "m", vars(error))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_error_of_a_worker_process_reaches_the_one_that_waits_for_it(error: RotatorError) -> None:
    """As `multiprocessing.Pool` sends it: an error that could not be loaded hangs the pool."""
    receiving, sending = multiprocessing.Pipe(duplex=False)
    with receiving, sending:
        sending.send(error)
        assert receiving.recv().args == error.args
