"""What botocore reads of its data before it has a client: an audit hook counts the folders."""

import pytest

from tests.support.python_process import run_python

COUNTED = """
    import os, sys
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_CONFIG_FILE=os.devnull)
    os.environ.update(AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true")
    listed = []

    def count(event, args):
        if event in ("os.listdir", "os.scandir") and "botocore" + os.sep + "data" in str(args[0]):
            listed.append(args[0])

    sys.addaudithook(count)
    {connect}
    print(len(listed), client.meta.service_model.service_name)
"""
JOB = "from rotator.aws.store import connect; client = connect('eu-west-1')"
READER = "from rotator.reader.secrets_manager import _connect; client = _connect('eu-west-1')"
PLAIN = "import boto3; client = boto3.Session().client('secretsmanager', 'eu-west-1')"


def folders_listed(connect: str) -> int:
    done = run_python(COUNTED.format(connect=connect))
    assert done.stderr == ""
    count, service = done.stdout.split()
    assert service == "secretsmanager"
    return int(count)


@pytest.mark.parametrize("connect", [JOB, READER], ids=["the job", "the reader"])
def test_client_is_made_without_listing_all_services(connect: str) -> None:
    assert folders_listed(connect) < 20


def test_botocore_itself_lists_them() -> None:
    """Once it does not, `rotator.aws.sdk_loader` has nothing left to do."""
    assert folders_listed(PLAIN) > 100


def test_service_that_is_not_there_is_still_an_error() -> None:
    done = run_python(
        """
        import botocore.session
        from botocore.exceptions import BotoCoreError
        from rotator.aws.sdk_loader import skip_service_listing
        session = botocore.session.get_session()
        skip_service_listing(session)
        try:
            session.create_client("no-such-service", region_name="eu-west-1")
        except BotoCoreError as error:
            print(type(error).__name__)
        """
    )
    assert done.stdout.strip().endswith("Error"), done.stderr
