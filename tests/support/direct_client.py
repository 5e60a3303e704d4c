"""A Secrets Manager client without a network: what it calls, the strict service answers at once."""

from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from tests.strict_aws.bare import BareSecretsManager
from tests.strict_aws.service import StrictSecretsManager
from tests.strict_aws.versions import Refused


class DirectClient:
    """Has the methods of a boto3 client. `before(operation)` runs before each call, and may raise.

    `around(operation, call)` makes the call, or not. `calls` are the operations in order.
    """

    def __init__(
        self,
        service: BareSecretsManager | StrictSecretsManager,
        *,
        region: str = "us-east-1",
        before: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.before = before
        self.around: Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]] = (
            lambda _, call: call()
        )
        self.calls: list[str] = []
        self._service = service
        self._region = region

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        if method in {"client", "create_client"}:  # by these a session is told from a client
            raise AttributeError(method)
        operation = method.title().replace("_", "")

        def call(**params: Any) -> dict[str, Any]:
            self.before(operation)
            self.calls.append(operation)
            refusal: dict[str, Any]
            ask = partial(self._service.ask, operation, region=self._region, **params)
            try:
                return self.around(operation, ask)
            except Refused as refused:
                refusal = {
                    "Error": {"Code": refused.code, "Message": refused.message},
                    "ResponseMetadata": {"HTTPStatusCode": refused.status},
                }
            raise ClientError(refusal, operation)  # type: ignore[arg-type]

        return call
