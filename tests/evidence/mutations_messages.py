"""Breakages of what messages, results and the status tell people."""

from tests.evidence.mutation import Mutation

CREDENTIALS = "tests/integration/cli/test_credentials.py"

MESSAGE_MUTATIONS = (
    Mutation(
        "messages: an advised command leaves out the secret",
        "model/commands.py",
        "filter(None, ['rotator', name, secrets, options])",
        "filter(None, ['rotator', name, options])",
        f"{CREDENTIALS} -k 'command_that'",
    ),
)
