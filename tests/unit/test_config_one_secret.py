"""One secret for credentials and token: asked for by its name in one place, never slipped into."""

import pytest

from rotator.config import load_settings
from rotator.errors import ConfigError

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:adobe/token-AbCdEf"


@pytest.mark.parametrize(
    ("flags", "variables"),
    [
        ({"--token-secret": "a/both"}, {"ROTATOR_CREDENTIALS_SECRET": "a/both"}),
        ({"--credentials-secret": "a/both"}, {"ROTATOR_TOKEN_SECRET": "a/both"}),
        ({"--token-secret": ARN}, {"ROTATOR_CREDENTIALS_SECRET": "adobe/token"}),
        ({"--credentials-secret": "adobe/token"}, {"ROTATOR_TOKEN_SECRET": ARN}),
    ],
)
def test_one_secret_for_both_is_not_slipped_into(
    flags: dict[str, str | None], variables: dict[str, str]
) -> None:
    """An ID that happens to be that of the variable: a token would be stored beside its secret."""
    [label], [variable] = flags, variables

    with pytest.raises(ConfigError, match="name the same secret; ") as caught:
        load_settings(flags, environ=variables)

    assert {label, variable} <= set(str(caught.value).replace(":", "").split())


@pytest.mark.parametrize(
    ("flags", "variables"),
    [
        ({"--credentials-secret": "a/both", "--token-secret": "a/both"}, {}),
        ({}, {"ROTATOR_CREDENTIALS_SECRET": "a/both", "ROTATOR_TOKEN_SECRET": "a/both"}),
        (
            {"--token-secret": "a/both"},
            {"ROTATOR_CREDENTIALS_SECRET": "a/both", "ROTATOR_TOKEN_SECRET": "a/both"},
        ),
        ({"credentials_secret": "a/both", "token_secret": "a/both"}, {}),
    ],
)
def test_one_secret_for_both_can_be_asked_for(
    flags: dict[str, str | None], variables: dict[str, str]
) -> None:
    settings = load_settings(flags, environ=variables)

    assert settings.credentials_secret == settings.token_secret == "a/both"
