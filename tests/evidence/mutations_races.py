"""Breakages of what holds while credentials change, reads lag and time passes."""

from tests.evidence.mutation import Mutation

CHANGED = "tests/unit/rotation/test_changed_credentials.py"
TIME = "tests/unit/rotation/test_time_passes.py"
AGAIN = "tests/unit/fleet/test_read_again.py"
FOREIGN = "tests/unit/rotation/test_whose_secret.py"

RACE_MUTATIONS = (
    Mutation(
        "a rival is judged by the credentials that were read before",
        "rotation/publish_token.py",
        "    return read_newer_credentials(run, assessment.credentials_version, token) is not None",
        "    return False",
        f"{CHANGED} -k gives_way",
    ),
    Mutation(
        "a rival on one secret for both is judged by the credentials that were read before",
        "rotation/publish_token.py",
        "        credentials = parse_credentials(version)\n",
        "        pass\n",
        f"{CHANGED} -k one_secret",
    ),
    Mutation(
        "the first read of the credentials is believed",
        "rotation/assess.py",
        "    return found if newer is None else _assess_versions(run, newer, found.token_version)",
        "    return found",
        f"{CHANGED} -k because_a_read",
    ),
    Mutation(
        "newer credentials are looked for once",
        "rotation/newer_credentials.py",
        "    for wait_s in (0.0, *CONSISTENCY_WAITS_S):",
        "    for wait_s in (0.0,):",
        f"{CHANGED} -k lag_behind",
    ),
    Mutation(
        "changed credentials are waited for at each rotation",
        "rotation/newer_credentials.py",
        '            return version if "AWSCURRENT" in version.stages else None\n',
        '            if "AWSCURRENT" in version.stages:\n                return version\n',
        f"{CHANGED} -k without_waiting or two_reads",
    ),
    Mutation(
        "who mints again where one token is active does so with former credentials",
        "rotation/one_active_token.py",
        "    return assessment._replace(credentials_version=newer, credentials=credentials)",
        "    return assessment",
        f"{CHANGED} -k active",
    ),
    Mutation(
        "a token that has run out since its mint is published",
        "rotation/publish.py",
        "        before_put()\n",
        "",
        f"{TIME} -k runs_out",
    ),
    Mutation(
        "a token that no longer serves until the next run is published",
        "rotation/mint.py",
        "        not is_same and _ends_too_early(run, assessment, minted)\n",
        "        False\n",
        f"{TIME} -k once_more",
    ),
    Mutation(
        "a run without time left mints once more",
        "rotation/rotate.py",
        "        if run.left_s() <= 0:\n",
        "        if False:\n",
        f"{TIME} -k without_time",
    ),
    Mutation(
        "a forced run yields to a token from before it began",
        "rotation/publish_token.py",
        "    if isinstance(token, AccessToken) and run.is_forced_on(token):",
        "    if False:",
        f"{TIME} -k before_it_began",
    ),
    Mutation(
        "fleet: a forced one yields to a token from before it began",
        "fleet/run.py",
        "        forced_at=began_at if fleet.force else None,",
        "        forced_at=began_at.min.replace(tzinfo=began_at.tzinfo) if fleet.force else None,",
        f"{AGAIN} -k before_it_began",
    ),
    Mutation(
        "fleet: what was read is believed for as long as it takes",
        "rotation/rotate.py",
        "MAX_READ_AGE_S = 30.0",
        "MAX_READ_AGE_S = 3000.0",
        f"{AGAIN} -k stored_while",
    ),
    Mutation(
        "fleet: consent is not asked for again",
        "rotation/rotate.py",
        "            allow(found)\n",
        "            pass\n",
        f"{AGAIN} -k withdrawn",
    ),
    Mutation(
        "fleet: the first read of the credentials is believed",
        "rotation/rotate.py",
        "        found = confirm_credentials(run, found)\n",
        "",
        f"{AGAIN} -k credentials_lags",
    ),
    Mutation(
        "fleet: nobody is told that a client with one active token is shared",
        "fleet/run.py",
        "        active_clients.note(assessment)\n",
        "",
        "tests/unit/fleet/test_active_clients.py -k warned",
    ),
    Mutation(
        "the tag of a secret without a token is not looked at",
        "rotation/overwrite.py",
        "        refuse_binding_of_others(credentials_version, token_version, store=store)\n",
        "",
        f"{FOREIGN} -k without_a_token",
    ),
)
