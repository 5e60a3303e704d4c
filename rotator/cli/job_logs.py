"""The logs of the commands that a scheduler starts: `run` and `rotate-client-secret`."""

from __future__ import annotations

import sys

__all__ = ["configure_job_logs"]


def configure_job_logs() -> None:
    """Configure the logs from the environment; raises ConfigError for a wrong setting.

    If logs and result go to the same terminal, the events of outcomes are not logged.
    """
    from rotator.config import load_log_settings, logs

    logs.configure()  # so that an error in the settings is logged
    settings = load_log_settings()
    is_watched = sys.stdout.isatty() and sys.stderr.isatty()
    logs.configure(
        level=settings.level,
        form=settings.form,
        outcomes=settings.form is not None or not is_watched,
    )
