"""StopReplicationToReplica, which moto does not know: a replica becomes a secret of its own.

API_StopReplicationToReplica.html: it keeps its name, its ARN and its value, and nothing changes it
through the former primary any more.
"""

import copy
from collections.abc import Callable
from typing import Any

from moto.backends import get_backend

from tests.strict_aws.versions import Refused


def promote(
    find: Callable[[str, str], Any], histories: dict[str, Any], region: str, params: dict[str, Any]
) -> dict[str, Any]:
    """Act, and answer; `find` finds moto's record, `histories` are those of versions by ARN.

    Raises Refused for what is not a replica.
    """
    replica = find(region, params["SecretId"])
    primary = getattr(replica, "source", None)
    if primary is None:
        raise Refused("InvalidRequestException", "the secret is not a replica")
    primary.replicas = [each for each in primary.replicas if each is not replica]
    promoted = copy.copy(primary)
    promoted.arn, promoted.region, promoted.replicas = replica.arn, region, []
    secrets = get_backend("secretsmanager")[replica.arn.split(":")[4]][region].secrets
    for key in [key for key, value in secrets.items() if value is replica]:
        dict.pop(secrets, key)
    secrets[promoted.name] = promoted
    history = histories[primary.arn]
    histories[promoted.arn] = type(history)(history.states[-1:])
    return {"ARN": promoted.arn}
