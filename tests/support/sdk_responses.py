"""Parts of responses of Secrets Manager, as the SDK returns them."""

from typing import Any


def arn_of(name: str, region: str = "eu-west-1") -> str:
    return f"arn:aws:secretsmanager:{region}:123456789012:secret:{name}-AbC123"


def version_of(name: str) -> dict[str, Any]:
    """A current version, in a response of GetSecretValue or BatchGetSecretValue."""
    return {
        "ARN": arn_of(name),
        "Name": name,
        "VersionId": f"version-of-{name}",
        "SecretString": "{}",
        "VersionStages": ["AWSCURRENT"],
    }
