"""What gives an AWS SDK its credentials, on loopback: each answers well, or as a test says.

STS in its XML, the container credentials endpoint (ECS, EKS Pod Identity), instance metadata
(IMDSv2), IAM Identity Center (SSO), and AWS sign-in (`aws login`).
"""

import json
import time

from tests.support.http_server import HANG_UP, HttpServer, Reply, Request

EXPIRATION = "2035-01-01T00:00:00Z"
ROLE_PATH = "/latest/meta-data/iam/security-credentials/"


class CredentialServices(HttpServer):
    """All of them behind one port. `answers` replaces the good answer by name.

    Names are `sts:<Action>`, `container`, `imds`, `sso` and `login`; an answer is a status and a
    body, or None for a connection that ends without one. `delay_s` comes before each.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.answers: dict[str, tuple[int, str] | None] = {}
        self.delay_s = 0.0
        self.requests: list[str] = []

    def _answer(self, request: Request) -> Reply:
        name, good = _route(request)
        self.requests.append(name)
        chosen = self.answers.get(name, (200, good))
        if self.delay_s:
            time.sleep(self.delay_s)  # a slow service: what is tested waits, no test
        return HANG_UP if chosen is None else Reply(chosen[0], chosen[1].encode())


def _route(request: Request) -> tuple[str, str]:
    path = request.path
    if request.method == "PUT":
        return "imds:token", "a-session-token"
    if path == ROLE_PATH:
        return "imds:role", "a-role"
    if path.startswith(ROLE_PATH):
        return "imds", json.dumps({"Code": "Success", **container_keys()})
    if path.startswith("/federation/credentials"):
        keys = {"accessKeyId": "a", "secretAccessKey": "s", "sessionToken": "t"}
        return "sso", json.dumps({"roleCredentials": keys | {"expiration": 2_051_222_400_000}})
    if path == "/v1/token":
        keys = {"accessKeyId": "a", "secretAccessKey": "s", "sessionToken": "t"}
        tokens = {"accessToken": keys, "tokenType": "aws_sigv4", "refreshToken": "r"}
        return "login", json.dumps(tokens | {"expiresIn": 900})
    if path.startswith("/container"):
        return "container", json.dumps(container_keys())
    action = dict(request.form).get("Action", "")
    return f"sts:{action}", _sts_success(action)


def container_keys(**changes: str) -> dict[str, str]:
    """Temporary credentials in the form of ECS, EKS and instance metadata."""
    keys = {"AccessKeyId": "a", "SecretAccessKey": "s", "Token": "t", "Expiration": EXPIRATION}
    return keys | changes


def _sts_success(action: str) -> str:
    keys = {"AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": "t"}
    fields = "".join(f"<{k}>{v}</{k}>" for k, v in (keys | {"Expiration": EXPIRATION}).items())
    result = f"<{action}Result><Credentials>{fields}</Credentials></{action}Result>"
    space = "https://sts.amazonaws.com/doc/2011-06-15/"
    return f'<{action}Response xmlns="{space}">{result}</{action}Response>'


def sts_error(code: str, message: str = "no", *, status: int = 403) -> tuple[int, str]:
    error = f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>"
    return status, f"<ErrorResponse><Error>{error}</Error><RequestId>r</RequestId></ErrorResponse>"
