"""Refuses a binding whose token secret is another binding's credentials secret, or the reverse.

The names don't show which of the two bindings is wrong, and whoever may tag a secret could name any
other. So the values decide: a secret with client credentials is a credentials secret, and the
binding that would write a token there is refused, never those that use the credentials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.aws.secret_ids import arn_region
from rotator.errors import ConfigError, RotatorError, replace_error
from rotator.fleet.read import label_secrets
from rotator.fleet.refused import add_expiry
from rotator.model.binding import BINDING_TAG
from rotator.model.consent import secret_name
from rotator.model.stored import holds_client_credentials, holds_only_token, parse_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rotator.fleet.settings import FleetBinding
    from rotator.model.secret import StoredSecret

__all__ = ["SecretRoles", "usable_versions"]


class SecretRoles:
    """The secrets that the bindings of one run name as token secrets and as credentials."""

    def __init__(self, bindings: Iterable[FleetBinding]) -> None:
        self._token_secrets: dict[str, set[str]] = {}
        self._served: dict[str, set[str]] = {}
        self._first: dict[str, str] = {}
        for binding in (each.binding for each in bindings):
            for names, secret_id in (
                (self._token_secrets, binding.token_secret),
                (self._served, binding.credentials_secret),
            ):
                for name in _possible_names(secret_id):
                    names.setdefault(name, set()).add(binding.token_secret)

    def check(self, fleet_binding: FleetBinding, versions: Mapping[str, StoredSecret]) -> None:
        """Raise ConfigError if this binding contradicts another one of the run.

        `versions` are both secrets as read, by the ids of the binding.
        """
        binding = fleet_binding.binding
        credentials_version = versions[binding.credentials_secret]
        token_version = versions[binding.token_secret]
        self._refuse_second(token_version)
        if credentials_version.arn == token_version.arn:  # one secret holds both
            return
        own = binding.token_secret
        if self._names_another(self._served, own, own) and _has_credentials(token_version):
            raise ConfigError(
                f"token secret {own}: is the credentials secret of another binding and holds"
                f" client credentials; {_correction(fleet_binding, own)}"
            )
        credentials = binding.credentials_secret
        is_token_secret = self._names_another(self._token_secrets, credentials, own)
        if is_token_secret and _has_no_credentials(credentials_version):
            label = f"tag {BINDING_TAG} names" if fleet_binding.needs_consent else "credentials are"
            raise ConfigError(
                f"token secret {own}: its {label} {credentials}, which is the token secret of"
                " another binding; name the secret that holds the client secret"
            )

    def _refuse_second(self, token_version: StoredSecret) -> None:
        """Refuse a token secret that another binding names by its ARN, partial ARN or name."""
        first = self._first.setdefault(token_version.arn, token_version.secret_id)
        if first != token_version.secret_id:
            raise ConfigError(
                f"token secret {token_version.secret_id}: is the same secret as {first}, which"
                " another binding names; remove one of the two"
            )

    @staticmethod
    def _names_another(names: Mapping[str, set[str]], secret_id: str, own: str) -> bool:
        return any(not names.get(name, set()) <= {own} for name in _possible_names(secret_id))


def usable_versions(
    fleet_binding: FleetBinding,
    found: Mapping[str, StoredSecret | RotatorError],
    *,
    roles: SecretRoles,
    region: str | None,
) -> dict[str, StoredSecret]:
    """Both secrets of a binding, from what was `found` by id in a run in `region`.

    Raises RotatorError, with the stored token's expiry in its details, if the binding can't be
    worked on.
    """

    def check() -> dict[str, StoredSecret]:
        versions = {}
        for secret_id, label in label_secrets(fleet_binding.binding).items():
            if region is not None and arn_region(secret_id) not in {None, region}:
                raise ConfigError(
                    f"{label} {secret_id}: is in another region than this run ({region}); run a"
                    " fleet per region"
                )
            version = found[secret_id]
            if isinstance(version, RotatorError):
                raise version
            versions[secret_id] = version
        roles.check(fleet_binding, versions)
        return versions

    token_version = found[fleet_binding.binding.token_secret]
    return replace_error(check, RotatorError, lambda error: add_expiry(error, token_version))


def _possible_names(secret_id: str) -> set[str]:
    """The names that the id may stand for: an ARN may end in the six random characters or not."""
    if not secret_id.startswith("arn:"):
        return {secret_id}
    return {secret_id.split(":", 6)[-1], secret_name(secret_id)}


def _has_credentials(version: StoredSecret) -> bool:
    try:
        return holds_client_credentials(parse_fields(version))
    except ValueError:
        return False


def _has_no_credentials(version: StoredSecret) -> bool:
    """Whether it has no value, or only a token; another wrong value gets an error of its own."""
    try:
        fields = parse_fields(version)
    except ValueError:
        return False
    return not fields or holds_only_token(fields)


def _correction(fleet_binding: FleetBinding, own: str) -> str:
    if fleet_binding.needs_consent:
        return f"remove the tag {BINDING_TAG} from {own}"
    return "name the secret that consumers read as its token secret"
