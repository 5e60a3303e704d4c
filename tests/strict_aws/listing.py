"""ListSecrets by its rules: pages, empty pages, prefix filters, and a view that lags by minutes.

All from API_ListSecrets.html, API_Filter.html and API_SecretListEntry.html of the API reference.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.strict_aws.versions import Refused, Versions

PAGE = 100
"""API_ListSecrets.html, MaxResults: 1 to 100; this many without it."""

Entry = dict[str, Any]


@dataclass(slots=True)
class Listing:
    """What ListSecrets has seen of each secret of a region, and how it hands it out.

    `lag_s` is how long it may not show a change: "might not show changes from the last five
    minutes" (API_ListSecrets.html). `empty_pages` come before each page with entries, each with a
    NextToken: "there might be more results available, even when the list is empty" (the same).
    """

    now: Callable[[], float]
    lag_s: float = 0.0
    empty_pages: int = 0
    _seen: dict[str, dict[str, list[tuple[float, Entry | None]]]] = field(default_factory=dict)

    def note(self, region: str, arn: str, entry: Entry | None) -> None:
        """Remember how a secret looks from now on; None if it has gone."""
        history = self._seen.setdefault(region, {}).setdefault(arn, [])
        if not history or history[-1][1] != entry:
            history.append((self.now(), entry))

    def note_record(self, record: Any, versions_of: Callable[[Any], Versions]) -> None:  # noqa: ANN401
        """Remember how one of moto's secrets looks, in every region that has it."""
        replicas = getattr(record, "replicas", ())
        for each in (record, *replicas):
            entry = {name: value for name, value in each.to_dict().items() if value is not None}
            entry.pop("VersionIdsToStages", None)
            if replicas:  # API_SecretListEntry.html, PrimaryRegion
                entry["PrimaryRegion"] = record.region
            stages = {v.version_id: sorted(v.stages) for v in versions_of(each).all if v.stages}
            self.note(each.region, each.arn, entry | {"SecretVersionsToStages": stages})

    def settle(self) -> None:
        """Show everything that has been noted."""
        for histories in self._seen.values():
            for history in histories.values():
                history[:] = [(float("-inf"), history[-1][1])]

    def page(self, region: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one ListSecrets."""
        size = params.get("MaxResults", PAGE)
        start, empty_left = _position(params.get("NextToken"), self.empty_pages)
        matching = [entry for entry in self._visible(region) if _is_wanted(entry, params)]
        if params.get("SortOrder") == "desc":
            matching.reverse()
        if empty_left and start < len(matching):
            return {"SecretList": [], "NextToken": f"{start}-{empty_left - 1}"}
        answer: dict[str, Any] = {"SecretList": matching[start : start + size]}
        if start + size < len(matching):
            answer["NextToken"] = f"{start + size}-{self.empty_pages}"
        return answer

    def _visible(self, region: str) -> Iterable[Entry]:
        latest = self.now() - self.lag_s
        for history in self._seen.get(region, {}).values():
            entry = next((entry for at, entry in reversed(history) if at <= latest), None)
            if entry is not None:
                yield entry


def _position(token: str | None, empty_pages: int) -> tuple[int, int]:
    if token is None:
        return 0, empty_pages
    start, _, empty_left = token.partition("-")
    if not (start.isdigit() and empty_left.isdigit()):
        raise Refused("InvalidNextTokenException", "the token is not one of this list")
    return int(start), int(empty_left)


def _is_wanted(entry: Entry, params: Mapping[str, Any]) -> bool:
    if "DeletedDate" in entry and not params.get("IncludePlannedDeletion"):
        return False
    # API_ListSecrets.html: entries match all of the filters.
    return all(_matches(entry, each) for each in params.get("Filters", []))


def _matches(entry: Entry, wanted: Mapping[str, Any]) -> bool:
    """API_Filter.html: a value with `!` excludes; the others are alternatives."""
    key = wanted["Key"]
    values = wanted["Values"]
    texts = _texts(entry, key)
    if key in {"description", "all"}:  # "not case-sensitive"
        texts, values = [t.lower() for t in texts], [v.lower() for v in values]
    excluded = [value[1:] for value in values if value.startswith("!")]
    included = [value for value in values if not value.startswith("!")]
    if any(text.startswith(value) for text in texts for value in excluded):
        return False
    return not included or any(text.startswith(value) for text in texts for value in included)


def _texts(entry: Entry, key: str) -> list[str]:
    tags = entry.get("Tags", [])
    found = {
        "description": [entry.get("Description", "")],
        "name": [entry["Name"]],
        "tag-key": [tag["Key"] for tag in tags],
        "tag-value": [tag["Value"] for tag in tags],
        "primary-region": [entry.get("PrimaryRegion", "")],
        "owning-service": [entry.get("OwningService", "")],
    }
    if key == "all":  # "breaks the filter value string into words": one word, here
        return [word for texts in found.values() for text in texts for word in text.split()]
    return found[key]
