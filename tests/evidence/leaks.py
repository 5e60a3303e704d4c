"""Secrets with known texts on every path, and a search for them wherever a person could look.

Each situation is a real process with all libraries at debug level; `leak_search` looks through it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from rotator.local.ims_control import HELLO_PATH
from tests.evidence.job import CLIENT_ID, CLIENT_SECRET, Job, Stage, stage
from tests.evidence.leak_search import search_run
from tests.evidence.leaks_client_secret import FUNCTION, client_secret_leaks
from tests.evidence.row import Effort, TableRow
from tests.support.http_server import Reply, Request
from tests.support.traces import AWKWARD_SECRETS
from tests.support.wire import Fault

TOKEN_START = "eyJhbGciOiJIUzI1NiIs"  # how every token of the local token endpoint begins
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Situation:
    """What is spoilt in which call, what is stored, and the command that meets it."""

    name: str
    call: str = ""
    fault: Fault | None = None
    stored: str = "due"
    credentials: str | None = None
    secret: str = CLIENT_SECRET
    command: tuple[str, ...] = ("run", "--force")


def leaks(effort: Effort) -> TableRow:
    """Every situation once."""
    row = TableRow("canary secrets", "4", "situations")
    with stage() as on:
        for situation in _situations():
            if effort.wants(situation.name):
                row.add(situation.name, _leak(on, situation))
        for name, look in client_secret_leaks(on):
            if effort.wants(name):
                row.add(name, look())
    return row


def _echo(request: Request) -> str:
    """Everything that was sent, as a careless server repeats it."""
    known = "" if request.path == HELLO_PATH else CLIENT_SECRET
    return f"{request.body.decode()} {request.headers.get('authorization', '')} {known}"


def _json(status: int, **fields: str) -> Fault:
    def echo(request: Request) -> Reply:
        body = {name: text or _echo(request) for name, text in fields.items()}
        return Reply(status, json.dumps(body).encode(), JSON)

    return Fault("echo", echo=echo)


def _html(status: int) -> Fault:
    return Fault(
        "echo", echo=lambda request: Reply(status, f"<p>{_echo(request)}</p>".encode(), {})
    )


def _redirect(request: Request) -> Reply:
    there = f"https://elsewhere.example/?{request.body.decode()[:500]}"
    return Reply(307, b"", {"Location": there.replace("\n", "")})


def _situations() -> Iterator[Situation]:
    yield Situation("healthy")
    yield Situation("not due", stored="fresh", command=("run",))
    yield Situation("first token", stored="empty")
    yield Situation("status", command=("status",), stored="fresh")
    yield Situation("dry run", command=("run", "--dry-run", "--json"))
    yield Situation("function: healthy", command=("lambda",))
    yield Situation("function: not due", command=("lambda",), stored="fresh")
    for name, fault in (("error", _json(401, error="invalid_client")), ("HTML", _html(500))):
        yield Situation(f"function: {name} echoes", "ims:token", fault, command=("lambda",))
    at_token = {
        "error echoes": _json(401, error="invalid_client", error_description=""),
        "error code echoes": _json(400, error=""),
        "HTML echoes": _html(500),
        "200 HTML echoes": _html(200),
        "token of a wrong kind": _json(200, access_token="", token_type="mac", expires_in="86399"),
        "token_type echoes": _json(200, access_token="", token_type="", expires_in="86399"),
        "expiry echoes": _json(200, access_token="", token_type="bearer", expires_in=""),
        "scope echoes": _json(
            200, access_token="", token_type="bearer", expires_in="86399", scope=""
        ),
        "redirect echoes": Fault("echo", echo=_redirect),
        "cut": Fault("cut", processed=True, cut_bytes=60),
        "reset": Fault("reset", processed=True, reset=True),
    }
    for name, fault in at_token.items():
        yield Situation(f"token endpoint: {name}", "ims:token", fault)
    at_api = {"401 echoes": _json(401, error_code="", message=""), "500 echoes": _html(500)}
    for name, fault in at_api.items():
        yield Situation(f"API: {name}", "api:hello", fault)
    at_aws = {
        "error message echoes": _json(400, __type="InvalidRequestException", message=""),
        "error code echoes": _json(400, __type="", message="m"),
        "HTML echoes": _html(500),
        "200 HTML echoes": _html(200),
        "access denied echoes": _json(400, __type="AccessDeniedException", message=""),
        "cut": Fault("cut", processed=True, cut_bytes=400),
    }
    for call in ("sm:BatchGetSecretValue", "sm:PutSecretValue"):
        for name, fault in at_aws.items():
            yield Situation(f"{call}: {name}", call, fault)
    broken = {
        "no JSON": '{"client_id": "c", "client_secret": "%s"',
        "wrong type": '{"client_id": "c", "client_secret": {"a": "%s"}}',
        "misspelt": '{"client_id": "c", "client_sceret": "%s"}',
        "in another field": '{"client_id": "c", "client_secret": "s", "provider": "%s"}',
        "as URL": '{"client_id": "c", "client_secret": "s", "token_url": "https://a:%s@b.c/"}',
        "as method": '{"client_id": "c", "client_secret": "s", "auth_method": "%s"}',
    }
    for name, text in broken.items():
        yield Situation(f"credentials: {name}", credentials=text % CLIENT_SECRET)
    yield from _awkward()


def _awkward() -> Iterator[Situation]:
    """Client secrets that every encoding changes, sent in both ways and repeated in both."""
    faults = {"error": _json(401, error="invalid_client", error_description=""), "HTML": _html(500)}
    for kind, secret in AWKWARD_SECRETS.items():
        for method in ("client_secret_basic", "client_secret_post"):
            fields = {"client_id": CLIENT_ID, "client_secret": secret, "auth_method": method}
            for name, fault in faults.items():
                yield Situation(
                    f"{kind} secret by {method}: {name} echoes",
                    "ims:token",
                    fault,
                    credentials=json.dumps(fields),
                    secret=secret,
                )


def _leak(on: Stage, situation: Situation) -> str | None:
    job = on.set(situation.stored)
    wire = on.wire
    if situation.credentials is not None:
        text = situation.credentials
        if situation.secret != CLIENT_SECRET:
            text = json.dumps({"token_url": wire.urls.token, **json.loads(text)})
        wire.secrets_manager.ask("PutSecretValue", SecretId="credentials", SecretString=text)
    wire.spoil = lambda call: situation.fault if call.name == situation.call else None
    return search_run(
        wire,
        _arguments(job, situation),
        [situation.secret, TOKEN_START],
        environment=FUNCTION if situation.command == ("lambda",) else {},
    )


def _arguments(job: Job, situation: Situation) -> list[str]:
    if situation.command == ("lambda",):
        return ["lambda"]
    named = ["--credentials-secret", "credentials", "--token-secret", "token"]
    probed = ["--probe-url", job.stage.wire.urls.hello] if situation.command[0] == "run" else []
    return [*situation.command, *named, *probed]
