"""The options that name a binding, for every command that works on one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from rotator.config import Settings

__all__ = ["add_names", "add_selectors", "settings_of"]


def add_names(parser: argparse.ArgumentParser) -> None:
    """Add the names of both secrets."""
    parser.add_argument(
        "--credentials-secret",
        metavar="ID",
        help="name or ARN of the secret that holds client id and secret"
        " (ROTATOR_CREDENTIALS_SECRET)",
    )
    parser.add_argument(
        "--token-secret",
        metavar="ID",
        help="name or ARN of the secret that consumers read (ROTATOR_TOKEN_SECRET)",
    )


def add_selectors(parser: argparse.ArgumentParser) -> None:
    """Add the names of both secrets, and what the policy goes by."""
    add_names(parser)
    parser.add_argument(
        "--cadence",
        metavar="DURATION",
        help="age at which a token is replaced, such as 23h (ROTATOR_CADENCE);"
        " without it 23h, or less for tokens that live for less than a day",
    )
    parser.add_argument(
        "--tick",
        metavar="DURATION",
        help="how often the scheduler starts the job (ROTATOR_TICK); without it 15m",
    )


def settings_of(args: argparse.Namespace, **more: str | None) -> Settings:
    """The settings that flags and environment name; raises ConfigError."""
    from rotator.config import load_settings

    names = ("credentials_secret", "token_secret", "cadence", "tick")
    given = {name: getattr(args, name, None) for name in names} | more
    return load_settings({f"--{name.replace('_', '-')}": text for name, text in given.items()})
