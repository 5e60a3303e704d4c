"""What is shown of an unexpected error: where it happened, and nothing of its message."""

from __future__ import annotations

import os

__all__ = ["describe"]


def describe(error: Exception) -> str:
    """The error's class and the innermost place in the code; its message may quote a secret."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    kind = type(error).__name__
    if place is None:
        return f"unexpected {kind}; please report it"
    code = place.tb_frame.f_code
    file = os.path.basename(code.co_filename)  # noqa: PTH119 - pathlib costs milliseconds to import
    return f"unexpected {kind} in {code.co_name} ({file}:{place.tb_lineno}); please report it"
