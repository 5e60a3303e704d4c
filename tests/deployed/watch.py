"""What tests of several stacks do to look at one from outside."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

from infra.package import Package
from rotator.local.ims_control import RemoteIms
from tests.deployed.emulator import Emulator

KEY = "rotator/package.zip"
CLIENT_ID = "5f0ad53b1f2f4a0e9d1c3f2b5a697887"
GOOD = "p8e-canary-that-is-right"
PROBE = """
import botocore.session

def handler(event, context):
    session = botocore.session.get_session()
    said = []
    for service, method, params in event:
        try:
            answer = getattr(session.create_client(service), method)(**params)
            said.append([error["ErrorCode"] for error in answer.get("Errors", [])] or "ok")
        except Exception as error:
            said.append(error.response["Error"]["Code"])
    return said
"""

Call = tuple[str, str, dict[str, object]]
"""A service, the name of a method of its client, and the parameters."""


def wait_for(
    what: Callable[[], Any], *, timeout_s: float, told: Callable[[], str] = lambda: "nothing"
) -> Any:  # noqa: ANN401 - what it was
    """Ask again and again until there is something; fails with what is `told` by then."""
    give_up_at = time.monotonic() + timeout_s
    while not (found := what()):
        assert time.monotonic() < give_up_at, f"after {timeout_s:.0f} s: {told()}"
        time.sleep(0.5)
    return found


def logged(emulator: Emulator, function: str) -> list[dict[str, Any]]:
    """Every line that is a JSON object in the log of this function, metrics included."""
    logs, group = emulator.client("logs"), f"/aws/lambda/{function}"
    lines = [
        event["message"]
        for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])[
            "events"
        ]
    ]
    return [json.loads(line) for line in lines if line.startswith("{")]


def upload(emulator: Emulator, package: Package, bucket: str) -> dict[str, str]:
    """The package in a new bucket, and the parameters of a stack that name it."""
    storage = emulator.client("s3")
    storage.create_bucket(Bucket=bucket)
    storage.put_object(Bucket=bucket, Key=KEY, Body=package.path.read_bytes())
    return {"CodeBucket": bucket, "CodeKey": KEY}


def client_fields(ims: RemoteIms, client_secret: str = GOOD) -> dict[str, object]:
    """The only client of the local token endpoint that it accepts, as credentials."""
    return {
        "provider": "adobe-ims",
        "token_url": ims.urls.token,
        "client_id": CLIENT_ID,
        "client_secret": client_secret,
    }


def invoke(emulator: Emulator, function: str, event: object) -> dict[str, Any]:
    """What the function answers."""
    answer = emulator.client("lambda").invoke(
        FunctionName=function, Payload=json.dumps(event).encode()
    )
    value: dict[str, Any] = json.loads(answer["Payload"].read())
    return value


def stored_token(emulator: Emulator, name: str) -> dict[str, Any] | None:
    """The token document in this secret, None while it has none."""
    text = emulator.client("secretsmanager").get_secret_value(SecretId=name).get("SecretString")
    fields: dict[str, Any] | None = json.loads(text) if text else None
    return fields


def resources(emulator: Emulator, stack: str) -> dict[str, str]:
    """The physical ids of what a stack has made."""
    found = emulator.client("cloudformation").describe_stack_resources(StackName=stack)
    return {
        each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found["StackResources"]
    }


def role_of(emulator: Emulator, stack: str, logical_id: str) -> str:
    """The ARN of a role of a stack."""
    name = resources(emulator, stack)[logical_id]
    arn: str = emulator.client("iam").get_role(RoleName=name)["Role"]["Arn"]
    return arn


def call_as(emulator: Emulator, role: str, name: str, calls: Sequence[Call]) -> list[Any]:
    """What AWS says to each call of a function `name` that has this role.

    The role is not assumed: a function has it, as the real one does. "ok", an error's code, or the
    codes of the errors of a batch.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("probe.py", PROBE)
    functions = emulator.client("lambda")
    functions.create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.13",
        Handler="probe.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=30,
    )
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(calls).encode())
    said: list[Any] = json.loads(answer["Payload"].read())
    return said
