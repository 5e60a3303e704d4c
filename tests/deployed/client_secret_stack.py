"""The stack that rotates a client secret, beside the job's: deployed as their users do it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.package import Package
from tests.deployed.emulator import Emulator
from tests.deployed.file_clock import FileClock
from tests.deployed.stack import ROOT, TEMPLATE
from tests.deployed.watch import logged
from tests.support.secret_providers import FIRST_VALUE, SecretFake

SECRET_TEMPLATE = ROOT / "infra" / "client-secret.yaml"
JOB, STACK = "rotator-of-a-client", "rotator-client-secret"
BUCKET, KEY = "code-of-a-client-secret", "rotator/package.zip"
CREDENTIALS, TOKEN = "client/credentials", "client/token"
MANAGEMENT, FOREIGN = "client/management", "client/of-somebody-else"
ROTATE = {"rotate_client_secret": True}
EVERY_SIX_HOURS, AT_ONCE = "rate(6 hours)", "at(2026-01-01T00:00:00)"


@dataclass(frozen=True, slots=True)
class ClientSecretStack:
    """Both stacks; `job` are the outputs of the job's, `clock` is the provider's."""

    emulator: Emulator
    clock: FileClock
    job: dict[str, str]

    def put_credentials(self, fake: SecretFake, url: str, **admin: str) -> None:
        """Store the first client secret of the provider at `url`, and where it is rotated."""
        fields = {
            "client_id": fake.client_id,
            "client_secret": FIRST_VALUE,
            "token_url": f"{url}/token",
            "auth_method": "client_secret_post",
            "token_secrets": [TOKEN],
            "client_admin": fake.settings | {"url": url} | admin,
        }
        self.emulator.client("secretsmanager").put_secret_value(
            SecretId=CREDENTIALS, SecretString=json.dumps(fields)
        )

    def stored(self) -> list[str]:
        """The client secrets in the credentials secret, in order."""
        answer = self.emulator.client("secretsmanager").get_secret_value(SecretId=CREDENTIALS)
        value = json.loads(answer["SecretString"])["client_secret"]
        return value if isinstance(value, list) else [value]

    @property
    def parameters(self) -> dict[str, str]:
        """Those of docs/client-secrets.md, "On AWS", and a short overlap."""
        return {
            "CodeBucket": BUCKET,
            "CodeKey": KEY,
            "CredentialsSecretArn": self.job["CredentialsSecretArn"],
            "TokenSecretArns": self.job["TokenSecretArn"],
            "AlarmTopicArn": self.job["AlarmTopicArn"],
            "Overlap": "1m",
        }

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """What the function answers; of a failure its type and message."""
        answer = self.emulator.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps(event).encode()
        )
        value: dict[str, Any] = json.loads(answer["Payload"].read())
        return value

    def logged(self, event: str | None = None) -> list[dict[str, Any]]:
        """What the function that rotates the client secret logged; of one event, or all."""
        lines = logged(self.emulator, STACK)
        return [line for line in lines if event in {None, line.get("event")}]

    def alarms(self) -> dict[str, dict[str, Any]]:
        """The alarms of this stack, by the name of the metric that they watch."""
        cloudformation = self.emulator.client("cloudformation")
        names = [
            each["PhysicalResourceId"]
            for each in cloudformation.list_stack_resources(StackName=STACK)[
                "StackResourceSummaries"
            ]
            if each["ResourceType"] == "AWS::CloudWatch::Alarm"
        ]
        found = self.emulator.client("cloudwatch").describe_alarms(AlarmNames=names)
        return {alarm["MetricName"]: alarm for alarm in found["MetricAlarms"]}

    def share_clock(self) -> None:
        """Let both functions have the provider's time. Signatures allow five minutes."""
        functions = self.emulator.client("lambda")
        for name in (JOB, STACK):
            found = functions.get_function_configuration(FunctionName=name)["Environment"]
            variables = found["Variables"] | self.clock.variables()
            functions.update_function_configuration(
                FunctionName=name, Environment={"Variables": variables}
            )


def deploy_job(emulator: Emulator, package: Package) -> dict[str, str]:
    """The job's stack, which is there before a client secret is rotated; its outputs."""
    storage = emulator.client("s3")
    storage.create_bucket(Bucket=BUCKET)
    storage.put_object(Bucket=BUCKET, Key=KEY, Body=package.path.read_bytes())
    return emulator.create_stack(
        JOB,
        TEMPLATE,
        CodeBucket=BUCKET,
        CodeKey=KEY,
        CredentialsSecretName=CREDENTIALS,
        TokenSecretName=TOKEN,
    )


def firing_at_once(folder: Path) -> Path:
    """The template with a schedule that is due, for nobody waits six hours for the first run."""
    text = SECRET_TEMPLATE.read_text("utf-8")
    assert text.count(EVERY_SIX_HOURS) == 1
    path = folder / SECRET_TEMPLATE.name
    path.write_text(text.replace(EVERY_SIX_HOURS, AT_ONCE), "utf-8")
    return path
