"""Breakages of runs over many bindings: isolation, consent, pace and order."""

from tests.evidence.mutation import Mutation

RUN = "tests/unit/fleet/test_run.py"
PROBES = "tests/unit/fleet/test_probes.py"
WORK = "tests/unit/fleet/test_work.py"
ROLES = "tests/unit/fleet/test_roles.py"
STATUS = "tests/unit/fleet/test_status.py"
STORE = "tests/unit/aws/test_fleet_store.py"
CONSENT = "tests/unit/model/test_consent.py"
QUEUE = "tests/unit/aws/test_queue.py"
LAMBDA = "tests/integration/aws/test_lambda_fleet.py"

FLEET_MUTATIONS = (
    Mutation(
        "a fleet whose batches fail for now reads nothing",
        "aws/fleet_store.py",
        "        if isinstance(first, StoreError) and first.retryable:\n",
        "        if True:\n",
        f"{STORE} -k single_reads_work",
    ),
    Mutation(
        "a fleet asks for each batch that fails",
        "aws/fleet_store.py",
        "        self._reading.may_batch = False\n        return {batch[0]: first}",
        "        return {batch[0]: first}",
        f"{STORE} -k single_reads_work",
    ),
    Mutation(
        "fleet: a mistake of our own ends the whole run",
        "fleet/guard.py",
        "    except Exception as error:  # noqa: BLE001 - its text could hold a value\n",
        "    except RecursionError as error:\n",
        f"{RUN} -k mistake_of_our_own",
    ),
    Mutation(
        "fleet: who listens to reports can end a worker",
        "fleet/report.py",
        "            with suppress(Exception):\n",
        "            with suppress(RecursionError):\n",
        f"{RUN} -k cannot_listen",
    ),
    Mutation(
        "fleet: a tag needs no consent in a run",
        "fleet/run.py",
        "    if fleet_binding.needs_consent:\n",
        "    if not fleet_binding:\n",
        f"{RUN} -k consent",
    ),
    Mutation(
        "fleet: a tag needs no consent in a status",
        "fleet/status.py",
        "    if fleet_binding.needs_consent:\n",
        "    if not fleet_binding:\n",
        f"{STATUS} -k somebody_tagged",
    ),
    Mutation(
        "fleet: a status looks into another region",
        "fleet/status.py",
        "    refuse_other_region(region, binding)\n",
        "    del region\n",
        "tests/integration/cli/test_fleet_codes.py -k alike",
    ),
    Mutation(
        "fleet: a pace that is set gives way to the manifest",
        "app/fleet.py",
        '"spread", *PACES)',
        '"spread")',
        "tests/unit/app/test_fleet.py",
    ),
    Mutation(
        "fleet: consent to a folder is one to all that begins like it",
        "model/consent.py",
        "name.startswith(entry[:-1])",
        "name.startswith(entry[:-2])",
        CONSENT,
    ),
    Mutation(
        "fleet: the pacer lets everything through",
        "fleet/pacer.py",
        "            self._clock.sleep(turn_s - now_s)\n",
        "            pass\n",
        f"{WORK} -k evenly",
    ),
    Mutation(
        "fleet: a throttled call pauses nobody",
        "fleet/pacer.py",
        "            self._next_s = max(self._next_s, paused_until_s)\n",
        "            self._next_s = min(self._next_s, paused_until_s)\n",
        f"{WORK} -k throttled",
    ),
    Mutation(
        "fleet: what is due goes in the order of its names",
        "fleet/pool.py",
        'urgency=(self._expires_at if kind == "renew" else NEVER, self._drawn),',
        "urgency=(NEVER, self._drawn),",
        f"{RUN} -k soonest",
    ),
    Mutation(
        "fleet: one host may hold every worker",
        "fleet/pool.py",
        "            per_host=max(1, workers // HOST_SHARE),\n",
        "            per_host=max(HOST_SHARE, workers),\n",
        f"{RUN} -k hangs",
    ),
    Mutation(
        "fleet: a failure after its answer counts against a host",
        "fleet/observed.py",
        '        self.ended = "answered"\n        return minted\n',
        '        self.ended = Failure("after its answer")\n        return minted\n',
        f"{RUN} -k after_an_answer",
    ),
    Mutation(
        "fleet: the API of a probe may hold every worker",
        "fleet/lanes.py",
        "        return frozenset({self.host, self.probe_host or self.host})\n",
        "        return frozenset({self.host})\n",
        f"{PROBES} -k hangs",
    ),
    Mutation(
        "fleet: an API that does not answer is called for every binding",
        "fleet/probes.py",
        "            is_silent = self._unanswered[host] >= MAX_FAILURES\n",
        "            is_silent = self._unanswered[host] >= 100 * MAX_FAILURES\n",
        f"{PROBES} -k three_times",
    ),
    Mutation(
        "fleet: a rejected token is only told of",
        "fleet/pool.py",
        "        elif found.decision.due and not self._dry_run:\n",
        "        elif found.decision.due and self._dry_run:\n",
        f"{PROBES} -k rejects",
    ),
    Mutation(
        "fleet: batches of more than twenty",
        "aws/fleet_store.py",
        "MAX_BATCH = 20\n",
        "MAX_BATCH = 21\n",
        f"{STORE} -k twenty",
    ),
    Mutation(
        "fleet: the tags of --where are not checked again",
        "aws/paced_store.py",
        " and where.items() <= tags.items():\n",
        " and where is not None:\n",
        f"{STORE} -k checks_each_tag",
    ),
    Mutation(
        "fleet: replicas count as bindings of this region",
        "aws/paced_store.py",
        "if tag in tags and not is_replica and",
        "if tag in tags and is_replica is not None and",
        f"{STORE} -k checks_each_tag",
    ),
    Mutation(
        "fleet: whoever may tag a secret holds the alarm",
        "app/aws_lambda/fleet.py",
        "    if not report.is_confirmed:\n",
        "    if report.result is not None:\n",
        f"{LAMBDA} -k hold_the_alarm",
    ),
    Mutation(
        "fleet: a tag on a credentials secret stops those that it serves",
        "fleet/roles.py",
        "        if is_token_secret and _has_no_credentials(credentials_version):\n",
        "        if is_token_secret:\n",
        f"{ROLES} -k no_victim",
    ),
    Mutation(
        "fleet: a token secret of two names is rotated twice",
        "fleet/roles.py",
        "        if first != token_version.secret_id:\n",
        "        if not first:\n",
        f"{ROLES} -k two_ways",
    ),
    Mutation(
        "fleet: a binding that never had a token is not missed",
        "fleet/consent.py",
        "    return has_consent(named, token_version.arn)\n",
        "    return False\n",
        f"{ROLES} -k confirmed_by",
    ),
    Mutation(
        "fleet: nobody looks at the token of a refused binding",
        "fleet/run.py",
        "    to_read = [*selection.bindings, *token_secrets_of(selection.refused)]\n",
        "    to_read = [*selection.bindings, *token_secrets_of(())]\n",
        f"{ROLES} -k life_of_its_token",
    ),
    Mutation(
        "dispatcher: what the response does not mention counts as sent",
        "aws/queue.py",
        "            if str(at) not in taken:\n",
        "            if str(at) in refused:\n",
        f"{QUEUE} -k not_mention",
    ),
    Mutation(
        "dispatcher: a page counts as an acknowledgement",
        "aws/queue.py",
        '    if not _entries(response, "Successful") and not _entries(response, "Failed"):\n',
        '    if not response and not _entries(response, "Failed"):\n',
        f"{QUEUE} -k not_of_sqs",
    ),
    Mutation(
        "dispatcher: a permanent refusal is sent again and again",
        "aws/queue.py",
        "        again = {at: bodies[at] for at, error in failed.items() if error.retryable}\n",
        "        again = {at: bodies[at] for at, error in failed.items() if error}\n",
        f"{QUEUE} -k not_sent_again",
    ),
    Mutation(
        "dispatcher: a message that was not sent is no failure",
        "app/aws_lambda/fleet.py",
        "        reports = [_unsent(each, failed) for each in reports]\n",
        "        reports = [_unsent(each, {}) for each in reports]\n",
        f"{LAMBDA} -k counts_as_a_failed",
    ),
    Mutation(
        "discovery: a page that fails loses the pages before it",
        "fleet/discovery.py",
        "        if not listed:\n            raise\n",
        "        if listed is not None:\n            raise\n",
        f"{STORE} -k pages_before",
    ),
    Mutation(
        "discovery: a list that broke off is not told of",
        "app/aws_lambda/fleet.py",
        "    problem = selection.broken_off\n",
        "    problem = None\n",
        f"{LAMBDA} -k breaks_off",
    ),
    Mutation(
        "fleet: a tag has any value overwritten",
        "rotation/assess.py",
        "    if run.is_tagged and not _resembles_token(token_version, keys):\n",
        "    if run.is_tagged and not token_version:\n",
        f"{ROLES} -k never_was_a_token",
    ),
)
