"""Breakages of the rotation of a client secret: of its gate, and of the order of its steps."""

from tests.evidence.mutation import Mutation

GATE = "rotation/secret_gate.py"
RUN = "rotation/secret_run.py"
TWO = "rotation/secret_two_slots.py"
ADD = "rotation/secret_add.py"
ONE = "rotation/secret_one_slot.py"
LISTING = "rotation/secret_listing.py"
TRIAL = "tests/unit/rotation/test_client_secret_trial.py"
EDITS = "tests/unit/rotation/test_client_secret_edits.py"
LOST = "tests/unit/rotation/test_client_secret_lost.py"
REFUSED = "tests/unit/rotation/test_client_secret_refused.py"
UNLISTED = "tests/unit/rotation/test_client_secret_unlisted.py"
STEPS = "tests/unit/rotation/test_client_secret.py"
CONTRACT = "tests/unit/client_admin/test_contract.py"

CLIENT_SECRET_MUTATIONS = {
    "client secret: the old one is deleted through a closed gate": Mutation(
        TWO, "    if not is_open:\n", "    if False:\n", f"{STEPS} -k overlap_alone"
    ),
    "client secret: the overlap may be short": Mutation(
        GATE,
        '                run.now() >= over_at,\n                f"the overlap',
        '                True,\n                f"the overlap',
        f"{STEPS} -k overlap_alone",
    ),
    "client secret: tokens that the old one minted may still live": Mutation(
        GATE,
        '            "old_tokens_expired",\n            run.now() >= free_at,',
        '            "old_tokens_expired",\n            True,',
        f"{STEPS} -k have_to_expire_first",
    ),
    "client secret: a token that the old one minted counts as one of the new one": Mutation(
        GATE,
        "    if [digest_of(value) for value in minted_with] == [digest]:",
        "    if minted_with:",
        f"{STEPS} -k old_client_secret_minted",
    ),
    "client secret: a use that the provider has seen doesn't count": Mutation(
        GATE,
        '    if run.now() >= free_at:\n        return Condition("not_used"',
        '    if True:\n        return Condition("not_used"',
        f"{STEPS} -k provider_has_seen",
    ),
    "client secret: a pattern names every token secret": Mutation(
        GATE,
        "    if patterns and not run.token_secrets:",
        "    if False:",
        f"{STEPS} -k pattern_beside",
    ),
    "client secret: an expired token proves that the job runs": Mutation(
        GATE,
        "    if token.expires_at <= run.now():",
        "    if False:",
        f"{STEPS} -k job_that_is_not_running",
    ),
    "client secret: one that was switched on again is deleted": Mutation(
        GATE, '"switched_off", not old.is_active,', '"switched_off", True,', f"{STEPS} -k okta"
    ),
    "client secret: it is deleted without being switched off first": Mutation(
        TWO,
        '    if admin.can_retire and rotation.step == "overlap":',
        "    if False:",
        f"{STEPS} -k okta",
    ),
    "client secret: the old one is deleted before the new one is stored": Mutation(
        ADD,
        "            return _store_both(run, seen, intent, added, admin)",
        "            admin.delete(old.id)\n"
        "            return _store_both(run, seen, intent, added, admin)",
        "tests/evidence/test_evidence.py -k client_secret",
    ),
    "client secret: the new one takes the old one's place at once": Mutation(
        ADD,
        "        return [value.reveal(), *(text for text in texts if text != value.reveal())]",
        "        return [value.reveal()]",
        f"{CONTRACT} -k provider_lags",
    ),
    "client secret: the one that we choose takes the old one's place at once": Mutation(
        ONE,
        "        return [value.reveal(), *texts]",
        "        return [value.reveal()]",
        f"{CONTRACT} -k provider_lags",
    ),
    "client secret: the old one is deleted although the new one is refused": Mutation(
        TWO,
        "    verify(run, seen, value)\n    if has_to_try_old",
        "    if has_to_try_old",
        f"{STEPS} -k refused_at_the_end",
    ),
    "client secret: the old value is dropped although the new one is refused": Mutation(
        "rotation/secret_endings.py",
        "    verify(run, seen, value)\n    if not may_mint(seen):",
        "    if not may_mint(seen):",
        f"{STEPS} -k still_refused",
    ),
    "client secret: what it may add isn't written down before": Mutation(
        ADD,
        "    seen = publish(run, seen, intent)\n",
        "    seen = replace(seen, rotation=intent)\n",
        f"{LOST} -k whose_value_was_lost",
    ),
    "client secret: somebody else's that the list showed for the stored one is deleted": Mutation(
        LISTING,
        "    if old is None or fitting <= {old.id}:\n",
        "    if True:\n",
        f"{UNLISTED} -k took_the_place",
    ),
    "client secret: the list of minutes ago decides about a delete": Mutation(
        TWO,
        "    refuse_if_ambiguous(seen, rotation, admin.list(), old_values)  # minutes later\n",
        "",
        f"{UNLISTED} -k read_again",
    ),
    "client secret: one that is not known yet counts as gone": Mutation(
        "rotation/secret_unlisted.py",
        "    if run.now() < gone_at:\n",
        "    if False:\n",
        f"{UNLISTED} -k for_hours",
    ),
    "client secret: a failing server's response counts as a refusal": Mutation(
        "client_admin/refusals.py",
        "    return has_form and is_final and status // 100 == 4",
        "    return has_form or status >= 400",
        f"{STEPS} -k come_too_late",
    ),
    "client secret: a refusal that a proxy sends takes away the one that was set": Mutation(
        ONE,
        "    if problem is None or not isinstance(",
        "    if problem is not None:\n"
        "        publish(run, seen, None, client_secrets=lambda texts: texts[1:])\n"
        "    if problem is None or not isinstance(",
        f"{REFUSED} -k though_the_response_refuses",
    ),
    "client secret: a refusal that a proxy sends counts as the provider's": Mutation(
        ADD,
        "    if not error.is_refusal and error.status != HTTPStatus.TOO_MANY_REQUESTS:\n"
        "        return False\n",
        "    return True\n",
        f"{REFUSED} -k deleted_by_a_later_run",
    ),
    "client secret: nobody looks for an edit before the old one is deleted": Mutation(
        TWO,
        "    refuse_if_edited(run, as_read)",
        "    pass",
        f"{EDITS} -k gone_back",
    ),
    "client secret: an edit that a write of the run has kept doesn't count": Mutation(
        TWO,
        "    refuse_if_edited(run, as_read)",
        "    refuse_if_edited(run, seen)",
        f"{EDITS} -k gone_back",
    ),
    "client secret: the run's own trial counts as a use by somebody": Mutation(
        TWO,
        "    if has_to_try_old(seen, rotation, old):\n",
        "    if False:\n",
        f"{TRIAL} -k delete_that_fails",
    ),
    "client secret: a use after the run's own trial doesn't count": Mutation(
        GATE,
        "tried_at <= used_at <= tried_at + TRIAL:",
        "tried_at <= used_at:",
        f"{TRIAL} -k after_the_trial",
    ),
    "client secret: a use before the run's own trial doesn't count": Mutation(
        GATE,
        "tried_at <= used_at <= tried_at + TRIAL:",
        "used_at <= tried_at + TRIAL:",
        f"{TRIAL} -k before_the_trial",
    ),
    "client secret: an edit during the delete displaces the new one": Mutation(
        "rotation/secret_endings.py",
        "        return kept if value.reveal() in kept else [value.reveal(), *kept]",
        "        return kept or texts",
        f"{EDITS} -k does_not_displace",
    ),
    "client secret: an edit while the only one is replaced displaces the new one": Mutation(
        RUN,
        "        return texts if value.reveal() in texts else [value.reveal(), *texts]",
        "        return texts",
        f"{EDITS} -k does_not_displace",
    ),
    "client secret: what somebody has stored meanwhile counts as lost": Mutation(
        LISTING,
        "if digest_of_all(seen.credentials.client_secrets) != intent.values_digest:",
        "if False:",
        f"{EDITS} -k made_and_stored",
    ),
    "client secret: a run that was overtaken advises to delete": Mutation(
        ADD, "        refuse_if_overtaken(run, seen)\n", "", f"{EDITS} -k overtaken"
    ),
    "client secret: one that somebody uses counts as lost": Mutation(
        LISTING,
        "    if found.created_at is None or found.last_used_at is not None:",
        "    if found.created_at is None:",
        f"{LOST} -k used_client_secret",
    ),
    "client secret: one of any age counts as lost": Mutation(
        LISTING,
        "    return abs(found.created_at - intent.started_at) <= ORPHAN_WINDOW",
        "    return True",
        f"{LOST} -k made_at_another_time",
    ),
    "client secret: what the provider repeats of the stored one is shown": Mutation(
        "client_admin/adapter.py",
        "            hidden = (token, *self._target.client_secrets, *self._known_values)\n",
        "            hidden = (token,)\n",
        "tests/unit/client_admin/test_adapter.py -k that_the_provider_repeats",
    ),
    "client secret: one that is not listed yet is forgotten": Mutation(
        ADD,
        '    if addition.lost is None and rotation is not None and rotation.step == "adding":',
        '    if rotation is not None and rotation.step == "adding":',
        f"{LOST} -k listed_late",
    ),
    "client secret: a second run takes over at once": Mutation(
        ADD, "    if run.now() < free_at:", "    if False:", f"{STEPS} -k two_runs_at_once"
    ),
    "client secret: an edit between two steps is lost": Mutation(
        RUN,
        "        seen.version if was_changed(current) else current,",
        "        seen.version,",
        f"{CONTRACT} -k edit_that_somebody",
    ),
}
