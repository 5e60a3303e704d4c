"""Breakages of native rotation: its healing, its order, and whose token it hands out."""

from tests.evidence.mutation import Mutation

NATIVE = "rotation/native.py"
STEPS = "tests/integration/aws/test_native_rotation.py"
HANDLER = "tests/integration/aws/test_lambda_rotation.py"
EVIDENCE = "tests/evidence/test_native.py"

NATIVE_MUTATIONS = (
    Mutation(
        "native rotation: a waiting token is kept however old it is",
        NATIVE,
        "or _reason_if_due(rotation, assessment, token):",
        "or False:",
        f"{STEPS} -k grown_old",
    ),
    Mutation(
        "native rotation: a waiting token is kept although the API refuses it",
        NATIVE,
        "    except ProbeError:\n        return False\n",
        "    except ProbeError:\n        return True\n",
        f"{STEPS} -k refuses_later",
    ),
    Mutation(
        "native rotation: the label stays where nothing was published",
        NATIVE,
        "    rotation.drop_pending()\n    return",
        "    return",
        f"{STEPS} -k fresh_token_is_kept",
    ),
    Mutation(
        "native rotation: the label goes in the first step",
        NATIVE,
        "        return untouched(run, assessment)",
        "        rotation.drop_pending()\n        return untouched(run, assessment)",
        f"{STEPS} -k fresh_token_is_kept",
    ),
    Mutation(
        "native rotation: the label stays on the current version",
        NATIVE,
        "            rotation.drop_pending()\n            return",
        "            return",
        f"{STEPS} -k does_not_block",
    ),
    Mutation(
        "native rotation: the last step publishes over a fresh token",
        NATIVE,
        "        if rotation.is_current(assessment) or not assessment.decision.due:",
        "        if rotation.is_current(assessment):",
        f"{STEPS} -k published_meanwhile",
    ),
    Mutation(
        "native rotation: the id of the successor is not taken",
        NATIVE,
        "self.store.put_labelled(secret.secret_id, text, version_id=version_id, stage=CLAIM)",
        "del text, version_id",
        f"{EVIDENCE} -k scheduled",
    ),
    Mutation(
        "native rotation: the token becomes current under another id than the announced one",
        NATIVE,
        "        store=rotation,\n",
        "        store=rotation.store,\n",
        f"{STEPS} -k four_steps",
    ),
    Mutation(
        "native rotation: a token that could not serve becomes current",
        NATIVE,
        '            problem = "holds no usable token"\n        elif _makes_current',
        "            pass\n        if _makes_current",
        f"{STEPS} -k other_credentials",
    ),
    Mutation(
        "native rotation: the only active token waits",
        NATIVE,
        "    if assessment.provider.single_active or assessment.is_shared:",
        "    if assessment.is_shared:",
        f"{STEPS} -k one_active",
    ),
    Mutation(
        "native rotation: a tag needs no consent",
        "app/native.py",
        "        if self._is_tagged:",
        "        if False:",
        f"{HANDLER} -k without_consent",
    ),
    Mutation(
        "native rotation: the RotationToken goes nowhere",
        "aws/rotation_store.py",
        '            secrets = {**secrets, "RotationToken": self._rotation_token}',
        "            pass",
        f"{STEPS} -k rotation_token",
    ),
)
