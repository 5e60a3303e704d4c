"""What the state explorer moves about: the secret, the rotators, and the adversary's means."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rotator.model.access_token import AccessToken
from rotator.model.fields import load_object
from rotator.model.secret import Secret, StoredSecret
from rotator.rotation.publish import successor_id
from tests.evidence.replay import (
    CLIENT_ID,
    POLICY,
    TOKEN_URL,
    Pending,
    RecordedAnswer,
    Runner,
    step,
    token_at,
)
from tests.strict_aws.versions import CURRENT, Refused, Versions

START_AT = 1_800_000_000
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:secret-AbCdEf"
CREDENTIALS = StoredSecret(
    "credentials",
    ARN.replace("secret-", "credentials-"),
    "credentials-version",
    Secret(json.dumps({"client_id": CLIENT_ID, "client_secret": "s", "token_url": TOKEN_URL})),
    (CURRENT,),
)
ONE_ACTIVE = CREDENTIALS._replace(
    text=Secret(
        json.dumps(
            {
                "client_id": CLIENT_ID,
                "client_secret": "s",
                "token_url": TOKEN_URL,
                "single_active": True,
            }
        )
    )
)
PERIOD_S = 23 * 3600
AGES = {"due": PERIOD_S + 60, "moved": PERIOD_S + 60, "fresh": 60, "expired": 90_000}
TEAM_EDIT = "the team's own note"


@dataclass(frozen=True, slots=True)
class Budget:
    """What the adversary may still do.

    `crashes` of a rotator, answers `lost` after or before the service acted, requests that the SDK
    sends `again`, `stale` reads, `rollbacks` of the labels by hand, values `stored` by hand (a good
    one or junk), `periods` that pass.
    """

    crashes: int = 0
    lost: int = 0
    again: int = 0
    stale: int = 0
    rollbacks: int = 0
    stored: int = 0
    periods: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who runs, what is stored at the start, and what the adversary may do."""

    name: str
    runners: tuple[Runner, ...]
    budget: Budget
    stored: str = "due"


@dataclass(frozen=True, slots=True)
class State:
    """Where everybody is. `secrets` are the states of the secret that can still be read."""

    secrets: tuple[Versions, ...]
    answers: tuple[tuple[RecordedAnswer, ...] | None, ...]  # None once a rotator has crashed
    budget: Budget
    at: int
    by_hand: frozenset[str] = frozenset()
    tampered: bool = False
    spoilt: frozenset[int] = frozenset()  # rotators whose own calls were made to fail
    active: str = ""  # the token that was minted last, where the provider keeps only that one
    cached: AccessToken | None = None  # what the provider hands out until it ends

    def secret(self) -> Versions:
        return self.secrets[-1]


def cached_at_start(kind: str) -> AccessToken:
    """What the provider has in its cache: the stored token, or one that nobody has stored."""
    return token_at(START_AT - AGES.get(kind, PERIOD_S), "past" if kind in AGES else "others")


def at_start(kind: str, *, shared: bool) -> Versions:
    """The secret at the start; `moved` has the successor's id taken by a version moved aside."""
    if kind == "empty":
        return Versions()
    text = (
        "junk"
        if kind == "junk"
        else secret_text(token_at(START_AT - AGES[kind], "past"), shared=shared)
    )
    versions = Versions().put("P", ("SecretString", text), now=0)
    if kind == "moved":
        taken = successor_id(StoredSecret("secret", ARN, "P"))
        aside = secret_text(token_at(START_AT - PERIOD_S, "aside"), shared=shared)
        versions = versions.put(taken, ("SecretString", aside), now=0)
        versions = versions.move_label(CURRENT, move_to="P", remove_from=taken, now=0)
    return versions


def secret_text(token: AccessToken, *, shared: bool) -> str:
    fields = token.to_fields()
    if shared:
        fields |= {"client_secret": "s", "note": "as it was"}
    return json.dumps(fields)


def act(state: State, call: Pending) -> tuple[State, RecordedAnswer]:
    """The service acts on a call: the state after it, and its answer."""
    versions, at = state.secret(), state.at
    if call.name == "mint" and state.cached is not None:
        return _hand_out(state, call, state.cached)
    if call.name in {"start", "mint"}:
        return replace(state, active=call.ids[0]) if call.ids else state, RecordedAnswer(None, at)
    if call.name == "read":
        known = {"credentials": CREDENTIALS, "credentials of one active token": ONE_ACTIVE}
        value = tuple(known.get(secret_id) or _current(versions) for secret_id in call.ids)
        return state, RecordedAnswer(value, at)
    if call.name == "read_version":
        found = versions.find(call.version_id) is not None
        return state, RecordedAnswer(_read(versions, call.version_id) if found else None, at)
    if call.text is None:
        raise ValueError("put: without a value")
    try:
        changed = versions.put(call.version_id, ("SecretString", call.text.reveal()), now=0)
    except Refused:
        return state, RecordedAnswer(None, at, "VersionConflict")
    return written(state, changed), RecordedAnswer(None, at)


def _hand_out(state: State, call: Pending, cached: AccessToken) -> tuple[State, RecordedAnswer]:
    """The provider's cached token, or a new one once that has ended."""
    if cached.expires_at <= datetime.fromtimestamp(state.at, UTC):
        cached = token_at(state.at, call.ids[0].removeprefix("token-of-"))
    return replace(state, cached=cached), RecordedAnswer(cached, state.at)


def written(state: State, versions: Versions) -> State:
    if versions == state.secret():
        return state
    keep = state.budget.stale
    return replace(state, secrets=(*state.secrets, versions)[-(1 + keep) :])


def _current(versions: Versions) -> StoredSecret:
    current = versions.labelled(CURRENT)
    return StoredSecret("secret", ARN) if current is None else _read(versions, current.version_id)


def _read(versions: Versions, version_id: str) -> StoredSecret:
    version = versions.find(version_id)
    if version is None or version.content is None:
        raise ValueError("read: no such version")
    stages = tuple(sorted(version.stages))
    return StoredSecret("secret", ARN, version_id, Secret(version.content[1]), stages)


def token_of(content: tuple[str, str] | None) -> AccessToken | None:
    try:
        return None if content is None else AccessToken.from_fields(load_object(content[1]))
    except ValueError:
        return None


def is_fresh(content: tuple[str, str] | None, at: int) -> bool:
    token = token_of(content)
    now = datetime.fromtimestamp(at, UTC)
    return token is not None and not POLICY.decide(token, now=now, client_id=CLIENT_ID).due


def is_valid(content: tuple[str, str] | None, at: int) -> bool:
    token = token_of(content)
    return token is not None and datetime.fromtimestamp(at, UTC) < token.expires_at


def all_ended(scenario: Scenario, state: State) -> bool:
    return all(
        answers is None or not isinstance(step(runner, answers), Pending)
        for runner, answers in zip(scenario.runners, state.answers, strict=True)
    )
