"""Which error ends a command with which code."""

from typing import TypedDict

import pytest

from rotator.cli.exit_codes import EXIT_CODES, exit_code
from rotator.errors import (
    ClientAdminError,
    ConfigError,
    CredentialsError,
    MintError,
    ProbeError,
    RotatorError,
    SecretNotFound,
    StoreError,
    TokenUnavailable,
    VersionConflict,
)


class KnownCall(TypedDict):
    """What every error of the store says besides."""

    operation: str
    secret_id: str


CALL: KnownCall = {"operation": "GetSecretValue", "secret_id": "adobe/token"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RotatorError("x: y"), 1),
        (RotatorError("x: y", retryable=True), 4),
        (ConfigError("x: y"), 2),
        (CredentialsError("x: y"), 2),
        (MintError("x: y", status=400, oauth_error="invalid_client"), 3),
        (MintError("x: y", status=200, oauth_error="invalid_scope"), 3),
        (MintError("x: y", status=404), 3),
        (MintError("x: y", status=307), 3),
        (MintError("x: y", status=200), 3),
        (MintError("x: y"), 3),
        (MintError("x: y", status=503, retryable=True), 4),
        (MintError("x: y", status=429, oauth_error="slow_down", retryable=True), 4),
        (ClientAdminError("x: y", status=403), 3),
        (ClientAdminError("x: y", retryable=True), 4),
        (ProbeError("x: y", status=401, is_refusal=True), 3),
        (ProbeError("x: y", status=418), 2),
        (ProbeError("x: y", retryable=True), 4),
        (StoreError("x: y", **CALL), 5),
        (SecretNotFound("x: y", **CALL), 5),
        (VersionConflict("x: y", **CALL), 5),
        (StoreError("x: y", retryable=True, **CALL), 4),
        (TokenUnavailable("x: y"), 6),
        (TokenUnavailable("x: y", retryable=False), 6),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_error_ends_with_the_code_of_its_kind(error: RotatorError, code: int) -> None:
    assert exit_code(error) == code
    assert code in EXIT_CODES


def test_codes_are_those_that_schedulers_and_monitors_rely_on() -> None:
    assert sorted(EXIT_CODES) == [0, 1, 2, 3, 4, 5, 6, 7]
