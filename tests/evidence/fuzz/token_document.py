"""One input of the fuzzer: the value of a token secret, as the job and as the reader read it."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from rotator.model.access_token import AccessToken
from rotator.model.secret import Secret, StoredSecret
from rotator.model.stored import parse_token
from rotator.reader.snapshot import Snapshot, parse
from tests.evidence.fuzz.target import SECRET, refuse_secret
from tests.support.documents import token_document

SEEDS = [
    json.dumps(document).encode()
    for document in (
        token_document(SECRET),
        token_document(SECRET, token_type="mac"),
        token_document(SECRET, schema=2, added=[{}]),
        token_document(SECRET, scope=None, token_url=None, client_secret_position=1),
        {"access_token": SECRET, "expires_at": "2026-01-31T10:00:00.5+01:00"},
        {"access_token": SECRET, "expires_at_epoch": " 1769850000 "},
    )
]


def run_once(data: bytes) -> None:
    """Read `data`; raises AssertionError for a broken rule, and what parsers may not."""
    text = data.decode("utf-8", errors="replace")
    snapshot = read(text)
    token = parse_token(StoredSecret("app/token", "arn", "v1", Secret(text)))
    if not isinstance(token, AccessToken):
        return
    refuse_secret(repr(token), public=public_part(text, {"access_token"}))
    rules = {
        "what the job takes for good can be read": snapshot is not None,
        "both read the same token": snapshot and snapshot.token == token.access_token.reveal(),
        "both read the same expiry": snapshot and snapshot.expires_at == token.expires_at,
        "a token is issued before it expires": token.issued_at < token.expires_at,
        "it is a bearer token": token.token_type.lower() == "bearer",
        "it can be stored and read": AccessToken.from_fields(token.to_fields()) == token,
    }
    refuse(rules)


def read(text: str) -> Snapshot | None:
    try:
        snapshot = parse({"SecretString": text, "VersionId": "v1"})
    except ValueError as error:
        refuse_secret(repr(error))
        return None
    refuse_secret(repr(snapshot), public=public_part(text, {"access_token"}))
    headers = "".join(snapshot.headers().values())
    rules = {
        "the token is the document's": snapshot.token == fields_of(text)["access_token"],
        "it is a bearer token": is_bearer(fields_of(text).get("token_type", "bearer")),
        "the headers can be sent": headers.isascii() and headers.isprintable(),
        "the expiry is in UTC": snapshot.expires_at.utcoffset() is not None,
    }
    refuse(rules)
    return snapshot


def is_bearer(token_type: object) -> bool:
    return token_type is None or str(token_type).strip().lower() == "bearer"


def fields_of(text: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(text.removeprefix("\ufeff"), parse_int=str)
    return fields


def public_part(text: str, secret_names: Collection[str]) -> str:
    """What a document holds besides its secrets."""
    return str({name: value for name, value in fields_of(text).items() if name not in secret_names})


def refuse(rules: Mapping[str, object]) -> None:
    broken = [rule for rule, holds in rules.items() if not holds]
    if broken:
        raise AssertionError(broken)
