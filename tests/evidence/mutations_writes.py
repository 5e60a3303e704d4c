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
        "    if heads and not",
        "    if False and not",
        "tests/unit/rotation/test_probe.py -k whatever_the_body",
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
