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

OUTSIDE_MUTATIONS = {
    "the function mints to its last second": Mutation(
        "app/aws_lambda/context.py",
        "RESERVE_S = 15.0",
        "RESERVE_S = 0.0",
        "tests/integration/aws/test_lambda_handler.py -k without_time",
    ),
    "a stale variable wins over the token": Mutation(
        "cli/execute.py",
        "    environment |= {name: text for name, text in variables.items() if text is not None}\n",
        "    environment = {k: t for k, t in variables.items() if t} | dict(os.environ)\n",
        "tests/integration/cli/test_exec.py -k stale",
    ),
    "a batch gives whatever version it has": Mutation(
        "aws/store.py",
        'if entry is not None and CURRENT in entry["VersionStages"]:',
        "if entry is not None:",
        f"{STORE} -k from_a_batch",
    ),
    "the store waits for nearly two minutes": Mutation(
        "aws/client_config.py",
        "read_timeout=10,",
        "read_timeout=100,",
        "tests/integration/aws/test_store_connecting.py -k calls_that_hang",
    ),
    "the function decrypts with the key whatever it is used for": Mutation(
        TEMPLATE,
        "                      kms:EncryptionContext:SecretARN:\n"
        "                        - !GetAtt TokenSecret.Id\n",
        "                      kms:CallerAccount:\n"
        "                        - !GetAtt TokenSecret.Id\n",
        f"{GRANTS} -k two_secrets",
    ),
    "consumers use the key without Secrets Manager": Mutation(
        TEMPLATE,
        f"                  {VIA_SERVICE}"
        "                  kms:EncryptionContext:SecretARN: !GetAtt TokenSecret.Id\n",
        "                  kms:EncryptionContext:SecretARN: !GetAtt TokenSecret.Id\n",
        f"{GRANTS} -k through_secrets_manager or consumers_decrypt",
    ),
    "foreign consumers decrypt every secret of the key": Mutation(
        TEMPLATE, OF_FOREIGN, "", f"{GRANTS} -k foreign"
    ),
    "everybody is a foreign consumer": Mutation(
        TEMPLATE,
        'Principal: { AWS: !Split [",", !Ref ConsumerPrincipalArns] }',
        'Principal: { AWS: "*" }',
        f"{GRANTS} -k foreign",
    ),
    "any schedule takes the role": Mutation(
        TEMPLATE,
        "${AWS::AccountId}:schedule-group/default",
        "${AWS::AccountId}:*",
        f"{GRANTS} -k schedule",
    ),
    "another account publishes to the topic": Mutation(
        TEMPLATE,
        "              StringEquals: { aws:SourceAccount: !Ref AWS::AccountId }\n",
        "              StringEquals: {}\n",
        f"{GRANTS} -k topic",
    ),
    "a pod that starts late does not start": Mutation(
        MANIFEST,
        "startingDeadlineSeconds: 900",
        "startingDeadlineSeconds: 5",
        f"{SCHEDULERS} -k no_tick",
    ),
    "a pod has no time for the image": Mutation(
        MANIFEST,
        "activeDeadlineSeconds: 600",
        "activeDeadlineSeconds: 60",
        f"{SCHEDULERS} -k pile_up",
    ),
    "the client's key is written to a node's disk": Mutation(
        MANIFEST, "medium: Memory, ", "", f"{SCHEDULERS} -k to_memory"
    ),
    "a pod has no folder to write to": Mutation(
        MANIFEST, "mountPath: /tmp", "mountPath: /scratch", f"{SCHEDULERS} -k to_memory"
    ),
    "services of the namespace become settings": Mutation(
        MANIFEST, "          enableServiceLinks: false\n", "", f"{SCHEDULERS} -k namespace"
    ),
    "the image has a base of somebody's choice": Mutation(
        CONTAINERFILE, "ARG BASE\n", "ARG BASE=python:3\n", f"{CONTAINER} -k base"
    ),
    "the image takes whatever the registry has": Mutation(
        CONTAINERFILE, '"--require-hashes", ', "", f"{CONTAINER} -k hash"
    ),
    "the image runs as root": Mutation(
        CONTAINERFILE, "USER 65532:65532\n", "", f"{CONTAINER} -k number"
    ),
    "the Terraform module has another default than the template": Mutation(
        "infra/template.yaml",
        "    Default: 2700\n",
        "    Default: 3600\n",
        "tests/repo/test_terraform.py -k variables",
    ),
    "the Terraform module forgets a parameter": Mutation(
        "infra/terraform/main.tf",
        "= var.probe_url\n",
        "= var.cadence\n",
        "tests/repo/test_terraform.py -k reaches",
    ),
    "an object of somebody else is deployed": Mutation(
        "infra/upload.py",
        'if json.loads(found.stdout).get("ChecksumSHA256") != checksum(package):',
        "if not found.stdout:",
        f"{UPLOAD} -k not_built_here",
    ),
    "anybody's bucket will do": Mutation(
        "infra/upload.py",
        '"--bucket", name, "--expected-bucket-owner", owner)',
        '"--bucket", name)',
        f"{UPLOAD} -k owner",
    ),
    "code that was replaced runs": Mutation(
        "infra/upload.py",
        'if running["CodeSha256"] != checksum(package):',
        "if not running:",
        f"{UPLOAD} -k that_runs",
    ),
    "one wrong announcement costs a week": Mutation(
        "rotation/mint.py",
        "return not is_long and minted.expires_at <= stored.expires_at",
        "return minted.expires_at <= stored.expires_at",
        "tests/evidence/test_evidence.py -k provider_makes",
    ),
    "a secret in a disguise is shown": Mutation(
        "transport/redaction.py",
        "return REDACTED if self._echoes.appear_in(shown, is_patched=is_patched) else shown",
        "return shown",
        "tests/unit/transport/test_redaction.py -k disguise",
    ),
    "a secret in pieces is shown": Mutation(
        "transport/encoded_echoes.py",
        "            or self._is_scattered_in(each, chars)\n",
        "",
        "tests/unit/transport/test_redaction.py -k pieces",
    ),
    "a secret in full-width letters is shown": Mutation(
        "transport/encoded_echoes.py",
        'yield unicodedata.normalize("NFKC", text)',
        "yield text",
        "tests/unit/transport/test_redaction.py -k full",
    ),
    "a crash reporter shows what is written": Mutation(
        "aws/store.py",
        """        secrets = {} if text is None else {"SecretString": text}\n""",
        """        secrets = {}
        params |= {} if text is None else {"SecretString": text.reveal()}\n""",
        "tests/unit/app/test_crash_reports.py -k denied_write",
    ),
    "a crash reporter shows the frames of a run": Mutation(
        "rotation/rotate.py",
        "        raise error.with_traceback(None) from None\n",
        "        raise\n",
        "tests/unit/app/test_crash_reports.py -k frames",
    ),
    "a crash reporter shows the management token": Mutation(
        "client_admin/adapter.py",
        "        request = _request(self._adapter, self._target, call, token, client_id)\n",
        "        plain = token.reveal()\n"
        "        request = _request(self._adapter, self._target, call, token, client_id)\n",
        "tests/unit/app/test_crash_reports.py -k management",
    ),
    "what was sent comes back as AWS's error code": Mutation(
        "aws/store.py",
        "            drop_echoed_code(error, secrets.values())\n",
        "",
        "tests/unit/aws/test_echoed_codes.py -k repeats",
    ),
    "a token is taken for AWS's error code": Mutation(
        "aws/error_details.py",
        "isinstance(code, str) and code.isascii() and code.isalpha()",
        "isinstance(code, str) and code.isidentifier()",
        "tests/unit/aws/test_echoed_codes.py -k reader",
    ),
    "management credentials serve who names them": Mutation(
        "app/client_secret.py",
        "if version.arn != seen.version.arn and not has_consent(named.admin_of, seen.version.arn):",
        "if False:",
        "tests/unit/client_admin/test_consent.py",
    ),
    "a key in the token URL is published": Mutation(
        "oauth/response.py",
        "token_url=strip_query(expected.token_url),",
        "token_url=expected.token_url,",
        "tests/unit/oauth/test_echoes_that_would_be_published.py -k query",
    ),
    "an access token that holds the client secret is published": Mutation(
        "oauth/response.py",
        "    _refuse_echo(expected, access_token=token, scope=scope)\n",
        "",
        "tests/unit/oauth/test_echoes_that_would_be_published.py",
    ),
    "a secret in an encoded claim is published": Mutation(
        "transport/encoded_echoes.py",
        "WHOLE_DEPTH = 1",
        "WHOLE_DEPTH = 0",
        "tests/unit/oauth/test_echoes_that_would_be_published.py",
    ),
    "a token of another party is published": Mutation(
        "oauth/claims.py",
        'CLIENT_CLAIMS = ("client_id", "azp")',
        'CLIENT_CLAIMS = ("client_id",)',
        "tests/unit/oauth/test_claims.py -k another_client",
    ),
    "a token of another client of Entra ID is published": Mutation(
        "oauth/claims.py",
        '        return (*CLIENT_CLAIMS, "appid")\n',
        "        return CLIENT_CLAIMS\n",
        "tests/unit/oauth/test_claims.py -k another_client",
    ),
    "a token of another client of Okta is published": Mutation(
        "oauth/claims.py",
        '        return (*CLIENT_CLAIMS, "cid")\n',
        "        return CLIENT_CLAIMS\n",
        "tests/unit/oauth/test_claims.py -k another_client",
    ),
    "a token with a company in it is taken for another client's": Mutation(
        "oauth/claims.py",
        'token_id.startswith("AT.")',
        'token_id.startswith("")',
        "tests/unit/oauth/test_claims.py -k own_words_agree",
    ),
    "a token for later is published": Mutation(
        "oauth/claims.py",
        '_number(claims, "nbf") > asked_s + CLOCK_SKEW_S',
        '_number(claims, "nbf") < 0',
        "tests/unit/oauth/test_claims.py -k for_later",
    ),
    "the provider's clock may be off by eight hours": Mutation(
        "oauth/claims.py",
        "CLOCK_SKEW_S = 300",
        "CLOCK_SKEW_S = 30_000",
        "tests/unit/oauth/test_claims.py -k clock_of_a_provider",
    ),
    "the age of a token is taken for a provider's clock that is behind": Mutation(
        "oauth/claims.py",
        "else max(asked_s, life.issued_s)",
        "else life.issued_s",
        "tests/unit/oauth/test_claims.py -k ends_as_it_says_itself",
    ),
    "a provider's clock that is behind ends its tokens early": Mutation(
        "transport/clock_skew.py",
        "or min(0.0, ahead_s + 1)",
        "",
        "tests/unit/oauth/test_claims.py -k date_is_behind",
    ),
    "a token outlives its end by a provider's clock that is ahead": Mutation(
        "transport/clock_skew.py",
        "max(0.0, ahead_s) or",
        "",
        "tests/unit/oauth/test_claims.py -k date_is_ahead",
    ),
    "a token lives on while a cache has it": Mutation(
        "oauth/response.py",
        "return announced_s - age_s, (",
        "return announced_s, (",
        "tests/unit/oauth/test_claims.py -k time_in_a_cache",
    ),
    "a client id in another case is the same client": Mutation(
        "oauth/claims.py",
        "    return ours == other\n",
        "    return ours.lower() == other.lower()\n",
        "tests/unit/oauth/test_claims.py -k another_client",
    ),
    "a claim of another JSON type names no other client": Mutation(
        "oauth/claims.py",
        "    if not names:\n        raise",
        "    if False:\n        raise",
        "tests/unit/oauth/test_claims.py -k another_client",
    ),
    "slow refusals are called temporary": Mutation(
        "oauth/endpoint.py",
        "if position > NEEDED_SECRETS and error.retryable and retry.is_over():",
        "if False:",
        "tests/unit/oauth/test_refusals.py -k slow",
    ),
    "each label moved by hand costs a wait": Mutation(
        "rotation/publish.py",
        "ordinal, current = _skip_taken(seen, ordinal + 1, store=store)",
        "ordinal += 1",
        "tests/unit/rotation/test_rotate.py -k moved_by_hand",
    ),
    "a rival is taken for a version moved by hand": Mutation(
        "rotation/publish.py",
        '        if "AWSCURRENT" in holder.stages:\n            return ordinal, holder\n',
        "",
        "tests/unit/rotation/test_rotate.py -k passed_over",
    ),
    "a proxy's page is read as a secret": Mutation(
        "reader/secrets_manager.py",
        "if response.keys() & _MEMBERS:",
        "if True:",
        "tests/integration/aws/test_store_connecting.py -k another_server",
    ),
    "a failed re-read uses up the pause": Mutation(
        "reader/refresher.py",
        "    if not failures:\n",
        "    if True:\n",
        "tests/unit/reader/test_recovery.py -k reread",
    ),
    "what readers read is called unusable": Mutation(
        "model/status.py",
        'health="overdue" if valid else "unusable"',
        'health="unusable"',
        "tests/unit/model/test_status.py -k readers_take",
    ),
}
