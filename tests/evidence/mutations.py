"""Deliberate breakages of the code, one line each, and the check that has to notice."""

from tests.evidence.mutation import Mutation
from tests.evidence.mutations_cli import CLI_MUTATIONS
from tests.evidence.mutations_client_secret import CLIENT_SECRET_MUTATIONS
from tests.evidence.mutations_fleet import FLEET_MUTATIONS
from tests.evidence.mutations_isolation import ISOLATION_MUTATIONS
from tests.evidence.mutations_messages import MESSAGE_MUTATIONS
from tests.evidence.mutations_native import NATIVE_MUTATIONS
from tests.evidence.mutations_outside import OUTSIDE_MUTATIONS
from tests.evidence.mutations_races import RACE_MUTATIONS
from tests.evidence.mutations_reader import READER_MUTATIONS
from tests.evidence.mutations_secret_outside import SECRET_OUTSIDE_MUTATIONS
from tests.evidence.mutations_secret_verification import SECRET_VERIFICATION_MUTATIONS
from tests.evidence.mutations_worlds import WORLD_MUTATIONS
from tests.evidence.mutations_writes import WRITE_MUTATIONS

PROTOCOL = "tests/evidence/test_protocol.py"
ROTATE = "tests/unit/rotation/test_rotate.py"
WORLDS = "tests/unit/rotation/test_what_may_be_published.py"
STORE = "tests/integration/aws/test_store.py"
CHAIN = "tests/integration/aws/test_credential_chain.py"
TOKENS = "tests/unit/model/test_access_token.py"
POLICY = "tests/unit/model/test_policy.py"
FAILED_RUN = "tests/unit/model/test_failed_run.py"
OAUTH = "tests/unit/oauth/test_endpoint.py"
HOSTILE = "tests/evidence/test_hostile_endpoint.py"
FAULTS = "tests/evidence/test_evidence.py"

MUTATIONS = {
    **OUTSIDE_MUTATIONS,
    **WORLD_MUTATIONS,
    **CLI_MUTATIONS,
    **MESSAGE_MUTATIONS,
    **CLIENT_SECRET_MUTATIONS,
    **SECRET_OUTSIDE_MUTATIONS,
    **SECRET_VERIFICATION_MUTATIONS,
    **FLEET_MUTATIONS,
    **ISOLATION_MUTATIONS,
    **NATIVE_MUTATIONS,
    **RACE_MUTATIONS,
    **READER_MUTATIONS,
    **WRITE_MUTATIONS,
    # Races are harmless
    "no compare-and-set": Mutation(
        "rotation/publish.py",
        "return str(uuid.uuid5(NAMESPACE, f\"{secret.arn}:{secret.version_id or 'empty'}"
        ':{ordinal}"))',
        "return str(uuid.uuid4())",
        f"{PROTOCOL} -k faults",
    ),
    "the write names no version": Mutation(
        "aws/store.py",
        '        params["ClientRequestToken"] = version_id\n',
        "",
        f"{STORE} -k taken_id",
    ),
    "the first read after a conflict is believed": Mutation(
        "rotation/publish.py",
        "for _ in repeat_reads(clock):",
        "for _ in range(1):",
        f"{PROTOCOL} -k faults",
    ),
    "whoever loses a race takes any winner": Mutation(
        "rotation/publish.py",
        "        if yields_to(current):",
        "        if current:",
        f"{ROTATE} -k useless",
    ),
    "the winner of a race on one secret for both is not looked for": Mutation(
        "rotation/publish_token.py",
        "if parse_token(current) != parse_token(seen) and yields_to(current):",
        "if False:",
        f"{PROTOCOL} -k one_secret or both",
    ),
    "a rejected token in one secret for both is kept since it is fresh": Mutation(
        "rotation/publish_token.py",
        "if parse_token(current) != parse_token(seen) and yields_to(current):",
        "if yields_to(current):",
        "tests/unit/rotation/test_rotate_shared.py -k rejects_it",
    ),
    "an edit of the team is written over": Mutation(
        "rotation/publish_token.py",
        "        seen = current\n",
        "",
        "tests/unit/rotation/test_rotate_shared.py -k edit",
    ),
    "versions moved aside stop the job": Mutation(
        "rotation/publish.py", "MAX_ATTEMPTS = 8", "MAX_ATTEMPTS = 1", f"{PROTOCOL} -k aside"
    ),
    "a conflict counts as success": Mutation(
        "rotation/publish.py",
        "        except VersionConflict:\n            return False\n",
        "        except VersionConflict:\n            return True\n",
        f"{PROTOCOL} -k faults",
    ),
    # Never a bad write
    "published before the probe": Mutation(
        "rotation/mint.py",
        "    problem = run.probe(minted) if run.probe is not None else None\n",
        "    problem = None\n",
        f"{ROTATE} -k probe",
    ),
    "the minted token is not validated": Mutation(
        "rotation/mint.py",
        "    _refuse_unless_usable(granted.token, now=run.clock.now())\n",
        "",
        f"{ROTATE} -k would_refuse",
    ),
    "a token handed out again counts as rotated": Mutation(
        "rotation/mint.py",
        "return stored if stored.access_token == minted.access_token else None",
        "return None",
        f"{WORLDS} -k cached",
    ),
    "a token that ends before the stored one is published": Mutation(
        "rotation/mint.py",
        "return not is_long and minted.expires_at <= stored.expires_at",
        "return False",
        f"{WORLDS} -k serves_until",
    ),
    "any body of a 200 counts as an answer of AWS": Mutation(
        "aws/store.py",
        "if not _is_response(operation, response):",
        "if False:",
        "tests/integration/aws/test_store_connecting.py",
    ),
    "any token_type is good": Mutation(
        "oauth/response.py",
        'if isinstance(token_type, str) and token_type.lower() == "bearer":',
        "if isinstance(token_type, str):",
        HOSTILE,
    ),
    "any status with a token is good": Mutation(
        "oauth/response.py", "if response.status not in SUCCESS or", "if", HOSTILE
    ),
    "redirects are read to their end": Mutation(
        "transport/bounded.py",
        "        with send(\n",
        "        with requests.Session().send(\n",
        HOSTILE,
    ),
    # There is always a good token to read
    "the clock is read before the secret": Mutation(
        "rotation/rotate.py",
        "        clock=clock,\n",
        "        clock=__import__('types').SimpleNamespace(now=lambda at=clock.now(): at,"
        " monotonic=clock.monotonic, sleep=clock.sleep, uniform=clock.uniform),\n",
        f"{PROTOCOL} -k period",
    ),
    "a token lives from when it came": Mutation(
        "oauth/endpoint.py",
        "asked_at = self.clock.now()",
        "asked_at = self.clock.now() + timedelta(seconds=30)",
        f"{OAUTH} -k before_the_request",
    ),
    "the wall clock in place of the one that was given": Mutation(
        "rotation/assess.py",
        "        now=run.clock.now(),",
        "        now=__import__('datetime').datetime.now(__import__('datetime').UTC),",
        f"{ROTATE} -k fresh",
    ),
    "a schedule of one cadence comes too early": Mutation(
        "model/policy.py",
        "now - stored.issued_at >= cadence - _earliness(cadence)",
        "now - stored.issued_at >= cadence",
        f"{POLICY} -k exactly_one_cadence",
    ),
    "a chosen cadence outlives the tokens that a provider has begun to grant": Mutation(
        "model/policy.py",
        "if self.cadence is not None and self._has_time_for(self.cadence, lifetime):",
        "if self.cadence is not None:",
        f"{POLICY} -k no_longer_fit",
    ),
    "no margin before the expiry": Mutation(
        "model/policy.py",
        "max(lifetime - max(margin, self.safe_margin), _shortest_cadence(self.interval))",
        "lifetime",
        f"{POLICY} -k margin",
    ),
    "one failed run costs a token that lives shorter than a day": Mutation(
        "model/policy.py",
        "lifetime - max(margin, self.safe_margin)",
        "lifetime - max(margin, self.needed_margin)",
        f"{FAILED_RUN} -k costs_no_minute",
    ),
    "short lives use the versions up": Mutation(
        "model/policy.py",
        "    runs = ceil(timedelta(days=1) / VERSIONS_PER_DAY / interval)\n",
        "    runs = 1\n",
        f"{POLICY} -k quota",
    ),
    "the spread uses the versions up": Mutation(
        "model/policy.py",
        "early = min(self.spread, latest / 2, most) * self._share(issued_at)",
        "early = min(self.spread, latest / 2) * self._share(issued_at)",
        f"{FAILED_RUN} -k spread",
    ),
    "what a failed run costs is not told": Mutation(
        "rotation/mint.py",
        "    return problem or policy.problem_with_failed_run(lifetime)\n",
        "    return problem\n",
        "tests/unit/rotation/test_what_may_be_published.py -k one_failed_run",
    ),
    "temporary failures are given up at once": Mutation(
        "oauth/retry.py", "MAX_ATTEMPTS = 4", "MAX_ATTEMPTS = 1", f"{OAUTH} -k temporary"
    ),
    # No secret leaves
    "a secret shows itself": Mutation(
        "model/secret.py",
        "        return \"Secret('***')\"",
        "        return self._text",
        f"{TOKENS} -k shows_itself",
    ),
    "the SDK logs bodies": Mutation(
        "aws/sdk_logs.py",
        "return record.levelno > logging.DEBUG or not _calling.get()",
        "return True",
        "tests/integration/aws/test_sdk_logs.py",
    ),
    "the SDK's words in our error": Mutation(
        "aws/errors.py",
        'f"the AWS SDK failed ({operation}: {names[0]})"',
        'f"the AWS SDK failed ({operation}: {error})"',
        "tests/unit/reader/test_sdk_source.py -k without_their_text",
    ),
    "no source of AWS credentials is told from Secrets Manager": Mutation(
        "aws/credential_errors.py",
        "    return next((SOURCE_OF[name] for name in found if name in SOURCE_OF), None)",
        "    return None",
        "tests/unit/aws/test_errors.py",
    ),
    "a server error of STS is permanent": Mutation(
        "aws/error_details.py", "or status >= 500", "or status >= 600", f"{CHAIN} -k failing"
    ),
    "our error is raised while that of a library is handled": Mutation(
        "errors.py",
        "        problem = signal_error(error) or ours(error)\n    raise problem",
        "        raise signal_error(error) or ours(error)",
        f"{FAULTS} -k answer",
    ),
    "logs are not redacted": Mutation(
        "config/logs.py", "            redact,\n", "", "tests/unit/test_logs.py -k masked"
    ),
    "what was typed is in the error": Mutation(
        "cli/parser.py",
        "ConfigError(command.find_problem(error.argument_name))",
        'ConfigError(f"{command.find_problem(error.argument_name)} {argv}")',
        "tests/unit/cli/test_parser.py",
    ),
    # It ends as it should
    "SIGTERM is not heard": Mutation(
        "cli/__init__.py",
        "        signal.signal(signal.SIGTERM, _terminate)\n    prepare",
        "        pass\n    prepare",
        f"{FAULTS} -k signal",
    ),
    "an unexpected exception shows its text": Mutation(
        "cli/__init__.py",
        'print(f"{command}: {describe_unexpected(error)}", file=sys.stderr)',
        "raise",
        f"{FAULTS} -k unexpected",
    ),
    # The rows of the table themselves, each by one of its cases
    "races: every rotator publishes what it has minted": Mutation(
        "rotation/publish.py",
        "f\"{secret.arn}:{secret.version_id or 'empty'}:{ordinal}\"",
        "str(uuid.uuid4())",
        f"{FAULTS} -k race",
    ),
    "kills: the new version is made first and filled then": Mutation(
        "rotation/publish.py",
        "            store.put(seen, text, version_id=version_id)\n",
        "            store.put(seen, type(text)('{}'), version_id=str(uuid.uuid4()))\n"
        "            store.put(seen, text, version_id=version_id)\n",
        f"{FAULTS} -k killed",
    ),
    "signals: SIGTERM is left to the system": Mutation(
        "cli/__init__.py",
        "        signal.signal(signal.SIGTERM, _terminate)\n",
        "        pass\n",
        f"{FAULTS} -k signal_ends",
    ),
    "canaries: the SDK logs what our calls carry": Mutation(
        "aws/sdk_logs.py",
        "        yield\n",
        "        _calling.set(False)\n        yield\n",
        f"{FAULTS} -k canary",
    ),
    "the decade: the reader keeps a token for a day and an hour": Mutation(
        "reader/cached_token.py",
        "expires = snapshot.expires_at.timestamp() - skew_s",
        "expires = now + 90000.0",
        f"{FAULTS} -k month",
    ),
}
