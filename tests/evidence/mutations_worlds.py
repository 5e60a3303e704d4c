"""Breakages of what holds in the worlds of providers and people that users meet."""

from tests.evidence.mutation import Mutation

POLICY = "tests/unit/model/test_policy.py"
WORLDS = "tests/unit/rotation/test_what_may_be_published.py"
FOREIGN = "tests/unit/rotation/test_whose_secret.py"

WORLD_MUTATIONS = {
    "interleavings: the loser gives way where one token is active": Mutation(
        "rotation/rotate.py",
        "publish_last if assessment.provider.single_active else publish_token",
        "publish_token",
        "tests/evidence/test_protocol.py -k active",
    ),
    "a provider that grants less than before has failed": Mutation(
        "rotation/mint.py",
        "return not is_long and minted.expires_at <= stored.expires_at",
        "return minted.expires_at <= stored.expires_at",
        f"{WORLDS} -k week",
    ),
    "the same token extends the stored end": Mutation(
        "rotation/mint.py",
        "    return minted.expires_at < stored.expires_at - ROUNDING",
        "    return True",
        f"{WORLDS} -k never_extends",
    ),
    "a cached token is not waited for": Mutation(
        "rotation/mint.py",
        "    is_near = -RUN_BUDGET.total_seconds() < wait_s",
        "    is_near = False",
        f"{WORLDS} -k near_the_end",
    ),
    "a cached token that ends later than stored is asked for once": Mutation(
        "rotation/mint.py",
        "AGAIN_PAUSES_S = (1.0, 2.0, 4.0)",
        "AGAIN_PAUSES_S = ()",
        "tests/unit/rotation/test_what_may_be_published.py -k until_there_is_another",
    ),
    "a new token is asked for before a cached one has ended": Mutation(
        "rotation/mint.py",
        "AFTER_EXPIRY_S = 2.0",
        "AFTER_EXPIRY_S = -9.0",
        "tests/unit/rotation/test_what_may_be_published.py -k until_there_is_another",
    ),
    "no life left is a permanent refusal": Mutation(
        "oauth/lifetime.py",
        "kind = JustEndedError if lifetime_s == 0 else ValueError",
        "kind = ValueError",
        "tests/unit/oauth/test_believed_life.py -k ask_again",
    ),
    "a provider that lengthens its lives is refused": Mutation(
        "oauth/lifetime.py",
        "    if _is_implausible(lifetime_s, documented_s):",
        "    if True:",
        "tests/unit/oauth/test_believed_life.py -k longer_than_believed",
    ),
    "milliseconds are believed for a month": Mutation(
        "oauth/lifetime.py",
        "    return is_round or lifetime_s > MAX_PLAUSIBLE_S",
        "    return lifetime_s > MAX_PLAUSIBLE_S",
        "tests/unit/oauth/test_believed_life.py -k milliseconds",
    ),
    "each attempt at a slow provider is cut at the same time": Mutation(
        "oauth/endpoint.py",
        "read_s = self._read_timeout_s if left_s >= 3 * self._read_timeout_s else left_s",
        "read_s = self._read_timeout_s",
        "tests/unit/oauth/test_endpoint.py -k twenty_seconds",
    ),
    "a batch that fails keeps the job from reading": Mutation(
        "aws/store.py",
        "            if error.retryable and not error.is_answered:",
        "            if error.retryable:",
        "tests/integration/aws/test_store.py -k batch_reads_fail",
    ),
    "a provider that is named and need not be makes the token due": Mutation(
        "model/client_credentials.py",
        '"provider": None if is_implied else self.provider,',
        '"provider": self.provider,',
        f"{FOREIGN} -k meant_anyway",
    ),
    "who loses a race leaves a token that its mint has ended": Mutation(
        "rotation/rotate.py",
        "publish_last if assessment.provider.single_active else publish_token",
        "publish_token",
        f"{WORLDS} -k loser",
    ),
    "a token that a rival's mint has ended counts as refused": Mutation(
        "rotation/one_active_token.py",
        "if is_last or error.status != HTTPStatus.UNAUTHORIZED:",
        "if error.status:",
        f"{WORLDS} -k rival_ended",
    ),
    "a run whose token was ended mints whatever the rival has published": Mutation(
        "rotation/one_active_token.py",
        "        if was_replaced and _is_accepted(run, version):\n",
        "        if False:\n",
        f"{WORLDS} -k gives_way_to_the_rivals",
    ),
    "an interval that misses the end of a cached token is not told": Mutation(
        "rotation/mint.py",
        "    if interval <= RUN_BUDGET:\n",
        "    if interval:\n",
        f"{WORLDS} -k beforehand",
    ),
    "a preset forgets what its provider does": Mutation(
        "model/providers.py",
        "                hands_out_cached_tokens=True,\n",
        "",
        f"{WORLDS} -k beforehand",
    ),
    "the preset takes no token without a token_type": Mutation(
        "model/providers.py",
        'lifetime_s=86_399,\n                token_type_policy="assume_bearer",',
        "lifetime_s=86_399,\n                token_type_policy=None,",
        "tests/unit/local/test_ims_worlds.py -k preset",
    ),
    "years: a stored token that the API rejects stays": Mutation(
        "rotation/assess.py",
        '    return Decision(due=True, reason="rejected")\n',
        "    return decision\n",
        "tests/evidence/test_evidence.py -k month_of_outages",
    ),
    "the version to publish over is read after the mint": Mutation(
        "rotation/one_active_token.py",
        "            assessment, active = mint_active(run, assessment)\n            current",
        "            assessment, active = mint_active(run, assessment)\n"
        "            [version] = run.store.read(run.binding.token_secret)\n"
        "            assessment = assessment._replace(token_version=version)\n            current",
        f"{WORLDS} -k between_the_read",
    ),
    "a rejected token is replaced at every run": Mutation(
        "rotation/assess.py",
        'if stored.rotated_for == "rejected" and ',
        "if False and ",
        f"{WORLDS} -k once_an_hour",
    ),
    "a token for a rejected one is published without verification": Mutation(
        "rotation/mint.py",
        '    if assessment.decision.reason == "rejected":\n        raise ProbeError(f',
        "    if False:\n        raise ProbeError(f",
        f"{WORLDS} -k pass_the_probe",
    ),
    "the value of somebody else is overwritten": Mutation(
        "rotation/overwrite.py",
        "    if tag is None:\n",
        "    if False:\n",
        f"{FOREIGN} -k never_overwritten",
    ),
    "the binding of others is not looked at": Mutation(
        "rotation/overwrite.py",
        "    if tag is not None and not is_name_of(tag, ours.secret_id, ours.arn):",
        "    if False:",
        f"{FOREIGN} -k other_credentials",
    ),
    "credentials that ask for something else change nothing": Mutation(
        "model/policy.py",
        "            fingerprint != stored.credentials_fingerprint\n",
        "            False\n",
        f"{FOREIGN} -k changed",
    ),
    "more versions than the quota are not noticed": Mutation(
        "model/policy.py",
        "return timedelta(days=1) / period <= VERSIONS_PER_DAY",
        "return True",
        f"{POLICY} -k quota",
    ),
    "all of a fleet come due at once": Mutation(
        "model/policy.py",
        "return replace(self, secret_arn=arn)",
        "return self",
        f"{POLICY} -k spread",
    ),
    "what is due in the same run stays together for ever": Mutation(
        "model/policy.py",
        'text = f"{self.secret_arn}@{int(issued_at.timestamp())}"',
        "text = self.secret_arn",
        f"{POLICY} -k for_ever",
    ),
    "plain http goes through the proxy": Mutation(
        "transport/environment.py",
        'proxies={} if is_plain else found["proxies"]',
        'proxies=found["proxies"]',
        "tests/unit/transport/test_connections.py -k plain_http",
    ),
    "a client certificate is shown in the next exchange too": Mutation(
        "transport/tls.py",
        "    context = _context(authorities)\n    problem",
        "    context = shared_context(authorities)\n    problem",
        "tests/unit/transport/test_tls.py -k certificate",
    ),
    "only the standard's refusal moves on to the next client secret": Mutation(
        "model/providers.py",
        "return status == HTTPStatus.UNAUTHORIZED or code in CLIENT_REFUSALS",
        'return code == "invalid_client"',
        "tests/unit/oauth/test_refusals.py -k moves_on",
    ),
    "a provider's clock that is ahead lengthens its tokens": Mutation(
        "oauth/claims.py",
        "else max(asked_s, life.issued_s)",
        "else asked_s",
        "tests/unit/oauth/test_claims.py -k clock_is_ahead",
    ),
    "clients that fetch AWS credentials have another region": Mutation(
        "aws/store.py",
        '        core.set_config_variable("region", region)\n',
        "        pass\n",
        "tests/integration/aws/test_store_sessions.py -k in_the_region",
    ),
    "what answers in place of SSO is a session that has expired": Mutation(
        "aws/error_table.py",
        '"sso": ("roleCredentials",)',
        '"sso": ("credentials",)',
        "tests/integration/aws/test_credential_chain.py -k job_says",
    ),
}
