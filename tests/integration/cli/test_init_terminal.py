"""`rotator init` at a terminal."""

from typing import Any

import pytest

from rotator.local.binding import LocalBinding
from tests.integration.cli.vault import Vault
from tests.support.terminal import Terminal

# As the authentication page of Adobe's Firefly Services has it.
FIREFLY = "openid,AdobeID,session,additional_info,read_organizations,firefly_api,ff_apis"


@pytest.fixture
def vault(binding: LocalBinding, secrets_client: Any) -> Vault:  # noqa: ANN401 - its methods are made at run time
    """Nothing is stored yet."""
    return Vault.of(binding, secrets_client)


def test_terminal_is_asked_and_shows_no_client_secret(
    aws_env: dict[str, str], vault: Vault
) -> None:
    terminal = Terminal("init", *vault.selectors, env=aws_env)
    terminal.answer("[adobe-ims]: ", "")
    terminal.answer("[basic]: ", "firefly")
    terminal.answer("client id (shown after Enter): ", vault.client_id)
    terminal.answer("client secret (not shown): ", vault.client_secret)

    assert terminal.close() == 0, terminal.shown
    assert f"(shown after Enter): {vault.client_id}\r\n" in terminal.shown  # it is no secret
    assert vault.client_secret not in terminal.shown
    assert vault.fields(vault.credentials_secret) == {
        "provider": "adobe-ims",
        "scope": FIREFLY,
        "client_id": vault.client_id,
        "client_secret": vault.client_secret,
        "token_secrets": [vault.token_secret],
    }


def test_terminal_is_asked_for_what_the_provider_needs(
    aws_env: dict[str, str], vault: Vault
) -> None:
    terminal = Terminal("init", *vault.selectors, "--provider", "auth0", env=aws_env)
    terminal.answer(
        "token URL (https://{domain}/oauth/token): ", "https://team.example/oauth/token"
    )
    terminal.answer("audience: ", "https://api.example")
    terminal.answer("scope (empty for none): ", "")
    terminal.answer("client id (shown after Enter): ", "me")
    terminal.answer("client secret (not shown): ", "p8e-typed")

    assert terminal.close() == 0, terminal.shown
    assert vault.fields(vault.credentials_secret) == {
        "provider": "auth0",
        "token_url": "https://team.example/oauth/token",
        "audience": "https://api.example",
        "client_id": "me",
        "client_secret": "p8e-typed",
        "token_secrets": [vault.token_secret],
    }


def test_wrong_answer_at_the_terminal_is_asked_for_again(
    aws_env: dict[str, str], vault: Vault
) -> None:
    terminal = Terminal("init", *vault.selectors, env=aws_env)
    for prompt, answers in {
        "[adobe-ims]: ": {"okt": "did you mean okta?", "okta": ""},
        "/v1/token): ": {
            "": "missing",
            "http://team.example/token": "must use https",
            "https://team.example/v1/token": "",
        },
        "scope: ": {"": "missing", "images": ""},  # the preset of Okta needs one
        "client id (shown after Enter): ": {"": "missing", "me": ""},
        "client secret (not shown): ": {"": "missing", "p8e-typed": ""},
    }.items():
        for typed, problem in answers.items():
            terminal.answer(prompt, typed)
            terminal.wait_for(problem)

    assert terminal.close() == 0, terminal.shown
    stored = vault.fields(vault.credentials_secret)
    assert stored["token_url"] == "https://team.example/v1/token"
    assert (stored["provider"], stored["scope"], stored["client_id"]) == ("okta", "images", "me")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--provider", "adobe"), "provider: unknown; did you mean adobe-ims?"),
        (("--scope", "photshop"), "scope: unknown; did you mean photoshop?"),
        (("--token-url", "http://a.example/"), "token_url: must use https"),
    ],
)
def test_wrong_settings_are_refused_before_the_client_secret_is_asked_for(
    aws_env: dict[str, str], vault: Vault, flags: tuple[str, str], says: str
) -> None:
    good = {"--provider": "adobe-ims", "--scope": "firefly", **dict([flags])}
    given = [word for pair in good.items() for word in pair]
    terminal = Terminal("init", *vault.selectors, *given, env=aws_env)

    assert terminal.close() == 2
    assert says in terminal.shown
    assert "client" not in terminal.shown.replace("client credentials: ", "")


@pytest.mark.parametrize(("typed", "code"), [("\x04", 2), ("\x03", 130)], ids=["end", "Ctrl-C"])
@pytest.mark.parametrize("prompts", [1, 2, 3])
def test_input_that_ends_at_a_prompt_makes_nothing(
    *,
    aws_env: dict[str, str],
    vault: Vault,
    typed: str,
    code: int,
    prompts: int,
) -> None:
    terminal = Terminal("init", *vault.selectors, "--scope", "firefly", env=aws_env)
    dialog = {"[adobe-ims]: ": "\n", "client id (": "me\n", "client secret (": typed}
    for number, (prompt, answer) in enumerate(dialog.items(), 1):
        terminal.wait_for(prompt)
        terminal.type(answer if number < prompts else typed)
        if number == prompts:
            break

    assert terminal.close() == code, terminal.shown
    assert "Traceback" not in terminal.shown
    assert ("missing, the input ended" in terminal.shown) is (code == 2)
    assert vault.names() == set()
