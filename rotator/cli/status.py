"""`rotator status`: show the health of the token."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rotator.cli.exit_codes import EXIT_NO_TOKEN, EXIT_OK, EXIT_TEMPORARY, exit_code
from rotator.cli.openmetrics import write_openmetrics
from rotator.cli.results import client_secret_text, instant_text, remaining_text, status_fields
from rotator.cli.selectors import (
    add_fleet,
    add_names,
    add_policy,
    add_positional_token_secret,
    load_job_settings,
    load_selector,
    typed_options,
)
from rotator.model.commands import run_command

if TYPE_CHECKING:
    import argparse

    from rotator.model.status import TokenStatus

__all__ = ["add_to"]

_EXAMPLE = """\
example:
  rotator status adobe/token

If the credentials secret is named too, it also shows whether the token belongs
to the configured client, and how old the client secret is, once
`rotator rotate-client-secret` has run. Exit codes for monitors:
  0  healthy
  4  overdue: consumers have a valid token, but the job does not replace it
  6  unusable: there is no token to read"""

_CODES = {"healthy": EXIT_OK, "overdue": EXIT_TEMPORARY, "unusable": EXIT_NO_TOKEN}


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "status",
        help="expiry, remaining life, next rotation, health",
        description="Show the health of the stored token. Its value is not shown.",
        epilog=_EXAMPLE,
    )
    add_positional_token_secret(parser)
    add_names(parser)
    add_policy(parser)
    add_fleet(parser)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.add_argument(
        "--openmetrics",
        metavar="FILE",
        help="also write it to this file, NAME.prom for a textfile collector; replaced atomically",
    )
    parser.set_defaults(run=_status)


def _status(args: argparse.Namespace) -> int:
    selector = load_selector(args)
    if selector is not None:
        from rotator.cli.fleet import show_all

        return show_all(args, selector)
    settings = load_job_settings(args)
    from rotator.app import Rotator, open_store

    status = Rotator(open_store(settings.region)).status(settings)
    write_openmetrics(args.openmetrics, [status])
    if args.json:
        print(json.dumps(_as_json(status), indent=2))
    else:
        print(_as_table(status, options=typed_options(args)))
    problem = status.credentials_error
    if problem is None:
        return _CODES[status.health]
    print(f"rotator status: {problem}", file=sys.stderr)
    return _CODES[status.health] or exit_code(problem)


def _as_json(status: TokenStatus) -> dict[str, object]:
    problem = status.credentials_error
    return {**status_fields(status), "credentials_error": str(problem) if problem else None}


def _as_table(status: TokenStatus, *, options: str) -> str:
    known, version, previous = status.client_secret, status.version_id, status.previous_version_id
    rows = {
        "token secret": status.token_secret,
        "health": f"{status.health}: {status.reason.replace('_', ' ')}",
        "expires at": instant_text(status.expires_at),
        "remaining life": remaining_text(status),
        "next rotation": instant_text(status.next_rotation_at),
        "version": f"{version}, which readers do not use" if previous else version,
        "AWSPREVIOUS": f"{previous}, which readers use instead" if previous else None,
        "client id": status.client_id,
        "client secret": client_secret_text(known, datetime.now(UTC)) if known else None,
        "next step": _next_step(status, options),
    }
    return "\n".join(f"{name:<14}  {value}" for name, value in rows.items() if value is not None)


def _next_step(status: TokenStatus, options: str) -> str | None:
    """The run that replaces the token; None if it need not, or would end with the same problem."""
    problem = status.credentials_error
    is_refused = problem is not None and not problem.retryable
    if status.health == "healthy" or is_refused:
        return None
    return run_command(status.credentials_secret, status.token_secret, options)
