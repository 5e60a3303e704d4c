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
        f"{CREDENTIALS} -k command_that",
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
    Mutation(
        "messages: a client secret in the environment is taken for a misspelling",
        "config/given.py",
        '    if name.removesuffix("s") in CREDENTIALS_FIELDS:\n',
        "    if not CREDENTIALS_FIELDS:\n",
        "tests/unit/test_config_variables.py -k what_the_credentials_secret_holds",
    ),
    Mutation(
        "messages: a pasted line of settings is stored as the client secret",
        "cli/client_settings.py",
        "    _refuse_named_value(text)\n",
        "",
        "tests/integration/cli/test_credentials_changes.py -k pasted_line",
    ),
    Mutation(
        "messages: the client secret is stored as the scope",
        "rotation/credentials.py",
        "if is_shown and isinstance(value, str) and value in client_secrets:",
        "if not is_shown and isinstance(value, str) and value in ():",
        "tests/unit/rotation/test_credentials.py -k in_no_other_field",
    ),
    Mutation(
        "messages: a client secret that is stored already is written again",
        "rotation/credentials.py",
        "_with_plain_secret(change(dict(fields))) == _with_plain_secret(fields)",
        "change(dict(fields)) == fields",
        "tests/unit/rotation/test_credentials.py -k not_written_again",
    ),
    Mutation(
        "messages: nobody learns which endpoint could not be reached",
        "aws/errors.py",
        'filter(None, [f"{operation}: {names[0]}", place_of_error(error)])',
        '[f"{operation}: {names[0]}"]',
        "tests/unit/aws/test_places.py -k unreachable",
    ),
)
