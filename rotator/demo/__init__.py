"""The embedded default: a whole rotation on this machine, without an account anywhere.

A local Secrets Manager and a token endpoint that behaves as Adobe IMS, as processes on loopback,
and a narration that drives rotator's own commands against them. Needs the extra `demo`.
"""

from __future__ import annotations

__all__ = ["run_demo"]


def run_demo(*, serve: bool) -> int:
    """Show what rotator does, or with `serve` keep the local servers up to play with.

    Prints to standard output and returns the exit code: 0 only if every step did what it promises.
    """
    from rotator.demo.narration import narrate
    from rotator.local.serving import keep_serving

    return keep_serving() if serve else narrate()
