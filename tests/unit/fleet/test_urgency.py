"""Which token of a fleet somebody has to look at first."""

from datetime import timedelta
from itertools import pairwise

import pytest

from rotator.errors import ConfigError
from rotator.fleet.binding_status import BindingStatus, urgency
from rotator.model.binding import Binding
from rotator.model.status import Health, TokenStatus
from tests.support.clock import NOW
from tests.support.documents import HOUR

REFUSED = ConfigError("refused")


def token(health: Health, left: timedelta | None, due_in: timedelta | None = None) -> TokenStatus:
    return TokenStatus(
        "t",
        health,
        "fresh",
        expires_at=None if left is None else NOW + left,
        remaining=left,
        next_rotation_at=None if due_in is None else NOW + due_in,
    )


def binding(status: TokenStatus | None, *, is_refused: bool, by_tag: bool = False) -> BindingStatus:
    error = REFUSED if is_refused else None
    return BindingStatus(Binding("c", "t"), status, error, is_confirmed=not by_tag)


ORDER = {
    "no token": binding(token("unusable", None), is_refused=False),
    "ended three days ago": binding(token("unusable", -72 * HOUR), is_refused=False),
    "ended an hour ago, refused": binding(token("unusable", -HOUR), is_refused=True),
    "refused, not read": binding(None, is_refused=True),
    "overdue, ten minutes left": binding(token("overdue", HOUR / 6), is_refused=False),
    "refused, half an hour left": binding(token("overdue", HOUR / 2), is_refused=True),
    "refused, fresh": binding(token("healthy", 23 * HOUR, 22 * HOUR), is_refused=True),
    "tag alone, no token": binding(token("unusable", None), is_refused=True, by_tag=True),
    "healthy, due in an hour": binding(token("healthy", 2 * HOUR, HOUR), is_refused=False),
    "healthy, due later, ends sooner": binding(
        token("healthy", HOUR * 1.75, HOUR * 1.5), is_refused=False
    ),
    "healthy, fresh": binding(token("healthy", 24 * HOUR, 23 * HOUR), is_refused=False),
}


@pytest.mark.parametrize(("more", "less"), list(pairwise(ORDER)))
def test_binding_that_needs_somebody_sooner_comes_first(more: str, less: str) -> None:
    assert urgency(ORDER[more]) < urgency(ORDER[less])
