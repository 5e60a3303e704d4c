"""What people pass by mistake as a client id, a client secret or a scope."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rotator.local.binding import LocalBinding
from tests.integration.cli.rig import Cli
from tests.integration.cli.vault import Vault

SCHEMA = Path(__file__).parents[3] / "rotator" / "schemas" / "credentials-secret.schema.json"
NEW = "p8e-new+client/secret="
# As Adobe's pages on the authentication of Firefly Services and of the Photoshop API have them.
FIREFLY = "openid,AdobeID,session,additional_info,read_organizations,firefly_api,ff_apis"
PHOTOSHOP = "openid,AdobeID,firefly_api,ff_apis"
# What browsers and word processors add: zero width space, no-break space, byte order mark, soft
# hyphen, word joiner.
INVISIBLE = {"U+200B": "\u200b", "U+00A0": "\u00a0", "U+FEFF": "\ufeff", "U+00AD": "\u00ad"}


@pytest.mark.parametrize("action", ["set", "add"])
@pytest.mark.parametrize(("name", "char"), INVISIBLE.items(), ids=INVISIBLE)
@pytest.mark.parametrize("form", ["text", "json"])
def test_client_secret_with_an_invisible_character_is_refused(
    *, inside: Cli, vault: Vault, action: str, name: str, char: str, form: str
) -> None:
    before = vault.current(vault.credentials_secret)
    text = f"p8e-{char}new"
    given = text if form == "text" else json.dumps({"client_secret": text})

    ended = inside("credentials", action, vault.credentials_secret, stdin=given)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"client secret: has an invisible character ({name})" in ended.stderr
    assert "p8e-" not in ended.stderr
    assert vault.current(vault.credentials_secret) == before


@pytest.mark.parametrize("field", ["client_id", "client_secret", "CLIENT_SECRETS"])
def test_init_refuses_an_invisible_character(
    inside: Cli, binding: LocalBinding, field: str
) -> None:
    given: dict[str, Any] = {"client_id": "me", "client_secret": "p8e-new"}
    given |= {"CLIENT_SECRETS": ["p8e-new\u200b"]} if field == "CLIENT_SECRETS" else {}
    given |= {field: f"{given[field]}\u200b"} if field != "CLIENT_SECRETS" else {}
    if field == "CLIENT_SECRETS":
        del given["client_secret"]

    ended = inside("init", *binding.selectors, stdin=json.dumps(given))

    assert ended.returncode == 2
    assert "has an invisible character (U+200B)" in ended.stderr


def test_json_names_its_values_itself(inside: Cli, binding: LocalBinding) -> None:
    given = {"client_id": "my-client-id:7", "client_secret": "client_secret=x"}

    ended = inside("init", *binding.selectors, stdin=json.dumps(given))

    assert ended.returncode == 0, ended.stderr


def test_stored_client_secret_that_works_goes_on_working(inside: Cli, vault: Vault) -> None:
    odd = "p8e-\u200bodd"
    vault.put_credentials(client_secret=odd)

    ended = inside("credentials", "set", vault.credentials_secret, "--scope", "firefly")
    added = inside("credentials", "add", vault.credentials_secret, stdin=NEW)

    assert (ended.returncode, added.returncode) == (0, 0), ended.stderr + added.stderr
    assert vault.fields(vault.credentials_secret)["client_secret"] == [NEW, odd]


@pytest.mark.parametrize("action", ["set", "add"])
def test_client_id_is_never_stored_as_the_client_secret(
    inside: Cli, vault: Vault, action: str
) -> None:
    before = vault.current(vault.credentials_secret)

    ended = inside("credentials", action, vault.credentials_secret, stdin=vault.client_id)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "client_id and client_secret: are the same" in ended.stderr
    assert vault.current(vault.credentials_secret) == before


@pytest.mark.parametrize("names", [("client_id", "client_secret"), ("CLIENT_ID", "CLIENT_SECRET")])
def test_init_refuses_the_client_secret_as_the_client_id(
    inside: Cli, binding: LocalBinding, names: tuple[str, str]
) -> None:
    # The token secret shows the client id to every consumer.
    ended = inside("init", *binding.selectors, stdin=json.dumps(dict.fromkeys(names, NEW)))

    assert ended.returncode == 2
    # Nothing is stored yet that could be the wrong way around.
    assert ended.stderr.endswith("are the same; pass each as the provider shows it\n")
    assert NEW not in ended.stderr


def test_client_secret_is_not_set_as_the_client_id(inside: Cli, vault: Vault) -> None:
    given = json.dumps({"client_id": vault.client_secret})

    ended = inside("credentials", "set", vault.credentials_secret, stdin=given)

    assert ended.returncode == 2
    assert vault.fields(vault.credentials_secret)["client_id"] == vault.client_id


@pytest.mark.parametrize("provider", ["adobe-ims", "generic"])
def test_client_secret_of_adobe_is_refused_as_the_client_id_at_adobe_alone(
    inside: Cli, binding: LocalBinding, provider: str
) -> None:
    # Nothing tells the two apart at another provider.
    given = {"provider": provider, "CLIENT_ID": NEW, "client_secret": "0a2700fdf06d3ccb"}
    given |= {"token_url": binding.token_url, "scope": "openid,AdobeID"}

    ended = inside("init", *binding.selectors, stdin=json.dumps(given))

    if provider == "generic":
        assert ended.returncode == 0, ended.stderr
        return
    assert ended.returncode == 2
    assert "client_id: looks like a client secret of Adobe's (p8e-...)" in ended.stderr
    assert NEW not in ended.stderr


def test_client_id_and_client_secret_that_were_stored_swapped_are_put_right(
    inside: Cli, vault: Vault
) -> None:
    name = vault.credentials_secret
    vault.put_credentials(client_id=vault.client_secret, client_secret=vault.client_id)

    changed = inside("credentials", "set", name, "--scope", "firefly")
    refused = inside("credentials", "set", name, stdin=json.dumps({"client_id": vault.client_id}))
    swapped = {"client_id": vault.client_id, "client_secret": vault.client_secret}
    ended = inside("credentials", "set", name, stdin=json.dumps(swapped))

    assert changed.returncode == 0, changed.stderr  # what is stored is never refused by its form
    assert refused.returncode == 2
    both = '{"client_id": "...", "client_secret": "..."}'
    assert f"pass {both} on standard input to `rotator credentials set {name}`" in refused.stderr
    assert ended.returncode == 0, ended.stderr
    assert swapped.items() <= vault.fields(name).items()


def test_client_secret_of_adobe_is_not_set_as_the_client_id(inside: Cli, vault: Vault) -> None:
    given = json.dumps({"client_id": NEW})

    ended = inside("credentials", "set", vault.credentials_secret, stdin=given)

    assert ended.returncode == 2
    assert "client_id: looks like a client secret of Adobe's" in ended.stderr
    assert vault.fields(vault.credentials_secret)["client_id"] == vault.client_id


def test_space_in_a_client_secret_is_stored_and_named(inside: Cli, vault: Vault) -> None:
    # RFC 6749, appendix A.2: a client secret may have spaces.
    ended = inside("credentials", "set", vault.credentials_secret, stdin="two words\n")

    assert ended.returncode == 0
    assert "client_secret: has a space in it" in ended.stderr
    assert vault.fields(vault.credentials_secret)["client_secret"] == "two words"


@pytest.mark.parametrize("text", ["'p8e-new'", "\u2018p8e-new\u2019", "`p8e-new`"])
def test_quotes_around_a_client_secret_are_stored_and_named(
    inside: Cli, vault: Vault, text: str
) -> None:
    ended = inside("credentials", "set", vault.credentials_secret, stdin=text)

    assert ended.returncode == 0, ended.stderr
    assert "client_secret: has quotes around it, which are stored too" in ended.stderr
    assert "p8e-" not in ended.stderr
    assert vault.fields(vault.credentials_secret)["client_secret"] == text


@pytest.mark.parametrize("action", ["set", "add"])
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("p8e-new\np8e-newer\n", "standard input: has several lines; pass the client secret alone"),
        ("p8e-\x1b[Dnew", "client secret: has a control character (U+001B)"),
        ('{"client_secret": "p8e-new\\n"}', "client secret: has a control character (U+000A)"),
    ],
)
def test_client_secret_with_a_line_break_or_a_control_character_is_refused(
    *, inside: Cli, vault: Vault, action: str, given: str, says: str
) -> None:
    before = vault.current(vault.credentials_secret)

    ended = inside("credentials", action, vault.credentials_secret, stdin=given)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert says in ended.stderr
    assert "p8e-" not in ended.stderr
    assert vault.current(vault.credentials_secret) == before


@pytest.mark.parametrize("command", ["set", "add", "init"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_utf_16_on_standard_input_is_named(
    *,
    aws_env: dict[str, str],
    vault: Vault,
    command: str,
    encoding: str,
    locale: dict[str, str],
) -> None:
    before = vault.current(vault.credentials_secret)
    args: tuple[str, ...] = ("credentials", command, vault.credentials_secret)
    if command == "init":
        vault.client.create_secret(Name=f"{vault.credentials_secret}-2")
        new = ("--credentials-secret", f"{vault.credentials_secret}-2")
        args = ("init", *new, "--token-secret", vault.token_secret)

    ended = subprocess.run(
        [sys.executable, "-m", "rotator", *args],
        env=aws_env | locale,
        input=vault.init_input().encode(encoding),
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert b"standard input: is UTF-16 text, or binary" in ended.stderr
    assert b"save it as UTF-8" in ended.stderr
    assert vault.current(vault.credentials_secret) == before


@pytest.mark.parametrize(
    ("scope", "stored"),
    [
        ("firefly,basic", FIREFLY),
        ("photoshop firefly", f"{PHOTOSHOP},session,additional_info,read_organizations"),
        ("photoshop,read_organizations", f"{PHOTOSHOP},read_organizations"),
        ("openid,my_own_api", "openid,my_own_api"),
        # Two of Adobe's own style, of which one resembles a short name.
        ("openid,photoshop_api", "openid,photoshop_api"),
    ],
)
def test_several_names_of_scopes_are_joined(
    inside: Cli, vault: Vault, scope: str, stored: str
) -> None:
    ended = inside("credentials", "set", vault.credentials_secret, "--scope", scope)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert vault.fields(vault.credentials_secret)["scope"] == stored


@pytest.mark.parametrize("scope", ["photshop", "firefly,photshop", "FIREFLY"])
def test_misspelled_name_of_a_scope_is_refused_with_the_names(
    inside: Cli, vault: Vault, scope: str
) -> None:
    ended = inside("credentials", "set", vault.credentials_secret, "--scope", scope)

    assert ended.returncode == 2
    assert "The names are basic, firefly, photoshop" in ended.stderr


def test_scope_that_adobe_does_not_document_is_stored_and_named(inside: Cli, vault: Vault) -> None:
    ended = inside("credentials", "set", vault.credentials_secret, "--scope", "images")

    assert ended.returncode == 0
    assert "scope: is stored as it was passed, but is not in Adobe's documentation" in ended.stderr
    assert "the names for that are basic, firefly, photoshop" in ended.stderr


@pytest.mark.parametrize("given", ["[1]", '"p8e-x"', "null", "{broken"])
@pytest.mark.parametrize("action", ["set", "add"])
def test_json_that_is_no_object_is_refused_with_the_way_out(
    inside: Cli, vault: Vault, action: str, given: str
) -> None:
    ended = inside("credentials", action, vault.credentials_secret, stdin=given)

    assert ended.returncode == 2
    assert 'pass the client secret as plain text, or as {"client_secret": "..."}' in ended.stderr


def test_unknown_key_is_refused_with_the_command_that_lists_the_keys(
    inside: Cli, vault: Vault
) -> None:
    ended = inside("credentials", "set", vault.credentials_secret, stdin='{"foo": 1}')

    command = ended.stderr.rpartition("see rotator ")[2]
    shown = inside(*command.split()).stdout
    listed = shown.partition("keys: ")[2].replace("\n", " ").replace(",", " ").split()
    schema = json.loads(SCHEMA.read_text("utf-8"))
    assert set(listed) == schema["properties"].keys() - {"client_secret_rotation"}


@pytest.mark.parametrize(
    ("args", "stdin"),
    [
        (("--token-url", "{url}"), ""),
        ((), '{{"token_uri": null, "token_url": "{url}"}}'),
        ((), '{{"token_url": "{url}"}}'),
    ],
)
def test_misspelled_stored_key_is_corrected_by_the_right_one(
    inside: Cli, vault: Vault, args: tuple[str, ...], stdin: str
) -> None:
    url = vault.token_url
    vault.put_credentials(token_uri=url, token_url=None)
    name = vault.credentials_secret

    refused = inside("credentials", "set", name, stdin=NEW)
    ended = inside(
        "credentials",
        "set",
        name,
        *(each.format(url=url) for each in args),
        stdin=stdin.format(url=url),
    )

    assert refused.returncode == 2
    assert "has an unknown key token_uri; did you mean token_url?" in refused.stderr
    assert f"correct it with `rotator credentials set {name}`" in refused.stderr
    assert ended.returncode == 0, ended.stderr
    assert "token_uri" not in vault.fields(name)
    assert vault.fields(name)["token_url"] == url


def test_misspelled_token_url_that_is_removed_does_not_mean_adobe(
    inside: Cli, vault: Vault
) -> None:
    vault.put_credentials(token_uri=vault.token_url, token_url=None, provider=None)
    before = vault.current(vault.credentials_secret)

    ended = inside("credentials", "set", vault.credentials_secret, stdin='{"token_uri": null}')

    assert ended.returncode == 2
    assert "token_uri: without it the client secret would go to Adobe" in ended.stderr
    assert "pass --token-url, or --provider (adobe-ims for Adobe), too" in ended.stderr
    assert vault.current(vault.credentials_secret) == before


@pytest.mark.parametrize("command", ["init", "set"])
def test_numbers_and_escapes_are_stored_as_they_are_given(
    inside: Cli,
    binding: LocalBinding,
    secrets_client: Any,  # noqa: ANN401 - its methods are made at run time
    command: str,
) -> None:
    members = [
        '"rate": 1e3',
        '"share": 1.0',
        '"id": 12345678901234567890',
        '"exact": 0.1234567890123456789',
        '"team": "M\\u00fcller"',
        '"huge": 1e400',
    ]
    vault = Vault.of(binding, secrets_client)
    text = binding.init_input().removesuffix("}") + ", " + ", ".join(members) + "}"

    ended = inside("init", *binding.selectors, stdin=text)
    if command == "set":
        inside("credentials", "set", binding.credentials_secret, "--scope", "firefly")

    stored = vault.current(binding.credentials_secret)[1]
    assert ended.returncode == 0, ended.stderr
    assert [each for each in members if each not in stored] == []
