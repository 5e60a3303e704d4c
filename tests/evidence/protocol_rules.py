"""What has to hold in every state that the adversary can bring about."""

from dataclasses import dataclass, field, replace

from rotator.model.fields import load_object
from rotator.model.secret import Secret, StoredSecret
from rotator.rotation.rotate import RotationResult
from tests.evidence.protocol_state import (
    TEAM_EDIT,
    Budget,
    Scenario,
    State,
    act,
    at_start,
    is_fresh,
    is_valid,
    token_of,
)
from tests.evidence.replay import Pending, RecordedAnswer, Runner, step
from tests.strict_aws.versions import CURRENT


@dataclass(slots=True)
class Exploration:
    """What was found: numbers, and the first violation with the way that leads there."""

    scenario: str
    states: int = 0
    transitions: int = 0
    endings: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    violation: str | None = None


def judge_put(scenario: Scenario, index: int, before: State, after: State) -> str | None:
    """What is wrong with the change that a rotator's write has made, if anything."""
    runner = scenario.runners[index]
    replaced, now_current = before.secret().labelled(CURRENT), after.secret().labelled(CURRENT)
    if replaced == now_current or replaced is None or now_current is None:
        if replaced is not None and now_current is None:
            return "no version is current"
        return None
    token = token_of(now_current.content)
    if token is None:
        return f"{runner.name} published something that is no token"
    if before.by_hand or before.tampered:
        return _judge_edit(before, index, now_current.content) or _judge_number(scenario, after)
    if replaced.version_id not in _seen(before.answers[index] or ()):
        return f"{runner.name} replaced a version that it has not seen"
    if not (runner.forced or runner.single_active) and is_fresh(replaced.content, before.at):
        return f"{runner.name} replaced a fresh token"
    return None


def _judge_edit(before: State, index: int, content: tuple[str, str] | None) -> str | None:
    """An edit of the team survives in what a rotator writes that has read it."""
    edits = {version_id for version_id in before.by_hand if version_id.endswith("-edit")}
    if not edits & _seen(before.answers[index] or ()):
        return None
    if content is not None and load_object(content[1]).get("note") == TEAM_EDIT:
        return None
    return "an edit of the team is lost"


def _judge_number(scenario: Scenario, after: State) -> str | None:
    """One new version for each reason to have one, and one for each change by hand.

    A change by hand between a run's reading and its writing goes unseen: Secrets Manager compares
    version ids only with those that the rotators agree on.
    """
    spent, left = scenario.budget, after.budget
    allowed = (
        (scenario.stored != "fresh")
        + sum(runner.forced for runner in scenario.runners)
        + (spent.stored - left.stored)
        + (spent.rollbacks - left.rollbacks)
        + (spent.periods - left.periods)
    )
    before_all = len(at_start(scenario.stored, shared=scenario.runners[0].shared).all)
    published = len(after.secret().all) - before_all - len(after.by_hand)
    return f"{published} versions for {allowed} reasons" if published > allowed else None


def _seen(answers: tuple[RecordedAnswer, ...]) -> set[str]:
    seen: set[str] = set()
    for answer in answers:
        is_one = isinstance(answer.value, StoredSecret)  # a tuple itself
        values = answer.value if isinstance(answer.value, tuple) and not is_one else (answer.value,)
        for value in values:
            if isinstance(value, StoredSecret) and value.secret_id == "secret":
                seen.add(value.version_id or "")
    return seen


def judge_ending(scenario: Scenario, state: State, found: Exploration) -> str | None:
    """What is wrong once nobody runs any more; then one healthy run has to put all right."""
    found.endings += 1
    for index, (runner, answers) in enumerate(zip(scenario.runners, state.answers, strict=True)):
        if answers is None:
            _count(found, "crashed")
            continue
        ended = step(runner, answers)
        if isinstance(ended, RotationResult):
            _count(found, ended.outcome)
            problem = _judge_result(runner, state, ended)
        else:
            _count(found, "failed")
            # Where the provider has no other token until that ends, asking for one fails.
            had_cause = index in state.spoilt or (runner.cached and runner.forced)
            problem = None if had_cause else f"failed without cause ({ended})"
        if problem is not None:
            return f"{runner.name} {problem}"
    return _judge_active(scenario, state) or _judge_recovery(scenario, state)


def _judge_active(scenario: Scenario, state: State) -> str | None:
    """Where one token is active, that one is stored, unless a rotator could not end its run."""
    if not scenario.runners[0].single_active or state.spoilt or None in state.answers:
        return None
    current = state.secret().labelled(CURRENT)
    token = None if current is None else token_of(current.content)
    if state.active and (token is None or token.access_token != Secret(state.active)):
        return "the stored token is not the one that was minted last"
    versions = len(state.secret().all)
    if versions > 1 + len(scenario.runners):
        return f"{versions - 1} new versions of {len(scenario.runners)} rotators"
    return None


def _count(found: Exploration, outcome: str) -> None:
    found.outcomes[outcome] = found.outcomes.get(outcome, 0) + 1


def _judge_result(runner: Runner, state: State, result: RotationResult) -> str | None:
    version = state.secret().find(result.version_id or "")
    token = None if version is None else token_of(version.content)
    if token is None:
        return f"reported {result.outcome} of a version that does not hold a token"
    if runner.cached:
        return None  # runs that were handed the same token have all published it
    if result.outcome == "rotated" and not token.access_token.reveal().startswith(
        f"token-of-{runner.name}"
    ):
        return "reported as rotated what another has published"
    return None


def _judge_recovery(scenario: Scenario, state: State) -> str | None:
    """A healthy run afterwards leaves one current version, which holds a fresh token."""
    first = scenario.runners[0]
    healthy = Runner("healthy", shared=first.shared, cached=first.cached, lifetime=first.lifetime)
    answers: tuple[RecordedAnswer, ...] = ()
    state = replace(state, secrets=state.secrets[-1:], budget=Budget())
    for _ in range(40):
        call = step(healthy, answers)
        if not isinstance(call, Pending):
            break
        state, answer = act(state, call)
        answers = (*answers, answer)
    else:
        return "a healthy run afterwards does not end"
    if not isinstance(call, RotationResult):
        return f"a healthy run afterwards fails ({call})"
    current = state.secret().labelled(CURRENT)
    good = is_valid if first.cached else is_fresh
    if current is None or not good(current.content, state.at):
        return "no fresh token after a healthy run"
    return None
