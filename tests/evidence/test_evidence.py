"""A little of each row of `make prove`, so that `make test` notices what breaks them."""

import os
import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from rotator.local.environment import isolated_environment
from tests.evidence.bad_input import bad_input
from tests.evidence.client_secret_worlds import interfere
from tests.evidence.client_secrets import naive_losses, strike
from tests.evidence.decade import explained, live
from tests.evidence.faults import faults_for
from tests.evidence.job import CLIENT_SECRET, Stage, stage
from tests.evidence.kills import kills_at_calls, signals
from tests.evidence.leaks import leaks
from tests.evidence.matrix import fault_pairs, single_faults, world_faults
from tests.evidence.provider_worlds import provider_decade, provider_worlds
from tests.evidence.races import Setting, draw, draw_in_worlds, races, world_races
from tests.evidence.row import Effort, TableRow
from tests.evidence.rows import ROWS
from tests.evidence.table import as_markdown, as_text
from tests.evidence.worlds import STAGE_WORLDS
from tests.support.processes import run_to_end
from tests.support.secret_providers import FakeAdobe


@pytest.fixture
def on() -> Iterator[Stage]:
    with stage() as on:
        yield on


def assert_kept(found: TableRow, count: int = 1) -> None:
    """So many cases were tried, and none has broken a promise."""
    assert (found.count, found.violations) == (count, [])


@pytest.mark.parametrize(
    ("row", "case"),
    [
        (single_faults, "due/0:sm:BatchGetSecretValue=HTML"),
        (single_faults, "due/1:ims:token=mac token"),
        (single_faults, "due/1:ims:token=redirect"),
        (single_faults, "due/3:sm:PutSecretValue=HTML"),
        (single_faults, "due/3:sm:PutSecretValue=reset after for good"),
        (single_faults, "shared/4:sm:PutSecretValue=reset after"),
        (fault_pairs, "due/1:ims:token=503 before + 4:sm:PutSecretValue=503 after"),
    ],
)
def test_spoilt_answer_breaks_no_promise(row: Callable[[Effort], TableRow], case: str) -> None:
    assert_kept(row(Effort(case=case)))


def test_no_token_is_missing_for_longer_than_the_provider_makes_it() -> None:
    assert provider_worlds(Effort(limit=12)).violations == []


@pytest.mark.parametrize("kind", ["cached tokens of an hour", "one active token"])
def test_month_of_outages_costs_no_token_that_a_run_could_have_minted(kind: str) -> None:
    assert_kept(provider_decade(Effort(case=kind, limit=30)), count=30 * 24)


def test_no_promise_is_broken_by_a_fault_at_a_provider_of_another_kind() -> None:
    assert_kept(world_faults(Effort(limit=1)), count=len(STAGE_WORLDS))


def test_race_where_one_token_is_active_leaves_the_one_that_was_minted_last() -> None:
    settings = ((turn, _race_of_one_active(turn)) for turn in range(100))
    case = next(
        f"one active token: {turn}: {setting}"
        for turn, setting in settings
        if setting.start == "due" and not (setting.faults or setting.by_hand)
    )
    assert_kept(world_races(Effort(case=case, limit=100)))


def _race_of_one_active(turn: int) -> Setting:
    return draw_in_worlds(Effort().random(f"one active token, race {turn}"))


def test_every_call_of_a_run_has_faults_to_suffer(on: Stage) -> None:
    job = on.set("empty")
    job.run()
    assert len(on.wire.calls) >= 4
    for call in on.wire.calls:
        assert len(faults_for(call.name)) > 10


def test_forced_run_on_one_secret_for_both_rotates_a_fresh_token(on: Stage) -> None:
    assert on.set("fresh", shared=True).run(force=True).outcome == "rotated"


@pytest.mark.parametrize("processed", ["before", "after"])
def test_run_killed_while_it_writes_is_made_good_by_the_next(processed: str) -> None:
    assert_kept(kills_at_calls(Effort(case=f"due/SIGKILL {processed} call 3")))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_run_with_its_own_code(signum: signal.Signals) -> None:
    assert_kept(signals(Effort(case=f"due/{signum.name} before call 1")))


def test_race_leaves_one_new_version() -> None:
    assert_kept(races(Effort(case=next(_cases_of_races()))))


def _cases_of_races() -> Iterator[str]:
    for turn in range(100):
        setting = draw(Effort().random(f"race {turn}"))
        if setting.rotators == 10 and setting.start == "due":
            yield f"{turn}: {setting}"


@pytest.mark.parametrize(
    "case",
    [
        "healthy",
        "token endpoint: error echoes",
        "sm:PutSecretValue: HTML echoes",
        "rotate-client-secret: adobe: POST error echoes",
        "rotate-client-secret: auth0: healthy",
    ],
)
def test_canary_secret_is_seen_nowhere(case: str) -> None:
    assert_kept(leaks(Effort(case=case)))


def test_unexpected_failure_shows_neither_its_text_nor_a_traceback(on: Stage) -> None:
    on.set("due")
    code = (
        "import rotator.app, sys; from rotator.cli import main\n"
        "def broken(settings): raise RuntimeError(sys.stdin.read())\n"
        "rotator.app.open_store = broken\n"
        "sys.exit(main(['status', '--token-secret', 'token']))"
    )
    env = isolated_environment(os.environ, endpoint_url=on.wire.endpoint_url)
    ended = run_to_end(sys.executable, "-c", code, env=env, stdin=CLIENT_SECRET)
    assert ended.returncode == 1
    assert "unexpected RuntimeError" in ended.stderr
    assert CLIENT_SECRET not in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr


def test_a_month_of_the_decade_have_no_minute_without_a_token_that_was_avoidable() -> None:
    world, designs = live(Effort(seed=2), turn=0, days=30)
    assert designs[0].avoidable == []
    down = explained(designs[0], world)
    assert sum(down.values()) == designs[0].without_s
    assert designs[0].without_s < designs[2].without_s


def test_bad_input_ends_in_an_error_of_ours() -> None:
    assert_kept(bad_input(Effort(limit=40)), count=240)


def test_rotation_of_a_client_secret_that_is_struck_keeps_one_that_works() -> None:
    row = TableRow("client secrets", "7", "plans")
    strike(FakeAdobe, row, Effort(limit=0))
    assert row.count > 40
    assert row.violations == []
    assert naive_losses([FakeAdobe])[0] > 0, "the naive order loses it"


def test_rotation_of_a_client_secret_with_which_people_interfere_ends_nothing_of_theirs() -> None:
    for case in (
        "okta/run 0: all dead, another by hand",
        "adobe/run 3: back to the first version",
        "okta/run 5: old switched on",
        "entra-id/run 2: grant refused, list without the new one",
        "auth0/run 0: all dead, another by hand",
        # A run that writes what an earlier one wrote from the same version is no success.
        "adobe/run 7: back to the first version + run 7: back one version",
        "okta/run 3: new taken out + run 3: back two versions",
        "auth0/run 1: page in place of a change + run 3: back two versions",
    ):
        row = TableRow("client secrets", "7", "plans")
        interfere(row, Effort(case=case))
        assert (row.count, row.violations) == (1, []), case


def test_table_tells_how_to_repeat_a_case() -> None:
    row = TableRow("faults", "1", "faults")
    row.add("due/0", None)
    row.add("due/1", "a token was lost")
    rows = {"faults": (row, 1.0)}
    assert "python -m tests.evidence --row faults --seed 7 --case 'due/0'" in as_text(
        rows, Effort(seed=7)
    )
    assert "2 faults" in as_markdown(rows, Effort(seed=7))
    assert row.violations == ["due/1: a token was lost"]


def test_every_row_has_a_name_to_be_asked_for_by() -> None:
    assert {"faults", "pairs", "kills", "races", "decade", "leaks", "input"} <= ROWS.keys()
