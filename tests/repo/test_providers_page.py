"""docs/providers.md says what is so: its tables are held against the code and the tests."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.cli.client_settings import ADOBE_SCOPES
from rotator.model.client_credentials import ClientCredentials
from rotator.model.policy import RenewalPolicy
from rotator.model.providers import AUTH_METHODS, PRESETS, Provider
from tests.evidence.hostile_rows import ROWS

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"
PAGE = (DOCS / "providers.md").read_text("utf-8")
README = (DOCS.parent / "README.md").read_text("utf-8")
HOSTILE_PAGE = (DOCS / "hostile-answers.md").read_text("utf-8")
PROVED_BY = {
    "oidc-provider": "test_oidc_provider",
    "django-oauth-toolkit": "test_django_oauth_toolkit",
}


def table(first_column: str, page: str = PAGE) -> list[list[str]]:
    """The rows of the table whose first column has this head, as cells; the heads come first."""
    rows = []
    for line in page[page.index(f"| {first_column} |") :].splitlines():
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return [rows[0], *rows[2:]]


def habits(preset: Provider) -> str:
    """What the preset knows that the provider does and the standard does not say."""
    flags = {
        "says no `Bearer`": preset.token_type_policy is not None,
        "hands out its cached token": preset.hands_out_cached_tokens,
        "keeps one token active": preset.single_active,
    }
    return ", ".join(told for told, is_so in flags.items() if is_so)


def test_table_of_presets_says_what_they_say() -> None:
    stated = [
        [
            f"`{preset.name}`",
            f"`{url}`" if (url := preset.token_url or preset.token_url_pattern) else "",
            f"`{preset.auth_method}`",
            {" ": "space", ",": "comma"}[preset.scope_separator],
            ", ".join(f"`{name}`" for name in preset.needs),
            f"{preset.lifetime_s} s" if preset.lifetime_s else "as set there",
            habits(preset),
            f"[page]({preset.documentation})",
        ]
        for preset in PRESETS.values()
    ]

    assert table("provider")[1:] == stated


def test_names_of_adobes_scopes_stand_for_what_is_stored() -> None:
    stated = {row[0].strip("`"): row[1].strip("`") for row in table("`--scope`")[1:]}

    assert stated == ADOBE_SCOPES
    assert f"`firefly` stands for `{ADOBE_SCOPES['firefly']}`" in README


def test_every_method_is_described() -> None:
    described = {
        name for row in table("`auth_method`")[1:] for name in re.findall(r"`(.+?)`", row[0])
    }

    assert described == set(AUTH_METHODS)


@pytest.mark.parametrize("name", sorted(ClientCredentials.FIELDS))
def test_every_field_of_the_credentials_is_mentioned(name: str) -> None:
    assert f"`{name}`" in PAGE or f'"{name}"' in PAGE


@pytest.mark.parametrize(("column", "server"), list(enumerate(PROVED_BY, 1)))
def test_table_of_proofs_names_every_test_and_no_other(column: int, server: str) -> None:
    rows = table("what")
    source = (TESTS / "interop" / f"{PROVED_BY[server]}.py").read_text("utf-8")

    assert rows[0][column] == server
    named = [row[column].strip("`") for row in rows[1:] if row[column]]
    assert sorted(named) == sorted(re.findall(r"^def (test_\w+)", source, re.MULTILINE))


def test_table_of_hostile_answers_has_every_row_refused_by_us() -> None:
    heads, *rows, totals = table("the answer", HOSTILE_PAGE)

    assert heads[:2] == ["the answer", "rotator"]
    assert [row[:2] for row in rows] == [[row.name, "refused"] for row in ROWS]
    assert totals[1] == f"{len(ROWS)} of {len(ROWS)}"


def test_decision_tells_how_many_answers_there_are() -> None:
    decision = (DOCS / "decisions" / "0004-authlib.md").read_text("utf-8")

    assert f"{len(ROWS)} wrong responses" in decision


def test_totals_of_hostile_answers_are_those_of_the_table() -> None:
    heads, *rows, totals = table("the answer", HOSTILE_PAGE)

    for column in range(1, len(heads)):
        refused = sum(row[column] == "refused" for row in rows)
        assert totals[column] == f"{refused} of {len(rows)}", heads[column]


def test_shortest_lives_are_what_the_policy_keeps_valid() -> None:
    pattern = r"^\| (\d+) (minutes?|hour) \| (\d+) minutes \| (\d+) minutes \|$"
    rows = re.findall(pattern, PAGE, re.MULTILINE)
    assert len(rows) == 6
    for number, unit, works_from, safe_from in rows:
        minutes = int(number) * (60 if unit == "hour" else 1)
        policy = RenewalPolicy(interval=timedelta(minutes=minutes))
        for shortest, find_problem in (
            (works_from, policy.problem_with_lifetime),
            (safe_from, policy.problem_with_failed_run),
        ):
            lives = [timedelta(minutes=int(shortest) - less) for less in (0, 1)]
            assert [find_problem(life) is None for life in lives] == [True, False]
