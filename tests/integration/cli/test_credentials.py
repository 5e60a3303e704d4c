"""`rotator credentials`: shown without secrets, changed without losing anybody's edit."""

import json

import pytest

from rotator.local.binding import LocalBinding
from tests.integration.cli.rig import Cli
from tests.integration.cli.vault import Vault
from tests.support.terminal import Terminal

NEW = "p8e-new+client/secret="


@pytest.mark.parametrize("way", ["argument", "option", "variable"])
def test_credentials_are_shown_without_secrets(inside: Cli, vault: Vault, way: str) -> None:
    vault.put_credentials(client_secret=[NEW, vault.client_secret], parameters={"x": "p8e-hidden"})
    name = vault.credentials_secret
    args = {"argument": (name,), "option": ("--credentials-secret", name), "variable": ()}[way]

    ended = inside("credentials", "show", *args, env={"ROTATOR_CREDENTIALS_SECRET": name})

    rows = dict(line.split("  ", 1) for line in ended.stdout.splitlines())
    assert ended.returncode == 0
    assert {key: text.strip() for key, text in rows.items()} == {
        "credentials secret": name,
        "version id": vault.current(name)[0],
        "client id": vault.client_id,
        "client secrets": "2; number 1 is tried first",
        "provider": "adobe-ims",
        "token url": vault.token_url,
        "scope": "openid,AdobeID,read_organizations",
        "auth method": "client_secret_post",
        "parameters": "x",
    }
    assert not {NEW, vault.client_secret, "p8e-hidden"} & set(ended.stdout.split())


def test_what_set_says_of_the_next_run_is_so(inside: Cli, vault: Vault) -> None:
    inside("run", *vault.selectors)

    said = inside("credentials", "set", vault.credentials_secret, "--scope", "openid,AdobeID")
    ran = inside("run", *vault.selectors)
    again = inside("credentials", "set", vault.credentials_secret, stdin=vault.client_secret)
    ran_again = inside("run", *vault.selectors)

    assert "the next `rotator run` mints with it" in said.stdout
    assert ran.stdout.startswith("rotated: credentials changed")
    assert again.returncode == 0
    assert ran_again.stdout.startswith("not due")


def test_credentials_are_shown_as_json(inside: Cli, vault: Vault) -> None:
    vault.put_credentials(token_secrets=["app/*"])

    ended = inside("credentials", "show", vault.credentials_secret, "--json")

    shown = json.loads(ended.stdout)
    assert (shown["client_secrets"], shown["private_key"]) == (1, False)
    assert shown["token_secrets"] == ["app/*"]
    assert vault.client_secret not in ended.stdout


def test_setting_is_changed_and_nothing_else(inside: Cli, vault: Vault) -> None:
    vault.put_credentials(note="of the team")
    before = vault.fields(vault.credentials_secret)

    ended = inside("credentials", "set", vault.credentials_secret, "--scope", "openid,AdobeID")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("added scope in credentials secret ")
    assert "the next `rotator run` mints with it" in ended.stdout
    assert vault.fields(vault.credentials_secret) == before | {"scope": "openid,AdobeID"}


def test_setting_that_is_null_is_taken_away(inside: Cli, vault: Vault) -> None:
    vault.put_credentials(audience="https://api.example")

    inside("credentials", "set", vault.credentials_secret, stdin='{"audience": null}')

    assert "audience" not in vault.fields(vault.credentials_secret)


def test_nothing_is_written_if_it_says_so_already(inside: Cli, vault: Vault) -> None:
    before = vault.current(vault.credentials_secret)

    ended = inside("credentials", "set", vault.credentials_secret, stdin=vault.client_secret)

    assert (ended.returncode, vault.current(vault.credentials_secret)) == (0, before)
    assert "nothing was changed" in ended.stdout


@pytest.mark.parametrize(
    "given", [NEW, f"{NEW}\r\n", f"\ufeff{NEW}\n", json.dumps({"client_secret": NEW})]
)
def test_client_secret_is_replaced_from_standard_input(
    inside: Cli, vault: Vault, given: str
) -> None:
    ended = inside("credentials", "set", vault.credentials_secret, stdin=given)

    assert ended.returncode == 0
    assert vault.fields(vault.credentials_secret)["client_secret"] == NEW
    assert NEW not in ended.stdout + ended.stderr


def test_second_client_secret_comes_first_and_the_first_one_stays(
    inside: Cli, vault: Vault
) -> None:
    added = inside("credentials", "add", vault.credentials_secret, stdin=NEW)
    again = inside("credentials", "add", vault.credentials_secret, stdin=NEW)
    ran = inside("run", *vault.selectors)

    assert (added.returncode, again.returncode, ran.returncode) == (0, 0, 0)
    assert vault.fields(vault.credentials_secret)["client_secret"] == [NEW, vault.client_secret]


def test_client_secret_is_typed_unseen(aws_env: dict[str, str], vault: Vault) -> None:
    terminal = Terminal("credentials", "set", vault.credentials_secret, env=aws_env)
    terminal.answer("client secret (not shown): ", NEW)

    assert terminal.close() == 0, terminal.shown
    assert NEW not in terminal.shown
    assert vault.fields(vault.credentials_secret)["client_secret"] == NEW


@pytest.mark.parametrize(
    ("args", "stdin", "says"),
    [
        (("set", "--token-url", "http://a.example/"), "", "token_url: must use https"),
        (("set", "--provider", "adobe"), "", "provider: unknown; did you mean adobe-ims?"),
        (("set",), "", "standard input: is empty; pipe the client secret in"),
        (("set",), "two\nlines", "standard input: has several lines"),
        (("set",), '{"client_secret": 7}', "client_secret must be a non-empty string"),
        (("set",), '{"lifetime_s": "soon"}', "lifetime_s must be a whole number"),
        (("set",), "{not JSON", "standard input: is not JSON"),
        (("set",), '{"client_secret": "x", "foo": 1}', "standard input: has an unknown key"),
        (("add",), '{"client_secret": "x", "foo": 1}', "has an unknown key, number 2 of 2;"),
        (("set",), '{"client_id": "x", "schema": 1}', "the key schema, which belongs to a token"),
        (("add",), '{"client_secret": "x", "scope": "y"}', "and nothing else"),
        (("add",), '{"client_secret": ["x", "y"]}', "as plain text"),
        (("set",), '{"client_secrt": "x"}', "key client_secrt; did you mean client_secret?"),
        (
            ("set",),
            '{"client_secret=p8e-x": 1}',
            "(not shown, as it may hold a secret); did you mean client_secret?",
        ),
        (("add",), "{}", "as plain text"),
        (("add",), '{"client_secret": ""}', "client_secret"),
    ],
)
def test_change_that_could_not_be_used_is_refused(
    *, inside: Cli, vault: Vault, args: tuple[str, ...], stdin: str, says: str
) -> None:
    before = vault.current(vault.credentials_secret)

    ended = inside("credentials", *args, vault.credentials_secret, stdin=stdin)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert says in ended.stderr
    assert vault.current(vault.credentials_secret) == before


@pytest.mark.parametrize("action", ["add", "set"])
@pytest.mark.parametrize(
    "given",
    [
        f'{{"client_secret": "{NEW}"',
        f'["{NEW}"]',
        "[1]",
        f'"{NEW}"',
        f'"{NEW}',
        "null\n",
        "true",
        "false",
    ],
)
def test_other_json_is_never_taken_for_a_client_secret(
    inside: Cli, vault: Vault, action: str, given: str
) -> None:
    before = vault.current(vault.credentials_secret)

    ended = inside("credentials", action, vault.credentials_secret, stdin=given)

    [line] = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "JSON" in line
    assert NEW not in line
    assert vault.current(vault.credentials_secret) == before


def test_added_client_secret_may_come_as_json(inside: Cli, vault: Vault) -> None:
    given = json.dumps({"client_secret": NEW})

    ended = inside("credentials", "add", vault.credentials_secret, stdin=given)

    fields = vault.fields(vault.credentials_secret)
    assert ended.returncode == 0
    assert fields["client_secret"] == [NEW, vault.client_secret]
    assert NEW not in ended.stdout + ended.stderr


@pytest.mark.parametrize("args", [("set", "c", NEW), ("add", f"--client-secret={NEW}"), (NEW,)])
def test_client_secret_in_argv_is_refused_and_not_repeated(
    inside: Cli, args: tuple[str, ...]
) -> None:
    ended = inside("credentials", *args)

    [line] = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert NEW not in line


def test_any_field_is_corrected_by_a_json_object(inside: Cli, vault: Vault) -> None:
    vault.put_credentials(lifetime_s="soon", audience="https://api.example")
    failed = inside("run", *vault.selectors)

    ended = inside(
        *("credentials", "set", vault.credentials_secret),
        stdin='{"lifetime_s": 3600, "audience": null}',
    )

    fields = vault.fields(vault.credentials_secret)
    assert failed.returncode == 2
    assert f"correct it with `rotator credentials set {vault.credentials_secret}`" in failed.stderr
    assert ended.stdout.startswith("changed lifetime_s; removed audience in credentials secret ")
    assert fields["lifetime_s"] == 3600
    assert "audience" not in fields


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"client_secret": "p8e-wrong"}, "store its secret with `rotator credentials set {id}`"),
        ({"client_secret": ["p8e-a", "p8e-b"]}, "client_secret: 2 of 2 were refused"),
        (
            {"client_id": "another"},
            'pass {{"client_id": "..."}} on standard input to `rotator credentials set {id}`',
        ),
        ({"scope": "no_such_scope"}, "`rotator credentials set {id} --scope SCOPE`"),
    ],
)
def test_refused_run_names_the_command_that_helps(
    inside: Cli, vault: Vault, changes: dict[str, str], says: str
) -> None:
    vault.put_credentials(**changes)

    ended = inside("run", *vault.selectors)

    assert ended.returncode == 3
    assert says.format(id=vault.credentials_secret) in ended.stdout


def test_run_on_a_missing_secret_names_the_command_that_creates_both(
    inside: Cli, binding: LocalBinding
) -> None:
    ended = inside("run", *binding.selectors)

    assert ended.returncode == 5
    assert f"create it with `rotator init {' '.join(binding.selectors)}`" in ended.stdout


def test_run_on_a_missing_token_secret_names_a_command_that_works_as_it_is_printed(
    inside: Cli, vault: Vault
) -> None:
    vault.client.delete_secret(SecretId=vault.token_secret, ForceDeleteWithoutRecovery=True)

    ended = inside("run", *vault.selectors)
    command = ended.stdout.partition("create it with `rotator ")[2].partition("`")[0]
    bound = inside(*command.split())
    ran = inside("run", *vault.selectors)

    assert (ended.returncode, bound.returncode, ran.returncode) == (5, 0, 0), bound.stderr


def test_init_over_credentials_names_a_command_that_works_as_it_is_printed(
    inside: Cli, vault: Vault
) -> None:
    ended = inside("init", *vault.selectors, stdin=vault.init_input())
    command = ended.stderr.partition("bind it as it is with `rotator ")[2].partition("`")[0]

    assert ended.returncode == 2
    assert inside(*command.split()).returncode == 0


def test_interface_for_the_client_secret_is_stored_and_shown(inside: Cli, vault: Vault) -> None:
    admin = {"kind": "adobe", "organization_id": "org@Adobe", "credential_id": "7"}

    name = vault.credentials_secret
    ended = inside("credentials", "set", name, stdin=json.dumps({"client_admin": admin}))

    assert ended.returncode == 0, ended.stderr
    assert f"`rotator rotate-client-secret {name} --dry-run` tries it" in ended.stdout
    assert vault.fields(name)["client_admin"] == admin
    assert (
        json.loads(inside("credentials", "show", name, "--json").stdout)["client_admin"] == "adobe"
    )


def test_interface_that_is_wrong_is_not_stored(inside: Cli, vault: Vault) -> None:
    name = vault.credentials_secret
    before = vault.fields(name)

    stdin = json.dumps({"client_admin": {"kind": "adobe", "organization_id": "org@Adobe"}})
    ended = inside("credentials", "set", name, stdin=stdin)

    assert ended.returncode == 2
    assert "client_admin: credential_id is missing" in ended.stderr
    assert vault.fields(name) == before


@pytest.mark.parametrize("command", ["show", "set", "add", "rotate-client-secret", "run"])
def test_swapped_names_store_no_client_secret_where_consumers_read(
    inside: Cli, vault: Vault, command: str
) -> None:
    inside("run", *vault.selectors)
    before = vault.current(vault.token_secret)
    swapped = {
        "ROTATOR_CREDENTIALS_SECRET": vault.token_secret,
        "ROTATOR_TOKEN_SECRET": vault.credentials_secret,
    }
    args = ("credentials", command) if command in {"show", "set", "add"} else (command,)

    ended = inside(*args, stdin=NEW, env=swapped)

    said = ended.stdout + ended.stderr
    assert ended.returncode == 2
    assert f"credentials secret {vault.token_secret}: holds a token" in said
    assert "are the names of the credentials secret and the token secret swapped?" in said
    assert vault.current(vault.token_secret) == before


@pytest.mark.parametrize("args", [("run",), ("credentials", "set")])
def test_swapped_names_are_told_by_the_tag_where_there_is_no_token_yet(
    inside: Cli, binding: LocalBinding, args: tuple[str, ...]
) -> None:
    inside("init", *binding.selectors, stdin=binding.init_input())
    swapped = {
        "ROTATOR_CREDENTIALS_SECRET": binding.token_secret,
        "ROTATOR_TOKEN_SECRET": binding.credentials_secret,
    }

    ended = inside(*args, stdin=binding.init_input(), env=swapped)

    said = ended.stdout + ended.stderr
    assert ended.returncode == 2
    assert f"its tag rotator:credentials-secret names {binding.credentials_secret};" in said


@pytest.mark.parametrize(
    ("consumers", "names_credentials", "expected"),
    [
        (None, True, "{token_secret}"),
        (None, False, "{token_secret}"),
        (["app/other"], True, "app/other"),
        (["app/a", "app/b"], True, "ID"),
        (None, None, "ID"),
    ],
)
def test_next_step_of_an_edit_names_the_token_secret_that_is_known(
    inside: Cli,
    vault: Vault,
    consumers: list[str] | None,
    *,
    names_credentials: bool | None,
    expected: str,
) -> None:
    """The environment's, unless it is that of other credentials."""
    vault.put_credentials(token_secrets=consumers)
    env = {"ROTATOR_TOKEN_SECRET": vault.token_secret}
    if names_credentials is not False:
        named = vault.credentials_secret if names_credentials else "app/another"
        env["ROTATOR_CREDENTIALS_SECRET"] = named

    told = inside("credentials", "add", vault.credentials_secret, stdin="p8e-new", env=env).stdout

    token_secret = expected.format(token_secret=vault.token_secret)
    command = f"--credentials-secret {vault.credentials_secret} --token-secret {token_secret}"
    assert f"`rotator run {command} --force`" in told
    assert ("(with the name of the token secret for ID)" in told) is (token_secret == "ID")
