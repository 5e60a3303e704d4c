"""How long a status may take."""

import threading
from collections.abc import Callable
from typing import Any, NoReturn, Self

import pytest
from botocore.credentials import DeferredRefreshableCredentials
from botocore.session import Session

from rotator.app import Rotator
from rotator.aws.store import SecretsManagerStore
from rotator.config import load_settings
from rotator.errors import ConfigError, StoreError


class Limited:
    """A store that keeps the time limit which it is given."""

    left_s: Callable[[], float]

    def fetch_credentials(self, _: str) -> None:
        pass

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


def test_prompt_for_an_mfa_code_is_not_cut_off_by_the_time_limit() -> None:
    """A call with a time limit runs in another thread, and is abandoned at the limit."""
    prompted: list[threading.Thread] = []

    def prompt() -> NoReturn:
        prompted.append(threading.current_thread())
        raise EOFError

    session = Session()
    credentials = DeferredRefreshableCredentials(prompt, method="assume-role")
    session._credentials = credentials  # type: ignore[attr-defined]  # noqa: SLF001
    client: Any = session.create_client("secretsmanager", region_name="eu-west-1")

    with pytest.raises(ConfigError, match="asks for an MFA code"):
        Rotator(SecretsManagerStore(client)).status(
            load_settings({"--token-secret": "t"}, environ={})
        )
    assert prompted == [threading.current_thread()]
