"""The error of a call, after looking at all that hangs on it."""

import traceback
from collections.abc import Callable

import pytest

from rotator.errors import RotatorError

CANARY = "canary"


def lone_error(call: Callable[[], object]) -> RotatorError:
    """What `call` raises: an error of ours with no other attached, and no canary to be seen."""
    with pytest.raises(RotatorError) as caught:
        call()
    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    assert CANARY not in "".join(traceback.format_exception(error))
    return error
