"""Variables of the environment that stand for what only the secrets hold."""

from datetime import timedelta

import pytest

from rotator.config import load_secret_id, load_secret_rotation, load_settings
from rotator.errors import ConfigError

NAMED = {"--token-secret": "adobe/token", "--credentials-secret": "adobe/credentials"}


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(NAMED, environ=environ)
    assert "canary" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["CLIENT_SECRET", "CLIENT_SECRETS", "CLIENT_ID", "PRIVATE_KEY", "SCOPE", "TOKEN_URL"]
)
def test_variable_for_what_the_credentials_secret_holds_is_refused(name: str) -> None:
    said = refusal({f"ROTATOR_{name}": "canary"})

    assert said.startswith(f"ROTATOR_{name}: is never read: the ")
    assert "`rotator credentials set ID`" in said


@pytest.mark.parametrize("kind", ["token_secret", "credentials_secret"])
def test_misspelt_variable_is_refused_where_a_variable_names_the_secret(kind: str) -> None:
    environ = {"ROTATOR_TOKEN_SECERT": "adobe/other", f"ROTATOR_{kind.upper()}": "adobe/one"}

    with pytest.raises(ConfigError) as caught:
        load_secret_id(kind, {}, environ=environ)

    assert str(caught.value) == "ROTATOR_TOKEN_SECERT: unknown; did you mean ROTATOR_TOKEN_SECRET?"


@pytest.mark.parametrize("kind", ["token_secret", "credentials_secret"])
@pytest.mark.parametrize(
    "name", ["ROTATOR_ACCESS_TOKEN", "ROTATOR_CADENSE", "ROTATOR_CLIENT_SECRET"]
)
def test_secret_that_is_typed_is_read_whatever_the_variables_are(name: str, kind: str) -> None:
    """`rotator env ID --prefix ROTATOR` exports such variables, and is run again later.

    `rotator credentials set ID` is the way out that a refused ROTATOR_CLIENT_SECRET names.
    """
    environ = {name: "x", f"ROTATOR_{kind.upper()}": "adobe/other"}

    assert load_secret_id(kind, {"ID": "adobe/one"}, environ=environ) == "adobe/one"


def test_variable_for_the_token_is_refused() -> None:
    said = refusal({"ROTATOR_TOKEN": "canary"})

    assert said.startswith("ROTATOR_TOKEN: is never read: ")
    assert "ROTATOR_TOKEN_SECRET" in said


def test_variables_that_exec_has_set_with_our_own_prefix_are_refused_with_the_way_out() -> None:
    names = ("ACCESS_TOKEN", "CLIENT_ID", "EXPIRES_AT")  # docs/cli.md

    said = refusal({f"ROTATOR_{name}": "canary" for name in names})

    assert "`rotator exec`" in said
    assert "another --prefix than ROTATOR" in said


def test_overlap_and_age_of_a_client_secret_keep_their_own_names() -> None:
    environ = {"ROTATOR_CLIENT_SECRET_OVERLAP": "2d", "ROTATOR_CLIENT_SECRET_MAX_AGE": "90d"}

    days = (timedelta(days=2), timedelta(days=7))
    assert load_secret_rotation(max_age="7d", environ=environ) == days
    assert load_secret_rotation(overlap="7d", environ=environ)[0] == timedelta(days=7)
    for wrong in {"overlap": "soon"}, {"max_age": "soon"}:
        [name] = wrong
        with pytest.raises(ConfigError, match=f"^--{name.replace('_', '-')}: is not a duration"):
            load_secret_rotation(**wrong, environ=environ)
