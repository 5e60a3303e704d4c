"""ministack as a process: AWS on loopback, over TLS, with IAM enforced."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Literal, Self

import botocore.session
from botocore.config import Config

from tests.support.reader_rig import free_port

REGION = "us-east-1"
ROOT_KEYS = ("root", "root-secret")
START_TIMEOUT_S = 30.0
STACK_TIMEOUT_S = 60.0


class Emulator:
    """Runs from entry to exit; `client` makes clients of its services, for root or for a role."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self._command = [str(environment / "bin" / "ministack")]
        self._folder = folder
        self._port = free_port()
        self.url = f"https://127.0.0.1:{self._port}"
        self.certificate = folder / "ministack-tls" / "server.crt"
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "S3_DATA_DIR": str(folder / "s3"),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            # Over TLS, because the queues refuse anything else.
            "USE_SSL": "1",
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": ROOT_KEYS[0],
            "AWS_SECRET_ACCESS_KEY": ROOT_KEYS[1],
            # The service waits a minute, and then two, between attempts.
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "1",
        }

    def __enter__(self) -> Self:
        self._log = (self._folder / "ministack.log").open("w")
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while not self._listens():
            if time.monotonic() > give_up_at or self._process.poll() is not None:
                raise RuntimeError((self._folder / "ministack.log").read_text())
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        # Killed: a polite end waits for every idle connection, and nothing is to be kept.
        self._process.kill()
        self._process.wait()
        self._log.close()

    @property
    def log(self) -> str:
        """What it wrote so far, the functions' output included."""
        return (self._folder / "ministack.log").read_text("utf-8")

    def client(self, service: str, credentials: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - its methods are made at run time
        """A client, of root or with the `Credentials` that STS gave."""
        keys = credentials or {"AccessKeyId": ROOT_KEYS[0], "SecretAccessKey": ROOT_KEYS[1]}
        return botocore.session.Session().create_client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            verify=str(self.certificate),
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )

    def cli_environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_CA_BUNDLE": str(self.certificate),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ROOT_KEYS[0],
            "AWS_SECRET_ACCESS_KEY": ROOT_KEYS[1],
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def kill_function(self, name: str) -> int:
        """Kill the processes that this function runs in, as a crash does; how many there were."""
        place = str(self._folder / f"ministack-lambda-{name}-")
        found = 0
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().decode(errors="replace")
            except OSError:  # it has ended
                continue
            if place in command:
                os.kill(int(process.name), signal.SIGKILL)
                found += 1
        return found

    def create_stack(self, name: str, template: Path, **parameters: str) -> dict[str, str]:
        """Create a stack, wait for it, and answer with its outputs; fails as the stack does."""
        return self._make_stack("CREATE", name, template, parameters)

    def update_stack(self, name: str, template: Path, **parameters: str) -> dict[str, str]:
        """The same with one that exists; `parameters` are all that are not to have the default."""
        return self._make_stack("UPDATE", name, template, parameters)

    def _make_stack(
        self,
        action: Literal["CREATE", "UPDATE"],
        name: str,
        template: Path,
        parameters: dict[str, str],
    ) -> dict[str, str]:
        cloudformation = self.client("cloudformation")
        begin = getattr(cloudformation, f"{action.lower()}_stack")
        begin(
            StackName=name,
            TemplateBody=template.read_text("utf-8"),
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM"],
        )
        give_up_at = time.monotonic() + STACK_TIMEOUT_S
        while True:
            [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                break
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"stack {name}: still {stack['StackStatus']}")
            time.sleep(0.1)
        if stack["StackStatus"] != f"{action}_COMPLETE":
            raise RuntimeError(f"stack {name}: {stack['StackStatus']}\n{self.log}")
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
