"""How long a status may take."""

from collections.abc import Callable
from typing import Any, Self

import pytest

from rotator.app import Rotator
from rotator.config import load_settings
from rotator.errors import StoreError


class Limited:
    """A store that keeps the time limit which it is given."""

    left_s: Callable[[], float]

    def limit_time(self, left_s: Callable[[], float]) -> Self:
        self.left_s = left_s
        return self

    def read(self, *_: str) -> None:
        raise StoreError("no answer", operation="GetSecretValue", secret_id="t", retryable=True)


def test_status_gives_up_after_the_documented_twenty_seconds() -> None:
    store: Any = Limited()
    with pytest.raises(StoreError):
        Rotator(store).status(load_settings({"--token-secret": "t"}, environ={}))
    assert 0 < store.left_s() <= 20
