"""Manifests right and wrong: `rotator run --config FILE --dry-run` and the schema say the same."""

import subprocess
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from jsonschema import Draft202012Validator

from rotator.local.binding import LocalBinding
from rotator.model.fields import load_object
from tests.integration.cli.rig import Cli
from tests.integration.cli.vault import Vault

SCHEMAS = Path(__file__).parents[3] / "rotator" / "schemas"
VALIDATOR = Draft202012Validator(
    load_object((SCHEMAS / "fleet-manifest.schema.json").read_text("utf-8"))
)
CREDENTIALS, TOKEN = 'credentials_secret = "{credentials}"\n', 'token_secret = "{token}"\n'
ONE = "[[binding]]\n" + CREDENTIALS + TOKEN
SECOND = ONE + "[[binding]]\n" + CREDENTIALS
API = "https://api.example/me"

TAKEN = [
    ONE,
    "[fleet]\n" + ONE,
    "fleet = {}\n" + ONE,
    '[fleet]\nname = "creative team, prod"\ninterval = "15m"\ncadence = "22h30m"\n' + ONE,
    '[fleet]\nspread = " 30m "\nworkers = 256\nputs_per_s = 10000\nreads_per_s = 0.5\n' + ONE,
    "[fleet]\nworkers = 16.0\nputs_per_s = 40.0\n" + ONE,
    ONE + f'cadence = "23h"\nprobe_url = "{API}"\n',
    ONE + 'probe_url = "http://127.0.0.1:9/me"\n',
    ONE + 'probe_url = "HTTPS://api.example/@me?a=b@c"\n',
]


class Wrong(NamedTuple):
    """A manifest that is wrong, and what the command says of it."""

    text: str
    says: str


REFUSED = [
    # The file.
    Wrong("", "manifest: has no bindings"),
    Wrong("binding = []\n", "manifest: has no bindings"),
    Wrong('binding = "a"\n', "manifest: has no bindings"),
    Wrong("[binding]\n" + CREDENTIALS + TOKEN, "manifest: [binding] has single brackets"),
    Wrong("[[bindings]]\n" + CREDENTIALS + TOKEN, "unknown key; did you mean binding?"),
    Wrong("version = 1\n" + ONE, "manifest: has an unknown key; known are fleet, binding"),
    # The table of the fleet.
    Wrong("fleet = 1\n" + ONE, "manifest: [fleet] must be a table"),
    Wrong("[[fleet]]\n" + ONE, "manifest: [fleet] must be a table"),
    Wrong('[fleet]\ncadance = "1h"\n' + ONE, "[fleet]: has an unknown key; did you mean cadence"),
    Wrong('[fleet]\nprobe_url = "' + API + '"\n' + ONE, "[fleet]: has an unknown key"),
    Wrong('[fleet]\nname = " "\n' + ONE, "[fleet]: name must be a non-empty string"),
    Wrong('[fleet]\nname = "b\u00fcro"\n' + ONE, "[fleet]: name must be printable ASCII"),
    Wrong('[fleet]\nname = ":a"\n' + ONE, "[fleet]: name must be printable ASCII"),
    Wrong('[fleet]\nname = "a\\n"\n' + ONE, "[fleet]: name must be printable ASCII"),
    Wrong("[fleet]\nname = 3\n" + ONE, "[fleet]: name must be a non-empty string"),
    Wrong("[fleet]\nname = 2026-01-01\n" + ONE, "[fleet]: name must be a non-empty string"),
    Wrong("[fleet]\ninterval = 15\n" + ONE, "[fleet]: interval must be a non-empty string"),
    Wrong('[fleet]\ninterval = "15"\n' + ONE, "[fleet]: interval is not a duration"),
    Wrong('[fleet]\ncadence = "1m2h"\n' + ONE, "[fleet]: cadence is not a duration"),
    Wrong('[fleet]\ncadence = "1.5h"\n' + ONE, "[fleet]: cadence is not a duration"),
    Wrong('[fleet]\ncadence = "-1h"\n' + ONE, "[fleet]: cadence is not a duration"),
    Wrong('[fleet]\nspread = "0h"\n' + ONE, "[fleet]: spread is zero"),
    Wrong("[fleet]\nworkers = 0\n" + ONE, "[fleet]: workers must be a whole number"),
    Wrong("[fleet]\nworkers = 257\n" + ONE, "[fleet]: workers must be a whole number"),
    Wrong("[fleet]\nworkers = 1.5\n" + ONE, "[fleet]: workers must be a whole number"),
    Wrong("[fleet]\nworkers = true\n" + ONE, "[fleet]: workers must be a whole number"),
    Wrong('[fleet]\nworkers = "4"\n' + ONE, "[fleet]: workers must be a whole number"),
    Wrong("[fleet]\nputs_per_s = 0\n" + ONE, "[fleet]: puts_per_s must be a number, 0.1 to"),
    Wrong("[fleet]\nputs_per_s = true\n" + ONE, "[fleet]: puts_per_s must be a number, 0.1 to"),
    Wrong('[fleet]\nputs_per_s = "9"\n' + ONE, "[fleet]: puts_per_s must be a number, 0.1 to"),
    Wrong("[fleet]\nreads_per_s = -1\n" + ONE, "[fleet]: reads_per_s must be a number, 0.1 to"),
    Wrong("[fleet]\nreads_per_s = inf\n" + ONE, "[fleet]: reads_per_s must be a number, 0.1 to"),
    # Its bindings.
    Wrong("binding = [1]\n", "manifest: binding 1 must be a table"),
    Wrong("[[binding]]\n" + CREDENTIALS, "binding 1: token_secret is missing"),
    Wrong("[[binding]]\n" + TOKEN, "binding 1: credentials_secret is missing"),
    Wrong(SECOND, "binding 2: token_secret is missing"),
    Wrong(SECOND + 'token_secret = ""\n', "binding 2: token_secret must be a non-empty string"),
    Wrong(SECOND + "token_secret = 7\n", "binding 2: token_secret must be a non-empty string"),
    Wrong(SECOND + 'token_secret = "a b"\n', "binding 2: token_secret: is not a valid secret"),
    Wrong(ONE + 'tokensecret = "x"\n', "has an unknown key; did you mean token_secret?"),
    Wrong(ONE + 'spread = "1h"\n', "binding 1: has an unknown key"),
    Wrong(ONE + "cadence = 23\n", "binding 1: cadence must be a non-empty string"),
    Wrong(ONE + 'cadence = "soon"\n', "binding 1: cadence is not a duration"),
    Wrong(ONE + 'probe_url = ""\n', "binding 1: probe_url must be a non-empty string"),
    Wrong(ONE + 'probe_url = "api.example"\n', "binding 1: probe_url is not an https URL"),
    Wrong(ONE + 'probe_url = "ftp://a.example"\n', "binding 1: probe_url is not an https URL"),
    Wrong(ONE + 'probe_url = "https://u:p@a.example"\n', "binding 1: probe_url holds user info"),
    Wrong(ONE + f'probe_url = "{API}#x"\n', "binding 1: probe_url holds a fragment"),
    Wrong(ONE + f'probe_url = "{API}\\n"\n', "binding 1: probe_url holds white space"),
]
ONLY_THE_COMMAND_KNOWS = [
    Wrong(ONE + ONE, "binding 2: token_secret is that of binding 1 too"),
    Wrong(
        ONE + "[[binding]]\n" + 'credentials_secret = "{token}"\ntoken_secret = "{credentials}"\n',
        "token secret {credentials}: is the credentials secret of another binding",
    ),
    Wrong('[fleet]\ncadence = "400d"\n' + ONE, "[fleet]: cadence is zero, or longer than a year"),
    Wrong("[fleet]\nputs_per_s = nan\n" + ONE, "[fleet]: puts_per_s must be a number, 0.1 to"),
    Wrong(ONE + 'probe_url = "http://api.example"\n', "binding 1: probe_url must use https"),
]
NO_TOML = [
    Wrong("[fleet\n" + ONE, "manifest: is not TOML (at line 1"),
    Wrong(ONE + TOKEN, "manifest: is not TOML (at line 4"),
    Wrong("[fleet]\n[fleet]\n" + ONE, "manifest: is not TOML (at line 2"),
]


@pytest.fixture
def dry_run(inside: Cli, vault: Vault, tmp_path: Path) -> Cli:
    """The command with this manifest, for two secrets that exist."""
    vault.put_credentials()

    def run(text: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "fleet.toml").write_text(fill_in(text, vault), "utf-8")
        return inside("run", "--config", str(tmp_path / "fleet.toml"), "--dry-run")

    return run


def fill_in(text: str, binding: LocalBinding) -> str:
    text = text.replace("{credentials}", binding.credentials_secret)
    return text.replace("{token}", binding.token_secret)


def is_valid(text: str, binding: LocalBinding) -> bool:
    return VALIDATOR.is_valid(tomllib.loads(fill_in(text, binding)))


@pytest.mark.parametrize("text", TAKEN)
def test_manifest_that_the_schema_takes_is_taken(
    dry_run: Cli, binding: LocalBinding, text: str
) -> None:
    ended = dry_run(text)

    assert is_valid(text, binding)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("case", [*REFUSED, *ONLY_THE_COMMAND_KNOWS, *NO_TOML])
def test_manifest_that_is_wrong_is_refused_by_the_key(
    dry_run: Cli, vault: Vault, case: Wrong
) -> None:
    before = vault.versions()

    ended = dry_run(case.text)

    assert ended.returncode == 2
    assert fill_in(case.says, vault) in ended.stdout
    assert vault.versions() == before
    if case not in NO_TOML:
        assert is_valid(case.text, vault) == (case in ONLY_THE_COMMAND_KNOWS)
