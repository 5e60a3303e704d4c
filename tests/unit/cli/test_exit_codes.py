"""Which error ends a command with which code."""

from typing import Any

import pytest

from rotator import errors
from rotator.cli.exit_codes import EXIT_CODES, exit_code
from rotator.errors import RotatorError

CALL: dict[str, Any] = {"operation": "GetSecretValue", "secret_id": "adobe/token"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RotatorError("x: y"), 1),
        (RotatorError("x: y", retryable=True), 4),
        (errors.ConfigError("x: y"), 2),
        (errors.CredentialsError("x: y"), 2),
        (errors.MintError("x: y", status=400, oauth_error="invalid_client"), 3),
        (errors.MintError("x: y", status=200, oauth_error="invalid_scope"), 3),
        (errors.MintError("x: y", status=404), 3),
        (errors.MintError("x: y", status=307), 3),
        (errors.MintError("x: y", status=200), 3),
        (errors.MintError("x: y"), 3),
        (errors.MintError("x: y", status=503, retryable=True), 4),
        (errors.MintError("x: y", status=429, oauth_error="slow_down", retryable=True), 4),
        (errors.ClientAdminError("x: y", status=403), 3),
        (errors.ClientAdminError("x: y", retryable=True), 4),
        (errors.ProbeError("x: y", status=401, is_refusal=True), 3),
        (errors.ProbeError("x: y", status=418), 2),
        (errors.ProbeError("x: y", retryable=True), 4),
        (errors.StoreError("x: y", **CALL), 5),
        (errors.SecretNotFound("x: y", **CALL), 5),
        (errors.VersionConflict("x: y", **CALL), 5),
        (errors.StoreError("x: y", retryable=True, **CALL), 4),
        (errors.TokenUnavailable("x: y"), 6),
        (errors.TokenUnavailable("x: y", retryable=False), 6),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_error_ends_with_the_code_of_its_kind(error: RotatorError, code: int) -> None:
    assert exit_code(error) == code
    assert code in EXIT_CODES


def test_codes_are_those_that_schedulers_and_monitors_rely_on() -> None:
    assert sorted(EXIT_CODES) == [0, 1, 2, 3, 4, 5, 6, 7]
