"""Breakages of what guards a client secret against caches, people and clocks around it."""

from tests.evidence.mutation import Mutation

ADD = "rotation/secret_add.py"
REMOVAL = "rotation/secret_removal.py"
REPLAYED = "tests/unit/rotation/test_client_secret_replayed.py"

SECRET_OUTSIDE_MUTATIONS = (
    Mutation(
        "new client secret: an id that was listed before counts as new",
        ADD,
        "    if added.listed.id in known:\n",
        "    if False:\n",
        f"{REPLAYED} -k is_not_stored",
    ),
    Mutation(
        "new client secret: a value that is stored counts as new",
        ADD,
        "    elif added.value in seen.credentials.client_secrets:\n",
        "    elif False:\n",
        f"{REPLAYED} -k is_not_stored",
    ),
    Mutation(
        "old client secret: the one that is kept can be ended",
        REMOVAL,
        "    if secret_id == kept.listed.id or (",
        "    if (",
        f"{REPLAYED} -k never_ended",
    ),
    Mutation(
        "old client secret: one of the value that is kept can be ended",
        REMOVAL,
        "(digest is not None and digest == digest_of(kept.value))",
        "(digest is None and digest == digest_of(kept.value))",
        f"{REPLAYED} -k never_ended",
    ),
    Mutation(
        "old client secret: a state that names one twice goes on",
        "rotation/secret_two_slots.py",
        "    if is_same_twice(rotation):\n",
        "    if False:\n",
        f"{REPLAYED} -k ends_and_deletes_nothing",
    ),
)
