"""`rotator run` and `rotator status` over many bindings at once."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from rotator.aws.secret_ids import is_secret_id
from rotator.cli.exit_codes import EXIT_NO_TOKEN, EXIT_OK, EXIT_SEVERAL, EXIT_TEMPORARY, exit_code
from rotator.cli.fleet_problems import next_step_of, problem_lines, strip_subject
from rotator.cli.fleet_text import binding_name, summary_text, table
from rotator.cli.openmetrics import write_openmetrics
from rotator.cli.results import (
    client_secret_fields,
    client_secret_text,
    failure_fields,
    instant_text,
    remaining_text,
    result_fields,
    status_fields,
)
from rotator.cli.selectors import typed_options
from rotator.model.commands import run_selected_command
from rotator.model.status import client_secrets_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from rotator.config import FleetSelector
    from rotator.errors import RotatorError
    from rotator.fleet.binding_status import BindingStatus
    from rotator.fleet.report import BindingReport
    from rotator.fleet.settings import Selection
    from rotator.model.status import ClientSecretStatus, Health, TokenStatus

__all__ = ["run_all", "show_all"]


def run_all(args: argparse.Namespace, selector: FleetSelector) -> int:
    """Rotate the due tokens of a fleet, and print the outcome of each binding."""
    from rotator.app.fleet import Fleet
    from rotator.fleet.report import summarize

    fleet = Fleet(selector)
    selection = fleet.select()
    progress = _Progress(len(selection.bindings) + len(selection.refused), sys.stderr)
    reports = fleet.rotate(
        selection, force=args.force, dry_run=args.dry_run, on_report=progress.count
    )
    progress.clear()
    summary = {**summarize(reports), **selection.summary_fields()}
    if args.json:
        bindings = [_report_fields(each) for each in reports]
        shown = {"summary": summary, "bindings": bindings, **_discovery_fields(selection)}
        print(json.dumps(shown, indent=2))
    else:
        print("\n".join([*_report_lines(reports), *_selection_lines(selection, summary)]))
    return _shared_code([*(each.error for each in reports), selection.broken_off])


def show_all(args: argparse.Namespace, selector: FleetSelector) -> int:
    """Print the health of every token of a fleet, the most urgent first."""
    from rotator.app.fleet import Fleet

    fleet = Fleet(selector)
    selection = fleet.select()
    found = fleet.status(selection)
    if args.openmetrics is not None:
        write_openmetrics(args.openmetrics, *_select_monitored(found))
    client_secrets = client_secrets_of(each.status for each in found if each.status is not None)
    healths: list[str] = [each.health for each in found]
    names = ("healthy", "overdue", "unusable", "unknown")
    summary = {"bindings": len(found), **{name: healths.count(name) for name in names}}
    summary |= selection.summary_fields()
    if args.json:
        shown = {
            "summary": summary,
            "bindings": [_status_fields(each) for each in found],
            "client_secrets": [
                {"credentials_secret": each.credentials_secret, **client_secret_fields(each)}
                for each in client_secrets
            ],
            **_discovery_fields(selection),
        }
        print(json.dumps(shown, indent=2))
    else:
        lines = [*_status_lines(found, client_secrets), *_selection_lines(selection, summary)]
        if summary["overdue"] or summary["unusable"]:
            lines.append(f"next step: {run_selected_command(typed_options(args))}")
        print("\n".join(lines))
    token_healths = {each.token_health for each in found}
    if "unusable" in token_healths:
        return EXIT_NO_TOKEN
    if "overdue" in token_healths:
        return EXIT_TEMPORARY
    return _shared_code([*(each.error for each in found), selection.broken_off])


def _shared_code(errors: Iterable[RotatorError | None]) -> int:
    """The code that all failures share, EXIT_SEVERAL if they differ, EXIT_OK without any."""
    codes = {exit_code(error) for error in errors if error is not None}
    if len(codes) > 1:
        return EXIT_SEVERAL
    return codes.pop() if codes else EXIT_OK


class _Progress:
    """A progress line, rewritten in place; nothing if the stream is not a terminal."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self._total = total
        self._done = self._failed = 0
        self._stream = stream if stream.isatty() else None

    def count(self, report: BindingReport) -> None:
        """Count one binding."""
        self._done += 1
        self._failed += report.error is not None
        if self._stream is not None and (self._done % 20 == 0 or self._failed):
            failed = f", {self._failed} failed or deferred" if self._failed else ""
            self._stream.write(f"\r{self._done} of {self._total} bindings{failed}\x1b[K")
            self._stream.flush()

    def clear(self) -> None:
        """Erase the line."""
        if self._stream is not None:
            self._stream.write("\r\x1b[K")


def _names(each: BindingReport | BindingStatus) -> dict[str, str]:
    binding = each.binding
    return {
        "credentials_secret": binding.credentials_secret,
        "token_secret": binding.token_secret,
    }


def _report_fields(report: BindingReport) -> dict[str, Any]:
    if report.result is not None:
        return result_fields(report.result)
    assert report.error is not None  # noqa: S101 - a report has one of the two
    fields = {**_names(report), **failure_fields(report.error), "outcome": report.outcome}
    step = next_step_of(report)
    return fields if step is None else {**fields, "next": step}


def _select_monitored(
    found: Sequence[BindingStatus],
) -> tuple[list[TokenStatus], dict[str, Health | None]]:
    """The statuses to write for monitors, one per token secret, and the secrets a run refuses.

    A token secret that two entries of a manifest name has the health of the one that is accepted.
    """
    accepted = {each.binding.token_secret for each in found if each.error is None}
    alone = [
        each
        for each in {each.binding.token_secret: each for each in found}.values()
        if each.binding.token_secret not in accepted
    ]
    known = [each.status for each in found if each.error is None and each.status is not None]
    known += [each.status for each in alone if each.status is not None and each.counts]
    refused = {each.binding.token_secret: each.token_health for each in alone}
    return known, {name: health for name, health in refused.items() if is_secret_id(name)}


def _status_fields(each: BindingStatus) -> dict[str, Any]:
    fields: dict[str, Any] = {**_names(each)}
    if each.error is not None:
        fields |= failure_fields(each.error)
    if each.status is not None:
        fields |= status_fields(each.status)
        del fields["client_secret"]  # listed once, since many bindings may share it
    return {**fields, "health": each.health}


def _discovery_fields(selection: Selection) -> dict[str, Any]:
    broken_off = selection.broken_off
    return {} if broken_off is None else {"discovery": failure_fields(broken_off)}


def _selection_lines(selection: Selection, summary: dict[str, Any]) -> list[str]:
    """The counts, after a warning if discovery was cut short."""
    if selection.broken_off is None:
        return [summary_text(summary)]
    missing = f"discovery incomplete: {selection.broken_off}; bindings that come later are missing"
    return [missing, summary_text(summary)]


def _report_lines(reports: Sequence[BindingReport]) -> list[str]:
    now = datetime.now(UTC)
    rows = [
        (
            report.outcome.replace("_", " "),
            binding_name(report.binding, report.error),
            _end_text(report, now),
        )
        for report in reports
        if report.outcome != "not_due"
    ]
    return [*table(rows), *problem_lines(reports)]


def _end_text(report: BindingReport, now: datetime) -> str:
    """The expiry of the stored token as text.

    Of a failed binding a run knows AWSCURRENT only, and readers may use AWSPREVIOUS.
    """
    error, result, expires_at = report.error, report.result, report.expires_at
    if expires_at is None:
        found = {} if error is None else error.details
        version_id = found.get("version_id") if result is None else result.version_id
        if version_id is not None:
            return "no token in AWSCURRENT"
        return "not known" if result is None and "version_id" not in found else "no token"
    return f"{'expired at ' if expires_at <= now else ''}{instant_text(expires_at)}"


def _status_lines(
    found: Sequence[BindingStatus], client_secrets: Sequence[ClientSecretStatus]
) -> list[str]:
    rows = []
    for each in found:
        status, parts = each.status, []
        if status is not None:
            parts.append(remaining_text(status) or "no token")
        if each.error is not None:
            parts.append(strip_subject(each.binding, each.error))
        elif status is not None:
            parts.append(status.reason.replace("_", " "))
        rows.append((each.health, binding_name(each.binding, each.error), ", ".join(parts)))
    now = datetime.now(UTC)
    ages = [
        ("client secret", each.credentials_secret, client_secret_text(each, now))
        for each in client_secrets
    ]
    return [*table(rows), *table(ages)]
