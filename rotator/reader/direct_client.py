"""GetSecretValue with the standard library: signed, over verified TLS, with one deadline."""

from __future__ import annotations

import json

from rotator.errors import (
    ConfigError,
    RotatorError,
    SecretNotFound,
    StoreError,
    explain_handshake,
    signal_error,
)
from rotator.reader.failures import explain_response, no_value, not_the_service, store_error
from rotator.reader.https_exchange import Response, exchange
from rotator.reader.process_state import importing
from rotator.reader.sigv4 import sign
from rotator.reader.snapshot import decode_json, fits_a_header
from rotator.wire.dates import parse_http_date

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rotator.clock import Clock
    from rotator.reader.authorities import Contexts
    from rotator.reader.direct_settings import Settings

__all__ = ["DirectClient"]

_TIMEOUT_S = 2.5  # of the whole read, however many requests it takes

# Error codes for a signature whose time is more than five minutes off.
_CLOCK_CODES = {"InvalidSignatureException", "RequestTimeTooSkewed", "RequestExpired"}
_CLOCK_MESSAGES = ("Signature expired", "Signature not yet current")
_MAX_OFFSET_S = 86_400.0


class DirectClient:
    """Calls Secrets Manager; keeps the TLS contexts, and AWS's clock offset once it is needed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._contexts: Contexts | None = None
        self._offset_s = 0.0  # by how much AWS's clock is ahead

    def read(
        self, secret_id: str, stage: str, *, local_id: str, settings: Settings
    ) -> Mapping[str, Any]:
        """GetSecretValue of `local_id`; raises RotatorError, naming `secret_id`."""
        _check_credentials(settings)
        ends_at = self._clock.monotonic() + _TIMEOUT_S
        wanted = {"SecretId": local_id, "VersionStage": stage}
        response = self._call("GetSecretValue", wanted, settings, secret_id, ends_at)
        fields = decode_json(response.body)
        fields = fields if isinstance(fields, dict) else {}
        if response.status == 200 and isinstance(fields.get("VersionId"), str):  # noqa: PLR2004
            metadata = {"HTTPHeaders": response.headers, "ClockOffset": self._offset_s}
            return {**fields, "ResponseMetadata": metadata}
        problem = _explain(response, fields, secret_id, stage, region=settings.region)
        # Emulators report a secret without a value as one that does not exist.
        if isinstance(problem, SecretNotFound) and self._exists(settings, local_id, ends_at):
            problem = no_value(secret_id, stage)
        raise problem

    def _exists(self, settings: Settings, local_id: str, ends_at: float) -> bool:
        try:
            wanted = {"SecretId": local_id}
            found = self._call("DescribeSecret", wanted, settings, local_id, ends_at)
        except StoreError:
            return False
        return found.status == 200  # noqa: PLR2004

    def _call(
        self,
        operation: str,
        wanted: Mapping[str, str],
        settings: Settings,
        secret_id: str,
        ends_at: float,
    ) -> Response:
        """One call; if AWS refuses the signature's time, a second one with AWS's time."""
        body = json.dumps(wanted).encode()
        response = self._send(operation, body, settings, secret_id, ends_at)
        offset_s = self._refused_offset_s(response)
        if offset_s is not None:
            self._offset_s = offset_s
            response = self._send(operation, body, settings, secret_id, ends_at)
        return response

    def _refused_offset_s(self, response: Response) -> float | None:
        """By how much AWS's clock is ahead, if that is why it refused the signature."""
        if response.status == 200:  # noqa: PLR2004
            return None
        fields = decode_json(response.body)
        fields = fields if isinstance(fields, dict) else {}
        code = str(fields.get("__type", "")).rpartition("#")[2]
        message = str(fields.get("message") or fields.get("Message") or "")
        date_s = parse_http_date(response.headers.get("date"))
        is_about_time = code != "InvalidSignatureException" or message.startswith(_CLOCK_MESSAGES)
        if code not in _CLOCK_CODES or not is_about_time or date_s is None:
            return None
        offset_s = date_s + 0.5 - self._clock.now().timestamp()
        return offset_s if abs(offset_s) <= _MAX_OFFSET_S else None

    def _send(
        self, operation: str, body: bytes, settings: Settings, secret_id: str, ends_at: float
    ) -> Response:
        headers = sign(
            "POST",
            settings.path,
            {
                "Host": settings.host_header(),
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"secretsmanager.{operation}",
            },
            body,
            credentials=settings.credentials,
            region=settings.region,
            service="secretsmanager",
            at=self._clock.now().timestamp() + self._offset_s,
        )
        lines = [f"POST {settings.path} HTTP/1.1", *(f"{name}: {t}" for name, t in headers.items())]
        lines += ["User-Agent: rotator", "Connection: close", f"Content-Length: {len(body)}"]
        request = "\r\n".join([*lines, "", ""]).encode("ascii") + body
        problem: BaseException
        try:
            return self._exchange(settings, request, ends_at)
        except OSError as error:  # before ValueError: a refused certificate is both
            problem = signal_error(error) or _explain_os_error(error, secret_id)
        except ValueError as error:
            problem = signal_error(error) or not_the_service(secret_id)
        raise problem

    def _exchange(self, settings: Settings, request: bytes, ends_at: float) -> Response:
        at = {"ends_at": ends_at, "clock": self._clock}
        host, port = settings.host, settings.port
        if not settings.is_tls:
            return exchange(host, port, request, context=None, **at)  # type: ignore[arg-type]
        with importing:
            from rotator.reader.authorities import Contexts, is_unknown_issuer
        self._contexts = self._contexts or Contexts()
        problem: OSError = ConnectionError()
        for context in self._contexts.candidates(settings.ca_bundle):
            try:
                return exchange(host, port, request, context=context, **at)  # type: ignore[arg-type]
            except OSError as error:
                problem = error
            if not is_unknown_issuer(problem):
                break
        raise problem


def _check_credentials(settings: Settings) -> None:
    """Raises ConfigError for credentials that no header can hold."""
    credentials = settings.credentials
    for text in (credentials.access_key_id, credentials.session_token):
        if not fits_a_header(text):
            raise ConfigError("AWS credentials: have characters that no header can carry")


def _explain(
    response: Response, fields: Mapping[str, Any], secret_id: str, stage: str, *, region: str
) -> RotatorError:
    status = response.status
    code = fields.get("__type") or response.headers.get("x-amzn-errortype")
    if status == 200 or not isinstance(code, str):  # noqa: PLR2004
        return not_the_service(secret_id, status=status)
    fields = {**fields, "__type": code}
    return explain_response(fields, secret_id, stage, status=status, region=region)


def _explain_os_error(error: OSError, secret_id: str) -> RotatorError:
    """Our error; for a certificate with OpenSSL's reason, which contains no secret."""
    reason = getattr(error, "verify_message", None)
    if reason is not None:
        problem = f"the certificate of Secrets Manager was refused ({reason or 'not trusted'})"
        return store_error(
            secret_id, f"{problem}; check AWS_CA_BUNDLE, the proxy and this host's clock"
        )
    meaning = explain_handshake(str(getattr(error, "reason", "")))
    if meaning is not None:
        problem = f"TLS with Secrets Manager failed: {meaning}"
        return store_error(secret_id, f"{problem}; check AWS_ENDPOINT_URL")
    problem = f"Secrets Manager cannot be reached (GetSecretValue: {type(error).__name__})"
    return store_error(secret_id, problem, retryable=True)
