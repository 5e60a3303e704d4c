"""The events of Secrets Manager's own rotation."""

import pytest

from rotator.errors import ConfigError
from rotator.model.rotation_step import parse_step

TOKEN = "0" * 32
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app/token-AbCdEf"
EVENT = {"Step": "createSecret", "SecretId": ARN, "ClientRequestToken": TOKEN}


@pytest.mark.parametrize("step", ["createSecret", "setSecret", "testSecret", "finishSecret"])
def test_both_spellings_of_the_user_guide_are_the_same_step(step: str) -> None:
    for spelling in (step, step.replace("Secret", "_secret")):
        parsed = parse_step(EVENT | {"Step": spelling})
        assert parsed is not None
        assert (parsed.name, parsed.secret_id, parsed.version_id) == (step, ARN, TOKEN)


def test_rotation_token_is_kept_secret() -> None:
    given = "canary-token-of-36-characters-0123456"  # API reference, PutSecretValue: 36 to 256
    parsed = parse_step(EVENT | {"RotationToken": given, "AddedLater": 1})
    assert parsed is not None
    assert parsed.rotation_token is not None
    assert parsed.rotation_token.reveal() == given
    assert "canary" not in repr(parsed)


@pytest.mark.parametrize("event", [None, [], {}, {"source": "aws.scheduler"}, {"Step": "x"}])
def test_event_of_another_kind_is_no_step(event: object) -> None:
    assert parse_step(event) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"Step": "rotateSecret"}, "Step must be one of createSecret, setSecret"),
        ({"Step": None}, "Step must be a non-empty string"),
        ({"SecretId": ""}, "SecretId must be a non-empty string"),
        ({"ClientRequestToken": 7}, "ClientRequestToken must be a non-empty string"),
        ({"ClientRequestToken": "canary"}, "ClientRequestToken must have 32 to 64 characters"),
        ({"RotationToken": ["canary"]}, "RotationToken must be a non-empty string"),
        ({"RotationToken": "canary" + 29 * "a"}, "RotationToken must have 36 to 256 letters"),
        ({"RotationToken": "canary" + 251 * "a"}, "RotationToken must have 36 to 256 letters"),
        ({"RotationToken": "canary " + 36 * "a"}, "RotationToken must have 36 to 256 letters"),
    ],
)
def test_field_that_cannot_be_is_named_without_its_value(
    change: dict[str, object], problem: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^event: {problem}") as caught:
        parse_step(EVENT | change)
    assert "canary" not in str(caught.value)
