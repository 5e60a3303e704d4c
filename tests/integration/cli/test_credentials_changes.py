"""What `rotator credentials set` takes together, and what it says of the next step."""

import json
import subprocess
import sys

import pytest

from rotator.local.binding import LocalBinding
from tests.integration.cli.rig import Cli
from tests.integration.cli.vault import Vault

NEW = "p8e-new+client/secret="
# The scopes on Adobe's page on the authentication of the Photoshop API.
PHOTOSHOP = "openid,AdobeID,firefly_api,ff_apis"
IS_DUE = "the next `rotator run` mints with it, because the token request has changed"


@pytest.mark.parametrize("given", [NEW, json.dumps({"client_secret": NEW, "scope": "photoshop"})])
def test_settings_and_standard_input_are_stored_in_one_write(
    inside: Cli, vault: Vault, given: str
) -> None:
    name = vault.credentials_secret

    ended = inside("credentials", "set", name, "--scope", "photoshop", "--stdin", stdin=given)

    fields = vault.fields(name)
    assert ended.returncode == 0, ended.stderr
    assert (fields["scope"], fields["client_secret"]) == (PHOTOSHOP, NEW)
    # That of `vault.create`, and the one write.
    assert len(vault.versions(name)) == 2
    assert NEW not in ended.stdout + ended.stderr


def test_settings_and_standard_input_that_differ_change_nothing(inside: Cli, vault: Vault) -> None:
    name = vault.credentials_secret
    before = vault.current(name)

    ended = inside(
        *("credentials", "set", name, "--scope", "basic", "--stdin"), stdin='{"scope": "openid"}'
    )

    assert ended.returncode == 2
    assert "scope differs from --scope; pass it once" in ended.stderr
    assert vault.current(name) == before


def test_client_secret_beside_settings_is_not_dropped_in_silence(cli: Cli, vault: Vault) -> None:
    ended = cli("credentials", "set", vault.credentials_secret, "--scope", "openid", stdin=NEW)

    assert ended.returncode == 0
    assert "standard input was not read" in ended.stderr
    assert "--stdin" in ended.stderr
    assert vault.fields(vault.credentials_secret)["client_secret"] == vault.client_secret


def test_open_pipe_that_sends_nothing_holds_no_change_up(
    aws_env: dict[str, str], vault: Vault
) -> None:
    command = ("credentials", "set", vault.credentials_secret, "--scope", "openid")
    with subprocess.Popen(
        [sys.executable, "-m", "rotator", *command],
        env=aws_env,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.wait(60) == 0

    assert vault.fields(vault.credentials_secret)["scope"] == "openid"


def test_nothing_is_said_of_an_empty_standard_input(aws_env: dict[str, str], vault: Vault) -> None:
    command = ("credentials", "set", vault.credentials_secret, "--scope", "openid")
    ended = subprocess.run(
        [sys.executable, "-m", "rotator", *command],
        env=aws_env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert vault.fields(vault.credentials_secret)["scope"] == "openid"


@pytest.mark.parametrize("stated", ["photoshop", ["photoshop"]])
def test_short_name_of_a_scope_in_json_is_stored_as_what_it_stands_for(
    inside: Cli, vault: Vault, stated: object
) -> None:
    ended = inside(
        *("credentials", "set", vault.credentials_secret), stdin=json.dumps({"SCOPES": stated})
    )

    assert ended.returncode == 0, ended.stderr
    assert vault.fields(vault.credentials_secret)["scope"] == PHOTOSHOP


@pytest.mark.parametrize("way", ["flag", "json"])
def test_scope_that_resembles_a_short_name_is_refused(inside: Cli, vault: Vault, way: str) -> None:
    before = vault.current(vault.credentials_secret)
    args = ("--scope", "photshop") if way == "flag" else ()

    ended = inside(
        *("credentials", "set", vault.credentials_secret, *args), stdin='{"scope": "photshop"}'
    )

    assert ended.returncode == 2
    assert "scope: unknown; did you mean photoshop?" in ended.stderr
    assert vault.current(vault.credentials_secret) == before


@pytest.mark.parametrize("scope", ["basic", "photshop"])
def test_scope_of_another_provider_is_stored_as_it_is_written(
    inside: Cli, vault: Vault, scope: str
) -> None:
    vault.put_credentials(provider="generic")

    ended = inside("credentials", "set", vault.credentials_secret, "--scope", scope)

    assert ended.returncode == 0, ended.stderr
    assert vault.fields(vault.credentials_secret)["scope"] == scope


@pytest.mark.parametrize(
    ("changes", "is_due"),
    [
        ({"scope": "openid,AdobeID"}, True),
        ({"client_id": "another"}, True),
        ({"audience": "https://api.example", "client_secret": NEW}, True),
        ({"scope": "read_organizations openid AdobeID", "client_secret": NEW}, False),
        ({"client_secret": NEW}, False),
        ({"lifetime_s": 3600}, False),
    ],
)
def test_advice_after_json_says_whether_the_token_is_due(
    inside: Cli, vault: Vault, changes: dict[str, object], *, is_due: bool
) -> None:
    vault.put_credentials(scope="openid,AdobeID,read_organizations")

    ended = inside("credentials", "set", vault.credentials_secret, stdin=json.dumps(changes))

    assert ended.returncode == 0, ended.stderr
    assert (IS_DUE in ended.stdout) is is_due
    assert ("tries it now" in ended.stdout) is not is_due


@pytest.mark.parametrize(
    "line",
    [
        "client_secret={}",
        "CLIENT_SECRET={}\n",
        "export PS_CLIENT_SECRET='{}'",
        "client-secret: {}",
        "Client secret: {}",
        "CLIENT_ID=me\nCLIENT_SECRET={}",
    ],
)
@pytest.mark.parametrize("action", ["set", "add"])
def test_pasted_line_of_settings_is_not_stored_as_the_client_secret(
    inside: Cli, vault: Vault, action: str, line: str
) -> None:
    name = vault.credentials_secret
    before = vault.current(name)

    ended = inside("credentials", action, name, stdin=line.format(NEW))

    assert ended.returncode == 2
    assert "has a name in front of it; pass the value alone" in ended.stderr
    assert NEW not in ended.stderr + ended.stdout
    assert vault.current(name) == before


def test_replaced_client_secret_is_said_to_be_in_the_version_before(
    inside: Cli, vault: Vault
) -> None:
    name = vault.credentials_secret

    replaced = inside("credentials", "set", name, stdin=NEW)
    added = inside("credentials", "add", name, stdin=f"{NEW}2")
    changed = inside("credentials", "set", name, "--scope", "openid")

    assert "still in the version AWSPREVIOUS" in replaced.stdout
    assert f"`rotator credentials add {name}`" in replaced.stdout
    assert "AWSPREVIOUS" not in added.stdout + changed.stdout
    assert vault.fields(name)["client_secret"] == [f"{NEW}2", NEW]


def test_replaced_value_that_could_not_be_read_is_said_to_be_in_the_version_before(
    inside: Cli, vault: Vault
) -> None:
    name = vault.credentials_secret
    vault.put("no JSON", secret_id=name)
    ended = inside(
        "credentials", "set", name, stdin=json.dumps({"client_id": "a", "client_secret": NEW})
    )
    assert ended.returncode == 0, ended.stderr
    assert "could not be read" in ended.stdout
    assert "until the next write it is still in the version AWSPREVIOUS" in ended.stdout
    assert "the provider is now adobe-ims" in ended.stdout


def test_fields_that_an_unreadable_value_loses_are_named_with_the_provider(
    inside: Cli, vault: Vault
) -> None:
    name = vault.credentials_secret
    vault.put(f'{vault.init_input().removesuffix("}")}, "audience": "canary",}}', secret_id=name)
    given = {"client_id": "a", "client_secret": NEW}

    refused = inside("credentials", "set", name, stdin=json.dumps(given))
    given |= {"token_url": "https://as.example/token", "scope": "a"}
    ended = inside("credentials", "set", name, stdin=json.dumps(given))

    assert refused.returncode == 2
    assert "would go to Adobe; name the provider in the same JSON" in refused.stderr
    assert ended.returncode == 0, ended.stderr
    assert "not carried over: audience" in ended.stdout
    assert "the provider is now generic" in ended.stdout
    assert "https://as.example/token" in ended.stdout
    assert "canary" not in ended.stdout + refused.stderr


def test_run_on_an_unreadable_value_with_other_keys_advises_to_correct_it_by_hand(
    inside: Cli, vault: Vault
) -> None:
    name = vault.credentials_secret
    value = '{"client_id": "a", "db": {"x": 1, "x": 2}}'
    vault.put(value, secret_id=name)
    ran = inside("run", "--credentials-secret", name, "--token-secret", name)
    complete = json.dumps({"client_id": "a", "client_secret": NEW})
    changed = inside("credentials", "set", name, stdin=complete)
    for ended in (ran, changed):
        assert ended.returncode == 2
        assert f"{name}: is JSON with a key that occurs twice" in ended.stderr
        assert "correct the value by hand, in the console or with `aws" in ended.stderr
    assert value in vault.current(name)


@pytest.mark.parametrize("action", ["set", "add"])
@pytest.mark.parametrize("is_known", [True, False])
def test_credentials_without_a_value_are_told_with_no_command_that_makes_a_wrong_secret(
    inside: Cli, binding: LocalBinding, vault: Vault, action: str, *, is_known: bool
) -> None:
    empty = f"{binding.credentials_secret}-empty"
    vault.client.create_secret(Name=empty)
    env = {"ROTATOR_TOKEN_SECRET": binding.token_secret} if is_known else {}

    told = inside("credentials", action, empty, stdin=NEW, env=env)
    command = told.stderr.partition("`rotator ")[2].partition("`")[0]
    ended = inside(*command.split(), stdin=binding.init_input())

    assert told.returncode == 5
    if is_known:
        assert ended.returncode == 0, ended.stderr
        return
    assert ended.returncode == 2
    assert "--token-secret: ID stands for a secret's name; give that, or its ARN" in ended.stderr
    assert Vault.of(LocalBinding("ID", "ID", "", "", ""), vault.client).names() == set()


def test_credentials_without_a_value_are_told_with_the_token_secret_that_was_named(
    inside: Cli, vault: Vault
) -> None:
    vault.client.create_secret(Name="app/empty")
    named = ("--credentials-secret", "app/empty", "--token-secret", vault.token_secret)

    for ended in (inside("run", *named), inside("status", *named)):
        assert f"`rotator init {' '.join(named)}`" in ended.stderr


@pytest.mark.parametrize("removed", ["provider", "token_url"])
def test_what_names_the_provider_is_removed_only_with_another_name_for_it(
    inside: Cli, vault: Vault, removed: str
) -> None:
    name = vault.credentials_secret
    vault.put_credentials(provider="adobe-ims", token_url=vault.token_url, scope="openid,AdobeID")
    before = vault.current(name)

    ended = inside("credentials", "set", name, stdin=json.dumps({removed: None}))
    unchanged = vault.current(name)
    issuer = {removed: None, "issuer": "https://issuer.example"}
    named = inside("credentials", "set", name, stdin=json.dumps(issuer))

    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"{removed}: is a part of what names the provider" in ended.stderr
    assert unchanged == before
    assert named.returncode == 0, named.stderr
    assert removed not in vault.fields(name)


@pytest.mark.parametrize(
    "option", ["--scope", "--audience", "--token-url", "--provider", "--issuer"]
)
@pytest.mark.parametrize("text", ["", " "])
def test_empty_option_is_refused_with_the_way_to_remove_a_setting(
    inside: Cli, vault: Vault, option: str, text: str
) -> None:
    # As from `--scope "$SCOPE"` in a script that has not set it.
    name = vault.credentials_secret
    vault.put_credentials(scope="openid,AdobeID")
    before = vault.current(name)

    ended = inside("credentials", "set", name, option, text)
    made = inside("init", *vault.selectors, option, text, stdin=vault.init_input())

    field = option.removeprefix("--").replace("-", "_")
    assert (ended.returncode, made.returncode) == (2, 2)
    way_out = f'leave it out, or, to remove a stored one, pass {{"{field}": null}} on standard'
    for each in (ended, made):
        assert f"{option}: is empty; {way_out} input" in each.stderr
        assert f"to `rotator credentials set {name}`" in each.stderr
    assert vault.current(name) == before


@pytest.mark.parametrize("scope", ['"openid,AdobeID"', "openid\\,AdobeID", 'openid "AdobeID"'])
def test_scope_with_a_character_that_no_scope_has_is_refused(
    inside: Cli, vault: Vault, binding: LocalBinding, scope: str
) -> None:
    # RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ).
    name, before = vault.credentials_secret, vault.current(vault.credentials_secret)
    new = ("--credentials-secret", f"{name}-new", "--token-secret", f"{vault.token_secret}-new")
    client = json.loads(binding.init_input())

    refused = [
        inside("credentials", "set", name, "--scope", scope),
        inside("credentials", "set", name, stdin=json.dumps({"scope": scope})),
        inside("credentials", "set", name, stdin=json.dumps({"scope": [scope]})),
        inside("init", *new, "--scope", scope, stdin=json.dumps(client)),
        inside("init", *new, stdin=json.dumps(client | {"scope": scope})),
    ]

    assert {each.returncode for each in refused} == {2}
    assert all('scope: has a " or a \\, which no scope can have' in each.stderr for each in refused)
    assert vault.current(name) == before


@pytest.mark.parametrize("given", [NEW, '{"client_id": "me", "client_secret": "p8e-new+secret"}'])
def test_secret_of_another_application_is_not_changed_by_a_mistaken_name(
    inside: Cli, vault: Vault, given: str
) -> None:
    name = vault.credentials_secret
    foreign = json.dumps({"username": "u", "password": "hunter2", "host": "db.example"})
    vault.put(foreign, secret_id=name)

    tried = [
        inside("credentials", "show", name),
        inside("credentials", "set", name, "--scope", "openid"),
        inside("credentials", "set", name, stdin=given),
        inside("credentials", "add", name, stdin=NEW),
        inside("run", *vault.selectors),
    ]
    kept = vault.current(name)[1]
    vault.put("{}", secret_id=name)  # as the message says
    told = inside("credentials", "set", name, stdin=vault.init_input())

    assert {each.returncode for each in tried} == {2}
    for each in tried:
        said = each.stdout + each.stderr
        assert "looks like another application's; check the name; if nobody needs" in said
        assert "hunter2" not in said
    assert kept == foreign
    assert told.returncode == 0, told.stderr
