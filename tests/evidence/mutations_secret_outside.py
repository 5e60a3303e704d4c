"""Breakages of what guards a client secret against caches, people and clocks around it."""

from tests.evidence.mutation import Mutation

ADD = "rotation/secret_add.py"
REMOVAL = "rotation/secret_removal.py"
ADAPTER = "client_admin/adapter.py"
CALLS = "tests/unit/client_admin/test_adapter.py"
REFUSALS = "client_admin/refusals.py"
SHOWN = "tests/unit/client_admin/test_refusals.py"
STARTED = "tests/unit/rotation/test_client_secret_started.py"
HINTS = "tests/unit/rotation/test_client_secret_hints.py"
LIFE = "tests/unit/rotation/test_client_secret_life.py"
EDITS = "tests/unit/rotation/test_client_secret_edits.py"
LOST = "tests/unit/rotation/test_client_secret_lost.py"
CLOCK = "tests/unit/rotation/test_client_secret_clock.py"
REPLACED = "tests/unit/rotation/test_client_secret_replaced.py"
EARLIER = "tests/unit/rotation/test_client_secret_earlier.py"

SECRET_OUTSIDE_MUTATIONS = {
    "old client secret: it is deleted although the new one ends before a next rotation": Mutation(
        "rotation/secret_life.py",
        '        return (Condition("new_lives_on", is_met=True, reason=reason),)\n'
        "    if not pair.old_outlives:\n",
        '        return (Condition("new_lives_on", is_met=True, reason=reason),)\n    if True:\n',
        f"{LIFE} -k lives_longer_stays",
    ),
    "new client secret: a rotation that it can't outlast isn't begun anew": Mutation(
        "rotation/secret_two_slots.py",
        "    if not is_open and has_room and runs_out(run, seen, pair, evidence):\n",
        "    if False:\n",
        f"{LIFE} -k held_back",
    ),
    "old client secret: one that could not be tried is given up for another": Mutation(
        "rotation/secret_two_slots.py",
        "    if isinstance(accepted, MintError) and not is_wrong(seen, accepted):\n",
        "    if False:\n",
        f"{LIFE} -k cannot_be_tried",
    ),
    "working client secret: a rotation is abandoned although no stored one is accepted": Mutation(
        "rotation/secret_abandon.py",
        "    _refuse_unless_accepted(run, seen, listed, way_out)\n",
        "",
        f"{EARLIER} -k is_not_abandoned",
    ),
    "working client secret: a write takes AWSPREVIOUS off it after an edit": Mutation(
        "rotation/secret_run.py",
        "    if values != seen.credentials.client_secrets:\n",
        "    if False:\n",
        f"{EARLIER} -k not_written_over",
    ),
    "new client secret: an id that was listed before counts as new": Mutation(
        ADD, "    if added.listed.id in known:\n", "    if False:\n", f"{LOST} -k is_not_stored"
    ),
    "new client secret: a value that is stored counts as new": Mutation(
        ADD,
        "    elif added.value in seen.credentials.client_secrets:\n",
        "    elif False:\n",
        f"{LOST} -k is_not_stored",
    ),
    "old client secret: the one that is kept can be ended": Mutation(
        REMOVAL, "    if secret_id == kept.listed.id or (", "    if (", f"{LOST} -k never_ended"
    ),
    "old client secret: one of the value that is kept can be ended": Mutation(
        REMOVAL,
        "(digest is not None and digest == digest_of(kept.value))",
        "(digest is None and digest == digest_of(kept.value))",
        f"{LOST} -k never_ended",
    ),
    "old client secret: a state that names one twice goes on": Mutation(
        "rotation/secret_two_slots.py",
        "    if is_contradictory(rotation, listed):\n",
        "    if False:\n",
        f"{LOST} -k ends_and_deletes_nothing",
    ),
    "old client secret: a state that has the two swapped goes on": Mutation(
        REMOVAL,
        "    return is_swapped or old.id == new.id\n",
        "    return old.id == new.id\n",
        f"{LOST} -k ends_and_deletes_nothing",
    ),
    "new client secret: the refusal of an add shows what the provider says": Mutation(
        REFUSALS, "        if self.code_alone:\n", "        if False:\n", f"{SHOWN} -k no_text"
    ),
    "new client secret: whatever stands for a code is shown": Mutation(
        REFUSALS,
        "len(each) <= MAX_CODE_CHARS and CODE.fullmatch(each)",
        "len(each) <= MAX_CODE_CHARS",
        f"{SHOWN} -k form_of_one_is_not_shown",
    ),
    "new client secret: a code that repeats the value is shown": Mutation(
        REFUSALS,
        "return each if self.redactor.redact(each) == each else None",
        "return each",
        f"{SHOWN} -k what_was_sent_is_not_shown",
    ),
    "new client secret: an id may be the value": Mutation(
        ADAPTER,
        "    if any(redactor.finds_whole(each) for each in ids):",
        "    if False:",
        f"{CALLS} -k no_id",
    ),
    "client secret: what somebody stored directly before a put is lost": Mutation(
        "rotation/secret_edits.py",
        "    if edit is None:\n        return False\n",
        "    if edit is None or edit:\n        return False\n",
        f"{EDITS} -k put_back",
    ),
    "client secret: what is put back hides the only one that works": Mutation(
        "rotation/secret_edits.py",
        "client_secrets[:1] if keeps_first else ()",
        "client_secrets[:0]",
        f"{EDITS} -k hide_the_new",
    ),
    "old client secret: the longest token that it has minted is forgotten": Mutation(
        "rotation/secret_gate.py",
        "        free_at = max([since[name] + (token.expires_at - token.issued_at), *ends])\n",
        "        free_at = since[name] + (token.expires_at - token.issued_at)\n",
        "tests/unit/rotation/test_client_secret_waits.py -k lives_were_shortened",
    ),
    "client secret: what a run replaced before it died is lost": Mutation(
        "rotation/secret_run.py",
        "        stated = replace(state, replaced_version_id=version.version_id)\n",
        "        stated = state\n",
        f"{REPLACED} -k before_it_died",
    ),
    "client secret: nobody knows when a version was created": Mutation(
        "aws/store.py",
        "        created_at=created_at.astimezone(UTC) if isinstance(created_at, datetime)"
        " else None,\n",
        "",
        "tests/integration/aws/test_lambda_client_secret.py -k killed",
    ),
    "client secret: a label that was moved counts as an edit": Mutation(
        "rotation/secret_edits.py",
        "    return edit if len(known) == len(stored_at) and known == sorted(known) else None\n",
        "    return edit\n",
        f"{REPLACED} -k no_lost_edit",
    ),
    "old client secret: it ends though its value was taken out": Mutation(
        "rotation/secret_gate.py",
        "    if find_old_values(seen, rotation):\n",
        "    if True:\n",
        "tests/unit/rotation/test_client_secret_edits.py -k took_out_is_not_ended",
    ),
    "client secret: an id in a response may lead elsewhere": Mutation(
        ADAPTER,
        "            if not all(_is_id(self._adapter, each) for each in ids):\n",
        "            if False:\n",
        f"{CALLS} -k documented_one",
    ),
    "client secret: an id in the state may lead elsewhere": Mutation(
        ADAPTER,
        "    if _is_id(adapter, secret_id):\n",
        "    if True:\n",
        f"{CALLS} -k id_in_the_state",
    ),
    "client secret: a client id may lead elsewhere": Mutation(
        "client_admin/calls.py",
        '        if not {"", ".", ".."}.isdisjoint(self.path):',
        "        if False:",
        f"{CALLS} -k client_id_that_would",
    ),
    "new client secret: it is asked for without room to store it": Mutation(
        ADD,
        "    refuse_without_room(run, seen, [each.id for each in addition.listed])\n",
        "",
        "tests/unit/rotation/test_client_secret_room.py -k could_not_be_stored",
    ),
    "old client secret: it ends by this host's clock alone": Mutation(
        "rotation/secret_run.py",
        "        return (self.clock.now() - self.clock_ahead).replace(microsecond=0)\n",
        "        return self.clock.now().replace(microsecond=0)\n",
        f"{CLOCK} -k days_ahead",
    ),
    "old client secret: the overlap begins by the clock of the host that stored it": Mutation(
        "rotation/secret_gate.py",
        "max(rotation.stored_at, made_at or rotation.stored_at)",
        "rotation.stored_at",
        f"{CLOCK} -k clock_behind",
    ),
    "lost client secret: one that begins as the stored one is kept": Mutation(
        "rotation/secret_listing.py",
        "if digest_of(each) != intent.old_digest\n",
        "\n",
        f"{HINTS} -k deleted_by_its_name",
    ),
    "lost client secret: one that may be stored is deleted": Mutation(
        "rotation/secret_listing.py",
        "        is_clear = len(orphans) <= 1 and not any(each in stored for each in orphans)\n",
        "        is_clear = len(orphans) <= 1\n",
        f"{HINTS} -k may_be_stored",
    ),
    "stored client secret: the record counts less than a hint": Mutation(
        "rotation/secret_listing.py",
        "    if bound is not None and bound.value == value and",
        "    if False and bound is not None and bound.value == value and",
        f"{HINTS} -k going_back",
    ),
    "new client secret: it may end before the old one can be deleted": Mutation(
        "rotation/secret_life.py",
        "    if timedelta(days=settings.lifetime_days) > needed:\n",
        "    if settings.lifetime_days > 0:\n",
        f"{LIFE} -k refused_at_the_start",
    ),
    "new client secret: a 429 after the add counts as one before it": Mutation(
        ADD,
        "        return {each.id for each in admin.list()} <= known\n",
        "        return True\n",
        "tests/unit/rotation/test_client_secret_lost.py -k too_many_requests",
    ),
    "new client secret: what was stored during its proof isn't seen": Mutation(
        ADD,
        "    if replaced is not None:\n",
        "    if False:\n",
        f"{STARTED} -k does_not_say_started",
    ),
    "new client secret: one that can't be stored stays at the provider": Mutation(
        ADD,
        "        if added.value and is_one_line(added.value.reveal()):\n",
        "        if True:\n",
        f"{STARTED} -k cannot_be_stored",
    ),
    "new client secret: a 429 after the add counts as a refusal": Mutation(
        ADD,
        "    if not error.is_refusal and error.status != HTTPStatus.TOO_MANY_REQUESTS:\n",
        "    if error.status == HTTPStatus.TOO_MANY_REQUESTS:\n        return True\n"
        "    if not error.is_refusal:\n",
        "tests/unit/rotation/test_client_secret_lost.py -k too_many_requests",
    ),
}
