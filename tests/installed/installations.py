"""How people install a package: pip, pipx and uv, each with a home of its own."""

import os
import re
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 300


def run(
    *command: str | Path, environment: dict[str, str] | None = None, cwd: Path = Path("/")
) -> str:
    """The output of a command; AssertionError with all that it wrote if it fails."""
    ended = subprocess.run(
        [str(word) for word in command],
        env={**inherited(), **(environment or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, f"{' '.join(map(str, command))}\n{ended.stdout}"
    return ended.stdout


def inherited() -> dict[str, str]:
    """The caller's variables without those that would let packages of .venv count as installed."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV", "COV_", "PYTEST"))
    }


@dataclass(frozen=True, slots=True)
class Installation:
    """An environment with the command in it."""

    bin: Path

    @property
    def python(self) -> Path:
        return self.bin / "python"

    def command(self, *args: str) -> str:
        """What `rotator` writes."""
        return run(self.bin / "rotator", *args)

    def evaluate(self, expression: str, *, imports: str = "rotator") -> str:
        """What an expression says in a fresh interpreter."""
        code = f"import importlib.metadata, importlib.resources, {imports}; print({expression})"
        return run(self.python, "-P", "-c", code).strip()


class Tools:
    """pipx, twine and uv; `folder` is where they keep what they make."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self.constraints = constraints(folder)

    def twine(self, *args: str | Path) -> str:
        return run(self._binaries / "twine", *args)

    def uv(self, *args: str | Path, environment: dict[str, str] | None = None) -> str:
        """The command; it downloads no Python."""
        offline = {"UV_PYTHON_DOWNLOADS": "never"}
        return run(self._binaries / "uv", *args, environment={**offline, **(environment or {})})

    def pipx(self, python: str, package: Path, folder: Path) -> Installation:
        homes = {"PIPX_HOME": str(folder / "pipx"), "PIPX_BIN_DIR": str(folder / "bin")}
        command = ("install", "--python", python, "--pip-args", f"-c {self.constraints}", package)
        run(self._binaries / "pipx", *command, environment=homes)
        assert (folder / "bin" / "rotator").exists()
        return Installation(folder / "pipx" / "venvs" / "oauth-token-rotator" / "bin")

    def uv_tool(self, python: str, package: Path, folder: Path) -> Installation:
        homes = {"UV_TOOL_DIR": str(folder / "uv"), "UV_TOOL_BIN_DIR": str(folder / "bin")}
        command = ("tool", "install", "-q", "--python", python, "-c", self.constraints, package)
        self.uv(*command, environment=homes)
        assert (folder / "bin" / "rotator").exists()
        return Installation(folder / "uv" / "oauth-token-rotator" / "bin")

    def pip(self, python: str, package: Path, folder: Path) -> Installation:
        """`python -m venv`, and that environment's own pip."""
        run(python, "-m", "venv", folder / "venv")
        installation = Installation(folder / "venv" / "bin")
        pip_install(installation, "-c", self.constraints, package)
        return installation


def pip_install(installation: Installation, *what: str | Path) -> None:
    """Install into an environment that is there."""
    run(installation.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *what)


def constraints(folder: Path) -> Path:
    """The versions of the lock without their hashes: pip wants a hash of each file, or of none."""
    lock = (ROOT / "requirements" / "runtime.txt").read_text("utf-8")
    pins = re.findall(r"^[\w.-]+==[^\\\n]+", lock, re.MULTILINE)
    path = folder / "constraints.txt"
    path.write_text("\n".join(pins), "utf-8")
    return path


def extract(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    [root] = folder.iterdir()
    return root
