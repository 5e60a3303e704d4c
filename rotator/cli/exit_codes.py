"""The exit codes, and the exit code of each error."""

from __future__ import annotations

from rotator.errors import (
    ClientAdminError,
    ConfigError,
    CredentialsError,
    MintError,
    ProbeError,
    RotatorError,
    StoreError,
    TokenUnavailable,
)

__all__ = [
    "EXIT_CODES",
    "EXIT_CONFIGURATION",
    "EXIT_INTERRUPTED",
    "EXIT_NO_TOKEN",
    "EXIT_OK",
    "EXIT_REFUSED",
    "EXIT_SEVERAL",
    "EXIT_TEMPORARY",
    "EXIT_TERMINATED",
    "EXIT_UNEXPECTED",
    "exit_code",
]

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_CONFIGURATION = 2
EXIT_REFUSED = 3
EXIT_TEMPORARY = 4
EXIT_SECRETS_MANAGER = 5
EXIT_NO_TOKEN = 6
EXIT_SEVERAL = 7
EXIT_INTERRUPTED = 128 + 2
EXIT_TERMINATED = 128 + 15

EXIT_CODES = {
    EXIT_OK: "done: rotated, or not due",
    EXIT_UNEXPECTED: "unexpected: a mistake of rotator's own; please report it",
    EXIT_CONFIGURATION: "usage or configuration: credentials secret and URLs of APIs included",
    EXIT_REFUSED: "the provider refused credentials, scope or token, or its response is unusable",
    EXIT_TEMPORARY: "temporary: throttled, unreachable, timed out; of status: overdue",
    EXIT_SECRETS_MANAGER: "Secrets Manager refused, or the secret is missing",
    EXIT_NO_TOKEN: "no usable token to read",
    EXIT_SEVERAL: "several bindings failed, for different reasons",
}


def exit_code(error: RotatorError) -> int:
    """The exit code of a command that fails with `error`."""
    if isinstance(error, TokenUnavailable):
        return EXIT_NO_TOKEN
    if error.retryable:
        return EXIT_TEMPORARY
    if isinstance(error, ConfigError | CredentialsError):
        return EXIT_CONFIGURATION
    if isinstance(error, StoreError):
        return EXIT_SECRETS_MANAGER
    if isinstance(error, MintError | ClientAdminError):
        return EXIT_REFUSED
    if isinstance(error, ProbeError):
        return EXIT_REFUSED if error.is_refusal else EXIT_CONFIGURATION
    return EXIT_UNEXPECTED
