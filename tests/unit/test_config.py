"""Settings from flags, environment and events: the right ones, or an error that names the wrong."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.config import (
    load_fleet,
    load_fleet_options,
    load_log_settings,
    load_secret_id,
    load_settings,
)
from rotator.errors import ConfigError
from rotator.model.instants import format_duration, parse_duration

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:adobe/token-AbCdEf"
NAMED = {"--credentials-secret": "adobe/credentials", "--token-secret": "adobe/token"}


def refusal(flags: dict[str, str | None], environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(flags, environ=environ or {})
    return str(caught.value)


def test_settings_come_from_the_environment() -> None:
    settings = load_settings(
        {},
        environ={
            "ROTATOR_CREDENTIALS_SECRET": "adobe/credentials",
            "ROTATOR_TOKEN_SECRET": "adobe/token",
            "ROTATOR_CADENCE": "22h30m",
            "ROTATOR_TICK": "1h",
            "ROTATOR_PROBE_URL": "https://api.example/hello",
            "AWS_REGION": "eu-west-1",
        },
    )

    assert settings.needed_credentials_secret() == "adobe/credentials"
    assert settings.token_secret == "adobe/token"
    assert settings.job.cadence == timedelta(hours=22, minutes=30)
    assert settings.job.interval == timedelta(hours=1)
    assert settings.job.probe_url == "https://api.example/hello"
    assert settings.region == "eu-west-1"


def test_flag_wins_over_the_environment() -> None:
    environ = {"ROTATOR_TOKEN_SECRET": "other", "ROTATOR_CADENCE": "nonsense"}

    settings = load_settings({**NAMED, "--cadence": "23h"}, environ=environ)

    assert (settings.token_secret, settings.job.cadence) == ("adobe/token", timedelta(hours=23))


def test_fields_of_an_event_are_settings() -> None:
    event = {"credentials_secret": "adobe/credentials", "token_secret": "adobe/token"}

    assert load_settings(event, environ={}).token_secret == "adobe/token"


def test_empty_variable_is_not_given() -> None:
    environ = {"ROTATOR_CADENCE": "", "ROTATOR_PROBE_URL": ""}

    assert load_settings(NAMED, environ=environ).job.cadence is None


def test_missing_token_secret_names_flag_and_variable() -> None:
    assert refusal({}) == (
        "token secret: missing; pass --token-secret ID or set ROTATOR_TOKEN_SECRET"
    )


def test_credentials_secret_is_missed_only_where_it_is_needed() -> None:
    settings = load_settings({"--token-secret": "adobe/token"}, environ={})

    with pytest.raises(ConfigError, match="ROTATOR_CREDENTIALS_SECRET"):
        settings.needed_credentials_secret()


@pytest.mark.parametrize("name", ["--token-secret", "--credentials-secret"])
def test_empty_secret_name_is_refused(name: str) -> None:
    assert refusal({**NAMED, name: " "}).startswith(f"{name}: is empty")


def test_unknown_key_of_an_event_is_refused_with_the_nearest_name() -> None:
    assert refusal({**NAMED, "tokensecret": "x"}) == (
        "tokensecret: unknown; did you mean token_secret?"
    )


def test_misspelled_variable_is_refused() -> None:
    assert refusal(dict(NAMED), {"ROTATOR_CREDENTIAL_SECRET": "canary"}) == (
        "ROTATOR_CREDENTIAL_SECRET: unknown; did you mean ROTATOR_CREDENTIALS_SECRET?"
    )


def test_variables_that_kubernetes_sets_for_a_service_are_no_mistake() -> None:
    environ = {
        "ROTATOR_SERVICE_HOST": "10.0.0.1",
        "ROTATOR_SERVICE_PORT": "8080",
        "ROTATOR_PORT": "tcp://10.0.0.1:8080",
        "ROTATOR_PORT_8080_TCP_ADDR": "10.0.0.1",
    }

    assert load_settings(NAMED, environ=environ).token_secret == "adobe/token"


@pytest.mark.parametrize("text", ["23", "-1h", "0h", "1h30", "h", "23 h", "1m1h", "9999d", "٣h"])
@pytest.mark.parametrize("name", ["cadence", "tick"])
def test_bad_duration_is_refused_and_not_repeated(name: str, text: str) -> None:
    assert text not in refusal({**NAMED, f"--{name}": text}).removeprefix(f"--{name}: ")[:12]
    assert refusal(dict(NAMED), {f"ROTATOR_{name.upper()}": text}).startswith(
        f"ROTATOR_{name.upper()}: is "
    )


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=366)))
def test_every_duration_can_be_written_and_read(duration: timedelta) -> None:
    seconds = int(duration.total_seconds())

    assert parse_duration(f"{seconds}s") == timedelta(seconds=seconds)
    # Rounded down to its two largest units, as people read it.
    assert duration >= parse_duration(format_duration(duration)) > duration * 0.95


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert timedelta(0) < duration <= timedelta(days=366)


@pytest.mark.parametrize(
    "url", ["http://api.example/x", "api.example", "https://user:canary@api.example/"]
)
def test_probe_url_that_must_not_get_a_token_is_refused(url: str) -> None:
    text = refusal({**NAMED, "--probe-url": url})

    assert text.startswith("--probe-url: ")
    assert "canary" not in text


def test_region_of_an_arn_wins() -> None:
    named = {"--credentials-secret": "adobe/credentials", "--token-secret": ARN}

    assert load_settings(named, environ={"AWS_REGION": "us-east-1"}).region == "eu-west-1"


def test_arns_of_two_regions_are_refused() -> None:
    other = ARN.replace("eu-west-1", "us-east-1")

    assert "different regions" in refusal({"--credentials-secret": other, "--token-secret": ARN})


def test_log_settings_are_read() -> None:
    settings = load_log_settings({"ROTATOR_LOG_LEVEL": "DEBUG", "ROTATOR_LOG_FORMAT": "console"})

    assert (settings.level, settings.form) == ("debug", "console")
    assert load_log_settings({}).form is None


@pytest.mark.parametrize("name", ["ROTATOR_LOG_LEVEL", "ROTATOR_LOG_FORMAT"])
def test_wrong_log_setting_names_the_choices(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: must be one of "):
        load_log_settings({name: "canary"})


def service_links(service: str) -> dict[str, str]:
    """As the page on Services lists them."""
    start = service.upper().replace("-", "_")
    tcp = f"{start}_PORT_8080_TCP"
    return {
        f"{start}_SERVICE_HOST": "10.0.0.1",
        f"{start}_SERVICE_PORT": "8080",
        f"{start}_SERVICE_PORT_HTTP": "8080",
        f"{start}_PORT": "tcp://10.0.0.1:8080",
        tcp: "tcp://10.0.0.1:8080",
        f"{tcp}_PROTO": "tcp",
        f"{tcp}_PORT": "8080",
        f"{tcp}_ADDR": "10.0.0.1",
    }


@pytest.mark.parametrize(
    "service",
    ["rotator", "rotator-log", "rotator-token-secret", "rotator-cadence", "rotator-probe-url"],
)
def test_service_of_any_name_in_the_namespace_is_no_setting(service: str) -> None:
    environ = service_links(service)

    assert load_settings(NAMED, environ=environ).token_secret == "adobe/token"
    assert load_log_settings(environ).level == "info"


@pytest.mark.parametrize(
    ("given", "environ", "minutes"),
    [
        ({"--interval": "5m"}, {}, 5),
        ({"--tick": "5m"}, {}, 5),
        ({}, {"ROTATOR_INTERVAL": "5m"}, 5),
        ({}, {"ROTATOR_TICK": "5m"}, 5),
        ({}, {"ROTATOR_TICK": "5m", "ROTATOR_INTERVAL": "300s"}, 5),
        ({}, {}, 15),
    ],
)
def test_tick_is_the_old_name_of_the_interval(
    given: dict[str, str], environ: dict[str, str], minutes: int
) -> None:
    assert load_settings({**NAMED, **given}, environ=environ).job.interval == timedelta(
        minutes=minutes
    )


def test_interval_and_tick_that_differ_are_refused() -> None:
    text = refusal({**NAMED, "--interval": "5m", "--tick": "10m"})

    assert text == "--interval and --tick: differ; set --interval alone"


@pytest.mark.parametrize(
    ("given", "environ", "found"),
    [
        ({"ID": "a", "--token-secret": None}, {"ROTATOR_TOKEN_SECRET": "b"}, "a"),
        ({"ID": None, "--token-secret": "a"}, {"ROTATOR_TOKEN_SECRET": "b"}, "a"),
        ({"ID": "a", "--token-secret": "a"}, {}, "a"),
        ({"ID": None}, {"ROTATOR_TOKEN_SECRET": "b", "ROTATOR_CADENCE": "nonsense"}, "b"),
    ],
)
def test_one_secret_is_named_by_argument_option_or_variable(
    given: dict[str, str | None], environ: dict[str, str], found: str
) -> None:
    assert load_secret_id("token_secret", given, environ=environ) == found


@pytest.mark.parametrize(
    ("given", "environ", "says"),
    [
        ({}, {}, "token secret: missing; pass --token-secret ID or set ROTATOR_TOKEN_SECRET"),
        (
            {"ID": "a", "--token-secret": "b"},
            {},
            "ID and --token-secret: name different secrets; pass one of them",
        ),
        ({"ID": ""}, {}, "ID: is empty; give a secret's name or ARN"),
        (
            {"--token-secret": "ID"},  # as help and messages have it
            {},
            "--token-secret: ID stands for a secret's name; give that, or its ARN",
        ),
        (
            {},
            {"ROTATOR_TOKEN_SECRET": "a b"},
            "ROTATOR_TOKEN_SECRET: is not a valid secret name or ARN",
        ),
    ],
)
def test_secret_that_is_not_named_or_named_twice_is_refused(
    given: dict[str, str | None], environ: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_secret_id("token_secret", given, environ=environ)

    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("text", "is_on"), [("true", True), ("1", True), ("no", False), ("", False)]
)
def test_probe_of_the_stored_token_is_a_switch(text: str, *, is_on: bool) -> None:
    environ = {"ROTATOR_PROBE_STORED": text, "ROTATOR_PROBE_URL": "https://api.example/hello"}
    assert load_settings(NAMED, environ=environ).job.probe_stored is is_on


def test_probe_of_the_stored_token_needs_an_api() -> None:
    with pytest.raises(ConfigError, match="--probe-stored: needs an API to call; pass --probe-url"):
        load_settings({**NAMED, "--probe-stored": "true"}, environ={})


def test_switch_that_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(ConfigError, match="ROTATOR_PROBE_STORED: must be true or false"):
        load_settings(NAMED, environ={"ROTATOR_PROBE_STORED": "canary"})


@pytest.mark.parametrize("name", ["puts_per_s", "reads_per_s"])
def test_pace_of_a_fleet_is_a_setting_of_every_way_to_run_one(name: str) -> None:
    environ = {f"ROTATOR_{name.upper()}": "0.5"}
    fleet = load_fleet({"--discover": "true"}, environ=environ)

    assert fleet is not None
    assert getattr(fleet, name) == getattr(load_fleet_options(environ), name) == 0.5
    assert getattr(load_fleet_options({}), name) is None


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "10001", "forty", "4_0 0"])
def test_pace_at_which_no_run_can_go_is_refused_by_the_name_of_its_variable(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_fleet({"--discover": "true"}, environ={"ROTATOR_PUTS_PER_S": text})

    assert str(caught.value) == "ROTATOR_PUTS_PER_S: must be a number, 0.1 to 10000"
    assert caught.value.__context__ is None


ONLY_BY_TAG = "--where: works only with --discover; set both, or neither"
NO_QUEUE = "ROTATOR_QUEUE_URL: is not the URL of an SQS queue; take it from the queue"


def fleet_refusal(flags: dict[str, str | None], **variables: str) -> str:
    environ = {f"ROTATOR_{name}": text for name, text in variables.items()}
    with pytest.raises(ConfigError) as caught:
        load_fleet(flags, environ=environ)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("env", "pair 1 is not KEY=VALUE"),
        ("env=prod,", "pair 2 is not KEY=VALUE"),
        ("=prod", "pair 1 has no key"),
        ("env=prod;team=web", "pair 1 has a character that no tag has"),
        ("env=prod,env=test", "pair 2 names a tag again, with another value"),
        ("k" * 129 + "=v", "pair 1 is too long"),
        ("k=" + "v" * 257, "pair 1 is too long"),
    ],
)
def test_tag_that_no_secret_can_have_is_told_by_its_place(text: str, problem: str) -> None:
    """API reference of Secrets Manager, Tag: 128 and 256 characters, and which ones."""
    by_variable = fleet_refusal({}, DISCOVER="true", WHERE=text)
    by_flag = fleet_refusal({"--discover": "true", "--where": text})

    assert by_variable.startswith(f"ROTATOR_WHERE: {problem}")
    assert by_flag == by_variable.replace("ROTATOR_WHERE", "--where")
    assert "write KEY=VALUE" in by_flag


def test_tags_are_taken_as_they_are_written() -> None:
    selector = load_fleet({"--discover": "true", "--where": "a = b c,d=,e=f=g,a=b c"}, environ={})

    assert selector is not None
    assert selector.where == (("a", "b c"), ("d", ""), ("e", "f=g"))


@pytest.mark.parametrize(
    ("flags", "variables", "problem"),
    [
        ({"--config": "f", "--where": "a=b"}, {}, ONLY_BY_TAG),
        ({"--token-secret": "t", "--where": "a=b"}, {}, ONLY_BY_TAG),
        ({}, {"WHERE": "a=b"}, "ROTATOR_WHERE: works only with ROTATOR_DISCOVER; set both,"),
        ({"--config": " "}, {}, "--config: is empty; give the path of a manifest"),
        ({}, {"DISCOVER": "true", "FLEET": " "}, "ROTATOR_FLEET: must be printable ASCII"),
        ({}, {"DISCOVER": "true", "FLEET": "büro"}, "ROTATOR_FLEET: must be printable ASCII"),
        ({}, {"DISCOVER": "true", "QUEUE_URL": "due"}, NO_QUEUE),
        ({}, {"DISCOVER": "true", "QUEUE_URL": "https://sqs.example:port/1/due"}, NO_QUEUE),
        ({}, {"DISCOVER": "true", "QUEUE_URL": "https://[sqs.example/1/due"}, NO_QUEUE),
        (
            {},
            {"DISCOVER": "true", "QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/due.fifo"},
            "ROTATOR_QUEUE_URL: names a FIFO queue; use a standard one",
        ),
    ],
)
def test_setting_of_a_fleet_that_cannot_be_meant_is_named(
    flags: dict[str, str | None], variables: dict[str, str], problem: str
) -> None:
    assert fleet_refusal(flags, **variables).startswith(problem)


@pytest.mark.parametrize(
    ("flags", "variables"),
    [
        ({"--config": "f"}, {"WHERE": "odd"}),
        ({}, {"CONFIG": "f", "WHERE": "odd"}),
        ({}, {"TOKEN_SECRET": "t", "WHERE": "odd"}),
        ({"--token-secret": "t"}, {"WHERE": "odd", "DISCOVER": "true"}),
    ],
)
def test_tags_of_the_environment_stop_no_run_that_is_not_by_tag(
    flags: dict[str, str | None], variables: dict[str, str]
) -> None:
    environ = {f"ROTATOR_{name}": text for name, text in variables.items()}

    selector = load_fleet(flags, environ=environ)

    assert selector is None or selector.config == "f"
