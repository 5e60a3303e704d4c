"""The two secrets of a binding, as somebody with every right in the account sees and makes them."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rotator.local.binding import LocalBinding
from tests.support.documents import CADENCE, instant, token_document

DAY = timedelta(seconds=86_399)
OLD = timedelta(hours=23, minutes=5)
"""Due, and good for another 55 minutes."""


@dataclass(frozen=True, slots=True)
class Vault(LocalBinding):
    """A binding that is looked at behind the scenes, with a client of its own."""

    client: Any

    @classmethod
    def of(cls, binding: LocalBinding, client: Any) -> "Vault":  # noqa: ANN401 - its methods are made at run time
        return cls(**asdict(binding), client=client)

    def create(self) -> None:
        """Make both: the credentials with their value, the token secret without one."""
        self.client.create_secret(Name=self.credentials_secret, SecretString=self.init_input())
        self.client.create_secret(Name=self.token_secret)

    def put(self, text: str, *, secret_id: str | None = None) -> str:
        """Store a value, the token secret's unless another is named; answers with its version."""
        answer = self.client.put_secret_value(
            SecretId=secret_id or self.token_secret, SecretString=text
        )
        return str(answer["VersionId"])

    def put_credentials(self, **changes: object) -> None:
        """Store the credentials with some fields changed; None takes one away."""
        fields = {**json.loads(self.init_input()), **changes}
        kept = {name: value for name, value in fields.items() if value is not None}
        self.put(json.dumps(kept), secret_id=self.credentials_secret)

    def put_token(
        self, *, age: timedelta = timedelta(0), lifetime: timedelta = DAY, **changes: object
    ) -> str:
        """Store a token that was issued `age` ago; answers with its version."""
        return self.put(json.dumps(self.token_fields(age=age, lifetime=lifetime) | changes))

    def token_fields(
        self, *, age: timedelta = timedelta(0), lifetime: timedelta = DAY
    ) -> dict[str, object]:
        """The value of a token secret, as the documentation of the format has it."""
        issued_at = datetime.now(UTC).replace(microsecond=0) - age
        return token_document(
            "canary-stored-token",
            issued_at=issued_at,
            lifetime=lifetime,
            next_rotation_at=instant(issued_at + CADENCE),
            client_id=self.client_id,
            scope="openid,AdobeID,read_organizations",
            token_url=self.token_url,
        )

    def current(self, secret_id: str | None = None) -> tuple[str, str]:
        answer = self.client.get_secret_value(
            SecretId=secret_id or self.token_secret, VersionStage="AWSCURRENT"
        )
        return answer["VersionId"], answer["SecretString"]

    def fields(self, secret_id: str | None = None) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads(self.current(secret_id)[1])
        return fields

    def versions(self, secret_id: str | None = None) -> dict[str, list[str]]:
        """Every version's id, with its labels."""
        answer = self.client.describe_secret(SecretId=secret_id or self.token_secret)
        return dict(answer.get("VersionIdsToStages", {}))

    def tags(self, secret_id: str) -> dict[str, str]:
        answer = self.client.describe_secret(SecretId=secret_id)
        return {tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}

    def names(self) -> set[str]:
        """Which of the two exist."""
        wanted = {self.credentials_secret, self.token_secret}
        answer = self.client.list_secrets(
            Filters=[{"Key": "name", "Values": sorted(wanted)}], MaxResults=100
        )
        return wanted & {secret["Name"] for secret in answer["SecretList"]}
