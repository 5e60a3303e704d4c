"""What `make deploy` and `make destroy` say and ask, without an AWS."""

from __future__ import annotations

import pytest

from infra.deploy import deploy_again_with

CREDENTIALS = {"CredentialsSecret": "rotator/credentials"}
KEY = {"Key": "1f0e9c1a-52aa-4c0b-8a3e-5d1f0c9b8a77"}


@pytest.mark.parametrize(
    ("kept", "settings"),
    [
        (CREDENTIALS, ["CredentialsSecretArn"]),
        (CREDENTIALS | KEY, ["CredentialsSecretArn", "CredentialsKmsKeyArn"]),
        # Credentials that the stack did not make are not encrypted with its key.
        (KEY, []),
    ],
)
def test_what_stayed_is_named_for_the_next_deployment(
    kept: dict[str, str], settings: list[str]
) -> None:
    told = list(deploy_again_with(kept))

    assert [line.split("=")[0] for line in told if "--set" in line] == [
        f"  --set {name}" for name in settings
    ]
