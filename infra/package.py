"""Builds the function's zip: `make package`, or `python -m infra.package --arch arm64`.

The build is reproducible: dependencies are pinned by hash, and files are sorted and have no time,
owner or path of the build machine.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import rotator
from infra.interpreters import LAMBDA_PYTHON, find_lambda_python

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "runtime.txt"
SERVICES = ("secretsmanager", "sqs")
"""The AWS services that the function calls; botocore ships the descriptions of all of them."""

ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Architectures by Lambda's name, as wheels name them."""

GLIBC = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
"""The wheels that run on Amazon Linux 2023, the runtime's system: glibc 2.34 and older."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time in a zip."""


@dataclass(frozen=True, slots=True)
class Package:
    """A zip, with the sizes in bytes and the hash of the zip."""

    path: Path
    size_bytes: int
    unpacked_bytes: int
    sha256: str


def build(architecture: str, output: Path, *, compiler: str | None) -> Package:
    """Build the zip for `architecture` (`x86_64` or `arm64`) in the folder `output`.

    `compiler` is an interpreter of the runtime's version, which compiles the byte code so that a
    cold start doesn't; None leaves the byte code out. Raises CalledProcessError if pip fails, after
    pip has printed why.
    """
    name = f"rotator-{rotator.__version__}-{architecture}.zip"
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder)
        install(task, architecture, LOCK)
        shutil.copytree(
            ROOT / "rotator",
            task / "rotator",
            ignore=shutil.ignore_patterns("__pycache__", "demo", "local"),
        )
        _strip(task)
        if compiler is not None:
            byte_compile(task, compiler)
        return pack(task, output / name)


def install(task: Path, architecture: str, lock: Path) -> None:
    """Install what `lock` pins into the folder `task`, from wheels for the runtime."""
    platforms = [f"{glibc}_{ARCHITECTURES[architecture]}" for glibc in GLIBC]
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    command += ["--target", str(task), "--no-compile", "--only-binary", ":all:"]
    command += ["--require-hashes", "--implementation", "cp", "--python-version", LAMBDA_PYTHON]
    for platform in platforms:
        command += ["--platform", platform]
    subprocess.run([*command, "-r", str(lock)], check=True)


def _strip(task: Path) -> None:
    """Remove files that the function never reads: commands, file lists, other AWS services."""
    shutil.rmtree(task / "bin", ignore_errors=True)
    for record in task.glob("*.dist-info/*"):
        if record.name in {"RECORD", "INSTALLER", "REQUESTED"}:
            record.unlink()
    for service in (task / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)
    # boto3's resources, which the job doesn't use.
    shutil.rmtree(task / "boto3" / "data")
    shutil.rmtree(task / "boto3" / "examples", ignore_errors=True)
    for cache in list(task.rglob("__pycache__")):
        shutil.rmtree(cache)


def byte_compile(task: Path, compiler: str) -> None:
    """Compile everything, with the paths that it will have on Lambda.

    The byte code has the hash of its source instead of its time, unchecked, because nothing edits
    the source on Lambda.
    """
    command = [compiler, "-I", "-m", "compileall", "-qq", "-s", str(task), "-p", "/var/task"]
    command += ["--invalidation-mode", "unchecked-hash", str(task)]
    subprocess.run(command, check=True)


def pack(task: Path, target: Path) -> Package:
    """Zip the folder `task` reproducibly."""
    unpacked_bytes = 0
    files = {p.relative_to(task).as_posix(): p for p in task.rglob("*") if p.is_file()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o100644 << 16  # Lambda's user is not the owner
            content = path.read_bytes()
            unpacked_bytes += len(content)
            archive.writestr(entry, content)
    content = target.read_bytes()
    return Package(target, len(content), unpacked_bytes, hashlib.sha256(content).hexdigest())


def cold_import_ms(package: Package, interpreter: str) -> float:
    """The median time to import the handler from the unpacked zip in a new interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(package.path).extractall(folder)
        code = "import sys; sys.path.insert(0, sys.argv[1]); import rotator.lambda_handler"

        def duration_s(*args: str) -> float:
            started_s = time.perf_counter()
            subprocess.run([interpreter, "-I", "-S", "-B", "-c", *args], check=True)
            return time.perf_counter() - started_s

        duration_s(code, folder)  # the page cache is warm for both
        bare_s = median(duration_s("") for _ in range(5))
        return 1000 * (median(duration_s(code, folder) for _ in range(5)) - bare_s)


def main() -> int:
    """Build the zips, and print a line for each."""
    parser = argparse.ArgumentParser(description="Build the function's zip, reproducibly.")
    parser.add_argument("--arch", choices=ARCHITECTURES, action="append", help="default: both")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="default: dist/")
    options = parser.parse_args()
    compiler = find_lambda_python()
    if compiler is None:
        print(
            f"package: no python{LAMBDA_PYTHON} here, so the zip has no byte code: cold starts take"
            " longer, and the hash differs from that of a build with byte code",
            file=sys.stderr,
        )
    for architecture in options.arch or ARCHITECTURES:
        package = build(architecture, options.output, compiler=compiler)
        print(
            f"{package.path}  {package.size_bytes / 1e6:.1f} MB zipped,"
            f" {package.unpacked_bytes / 1e6:.1f} MB unpacked, sha256 {package.sha256}"
        )
        if compiler is not None and architecture == _this_architecture():
            print(f"  cold import of the handler: {cold_import_ms(package, compiler):.0f} ms here")
    return 0


def _this_architecture() -> str | None:
    import platform

    machine = platform.machine()
    here = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(machine)
    return here if platform.system() == "Linux" else None


if __name__ == "__main__":
    sys.exit(main())
