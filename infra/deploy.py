"""Deploys and deletes the stack on AWS: `make deploy`, `make destroy`.

It shows the changes first. Without a yes the stack stays as it is, and only the package has been
uploaded, because AWS needs it to compute the changes.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.aws_command import DeployError, attempt, call, call_json
from infra.interpreters import LAMBDA_PYTHON, find_lambda_python
from infra.package import ARCHITECTURES, build
from infra.upload import Bucket, verify_function

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.package import Package

TEMPLATE = Path(__file__).resolve().parent / "template.yaml"
CHANGE_SET = re.compile(r"arn:[\w-]+:cloudformation:\S+:changeSet/\S+")
DOES_NOT_EXIST = "does not exist"
RETAINED = ("CredentialsSecret", "Key")
"""The resources that the template retains when the stack is deleted."""

PARAMETER = re.compile(r"[A-Za-z0-9]+=.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command line."""

    stack: str
    yes: bool
    bucket: str = ""
    arch: str = "x86_64"
    settings: tuple[str, ...] = ()


def up(options: Options) -> None:
    """Build, upload, show the changes, and execute them; prints the stack's outputs."""
    _refuse_broken_stack(options.stack)
    bucket = Bucket(options.bucket)
    with tempfile.TemporaryDirectory() as folder:
        package = _build(options, Path(folder))
        key = bucket.put(package)
    change_set = _prepare(options, key)
    if change_set is None:
        verify_function(options.stack, package)
        print(f"stack {options.stack}: is up to date, nothing to change")
        return
    kind = _show(change_set)
    if not confirmed(options, f"Make these changes to stack {options.stack}?"):
        _discard(options.stack, change_set, kind)
        print(f"nothing was changed; the package stays in s3://{options.bucket}")
        return
    call("cloudformation", "execute-change-set", "--change-set-name", change_set)
    _wait(options.stack, f"stack-{'create' if kind == 'CREATE' else 'update'}-complete")
    verify_function(options.stack, package)
    _print_outputs(options.stack)


def down(options: Options) -> None:
    """Delete the stack after a yes; prints the resources that the template retains."""
    if _status(options.stack) in {None, "DELETE_COMPLETE"}:
        raise DeployError(f"stack {options.stack}: {DOES_NOT_EXIST} in this account and region")
    resources = call_json(
        "cloudformation", "describe-stack-resources", "--stack-name", options.stack
    )["StackResources"]
    kept = {
        r["LogicalResourceId"]: r["PhysicalResourceId"]
        for r in resources
        if r["LogicalResourceId"] in RETAINED and r["ResourceStatus"] != "DELETE_COMPLETE"
    }
    gone = sorted({r["LogicalResourceId"] for r in resources} - kept.keys())
    print(f"stack {options.stack}: will be deleted, with {', '.join(gone)}")
    for name, physical_id in kept.items():
        print(f"  kept: {name} ({physical_id})")
    print("  consumers lose their token")
    if not confirmed(options, f"Delete stack {options.stack}?"):
        print("nothing was changed")
        return
    call("cloudformation", "delete-stack", "--stack-name", options.stack)
    _wait(options.stack, "stack-delete-complete")
    print(f"stack {options.stack}: was deleted")
    for line in explain_redeployment(kept):
        print(line)


def explain_redeployment(kept: Mapping[str, str]) -> Iterator[str]:
    """The options that name the kept resources (logical to physical id) to the next deployment."""
    if "CredentialsSecret" in kept:
        yield "to deploy again with the same credentials, add"
        yield "  --set CredentialsSecretArn=ARN (aws secretsmanager describe-secret prints it)"
        if "Key" in kept:
            yield (
                "  --set CredentialsKmsKeyArn=ARN-OF-THE-KEY"
                f" (aws kms describe-key --key-id {kept['Key']} prints it)"
            )


def _refuse_broken_stack(stack: str) -> None:
    status = _status(stack)
    if status is not None and status.endswith("_IN_PROGRESS") and not status.startswith("REVIEW"):
        raise DeployError(f"stack {stack}: another change is in progress ({status}); wait for it")
    if status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}:
        raise DeployError(
            f"stack {stack}: its creation failed ({status}); delete it with make destroy, and"
            " deploy again"
        )


def _build(options: Options, folder: Path) -> Package:
    compiler = find_lambda_python()
    if compiler is None:
        print(f"package: no python{LAMBDA_PYTHON} here; without byte code cold starts take longer")
    return build(options.arch, folder, compiler=compiler)


def _prepare(options: Options, key: str) -> str | None:
    """Create a change set without executing it; None if there is nothing to change."""
    output = call(
        "cloudformation",
        "deploy",
        "--no-execute-changeset",
        "--no-fail-on-empty-changeset",
        "--stack-name",
        options.stack,
        "--template-file",
        str(TEMPLATE),
        "--capabilities",
        "CAPABILITY_IAM",
        "--parameter-overrides",
        f"CodeBucket={options.bucket}",
        f"CodeKey={key}",
        f"Architecture={options.arch}",
        *options.settings,
    )
    found = CHANGE_SET.search(output)
    return found.group(0) if found else None


def _show(change_set: str) -> str:
    """Print the changes; returns the kind of change set, CREATE or UPDATE."""
    described = call_json("cloudformation", "describe-change-set", "--change-set-name", change_set)
    changes = [change["ResourceChange"] for change in described["Changes"]]
    for change in changes:
        replaced = " (replaced!)" if change.get("Replacement") == "True" else ""
        print(
            f"  {change['Action']:<7} {change['LogicalResourceId']:<28} "
            f"{change['ResourceType']}{replaced}"
        )
    is_new = all(change["Action"] == "Add" for change in changes)
    return (
        "CREATE" if is_new and _status(described["StackName"]) == "REVIEW_IN_PROGRESS" else "UPDATE"
    )


def _discard(stack: str, change_set: str, kind: str) -> None:
    call("cloudformation", "delete-change-set", "--change-set-name", change_set)
    if kind == "CREATE":
        # A change set for a new stack leaves an empty stack.
        call("cloudformation", "delete-stack", "--stack-name", stack)


def confirmed(options: Options, question: str) -> bool:
    """Ask; anything but a yes is a no, Ctrl-C and Ctrl-D too, so that the caller cleans up."""
    if options.yes:
        return True
    if not sys.stdin.isatty():
        print("dry run, because there is no terminal to ask; --yes makes the changes")
        return False
    try:
        answer = input(f"{question} [y/N] ")
    except (EOFError, KeyboardInterrupt):
        print()
        return False
    return answer.strip().lower() in {"y", "yes"}


def _wait(stack: str, until: str) -> None:
    print(f"waiting for {until} (a few minutes)", flush=True)
    done = attempt("cloudformation", "wait", until, "--stack-name", stack)
    if done.returncode == 0:
        return
    events = attempt("cloudformation", "describe-stack-events", "--stack-name", stack)
    reasons = [
        f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in json.loads(events.stdout or "{}").get("StackEvents", [])
        if event["ResourceStatus"].endswith("FAILED")
    ]
    details = "\n".join(reversed(reasons)) or done.stderr.strip()
    raise DeployError(f"stack {stack}: {_status(stack) or 'failed'}\n{details}")


def _print_outputs(stack: str) -> None:
    [found] = call_json("cloudformation", "describe-stacks", "--stack-name", stack)["Stacks"]
    print(f"stack {stack}: {found['StackStatus']}")
    for output in found.get("Outputs", []):
        print(f"  {output['OutputKey']:<26} {output['OutputValue']}")


def _status(stack: str) -> str | None:
    found = attempt("cloudformation", "describe-stacks", "--stack-name", stack)
    if found.returncode == 0:
        status: str = json.loads(found.stdout)["Stacks"][0]["StackStatus"]
        return status
    if DOES_NOT_EXIST in found.stderr:
        return None
    raise DeployError(f"aws cloudformation: {found.stderr.strip()}")


def _parse(argv: list[str] | None) -> tuple[str, Options]:
    parser = argparse.ArgumentParser(prog="deploy", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (("up", "create or update the stack"), ("down", "delete the stack")):
        command = commands.add_parser(name, help=does, description=does)
        command.add_argument("--stack", default="rotator", help="its name (default: rotator)")
        command.add_argument("--yes", action="store_true", help="do not ask")
        if name == "up":
            command.add_argument("--bucket", required=True, help="S3 bucket for the package")
            command.add_argument("--arch", choices=ARCHITECTURES, default="x86_64")
            command.add_argument(
                "--set",
                metavar="PARAMETER=VALUE",
                action="append",
                default=[],
                help="a parameter of infra/template.yaml; those not named stay as they are",
            )
    args = parser.parse_args(argv)
    settings = tuple(getattr(args, "set", ()))
    for setting in settings:
        if not PARAMETER.fullmatch(setting):
            parser.error(f"--set: write it as PARAMETER=VALUE, not {setting}")
    return args.command, Options(
        stack=args.stack,
        yes=args.yes,
        bucket=getattr(args, "bucket", ""),
        arch=getattr(args, "arch", "x86_64"),
        settings=settings,
    )


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns 1 after printing an error."""
    command, options = _parse(argv)
    try:
        (up if command == "up" else down)(options)
    except DeployError as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"deploy: {Path(str(error.cmd[0])).name}: failed, see above", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
