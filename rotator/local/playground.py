"""Runs the local servers, and rotator's commands against them."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.local.binding import LocalBinding
from rotator.local.environment import isolated_environment
from rotator.local.ims_control import RemoteIms
from rotator.local.server_process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Playground", "playground"]

COMMAND_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Playground:
    """Two running servers, and one binding whose secrets don't exist yet."""

    endpoint_url: str
    ims: RemoteIms
    binding: LocalBinding
    environment: dict[str, str]

    def rotator(self, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run `rotator ARGS` as a process, for a minute at most."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "rotator", *args],
            input=stdin,
            env=self.environment,
            timeout=COMMAND_TIMEOUT_S,
            capture_output=True,
            text=True,
            check=False,
        )

    def init(self) -> subprocess.CompletedProcess[str]:
        """Create both secrets; the client credentials go in on standard input."""
        return self.rotator("init", *self.binding.selectors, stdin=self.binding.init_input())


@contextmanager
def playground() -> Iterator[Playground]:
    """Run both servers within the block; raises ConfigError if one does not start."""
    bare = isolated_environment(os.environ)
    with (
        ServerProcess("rotator.local.secrets_manager", environment=bare) as secrets_manager,
        ServerProcess("rotator.local.ims", environment=bare) as token_endpoint,
    ):
        ims = RemoteIms(token_endpoint.announcement["base_url"])
        endpoint_url = secrets_manager.announcement["endpoint_url"]
        yield Playground(
            endpoint_url=endpoint_url,
            ims=ims,
            binding=LocalBinding.register(ims, prefix="demo/adobe"),
            environment=isolated_environment(os.environ, endpoint_url=endpoint_url),
        )
