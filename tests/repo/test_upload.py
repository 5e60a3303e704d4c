"""Only what was built here is deployed: the bucket's owner and every checksum are compared.

The `aws` command is a script that answers from files and notes what it was asked.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.aws_command import DeployError
from infra.package import Package
from infra.upload import Bucket, verify_function

ACCOUNT = "123456789012"
BUILT = b"the zip that was built"
OTHER = b"somebody's zip"
SCRIPT = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
service, action = sys.argv[3:5]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[3:]) + "\\n")
answer = folder / action
print(answer.read_text() if answer.exists() else "{{}}")
sys.exit(255 if (folder / ("no-" + action)).exists() else 0)
"""


def sha256_of(content: bytes) -> str:
    """As the API references of S3 (ChecksumSHA256) and of Lambda (CodeSha256) have it."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode("ascii")


class CannedAws:
    """Answers of the command, one file for each action; an answer of None is a failure."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        command = folder / "aws"
        command.write_text(SCRIPT.format(python=sys.executable, folder=str(folder)))
        command.chmod(0o755)

    def answers(self, action: str, content: dict[str, Any] | None) -> None:
        if content is None:
            (self._folder / f"no-{action}").touch()
        else:
            (self._folder / action).write_text(json.dumps(content))

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self._folder / "calls").read_text().splitlines()]


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CannedAws:
    canned = CannedAws(tmp_path)
    canned.answers("get-caller-identity", {"Account": ACCOUNT})
    monkeypatch.setenv("PATH", str(tmp_path))
    return canned


@pytest.fixture
def package(tmp_path: Path) -> Package:
    path = tmp_path / "rotator-1.2.3-x86_64.zip"
    path.write_bytes(BUILT)
    return Package(path, len(BUILT), len(BUILT), hashlib.sha256(BUILT).hexdigest())


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_every_request_names_the_owner(aws: CannedAws, package: Package) -> None:
    aws.answers("head-object", None)

    Bucket("code").put(package)

    requests = [command for command in aws.calls() if command[0] == "s3api"]
    assert [command[1] for command in requests] == ["head-bucket", "head-object", "put-object"]
    assert {option(command, "--expected-bucket-owner") for command in requests} == {ACCOUNT}


def test_package_is_put_under_its_whole_hash_with_its_checksum(
    aws: CannedAws, package: Package
) -> None:
    aws.answers("head-object", None)

    key = Bucket("code").put(package)

    put = aws.calls()[-1]
    assert key == f"rotator/rotator-1.2.3-x86_64-{hashlib.sha256(BUILT).hexdigest()}.zip"
    assert option(put, "--key") == key
    assert option(put, "--checksum-sha256") == sha256_of(BUILT)


def test_what_was_built_before_is_not_put_again(aws: CannedAws, package: Package) -> None:
    aws.answers("head-object", {"ChecksumSHA256": sha256_of(BUILT)})

    Bucket("code").put(package)

    head = aws.calls()[-1]
    assert head[1] == "head-object"
    # S3's API reference: without this mode the answer has no checksum.
    assert option(head, "--checksum-mode") == "ENABLED"


@pytest.mark.parametrize(
    "head",
    [
        {"ChecksumSHA256": sha256_of(OTHER)},
        # Put there without one, so not by us; an ETag says nothing of its content.
        {"ETag": sha256_of(BUILT)},
        {"ChecksumCRC32": sha256_of(BUILT)},
    ],
    ids=["another checksum", "no checksum", "another algorithm"],
)
def test_object_that_was_not_built_here_is_neither_used_nor_overwritten(
    head: dict[str, str], aws: CannedAws, package: Package
) -> None:
    aws.answers("head-object", head)

    with pytest.raises(DeployError, match="is not the package that was built here; find out who"):
        Bucket("code").put(package)

    assert "put-object" not in {command[1] for command in aws.calls()}


def test_bucket_of_somebody_else_gets_nothing(aws: CannedAws) -> None:
    aws.answers("head-bucket", None)

    with pytest.raises(DeployError, match="bucket code: does not exist, or is not yours"):
        Bucket("code")


@pytest.mark.parametrize("code", [BUILT, OTHER], ids=["ours", "replaced in between"])
def test_code_that_runs_is_compared_with_what_was_built(
    code: bytes, aws: CannedAws, package: Package
) -> None:
    aws.answers(
        "describe-stack-resource", {"StackResourceDetail": {"PhysicalResourceId": "rotator"}}
    )
    aws.answers("get-function-configuration", {"CodeSha256": sha256_of(code)})

    if code == BUILT:
        verify_function("a-stack", package)
    else:
        with pytest.raises(DeployError, match="rotator: runs other code than this package"):
            verify_function("a-stack", package)

    assert option(aws.calls()[-1], "--function-name") == "rotator"
