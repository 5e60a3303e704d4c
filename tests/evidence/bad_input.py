"""Thousands of broken configurations, secrets and answers, made from good ones by a seed.

Each must end in success or in one of our errors, with a documented exit code, no other exception
carried along, and nothing of a secret in its text.
"""

import contextlib
import io
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from rotator.aws.store import SecretsManagerStore
from rotator.cli.exit_codes import EXIT_CODES, exit_code
from rotator.cli.parser import parse
from rotator.config import load_log_settings, load_settings
from rotator.errors import RotatorError
from rotator.model.access_token import AccessToken, Minted
from rotator.model.binding import Binding
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret, StoredSecret
from rotator.oauth.endpoint import TokenEndpoint
from rotator.oauth.expectation import Expectation
from rotator.oauth.response import parse_token_response
from rotator.reader.clocked import ClockedReader
from rotator.rotation.rotate import rotate_token
from rotator.transport.bounded import HttpResponse
from tests.evidence.mutate import mutated_bytes, mutated_fields, mutated_text, weird_text
from tests.evidence.replay import silent_logs, token_at
from tests.evidence.row import Effort, TableRow
from tests.support.clock import FunctionClock
from tests.support.memory_store import MemoryStore

NOW = 1_800_000_000
CANARY = "p8e-canary-secret-0123456789"
TOKEN = "canary-token-0123456789"
CREDENTIALS = {
    "client_id": "client",
    "client_secret": CANARY,
    "provider": "generic",
    "token_url": "https://ims.example/token",
    "scope": "a b",
    "auth_method": "client_secret_post",
    "audience": "https://api.example",
    "resource": "https://api.example/r",
    "parameters": {"a": "b"},
}
ANSWER = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 86_399, "scope": "a b"}
SETTINGS = {
    "ROTATOR_CREDENTIALS_SECRET": "app/credentials",
    "ROTATOR_TOKEN_SECRET": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/token-AbCdEf",
    "ROTATOR_CADENCE": "22h30m",
    "ROTATOR_TICK": "15m",
    "ROTATOR_PROBE_URL": "https://api.example/hello",
    "ROTATOR_LOG_LEVEL": "info",
    "ROTATOR_LOG_FORMAT": "json",
}
FLAGS = ("--credentials-secret", "--token-secret", "--cadence", "--tick", "--probe-url", "--json")
COMMANDS = ("run", "status", "init", "token", "headers", "env", "exec", "check")
TURNS_IN_SHORT, TURNS_IN_LONG = 2_500, 20_000


def bad_input(effort: Effort) -> TableRow:
    """The same number of each kind."""
    row = TableRow("bad input", "2, 4", "inputs")
    kinds: dict[str, Callable[[random.Random], str | None]] = {
        "configuration": _configuration,
        "arguments": _arguments,
        "credentials secret": _credentials,
        "token secret": _token,
        "token endpoint's answer": _answer,
        "Secrets Manager's answer": _service_answer(),
    }
    kinds = {kind: attempt for kind, attempt in kinds.items() if effort.wants_any(kind)}
    with silent_logs():
        for kind, try_one in kinds.items():
            for turn in range(effort.turns(TURNS_IN_SHORT, TURNS_IN_LONG)):
                case = f"{kind} {turn}"
                if effort.wants(case):
                    row.add(case, _judge(lambda: try_one(effort.random(case))))  # noqa: B023 - used at once
    return row


def _judge(attempt: Callable[[], str | None]) -> str | None:
    try:
        return attempt()
    except RotatorError as error:
        if exit_code(error) not in EXIT_CODES:
            return f"exit code {exit_code(error)}"
        if error.__context__ is not None:
            return f"carries {type(error.__context__).__name__} along"
        told = f"{error}{error!r}{vars(error)}"
        return "a secret is in the error" if CANARY in told or TOKEN in told else None
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return f"{type(error).__name__}: {error}"


def _configuration(choices: random.Random) -> str | None:
    environ: dict[str, str] = mutated_text(SETTINGS, choices)
    load_settings({}, environ=environ)
    load_log_settings(environ)
    return None


def _arguments(choices: random.Random) -> str | None:
    words = [choices.choice(COMMANDS)] if choices.random() < 0.9 else []
    for _ in range(choices.randrange(6)):
        words.append(choices.choice(FLAGS))
        if choices.random() < 0.8:
            known = list(SETTINGS.values())
            words.append(choices.choice([*known, weird_text(choices)]))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            parse(words)
        except SystemExit as ended:
            return None if ended.code in {0, 2} else f"exit code {ended.code}"
    return None


def _credentials(choices: random.Random) -> str | None:
    store = MemoryStore(credentials=mutated_fields(CREDENTIALS, choices), token=None)
    _rotate(store)
    published = "app/token" in store.values
    return None if published else "reported success without publishing"


def _token(choices: random.Random) -> str | None:
    """The job judges the stored token, and the reader reads it."""
    good = token_at(NOW - 3_600, TOKEN).to_fields()
    store = MemoryStore(credentials=CREDENTIALS, token=mutated_fields(good, choices))
    stored = store.values["app/token"]
    _rotate(store)
    reader = ClockedReader(
        "token", source=_Source(stored), background=False, clock=FunctionClock(lambda: NOW)
    )
    token = reader.token()
    return None if token.isprintable() else "handed out a broken token"


def _rotate(store: MemoryStore) -> None:
    rotate_token(
        Binding("app/credentials", "app/token"),
        store=store,
        endpoint=_Endpoint(),
        policy=RenewalPolicy(),
        clock=FunctionClock(_now),
    )


class _Endpoint(TokenEndpoint):
    """Believes the credentials that the real one would send."""

    def mint(self, credentials: Any) -> Minted:  # noqa: ANN401 - as inherited
        self.expected_lifetime(credentials)
        minted = token_at(NOW, "minted")
        fields = minted.to_fields() | {"client_id": credentials.client_id}
        return Minted(AccessToken.from_fields(fields))


@dataclass(slots=True)
class _Source:
    text: str
    has_fresh = False

    def read(self, _secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        del fresh
        return {"SecretString": self.text} if stage == "AWSCURRENT" else {}


def _answer(choices: random.Random) -> str | None:
    """A token endpoint's answer before the gate; what passes must be fit to be published."""
    status = choices.choice((200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 429, 500, 503))
    headers = {
        "content-type": choices.choice(("application/json", "text/html", weird_text(choices))),
        "retry-after": choices.choice(("1", "-5", "x", "99999999999", weird_text(choices))),
        "x-debug-id": weird_text(choices),
    }
    good = ANSWER if status == 200 else {"error": "invalid_client", "error_description": CANARY}
    body = mutated_bytes(mutated_fields(good, choices), choices)
    expected = Expectation(
        client_id="client",
        token_url="https://ims.example/token",
        asked_at=_now(),
        secrets=(Secret(CANARY),),
        scope="a b",
        lifetime_s=None,
    )
    token = parse_token_response(HttpResponse(status, headers, body), expected).token
    if AccessToken.from_fields(token.to_fields()) != token:
        return "a token passed that cannot be read back"
    return None if token.expires_at > _now() else "an expired token passed"


def _service_answer() -> Callable[[random.Random], str | None]:
    """Secrets Manager's answers as bytes, through the SDK's own parsers."""
    session = botocore.session.Session()
    client = session.create_client(
        "secretsmanager",
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )
    bodies: list[tuple[int, bytes]] = []

    def answer(**_: object) -> AWSResponse:
        status, body = bodies[-1]
        return AWSResponse("http://127.0.0.1:9/", status, HTTPHeaders(), _SpoiltBody(body))

    events: Any = client.meta.events
    events.register_first("before-send.secretsmanager", answer)
    store = SecretsManagerStore(client)

    def try_one(choices: random.Random) -> str | None:
        entry = {
            "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf",
            "Name": "a",
            "VersionId": "0" * 32,
            "VersionStages": ["AWSCURRENT"],
            "SecretString": CANARY,
            "CreatedDate": 1.5,
        }
        status = choices.choice((200, 200, 200, 400, 403, 500, 503))
        error = {"__type": "ThrottlingException", "message": CANARY}
        good = (
            error
            if status != 200
            else choices.choice((entry, {"SecretValues": [entry, entry | {"Name": "b"}]}))
        )
        bodies.append((status, mutated_bytes(mutated_fields(good, choices), choices)))
        call = choices.choice(("read", "batch", "version", "describe", "put"))
        if call == "put":
            store.put(StoredSecret("a", "arn"), Secret("new"), version_id="0" * 32)
        elif call == "describe":
            store.describe("a")
        elif call == "version":
            store.read_version("a", "0" * 32)
        else:
            store.read("a", *(["b"] if call == "batch" else []))
        return None

    return try_one


class _SpoiltBody(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def _secret(text: str | None) -> Secret | None:
    return None if text is None else Secret(text)


def _now() -> datetime:
    return datetime.fromtimestamp(NOW, UTC)
