"""Secrets Manager as a fleet reads it: listed by tag, read in batches, failures as data."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from rotator.aws.errors import explain_refusal
from rotator.aws.store import (
    CURRENT,
    SecretsManagerStore,
    is_version,
    matches_id,
    parse_tags,
    stored_secret,
)
from rotator.errors import RotatorError, StoreError, replace_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from rotator.model.secret import StoredSecret

    Read = StoredSecret | RotatorError

__all__ = ["MAX_BATCH", "FleetStore", "ListedSecret"]

MAX_BATCH = 20
"""Ids in one call (API reference, BatchGetSecretValue: SecretIdList)."""

MAX_PAGES = 5_000
"""Of 100 secrets: as many as a region can hold (user guide, quotas: 500,000 secrets)."""

MAX_THROTTLED = 5
_OUTDATED = "InvalidNextTokenException"
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException"}


class ListedSecret(NamedTuple):
    """A secret as ListSecrets has it; its value is not in it."""

    arn: str
    name: str
    tags: Mapping[str, str]


class FleetStore(SecretsManagerStore):
    """The store of a run over many bindings.

    `pace` is called before each call that reads, `back_off` when one was throttled. Where batches
    are not allowed, or fail while a single read works, that is found out once, and the secrets are
    read one by one.
    """

    def __init__(
        self,
        client: object,
        *,
        pace: Callable[[], None] = lambda: None,
        back_off: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(client)
        self._pace = pace
        self._back_off = back_off
        self._may_batch = True

    def read_many(self, secret_ids: Iterable[str]) -> Iterator[dict[str, Read]]:
        """The current version of each secret, or why there is none, batch by batch.

        Each result is for the next 20 of `secret_ids`, which must not repeat. Raises ConfigError
        where nothing could be read at all (no region, no AWS credentials).
        """
        remaining = iter(secret_ids)
        while batch := list(islice(remaining, MAX_BATCH)):
            found = self._read_some(batch) if self._may_batch else {}
            for secret_id in batch:
                if secret_id not in found:
                    found[secret_id] = self._read_alone(secret_id)
            yield found

    def list_tagged(self, tag: str, where: Mapping[str, str]) -> Iterator[ListedSecret]:
        """Every secret with this tag and with all the tags of `where`, replicas left out.

        The service's filters are prefixes and cannot join a key to its value, so each secret is
        checked again here (API reference, Filter). Changes of the last minutes may be missing, and
        a secret may come twice. Raises StoreError where the list breaks off, after what came
        before.
        """
        for entry in self._pages(tag):
            tags = parse_tags(entry)
            arn = entry["ARN"]
            is_replica = entry.get("PrimaryRegion", arn.split(":")[3]) != arn.split(":")[3]
            if tag in tags and not is_replica and where.items() <= tags.items():
                yield ListedSecret(arn, entry["Name"], tags)

    def _pages(self, tag: str) -> Iterator[dict[str, Any]]:
        """Every entry; a list whose continuation is refused is begun again once."""
        try:
            yield from self._pages_once(tag)
        except StoreError as error:
            if error.aws_code != _OUTDATED:
                raise
        else:
            return
        yield from self._pages_once(tag)

    def _pages_once(self, tag: str) -> Iterator[dict[str, Any]]:
        params: dict[str, Any] = {
            "Filters": [{"Key": "tag-key", "Values": [tag]}],
            "MaxResults": 100,
        }
        for _ in range(MAX_PAGES):
            page = replace_error(
                partial(self._call_in_turn, "ListSecrets", "", **params),
                StoreError,
                _listing_error,
            )
            yield from page.get("SecretList", [])  # empty, perhaps, with more to come
            token = page.get("NextToken")
            if not token:
                return
            if token == params.get("NextToken"):
                break
            params["NextToken"] = token
        raise StoreError(
            "list of secrets: does not end (ListSecrets); check AWS_ENDPOINT_URL",
            operation="ListSecrets",
            secret_id="",
            retryable=True,
        )

    def _read_some(self, batch: list[str]) -> dict[str, Read]:
        try:
            response = self._call_in_turn(
                "BatchGetSecretValue", ", ".join(batch), SecretIdList=batch
            )
        except StoreError as error:
            if error.retryable:
                return self._read_despite(error, batch)
            self._may_batch = False
            return {}
        found: dict[str, Read] = {}
        entries = [each for each in response.get("SecretValues", []) if is_version(each)]
        failures = {each.get("SecretId"): each for each in response.get("Errors", [])}
        for secret_id in batch:
            entry = next((each for each in entries if matches_id(secret_id, each)), None)
            if entry is not None and CURRENT in entry["VersionStages"]:
                found[secret_id] = stored_secret(secret_id, entry)
            elif secret_id in failures:
                failure = self._failure(secret_id, failures[secret_id])
                if failure is not None:
                    found[secret_id] = failure
        return found

    def _read_despite(self, error: StoreError, batch: list[str]) -> dict[str, Read]:
        """What a batch gives that fails for now.

        One single read tells whether all of Secrets Manager does: then nothing is read one by one,
        which would take hours for thousands.
        """
        if not error.is_answered:
            return dict.fromkeys(batch, error)
        first = self._read_alone(batch[0])
        if isinstance(first, StoreError) and first.retryable:
            return dict.fromkeys(batch, error)
        self._may_batch = False
        return {batch[0]: first}

    def _failure(self, secret_id: str, entry: Mapping[str, Any]) -> RotatorError | None:
        """Our error for one secret of a batch; None if a read of its own has to tell."""
        code = entry.get("ErrorCode")
        if code == "ResourceNotFoundException":  # it is missing, or has no value
            return None
        response = {"Error": {"Code": code, "Message": entry.get("Message", "")}}
        return explain_refusal(response, operation="GetSecretValue", secret_id=secret_id)

    def _read_alone(self, secret_id: str) -> Read:
        self._pace()
        try:
            [found] = self.read(secret_id)
        except StoreError as error:
            return error
        return found

    def _call_in_turn(self, operation: str, subject: str, **params: Any) -> dict[str, Any]:
        """One call in its turn; again after a pause where it was throttled."""
        for attempt in range(1, MAX_THROTTLED + 1):
            self._pace()
            try:
                return self._call(operation, subject, **params)
            except StoreError as error:
                if attempt == MAX_THROTTLED or error.aws_code not in _THROTTLED:
                    raise
                self._back_off()
        raise AssertionError  # the last attempt returned or raised


def _listing_error(error: StoreError) -> StoreError:
    """The same, about the list; it can always be begun anew."""
    is_outdated = error.aws_code == _OUTDATED
    problem = str(error).replace(" on it to this role", " on * to this role")
    if is_outdated:
        problem = (
            f"its continuation was refused (ListSecrets: {_OUTDATED}); the next run begins anew"
        )
    return StoreError(
        f"list of secrets: {problem}",
        operation="ListSecrets",
        secret_id="",
        aws_code=error.aws_code,
        retryable=error.retryable or is_outdated,
        is_answered=error.is_answered,
    )
