"""Three days at the default tick, in minutes: each run is a process with a clock of its own."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.local.binding import LocalBinding
from rotator.local.environment import isolated_environment, secrets_manager_client
from rotator.local.ims_control import RemoteIms
from rotator.local.server_process import ServerProcess
from rotator.model.access_token import AccessToken
from rotator.model.policy import DEFAULT_CADENCE, DEFAULT_INTERVAL

COMMAND = Path(sys.executable).with_name("rotator")
START = datetime(2027, 3, 1, 6, 0, tzinfo=UTC)
DAYS = 3
LATE_S = 59  # EventBridge Scheduler User Guide, "Schedule types": 60 second precision


def test_token_never_expires_and_is_replaced_every_23_hours(ims: RemoteIms) -> None:
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("no faketime on this machine")
    ims.reset()
    binding = LocalBinding.register(ims, prefix="cadence")
    tick_count = int(timedelta(days=DAYS) / DEFAULT_INTERVAL)
    minted: dict[str, AccessToken] = {}
    with ServerProcess(
        "rotator.local.secrets_manager", environment=isolated_environment(os.environ)
    ) as server:
        endpoint_url = server.announcement["endpoint_url"]
        client = secrets_manager_client(endpoint_url)
        client.create_secret(Name=binding.credentials_secret, SecretString=binding.init_input())
        client.create_secret(Name=binding.token_secret)
        environment = isolated_environment({}, endpoint_url=endpoint_url) | {
            "PATH": os.environ["PATH"],
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        for number in range(tick_count):
            now = START + number * DEFAULT_INTERVAL + timedelta(seconds=number * 37 % (LATE_S + 1))
            if minted:
                current = list(minted.values())[-1]
                assert current.expires_at > now, f"expired before tick {number}"
            ims.configure(clock_offset_s=int(now.timestamp() - time.time()))
            done = subprocess.run(
                [faketime, "-f", f"@{now:%Y-%m-%d %H:%M:%S}", COMMAND, "run", *binding.selectors],
                env=environment | {"TZ": "UTC"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            stored = client.get_secret_value(SecretId=binding.token_secret)
            token = AccessToken.from_fields(json.loads(stored["SecretString"]))
            minted.setdefault(stored["VersionId"], token)
        client.close()
    issued = [token.issued_at for token in minted.values()]
    gaps = [later - earlier for earlier, later in itertools.pairwise(issued)]

    assert len(gaps) == 3
    assert all(abs(gap - DEFAULT_CADENCE) <= DEFAULT_INTERVAL for gap in gaps), gaps
    assert ims.observed()["tokens_minted"] == len(issued)
