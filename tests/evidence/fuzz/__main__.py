"""`make fuzz`: look for input that breaks a parser of foreign text, guided by the code it reaches.

Each target starts from its corpus and seeds. What it finds stays in build/fuzz: new inputs in
`found`, and one that breaks something as `crash-...`, which belongs in the corpus once it is
understood: the test suite plays that again. `python -m tests.evidence.fuzz SECONDS [TARGET]`.
"""

import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["rotator"]):
    from tests.evidence.fuzz import credentials_document, dates, target, token_document

from tests.evidence.hostile_rows import ROWS
from tests.evidence.hostile_words import GOOD

CORPUS = Path(__file__).parent / "corpus"
BUILD = Path("build/fuzz")
MAX_INPUT_BYTES = 4096

SCRIPTS = [b"".join(step for step in row.script if isinstance(step, bytes)) for row in ROWS]
TARGETS: dict[str, tuple[Callable[[bytes], None], Iterable[bytes], list[str]]] = {
    "response": (target.run_once, [GOOD, *SCRIPTS], [str(CORPUS)]),
    "dates": (dates.run_once, dates.SEEDS, []),
    "token-document": (token_document.run_once, token_document.SEEDS, []),
    "credentials-document": (credentials_document.run_once, credentials_document.SEEDS, []),
}


def fuzz(name: str, seconds: str, options: list[str]) -> None:
    """Does not return."""
    run_once, inputs, corpus = TARGETS[name]
    found, seeds = BUILD / name / "found", BUILD / name / "seeds"
    for folder in (found, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(inputs):
        if len(data) <= MAX_INPUT_BYTES:
            (seeds / f"seed-{number}").write_bytes(data)
    options = [f"-max_total_time={seconds}", f"-max_len={MAX_INPUT_BYTES}", "-timeout=5", *options]
    options += [f"-artifact_prefix={BUILD / name}/", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(found), *corpus, str(seeds)], run_once)
    atheris.Fuzz()


def main() -> int:
    arguments = sys.argv[1:]
    if len(arguments) > 1:
        fuzz(arguments[1], arguments[0], arguments[2:])
    seconds = int(arguments[0]) if arguments else 60
    command = [sys.executable, "-m", "tests.evidence.fuzz", str(max(1, seconds // len(TARGETS)))]
    return max(subprocess.run([*command, each], check=False).returncode for each in TARGETS)


if __name__ == "__main__":
    sys.exit(main())
