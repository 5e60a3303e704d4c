"""Breakages of native rotation: its healing, its order, and whose token it hands out."""

from tests.evidence.mutation import Mutation

NATIVE = "rotation/native.py"
STEPS = "tests/integration/aws/test_native_rotation.py"
HANDLER = "tests/integration/aws/test_lambda_rotation.py"
EVIDENCE = "tests/evidence/test_native.py"

NATIVE_MUTATIONS = {
    "native rotation: a waiting token is kept however old it is": Mutation(
        NATIVE,
        "or _reason_if_due(rotation, assessment, token):",
        "or False:",
        f"{STEPS} -k grown_old",
    ),
    "native rotation: a waiting token is kept although the API refuses it": Mutation(
        NATIVE,
        "    except ProbeError:\n        return False\n",
        "    except ProbeError:\n        return True\n",
        f"{STEPS} -k refuses_later",
    ),
    "native rotation: the label stays where nothing was published": Mutation(
        NATIVE,
        "    rotation.drop_pending()\n    return",
        "    return",
        f"{STEPS} -k fresh_token_is_kept",
    ),
    "native rotation: the label goes in the first step": Mutation(
        NATIVE,
        "        return unchanged_result(run, assessment)",
        "        rotation.drop_pending()\n        return unchanged_result(run, assessment)",
        f"{STEPS} -k fresh_token_is_kept",
    ),
    "native rotation: the label stays on the current version": Mutation(
        NATIVE,
        "            rotation.drop_pending()\n            return",
        "            return",
        f"{STEPS} -k does_not_block",
    ),
    "native rotation: the last step publishes over a fresh token": Mutation(
        NATIVE,
        "        if rotation.is_current(assessment) or not assessment.decision.due:",
        "        if rotation.is_current(assessment):",
        f"{STEPS} -k published_meanwhile",
    ),
    "native rotation: the id of the successor is not taken": Mutation(
        NATIVE,
        "self.store.put_labelled(secret.secret_id, text, version_id=version_id, stage=CLAIM)",
        "del text, version_id",
        f"{EVIDENCE} -k scheduled",
    ),
    "native rotation: the token becomes current under another id than the announced one": Mutation(
        NATIVE,
        "        store=rotation,\n",
        "        store=rotation.store,\n",
        f"{STEPS} -k four_steps",
    ),
    "native rotation: a token that could not serve becomes current": Mutation(
        NATIVE,
        "            problem = token\n        elif _makes_current",
        "            pass\n        if _makes_current",
        f"{STEPS} -k other_credentials",
    ),
    "native rotation: the only active token waits": Mutation(
        NATIVE,
        "    if assessment.provider.single_active or assessment.is_shared:",
        "    if assessment.is_shared:",
        f"{STEPS} -k one_active",
    ),
    "native rotation: a tag needs no consent": Mutation(
        "app/native.py",
        "is_tagged=self._is_tagged)\n        return",
        "is_tagged=False)\n        return",
        f"{HANDLER} -k without_consent",
    ),
    "native rotation: the RotationToken goes nowhere": Mutation(
        "aws/rotation_store.py",
        '            self._put_secrets = {"RotationToken": rotation_token}',
        "            pass",
        f"{STEPS} -k rotation_token",
    ),
}
