"""Breakages of what keeps a bad write from being made, or from being called a good one."""

from tests.evidence.mutation import Mutation

WRITE_MUTATIONS = {
    "a page of another server counts as a tag": Mutation(
        "aws/store.py",
        "        if not tags.items() <= self.describe(secret_id).tags.items():",
        "        if False:",
        "tests/integration/aws/test_store_connecting.py -k is_no_tag",
    ),
    "a foreign value with a key of ours is overwritten": Mutation(
        "rotation/overwrite.py",
        "keys <= TOKEN_FIELDS and (not keys",
        "not keys.isdisjoint(TOKEN_FIELDS) and (not keys",
        "tests/unit/rotation/test_whose_secret.py -k never_overwritten",
    ),
    "a mistaken name puts a token beside the client secret": Mutation(
        "rotation/overwrite.py",
        "    if not entries or is_named(entries, token_version.arn):\n",
        "    if True:\n",
        "tests/unit/rotation/test_rotate_shared.py -k no_first_token",
    ),
    "a refusal whose body is cut says nothing": Mutation(
        "transport/bounded.py",
        "    if head is not None and not",
        "    if False and not",
        "tests/unit/rotation/test_probe.py -k whatever_the_body",
    ),
    "a rotation writes the numbers of others anew": Mutation(
        "rotation/publish_token.py",
        "fields), like=before)",
        "fields))",
        "tests/unit/rotation/test_rotate_shared.py -k exact_numbers",
    ),
    "an edit writes the numbers of others anew": Mutation(
        "rotation/credentials.py",
        "write_object(fields, like=before, given",
        "write_object(fields, given",
        "tests/unit/rotation/test_credentials.py -k as_they_are_written",
    ),
    "the client secret is stored as the client id, which consumers can read": Mutation(
        "rotation/credentials.py",
        "    if problem is not None:\n        way_out =",
        "    if False:\n        way_out =",
        "tests/integration/cli/test_client_ids.py -k refused_by_set",
    ),
    "what names the provider is removed in silence": Mutation(
        "rotation/credentials.py",
        "    if removed and not any(settings.get(name) for name in PROVIDER_FIELDS):\n",
        "    if False:\n",
        "tests/integration/cli/test_credentials_changes.py -k names_the_provider",
    ),
    "client credentials are written into the secret of another application": Mutation(
        "model/stored.py",
        "    if meant and meant.isdisjoint(known):\n",
        "    if False:\n",
        "tests/integration/cli/test_credentials_changes.py -k another_application",
    ),
    "a foreign value does not keep init from binding its secret": Mutation(
        "rotation/setup.py",
        "    if has_content(version):\n",
        "    if False:\n",
        "tests/unit/rotation/test_setup.py -k of_somebody_else",
    ),
    "a misspelled token URL that is taken away means Adobe": Mutation(
        "rotation/credentials.py",
        "(meant_name(name) or name) in PROVIDER_FIELDS",
        "name in PROVIDER_FIELDS",
        "tests/integration/cli/test_pasted.py -k does_not_mean_adobe",
    ),
    "the numbers that init is given are written anew": Mutation(
        "rotation/setup.py",
        '"given": asked.text}',
        '"given": Secret("{}")}',
        "tests/integration/cli/test_pasted.py -k as_they_are_given",
    ),
    "half a character is written as it is": Mutation(
        "model/json_text.py",
        "    return _SURROGATE.sub(",
        "    return text or _SURROGATE.sub(",
        "tests/unit/rotation/test_rotate_shared.py -k half_a_character",
    ),
    "true is written as the 1 before it": Mutation(
        "model/json_text.py",
        "return json.dumps(one) == json.dumps(other)",
        "return one == other",
        "tests/unit/model/test_json_text.py -k another_in_json",
    ),
    "a refusal whose headers cannot be read says nothing": Mutation(
        "transport/bounded.py",
        "_bare_head(adapter.status)",
        "None",
        "tests/unit/transport/test_heads.py -k cannot_be_read_decides",
    ),
    "headers that cannot be parsed are logged": Mutation(
        "transport/connections.py",
        '        self.msg.set_payload("")\n',
        "",
        "tests/unit/transport/test_heads.py -k not_logged",
    ),
    "headers that contradict each other are tried again and again": Mutation(
        "transport/bounded.py",
        'the response has {framing}; {_REPORT}", False',
        'the response has {framing}; {_REPORT}", True',
        "tests/unit/transport/test_heads.py -k for_good",
    ),
    "a response that states two ends is read to one of them": Mutation(
        "wire/framing.py",
        "        if stated:\n",
        "        if not stated:\n",
        "tests/unit/wire/test_framing.py",
    ),
    "the job reads a body whose end nobody states": Mutation(
        "transport/connections.py",
        "        raise FramingError(problem)\n",
        "        del problem\n",
        "tests/evidence/test_hostile_endpoint.py -k Encoding",
    ),
    "a number of five thousand digits makes a token opaque": Mutation(
        "model/fields.py",
        "parse_int=parse_json_integer, ",
        "",
        "tests/unit/oauth/test_claims.py -k hides_no_other_claim",
    ),
    "the reader refuses a number of five thousand digits": Mutation(
        "reader/snapshot.py",
        "json.loads(text, parse_int=parse_json_integer, ",
        "json.loads(text, ",
        "tests/unit/reader/test_snapshot.py -k of_any_size",
    ),
    "the reader takes NaN for JSON": Mutation(
        "reader/snapshot.py",
        ", parse_constant=refuse_json_constant",
        "",
        "tests/unit/model/test_token_documents.py -k serve_in_python",
    ),
    "a response of another write is believed": Mutation(
        "aws/store.py",
        "        if is_of_this_write:\n",
        "        if True:\n",
        "tests/integration/aws/test_store.py -k of_another_write",
    ),
    "a stored token of another type is healthy": Mutation(
        "model/access_token.py",
        '    if not isinstance(token_type, str) or token_type.lower() != "bearer":\n',
        "    if not isinstance(token_type, str):\n",
        "tests/unit/rotation/test_rotate.py -k serves_nobody",
    ),
    "the reader serves a token of another type": Mutation(
        "reader/snapshot.py",
        'isinstance(token_type, str) and token_type.lower() == "bearer"',
        'isinstance(token_type, str) and token_type.strip().lower() == "bearer"',
        "tests/unit/model/test_token_documents.py -k serve_in_python",
    ),
    "an empty scope is the one that was asked for": Mutation(
        "oauth/response.py",
        "    if granted is None:\n        return expected.scope, ()",
        "    if not granted:\n        return expected.scope, ()",
        "tests/unit/oauth/test_response.py -k empty_scope",
    ),
    "a null in place of the token URL means Adobe": Mutation(
        "model/client_credentials.py",
        "        _refuse_null_provider(fields)\n",
        "",
        "tests/unit/model/test_client_credentials.py -k wrong_field",
    ),
    "a token URL that is taken away means Adobe": Mutation(
        "rotation/credentials.py",
        "    if before and not after:\n",
        "    if False:\n",
        "tests/unit/rotation/test_credentials.py -k taken_away",
    ),
}
