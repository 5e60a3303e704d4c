"""Turns what one binding's step raises into a value, so that the other bindings go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rotator.errors import RotatorError, describe_unexpected, signal_error

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["guard"]

T = TypeVar("T")


def guard(step: Callable[[], T]) -> T | RotatorError:
    """Call `step`; returns its result or its error, an unexpected one without its message."""
    try:
        return step()
    except RotatorError as error:
        return error
    except Exception as error:  # noqa: BLE001 - its text could hold a value
        own = signal_error(error)
        problem = describe_unexpected(error)
    if own is not None:
        raise own
    return RotatorError(problem)
