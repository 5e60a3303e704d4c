"""The reader where next to nothing is installed: copied, or as the wheel, in a bare interpreter."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import botocore
import pytest
from flit_core import buildapi

from tests.support.http_server import HttpServer, Reply, Request, json_reply
from tests.support.reader_rig import ending_version

ROOT = Path(__file__).parents[3]
Env = dict[str, str]
PACKAGES = Path(botocore.__file__).parents[1]

LOOPBACK_ONLY = (
    "__init__",
    "cached_token",
    "direct",
    "failures",
    "https_exchange",
    "loopback",
    "process_state",
    "refresher",
    "secrets_manager",
    "snapshot",
    "sources",
)
"""What the loopback source needs of `rotator/reader/`."""

AWS = (
    "errors.py",
    "credential_errors.py",
    "error_details.py",
    "error_table.py",
    "places.py",
    "sdk_loader.py",
    "sdk_logs.py",
)
WIRE = ("__init__.py", "dates.py", "framing.py")
BESIDE = (
    "clock.py",
    "errors.py",
    *(f"aws/{name}" for name in AWS),
    *(f"wire/{name}" for name in WIRE),
)
"""What the reader needs besides its folder."""


def answer_with_a_token(_: Request) -> Reply:
    """GetSecretValue's answer, to the agent's clients and to the SDK's."""
    return json_reply(200, ending_version(int(time.time()) + 3600, token="canary"))


@pytest.fixture
def secrets() -> Iterator[HttpServer]:
    with HttpServer(answer_with_a_token) as server:
        yield server


@pytest.fixture
def as_agent(secrets: HttpServer) -> Env:
    return {"AWS_TOKEN": "ssrf", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(secrets.port)}


@pytest.fixture
def as_service(secrets: HttpServer) -> Env:
    return {
        "AWS_ENDPOINT_URL": secrets.url,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def copied(target: Path, *names: str) -> Path:
    """A folder with the reader's files and no more, as one would put them into a Lambda."""
    for name in ("aws", "wire"):
        (target / "rotator" / name).mkdir(parents=True)
    for path in BESIDE:
        shutil.copy(ROOT / "rotator" / path, target / "rotator" / path)
    if not names:
        shutil.copytree(ROOT / "rotator" / "reader", target / "rotator" / "reader")
        return target
    (target / "rotator" / "reader").mkdir()
    for name in names:
        shutil.copy(ROOT / "rotator" / "reader" / f"{name}.py", target / "rotator" / "reader")
    return target


def run_bare(code: str, *path: Path, env: Env) -> str:
    """Run it without site-packages, user folder or PYTHON* variables; its output, word by word."""
    start = f"import sys; sys.path[:0] = {[str(each) for each in path]!r}\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", start + textwrap.dedent(code)],
        env={"PATH": os.environ["PATH"], "HOME": str(path[0]), **env},
        cwd=path[0] if path[0].is_dir() else path[0].parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


READ = """
    from rotator.reader import TokenReader, get_token
    print(get_token("s"), TokenReader("s").headers())
    for name in ("requests", "boto3", "authlib", "structlog"):
        try:
            __import__(name)
        except ImportError:
            continue
        print("installed:", name)
"""
EXPECTED = "canary {'Authorization': 'Bearer canary'}"


def test_these_copied_files_and_the_errors_read_from_the_agent(
    tmp_path: Path, as_agent: Env
) -> None:
    assert run_bare(READ, copied(tmp_path, *LOOPBACK_ONLY), env=as_agent) == EXPECTED


@pytest.mark.parametrize("missing", LOOPBACK_ONLY)
def test_none_of_these_files_can_be_spared(tmp_path: Path, as_agent: Env, missing: str) -> None:
    names = [name for name in LOOPBACK_ONLY if name != missing]
    with pytest.raises(AssertionError, match=r"ModuleNotFoundError|ImportError"):
        run_bare(READ, copied(tmp_path, *names), env=as_agent)


def test_wheel_alone_reads_from_the_agent(
    tmp_path: Path, as_agent: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    wheel = tmp_path / buildapi.build_wheel(str(tmp_path))
    assert run_bare(READ, wheel, env=as_agent) == EXPECTED


def test_copy_command_of_the_page_copies_a_reader_that_works(tmp_path: Path, as_agent: Env) -> None:
    page = (ROOT / "docs" / "reader.md").read_text("utf-8")
    small = page[page.index("## A small installation") :]
    [command] = re.findall(r"^```sh\n(.*?)^```$", small, re.MULTILINE | re.DOTALL)
    (tmp_path / "rotator").symlink_to(ROOT / "rotator")

    subprocess.run(["/bin/sh", "-ec", command], cwd=tmp_path, check=True)

    app = tmp_path / "app"
    files = {str(path.relative_to(app / "rotator")) for path in app.rglob("*.py")}
    assert {name for name in files if not name.startswith("reader/")} == set(BESIDE)
    assert run_bare(READ, app, env=as_agent) == EXPECTED


def test_copied_folder_alone_reads_from_the_service(tmp_path: Path, as_service: Env) -> None:
    assert run_bare(READ, copied(tmp_path / "app"), env=as_service) == EXPECTED


def test_copied_folder_and_botocore_read_from_the_service(tmp_path: Path, as_service: Env) -> None:
    as_service["AWS_CONFIG_FILE"] = str(tmp_path / "config")
    (tmp_path / "config").touch()
    sdk = tmp_path / "sdk"
    sdk.mkdir()
    for name in ("botocore", "dateutil", "jmespath", "six.py", "urllib3"):
        (sdk / name).symlink_to(PACKAGES / name)
    assert run_bare(READ, copied(tmp_path / "app"), sdk, env=as_service) == EXPECTED


def test_without_the_sdk_the_error_says_what_to_install(tmp_path: Path, as_service: Env) -> None:
    code = """
        from rotator.errors import ConfigError
        from rotator.reader import get_token
        try:
            get_token("s")
        except ConfigError as error:
            print(error)
    """
    text = run_bare(code, copied(tmp_path), env=as_service | {"AWS_PROFILE": "mine"})
    assert text.startswith("AWS SDK: botocore cannot be imported; install it in this environment")
    assert "the AWS Secrets Manager Agent or the Lambda extension" in text
    assert "loopback" not in text  # our word, which the page of the sources doesn't explain
    assert text.endswith("AWS_PROFILE is set")


def test_read_from_the_agent_imports_neither_the_sdk_nor_what_is_dear(
    tmp_path: Path, as_agent: Env
) -> None:
    code = """
        from rotator.reader import get_token
        get_token("s")
        dear = {"asyncio", "botocore", "email", "http", "logging", "ssl", "typing"}
        print(sorted(dear & set(sys.modules)))
    """
    assert run_bare(code, copied(tmp_path), env=as_agent) == "[]"
