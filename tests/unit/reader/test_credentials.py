"""AWS credentials that come late, expire and are renewed, or are looked for during a fork."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.errors import ConfigError, StoreError
from rotator.reader import TokenReader
from tests.support.environment import clear_environment
from tests.support.http_server import HttpServer, Reply, Request, json_reply
from tests.support.raw_server import RawServer
from tests.support.reader_rig import live_version, make_reader, start_clock, version

ROOT = Path(__file__).parents[3]


class PickyService(HttpServer):
    """Secrets Manager that takes one access key, and says of others that they have expired."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.accepted = "new"
        self.calls = 0

    def _answer(self, request: Request) -> Reply:
        self.calls += 1
        if f"Credential={self.accepted}/" in request.headers["authorization"]:
            return json_reply(200, {"ARN": "arn", "Name": "s", **live_version()})
        return json_reply(400, {"__type": "ExpiredTokenException"})


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PickyService]:
    clear_environment(monkeypatch)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with PickyService() as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
        yield service


def write_keys(folder: Path, access_key_id: str) -> None:
    keys = f"aws_access_key_id = {access_key_id}\naws_secret_access_key = x\n"
    (folder / "credentials").write_text(f"[default]\n{keys}")


@pytest.mark.usefixtures("service")
def test_keys_in_the_file_that_expired_and_were_renewed_are_used_by_the_next_attempt(
    tmp_path: Path,
) -> None:
    write_keys(tmp_path, "old")
    with TokenReader("s") as reader:
        with pytest.raises(StoreError, match="does not accept these AWS credentials"):
            reader.token()
        write_keys(tmp_path, "new")
        assert reader.token() == "first"


def test_credentials_that_come_after_the_first_attempt_are_found(
    service: PickyService, tmp_path: Path
) -> None:
    with TokenReader("s") as reader:
        with pytest.raises(ConfigError, match="AWS credentials: none found"):
            reader.token()
        write_keys(tmp_path, "new")
        assert reader.token() == "first"
    assert service.calls == 1


class Metadata(RawServer):
    """Instance metadata, which hangs up while it is not `up`."""

    def __init__(self) -> None:
        super().__init__(self._serve)
        self.up = False

    def _serve(self, connection: socket.socket) -> None:
        path = connection.recv(65_536).split(b" ")[1]
        answers = {b"/latest/api/token": "t", b"/latest/meta-data/iam/security-credentials/": "r"}
        keys = {"AccessKeyId": "new", "SecretAccessKey": "x", "Token": "x", "Code": "Success"}
        keys["Expiration"] = "2099-01-01T00:00:00Z"
        body = answers.get(path, json.dumps(keys))
        if self.up:
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            connection.sendall(f"{head}{body}".encode())


@pytest.mark.usefixtures("service")
def test_instance_metadata_that_fails_at_the_first_read_is_asked_again_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    with Metadata() as metadata, TokenReader("s") as reader:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)
        with pytest.raises(ConfigError, match="AWS credentials: none found"):
            reader.token()
        metadata.up = True
        assert reader.token() == "first"


def test_client_of_the_callers_is_kept_whatever_fails() -> None:
    class ClumsyClient:
        calls = 0

        def get_secret_value(self, **_: object) -> dict[str, str]:
            self.calls += 1
            if self.calls < 3:
                raise KeyError
            return version()

    client = ClumsyClient()
    reader = make_reader(start_clock(), None, client=client)
    for _ in range(2):
        with pytest.raises(StoreError):
            reader.token()
    assert client.calls == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_child_forked_while_credentials_are_fetched_fetches_its_own(tmp_path: Path) -> None:
    """As with a `credential_process` that takes its time; the fork does not wait for it."""
    program = tmp_path / "credentials.sh"
    program.write_text(
        "#!/bin/sh\n"
        f'if mkdir "{tmp_path}/first" 2>/dev/null; then\n'
        f'  echo > "{tmp_path}/started"; read line < "{tmp_path}/gate"\n'
        "fi\n"
        """echo '{"Version": 1, "AccessKeyId": "x", "SecretAccessKey": "x"}'\n"""
    )
    program.chmod(0o755)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {program}\n")
    for name in ("started", "gate"):
        os.mkfifo(tmp_path / name)
    code = f"""
        import os, signal, threading, warnings
        from rotator.errors import RotatorError
        from rotator.reader import TokenReader

        warnings.simplefilter("ignore", DeprecationWarning)  # threads and a fork: the point
        reader = TokenReader("s", source="sdk")

        def read():
            try:
                reader.token()
            except RotatorError as error:
                return str(error)

        thread = threading.Thread(target=read)
        thread.start()
        open("{tmp_path}/started").read()
        signal.alarm(4)  # less than a fork waits for an import
        child = os.fork()
        signal.alarm(0)
        if child == 0:
            signal.alarm(20)
            os._exit(0 if "cannot be reached" in read() else 1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with open("{tmp_path}/gate", "w") as gate:
            gate.write("go\\n")
        thread.join()
        print(status)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "AWS_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.untraced
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_child_forked_in_an_import_that_outlasts_the_patience_of_the_fork_reads_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its lock is a new one, though a thread of the parent has the old one."""
    from rotator.reader import process_state

    monkeypatch.setattr(process_state, "_MAX_IMPORT_S", 0.01)
    process_state.make_forks_wait_for_imports()
    entered, gate = threading.Event(), threading.Event()

    def import_slowly() -> None:
        with process_state.importing:
            entered.set()
            gate.wait(20)

    thread = threading.Thread(target=import_slowly)
    thread.start()
    assert entered.wait(20)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(10)
        with process_state.importing:  # in this thread: another may get the id of the parent's
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    gate.set()
    thread.join()
