"""The tables behind `rotator.aws.errors`: names that AWS and its SDK use, and what they mean."""

from __future__ import annotations

__all__ = [
    "CREDENTIAL_SETTINGS",
    "ENDPOINT_VARIABLES",
    "IDENTITY_CODES",
    "NETWORK_ERRORS",
    "POLICIES",
    "PUBLIC_NAMES",
    "RENEW_KEYS",
    "RESPONSE_MEMBERS",
    "SETUP_PROBLEMS",
    "SOURCE_NAMES",
    "SOURCE_OF",
    "TEMPORARY_CODES",
    "THROTTLING_CODES",
]

THROTTLING_CODES = frozenset(
    [
        "KmsThrottled",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    ]
)
"""Codes by which a service asks for fewer calls: those of the SDK's standard retry mode that the
services called here can send, and `KmsThrottled` of SQS."""

# https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html, and those of
# STS and SSO. Any code with status 429 or 5xx is temporary as well.
TEMPORARY_CODES = THROTTLING_CODES | frozenset(
    [
        "IDPCommunicationError",
        "InternalFailure",
        "InternalServerException",
        "InternalServiceError",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
    ]
)

_NO_CREDENTIALS = (
    "AWS credentials: none found; set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
    " or run where a role is attached (instance metadata gave none either)"
)
SETUP_PROBLEMS = {
    "NoCredentialsError": _NO_CREDENTIALS,
    "PartialCredentialsError": (
        "AWS credentials: incomplete; access key id and secret access key belong together, and"
        " role_arn needs source_profile or credential_source"
    ),
    "UnknownCredentialError": (
        "AWS profile: its credential_source is none of Ec2InstanceMetadata, EcsContainer,"
        " Environment"
    ),
    "ImportError": (
        "AWS SDK: botocore cannot be imported; install it in this environment (pip install"
        " botocore), or let the reader ask the AWS Secrets Manager Agent or the Lambda extension"
    ),
    "NoRegionError": "AWS region: not set; set AWS_REGION, or a region in the AWS profile",
    "InvalidRegionError": "AWS region: is not the name of a region; set AWS_REGION",
    "ProfileNotFound": "AWS_PROFILE: there is no such profile in the AWS configuration",
    "ConfigParseError": "AWS configuration: the file cannot be parsed; correct it",
    "ConfigNotFound": "AWS configuration: a file that it names does not exist",
    "InvalidConfigError": (
        "AWS profile: its settings are incomplete or contradict each other; check role_arn,"
        " source_profile, credential_source and sso_session in the AWS configuration"
    ),
    "InvalidDefaultsMode": (
        "AWS_DEFAULTS_MODE: is not a mode that the AWS SDK knows; set standard, or leave it out"
    ),
    "InvalidSTSRegionalEndpointsConfigError": (
        "AWS_STS_REGIONAL_ENDPOINTS: is neither regional nor legacy; leave it out"
    ),
    "InvalidChecksumConfigError": (
        "AWS_REQUEST_CHECKSUM_CALCULATION or AWS_RESPONSE_CHECKSUM_VALIDATION: is neither"
        " when_supported nor when_required; leave it out"
    ),
    "InvalidProxiesConfigError": "AWS configuration: the settings of the proxy cannot be used",
}
"""By the name of the SDK's exception, subclasses included: what is wrong with the SDK's setup."""

IDENTITY_CODES = frozenset(
    [
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ]
)

PUBLIC_NAMES = (
    TEMPORARY_CODES
    | IDENTITY_CODES
    | frozenset(
        [
            "AccessDeniedException",
            "DecryptionFailure",
            "EncryptionFailure",
            "InvalidParameterException",
            "InvalidRequestException",
            "LimitExceededException",
            "PreconditionNotMetException",
            "ResourceExistsException",
            "ResourceNotFoundException",
            "secretsmanager:TagResource",
        ]
    )
)
"""Codes and actions that AWS documents for the calls here. They repeat no secret, although a secret
can have a part of them: `resource` is a field of the credentials."""

NETWORK_ERRORS = frozenset({"ConnectionError", "HTTPClientError"})

RENEW_KEYS = (
    "run `aws configure`, and in the same file replace or remove aws_session_token, which belongs"
    " to the old keys"
)
"""With new keys and the old session token AWS refuses the request as before."""

POLICIES = {
    "service control policy": "an administrator of the AWS organization has to change it",
    "resource control policy": "an administrator of the AWS organization has to change it",
    "vpc endpoint policy": "change the policy of the VPC endpoint",
    "resource-based policy": "change the resource policy of the {resource}",
    "permissions boundary": "change the permissions boundary of this role",
    "session policy": "change the policy that was passed when the role was assumed",
    "identity-based policy": "change the policies of this role",
}
"""The kinds of policy that IAM names in a denial, and where each is changed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""


CREDENTIAL_SOURCES = {
    "process": "ProcessProvider custom-process",
    "container": "ContainerProvider ContainerMetadataFetcher container-role EcsContainer",
    "metadata": "InstanceMetadataProvider InstanceMetadataFetcher IMDSFetcher iam-role"
    " Ec2InstanceMetadata InvalidIMDSEndpointError InvalidIMDSEndpointModeError",
    "web identity": "AssumeRoleWithWebIdentity AssumeRoleWithWebIdentityCredentialFetcher"
    " AssumeRoleWithWebIdentityProvider assume-role-with-web-identity",
    "role": "AssumeRole AssumeRoleCredentialFetcher AssumeRoleProvider assume-role"
    " RefreshWithMFAUnsupportedError",
    "sso": "GetRoleCredentials CreateToken SSOCredentialFetcher SSOError SSOProvider"
    " SSOTokenProvider TokenRetrievalError sso",
    "login": "CreateOAuth2Token LoginCredentialFetcher LoginError LoginProvider login",
}
"""By source, the names in botocore that show that it failed: of API actions, of exceptions, of
providers (`METHOD`), of classes in the traceback."""

SOURCE_OF = {name: source for source, names in CREDENTIAL_SOURCES.items() for name in names.split()}

SOURCE_NAMES = {
    "container": "the container credentials endpoint (AWS_CONTAINER_CREDENTIALS_*)",
    "login": "AWS sign-in",
    "metadata": "instance metadata",
    "role": "STS",
    "sso": "IAM Identity Center (SSO)",
    "web identity": "STS",
}

ENDPOINT_VARIABLES = {
    "AWS sign-in": "AWS_ENDPOINT_URL_SIGNIN",
    "IAM Identity Center (SSO)": "AWS_ENDPOINT_URL_SSO",
    "STS": "AWS_ENDPOINT_URL_STS",
    "Secrets Manager": "AWS_ENDPOINT_URL",
}
"""By service: the variable that sends the SDK to another server."""

RESPONSE_MEMBERS = {
    "login": ("expiresIn",),
    "role": ("Credentials",),
    "sso": ("roleCredentials",),
    "web identity": ("Credentials",),
}
"""By source, the response member that the SDK requires (KeyError): without it, the response is from
another server."""

_PROCESS = "credential_process of the AWS profile"
_TOKEN_FILE = "web identity token file (AWS_WEB_IDENTITY_TOKEN_FILE)"  # noqa: S105 - a setting
CREDENTIAL_SETTINGS = (
    ("process", "FileNotFoundError", f"{_PROCESS}: command not found; give its absolute path"),
    ("process", "OSError", f"{_PROCESS}: the command cannot be started; check its permissions"),
    (
        "process",
        "",
        f"{_PROCESS}: failed, or did not print valid credentials as JSON; run it by hand",
    ),
    (
        "sso",
        "ForbiddenException",
        "SSO does not grant this user the role; check sso_account_id and sso_role_name",
    ),
    ("sso", "", "the SSO session has expired or does not exist; run `aws sso login`"),
    (
        "login",
        "MissingDependencyException",
        "`aws login` needs the extra crt: pip install 'oauth-token-rotator[crt]'",
    ),
    ("login", "", "the session of `aws login` has expired or does not exist; run `aws login`"),
    (
        "role",
        "EOFError|GetPassWarning|RefreshWithMFAUnsupportedError",
        (
            "the AWS profile asks for an MFA code (mfa_serial), which a job cannot enter; use"
            " a profile or role without MFA"
        ),
    ),
    ("role", "ParamValidationError", "the role_arn of the AWS profile is not the ARN of a role"),
    (
        "web identity",
        "OSError|UnicodeDecodeError",
        f"{_TOKEN_FILE}: cannot be read; check its path, and that it is mounted",
    ),
    (
        "web identity",
        "parameter WebIdentityToken",
        f"{_TOKEN_FILE}: is empty or incomplete; check the program that writes it",
    ),
    ("web identity", "ParamValidationError", "AWS_ROLE_ARN: is not the ARN of a role"),
    (
        "container",
        "Unsupported host",
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI: the AWS SDK does not call this host over http; use"
            " https, loopback, or the address of ECS or EKS"
        ),
    ),
    (
        "container",
        "not a legal header",
        "the authorization token for the container credentials endpoint has line breaks",
    ),
    (
        "metadata",
        "InvalidIMDSEndpointError|InvalidIMDSEndpointModeError",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT or its mode is not valid",
    ),
)
"""Settings that keep a source from providing credentials: the source; names of exceptions, codes or
words of the SDK, any of which match; the message. The first match counts."""
