"""What a crash reporter that shows local variables finds of ours on the way of an error."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import rotator
from tests.support.traces import assert_silent

OURS = str(Path(rotator.__file__).parent)
MAX_DEPTH = 6


def assert_frames_silent(error: BaseException, *secrets: str) -> None:
    """Fail if a local variable of a frame of ours, at any depth, shows a part of a secret."""
    for place, name, shown in _locals(error):
        try:
            assert_silent(shown, *secrets)
        except AssertionError as found:
            raise AssertionError(f"{place}: {name} shows {found}") from None


def frame_names(error: BaseException) -> list[str]:
    """Through which functions of ours the error came, outermost first."""
    return [name for name, _ in _frames(error)]


def _locals(error: BaseException) -> Iterator[tuple[str, str, str]]:
    for place, variables in _frames(error):
        for name, value in variables.items():
            yield place, name, "\n".join(_shown(value))


def _frames(error: BaseException) -> Iterator[tuple[str, Mapping[str, object]]]:
    step = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        if frame.f_code.co_filename.startswith(OURS):
            yield frame.f_code.co_qualname, frame.f_locals
        step = step.tb_next


def _shown(value: object, depth: int = 0) -> Iterator[str]:
    """The `repr` of a value, and of what is in it: they call `repr` on what is no container."""
    yield repr(value)
    if depth < MAX_DEPTH and isinstance(value, Mapping):
        for inner in value.values():
            yield from _shown(inner, depth + 1)
    elif depth < MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _shown(inner, depth + 1)
