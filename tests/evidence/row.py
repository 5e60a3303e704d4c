"""One line of the table that `make prove` ends with."""

import random
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to try: `seed` decides what, `long` for all of it, `case` for one case alone.

    `limit` is the most that is drawn of one kind, None for as much as `make prove` takes.
    """

    seed: int = 1
    long: bool = False
    case: str | None = None
    limit: int | None = None

    def turns(self, short: int, long: int) -> int:
        """How many to draw: `short` of them, or `long` in a long run."""
        return long if self.long else short if self.limit is None else self.limit

    def random(self, purpose: str) -> random.Random:
        """Randomness of its own for each purpose, the same for the same seed."""
        return random.Random(f"{self.seed}/{purpose}")  # noqa: S311 - to be repeatable

    def wants_any(self, beginning: str) -> bool:
        """Whether any case with a name that begins so is to be run."""
        return self.case is None or self.case.startswith(beginning)

    def wants(self, case: str) -> bool:
        return self.case is None or self.case == case


@dataclass(slots=True)
class TableRow:
    """What was tried and what broke: `counted` is the unit of `count`."""

    name: str
    promise: str
    counted: str
    count: int = 0
    violations: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    example: str = ""

    def add(self, case: str, problem: str | None) -> None:
        """Count a case, and its violation if there is one."""
        self.count += 1
        self.example = self.example or case
        if problem is not None:
            self.violations.append(f"{case}: {problem}")
