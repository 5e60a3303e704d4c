"""Breakages of the checks of which client secret is the stored one, and which value is dead."""

from tests.evidence.mutation import Mutation

VERIFICATION = "rotation/secret_verification.py"
ENDINGS = "rotation/secret_endings.py"
ADAPTER = "client_admin/adapter.py"
TESTS = "tests/unit/rotation/test_client_secret_verification.py"
ROLLBACKS = "tests/unit/rotation/test_client_secret_rollback.py"
WAITS = "tests/unit/rotation/test_client_secret_waits.py"
CALLS = "tests/unit/client_admin/test_adapter.py"

SECRET_VERIFICATION_MUTATIONS = {
    "stored client secret: the only one that is listed is taken for it": Mutation(
        VERIFICATION,
        "    if not isinstance(accepted, MintError):\n        return StoredClientSecret(",
        "    if isinstance(accepted, MintError):\n"
        "        return StoredClientSecret(listed[-1], values[0])\n"
        "    if not isinstance(accepted, MintError):\n        return StoredClientSecret(",
        f"{TESTS} -k made_by_hand",
    ),
    "stored client secret: what somebody has set by hand is replaced": Mutation(
        "rotation/secret_one_slot.py",
        "    if isinstance(accepted, MintError):\n        raise explain_refused_stored",
        "    if False:\n        raise explain_refused_stored",
        f"{TESTS} -k made_by_hand",
    ),
    "stored client secret: what the list says of values doesn't count": Mutation(
        "rotation/secret_listing.py",
        " or [each for each in listed if each.matches(value) is None]",
        " or list(listed)",
        f"{TESTS} -k another_application",
    ),
    "stored client secret: a hint that two stored values share proves one of them": Mutation(
        "rotation/secret_listing.py",
        "        if each.matches(value) and not any(each.matches(other) for other in others)",
        "        if each.matches(value)",
        f"{TESTS} -k hint_that_two",
    ),
    "stored client secret: one value stands for the id of another": Mutation(
        "rotation/secret_listing.py",
        "            if each.id == rotation.stored.id and digest_of(value) =="
        " rotation.stored_digest:",
        "            if each.id == rotation.stored.id:",
        f"{TESTS} -k age_that_was_stored",
    ),
    "stored client secret: it is guessed where nothing may be minted": Mutation(
        VERIFICATION,
        "        if each.is_active and each.matches(value)\n",
        "        if each.is_active\n",
        f"{TESTS} -k nothing_may_be_minted",
    ),
    "stored client secret: a key that mints proves a client secret": Mutation(
        VERIFICATION,
        "    if minted.client_secret_position is None:\n        raise",
        "    if minted.client_secret_position is None:\n        return values[0]\n        raise",
        f"{TESTS} -k beside_a_key",
    ),
    "stored client secret: another one is deleted in the place of the old one": Mutation(
        "rotation/secret_two_slots.py",
        "    refuse_unless_old(run, seen, rotation, old)\n",
        "",
        f"{TESTS} -k wrongly_recorded",
    ),
    "stored client secret: a lost one is deleted while nothing else works": Mutation(
        "rotation/secret_add.py",
        "    stored = _check_unless_overtaken(run, seen, lambda: verify_stored(run, seen, kept))\n",
        "    [admin.delete(each.id) for each in orphans if not run.dry_run]\n"
        "    stored = _check_unless_overtaken(run, seen, lambda: verify_stored(run, seen, kept))\n",
        f"{TESTS} -k lost_client_secret_is_kept",
    ),
    "stored client secret: a rollback counts as a lost run": Mutation(
        "rotation/secret_add.py",
        "    if later is not None:\n",
        "    if False:\n",
        f"{ROLLBACKS} -k rollback_to_the_intent",
    ),
    "dead client secret: a refused grant proves it": Mutation(
        VERIFICATION,
        "    return refused.oauth_error in seen.settings.kind.wrong_secret_codes\n",
        '    return refused.oauth_error in {"invalid_client", "unauthorized_client"}\n',
        f"{TESTS} -k refused_grant",
    ),
    "dead client secret: a list that lags proves it of the new one": Mutation(
        "rotation/secret_unlisted.py",
        "        if not isinstance(refused, MintError):\n",
        "        if not isinstance(refused, MintError):\n            return\n        if False:\n",
        f"{TESTS} -k stale_list_and_a_refused_grant",
    ),
    "dead client secret: a list that lags proves it of the old one": Mutation(
        ENDINGS,
        "        if not isinstance(refused, MintError):\n            raise explain_unlisted",
        "        if not isinstance(refused, MintError):\n            continue\n"
        "            raise explain_unlisted",
        f"{TESTS} -k stale_list_does_not_drop",
    ),
    "dead client secret: a list that lags proves it where nothing may be minted": Mutation(
        ENDINGS,
        "        return finish(run, seen, rotation, value, drops=False)\n",
        "        return finish(run, seen, rotation, value)\n",
        f"{TESTS} -k old_value_is_kept_where",
    ),
    "dead client secret: the old one ends while the new one is switched off": Mutation(
        "rotation/secret_two_slots.py",
        "    if new.id in listed and not listed[new.id].is_active:\n",
        "    if False:\n",
        f"{TESTS} -k new_one_switched_off",
    ),
    "dead client secret: the old one stays switched off when the new one is gone": Mutation(
        ENDINGS,
        "        admin.restore(old.id)\n",
        "        pass\n",
        f"{TESTS} -k rotator_switched_off",
    ),
    "dead client secret: values behind the old one are dropped with it": Mutation(
        ENDINGS,
        "    if rotation.old_digest is None:  # of an older release\n",
        "    if True:\n",
        f"{TESTS} -k added_behind",
    ),
    "client secret: the day of an old one that was switched on again isn't begun anew": Mutation(
        "rotation/secret_gate.py",
        "    off_since = max(retired_at, old.updated_at or retired_at)\n",
        "    off_since = retired_at\n",
        f"{WAITS} -k last_time",
    ),
    "client secret: a rotation waits behind another one that is tried first": Mutation(
        "rotation/secret_two_slots.py",
        " or seen.credentials.client_secrets[0] != value:",
        ":",
        f"{WAITS} -k ends_the_rotation",
    ),
    "client secret: a token secret that is named twice counts twice": Mutation(
        "rotation/secret_gate.py",
        "        if version is not None and version.arn in seen_arns:\n",
        "        if False:\n",
        f"{WAITS} -k by_name_and_arn",
    ),
    "client secret: a page of a proxy counts as a delete": Mutation(
        ADAPTER,
        "        if response.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}:\n",
        "        if False:\n",
        f"{CALLS} -k is_not_204",
    ),
    "client secret: one that is still listed counts as deleted": Mutation(
        ADAPTER,
        "        if any(each.id == secret_id for each in self.list()):\n",
        "        if False:\n",
        f"{CALLS} -k listed_after_its_delete",
    ),
    "client secret: a page of a proxy counts as a change": Mutation(
        ADAPTER,
        "        if self._adapter.parse_replaced is not None:\n",
        "        if False:\n",
        f"{CALLS} -k page_of_a_proxy",
    ),
    "client secret: one that was not switched counts as switched": Mutation(
        ADAPTER,
        ".is_active is not is_active:\n",
        ".is_active is None:\n",
        f"{CALLS} -k was_not_switched",
    ),
    "client secret: a list of another client is believed": Mutation(
        "client_admin/adobe.py",
        "    if client_id != target.client_id:\n",
        "    if False:\n",
        f"{CALLS} -k another_client",
    ),
    "client secret: a value that the list has told is shown": Mutation(
        ADAPTER,
        "            self._known_values.update(_values_in(fields))",
        "            _values_in(fields)",
        f"{CALLS} -k later_refusal",
    ),
}
