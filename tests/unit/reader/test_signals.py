"""What a program's own signal handler raises comes out of a read, and leaves the reader as it was.

Python runs handlers in the main thread, wherever that is: in a source, in the SDK, in the standard
library. Job queues end a job that takes too long by an exception of such a handler.
"""

import functools
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from traceback import walk_tb
from types import FrameType
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rotator.errors import StoreError
from rotator.reader import TokenReader
from rotator.reader.process_state import importing
from rotator.reader.secrets_manager import SdkSource
from tests.support.environment import clear_environment
from tests.support.raw_server import RawServer
from tests.support.reader_rig import DUE, EXPIRY, FunctionSource, make_reader, start_clock, version
from tests.support.reader_threads import in_threads


class JobTimeout(Exception):
    """The program's own."""


class Handler:
    """Raises what it is told to, as a function, a method, a partial or an object."""

    def __init__(self) -> None:
        self.error: BaseException = JobTimeout("the program's own")

    def run(self, *_: object) -> None:
        raise self.error

    __call__ = run


@pytest.fixture
def handler() -> Iterator[Handler]:
    made = Handler()
    before = signal.signal(signal.SIGUSR1, made.run)
    yield made
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture(
    params=[JobTimeout, TimeoutError, RuntimeError, ValueError, KeyboardInterrupt],
    ids=lambda kind: kind.__name__,
)
def any_handler(request: pytest.FixtureRequest, handler: Handler) -> Handler:
    """One for each kind of exception."""
    handler.error = request.param("own")
    return handler


def interrupt() -> Mapping[str, Any]:
    signal.raise_signal(signal.SIGUSR1)
    raise AssertionError("no handler ran")


def interrupted(read: Callable[[], object], handler: Handler) -> None:
    with pytest.raises(type(handler.error)) as caught:
        read()
    assert caught.value is handler.error


def test_exception_of_a_signal_handler_comes_out_of_a_read_and_the_next_one_reads(
    any_handler: Handler,
) -> None:
    source = FunctionSource(interrupt)
    reader = make_reader(start_clock(), source)
    interrupted(reader.token, any_handler)
    source.answer = version
    assert in_threads(1, reader.token)() == ["first"]  # nobody holds the lock
    assert reader.token() == "first"


@pytest.mark.parametrize("kind", ["function", "partial", "object"])
def test_handler_may_be_anything_that_can_be_called(handler: Handler, kind: str) -> None:
    kinds: dict[str, Any] = {
        "function": lambda *_: handler.run(),
        "partial": functools.partial(handler.run, 1),
        "object": handler,
    }
    signal.signal(signal.SIGUSR1, kinds[kind])
    interrupted(make_reader(start_clock(), FunctionSource(interrupt)).token, handler)


def test_refresh_that_a_signal_handler_ended_is_begun_again_by_the_next_read(
    any_handler: Handler,
) -> None:
    clock, source = start_clock(), FunctionSource(version)
    reader = make_reader(clock, source)
    reader.token()
    clock.advance_to(DUE + (EXPIRY - DUE) / 10)
    source.answer = interrupt
    interrupted(reader.token, any_handler)
    source.answer = lambda: version("second", issued_at=DUE)
    assert reader.token() == "second"


def test_exception_of_a_signal_handler_comes_out_of_a_reread_after_a_401(handler: Handler) -> None:
    source = FunctionSource(version)
    reader = make_reader(start_clock(), source)
    rejected = reader.token()
    source.answer = interrupt
    interrupted(lambda: reader.invalidate(rejected), handler)
    with pytest.raises(JobTimeout) as caught:
        reader.invalidate("first")
    assert shown_in_frames(caught.value, "first") == []
    source.answer = lambda: version("second")
    assert reader.invalidate(rejected)
    assert reader.token() == "second"


class WrappingClient:
    """As botocore does it: whatever is raised while it sends becomes an error of its own."""

    def __init__(self, first: Callable[[], Mapping[str, Any]]) -> None:
        self.first = first

    def get_secret_value(self, **_: object) -> Mapping[str, Any]:
        try:
            return self.first()
        except Exception as error:
            raise OSError("HTTP client raised an unhandled exception") from error

    def describe_secret(self, **_: object) -> Mapping[str, Any]:
        try:
            return interrupt()
        except Exception as error:
            raise OSError("HTTP client raised an unhandled exception") from error


def test_exception_of_a_signal_handler_comes_out_of_the_error_that_an_sdk_makes_of_it(
    any_handler: Handler,
) -> None:
    reader = TokenReader("s", client=WrappingClient(interrupt), background=False)
    interrupted(reader.token, any_handler)


def test_exception_of_a_signal_handler_is_no_sign_that_a_secret_is_missing(
    handler: Handler,
) -> None:
    def missing() -> Mapping[str, Any]:
        code = "ResourceNotFoundException"
        raise ClientError({"Error": {"Code": code, "Message": "none"}}, "GetSecretValue")

    client = WrappingClient(interrupt)
    client.get_secret_value = lambda **_: missing()  # type: ignore[method-assign]
    interrupted(lambda: SdkSource(client).read("s", "AWSCURRENT", fresh=False), handler)


@pytest.mark.parametrize("source", ["direct", "extension"])
def test_exception_of_a_signal_handler_comes_out_of_a_read_over_a_socket(
    any_handler: Handler, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = threading.get_ident()

    def play(connection: socket.socket) -> None:
        connection.recv(65_536)
        signal.pthread_kill(main, signal.SIGUSR1)
        connection.recv(1)  # until the reader is gone: there is never an answer

    with RawServer(play) as server:
        port = server.url.rpartition(":")[2]
        clear_environment(monkeypatch)
        monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", port)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.setenv(name, "x")
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        interrupted(TokenReader("s", source=source, background=False).token, any_handler)


def test_error_of_a_source_is_no_exception_of_a_signal_handler(handler: Handler) -> None:
    """The handler is installed, and the same error comes from elsewhere."""

    def fail() -> Mapping[str, Any]:
        raise handler.error

    with pytest.raises(StoreError, match=r"its source failed \(JobTimeout\)"):
        make_reader(start_clock(), FunctionSource(fail)).token()


class Interruption:
    """Raises at one moment at which CPython could run a signal handler in the code of the reader.

    These are the begin of a function and the return of one that is written in C.
    """

    def __init__(self, moment: int) -> None:
        self.left = moment

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        is_moment = event in {"call", "c_return"} and "rotator/reader" in frame.f_code.co_filename
        self.left -= is_moment
        if is_moment and self.left == 0:
            sys.setprofile(None)
            raise JobTimeout

    def strikes(self, work: Callable[[], object]) -> JobTimeout | None:
        """What came out, None if the work does not last until that moment."""
        profile = sys.getprofile()
        sys.setprofile(self)
        try:
            work()
        except JobTimeout as error:
            return error
        finally:
            sys.setprofile(profile)
        return None


def shown_in_frames(error: BaseException, text: str) -> list[str]:
    """The local variables of ours, in the traceback, that hold the text."""
    return [
        f"{frame.f_code.co_name}: {name}"
        for frame, _ in walk_tb(error.__traceback__)
        if "/rotator/" in frame.f_code.co_filename
        for name, value in frame.f_locals.items()
        if text in repr(value)
    ]


def first_read() -> tuple[TokenReader, Callable[[], object]]:
    reader = make_reader(start_clock(), FunctionSource(version))
    return reader, reader.token


def read_that_finds_a_refresh_due() -> tuple[TokenReader, Callable[[], object]]:
    clock = start_clock()
    reader = make_reader(clock, FunctionSource(version))
    reader.token()
    clock.advance_to(DUE + (EXPIRY - DUE) / 10)
    return reader, reader.token


def reread_after_a_401() -> tuple[TokenReader, Callable[[], object]]:
    reader = make_reader(start_clock(), FunctionSource(version))
    rejected = reader.token()
    return reader, lambda: reader.invalidate(rejected)


@pytest.mark.parametrize("begin", [first_read, read_that_finds_a_refresh_due, reread_after_a_401])
def test_no_moment_of_a_read_leaves_a_lock_behind_when_a_signal_handler_raises_then(
    begin: Callable[[], tuple[TokenReader, Callable[[], object]]],
) -> None:
    for moment in count(1):
        reader, work = begin()
        error = Interruption(moment).strikes(work)
        if error is None:
            break
        # At the very begin of a function, only its argument is known.
        assert set(shown_in_frames(error, "first")) <= {"invalidate: rejected_token"}, moment
        state = reader._refresher.state()  # noqa: SLF001 - a lock left behind shows late elsewhere
        assert (state.refresh_lock.locked(), state.owner) == (False, 0), moment
        assert not importing._is_owned(), moment  # type: ignore[attr-defined]  # noqa: SLF001
        assert reader.token() == "first"
    assert moment > 50


def test_value_error_of_a_signal_handler_is_no_malformed_value(
    handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler.error = ValueError("own")
    reader = make_reader(start_clock(), FunctionSource(version))
    monkeypatch.setattr("rotator.reader.snapshot._expiry", lambda _: interrupt())
    interrupted(reader.token, handler)


def test_exception_of_a_signal_handler_comes_out_of_a_generator(handler: Handler) -> None:
    def read() -> Mapping[str, Any]:
        return next(interrupt() for _ in range(1))

    handler.error = JobTimeout("own")
    interrupted(make_reader(start_clock(), FunctionSource(read)).token, handler)


def test_invalidate_in_a_signal_handler_does_not_wait_for_the_one_that_it_interrupts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, invalidate = reread_after_a_401()
    refresher = reader._refresher  # noqa: SLF001 - where the handler comes in between
    answers: list[bool] = []

    def reject(_: str) -> bool:
        answers.append(reader.invalidate("first"))  # with the refresh lock taken
        return True

    monkeypatch.setattr(refresher.cache, "reject", reject)
    monkeypatch.setattr(refresher.cache, "needs_read_after", lambda _: True)
    assert not invalidate()
    assert answers
    assert set(answers) == {False}
