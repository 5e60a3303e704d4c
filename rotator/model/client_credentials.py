"""Client credentials, and their JSON form in the credentials secret.

Parsing raises `ValueError` with a message that names the field, never its content; the caller adds
the name of the secret.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from rotator.errors import did_you_mean
from rotator.model.access_token import TOKEN_FIELDS
from rotator.model.client_id import find_client_secret
from rotator.model.consent import is_consent_entry
from rotator.model.fields import check_text, is_one_line, optional_text_field, text_field
from rotator.model.providers import implied_provider
from rotator.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "PROVIDER_FIELDS",
    "ROTATION_FIELD",
    "ClientCredentials",
    "canonical_name",
    "explain_misspelling",
    "is_plain_key",
    "meant_name",
    "rename_adobe_keys",
]

ROTATION_FIELD = "client_secret_rotation"
"""The field with the state of a rotation of the client secret."""

PROVIDER_FIELDS = ("provider", "token_url", "issuer")
"""The fields that name the provider; without any of them it is the default one."""

MAX_LIFETIME_SETTING_S = 10 * 366 * 86_400

_ADOBE_KEYS = {
    "CLIENT_ID": "client_id",
    "CLIENT_SECRET": "client_secret",
    "CLIENT_SECRETS": "client_secret",
    "SCOPES": "scope",
    "SCOPE": "scope",
}

CHOICES = {
    "basic_encoding": ("form", "raw"),
    "scope_policy": ("accept", "refuse"),
    "token_type_policy": ("refuse", "assume_bearer"),
}

RESERVED_PARAMETERS = frozenset(
    {
        "audience",
        "client_assertion",
        "client_assertion_type",
        "client_id",
        "client_secret",
        "grant_type",
        "resource",
        "scope",
    }
)
"""Form fields of the token request that `parameters` cannot set: the credentials secret has a field
for them, or rotator fills them in."""


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """A client, and the provider where it is registered.

    `client_secrets` are in the order in which they are tried; there are several while a client
    secret is being replaced, none if the client authenticates with a key. `private_key` is PEM or a
    JWK as JSON, `certificate` PEM. `single_active`: minting ends the previous token. `resources`
    are the values of the repeatable parameter `resource`, `parameters` extra form fields.
    `token_secrets` are the token secrets that these credentials may keep fresh without a setting
    that names them (see `rotator.model.consent`), `admin_of` the credentials secrets that may name
    these in `client_admin`. The provider's preset fills in fields that are None.

    `client_admin` and the state of a rotation are parsed only where the client secret is rotated:
    a mistake in them does not prevent minting.
    """

    client_id: str
    client_secrets: tuple[Secret, ...]
    provider: str | None = None
    token_url: str | None = None
    issuer: str | None = None
    scope: str | None = None
    audience: str | None = None
    resources: tuple[str, ...] = ()
    auth_method: str | None = None
    basic_encoding: str | None = None
    private_key: Secret | None = None
    key_id: str | None = None
    certificate: str | None = field(default=None, repr=False)
    lifetime_s: int | None = None
    scope_policy: str | None = None
    token_type_policy: str | None = None
    single_active: bool | None = None
    token_secrets: tuple[str, ...] = ()
    admin_of: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)

    FIELDS: ClassVar[frozenset[str]] = frozenset(
        {
            "client_id",
            "client_secret",
            "provider",
            "token_url",
            "issuer",
            "scope",
            "audience",
            "resource",
            "auth_method",
            "basic_encoding",
            "private_key",
            "key_id",
            "certificate",
            "lifetime_s",
            "scope_policy",
            "token_type_policy",
            "single_active",
            "token_secrets",
            "admin_of",
            "parameters",
            "client_admin",
            ROTATION_FIELD,
        }
    )
    KEYS: ClassVar[frozenset[str]] = FIELDS | _ADOBE_KEYS.keys()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The client secrets and the private key, which must be redacted everywhere.

        So must a client id in whose place a client secret was stored.
        """
        is_id = find_client_secret(self.client_id) is None
        return (
            *self.client_secrets,
            *((self.private_key,) if self.private_key else ()),
            *(() if is_id else (Secret(self.client_id),)),
        )

    @property
    def problem_with_client_id(self) -> str | None:
        """Why the client id must not be shown, None if it may be."""
        return find_client_secret(self.client_id, [each.reveal() for each in self.client_secrets])

    @property
    def fingerprint(self) -> str:
        """Identifies the kind of token that is requested; secrets and `parameters` don't count.

        A SHA-256, in hexadecimal, over provider, token_url, issuer, scope, audience and resource.
        The order and the separators of scopes make no difference (RFC 6749 section 3.3), nor does
        naming the provider that is implied anyway.
        """
        is_implied = self.provider == implied_provider(self.token_url or self.issuer)
        requested = {
            "provider": None if is_implied else self.provider,
            "token_url": self.token_url,
            "issuer": self.issuer,
            "scope": sorted(set(re.split(r"[,\s]+", self.scope or "")) - {""}),
            "audience": self.audience,
            "resource": self.resources,
        }
        return hashlib.sha256(json.dumps(requested, sort_keys=True).encode()).hexdigest()

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Parse the credentials secret's JSON object; raises ValueError naming the wrong field.

        Unknown keys are ignored (a team may keep notes in the secret), but one that looks like a
        misspelling of a known one is refused: to ignore `token_uri` would send the client secret
        to the default provider. The keys of the file that Adobe's console offers for download
        (`CLIENT_ID`, `CLIENT_SECRETS`, `SCOPES`) are accepted.
        """
        fields = rename_adobe_keys(fields)
        if "headers" in fields:
            raise ValueError(
                "has a key headers, and headers cannot be set; form fields go into parameters, and"
                " auth_method chooses how the client authenticates"
            )
        for key in fields:
            problem = explain_misspelling(key)
            if problem is not None:
                raise ValueError(problem)
        _refuse_null_provider(fields)
        private_key = _private_key(fields)
        return cls(
            client_id=text_field(fields, "client_id"),
            client_secrets=_client_secrets(fields, is_needed=private_key is None),
            resources=tuple(check_text(text, "resource") for text in _texts(fields, "resource")),
            private_key=private_key,
            scope=_scope(fields),
            certificate=_lines(fields, "certificate"),
            lifetime_s=_lifetime_s(fields),
            single_active=_flag(fields, "single_active"),
            token_secrets=_consents(fields, "token_secrets"),
            admin_of=_consents(fields, "admin_of"),
            parameters=_parameters(fields),
            **{name: optional_text_field(fields, name) for name in _OPTIONAL_TEXTS},
            **{name: _choice(fields, name) for name in CHOICES},
        )


_OPTIONAL_TEXTS = (
    "provider",
    "token_url",
    "issuer",
    "audience",
    "auth_method",
    "key_id",
)

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_PLAIN_KEY = r"[A-Za-z_-]{1,24}"

_OTHER_NAMES = dict.fromkeys(("access_token_url", "token_endpoint", "tokenEndpoint"), "token_url")
"""Names that other products and OpenID Connect Discovery use for these fields."""


def _refuse_null_provider(fields: Mapping[str, Any]) -> None:
    """Refuse a null that would send the client secret to the default provider."""
    names = [name for name in PROVIDER_FIELDS if name in fields]
    if names and all(fields[name] is None for name in names):
        raise ValueError(
            f"{names[0]} is null, and nothing else names the provider; set provider (adobe-ims for"
            " Adobe)"
        )


def canonical_name(key: str) -> str:
    """The field's name in this format, given that or Adobe's name for it."""
    return _ADOBE_KEYS.get(key, key)


def explain_misspelling(key: str) -> str | None:
    """The error message for a key that looks like a misspelled field, None for any other key."""
    meant = meant_name(key)
    if meant is None:
        return None
    # Somebody may have pasted a secret where a key belongs: show only what looks like a key.
    shown = key if is_plain_key(key) else "(not shown, as it may hold a secret)"
    return f"has an unknown key {shown}; did you mean {meant}?"


def is_plain_key(key: str) -> bool:
    """Whether a key that is not one of ours may be shown: it doesn't look like a secret."""
    return re.fullmatch(_PLAIN_KEY, key) is not None


def meant_name(key: str) -> str | None:
    """The field that this key seems to misspell, None for any other key."""
    if key in ClientCredentials.KEYS or key in TOKEN_FIELDS:
        return None
    return _OTHER_NAMES.get(key) or did_you_mean(key, ClientCredentials.FIELDS)


def rename_adobe_keys(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with Adobe's names replaced by those of this format.

    Raises ValueError if a field has different values under both names.
    """
    renamed = {name: value for name, value in fields.items() if name not in _ADOBE_KEYS}
    for adobe_key in fields.keys() & _ADOBE_KEYS.keys():
        key = _ADOBE_KEYS[adobe_key]
        if renamed.setdefault(key, fields[adobe_key]) != fields[adobe_key]:
            raise ValueError(f"has both {key} and {adobe_key}, which differ; keep one of them")
    return renamed


def _scope(fields: Mapping[str, Any]) -> str | None:
    """One string, or a list of strings."""
    value = fields.get("scope")
    if isinstance(value, str):
        return check_text(value.strip(" "), "scope")
    if not isinstance(value, list):
        return optional_text_field(fields, "scope")
    if not value:
        raise ValueError("scope must be a non-empty string, or a list of them")
    return " ".join(check_text(name, "scope") for name in value)


def _client_secrets(fields: Mapping[str, Any], *, is_needed: bool) -> tuple[Secret, ...]:
    texts = _texts(fields, "client_secret")
    if is_needed and not texts:
        raise ValueError("client_secret is missing")
    if not all(map(is_one_line, texts)):
        raise ValueError("client_secret must be one line without white space around it")
    return tuple(Secret(text) for text in texts)


def _consents(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    entries = _texts(fields, name)
    if not all(map(is_consent_entry, entries)):
        kind = "token secrets" if name == "token_secrets" else "credentials secrets"
        raise ValueError(f"{name} must hold names or ARNs of {kind}, or names that end in /*")
    return entries


def _texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A string, or a list of them, as a tuple; empty if there is no such field."""
    value = fields.get(name)
    if value is None:
        return ()
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(f"{name} must be a non-empty string, or a list of them")
    return tuple(texts)


def _private_key(fields: Mapping[str, Any]) -> Secret | None:
    """PEM or a JWK; the JWK may also be a JSON object in place of a string."""
    value = fields.get("private_key")
    if isinstance(value, dict):
        return Secret(json.dumps(value))
    text = _lines(fields, "private_key")
    return None if text is None else Secret(text)


def _lines(fields: Mapping[str, Any], name: str) -> str | None:
    """ASCII text that may have several lines, such as PEM."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or not value.isascii():
        raise ValueError(f"{name} must be a non-empty string of ASCII")
    return value


def _lifetime_s(fields: Mapping[str, Any]) -> int | None:
    value = fields.get("lifetime_s")
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not 0 < value <= MAX_LIFETIME_SETTING_S
    ):
        raise ValueError("lifetime_s must be a whole number of seconds, at most ten years")
    return value


def _flag(fields: Mapping[str, Any], name: str) -> bool | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")
    return value


def _choice(fields: Mapping[str, Any], name: str) -> str | None:
    value = optional_text_field(fields, name)
    if value is not None and value not in CHOICES[name]:
        raise ValueError(f"{name} must be one of {', '.join(CHOICES[name])}")
    return value


def _parameters(fields: Mapping[str, Any]) -> dict[str, str]:
    value = fields.get("parameters")
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError("parameters must be an object of strings")
    if any(_SURROGATE.search(text) for text in (*value, *value.values())):
        raise ValueError("parameters must not contain surrogates, which UTF-8 cannot encode")
    taken = sorted(value.keys() & RESERVED_PARAMETERS)
    if taken:
        raise ValueError(f"parameters must not hold {taken[0]}, which has its own field")
    return value
