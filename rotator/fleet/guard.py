"""Whatever a step of one binding raises is this binding's own."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, TypeVar

from rotator.errors import RotatorError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["guard"]

T = TypeVar("T")


def guard(step: Callable[[], T]) -> T | RotatorError:
    """Take a step; answers with what it returns, or with its error."""
    try:
        return step()
    except RotatorError as error:
        return error
    except Exception as error:  # noqa: BLE001 - its text could hold a value
        place = traceback.extract_tb(error.__traceback__)[-1]
        problem = f"unexpected {type(error).__name__} in {place.name}; please report it"
    return RotatorError(problem)
