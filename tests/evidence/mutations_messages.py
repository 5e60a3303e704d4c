"""Breakages of what messages, results and the status tell people."""

from tests.evidence.mutation import Mutation

TOKENS = "tests/integration/cli/test_token_reports.py"
CREDENTIALS = "tests/integration/cli/test_credentials.py"
PROMPTS = "tests/integration/cli/test_prompts.py"

MESSAGE_MUTATIONS = {
    "messages: a stored client id that holds a client secret is shown": Mutation(
        "cli/credentials.py",
        '"***" if credentials.problem_with_client_id else credentials.client_id',
        "credentials.client_id",
        "tests/integration/cli/test_client_ids.py -k not_shown",
    ),
    "messages: a client secret in place of a name is sent to AWS and repeated": Mutation(
        "model/client_id.py",
        "return re.match(_P8E, name) is not None",
        "return False",
        "tests/integration/cli/test_secret_names.py",
    ),
    "messages: an advised command leaves out the secret": Mutation(
        "model/commands.py",
        "filter(None, ['rotator', name, secrets, options])",
        "filter(None, ['rotator', name, options])",
        f"{CREDENTIALS} -k command_that",
    ),
    "messages: unreadable credentials hide how long the token lives": Mutation(
        "rotation/both_secrets.py",
        "        if not is_of_credentials or (",
        "        if is_of_credentials or (",
        f"{TOKENS} -k without_its_credentials",
    ),
    "messages: an expired token is told as kept": Mutation(
        "cli/run.py",
        "    if datetime.fromisoformat(expires_at) > datetime.now(UTC):\n",
        "    if expires_at:\n",
        f"{TOKENS} -k says_that_the_token_has_expired",
    ),
    "messages: an overdue token comes without a next step": Mutation(
        "cli/status.py",
        '    if status.health == "healthy" or is_refused:\n',
        '    if status.health != "unusable" or is_refused:\n',
        f"{TOKENS} -k needs_somebody",
    ),
    "messages: the next step is a run that is refused": Mutation(
        "cli/status.py",
        "is_refused = problem is not None and not problem.retryable",
        "is_refused = problem is not None and problem.retryable",
        f"{TOKENS} -k over_the_token",
    ),
    "messages: a pasted next step has what a tag injects": Mutation(
        "app/status.py",
        "return tag if is_secret_id(tag) else None",
        "return tag or None",
        f"{TOKENS} -k not_known",
    ),
    "messages: a count is taken for a secret": Mutation(
        "config/logs.py",
        "(?!WORD|COUNT|REFUSED)",
        "(?!WORD)",
        "tests/unit/test_logs.py -k no_message_of_our_own",
    ),
    "messages: the status hides that readers use AWSPREVIOUS": Mutation(
        "model/status.py",
        "valid.version_id if is_previous and valid else None",
        "None",
        f"{TOKENS} -k use_the_previous_version",
    ),
    "messages: a token that is due for its credentials has a rotation at its age": Mutation(
        "model/status.py",
        "min(next_rotation_at, now) if decision.due else next_rotation_at",
        "next_rotation_at",
        "tests/unit/model/test_status.py -k is_rotated_now",
    ),
    "messages: a client secret in the environment is taken for a misspelling": Mutation(
        "config/given.py",
        '    if name.removesuffix("s") in CREDENTIALS_FIELDS:\n',
        "    if not CREDENTIALS_FIELDS:\n",
        "tests/unit/test_config_variables.py -k what_the_credentials_secret_holds",
    ),
    "messages: a pasted line of settings is stored as the client secret": Mutation(
        "cli/pasted.py",
        "    return name.endswith(_NAMES_OF_VALUES)\n",
        "    return not name\n",
        "tests/integration/cli/test_credentials_changes.py -k pasted_line",
    ),
    "messages: the client secret is stored as the scope": Mutation(
        "rotation/credentials.py",
        "if is_shown and isinstance(value, str) and holds_any(value, client_secrets):",
        "if not is_shown and isinstance(value, str) and value in ():",
        "tests/unit/rotation/test_credentials.py -k in_no_other_field",
    ),
    "messages: a client secret that is stored already is written again": Mutation(
        "rotation/credentials.py",
        "normalize_fields(change(dict(fields))) == normalize_fields(fields)",
        "change(dict(fields)) == fields",
        "tests/unit/rotation/test_credentials.py -k not_written_again",
    ),
    "messages: invisible characters are stored": Mutation(
        "cli/pasted.py",
        "    if hidden is None:\n",
        "    if True:\n",
        "tests/integration/cli/test_pasted.py -k invisible",
    ),
    "messages: JSON is stored as the client secret": Mutation(
        "cli/pasted.py",
        "    if is_json(text):\n",
        "    if not text:\n",
        f"{PROMPTS} -k wrong_client",
    ),
    "messages: the first of several pasted lines is taken": Mutation(
        "cli/prompts.py",
        "_SEVERAL_LINES if answer.has_more else find_problem(text)",
        "find_problem(text)",
        f"{PROMPTS} -k pasted_together",
    ),
    "messages: what is pasted for a client id is shown": Mutation(
        "cli/answers.py",
        "during[3] & ~termios.ECHO\n",
        "during[3]\n",
        f"{PROMPTS} -k pasted_together",
    ),
    "messages: what is typed before the question is shown": Mutation(
        "cli/answers.py",
        "    if not sys.stdin.isatty():\n        yield\n",
        "    if sys.stdin:\n        yield\n",
        f"{PROMPTS} -k before_the_question",
    ),
    "messages: the placeholder for a secret is taken for its name": Mutation(
        "aws/secret_ids.py",
        "    if text == UNKNOWN:\n",
        "    if not text:\n",
        "tests/unit/test_config.py -k named_twice",
    ),
    "messages: a misspelt variable decides on the credentials": Mutation(
        "config/__init__.py",
        "    if not typed:\n        read_environment(environ, ())\n",
        '    if not typed and name == "token_secret":\n        read_environment(environ, ())\n',
        "tests/unit/test_config_variables.py -k where_a_variable",
    ),
    "messages: the client secret is asked for before the secret is looked at": Mutation(
        "cli/credentials.py",
        "    if not sys.stdin.isatty():\n        return None\n",
        "    if sys.stdin:\n        return None\n",
        f"{PROMPTS} -k refused_before",
    ),
    "messages: the only client secret is taken out": Mutation(
        "rotation/credentials.py",
        "    if not others:\n",
        "    if False:\n",
        "tests/integration/cli/test_client_secrets.py -k never_removed",
    ),
    "messages: a setting that was given and is the same is told as changed": Mutation(
        "cli/edit_report.py",
        "if name in new and old[name] != new[name]]",
        "if name in new]",
        "tests/integration/cli/test_client_secrets.py -k not_what_was_given",
    ),
    "messages: a key that may be a secret is named": Mutation(
        "cli/edit_report.py",
        "(is_plain_key(name) and meant_name(name))",
        "name",
        "tests/integration/cli/test_client_secrets.py -k may_be_a_secret",
    ),
    "messages: the command that undoes an edit undoes every later one": Mutation(
        "model/commands.py",
        'f" --remove-from-version-id {undone_id}"',
        'f" --remove-from-version-id {version_id}"',
        "tests/integration/cli/test_client_secrets.py -k how_to_undo_it",
    ),
    "messages: a printed command of the AWS CLI leaves out the region": Mutation(
        "errors.py",
        'f"--region {region}" if region else ""',
        '""',
        "tests/integration/cli/test_client_secrets.py -k how_to_undo_it",
    ),
    "messages: the next step of an edit names the token secret of other credentials": Mutation(
        "config/__init__.py",
        "return found if is_theirs and (",
        "return found if (",
        f"{CREDENTIALS} -k token_secret_that_is_known",
    ),
    "messages: a denial names the call instead of the action that lacks": Mutation(
        "aws/errors.py",
        "        return _denial(code, lower, operation, denied_action(message))\n",
        "        return _denial(code, lower, operation, None)\n",
        "tests/unit/aws/test_errors.py -k action_that_aws_names",
    ),
    "messages: a field of the credentials hides a conflict": Mutation(
        "aws/error_details.py",
        "    if name is None or name in PUBLIC_NAMES:\n",
        "    if name is None:\n",
        "tests/unit/aws/test_echoed_codes.py -k field_of_the",
    ),
    "messages: an interrupted command says nothing of what it may have stored": Mutation(
        "cli/__init__.py",
        "    if args is not None and code in {EXIT_INTERRUPTED, EXIT_TERMINATED}:\n",
        "    if args is None:\n",
        "tests/integration/cli/test_races.py -k it_may_have_stored",
    ),
    "messages: nobody learns which endpoint could not be reached": Mutation(
        "aws/errors.py",
        'filter(None, [f"{operation}: {names[0]}", place_of_error(error)])',
        '[f"{operation}: {names[0]}"]',
        "tests/unit/aws/test_places.py -k unreachable",
    ),
}
