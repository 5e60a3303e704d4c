"""`rotator demo --serve`: keeps the local servers running, to try the commands by hand."""

from __future__ import annotations

import os
import shlex
import signal
import sys

from rotator.local.environment import aws_variables
from rotator.local.playground import playground

__all__ = ["keep_serving"]

GUIDE = """\
A local Secrets Manager and a local Adobe IMS are up, with the credentials of a client.
Paste the lines above into another terminal. Then try there (the second run is not due):

  rotator run
  rotator run
  rotator status
  rotator check --url "$DEMO_API_URL"
  rotator headers | curl -H @- "$DEMO_API_URL"

An outage of the provider: the run ends with 4, temporary, and the token stays. There are
also throttled, hang and closed; ok ends them all.

  curl -d '{"behaviour": "outage"}' "$DEMO_CONTROL_URL"
  rotator run --force; echo $?
  curl -d '{"behaviour": "ok"}' "$DEMO_CONTROL_URL"

To rehearse steps 3 and 4 of the README with two secrets of your own:

  export ROTATOR_CREDENTIALS_SECRET=adobe/credentials ROTATOR_TOKEN_SECRET=adobe/token
  rotator init --provider adobe-ims --scope firefly

In that shell, init takes the token URL from DEMO_TOKEN_URL. It asks for the credentials of
the client, and does not show the secret. Paste one at a time; these work only here:

  client id: {client_id}
  client secret: {client_secret}

Once both are stored, mint the first token:

  rotator run

Ctrl-C stops both servers, and everything in them is gone."""
"""Only the lines to paste are indented. They have no comments, and the lines to source no text: an
interactive zsh knows no comments, and an apostrophe in one would open a quote."""


def keep_serving() -> int:
    """Serve until Ctrl-C, SIGTERM or the terminal's end of input; returns 0 unless `init` fails.

    A shell can source the standard output; the guide goes to standard error. Raises ConfigError if
    a server does not start.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with playground() as local:
            created = local.init()
            if created.returncode != 0:
                print(f"rotator demo: init failed\n{created.stderr}", file=sys.stderr)
                return 1
            variables = aws_variables(local.endpoint_url) | {
                "ROTATOR_CREDENTIALS_SECRET": local.binding.credentials_secret,
                "ROTATOR_TOKEN_SECRET": local.binding.token_secret,
                # A proxy can't reach this machine's loopback; both spellings are in use.
                "NO_PROXY": "127.0.0.1",
                "no_proxy": "127.0.0.1",
                "DEMO_API_URL": local.ims.urls.hello,
                "DEMO_TOKEN_URL": local.ims.urls.token,
                "DEMO_CONTROL_URL": local.ims.urls.control,
            }
            print("unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL_SECRETS_MANAGER")
            for name, value in variables.items():
                print(f"export {name}={shlex.quote(value)}")
            if (folder := _folder_of_the_command()) is not None:
                print(f'export PATH={shlex.quote(folder)}:"$PATH"')
            sys.stdout.flush()
            client_id, client_secret = local.binding.client_id, local.binding.client_secret
            text = GUIDE.replace("{client_id}", client_id)
            print(text.replace("{client_secret}", client_secret), file=sys.stderr, flush=True)
            _wait_for_the_end()
    except KeyboardInterrupt:
        pass
    return 0


def _folder_of_the_command() -> str | None:
    """The folder of this installation's command `rotator`, None if it has none."""
    folder = os.path.dirname(sys.executable)  # noqa: PTH120 - as a shell wants it
    return folder if os.access(os.path.join(folder, "rotator"), os.X_OK) else None  # noqa: PTH118


def _wait_for_the_end() -> None:
    """Return at the terminal's end of input; a signal raises KeyboardInterrupt.

    Standard input is read only in the foreground of a terminal: elsewhere it is empty, or belongs
    to another process.
    """
    while True:
        if not _owns_the_terminal():
            signal.pause()
        elif not os.read(sys.stdin.fileno(), 1024):
            return


def _owns_the_terminal() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (AttributeError, OSError, ValueError):
        return False
