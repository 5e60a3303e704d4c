"""Breakages of what keeps the sick apart in a fleet: clients, hosts, secrets and calls."""

from tests.evidence.mutation import Mutation

WORK = "tests/unit/fleet/test_work.py"
SAMPLING = "tests/unit/fleet/test_sampling.py"
SICK = "tests/unit/fleet/test_sick_clients.py"
REFUSED = "tests/unit/fleet/test_refused_clients.py"
KINDS = "tests/unit/fleet/test_requests_of_one_client.py"
HANGING = "tests/unit/fleet/test_hanging_hosts.py"
STORE = "tests/unit/aws/test_fleet_store.py"
LIMIT = "tests/unit/aws/test_time_limit.py"
KEYS = "tests/unit/model/test_key_limits.py"
AUTH = "tests/unit/oauth/test_client_auth.py"

ISOLATION_MUTATIONS = {
    "fleet: an odd entry of a batch ends the run": Mutation(
        "aws/responses.py",
        "    return [each for each in found if isinstance(each, dict)]\n",
        "    return found\n",
        "tests/unit/aws/test_malformed_responses.py -k batch",
    ),
    "fleet: a key of any length stops every thread": Mutation(
        "model/key_limits.py", "MAX_RSA_BITS = 4096\n", "MAX_RSA_BITS = 65536\n", f"{KEYS} -k limit"
    ),
    "fleet: a PEM of any length stops every thread": Mutation(
        "model/key_limits.py",
        "MAX_PEM_CHARACTERS = 4500\n",
        "MAX_PEM_CHARACTERS = 65536\n",
        f"{KEYS} -k too_long",
    ),
    "fleet: a long prime in a short PEM stops every thread": Mutation(
        "oauth/private_key.py",
        "        if parts[name].bit_length() > bits:\n",
        "        if parts[name].bit_length() > 10 * bits:\n",
        f"{AUTH} -k prime",
    ),
    "fleet: a client that keeps failing is asked for every binding": Mutation(
        "fleet/breaker.py",
        "        elif self.failures >= MAX_FAILURES:\n",
        "        elif self.failures >= 1000 * MAX_FAILURES:\n",
        f"{WORK} -k client_that_keeps_failing",
    ),
    "fleet: a host that keeps failing is asked for every client": Mutation(
        "fleet/breaker.py",
        "        return self.problem if len(self.failed) >= enough else None\n",
        "        return self.problem if len(self.failed) >= 100 * enough else None\n",
        f"{SAMPLING} -k asks_all_to_wait",
    ),
    "fleet: what a client that failed before meets counts against its host": Mutation(
        "fleet/lanes.py",
        "        if client.failures == 1:\n",
        "        if client.failures:\n",
        f"{SAMPLING} -k failed_before",
    ),
    "fleet: a host is given up when it is in doubt": Mutation(
        "fleet/breaker.py", "SAMPLE = 10\n", "SAMPLE = DOUBT\n", f"{SAMPLING} -k soonest_expiry"
    ),
    "fleet: a host of which ten clients failed is given up": Mutation(
        "fleet/breaker.py",
        "min(SAMPLE, every) if self.asks_to_wait else every",
        "min(SAMPLE, every)",
        f"{SAMPLING} -k sixty_sick",
    ),
    "fleet: a host that is down gets requests as fast as it fails": Mutation(
        "fleet/breaker.py",
        "SINGLE_PACE_S = 1.0\n",
        "SINGLE_PACE_S = 0.0\n",
        f"{SAMPLING} -k attempt_after_the_other",
    ),
    "fleet: two clients can close their host": Mutation(
        "fleet/breaker.py",
        "        every = max(DOUBT, len(self.clients))\n",
        "        every = len(self.clients)\n",
        f"{SAMPLING} -k few_clients",
    ),
    "fleet: an answer says nothing for its host": Mutation(
        "fleet/breaker.py",
        "        self.failed.clear()\n        self.pauses = 0\n",
        "        self.pauses = 0\n",
        f"{SAMPLING} -k many_sick",
    ),
    "fleet: a host in doubt is asked for the most urgent client": Mutation(
        "fleet/order.py",
        "        if self._lanes.hosts[lane.host].is_in_doubt:\n",
        "        if self._lanes.hosts[lane.host].pauses > 10:\n",
        f"{SAMPLING} -k many_sick",
    ),
    "fleet: any response ends the doubt about a host": Mutation(
        "fleet/breaker.py",
        "self.is_in_doubt = self.is_in_doubt and self.ahead_s > 0",
        "self.is_in_doubt = False",
        f"{SAMPLING} -k whole_run",
    ),
    "fleet: the sample is the same in each run": Mutation(
        "fleet/draws.py",
        "    drawn = min(int(clock.uniform(0, len(firsts))), len(firsts) - 1)\n",
        "    drawn = 0\n",
        f"{SAMPLING} -k another_one",
    ),
    "fleet: a client is drawn for each of its bindings": Mutation(
        "fleet/draws.py",
        "            if is_eligible(work) and (key not in firsts or priority < firsts[key][0]):\n"
        "                firsts[key] = (priority, work, lane)\n",
        "            if is_eligible(work):\n"
        "                firsts[priority] = (priority, work, lane)\n",
        f"{SAMPLING} -k many_bindings",
    ),
    "fleet: a host that asks for a pause is given up": Mutation(
        "fleet/breaker.py",
        "        elif until_s > now_s and self.skip_reason and",
        "        elif until_s < now_s and self.skip_reason and",
        f"{SAMPLING} -k after_the_pause",
    ),
    "fleet: a host that asks for pauses is asked all the time": Mutation(
        "fleet/breaker.py", "MAX_PAUSES = 3\n", "MAX_PAUSES = 1000\n", f"{SAMPLING} -k few_times"
    ),
    "fleet: the client that waits longest decides for its host": Mutation(
        "fleet/breaker.py",
        "sorted(self.failed.values())[count // 2]",
        "max(self.failed.values())",
        f"{SAMPLING} -k need_not_wait",
    ),
    "fleet: nobody waits for an answer that opens a host again": Mutation(
        "fleet/work.py",
        "        is_skipped = any(host.skip_reason is not None for host in running)\n",
        "        is_skipped = any(host.skip_reason == '' for host in running)\n",
        f"{WORK} -k that_may_open",
    ),
    "fleet: a host in doubt is sampled without those that have a token": Mutation(
        "fleet/shares.py",
        "                by_turns=self._hosts[name].is_in_doubt,\n",
        "                by_turns=False,\n",
        f"{SAMPLING} -k fast_failures",
    ),
    "fleet: hosts that hang are served before those that were not tried": Mutation(
        "fleet/order.py",
        "        return priority.is_probe, pending, used_steps, priority\n",
        "        return priority.is_probe, 0, used_steps, priority\n",
        f"{WORK} -k may_hang",
    ),
    "fleet: a host that responds slowly takes the time of the others": Mutation(
        "fleet/order.py",
        "        used_steps = self._shares.used_steps(lane, self._clock.monotonic())\n",
        "        used_steps = 0\n",
        "tests/unit/fleet/test_slow_hosts.py -k had_less",
    ),
    "fleet: the order of expiry ends with the first responses": Mutation(
        "fleet/shares.py",
        "STEP_S = 10.0\n",
        "STEP_S = 0.1\n",
        "tests/unit/fleet/test_slow_hosts.py -k order_of_expiry",
    ),
    "fleet: a slow API takes the time of its token endpoint's other bindings": Mutation(
        "fleet/shares.py",
        "int((self._used_s[lane.hosts] + running_s)",
        "int((sum(t for of, t in self._used_s.items() if lane.host in of) + running_s)",
        "tests/unit/fleet/test_slow_hosts.py -k slow_api",
    ),
    "fleet: a host in doubt comes after all others": Mutation(
        "fleet/order.py",
        "pending = 0 if host.is_responsive else len(self._shares.list_running(lane.host))\n",
        "pending = 0 if host.is_responsive else 10**6\n",
        f"{SAMPLING} -k while_other_hosts",
    ),
    "fleet: a client that failed stays first": Mutation(
        "fleet/lanes.py",
        "            elif failed > priority.failed:\n",
        "            elif failed > 1000:\n",
        f"{WORK} -k client_that_failed_goes_behind",
    ),
    "fleet: bindings without a token hold every worker": Mutation(
        "fleet/shares.py",
        "return len(self.minor) < self.limit // 2 and",
        "return len(self.minor) < self.limit and",
        f"{WORK} -k without_a_token_hold_half",
    ),
    "fleet: one worker serves bindings without a token first": Mutation(
        "fleet/shares.py",
        "            return not self.was_minor and self.ahead_s <= 0\n",
        "            return True\n",
        f"{WORK} -k one_worker_takes",
    ),
    "fleet: bindings without a token hang most of the time": Mutation(
        "fleet/shares.py",
        " and self.ahead_s <= 0\n",
        "\n",
        f"{WORK} -k half_of_its_time",
    ),
    "fleet: bindings without a token take a host in doubt one by one": Mutation(
        "fleet/shares.py",
        "return len(self.minor) < self.limit // 2 and",
        "return (by_turns or len(self.minor) < self.limit // 2) and",
        "tests/unit/fleet/test_hanging_hosts.py -k leave_half_of_it",
    ),
    "fleet: a refusal is told to clients that authenticate in another way": Mutation(
        "fleet/token_requests.py",
        "                provider.auth_method,\n",
        "                credentials.auth_method,\n",
        "tests/unit/fleet/test_refused_clients.py -k in_the_same_way",
    ),
    "fleet: a refusal shows one binding's token to the others": Mutation(
        "fleet/observed.py",
        "                redact_error(noted, self._stored)\n",
        "                pass\n",
        "tests/unit/fleet/test_refused_clients.py -k shows_it_to_no_other",
    ),
    "fleet: workers wait for what was given up": Mutation(
        "fleet/work.py",
        "                    self._changed.notify_all()  # the others wait for nothing either\n",
        "",
        f"{WORK} -k go_home",
    ),
    "fleet: what never works goes first in each run": Mutation(
        "fleet/pool.py",
        "        return self.run.clock.uniform(0, 1)\n",
        "        return 0.0\n",
        f"{SICK} -k by_chance",
    ),
    "fleet: two ports are one host": Mutation(
        "model/urls.py",
        '    return f"[{host}]:{parts.port}" if ":" in host else f"{host}:{parts.port}"\n',
        "    return host\n",
        f"{SICK} -k ports",
    ),
    "fleet: nothing is rotated before everything is read": Mutation(
        "fleet/run.py",
        "            pool.add(assessed)\n            assessed = []\n",
        "",
        f"{SICK} -k read_late",
    ),
    "fleet: secrets that hang hold every reader": Mutation(
        "aws/batch_reads.py",
        "(self.retries if each.is_retry else self.waiting).append(each)",
        "self.waiting.append(each)",
        f"{STORE} -k secrets_that_hang",
    ),
    "fleet: metadata that hang keep every binding waiting": Mutation(
        "fleet/read.py",
        "        if self._descriptions is None:\n            return self._store.describe",
        "        if self._descriptions is not secret_id:\n            return self._store.describe",
        "tests/unit/fleet/test_descriptions.py -k come_late",
    ),
    "fleet: metadata that hang are waited for by the other reads": Mutation(
        "aws/fleet_store.py",
        "        store = self if task.is_retry else self._first_attempt()\n",
        "        store = self if task.is_retry or task.describes else self._first_attempt()\n",
        f"{STORE} -k metadata_that_hangs",
    ),
    "fleet: hosts that hang take every worker": Mutation(
        "fleet/shares.py",
        "        return self._by_response.has_room(is_minor=True, is_other_waiting=True) and ",
        "        return share.limit > 0 or ",
        f"{HANGING} -k half_of",
    ),
    "fleet: hosts that hang are all tried before the others": Mutation(
        "fleet/order.py",
        "        if self._by_urgency:\n",
        "        if lane in ready:\n",
        f"{HANGING} -k waits_for_none",
    ),
    "fleet: hosts that hang for bindings without a token keep new hosts waiting": Mutation(
        "fleet/shares.py",
        "        if not is_minor and len(share.running) - len(share.minor) < share.limit // 2:\n",
        "        if not is_minor and len(share.running) < share.limit // 2:\n",
        f"{HANGING} -k first_request",
    ),
    "fleet: a request that fails defers all of its client": Mutation(
        "fleet/lanes.py",
        "        return [request, self.clients[work.client]] if request.failures else [request]\n",
        "        return [request, self.clients[work.client]]\n",
        f"{KINDS} -k defers_no_other",
    ),
    "fleet: a throttled client gets three attempts of each kind of request": Mutation(
        "fleet/lanes.py",
        "        return [request, self.clients[work.client]] if request.failures else [request]\n",
        "        return [request]\n",
        f"{KINDS} -k one_attempt",
    ),
    "fleet: a refused client is asked for each of its bindings": Mutation(
        "fleet/token_requests.py",
        "        if len(of_client) >= MAX_REFUSED and",
        "        if len(of_client) >= 1000 * MAX_REFUSED and",
        f"{REFUSED} -k three_different_requests",
    ),
    "fleet: one refused request costs the client's others their tokens": Mutation(
        "fleet/token_requests.py",
        "MAX_REFUSED = 3\n",
        "MAX_REFUSED = 1\n",
        f"{REFUSED} -k one_wrong_request",
    ),
    "fleet: a client is refused though one of its requests was granted": Mutation(
        "fleet/token_requests.py",
        " and request.identity not in self._granted:\n",
        ":\n",
        f"{REFUSED} -k was_granted",
    ),
    "fleet: the same wrong requests of a client are tried first in every run": Mutation(
        "fleet/draws.py",
        "        return not is_first and len(self._requests[request.identity]) > 1\n",
        "        return False\n",
        f"{REFUSED} -k soonest_expiry",
    ),
    "fleet: a refused scope or audience refuses the client": Mutation(
        "model/providers.py",
        '    return code == "invalid_client" or (is_unauthorized',
        "    return refuses_client(status, code) or (is_unauthorized",
        f"{REFUSED} -k equal_requests",
    ),
    "fleet: neighbours that hang are taken for the whole service": Mutation(
        "aws/batch_reads.py",
        "self.waiting.pop() if from_end else self.waiting.popleft()",
        "self.waiting.popleft()",
        f"{STORE} -k secrets_that_hang",
    ),
    "fleet: a secret that hangs costs its batch": Mutation(
        "aws/fleet_store.py",
        "        if not error.is_answered:\n            return {}\n",
        "        if not error.is_answered:\n            return dict.fromkeys(batch, error)\n",
        f"{STORE} -k hangs_in_a_batch",
    ),
    "fleet: a service that is down is asked for every secret": Mutation(
        "aws/fleet_store.py",
        "        return self.last if self.failures >= MAX_FAILURES * readers else None\n",
        "        return self.last if self.failures >= 10**6 * readers else None\n",
        f"{STORE} -k service_that_is_down",
    ),
    "a call of AWS takes as long as it likes": Mutation(
        "aws/time_limit.py",
        "ended.get(timeout=limit_s)",
        "ended.get()",
        f"{LIMIT} -k with_the_time",
    ),
    "a single run's calls of AWS outlast the function": Mutation(
        "app/__init__.py",
        "            store=self._store.limit_time(lambda: left_s() + PUBLISH_S),\n",
        "            store=self._store,\n",
        f"{LIMIT} -k single_run",
    ),
}
