"""Finds clients that several bindings share although their provider keeps one token active."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from rotator.fleet.report import shorten_list

if TYPE_CHECKING:
    from rotator.rotation.assess import Assessment

__all__ = ["ActiveClients"]


class ActiveClients:
    """The token secrets of each client whose next mint ends the token before."""

    def __init__(self) -> None:
        self._token_secrets: dict[tuple[str, str], list[str]] = {}

    def note(self, assessment: Assessment) -> None:
        """Add the binding, if its provider keeps one token active."""
        if assessment.provider.single_active:
            credentials = assessment.credentials
            url = assessment.provider.token_url or credentials.issuer or ""
            secrets = self._token_secrets.setdefault((url, credentials.client_id), [])
            secrets.append(assessment.token_version.secret_id)

    def warn(self) -> None:
        """Log a warning for each client that several bindings share."""
        for secrets in self._token_secrets.values():
            if len(secrets) > 1:
                structlog.get_logger().warning(
                    "rotator.active_token_shared",
                    problem=f"token secrets {shorten_list(secrets)}: share a client whose provider"
                    " keeps one token active, so that each rotation of one ends the token of the"
                    " others; give each of them a client of its own",
                )
