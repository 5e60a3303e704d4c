"""Hostile discovery: whoever may tag secrets gets no token, and costs no one else one."""

import json
from collections.abc import Callable
from typing import NamedTuple

from rotator.model.binding import BINDING_TAG
from tests.evidence.fleet_job import FleetJob, told
from tests.evidence.job import CLIENT_ID, CLIENT_SECRET, Stage, stage
from tests.evidence.row import Effort, TableRow
from tests.support.http_server import Reply, Request, json_reply
from tests.support.wire import Fault

STORED = ["due", "empty"]
CREDENTIALS = "fleet/c/0"
CROWD = 250


class Planted(NamedTuple):
    """What somebody has put there: secrets that have to be reported as failed, and those that must
    not be looked at; none of them may get a token."""

    failed: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def _tagged(job: FleetJob, names: str, *, name: str = "stranger/t", text: str | None = None) -> str:
    return job.create(name, text, **{BINDING_TAG: names})


def _credentials(job: FleetJob, name: str = "stranger/c", **changes: object) -> str:
    fields = {
        "provider": "adobe-ims",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "token_url": job.stage.wire.urls.token,
        "token_secrets": ["stranger/t"],
    }
    return job.create(name, json.dumps(fields | changes))


def _consent_to_a_beginning(job: FleetJob) -> Planted:
    credentials = _credentials(job, token_secrets=["stranger/t", "stranger/x/*"])
    return Planted((_tagged(job, credentials, name="stranger/t2"),))


def _each_other(job: FleetJob) -> Planted:
    pair = ("stranger/a", "stranger/b")
    return Planted(tuple(_tagged(job, pair[not n], name=name) for n, name in enumerate(pair)))


def _on_credentials(job: FleetJob) -> Planted:
    mine = _credentials(job, token_secrets=[CREDENTIALS])
    tag = {"Key": BINDING_TAG, "Value": mine}
    job.stage.wire.secrets_manager.ask("TagResource", SecretId=CREDENTIALS, Tags=[tag])
    return Planted((CREDENTIALS,))


def _another_region(job: FleetJob) -> Planted:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:fleet/c/0-AbCdEf"
    return Planted((_tagged(job, arn),))


def _password(job: FleetJob) -> Planted:
    name = _tagged(job, _credentials(job), text="a password that somebody needs")
    return Planted((name,))


def _deleted_credentials(job: FleetJob) -> Planted:
    credentials = _credentials(job)
    job.stage.wire.secrets_manager.ask("DeleteSecret", SecretId=credentials)
    return Planted((_tagged(job, credentials),))


def _deleted(job: FleetJob) -> Planted:
    name = _tagged(job, _credentials(job))
    job.stage.wire.secrets_manager.ask("DeleteSecret", SecretId=name)
    return Planted(ignored=(name,))


def _tag_that_begins_alike(job: FleetJob) -> Planted:
    tag = {f"{BINDING_TAG}-of-old": _credentials(job)}
    return Planted(ignored=(job.create("stranger/t", None, **tag),))


def _crowd(job: FleetJob) -> Planted:
    names = (f"stranger/{number}" for number in range(CROWD))
    return Planted(tuple(_tagged(job, CREDENTIALS, name=name) for name in names))


def _empty_pages(job: FleetJob) -> Planted:
    job.stage.wire.secrets_manager.listing.empty_pages = 3
    return Planted()


PLANTS: dict[str, Callable[[FleetJob], Planted]] = {
    "without consent": lambda job: Planted((_tagged(job, CREDENTIALS),)),
    "consent to all": lambda job: Planted((_tagged(job, _credentials(job, token_secrets=["*"])),)),
    "consent to a name that begins alike": _consent_to_a_beginning,
    "no such credentials": lambda job: Planted((_tagged(job, "stranger/nowhere"),)),
    "malformed credentials": lambda job: Planted(
        (_tagged(job, job.create("stranger/c", "{no JSON")),)
    ),
    "credentials without a client secret": lambda job: Planted(
        (_tagged(job, _credentials(job, client_secret=None)),)
    ),
    "a token endpoint without TLS": lambda job: Planted(
        (_tagged(job, _credentials(job, token_url="http://elsewhere.example/token")),)
    ),
    "a token secret that names itself": lambda job: Planted((_tagged(job, "stranger/t"),)),
    "two that name each other": _each_other,
    "the token secret of another binding": lambda job: Planted((_tagged(job, "fleet/t/0"),)),
    "a tag on the credentials secret of others": _on_credentials,
    "a tag that is no name": lambda job: Planted((_tagged(job, "no name at all"),)),
    "credentials of another region": _another_region,
    "a token secret that holds a password": _password,
    "an empty value below a pattern": lambda job: Planted(
        (_tagged(job, CREDENTIALS, name="fleet/t/of-others", text="{}"),)
    ),
    "credentials that are being deleted": _deleted_credentials,
    "a token secret that is being deleted": _deleted,
    "a tag that begins alike": _tag_that_begins_alike,
    f"{CROWD} strangers": _crowd,
    "empty pages": _empty_pages,
}


def fleet_discovery(effort: Effort) -> TableRow:
    """Each thing that somebody could plant, and a list that does not end."""
    row = TableRow("a fleet: hostile discovery", "2, 4, 6", "tags")
    with stage() as on:
        for case, plant in PLANTS.items():
            if effort.wants(case):
                row.add(case, _try(on, plant))
        if effort.wants("a list without an end"):
            row.add("a list without an end", _endless(on))
        if effort.wants("a list that breaks off"):
            row.add("a list that breaks off", _broken_off(on))
    return row


def _try(on: Stage, plant: Callable[[FleetJob], Planted]) -> str | None:
    job = FleetJob(on, STORED)
    with on.patient():
        planted = plant(job)
        strangers = {name: _value(job, name) for name in (*planted.failed, *planted.ignored)}
        on.wire.healthy()
        ended = job.run(workers=4)
    problem = ended.problem() or job.problem_in(told(ended))
    if any(ended.outcome(name) != "rotated" or not job.has_token(name) for name in job.names):
        problem = problem or "a binding that is as it should be was not rotated"
    for name in planted.failed:
        error = ended.reports[name].error if name in ended.reports else None
        if error is None or name not in str(error) + str(ended.reports[name].binding):
            problem = problem or f"{name}: {ended.outcome(name)}, and not named in an error"
    if any(name in ended.reports for name in planted.ignored):
        problem = problem or f"{planted.ignored[0]}: is no binding, and was reported"
    if any(_value(job, name) != value for name, value in strangers.items()):
        problem = problem or "what somebody planted got a token"
    return problem


def _value(job: FleetJob, name: str) -> object:
    return job.versions(name).all


def _endless(on: Stage) -> str | None:
    """The same NextToken again and again: the run ends, with an error of ours."""
    job = FleetJob(on, STORED)
    tokens = [job.current(name) for name in job.names]

    def again(_: Request) -> Reply:
        return json_reply(200, {"SecretList": [], "NextToken": "again"})

    fault = Fault("again", echo=again)
    on.wire.spoil = lambda call: fault if call.name == "sm:ListSecrets" else None
    ended = job.run()
    calls = len(on.wire.calls)
    on.wire.healthy()
    if ended.error is None or "list of secrets: does not end" not in str(ended.error):
        return f"ended with {ended.error}"
    if calls > len(STORED):
        return f"{calls} calls"
    return None if [job.current(name) for name in job.names] == tokens else "a token was changed"


def _broken_off(on: Stage) -> str | None:
    """The second page fails: what the first one has is rotated, and the run says so."""
    job = FleetJob(on, STORED)
    _crowd(job)
    internal = json_reply(500, {"__type": "InternalServiceError"})
    fault = Fault("later pages", reply=internal)
    on.wire.spoil = lambda call: (
        fault if call.name == "sm:ListSecrets" and "NextToken" in call.params else None
    )
    ended = job.run(workers=4)
    on.wire.healthy()
    if any(ended.outcome(name) != "rotated" for name in job.names):
        return f"ended with {ended.error}, and a binding of the first page was not rotated"
    return None if '"discovery_incomplete": true' in ended.log else "the summary does not tell"
