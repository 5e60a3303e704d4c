"""The two secrets of a binding, as somebody with every right in the account sees and makes them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rotator.local.binding import LocalBinding

DAY = timedelta(seconds=86_399)


OLD = timedelta(hours=23, minutes=5)
"""Due, and good for another 55 minutes."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Looks behind the scenes with a client of its own."""

    binding: LocalBinding
    client: Any

    def create(self) -> None:
        """Make both: the credentials with their value, the token secret without one."""
        self.client.create_secret(
            Name=self.binding.credentials_secret, SecretString=self.binding.init_input()
        )
        self.client.create_secret(Name=self.binding.token_secret)

    def put(self, text: str, *, secret_id: str | None = None) -> str:
        """Store a value, the token secret's unless another is named; answers with its version."""
        answer = self.client.put_secret_value(
            SecretId=secret_id or self.binding.token_secret, SecretString=text
        )
        return str(answer["VersionId"])

    def put_credentials(self, **changes: object) -> None:
        """Store the credentials with some fields changed; None takes one away."""
        fields = {**json.loads(self.binding.init_input()), **changes}
        kept = {name: value for name, value in fields.items() if value is not None}
        self.put(json.dumps(kept), secret_id=self.binding.credentials_secret)

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
        expires_at = issued_at + lifetime
        return {
            "schema": 1,
            "access_token": "canary-stored-token",
            "token_type": "bearer",
            "issued_at": instant(issued_at),
            "expires_at": instant(expires_at),
            "expires_at_epoch": int(expires_at.timestamp()),
            "next_rotation_at": instant(issued_at + timedelta(hours=23)),
            "client_id": self.binding.client_id,
            "scope": "openid,AdobeID,read_organizations",
            "token_url": self.binding.token_url,
        }

    def current(self, secret_id: str | None = None) -> tuple[str, str]:
        """The current version's id and its text."""
        answer = self.client.get_secret_value(
            SecretId=secret_id or self.binding.token_secret, VersionStage="AWSCURRENT"
        )
        return answer["VersionId"], answer["SecretString"]

    def fields(self, secret_id: str | None = None) -> dict[str, Any]:
        """The current value, decoded."""
        fields: dict[str, Any] = json.loads(self.current(secret_id)[1])
        return fields

    def versions(self, secret_id: str | None = None) -> dict[str, list[str]]:
        """Every version's id, with its labels."""
        answer = self.client.describe_secret(SecretId=secret_id or self.binding.token_secret)
        return dict(answer.get("VersionIdsToStages", {}))

    def tags(self, secret_id: str) -> dict[str, str]:
        """The tags of a secret."""
        answer = self.client.describe_secret(SecretId=secret_id)
        return {tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}

    def names(self) -> set[str]:
        """Which of the two exist."""
        wanted = {self.binding.credentials_secret, self.binding.token_secret}
        answer = self.client.list_secrets(
            Filters=[{"Key": "name", "Values": sorted(wanted)}], MaxResults=100
        )
        return wanted & {secret["Name"] for secret in answer["SecretList"]}


def instant(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
