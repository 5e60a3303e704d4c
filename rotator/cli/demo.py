"""`rotator demo`: the whole job against local servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

__all__ = ["add_to"]

_EXAMPLE = """\
example:
  rotator demo
  rotator demo --serve

Needs the extra `demo`. In a checkout `make run` installs and runs it, and
`make run ARGS=--serve` keeps the servers running."""


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo",
        help="run the whole job on this machine, without an account",
        description="Run the whole job against a local Secrets Manager and a local Adobe IMS.",
        epilog=_EXAMPLE,
    )
    parser.add_argument(
        "--serve",
        action="store_true",
        help="keep both servers running and print the variables to export",
    )
    parser.set_defaults(run=_demo)


def _demo(args: argparse.Namespace) -> int:
    import gc

    from rotator.demo import run_demo

    gc.enable()  # which `main` disabled for short commands; --serve may stay up for days
    return run_demo(serve=args.serve)
