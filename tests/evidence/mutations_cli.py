"""Breakages of the command line and of what it does with a token."""

from tests.evidence.mutation import Mutation

EXEC = "tests/integration/cli/test_exec.py"
TERMINAL = "tests/integration/cli/test_terminal_output.py"

CLI_MUTATIONS = {
    "command line: exec keeps a variable of yesterday": Mutation(
        "cli/execute.py",
        " for name, text in os.environ.items() if name not in variables}",
        " for name, text in os.environ.items()}",
        f"{EXEC} -k stale",
    ),
    "command line: exec hands on a signal that Python ignores": Mutation(
        "cli/execute.py",
        '("SIGPIPE", "SIGXFSZ", "SIGXFZ")',
        '("SIGPIPE",)',
        f"{EXEC} -k plain_child",
    ),
    "command line: exec runs no script that names no interpreter": Mutation(
        "cli/execute.py",
        "        if error.errno != errno.ENOEXEC:\n",
        "        if errno.ENOEXEC:\n",
        f"{EXEC} -k names_no_interpreter",
    ),
    "command line: check prints what steers a terminal": Mutation(
        "cli/check.py",
        "print(printable(response.body))",
        "print(response.body)",
        "tests/integration/cli/test_check.py -k steers",
    ),
    "command line: a token may live shorter than --min-life": Mutation(
        "cli/consume.py",
        "    if remaining < min_life:\n",
        "    if remaining < remaining:\n",
        "tests/integration/cli/test_consume.py -k too_short",
    ),
    "command line: a run tells its outcome twice on a terminal": Mutation(
        "cli/job_logs.py",
        "    is_watched = sys.stdout.isatty() and sys.stderr.isatty()\n",
        "    is_watched = False\n",
        f"{TERMINAL} -k outcome_of_a_run",
    ),
    "command line: colours whatever NO_COLOR says": Mutation(
        "config/logs.py",
        "    return stream.isatty() and not is_plain\n",
        "    return stream.isatty()\n",
        f"{TERMINAL} -k colours",
    ),
    "command line: a change of the credentials undoes another's": Mutation(
        "rotation/credentials.py",
        "change(_stored_fields(version, replacement)), version",
        "change(_stored_fields(seen, replacement)), version",
        "tests/unit/rotation/test_credentials.py -k meanwhile",
    ),
    "an unreadable value is replaced with all the keys that others keep in it": Mutation(
        "rotation/credentials.py",
        "if replacement is None or seems_to_hold_more(secret):",
        "if replacement is None:",
        "tests/unit/rotation/test_credentials.py -k never_replaced",
    ),
    "an unreadable value is replaced, and its client secret goes to Adobe": Mutation(
        "rotation/credentials.py",
        "    refuse_lost_provider(secret, replacement)\n",
        "",
        "tests/unit/rotation/test_credentials.py -k never_comes_to_mean_adobe",
    ),
    "Adobe's client secret is stored as the client id, which consumers can read": Mutation(
        "cli/client_settings.py",
        "        refuse_secret_as_adobe_id(renamed, fields)\n",
        "",
        "tests/integration/cli/test_pasted.py -k client_id_at_adobe_alone",
    ),
    "Adobe's client secret is set as the client id, which consumers can read": Mutation(
        "cli/credentials.py",
        "        refuse_secret_as_adobe_id(changes, merged)\n",
        "",
        "tests/integration/cli/test_pasted.py -k not_set_as_the_client_id",
    ),
    "a client secret is stored with the label in front of it": Mutation(
        "cli/client_settings.py",
        "        refuse_named_value(text)\n",
        "",
        "tests/integration/cli/test_credentials_changes.py -k pasted_line",
    ),
    "an unreadable value is told to be replaced, whatever it holds": Mutation(
        "model/unreadable.py",
        "    if seems_to_hold_more(version):\n",
        "    if False:\n",
        "tests/unit/rotation/test_credentials.py -k never_replaced",
    ),
    "a token secret is edited like a credentials secret": Mutation(
        "model/stored.py",
        "    return not meant.isdisjoint(OWN_KEYS) and meant.isdisjoint(_CLIENT_KEYS)\n",
        "    return False\n",
        "tests/unit/rotation/test_swapped_names.py -k never_stored or whether_they_are",
    ),
    "the tag of a token secret keeps no client secret out of it": Mutation(
        "rotation/swapped_names.py",
        "    refuse_other_tag(version.secret_id, version.arn, tags)\n",
        "",
        "tests/unit/rotation/test_swapped_names.py -k never_stored",
    ),
    "command line: a Service's variable counts as a setting": Mutation(
        "config/given.py",
        "        if name is None and not re.fullmatch(_SERVICE_LINK, variable):\n",
        "        if name is None:\n",
        "tests/unit/test_config.py -k service_of_any_name",
    ),
    "command line: an event makes a dimension of metrics": Mutation(
        "lambda_handler.py",
        "    if not environment_names(settings.token_secret):\n",
        "    if not settings.token_secret:\n",
        "tests/integration/aws/test_lambda_handler.py -k dimension",
    ),
}
