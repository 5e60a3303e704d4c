"""`rotator demo`: it tells the whole story, and leaves nothing behind."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest

from rotator.local.environment import isolated_environment, secrets_manager_client
from rotator.local.playground import playground
from tests.integration.cli.rig import Cli
from tests.support.processes import run_to_end
from tests.support.reader_threads import eventually
from tests.support.terminal import Terminal

pytestmark = pytest.mark.untraced

REPOSITORY = Path(__file__).parents[3]
PATIENCE_S = 60
EXPORTED = (
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "ROTATOR_CREDENTIALS_SECRET",
    "ROTATOR_TOKEN_SECRET",
    "DEMO_API_URL",
    "DEMO_TOKEN_URL",
    "DEMO_CONTROL_URL",
)
STEPS = (
    "$ rotator init --credentials-secret",
    "rotated: token missing",
    "not due: fresh",
    "$ rotator status --token-secret",
    "healthy: fresh",
    "$ rotator token",
    "$ rotator check",
    "Welcome to the Photoshop API!",
    "--force",
    "rotated: forced",
    "reads meanwhile, 0 failed",
    "failed: token endpoint: ",
    "exit code 4",
    "is current, and the API takes it",
    "Every step did what it promises",
    "Both servers are stopped.",
    "make run ARGS=--serve ",
)
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def marked(tmp_path: Path) -> dict[str, str]:
    """An environment that all descendants inherit, and that they are found by."""
    return isolated_environment(os.environ) | {"MARK_OF_THIS_TEST": str(tmp_path)}


def survivors(environment: dict[str, str]) -> list[str]:
    """The command lines of processes that carry the mark, where the system tells (Linux)."""
    if not Path("/proc/self/environ").exists():
        return []
    mark = f"MARK_OF_THIS_TEST={environment['MARK_OF_THIS_TEST']}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_text())
        except OSError:  # it has just ended, or is none of ours
            continue
    return [line for line in found if line]


def is_open(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname or "", address.port or 0)) == 0


def urls_in(text: str) -> set[str]:
    words = text.replace("=", " ").split()
    return {word for word in words if word.startswith("http://127.0.0.1:")}


def shell(script: str, folder: Path, environment: dict[str, str]) -> str:
    """The output of a shell that has this environment and nothing else."""
    ended = run_to_end("/bin/sh", "-c", script, cwd=folder, env=environment)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def pictured() -> str:
    """The text of the picture in the README."""
    tree = ET.parse(REPOSITORY / "docs" / "demo.svg")  # noqa: S314 - our own
    return "\n".join(text.text or "" for text in tree.iter("{http://www.w3.org/2000/svg}text"))


def same_in_each_run(output: str) -> str:
    """Without what each run has of its own: ports, ids, instants, durations."""
    varying = (r"127\.0\.0\.1:\d+", r"[0-9a-f]{8}-[0-9a-f-]{27}", r"[0-9a-f]{32}")
    instants = (r"\d{4}-\d\d-\d\dT[\d:]+Z", r"\d+\.\d\d s", r"23h5\dm")
    return re.sub("|".join((*varying, *instants)), "_", output)


def test_demo_tells_every_step_and_leaves_nothing(cli: Cli, marked: dict[str, str]) -> None:
    ended = cli("demo", env=marked, timeout_s=120)

    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    position = 0
    for step in STEPS:
        position = ended.stdout.index(step, position)
    assert max(map(len, ended.stdout.splitlines())) <= 100
    assert same_in_each_run(ended.stdout).startswith(same_in_each_run(pictured()))
    assert urls_in(ended.stdout)
    assert [url for url in urls_in(ended.stdout) if is_open(url)] == []
    assert survivors(marked) == []


def _read_until(last: str, stream: IO[str] | None) -> str:
    """What a process prints, up to the line with `last` in it."""
    assert stream is not None
    lines = [""]
    while last not in lines[-1] and (line := stream.readline()):
        lines.append(line)
    return "".join(lines)


@pytest.fixture
def serving(marked: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """`rotator demo --serve`, and once it is up, the lines to source and its guide."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rotator", "demo", "--serve"],
        env=marked,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    impatience = threading.Timer(PATIENCE_S, process.kill)
    impatience.start()
    yield process, _read_until("PATH", process.stdout), _read_until("Ctrl-C", process.stderr)
    impatience.cancel()
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_serve_prints_what_a_shell_can_source_and_ends_on_a_signal(
    serving: tuple[subprocess.Popen[str], str, str],
    marked: dict[str, str],
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    process, printed, _ = serving
    (tmp_path / "exports").write_text(printed)
    line = "; ".join(
        (
            '. "$1"',
            f'for name in {" ".join(EXPORTED)}; do printenv "$name" >/dev/null || exit 1; done',
            "rotator run",
            f"[ $(command -v rotator) = '{Path(sys.executable).parent}/rotator' ]",
            f'\'{sys.executable}\' -m rotator check "$ROTATOR_TOKEN_SECRET" --url "$DEMO_API_URL"',
        )
    )

    misleading = dict.fromkeys(
        ("HTTP_PROXY", "http_proxy", "AWS_ENDPOINT_URL_SECRETS_MANAGER"), NOWHERE
    )
    env = isolated_environment(os.environ) | {"AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "old"}
    exports = str(tmp_path / "exports")
    tried = run_to_end("/bin/sh", "-c", line, "sh", exports, env=env | misleading)
    open_before = [url for url in urls_in(printed) if is_open(url)]
    process.send_signal(number)
    _, stderr = process.communicate(timeout=PATIENCE_S)

    assert tried.returncode == 0, tried.stderr
    assert tried.stdout.startswith("rotated: token missing")
    assert tried.stdout.endswith("HTTP 200\nWelcome to the Photoshop API!\n")
    assert len(open_before) == 4
    assert (process.returncode, stderr) == (0, "")
    assert [url for url in urls_in(printed) if is_open(url)] == []
    assert survivors(marked) == []


@pytest.mark.parametrize("name", ["bash", "dash", "zsh"])
def test_lines_of_the_demo_can_be_pasted_into_an_interactive_shell(
    serving: tuple[subprocess.Popen[str], str, str], tmp_path: Path, name: str
) -> None:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"*** NOT PASTED: {name} is missing ***")
    _, printed, guide = serving
    to_try = re.findall(r"^  (\S.*)$", guide.partition("To rehearse")[0], re.MULTILINE)
    own_files = {"bash": ("--norc",), "dash": (), "zsh": ("-f",)}[name]
    environment = isolated_environment(os.environ) | {"HOME": str(tmp_path)}

    # Interactive, as what is pasted; no terminal, which would have to be read while it is typed.
    told = run_to_end(
        *(found, *own_files, "-i", "-s"),
        env=environment,
        stdin=printed + "\n".join(to_try) + "\nprintenv\n",
    )

    variables = dict(line.split("=", 1) for line in told.stdout.splitlines() if "=" in line)
    exported = dict(re.findall(r"^export (\w+)=(\S*)$", printed, re.MULTILINE))
    folder = exported.pop("PATH").removesuffix(':"$PATH"')
    assert exported.keys() >= set(EXPORTED)
    assert {name: variables.get(name) for name in exported} == exported, told.stderr
    assert variables["PATH"].startswith(folder)
    expected = ("rotated: token missing", "not due: fresh", "healthy: fresh", "HTTP 200", "\n4\n")
    assert [text for text in expected if text not in told.stdout] == []
    assert "not found" not in told.stderr


def test_rehearsal_of_the_readme_works_as_it_is_printed(
    serving: tuple[subprocess.Popen[str], str, str], tmp_path: Path
) -> None:
    _, printed, guide = serving
    (tmp_path / "exports").write_text(printed)
    lines = guide.partition("To rehearse")[2]
    naming, init, *answers, run = re.findall(r"^  (\S.*)$", lines, re.MULTILINE)
    environment = isolated_environment(os.environ) | {"HOME": str(tmp_path)}
    exported = shell(f". ./exports; {naming}; env -0", tmp_path, environment)
    named = dict(entry.split("=", 1) for entry in exported.split("\0") if entry)
    shown = shell(f"printf '%s\\n' {init.removeprefix('rotator ')}", tmp_path, named)

    terminal = Terminal(*shown.splitlines(), env=named)
    for asked, text in (answer.split(": ") for answer in answers):
        terminal.answer(asked, text)
    assert terminal.close() == 0, terminal.shown
    assert "created credentials secret adobe/credentials" in terminal.shown

    page = (REPOSITORY / "docs" / "cli.md").read_text("utf-8").partition("## Rehearse")[2]
    as_cron = page.partition("```console\n")[2].partition("```")[0]
    api_call = 'rotator check --url "$DEMO_API_URL"'
    told = shell(f"set -e\n{run}\n{as_cron}\n{api_call}", tmp_path, named)

    assert told.startswith("rotated: token missing")
    assert "\nnot due: fresh" in told
    assert told.endswith("HTTP 200\nWelcome to the Photoshop API!\n")


@pytest.mark.skipif(shutil.which("curl") is None, reason="*** NO FIRST CALL: curl is missing ***")
def test_first_call_of_the_readme_starts_a_job_at_the_demo(
    serving: tuple[subprocess.Popen[str], str, str], tmp_path: Path
) -> None:
    _, printed, _ = serving
    (tmp_path / "exports").write_text(printed)
    page = (REPOSITORY / "README.md").read_text("utf-8").partition("**4. ")[2]
    typed = page.partition("```console\n")[2].partition("```")[0]
    call = re.sub(r"https://firefly-api\S*", '"$DEMO_API_URL"', typed)
    environment = isolated_environment(os.environ) | {"HOME": str(tmp_path)}

    told = shell(f". ./exports\nset -e\n{call}", tmp_path, environment)

    assert "DEMO_API_URL" in call
    job = json.loads(told[told.index("{") :])
    assert job.keys() == {"jobId", "statusUrl"}  # as the README says of Adobe


def test_rehearsal_shows_no_way_of_putting_a_secret_into_the_history(
    serving: tuple[subprocess.Popen[str], str, str],
) -> None:
    _, printed, guide = serving
    [secret] = re.findall(r"^  client secret: (.*)$", guide, re.MULTILINE)

    assert [line for line in (printed + guide).splitlines() if secret in line] == [
        f"  client secret: {secret}"
    ]


def test_init_binds_secrets_that_exist_on_the_local_servers_too() -> None:
    """Made by hand with values, bound twice, and with credentials that were deleted."""
    with playground() as local:
        binding = local.binding
        client = secrets_manager_client(local.endpoint_url)
        client.create_secret(Name=binding.credentials_secret, SecretString=binding.init_input())
        client.create_secret(Name=binding.token_secret, SecretString="{}")
        bound = [local.rotator("init", *binding.selectors, "--bind-only") for _ in range(2)]
        client.delete_secret(SecretId=binding.credentials_secret, ForceDeleteWithoutRecovery=True)
        again = local.init()
        ran = local.rotator("run", *binding.selectors)

    assert [ended.stderr for ended in (*bound, again)] == ["", "", ""]
    for ended in (*bound, again):
        assert f"bound token secret {binding.token_secret}, which existed" in ended.stdout
    assert ran.stdout.startswith("rotated: token missing")


@pytest.mark.parametrize("args", [(), ("--serve",)])
def test_demo_without_its_extra_says_how_to_install_it(
    cli: Cli, tmp_path: Path, args: tuple[str, ...]
) -> None:
    (tmp_path / "moto.py").write_text("raise ModuleNotFoundError('hidden', name='moto')\n")

    ended = cli("demo", *args, env={"PYTHONPATH": str(tmp_path)})

    assert ended.returncode == 2
    assert "moto is not installed; run `make run`" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_servers_do_not_outlive_a_demo_that_is_killed(
    serving: tuple[subprocess.Popen[str], str, str], marked: dict[str, str]
) -> None:
    process, printed, _ = serving
    assert any(is_open(url) for url in urls_in(printed))

    process.kill()
    process.wait(PATIENCE_S)

    eventually(lambda: not survivors(marked) and not any(map(is_open, urls_in(printed))))
