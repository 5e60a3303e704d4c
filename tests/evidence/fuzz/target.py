"""One input of the fuzzer: an HTTP answer as bytes, put through the gate."""

from datetime import UTC, datetime

from rotator.errors import MintError
from rotator.model.secret import Secret
from rotator.oauth.expectation import Expectation
from rotator.oauth.response import parse_token_response
from rotator.transport.bounded import HttpResponse
from tests.support.gate_rules import broken_rules

SECRET = "p8e-canary/of+the:client=secret&%"
EXPECTED = Expectation(
    client_id="3f0ad53b1f2f4a0e9d1c3f2b5a697887",
    token_url="https://as.example/token",
    asked_at=datetime.fromtimestamp(1_769_850_000, UTC),
    secrets=(Secret(SECRET),),
    scope="openid read_organizations",
    is_scope_binding=True,
)


def run_once(data: bytes) -> None:
    """Judge the answer; raises AssertionError if a rule is broken, and what else the gate raises.

    `data` is a status line, header lines, an empty line and a body, with whatever is missing left
    empty.
    """
    answer = parsed(data)
    try:
        minted = parse_token_response(answer, EXPECTED)
    except MintError as error:
        refuse_secret(f"{error} {error!r} {vars(error)}")
        return
    for warning in minted.warnings:
        refuse_secret(warning)
    broken = broken_rules(minted.token, answer.body, status=answer.status, expected=EXPECTED)
    if broken:
        raise AssertionError(broken)


def parsed(data: bytes) -> HttpResponse:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    digits = "".join(c for c in first[9:12] if c in "0123456789")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return HttpResponse(int(digits or 200), headers, body)


def refuse_secret(shown: str, *, public: str = "") -> None:
    """Eight characters in a row are too many, unless the fuzzer has copied them into `public`."""
    pieces = (SECRET[at : at + 8] for at in range(len(SECRET) - 7))
    if any(piece in shown.lower() and piece not in public.lower() for piece in pieces):
        raise AssertionError("a secret is shown")
