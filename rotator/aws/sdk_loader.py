"""Keeps botocore from listing all services before it loads the model of one.

It reads some four hundred folders only to name the services there are if that one is missing. A
test counts what is read, and fails if a release of botocore does it differently. Standard library
only: the reader uses this too.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from botocore.session import Session

__all__ = ["skip_service_listing"]


def skip_service_listing(session: Session) -> None:
    """Make the session assume that every service exists; a missing one fails when it is loaded."""
    loader = session.get_component("data_loader")
    loader.list_available_services = lambda *_args, **_kwargs: _Everything()


class _Everything(frozenset[str]):
    """A set that contains every name."""

    def __contains__(self, _name: object) -> bool:
        return True
