"""The problems of a fleet's run as text: each once, with its bindings and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from rotator.cli.next_steps import next_step, with_commands
from rotator.cli.results import failure_fields
from rotator.cli.terminal import printable_name
from rotator.errors import MintError
from rotator.fleet.report import DeferredError, shorten_list
from rotator.fleet.token_requests import NOT_SENT
from rotator.model.binding import Binding
from rotator.model.commands import UNKNOWN, init_command, run_command, set_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rotator.errors import RotatorError
    from rotator.fleet.report import BindingReport

__all__ = ["next_step_of", "problem_lines", "strip_subject"]

_UNNAMED_CREDENTIALS = "credentials secret: "
# As `rotator.model.commands` makes them.
_BINDING_COMMAND = re.compile(
    r"`rotator (?P<name>init|run) --credentials-secret (?P<credentials>[^\s`]+)"
    r" --token-secret (?P<token>[^\s`]+) ?(?P<options>[^`]*)`"
)
_CREDENTIALS_COMMAND = re.compile(
    r"`rotator credentials set (?P<credentials>[^\s`]+) ?(?P<options>[^`]*)`"
)

_REQUESTED = (
    "; or correct scope, audience and parameters of what was refused, which can be the cause too"
)


class _Problem(NamedTuple):
    """What bindings have in common whose failures are printed as one."""

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


def next_step_of(report: BindingReport) -> str | None:
    """The next step for the failure of one binding; None if its error says it."""
    step = _step(report, report.binding.credentials_secret, report.binding.token_secret)
    return f"{step}{_REQUESTED}" if step is not None and _is_untried(report) else step


def _problem(report: BindingReport) -> _Problem:
    error = report.error
    assert error is not None  # noqa: S101 - the caller has checked
    is_deferred = isinstance(error, DeferredError)
    # Commands name the binding, which may be all in which two messages differ.
    return _Problem(
        report.outcome,
        _text(report, None, None),
        _step(report, None, None),
        is_of_client=isinstance(error, MintError),
        is_temporary=error.retryable and not is_deferred,  # a deferred one says it itself
    )


def _lines(problem: _Problem, group: Sequence[BindingReport]) -> list[str]:
    bindings, first = [each.binding for each in group], group[0]
    assert first.error is not None  # noqa: S101 - it is a problem
    credentials = _common_name([each.credentials_secret for each in bindings])
    token_secret = _common_name([each.token_secret for each in bindings])
    text = _text(first, credentials, token_secret)
    if len(group) == 1:
        text = strip_subject(first.binding, first.error)
    text += _untried_text(group)
    step = _step(first, credentials, token_secret)
    # The credentials are to be corrected, or their name completes a command.
    needs_names = text.startswith(_UNNAMED_CREDENTIALS) or f" for {UNKNOWN})" in f"{text}{step}"
    with_credentials = problem.is_of_client or (credentials is None and needs_names)
    in_manifest = "manifest_binding" in first.error.details
    subject = "" if in_manifest else _subject(bindings, with_credentials=with_credentials)
    lines = [printable_name(f"{problem.outcome}: {subject}{text}")]
    if problem.is_temporary:
        lines.append("  temporary: the next run tries again")
    if step is not None:
        lines.append(f"  next: {step}{_REQUESTED if any(map(_is_untried, group)) else ''}")
    return lines


def _is_untried(report: BindingReport) -> bool:
    return str(report.error).endswith(NOT_SENT)


def _untried_text(group: Sequence[BindingReport]) -> str:
    """Which bindings were refused, if the request of others was not sent."""
    tried = [each.binding.token_secret for each in group if not _is_untried(each)]
    if len(group) == 1 or len(tried) == len(group):
        return ""
    if not tried:
        return NOT_SENT
    others = "other" if len(group) - len(tried) == 1 else "others"
    return f"; refused for {shorten_list(tried)}, and not tried for the {others}"


def _text(report: BindingReport, credentials: str | None, token_secret: str | None) -> str:
    """The problem without its subject, with these names as in `_name`."""
    binding, error = report.binding, report.error
    assert error is not None  # noqa: S101 - it is a problem
    text = _name(strip_subject(binding, error), binding, credentials, token_secret)
    own = f"credentials secret {binding.credentials_secret}: "
    if credentials is None and text.startswith(own):
        text = _UNNAMED_CREDENTIALS + text.removeprefix(own)
    # Two attempts at one host differ in these.
    text = re.sub(r", after \d+ s\)", ")", text.removesuffix(NOT_SENT))
    if (debug_id := getattr(error, "debug_id", None)) is not None:
        text = text.replace(f", debug id {debug_id}", "")
    return text


def _step(report: BindingReport, credentials: str | None, token_secret: str | None) -> str | None:
    """The next step, with these names as in `_name`; the binding's own decide on its commands."""
    binding, error = report.binding, report.error
    assert error is not None  # noqa: S101 - it is a problem
    step = next_step(failure_fields(error))
    if step is None:
        return None
    own = binding.credentials_secret, binding.token_secret
    refused = getattr(error, "secret_id", None)
    text = with_commands(step, *own, secret_id=refused, keeps_ids=True)
    return _name(text, binding, credentials, token_secret)


def _name(text: str, binding: Binding, credentials: str | None, token_secret: str | None) -> str:
    """The text, with commands for these secrets in place of the binding's.

    None leaves a placeholder, and says what to put there.
    """

    def binding_command(found: re.Match[str]) -> str:
        if Binding(found["credentials"], found["token"]) != binding:
            return found[0]
        command = init_command if found["name"] == "init" else run_command
        return command(credentials, token_secret, found["options"])

    def credentials_command(found: re.Match[str]) -> str:
        if found["credentials"] != binding.credentials_secret:
            return found[0]
        return set_command(credentials, found["options"])

    text = _BINDING_COMMAND.sub(binding_command, text)
    return _CREDENTIALS_COMMAND.sub(credentials_command, text)


def strip_subject(binding: Binding, error: RotatorError) -> str:
    """The text of the error, without the name of the token secret before it.

    Errors of Secrets Manager do not say which of the two secrets they are about.
    """
    text = str(error).removeprefix(f"token secret {binding.token_secret}: ")
    text = text.removeprefix(f"secret {binding.token_secret}: ")
    is_of_credentials = text.startswith(f"secret {binding.credentials_secret}: ")
    return f"credentials {text}" if is_of_credentials else text


def _subject(bindings: Sequence[Binding], *, with_credentials: bool) -> str:
    """The bindings of a problem.

    With credentials where they have to be corrected, as after a refusal of the client, or where a
    command needs their name.
    """
    names = [each.token_secret for each in bindings]
    credentials = _common_name([each.credentials_secret for each in bindings])
    if with_credentials and credentials is None:
        names = [f"{each.token_secret} (of {each.credentials_secret})" for each in bindings]
    shared = f" of credentials secret {credentials}" if with_credentials and credentials else ""
    if len(names) == 1:
        return f"token secret {names[0]}{shared}: "
    return f"{len(names)} token secrets{shared}, {shorten_list(names)}: "


def _common_name(names: Sequence[str]) -> str | None:
    """The one name that all of them are, None if they differ."""
    return names[0] if len(set(names)) == 1 else None
