"""What is shown of an unexpected error; not its message, which may quote a secret."""

from __future__ import annotations

import os

__all__ = ["describe"]


def describe(error: Exception) -> str:
    """The error's class and where in the code it was raised, without its message."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    kind = type(error).__name__
    if place is None:
        return f"unexpected {kind}; please report it"
    code = place.tb_frame.f_code
    file = os.path.basename(code.co_filename)  # noqa: PTH119 - pathlib costs milliseconds to import
    return f"unexpected {kind} in {code.co_name} ({file}:{place.tb_lineno}); please report it"
