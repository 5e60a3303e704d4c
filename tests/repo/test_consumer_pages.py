"""What consumers copy from the pages and from examples/ is what the product makes and grants."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rotator.reader import direct_settings
from tests.support.templates import load, statements

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "rotator/schemas/token-secret.schema.json").read_text("utf-8"))
FIELDS = SCHEMA["properties"].keys()
CROSS_ACCOUNT = (ROOT / "docs" / "cross-account.md").read_text("utf-8")
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rotator/token-AbCdEf"
VALUES = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
    "TokenSecretName": "rotator/token",
    "TokenSecretArn": SECRET,
    "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555",
    "ConsumerPrincipalArns": "arn:aws:iam::210987654321:role/reader",
    "ForeignPrincipalArns": "arn:aws:iam::210987654321:role/reader",
}


def resolve(value: Any, values: dict[str, Any] = VALUES) -> Any:  # noqa: ANN401 - JSON
    """What CloudFormation makes of the functions that the grants use."""
    if isinstance(value, list):
        return [resolve(each, values) for each in value]
    if not isinstance(value, dict):
        return value
    match list(value.items()):
        case [("Ref", name)]:
            return values[name]
        case [("Fn::Sub", [str(text), dict(more)])]:
            return resolve({"Fn::Sub": text}, values | resolve(more, values))
        case [("Fn::Sub", str(text))]:
            return re.sub(r"\$\{([\w:]+)\}", lambda found: str(values[found[1]]), text)
        case [("Fn::Split", [separator, text])]:
            return resolve(text, values).split(separator)
        case [("Fn::Select", [index, items])]:
            return resolve(items, values)[index]
    return {name: resolve(inner, values) for name, inner in value.items()}


def documents(name: str) -> dict[str, dict[str, Any]]:
    text = (ROOT / "examples" / "kubernetes" / name).read_text("utf-8")
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def test_grants_across_accounts_are_those_of_the_templates() -> None:
    shown = [
        statements(json.loads(text))
        for text in re.findall(r"^```json\n(.*?)^```$", CROSS_ACCOUNT, re.MULTILINE | re.DOTALL)
    ]
    granted = statements(load("template.yaml")["Resources"]["Key"])
    of_consumers = statements(load("consumer-policy.yaml")["Resources"])
    expected = resolve(granted | of_consumers)

    assert [list(grants) for grants in shown] == [
        ["ForeignConsumersDecryptThroughSecretsManager"],
        ["ForeignConsumersRead"],
        ["ReadToken", "DecryptToken"],
    ]
    for name, statement in {
        name: each for grants in shown for name, each in grants.items()
    }.items():
        assert statement == expected[name], name


def test_page_of_the_reader_names_each_setting_that_needs_the_sdk() -> None:
    page = (ROOT / "docs" / "reader.md").read_text("utf-8")
    start = page.index("The SDK is used instead")
    named = set(re.findall(r"`([A-Z_]+)`", page[start : page.index("If the SDK isn't", start)]))
    known = {name.upper() for name in (*direct_settings.FOR_THE_SDK, *direct_settings.SWITCHES)}

    assert named == known | {"AWS_CA_BUNDLE"}  # which needs it only if it's a folder


def test_external_secret_takes_fields_that_are_there_often_enough() -> None:
    found = documents("external-secrets.yaml")
    spec = found["ExternalSecret"]["spec"]

    assert {entry["remoteRef"]["property"] for entry in spec["data"]} <= FIELDS
    assert {entry["secretKey"] for entry in spec["data"]} >= {"access_token", "expires_at"}
    assert re.fullmatch(r"[1-9]m|10m", spec["refreshInterval"])
    assert spec["secretStoreRef"]["name"] == found["SecretStore"]["metadata"]["name"]
    [volume] = found["Pod"]["spec"]["volumes"]
    assert volume["secret"]["secretName"] == spec["target"]["name"]


def test_secret_provider_class_takes_fields_that_are_there() -> None:
    found = documents("secrets-store-csi.yaml")
    [taken] = yaml.safe_load(found["SecretProviderClass"]["spec"]["parameters"]["objects"])
    [volume] = found["Pod"]["spec"]["volumes"]

    assert {entry["path"] for entry in taken["jmesPath"]} <= FIELDS
    assert {entry["objectAlias"] for entry in taken["jmesPath"]} >= {"access_token", "expires_at"}
    assert (
        volume["csi"]["volumeAttributes"]["secretProviderClass"]
        == found["SecretProviderClass"]["metadata"]["name"]
    )


def test_pods_read_the_token_from_files_that_follow_it() -> None:
    for name in ("external-secrets.yaml", "secrets-store-csi.yaml"):
        spec = documents(name)["Pod"]["spec"]
        [container] = spec["containers"]

        assert "env" not in container
        assert not any("subPath" in mount for mount in container["volumeMounts"])
        assert {mount["name"] for mount in container["volumeMounts"]} == {
            volume["name"] for volume in spec["volumes"]
        }


def test_shell_and_node_of_the_page_are_those_of_the_examples() -> None:
    page = (ROOT / "docs" / "other-languages.md").read_text("utf-8")
    for language, name, comment in (("sh", "read-token.sh", "#"), ("js", "token-reader.mjs", "//")):
        shown = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0]
        example = (ROOT / "examples" / name).read_text("utf-8")
        commented = "".join(
            f"{line.removeprefix(comment).strip()}\n" for line in example.splitlines()
        )
        for line in shown.split("\n"):
            assert line.strip() in commented, line


PAST, FUTURE = 1577836800, 4102444800
PAST_TEXT, FUTURE_TEXT = "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"


def printed_by_the_one_liner(**fields: object) -> str | None:
    """What the page's line prints for a secret with these fields; None if it fails."""
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("*** NO ONE-LINER: jq missing ***")
    page = (ROOT / "docs" / "other-languages.md").read_text("utf-8")
    (line,) = re.findall(r"jq -er \\\n +'([^']+)'", page)
    value = {"access_token": "t", "expires_at": FUTURE_TEXT, "expires_at_epoch": FUTURE} | fields
    done = subprocess.run(
        [jq, "-er", line], input=json.dumps(value), capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else None


@pytest.mark.parametrize(
    "fields", [{}, {"expires_at_epoch": str(FUTURE)}, {"token_type": "Bearer"}]
)
def test_one_liner_prints_a_good_token(fields: dict[str, object]) -> None:
    assert printed_by_the_one_liner(**fields) == "t\n"


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_at_epoch": PAST},
        {"expires_at_epoch": str(PAST)},
        {"expires_at": PAST_TEXT},
        {"expires_at_epoch": "later"},
        {"access_token": ""},
        {"access_token": None},
        {"token_type": "mac"},
    ],
    ids=str,
)
def test_one_liner_prints_no_token_that_cannot_be_used(fields: dict[str, object]) -> None:
    assert printed_by_the_one_liner(**fields) is None
