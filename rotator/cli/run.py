"""`rotator run`: the job."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rotator.cli.exit_codes import EXIT_OK
from rotator.cli.job_logs import configure_job_logs
from rotator.cli.next_steps import next_step, with_commands
from rotator.cli.results import failure_fields, result_fields
from rotator.cli.selectors import add_fleet, add_names, add_policy, load_job_settings, load_selector
from rotator.errors import ConfigError, RotatorError, describe_unexpected

if TYPE_CHECKING:
    import argparse

    from rotator.config import Settings
    from rotator.rotation.rotate import RotationResult

__all__ = ["add_to"]

_EXAMPLE = """\
example, a crontab line:
  */15 * * * *  rotator run --credentials-secret adobe/credentials --token-secret adobe/token

A run that is not due makes one call to Secrets Manager and mints nothing."""


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "run",
        help="rotate the token if it is due (the job)",
        description="Mint a new token and publish it, if the stored one is due.",
        epilog=_EXAMPLE,
    )
    add_names(parser)
    add_policy(parser)
    add_fleet(parser)
    parser.add_argument("--force", action="store_true", help="rotate even if it is not due")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the decision; mint and write nothing"
    )
    parser.add_argument(
        "--probe-url",
        metavar="URL",
        help="call this API with the new token, and publish only if it accepts it"
        " (ROTATOR_PROBE_URL)",
    )
    parser.add_argument(
        "--probe-stored",
        action="store_const",
        const="true",
        help="call that API with the stored token too, and rotate it if it is rejected"
        " (ROTATOR_PROBE_STORED)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=_run, has_effect=True)


def _run(args: argparse.Namespace) -> int:
    from rotator.config import logs

    binding, settings, secret_id = _named_binding(args), None, None
    try:
        configure_job_logs()
        selector = load_selector(args)
        if selector is not None:
            binding = None
            from rotator.cli.fleet import run_all

            return run_all(args, selector)
        settings = load_job_settings(args, probe_url=args.probe_url, probe_stored=args.probe_stored)
        binding = settings.token_secret
        settings.needed_credentials_secret()
        from rotator.app import Rotator, open_store

        rotator = Rotator(open_store(settings.region))
        result = rotator.rotate(settings, force=args.force, dry_run=args.dry_run)
    except RotatorError as error:
        failure = failure_fields(error)
        secret_id = getattr(error, "secret_id", None)
    except (KeyboardInterrupt, SystemExit):
        if settings is not None:  # otherwise nothing has begun, or the fleet's run reports it
            _report_interruption(args, settings.token_secret)
        raise
    except Exception as error:  # noqa: BLE001 - it has to be in the logs too
        failure = failure_fields(RotatorError(describe_unexpected(error)))
    else:
        print(json.dumps(result_fields(result), indent=2) if args.json else _as_text(result))
        return EXIT_OK
    failure |= _next_field(failure, settings, secret_id)
    logs.logger().error("rotator.rotation_failed", binding=binding, **failure)
    print(json.dumps(failure, indent=2) if args.json else _failure_as_text(failure))
    return int(failure["exit_code"])


def _report_interruption(args: argparse.Namespace, token_secret: str) -> None:
    from rotator.cli.interruption import explain_run_interruption
    from rotator.config import logs

    told = explain_run_interruption(token_secret, dry_run=args.dry_run)
    logs.logger().warning("rotator.rotation_interrupted", binding=token_secret, problem=told)
    if not args.json:
        print(f"interrupted: {told}")


def _named_binding(args: argparse.Namespace) -> str | None:
    """The token secret for the event of a failure; None without a valid name."""
    from rotator.config import load_secret_id

    name = args.token_secret
    if name is None:  # read here, as the failure may be a misspelled name of another variable
        name = os.environ.get("ROTATOR_TOKEN_SECRET")
    with suppress(ConfigError):
        return load_secret_id("token_secret", {"--token-secret": name})
    return None


def _next_field(
    failure: dict[str, Any], settings: Settings | None, secret_id: str | None
) -> dict[str, str]:
    """The field with the next step, if there is one that the error does not say.

    `secret_id` is the secret that Secrets Manager refused, if it was one.
    """
    step = next_step(failure)
    if step is None or settings is None:
        return {}
    names = settings.credentials_secret, settings.token_secret
    return {"next": with_commands(step, *names, secret_id=secret_id)}


def _failure_as_text(failure: dict[str, Any]) -> str:
    lines = [f"failed: {failure['error']}"]
    lines += _kept_lines(failure)
    if failure["retryable"]:
        lines.append("temporary: the next run tries again")
    if "next" in failure:
        lines.append(f"next: {failure['next']}")
    return "\n".join(lines)


def _kept_lines(failure: dict[str, Any]) -> list[str]:
    """The stored token that consumers still have after the failure, if that is known."""
    if "expires_at" not in failure:
        return []
    version_id, expires_at = failure["version_id"], failure["expires_at"]
    if version_id is None:
        return ["no valid token: the token secret has no value yet"]
    if expires_at is None:  # malformed for the job, which is stricter than readers
        return []
    if datetime.fromisoformat(expires_at) > datetime.now(UTC):
        return [f"kept: version {version_id}, expires at {expires_at}"]
    ended = f"no valid token: version {version_id} expired at {expires_at}"
    return [f"{ended}; consumers have none, unless AWSPREVIOUS still serves"]


def _as_text(result: RotationResult) -> str:
    from rotator.model.instants import format_instant

    outcome = {
        "rotated": "rotated",
        "not_due": "not due",
        "superseded": "superseded by another rotator",
        "would_rotate": "would rotate (dry run)",
    }[result.outcome]
    lines = [f"{outcome}: {result.reason.replace('_', ' ')}, in {result.duration_s:.2f} s"]
    if result.expires_at is not None:
        lines.append(f"version {result.version_id}, expires at {format_instant(result.expires_at)}")
    if result.next_rotation_at is not None:
        lines.append(f"next rotation due at {format_instant(result.next_rotation_at)}")
    return "\n".join(lines)
