"""A fleet in the local Secrets Manager, for the tests of the function."""

from dataclasses import dataclass

from rotator.local.binding import LocalBinding
from rotator.local.ims import LocalIms
from tests.support.sdk_service import SdkClient

TAG = "rotator:credentials-secret"


@dataclass(frozen=True, slots=True)
class FleetOf:
    """One client at the provider, and as many token secrets as a test wants."""

    client: SdkClient
    binding: LocalBinding
    ims: LocalIms
    team: str

    def add(self, name: str, **tags: str) -> str:
        full = f"{self.team}/{name}"
        pairs = {TAG: self.binding.credentials_secret, "team": self.team, **tags}
        listed = [{"Key": key, "Value": text} for key, text in pairs.items()]
        self.client.create_secret(Name=full, Tags=listed)
        return full

    def has_token(self, name: str) -> bool:
        versions = self.client.describe_secret(SecretId=name).get("VersionIdsToStages", {})
        return bool(versions)
