"""Credentials near the limit of Secrets Manager: what could not be stored is not asked for.

64 KiB for one value (API reference, PutSecretValue: SecretString).
"""

import itertools

import pytest

from rotator.errors import CredentialsError
from tests.support.secret_providers import SecretFake
from tests.support.secret_world import CREDENTIALS, SecretWorld, each_kind, rotate_to_the_end

LIMIT_BYTES = 65_536
Make = type[SecretFake]


def filled_world(make: Make, left_bytes: int) -> SecretWorld:
    """Credentials with so much room left."""
    empty = SecretWorld.managed(make, notes="")
    size_bytes = len(empty.store.values[CREDENTIALS].encode())
    return SecretWorld.managed(make, notes="x" * (LIMIT_BYTES - size_bytes - left_bytes))


@each_kind
@pytest.mark.parametrize("dry_run", [False, True])
def test_no_client_secret_is_asked_for_that_could_not_be_stored(
    make: Make,
    dry_run: bool,  # noqa: FBT001
) -> None:
    world = filled_world(make, 300)

    error = world.refused(
        CredentialsError, "has no room for a second client secret", dry_run=dry_run
    )

    assert "nothing was changed" in str(error)
    assert [request.method for request in world.requests] in ([], ["GET"])
    assert (len(world.fake.secrets), world.state) == (1, {})


@each_kind
def test_rotation_that_has_room_to_begin_has_room_to_end(make: Make) -> None:
    def begins(left_bytes: int) -> bool:
        try:
            return filled_world(make, left_bytes).rotate(dry_run=True).outcome == "would_change"
        except CredentialsError:
            return False

    left_bytes = next(left for left in itertools.count(200, 50) if begins(left))
    world = filled_world(make, left_bytes)

    assert rotate_to_the_end(world) == "finished"
