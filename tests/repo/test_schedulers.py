"""Every other scheduler calls the same command, at a tick, and leaves the rest to the policy."""

import re
import shlex
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

import rotator
from rotator.cli.parser import parse
from rotator.config import load_log_settings, load_settings
from rotator.model.policy import DEFAULT_INTERVAL

INFRA = Path(__file__).parents[2] / "infra"
CRON = (INFRA / "cron" / "rotator").read_text("utf-8")
SERVICE = (INFRA / "systemd" / "rotator.service").read_text("utf-8")
TIMER = (INFRA / "systemd" / "rotator.timer").read_text("utf-8")
MANIFESTS: list[dict[str, Any]] = list(
    yaml.safe_load_all((INFRA / "kubernetes" / "rotator.yaml").read_text("utf-8"))
)
EVERY_15_MINUTES = "*/15 * * * *"
SECRETS = {
    "ROTATOR_CREDENTIALS_SECRET": "rotator/credentials",
    "ROTATOR_TOKEN_SECRET": "rotator/token",
}


def cron_job() -> dict[str, Any]:
    [job] = [manifest for manifest in MANIFESTS if manifest["kind"] == "CronJob"]
    return job


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = cron_job()["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def commands() -> dict[str, list[str]]:
    """What each of them starts, without the program's name."""
    cron_line = CRON.splitlines()[-1].removeprefix(EVERY_15_MINUTES)
    exec_start = re.search(r"^ExecStart=\S+/rotator (.*)$", SERVICE, re.MULTILINE)
    assert exec_start
    return {
        "cron": shlex.split(cron_line.split("2>")[0])[2:],
        "systemd": shlex.split(exec_start[1]),
        "kubernetes": pod()["containers"][0]["args"],
    }


def environments() -> dict[str, dict[str, str]]:
    cron = dict(re.findall(r"^(\w+)=(.*)$", CRON, re.MULTILINE))
    [line] = re.findall(r"^Environment=(.*)$", SERVICE, re.MULTILINE)
    container = {v["name"]: v["value"] for v in pod()["containers"][0]["env"]}
    systemd = SECRETS | dict(pair.split("=") for pair in line.split())
    return {"cron": cron, "systemd": systemd, "kubernetes": container}


@pytest.mark.parametrize("scheduler", ["cron", "systemd", "kubernetes"])
def test_scheduler_calls_the_job_and_nothing_else(scheduler: str) -> None:
    command = commands()[scheduler]

    assert command == ["run"]
    assert parse(command).command == "run"


@pytest.mark.parametrize("scheduler", ["cron", "systemd", "kubernetes"])
def test_scheduler_sets_what_the_job_understands(scheduler: str) -> None:
    environ = environments()[scheduler]
    settings = load_settings({}, environ=environ)

    assert settings.needed_credentials_secret() == SECRETS["ROTATOR_CREDENTIALS_SECRET"]
    assert settings.job.interval == DEFAULT_INTERVAL
    assert load_log_settings(environ).level == "info"


def test_all_tick_as_often_as_the_policy_expects() -> None:
    assert timedelta(minutes=15) == DEFAULT_INTERVAL
    assert CRON.splitlines()[-1].startswith(f"{EVERY_15_MINUTES} ")
    assert "OnCalendar=*:0/15\n" in TIMER
    assert cron_job()["spec"]["schedule"] == EVERY_15_MINUTES


def test_file_for_cron_is_one_that_cron_takes() -> None:
    # Debian's cron(8): names in /etc/cron.d are letters, digits, underscores and hyphens, and a
    # last line without a newline is ignored.
    assert re.fullmatch(r"[A-Za-z0-9_-]+", (INFRA / "cron" / "rotator").name)
    assert CRON.endswith("\n")
    # "%" stands for a newline in a command of crontab(5).
    assert "%" not in CRON.splitlines()[-1]


def test_pod_has_a_role_and_no_other_right() -> None:
    [account] = [manifest for manifest in MANIFESTS if manifest["kind"] == "ServiceAccount"]
    container = pod()["containers"][0]

    assert "eks.amazonaws.com/role-arn" in account["metadata"]["annotations"]
    assert pod()["serviceAccountName"] == account["metadata"]["name"]
    assert pod()["automountServiceAccountToken"] is False
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not any(v["name"].startswith("AWS_ACCESS") for v in container["env"])


def test_pods_never_pile_up() -> None:
    job = cron_job()["spec"]
    deadline_s = job["jobTemplate"]["spec"]["activeDeadlineSeconds"]

    assert job["concurrencyPolicy"] == "Forbid"
    assert job["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert pod()["restartPolicy"] == "Never"
    # It counts from the job's start, so waiting for a node and for the image is in it.
    assert 300 <= deadline_s < DEFAULT_INTERVAL.total_seconds()


def test_no_tick_of_the_cluster_is_lost() -> None:
    # kubernetes.io, CronJob: with a deadline of less than 10 s it may never be scheduled; a run
    # later than the deadline is skipped; no more than 100 missed ones within it are allowed.
    deadline_s = cron_job()["spec"]["startingDeadlineSeconds"]
    tick_s = DEFAULT_INTERVAL.total_seconds()

    assert max(10, tick_s) <= deadline_s < 100 * tick_s


def test_pod_writes_to_memory_and_to_nothing_else() -> None:
    [volume] = pod()["volumes"]
    [mount] = pod()["containers"][0]["volumeMounts"]
    limit_mib = int(pod()["containers"][0]["resources"]["limits"]["memory"].removesuffix("Mi"))
    size_mib = int(volume["emptyDir"]["sizeLimit"].removesuffix("Mi"))

    # kubernetes.io, Volumes: "Memory" is a tmpfs, whose content counts as the container's memory.
    assert volume["name"] == mount["name"]
    assert volume["emptyDir"]["medium"] == "Memory"
    assert 0 < size_mib < limit_mib / 10
    # Python's tempfile looks in TMPDIR, TEMP and TMP before /tmp.
    assert mount == {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 - the pod's
    assert not {"TMPDIR", "TEMP", "TMP"} & environments()["kubernetes"].keys()


def test_services_of_the_namespace_are_no_settings() -> None:
    # kubernetes.io, Accessing the Service: ROTATOR_LOG_PORT is what a service rotator-log leaves in
    # the environment of every pod that does not refuse it; the default is true.
    assert pod()["enableServiceLinks"] is False


def test_services_events_reach_the_journal() -> None:
    # systemd.exec(5): StandardError= is inherited from StandardOutput= unless it is set.
    [standard_error] = re.findall(r"^StandardError=(\S+)$", SERVICE, re.MULTILINE)

    assert standard_error == "journal"


def test_service_gives_up_before_the_next_tick() -> None:
    timeout = re.search(r"^TimeoutStartSec=(\d+)$", SERVICE, re.MULTILINE)

    assert timeout
    assert int(timeout[1]) < DEFAULT_INTERVAL.total_seconds()


def test_overlays_get_every_manifest_and_the_image_of_this_version() -> None:
    folder = INFRA / "kubernetes"
    base = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    [image] = base["images"]

    kind = (base["apiVersion"], base["kind"])
    assert kind == ("kustomize.config.k8s.io/v1beta1", "Kustomization")
    assert {*base["resources"], "kustomization.yaml"} == {path.name for path in folder.iterdir()}
    assert pod()["containers"][0]["image"] == f"{image['name']}:{image['newTag']}"
    assert image["newTag"] == rotator.__version__


@pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="*** NOT BUILT by kubectl kustomize ***"
)
def test_overlay_changes_image_namespace_and_variables(tmp_path: Path) -> None:
    shutil.copytree(INFRA / "kubernetes", tmp_path / "base")
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay" / "kustomization.yaml").write_text("""\
resources: [../base]
namespace: tokens
images: [{ name: registry.example.com/rotator, newName: 1.dkr.ecr/rotator, newTag: mine }]
patches:
  - target: { kind: CronJob }
    patch: |
      - op: replace
        path: /spec/jobTemplate/spec/template/spec/containers/0/env/0/value
        value: a
""")

    built = subprocess.run(
        ["kubectl", "kustomize", str(tmp_path / "overlay")],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )

    assert built.returncode == 0, built.stderr
    account, job = yaml.safe_load_all(built.stdout)
    [container] = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert (account["kind"], account["metadata"]["namespace"]) == ("ServiceAccount", "tokens")
    assert container["image"] == "1.dkr.ecr/rotator:mine"
    assert container["env"][0] == {"name": "ROTATOR_CREDENTIALS_SECRET", "value": "a"}
