"""Values as requests bring them and responses carry them."""

import uuid
from typing import Any

from tests.strict_aws.versions import Refused, Version

Record = Any  # moto's own, which says too little of itself


def moto_name(name: str) -> str:
    return {"SecretString": "secret_string", "SecretBinary": "secret_binary"}[name]


def content_of(params: dict[str, Any]) -> tuple[str, str]:
    # API_PutSecretValue.html: "SecretBinary or SecretString, but not both".
    given = [name for name in ("SecretString", "SecretBinary") if name in params]
    if len(given) != 1:
        raise Refused("InvalidParameterException", "give SecretString or SecretBinary")
    return given[0], params[given[0]]


def token_of(params: dict[str, Any]) -> str:
    # API_PutSecretValue.html: the SDKs make one up when the caller does not.
    return str(params.get("ClientRequestToken") or uuid.uuid4())


def entry_of(record: Record, version: Version) -> dict[str, Any]:
    if version.content is None:
        raise Refused("InternalServiceError", "a version without a value", status=500)
    name, text = version.content
    return {
        "ARN": record.arn,
        "Name": record.name,
        "VersionId": version.version_id,
        "VersionStages": sorted(version.stages),
        "CreatedDate": version.created_at,
        name: text,
    }
