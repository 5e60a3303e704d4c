"""Everything that can go wrong with one call, by the kind of service that is called."""

import json
from collections.abc import Mapping

from tests.evidence.job import READ_TIMEOUT_S
from tests.support.http_server import Reply
from tests.support.wire import Fault

LATE_S = READ_TIMEOUT_S * 1.5
AWS_JSON = {"Content-Type": "application/x-amz-json-1.1"}
JSON = {"Content-Type": "application/json"}


def _aws(code: str, status: int = 400) -> Reply:
    return Reply(status, json.dumps({"__type": code, "message": code}).encode(), AWS_JSON)


def _oauth(status: int, body: object, **headers: str) -> Reply:
    return Reply(status, json.dumps(body).encode(), JSON | headers)


HTML = Reply(200, b"<html><body>Maintenance</body></html>", {"Content-Type": "text/html"})
EMPTY = Reply(200, b"", {})
UNAVAILABLE = Reply(503, b"<html>503</html>", {"Content-Type": "text/html"})
ELSEWHERE = Reply(307, b"", {"Location": "https://elsewhere.example/"})

EVERYWHERE = (
    Fault("reset before", reset=True),
    Fault("reset after", processed=True, reset=True),
    Fault("timeout before", delay_s=LATE_S, reset=True),
    Fault("timeout after", processed=True, delay_s=LATE_S),
    Fault("slow", processed=True, delay_s=READ_TIMEOUT_S / 5),
    Fault("cut in the middle", processed=True, cut_bytes=20),
    Fault("cut at once", processed=True, cut_bytes=0),
    Fault("503 before", reply=UNAVAILABLE),
    Fault("503 after", processed=True, reply=UNAVAILABLE),
    Fault("HTML", reply=HTML),
    Fault("HTML after", processed=True, reply=HTML),
    Fault("empty", processed=True, reply=EMPTY),
    Fault("redirect", reply=ELSEWHERE),
)

SECRETS_MANAGER = (
    Fault("throttled", reply=_aws("ThrottlingException")),
    Fault("internal error", reply=_aws("InternalServiceError", 500)),
    Fault("internal error after", processed=True, reply=_aws("InternalServiceError", 500)),
    Fault("AWS credentials expired", reply=_aws("ExpiredTokenException")),
    Fault("access denied", reply=_aws("AccessDeniedException")),
    Fault("decryption failure", reply=_aws("DecryptionFailure")),
    Fault("limit exceeded", reply=_aws("LimitExceededException")),
)

TOKEN_ENDPOINT = (
    Fault("429", reply=_oauth(429, {"error": "too_many_requests"}, **{"Retry-After": "1"})),
    Fault("invalid_client", reply=_oauth(401, {"error": "invalid_client"})),
    Fault("invalid_scope", reply=_oauth(400, {"error": "invalid_scope"})),
    Fault("error with 200", reply=_oauth(200, {"error": "server_error"})),
    Fault("no token", reply=_oauth(200, {"token_type": "bearer", "expires_in": 86399})),
    Fault(
        "no expiry", reply=_oauth(200, {"access_token": "made-up-token", "token_type": "bearer"})
    ),
    Fault(
        "milliseconds",
        reply=_oauth(
            200, {"access_token": "made-up-token", "token_type": "bearer", "expires_in": 86_399_000}
        ),
    ),
    Fault(
        "expires at once",
        reply=_oauth(
            200, {"access_token": "made-up-token", "token_type": "bearer", "expires_in": 0}
        ),
    ),
    Fault(
        "mac token",
        reply=_oauth(
            200, {"access_token": "made-up-token", "token_type": "mac", "expires_in": 86399}
        ),
    ),
)

API = (
    Fault("401", reply=_oauth(401, {"error_code": "401013"})),
    Fault("403", reply=_oauth(403, {"error_code": "403000"})),
)

BY_SERVICE: Mapping[str, tuple[Fault, ...]] = {
    "sm": SECRETS_MANAGER,
    "ims": TOKEN_ENDPOINT,
    "api": API,
}


def faults_for(call_name: str) -> tuple[Fault, ...]:
    """What can happen to a call of this name; a kind that is not known is an error here."""
    service, _, _ = call_name.partition(":")
    return (*EVERYWHERE, *BY_SERVICE[service])
