"""`make prove-mutants`: each deliberate breakage, in a copy of the code, has to fail its check.

The check is run on the untouched copy first, where it has to pass: a check that always fails
notices nothing.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.evidence.mutation import Mutation
from tests.evidence.mutations import MUTATIONS

ROOT = Path(__file__).parents[2]
COPIED = (
    "rotator",
    "tests",
    "docs",
    "infra",
    ".containerignore",
    ".dockerignore",
    "README.md",
    "Makefile",
    "pyproject.toml",
    "requirements",
)
TIMEOUT_S = 240.0


def main() -> int:
    """Try all of them, or those whose names hold a word; 1 if one is not caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.evidence.mutants", description=__doc__)
    parser.add_argument("word", nargs="?", default="", help="only mutations with this in the name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="side by side")
    args = parser.parse_args()
    chosen = {name: each for name, each in MUTATIONS.items() if args.word in name}
    checks = sorted({mutation.check for mutation in chosen.values()})
    failed = 0
    with ThreadPoolExecutor(args.jobs) as pool:
        for check, problem in zip(checks, pool.map(_passes_untouched, checks), strict=True):
            failed += problem is not None
            if problem is not None:
                print(f"BROKEN   {check}: {problem}")
        survived = pool.map(_survives, chosen.values())
        for name, problem in zip(chosen, survived, strict=True):
            failed += problem is not None
            print(f"{'caught  ' if problem is None else 'SURVIVED'} {name}", flush=True)
            if problem is not None:
                print(f"         {chosen[name].check}: {problem}")
    print(f"{len(chosen)} deliberate breakages, {failed} not caught")
    return 1 if failed or not chosen else 0


def _passes_untouched(check: str) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        code, told = _run_in(_copy(Path(folder)), check)
    return None if code == 0 else f"fails without any mutation\n{told}"


def _survives(mutation: Mutation) -> str | None:
    """Why it was not caught, None if it was."""
    with tempfile.TemporaryDirectory() as folder:
        copy = _copy(Path(folder))
        file = copy / mutation.path
        text = file.read_text("utf-8")
        if text.count(mutation.old) != 1:
            return f"{mutation.file}: the line to break is there {text.count(mutation.old)} times"
        file.write_text(text.replace(mutation.old, mutation.new), "utf-8")
        code, told = _run_in(copy, mutation.check)
    # 1 is "tests failed"; anything else is pytest's own trouble, which notices nothing.
    return None if code == 1 else f"pytest ended with {code}\n{told}"


def _copy(folder: Path) -> Path:
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


def _run_in(copy: Path, check: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    try:
        ended = subprocess.run(
            [*command, *_words(check)],
            cwd=copy,
            env=environment | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
            timeout=TIMEOUT_S,
            capture_output=True,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, "took too long"
    return ended.returncode, ended.stdout[-1500:]


def _words(check: str) -> list[str]:
    file, _, expression = check.partition(" -k ")
    return [file, *(["-k", expression] if expression else [])]


if __name__ == "__main__":
    sys.exit(main())
