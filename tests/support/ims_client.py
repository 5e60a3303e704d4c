"""A bare HTTP client of the local token endpoint and its API."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from rotator.local.ims_control import HELLO_PATH, TOKEN_PATH

NOW = 1_700_000_000.25
CLIENT = "3f0ad53b1f2f4a0e9d1c3f2b5a697887"
CANARY = "p8e-canary"
ACCEPTED = {
    "grant_type": "client_credentials",
    "client_id": CLIENT,
    "client_secret": CANARY,
    "scope": "openid,AdobeID,read_organizations",
}


@dataclass
class ImsAnswer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever came
        return json.loads(self.text)


class ImsClient:
    """A bare HTTP client: nothing is followed, retried or raised."""

    def __init__(self, base_url: str) -> None:
        self.address = urlsplit(base_url).netloc

    def send(self, method: str, path: str, body: str | None = None, **headers: str) -> ImsAnswer:
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            connection.request(
                method, path, body, {name.replace("_", "-"): v for name, v in headers.items()}
            )
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        return ImsAnswer(response.status, {k.lower(): v for k, v in response.getheaders()}, text)

    def mint(self, **changes: str) -> ImsAnswer:
        return self.post(urlencode(ACCEPTED | changes))

    def post(self, body: str) -> ImsAnswer:
        return self.send("POST", TOKEN_PATH, body, Content_Type="application/x-www-form-urlencoded")

    def hello(
        self,
        token: str,
        *,
        key: str | None = CLIENT,
        scheme: str = "Bearer",
        body: str | None = None,
    ) -> ImsAnswer:
        headers = {} if key is None else {"x_api_key": key}
        method = "GET" if body is None else "POST"
        return self.send(method, HELLO_PATH, body, Authorization=f"{scheme} {token}", **headers)
