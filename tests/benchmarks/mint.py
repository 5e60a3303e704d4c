"""What a mint over TLS takes of the processor, against two libraries that do the same exchange.

The first mint of a process, which imports them and loads the CA bundle, is in the suites `job` and
`package`; here are those that come after it, in a fleet or in a warm function.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import requests
from authlib.integrations.requests_client import OAuth2Session

from rotator.model.client_credentials import ClientCredentials
from rotator.oauth.endpoint import TokenEndpoint
from tests.benchmarks.measure import Ratio, in_turn
from tests.benchmarks.table import Figure, Table, compare, versions
from tests.benchmarks.tls_endpoint import serve

ROUNDS = 30
GOAL_MS = 6.0
CLIENT = ("an-id", "a-secret")


def run() -> Table:
    """Measure, in a process that does nothing else."""
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as ims:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.mint", ims.token_url],
            env=os.environ | {"REQUESTS_CA_BUNDLE": str(ims.ca_bundle)},
            check=True,
            capture_output=True,
            text=True,
        )
    cpu_ms: dict[str, list[float]] = json.loads(done.stdout)
    spent = Ratio.of(cpu_ms["rotator"])
    return Table(
        name="mint",
        title="The processor's time of one mint over TLS",
        figures=(
            Figure(
                name="a mint, in ms",
                value=spent.value,
                spread=(spent.low, spent.high),
                at_most=GOAL_MS,
                raw={"ours_ms": spent.value},
            ),
            compare("times requests.post", cpu_ms["rotator"], cpu_ms["requests"]),
            compare("times Authlib's OAuth2Session", cpu_ms["rotator"], cpu_ms["authlib"]),
        ),
        versions=versions(("requests", "Authlib")),
    )


def _main(token_url: str) -> None:
    client_id, client_secret = CLIENT
    endpoint = TokenEndpoint()
    credentials = ClientCredentials.from_fields(
        {
            "client_id": client_id,
            "client_secret": client_secret,
            "provider": "generic",
            "token_url": token_url,
            "auth_method": "client_secret_post",
        }
    )

    def by_requests() -> None:
        form = {"client_id": client_id, "client_secret": client_secret}
        form["grant_type"] = "client_credentials"
        requests.post(token_url, data=form, timeout=30).raise_for_status()

    def by_authlib() -> None:
        with OAuth2Session(
            client_id, client_secret, token_endpoint_auth_method="client_secret_post"
        ) as session:
            session.fetch_token(token_url, grant_type="client_credentials", timeout=30)

    runs = {
        "rotator": _cpu_ms(lambda: endpoint.mint(credentials)),
        "requests": _cpu_ms(by_requests),
        "authlib": _cpu_ms(by_authlib),
    }
    print(json.dumps(in_turn(runs, rounds=ROUNDS)))


def _cpu_ms(call: Callable[[], object]) -> Callable[[], float]:
    def measured() -> float:
        started_s = time.process_time()
        call()
        return (time.process_time() - started_s) * 1000

    return measured


if __name__ == "__main__":
    _main(sys.argv[1])
