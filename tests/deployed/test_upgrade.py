"""The stack of 0.1.0, upgraded: `make deploy` of both releases, with the real aws command.

Each release builds its own package, of its own locks, and deploys its own template.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rotator.local.ims_control import RemoteIms
from tests.deployed.deploy import aws_with_bucket, run_deploy
from tests.deployed.emulator import Emulator
from tests.deployed.stack import CREDENTIALS, ROOT, TOKEN, Stack
from tests.deployed.watch import CLIENT_ID, GOOD, resources
from tests.support.releases import check_out_first_release

BUCKET = "code-of-two-releases"


@pytest.fixture(scope="module")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = check_out_first_release(tmp_path_factory.mktemp("first"))
    if found is None:
        pytest.skip("*** NOT UPGRADED from 0.1.0: the history of this clone does not hold it ***")
    return found


@pytest.fixture(scope="module")
def aws(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with aws_with_bucket(tools, tmp_path_factory.mktemp("upgrade"), BUCKET) as running:
        yield running


def deploy(aws: Emulator, release: Path) -> None:
    """`make deploy` in the checkout of a release."""
    done = run_deploy(aws, "up", "--bucket", BUCKET, "--yes", cwd=release)
    assert done.returncode == 0, done.stderr


def code_of(aws: Emulator) -> str:
    digest: str = aws.client("lambda").get_function(FunctionName="rotator")["Configuration"][
        "CodeSha256"
    ]
    return digest


def value_of(aws: Emulator, name: str) -> dict[str, Any]:
    answer = aws.client("secretsmanager").get_secret_value(SecretId=name)
    return {key: answer[key] for key in ("ARN", "VersionId", "SecretString")}


def test_upgraded_stack_keeps_its_secrets_and_rotates_nothing(
    aws: Emulator, first_release: Path, ims: RemoteIms
) -> None:
    ims.reset()
    ims.configure(clients={CLIENT_ID: [GOOD]})
    stack = Stack(aws, ims, {})
    deploy(aws, first_release)
    stack.store_credentials(GOOD)
    assert stack.invoke({})["outcome"] == "rotated"
    before, code = resources(aws, "rotator"), code_of(aws)
    values = [value_of(aws, name) for name in (CREDENTIALS, TOKEN)]

    deploy(aws, ROOT)

    assert code_of(aws) != code
    after = resources(aws, "rotator")
    assert {name: after.get(name) for name in before} == before
    assert [value_of(aws, name) for name in (CREDENTIALS, TOKEN)] == values
    assert stack.invoke({})["outcome"] == "not_due"
    assert [value_of(aws, name) for name in (CREDENTIALS, TOKEN)] == values
    assert ims.observed()["tokens_minted"] == 1

    forced = stack.invoke({"force": True})
    assert forced["outcome"] == "rotated"
    assert json.loads(value_of(aws, TOKEN)["SecretString"])["client_id"] == CLIENT_ID
