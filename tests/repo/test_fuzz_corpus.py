"""Every answer that fuzzing has found worth keeping still ends in a good token or in our error."""

import re
from pathlib import Path

import pytest

from tests.evidence.fuzz.target import run_once

CORPUS = sorted((Path(__file__).parents[1] / "evidence" / "fuzz" / "corpus").iterdir())


def test_there_is_a_corpus() -> None:
    assert len(CORPUS) >= 50


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name[:8])
def test_answer_of_the_corpus_breaks_nothing(path: Path) -> None:
    run_once(path.read_bytes())


def test_target_notices_a_token_that_breaks_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rotator.oauth.response._PRINTABLE", re.compile("(?s).+"))

    with pytest.raises(AssertionError, match="the token fits a header"):
        run_once(
            b"HTTP/1.1 200 OK\r\n\r\n"
            b'{"access_token": "a b", "token_type": "bearer", "expires_in": 3600}'
        )
