"""What botocore reads of its data before it has a client: an audit hook counts it."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import EndpointVariantError
from botocore.regions import EndpointResolver

from rotator.aws.sdk_loader import limit_loading
from tests.support.python_process import run_python

COUNTED = """
    import os, sys
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_CONFIG_FILE=os.devnull)
    os.environ.update(AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true")
    listed, opened = [], []

    def count(event, args):
        if event == "open" and str(args[0]).endswith("endpoints.json"):
            opened.append(args[0])
        if event in ("os.listdir", "os.scandir") and "botocore" + os.sep + "data" in str(args[0]):
            listed.append(args[0])

    sys.addaudithook(count)
    {connect}
    print(len(listed), len(opened), client.meta.service_model.service_name)
"""
JOB = "from rotator.aws.store import connect; client = connect('eu-west-1')"
READER = "from rotator.reader.secrets_manager import _connect; client = _connect('eu-west-1')"
PLAIN = "import boto3; client = boto3.Session().client('secretsmanager', 'eu-west-1')"


def count_reads(connect: str) -> tuple[int, int]:
    """How many folders of data were listed, and how often the endpoints were opened."""
    done = run_python(COUNTED.format(connect=connect))
    assert done.stderr == ""
    listed, opened, service = done.stdout.split()
    assert service == "secretsmanager"
    return int(listed), int(opened)


def limited_session() -> botocore.session.Session:
    session = botocore.session.Session()
    limit_loading(session)
    return session


def resolver(session: botocore.session.Session) -> EndpointResolver:
    """As botocore makes one of the session's data."""
    return EndpointResolver(session.get_component("data_loader").load_data("endpoints"))


def endpoint(
    found: EndpointResolver, service: str, region: str, variants: tuple[bool, bool]
) -> tuple[Any, ...] | None:
    """What botocore takes of the endpoint, None where it has none."""
    dualstack, fips = variants
    try:
        resolved = found.construct_endpoint(
            service, region, use_dualstack_endpoint=dualstack, use_fips_endpoint=fips
        )
    except EndpointVariantError:
        return None
    used = ("partition", "hostname", "protocols", "signatureVersions", "credentialScope")
    return tuple(map(resolved.get, used)) if resolved else None


def hostname_of(service: str, region: str) -> object:
    [_, hostname, *_] = endpoint(resolver(limited_session()), service, region, (False, False)) or ()
    return hostname


@pytest.mark.parametrize("connect", [JOB, READER], ids=["the job", "the reader"])
def test_client_is_made_without_data_of_other_services(connect: str) -> None:
    listed, opened = count_reads(connect)
    assert listed < 20
    assert opened == 0


def test_botocore_itself_reads_them() -> None:
    """Once it does not, `rotator.aws.sdk_loader` has nothing left to do."""
    listed, opened = count_reads(PLAIN)
    assert listed > 100
    assert opened > 0


@pytest.mark.parametrize("service", ["secretsmanager", "sts", "sso", "oidc"])
def test_endpoints_are_those_of_botocore_in_every_region(service: str) -> None:
    whole = botocore.session.Session()
    theirs, ours = resolver(whole), resolver(limited_session())
    partitions = whole.get_component("data_loader").load_data("endpoints")["partitions"]
    regions = [region for partition in partitions for region in partition["regions"]]
    assert len(regions) > 30
    for region, dualstack, fips in product(regions, (False, True), (False, True)):
        expected = endpoint(theirs, service, region, (dualstack, fips))
        if expected is not None:
            assert endpoint(ours, service, region, (dualstack, fips)) == expected


def test_global_endpoint_of_sts_is_found() -> None:
    assert (
        hostname_of("sts", "aws-global") == "sts.amazonaws.com"
    )  # General Reference, "AWS STS endpoints and quotas"


def test_endpoints_of_the_user_are_read_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"partition": "own", "dnsSuffix": "example.test", "regions": {"own-1": {}}}
    own |= {"defaults": {"hostname": "{service}.{region}.{dnsSuffix}"}, "services": {}}
    (tmp_path / "endpoints.json").write_text(json.dumps({"partitions": [own]}), "utf-8")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert hostname_of("secretsmanager", "own-1") == "secretsmanager.own-1.example.test"


def test_service_that_is_not_there_is_still_an_error() -> None:
    done = run_python(
        """
        import botocore.session
        from botocore.exceptions import BotoCoreError
        from rotator.aws.sdk_loader import limit_loading
        session = botocore.session.get_session()
        limit_loading(session)
        try:
            session.create_client("no-such-service", region_name="eu-west-1")
        except BotoCoreError as error:
            print(type(error).__name__)
        """
    )
    assert done.stdout.strip().endswith("Error"), done.stderr
