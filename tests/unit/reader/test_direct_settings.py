"""What is simple enough to be asked without the SDK, and where it is asked then."""

import os
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from rotator.errors import ConfigError
from rotator.reader import TokenReader
from rotator.reader.direct import DirectSource
from rotator.reader.direct_settings import Settings, read_settings
from tests.support.environment import clear_environment


@pytest.fixture(autouse=True)
def simple_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clear_environment(monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")


def settings(secret_id: str = "s", region: str | None = None) -> Settings:
    found = read_settings(secret_id, region)
    assert isinstance(found, Settings), found
    return found


class SdkStandIn:
    """Tells that it was asked."""

    has_fresh = False

    def read(self, secret_id: str, stage: str, *, fresh: bool) -> dict[str, Any]:
        del stage, fresh
        return {"SecretString": f"by the SDK: {secret_id}"}


def test_keys_and_region_in_the_environment_are_enough() -> None:
    found = settings()
    assert (found.host, found.port, found.path) == (
        "secretsmanager.eu-west-1.amazonaws.com",
        443,
        "/",
    )
    assert found.is_tls
    assert found.host_header() == "secretsmanager.eu-west-1.amazonaws.com"
    assert found.credentials.session_token == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_PROFILE", "mine"),
        ("AWS_DEFAULT_PROFILE", "mine"),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_REGION", ""),
        ("AWS_REGION", "us-iso-east-1"),
        ("AWS_REGION", "eu-isoe-west-1"),
        ("AWS_REGION", "eusc-de-east-1"),
        ("AWS_REGION", "no region"),
        ("AWS_REGION", "eu-west-1.evil.example/"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9001/"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
        ("HTTPS_PROXY", "http://proxy:3128"),
        ("https_proxy", "http://proxy:3128"),
        ("ALL_PROXY", "http://proxy:3128"),
        ("http_proxy", "http://proxy:3128"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        ("SSL_CERT_FILE", "/ca.pem"),
        ("REQUESTS_CA_BUNDLE", "/ca.pem"),
        ("AWS_CA_BUNDLE", os.sep),
        ("AWS_ENDPOINT_URL", "http://vault.example/"),
        ("AWS_ENDPOINT_URL", "https://a@vault.example/"),
        ("AWS_ENDPOINT_URL", "https://vault.example/?a=b"),
        ("AWS_ENDPOINT_URL", "https://vault.example:99999/"),
        ("AWS_ENDPOINT_URL", "https://[::1/"),
        ("AWS_ENDPOINT_URL", "https://[::1]8443/"),
        ("AWS_ENDPOINT_URL", "https://[fe80::1%25eth0]/"),
        ("AWS_ENDPOINT_URL", "https://vault.example:/a b"),
        ("AWS_ENDPOINT_URL", "https://vault.example:0/"),
        ("AWS_ENDPOINT_URL", "https://vault.example:8443x/"),
        ("AWS_ENDPOINT_URL", "https://vault.example:٨/"),
        ("AWS_ENDPOINT_URL", "https://välut.example/"),
        ("AWS_ENDPOINT_URL", "https://vault.example/#a"),
        ("AWS_ENDPOINT_URL", "https://vault.example\\@evil.example/"),
        ("AWS_ENDPOINT_URL", "https:///path"),
        ("AWS_ENDPOINT_URL", "https:vault.example"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1.evil.example/"),
        ("AWS_ENDPOINT_URL", "http://localhost@evil.example/"),
        ("AWS_ENDPOINT_URL", "file://localhost/"),
        ("AWS_ENDPOINT_URL", "https://a b/"),
        ("AWS_ENDPOINT_URL", "no url"),
    ],
)
def test_whatever_is_not_simple_is_left_to_the_sdk(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    source = DirectSource(SdkStandIn())  # type: ignore[arg-type]
    assert source.read("s", "AWSCURRENT", fresh=False) == {"SecretString": "by the SDK: s"}
    with pytest.raises(ConfigError, match=r"source direct: .+; use the source sdk"):
        TokenReader("s", source="direct").token()


@pytest.mark.parametrize("name", ["config", "credentials"])
def test_configuration_file_that_exists_is_left_to_the_sdk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / name).touch()
    assert "there is an AWS configuration" in str(read_settings("s", None))
    variable = {"config": "AWS_CONFIG_FILE", "credentials": "AWS_SHARED_CREDENTIALS_FILE"}[name]
    monkeypatch.setenv(variable, str(tmp_path / "missing"))
    assert isinstance(read_settings("s", None), Settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_PROFILE", ""), ("AWS_ENDPOINT_URL", ""), ("AWS_USE_FIPS_ENDPOINT", "false")],
)
def test_empty_variable_means_unset(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert settings().host == "secretsmanager.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    "region", ["eu-west-1", "us-east-1", "ap-southeast-7", "us-gov-west-1", "cn-north-1"]
)
def test_endpoint_is_the_one_that_botocore_asks(region: str) -> None:
    client = botocore.session.get_session().create_client("secretsmanager", region_name=region)
    assert f"https://{settings('s', region).host}" == client.meta.endpoint_url
    client.close()


def test_region_comes_from_the_reader_then_the_arn_then_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arn = "arn:aws:secretsmanager:us-east-2:123456789012:secret:s"
    assert settings(arn, "eu-north-1").region == "eu-north-1"
    assert settings(arn).region == "us-east-2"
    assert settings().region == "eu-west-1"
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-1")
    assert settings().region == "us-west-1"


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://VPCE.Example", ("vpce.example", 443, "/", "vpce.example")),
        ("https://vpce.example:443/a/b", ("vpce.example", 443, "/a/b", "vpce.example")),
        ("https://vpce.example:8443/", ("vpce.example", 8443, "/", "vpce.example:8443")),
        ("https://[2001:DB8::1]:8443/", ("2001:db8::1", 8443, "/", "[2001:db8::1]:8443")),
        ("http://[::1]/", ("::1", 80, "/", "[::1]")),
        ("http://localhost:5000", ("localhost", 5000, "/", "localhost:5000")),
        ("HTTPS://vpce.example:/A%20b", ("vpce.example", 443, "/A%20b", "vpce.example")),
    ],
)
def test_endpoint_of_the_environment_is_asked(
    monkeypatch: pytest.MonkeyPatch, url: str, parts: tuple[str, int, str, str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
    found = settings()
    assert (found.host, found.port, found.path, found.host_header()) == parts


def test_environment_is_read_at_each_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "first")
    assert settings().credentials.session_token == "first"
    monkeypatch.setenv("AWS_SESSION_TOKEN", "second")
    assert settings().credentials.session_token == "second"


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
def test_credentials_that_no_header_holds_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "canary\r\nX-Evil: 1")
    with pytest.raises(ConfigError, match="characters that no header can carry") as caught:
        TokenReader("s", source="direct").token()
    assert "canary" not in str(caught.value)
