"""A reader on an event loop: tasks wait together, and never for a valid token."""

import asyncio

# Before any fork: where its first import coincides with one, it releases a lock of its own that it
# has not acquired, because what it registers for before the fork comes too late.
import concurrent.futures.thread  # noqa: F401
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rotator.errors import StoreError, TokenUnavailable
from rotator.reader import Snapshot, TokenReader
from rotator.reader.clocked import ClockedReader
from tests.support.clock import FunctionClock
from tests.support.reader_rig import FunctionSource, ending_version, token_of_a_day

START = 1_800_000_000
PATIENCE_S = 60.0


class GatedReads(FunctionSource):
    """A new token with each read; those after the first `free` wait until the gate is opened."""

    def __init__(self, free: int = 0) -> None:
        super().__init__(self._answer)
        self.free, self.gate, self.entered = free, threading.Event(), threading.Event()

    def _answer(self) -> dict[str, Any]:
        if self.calls > self.free:
            self.entered.set()
            assert self.gate.wait(PATIENCE_S)
        return ending_version(int(time.time()) + 3600 * self.calls)


def test_a_thousand_cold_tasks_wait_in_one_thread_and_leave_the_executor_to_others() -> None:
    source = GatedReads()
    reader = TokenReader("s", source=source)

    async def read_and_open() -> list[str]:
        reading = [asyncio.create_task(reader.token_async()) for _ in range(1000)]
        assert await asyncio.to_thread(source.entered.wait, PATIENCE_S)
        # As many as the executor has threads, less the one: stuck, if each task took one.
        await asyncio.gather(*(asyncio.to_thread(time.time) for _ in range(40)))
        source.gate.set()
        return await asyncio.gather(*reading)

    tokens = asyncio.run(asyncio.wait_for(read_and_open(), PATIENCE_S))
    assert len(tokens) == 1000
    assert len(set(tokens)) == 1
    assert source.calls == 1


def test_tasks_that_fail_together_get_an_error_each_and_the_next_one_tries_again() -> None:
    gate = threading.Event()

    def fail_when_open() -> dict[str, Any]:
        assert gate.wait(PATIENCE_S)
        raise StoreError("s: no", operation="GetSecretValue", secret_id="s")

    source = FunctionSource(fail_when_open)
    reader = TokenReader("s", source=source)

    async def read() -> list[object]:
        reading = [asyncio.create_task(reader.token_async()) for _ in range(10)]
        await asyncio.sleep(0)  # so that all of them wait
        gate.set()
        return await asyncio.gather(*reading, return_exceptions=True)

    errors = asyncio.run(read())
    assert {type(error) for error in errors} == {StoreError}
    assert len({id(error) for error in errors}) == 10
    source.answer = token_of_a_day
    assert len(set(asyncio.run(read()))) == 1


def test_task_that_is_cancelled_takes_the_token_from_no_other() -> None:
    source = GatedReads()
    reader = TokenReader("s", source=source)

    async def cancel_one() -> str:
        first, second = (asyncio.create_task(reader.token_async()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        source.gate.set()
        return await second

    assert asyncio.run(cancel_one()).startswith("ends-")


def test_token_that_ends_before_a_task_gets_its_turn_is_not_served() -> None:
    at = [float(START)]
    gate, finished = threading.Event(), threading.Event()

    def answer_when_open() -> dict[str, Any]:
        assert gate.wait(PATIENCE_S)
        return ending_version(int(at[0]) + 10)

    source = FunctionSource(answer_when_open)
    reader = ClockedReader("s", source=source, clock=FunctionClock(lambda: at[0]))

    read = reader._refresher.read  # noqa: SLF001 - to know when it is over

    def read_and_tell() -> Snapshot:
        found = read()
        finished.set()
        return found

    reader._refresher.read = read_and_tell  # type: ignore[method-assign]  # noqa: SLF001

    async def read_late() -> list[str]:
        early = asyncio.create_task(reader.token_async())
        await asyncio.sleep(0)
        gate.set()
        assert finished.wait(PATIENCE_S)  # the loop stands still while the read ends
        at[0] += 20
        late = asyncio.create_task(reader.token_async())
        return [await early, await late]

    assert asyncio.run(read_late()) == [f"ends-{START + 30}"] * 2


@pytest.mark.parametrize("background", [True, False, lambda work: work()])
def test_valid_token_is_not_waited_for_where_the_executor_is_full(background: Any) -> None:  # noqa: ANN401 - a case
    at = [float(START)]

    source = FunctionSource(lambda: ending_version(int(at[0]) + 3600))
    clock = FunctionClock(lambda: at[0])
    reader = ClockedReader("s", source=source, clock=clock, background=background)
    reader.token()
    at[0] += 3590
    gate = threading.Event()

    async def read() -> list[str]:
        executor = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(executor)
        busy = asyncio.create_task(asyncio.to_thread(gate.wait, PATIENCE_S))
        await asyncio.sleep(0)
        try:
            early = [await asyncio.wait_for(reader.token_async(), PATIENCE_S / 4) for _ in "ab"]
        finally:
            gate.set()
        await busy
        return early

    tokens = asyncio.run(read())
    if background is True:
        assert set(tokens) <= {f"ends-{START + 3600}", f"ends-{START + 7190}"}
    else:
        assert tokens == [f"ends-{START + 3600}"] * 2
        assert reader.token() == f"ends-{START + 7190}", "the refresh has run meanwhile"


def test_tasks_that_are_refused_together_wait_in_one_thread() -> None:
    source = GatedReads(free=1)
    reader = TokenReader("s", source=source)

    async def refuse_and_open() -> list[str]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        token = await reader.token_async()
        refused = [asyncio.create_task(reader.refused_async(token, 401)) for _ in range(30)]
        try:
            assert await asyncio.to_thread(source.entered.wait, PATIENCE_S)
            # The second of the two threads is free: stuck, if each task took one.
            await asyncio.wait_for(asyncio.to_thread(time.time), PATIENCE_S / 4)
        finally:
            source.gate.set()
        return await asyncio.gather(*refused)

    assert asyncio.run(refuse_and_open()) == ["retry"] * 30
    assert source.calls == 2


def test_refusal_that_needs_no_read_takes_no_thread() -> None:
    source = GatedReads(free=1)
    reader = TokenReader("s", source=source)
    token = reader.token()

    async def refuse() -> list[str]:
        executor = ThreadPoolExecutor(1)
        executor.shutdown()
        asyncio.get_running_loop().set_default_executor(executor)
        another_reason = b'{"error_code": "401015"}'
        return [
            await reader.refused_async(token, 401, another_reason),
            await reader.refused_async(token, 503, b'{"error_code": "503010"}'),
            await reader.refused_async("an earlier one", 401),
        ]

    assert asyncio.run(refuse()) == ["keep", "back_off", "retry"]
    assert source.calls == 1


async def shut_down_executor() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    await asyncio.get_running_loop().shutdown_default_executor()


def test_read_without_an_executor_fails_with_an_error_of_the_reader() -> None:
    reader = TokenReader("adobe/token", source=GatedReads(free=9))

    async def read() -> None:
        await shut_down_executor()
        await reader.token_async()

    with pytest.raises(
        TokenUnavailable, match="adobe/token: the executor of the event loop was"
    ) as told:
        asyncio.run(read())
    assert told.value.__cause__ is None
    assert told.value.__context__ is None
    assert reader.token()
    asyncio.run(read())  # the cached token needs none


def test_rejection_without_an_executor_leaves_the_response_to_its_caller() -> None:
    source = GatedReads(free=9)
    reader = TokenReader("s", source=source)

    async def refuse(token: str) -> str:
        await shut_down_executor()
        return await reader.refused_async(token, 401)

    assert asyncio.run(refuse(reader.token())) == "keep"
    assert source.calls == 1
