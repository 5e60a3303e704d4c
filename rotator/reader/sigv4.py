"""AWS Signature Version 4 of one request whose URL has no query.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Credentials", "sign"]

_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials:
    """AWS credentials; their `repr` shows none."""

    __slots__ = ("access_key_id", "secret_access_key", "session_token")

    def __init__(self, access_key_id: str, secret_access_key: str, session_token: str) -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.session_token = session_token

    def __repr__(self) -> str:
        return "<Credentials: not shown>"


def sign(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    region: str,
    service: str,
    at: float,
) -> dict[str, str]:
    """The headers to send: `headers`, which must include `Host`, and those of the signature.

    `path` is percent-encoded, `at` the time in epoch seconds. The signing key is not cached, as it
    is for one day and these credentials only.
    """
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    signed = {**headers, "X-Amz-Date": timestamp}
    if credentials.session_token:
        signed["X-Amz-Security-Token"] = credentials.session_token
    canonical = {name.lower(): " ".join(text.split()) for name, text in signed.items()}
    names = ";".join(sorted(canonical))
    lines = [f"{name}:{canonical[name]}\n" for name in sorted(canonical)]
    digest = hashlib.sha256(body).hexdigest()
    request = f"{method}\n{_canonical_path(path)}\n\n{''.join(lines)}\n{names}\n{digest}"
    scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
    hashed = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    to_sign = f"{_ALGORITHM}\n{timestamp}\n{scope}\n{hashed}"
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"{credentials.access_key_id}/{scope}"
    signed["Authorization"] = (
        f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    )
    return signed


def _canonical_path(path: str) -> str:
    """Without dot segments (RFC 3986 section 5.2.4), and percent-encoded once more."""
    if path == "/":
        return path
    from urllib.parse import quote  # loaded already: the path is of an endpoint's URL

    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    end = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + end, safe="/~")
