"""Warm reads, ours and the peers': nanoseconds each, in many short rounds.

Run as a program of its own, it prints JSON: {"floor": [66.1, ...], ...}.
"""

import json
import threading
import time
import timeit
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any

from rotator.reader import TokenReader
from tests.benchmarks.measure import in_turn

ROUNDS = 40
THREAD_ROUNDS = 12
NUMBER = 20_000
SLOW_NUMBER = 500


class Slot:
    """The floor: what no reader that looks at the clock can go below."""

    __slots__ = ("until",)

    def __init__(self, until: float) -> None:
        self.until = until


class WarmSource:
    """A token of a day."""

    has_fresh = False

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> Mapping[str, Any]:
        del secret_id, stage, fresh
        return {"SecretString": token_secret(), "VersionId": "v"}


class WarmClient:
    """Stands for a boto3 client: the peers are to be measured, not the network."""

    def get_secret_value(self, **_: object) -> dict[str, Any]:
        """The same token, with all that botocore gives along with it."""
        return {
            "ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-AbCdEf",
            "Name": "s",
            "VersionId": "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111",
            "SecretString": token_secret(),
            "VersionStages": ["AWSCURRENT"],
            "CreatedDate": datetime.now(UTC),
            "ResponseMetadata": {
                "RequestId": "a1b2c3d4-5678-90ab-cdef-EXAMPLE22222",
                "HTTPStatusCode": 200,
                "HTTPHeaders": {
                    "x-amzn-requestid": "a1b2c3d4-5678-90ab-cdef-EXAMPLE22222",
                    "content-type": "application/x-amz-json-1.1",
                    "content-length": "400",
                    "date": "Tue, 24 Nov 2026 05:00:00 GMT",
                },
                "RetryAttempts": 0,
            },
        }

    def describe_secret(self, **_: object) -> dict[str, Any]:
        return {"VersionIdsToStages": {"a1b2c3d4-5678-90ab-cdef-EXAMPLE11111": ["AWSCURRENT"]}}


def token_secret() -> str:
    fields = {"access_token": "t", "expires_at_epoch": int(time.time()) + 86_400}
    return json.dumps(fields)


def rotator_reader() -> TokenReader:
    reader = TokenReader("s", source=WarmSource())
    reader.token()
    return reader


def powertools() -> Callable[[], object]:
    """What `parameters.get_secret(name, transform="json")` calls, warm."""
    module = import_module("aws_lambda_powertools.utilities.parameters")
    provider = module.SecretsProvider(boto3_client=WarmClient())
    return lambda: provider.get("s", max_age=3600, transform="json")["access_token"]


def powertools_string() -> Callable[[], object]:
    """The same without parsing: the bare string."""
    module = import_module("aws_lambda_powertools.utilities.parameters")
    provider = module.SecretsProvider(boto3_client=WarmClient())
    return lambda: provider.get("s", max_age=3600)


def secretsmanager_caching() -> Callable[[], object]:
    """`SecretCache.get_secret_string`, warm."""
    module = import_module("aws_secretsmanager_caching")
    cache = module.SecretCache(client=WarmClient())
    return lambda: cache.get_secret_string("s")


def google_auth() -> Callable[[], object]:
    """The check before each request, and the token."""
    module = import_module("google.oauth2.credentials")
    expiry = datetime.now() + timedelta(days=30)  # noqa: DTZ005 - it compares naive ones
    credentials = module.Credentials("t", expiry=expiry)
    return lambda: credentials.token if credentials.valid else None


def azure_core() -> Callable[[], object]:
    """The check before each request, and the token."""
    policies = import_module("azure.core.pipeline.policies")
    token = import_module("azure.core.credentials").AccessToken("t", int(time.time()) + 86_400)
    policy = policies.BearerTokenCredentialPolicy(object(), "scope")
    policy._token = token  # noqa: SLF001 - as its request would
    return lambda: None if policy._need_new_token else policy._token.token  # noqa: SLF001


class MsalHttp:
    """The authority, for MSAL: where its token endpoint is, and a token."""

    def get(self, *_: object, **__: object) -> "MsalAnswer":
        base = "https://login.microsoftonline.com/tenant"
        return MsalAnswer(
            {
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "issuer": f"{base}/v2.0",
            }
        )

    def post(self, *_: object, **__: object) -> "MsalAnswer":
        return MsalAnswer({"access_token": "t", "expires_in": 86_400, "token_type": "Bearer"})

    def close(self) -> None:
        """Nothing is open."""


class MsalAnswer:
    """What MSAL wants of an answer."""

    def __init__(self, content: Mapping[str, object]) -> None:
        self.text = json.dumps(content)
        self.status_code = 200
        self.headers: dict[str, str] = {}

    def raise_for_status(self) -> None:
        """It is a success."""


def msal() -> Callable[[], object]:
    """`acquire_token_for_client` with the token in its cache."""
    app = import_module("msal").ConfidentialClientApplication(
        "client",
        client_credential="secret",
        authority="https://login.microsoftonline.com/tenant",
        instance_discovery=False,
        http_client=MsalHttp(),
    )
    return lambda: app.acquire_token_for_client(["scope/.default"])["access_token"]


def cachetools() -> Callable[[], object]:
    """A TTL cache with a lock, as its documentation advises for threads."""
    module = import_module("cachetools")
    cache = module.TTLCache(maxsize=8, ttl=3600)
    return module.cached(cache, lock=threading.Lock())(lambda: "t")  # type: ignore[no-any-return]


def timer(call: str | Callable[[], object], names: dict[str, Any] | None = None) -> timeit.Timer:
    """By the processor's time of this thread: what else the machine does is not in it."""
    return timeit.Timer(call, timer=time.thread_time, globals=names)


def nanoseconds(timer: timeit.Timer, number: int) -> float:
    """Of one call, when it is called so often."""
    return timer.timeit(number) / number * 1e9


def in_threads(reader: TokenReader, count: int, number: int) -> float:
    """Nanoseconds of wall time per read, when so many threads read as often as they can."""
    barrier = threading.Barrier(count + 1)

    def read() -> None:
        token = reader.token
        barrier.wait()
        for _ in range(number):
            token()
        barrier.wait()

    threads = [threading.Thread(target=read) for _ in range(count)]
    for thread in threads:
        thread.start()
    barrier.wait()
    start = time.perf_counter()
    barrier.wait()
    spent = time.perf_counter() - start
    for thread in threads:
        thread.join()
    return spent / (count * number) * 1e9


def main() -> None:
    reader, slot = rotator_reader(), Slot(time.time() + 86_400)
    names = {"now": time.time, "slot": slot, "reader": reader}
    timers = {
        "floor": (timer("now() < slot.until", names), NUMBER),
        "token": (timer("reader.token()", names), NUMBER),
        "headers": (timer("reader.headers()", names), NUMBER),
    }
    for make in (google_auth, azure_core, cachetools, powertools_string, powertools):
        timers[make.__name__] = (timer(make()), NUMBER // 4)
    for make in (msal, secretsmanager_caching):
        timers[make.__name__] = (timer(make()), SLOW_NUMBER)
    found = in_turn(
        {name: partial(nanoseconds, *timer) for name, timer in timers.items()}, rounds=ROUNDS
    )
    found |= in_turn(
        {
            "one_thread": lambda: in_threads(reader, 1, 400_000),
            "eight_threads": lambda: in_threads(reader, 8, 50_000),
        },
        rounds=THREAD_ROUNDS,
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
