"""What each exit code says, and which error ends with which."""

from __future__ import annotations

from rotator.errors import (
    ConfigError,
    CredentialsError,
    MintError,
    ProbeError,
    RotatorError,
    StoreError,
    TokenUnavailable,
)

__all__ = ["EXIT_CODES", "exit_code"]

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_CONFIGURATION = 2
EXIT_REFUSED = 3
EXIT_TEMPORARY = 4
EXIT_SECRETS_MANAGER = 5
EXIT_NO_TOKEN = 6
EXIT_INTERRUPTED = 128 + 2
EXIT_TERMINATED = 128 + 15

EXIT_CODES = {
    EXIT_OK: "done: rotated, or not due",
    EXIT_UNEXPECTED: "unexpected",
    EXIT_CONFIGURATION: "usage or configuration, the credentials secret's content included",
    EXIT_REFUSED: "the provider refused the credentials, the scope or the token",
    EXIT_TEMPORARY: "temporary: throttled, unreachable, timed out; the next run tries again",
    EXIT_SECRETS_MANAGER: "Secrets Manager refused, or the secret is missing",
    EXIT_NO_TOKEN: "no usable token to read",
}


def exit_code(error: RotatorError) -> int:
    """The code that a command ends with because of `error`."""
    if isinstance(error, TokenUnavailable):
        return EXIT_NO_TOKEN
    if error.retryable:
        return EXIT_TEMPORARY
    if isinstance(error, ConfigError | CredentialsError):
        return EXIT_CONFIGURATION
    if isinstance(error, StoreError):
        return EXIT_SECRETS_MANAGER
    if isinstance(error, MintError):
        # RFC 6749 section 5.2: an error code, or a 4xx of any kind, is the provider's "no".
        said_no = error.oauth_error is not None or 400 <= (error.status or 0) < 500  # noqa: PLR2004
        return EXIT_REFUSED if said_no else EXIT_UNEXPECTED
    if isinstance(error, ProbeError):
        return EXIT_REFUSED if error.status in {401, 403} else EXIT_UNEXPECTED
    return EXIT_UNEXPECTED
