"""What `rotator.testing` gives to the tests of those who read the token."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rotator.errors import StoreError, TokenUnavailable
from rotator.reader import TokenReader
from rotator.testing import FakeTokenReader

HOUR = 3600.0


def outage() -> StoreError:
    return StoreError("s: unreachable", operation="GetSecretValue", secret_id="s", retryable=True)


def test_fake_is_a_reader_with_a_token_of_a_day() -> None:
    reader = FakeTokenReader()
    assert isinstance(reader, TokenReader)
    assert reader.headers() == {"Authorization": "Bearer test-token", "x-api-key": "test-client"}
    assert reader.reads == 1


def test_published_token_is_read_when_the_rotation_is_due() -> None:
    reader = FakeTokenReader("first")
    reader.token()
    reader.publish("second")
    assert reader.token() == "first"
    reader.advance(23 * HOUR + 200)
    assert reader.token() == "second"


def test_rejected_token_is_noted_and_replaced() -> None:
    reader = FakeTokenReader("first")
    reader.token()
    reader.publish("second")
    assert reader.invalidate("first")
    assert reader.rejected == ["first"]
    assert reader.token() == "second"


def test_outage_is_survived_until_the_expiry_and_ends() -> None:
    reader = FakeTokenReader("first")
    reader.token()
    reader.fail(outage())
    reader.advance(23.9 * HOUR)
    assert reader.token() == "first"
    reader.advance(HOUR)
    with pytest.raises(TokenUnavailable):
        reader.token()
    reader.recover()
    reader.publish("second")
    assert reader.token() == "second"


def test_recovery_ends_the_pause_after_a_refresh_that_failed() -> None:
    reader = FakeTokenReader("first")
    reader.token()
    reader.fail(outage())
    reader.advance(23.5 * HOUR)
    assert reader.token() == "first"
    reader.publish("new")
    reader.recover()
    assert reader.token() == "new"


@pytest.mark.parametrize("warm", [True, False])
def test_expired_reader_raises(*, warm: bool) -> None:
    reader = FakeTokenReader()
    if warm:
        reader.token()
    reader.expire()
    with pytest.raises(TokenUnavailable):
        reader.token()


def test_fixture_comes_with_the_plugin_and_needs_no_aws(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["rotator.testing.plugin"]\n')
    (tmp_path / "test_consumer.py").write_text(
        "def test_read(fake_token_reader):\n"
        "    assert fake_token_reader.token() == 'test-token'\n"
        "    fake_token_reader.publish('left over')\n"
        "def test_each_test_has_its_own(fake_token_reader):\n"
        "    assert fake_token_reader.token() == 'test-token'\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
