"""`rotator run` and what a provider or an API does to it."""

import json

import pytest

from rotator.local.ims_control import RemoteIms
from rotator.local.ims_worlds import REFUSAL_RESPONSES
from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli, event
from tests.integration.cli.vault import OLD, Vault


def test_outage_is_temporary_and_the_token_stays(cli: Cli, vault: Vault, ims: RemoteIms) -> None:
    version_id = vault.put_token(age=OLD)
    before = vault.current()
    ims.configure(behaviour="closed")

    ended = cli("run", *vault.selectors)

    assert ended.returncode == 4
    assert ended.stdout.startswith("failed: token endpoint: ")
    assert f"kept: version {version_id}, expires at {vault.fields()['expires_at']}" in ended.stdout
    assert "temporary: the next run tries again" in ended.stdout
    assert vault.current() == before
    assert vault.versions() == {version_id: ["AWSCURRENT"]}


def test_run_after_an_outage_recovers(inside: Cli, vault: Vault, ims: RemoteIms) -> None:
    old = vault.put_token(age=OLD)
    ims.configure(behaviour="outage", for_requests=1)

    ended = inside("run", *vault.selectors)

    assert ended.returncode == 0
    assert vault.current()[0] != old
    assert ims.observed() == {
        "tokens_minted": 1,
        "token_requests": 2,
        "api_calls": 0,
        "api_calls_ok": 0,
    }


def test_wrong_client_secret_is_permanent_and_told_in_the_providers_words(
    cli: Cli, vault: Vault, ims: RemoteIms
) -> None:
    before = vault.put_token(age=OLD), vault.current()
    vault.put_credentials(client_secret="p8e-wrong-canary")

    ended = cli("run", *vault.selectors)

    [request] = ims.token_requests()
    said = event(ended)
    assert ended.returncode == 3
    assert (said["event"], said["level"]) == ("rotator.rotation_failed", "error")
    assert said["oauth_error"] == "invalid_client"
    assert said["debug_id"] == request["debug_id"]
    assert said["status"] == 400
    assert "invalid client_secret parameter" in said["error"]
    assert request["debug_id"] in ended.stdout
    assert (vault.current()[0], vault.current()) == before
    assert "canary" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("provider", sorted(REFUSAL_RESPONSES))
def test_refused_client_is_told_its_next_step_in_every_providers_words(
    inside: Cli, vault: Vault, ims: RemoteIms, provider: str
) -> None:
    ims.configure(refuses_like=provider)
    vault.put_credentials(client_secret="p8e-wrong-canary")

    ended = inside("run", *vault.selectors)

    assert ended.returncode == 3
    assert ended.stdout.splitlines()[-1] == (
        "next: check the client at the provider, then store its secret with"
        f" `rotator credentials set {vault.credentials_secret}`"
    )


def test_next_step_is_in_the_json_and_in_the_log_too(inside: Cli, vault: Vault) -> None:
    vault.put_credentials(client_secret="p8e-wrong-canary")
    step = (
        "check the client at the provider, then store its secret with"
        f" `rotator credentials set {vault.credentials_secret}`"
    )

    ended = inside("run", *vault.selectors, "--json")

    assert ended.returncode == 3
    assert json.loads(ended.stdout)["next"] == event(ended)["next"] == step


def test_second_of_two_client_secrets_is_tried(inside: Cli, vault: Vault, ims: RemoteIms) -> None:
    vault.put_credentials(client_secret=["p8e-old-canary", vault.client_secret])

    ended = inside("run", *vault.selectors)

    warning, outcome = (json.loads(line) for line in ended.stderr.splitlines())
    assert ended.returncode == 0
    assert (warning["event"], warning["level"]) == ("rotator.mint_questioned", "warning")
    assert warning["problem"].startswith(
        "client_secret: number 2 of 2 was accepted; those before it were refused"
    )
    assert outcome["outcome"] == "rotated"
    assert ims.observed()["token_requests"] == 2

    # The advice, as it is printed, leaves the accepted one alone.
    advised = warning["problem"].partition("`rotator ")[2].partition("`")[0]
    assert inside(*advised.split()).returncode == 0
    assert vault.fields(vault.credentials_secret)["client_secret"] == vault.client_secret


def test_throttled_for_longer_than_a_run_is_temporary(
    inside: Cli, vault: Vault, ims: RemoteIms
) -> None:
    before = vault.put_token(age=OLD)
    ims.configure(behaviour="throttled", retry_after_s=600)

    ended = inside("run", *vault.selectors)

    assert ended.returncode == 4
    assert (event(ended)["status"], event(ended)["retryable"]) == (429, True)
    assert ims.observed()["token_requests"] == 1
    assert vault.current()[0] == before


def test_probe_lets_a_token_through_that_the_api_takes(
    inside: Cli, vault: Vault, ims: RemoteIms
) -> None:
    ended = inside("run", *vault.selectors, "--probe-url", ims.urls.hello)

    assert ended.returncode == 0
    assert vault.fields()["client_id"] == vault.client_id
    assert ims.observed()["api_calls_ok"] == 1


def test_probe_that_is_refused_keeps_the_stored_token(
    inside: Cli, vault: Vault, front: Front, ims: RemoteIms
) -> None:
    before = vault.put_token(age=OLD)

    ended = inside("run", *vault.selectors, "--probe-url", front.api_url)

    assert ended.returncode == 3
    assert event(ended)["error_code"] == "401013"
    assert "rejects the new token" in ended.stdout
    assert ims.observed()["tokens_minted"] == 1
    assert vault.current()[0] == before


def test_api_that_is_down_does_not_stop_a_rotation(
    inside: Cli, vault: Vault, ims: RemoteIms
) -> None:
    ended = inside("run", *vault.selectors, "--probe-url", ims.urls.base + "/none")

    warning, outcome = (json.loads(line) for line in ended.stderr.splitlines())
    assert ended.returncode == 0
    assert (warning["event"], outcome["outcome"]) == ("rotator.token_unproved", "rotated")
    assert vault.fields()["client_id"] == vault.client_id


def test_adobe_gets_exactly_the_documented_form(cli: Cli, vault: Vault, ims: RemoteIms) -> None:
    cli("run", *vault.selectors)

    [request] = ims.token_requests()
    assert sorted(map(tuple, request["form"])) == [
        ("client_id", vault.client_id),
        ("client_secret", vault.client_secret),
        ("grant_type", "client_credentials"),
        ("scope", "openid,AdobeID,read_organizations"),
    ]
    assert request["path"] == "/ims/token/v3"
    assert request["query"] == ""
    assert request["content_type"].split(";")[0] == "application/x-www-form-urlencoded"
    assert request["authorization"] is False
