"""The token secret from a cache on this host's loopback, without the AWS SDK."""

from __future__ import annotations

import os

from rotator.clock import SYSTEM_CLOCK
from rotator.errors import ConfigError, signal_error
from rotator.reader.failures import explain_response, store_error
from rotator.reader.https_exchange import exchange
from rotator.reader.secrets_manager import arn_region
from rotator.reader.snapshot import decode_json, fits_a_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rotator.clock import Clock

__all__ = ["AGENT_TOKEN_FILE", "LoopbackSource"]

AGENT_TOKEN_FILE = "/var/run/awssmatoken"  # noqa: S105 - the file's name
"""Where the Secrets Manager Agent's installation leaves its SSRF token (its README)."""

_TIMEOUT_S = 2.0  # of a whole request

# The extension's body, with status 400, while it is starting.
_NOT_READY, _NOT_READY_PAUSE_S = b"not ready to serve traffic", 0.5

# The variable is the Lambda extension's; the default port is that of extension and agent.
_PORT_VARIABLE, _DEFAULT_PORT = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", 2773
_TOKEN_HEADER = "X-Aws-Parameters-Secrets-Token"  # noqa: S105 - the header's name

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

_VALUES = ("SecretString", "SecretBinary")


class LoopbackSource:
    """The Secrets Manager Agent or the Lambda extension, which have the same HTTP interface.

    https://github.com/aws/aws-secretsmanager-agent and the Secrets Manager user guide, "Use AWS
    Secrets Manager secrets in AWS Lambda functions".
    """

    def __init__(
        self,
        name: str,
        ssrf_token: Callable[[], str],
        *,
        has_fresh: bool,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.has_fresh = has_fresh
        self._clock = clock
        self._name = name
        self._ssrf_token = ssrf_token

    @classmethod
    def agent(cls) -> LoopbackSource:
        """The Secrets Manager Agent; `refreshNow` bypasses its cache."""
        return cls("the Secrets Manager Agent", _agent_token, has_fresh=True)

    @classmethod
    def extension(cls) -> LoopbackSource:
        """The AWS Parameters and Secrets Lambda Extension; its cache (300 s) can't be bypassed."""
        return cls("the Parameters and Secrets Lambda Extension", _session_token, has_fresh=False)

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        """One GET; raises ConfigError without a token to send, StoreError if it fails."""
        fresh = fresh and self.has_fresh
        status, body = self._get(secret_id, stage, fresh=fresh)
        if body.startswith(_NOT_READY):
            self._clock.sleep(_NOT_READY_PAUSE_S)
            status, body = self._get(secret_id, stage, fresh=fresh)
        if status == 400 and body.startswith(b"unknown parameter"):  # noqa: PLR2004
            # The agent's first releases don't support refreshNow.
            status, body = self._get(secret_id, stage, fresh=False)
        decoded = decode_json(body)
        fields = decoded if isinstance(decoded, dict) else {}
        # A body with status 200 and neither member is not Secrets Manager's response.
        if status == 200 and not fields.keys().isdisjoint(_VALUES):  # noqa: PLR2004
            return {name: fields.get(name) for name in (*_VALUES, "VersionId")}
        if isinstance(fields.get("__type"), str):
            region = arn_region(secret_id) or ""
            raise explain_response(fields, secret_id, stage, status=status, region=region)
        if status == 403:  # noqa: PLR2004
            raise store_error(secret_id, f"{self._name} does not accept the token sent to it")
        problem = f"{self._name} returned no usable response (HTTP {status})"
        if body.startswith(_NOT_READY):
            problem = f"{self._name} is {_NOT_READY.decode()} yet"
        raise store_error(secret_id, problem, retryable=True)

    def _get(self, secret_id: str, stage: str, *, fresh: bool) -> tuple[int, bytes]:
        query = f"secretId={_percent_encode(secret_id)}&versionStage={stage}"
        if fresh:
            query += "&refreshNow=true"
        port, ssrf_token = _port(), self._ssrf_token()
        if not fits_a_header(ssrf_token):
            raise ConfigError(
                f"{self._name}: the token for it has characters that no header can carry"
            )
        request = (
            f"GET /secretsmanager/get?{query} HTTP/1.0\r\nHost: localhost:{port}\r\n"
            f"{_TOKEN_HEADER}: {ssrf_token}\r\n\r\n"
        )
        ends_at = self._clock.monotonic() + _TIMEOUT_S
        try:
            response = exchange(
                "localhost",
                port,
                request.encode("ascii"),
                context=None,
                ends_at=ends_at,
                clock=self._clock,
            )
        except (OSError, ValueError) as error:
            own = signal_error(error)
            problem = f"{self._name} cannot be reached ({type(error).__name__})"
            if isinstance(error, ValueError):
                problem = f"{self._name} returned no usable response"
        else:
            return response.status, response.body
        if own is not None:
            raise own
        raise store_error(secret_id, problem, retryable=True)


def _percent_encode(text: str) -> str:
    """Percent-encode (RFC 3986 section 2.1), by hand because `urllib.parse` is slow to import."""
    encoded = text.encode()
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in encoded)


def _port() -> int:
    text = os.environ.get(_PORT_VARIABLE, "")
    if text and not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):  # noqa: PLR2004
        raise ConfigError(f"{_PORT_VARIABLE}: is not a port number")
    return int(text or _DEFAULT_PORT)


def _agent_token() -> str:
    """The agent's SSRF token, read each time: a restarted agent has a new one."""
    stated = os.environ.get("AWS_TOKEN") or f"file://{AGENT_TOKEN_FILE}"
    if not stated.startswith("file://"):
        return stated
    path = stated.removeprefix("file://")
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 - pathlib is slow to import
            return file.read(4096).strip()
    except (OSError, ValueError):
        pass
    raise ConfigError(f"AWS_TOKEN: the token file {path} cannot be read")


def _session_token() -> str:
    """The session token of the function's credentials; with SnapStart the other variable has it."""
    environ = os.environ
    token = environ.get("AWS_SESSION_TOKEN") or environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if not token:
        raise ConfigError("AWS_SESSION_TOKEN: not set; the Lambda extension needs it")
    return token
