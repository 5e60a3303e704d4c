"""`make compare-mint`: the hostile answers, put to other OAuth clients as their users write them.

Prints what became of each answer; with `--write` it goes into docs/hostile-answers.md. A client
hangs if it has not ended after eight seconds; none of the others has a timeout of its own.
"""

import os
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.evidence.hostile_rows import ROWS
from tests.evidence.hostile_words import (
    BASIC,
    CLIENT_ID,
    CLIENT_SECRET,
    SCOPE,
    TOKEN,
    Row,
    credential_fields,
)
from tests.support.hostile_server import GOOD_ROW, HostileServer

PAGE = Path(__file__).parents[2] / "docs" / "hostile-answers.md"
BEGIN, END = "<!-- hostile answers: begin -->\n", "<!-- hostile answers: end -->\n"
HANGS_AFTER_S = 8.0
CANARIES = (CLIENT_SECRET, CLIENT_SECRET[:18], BASIC, TOKEN)


def rotator(url: str) -> object:
    from rotator.model.client_credentials import ClientCredentials
    from rotator.oauth.endpoint import TokenEndpoint
    from tests.support.clock import ManualClock

    endpoint = TokenEndpoint(deadline_s=1.0, clock=ManualClock(time.time()))
    return endpoint.mint(
        ClientCredentials.from_fields(credential_fields(url))
    ).token.access_token.reveal()


def authlib(url: str) -> object:
    from authlib.integrations.requests_client import OAuth2Session

    session = OAuth2Session(
        CLIENT_ID, CLIENT_SECRET, "client_secret_post", scope=SCOPE, token_endpoint=url
    )
    return session.fetch_token(url, grant_type="client_credentials")


def requests_oauthlib(url: str) -> object:
    from oauthlib.oauth2 import BackendApplicationClient
    from requests_oauthlib import OAuth2Session

    session = OAuth2Session(client=BackendApplicationClient(CLIENT_ID, scope=SCOPE))
    return session.fetch_token(
        url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, include_client_id=True
    )


def requests_oauth2client(url: str) -> object:
    from requests_oauth2client import ClientSecretPost, OAuth2Client

    client = OAuth2Client(url, auth=ClientSecretPost(CLIENT_ID, CLIENT_SECRET), testing=True)
    return client.client_credentials(scope=SCOPE)


CLIENTS: dict[str, Callable[[str], object]] = {
    "rotator": rotator,
    "Authlib": authlib,
    "requests-oauthlib": requests_oauthlib,
    "requests_oauth2client": requests_oauth2client,
}


def verdict(client: Callable[[str], object], row: Row, server: HostileServer) -> str:
    """What became of the answer: the worst first."""
    ended: list[tuple[bool, str]] = []

    def call() -> None:
        try:
            token = client(server.url(row))
        except Exception as error:  # noqa: BLE001 - whatever it raises is what we want to see
            ended.append((False, shown_by(error)))
        else:
            ended.append((True, repr(token)))

    server.elsewhere = 0
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(HANGS_AFTER_S)
    hangs = not ended
    server.hang_up()
    thread.join(HANGS_AFTER_S)
    if server.elsewhere:
        return "**sent on**"
    if hangs or not ended:
        return "**hangs**"
    is_accepted, shown = ended[0]
    if is_accepted:
        return "**accepted**"
    return "**shown**" if any(canary in shown for canary in CANARIES) else "refused"


def shown_by(error: BaseException) -> str:
    """What a log would hold: the message, and those of everything that led to it."""
    return "".join(traceback.format_exception(error)) + repr(error)


def table() -> str:
    lines = ["| the answer | " + " | ".join(CLIENTS) + " |", "|---" * (len(CLIENTS) + 1) + "|"]
    sums: dict[str, Counter[str]] = {name: Counter() for name in CLIENTS}
    with HostileServer() as server:
        for name, client in CLIENTS.items():
            if verdict(client, GOOD_ROW, server) != "**accepted**":
                raise SystemExit(f"{name}: does not take the good answer, so nothing is compared")
        for row in ROWS:
            cells = []
            for name, client in CLIENTS.items():
                cells.append(verdict(client, row, server))
                sums[name][cells[-1]] += 1
            lines.append(f"| {row.name} | " + " | ".join(cells) + " |")
    totals = (f"{sums[name]['refused']} of {len(ROWS)}" for name in CLIENTS)
    lines.append("| **refused** | " + " | ".join(totals) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # it refuses plain http, also on loopback
    os.environ["NO_PROXY"] = "*"
    found = table()
    print(found, end="")  # noqa: T201 - what it is for
    if "--write" in arguments:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}{found}{END}{after}", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
