"""The pytest plugin: one fixture. To load it: `pytest_plugins = ["rotator.testing.plugin"]`."""

from __future__ import annotations

import pytest

from rotator.testing import FakeTokenReader

__all__ = ["fake_token_reader"]


@pytest.fixture
def fake_token_reader() -> FakeTokenReader:
    """A reader without AWS, whose "test-token" lives for a day; a new one for each test."""
    return FakeTokenReader()
