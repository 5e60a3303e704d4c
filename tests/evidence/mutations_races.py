"""Breakages of what holds while credentials change, reads lag and time passes."""

from tests.evidence.mutation import Mutation

CHANGED = "tests/unit/rotation/test_changed_credentials.py"
TIME = "tests/unit/rotation/test_time_passes.py"
AGAIN = "tests/unit/fleet/test_read_again.py"
FOREIGN = "tests/unit/rotation/test_whose_secret.py"

RACE_MUTATIONS = {
    "a rival is judged by the credentials that were read before": Mutation(
        "rotation/publish_token.py",
        "    return read_newer_credentials(run, assessment.credentials_version, token) is not None",
        "    return False",
        f"{CHANGED} -k gives_way",
    ),
    "a rival on one secret for both is judged by the credentials that were read before": Mutation(
        "rotation/publish_token.py",
        "        credentials = parse_credentials(version)\n",
        "        pass\n",
        f"{CHANGED} -k one_secret",
    ),
    "the first read of the credentials is believed": Mutation(
        "rotation/assess.py",
        "    return found if newer is None else _assess_versions(run, newer, found.token_version)",
        "    return found",
        f"{CHANGED} -k because_a_read",
    ),
    "newer credentials are looked for once": Mutation(
        "rotation/newer_credentials.py",
        "    for _ in repeat_reads(run.clock):",
        "    for _ in range(1):",
        f"{CHANGED} -k lag_behind",
    ),
    "changed credentials are waited for at each rotation": Mutation(
        "rotation/newer_credentials.py",
        '            return version if "AWSCURRENT" in version.stages else None\n',
        '            if "AWSCURRENT" in version.stages:\n                return version\n',
        f"{CHANGED} -k without_waiting or two_reads",
    ),
    "who mints again where one token is active does so with former credentials": Mutation(
        "rotation/one_active_token.py",
        "    return assessment._replace(credentials_version=newer, credentials=credentials)",
        "    return assessment",
        f"{CHANGED} -k active",
    ),
    "a token that has run out since its mint is published": Mutation(
        "rotation/publish.py", "        before_put()\n", "", f"{TIME} -k runs_out"
    ),
    "a token that no longer serves until the next run is published": Mutation(
        "rotation/mint.py",
        "        not is_same and _ends_too_early(run, assessment, minted)\n",
        "        False\n",
        f"{TIME} -k once_more",
    ),
    "a run without time left mints once more": Mutation(
        "rotation/rotate.py",
        "        if run.left_s() <= 0:\n",
        "        if False:\n",
        f"{TIME} -k without_time",
    ),
    "a forced run yields to a token from before it began": Mutation(
        "rotation/publish_token.py",
        "    if isinstance(token, AccessToken) and run.is_forced_on(token):",
        "    if False:",
        f"{TIME} -k before_it_began",
    ),
    "fleet: a forced one yields to a token from before it began": Mutation(
        "fleet/run.py",
        "        forced_at=began_at if fleet.force else None,",
        "        forced_at=began_at.min.replace(tzinfo=began_at.tzinfo) if fleet.force else None,",
        f"{AGAIN} -k before_it_began",
    ),
    "fleet: what was read is believed for as long as it takes": Mutation(
        "rotation/rotate.py",
        "MAX_READ_AGE_S = 30.0",
        "MAX_READ_AGE_S = 3000.0",
        f"{AGAIN} -k stored_while",
    ),
    "fleet: consent is not asked for again": Mutation(
        "rotation/rotate.py",
        "            allow(found)\n",
        "            pass\n",
        f"{AGAIN} -k withdrawn",
    ),
    "fleet: the first read of the credentials is believed": Mutation(
        "rotation/rotate.py",
        "        found = confirm_credentials(run, found)\n",
        "",
        f"{AGAIN} -k credentials_lags",
    ),
    "fleet: nobody is told that a client with one active token is shared": Mutation(
        "fleet/run.py",
        "        active_clients.note(assessment)\n",
        "",
        "tests/unit/fleet/test_active_clients.py -k warned",
    ),
    "the tag of a secret without a token is not looked at": Mutation(
        "rotation/overwrite.py",
        "        refuse_other_binding(credentials_version, token_version, store=store)\n",
        "",
        f"{FOREIGN} -k without_a_token",
    ),
}
