"""The way into one secret for both, and out of it, as the page has it."""

import re
from pathlib import Path

from rotator.local.binding import LocalBinding
from tests.integration.cli.rig import Cli, sh
from tests.integration.cli.vault import Vault

PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text("utf-8")
SECTION = PAGE[PAGE.index("## One secret for both") : PAGE.index("## Logs")]
WAY_IN, WAY_OUT = re.findall(r"^```console\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)


def walk(text: str, vault: Vault, env: dict[str, str]) -> None:
    """Run a block of the page with the names of this binding; the AWS CLI is not called."""
    ours = text.replace("adobe/credentials", vault.credentials_secret)
    ours = ours.replace("adobe/token", vault.token_secret)
    ended = sh(f'rotator() {{ $ROTATOR "$@"; }}; aws() {{ :; }}; set -e\n{ours}', env=env)
    assert ended.returncode == 0, ended.stderr + ended.stdout


def test_page_leads_into_one_secret_for_both_and_out_of_it(
    inside: Cli, binding: LocalBinding, secrets_client: object, aws_env: dict[str, str]
) -> None:
    vault = Vault.of(binding, secrets_client)
    name = vault.credentials_secret
    inside("init", *binding.selectors, stdin=binding.init_input())
    before = vault.fields(name)

    walk(WAY_IN, vault, aws_env)
    shared = vault.fields(name)
    walk(WAY_OUT, vault, aws_env)

    assert shared["access_token"]
    assert shared["token_secrets"] == [vault.token_secret, name]
    assert vault.fields(name) == before
    assert vault.fields()["access_token"] != shared["access_token"]
    assert inside("status", vault.token_secret).returncode == 0


def test_page_takes_the_tag_off_that_the_way_in_has_set() -> None:
    assert "--bind-only" in WAY_IN
    assert "untag-resource --secret-id adobe/credentials --tag-keys rotator:credentials" in WAY_OUT
