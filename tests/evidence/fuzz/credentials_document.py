"""One input of the fuzzer: the value of a credentials secret, as all who read it do."""

import json
from urllib.parse import urlsplit

from rotator.errors import CredentialsError
from rotator.model.client_admin import parse_admin_settings
from rotator.model.client_credentials import ClientCredentials
from rotator.model.providers import resolve
from rotator.model.secret import Secret, StoredSecret
from rotator.model.secret_rotation import SecretRotation
from rotator.model.stored import parse_credentials, parse_fields
from tests.evidence.fuzz.target import SECRET, refuse_secret
from tests.evidence.fuzz.token_document import public_part, refuse

ROTATION = {
    "id": "r1",
    "step": "overlap",
    "started_at": "2026-01-31T09:00:00Z",
    "known_ids": ["a"],
    "minted_since": {"app/token": "2026-01-31T09:00:00Z"},
    "new": {"id": "b", "created_at": "2026-01-31T09:00:00Z"},
}
SECRET_FIELDS = {"client_secret", "CLIENT_SECRET", "CLIENT_SECRETS", "private_key"}
CLIENT = {"client_id": "my-client", "client_secret": SECRET}
SEEDS = [
    json.dumps(document).encode()
    for document in (
        CLIENT,
        {"CLIENT_ID": "my-client", "CLIENT_SECRETS": [SECRET], "SCOPES": ["openid", "other"]},
        {**CLIENT, "provider": "okta", "token_url": "https://as.example/token", "scope": "a,b"},
        {**CLIENT, "issuer": "https://as.example", "resource": ["https://api.example/a"]},
        {**CLIENT, "audience": "api", "parameters": {"a": "b"}, "lifetime_s": 3600},
        {**CLIENT, "token_secrets": ["app/*"], "single_active": True, "scope_policy": "refuse"},
        {**CLIENT, "client_admin": {"kind": "entra-id"}, "client_secret_rotation": ROTATION},
        {"client_id": "my-client", "private_key": {"kty": "EC", "d": SECRET}, "key_id": "k"},
        {**CLIENT, "auth_method": "client_secret_basic", "basic_encoding": "raw"},
    )
]


def run_once(data: bytes) -> None:
    """Read `data`; raises AssertionError for a broken rule, and what parsers may not."""
    text = data.decode("utf-8", errors="replace")
    version = StoredSecret("app/credentials", "arn", "v1", Secret(text))
    try:
        credentials = parse_credentials(version)
        public = public_part(text, SECRET_FIELDS)
        refuse_secret(repr(credentials), public=public)
        check(credentials)
        token_url = resolve(credentials).token_url
    except CredentialsError as error:
        refuse_secret(f"{error} {error!r} {vars(error)}")
        return
    url = urlsplit(token_url or "https:")
    if url.scheme != "https" and url.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise AssertionError("a client secret would be sent in the clear")
    for parse in (parse_admin_settings, SecretRotation.from_fields):
        try:
            refuse_secret(repr(parse(parse_fields(version))), public=public)
        except ValueError as error:
            refuse_secret(repr(error))


def check(credentials: ClientCredentials) -> None:
    client_id, texts = credentials.client_id, [each.reveal() for each in credentials.client_secrets]
    lifetime_s = credentials.lifetime_s
    refuse(
        {
            "the client id fits a header": client_id.isascii() and client_id.isprintable(),
            "there is a proof": texts or credentials.private_key,
            "no client secret is empty": all(texts),
            "each client secret is one line": not any(len(each.splitlines()) > 1 for each in texts),
            "the lifetime can be believed": lifetime_s is None or 0 < lifetime_s <= 316_224_000,
            "the same credentials ask for the same token": len(credentials.fingerprint) == 64,
        }
    )
