"""`rotator rotate-client-secret`: replaces the client secret at the provider."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rotator.cli.exit_codes import EXIT_OK, exit_code
from rotator.cli.job_logs import configure_job_logs
from rotator.cli.results import failure_fields, secret_result_fields
from rotator.cli.selectors import add_credentials_secret, named_credentials_secret
from rotator.errors import RotatorError

if TYPE_CHECKING:
    import argparse

    from rotator.rotation.secret_result import SecretRotationResult

__all__ = ["add_to"]

_EXAMPLE = """\
examples:
  rotator rotate-client-secret adobe/credentials --dry-run
  rotator rotate-client-secret adobe/credentials
daily, from a scheduler, for a new client secret every 90 days:
  rotator rotate-client-secret adobe/credentials --max-age 90d

Each run takes the steps that are possible now; run it again until it prints
"finished". Meanwhile both client secrets work, and so does `rotator run`. The
old one is deleted once every condition that --dry-run shows is met."""

_MARKS = {True: "met ", False: "open"}

_NEXT = {
    "started": "next: run this again, daily or when the conditions of --dry-run are met",
    "waiting": "next: run this again when the open conditions are met",
    "retired": "next: run this again in 24 hours",
    "reverted": "next: run this again to start over",
    "finished": "next: nothing; without --max-age another run begins the next rotation",
}


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    from rotator.model.secret_rotation import DEFAULT_OVERLAP

    parser = commands.add_parser(
        "rotate-client-secret",
        help="replace the client secret itself, without an outage",
        description="Make a new client secret at the provider, and delete the old one when nothing"
        " depends on it.",
        epilog=_EXAMPLE,
    )
    add_credentials_secret(parser)
    parser.add_argument(
        "--token-secret",
        metavar="ID",
        action="append",
        help="a token secret that these credentials mint for, in addition to those that they name"
        " (token_secrets); may be repeated",
    )
    parser.add_argument(
        "--overlap",
        metavar="DURATION",
        help="the minimum time that both client secrets are kept (ROTATOR_CLIENT_SECRET_OVERLAP);"
        f" without it {DEFAULT_OVERLAP // timedelta(hours=1)}h",
    )
    parser.add_argument(
        "--max-age",
        metavar="DURATION",
        help="begin only when the client secret is this old, or ends soon"
        " (ROTATOR_CLIENT_SECRET_MAX_AGE); without it at once",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="show what would be done, and each condition; change nothing",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=_run, has_effect=True)


def _run(args: argparse.Namespace) -> int:
    from rotator.config import logs

    secret_id = None
    try:
        configure_job_logs()
        secret_id = named_credentials_secret(args)
        result = _rotate(args, secret_id)
    except RotatorError as error:
        logs.logger().error(
            "rotator.client_secret_rotation_failed",
            credentials_secret=secret_id,
            outcome="failed",
            **logs.error_fields(error),
        )
        failure = failure_fields(error)
        print(json.dumps(failure, indent=2) if args.json else _failure_as_text(failure))
        return exit_code(error)
    print(json.dumps(secret_result_fields(result), indent=2) if args.json else as_text(result))
    return EXIT_OK


def _rotate(args: argparse.Namespace, secret_id: str) -> SecretRotationResult:
    from rotator.app import open_store_for
    from rotator.app.client_secret import run_client_secret_rotation
    from rotator.aws.secret_ids import check_secret_id
    from rotator.config import load_secret_rotation

    settings = load_secret_rotation(overlap=args.overlap, max_age=args.max_age)
    named = tuple(check_secret_id("--token-secret", each) for each in args.token_secret or ())
    return run_client_secret_rotation(
        secret_id,
        settings,
        store=open_store_for(secret_id),
        token_secrets=named,
        dry_run=args.dry_run,
    )


def as_text(result: SecretRotationResult) -> str:
    """The outcome, every condition with its reason, and what to do next."""
    said = "would change (dry run)" if result.outcome == "would_change" else result.outcome
    lines = [f"{said.replace('_', ' ')}: {result.summary}"]
    if result.gate:
        lines.append("conditions for the end of the old client secret:")
        lines += [f"  {_MARKS[each.is_met]}  {each.reason}" for each in result.gate]
    if result.outcome in _NEXT:
        lines.append(_NEXT[result.outcome])
    return "\n".join(lines)


def _failure_as_text(failure: dict[str, Any]) -> str:
    lines = [f"failed: {failure['error']}"]
    if failure["retryable"]:
        lines.append("temporary: run this again; every client secret that works is still stored")
    return "\n".join(lines)
