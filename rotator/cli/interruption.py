"""Says what an interrupted command may have changed, and which command shows it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from rotator.errors import ConfigError
from rotator.model.commands import UNKNOWN

if TYPE_CHECKING:
    import argparse

__all__ = ["explain_interruption", "explain_run_interruption", "note_unchanged"]

_UNCHANGED = "nothing was changed"


def note_unchanged(error: BaseException) -> None:
    """Note on the exception of a signal that the command had not changed anything yet."""
    error.add_note(_UNCHANGED)


def explain_interruption(args: argparse.Namespace, error: BaseException) -> str | None:
    """What the interrupted command may have changed; None for one that changes nothing.

    Also for `run` and `rotate-client-secret`, which tell it in their log.
    """
    if _UNCHANGED in getattr(error, "__notes__", ()):
        return _UNCHANGED
    if not getattr(args, "has_effect", False):
        return None
    if args.command == "credentials":
        typed = {"ID": args.id, "--credentials-secret": args.credentials_secret}
        show = f"`rotator credentials show {_name('credentials_secret', typed)}`"
        return f"the change may have been stored; {show} shows it"
    if args.command == "init":
        credentials = _name("credentials_secret", {"--credentials-secret": args.credentials_secret})
        token = _name("token_secret", {"--token-secret": args.token_secret})
        return (
            "either secret may have been created, and the credentials stored;"
            f" `rotator credentials show {credentials}` and `rotator status {token}` show it;"
            " init can be repeated"
        )
    return None


def explain_run_interruption(token_secret: str | None, *, dry_run: bool) -> str:
    """What an interrupted run of one binding may have changed."""
    if dry_run:
        return _UNCHANGED
    return (
        "a new token may have been minted, and stored;"
        f" `rotator status {token_secret or UNKNOWN}` shows it, and the next run goes on from there"
    )


def _name(setting: str, typed: dict[str, str | None]) -> str:
    """The name that flags or environment give the secret, else a placeholder."""
    from rotator.config import load_secret_id

    with suppress(ConfigError):
        return load_secret_id(setting, typed)
    return UNKNOWN
