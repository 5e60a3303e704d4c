"""Sick clients, with and without a token, at a host that others share: it costs them nothing."""

import urllib.request
from itertools import product

from tests.evidence.fleet_job import FleetJob, told
from tests.evidence.job import Stage, stage
from tests.evidence.row import Effort, TableRow
from tests.support.http_server import RESET, HttpServer, Reply, Request

BINDINGS = 4
"""Of each client; more than failures in a row before a client is left alone."""

MANY = 20
"""So many sick clients, of one binding each, that a sample may find no other."""

STORED = {"empty": "", "due": ", with tokens"}
"""What the token secrets of the sick clients hold, with its words in the name of a case."""

SICK = {"throttled": Reply(429, headers={"Retry-After": "3600"}), "503": Reply(503), "reset": RESET}


def fleet_sick_clients(effort: Effort) -> TableRow:
    """The endpoint fails for some clients, whose bindings come first, and for no other."""
    row = TableRow("a fleet: sick clients at a shared host", "1, 6", "fleets")
    with stage() as on:
        worlds = [*product(SICK, (1, 3), (1, 4, 16), STORED), ("503", MANY, 16, "due")]
        for kind, clients, workers, stored in worlds:
            case = f"{kind}, {clients} of them, {workers} workers{STORED[stored]}"
            if effort.wants(case):
                problem = _share_host(on, SICK[kind], stored, clients=clients, workers=workers)
                row.add(case, problem)
    return row


def _share_host(on: Stage, reply: Reply, stored: str, *, clients: int, workers: int) -> str | None:
    """Two runs: what a sick client costs must not add up either."""
    job = FleetJob(on, [])

    def respond(request: Request) -> Reply:
        if dict(request.form)["client_id"].startswith("sick"):
            return reply
        asked = urllib.request.Request(on.wire.urls.token, data=request.body)  # noqa: S310 - loopback
        asked.add_header("Content-Type", request.headers["content-type"])
        with urllib.request.urlopen(asked) as found:  # noqa: S310 - loopback
            return Reply(found.status, found.read(), {"Content-Type": "application/json"})

    with HttpServer(respond) as server, on.patient():
        for client in range(clients):
            for number in range(BINDINGS if clients < MANY else 1):
                # The shortest name has the token that ends first, as `FleetJob.add` has it.
                name, sick = f"s{client}{number}", f"sick-{client}"
                job.add(name, stored, token_url=server.url, client_id=sick)
        # Some never had a token either: the sick ones must not be taken for their host.
        others = [
            job.add(f"well-{number}", each, token_url=server.url)
            for number, each in enumerate(["due"] * BINDINGS * 2 + ["empty", "expired"])
        ]
        first, second = job.run(workers=workers), job.run(workers=workers)
    problem = first.problem() or second.problem() or job.problem_in(told(first) + told(second))
    outcomes = {name: (first.outcome(name), second.outcome(name)) for name in others}
    deferred = [name for name, ended in outcomes.items() if "deferred" in ended]
    if deferred:
        problem = problem or f"{len(deferred)} bindings of others deferred: {deferred}"
    if any(ended != ("rotated", "not_due") for ended in outcomes.values()):
        problem = problem or f"a binding of another client: {outcomes}"
    if not all(map(job.has_token, others)):
        problem = problem or "a binding of another client has no token"
    return problem
