"""A program of a test, in an interpreter of its own."""

import subprocess
import sys
import textwrap

from tests.support.processes import run_to_end


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return run_to_end(sys.executable, "-c", textwrap.dedent(code))
