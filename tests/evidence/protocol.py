"""Every interleaving of the publishing protocol, with crashes, lost answers and stale reads.

The rotators are the real `rotate_token` (see `tests.evidence.replay`), the secret is the strict
Secrets Manager's own state (`tests.strict_aws.versions`); an adversary with a budget decides what
happens next. All states that it can bring about are visited, each once.
"""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rotator.model.fields import load_object
from tests.evidence.protocol_rules import Exploration, judge_ending, judge_put
from tests.evidence.protocol_state import (
    PERIOD_S,
    START_AT,
    TEAM_EDIT,
    Scenario,
    State,
    act,
    all_ended,
    at_start,
    cached_at_start,
    secret_text,
    written,
)
from tests.evidence.replay import Pending, RecordedAnswer, silent_logs, step, token_at
from tests.strict_aws.versions import CURRENT, PREVIOUS


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of the adversary: what it did, where that leads, and what is wrong with it."""

    label: str
    state: State
    violation: str | None = None


def explore(scenario: Scenario, *, max_states: int = 3_000_000) -> Exploration:
    """Visit every state of the scenario up to the first violation.

    Raises RuntimeError above `max_states`.
    """
    step.cache_clear()
    with silent_logs():
        return _explore(scenario, max_states)


def _explore(scenario: Scenario, max_states: int) -> Exploration:
    found = Exploration(scenario.name)
    start = State(
        secrets=(at_start(scenario.stored, shared=scenario.runners[0].shared),),
        answers=((),) * len(scenario.runners),
        budget=scenario.budget,
        at=START_AT,
        cached=cached_at_start(scenario.stored) if scenario.runners[0].cached else None,
    )
    came_from: dict[State, tuple[State, str] | None] = {start: None}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        found.states += 1
        if found.states > max_states:
            raise RuntimeError(f"{scenario.name}: more than {max_states} states")
        for transition in _transitions(scenario, state):
            found.transitions += 1
            if transition.violation is not None:
                way = [*_way(came_from, state), transition.label]
                found.violation = f"{transition.violation}: {' > '.join(way)}"
                return found
            if transition.state not in came_from:
                came_from[transition.state] = (state, transition.label)
                queue.append(transition.state)
        problem = judge_ending(scenario, state, found) if all_ended(scenario, state) else None
        if problem is not None:
            found.violation = f"{problem}: {' > '.join(_way(came_from, state))}"
            return found
    return found


def _way(came_from: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    way: list[str] = []
    while (origin := came_from[state]) is not None:
        state, label = origin
        way.append(label)
    return way[::-1]


def _transitions(scenario: Scenario, state: State) -> Iterator[Transition]:
    for index, runner in enumerate(scenario.runners):
        answers = state.answers[index]
        if answers is None:
            continue
        call = step(runner, answers)
        if isinstance(call, Pending):
            yield from _calls(scenario, index, state, call)
    if not all_ended(scenario, state):
        yield from _by_hand(scenario, state)


def _calls(scenario: Scenario, index: int, state: State, call: Pending) -> Iterator[Transition]:
    label = f"{scenario.runners[index].name}.{call.name}"
    budget = state.budget
    done, answer = act(state, call)
    violation = judge_put(scenario, index, state, done)
    yield Transition(label, _answered(done, index, answer), violation)
    for behind in range(1, min(budget.stale, len(state.secrets) - 1) + 1):
        if call.name.startswith("read"):
            old = replace(state, secrets=state.secrets[:-behind])
            _, answer = act(old, call)
            spent = replace(state, budget=replace(budget, stale=budget.stale - behind))
            yield Transition(f"{label}(stale)", _answered(spent, index, answer))
    if budget.crashes:
        spent = replace(state, budget=replace(budget, crashes=budget.crashes - 1))
        yield Transition(f"{label}(crash before)", _crashed(spent, index))
        if call.name == "put":
            spent = replace(done, budget=replace(budget, crashes=budget.crashes - 1))
            yield Transition(f"{label}(crash after)", _crashed(spent, index))
    if call.name in {"start", "mint"}:
        return
    if budget.lost:
        lost = RecordedAnswer(None, state.at, "StoreError")
        for when, left in (("before", state), ("after", done)):
            spent = replace(
                left, budget=replace(budget, lost=budget.lost - 1), spoilt=left.spoilt | {index}
            )
            yield Transition(f"{label}(lost {when})", _answered(spent, index, lost))
    if budget.again and call.name == "put":
        # The answer is lost, and the SDK sends the request again, whenever that is.
        spent = replace(done, budget=replace(budget, again=budget.again - 1))
        yield Transition(f"{label}(and again)", spent)


def _answered(state: State, index: int, answer: RecordedAnswer) -> State:
    answers = list(state.answers)
    answers[index] = (*(answers[index] or ()), answer)
    if state.budget.stale < len(state.secrets) - 1:
        state = replace(state, secrets=state.secrets[-(1 + state.budget.stale) :])
    return replace(state, answers=tuple(answers))


def _crashed(state: State, index: int) -> State:
    answers = list(state.answers)
    answers[index] = None
    return replace(state, answers=tuple(answers))


def _by_hand(scenario: Scenario, state: State) -> Iterator[Transition]:
    budget, versions = state.budget, state.secret()
    previous, current = versions.labelled(PREVIOUS), versions.labelled(CURRENT)
    if budget.rollbacks and previous is not None and current is not None:
        moved = versions.move_label(
            CURRENT, move_to=previous.version_id, remove_from=current.version_id, now=0
        )
        spent = replace(
            state, budget=replace(budget, rollbacks=budget.rollbacks - 1), tampered=True
        )
        yield Transition("rollback by hand", written(spent, moved))
    if budget.stored:
        spent = replace(state, budget=replace(budget, stored=budget.stored - 1))
        for kind, text in _hand_made(scenario, state):
            version_id = f"hand-{budget.stored}-{kind}"
            stored = versions.put(version_id, ("SecretString", text), now=0)
            marked = replace(spent, by_hand=state.by_hand | {version_id})
            yield Transition(f"{kind} stored by hand", written(marked, stored))
    if budget.periods:
        spent = replace(state, budget=replace(budget, periods=budget.periods - 1))
        yield Transition("a period passes", replace(spent, at=state.at + PERIOD_S))


def _hand_made(scenario: Scenario, state: State) -> Iterator[tuple[str, str]]:
    if scenario.runners[0].shared:
        current = state.secret().labelled(CURRENT)
        if current is not None and current.content is not None:
            edited = load_object(current.content[1]) | {"note": TEAM_EDIT}
            yield "edit", json.dumps(edited)
        return
    yield "token", secret_text(token_at(state.at, "hand"), shared=False)
    yield "junk", "junk"
