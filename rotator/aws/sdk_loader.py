"""Keeps a session of botocore's from listing all services before it describes the one in use.

Some four hundred folders are read, only to say which services there are if that one is missing.
A test counts what is read: it fails if a release of botocore goes another way. Standard library
only: the reader uses this too.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from botocore.session import Session

__all__ = ["skip_service_listing"]


def skip_service_listing(session: Session) -> None:
    """From now on the session takes it that every service is there; one that is not fails later."""
    loader = session.get_component("data_loader")
    loader.list_available_services = lambda *_args, **_kwargs: _Everything()


class _Everything(frozenset[str]):
    """A set of names that holds whichever is looked for."""

    def __contains__(self, _name: object) -> bool:
        return True
