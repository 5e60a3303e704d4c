"""Keeps one odd entry of ListSecrets from costing its page.

The SDK parses each date of an entry and expects the documented shapes, so that a single value which
has another fails the whole page. Discovery needs four fields, none of them a date.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["keep_needed_fields"]

_EVENT = "before-parse.secrets-manager.ListSecrets"
_TEXTS = ("ARN", "Name", "PrimaryRegion")


def keep_needed_fields(client: object) -> None:
    """Let this client of the SDK parse of each entry only what discovery needs.

    A botocore that does not emit the event parses everything, and a page that it can't parse then
    fails as a whole.
    """
    events: Any = getattr(getattr(client, "meta", None), "events", None)
    if events is not None:
        events.register(_EVENT, _reduce, unique_id="rotator-list-entries")


def _reduce(response_dict: MutableMapping[str, Any], **_: object) -> None:
    if response_dict["status_code"] != 200:  # noqa: PLR2004 - HTTP
        return
    try:
        page = json.loads(response_dict["body"])
    except (ValueError, RecursionError):
        return  # no page of the service; the store says so
    if isinstance(page, dict) and isinstance(page.get("SecretList"), list):
        page["SecretList"] = [_keep_needed(entry) for entry in page["SecretList"]]
        response_dict["body"] = json.dumps(page).encode()


def _keep_needed(entry: object) -> dict[str, Any]:
    """The fields with their documented types (API reference, SecretListEntry); others left out."""
    if not isinstance(entry, dict):
        return {}
    needed: dict[str, Any] = {
        name: entry[name] for name in _TEXTS if isinstance(entry.get(name), str)
    }
    tags = entry.get("Tags")
    if isinstance(tags, list):
        needed["Tags"] = [
            {name: text for name, text in tag.items() if isinstance(text, str)}
            for tag in tags
            if isinstance(tag, dict)
        ]
    return needed
