"""The image, really built and run: `make image`."""

import json
import os
from collections.abc import Iterator

import pytest

import rotator
from rotator.local.binding import LocalBinding
from rotator.local.environment import isolated_environment, secrets_manager_client
from rotator.local.ims_control import RemoteIms
from rotator.local.server_process import ServerProcess
from tests.deployed.image import Image, obstacle


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    if why := obstacle():
        pytest.skip(f"*** NO IMAGE WAS BUILT: {why} ***")
    built = Image(tmp_path_factory.mktemp("image"))
    yield built
    built.remove()


def test_image_runs_as_nobody_and_starts_the_command(image: Image) -> None:
    run = image.run("--version")

    assert (image.config["User"], image.config["Entrypoint"]) == ("65532:65532", ["rotator"])
    assert run.stdout == f"rotator {rotator.__version__}\n", run.stderr


def test_image_holds_nothing_that_installs(image: Image) -> None:
    commands = image.lists("/opt/rotator/bin")

    assert "rotator" in commands
    assert not {name for name in commands if name.startswith(("pip", "flit"))}
    assert "src" not in image.lists("/")


def test_image_rotates_a_token(image: Image, ims: RemoteIms) -> None:
    ims.reset()
    binding = LocalBinding.register(ims, prefix="image")
    environment = isolated_environment(os.environ)
    with ServerProcess("rotator.local.secrets_manager", environment=environment) as server:
        endpoint_url = server.announcement["endpoint_url"]
        client = secrets_manager_client(endpoint_url)
        client.create_secret(Name=binding.credentials_secret, SecretString=binding.init_input())
        client.create_secret(Name=binding.token_secret)
        run = image.run(
            "run",
            **isolated_environment({}, endpoint_url=endpoint_url),
            ROTATOR_CREDENTIALS_SECRET=binding.credentials_secret,
            ROTATOR_TOKEN_SECRET=binding.token_secret,
        )
        assert run.returncode == 0, run.stderr
        stored = json.loads(client.get_secret_value(SecretId=binding.token_secret)["SecretString"])
        client.close()

    assert stored["client_id"] == binding.client_id
    assert stored["access_token"] not in run.stdout + run.stderr
