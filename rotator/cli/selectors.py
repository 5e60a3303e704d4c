"""The options that name secrets and select bindings, shared by the commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rotator.config import FleetSelector, Settings

__all__ = [
    "add_credentials_secret",
    "add_fleet",
    "add_names",
    "add_policy",
    "add_positional_token_secret",
    "add_token_secret",
    "load_job_settings",
    "load_selector",
    "named_credentials_secret",
    "named_token_secret",
    "typed_options",
]


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


def add_token_secret(parser: argparse.ArgumentParser) -> None:
    """Add the name of the token secret, as an argument or as an option."""
    add_positional_token_secret(parser)
    parser.add_argument("--token-secret", metavar="ID", help="the same, as an option")


def add_credentials_secret(parser: argparse.ArgumentParser) -> None:
    """Add the name of the credentials secret, as an argument or as an option."""
    _add_positional(parser, "credentials")
    parser.add_argument("--credentials-secret", metavar="ID", help="the same, as an option")


def add_positional_token_secret(parser: argparse.ArgumentParser) -> None:
    """Add the name of the token secret as an argument."""
    _add_positional(parser, "token")


def _add_positional(parser: argparse.ArgumentParser, kind: str) -> None:
    text = f"name or ARN of the {kind} secret (ROTATOR_{kind.upper()}_SECRET)"
    parser.add_argument("id", nargs="?", metavar="ID", help=text)


def add_policy(parser: argparse.ArgumentParser) -> None:
    """Add the settings of the renewal policy."""
    parser.add_argument(
        "--cadence",
        metavar="DURATION",
        help="age at which a token is replaced, such as 23h (ROTATOR_CADENCE);"
        " without it 23h, or less for tokens that live for less than a day",
    )
    parser.add_argument(
        "--interval",
        metavar="DURATION",
        help="how often the scheduler starts the job (ROTATOR_INTERVAL); without it 15m",
    )
    parser.add_argument("--tick", help=argparse.SUPPRESS)  # its old name, until 1.0


def named_token_secret(args: argparse.Namespace) -> str:
    """The token secret that ID, --token-secret or the environment names; raises ConfigError."""
    from rotator.config import load_secret_id

    return load_secret_id("token_secret", {"ID": args.id, "--token-secret": args.token_secret})


def named_credentials_secret(args: argparse.Namespace) -> str:
    """The secret that ID, --credentials-secret or the environment names; raises ConfigError."""
    from rotator.config import load_secret_id

    given = {"ID": args.id, "--credentials-secret": args.credentials_secret}
    return load_secret_id("credentials_secret", given)


def load_job_settings(args: argparse.Namespace, **more: str | None) -> Settings:
    """The settings of flags and environment; raises ConfigError."""
    from rotator.config import load_settings

    names = ("credentials_secret", "token_secret", "cadence", "interval", "tick", "spread")
    given = {name: getattr(args, name, None) for name in names} | more
    if getattr(args, "id", None) is not None:
        given["token_secret"] = named_token_secret(args)
    return load_settings({f"--{name.replace('_', '-')}": text for name, text in given.items()})


def typed_options(args: argparse.Namespace) -> str:
    """The typed options that select a fleet or set the policy, for a command that is suggested."""
    import shlex

    words = ["--discover"] if args.discover else []
    given = [("--config", args.config), *(("--where", pair) for pair in args.where or [])]
    given += [("--cadence", args.cadence), ("--interval", args.interval or args.tick)]
    given.append(("--spread", args.spread))
    words += [word for option, text in given if text is not None for word in (option, text)]
    return shlex.join(words)


def add_fleet(parser: argparse.ArgumentParser) -> None:
    """Add the options that select many bindings."""
    parser.add_argument(
        "--config", metavar="FILE", help="the bindings of this TOML manifest (ROTATOR_CONFIG)"
    )
    parser.add_argument(
        "--discover",
        action="store_true",
        help="every token secret that is tagged with its credentials secret (ROTATOR_DISCOVER)",
    )
    parser.add_argument(
        "--where",
        metavar="KEY=VALUE",
        action="append",
        help="with --discover: only secrets with this tag too; may be repeated (ROTATOR_WHERE)",
    )
    parser.add_argument(
        "--spread",
        metavar="DURATION",
        help="rotate each token up to this much earlier, so that not all are due at once"
        " (ROTATOR_SPREAD); without it 1h for many bindings, none for one",
    )


def load_selector(args: argparse.Namespace) -> FleetSelector | None:
    """The fleet that flags and environment select, None if they select one binding."""
    from rotator.config import load_fleet

    names = ("credentials_secret", "token_secret", "cadence", "interval", "tick", "spread")
    given = {f"--{name.replace('_', '-')}": getattr(args, name, None) for name in names}
    given["ID"] = getattr(args, "id", None)
    given["--config"] = args.config
    given["--discover"] = "true" if args.discover else None
    given["--probe-url"] = getattr(args, "probe_url", None)
    given["--probe-stored"] = getattr(args, "probe_stored", None)
    given["--where"] = ",".join(args.where) if args.where else None
    return load_fleet(given)
