"""One run of the command as a process, and a search of all that a person could see of it.

Looked through are its output, its arguments and environment while it runs, the files that it
leaves, and the `repr` of every object that is alive when the command has ended.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rotator.local.environment import isolated_environment
from tests.support.traces import secrets_in
from tests.support.wire import Call, Wire

ROOT = Path(__file__).parents[2]
URL_CACHE = "urllib.parse.SplitResult"
"""The standard library remembers the last URLs; one with user info was refused, and stays there."""


def search_run(
    wire: Wire,
    arguments: Sequence[str],
    secrets: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    drawn: str | None = None,
    outcome: str = "",
) -> str | None:
    """Where a secret is to be seen, None if nowhere.

    `drawn` is what the run draws in place of a random text. What the run prints has to hold
    `outcome`, else it has not done what it was to be searched for.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = folder / "report.json"
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.evidence.leak_probe", str(report), *arguments],
            cwd=ROOT,
            env=isolated_environment(os.environ, endpoint_url=wire.endpoint_url)
            | {"ROTATOR_LOG_LEVEL": "debug", "TMPDIR": str(folder), "HOME": str(folder)}
            | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        seen: list[bytes] = []

        def look(_call: Call) -> None:
            seen.extend(_shown_by_the_system(process.pid))

        wire.after = look
        backwards = {
            "secrets": [text[::-1] for text in secrets],
            "drawn": None if drawn is None else drawn[::-1],
        }
        told, _ = process.communicate(json.dumps(backwards) + "\n", timeout=60)
        if not report.is_file():
            return f"the command did not come to its end: {told[-500:]}"
        if outcome not in told:
            return f"the command has not done what it should: {told[-500:]}"
        alive: list[str] = json.loads(report.read_text("utf-8"))
        files = (path for path in folder.rglob("*") if path.is_file())
        places = {
            "its output": told.encode(),
            "its arguments or environment": b"\0".join(seen),
            "a file": b"\0".join(path.read_bytes() for path in files),
        }
    found = [place for place, text in places.items() if secrets_in(text, *secrets)]
    found += [f"the repr of a {name}" for name in sorted(set(alive) - {URL_CACHE})]
    return f"a secret is in {', '.join(found)}" if found else None


def _shown_by_the_system(pid: int) -> Iterator[bytes]:
    """The arguments and environments of the process and of its children, while they live."""
    tasks = Path(f"/proc/{pid}/task")
    pids = {str(pid)}
    for children in tasks.glob("*/children"):
        pids |= set(children.read_text().split())
    for one in pids:
        for name in ("cmdline", "environ"):
            path = Path(f"/proc/{one}/{name}")
            if path.is_file():
                yield path.read_bytes()
