"""Breakages of what holds in the worlds of providers and people that users meet."""

from tests.evidence.mutation import Mutation

POLICY = "tests/unit/model/test_policy.py"
WORLDS = "tests/unit/rotation/test_what_may_be_published.py"
FOREIGN = "tests/unit/rotation/test_whose_secret.py"

WORLD_MUTATIONS = (
    Mutation(
        "interleavings: the loser gives way where one token is active",
        "rotation/rotate.py",
        "publish_last if assessment.provider.single_active else publish_token",
        "publish_token",
        "tests/evidence/test_protocol.py -k active",
    ),
    Mutation(
        "a provider that grants less than before has failed",
        "rotation/mint.py",
        "return not is_long and minted.expires_at <= stored.expires_at",
        "return minted.expires_at <= stored.expires_at",
        f"{WORLDS} -k week",
    ),
    Mutation(
        "the same token extends the stored end",
        "rotation/mint.py",
        "    return minted.expires_at < stored.expires_at - ROUNDING",
        "    return True",
        f"{WORLDS} -k never_extends",
    ),
    Mutation(
        "a cached token is not waited for",
        "rotation/mint.py",
        "    if AFTER_EXPIRY_S < wait_s <= run.left_s():",
        "    if False:",
        f"{WORLDS} -k near_the_end",
    ),
    Mutation(
        "who loses a race leaves a token that its mint has ended",
        "rotation/rotate.py",
        "publish_last if assessment.provider.single_active else publish_token",
        "publish_token",
        f"{WORLDS} -k loser",
    ),
    Mutation(
        "a token that a rival's mint has ended counts as refused",
        "rotation/one_active_token.py",
        "if is_last or error.status != 401:",
        "if error.status:",
        f"{WORLDS} -k rival_ended",
    ),
    Mutation(
        "a run whose token was ended mints whatever the rival has published",
        "rotation/one_active_token.py",
        "        if was_replaced and _is_accepted(run, version):\n",
        "        if False:\n",
        f"{WORLDS} -k gives_way_to_the_rivals",
    ),
    Mutation(
        "an interval that misses the end of a cached token is not told",
        "rotation/mint.py",
        "    if interval <= RETRY_BUDGET:\n",
        "    if interval:\n",
        f"{WORLDS} -k beforehand",
    ),
    Mutation(
        "a preset forgets what its provider does",
        "model/providers.py",
        "                hands_out_cached_tokens=True,\n",
        "",
        f"{WORLDS} -k beforehand",
    ),
    Mutation(
        "the preset takes no token without a token_type",
        "model/providers.py",
        'lifetime_s=86_399,\n                token_type_policy="assume_bearer",',
        "lifetime_s=86_399,\n                token_type_policy=None,",
        "tests/unit/local/test_ims_worlds.py -k preset",
    ),
    Mutation(
        "years: a stored token that the API rejects stays",
        "rotation/assess.py",
        '    return Decision(due=True, reason="rejected")\n',
        "    return decision\n",
        "tests/evidence/test_evidence.py -k month_of_outages",
    ),
    Mutation(
        "the version to publish over is read after the mint",
        "rotation/one_active_token.py",
        "            assessment, active = mint_active(run, assessment)\n            current",
        "            assessment, active = mint_active(run, assessment)\n"
        "            [version] = run.store.read(run.binding.token_secret)\n"
        "            assessment = assessment._replace(token_version=version)\n            current",
        f"{WORLDS} -k between_the_read",
    ),
    Mutation(
        "a rejected token is replaced at every run",
        "rotation/assess.py",
        'if stored.rotated_for == "rejected" and ',
        "if False and ",
        f"{WORLDS} -k once_an_hour",
    ),
    Mutation(
        "a token for a rejected one is published without verification",
        "rotation/mint.py",
        '    if assessment.decision.reason == "rejected":\n        raise ProbeError(f',
        "    if False:\n        raise ProbeError(f",
        f"{WORLDS} -k pass_the_probe",
    ),
    Mutation(
        "the value of somebody else is overwritten",
        "rotation/assess.py",
        "    if tag is None:\n",
        "    if False:\n",
        f"{FOREIGN} -k never_overwritten",
    ),
    Mutation(
        "the binding of others is not looked at",
        "rotation/assess.py",
        "    if tag is not None and not is_name_of(tag, ours.secret_id, ours.arn):",
        "    if False:",
        f"{FOREIGN} -k other_credentials",
    ),
    Mutation(
        "credentials that ask for something else change nothing",
        "model/policy.py",
        "            fingerprint != stored.credentials_fingerprint\n",
        "            False\n",
        f"{FOREIGN} -k changed",
    ),
    Mutation(
        "more versions than the quota are not noticed",
        "model/policy.py",
        "return timedelta(days=1) / period <= VERSIONS_PER_DAY",
        "return True",
        f"{POLICY} -k quota",
    ),
    Mutation(
        "all of a fleet come due at once",
        "model/policy.py",
        "return replace(self, secret_arn=arn)",
        "return self",
        f"{POLICY} -k spread",
    ),
    Mutation(
        "what is due in the same run stays together for ever",
        "model/policy.py",
        'text = f"{self.secret_arn}@{int(issued_at.timestamp())}"',
        "text = self.secret_arn",
        f"{POLICY} -k for_ever",
    ),
    Mutation(
        "plain http goes through the proxy",
        "transport/environment.py",
        'proxies={} if is_plain else found["proxies"]',
        'proxies=found["proxies"]',
        "tests/unit/transport/test_connections.py -k plain_http",
    ),
    Mutation(
        "a client certificate is shown in the next exchange too",
        "transport/tls.py",
        "    context = _context(authorities)\n    problem",
        "    context = shared_context(authorities)\n    problem",
        "tests/unit/transport/test_tls.py -k certificate",
    ),
    Mutation(
        "only the standard's refusal moves on to the next client secret",
        "model/providers.py",
        "return status == 401 or code in CLIENT_REFUSALS",
        'return code == "invalid_client"',
        "tests/unit/oauth/test_refusals.py -k moves_on",
    ),
    Mutation(
        "a cached token counts as new for hours",
        "oauth/claims.py",
        "CLOCK_SKEW_S = 300\n",
        "CLOCK_SKEW_S = 30_000\n",
        "tests/unit/oauth/test_response.py -k full_length",
    ),
    Mutation(
        "clients that fetch AWS credentials have another region",
        "aws/store.py",
        '        core.set_config_variable("region", region)\n',
        "        pass\n",
        "tests/integration/aws/test_store_sessions.py -k in_the_region",
    ),
    Mutation(
        "what answers in place of SSO is a session that has expired",
        "aws/error_table.py",
        '"sso": ("roleCredentials",)',
        '"sso": ("credentials",)',
        "tests/integration/aws/test_credential_chain.py -k job_says",
    ),
)
