"""`rotator init`: both secrets made once, nothing overwritten, and no secret in argv."""

import json
from typing import Any

import pytest

from rotator.local.binding import LocalBinding
from tests.integration.cli.front import Front
from tests.integration.cli.rig import Cli
from tests.integration.cli.vault import Vault

TAG = "rotator:credentials-secret"
CANARY = "p8e-canary-from-argv"
# As the authentication page of Adobe's Firefly Services has it.
FIREFLY = "openid,AdobeID,session,additional_info,read_organizations,firefly_api,ff_apis"


@pytest.fixture
def vault(binding: LocalBinding, secrets_client: Any) -> Vault:  # noqa: ANN401 - its methods are made at run time
    """Nothing is stored yet."""
    return Vault.of(binding, secrets_client)


def test_init_creates_and_binds_both_secrets_and_run_works(cli: Cli, vault: Vault) -> None:
    ended = cli("init", *vault.selectors, stdin=vault.init_input())
    ran = cli("run", *vault.selectors)

    arn = vault.client.describe_secret(SecretId=vault.token_secret)["ARN"].split(":")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        f"created token secret {vault.token_secret}, without a value yet",
        f"created credentials secret {vault.credentials_secret}",
        f"both are in the account {arn[4]}, region {arn[3]}",
        f"next: `rotator run {' '.join(vault.selectors)}`",
    ]
    assert vault.fields(vault.credentials_secret) == {
        **json.loads(vault.init_input()),
        "token_secrets": [vault.token_secret],
    }
    assert vault.tags(vault.token_secret) == {TAG: vault.credentials_secret}
    assert vault.tags(vault.credentials_secret) == {}
    assert ran.returncode == 0
    assert vault.client_secret not in ended.stdout + ran.stdout + ran.stderr


def test_init_refuses_to_overwrite(inside: Cli, vault: Vault) -> None:
    vault.create()
    before = vault.current(vault.credentials_secret)

    ended = inside("init", *vault.selectors, stdin='{"client_id": "x", "client_secret": "y"}')

    assert ended.returncode == 2
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert f"secret {vault.credentials_secret}: holds a value" in line
    assert "--bind-only" in line
    assert vault.current(vault.credentials_secret) == before
    assert vault.tags(vault.token_secret) == {}


def test_init_takes_credentials_into_a_secret_that_is_empty(inside: Cli, vault: Vault) -> None:
    # As infrastructure code makes them: without values.
    for name in (vault.credentials_secret, vault.token_secret):
        vault.client.create_secret(Name=name)

    ended = inside("init", *vault.selectors, stdin=vault.init_input())
    again = inside("init", *vault.selectors, stdin=vault.init_input())

    assert (ended.returncode, again.returncode) == (0, 2)
    assert f"bound token secret {vault.token_secret}, which existed" in ended.stdout
    assert f"in {vault.credentials_secret}, which was empty" in ended.stdout
    assert vault.fields(vault.credentials_secret)["client_id"] == vault.client_id
    assert len(vault.versions(vault.credentials_secret)) == 1


@pytest.mark.parametrize("failing", ["CreateSecret", "TagResource", "PutSecretValue"])
def test_init_resumes_after_it_failed_half_way(
    inside: Cli, vault: Vault, front: Front, failing: str
) -> None:
    if failing != "CreateSecret":
        for name in (vault.credentials_secret, vault.token_secret):
            vault.client.create_secret(Name=name)
    front.refuse(failing, code="InternalServiceError", status=400)
    failed = inside("init", *vault.selectors, stdin=vault.init_input(), env=front.env)
    front.relent()

    ended = inside("init", *vault.selectors, stdin=vault.init_input(), env=front.env)

    assert failed.returncode == 4
    assert len(failed.stderr.splitlines()) == 1
    assert ended.returncode == 0
    assert vault.fields(vault.credentials_secret)["client_id"] == vault.client_id
    assert vault.tags(vault.token_secret) == {TAG: vault.credentials_secret}


def test_bind_only_adds_its_consent_and_leaves_the_credentials_as_they_are(
    inside: Cli, vault: Vault
) -> None:
    vault.client.create_secret(Name=vault.credentials_secret, SecretString=vault.init_input())

    ended = inside("init", *vault.selectors, "--bind-only", stdin="not read")

    assert ended.returncode == 0
    assert vault.fields(vault.credentials_secret) == {
        **json.loads(vault.init_input()),
        "token_secrets": [vault.token_secret],
    }
    assert vault.tags(vault.token_secret) == {TAG: vault.credentials_secret}


def test_init_makes_one_secret_for_both(inside: Cli, vault: Vault) -> None:
    both = vault.credentials_secret
    selectors = ("--credentials-secret", both, "--token-secret", both)

    ended = inside("init", *selectors, stdin=vault.init_input())
    ran = inside("run", *selectors)

    assert (ended.returncode, ran.returncode) == (0, 0)
    assert vault.names() == {both}
    assert vault.tags(both) == {TAG: both}
    assert vault.fields(both)["client_secret"] == vault.client_secret


def test_kms_key_is_given_to_both_secrets(inside: Cli, vault: Vault) -> None:
    ended = inside(
        "init", *vault.selectors, "--kms-key-id", "alias/tokens", stdin=vault.init_input()
    )

    assert ended.returncode == 0
    for name in (vault.credentials_secret, vault.token_secret):
        assert vault.client.describe_secret(SecretId=name)["KmsKeyId"] == "alias/tokens"


@pytest.mark.parametrize(
    ("stdin", "problem"),
    [
        ("", "standard input: is empty"),
        (f"client_secret={CANARY}", "standard input: is not JSON"),
        (f'["{CANARY}"]', "standard input: is JSON, but not an object"),
        (f'{{"client_secret": "{CANARY}"}}', "client_id is missing"),
        (f'{{"client_id": "", "client_secret": "{CANARY}"}}', "client_id must be a non-empty"),
        ('{"client_id": "me"}', "client_secret is missing"),
        (f'{{"client_id": "me", "client_sekret": "{CANARY}"}}', "did you mean client_secret?"),
        (
            f'{{"client_id": "me", "client_secret": "{CANARY}", "provider": "adobe"}}',
            "provider: unknown",
        ),
        (
            f'{{"client_id": "me", "client_secret": "{CANARY}", "token_url": "http://a.example"}}',
            "token_url: must use https",
        ),
        (
            f'{{"client_id": "me", "client_secret": "{CANARY}", "x": "{"x" * 66_000}"}}',
            "longer than the 65536 bytes",
        ),
    ],
    ids=lambda value: value[:40] if value.startswith("standard") else None,
)
def test_wrong_input_is_refused_before_anything_is_made(
    inside: Cli, vault: Vault, stdin: str, problem: str
) -> None:
    ended = inside("init", *vault.selectors, stdin=stdin)

    [line] = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert line.startswith("rotator init: ")
    assert problem in line
    assert CANARY not in ended.stdout + ended.stderr
    assert vault.names() == set()


@pytest.mark.parametrize(
    "args",
    [
        (CANARY,),
        ("--client-secret", CANARY),
        (f"--client-secret={CANARY}",),
        (f"--{CANARY}",),
        ("--bind-only=" + CANARY,),
        ("--", CANARY),
    ],
    ids=" ".join,
)
def test_secret_in_argv_is_refused_and_not_repeated(
    inside: Cli, vault: Vault, args: tuple[str, ...]
) -> None:
    ended = inside("init", *vault.selectors, *args, stdin=vault.init_input())

    [line] = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert line.endswith("; see rotator init --help")
    assert CANARY not in ended.stdout + ended.stderr
    assert vault.names() == set()


DEMO = "http://127.0.0.1:9/ims/token/v3"


@pytest.mark.parametrize(
    ("variables", "fields", "stored"),
    [
        ({"DEMO_TOKEN_URL": DEMO}, {}, DEMO),
        ({"DEMO_TOKEN_URL": DEMO}, {"provider": "adobe-ims"}, DEMO),
        ({"DEMO_TOKEN_URL": DEMO}, {"token_url": f"{DEMO}/own"}, f"{DEMO}/own"),
        ({"DEMO_TOKEN_URL": "https://elsewhere.example/"}, {}, None),
        ({"DEMO_TOKEN_URL": "no URL"}, {}, None),
        ({}, {}, None),
    ],
)
def test_init_in_the_shell_of_the_demo_means_the_endpoint_of_the_demo(
    *,
    inside: Cli,
    vault: Vault,
    variables: dict[str, str],
    fields: dict[str, str],
    stored: str | None,
) -> None:
    given = {"client_id": "me", "client_secret": "p8e-typed"} | fields

    ended = inside("init", *vault.selectors, stdin=json.dumps(given), env=variables)

    assert ended.returncode == 0, ended.stderr
    assert vault.fields(vault.credentials_secret).get("token_url") == stored
    assert (DEMO in ended.stderr) is (stored == DEMO)


@pytest.mark.parametrize("provider", [["adobe-ims"], {"name": "adobe-ims"}, 1])
def test_provider_that_is_no_text_is_refused_as_a_wrong_field(
    inside: Cli, vault: Vault, provider: object
) -> None:
    given = {"client_id": "me", "client_secret": "p8e-typed", "provider": provider}

    ended = inside("init", *vault.selectors, stdin=json.dumps(given))

    assert ended.returncode == 2
    assert "provider must be a non-empty string" in ended.stderr
    assert vault.names() == set()


@pytest.mark.parametrize("way", ["flag", "json"])
@pytest.mark.parametrize(
    ("scope", "stored"), [("firefly", FIREFLY), ("openid,AdobeID", "openid,AdobeID")]
)
def test_settings_given_as_flags_are_stored_with_what_is_piped_in(
    *, inside: Cli, vault: Vault, scope: str, stored: str, way: str
) -> None:
    piped = json.loads(vault.init_input()) | ({"scope": scope} if way == "json" else {})
    flags = ("--scope", scope) if way == "flag" else ()
    ended = inside("init", *vault.selectors, *flags, stdin=json.dumps(piped))

    assert ended.returncode == 0
    assert vault.fields(vault.credentials_secret)["scope"] == stored


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--scope", "firefly"), "standard input: scope differs from --scope; pass it once"),
        (("--bind-only", "--scope", "firefly"), "use `rotator credentials set {id}` for these"),
        (("--provider", "adobe"), "provider: unknown; did you mean adobe-ims?"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    inside: Cli, vault: Vault, args: tuple[str, ...], says: str
) -> None:
    given = '{"client_id": "me", "client_secret": "s", "scope": "openid"}'

    ended = inside("init", *vault.selectors, *args, stdin=given)

    assert ended.returncode == 2
    assert says.format(id=vault.credentials_secret) in ended.stderr
    assert vault.names() == set()


@pytest.mark.parametrize("value", ["{}", None])
def test_init_binds_a_token_secret_that_holds_nothing(
    inside: Cli, vault: Vault, value: str | None
) -> None:
    # As the console or infrastructure code makes it.
    vault.client.create_secret(
        Name=vault.token_secret, **({} if value is None else {"SecretString": value})
    )

    ended = inside("init", *vault.selectors, stdin=vault.init_input())
    ran = inside("run", *vault.selectors)

    assert (ended.returncode, ran.returncode) == (0, 0), ended.stderr + ran.stderr
    assert vault.tags(vault.token_secret) == {TAG: vault.credentials_secret}


def test_init_over_a_foreign_value_names_a_way_out_that_works_as_it_is_printed(
    inside: Cli, vault: Vault
) -> None:
    foreign = '{"username": "u", "password": "hunter2"}'
    vault.client.create_secret(Name=vault.token_secret, SecretString=foreign)

    refused = inside("init", *vault.selectors, stdin=vault.init_input())
    kept = vault.current()[1]
    words = refused.stderr.partition("store {} in it with `")[2].partition("`")[0].split()
    options = dict(zip(words[3::2], words[4::2], strict=True))
    vault.put(options["--secret-string"].strip("'"), secret_id=options["--secret-id"])
    ended = inside("init", *vault.selectors, stdin=vault.init_input())
    ran = inside("run", *vault.selectors)

    assert (refused.returncode, kept) == (2, foreign)
    assert "hunter2" not in refused.stderr
    assert words[:3] == ["aws", "secretsmanager", "put-secret-value"]
    assert (ended.returncode, ran.returncode) == (0, 0), ended.stderr + ran.stderr


def test_bind_only_over_a_foreign_value_says_what_the_next_run_does(
    inside: Cli, vault: Vault
) -> None:
    vault.create()
    vault.put('{"username": "u", "password": "hunter2"}')

    ended = inside("init", *vault.selectors, "--bind-only")
    discovered = inside("run", "--discover", "--where", f"{TAG}={vault.credentials_secret}")
    kept = vault.current()[1]
    named = inside("run", *vault.selectors)

    assert ended.returncode == 0, ended.stderr
    assert "`rotator run` that names both secrets replaces it" in ended.stdout
    assert discovered.returncode == 2
    assert "hunter2" in kept
    assert named.returncode == 0
    assert "access_token" in vault.fields()


def test_bind_only_says_in_which_account_and_region_both_secrets_are(
    inside: Cli, vault: Vault
) -> None:
    vault.create()

    ended = inside("init", *vault.selectors, "--bind-only")

    arn = vault.client.describe_secret(SecretId=vault.token_secret)["ARN"].split(":")
    assert f"both are in the account {arn[4]}, region {arn[3]}\n" in ended.stdout


def test_empty_name_of_a_key_is_refused(inside: Cli, vault: Vault) -> None:
    # As from an unset variable: AWS's own key would encrypt both secrets.
    ended = inside("init", *vault.selectors, "--kms-key-id", "", stdin=vault.init_input())

    assert ended.returncode == 2
    assert "--kms-key-id: is empty" in ended.stderr
    assert vault.names() == set()
