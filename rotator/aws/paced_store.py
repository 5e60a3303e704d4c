"""The store with rate limits, and discovery of secrets by tag."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from rotator.aws.error_details import store_error
from rotator.aws.error_table import THROTTLING_CODES
from rotator.aws.list_entries import keep_needed_fields
from rotator.aws.secret_ids import arn_region, is_secret_arn
from rotator.aws.store import SecretsManagerStore, parse_tags
from rotator.errors import StoreError, replace_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, TypeGuard

__all__ = ["ListedSecret", "PacedStore"]

MAX_PAGES = 5_000
"""At 100 secrets a page, a region's quota (user guide: 500,000 secrets)."""

MAX_THROTTLED = 5
_OUTDATED = "InvalidNextTokenException"


class ListedSecret(NamedTuple):
    """A secret as ListSecrets returns it, without its value."""

    arn: str
    name: str
    tags: Mapping[str, str]


class PacedStore(SecretsManagerStore):
    """The store of a run over many bindings.

    `pace` is called before each call that reads, `back_off` when one was throttled.
    """

    def __init__(
        self,
        client: object,
        *,
        pace: Callable[[], None] = lambda: None,
        back_off: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(client)
        keep_needed_fields(self._client)
        self._pace = pace
        self._back_off = back_off

    def list_tagged(self, tag: str, where: Mapping[str, str]) -> Iterator[ListedSecret | None]:
        """Yield every secret with this tag and all the tags of `where`, except replicas.

        Yields None for an entry without a secret's name and ARN. The service's filters match
        prefixes and can't combine a key with its value (API reference, Filter), so each secret is
        checked here. Changes of the last minutes may be missing, and a secret may come twice.
        Raises StoreError if a page fails.
        """
        for entry in self._pages(tag):
            if not _is_secret(entry):
                yield None
                continue
            tags, region = parse_tags(entry), arn_region(entry["ARN"])
            is_replica = entry.get("PrimaryRegion", region) != region
            if tag in tags and not is_replica and where.items() <= tags.items():
                yield ListedSecret(entry["ARN"], entry["Name"], tags)

    def _pages(self, tag: str) -> Iterator[dict[str, Any]]:
        """Yield every entry; if the continuation token is refused, start over once."""
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
                partial(self._call_paced, "ListSecrets", "", **params),
                StoreError,
                _listing_error,
            )
            yield from page.get("SecretList", [])  # may be empty before the last page
            token = page.get("NextToken")
            if token in (None, ""):
                return
            if not isinstance(token, str) or token == params.get("NextToken"):
                break
            params["NextToken"] = token
        problem = "list of secrets: does not end (ListSecrets); check AWS_ENDPOINT_URL"
        raise store_error(problem, "ListSecrets", "", retryable=True)

    def _call_paced(self, operation: str, subject: str, **params: Any) -> dict[str, Any]:
        """One call at the allowed rate, repeated after a pause if it is throttled."""
        for attempt in range(1, MAX_THROTTLED + 1):
            self._pace()
            try:
                return self._call(operation, subject, **params)
            except StoreError as error:
                if attempt == MAX_THROTTLED or error.aws_code not in THROTTLING_CODES:
                    raise
                self._back_off()
        raise AssertionError  # the last attempt returned or raised


def _is_secret(entry: object) -> TypeGuard[dict[str, Any]]:
    """Whether the entry has a secret's ARN and name (API reference, SecretListEntry)."""
    if not isinstance(entry, dict):
        return False
    arn, name = entry.get("ARN"), entry.get("Name")
    return isinstance(arn, str) and is_secret_arn(arn) and isinstance(name, str) and bool(name)


def _listing_error(error: StoreError) -> StoreError:
    """The error, worded for the list; the next run can always start over."""
    is_outdated = error.aws_code == _OUTDATED
    problem = str(error).replace(" on it to this role", " on * to this role")
    if is_outdated:
        problem = (
            f"its continuation was refused (ListSecrets: {_OUTDATED}); the next run starts over"
        )
    return store_error(
        f"list of secrets: {problem}",
        "ListSecrets",
        "",
        aws_code=error.aws_code,
        retryable=error.retryable or is_outdated,
        is_answered=error.is_answered,
    )
