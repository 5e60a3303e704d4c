"""All rows by name."""

import time
from collections.abc import Callable

from tests.evidence.bad_input import bad_input
from tests.evidence.client_secrets import client_secrets
from tests.evidence.decade import decade
from tests.evidence.fleet_discovery import fleet_discovery
from tests.evidence.fleet_rows import fleet_faults, fleet_hangs, fleet_kills, fleet_races
from tests.evidence.fleet_year import fleet_year
from tests.evidence.kills import kills_at_calls, kills_at_random, signals
from tests.evidence.leaks import leaks
from tests.evidence.matrix import fault_pairs, single_faults, world_faults
from tests.evidence.native_faults import native_faults
from tests.evidence.native_histories import native_histories
from tests.evidence.native_races import native_races
from tests.evidence.provider_worlds import provider_decade, provider_worlds
from tests.evidence.races import races, races_of_processes, world_races
from tests.evidence.row import Effort, TableRow
from tests.evidence.scenarios import interleavings

# The longest first: the last one to start decides when all is done.
ROWS: dict[str, Callable[[Effort], TableRow]] = {
    "faults": single_faults,
    "decade": decade,
    "fleet-faults": fleet_faults,
    "fleet-year": fleet_year,
    "world-faults": world_faults,
    "world-decade": provider_decade,
    "processes": races_of_processes,
    "leaks": leaks,
    "pairs": fault_pairs,
    "input": bad_input,
    "kills": kills_at_calls,
    "random-kills": kills_at_random,
    "fleet-kills": fleet_kills,
    "fleet-races": fleet_races,
    "fleet-discovery": fleet_discovery,
    "fleet-hangs": fleet_hangs,
    "races": races,
    "world-races": world_races,
    "signals": signals,
    "protocol": interleavings,
    "worlds": provider_worlds,
    "client-secrets": client_secrets,
    "native-races": native_races,
    "native-faults": native_faults,
    "native-histories": native_histories,
}


def run_row(name: str, effort: Effort) -> tuple[str, TableRow, float]:
    """The row of that name, and how many seconds it took."""
    began = time.monotonic()
    return name, ROWS[name](effort), time.monotonic() - began
