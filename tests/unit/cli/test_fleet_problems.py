"""What a run prints of a fleet's problems: each names its bindings, and what to do."""

import pytest

from rotator.cli.fleet_problems import problem_lines
from rotator.cli.fleet_text import binding_name, table
from rotator.errors import ConfigError, MintError, RotatorError, SecretNotFound, StoreError
from rotator.fleet.manifest import parse_manifest
from rotator.fleet.report import BindingReport, DeferredError
from rotator.fleet.token_requests import NOT_SENT
from rotator.model.binding import Binding
from rotator.model.commands import init_command
from rotator.model.stored import no_credentials

DENIED = "access denied; grant secretsmanager:GetSecretValue on it to this role"


def refusal(debug_id: str | None = None) -> MintError:
    """A client that the provider refuses (RFC 6749 section 5.2)."""
    traced = f", debug id {debug_id}" if debug_id else ""
    return MintError(
        f"token endpoint: answered invalid_client (HTTP 401{traced})",
        status=401,
        oauth_error="invalid_client",
        debug_id=debug_id,
    )


def denial(secret_id: str) -> StoreError:
    """A secret that the role may not read."""
    return StoreError(
        f"secret {secret_id}: {DENIED}",
        operation="GetSecretValue",
        secret_id=secret_id,
        aws_code="AccessDeniedException",
    )


def not_found(secret_id: str) -> SecretNotFound:
    """A secret that does not exist (API reference, GetSecretValue: ResourceNotFoundException)."""
    return SecretNotFound(
        f"secret {secret_id}: does not exist in this account and region",
        operation="GetSecretValue",
        secret_id=secret_id,
        aws_code="ResourceNotFoundException",
    )


def failed(name: str, error: RotatorError, *, credentials: str | None = None) -> BindingReport:
    return BindingReport(Binding(credentials or f"c/{name}", f"t/{name}"), error=error)


def test_refused_client_is_told_with_its_binding_its_credentials_and_the_next_step() -> None:
    first, step = problem_lines([failed("a", refusal("x-1"))])

    assert first == (
        "failed: token secret t/a of credentials secret c/a: token endpoint: answered"
        " invalid_client (HTTP 401, debug id x-1)"
    )
    assert step == (
        "  next: check the client at the provider, then store its secret with"
        " `rotator credentials set c/a`"
    )


def test_problem_that_bindings_share_is_told_once_with_their_names() -> None:
    reports = [failed(name, refusal(f"x-{name}")) for name in ("a", "b")]
    reports += [failed(name, refusal(), credentials="c/shared") for name in ("c", "d")]

    lines = problem_lines(reports[:2])
    shared = problem_lines(reports[2:])

    assert lines[0] == (
        "failed: 2 token secrets, t/a (of c/a), t/b (of c/b): token endpoint: answered"
        " invalid_client (HTTP 401)"
    )
    assert lines[1].endswith(
        "`rotator credentials set ID` (with the name of the credentials secret for ID)"
    )
    assert shared[0].startswith(
        "failed: 2 token secrets of credentials secret c/shared, t/c, t/d: token endpoint: "
    )
    assert shared[1].endswith("`rotator credentials set c/shared`")


def test_refusal_that_was_not_sent_again_is_told_with_the_one_that_was() -> None:
    again = refusal("x-1")
    again.args = (f"{again}{NOT_SENT}",)

    lines = problem_lines(
        [failed("a", refusal("x-1"), credentials="c/s"), failed("b", again, credentials="c/s")]
    )

    assert lines == [
        (
            "failed: 2 token secrets of credentials secret c/s, t/a, t/b: token endpoint: answered"
            " invalid_client (HTTP 401); refused for t/a, and not tried for the other"
        ),
        (
            "  next: check the client at the provider, then store its secret with"
            " `rotator credentials set c/s`; or correct scope, audience and parameters of what was"
            " refused, which can be the cause too"
        ),
    ]


def test_problems_that_differ_are_told_apart() -> None:
    texts = ("token endpoint: refused (HTTP 400)", "token endpoint: refused (HTTP 403)")
    lines = problem_lines([failed(text[-2], MintError(text)) for text in texts])

    assert len(lines) == 2


def test_outage_that_defers_a_thousand_bindings_takes_one_line() -> None:
    reports = [
        failed(str(n), DeferredError(Binding(f"c/{n}", f"t/{n}"), "host a.example: HTTP 503"))
        for n in range(1000)
    ]

    [line] = problem_lines(reports)

    assert line.startswith("deferred: 1000 token secrets, t/0, t/1, ")
    assert "t/9 and 990 more: host a.example: HTTP 503; the next run tries again" in line
    assert "t/10," not in line


def test_temporary_problem_says_so_as_a_single_run_does() -> None:
    error = MintError("token endpoint: failed (HTTP 503)", retryable=True)

    assert problem_lines([failed("a", error)])[1] == "  temporary: the next run tries again"


@pytest.mark.parametrize(
    ("credentials", "names", "command"),
    [
        (
            ["c", "c"],
            "t/a, t/b",
            (
                "`rotator init --credentials-secret c --token-secret ID --bind-only` (with the name"
                " of the token secret for ID)"
            ),
        ),
        (
            ["c/a", "c/b"],
            "t/a (of c/a), t/b (of c/b)",
            (
                "`rotator init --credentials-secret ID --token-secret ID --bind-only` (with the"
                " names of both secrets for ID)"
            ),
        ),
    ],
)
def test_problems_that_differ_in_the_names_of_a_command_are_told_once(
    credentials: list[str], names: str, command: str
) -> None:
    reports = []
    for name, secret in zip("ab", credentials, strict=True):
        own = init_command(secret, f"t/{name}", "--bind-only")
        error = ConfigError(f"token secret t/{name}: is not named; if it should be: {own}")
        reports.append(failed(name, error, credentials=secret))

    assert problem_lines(reports) == [
        f"failed: 2 token secrets, {names}: is not named; if it should be: {command}"
    ]
    assert "--token-secret t/a --bind-only" in problem_lines(reports[:1])[0]


def test_commands_of_credentials_without_a_value_say_what_to_put_for_the_placeholder() -> None:
    """As they are printed, they would create a secret that is named like the placeholder."""
    shared = [
        failed(name, no_credentials("c/shared", f"t/{name}"), credentials="c/shared")
        for name in "abc"
    ]
    apart = [failed(name, no_credentials(f"c/{name}", f"t/{name}")) for name in "ab"]
    problem = "has no value yet; store the client credentials with `rotator init"

    assert problem_lines(shared) == [
        (
            f"failed: 3 token secrets, t/a, t/b, t/c: credentials secret c/shared: {problem}"
            " --credentials-secret c/shared --token-secret ID` (with the name of the token secret"
            " for ID)"
        )
    ]
    assert problem_lines(apart) == [
        (
            f"failed: 2 token secrets, t/a (of c/a), t/b (of c/b): credentials secret: {problem}"
            " --credentials-secret ID --token-secret ID` (with the names of both secrets for ID)"
        )
    ]


def test_refusals_of_secrets_manager_are_told_once_and_name_each_secret_once() -> None:
    tokens = [failed(name, denial(f"t/{name}")) for name in "ab"]
    credentials = [failed(name, denial(f"c/{name}")) for name in "ab"]
    shared = [failed(name, denial("c"), credentials="c") for name in "ab"]

    told = [problem_lines(each) for each in (tokens, credentials, shared)]
    alone = [problem_lines([each]) for each in (tokens[0], credentials[0])]

    assert told == [
        [f"failed: 2 token secrets, t/a, t/b: {DENIED}"],
        [f"failed: 2 token secrets, t/a (of c/a), t/b (of c/b): credentials secret: {DENIED}"],
        [f"failed: 2 token secrets, t/a, t/b: credentials secret c: {DENIED}"],
    ]
    assert alone == [
        [f"failed: token secret t/a: {DENIED}"],
        [f"failed: token secret t/a: credentials secret c/a: {DENIED}"],
    ]


@pytest.mark.parametrize(("missing", "options"), [("t/{name}", " --bind-only"), ("c/shared", "")])
def test_step_for_missing_token_secrets_binds_them_to_the_credentials_that_exist(
    missing: str, options: str
) -> None:
    """Without --bind-only `init` refuses credentials that exist."""
    reports = [
        failed(name, not_found(missing.format(name=name)), credentials="c/shared") for name in "abc"
    ]

    _, step = problem_lines(reports)

    assert step == (
        "  next: if name and region are right, create it with `rotator init --credentials-secret"
        f" c/shared --token-secret ID{options}` (with the name of the token secret for ID)"
    )


def test_problem_that_names_the_binding_itself_does_not_name_it_twice() -> None:
    [line] = problem_lines([failed("a", ConfigError("token secret t/a: is wrong"))])

    assert line == "failed: token secret t/a: is wrong"


def test_entry_of_a_manifest_is_named_without_controlling_the_terminal() -> None:
    good = '[[binding]]\ncredentials_secret = "c"\ntoken_secret = "t"\n'
    hostile = good.replace('"t"', '"\\u001b[2Jx\\ny' + "z" * 5000 + '"')
    nameless = '[[binding]]\ncredentials_secret = "c"\n'
    _, selection = parse_manifest(good + hostile + nameless)

    names = [binding_name(each.binding, each.error) for each in selection.refused]
    lines = problem_lines(
        BindingReport(each.binding, error=each.error) for each in selection.refused
    )

    assert names == ["binding 2", "binding 3"]
    assert [line.partition(":")[2].split(":")[0:2] for line in lines] == [
        [" manifest", " binding 2"],
        [" manifest", " binding 3"],
    ]
    assert "\x1b" not in "".join(str(each.binding) for each in selection.refused)


def test_long_name_widens_its_own_row_only() -> None:
    lines = table([("failed", "t" * 500, "x"), ("failed", "t", "x")])

    assert "t" * 500 in lines[0]
    assert len(lines[1]) < 100


def test_bindings_whose_credentials_are_missing_by_an_arn_are_told_together() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/client-AbCdEf"
    lines = problem_lines([failed(name, not_found(arn), credentials=arn) for name in "ab"])

    assert [line.startswith("  next: ") for line in lines] == [False, True]
