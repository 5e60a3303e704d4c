"""Which row of the evidence ran in which world: the second table of docs/reliability.md.

`python -m tests.evidence.table_of_worlds` prints it.
"""

from collections.abc import Iterator

from tests.evidence.matrix import FAULTS_OF_A_WORLD
from tests.evidence.protocol_state import Scenario
from tests.evidence.provider_kinds import KINDS
from tests.evidence.races import OF_A_DECISIVE_WORLD, OF_A_WORLD
from tests.evidence.replay import LIFETIME
from tests.evidence.scenarios import SCENARIOS
from tests.evidence.worlds import STAGE_WORLDS, StageWorld

HEAD = ("the provider's world", "faults", "races", "years", "interleavings")
LIVES = frozenset({"lives that shorten", "lives that lengthen"})
KIND_OF = {
    "cached tokens": ("cached tokens of a day", "cached tokens of an hour"),
    "one active token": ("one active token",),
    "announced too long": ("a wrong announcement", "a wrong announcement, stored token probed"),
    **dict.fromkeys(LIVES, ("lives that shorten and lengthen",)),
}
"""The kinds of the simulated years that play the world of this name."""


def table_of_worlds() -> str:
    """A Markdown table, one line a world; a cell is empty where nothing could differ."""
    lines = [HEAD, ("---",) * len(HEAD), *_rows()]
    return "\n".join(
        f"| {' | '.join(line)} |".replace("  ", " ").replace("  ", " ") for line in lines
    )


def _rows() -> Iterator[tuple[str, ...]]:
    plain = sum(_world_of(scenario) is None for scenario in SCENARIOS)
    yield "as Adobe IMS documents", "all, seven starts", "80", "ten", str(plain)
    for world in STAGE_WORLDS:
        yield (
            world.name,
            _number_of_faults(world),
            str(OF_A_DECISIVE_WORLD if world.decisive else OF_A_WORLD),
            str(len(_kinds(world.name)) or ""),
            str(sum(_world_of(scenario) == world.name for scenario in SCENARIOS) or ""),
        )


def _number_of_faults(world: StageWorld) -> str:
    return "all, one start" if world.decisive else f"{FAULTS_OF_A_WORLD} drawn"


def _kinds(world: str) -> tuple[str, ...]:
    return tuple(KINDS[name].name for name in KIND_OF.get(world, ()))


def _world_of(scenario: Scenario) -> str | None:
    """The world that the rotators of a scenario live in, None for Adobe's."""
    first = scenario.runners[0]
    if first.cached:
        return "cached tokens"
    if first.single_active:
        return "one active token"
    return "lives that shorten" if first.lifetime < LIFETIME else None


if __name__ == "__main__":
    print(table_of_worlds())
