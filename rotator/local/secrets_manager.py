"""A local Secrets Manager: moto's server, with atomic writes and AWS's error for a wrong region.

Run by `python -m rotator.local.secrets_manager`, which prints its URL as one line of JSON and
serves until its standard input ends. It keeps everything in memory and logs no request.
"""

from __future__ import annotations

import io
import json
import re
import sys
import threading
from typing import TYPE_CHECKING, Any

from rotator.local.environment import is_checkout
from rotator.local.server_process import serve_until_eof

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from werkzeug.serving import BaseWSGIServer

__all__ = ["OneAtATime", "make_secrets_manager"]

WsgiApp = Any  # `wsgiref.types.WSGIApplication`, as strictly as moto and Flask write it


class OneAtATime:
    """A WSGI application that handles one request at a time.

    moto checks a `ClientRequestToken` and then writes, without a lock, so two threads that publish
    with the same one could both succeed. The real service lets one win (API reference,
    PutSecretValue: ClientRequestToken), which is what makes races of rotators harmless.
    """

    def __init__(self, app: WsgiApp) -> None:
        self._app = app
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        """Handle a request (PEP 3333)."""
        from werkzeug.test import run_wsgi_app

        # Read before taking the lock: a slow client must not block the others.
        size_bytes = int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(size_bytes))
        with self._lock:
            body, status, headers = run_wsgi_app(self._app, environ, buffered=True)
        start_response(status, list(headers))
        return body


class MovedLabels:
    """A WSGI application that knows which version is current after AWSCURRENT was moved.

    moto replaces the version that it knew before at the next write, so two would have the label,
    and reads return the older one. The service moves it (API reference, PutSecretValue).
    """

    def __init__(self, app: WsgiApp, stored: Callable[[], Iterable[Any]]) -> None:
        self._app = app
        self._stored = stored

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        """Handle a request (PEP 3333)."""
        response: Iterable[bytes] = self._app(environ, start_response)
        if environ.get("HTTP_X_AMZ_TARGET", "").endswith(".UpdateSecretVersionStage"):
            for secret in self._stored():
                for version_id, version in secret.versions.items():
                    if "AWSCURRENT" in version["version_stages"]:
                        secret.set_default_version_id(version_id)
        return response


class RealRegions:
    """A WSGI application that refuses a request signed for a region that does not exist.

    moto fails with an HTTP 500, which looks temporary. An endpoint of AWS accepts its own region
    only (reference of AWS's signatures, "credential scope"); this one accepts all that exist.
    """

    def __init__(self, app: WsgiApp, regions: Collection[str]) -> None:
        self._app = app
        self._regions = frozenset(regions)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        """Handle a request (PEP 3333)."""
        signature = environ.get("HTTP_AUTHORIZATION", "")
        scope = re.search(r"Credential=[^/,]*/\d{8}/([^/,]*)/", signature)
        if scope is None or scope[1] in self._regions:
            passed_on: Iterable[bytes] = self._app(environ, start_response)
            return passed_on
        refusal = {
            "__type": "InvalidSignatureException",
            "message": "Credential should be scoped to a valid region.",
        }
        start_response("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
        return [json.dumps(refusal).encode()]


def make_secrets_manager() -> BaseWSGIServer:
    """A server on a free port of 127.0.0.1, not yet serving.

    Raises ModuleNotFoundError without the extra `demo`.
    """
    # Not `moto.server`: that one dispatches to every AWS service.
    from moto.moto_server.werkzeug_app import create_backend_app
    from moto.secretsmanager.models import FakeSecret, secretsmanager_backends
    from werkzeug.serving import WSGIRequestHandler, make_server

    class QuietHandler(WSGIRequestHandler):
        disable_nagle_algorithm = True

        def log_request(self, *_: object) -> None:
            """Log no request."""

    regions = secretsmanager_backends["123456789012"].regions

    def stored() -> list[Any]:
        accounts = list(secretsmanager_backends.values())
        return [
            each
            for account in accounts
            for one in account.values()
            for each in one.secrets.values()
            if isinstance(each, FakeSecret)  # a replica's labels are those of its primary
        ]

    moto = MovedLabels(create_backend_app("secretsmanager"), stored)
    app = RealRegions(OneAtATime(moto), regions)
    return make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)


def main() -> int:
    """Serve on a free port until standard input ends."""
    try:
        server = make_secrets_manager()
    except ModuleNotFoundError as error:
        missing = error.name
    else:
        return serve_until_eof(server, {"endpoint_url": f"http://127.0.0.1:{server.server_port}"})
    way_out = (
        "run `make run`, which installs what the demo needs"
        if is_checkout()
        else "the demo needs the extra demo: from a checkout, pip install '.[demo]' in another"
        " virtual environment than the job's"
    )
    print(f"local Secrets Manager: {missing} is not installed; {way_out}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
