"""A Secrets Manager client that counts its calls and can be told to refuse them."""

import io
import json
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from rotator.aws.store import SecretsManagerStore

REGION = "eu-west-1"
SdkClient = Any
"""The methods of a client of boto3 or botocore are made at run time."""


class _Body(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


class Service:
    """A Secrets Manager client, our store on it, what went through it, and refusals to come."""

    def __init__(self) -> None:
        session = botocore.session.get_session()
        self.client: Any = session.create_client(
            "secretsmanager",
            region_name=REGION,
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
        )
        self.store = SecretsManagerStore(self.client)
        self.client.meta.events.register_first("before-send.secretsmanager", self._sent)
        self.calls: list[str] = []
        self._answers: dict[str, tuple[int, bytes]] = {}

    def create(self, *names: str) -> None:
        """Secrets with the values `canary-NAME`, without counting the calls."""
        counted = list(self.calls)
        for name in names:
            self.client.create_secret(Name=name, SecretString=f"canary-{name}")
        self.calls[:] = counted

    def refuse(self, operation: str, code: str, message: str = "", *, status: int = 400) -> None:
        """Answer this operation with an error of the service from now on."""
        self.answer(operation, status, json.dumps({"__type": code, "message": message}).encode())

    def answer(self, operation: str, status: int, body: bytes) -> None:
        self._answers[operation] = (status, body)

    def current(self, name: str) -> dict[str, Any]:
        """The current value of a secret as JSON, without counting the call."""
        counted = list(self.calls)
        answer = self.client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
        self.calls[:] = counted
        fields: dict[str, Any] = json.loads(answer["SecretString"])
        return fields

    def _sent(self, request: AWSPreparedRequest, **_: object) -> Any:  # noqa: ANN401 - the hook
        target = request.headers["X-Amz-Target"]
        name = target.decode() if isinstance(target, bytes) else str(target)
        operation = name.rpartition(".")[2]
        self.calls.append(operation)
        if operation not in self._answers:
            return None
        status, body = self._answers[operation]
        return AWSResponse("https://refused.example/", status, HTTPHeaders(), _Body(body))
