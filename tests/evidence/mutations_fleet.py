"""Breakages of runs over many bindings: isolation, consent, pace and order."""

from tests.evidence.mutation import Mutation

RUN = "tests/unit/fleet/test_run.py"
PROBES = "tests/unit/fleet/test_probes.py"
WORK = "tests/unit/fleet/test_work.py"
ROLES = "tests/unit/fleet/test_roles.py"
STATUS = "tests/unit/fleet/test_status.py"
STORE = "tests/unit/aws/test_fleet_store.py"
LIST = "tests/unit/aws/test_secret_list.py"
CONSENT = "tests/unit/model/test_consent.py"
QUEUE = "tests/unit/aws/test_queue.py"
LAMBDA = "tests/integration/aws/test_lambda_fleet.py"
ALARMS = "tests/integration/aws/test_lambda_fleet_alarms.py"

FLEET_MUTATIONS = {
    "a fleet whose batches fail for now reads nothing": Mutation(
        "aws/fleet_store.py",
        "        if isinstance(first, StoreError) and first.retryable:\n",
        "        if True:\n",
        f"{STORE} -k single_reads_work",
    ),
    "a fleet asks for each batch that fails": Mutation(
        "aws/fleet_store.py",
        "        self._service.may_batch = False\n        return {batch[0]: first}",
        "        return {batch[0]: first}",
        f"{STORE} -k single_reads_work",
    ),
    "fleet: a mistake of our own ends the whole run": Mutation(
        "fleet/guard.py",
        "    except Exception as error:  # noqa: BLE001 - its text could hold a value\n",
        "    except RecursionError as error:\n",
        f"{RUN} -k mistake_of_our_own",
    ),
    "fleet: who listens to reports can end a worker": Mutation(
        "fleet/report.py",
        "            with suppress(Exception):\n",
        "            with suppress(RecursionError):\n",
        f"{RUN} -k cannot_listen",
    ),
    "fleet: a tag needs no consent in a run": Mutation(
        "fleet/run.py",
        "is_tagged=fleet_binding.needs_consent)",
        "is_tagged=False)",
        f"{RUN} -k consent",
    ),
    "fleet: a tag needs no consent in a status": Mutation(
        "fleet/status.py",
        "    check_assessment(assessment, is_tagged=run.is_tagged)\n",
        "    check_assessment(assessment, is_tagged=False)\n",
        f"{STATUS} -k somebody_tagged",
    ),
    "fleet: a status looks into another region": Mutation(
        "fleet/status.py",
        "roles=fleet.roles, region=fleet.region)",
        "roles=fleet.roles, region=None)",
        "tests/integration/cli/test_fleet_codes.py -k alike",
    ),
    "fleet: a pace that is set gives way to the manifest": Mutation(
        "app/fleet.py", '"spread", *PACES)', '"spread")', "tests/unit/app/test_fleet.py"
    ),
    "fleet: consent to a folder is one to all that begins like it": Mutation(
        "model/consent.py", "name.startswith(entry[:-1])", "name.startswith(entry[:-2])", CONSENT
    ),
    "fleet: the pacer lets everything through": Mutation(
        "fleet/pacer.py",
        "            self._clock.sleep(turn_s - now_s)\n",
        "            pass\n",
        f"{WORK} -k evenly",
    ),
    "fleet: a throttled call pauses nobody": Mutation(
        "fleet/pacer.py",
        "            self._next_s = max(self._next_s, paused_until_s)\n",
        "            self._next_s = min(self._next_s, paused_until_s)\n",
        f"{WORK} -k throttled",
    ),
    "fleet: a throttled put pauses nobody": Mutation(
        "fleet/read.py",
        "            if error.aws_code in THROTTLING_CODES:\n",
        '            if "Throttling" in (error.aws_code or ""):\n',
        f"{WORK} -k throttled_put",
    ),
    "fleet: what is due goes in the order of its names": Mutation(
        "fleet/pool.py",
        'urgency=(self._expires_at if kind == "renew" else MOST_URGENT, self._tie_breaker),',
        "urgency=(MOST_URGENT, self._tie_breaker),",
        f"{RUN} -k soonest",
    ),
    "fleet: one host may hold every worker": Mutation(
        "fleet/pool.py",
        "            per_host=max(1, int(workers * HOST_SHARE)),\n",
        "            per_host=workers,\n",
        f"{RUN} -k hangs_once",
    ),
    "fleet: a failure after its answer counts against a host": Mutation(
        "fleet/observed.py",
        '        self.observation = "responded"\n        return minted\n',
        '        self.observation = Failure("after its answer")\n        return minted\n',
        f"{RUN} -k after_an_answer",
    ),
    "fleet: the API of a probe may hold every worker": Mutation(
        "fleet/lanes.py",
        "        return frozenset({self.host, self.probe_host or self.host})\n",
        "        return frozenset({self.host})\n",
        f"{PROBES} -k hangs",
    ),
    "fleet: an API that does not answer is called for every binding": Mutation(
        "fleet/probes.py",
        "            is_silent = self._unanswered[host] >= MAX_FAILURES\n",
        "            is_silent = self._unanswered[host] >= 100 * MAX_FAILURES\n",
        f"{PROBES} -k three_times",
    ),
    "fleet: a rejected token is only told of": Mutation(
        "fleet/pool.py",
        "        elif found.decision.due and not self._dry_run:\n",
        "        elif found.decision.due and self._dry_run:\n",
        f"{PROBES} -k rejects",
    ),
    "fleet: batches of more than twenty": Mutation(
        "aws/fleet_store.py", "MAX_BATCH = 20\n", "MAX_BATCH = 21\n", f"{STORE} -k twenty"
    ),
    "fleet: the tags of --where are not checked again": Mutation(
        "aws/paced_store.py",
        " and where.items() <= tags.items():\n",
        " and where is not None:\n",
        f"{LIST} -k checks_each_tag",
    ),
    "fleet: replicas count as bindings of this region": Mutation(
        "aws/paced_store.py",
        "if tag in tags and not is_replica and",
        "if tag in tags and is_replica is not None and",
        f"{LIST} -k checks_each_tag",
    ),
    "fleet: whoever may tag a secret holds the alarm": Mutation(
        "app/aws_lambda/fleet.py",
        "    if not report.is_confirmed:\n",
        "    if report.result is not None:\n",
        f"{ALARMS} -k hold_the_alarm",
    ),
    "fleet: a tag on a credentials secret stops those that it serves": Mutation(
        "fleet/roles.py",
        "        if is_token_secret and _has_no_credentials(credentials_version):\n",
        "        if is_token_secret:\n",
        f"{ROLES} -k no_victim",
    ),
    "fleet: a token secret of two names is rotated twice": Mutation(
        "fleet/roles.py",
        "        if first != token_version.secret_id:\n",
        "        if not first:\n",
        f"{ROLES} -k two_ways",
    ),
    "fleet: a binding that never had a token is not missed": Mutation(
        "fleet/consent.py",
        "    return is_named(named, token_version.arn)\n",
        "    return False\n",
        f"{ROLES} -k confirmed_by",
    ),
    "fleet: nobody looks at the token of a refused binding": Mutation(
        "fleet/run.py",
        "    to_read = [*selection.bindings, *list_token_secrets(selection.refused)]\n",
        "    to_read = [*selection.bindings, *list_token_secrets(())]\n",
        f"{ROLES} -k life_of_its_token",
    ),
    "dispatcher: what the response does not mention counts as sent": Mutation(
        "aws/queue.py",
        "            if str(at) not in taken:\n",
        "            if str(at) in refused:\n",
        f"{QUEUE} -k not_mention",
    ),
    "dispatcher: a page counts as an acknowledgement": Mutation(
        "aws/queue.py",
        "    if not _is_response(response):\n",
        "    if not response:\n",
        f"{QUEUE} -k not_of_sqs",
    ),
    "dispatcher: a permanent refusal is sent again and again": Mutation(
        "aws/queue.py",
        "        again = {at: bodies[at] for at, error in failed.items() if error.retryable}\n",
        "        again = {at: bodies[at] for at, error in failed.items() if error}\n",
        f"{QUEUE} -k not_sent_again",
    ),
    "dispatcher: a message that was not sent is no failure": Mutation(
        "app/aws_lambda/fleet.py",
        "        reports = [_report_unsent(each, failed) for each in reports]\n",
        "        reports = [_report_unsent(each, {}) for each in reports]\n",
        f"{LAMBDA} -k counts_as_a_failed",
    ),
    "discovery: a page that fails loses the pages before it": Mutation(
        "fleet/discovery.py",
        "        if not listed:\n            raise\n",
        "        if listed is not None:\n            raise\n",
        f"{LIST} -k pages_before",
    ),
    "discovery: an entry that the SDK cannot parse loses its page": Mutation(
        "aws/paced_store.py",
        "        keep_needed_fields(self._client)\n",
        "",
        "tests/integration/aws/test_store_connecting.py -k sdk_cannot_parse",
    ),
    "discovery: a list that broke off is not told of": Mutation(
        "app/aws_lambda/fleet.py",
        "    problem = find_outage(reports) or selection.broken_off\n",
        "    problem = find_outage(reports)\n",
        f"{ALARMS} -k breaks_off",
    ),
    "fleet: a tag has any value overwritten": Mutation(
        "rotation/overwrite.py",
        "        if not _was_token_document(token_version, keys):\n",
        "        if not token_version:\n",
        f"{ROLES} -k never_was_a_token",
    ),
    "fleet: a pattern puts a token into the credentials secret": Mutation(
        "fleet/consent.py",
        "    agrees = is_named if is_shared or is_placeholder else has_consent\n",
        "    agrees = is_named if is_placeholder else has_consent\n",
        f"{ROLES} -k pattern_never",
    ),
    "fleet: a pattern covers an empty value": Mutation(
        "fleet/consent.py",
        "    agrees = is_named if is_shared or is_placeholder else has_consent\n",
        "    agrees = is_named if is_shared else has_consent\n",
        f"{ROLES} -k pattern_covers",
    ),
    "fleet: any access_token is taken for a token document of ours": Mutation(
        "rotation/overwrite.py",
        "    return keys is not None and (not keys or _EVERY_DOCUMENT <= keys <= TOKEN_FIELDS)\n",
        "    return keys is not None and keys <= TOKEN_FIELDS\n",
        f"{ROLES} -k never_was_a_token",
    ),
    "fleet: a pattern vouches for what somebody tagged below it": Mutation(
        "fleet/consent.py",
        "    return is_named(named, token_version.arn)\n",
        "    return has_consent(named, token_version.arn)\n",
        f"{ALARMS} -k below_a_pattern",
    ),
    "fleet: a status calls unusable what a run refuses to overwrite": Mutation(
        "fleet/status.py",
        "        is_tagged=fleet_binding.needs_consent,\n",
        "        is_tagged=False,\n",
        f"{ROLES} -k unknown_to_a_status",
    ),
    "fleet: a tag alone sets off the alarm of a status": Mutation(
        "fleet/binding_status.py",
        "(self.error is not None and not self.is_confirmed)",
        "self.error == 0",
        f"{STATUS} -k for_monitors",
    ),
    "fleet: a refused line of a manifest hides that its token has ended": Mutation(
        "fleet/binding_status.py",
        "(self.error is not None and not self.is_confirmed)",
        "self.error is not None",
        f"{STATUS} -k for_monitors",
    ),
    "fleet: a token secret is handed over in silence": Mutation(
        "rotation/newer_credentials.py",
        "    if run.clock.now() < token.expires_at:\n",
        "    if not token:\n",
        "tests/unit/rotation/test_changed_credentials.py -k warned_of",
    ),
    "fleet: a problem of a run does not name its binding": Mutation(
        "cli/fleet_problems.py",
        '    subject = "" if in_manifest else',
        '    subject = "" if bindings else',
        "tests/unit/cli/test_fleet_problems.py",
    ),
    "fleet: an invocation in which nothing can be read succeeds": Mutation(
        "app/aws_lambda/fleet.py",
        "    problem = find_outage(reports) or selection.broken_off\n",
        "    problem = selection.broken_off\n",
        f"{ALARMS} -k nothing_can_be_read",
    ),
    "discovery: an entry that names no secret ends the run": Mutation(
        "aws/paced_store.py",
        "            if not _is_secret(entry):\n",
        "            if entry is _is_secret:\n",
        f"{LIST} -k names_no_secret",
    ),
    "fleet: what was given up tells of another secret": Mutation(
        "aws/fleet_store.py",
        "each: _error_of(each, outage, problem) for",
        "each: outage for",
        f"{STORE} -k was_given_up",
    ),
    "fleet: a run that is ended says nothing": Mutation(
        "fleet/run.py",
        "        _log_interruption(fleet, selection, reports.all())\n",
        "",
        f"{RUN} -k ended_tells",
    ),
}
