"""django-oauth-toolkit, an authorization server on oauthlib, on a free port of 127.0.0.1.

The first line of standard input is JSON: `clients`, each with `client_id` and `client_secret`.
Prints its URL as a line of JSON and serves until its standard input ends.
"""

import json
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.management import call_command

LIFETIME_S = 1200


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def configure(folder: str) -> None:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(Path(folder, "db"))}
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
        OAUTH2_PROVIDER={
            "SCOPES": {
                "read": "to read",
                "write": "to write",
                "introspection": "to look at tokens",
            },
            "ACCESS_TOKEN_EXPIRE_SECONDS": LIFETIME_S,
        },
        ROOT_URLCONF=__name__,
        SECRET_KEY="for sessions that nobody has",
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)


def register(clients: list[dict[str, str]]) -> None:
    from oauth2_provider.models import Application

    for client in clients:
        Application.objects.create(
            client_type=Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
            **client,
        )


def application(environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401 - WSGI
    from django.core.handlers.wsgi import WSGIHandler

    return WSGIHandler()(environ, start_response)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - Django looks for the URLs here
    if name != "urlpatterns":
        raise AttributeError(name)
    from django.urls import include, path

    return [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]


def main() -> None:
    config = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory() as folder:
        configure(folder)
        register(config["clients"])
        server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
        print(json.dumps({"issuer": f"http://127.0.0.1:{server.server_port}/o"}), flush=True)  # noqa: T201
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    main()
