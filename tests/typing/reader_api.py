"""What callers of the reader write, as type checkers see it: `make types`; nothing here is run."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Literal, assert_type

import httpx
import requests

from rotator.errors import ConfigError, SecretNotFound, StoreError, TokenUnavailable
from rotator.reader import Snapshot, TokenReader, get_token
from rotator.reader.source import Source
from rotator.testing import FakeTokenReader


def read(reader: TokenReader) -> None:
    assert_type(get_token("photoshop/token"), str)
    assert_type(reader.token(), str)
    assert_type(reader.headers(), dict[str, str])
    snapshot = reader.current()
    assert_type(snapshot, Snapshot)
    assert_type(snapshot.expires_at, datetime)
    assert_type(snapshot.next_rotation_at, datetime | None)
    assert_type(snapshot.client_id, str | None)


async def read_on_a_loop(reader: TokenReader) -> None:
    assert_type(await reader.token_async(), str)
    assert_type(await reader.current_async(), Snapshot)


def recover(reader: TokenReader) -> bool:
    assert_type(reader.refused("token", 401, b"{}"), Literal["retry", "back_off", "keep"])
    return reader.invalidate("token")


def call(reader: TokenReader) -> None:
    requests.get(
        "https://api.example.com/", auth=reader.requests_auth("api.example.com"), timeout=9
    )
    with httpx.Client(auth=reader.httpx_auth("api.example.com", "*.example.org")) as client:
        client.get("https://api.example.com/")
    provider: Callable[[], str] = reader.token
    provider()


class VaultSource(Source):
    """A source of the caller's."""

    has_fresh = False

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        """As GetSecretValue answers."""
        return {"SecretString": f"{secret_id} {stage} {fresh}"}


def make(pool: ThreadPoolExecutor, client: object) -> list[TokenReader]:
    own: Source = VaultSource()
    with TokenReader("s") as reader:
        reader.close()
    return [
        TokenReader("s", source="agent"),
        TokenReader("s", source=own),
        TokenReader("s", source=["extension", own, "sdk"], regions=("eu-west-1", "us-east-1")),
        TokenReader("s", client=client),
        TokenReader("s", background=False),
        TokenReader("s", background=pool.submit),
        FakeTokenReader("first", client_id=None, lives_s=60),
    ]


def explain(error: Exception) -> str:
    match error:
        case TokenUnavailable():
            assert_type(error.expires_at, datetime | None)
            return str(error)
        case SecretNotFound() | StoreError():
            assert_type(error.retryable, bool)
            return error.secret_id
        case ConfigError():
            return str(error)
        case _:
            return type(error).__name__


def misuse(reader: TokenReader) -> None:
    """Each line is an error; a checker that accepts one reports its comment as of no use."""
    TokenReader("s", surce="agent")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    TokenReader("s", "agent")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    TokenReader("s", regions=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    reader.invalidate()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
