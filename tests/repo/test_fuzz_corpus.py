"""Every input that fuzzing has found worth keeping still ends in a good value or in our error."""

import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.evidence.fuzz import credentials_document, token_document
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


@pytest.mark.parametrize("target", [token_document, credentials_document])
def test_documents_that_fuzzing_starts_from_break_nothing(target: ModuleType) -> None:
    assert len(target.SEEDS) >= 5
    for seed in target.SEEDS:
        target.run_once(seed)


@pytest.mark.parametrize(
    ("target", "field", "check", "rule"),
    [
        (token_document, "access_token", "reader.snapshot.fits_a_header", "can be sent"),
        (credentials_document, "client_secret", "model.client_credentials.is_one_line", "one line"),
    ],
)
def test_document_target_notices_a_parser_that_lets_two_lines_through(
    monkeypatch: pytest.MonkeyPatch, target: ModuleType, field: str, check: str, rule: str
) -> None:
    monkeypatch.setattr(f"rotator.{check}", lambda _: True)

    with pytest.raises(AssertionError, match=rule):
        target.run_once(json.dumps(json.loads(target.SEEDS[0]) | {field: "a\nb"}).encode())
