"""Finds Python interpreters: of the function's runtime, and of the supported versions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["LAMBDA_PYTHON", "find_lambda_python", "find_python"]

LAMBDA_PYTHON = "3.13"
"""The version of the template's `Runtime`."""


def find_lambda_python() -> str | None:
    """The path of an interpreter of the runtime's version, None if this machine has none."""
    return find_python(LAMBDA_PYTHON)


def find_python(version: str) -> str | None:
    """The path of an interpreter of `version`, such as 3.13, that can create environments.

    Searches PATH and pyenv's versions, because pyenv's command on PATH doesn't start a version that
    is installed but not selected.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [
        shutil.which(f"python{version}"),
        *sorted(map(str, pyenv.glob(f"versions/{version}*/bin/python{version}"))),
        # The operating system's, which another one on PATH may hide.
        f"/usr/bin/python{version}",
    ]
    return next((path for path in found if path is not None and _starts(path)), None)


def _starts(path: str) -> bool:
    """Whether it runs and can create environments, which Debian packages separately."""
    command = [path, "-c", "import ensurepip, venv"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def main() -> int:
    """Print the path, or an error."""
    path = find_lambda_python()
    if path is None:
        print(f"no python{LAMBDA_PYTHON} on this machine", file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
