"""Breakages of what keeps the sick apart in a fleet: clients, hosts, secrets and calls."""

from tests.evidence.mutation import Mutation

WORK = "tests/unit/fleet/test_work.py"
SICK = "tests/unit/fleet/test_sick_clients.py"
STORE = "tests/unit/aws/test_fleet_store.py"
LIMIT = "tests/unit/aws/test_time_limit.py"

ISOLATION_MUTATIONS = (
    Mutation(
        "fleet: a client that keeps failing is asked for every binding",
        "fleet/breaker.py",
        "        elif self.failures >= MAX_FAILURES:\n",
        "        elif self.failures >= 1000 * MAX_FAILURES:\n",
        f"{WORK} -k client_that_keeps_failing",
    ),
    Mutation(
        "fleet: a host that keeps failing is asked for every client",
        "fleet/breaker.py",
        "        if self.failures >= MAX_FAILURES and self._is_credible(",
        "        if self.failures >= 10**6 and self._is_credible(",
        f"{SICK} -k outage_of_a_host",
    ),
    Mutation(
        "fleet: the failures of one client are those of its host",
        "fleet/breaker.py",
        "        return len(clients) >= enough and (",
        "        return bool(clients) and (",
        f"{WORK} -k not_deferred_with_one_that_failed",
    ),
    Mutation(
        "fleet: clients without a token speak against their host",
        "fleet/breaker.py",
        "(known >= enough or not has_untried())\n",
        "(known >= enough or has_untried is not None)\n",
        f"{WORK} -k has_one_and_was_not_tried",
    ),
    Mutation(
        "fleet: one client that has to wait stops its host",
        "fleet/breaker.py",
        "MIN_WAITING = 2\n",
        "MIN_WAITING = 1\n",
        f"{WORK} -k client_that_is_asked_to_wait",
    ),
    Mutation(
        "fleet: a host in doubt is not tried with a client that has worked",
        "fleet/work.py",
        '        is_doubtful = lane.kind == "recover" and ',
        '        is_doubtful = lane.kind == "probe" and ',
        f"{WORK} -k client_that_has_worked",
    ),
    Mutation(
        "fleet: a client that failed stays first",
        "fleet/lanes.py",
        "            elif client.failures and not is_last:\n",
        "            elif client.failures > 1000 and not is_last:\n",
        f"{WORK} -k client_that_failed_goes_behind",
    ),
    Mutation(
        "fleet: bindings without a token hold every worker",
        "fleet/work.py",
        " < self.limit // 2\n",
        " < self.limit\n",
        f"{WORK} -k without_a_token_hold_half",
    ),
    Mutation(
        "fleet: one worker serves bindings without a token first",
        "fleet/work.py",
        "            return not self.was_recovery  # half of the turns\n",
        "            return True\n",
        f"{WORK} -k one_worker",
    ),
    Mutation(
        "fleet: workers wait for what was given up",
        "fleet/work.py",
        "                    self._changed.notify_all()  # what the others wait for was deferred\n",
        "",
        f"{WORK} -k go_home",
    ),
    Mutation(
        "fleet: what never works goes first in each run",
        "fleet/pool.py",
        "        return self.run.clock.uniform(0, 1)\n",
        "        return 0.0\n",
        f"{SICK} -k by_chance",
    ),
    Mutation(
        "fleet: two ports are one host",
        "model/urls.py",
        '    return f"[{host}]:{parts.port}" if ":" in host else f"{host}:{parts.port}"\n',
        "    return host\n",
        f"{SICK} -k ports",
    ),
    Mutation(
        "fleet: nothing is rotated before everything is read",
        "fleet/run.py",
        "            pool.add(assessed)\n            assessed = []\n",
        "",
        f"{SICK} -k read_late",
    ),
    Mutation(
        "fleet: secrets that hang hold every reader",
        "aws/batch_reads.py",
        "(self.hung if each.is_last else self.waiting).append(each)",
        "self.waiting.append(each)",
        f"{STORE} -k secrets_that_hang",
    ),
    Mutation(
        "fleet: neighbours that hang are taken for the whole service",
        "aws/batch_reads.py",
        "self.waiting.pop() if from_end else self.waiting.popleft()",
        "self.waiting.popleft()",
        f"{STORE} -k secrets_that_hang",
    ),
    Mutation(
        "fleet: a secret that hangs costs its batch",
        "aws/fleet_store.py",
        "        if not error.is_answered:\n            return {}\n",
        "        if not error.is_answered:\n            return dict.fromkeys(batch, error)\n",
        f"{STORE} -k hangs_in_a_batch",
    ),
    Mutation(
        "fleet: a service that is down is asked for every secret",
        "aws/fleet_store.py",
        "        return self.last if self.failures >= MAX_FAILURES * readers else None\n",
        "        return self.last if self.failures >= 10**6 * readers else None\n",
        f"{STORE} -k service_that_is_down",
    ),
    Mutation(
        "a call of AWS takes as long as it likes",
        "aws/time_limit.py",
        "ended.get(timeout=limit_s)",
        "ended.get()",
        f"{LIMIT} -k with_the_time",
    ),
    Mutation(
        "a single run's calls of AWS outlast the function",
        "app/__init__.py",
        "            store=self._store.within(lambda: left_s() + PUBLISH_S),\n",
        "            store=self._store,\n",
        f"{LIMIT} -k single_run",
    ),
)
