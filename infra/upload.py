"""Uploads the package to S3, and verifies that Lambda runs it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from infra.aws_command import DeployError, attempt, call, call_json

if TYPE_CHECKING:
    from infra.package import Package


class Bucket:
    """A bucket of this account: every request names the account, so S3 refuses another's bucket.

    The name of a deleted bucket can be reused by anyone, and the code in it would get the client
    secret.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        owner = call_json("sts", "get-caller-identity")["Account"]
        self._bucket = ("--bucket", name, "--expected-bucket-owner", owner)
        if attempt("s3api", "head-bucket", *self._bucket).returncode != 0:
            raise DeployError(
                f"bucket {name}: does not exist, or is not yours; create one in this region:"
                f" aws s3 mb s3://{name}"
            )

    def put(self, package: Package) -> str:
        """Upload the package under a key with its hash, so that a rollback finds the old one.

        An existing object is used only if S3 confirms its SHA-256, and never overwritten.
        """
        key = f"rotator/{package.path.stem}-{package.sha256}.zip"
        where = (*self._bucket, "--key", key)
        found = attempt("s3api", "head-object", *where, "--checksum-mode", "ENABLED")
        if found.returncode == 0:
            if json.loads(found.stdout).get("ChecksumSHA256") != checksum(package):
                raise DeployError(
                    f"s3://{self.name}/{key}: is not the package that was built here; find out who"
                    " put it there, remove it, and deploy again"
                )
            return key
        print(f"uploading {package.size_bytes / 1e6:.1f} MB to s3://{self.name}/{key}")
        body = ("--body", str(package.path), "--checksum-sha256", checksum(package))
        call("s3api", "put-object", *where, *body)
        return key


def checksum(package: Package) -> str:
    """The SHA-256 in the encoding of S3 and Lambda."""
    return base64.b64encode(bytes.fromhex(package.sha256)).decode("ascii")


def verify_function(stack: str, package: Package) -> None:
    """Compare the code that Lambda runs, because the object may have been replaced since."""
    names = ("--stack-name", stack, "--logical-resource-id", "Function")
    found = call_json("cloudformation", "describe-stack-resource", *names)
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    running = call_json("lambda", "get-function-configuration", "--function-name", name)
    if running["CodeSha256"] != checksum(package):
        raise DeployError(
            f"function {name}: runs other code than this package; set its reserved concurrency"
            " to 0, replace the client secret, and find out who writes to the bucket"
        )
