"""The deployed template, and what watches it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotator.local.ims_control import RemoteIms
from tests.deployed.emulator import Emulator
from tests.deployed.watch import logged, role_of

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "infra" / "template.yaml"
CONSUMER_POLICY = ROOT / "infra" / "consumer-policy.yaml"
BUCKET, KEY = "code-of-rotator", "rotator/package.zip"
CREDENTIALS, TOKEN, FOREIGN = "rotator/credentials", "rotator/token", "somebody/else"
CLIENT_ID = "5f0ad53b1f2f4a0e9d1c3f2b5a697887"
GOOD, WRONG = "p8e-canary-that-is-right", "p8e-canary-that-is-wrong"
TICK_S = 60
SWEEP_S = 10  # how often ministack looks for schedules that are due
DENIED = "AccessDeniedException"


@dataclass(frozen=True, slots=True)
class Stack:
    """The deployed template and what watches it."""

    emulator: Emulator
    ims: RemoteIms
    outputs: dict[str, str]

    def read(self, secret_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.emulator.client("secretsmanager").get_secret_value(
            SecretId=secret_id
        )
        return answer

    def token(self) -> dict[str, Any] | None:
        text = self.read(TOKEN).get("SecretString")
        fields: dict[str, Any] | None = json.loads(text) if text else None
        return fields

    def store_credentials(self, client_secret: str) -> None:
        fields = {
            "provider": "adobe-ims",
            "token_url": self.ims.urls.token,
            "client_id": CLIENT_ID,
            "client_secret": client_secret,
        }
        self.emulator.client("secretsmanager").put_secret_value(
            SecretId=CREDENTIALS, SecretString=json.dumps(fields)
        )

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        answer = self.emulator.client("lambda").invoke(
            FunctionName="rotator", Payload=json.dumps(event).encode()
        )
        value: dict[str, Any] = json.loads(answer["Payload"].read())
        return value

    def logged(self) -> list[dict[str, Any]]:
        return logged(self.emulator, "rotator")

    def outcomes(self) -> list[str]:
        return [line["outcome"] for line in self.logged() if "outcome" in line]

    def role_of(self, logical_id: str) -> str:
        return role_of(self.emulator, "rotator", logical_id)
