"""Breakages that no test noticed until somebody from outside tried them."""

from tests.evidence.mutation import Mutation

STORE = "tests/integration/aws/test_store.py"
GRANTS = "tests/repo/test_grants.py"
SCHEDULERS = "tests/repo/test_schedulers.py"
CONTAINER = "tests/repo/test_container.py"
CONTAINERFILE = "infra/container/Containerfile"
UPLOAD = "tests/repo/test_upload.py"
TEMPLATE = "infra/template.yaml"
MANIFEST = "infra/kubernetes/rotator.yaml"
VIA_SERVICE = "kms:ViaService: !Sub secretsmanager.${AWS::Region}.${AWS::URLSuffix}\n"
OF_FOREIGN = (
    "                ArnLike:\n                  kms:EncryptionContext:SecretARN: !Sub "
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
    "${TokenSecretName}-??????\n"
)

OUTSIDE_MUTATIONS = (
    Mutation(
        "the function mints to its last second",
        "app/aws_lambda/context.py",
        "RESERVE_S = 15.0",
        "RESERVE_S = 0.0",
        "tests/integration/aws/test_lambda_handler.py -k without_time",
    ),
    Mutation(
        "a stale variable wins over the token",
        "cli/execute.py",
        "    environment |= {name: text for name, text in variables.items() if text is not None}\n",
        "    environment = {k: t for k, t in variables.items() if t} | dict(os.environ)\n",
        "tests/integration/cli/test_exec.py -k stale",
    ),
    Mutation(
        "a batch gives whatever version it has",
        "aws/store.py",
        'if entry is not None and CURRENT in entry["VersionStages"]:',
        "if entry is not None:",
        f"{STORE} -k from_a_batch",
    ),
    Mutation(
        "the store waits for nearly two minutes",
        "aws/store.py",
        "read_timeout=10,",
        "read_timeout=100,",
        "tests/integration/aws/test_store_connecting.py -k calls_that_hang",
    ),
    Mutation(
        "the function decrypts with the key whatever it is used for",
        TEMPLATE,
        "                      kms:EncryptionContext:SecretARN:\n"
        "                        - !GetAtt TokenSecret.Id\n",
        "                      kms:CallerAccount:\n"
        "                        - !GetAtt TokenSecret.Id\n",
        f"{GRANTS} -k two_secrets",
    ),
    Mutation(
        "consumers use the key without Secrets Manager",
        TEMPLATE,
        f"                  {VIA_SERVICE}"
        "                  kms:EncryptionContext:SecretARN: !GetAtt TokenSecret.Id\n",
        "                  kms:EncryptionContext:SecretARN: !GetAtt TokenSecret.Id\n",
        f"{GRANTS} -k through_secrets_manager or consumers_decrypt",
    ),
    Mutation(
        "foreign consumers decrypt every secret of the key",
        TEMPLATE,
        OF_FOREIGN,
        "",
        f"{GRANTS} -k foreign",
    ),
    Mutation(
        "everybody is a foreign consumer",
        TEMPLATE,
        'Principal: { AWS: !Split [",", !Ref ConsumerPrincipalArns] }',
        'Principal: { AWS: "*" }',
        f"{GRANTS} -k foreign",
    ),
    Mutation(
        "any schedule takes the role",
        TEMPLATE,
        "${AWS::AccountId}:schedule-group/default",
        "${AWS::AccountId}:*",
        f"{GRANTS} -k schedule",
    ),
    Mutation(
        "another account publishes to the topic",
        TEMPLATE,
        "              StringEquals: { aws:SourceAccount: !Ref AWS::AccountId }\n",
        "              StringEquals: {}\n",
        f"{GRANTS} -k topic",
    ),
    Mutation(
        "a pod that starts late does not start",
        MANIFEST,
        "startingDeadlineSeconds: 900",
        "startingDeadlineSeconds: 5",
        f"{SCHEDULERS} -k no_tick",
    ),
    Mutation(
        "a pod has no time for the image",
        MANIFEST,
        "activeDeadlineSeconds: 600",
        "activeDeadlineSeconds: 60",
        f"{SCHEDULERS} -k pile_up",
    ),
    Mutation(
        "the client's key is written to a node's disk",
        MANIFEST,
        "medium: Memory, ",
        "",
        f"{SCHEDULERS} -k to_memory",
    ),
    Mutation(
        "a pod has no folder to write to",
        MANIFEST,
        "mountPath: /tmp",
        "mountPath: /scratch",
        f"{SCHEDULERS} -k to_memory",
    ),
    Mutation(
        "services of the namespace become settings",
        MANIFEST,
        "          enableServiceLinks: false\n",
        "",
        f"{SCHEDULERS} -k namespace",
    ),
    Mutation(
        "the image has a base of somebody's choice",
        CONTAINERFILE,
        "ARG BASE\n",
        "ARG BASE=python:3\n",
        f"{CONTAINER} -k base",
    ),
    Mutation(
        "the image takes whatever the registry has",
        CONTAINERFILE,
        '"--require-hashes", ',
        "",
        f"{CONTAINER} -k hash",
    ),
    Mutation(
        "the image runs as root",
        CONTAINERFILE,
        "USER 65532:65532\n",
        "",
        f"{CONTAINER} -k number",
    ),
    Mutation(
        "the Terraform module has another default than the template",
        "infra/template.yaml",
        "    Default: 2700\n",
        "    Default: 3600\n",
        "tests/repo/test_terraform.py -k variables",
    ),
    Mutation(
        "the Terraform module forgets a parameter",
        "infra/terraform/main.tf",
        "= var.probe_url\n",
        "= var.cadence\n",
        "tests/repo/test_terraform.py -k reaches",
    ),
    Mutation(
        "an object of somebody else is deployed",
        "infra/upload.py",
        'if json.loads(found.stdout).get("ChecksumSHA256") != checksum(package):',
        "if not found.stdout:",
        f"{UPLOAD} -k not_built_here",
    ),
    Mutation(
        "anybody's bucket will do",
        "infra/upload.py",
        '"--bucket", name, "--expected-bucket-owner", owner)',
        '"--bucket", name)',
        f"{UPLOAD} -k owner",
    ),
    Mutation(
        "code that was replaced runs",
        "infra/upload.py",
        'if running["CodeSha256"] != checksum(package):',
        "if not running:",
        f"{UPLOAD} -k that_runs",
    ),
    Mutation(
        "one wrong announcement costs a week",
        "rotation/mint.py",
        "return not is_long and minted.expires_at <= stored.expires_at",
        "return minted.expires_at <= stored.expires_at",
        "tests/evidence/test_evidence.py -k provider_makes",
    ),
    Mutation(
        "a secret in a disguise is shown",
        "transport/redaction.py",
        "return REDACTED if self._disguises.appear_in(shown, is_patched=is_patched) else shown",
        "return shown",
        "tests/unit/transport/test_redaction.py -k disguise",
    ),
    Mutation(
        "a secret in pieces is shown",
        "transport/disguise.py",
        "            or self._is_scattered_in(each, chars)\n",
        "",
        "tests/unit/transport/test_scattered_echoes.py -k pieces",
    ),
    Mutation(
        "a crash reporter shows what is written",
        "aws/store.py",
        """        secrets = {} if text is None else {"SecretString": text}\n""",
        """        secrets = {}
        params |= {} if text is None else {"SecretString": text.reveal()}\n""",
        "tests/unit/app/test_crash_reports.py -k denied_write",
    ),
    Mutation(
        "a crash reporter shows the frames of a run",
        "rotation/rotate.py",
        "        raise error.with_traceback(None) from None\n",
        "        raise\n",
        "tests/unit/app/test_crash_reports.py -k frames",
    ),
    Mutation(
        "a crash reporter shows the management token",
        "client_admin/adapter.py",
        "        request = _request(self._adapter, self._target, call, token, client_id)\n",
        "        plain = token.reveal()\n"
        "        request = _request(self._adapter, self._target, call, token, client_id)\n",
        "tests/unit/app/test_crash_reports.py -k management",
    ),
    Mutation(
        "what was sent comes back as AWS's error code",
        "aws/store.py",
        "            drop_echoed_code(error, secrets.values())\n",
        "",
        "tests/unit/aws/test_echoed_codes.py -k repeats",
    ),
    Mutation(
        "a token is taken for AWS's error code",
        "aws/error_details.py",
        "isinstance(code, str) and code.isascii() and code.isalpha()",
        "isinstance(code, str) and code.isidentifier()",
        "tests/unit/aws/test_echoed_codes.py -k reader",
    ),
    Mutation(
        "management credentials serve who names them",
        "app/client_secret.py",
        "if version.arn != seen.version.arn and not has_consent(named.admin_of, seen.version.arn):",
        "if False:",
        "tests/unit/client_admin/test_consent.py",
    ),
    Mutation(
        "a key in the token URL is published",
        "oauth/response.py",
        "token_url=without_query(expected.token_url),",
        "token_url=expected.token_url,",
        "tests/unit/oauth/test_echoes_that_would_be_published.py -k query",
    ),
    Mutation(
        "an access token that holds the client secret is published",
        "oauth/response.py",
        "    _refuse_echo(expected, access_token=token, scope=scope)\n",
        "",
        "tests/unit/oauth/test_echoes_that_would_be_published.py",
    ),
    Mutation(
        "a secret in an encoded claim is published",
        "transport/disguise.py",
        "WHOLE_DEPTH = 1",
        "WHOLE_DEPTH = 0",
        "tests/unit/oauth/test_echoes_that_would_be_published.py",
    ),
    Mutation(
        "a token of another party is published",
        "oauth/claims.py",
        'CLIENT_CLAIMS = ("client_id", "azp")',
        'CLIENT_CLAIMS = ("client_id",)',
        "tests/unit/oauth/test_claims.py -k another_client",
    ),
    Mutation(
        "a token of another client of Entra ID is published",
        "oauth/claims.py",
        '        return (*CLIENT_CLAIMS, "appid")\n',
        "        return CLIENT_CLAIMS\n",
        "tests/unit/oauth/test_claims.py -k another_client",
    ),
    Mutation(
        "a token of another client of Okta is published",
        "oauth/claims.py",
        '        return (*CLIENT_CLAIMS, "cid")\n',
        "        return CLIENT_CLAIMS\n",
        "tests/unit/oauth/test_claims.py -k another_client",
    ),
    Mutation(
        "a token with a company in it is taken for another client's",
        "oauth/claims.py",
        'token_id.startswith("AT.")',
        'token_id.startswith("")',
        "tests/unit/oauth/test_claims.py -k own_words_agree",
    ),
    Mutation(
        "a token for later is published",
        "oauth/claims.py",
        '_number(claims, "nbf") > asked_s + CLOCK_SKEW_S',
        '_number(claims, "nbf") < 0',
        "tests/unit/oauth/test_claims.py -k for_later",
    ),
    Mutation(
        "the provider's clock may be off by eight hours",
        "oauth/claims.py",
        "CLOCK_SKEW_S = 300",
        "CLOCK_SKEW_S = 30_000",
        "tests/unit/oauth/test_claims.py -k clock_of_a_provider",
    ),
    Mutation(
        "the age of a token is taken for a provider's clock that is behind",
        "oauth/claims.py",
        "else max(asked_s, life.issued_s)",
        "else life.issued_s",
        "tests/unit/oauth/test_claims.py -k ends_as_it_says_itself",
    ),
    Mutation(
        "a provider's clock that is behind ends its tokens early",
        "transport/clock_skew.py",
        "asked_at.timestamp() - response_age(headers) - server_s - 1)",
        "0.0)",
        "tests/unit/oauth/test_claims.py -k clock_of_a_provider",
    ),
    Mutation(
        "a token lives on while a cache has it",
        "oauth/response.py",
        "return announced_s - age_s, (",
        "return announced_s, (",
        "tests/unit/oauth/test_claims.py -k time_in_a_cache",
    ),
    Mutation(
        "a client id in another case is the same client",
        "oauth/claims.py",
        "    return ours == other\n",
        "    return ours.lower() == other.lower()\n",
        "tests/unit/oauth/test_claims.py -k another_client",
    ),
    Mutation(
        "a claim of another JSON type names no other client",
        "oauth/claims.py",
        "    if not names:\n        raise",
        "    if False:\n        raise",
        "tests/unit/oauth/test_claims.py -k another_client",
    ),
    Mutation(
        "slow refusals are called temporary",
        "oauth/endpoint.py",
        "if position > NEEDED_SECRETS and error.retryable and retry.is_over():",
        "if False:",
        "tests/unit/oauth/test_refusals.py -k slow",
    ),
    Mutation(
        "each label moved by hand costs a wait",
        "rotation/publish.py",
        "ordinal, current = _skip_taken(seen, ordinal + 1, store=store)",
        "ordinal += 1",
        "tests/unit/rotation/test_rotate.py -k moved_by_hand",
    ),
    Mutation(
        "a rival is taken for a version moved by hand",
        "rotation/publish.py",
        '        if "AWSCURRENT" in holder.stages:\n            return ordinal, holder\n',
        "",
        "tests/unit/rotation/test_rotate.py -k passed_over",
    ),
    Mutation(
        "a proxy's page is read as a secret",
        "reader/secrets_manager.py",
        "if answer.keys() & _MEMBERS:",
        "if True:",
        "tests/integration/aws/test_store_connecting.py -k another_server",
    ),
    Mutation(
        "a failed re-read uses up the pause",
        "reader/refresher.py",
        "    if not failures:\n",
        "    if True:\n",
        "tests/unit/reader/test_recovery.py -k reread",
    ),
    Mutation(
        "what readers read is called unusable",
        "model/status.py",
        'health="overdue" if valid else "unusable"',
        'health="unusable"',
        "tests/unit/model/test_status.py -k readers_take",
    ),
)
