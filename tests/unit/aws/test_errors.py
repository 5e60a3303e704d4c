"""What an error of AWS is told as; the expectations are IAM's, the API reference's and arithmetic.

Where credentials come from is tested with real sources: tests/integration/aws.
"""

import ssl
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidIMDSEndpointError,
    MetadataRetrievalError,
    ParamValidationError,
    RefreshWithMFAUnsupportedError,
    SSLError,
    TokenRetrievalError,
)
from urllib3.exceptions import SSLError as TransportSslError

from rotator.aws.errors import explain_error, explain_error_response
from rotator.errors import ConfigError, RotatorError, StoreError, VersionConflict
from rotator.model.policy import VERSIONS_PER_DAY

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/token-AbCdEf"
NOT_AUTHORIZED = (
    "User: arn:aws:sts::123456789012:assumed-role/kms-scp/x is not authorized to perform:"
    f" secretsmanager:GetSecretValue on resource: {ARN}"
)


def refused(
    code: str, message: str = "", *, operation: str = "GetSecretValue", status: int = 400
) -> RotatorError:
    response: Any = {
        "Error": {"Code": code, "Message": f"{message} canary"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    error = explain_error(
        ClientError(response, operation), operation=operation, secret_id="app/token"
    )
    assert "canary" not in str(error)
    assert str(error).startswith("secret app/token: ")
    return error


@pytest.mark.parametrize(
    ("policy", "owner"),
    [
        ("a service control policy", "AWS organization"),
        ("a resource control policy", "AWS organization"),
        ("a VPC endpoint policy", "policy of the VPC endpoint"),
        ("a resource-based policy", "resource policy of the secret"),
        ("a permissions boundary", "permissions boundary of this role"),
        ("a session policy", "when the role was assumed"),
        ("an identity-based policy", "policies of this role"),
    ],
)
def test_explicit_deny_names_the_kind_of_policy_and_who_can_change_it(
    policy: str, owner: str
) -> None:
    error = refused("AccessDeniedException", f"{NOT_AUTHORIZED} with an explicit deny in {policy}")
    assert f"access denied by an explicit deny in {policy}" in str(error)
    assert owner in str(error)
    assert "grant" not in str(error)  # no grant undoes a deny


@pytest.mark.parametrize("policy", ["VPC endpoint policy", "permissions boundary"])
def test_policy_that_only_fails_to_allow_is_named_too(policy: str) -> None:
    because = f"because no {policy} allows the secretsmanager:GetSecretValue action"
    error = refused("AccessDeniedException", f"{NOT_AUTHORIZED} {because}")
    assert f"access denied: no {policy} allows it" in str(error)
    assert "secretsmanager:GetSecretValue" in str(error)


def test_denial_by_the_key_policy_names_the_key() -> None:
    message = "is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:1:key/x"
    message += " with an explicit deny in a resource-based policy"
    error = refused("AccessDeniedException", message)
    assert "its KMS key refused (GetSecretValue) by an explicit deny" in str(error)
    assert "resource policy of the key" in str(error)


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("CreateSecret", "secretsmanager:TagResource"),
        ("CreateSecret", "kms:GenerateDataKey"),
        ("GetSecretValue", "kms:DescribeKey"),
        ("DescribeSecret", "secretsmanager:DescribeSecret"),
    ],
)
def test_advice_grants_the_action_that_aws_names(operation: str, action: str) -> None:
    message = f"User: {ARN} is not authorized to perform: {action} on resource: {ARN} because no"
    error = refused("AccessDeniedException", message, operation=operation)
    assert f"; grant {action} on " in str(error)
    assert str(error).count("grant") == 1


@pytest.mark.parametrize(
    "named", ["secretsmanager:p8e-Canary", "canary-horse:Abc", "a:B" + "c" * 60, ""]
)
def test_what_has_no_form_of_an_action_is_not_repeated(named: str) -> None:
    error = refused("AccessDeniedException", f"is not authorized to perform: {named} on {ARN}")
    assert "; grant secretsmanager:GetSecretValue on it to this role" in str(error)


def test_new_keys_need_the_end_of_the_old_session_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """`aws configure` asks for two keys; the token of the old ones stays where it is."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    for code in ("ExpiredTokenException", "UnrecognizedClientException"):
        assert "replace or remove aws_session_token" in str(refused(code))


def test_name_in_another_region_than_the_variable_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    missing: Any = {"Error": {"Code": "ResourceNotFoundException", "Message": "x"}}
    texts = {
        region: str(
            explain_error_response(
                missing, operation="GetSecretValue", secret_id="app/token", place=region
            )
        )
        for region in ("eu-west-1", "us-east-1, endpoint_url is x")
    }
    assert "check the name and AWS_REGION;" in texts["eu-west-1"]
    assert (
        "which an ARN or a setting names, not AWS_REGION" in texts["us-east-1, endpoint_url is x"]
    )


BEHIND = "Signature expired: 20260101T100000Z is now earlier than 20260101T101000Z"
AHEAD = "Signature not yet current: 20260101T110130Z is still later than 20260101T100500Z"


@pytest.mark.parametrize(
    ("message", "skew"),
    [
        (f"{BEHIND} (20260101T101500Z - 5 min.)", "15 min 0 s behind AWS's"),
        (f"{AHEAD} (20260101T100000Z + 5 min.)", "61 min 30 s ahead of AWS's"),
        ("Signature expired: long ago", "this host's clock is wrong"),
    ],
)
@pytest.mark.parametrize("code", ["InvalidSignatureException", "SignatureDoesNotMatch"])
def test_wrong_clock_is_told_with_its_error(code: str, message: str, skew: str) -> None:
    error = refused(code, message)
    assert skew in str(error)
    assert "NTP" in str(error)
    assert not error.retryable


def test_signature_for_another_region_names_the_region_and_blames_no_key() -> None:
    message = "Credential should be scoped to a valid region, not 'us-east-1'. "
    error = refused("InvalidSignatureException", message)
    assert "another region" in str(error)
    assert "AWS_REGION" in str(error)
    assert "aws configure" not in str(error)
    assert not error.retryable


@pytest.mark.parametrize(
    ("key_id", "advice"), [("", "; run `aws"), ("AKIAEXAMPLE", "; renew AWS_")]
)
def test_keys_of_the_environment_are_to_be_renewed_there(
    monkeypatch: pytest.MonkeyPatch, key_id: str, advice: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key_id)
    assert advice in str(refused("ExpiredTokenException"))


def test_wrong_key_is_no_wrong_clock() -> None:
    error = refused(
        "InvalidSignatureException", "The request signature we calculated does not match"
    )
    assert "does not accept these AWS credentials" in str(error)
    assert "clock" not in str(error)


REPLICA = (
    "Operation not permitted on a replica secret. Call must be made in primary secret's region."
)
MANAGED = "You can't perform this operation, the secret is managed by another service"
DELETED = "because it was marked for deletion."


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("InvalidParameterException", REPLICA, "is a replica"),
        ("InvalidRequestException", MANAGED, "is managed by another AWS service"),
        ("InvalidRequestException", DELETED, "is scheduled for deletion"),
    ],
)
@pytest.mark.parametrize("operation", ["PutSecretValue", "UpdateSecretVersionStage"])
def test_write_says_what_kind_of_secret_refuses_it(
    code: str, message: str, kind: str, operation: str
) -> None:
    error = refused(code, message, operation=operation)
    assert kind in str(error)
    assert not isinstance(error, VersionConflict)
    assert not error.retryable


def test_full_quota_of_versions_is_explained() -> None:
    """User guide, "AWS Secrets Manager quotas": about 100 versions, none of the last 24 h goes."""
    error = refused("LimitExceededException", operation="PutSecretValue")
    assert "about 100" in str(error)
    assert VERSIONS_PER_DAY == 100  # the policy counts on the same
    assert "24 hours" in str(error)
    assert "less often" in str(error)


def test_code_that_is_none_stays_out_of_the_message() -> None:
    error = refused("<b>\ncanary")
    assert isinstance(error, StoreError)
    assert "the response is not from Secrets Manager" in str(error)
    assert error.aws_code is None


def certificate_error() -> Exception:
    inner = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] canary")
    inner.verify_message = "self-signed certificate in certificate chain"
    return SSLError(endpoint_url="https://canary", error=TransportSslError(inner))


def test_refused_certificate_is_permanent_and_says_openssls_reason() -> None:
    error = explain_error(certificate_error(), operation="GetSecretValue", secret_id="s")
    assert "self-signed certificate in certificate chain" in str(error)
    assert "AWS_CA_BUNDLE" in str(error)
    assert not error.retryable


def test_other_trouble_with_tls_can_pass() -> None:
    error = SSLError(endpoint_url="https://canary", error=ssl.SSLEOFError(8, "EOF"))
    assert explain_error(error, operation="GetSecretValue", secret_id="s").retryable


def of_provider(name: str) -> Exception:
    return CredentialRetrievalError(provider=name, error_msg="canary")


@pytest.mark.parametrize(
    ("error", "kind", "retryable", "words"),
    [
        (of_provider("iam-role"), StoreError, True, "instance metadata"),
        (MetadataRetrievalError(error_msg="canary"), StoreError, False, "the AWS SDK failed"),
        (InvalidIMDSEndpointError(endpoint="canary"), ConfigError, False, "METADATA_SERVICE"),
        (RefreshWithMFAUnsupportedError(), ConfigError, False, "MFA"),
        (TokenRetrievalError(provider="sso", error_msg="canary"), ConfigError, False, "sso login"),
        (of_provider("custom-process"), ConfigError, False, "credential_process"),
    ],
)
def test_sources_name_themselves_also_without_a_traceback(
    error: Exception, kind: type[RotatorError], words: str, *, retryable: bool
) -> None:
    ours = explain_error(error, operation="GetSecretValue", secret_id="s")
    assert (type(ours), ours.retryable) == (kind, retryable)
    assert words in str(ours)
    assert "canary" not in str(ours)


class SSOError(Exception):
    """What a botocore of another age may raise: known to us by its name alone."""


def test_exceptions_are_known_by_name_whatever_botocore_is_installed() -> None:
    ours = explain_error(SSOError("canary"), operation="GetSecretValue", secret_id="s")
    assert isinstance(ours, ConfigError)
    assert "aws sso login" in str(ours)


def test_unreachable_service_is_not_taken_for_a_source_of_credentials() -> None:
    with pytest.raises(EndpointConnectionError) as caught:
        raise EndpointConnectionError(endpoint_url="https://canary")

    ours = explain_error(caught.value, operation="PutSecretValue", secret_id="s")
    assert str(ours).startswith("secret s: Secrets Manager cannot be reached (PutSecretValue")
    assert ours.retryable


@pytest.mark.parametrize(
    ("parameter", "named"),
    [
        ("SecretId", "is not a valid secret name or ARN"),
        ("RotationToken", "the AWS SDK refuses the value of RotationToken before it asks"),
    ],
)
def test_parameter_that_the_sdk_refuses_is_named_without_its_value(
    parameter: str, named: str
) -> None:
    report = f"Invalid length for parameter {parameter}, value: canary, valid min length: 36"
    error = explain_error(
        ParamValidationError(report=report), operation="PutSecretValue", secret_id="app/token"
    )

    assert isinstance(error, ConfigError)
    assert str(error).startswith(f"secret app/token: {named}")
    assert "canary" not in str(error)
