"""The reader that most of these tests look at, and an environment that says nothing of AWS."""

from pathlib import Path

import pytest

from tests.support.environment import clear_environment
from tests.support.reader_rig import ReaderRig


@pytest.fixture
def rig() -> ReaderRig:
    return ReaderRig()


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clear_environment(monkeypatch)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
