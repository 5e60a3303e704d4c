"""The image, built by buildah from nothing that this machine did not make or pin.

No registry of images is reached: the base is made of the packages of this machine's Debian, and the
wheels, which are pinned by hash, are fetched beforehand.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "infra" / "container" / "Containerfile"
LOCKS = ("runtime", "build")
BASE, NAME = "localhost/base", "localhost/rotator"


class Image:
    """What `infra/container/Containerfile` makes, in a store of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._make_base()
        settings = folder / "pip.conf"
        settings.write_text("[global]\nno-index = true\nfind-links = /wheels\n")
        self._buildah(
            *("bud", "--isolation", "chroot", "--build-arg", f"BASE={BASE}", "--tag", NAME),
            *("--volume", f"{self._fetch_wheels()}:/wheels:ro"),
            *("--volume", f"{settings}:/etc/pip.conf:ro"),
            *("--file", str(CONTAINERFILE), str(ROOT)),
        )
        self._container = self._buildah("from", NAME)
        inspected: dict[str, Any] = json.loads(self._buildah("inspect", self._container))
        self.config: dict[str, Any] = inspected["OCIv1"]["config"]

    def run(self, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the entry point, as the image's user, with these variables and no others."""
        entry_point: list[str] = self.config["Entrypoint"]
        return self._run(*entry_point, *args, **variables)

    def lists(self, folder: str) -> set[str]:
        """The names in a folder of the image."""
        mounted = Path(self._buildah("mount", self._container))
        return {path.name for path in mounted.joinpath(folder.lstrip("/")).iterdir()}

    def remove(self) -> None:
        """Remove it, and everything that it was made of."""
        self._buildah("rm", "--all")
        self._buildah("rmi", "--all", "--force")

    def _make_base(self) -> None:
        archive = self._folder / "base.tar"
        command = ["mmdebstrap", "--quiet", "--variant=essential", "--include=python3-venv"]
        _run([*command, _codename(), str(archive)])
        scratch = self._buildah("from", "scratch")
        self._buildah("add", scratch, str(archive), "/")
        self._buildah("commit", "--rm", scratch, BASE)
        archive.unlink()

    def _fetch_wheels(self) -> Path:
        container = self._buildah("from", BASE)
        version = self._run(
            *("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"),
            container=container,
        ).stdout.strip()
        self._buildah("rm", container)
        wheels = self._folder / "wheels"
        command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary", ":all:"]
        command += ["--require-hashes", "--python-version", version, "--dest", str(wheels)]
        for lock in LOCKS:
            command += ["-r", str(ROOT / "requirements" / f"{lock}.txt")]
        _run(command)
        return wheels

    def _run(
        self, *args: str, container: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        options = [f"--env={name}={value}" for name, value in variables.items()]
        command = self._command("run", "--isolation", "chroot", *options)
        return subprocess.run(
            [*command, container or self._container, "--", *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def _buildah(self, *args: str) -> str:
        return _run(self._command(*args)).strip()

    def _command(self, *args: str) -> list[str]:
        # The driver that needs no rights and no file system of a certain kind.
        store = ("--root", str(self._folder / "store"), "--runroot", str(self._folder / "run"))
        return ["buildah", "--storage-driver", "vfs", *store, *args]


def obstacle() -> str | None:
    """Why no image can be built here; None if one can."""
    for name in ("buildah", "mmdebstrap", "unshare"):
        if shutil.which(name) is None:
            return f"there is no {name} here"
    # Both commands mount, which takes root, and a container that may.
    probe = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)  # noqa: S607
    return None if os.geteuid() == 0 and probe.returncode == 0 else "nobody may mount here"


def _codename() -> str:
    release = Path("/etc/os-release").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in release if "=" in line)["VERSION_CODENAME"]


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stderr[-3000:]}")
    return done.stdout
