"""Several client secrets in one credentials secret: added, counted, taken out, and all undone."""

import json
import shlex

import pytest

from tests.integration.cli.rig import Cli
from tests.integration.cli.vault import Vault

NEW, NEWER = "p8e-new+client/secret=", "p8e-newer"


def undo(vault: Vault, said: str) -> None:
    """Do what the line of the message says, as the AWS CLI would."""
    [line] = [line for line in said.splitlines() if line.startswith("to undo it")]
    aws, service, action, *options = shlex.split(line.partition(": ")[2])
    assert (aws, service, action) == ("aws", "secretsmanager", "update-secret-version-stage")
    named = dict(zip(options[::2], options[1::2], strict=True))
    assert named["--region"] == vault.client.meta.region_name
    vault.client.update_secret_version_stage(
        SecretId=named["--secret-id"],
        VersionStage=named["--version-stage"],
        MoveToVersionId=named["--move-to-version-id"],
        RemoveFromVersionId=named["--remove-from-version-id"],
    )


def test_added_client_secret_is_told_with_its_number_and_what_to_do_next(
    inside: Cli, vault: Vault
) -> None:
    vault.put_credentials(token_secrets=[vault.token_secret])
    name = vault.credentials_secret

    ended = inside("credentials", "add", name, stdin=NEW)

    first, undone, run, later = ended.stdout.splitlines()
    assert first == (
        "added a client secret as number 1 of 2, which is tried first, in credentials secret "
        + name
    )
    assert undone.startswith("to undo it, before the next write: aws secretsmanager ")
    assert f"`rotator run {' '.join(vault.selectors)} --force` tries it now" in run
    assert f"`rotator credentials remove {name} --number 2` takes it out" in later


def test_client_secret_that_is_stored_already_is_told_with_its_place(
    inside: Cli, vault: Vault
) -> None:
    vault.put_credentials(client_secret=[vault.client_secret, NEW, NEWER])
    name = vault.credentials_secret

    moved = inside("credentials", "add", name, stdin=NEWER)
    versions = vault.versions(name)
    again = inside("credentials", "add", name, stdin=NEWER)

    assert moved.stdout.startswith(
        "moved a client secret that was stored already from number 3 to number 1 in"
    )
    assert vault.fields(name)["client_secret"] == [NEWER, vault.client_secret, NEW]
    later = moved.stdout.splitlines()[-1]
    assert later.startswith("number 2 is what was number 1; once that is deleted at the provider")
    assert f"`rotator credentials remove {name} --number 2` takes it out" in later
    assert again.stdout == (
        f"credentials secret {name}: has this client secret already, as number 1, which is tried"
        " first; nothing was changed\n"
    )
    assert vault.versions(name) == versions


def test_of_more_than_two_client_secrets_the_last_is_told_by_its_number(
    inside: Cli, vault: Vault
) -> None:
    vault.put_credentials(client_secret=[vault.client_secret, NEW])
    name = vault.credentials_secret

    ended = inside("credentials", "add", name, stdin=NEWER)

    later = ended.stdout.splitlines()[-1]
    assert later.startswith("once number 3 is deleted at the provider, `rotator credentials remove")
    assert f"`rotator credentials remove {name} --number 3` takes it out" in later


def test_client_secret_that_is_stored_twice_is_removed_with_both_numbers(
    inside: Cli, vault: Vault
) -> None:
    vault.put_credentials(client_secret=[NEW, NEWER, NEW])
    name = vault.credentials_secret

    ended = inside("credentials", "remove", name, "--number", "3")

    assert ended.stdout.startswith(
        f"removed client secrets number 1 and 3 of 3 in credentials secret {name}\n"
    )
    assert vault.fields(name)["client_secret"] == NEWER
    assert "AWSPREVIOUS of this secret" not in ended.stdout


@pytest.mark.parametrize(("number", "left"), [("1", [NEW, NEWER]), ("3", ["stored", NEW])])
def test_client_secret_is_removed_by_its_number(
    inside: Cli, vault: Vault, number: str, left: list[str]
) -> None:
    vault.put_credentials(client_secret=["stored", NEW, NEWER], note="of the team")
    name = vault.credentials_secret

    ended = inside("credentials", "remove", name, "--number", number)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(
        f"removed client secret number {number} of 3 in credentials secret {name}\n"
    )
    # A run that is due mints with another one only if the first was removed.
    assert ("mints with what was number 2; " in ended.stdout) is (number == "1")
    assert vault.fields(name)["client_secret"] == left
    assert vault.fields(name)["note"] == "of the team"
    assert not {"stored", NEW, NEWER} & set(ended.stdout.split())


def test_only_client_secret_is_never_removed(inside: Cli, vault: Vault) -> None:
    name = vault.credentials_secret
    before = vault.current(name)

    ended = inside("credentials", "remove", name, "--number", "1")

    assert ended.returncode == 2
    assert "client_secret: is the only one" in ended.stderr
    assert "store the new one first" in ended.stderr
    assert vault.current(name) == before


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "--number: missing; 1 is the client secret that is tried first, and `rotator cred"),
        (("--number", "0"), "--number: is not a number from 1 on; 1 is the client secret that"),
        (("--number", NEW), "--number: is not a number from 1 on"),
        (("--number", "3"), "--number: there is no client secret 3; credentials secret "),
    ],
)
def test_number_that_names_no_client_secret_is_refused(
    inside: Cli, vault: Vault, args: tuple[str, ...], says: str
) -> None:
    vault.put_credentials(client_secret=[vault.client_secret, NEW])
    name = vault.credentials_secret
    before = vault.current(name)

    ended = inside("credentials", "remove", name, *args)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert says in ended.stderr
    assert NEW not in ended.stderr
    assert vault.current(name) == before


@pytest.mark.parametrize(
    ("args", "stdin"),
    [
        (("add",), NEW),
        (("set",), NEW),
        (("set",), json.dumps({"audience": "https://api.example", "note": None})),
        (("set", "--scope", "firefly"), ""),
        (("remove", "--number", "2"), ""),
    ],
)
def test_every_edit_says_how_to_undo_it_and_later_writes_are_kept(
    inside: Cli, vault: Vault, args: tuple[str, ...], stdin: str
) -> None:
    vault.put_credentials(client_secret=[vault.client_secret, NEWER], note="of the team")
    name = vault.credentials_secret
    before = vault.current(name)

    ended = inside("credentials", args[0], name, *args[1:], stdin=stdin)
    assert vault.current(name) != before
    undo(vault, ended.stdout)
    assert vault.current(name) == before

    # The same edit again is a new version, which the old line must not undo.
    again = inside("credentials", args[0], name, *args[1:], stdin=stdin)
    assert again.returncode == 0, again.stderr
    redone = vault.current(name)
    with pytest.raises(vault.client.exceptions.ClientError):
        undo(vault, ended.stdout)
    assert vault.current(name) == redone


def test_confirmation_names_what_changed_and_not_what_was_given(inside: Cli, vault: Vault) -> None:
    vault.put_credentials(scope="openid", audience="a", note="of the team", lifetime_s=3600)
    name = vault.credentials_secret
    given = {
        "scope": "openid",
        "client_id": vault.client_id,
        "audience": None,
        "lifetime_s": 7200,
        "resource": ["https://api.example"],
        "note": None,
    }

    ended = inside("credentials", "set", name, stdin=json.dumps(given))

    assert ended.stdout.splitlines()[0] == (
        "changed lifetime_s; added resource; removed audience, another key in credentials secret "
        + name
    )


def test_setting_that_is_stored_under_the_name_of_adobes_console_changes_nothing(
    inside: Cli, vault: Vault
) -> None:
    name = vault.credentials_secret
    download = {"CLIENT_ID": "me", "CLIENT_SECRETS": [NEW], "SCOPES": ["openid"]}
    vault.put(json.dumps(download), secret_id=name)

    ended = inside("credentials", "set", name, stdin='{"client_id": "me"}')

    assert ended.stdout == (
        f"credentials secret {name}: already has that value; nothing was changed\n"
    )
    assert vault.fields(name) == download


def test_contradiction_between_both_names_that_is_taken_out_is_told(
    inside: Cli, vault: Vault
) -> None:
    name = vault.credentials_secret
    both = {"CLIENT_ID": "other", "client_id": "me", "client_secret": NEW}
    vault.put(json.dumps(both), secret_id=name)

    ended = inside("credentials", "set", name, stdin='{"client_id": "me"}')

    assert ended.stdout.startswith(f"removed CLIENT_ID in credentials secret {name}\n")


def test_misspelled_key_that_a_setting_replaces_is_named(inside: Cli, vault: Vault) -> None:
    vault.put_credentials(token_uri="https://as.example/token")
    name = vault.credentials_secret

    ended = inside("credentials", "set", name, "--token-url", "https://as.example/token")

    assert f"; removed token_uri in credentials secret {name}\n" in ended.stdout


@pytest.mark.parametrize("key", ["p8e-7f3a", "kXqTzWbNfHsLpRdV", "client_secret-p8e-7f3a"])
def test_key_that_may_be_a_secret_is_not_named(inside: Cli, vault: Vault, key: str) -> None:
    name = vault.credentials_secret
    vault.put_credentials(**{key: "pasted where a key belongs"})

    complete = {"client_id": vault.client_id, "client_secret": vault.client_secret}
    ended = inside("credentials", "set", name, stdin=json.dumps({**complete, key: None}))

    assert ended.stdout.startswith(f"removed another key in credentials secret {name}\n")


def test_several_keys_that_may_be_secrets_are_told_once_with_their_number(
    inside: Cli, vault: Vault
) -> None:
    name = vault.credentials_secret
    others = ("note", "kXqTzWbNfHsLpRdV", "team")
    vault.put_credentials(audience="a", **dict.fromkeys(others, "x"))

    removed = json.dumps(dict.fromkeys((*others, "audience")))
    ended = inside("credentials", "set", name, stdin=removed)

    told = f"removed audience, 3 other keys in credentials secret {name}\n"
    assert ended.stdout.startswith(told)


def test_several_replaced_client_secrets_are_counted(inside: Cli, vault: Vault) -> None:
    vault.put_credentials(client_secret=[vault.client_secret, NEWER])

    ended = inside("credentials", "set", vault.credentials_secret, stdin=NEW)

    assert "the 2 previous client secrets are still in the version AWSPREVIOUS" in ended.stdout
