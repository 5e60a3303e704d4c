"""The versions of one secret and their staging labels, by the rules of the API reference.

Values that never change: an operation answers with the state after it, so a stale read is an older
state and a model checker can tell two states apart. Sources, all of the Secrets Manager manual:

- API_PutSecretValue.html, API_UpdateSecretVersionStage.html (API reference)
- reference_limits.html (user guide): versions, labels, and what is removed when
"""

from dataclasses import dataclass, replace

CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"
PREVIOUS = "AWSPREVIOUS"

MAX_VERSIONS = 100
"""reference_limits.html, "Versions per secret". What exactly happens above it is not documented;
here nothing above it is kept, which is the strictest reading."""

MAX_LABELS = 20
"""reference_limits.html, "Staging labels attached across all versions of a secret"."""

YOUNG_S = 86_400.0
"""reference_limits.html: versions created less than 24 hours ago are not removed."""


class Refused(Exception):
    """The service says no: `code` is the name of its exception in the API reference."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Version:
    """One version; `content` is None while a rotation has announced it and not yet filled it."""

    version_id: str
    content: tuple[str, str] | None
    created_at: float
    stages: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Versions:
    """All versions of one secret, oldest first."""

    all: tuple[Version, ...] = ()

    def find(self, version_id: str) -> Version | None:
        return next((v for v in self.all if v.version_id == version_id), None)

    def labelled(self, label: str) -> Version | None:
        return next((v for v in self.all if label in v.stages), None)

    @property
    def has_value(self) -> bool:
        return any(v.content is not None for v in self.all)

    def announce(self, version_id: str, *, now: float) -> "Versions":
        """RotateSecret: a version labelled AWSPENDING, there before createSecret, without a value.

        rotate-secrets_lambda-functions.html, createSecret: "checks if there is a value for the
        ClientRequestToken version" by GetSecretValue.
        """
        if self.find(version_id) is None:
            added = Versions((*self.all, Version(version_id, None, now)))
        else:
            added = self
        return _within_limits(_moved(added, PENDING, version_id), now)

    def drop_announced(self, version_id: str) -> "Versions":
        """Without a version that was announced and never filled."""
        return Versions(
            tuple(v for v in self.all if v.version_id != version_id or v.content is not None)
        )

    def without_label(self, label: str) -> "Versions":
        return _without(self, label)

    def put(
        self,
        version_id: str,
        content: tuple[str, str],
        *,
        now: float,
        stages: frozenset[str] | None = None,
    ) -> "Versions":
        """PutSecretValue: the same id with the same content does nothing, with other is refused."""
        taken = self.find(version_id)
        if taken is not None and taken.content is not None:
            if taken.content == content:
                return self
            raise Refused("ResourceExistsException", "that ClientRequestToken is in use")
        labels = frozenset({CURRENT}) if stages is None else stages
        if not self.has_value:  # API_PutSecretValue.html: the first version, whatever is asked for
            labels |= {CURRENT}
        if taken is None:
            added = Versions((*self.all, Version(version_id, content, now)))
        else:
            added = _replaced(self, replace(taken, content=content))
        for label in sorted(labels):
            added = _moved(added, label, version_id)
        return _within_limits(added, now)

    def move_label(
        self, label: str, *, move_to: str | None, remove_from: str | None, now: float
    ) -> "Versions":
        """UpdateSecretVersionStage: a label moves only if the caller knows where it is."""
        if move_to is None and remove_from is None:
            raise Refused("InvalidParameterException", "name a version to move to or remove from")
        for version_id in filter(None, (move_to, remove_from)):
            if self.find(version_id) is None:
                raise Refused("ResourceNotFoundException", "there is no such version")
        holder = self.labelled(label)
        holder_id = None if holder is None else holder.version_id
        if remove_from is not None and remove_from != holder_id:
            raise Refused("InvalidParameterException", "the label is not on that version")
        if move_to is None:
            if label == CURRENT:
                raise Refused("InvalidParameterException", f"{CURRENT} can be moved, not removed")
            return _without(self, label)
        if holder_id not in {None, move_to, remove_from}:
            raise Refused("InvalidParameterException", "the label is on another version: name it")
        return _within_limits(_moved(self, label, move_to), now)

    def pruned(self, now: float) -> "Versions":
        """Without the oldest unlabelled versions above the limit, if they are a day old."""
        excess = len(self.all) - MAX_VERSIONS
        removable = [v for v in self.all if not v.stages and now - v.created_at >= YOUNG_S]
        removed = removable[: max(excess, 0)]
        return Versions(tuple(v for v in self.all if v not in removed)) if removed else self


def _moved(versions: Versions, label: str, version_id: str) -> Versions:
    holder = versions.labelled(label)
    if holder is not None and holder.version_id == version_id:
        return versions
    moved = _labelled(_without(versions, label), label, version_id)
    if label == CURRENT and holder is not None:
        # API_UpdateSecretVersionStage.html: AWSPREVIOUS follows whenever AWSCURRENT moves.
        moved = _labelled(_without(moved, PREVIOUS), PREVIOUS, holder.version_id)
    return moved


def _within_limits(versions: Versions, now: float) -> Versions:
    if sum(len(v.stages) for v in versions.all) > MAX_LABELS:
        raise Refused("LimitExceededException", "too many staging labels")
    kept = versions.pruned(now)
    if len(kept.all) > MAX_VERSIONS:
        raise Refused("LimitExceededException", "too many versions")
    return kept


def _labelled(versions: Versions, label: str, version_id: str) -> Versions:
    return Versions(
        tuple(
            replace(v, stages=v.stages | {label}) if v.version_id == version_id else v
            for v in versions.all
        )
    )


def _without(versions: Versions, label: str) -> Versions:
    return Versions(tuple(replace(v, stages=v.stages - {label}) for v in versions.all))


def _replaced(versions: Versions, version: Version) -> Versions:
    return Versions(
        tuple(version if v.version_id == version.version_id else v for v in versions.all)
    )
