"""The demo: the whole job on this machine, without any account.

It starts a local Secrets Manager and a token endpoint that behaves as Adobe IMS, runs rotator's
commands against them and narrates each step. Needs the extra `demo`.
"""

from __future__ import annotations

__all__ = ["run_demo"]


def run_demo(*, serve: bool) -> int:
    """Run the demo, or with `serve` keep the local servers running; returns the exit code.

    It is 0 only if every step did what it promises.
    """
    from rotator.demo.narration import narrate
    from rotator.local.serving import keep_serving

    return keep_serving() if serve else narrate()
