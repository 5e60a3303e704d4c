"""The questions of `rotator init` at a terminal; a wrong answer is asked for again."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

from rotator.cli.client_settings import ADOBE_SCOPES, expand_adobe_scope
from rotator.errors import ConfigError, name_hint
from rotator.model.providers import DEFAULT_PRESET, PRESETS
from rotator.model.urls import problem_with_url

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ask", "ask_secret", "ask_settings"]


def ask_settings(settings: dict[str, str]) -> dict[str, str]:
    """`settings` and the answers for what they leave open; raises ConfigError at the end of input.

    An unknown provider in `settings` is left for whoever validates them as a whole.
    """
    asked = dict(settings)
    if "provider" not in asked:
        has_address = asked.keys() & {"token_url", "issuer"}
        default = "generic" if has_address else DEFAULT_PRESET
        prompt = f"provider ({', '.join(PRESETS)}) [{default}]: "
        asked["provider"] = ask(prompt, default=default, find_problem=_problem_with_provider)
    preset = PRESETS.get(asked["provider"])
    if preset is None:
        return asked
    if not (preset.token_url or asked.keys() & {"token_url", "issuer"}):
        pattern = f" ({preset.token_url_pattern})" if preset.token_url_pattern else ""
        asked["token_url"] = ask(f"token URL{pattern}: ", find_problem=_problem_with_token_url)
    if "audience" in preset.needs and "audience" not in asked:
        asked["audience"] = ask("audience: ")
    if "scope" in asked:
        return asked
    if preset.name == DEFAULT_PRESET:
        for name, scope in ADOBE_SCOPES.items():
            print(f"  {name:<10} {scope}", file=sys.stderr)
        prompt = f"scope ({', '.join(ADOBE_SCOPES)}, or your own) [basic]: "
        asked["scope"] = ask(prompt, default="basic", find_problem=_problem_with_adobe_scope)
    elif "scope" in preset.needs:
        asked["scope"] = ask("scope: ")
    elif scope := ask("scope (empty for none): ", find_problem=lambda _: None):
        asked["scope"] = scope
    return asked


def ask(
    prompt: str,
    *,
    default: str = "",
    find_problem: Callable[[str], str | None] = lambda typed: None if typed else "missing",
) -> str:
    """The line typed at `prompt`, `default` for an empty one, once `find_problem` returns None.

    What it returns instead is shown, and never holds what was typed. Raises ConfigError at the end
    of input (Ctrl-D).
    """
    while True:
        print(prompt, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
            raise _end_of_input(prompt)
        typed = line.strip() or default
        problem = find_problem(typed)
        if problem is None:
            return typed
        print(f"  {problem}", file=sys.stderr)


def ask_secret(name: str) -> str:
    """The line typed unseen; raises ConfigError at the end of input (Ctrl-D)."""
    prompt = f"{name} (not shown): "
    while True:
        try:
            typed = getpass.getpass(prompt, stream=sys.stderr).strip()
        except EOFError:
            typed = None
        if typed is None:
            raise _end_of_input(prompt)
        if typed:
            return typed
        print("  missing", file=sys.stderr)


def _end_of_input(prompt: str) -> ConfigError:
    subject = prompt.partition(" (")[0].rstrip(": ")
    return ConfigError(f"{subject}: missing, the input ended; run this again and type it")


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
