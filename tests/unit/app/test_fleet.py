"""A fleet's settings: what was set takes the place of what the manifest says."""

from pathlib import Path

import pytest

from rotator.app.fleet import Fleet
from rotator.config import load_fleet
from rotator.fleet.settings import FleetSettings

MANIFEST = """
[fleet]
puts_per_s = 10
reads_per_s = 20

[[binding]]
credentials_secret = "c"
token_secret = "t"
"""


@pytest.mark.parametrize(
    ("environ", "has_manifest", "paces"),
    [
        ({}, False, (FleetSettings().puts_per_s, FleetSettings().reads_per_s)),
        ({}, True, (10, 20)),
        ({"ROTATOR_PUTS_PER_S": "50"}, True, (50, 20)),
        ({"ROTATOR_PUTS_PER_S": "50", "ROTATOR_READS_PER_S": "100"}, True, (50, 100)),
        ({"ROTATOR_READS_PER_S": "100"}, False, (FleetSettings().puts_per_s, 100)),
    ],
)
def test_paces_that_are_set_win_over_those_of_the_manifest(
    tmp_path: Path, environ: dict[str, str], *, has_manifest: bool, paces: tuple[float, float]
) -> None:
    manifest = tmp_path / "fleet.toml"
    manifest.write_text(MANIFEST)
    given = {"--config": str(manifest)} if has_manifest else {"--discover": "true"}
    selector = load_fleet(given, environ={"AWS_REGION": "eu-west-1", **environ})
    assert selector is not None

    settings = Fleet(selector).settings

    assert (settings.puts_per_s, settings.reads_per_s) == paces
