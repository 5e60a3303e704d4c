"""The one token endpoint in memory, for everything that takes an `Endpoint`."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from rotator.errors import RotatorError
from rotator.model.access_token import AccessToken, Minted
from rotator.model.client_credentials import ClientCredentials
from tests.support.clock import ManualClock
from tests.support.documents import DAY, token_document


def access_token(text: str = "canary-old", **details: Any) -> AccessToken:
    """A token as the product holds it, of what `token_document` takes."""
    return AccessToken.from_fields(token_document(text, **details))


@dataclass
class MemoryEndpoint:
    """Mints numbered tokens at the time of its clock, with `changes`, or raises `failure`."""

    clock: ManualClock = field(default_factory=ManualClock)
    lifetime: timedelta = DAY - timedelta(seconds=1)
    expected: timedelta | None = None
    failure: RotatorError | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    before_mint: list[Callable[[], object]] = field(default_factory=list)
    minted_for: list[ClientCredentials] = field(default_factory=list)

    @property
    def mints(self) -> int:
        return len(self.minted_for)

    def expected_lifetime(self, _: ClientCredentials) -> timedelta | None:
        return self.expected

    def mint(self, credentials: ClientCredentials) -> Minted:
        self.minted_for.append(credentials)
        if self.before_mint:
            self.before_mint.pop(0)()
        if self.failure is not None:
            raise self.failure
        minted = access_token(
            f"canary-new-{self.mints}",
            issued_at=self.clock.now(),
            lifetime=self.lifetime,
            next_rotation_at=None,
        )
        return Minted(replace(minted, **self.changes), self.warnings, client_secret_position=1)
