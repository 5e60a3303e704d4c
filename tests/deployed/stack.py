"""The deployed template, and what watches it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotator.local.ims_control import RemoteIms
from tests.deployed.emulator import Emulator
from tests.deployed.watch import client_fields, invoke, logged, role_of, stored_token

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "infra" / "template.yaml"
CONSUMER_POLICY = ROOT / "infra" / "consumer-policy.yaml"
BUCKET = "code-of-rotator"
CREDENTIALS, TOKEN, FOREIGN = "rotator/credentials", "rotator/token", "somebody/else"
WRONG = "p8e-canary-that-is-wrong"
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
        return stored_token(self.emulator, TOKEN)

    def store_credentials(self, client_secret: str) -> None:
        self.emulator.client("secretsmanager").put_secret_value(
            SecretId=CREDENTIALS, SecretString=json.dumps(client_fields(self.ims, client_secret))
        )

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        return invoke(self.emulator, "rotator", event)

    def logged(self) -> list[dict[str, Any]]:
        return logged(self.emulator, "rotator")

    def outcomes(self) -> list[str]:
        return [line["outcome"] for line in self.logged() if "outcome" in line]

    def role_of(self, logical_id: str) -> str:
        return role_of(self.emulator, "rotator", logical_id)
