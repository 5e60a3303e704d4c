import pytest

from rotator.model.client_credentials import ClientCredentials
from rotator.model.consent import has_consent, secret_name

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:adobe/eu/token-AbC123"


@pytest.mark.parametrize("entry", ["adobe/eu/token", ARN, "adobe/eu/*", "adobe/*"])
def test_credentials_agree_to_the_token_secrets_that_they_name(entry: str) -> None:
    assert has_consent(["other", entry], ARN)


@pytest.mark.parametrize(
    "entry",
    [
        "adobe/eu/toke",
        "adobe/eu/token2",
        "Adobe/eu/token",
        "adobe/eu/Token",
        "adobe/eu/token/*",
        "adobe/e/*",
        "adobe/eu/token-AbC123",
        ARN.replace("eu-west-1", "eu-west-2"),
        ARN.replace("AbC123", "AbC124"),
        "",
    ],
)
def test_nothing_but_the_exact_name_the_arn_or_its_folder_agrees(entry: str) -> None:
    assert not has_consent([entry], ARN)


def test_name_with_what_looks_like_the_suffix_keeps_it() -> None:
    assert secret_name(ARN.replace("token-", "token-abcdef-")) == "adobe/eu/token-abcdef"


@pytest.mark.parametrize("entry", ["*", "a*", "*/token", "a/*/b", "", " ", "a b", "arn:aws:*/*"])
def test_pattern_that_could_name_anything_is_refused_when_the_credentials_are_read(
    entry: str,
) -> None:
    with pytest.raises(ValueError, match="token_secrets must"):
        ClientCredentials.from_fields(
            {"client_id": "id", "client_secret": "s", "token_secrets": [entry]}
        )


def test_one_token_secret_needs_no_list() -> None:
    fields = {"client_id": "id", "client_secret": "s", "token_secrets": "adobe/token"}

    assert ClientCredentials.from_fields(fields).token_secrets == ("adobe/token",)
