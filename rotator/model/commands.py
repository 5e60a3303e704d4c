"""The commands that messages suggest, complete with the names of the secrets.

Pasted without an ID, a command fails, or changes the secret that the environment happens to name.
"""

from __future__ import annotations

__all__ = ["init_command", "run_command", "set_command"]

UNKNOWN = "ID"
"""The placeholder for a secret whose name is not known, as in `--help`."""


def set_command(credentials_secret: str, options: str = "") -> str:
    """The command that changes settings or the client secret in this credentials secret."""
    return _command("credentials set", credentials_secret, options)


def run_command(credentials_secret: str | None, token_secret: str | None, options: str = "") -> str:
    """The command that runs the job on this binding."""
    return _command("run", _binding(credentials_secret, token_secret), options)


def init_command(
    credentials_secret: str | None, token_secret: str | None, options: str = ""
) -> str:
    """The command that creates or binds these two secrets."""
    return _command("init", _binding(credentials_secret, token_secret), options)


def _binding(credentials_secret: str | None, token_secret: str | None) -> str:
    return (
        f"--credentials-secret {credentials_secret or UNKNOWN}"
        f" --token-secret {token_secret or UNKNOWN}"
    )


def _command(name: str, secrets: str, options: str) -> str:
    return f"`{' '.join(filter(None, ['rotator', name, secrets, options]))}`"
