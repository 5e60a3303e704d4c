"""Every order in which the calls of several actors can follow each other, one order at a time.

An actor is a function in a thread of its own, which stands still before each call until it is its
turn. Nothing else runs meanwhile, so an order is repeatable. Of orders that differ only in which of
two neighbouring reads comes first, one is run.
"""

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

READS = ("BatchGet", "Describe", "Get", "List")


class RaceWorld(Protocol):
    """What the actors work on; made anew for each order."""

    def actors(self, pauses: list[Callable[[str], None]]) -> list[Callable[[], object]]:
        """One function for each pause, which it calls before each call with its name."""


@dataclass
class Actor:
    """One function, its thread, the call that it makes next, and how it ended."""

    ended: object = None
    call: str | None = None
    _go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _stopped: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def start(self, function: Callable[[], object]) -> None:
        """Run to the first call."""

        def work() -> None:
            try:
                self.ended = function()
            except Exception as error:  # noqa: BLE001 - to be judged
                self.ended = error
            self.call = None
            self._stopped.release()

        threading.Thread(target=work, daemon=True).start()
        self._stopped.acquire()

    def pause(self, call: str) -> None:
        """Stand still until the next turn; called in the actor's own thread."""
        self.call = call
        self._stopped.release()
        self._go.acquire()

    def go(self) -> None:
        """Give it its turn, and come back at its next call or its end."""
        self._go.release()
        self._stopped.acquire()


W = TypeVar("W", bound=RaceWorld)


def interleavings(
    make: Callable[[], W], actors: int
) -> Iterator[tuple[W, tuple[str, ...], list[object]]]:
    """Run each order once: the world after it, the calls in their order, and how each ended."""
    prefix: list[int] = []
    while True:
        world = make()
        running = _started(world, actors)
        order, choices, calls, is_new = _run(running, prefix)
        if is_new:
            yield world, tuple(calls), [actor.ended for actor in running]
        while order and order[-1] == choices[-1][-1]:
            order.pop()
            choices.pop()
        if not order:
            return
        following = choices[-1][choices[-1].index(order[-1]) + 1]
        prefix = [*order[:-1], following]


def drawn_interleavings(
    make: Callable[[], W], actors: int, number: int, by: random.Random
) -> Iterator[tuple[W, tuple[str, ...], list[object]]]:
    """The same for orders drawn at random, where there are too many to run each."""
    for _ in range(number):
        world = make()
        running = _started(world, actors)
        calls: list[str] = []
        while alive := [turn for turn, actor in enumerate(running) if actor.call is not None]:
            turn = by.choice(alive)
            calls.append(f"{turn}:{running[turn].call}")
            running[turn].go()
        yield world, tuple(calls), [actor.ended for actor in running]


def _started(world: RaceWorld, actors: int) -> list[Actor]:
    running = [Actor() for _ in range(actors)]
    functions = world.actors([each.pause for each in running])
    for actor, function in zip(running, functions, strict=True):
        actor.start(function)
    return running


def _run(
    running: list[Actor], prefix: list[int]
) -> tuple[list[int], list[list[int]], list[str], bool]:
    """Follow the prefix and then the first choice each time; whether the order is a new one."""
    order: list[int] = []
    choices: list[list[int]] = []
    calls: list[str] = []
    is_new = True
    while alive := [number for number, actor in enumerate(running) if actor.call is not None]:
        wanted = [
            number for number in alive if not _is_swapped(running[number], number, order, calls)
        ]
        if not wanted:  # the rest of another order that was run already
            is_new = False
            running[alive[0]].go()
            continue
        turn = prefix[len(order)] if len(order) < len(prefix) and is_new else wanted[0]
        call = running[turn].call
        if is_new:
            order.append(turn)
            choices.append(wanted)
            calls.append(f"{turn}:{call}")
        running[turn].go()
    return order, choices, calls, is_new


def _is_swapped(actor: Actor, number: int, order: list[int], calls: list[str]) -> bool:
    """Whether this read could as well have come before the read just made by a later actor."""
    if not order or number >= order[-1] or actor.call is None:
        return False
    before = calls[-1].partition(":")[2]
    return before.startswith(READS) and actor.call.startswith(READS)
