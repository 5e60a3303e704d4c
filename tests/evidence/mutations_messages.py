"""Breakages of what messages, results and the status tell people."""

from tests.evidence.mutation import Mutation

TOKENS = "tests/integration/cli/test_token_reports.py"
CREDENTIALS = "tests/integration/cli/test_credentials.py"

MESSAGE_MUTATIONS = (
    Mutation(
        "messages: an advised command leaves out the secret",
        "model/commands.py",
        "filter(None, ['rotator', name, secrets, options])",
        "filter(None, ['rotator', name, options])",
        f"{CREDENTIALS} -k 'command_that'",
    ),
    Mutation(
        "messages: unreadable credentials hide how long the token lives",
        "rotation/both_secrets.py",
        "        if not is_of_credentials or (",
        "        if is_of_credentials or (",
        f"{TOKENS} -k without_its_credentials",
    ),
    Mutation(
        "messages: an expired token is told as kept",
        "cli/run.py",
        "    if datetime.fromisoformat(expires_at) > datetime.now(UTC):\n",
        "    if expires_at:\n",
        f"{TOKENS} -k says_that_the_token_has_expired",
    ),
    Mutation(
        "messages: the status hides that readers use AWSPREVIOUS",
        "model/status.py",
        "valid.version_id if is_previous and valid else None",
        "None",
        f"{TOKENS} -k use_the_previous_version",
    ),
    Mutation(
        "messages: a token that is due for its credentials has a rotation at its age",
        "model/status.py",
        "min(next_rotation_at, now) if decision.due else next_rotation_at",
        "next_rotation_at",
        "tests/unit/model/test_status.py -k is_rotated_now",
    ),
)
