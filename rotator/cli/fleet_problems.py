"""The problems of a fleet's run as text: each once, with its bindings and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from rotator.cli.next_steps import next_step, with_commands
from rotator.cli.results import failure_fields
from rotator.cli.terminal import printable_name
from rotator.errors import MintError
from rotator.fleet.report import DeferredError, shorten_list
from rotator.model.commands import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rotator.errors import RotatorError
    from rotator.fleet.report import BindingReport
    from rotator.model.binding import Binding

__all__ = ["problem_lines", "without_subject"]


class _Problem(NamedTuple):
    """What bindings must share to be told together."""

    outcome: str
    text: str
    step: str | None
    is_of_client: bool
    is_temporary: bool


def problem_lines(reports: Iterable[BindingReport]) -> list[str]:
    """Each problem once, with the names of its bindings, and the next step below it."""
    groups: dict[_Problem, list[BindingReport]] = {}
    for each in reports:
        if each.error is not None:
            groups.setdefault(_problem(each), []).append(each)
    return [line for problem, group in groups.items() for line in _lines(problem, group)]


def _problem(report: BindingReport) -> _Problem:
    error = report.error
    assert error is not None  # noqa: S101 - the caller has looked
    text = without_subject(report.binding, error)
    # Commands name the binding, which may be all in which two messages differ.
    for option, name in _options(report.binding):
        text = re.sub(rf"{option} {re.escape(name)}(?=[\s`]|$)", f"{option} {UNKNOWN}", text)
    # Two attempts at one host differ in these.
    text = re.sub(r", after \d+ s\)", ")", text)
    if (debug_id := getattr(error, "debug_id", None)) is not None:
        text = text.replace(f", debug id {debug_id}", "")
    is_deferred = isinstance(error, DeferredError)
    return _Problem(
        report.outcome,
        text,
        next_step(failure_fields(error)),
        is_of_client=isinstance(error, MintError),
        is_temporary=error.retryable and not is_deferred,  # a deferred one says it itself
    )


def _lines(problem: _Problem, group: Sequence[BindingReport]) -> list[str]:
    bindings = [each.binding for each in group]
    text = _text(problem, group)
    in_manifest = group[0].error is not None and "manifest_binding" in group[0].error.details
    subject = "" if in_manifest else _subject(bindings, with_credentials=problem.is_of_client)
    lines = [printable_name(f"{problem.outcome}: {subject}{text}")]
    if problem.is_temporary:
        lines.append("  temporary: the next run tries again")
    if problem.step is not None:
        credentials = _shared([each.credentials_secret for each in bindings])
        token_secret = _shared([each.token_secret for each in bindings])
        secret_id = getattr(group[0].error, "secret_id", None)
        step = with_commands(problem.step, credentials, token_secret, secret_id=secret_id)
        lines.append(f"  next: {step}")
    return lines


def _text(problem: _Problem, group: Sequence[BindingReport]) -> str:
    """The problem without its subject, with the names that all of its bindings share."""
    first = group[0]
    if len(group) == 1 and first.error is not None:
        return without_subject(first.binding, first.error)
    text = problem.text
    shared = _shared([each.binding.credentials_secret for each in group])
    if shared is not None:
        option, _ = _options(first.binding)[0]
        text = text.replace(f"{option} {UNKNOWN}", f"{option} {shared}")
    return text


def without_subject(binding: Binding, error: RotatorError) -> str:
    """The text of the error, without the name of the token secret before it."""
    return str(error).removeprefix(f"token secret {binding.token_secret}: ")


def _options(binding: Binding) -> tuple[tuple[str, str], tuple[str, str]]:
    return (
        ("--credentials-secret", binding.credentials_secret),
        ("--token-secret", binding.token_secret),
    )


def _subject(bindings: Sequence[Binding], *, with_credentials: bool) -> str:
    """The bindings of a problem.

    With credentials where the provider refused a client, as that is what has to be corrected.
    """
    names = [each.token_secret for each in bindings]
    credentials = _shared([each.credentials_secret for each in bindings])
    if with_credentials and credentials is None:
        names = [f"{each.token_secret} (of {each.credentials_secret})" for each in bindings]
    shared = f" of credentials secret {credentials}" if with_credentials and credentials else ""
    if len(names) == 1:
        return f"token secret {names[0]}{shared}: "
    return f"{len(names)} token secrets{shared}, {shorten_list(names)}: "


def _shared(names: Sequence[str]) -> str | None:
    """The one name that all of them are, None if they differ."""
    return names[0] if len(set(names)) == 1 else None
