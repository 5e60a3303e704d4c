"""The other schedulers, really run where this machine can: Debian's cron, systemd's own checks."""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rotator.local.binding import LocalBinding
from rotator.local.environment import secrets_manager_client
from tests.deployed.watch import wait_for
from tests.support.processes import run_to_end

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "infra" / "systemd"
COMMAND = Path(sys.executable).with_name("rotator")
EXPOSURE_LIMIT = 2.0
TICK_S = 60
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1

IN_A_NAMESPACE = """
set -eu
mount --make-rprivate /
mount --bind {folder}/cron.d /etc/cron.d
mount --bind {folder}/crontab /etc/crontab
mount -t tmpfs none /var/spool/cron
mount -t tmpfs none /run
mkdir /var/spool/cron/crontabs
exec cron -f
"""


def stored(endpoint_url: str, binding: LocalBinding) -> dict[str, Any] | None:
    client = secrets_manager_client(endpoint_url)
    try:
        text = client.get_secret_value(SecretId=binding.token_secret)["SecretString"]
    except client.exceptions.ResourceNotFoundException:
        return None
    finally:
        client.close()
    fields: dict[str, Any] = json.loads(text)
    return fields


def needs(command: str) -> str:
    found = shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"no {command} on this machine")
    return found


def test_debian_cron_runs_our_line_and_the_token_is_there(
    tmp_path: Path, endpoint_url: str, binding: LocalBinding, variables: dict[str, str]
) -> None:
    needs("cron")
    unshare = needs("unshare")
    if os.geteuid() != 0:
        pytest.skip("cron needs root")
    line = (ROOT / "infra" / "cron" / "rotator").read_text("utf-8")
    line = line.replace("*/15 * * * * rotator ", "* * * * * root ")
    for name, value in {**variables, "PATH": f"{COMMAND.parent}:/usr/bin:/bin"}.items():
        line = re.sub(rf"^{name}=.*\n", "", line, flags=re.MULTILINE)
        line = line.replace("SHELL=", f"{name}={value}\nSHELL=")
    folder = tmp_path / "cron.d"
    folder.mkdir()
    (folder / "rotator").write_text(line, "utf-8")
    (tmp_path / "crontab").write_text("")
    # In a mount namespace of its own, so that it sees our line and nothing of this machine's.
    cron = subprocess.Popen(
        [unshare, "--mount", "sh", "-c", IN_A_NAMESPACE.format(folder=tmp_path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        token = wait_for(lambda: stored(endpoint_url, binding), timeout_s=2 * TICK_S + 10)
    finally:
        cron.kill()
        output, _ = cron.communicate()

    assert token["client_id"] == binding.client_id, output


def with_our_command(folder: Path) -> tuple[Path, Path]:
    """Both units, with the command where it is installed here."""
    for name in ("rotator.service", "rotator.timer"):
        text = (UNITS / name).read_text("utf-8")
        (folder / name).write_text(text.replace("/usr/local/bin/rotator", str(COMMAND)), "utf-8")
    return folder / "rotator.service", folder / "rotator.timer"


def test_systemd_has_nothing_to_say_about_the_units(tmp_path: Path) -> None:
    analyze = needs("systemd-analyze")
    service, timer = with_our_command(tmp_path)
    command = (analyze, "verify", "--recursive-errors=yes")
    done = run_to_end(*command, service, timer)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_rates_the_service_as_little_exposed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    analyze = needs("systemd-analyze")
    service, _ = with_our_command(tmp_path)
    command = (analyze, "security", "--offline=true", "--no-pager")
    rated = run_to_end(*command, service).stdout
    exposure = re.search(r"Overall exposure level for rotator\.service: ([\d.]+)", rated)

    assert exposure
    with capsys.disabled():
        sys.stdout.write(f"\n  systemd-analyze security: exposure {exposure[1]} of 10\n")
    assert float(exposure[1]) <= EXPOSURE_LIMIT


def test_job_needs_no_memory_that_is_writable_and_executable(
    endpoint_url: str, binding: LocalBinding, variables: dict[str, str]
) -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def refuse() -> None:
        libc.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)

    probe = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)"
    kept = subprocess.run(
        [sys.executable, "-c", probe], preexec_fn=refuse, capture_output=True, check=False
    )
    if kept.returncode == 0:
        pytest.skip("this kernel has no PR_SET_MDWE")
    # What MemoryDenyWriteExecute= of the service does.
    done = subprocess.run(
        [str(COMMAND), "run"],
        env=variables,
        preexec_fn=refuse,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert stored(endpoint_url, binding)
