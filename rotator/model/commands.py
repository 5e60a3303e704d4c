"""The commands that messages suggest, complete with the names of the secrets.

Pasted without an ID, a command fails, or changes the secret that the environment happens to name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import aws_command

if TYPE_CHECKING:
    from rotator.model.secret import StoredSecret

__all__ = [
    "UNKNOWN",
    "create_command",
    "empty_command",
    "init_command",
    "remove_command",
    "run_command",
    "run_selected_command",
    "set_command",
    "undo_command",
]

UNKNOWN = "ID"
"""The placeholder for a secret whose name is not known, as in `--help`.

The command is followed by what to put there: as it stands, it is refused (`checked_secret_id`).
"""


def set_command(credentials_secret: str | None, options: str = "") -> str:
    """The command that changes settings or the client secret in this credentials secret."""
    command = _command("credentials set", credentials_secret or UNKNOWN, options)
    return command + _explain_placeholder(credentials=credentials_secret is None)


def remove_command(credentials_secret: str, number: int) -> str:
    """The command that takes a client secret out; the one with number 1 is tried first."""
    return _command("credentials remove", credentials_secret, f"--number {number}")


def run_command(credentials_secret: str | None, token_secret: str | None, options: str = "") -> str:
    """The command that runs the job on this binding."""
    return _binding_command("run", credentials_secret, token_secret, options)


def run_selected_command(options: str) -> str:
    """The command that runs the job on the bindings that options and environment select."""
    return _command("run", "", options)


def init_command(
    credentials_secret: str | None, token_secret: str | None, options: str = ""
) -> str:
    """The command that creates or binds these two secrets."""
    return _binding_command("init", credentials_secret, token_secret, options)


def create_command(
    credentials_secret: str | None, token_secret: str | None, options: str = "", *, missing: str
) -> str:
    """As `init_command`, where the secret `missing` is to be created.

    That takes a name: for an ARN, the name in it, and its region.
    """
    name = _name_in_arn(missing)
    if name is None:
        return init_command(credentials_secret, token_secret, options)
    command = init_command(
        name if credentials_secret == missing else credentials_secret,
        name if token_secret == missing else token_secret,
        options,
    )
    return f"{command} (with AWS_REGION={missing.split(':')[3]})"


def _name_in_arn(secret_id: str) -> str | None:
    """The name of the secret with this ARN, None for a name.

    A full ARN ends in a hyphen and six random characters, a partial one does not (API reference,
    GetSecretValue: SecretId). A last part that nobody would choose is taken for random.
    """
    parts = secret_id.split(":", 6)
    if parts[0] != "arn" or len(parts) < 7:  # noqa: PLR2004 - arn:aws:service:region:account:secret:name
        return None
    name, _, end = parts[6].rpartition("-")
    is_random = len(end) == 6 and end.isalnum() and end[1:] != end[1:].lower()  # noqa: PLR2004
    return name if name and is_random else parts[6]


def undo_command(
    secret_id: str, *, version_id: str | None, undone_id: str | None, region: str | None
) -> str:
    """The AWS CLI's command that makes a version current again.

    Secrets Manager refuses it once another version than `undone_id` is current (API reference,
    UpdateSecretVersionStage: RemoveFromVersionId).
    """
    options = (
        f"--version-stage AWSCURRENT --move-to-version-id {version_id}"
        f" --remove-from-version-id {undone_id}"
    )
    return aws_command("update-secret-version-stage", secret_id, options, region=region)


def empty_command(version: StoredSecret) -> str:
    """The AWS CLI's command that replaces this value by one that holds nothing."""
    action, options = "put-secret-value", "--secret-string '{}'"
    return f"`{aws_command(action, version.secret_id, options, region=version.region)}`"


def _binding_command(
    name: str, credentials_secret: str | None, token_secret: str | None, options: str
) -> str:
    secrets = (
        f"--credentials-secret {credentials_secret or UNKNOWN}"
        f" --token-secret {token_secret or UNKNOWN}"
    )
    return _command(name, secrets, options) + _explain_placeholder(
        credentials=credentials_secret is None, token=token_secret is None
    )


def _explain_placeholder(*, credentials: bool, token: bool = False) -> str:
    if credentials and token:
        return f" (with the names of both secrets for {UNKNOWN})"
    kind = "credentials" if credentials else "token"
    return f" (with the name of the {kind} secret for {UNKNOWN})" if credentials or token else ""


def _command(name: str, secrets: str, options: str) -> str:
    return f"`{' '.join(filter(None, ['rotator', name, secrets, options]))}`"
