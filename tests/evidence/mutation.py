"""One breakage of the code."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """In `file`, `old`, which is there once, becomes `new`; pytest runs `check`.

    The file is one of the package, or one of `infra/` or `docs/` with that in front.
    """

    file: str
    old: str
    new: str
    check: str

    @property
    def path(self) -> str:
        """The file, from the root of the repository."""
        is_whole = self.file.startswith(("infra/", "docs/"))
        return self.file if is_whole else f"rotator/{self.file}"
