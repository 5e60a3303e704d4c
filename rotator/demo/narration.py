"""The steps of the demo, for one client and one token.

Every command runs as shown, as a process, and every step is checked from outside: by the current
version in Secrets Manager, and by the requests to the token endpoint.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rotator.config.logs import shows_colour
from rotator.demo.screen import Screen
from rotator.errors import RotatorError
from rotator.local.environment import is_checkout, secrets_manager_client
from rotator.local.ims import GREETING
from rotator.local.playground import playground
from rotator.reader import TokenReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.local.playground import Playground

__all__ = ["narrate"]

# As users read them in docs/cli.md: the demo knows rotator by its commands, not by its modules.
EXIT_TEMPORARY = 4
EXIT_INTERRUPTED = 130
SHOWN_CHARACTERS = 24
FIRST_RUN = 2
ALL_LINES = 8


class BrokenPromiseError(Exception):
    """A step did not do what the narration says about it."""


def narrate() -> int:
    """Run and narrate every step; returns 0 if each did what it promises, 1 if one did not.

    Raises ConfigError if a server does not start.
    """
    screen = Screen(colour=shows_colour(sys.stdout))
    started_s = time.monotonic()
    screen.say(
        "rotator demo: the whole job on this machine. No account, and nothing leaves loopback."
    )
    try:
        with playground() as local:
            screen.say()
            screen.say(f"    AWS Secrets Manager     {local.endpoint_url}  (moto's server)")
            screen.say(
                f"    Adobe IMS and its API   {local.ims.urls.base}  (answers as documented)"
            )
            _Story(local, screen, secrets_manager_client(local.endpoint_url)).tell()
    except (BrokenPromiseError, subprocess.TimeoutExpired) as error:
        print(f"rotator demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    screen.say()
    screen.say(
        f"Every step did what it promises, in {time.monotonic() - started_s:.1f} s."
        " Both servers are stopped."
    )
    screen.say("What now:")
    serve = "make run ARGS=--serve" if is_checkout() else "rotator demo --serve"
    screen.say(f"    {serve:<22}  keeps the servers up, for trying the commands yourself")
    screen.say(f"    {'README.md':<22}  the same with your AWS account and Adobe credentials")
    return 0


@dataclass(slots=True)
class _Stage:
    """Runs and shows commands, and checks promises, for each step."""

    local: Playground
    screen: Screen
    client: Any
    number: int = 0
    printed: list[str] = field(default_factory=list, repr=False)

    def step(self, text: str) -> None:
        self.number += 1
        self.screen.step(self.number, text)

    def rotator(self, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Show a command line, run it, show its output, and check its exit code."""
        self.screen.command(*args)
        # Later runs differ in their first two lines only.
        max_lines = 2 if "run" in args and self.number > FIRST_RUN else ALL_LINES
        return self.show(self.local.rotator(*args), code=code, max_lines=max_lines)

    def show(
        self,
        ended: subprocess.CompletedProcess[str],
        *,
        code: int = 0,
        max_lines: int = ALL_LINES,
    ) -> subprocess.CompletedProcess[str]:
        self.printed += (ended.stdout, ended.stderr)
        self.promise(
            f"exit code {code}, not {ended.returncode}", kept=ended.returncode == code, ended=ended
        )
        self.screen.output(ended.stdout or ended.stderr, max_lines=max_lines)
        return ended

    def promise(
        self,
        promised: str,
        *,
        kept: bool,
        ended: subprocess.CompletedProcess[str] | None = None,
    ) -> None:
        if not kept:
            output = f"\n{ended.stdout}{ended.stderr}".rstrip() if ended else ""
            raise BrokenPromiseError(f"step {self.number} failed; expected: {promised}{output}")

    def version_id(self) -> str:
        current = self.client.get_secret_value(
            SecretId=self.local.binding.token_secret, VersionStage="AWSCURRENT"
        )
        return str(current["VersionId"])

    def token(self) -> str:
        """The token that a new consumer reads."""
        return TokenReader(self.local.binding.token_secret, client=self.client).token()

    def tokens_minted(self) -> int:
        return self.local.ims.observed()["tokens_minted"]

    @contextmanager
    def keep_reading(self) -> Iterator[_Readings]:
        """Keep reading the token in another thread while the block runs."""
        readings, begun, ended = _Readings(), threading.Event(), threading.Event()

        def read_on() -> None:
            last = False
            while not last:
                last = ended.is_set()
                readings.take(self)
                begun.set()

        thread = threading.Thread(target=read_on, daemon=True)
        thread.start()
        begun.wait()
        try:
            yield readings
        finally:
            ended.set()
            thread.join()


class _Story(_Stage):
    """The steps in order; each starts with the token of the last one."""

    def tell(self) -> None:
        self.init()
        self.first_run()
        self.second_run()
        self.status()
        self.read()
        self.api_call()
        self.forced_rotation()
        self.outage()
        self.recovery()
        self.promise(
            "no command prints the client secret",
            kept=self.local.binding.client_secret not in "".join(self.printed),
        )

    def init(self) -> None:
        self.step("Store the client id and secret. They are read from standard input, not argv.")
        self.screen.command("init", *self.local.binding.selectors, stdin="client.json")
        self.show(self.local.init())
        for secret_id in (self.local.binding.credentials_secret, self.local.binding.token_secret):
            self.client.describe_secret(SecretId=secret_id)

    def first_run(self) -> None:
        self.step(
            "The job, which cron or EventBridge starts every 15 minutes: the token is missing."
        )
        self.rotator("run", *self.local.binding.selectors)
        self.promise("one token is minted", kept=self.tokens_minted() == 1)

    def second_run(self) -> None:
        self.step("The next run. The token is fresh, so this costs one read and mints nothing.")
        version_id = self.version_id()
        self.rotator("run", *self.local.binding.selectors)
        self.promise("the version stays", kept=self.version_id() == version_id)
        self.promise(
            "nothing more is minted", kept=self.local.ims.observed()["token_requests"] == 1
        )

    def status(self) -> None:
        self.step("The token's health, for people, and with --json for monitors.")
        self.rotator("status", "--token-secret", self.local.binding.token_secret)

    def read(self) -> None:
        self.step("A consumer reads the token; its role can't read the client secret.")
        args = ("token", self.local.binding.token_secret)
        self.screen.command(*args)
        ended = self.local.rotator(*args)
        token = ended.stdout.strip()
        self.promise("the token is readable", kept=ended.returncode == 0, ended=ended)
        self.promise("the shell and TokenReader read the same token", kept=token == self.token())
        self.screen.output(f"{token[:SHOWN_CHARACTERS]}… ({len(token)} characters)")

    def api_call(self) -> None:
        self.step("A first API call, with Authorization: Bearer and x-api-key.")
        url = self.local.ims.urls.hello
        ended = self.rotator("check", self.local.binding.token_secret, "--url", url)
        self.promise("the API greets", kept=GREETING in ended.stdout, ended=ended)

    def forced_rotation(self) -> None:
        self.step("Rotate now, while consumers start and read the token all the time.")
        before, old_token = self.version_id(), self.token()
        with self.keep_reading() as readings:
            self.rotator("run", *self.local.binding.selectors, "--force")
        after, new_token = self.version_id(), self.token()
        self.promise("a new version is current", kept=after != before and new_token != old_token)
        self.promise(
            "; ".join(["no read fails", *readings.failures[:1]]), kept=not readings.failures
        )
        self.promise(
            "reads see the old, then the new", kept=readings.tokens == [old_token, new_token]
        )
        self.screen.confirm(
            f"{readings.total} reads meanwhile, 0 failed: version {before[:8]}, then {after[:8]}"
        )

    def outage(self) -> None:
        self.step("Adobe is down during a run. Exit code 4 means temporary, and the token stays.")
        before, old_token = self.version_id(), self.token()
        self.local.ims.configure(behaviour="outage")
        self.rotator("run", *self.local.binding.selectors, "--force", code=EXIT_TEMPORARY)
        self.local.ims.configure(behaviour="ok")
        self.promise("the version stays", kept=self.version_id() == before)
        self.promise("the token stays", kept=self.token() == old_token)
        self.screen.confirm(
            f"exit code {EXIT_TEMPORARY}; version {before[:8]} is still current and read"
        )

    def recovery(self) -> None:
        self.step("Adobe is back, and the next run succeeds.")
        before = self.version_id()
        self.rotator("run", *self.local.binding.selectors, "--force")
        self.promise("a new version is current", kept=self.version_id() != before)
        url = self.local.ims.urls.hello
        ended = self.local.rotator("check", self.local.binding.token_secret, "--url", url)
        self.promise(
            "the API greets", kept=ended.returncode == 0 and GREETING in ended.stdout, ended=ended
        )
        self.screen.confirm(f"version {self.version_id()[:8]} is current, and the API takes it")


@dataclass(slots=True)
class _Readings:
    """The number of reads, the tokens in order, and the failures."""

    total: int = 0
    tokens: list[str] = field(default_factory=list, repr=False)
    failures: list[str] = field(default_factory=list)

    def take(self, stage: _Stage) -> None:
        self.total += 1
        try:
            token = stage.token()
        except RotatorError as error:
            self.failures.append(str(error))
            return
        if token not in self.tokens:
            self.tokens.append(token)
