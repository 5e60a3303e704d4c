"""The questions of `rotator init` at a terminal; a wrong answer is asked for again."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from rotator.cli.answers import read_answer
from rotator.cli.client_settings import (
    ADOBE_SCOPES,
    expand_adobe_scope,
    expand_scope,
    is_for_adobe,
)
from rotator.cli.demo_shell import use_demo_endpoint
from rotator.cli.interruption import note_unchanged
from rotator.cli.pasted import (
    WAY_OF_JSON,
    find_pasted_problem,
    find_problem_with_adobe_id,
    find_problem_with_scope,
)
from rotator.errors import ConfigError, name_hint
from rotator.model.fields import check_text
from rotator.model.providers import DEFAULT_PRESET, PRESETS
from rotator.model.urls import problem_with_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = ["ask_client", "ask_secret"]

_CLIENT = {"client_id": "unknown", "client_secret": "?"}
_FILLER = {"provider": "generic", "audience": "unknown", "scope": "unknown", **_CLIENT}
"""Stands for what is not answered yet, to validate the rest."""

_SEVERAL_LINES = (
    f"has several lines, and none was taken; paste one value at a time, or {WAY_OF_JSON}"
)


def ask_client(settings: dict[str, str]) -> dict[str, Any]:
    """The client credentials: `settings`, and the answers for what they leave open.

    Raises ConfigError or CredentialsError for wrong settings before anything is asked, ConfigError
    at the end of input.
    """
    from rotator.rotation.credentials import credentials_text

    has_address = settings.keys() & {"token_url", "issuer"}
    address = {} if has_address else {"token_url": "https://unknown.example/"}
    credentials_text(expand_scope({**_FILLER, **address, **settings}))
    asked = use_demo_endpoint(expand_scope(_ask_settings(settings)))
    credentials_text({**asked, **_CLIENT})
    find_problem = partial(_problem_with_client_id, is_for_adobe=is_for_adobe(asked))
    # A client secret that is pasted here by mistake is not shown.
    client_id = _ask("client id (shown after Enter): ", find_problem=find_problem, is_hidden=True)
    print(client_id, file=sys.stderr)
    return asked | {"client_id": client_id, "client_secret": ask_secret(client_id)}


def _ask_settings(settings: dict[str, str]) -> dict[str, Any]:
    asked = dict(settings)
    if "provider" not in asked:
        has_address = asked.keys() & {"token_url", "issuer"}
        default = "generic" if has_address else DEFAULT_PRESET
        prompt = f"provider ({', '.join(PRESETS)}) [{default}]: "
        asked["provider"] = _ask(prompt, default=default, find_problem=_problem_with_provider)
    preset = PRESETS[asked["provider"]]
    if "scope" in asked:
        expand_scope(asked)  # which refuses a misspelled name
    if not (preset.token_url or asked.keys() & {"token_url", "issuer"}):
        pattern = f" ({preset.token_url_pattern})" if preset.token_url_pattern else ""
        asked["token_url"] = _ask(f"token URL{pattern}: ", find_problem=_problem_with_token_url)
    if "audience" in preset.needs and "audience" not in asked:
        asked["audience"] = _ask("audience: ", find_problem=_problem_with_text)
    if "scope" in asked:
        return asked
    if preset.name == DEFAULT_PRESET:
        for name, scope in ADOBE_SCOPES.items():
            print(f"  {name:<10} {scope}", file=sys.stderr)
        prompt = f"scope ({', '.join(ADOBE_SCOPES)}, or your own) [basic]: "
        asked["scope"] = _ask(prompt, default="basic", find_problem=_problem_with_adobe_scope)
    elif "scope" in preset.needs:
        asked["scope"] = _ask("scope: ", find_problem=_problem_with_scope)
    elif scope := _ask("scope (empty for none): ", find_problem=_problem_with_optional_scope):
        asked["scope"] = scope
    return asked


def ask_secret(client_id: str | None, *, secret_id: str | None = None) -> str:
    """The client secret, typed unseen; raises ConfigError at the end of input.

    It is not the client id, which is stored in the credentials secret `secret_id`, if that is set.
    """
    find_problem = partial(find_pasted_problem, client_id=client_id, secret_id=secret_id)
    text = _ask("client secret (not shown): ", find_problem=find_problem, is_hidden=True)
    print(file=sys.stderr)
    return text


def _ask(
    prompt: str,
    *,
    find_problem: Callable[[str], str | None],
    default: str = "",
    is_hidden: bool = False,
) -> str:
    """The first answer for which `find_problem` returns None; `default` stands for an empty one.

    What it returns instead is shown, and never holds what was typed. Raises ConfigError at the end
    of input (Ctrl-D).
    """
    while True:
        with _explain_interrupt():
            answer = read_answer(prompt, is_hidden=is_hidden)
        if answer is None:
            print(file=sys.stderr)
            subject = prompt.partition(" (")[0].rstrip(": ")
            raise ConfigError(
                f"{subject}: missing, the input ended; nothing was changed; run this again and type"
                " it"
            )
        text = answer.line.strip() or default
        problem = _SEVERAL_LINES if answer.has_more else find_problem(text)
        if problem is None:
            return text
        begin = "\n" if is_hidden else ""  # the terminal did not show Enter either
        print(f"{begin}  {problem}", file=sys.stderr)


@contextmanager
def _explain_interrupt() -> Iterator[None]:
    """End the line of the prompt, and note that every command asks before it writes."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as ended:
        print(file=sys.stderr)
        note_unchanged(ended)
        raise


def _problem_with_provider(name: str) -> str | None:
    if name in PRESETS:
        return None
    return f"unknown; {name_hint(name, PRESETS, otherwise='choose one of these')}"


def _problem_with_token_url(url: str) -> str | None:
    if not url:
        return "missing; Ctrl-C, and pass --issuer URL to look it up there"
    return problem_with_url(url)


def _problem_with_adobe_scope(scope: str) -> str | None:
    problem = find_problem_with_scope(scope)
    if problem is not None:
        return problem
    try:
        expand_adobe_scope(scope)
    except ConfigError as error:
        return str(error).removeprefix("scope: ")
    return None


def _problem_with_client_id(text: str, *, is_for_adobe: bool) -> str | None:
    problem = find_problem_with_adobe_id(text) if is_for_adobe else None
    return find_pasted_problem(text) or problem or _problem_with_text(text)


def _problem_with_scope(text: str) -> str | None:
    return find_problem_with_scope(text) or _problem_with_text(text)


def _problem_with_optional_scope(text: str) -> str | None:
    return _problem_with_scope(text) if text else None


def _problem_with_text(text: str) -> str | None:
    if not text:
        return "missing"
    try:
        check_text(text, "it")
    except ValueError as error:
        return str(error)
    return None
