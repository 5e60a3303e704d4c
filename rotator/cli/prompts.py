"""The questions of `rotator init` at a terminal; a wrong answer is asked for again."""

from __future__ import annotations

import getpass
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from rotator.cli.client_settings import (
    ADOBE_SCOPES,
    expand_adobe_scope,
    expand_scope,
    is_for_adobe,
)
from rotator.cli.demo_shell import use_demo_endpoint
from rotator.cli.pasted import find_pasted_problem, find_problem_with_adobe_id
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
    asked["client_id"] = _ask("client id: ", find_problem=find_problem)
    asked["client_secret"] = ask_secret("client secret", client_id=asked["client_id"])
    return asked


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
        asked["scope"] = _ask("scope: ", find_problem=_problem_with_text)
    elif scope := _ask("scope (empty for none): ", find_problem=_problem_with_optional_text):
        asked["scope"] = scope
    return asked


def ask_secret(name: str, *, client_id: str | None = None) -> str:
    """The line typed unseen, which is not the client id; raises ConfigError at the end of input."""
    prompt = f"{name} (not shown): "

    def read() -> str | None:
        try:
            return getpass.getpass(prompt, stream=sys.stderr)
        except EOFError:
            return None

    return _ask_again(prompt, read, partial(find_pasted_problem, client_id=client_id))


def _ask(prompt: str, *, find_problem: Callable[[str], str | None], default: str = "") -> str:
    """The line typed at `prompt`, `default` for an empty one; raises ConfigError likewise."""

    def read() -> str | None:
        print(prompt, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        return (line.strip() or default) if line else None

    return _ask_again(prompt, read, find_problem)


def _ask_again(
    prompt: str, read: Callable[[], str | None], find_problem: Callable[[str], str | None]
) -> str:
    """What `read` returns, once `find_problem` returns None for it.

    What it returns instead is shown, and never holds what was typed. Raises ConfigError at the end
    of input (Ctrl-D), for which `read` returns None.
    """
    while True:
        with _explain_interrupt():
            line = read()
        if line is None:
            print(file=sys.stderr)
            subject = prompt.partition(" (")[0].rstrip(": ")
            raise ConfigError(
                f"{subject}: missing, the input ended; nothing was changed; run this again and type"
                " it"
            )
        problem = find_problem(line.strip())
        if problem is None:
            return line.strip()
        print(f"  {problem}", file=sys.stderr)


@contextmanager
def _explain_interrupt() -> Iterator[None]:
    """Say on a line of its own what Ctrl-C has left behind; every command asks before it writes."""
    try:
        yield
    except KeyboardInterrupt:
        print("\nrotator: interrupted; nothing was changed", file=sys.stderr)
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
    try:
        expand_adobe_scope(scope)
    except ConfigError as error:
        return str(error).removeprefix("scope: ")
    return None


def _problem_with_client_id(text: str, *, is_for_adobe: bool) -> str | None:
    problem = find_problem_with_adobe_id(text) if is_for_adobe else None
    return problem or find_pasted_problem(text) or _problem_with_text(text)


def _problem_with_optional_text(text: str) -> str | None:
    return _problem_with_text(text) if text else None


def _problem_with_text(text: str) -> str | None:
    if not text:
        return "missing"
    try:
        check_text(text, "it")
    except ValueError as error:
        return str(error)
    return None
