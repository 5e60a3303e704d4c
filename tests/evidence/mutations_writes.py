"""Breakages of what keeps a bad write from being made, or from being called a good one."""

from tests.evidence.mutation import Mutation

WRITE_MUTATIONS = (
    Mutation(
        "a foreign value with a key of ours is overwritten",
        "rotation/assess.py",
        "keys <= TOKEN_FIELDS",
        "not keys.isdisjoint(TOKEN_FIELDS)",
        "tests/unit/rotation/test_whose_secret.py -k never_overwritten",
    ),
    Mutation(
        "a refusal whose body is cut says nothing",
        "transport/bounded.py",
        "    if head is not None and not",
        "    if False and not",
        "tests/unit/rotation/test_probe.py -k whatever_the_body",
    ),
    Mutation(
        "a rotation writes the numbers of others anew",
        "rotation/publish_token.py",
        "fields), like=before)",
        "fields))",
        "tests/unit/rotation/test_rotate_shared.py -k exact_numbers",
    ),
    Mutation(
        "an edit writes the numbers of others anew",
        "rotation/credentials.py",
        "write_object(fields, like=before)",
        "write_object(fields)",
        "tests/unit/rotation/test_credentials.py -k as_they_are_written",
    ),
    Mutation(
        "half a character is written as it is",
        "model/json_text.py",
        "    return _HALF_PAIR.sub(",
        "    return text or _HALF_PAIR.sub(",
        "tests/unit/rotation/test_rotate_shared.py -k half_a_character",
    ),
    Mutation(
        "true is written as the 1 before it",
        "model/json_text.py",
        "return json.dumps(one) == json.dumps(other)",
        "return one == other",
        "tests/unit/model/test_json_text.py -k another_in_json",
    ),
    Mutation(
        "a refusal whose headers cannot be read says nothing",
        "transport/bounded.py",
        "_bare_head(adapter.status)",
        "None",
        "tests/unit/transport/test_heads.py -k cannot_be_read_decides",
    ),
    Mutation(
        "headers that contradict each other are tried again and again",
        "transport/bounded.py",
        'headers that differ; {_REPORT}", False',
        'headers that differ; {_REPORT}", True',
        "tests/unit/transport/test_heads.py -k for_good",
    ),
    Mutation(
        "a response of another write is believed",
        "aws/store.py",
        "        if is_of_this_write:\n",
        "        if True:\n",
        "tests/integration/aws/test_store.py -k of_another_write",
    ),
    Mutation(
        "a stored token of another type is healthy",
        "model/access_token.py",
        '    if token_type.lower() != "bearer":\n',
        "    if False:\n",
        "tests/unit/rotation/test_rotate.py -k serves_nobody",
    ),
    Mutation(
        "the reader serves a token of another type",
        "reader/snapshot.py",
        '    return token_type.strip().lower() == "bearer"',
        "    return True",
        "tests/unit/reader/test_snapshot.py -k another_type",
    ),
    Mutation(
        "an empty scope is the one that was asked for",
        "oauth/response.py",
        "    if granted is None:\n        return expected.scope, ()",
        "    if not granted:\n        return expected.scope, ()",
        "tests/unit/oauth/test_response.py -k empty_scope",
    ),
    Mutation(
        "a null in place of the token URL means Adobe",
        "model/client_credentials.py",
        "        _refuse_null_provider(fields)\n",
        "",
        "tests/unit/model/test_client_credentials.py -k wrong_field",
    ),
    Mutation(
        "a token URL that is taken away means Adobe",
        "rotation/credentials.py",
        "    if taken_away and not named:\n",
        "    if False:\n",
        "tests/unit/rotation/test_credentials.py -k taken_away",
    ),
)
