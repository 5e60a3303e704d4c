"""Recognizes the shell that `rotator demo --serve` has set up."""

from __future__ import annotations

import os
import sys
from typing import Any

from rotator.model.providers import DEFAULT_PRESET
from rotator.model.urls import problem_with_url, reaches_this_host

__all__ = ["use_demo_endpoint"]


def use_demo_endpoint(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields, with the demo's token URL where they would mean Adobe's.

    Adobe would refuse the demo's credentials, and others that are typed in a rehearsal would be
    sent to Adobe. Only where AWS is local too, so a variable that was left over changes nothing.
    """
    url, aws_url = (os.environ.get(name, "") for name in ("DEMO_TOKEN_URL", "AWS_ENDPOINT_URL"))
    are_local = all(
        problem_with_url(each) is None and reaches_this_host(each) for each in (url, aws_url)
    )
    is_adobe = fields.get("provider") in (None, DEFAULT_PRESET)  # JSON may hold a list there
    has_address = fields.get("token_url") or fields.get("issuer")
    if not are_local or not is_adobe or has_address:
        return fields
    print(f"rotator: token URL: {url}, the demo's (DEMO_TOKEN_URL)", file=sys.stderr)
    return {**fields, "provider": DEFAULT_PRESET, "token_url": url}
