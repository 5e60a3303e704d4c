"""What a terminal is asked: nothing that could be refused before, and no wrong answer is taken."""

from typing import Any

import pytest

from rotator.local.binding import LocalBinding
from tests.integration.cli.bad_inputs import ACCESS_DENIED
from tests.integration.cli.front import Front
from tests.integration.cli.vault import Vault
from tests.support.reader_threads import eventually
from tests.support.terminal import Terminal

PROMPT = "client secret (not shown): "
CLIENT_ID = "client id (shown after Enter): "
NEW = "p8e-typed"


@pytest.mark.parametrize("action", ["set", "add"])
@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("missing", "does not exist in this account and region"),
        ("empty", "has no value yet; store the client credentials with `rotator init "),
        ("no JSON", "is not JSON"),
        ('{"access_token": "a"}', "holds a token, not client credentials"),
        (
            '{"client_id": "a", "client_secret": "b", "token_uri": "https://idp.example/t"}',
            "has an unknown key token_uri; did you mean token_url?; correct it with `rotator cred",
        ),
    ],
)
def test_secret_that_cannot_be_edited_is_refused_before_the_client_secret_is_asked_for(
    *, aws_env: dict[str, str], vault: Vault, action: str, value: str, says: str
) -> None:
    name = vault.credentials_secret
    if value == "missing":
        name = f"{name}-none"
    elif value == "empty":
        name = vault.token_secret
    else:
        vault.put(value, secret_id=name)

    terminal = Terminal("credentials", action, name, env=aws_env)

    assert terminal.close() in {2, 5}
    assert says in terminal.shown
    assert PROMPT not in terminal.shown


@pytest.mark.parametrize("action", ["set", "add"])
def test_denied_read_is_told_before_the_client_secret_is_asked_for(
    aws_env: dict[str, str], vault: Vault, front: Front, action: str
) -> None:
    denied = ACCESS_DENIED.format(action="GetSecretValue")
    front.refuse("GetSecretValue", code="AccessDeniedException", message=denied)
    env = {**aws_env, **front.env}

    terminal = Terminal("credentials", action, vault.credentials_secret, env=env)

    assert terminal.close() == 5
    assert "access denied; grant secretsmanager:GetSecretValue" in terminal.shown
    assert PROMPT not in terminal.shown


def test_wrong_settings_beside_standard_input_are_refused_before_it_is_asked_for(
    aws_env: dict[str, str], vault: Vault
) -> None:
    args = ("credentials", "set", vault.credentials_secret, "--stdin", "--scope", "photshop")

    terminal = Terminal(*args, env=aws_env)

    assert terminal.close() == 2
    assert "scope: unknown; did you mean photoshop?" in terminal.shown
    assert PROMPT not in terminal.shown


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--token-url", "http://a.example/"), "token_url: must use https"),
        (("--issuer", "idp.example"), "issuer: is not an https URL"),
        (("--provider", "adobe", "--scope", "firefly"), "provider: unknown; did you mean adobe-im"),
        (("--provider", "adobe-ims", "--scope", "photshop"), "scope: unknown; did you mean photos"),
        (("--provider", "okta", "--scope", "b\u00fcro"), "scope must be printable ASCII"),
    ],
)
def test_wrong_settings_of_init_are_refused_before_anything_is_asked_for(
    aws_env: dict[str, str], binding: LocalBinding, flags: tuple[str, ...], says: str
) -> None:
    terminal = Terminal("init", *binding.selectors, *flags, env=aws_env)

    assert terminal.close() == 2
    assert says in terminal.shown
    assert len(terminal.shown.splitlines()) == 1


@pytest.mark.parametrize("action", ["set", "add"])
@pytest.mark.parametrize(
    ("typed", "code", "says"),
    [
        ("\x03", 130, ": interrupted; nothing was changed\r\n"),
        ("\x04", 2, "client secret: missing, the input ended; nothing was changed; run this again"),
        ("p8e\x04", 2, "client secret: missing, the input ended; nothing was changed"),
    ],
    ids=["Ctrl-C", "Ctrl-D", "Ctrl-D behind text"],
)
def test_prompt_that_is_left_says_that_nothing_was_changed(
    *, aws_env: dict[str, str], vault: Vault, action: str, typed: str, code: int, says: str
) -> None:
    before = vault.current(vault.credentials_secret)
    terminal = Terminal("credentials", action, vault.credentials_secret, env=aws_env)
    terminal.wait_for(PROMPT)
    terminal.type(typed)

    assert terminal.close() == code, terminal.shown
    # On a line of its own: not behind the prompt, whatever the terminal echoes of the key.
    asked, told = terminal.shown.splitlines()
    assert asked.startswith(PROMPT)
    assert says.strip() in told
    assert vault.current(vault.credentials_secret) == before


@pytest.mark.parametrize("action", ["set", "add"])
def test_wrong_client_secret_is_asked_for_again(
    aws_env: dict[str, str], vault: Vault, action: str
) -> None:
    terminal = Terminal("credentials", action, vault.credentials_secret, env=aws_env)
    for typed, problem in {
        "": "missing",
        vault.client_id: "is the client id; copy the client secret",
        "p8e-\u200btyped": "has an invisible character (U+200B)",
        f"CLIENT_SECRET={NEW}": "has a name in front of it; pass the value alone",
        f"Client secret: {NEW}": "has a name in front of it; pass the value alone",
        "p8e\x1b[D-typed": "has a control character (U+001B)",  # an arrow key
        "\x1b[200~p8e-typed\x1b[201~": "has a control character (U+001B)",  # bracketed paste
        f'"{NEW}"': "is in double quotes; type it without them",
        f'{{"client_secret": "{NEW}"}}': "is JSON, or begins like it; type the value alone",
        "null": "pass JSON on standard input (`< client.json`)",
        NEW: "",
    }.items():
        terminal.answer(PROMPT, typed)
        terminal.wait_for(problem)

    assert terminal.close() == 0, terminal.shown
    assert NEW not in terminal.shown
    assert NEW in vault.fields(vault.credentials_secret)["client_secret"]


def test_wrong_client_id_is_asked_for_again_before_the_client_secret(
    aws_env: dict[str, str],
    binding: LocalBinding,
    secrets_client: Any,  # noqa: ANN401
) -> None:
    args = ("--provider", "adobe-ims", "--scope", "firefly")
    terminal = Terminal("init", *binding.selectors, *args, env=aws_env)
    for prompt, answers in {
        CLIENT_ID: {
            "m\u200be": "has an invisible character (U+200B)",
            "b\u00fcro": "must be printable ASCII",
            "\x1b[Dme": "has a control character (U+001B)",
            '"me"': "is in double quotes; type it without them",
            NEW: "looks like a client secret of Adobe's (p8e-...)",
            f'{{"client_id": "me", "client_secret": "{NEW}"}}': "is JSON, or begins like it",
            "me": "",
        },
        PROMPT: {
            "me": "is the client id",
            f'{{"client_secret": "{NEW}"}}': "is JSON, or begins like it",
            NEW: "",
        },
    }.items():
        for typed, problem in answers.items():
            terminal.answer(prompt, typed)
            terminal.wait_for(problem)

    assert terminal.close() == 0, terminal.shown
    assert NEW not in terminal.shown
    stored = Vault.of(binding, secrets_client).fields(binding.credentials_secret)
    assert (stored["client_id"], stored["client_secret"]) == ("me", NEW)


BOTH = {
    "lines": "me\n{new}\n",
    "no end": "me\n{new}",
    "carriage returns": "me\r{new}\r",
    "the secret first": "{new}\nme\n",
    "JSON": '{{\n  "client_id": "me",\n  "client_secret": "{new}"\n}}\n',
    "a shell's lines": "CLIENT_ID=me\nCLIENT_SECRET={new}\n",
}


@pytest.mark.parametrize("pasted", BOTH.values(), ids=BOTH)
def test_client_id_and_client_secret_pasted_together_are_not_shown_and_not_taken(
    aws_env: dict[str, str],
    binding: LocalBinding,
    secrets_client: Any,  # noqa: ANN401
    pasted: str,
) -> None:
    args = ("--provider", "adobe-ims", "--scope", "firefly")
    terminal = Terminal("init", *binding.selectors, *args, env=aws_env)
    terminal.wait_for(CLIENT_ID)
    terminal.type(pasted.format(new=NEW))
    terminal.wait_for("has several lines, and none was taken; paste one value at a time")
    terminal.answer(CLIENT_ID, "me")
    terminal.wait_for(PROMPT)
    terminal.type(pasted.format(new=NEW))
    terminal.wait_for("has several lines, and none was taken; paste one value at a time")
    terminal.answer(PROMPT, f"{NEW}\n")  # an empty line behind it is no second one

    assert terminal.close() == 0, terminal.shown
    assert "p8e-" not in terminal.shown
    stored = Vault.of(binding, secrets_client).fields(binding.credentials_secret)
    assert (stored["client_id"], stored["client_secret"]) == ("me", NEW)


@pytest.mark.parametrize("args", [("set", "--scope", "firefly", "--stdin"), ("set",), ("add",)])
def test_client_secret_is_typed_unseen_whichever_command_takes_it(
    aws_env: dict[str, str], vault: Vault, args: tuple[str, ...]
) -> None:
    terminal = Terminal("credentials", *args, vault.credentials_secret, env=aws_env)
    terminal.wait_for(PROMPT)
    terminal.type(f"{vault.client_id}\n{NEW}\n")
    terminal.wait_for("has several lines")
    terminal.answer(PROMPT, NEW)

    assert terminal.close() == 0, terminal.shown
    assert "p8e-" not in terminal.shown
    assert NEW in vault.fields(vault.credentials_secret)["client_secret"]


def test_advice_for_a_swapped_client_id_and_secret_names_the_credentials_secret(
    aws_env: dict[str, str], vault: Vault
) -> None:
    terminal = Terminal("credentials", "set", vault.credentials_secret, env=aws_env)
    terminal.answer(PROMPT, vault.client_id)
    terminal.wait_for(f"on standard input to `rotator credentials set {vault.credentials_secret}`")
    terminal.answer(PROMPT, NEW)

    assert terminal.close() == 0, terminal.shown


@pytest.mark.parametrize("command", ["init", "set --scope firefly --stdin", "set", "add"])
def test_what_is_typed_before_the_question_is_not_shown_and_no_answer(
    aws_env: dict[str, str], vault: Vault, front: Front, command: str
) -> None:
    args, name = ("credentials", *command.split(), vault.credentials_secret), ""
    action = "GetSecretValue"
    if command == "init":
        name, action = f"{vault.credentials_secret}-2", "DescribeSecret"
        named = ("--credentials-secret", name, "--token-secret", vault.token_secret)
        args = ("init", *named, "--provider", "adobe-ims", "--scope", "firefly")
    front.gather(action, 2)

    terminal = Terminal(*args, env={**aws_env, **front.env})
    eventually(lambda: action in front.actions)
    terminal.type("p8e-early\n")
    front.gates.pop(action).wait()
    if name:
        terminal.answer(CLIENT_ID, "me")
    terminal.answer(PROMPT, NEW)

    assert terminal.close() == 0, terminal.shown
    assert "p8e-" not in terminal.shown
    assert NEW in vault.fields(name or vault.credentials_secret)["client_secret"]


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0"}], ids=["UTF-8", "C"])
def test_answer_is_read_as_utf_8_in_every_locale(
    aws_env: dict[str, str], vault: Vault, locale: dict[str, str]
) -> None:
    name = vault.credentials_secret
    terminal = Terminal("credentials", "set", name, env={**aws_env, **locale})
    terminal.wait_for(PROMPT)
    terminal.type_bytes(b"p8e-\xfc\n")  # Latin-1
    terminal.wait_for("is not UTF-8 text; type it, or copy it as plain text")
    terminal.answer(PROMPT, "p8e-\u00fc")

    assert terminal.close() == 0, terminal.shown
    assert vault.fields(name)["client_secret"] == "p8e-\u00fc"


def test_second_pasted_line_is_no_answer_to_the_next_question(
    aws_env: dict[str, str],
    binding: LocalBinding,
    secrets_client: Any,  # noqa: ANN401
) -> None:
    terminal = Terminal("init", *binding.selectors, env=aws_env)
    terminal.type("okta\n")  # before the question
    terminal.wait_for("[adobe-ims]: ")
    terminal.type("\nphotoshop\n")
    terminal.wait_for("has several lines")
    terminal.answer("[adobe-ims]: ", "")
    terminal.answer("[basic]: ", "firefly")
    terminal.answer(CLIENT_ID, "me")
    terminal.answer(PROMPT, NEW)

    assert terminal.close() == 0, terminal.shown
    stored = Vault.of(binding, secrets_client).fields(binding.credentials_secret)
    assert (stored["provider"], stored["client_id"]) == ("adobe-ims", "me")
    assert "firefly_api" in stored["scope"].split(",")


def test_quotes_around_a_typed_client_secret_are_pointed_out_by_init(
    aws_env: dict[str, str], binding: LocalBinding
) -> None:
    args = ("--provider", "adobe-ims", "--scope", "firefly")
    terminal = Terminal("init", *binding.selectors, *args, env=aws_env)
    terminal.answer(CLIENT_ID, "me")
    terminal.answer(PROMPT, f"'{NEW}'")

    assert terminal.close() == 0, terminal.shown
    assert "client_secret: has quotes around it, which are stored too" in terminal.shown
