"""Eight threads read every millisecond while a slow service (50 ms) is asked for new values.

Run as a program of its own with ours, powertools or caching, it prints JSON: the slowest read,
the reads that took over 10 ms, the calls upstream, the values that were replaced.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from itertools import count
from typing import Any

from rotator.reader import TokenReader

THREADS = 8
LASTS_S = 6.0
UPSTREAM_S = 0.05
CACHED_S = 0.5
SLOW_S = 0.01


class SlowService:
    """Both a source of ours and a client of boto3's kind: each answer takes 50 ms."""

    has_fresh = False

    def __init__(self) -> None:
        self._calls = count(1)
        self.calls = 0

    def answer(self) -> dict[str, Any]:
        """A token that is to be replaced after half a second, and lives for two more."""
        self.calls = next(self._calls)
        time.sleep(UPSTREAM_S)
        now = time.time()
        fields = {
            "access_token": f"t{self.calls}",
            "issued_at": text(now),
            "next_rotation_at": text(now + CACHED_S),
            "expires_at": text(now + CACHED_S + 2),
        }
        version = f"{self.calls:032}"
        return {
            "SecretString": json.dumps(fields),
            "VersionId": version,
            "VersionStages": ["AWSCURRENT"],
        }

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        del secret_id, stage, fresh
        return self.answer()

    def get_secret_value(self, **_: object) -> dict[str, Any]:
        return self.answer()

    def describe_secret(self, **_: object) -> dict[str, Any]:
        """There is always a newer version."""
        time.sleep(UPSTREAM_S)
        return {"VersionIdsToStages": {f"{self.calls + 1:032}": ["AWSCURRENT"]}}


def text(at: float) -> str:
    """RFC 3339 with fractions."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def ours(service: SlowService) -> Callable[[], object]:
    return TokenReader("s", source=service).token


def powertools(service: SlowService) -> Callable[[], object]:
    """A read of Powertools with the same time to live."""
    module = import_module("aws_lambda_powertools.utilities.parameters")
    provider = module.SecretsProvider(boto3_client=service)
    return lambda: provider.get("s", max_age=CACHED_S)


def caching(service: SlowService) -> Callable[[], object]:
    """A read of aws-secretsmanager-caching that lives for up to 1 s (it takes whole ones)."""
    module = import_module("aws_secretsmanager_caching")
    config = module.SecretCacheConfig(secret_refresh_interval=1)
    cache = module.SecretCache(config=config, client=service)
    return lambda: cache.get_secret_string("s")


def measure(make: Callable[[SlowService], Callable[[], object]]) -> dict[str, float]:
    """Read in all threads for some seconds."""
    service = SlowService()
    read = make(service)
    read()
    durations: list[float] = []
    values: set[object] = set()
    end = time.perf_counter() + LASTS_S

    def read_often() -> None:
        mine: list[float] = []
        while (start := time.perf_counter()) < end:
            values.add(read())
            mine.append(time.perf_counter() - start)
            time.sleep(0.001)
        durations.extend(mine)

    threads = [threading.Thread(target=read_often) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "reads": len(durations),
        "slowest_ms": max(durations) * 1e3,
        "slow_reads": sum(each > SLOW_S for each in durations),
        "calls": service.calls,
        "refreshes": len(values) - 1,
        "expected_refreshes": LASTS_S / (CACHED_S + UPSTREAM_S),
    }


if __name__ == "__main__":
    peers = {"ours": ours, "powertools": powertools, "caching": caching}
    print(json.dumps(measure(peers[sys.argv[1]])))
