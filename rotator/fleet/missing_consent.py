"""Finds bindings of a manifest that their credentials secret does not name.

The author of a manifest decides, and needs no consent. But where the owner of the credentials has
listed the token secrets that they are for, one that is not in the list may be a mistake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from rotator.fleet.report import shorten_list
from rotator.model.commands import init_command
from rotator.model.consent import has_consent

if TYPE_CHECKING:
    from rotator.rotation.assess import Assessment
    from rotator.rotation.run import Run

__all__ = ["MissingConsent"]


class MissingConsent:
    """The token secrets that are not in `token_secrets` of their credentials, by those."""

    def __init__(self) -> None:
        self._token_secrets: dict[str, list[str]] = {}

    def note(self, run: Run, assessment: Assessment) -> None:
        """Add the binding, if its credentials list token secrets, and not this one."""
        entries = assessment.credentials.token_secrets
        if run.is_tagged or assessment.is_shared or not entries:
            return  # a tag without consent is refused
        if not has_consent(entries, assessment.token_version.arn):
            secrets = self._token_secrets.setdefault(run.binding.credentials_secret, [])
            secrets.append(run.binding.token_secret)

    def warn(self) -> None:
        """Log a warning for each credentials secret."""
        for credentials, secrets in self._token_secrets.items():
            command = init_command(credentials, secrets[0], "--bind-only")
            structlog.get_logger().warning(
                "rotator.consent_missing",
                problem=f"credentials secret {credentials}: the manifest has it serve"
                f" {shorten_list(secrets)}, which its token_secrets does not name; served all the"
                f" same, as the manifest decides; correct the manifest, or add the consent with"
                f" {command}{', and likewise for each of the others' if secrets[1:] else ''}",
            )
