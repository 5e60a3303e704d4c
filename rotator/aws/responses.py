"""Parts of AWS's responses, whatever their shape: the SDK checks none of them.

A server that isn't AWS, or a proxy, can put `null` or a value of another type anywhere.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["entries_by", "entries_of", "staging_labels"]


def entries_of(response: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The entries of a list of structures; entries of another type are left out."""
    entries = response.get(name)
    found = entries if isinstance(entries, list) else []
    return [each for each in found if isinstance(each, dict)]


def entries_by(
    response: Mapping[str, Any], name: str, identifier: str
) -> dict[str, Mapping[str, Any]]:
    """The same by the text that identifies each of them."""
    entries = entries_of(response, name)
    return {each[identifier]: each for each in entries if isinstance(each.get(identifier), str)}


def staging_labels(response: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The labels of each version that has any (API reference, DescribeSecret)."""
    versions = response.get("VersionIdsToStages")
    found = versions if isinstance(versions, dict) else {}
    return {
        version_id: tuple(each for each in labels if isinstance(each, str))
        for version_id, labels in found.items()
        if isinstance(labels, list)
    }
