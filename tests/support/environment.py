"""An environment that says nothing of AWS, of proxies and of certificates."""

import os

import pytest


def clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take what AWS SDKs and HTTP clients listen to out of the environment."""
    for name in os.environ:
        if name.startswith(("AWS_", "BOTO_", "SSL_", "PARAMETERS_SECRETS_")) or (
            name.upper().endswith(("_PROXY", "_CA_BUNDLE"))
        ):
            monkeypatch.delenv(name)
