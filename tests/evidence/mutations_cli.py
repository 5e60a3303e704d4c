"""Breakages of the command line and of what it does with a token."""

from tests.evidence.mutation import Mutation

EXEC = "tests/integration/cli/test_exec.py"
TERMINAL = "tests/integration/cli/test_terminal_output.py"

CLI_MUTATIONS = (
    Mutation(
        "command line: exec keeps a variable of yesterday",
        "cli/execute.py",
        " for name, text in os.environ.items() if name not in variables}",
        " for name, text in os.environ.items()}",
        f"{EXEC} -k stale",
    ),
    Mutation(
        "command line: exec hands on a signal that Python ignores",
        "cli/execute.py",
        '("SIGPIPE", "SIGXFSZ", "SIGXFZ")',
        '("SIGPIPE",)',
        f"{EXEC} -k plain_child",
    ),
    Mutation(
        "command line: exec runs no script that names no interpreter",
        "cli/execute.py",
        "        if error.errno != errno.ENOEXEC:\n",
        "        if errno.ENOEXEC:\n",
        f"{EXEC} -k names_no_interpreter",
    ),
    Mutation(
        "command line: check prints what steers a terminal",
        "cli/check.py",
        "print(printable(response.body))",
        "print(response.body)",
        "tests/integration/cli/test_check.py -k steers",
    ),
    Mutation(
        "command line: a token may live shorter than --min-life",
        "cli/consume.py",
        "    if remaining < min_life:\n",
        "    if remaining < remaining:\n",
        "tests/integration/cli/test_consume.py -k too_short",
    ),
    Mutation(
        "command line: a run tells its outcome twice on a terminal",
        "cli/job_logs.py",
        "    is_watched = sys.stdout.isatty() and sys.stderr.isatty()\n",
        "    is_watched = False\n",
        f"{TERMINAL} -k outcome_of_a_run",
    ),
    Mutation(
        "command line: colours whatever NO_COLOR says",
        "logs.py",
        "    return stream.isatty() and not is_plain\n",
        "    return stream.isatty()\n",
        f"{TERMINAL} -k colours",
    ),
    Mutation(
        "command line: a change of the credentials undoes another's",
        "rotation/credentials.py",
        "change(_stored_fields(version, on_unreadable)), version",
        "change(_stored_fields(seen, on_unreadable)), version",
        "tests/unit/rotation/test_credentials.py -k meanwhile",
    ),
    Mutation(
        "an unreadable value is replaced with all the keys that others keep in it",
        "rotation/credentials.py",
        "if on_unreadable is None or seems_to_hold_more(secret):",
        "if on_unreadable is None:",
        "tests/unit/rotation/test_credentials.py -k never_replaced",
    ),
    Mutation(
        "an unreadable value is told to be replaced, whatever it holds",
        "model/unreadable.py",
        "    if seems_to_hold_more(version):\n",
        "    if False:\n",
        "tests/unit/rotation/test_credentials.py -k never_replaced",
    ),
    Mutation(
        "a token secret is edited like a credentials secret",
        "model/stored.py",
        "    return not meant.isdisjoint(OWN_KEYS) and meant.isdisjoint(_CLIENT_KEYS)\n",
        "    return False\n",
        "tests/unit/rotation/test_swapped_names.py -k never_stored or whether_they_are",
    ),
    Mutation(
        "the tag of a token secret keeps no client secret out of it",
        "rotation/swapped_names.py",
        "    refuse_other_tag(version.secret_id, version.arn, tags)\n",
        "",
        "tests/unit/rotation/test_swapped_names.py -k never_stored",
    ),
    Mutation(
        "command line: a Service's variable counts as a setting",
        "config/given.py",
        "        if name is None and not re.fullmatch(_SERVICE_LINK, variable):\n",
        "        if name is None:\n",
        "tests/unit/test_config.py -k service_of_any_name",
    ),
    Mutation(
        "command line: an event makes a dimension of metrics",
        "lambda_handler.py",
        "    if not environment_names(settings.token_secret):\n",
        "    if not settings.token_secret:\n",
        "tests/integration/aws/test_lambda_handler.py -k dimension",
    ),
)
