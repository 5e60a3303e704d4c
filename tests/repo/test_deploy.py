"""What `make deploy` and `make destroy` say and ask, without an AWS."""

import pytest

from infra.deploy import Options, confirmed, explain_redeployment

CREDENTIALS = {"CredentialsSecret": "rotator/credentials"}
KEY = {"Key": "1f0e9c1a-52aa-4c0b-8a3e-5d1f0c9b8a77"}


@pytest.mark.parametrize(
    ("kept", "settings"),
    [
        (CREDENTIALS, ["CredentialsSecretArn"]),
        (CREDENTIALS | KEY, ["CredentialsSecretArn", "CredentialsKmsKeyArn"]),
        # Credentials that the stack did not make are not encrypted with its key.
        (KEY, []),
    ],
)
def test_what_stayed_is_named_for_the_next_deployment(
    kept: dict[str, str], settings: list[str]
) -> None:
    told = list(explain_redeployment(kept))

    assert [line.split("=")[0] for line in told if "--set" in line] == [
        f"  --set {name}" for name in settings
    ]


class AnsweringTerminal:
    """Somebody types a line, or Ctrl-C if it is None; "" is the end, Ctrl-D."""

    def __init__(self, typed: str | None, *, is_one: bool = True) -> None:
        self._typed = typed
        self._is_one = is_one

    def isatty(self) -> bool:
        return self._is_one

    def readline(self) -> str:
        if self._typed is None:
            raise KeyboardInterrupt
        return self._typed


@pytest.mark.parametrize(
    ("typed", "yes"),
    [
        (AnsweringTerminal("y\n"), True),
        (AnsweringTerminal(" Yes \n"), True),
        (AnsweringTerminal("\n"), False),
        (AnsweringTerminal("no\n"), False),
        (AnsweringTerminal(""), False),
        (AnsweringTerminal(None), False),
        (AnsweringTerminal("y\n", is_one=False), False),
    ],
    ids=["y", "yes", "enter", "no", "ctrl-d", "ctrl-c", "no terminal"],
)
def test_only_a_yes_at_a_terminal_is_a_yes(
    typed: AnsweringTerminal, monkeypatch: pytest.MonkeyPatch, *, yes: bool
) -> None:
    monkeypatch.setattr("sys.stdin", typed)

    assert confirmed(Options(stack="rotator", yes=False), "Go ahead?") is yes


def test_a_yes_on_the_command_line_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", AnsweringTerminal(None))

    assert confirmed(Options(stack="rotator", yes=True), "Go ahead?")
