"""The command as a hurried operator runs it: `python -m tests.evidence.leak_probe REPORT ARGS`.

Every library logs at debug level. Afterwards each object that is still alive is asked for its
`repr`, as a debugger or a crash reporter would, and those that show a secret are named in the file
REPORT. The secrets to look for come on standard input, backwards, so that they are not found here;
so does what the command draws in place of a random text. ARGS is `lambda` and an event for the
function.
"""

import gc
import json
import logging
import secrets
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from rotator.cli import main

MAX_REPR_CHARS = 1_000_000


def _live_secrets(backwards: list[str]) -> list[str]:
    gc.collect()
    found = []
    for thing in gc.get_objects():
        if thing is backwards:
            continue
        shown = ""
        with suppress(Exception):  # half-made objects of libraries raise whatever they like
            shown = repr(thing)
        found += [
            f"{type(thing).__module__}.{type(thing).__qualname__}"
            for text in backwards
            if text in shown[:MAX_REPR_CHARS][::-1]
        ]
    return found


class _Context:
    """Of a function with half a minute to go."""

    aws_request_id = "11111111-2222-3333-4444-555555555555"
    function_name = "rotator"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:rotator"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def _invoke(event: object) -> int:
    """The function's door, with what it prints for metrics; Lambda logs what it raises."""
    from rotator.lambda_handler import handler

    try:
        print(handler(event, _Context()))
    except Exception:  # noqa: BLE001 - as the runtime does
        traceback.print_exc()
        return 1
    return 0


def _run() -> int:
    report = Path(sys.argv[1])
    given = json.loads(sys.stdin.readline())
    backwards: list[str] = given["secrets"]
    drawn: str | None = given["drawn"]
    if drawn is not None:
        secrets.token_urlsafe = lambda nbytes=None: drawn[::-1]  # noqa: ARG005
    logging.basicConfig(level=logging.DEBUG)
    logging.captureWarnings(capture=True)
    if sys.argv[2] == "lambda":
        code = _invoke(json.loads(sys.argv[3]) if sys.argv[3:] else {})
    else:
        code = main(sys.argv[2:])
    report.write_text(json.dumps(_live_secrets(backwards)), "utf-8")
    return code


if __name__ == "__main__":
    sys.exit(_run())
