"""The environment of the demo's processes, without the user's AWS settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "REGION",
    "aws_variables",
    "is_checkout",
    "isolated_environment",
    "secrets_manager_client",
]

REGION = "us-east-1"

_ROOT = Path(__file__).parents[2]

_FOREIGN_PREFIXES = ("AWS_", "BOTO_", "ROTATOR_")
_FOREIGN_SUFFIX = "_PROXY"


def is_checkout() -> bool:
    """Whether this is a checkout, where make runs the command instead of the PATH."""
    return (_ROOT / "Makefile").is_file() and (_ROOT / "pyproject.toml").is_file()


def aws_variables(endpoint_url: str) -> dict[str, str]:
    """The variables that point an AWS SDK at the local Secrets Manager.

    The keys are placeholders: the SDK needs some to sign with, and the server doesn't check them.
    """
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }


def isolated_environment(
    inherited: Mapping[str, str], *, endpoint_url: str | None = None
) -> dict[str, str]:
    """`inherited`, with the local AWS instead of all AWS, rotator and proxy settings.

    Without `endpoint_url` there are no AWS settings: no keys, no profile, no instance metadata.
    """
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.startswith(_FOREIGN_PREFIXES) and not name.upper().endswith(_FOREIGN_SUFFIX)
    }
    # A profile could set an endpoint too, so the user's AWS files are not read.
    nowhere = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return kept | nowhere | (aws_variables(endpoint_url) if endpoint_url else {})


def secrets_manager_client(endpoint_url: str) -> Any:  # noqa: ANN401 - its methods are made at run time
    """A botocore client of the local Secrets Manager; ignores the environment."""
    import botocore.session
    from botocore.config import Config

    variables = aws_variables(endpoint_url)
    session = botocore.session.Session(
        {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return session.create_client(
        "secretsmanager",
        endpoint_url=endpoint_url,
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}),
    )
