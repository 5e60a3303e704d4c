from datetime import timedelta
from pathlib import Path

import pytest

from rotator.errors import ConfigError
from rotator.fleet.manifest import load_manifest, parse_manifest, read_manifest
from rotator.model.binding import Binding

TWO = 'credentials_secret = "c"\ntoken_secret = "t2"\n'
ONE = '[[binding]]\ncredentials_secret = "c"\ntoken_secret = "t"\n'


def test_manifest_names_a_fleet_and_its_bindings() -> None:
    settings, selection = parse_manifest(
        '[fleet]\nname = "creative"\ninterval = "5m"\ncadence = "22h"\nspread = "2h"\n'
        "workers = 4\nputs_per_s = 50\n"
        '[[binding]]\ncredentials_secret = "c"\ntoken_secret = "t/1"\n'
        '[[binding]]\ncredentials_secret = "c"\ntoken_secret = "t/2"\ncadence = "12h"\n'
        'probe_url = "https://api.example/me"\n'
    )

    assert (settings.name, settings.workers, settings.puts_per_s) == ("creative", 4, 50.0)
    assert settings.interval == timedelta(minutes=5)
    assert (settings.cadence, settings.spread) == (timedelta(hours=22), timedelta(hours=2))
    first, second = selection.bindings
    assert first.binding == Binding("c", "t/1")
    assert (first.cadence, first.probe_url, first.needs_consent) == (None, None, False)
    assert second.cadence == timedelta(hours=12)
    assert second.probe_url == "https://api.example/me"
    assert selection.refused == ()


def test_manifest_of_an_editor_that_writes_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    path.write_bytes(b"\xef\xbb\xbf" + ONE.encode())

    _, selection = load_manifest(str(path))

    assert len(selection.bindings) == 1


def test_fleet_table_may_be_left_out() -> None:
    settings, _ = parse_manifest(ONE)

    assert (settings.spread, settings.interval) == (timedelta(hours=1), timedelta(minutes=15))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "manifest: has no bindings"),
        ("[fleet]\n", "manifest: has no bindings"),
        ("binding = []\n", "manifest: has no bindings"),
        ("binding = 3\n", "manifest: has no bindings"),
        ("[binding]\n", "[binding] has single brackets; write [[binding]]"),
        ("[[bindings]]\n", "manifest: has an unknown key; did you mean binding?"),
        ("[fleet]\ncadance = '1h'\n" + ONE, "[fleet]: has an unknown key; did you mean cadence?"),
        ("[fleet]\ncadence = '1'\n" + ONE, "[fleet]: cadence is not a duration"),
        ("[fleet]\nname = ''\n" + ONE, "[fleet]: name must be a non-empty string"),
        ("[fleet]\nworkers = true\n" + ONE, "[fleet]: workers must be a whole number"),
        ("[fleet]\nworkers = 0\n" + ONE, "[fleet]: workers must be a whole number"),
        ("[fleet]\nputs_per_s = 0\n" + ONE, "[fleet]: puts_per_s must be a number, 0.1 to 10000"),
        (
            "[fleet]\nputs_per_s = 0.0001\n" + ONE,
            "[fleet]: puts_per_s must be a number, 0.1 to 10000",
        ),
        ("[fleet]\nputs_per_s = nan\n" + ONE, "[fleet]: puts_per_s must be a number, 0.1 to 10000"),
        ("fleet = 1\n" + ONE, "manifest: [fleet] must be a table"),
        ("secret = hunter2", "manifest: is not TOML (at line 1, column 10)"),
    ],
)
def test_wrong_file_or_fleet_table_refuses_everything(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_manifest(text)

    assert problem in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ('token_secret = "t2"\n', "binding 2: credentials_secret is missing"),
        ('credentials_secret = "c"\n', "binding 2: token_secret is missing"),
        ('credentials_secret = "c"\ntoken_secret = 3\n', "binding 2: token_secret must be a"),
        ('credentials_secret = "c"\ntoken_secret = "a b"\n', "is not a valid secret name or ARN"),
        (TWO + 'tokensecret = ""', "binding 2: has an unknown key; did you mean token_secret?"),
        (TWO + 'probe_url = "http://api.example"', "binding 2: probe_url must use https"),
        (TWO + 'cadence = "9"', "binding 2: cadence is not a duration"),
        (ONE.partition("\n")[2], "binding 2: token_secret is that of binding 1 too; remove one"),
    ],
)
def test_wrong_binding_is_refused_alone(entry: str, problem: str) -> None:
    _, selection = parse_manifest(f"{ONE}[[binding]]\n{entry}")

    assert [each.binding for each in selection.bindings] == [Binding("c", "t")]
    [refused] = selection.refused
    assert problem in str(refused.error)


@pytest.mark.parametrize("end", ["[[binding", '[fleet]\nname = """a\n\n', "[fleet]\nworkers ="])
def test_manifest_that_ends_too_early_is_refused_by_its_last_line(end: str) -> None:
    last = len(f"{ONE}{end}".rstrip().splitlines())

    with pytest.raises(ConfigError, match=rf"is not TOML \(it ends too early, at line {last}\)"):
        parse_manifest(f"{ONE}{end}")


def test_one_secret_for_both_is_a_binding() -> None:
    _, selection = parse_manifest('[[binding]]\ncredentials_secret = "s"\ntoken_secret = "s"\n')

    assert [each.binding for each in selection.bindings] == [Binding("s", "s")]


@pytest.mark.untraced
def test_hundred_thousand_bindings_are_read() -> None:
    entries = [{"credentials_secret": "c", "token_secret": f"t/{n}"} for n in range(100_000)]
    entries.append({"credentials_secret": "c", "token_secret": "t/99999"})

    _, selection = read_manifest({"binding": entries})

    assert len(selection.bindings) == 100_000
    assert "binding 100001: token_secret is that of binding 100000 too" in str(
        selection.refused[0].error
    )


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_file_that_cannot_be_read_is_named_by_its_flag(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "fleet.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(
        ConfigError,
        match=r"^manifest: the file cannot be read .*; check --config or ROTATOR_CONFIG",
    ):
        load_manifest(str(path))
