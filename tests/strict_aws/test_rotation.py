"""Native rotation in the strict service, by the pages of the API reference and the user guide."""

from typing import Any

import pytest

from tests.strict_aws.bare import BareSecretsManager
from tests.strict_aws.rotation import STEPS, Rotation
from tests.strict_aws.service import StrictSecretsManager
from tests.strict_aws.versions import Refused

NAME = "app/token"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:rotator"
FIRST, SECOND, THIRD = (f"{number:032d}" for number in (1, 2, 3))


@pytest.fixture
def service() -> StrictSecretsManager:
    service = StrictSecretsManager()
    service.ask("CreateSecret", Name=NAME, SecretString="old", ClientRequestToken=FIRST)
    return service


def rotate(service: StrictSecretsManager, token: str = SECOND, **params: Any) -> Rotation:
    service.ask(
        "RotateSecret",
        SecretId=NAME,
        ClientRequestToken=token,
        RotationLambdaARN=FUNCTION,
        **params,
    )
    return service.rotations.begun[-1]


def labels(service: StrictSecretsManager) -> dict[str, list[str]]:
    stages: dict[str, list[str]] = service.ask("DescribeSecret", SecretId=NAME)[
        "VersionIdsToStages"
    ]
    return stages


class Textbook:
    """A function that does what the user guide asks of each step, and remembers its events."""

    def __init__(self, service: BareSecretsManager | StrictSecretsManager) -> None:
        self.service = service
        self.events: list[dict[str, str]] = []

    def __call__(self, event: dict[str, str]) -> None:
        self.events.append(event)
        secret, token = event["SecretId"], event["ClientRequestToken"]
        if event["Step"] == "createSecret":
            self.service.ask(
                "PutSecretValue",
                SecretId=secret,
                ClientRequestToken=token,
                SecretString="new",
                VersionStages=["AWSPENDING"],
                RotationToken=event["RotationToken"],
            )
        if event["Step"] == "finishSecret":
            self.service.ask(
                "UpdateSecretVersionStage",
                SecretId=secret,
                VersionStage="AWSCURRENT",
                MoveToVersionId=token,
                RemoveFromVersionId=FIRST,
            )


def test_pending_version_is_there_before_the_first_step_and_has_no_value(
    service: StrictSecretsManager,
) -> None:
    """rotate-secrets_lambda-functions.html, createSecret."""
    rotation = rotate(service)
    assert rotation.version_id == SECOND
    assert labels(service) == {FIRST: ["AWSCURRENT"], SECOND: ["AWSPENDING"]}
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        service.ask("GetSecretValue", SecretId=NAME, VersionId=SECOND, VersionStage="AWSPENDING")


def test_four_steps_are_called_in_order_and_the_current_label_moves(
    service: StrictSecretsManager,
) -> None:
    """rotate-secrets_lambda-functions.html, "Four steps in a rotation function"."""
    function = Textbook(service)
    rotation = rotate(service)
    service.run_rotation(rotation, function)
    assert [event["Step"] for event in function.events] == list(STEPS)
    assert {event["ClientRequestToken"] for event in function.events} == {SECOND}
    assert all(event["SecretId"].endswith(rotation.arn) for event in function.events)
    assert labels(service) == {FIRST: ["AWSPREVIOUS"], SECOND: ["AWSCURRENT", "AWSPENDING"]}
    assert service.ask("GetSecretValue", SecretId=NAME)["SecretString"] == "new"


def test_next_rotation_is_refused_while_pending_is_not_on_current(
    service: StrictSecretsManager,
) -> None:
    """API_RotateSecret.html: a previous rotation is assumed to be in progress."""
    rotation = rotate(service)
    with pytest.raises(Refused, match="InvalidRequestException"):
        rotate(service, THIRD)
    assert rotate(service).version_id == SECOND  # the same request again is no second one
    service.run_rotation(rotation, Textbook(service))
    rotate(service, THIRD)
    assert labels(service)[THIRD] == ["AWSPENDING"]


def test_failed_step_ends_the_rotation_which_can_be_repeated(service: StrictSecretsManager) -> None:
    """rotate-secrets_lambda-functions.html: Secrets Manager retries the entire rotation."""
    function = Textbook(service)
    rotation = rotate(service)

    def fail(event: dict[str, str]) -> None:
        function(event)
        if event["Step"] == "setSecret":
            raise RuntimeError

    with pytest.raises(RuntimeError):
        service.run_rotation(rotation, fail)
    assert labels(service)[SECOND] == ["AWSPENDING"]
    service.run_rotation(rotation, function)
    assert "AWSCURRENT" in labels(service)[SECOND]


def test_rotation_not_at_once_runs_the_test_only_and_leaves_no_version(
    service: StrictSecretsManager,
) -> None:
    """API_RotateSecret.html, RotateImmediately."""
    function = Textbook(service)
    service.run_rotation(rotate(service, RotateImmediately=False), function)
    assert [event["Step"] for event in function.events] == ["testSecret"]
    assert labels(service) == {FIRST: ["AWSCURRENT"]}


def test_label_is_removed_only_from_the_version_that_has_it(service: StrictSecretsManager) -> None:
    """API_UpdateSecretVersionStage.html, RemoveFromVersionId: it has to match, else it fails."""
    rotate(service)
    with pytest.raises(Refused, match="InvalidParameterException"):
        service.ask(
            "UpdateSecretVersionStage",
            SecretId=NAME,
            VersionStage="AWSPENDING",
            RemoveFromVersionId=FIRST,
        )
    service.ask(
        "UpdateSecretVersionStage",
        SecretId=NAME,
        VersionStage="AWSPENDING",
        RemoveFromVersionId=SECOND,
    )
    assert labels(service) == {FIRST: ["AWSCURRENT"]}


def test_cancelled_rotation_leaves_the_labels_as_they_are(service: StrictSecretsManager) -> None:
    """API_CancelRotateSecret.html: labels may be left in an unexpected state."""
    rotate(service)
    service.ask("CancelRotateSecret", SecretId=NAME)
    described = service.ask("DescribeSecret", SecretId=NAME)
    assert described["RotationEnabled"] is False
    assert labels(service)[SECOND] == ["AWSPENDING"]
    assert service.rotations.begun == []


def test_first_value_becomes_current_even_when_put_as_pending() -> None:
    """API_PutSecretValue.html: the first version of a secret always gets AWSCURRENT."""
    service = StrictSecretsManager()
    service.ask("CreateSecret", Name=NAME)
    service.ask(
        "PutSecretValue",
        SecretId=NAME,
        ClientRequestToken=FIRST,
        SecretString="v",
        VersionStages=["AWSPENDING"],
    )
    assert labels(service) == {FIRST: ["AWSCURRENT", "AWSPENDING"]}


def test_rotation_needs_a_function(service: StrictSecretsManager) -> None:
    """API_RotateSecret.html, "Errors": InvalidRequestException."""
    with pytest.raises(Refused, match="InvalidRequestException"):
        service.ask("RotateSecret", SecretId=NAME)


def test_rotation_of_a_secret_without_a_value_announces_the_only_version() -> None:
    """As DescribeSecret showed it in issue 16 of aws-secrets-manager-rotation-lambdas."""
    service = StrictSecretsManager()
    service.ask("CreateSecret", Name=NAME)
    rotate(service)
    assert labels(service) == {SECOND: ["AWSPENDING"]}
    Textbook(service)(service.rotations.begun[0].event("createSecret"))
    assert labels(service) == {SECOND: ["AWSCURRENT", "AWSPENDING"]}


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ({"ScheduleExpression": "rate(4 hours)"}, True),
        ({"ScheduleExpression": "rate(3 hours)"}, False),
        ({"ScheduleExpression": "rate(1 day)"}, True),
        ({"ScheduleExpression": "rate(1000 days)"}, False),
        ({"ScheduleExpression": "rate(15 minutes)"}, False),
        ({"ScheduleExpression": "cron(0 8 1 * ? *)"}, True),
        ({"AutomaticallyAfterDays": 1}, True),
        ({"AutomaticallyAfterDays": 1, "ScheduleExpression": "rate(1 day)"}, False),
    ],
)
def test_secret_rotates_every_four_hours_at_most(
    service: StrictSecretsManager, rules: dict[str, Any], *, allowed: bool
) -> None:
    """rotate-secrets_schedule.html, "Rate expressions"; API_RotationRulesType.html."""
    if not allowed:
        with pytest.raises(Refused, match="InvalidParameterException"):
            rotate(service, RotationRules=rules)
        return
    rotate(service, RotationRules=rules)
    assert service.ask("DescribeSecret", SecretId=NAME)["RotationRules"] == rules


def test_cancelled_rotation_calls_the_function_no_more(service: StrictSecretsManager) -> None:
    """API_CancelRotateSecret.html: a rotation in progress is cancelled."""
    function, rotation = Textbook(service), rotate(service)

    def cancel_after_the_first(event: dict[str, str]) -> None:
        function(event)
        service.ask("CancelRotateSecret", SecretId=NAME)

    service.run_rotation(rotation, cancel_after_the_first)
    assert [event["Step"] for event in function.events] == ["createSecret"]
    with pytest.raises(Refused, match="previous rotation"):
        rotate(service, THIRD)


def test_service_may_tidy_up_after_a_rotation(service: StrictSecretsManager) -> None:
    """Pull request 145 of aws-secrets-manager-rotation-lambdas; issue 168 says that it does not."""
    service.rotations.tidies = True
    service.run_rotation(rotate(service), Textbook(service))
    assert labels(service) == {FIRST: ["AWSPREVIOUS"], SECOND: ["AWSCURRENT"]}


def test_rotation_token_of_another_rotation_fills_no_version(service: StrictSecretsManager) -> None:
    """API_PutSecretValue.html, RotationToken: the service validates the caller by it."""
    service.rotations.checks_token = True
    event = rotate(service).event("createSecret")
    with pytest.raises(Refused, match="RotationToken"):
        Textbook(service)(event | {"RotationToken": "0" * 36})
    Textbook(service)(event)


def test_service_without_moto_keeps_the_same_rules(service: StrictSecretsManager) -> None:
    """What is measured on the fast one holds for the whole one."""
    bare = BareSecretsManager(now=lambda: 0.0)
    bare.ask("CreateSecret", Name=NAME, SecretString="old", ClientRequestToken=FIRST)
    seen: list[list[object]] = []
    for each in (service, bare):
        params: dict[str, Any] = {"SecretId": NAME, "RotationLambdaARN": FUNCTION}
        each.ask("RotateSecret", ClientRequestToken=SECOND, **params)
        states: list[object] = []

        def state(each: BareSecretsManager | StrictSecretsManager = each) -> list[object]:
            return [(v.version_id, v.content, v.stages) for v in each.versions(NAME).all]

        states.append(state())
        for operation, arguments in (
            ("RotateSecret", {**params, "ClientRequestToken": THIRD}),
            ("GetSecretValue", {"SecretId": NAME, "VersionId": SECOND}),
            ("UpdateSecretVersionStage", moved(SECOND, THIRD)),
            ("UpdateSecretVersionStage", moved(SECOND, None)),
        ):
            with pytest.raises(Refused) as caught:
                each.ask(operation, **arguments)
            states.append(caught.value.code)
        each.run_rotation(each.rotations.begun[0], Textbook(each))
        states.append(state())
        described = each.ask("DescribeSecret", SecretId=NAME)
        states.append([described[name] for name in ("VersionIdsToStages", "RotationEnabled")])
        seen.append(states)

    assert seen[0] == seen[1]


def moved(move_to: str, remove_from: str | None) -> dict[str, str]:
    """AWSCURRENT is asked to move, from where it is not."""
    params = {"SecretId": NAME, "VersionStage": "AWSCURRENT", "MoveToVersionId": move_to}
    return params if remove_from is None else params | {"RemoveFromVersionId": remove_from}


def test_replica_is_not_rotated(service: StrictSecretsManager) -> None:
    """standalone-secret.html: a replica is changed through its primary secret alone."""
    arn = service.ask("DescribeSecret", SecretId=NAME)["ARN"].replace("us-east-1", "eu-west-1")
    service.ask(
        "ReplicateSecretToRegions", SecretId=NAME, AddReplicaRegions=[{"Region": "eu-west-1"}]
    )
    params = {"SecretId": arn, "RotationLambdaARN": FUNCTION}
    with pytest.raises(Refused, match="replica"):
        service.ask("RotateSecret", region="eu-west-1", **params)
