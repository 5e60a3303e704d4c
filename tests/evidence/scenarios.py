"""What the state explorer is given: who runs at once, on what, and against which adversary."""

from datetime import timedelta

from tests.evidence.protocol import explore
from tests.evidence.protocol_state import Budget, Scenario
from tests.evidence.replay import Runner
from tests.evidence.row import Effort, TableRow

A, B, C, D = (Runner(name) for name in "ABCD")
F, G = (Runner(name, forced=True) for name in "FG")
S, T = (Runner(name, shared=True) for name in "ST")
X, Y, Z = (Runner(name, single_active=True) for name in "XYZ")
K, L, M = (Runner(name, cached=True) for name in "KLM")
N = Runner("N", cached=True, forced=True)
P, Q = (Runner(name, lifetime=timedelta(hours=2)) for name in "PQ")
R = Runner("R", forced=True, lifetime=timedelta(hours=2))
U = Runner("U", shared=True, forced=True)

SPOILT = Budget(crashes=1, lost=1, again=1, stale=1)

SCENARIOS = (
    Scenario("four at once", (A, B, C, D), Budget(crashes=1)),
    Scenario("three, all faults", (A, B, C), SPOILT),
    Scenario("two, faults in pairs", (A, B), Budget(crashes=2, lost=2, again=2, stale=4)),
    Scenario("secret without a value", (A, B), SPOILT, "empty"),
    Scenario("secret with junk in it", (A, B), SPOILT, "junk"),
    Scenario("expired token", (A, B), SPOILT, "expired"),
    Scenario("successor moved aside", (A, B), SPOILT, "moved"),
    Scenario("forced on a fresh token", (F, G, A), SPOILT, "fresh"),
    Scenario("forced among others", (F, A, B), SPOILT),
    Scenario("rollback by hand", (A, B, F), Budget(crashes=1, again=1, rollbacks=1)),
    Scenario("rollback, and reads that lag", (A, B), Budget(stale=2, rollbacks=2, again=1)),
    Scenario("value stored by hand", (A, B), Budget(crashes=1, again=1, lost=1, stored=2)),
    Scenario("a period passes meanwhile", (A, B), Budget(crashes=1, lost=1, stale=1, periods=1)),
    Scenario("two periods pass meanwhile", (A, B), Budget(crashes=1, periods=2)),
    Scenario("one secret for both", (S, T), Budget(crashes=1, again=1, stale=1)),
    Scenario("one secret, edited by the team", (S, T), Budget(crashes=1, again=1, stored=1)),
    Scenario("one active token", (X, Y, Z), Budget()),
    Scenario("one active token, faults", (X, Y), Budget(again=1, stale=2)),
    Scenario("one active token, lost and crashed", (X, Y), SPOILT),
    Scenario("one secret, edited, forced", (U, S), Budget(again=1, stored=1, lost=1)),
    Scenario("cached token that serves on", (K, L, M), SPOILT),
    Scenario(
        "cached token that has ended", (K, L, M), Budget(crashes=1, again=1, stale=1), "expired"
    ),
    Scenario("cached token that nobody has stored", (K, L), SPOILT, "empty"),
    Scenario("cached token, forced", (N, K), SPOILT, "expired"),
    Scenario("cached token that ends meanwhile", (K, L), Budget(crashes=1, lost=1, periods=1)),
    Scenario("lives that shorten", (P, Q), SPOILT),
    Scenario("lives that shorten, forced", (R, P), SPOILT, "fresh"),
)

LONG_SCENARIOS = (
    *SCENARIOS,
    Scenario("four, all faults", (A, B, C, D), SPOILT),
    Scenario("three, faults in pairs", (A, B, C), Budget(crashes=2, lost=2, again=2, stale=3)),
    Scenario("two periods, three at once", (A, B, F), Budget(periods=2)),
    Scenario("two and every hand", (A, F), Budget(1, 1, 1, 1, 1, 1, 1)),
)


def interleavings(effort: Effort) -> TableRow:
    """Every scenario, to the last of its states."""
    row = TableRow("every interleaving of publishing", "2, 3", "states")
    endings = 0
    for scenario in LONG_SCENARIOS if effort.long else SCENARIOS:
        if effort.wants(scenario.name):
            found = explore(scenario)
            row.add(scenario.name, found.violation)
            row.count += found.states - 1
            endings += found.endings
    row.notes.append(f"{endings} endings, each followed by a healthy run")
    return row
