"""The wall clock of whole processes, moved by a test: libfaketime reads it from a file."""

import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rotator.clock import SystemClock


class FileClock(SystemClock):
    """A `Clock` that is `ahead` of this machine's, as are processes with its `variables`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.ahead = timedelta(0)
        self.move(timedelta(0))

    def now(self) -> datetime:
        return super().now() + self.ahead

    def move(self, ahead: timedelta) -> None:
        """Set it so far ahead of this machine's, for those that run already too."""
        whole = self._path.with_suffix(".new")
        whole.write_text(f"+{ahead.total_seconds():.0f}")
        whole.replace(self._path)
        self.ahead = ahead

    def variables(self) -> dict[str, str]:
        """The environment of a process that has this clock."""
        faketime = shutil.which("faketime")
        if faketime is None:
            pytest.skip("no faketime on this machine")
        asked = [faketime, "-f", "+0", "printenv", "LD_PRELOAD"]
        library = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        return {
            "LD_PRELOAD": library.strip(),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
        }
