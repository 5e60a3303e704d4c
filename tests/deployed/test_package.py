"""The zip is the same each time, holds what the function needs, and runs where nothing else is."""

import json
import re
import subprocess
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from infra.package import SERVICES, Package, build
from rotator.local.ims_control import RemoteIms
from tests.deployed.runtime_api import RuntimeProcess

ROOT = Path(__file__).parents[2]
HANDLER = "rotator.lambda_handler.handler"
UNPACKED_LIMIT_BYTES = 262_144_000  # Lambda quotas: deployment package, unzipped


def names(package: Package) -> list[str]:
    return zipfile.ZipFile(package.path).namelist()


def test_two_builds_are_the_same_bytes(
    package: Package, lambda_python: str, tmp_path: Path
) -> None:
    again = build("x86_64", tmp_path, compiler=lambda_python)

    assert again.path.read_bytes() == package.path.read_bytes()
    assert again.sha256 == package.sha256


def test_zip_is_sorted_and_carries_no_time_and_no_owner(package: Package) -> None:
    entries = zipfile.ZipFile(package.path).infolist()

    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


def test_zip_fits_and_leaves_the_rest_out(package: Package) -> None:
    folders = {PurePosixPath(name).parts[:2] for name in names(package)}
    data = {name.split("/")[2] for name in names(package) if name.startswith("botocore/data/")}

    assert package.unpacked_bytes < UNPACKED_LIMIT_BYTES
    assert not {("rotator", "demo"), ("rotator", "local")} & folders
    assert not {"moto", "flask", "bin"} & {parts[0] for parts in folders}
    assert ("boto3", "data") not in folders
    assert {name for name in data if "." not in name} == set(SERVICES)


def test_every_service_that_the_code_asks_for_is_in_the_zip() -> None:
    sources = [
        path.read_text("utf-8")
        for path in (ROOT / "rotator").rglob("*.py")
        if "demo" not in path.parts
    ]
    asked = {name for text in sources for name in re.findall(r'create_client\(\s*"(\w+)"', text)}

    assert asked == set(SERVICES)


def test_zip_for_the_other_architecture_holds_its_machine_code(
    lambda_python: str, tmp_path: Path
) -> None:
    package = build("arm64", tmp_path, compiler=lambda_python)
    libraries = [name for name in names(package) if name.endswith(".so")]
    machines = {zipfile.ZipFile(package.path).read(name)[18:20] for name in libraries}

    assert libraries
    assert machines == {b"\xb7\x00"}  # EM_AARCH64, e_machine of the ELF header


def test_byte_code_is_used(task: Path, lambda_python: str) -> None:
    # Byte code of another version would be ignored, and a read-only folder takes no new one.
    code = "import sys; sys.path.insert(0, sys.argv[1]); import rotator.lambda_handler"
    command = [lambda_python, "-I", "-S", "-v", "-c", code, str(task)]
    log = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    loaded = re.findall(rf"^# code object from b?'({task}/[^']+)'", log, re.MULTILINE)

    assert len(loaded) > 20
    assert {PurePosixPath(path).suffix for path in loaded} == {".pyc"}


@pytest.fixture
def function(
    lambda_python: str, task: Path, runtime_client: Path, variables: dict[str, str]
) -> RuntimeProcess:
    """The packaged function under AWS's runtime client, to be started."""
    return RuntimeProcess(
        lambda_python,
        task=task,
        runtime_client=runtime_client,
        handler=HANDLER,
        environment=variables,
    )


def test_function_runs_where_only_the_zip_is(function: RuntimeProcess, ims: RemoteIms) -> None:
    with function as process:
        first = process.invoke({"source": "aws.scheduler"})
        second = process.invoke({"source": "aws.scheduler"})
        refused = process.invoke({"Records": []})
    logged = [json.loads(line) for line in process.output.splitlines() if line[:1] == "{"]

    assert not first.failed, process.output
    assert (first.value["outcome"], second.value["outcome"]) == ("rotated", "not_due")
    assert ims.observed()["tokens_minted"] == 1
    assert refused.failed
    assert refused.value["errorType"] == "ConfigError"
    assert refused.value["errorMessage"].startswith("event: has an unknown field")
    assert [line["RotationSucceeded"] for line in logged if "_aws" in line] == [1, 0]
    assert {line["request_id"] for line in logged if "event" in line} == {
        line["request_id"] for line in logged if "request_id" in line
    }


def test_function_says_so_when_its_time_is_up(function: RuntimeProcess, ims: RemoteIms) -> None:
    ims.configure(behaviour="hang", hang_s=30)
    with function as process:
        answer = process.invoke({}, remaining_s=18)

    assert answer.failed
    assert answer.value["errorType"] == "MintError"
    assert answer.duration_s < 18
