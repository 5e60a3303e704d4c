"""Whole processes: what they take from their start to the first token in hand."""

import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path

from tests.benchmarks.measure import Cost, Launcher, in_turn
from tests.benchmarks.tls_endpoint import TlsIdentity, make_identity
from tests.support.http_server import HttpServer, Reply, Request, json_reply

READ = "from rotator.reader import get_token; get_token('s')"
# Nobody but Amazon has a certificate of its roots, so one of the five is that of the server here.
READ_BY_FIVE_ROOTS = "import rotator.reader.authorities as a; a.AMAZON_ROOTS = {roots!r}\n" + READ
READ_BY_SDK = """
from rotator.reader import TokenReader
TokenReader("s", source="sdk", background=False).token()
"""
READ_BY_BOTO3 = """
import boto3, json
client = boto3.client("secretsmanager")
json.loads(client.get_secret_value(SecretId="s")["SecretString"])["access_token"]
"""
READ_BY_POWERTOOLS = """
from aws_lambda_powertools.utilities import parameters
parameters.get_secret("s", transform="json")["access_token"]
"""
READ_BY_CACHING = """
import botocore.session, json
from aws_secretsmanager_caching import SecretCache
cache = SecretCache(client=botocore.session.get_session().create_client("secretsmanager"))
json.loads(cache.get_secret_string("s"))["access_token"]
"""

PROGRAMS = {
    "bare": ("pass", "agent"),
    "import": ("import rotator.reader", "agent"),
    "loopback": (READ, "agent"),
    "direct": (READ, "whole_bundle"),
    "direct_five": (READ_BY_FIVE_ROOTS, "five_roots"),
    "sdk": (READ_BY_SDK, "whole_bundle"),
    "boto3": (READ_BY_BOTO3, "whole_bundle"),
    "powertools": (READ_BY_POWERTOOLS, "whole_bundle"),
    "caching": (READ_BY_CACHING, "whole_bundle"),
}
"""Name to program and to the environment that it reads in."""


def serve_token(_: Request) -> Reply:
    """GetSecretValue and DescribeSecret, for the agent's clients and for the SDK's."""
    fields = {"access_token": "t", "expires_at_epoch": int(time.time()) + 3600}
    version = "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111"
    content = {
        "SecretString": json.dumps(fields),
        "VersionId": version,
        "VersionIdsToStages": {version: ["AWSCURRENT"]},
    }
    return json_reply(200, content, Content_Type="application/x-amz-json-1.1")


@contextmanager
def served(folder: Path) -> Iterator[tuple[dict[str, dict[str, str]], dict[bytes, str]]]:
    """Both services in a process of their own: the environments of their clients, and five roots.

    Secrets Manager is asked over TLS, verified by a bundle of the usual size.
    """
    identity = make_identity(folder)
    stand_in = folder / "packages" / "certifi"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").touch()
    (stand_in / "cacert.pem").write_bytes(identity.ca_bundle.read_bytes())
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.reader_cold", *map(str, identity)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port, tls_port = server.stdout.readline().split()
        passed_on = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        agent = passed_on | {"AWS_TOKEN": "ssrf", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": port}
        aws = passed_on | {
            "AWS_ENDPOINT_URL": f"https://127.0.0.1:{tls_port}",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        environments = {
            "agent": agent,
            "whole_bundle": aws | {"AWS_CA_BUNDLE": str(identity.ca_bundle)},
            "five_roots": aws | {"PYTHONPATH": str(stand_in.parent)},
        }
        yield environments, _five_roots(identity)
    finally:
        server.communicate()  # it serves until its input ends


def cold_costs(rounds: int) -> dict[str, list[Cost]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as (environments, roots),
        Launcher() as launcher,
    ):
        runs = {}
        for name, (program, environment) in PROGRAMS.items():
            text = program.replace("{roots!r}", repr(roots))
            argv = [sys.executable, "-c", text]
            runs[name] = partial(launcher.cost, argv, environments[environment])
        return in_turn(runs, rounds=rounds)


def _five_roots(identity: TlsIdentity) -> dict[bytes, str]:
    """Amazon's, with the first one replaced."""
    from rotator.reader.authorities import AMAZON_ROOTS

    text = identity.certificate.read_text("ascii")
    ours = text.split("-----")[2].strip()[:28].encode()
    digest = sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
    return dict([(ours, digest), *list(AMAZON_ROOTS.items())[1:]])


def main() -> None:
    """Serve both until the input ends."""
    identity = TlsIdentity(*map(Path, sys.argv[1:]))
    with HttpServer(serve_token) as plain, HttpServer(serve_token, context=identity.context()) as s:
        print(plain.port, s.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
