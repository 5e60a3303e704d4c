"""A secret that is named as credentials and as token secret: what it holds decides who is wrong."""

import json
from datetime import timedelta
from typing import Any

import pytest

from rotator.errors import RotatorError, StoreError
from rotator.fleet.manifest import parse_manifest
from rotator.fleet.report import BindingReport
from rotator.fleet.settings import FleetBinding, RefusedBinding, Selection
from rotator.fleet.status import fleet_status
from rotator.model.binding import Binding
from rotator.model.policy import RenewalPolicy
from rotator.oauth.endpoint import TokenEndpoint
from tests.support.clock import NOW
from tests.support.documents import HOUR, token_document
from tests.support.fleet_rig import FleetRig, outcomes
from tests.support.memory_endpoint import MemoryEndpoint

EDITED = {"schema": "1", "access_token": 7, "issued_at": "today", "expires_at": None}
"""A token document that somebody has changed by hand."""

CLIENT = {"client_id": "x", "client_secret": "canary", "token_url": "https://ims.example/token"}


def tagged(rig: FleetRig, credentials: str, token_secret: str) -> None:
    """Somebody puts a tag on `token_secret`."""
    rig.bindings.append(FleetBinding(Binding(credentials, token_secret), needs_consent=True))


def written(rig: FleetRig, credentials: str, token_secret: str) -> None:
    """A line of a manifest."""
    rig.bindings.append(FleetBinding(Binding(credentials, token_secret)))


def errors(rig: FleetRig) -> dict[str, str]:
    """Why each binding fails, alike in a run and in a status, by its token secret."""
    shown = fleet_status(
        rig.status_store(),
        Selection(tuple(rig.bindings)),
        endpoint=rig.endpoint or MemoryEndpoint(rig.clock),
        policy_of=lambda _: RenewalPolicy(),
        clock=rig.clock,
    )
    ran = {name: str(each.error) for name, each in rig.run().items() if each.error}
    assert {each.binding.token_secret: str(each.error) for each in shown if each.error} == ran
    return ran


@pytest.mark.parametrize(
    "value",
    [
        CLIENT | {"token_secrets": ["t/ok"]},
        {"CLIENT_ID": "x", "CLIENT_SECRETS": ["canary"], "token_secrets": ["t/ok"]},
    ],
    ids=["our names", "Adobe's names"],
)
def test_tag_on_a_credentials_secret_refuses_its_own_binding_and_no_victim(
    value: dict[str, Any],
) -> None:
    rig = FleetRig()
    rig.add("ok", age=23 * HOUR, needs_consent=True)
    rig.store.add("c/ok", {"provider": "adobe-ims", "scope": "openid", **value})
    rig.store.add("x/c", CLIENT | {"token_secrets": ["c/ok"]})
    tagged(rig, "x/c", "c/ok")
    before = rig.store.values["c/ok"]

    found = errors(rig)

    assert list(found) == ["c/ok"]
    assert "token secret c/ok: is the credentials secret of another binding" in found["c/ok"]
    assert "remove the tag rotator:credentials-secret from c/ok" in found["c/ok"]
    assert rig.store.values["c/ok"] == before


@pytest.mark.parametrize(
    ("bind", "said"), [(tagged, "names"), (written, "its credentials are")], ids=["tag", "line"]
)
def test_credentials_that_are_the_token_secret_of_another_leave_that_one_alone(
    bind: Any,  # noqa: ANN401 - one of the above
    said: str,
) -> None:
    rig = FleetRig()
    rig.add("ok", age=23 * HOUR, needs_consent=bind is tagged, token_secrets=["t/ok"])
    rig.store.add("x/t")
    bind(rig, "t/ok", "x/t")

    found = errors(rig)

    assert list(found) == ["x/t"]
    assert f"{said} t/ok, which is the token secret of another binding" in found["x/t"]


def test_credentials_secret_that_somebody_tags_with_its_token_secret_still_serves() -> None:
    rig = FleetRig()
    rig.add("ok", age=23 * HOUR, needs_consent=True, token_secrets=["t/ok"])
    tagged(rig, "t/ok", "c/ok")

    assert list(errors(rig)) == ["c/ok"]


@pytest.mark.parametrize("bind", [tagged, written])
def test_two_token_secrets_that_name_each_other_are_both_refused(bind: Any) -> None:  # noqa: ANN401
    rig = FleetRig()
    rig.store.add("a")
    rig.store.add("b", token_document("b", issued_at=NOW - 23 * HOUR))
    bind(rig, "a", "b")
    bind(rig, "b", "a")

    assert errors(rig).keys() == {"a", "b"}
    assert rig.store.writes == []


def test_odd_line_of_a_manifest_is_refused_by_name_and_the_right_one_runs() -> None:
    rig = FleetRig()
    rig.add("ok", age=23 * HOUR)
    rig.store.add("x/c", CLIENT)
    written(rig, "x/c", "c/ok")

    found = errors(rig)

    assert list(found) == ["c/ok"]
    assert "token secret c/ok: is the credentials secret of another binding" in found["c/ok"]
    assert "name the secret that consumers read" in found["c/ok"]


def test_secret_that_holds_both_may_serve_others_too() -> None:
    rig = FleetRig()
    both = CLIENT | {"client_id": "my-client", "token_secrets": ["both", "t/other"]}
    rig.store.add("both", both)
    rig.store.add("t/other")
    tagged(rig, "both", "both")
    tagged(rig, "both", "t/other")

    assert set(outcomes(rig.run()).values()) == {"rotated"}


def test_pattern_never_has_a_token_put_into_the_credentials_secret_it_stands_in() -> None:
    rig = FleetRig()
    rig.store.add("adobe/c", CLIENT | {"single_active": True, "token_secrets": ["adobe/*"]})
    tagged(rig, "adobe/c", "adobe/c")
    rig.endpoint = MemoryEndpoint(rig.clock)

    found = errors(rig)

    assert "token secret adobe/c: is its own credentials secret" in found["adobe/c"]
    assert "remove its tag rotator:credentials-secret" in found["adobe/c"]
    assert rig.endpoint.mints == 0
    assert rig.store.writes == []


def test_line_that_names_credentials_twice_puts_no_token_where_none_is_meant() -> None:
    rig = FleetRig()
    rig.store.add("adobe/c", CLIENT | {"token_secrets": ["adobe/t"]})
    written(rig, "adobe/c", "adobe/c")

    found = errors(rig)

    assert "token_secrets names adobe/t; name one of these" in found["adobe/c"]
    assert rig.store.writes == []


@pytest.mark.parametrize(
    ("entries", "value", "is_written"),
    [
        (["x/*"], {}, False),
        (["x/*"], " { } ", False),
        (["x/*"], "", False),
        (["x/*"], "\n", False),
        (["x/*", "x/t"], {}, True),
        (["x/t"], "", True),
        (["x/*"], None, True),
        (["x/*"], EDITED, True),
    ],
)
def test_pattern_covers_no_empty_value_that_any_secret_may_have(
    entries: list[str], value: object, *, is_written: bool
) -> None:
    """Such as that of a credentials secret to come, which a stranger tags."""
    rig = FleetRig()
    rig.store.add("x/c", CLIENT | {"token_secrets": entries})
    rig.store.add("x/t", value)
    tagged(rig, "x/c", "x/t")
    before = rig.store.values.get("x/t")

    found = report(rig, "x/t")

    assert (found.outcome, rig.store.values.get("x/t") != before) == (
        ("rotated", True) if is_written else ("failed", False)
    )
    if not is_written:
        assert "covers it by a pattern only" in str(found.error)
        assert "`rotator init --credentials-secret x/c --token-secret x/t --bind-only`" in str(
            found.error
        )


@pytest.mark.parametrize("value", ['{"username": "u"}', "hunter2", CLIENT, {"access_token": "x"}])
def test_value_that_a_run_does_not_overwrite_is_unknown_to_a_status(value: object) -> None:
    rig = FleetRig()
    rig.store.add("x/c", CLIENT | {"token_secrets": ["x/*"]})
    rig.store.add("x/t", value)
    tagged(rig, "x/c", "x/t")

    assert list(errors(rig)) == ["x/t"]


@pytest.mark.parametrize(
    "value",
    [
        {"username": "u"},
        "{access_token: oops",
        "hunter2",
        [1, 2],
        CLIENT,
        {"refresh_token": "r"},
    ],
    ids=str,
)
def test_line_of_a_manifest_that_a_run_refuses_is_unknown_to_a_status(value: object) -> None:
    rig = FleetRig()
    rig.add("x")
    rig.store.add("t/x", value)

    assert list(errors(rig)) == ["t/x"]


def test_tag_or_url_for_which_a_run_refuses_a_line_is_told_by_a_status() -> None:
    rig = FleetRig(endpoint=TokenEndpoint())
    rig.add("tag")
    rig.store.add("t/tag", **{"rotator:credentials-secret": "c/other"})
    rig.add("url", age=HOUR, token_url="http://ims.example/token")

    found = errors(rig)

    assert "names the credentials secret c/other, not c/tag" in found["t/tag"]
    assert "credentials secret c/url: token_url" in found["t/url"]


@pytest.mark.parametrize("name_of", ["full", "partial"])
def test_token_secret_named_twice_in_two_ways_is_one_binding(name_of: str) -> None:
    rig = FleetRig()
    rig.add("ok", age=23 * HOUR)
    arn = rig.store.read("t/ok")[0].arn
    other = arn if name_of == "full" else arn[: -len("-123456")]
    rig.alias(other, "t/ok")
    written(rig, "c/ok", other)

    found = errors(rig)

    assert list(found) == [other]
    assert "is the same secret as t/ok, which another binding names; remove one" in found[other]


def test_manifest_leaves_it_to_the_secrets_which_line_is_wrong() -> None:
    _, selection = parse_manifest(
        '[[binding]]\ncredentials_secret = "b"\ntoken_secret = "a"\n'
        '[[binding]]\ncredentials_secret = "a"\ntoken_secret = "b"\n'
    )

    assert [each.binding.token_secret for each in selection.bindings] == ["a", "b"]


def report(rig: FleetRig, name: str) -> BindingReport:
    found: BindingReport = rig.run()[name]
    return found


@pytest.mark.parametrize(
    ("age", "ends_at"), [(20 * HOUR, NOW + 4 * HOUR), (None, None)], ids=["a token", "no token"]
)
def test_refused_binding_is_reported_with_the_life_of_its_token(
    age: timedelta | None, ends_at: object
) -> None:
    rig = FleetRig()
    rig.store.add("t/x", age and token_document("x", issued_at=NOW - age))
    refused = RefusedBinding(Binding("no name", "t/x"), RotatorError("odd"), is_confirmed=False)
    rig.refused.append(refused)

    found = report(rig, "t/x")

    assert (found.expires_at, found.is_confirmed) == (ends_at, False)
    assert found.error is not None
    assert "expires_at" in found.error.details
    assert refused.error.details == {}


def test_refused_binding_whose_token_cannot_be_read_for_a_moment_says_nothing_of_its_life() -> None:
    rig = FleetRig()
    rig.unreadable["t/x"] = StoreError("slow", operation="x", secret_id="t/x", retryable=True)
    rig.refused.append(RefusedBinding(Binding("no name", "t/x"), RotatorError("odd")))

    found = report(rig, "t/x")

    assert found.error is not None
    assert "expires_at" not in found.error.details


@pytest.mark.parametrize(
    ("credentials", "confirmed"),
    [
        ({"client_id": "a", "token_secrets": ["t/x"]}, True),
        ({"client_id": "a", "token_secrets": "t/x"}, True),
        ({"client_id": "a", "token_secrets": ["t/y", 7]}, False),
        ({"client_id": "a", "token_secrets": ["t/*"]}, False),
        ({"client_id": "a"}, False),
        ("no JSON", False),
        (None, False),
    ],
)
def test_binding_by_tag_is_confirmed_by_what_its_credentials_secret_says(
    credentials: object, *, confirmed: bool
) -> None:
    rig = FleetRig()
    rig.store.add("c/x", credentials)
    rig.store.add("t/x")
    tagged(rig, "c/x", "t/x")

    found = report(rig, "t/x")

    assert (found.outcome, found.is_confirmed) == ("failed", confirmed)


@pytest.mark.parametrize(
    ("value", "is_overwritten"),
    [
        ("a password", False),
        ({"username": "u", "password": "p"}, False),
        ({"CLIENT_ID": "x", "CLIENT_SECRETS": ["canary"]}, False),
        ({"clientId": "x", "clientSecret": "canary"}, False),
        ('{"access_token": "x", "client_secret": "canary",}', False),
        ({"access_token": 7, "refresh_token": "needed"}, False),
        ('{"access_token": "x", "refresh_token": "needed",}', False),
        ({"access_token": "ghp_of_another_program"}, False),
        ({"access_token": "x", "token_type": "bearer", "client_id": "x"}, False),
        ({"access_token": "x", "issued_at": "x", "expires_at": "x"}, False),
        ('{"access_token": "x", "access_token": "y"}', False),
        ('{"access_token": "cut', False),
        ('["schema", "access_token", "issued_at", "expires_at"]', False),
        ('{"schema": 1, "issued_at": "x", "expires_at": "y", "password": "z",}', False),
        (EDITED, True),
        (EDITED | {"note": "of another program"}, False),
        (json.dumps(EDITED)[:-1] + ', "schema": 1}', True),
        (json.dumps(EDITED)[:-1] + ",}", True),
        (json.dumps(EDITED)[:-1] + ', "refresh_token": "needed",}', False),
        ({}, True),
        (None, True),
    ],
)
def test_tag_has_nothing_overwritten_that_never_was_a_token(
    value: object, *, is_overwritten: bool
) -> None:
    rig = FleetRig()
    rig.store.add("x/c", CLIENT | {"client_id": "my-client", "token_secrets": ["s"]})
    rig.store.add("s", value, **{"rotator:credentials-secret": "x/c"})
    before = rig.store.values.get("s")
    tagged(rig, "x/c", "s")

    found = report(rig, "s")

    assert (found.outcome == "rotated") == is_overwritten, found.error
    assert (rig.store.values.get("s") != before) == is_overwritten
