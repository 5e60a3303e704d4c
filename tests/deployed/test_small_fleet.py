"""A stack of one binding that becomes a fleet by its parameters: nothing is replaced or lost.

Against ministack, with IAM enforced. The function is invoked as its output says; that the schedule
starts it, `test_stack` tells.
"""

import json

import pytest

from infra.package import Package
from rotator.local.ims_control import RemoteIms
from tests.deployed.emulator import Emulator
from tests.deployed.stack import TEMPLATE
from tests.deployed.watch import (
    CLIENT_ID,
    GOOD,
    KEY,
    client_fields,
    invoke,
    logged,
    resources,
    stored_token,
    upload,
)

STACK, BUCKET = "rotator-small", "code-of-a-small-fleet"
TAG = "rotator:credentials-secret"
TEAM = {"Key": "team", "Value": "small"}
CREDENTIALS, TOKEN = "small/own/credentials", "small/own/token"
SHARED, SILENT = "small/credentials/adobe", "small/credentials/silent"
MEMBERS = ("small/tokens/a", "small/tokens/b")
UNNAMED, OUTSIDE = "small/tokens/unnamed", "elsewhere/token"
OF_ONE = {"CredentialsSecretName": CREDENTIALS, "TokenSecretName": TOKEN}
OF_A_FLEET = {
    "FleetName": "small",
    "CredentialsPrefix": "small/credentials/",
    "TokenPrefix": "small/tokens/",
    # The stacks of other tests have tagged secrets too.
    "Where": "team=small",
}


@pytest.fixture(scope="module")
def aws(emulator: Emulator, package: Package, ims: RemoteIms) -> Emulator:
    """The stack with one binding, its credentials, and secrets of others."""
    ims.reset()
    ims.configure(clients={CLIENT_ID: [GOOD]})
    emulator.create_stack(STACK, TEMPLATE, **upload(emulator, package, BUCKET), **OF_ONE)
    fields = client_fields(ims)
    manager = emulator.client("secretsmanager")
    # By name: with ministack they have an empty value, which a pattern would not cover.
    agreed = json.dumps(fields | {"token_secrets": [TOKEN, *MEMBERS, OUTSIDE]})
    manager.put_secret_value(SecretId=CREDENTIALS, SecretString=agreed)
    manager.create_secret(Name=SHARED, SecretString=agreed)
    manager.create_secret(Name=SILENT, SecretString=json.dumps(fields))
    for name, credentials in [
        *((member, SHARED) for member in MEMBERS),
        (UNNAMED, SILENT),
        (OUTSIDE, SHARED),
    ]:
        manager.create_secret(Name=name, Tags=[{"Key": TAG, "Value": credentials}, TEAM])
    manager.tag_resource(SecretId=TOKEN, Tags=[TEAM])
    return emulator


def test_stack_of_one_binding_becomes_a_fleet_and_nothing_is_replaced(aws: Emulator) -> None:
    alone = invoke(aws, STACK, {})
    before, own = resources(aws, STACK), stored_token(aws, TOKEN)

    code = {"CodeBucket": BUCKET, "CodeKey": KEY}
    aws.update_stack(STACK, TEMPLATE, **code, **OF_ONE, **OF_A_FLEET)
    answer = invoke(aws, STACK, {})

    assert alone["outcome"] == "rotated"
    assert resources(aws, STACK) == before
    assert stored_token(aws, TOKEN) == own
    assert answer["fleet"] == "small", answer
    assert (answer["rotated"], answer["not_due"], answer["failed"]) == (len(MEMBERS), 1, 2)
    assert all(
        (found := stored_token(aws, name)) and found["client_id"] == CLIENT_ID for name in MEMBERS
    )
    # Neither without the consent of its credentials, nor outside of the role's prefixes.
    assert not stored_token(aws, UNNAMED)
    assert not stored_token(aws, OUTSIDE)
    failures = {line["binding"]: line["error"] for line in logged(aws, STACK) if "error" in line}
    assert "token_secrets" in failures[UNNAMED]
    assert "access denied" in failures[OUTSIDE]
    [measured] = [line for line in logged(aws, STACK) if "_aws" in line and "Fleet" in line]
    assert measured["Fleet"] == "small"
    assert measured["Bindings"] == 5
    assert measured["MinRemainingSeconds"] > 86_000
    assert GOOD not in json.dumps(logged(aws, STACK))
