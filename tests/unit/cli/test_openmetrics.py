"""What a textfile collector finds: whole, and in the words of both text formats."""

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.cli.openmetrics import as_openmetrics, write_atomically
from rotator.errors import ConfigError
from rotator.model.status import ClientSecretStatus, Health, TokenStatus

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
NOW_S = 1_769_850_000  # date -u -d 2026-01-31T09:00:00Z +%s


def test_healthy_token_is_exposed_with_its_instants() -> None:
    status = TokenStatus(
        "adobe/token",
        "healthy",
        "fresh",
        expires_at=NOW + timedelta(hours=2),
        next_rotation_at=NOW + timedelta(hours=1),
    )

    assert as_openmetrics([status], now=NOW).splitlines() == [
        "# TYPE rotator_token_expires_at_seconds gauge",
        "# UNIT rotator_token_expires_at_seconds seconds",
        "# HELP rotator_token_expires_at_seconds When the stored token ends.",
        f'rotator_token_expires_at_seconds{{token_secret="adobe/token"}} {NOW_S + 7200}',
        "# TYPE rotator_token_next_rotation_at_seconds gauge",
        "# UNIT rotator_token_next_rotation_at_seconds seconds",
        "# HELP rotator_token_next_rotation_at_seconds When the stored token is due.",
        f'rotator_token_next_rotation_at_seconds{{token_secret="adobe/token"}} {NOW_S + 3600}',
        "# TYPE rotator_token_health gauge",
        "# HELP rotator_token_health 1 for the health that the token has.",
        'rotator_token_health{token_secret="adobe/token",health="healthy"} 1',
        'rotator_token_health{token_secret="adobe/token",health="overdue"} 0',
        'rotator_token_health{token_secret="adobe/token",health="unusable"} 0',
        'rotator_token_health{token_secret="adobe/token",health="unknown"} 0',
        "# TYPE rotator_status_checked_at_seconds gauge",
        "# UNIT rotator_status_checked_at_seconds seconds",
        "# HELP rotator_status_checked_at_seconds When this status was read.",
        f"rotator_status_checked_at_seconds {NOW_S}",
        "# EOF",
    ]


def test_token_that_is_missing_has_a_health_and_no_instants() -> None:
    text = as_openmetrics([TokenStatus("t", "unusable", "token_missing")], now=NOW)

    assert 'rotator_token_health{token_secret="t",health="unusable"} 1' in text
    assert "rotator_token_expires_at_seconds{" not in text


def test_token_of_a_refused_binding_keeps_its_series_and_is_unknown_too() -> None:
    known = TokenStatus("t", "unusable", "expired", expires_at=NOW - timedelta(hours=1))

    refused: dict[str, Health | None] = {"t": "unusable", "unread": None}
    lines = as_openmetrics([known], refused, now=NOW).splitlines()

    assert f'rotator_token_expires_at_seconds{{token_secret="t"}} {NOW_S - 3600}' in lines
    for name, is_unusable in (("t", 1), ("unread", 0)):
        series = f'rotator_token_health{{token_secret="{name}",health='
        assert [line.removeprefix(series) for line in lines if line.startswith(series)] == [
            '"healthy"} 0',
            '"overdue"} 0',
            f'"unusable"}} {is_unusable}',
            '"unknown"} 1',
        ]


def test_client_secret_of_several_tokens_is_exposed_once() -> None:
    shared = ClientSecretStatus(
        "adobe/credentials", "id", NOW - timedelta(days=90), NOW + timedelta(days=1), "overlap"
    )
    other = ClientSecretStatus("other", "id")
    statuses = [
        TokenStatus(name, "healthy", "fresh", client_secret=known)
        for name, known in (("a", shared), ("b", shared), ("c", other), ("d", None))
    ]

    lines = as_openmetrics(statuses, now=NOW).splitlines()

    label, none = '{credentials_secret="adobe/credentials"}', '{credentials_secret="other"}'
    assert [line for line in lines if line.startswith("rotator_client_secret")] == [
        f"rotator_client_secret_created_at_seconds{label} {NOW_S - 90 * 86_400}",
        f"rotator_client_secret_expires_at_seconds{label} {NOW_S + 86_400}",
        f"rotator_client_secret_rotation_under_way{label} 1",
        f"rotator_client_secret_rotation_under_way{none} 0",
    ]
    assert "# TYPE rotator_client_secret_created_at_seconds gauge" in lines
    assert "# UNIT rotator_client_secret_expires_at_seconds seconds" in lines


def test_file_is_replaced_and_readable_for_the_collector(tmp_path: Path) -> None:
    path = tmp_path / "rotator.prom"
    path.write_text("old")
    mask = os.umask(0o022)
    try:
        write_atomically(str(path), "new\n")
    finally:
        os.umask(mask)

    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_is_missing_is_named_by_its_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--openmetrics: cannot be written"):
        write_atomically(str(tmp_path / "none" / "rotator.prom"), "new\n")


def test_file_that_a_symlink_names_is_written_and_the_symlink_stays(tmp_path: Path) -> None:
    target = tmp_path / "data" / "rotator.prom"
    target.parent.mkdir()
    target.write_text("old")
    link = tmp_path / "rotator.prom"
    link.symlink_to(target)

    write_atomically(str(link), "new\n")

    assert link.readlink() == target
    assert target.read_text() == "new\n"
    assert list(target.parent.iterdir()) == [target]


def link_to_fifo(path: Path) -> None:
    os.mkfifo(path.with_name("fifo"))
    path.symlink_to("fifo")


@pytest.mark.parametrize(
    "make",
    [Path.mkdir, os.mkfifo, link_to_fifo, lambda path: path.symlink_to(path)],
    ids=["a folder", "a FIFO", "a symlink to a FIFO", "a symlink to itself"],
)
def test_what_is_no_regular_file_is_refused_and_stays(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    path = tmp_path / "rotator.prom"
    make(path)
    before = {each.name: each.lstat().st_mode for each in tmp_path.iterdir()}

    with pytest.raises(ConfigError, match="--openmetrics: cannot be written"):
        write_atomically(str(path), "new\n")

    assert {each.name: each.lstat().st_mode for each in tmp_path.iterdir()} == before


def test_dash_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match="standard output has the table"):
        write_atomically("-", "new\n")

    assert list(tmp_path.iterdir()) == []
