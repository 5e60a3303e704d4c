"""Signatures by AWS's published examples, and by botocore on many generated requests."""

import random
import string
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import botocore.credentials
import pytest
from botocore.awsrequest import AWSRequest

from rotator.reader.sigv4 import Credentials, sign

# The AWS Signature Version 4 test suite: its credentials, scope and time.
EXAMPLE = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
EXAMPLE_AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
HOST = {"Host": "example.amazonaws.com"}
REQUESTS = 10_000


@pytest.mark.parametrize(
    ("method", "headers", "path", "signature"),
    [
        ("GET", {}, "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", {}, "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("GET", {}, "/./", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET", {}, "/a/..", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET", {}, "//", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "GET",
            {"My-Header1": " value1", "My-Header2": ' "a   b   c"'},
            "/",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
    ],
)
def test_published_vector(method: str, headers: dict[str, str], path: str, signature: str) -> None:
    signed = sign(
        method,
        path,
        HOST | headers,
        b"",
        credentials=Credentials(*EXAMPLE, ""),
        region="us-east-1",
        service="service",
        at=EXAMPLE_AT,
    )
    assert signed["X-Amz-Date"] == "20150830T123600Z"
    assert signed["Authorization"].endswith(f"Signature={signature}")
    assert (
        "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
        in (signed["Authorization"])
    )


def by_botocore(
    path: str, headers: dict[str, str], body: bytes, keys: tuple[str, str, str], region: str
) -> AWSRequest:
    request = AWSRequest(
        "POST", f"https://{headers['Host']}{path}", headers=dict(headers), data=body
    )
    request.context["timestamp"] = headers["X-Amz-Date"]
    access_key_id, secret_access_key, token = keys
    credentials = botocore.credentials.Credentials(access_key_id, secret_access_key, token or None)
    auth: Any = botocore.auth.SigV4Auth(credentials, "secretsmanager", region)
    auth._modify_request_before_signing(request)  # noqa: SLF001 - `add_auth` asks the clock
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(to_sign, request))  # noqa: SLF001
    return request


@pytest.mark.untraced
def test_signature_is_that_of_botocore_on_ten_thousand_requests() -> None:
    choices = random.Random(20150830)  # noqa: S311 - the same in each run

    def text(characters: str, most: int, *, least: int = 1) -> str:
        return "".join(choices.choices(characters, k=choices.randint(least, most)))

    segments = ["", ".", "..", "a", "b c", "%20", "~x", "é", "stage-1", "a=b", "%2F"]
    for _ in range(REQUESTS):
        path = "/" + "/".join(choices.choices(segments, k=choices.randint(0, 4)))
        at = float(choices.randint(1_000_000_000, 2_000_000_000))
        keys = (
            text(string.ascii_uppercase + string.digits, 20),
            text(string.ascii_letters + "+/=", 40),
            text(string.ascii_letters + "+/=", 400) if choices.random() < 0.7 else "",
        )
        host = choices.choice(["secretsmanager.eu-west-1.amazonaws.com", "[::1]:8443", "h:81"])
        headers = {
            "Host": host,
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": text(string.ascii_letters + "  .", 30),
            f"X-{text(string.ascii_letters, 8)}": f" {text(string.printable[:95], 30)} ",
        }
        body = choices.randbytes(choices.randint(0, 60))
        region = text(string.ascii_lowercase + "-", 12)
        signed = sign(
            "POST",
            path,
            headers,
            body,
            credentials=Credentials(*keys),
            region=region,
            service="secretsmanager",
            at=at,
        )
        theirs = by_botocore(
            path, headers | {"X-Amz-Date": signed["X-Amz-Date"]}, body, keys, region
        )
        assert signed["Authorization"] == theirs.headers["Authorization"]
        assert signed.get("X-Amz-Security-Token") == theirs.headers.get("X-Amz-Security-Token")


def test_session_token_is_sent_and_signed() -> None:
    options = {"region": "eu-west-1", "service": "secretsmanager", "at": EXAMPLE_AT}
    signed = sign("POST", "/", HOST, b"", credentials=Credentials(*EXAMPLE, "T"), **options)  # type: ignore[arg-type]
    assert signed["X-Amz-Security-Token"] == "T"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in signed["Authorization"]


def test_credentials_do_not_show_themselves() -> None:
    assert "canary" not in repr(Credentials("canary", "canary", "canary"))
