"""`make fuzz`: look for answers that break the gate, guided by which code they reach.

Starts from the corpus beside this file and from the hostile answers. What it finds stays in
build/fuzz: new inputs in `found`, and one that breaks something as `crash-...`, which belongs in
the corpus once it is understood: the test suite plays that again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rotator"]):
    from tests.evidence.fuzz.target import run_once

from tests.evidence.hostile_rows import ROWS
from tests.evidence.hostile_words import GOOD

CORPUS = Path(__file__).parent / "corpus"
BUILD = Path("build/fuzz")
MAX_INPUT_BYTES = 4096


def main() -> None:
    seconds = sys.argv[1] if len(sys.argv) > 1 else "60"
    found, seeds = BUILD / "found", BUILD / "seeds"
    for folder in (found, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    scripts = [b"".join(s for s in row.script if isinstance(s, bytes)) for row in ROWS]
    for number, script in enumerate([GOOD, *scripts]):
        if len(script) <= MAX_INPUT_BYTES:
            (seeds / f"row-{number}").write_bytes(script)
    options = [f"-max_total_time={seconds}", f"-max_len={MAX_INPUT_BYTES}", "-timeout=5"]
    options += [f"-artifact_prefix={BUILD}/", "-print_final_stats=1", *sys.argv[2:]]
    atheris.Setup([sys.argv[0], *options, str(found), str(CORPUS), str(seeds)], run_once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
