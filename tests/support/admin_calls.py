"""The interface of each provider with the responses that a test gives it, without a network."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rotator.client_admin.adapter import HttpClientAdmin
from rotator.client_admin.calls import Target
from rotator.client_admin.kinds import ADAPTERS
from rotator.errors import ClientAdminError
from rotator.model.client_admin import parse_admin_settings
from rotator.model.secret import Secret
from rotator.transport.bounded import HttpResponse, TransportError
from rotator.transport.request import HttpRequest
from tests.support.clock import NOW, ManualClock

TOKEN = "canary-management-token"
VALUE = "canary-chosen-value"
STORED = "canary-stored-value"
ENDS_AT = datetime(2026, 7, 30, 9, tzinfo=UTC)
SETTINGS: dict[str, dict[str, Any]] = {
    "adobe": {"organization_id": "A/B@Org", "credential_id": "c?d"},
    "entra-id": {},
    "okta": {"app_id": "0oa/1", "url": "https://o.example", "credentials_secret": "m"},
    "auth0": {"url": "https://t.example/"},
}
GUID = "f0b0b335-1d71-4883-8f98-567911bfdca6"
Answer = HttpResponse | TransportError


def open_admin(
    kind: str, *answers: Answer, sent: list[HttpRequest] | None = None, client_id: str = "id"
) -> HttpClientAdmin:
    """The provider's interface, which gives these answers in order and the last one ever after."""
    left = list(answers)
    settings = parse_admin_settings({"client_admin": {"kind": kind, **SETTINGS[kind]}})
    assert settings is not None

    def send(request: HttpRequest) -> HttpResponse:
        if sent is not None:
            sent.append(request)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, TransportError):
            raise answer
        return answer

    return HttpClientAdmin(
        ADAPTERS[kind],
        Target(client_id, settings, (Secret(STORED),)),
        token=lambda: (Secret(TOKEN), "management-id"),
        send=send,
        clock=ManualClock(NOW),
    )


def answered(status: int, document: object, **more: Any) -> HttpResponse:
    return HttpResponse(status, {"x-request-id": "r-1"}, json.dumps(document).encode(), **more)


def failure(admin: HttpClientAdmin, verb: str, *args: object) -> ClientAdminError:
    with pytest.raises(ClientAdminError) as caught:
        getattr(admin, verb)(*args)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None
    return caught.value
