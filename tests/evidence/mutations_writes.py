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
)
