"""All rows by name."""

import time
from collections.abc import Callable

from tests.evidence.bad_input import bad_input
from tests.evidence.client_secrets import client_secrets
from tests.evidence.decade import decade
from tests.evidence.fleet_discovery import fleet_discovery
from tests.evidence.fleet_rows import fleet_faults, fleet_hangs, fleet_kills, fleet_races
from tests.evidence.fleet_sick import fleet_sick_clients
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

# The longest first, by the table in docs/reliability.md: the last one to start decides when all
# is done.
ROWS: dict[str, Callable[[Effort], TableRow]] = {
    "faults": single_faults,
    "decade": decade,
    "world-decade": provider_decade,
    "pairs": fault_pairs,
    "world-faults": world_faults,
    "leaks": leaks,
    "races": races,
    "native-races": native_races,
    "input": bad_input,
    "fleet-faults": fleet_faults,
    "client-secrets": client_secrets,
    "random-kills": kills_at_random,
    "fleet-year": fleet_year,
    "native-histories": native_histories,
    "world-races": world_races,
    "protocol": interleavings,
    "kills": kills_at_calls,
    "fleet-kills": fleet_kills,
    "processes": races_of_processes,
    "worlds": provider_worlds,
    "signals": signals,
    "fleet-races": fleet_races,
    "native-faults": native_faults,
    "fleet-discovery": fleet_discovery,
    "fleet-hangs": fleet_hangs,
    "fleet-sick-clients": fleet_sick_clients,
}


def run_row(name: str, effort: Effort) -> tuple[str, TableRow, float]:
    """The row of that name, and how many seconds it took."""
    began = time.monotonic()
    return name, ROWS[name](effort), time.monotonic() - began
