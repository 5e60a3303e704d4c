"""The certificate authorities for AWS: Amazon's own first, because a whole bundle is slow to load.

Loading 140 certificates is the slowest part of a first read.
"""

from __future__ import annotations

import os
import ssl
import sys

from rotator.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["AMAZON_ROOTS", "Contexts", "is_unknown_issuer"]

# Amazon Trust Services' roots (https://www.amazontrust.com/repository/): the start of each in PEM,
# to find it in a bundle without decoding the others, and its SHA-256, to verify it.
AMAZON_ROOTS = {
    # Amazon Root CA 1 to 4
    b"MIIDQTCCAimgAwIBAgITBmyfz5m/": (
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e"
    ),
    b"MIIFQTCCAymgAwIBAgITBmyf0pY1": (
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4"
    ),
    b"MIIBtjCCAVugAwIBAgITBmyf1XSX": (
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4"
    ),
    b"MIIB8jCCAXigAwIBAgITBmyf18G7": (
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092"
    ),
    # Starfield Services Root Certificate Authority - G2
    b"MIID7zCCAtegAwIBAgIBADANBgkq": (
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5"
    ),
}

# X509_V_ERR_*: the issuer is not among the authorities. Other authorities don't help against expiry
# or a wrong host name.
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21, 27})
_END = b"-----END CERTIFICATE-----"


class Contexts:
    """TLS contexts, created on demand and kept."""

    def __init__(self) -> None:
        self._made: dict[str | None, ssl.SSLContext] = {}
        self._needs_whole_bundle = False

    def candidates(self, ca_bundle: str | None) -> Iterator[ssl.SSLContext]:
        """The contexts to try, each only if the issuer was unknown to the one before.

        With a `ca_bundle` it is the only one. Raises ConfigError if the bundle cannot be read.
        """
        if ca_bundle is not None:
            yield self._context(ca_bundle)
            return
        whole = _bundle_path()
        if whole is not None and not self._needs_whole_bundle:
            amazon = self._made.get("amazon") or _amazon_context(whole)
            if amazon is not None:
                self._made["amazon"] = amazon
                yield amazon
        self._needs_whole_bundle = True
        yield self._context(whole)

    def _context(self, path: str | None) -> ssl.SSLContext:
        made = self._made.get(path)
        if made is None:
            made = _new_context()
            self._load(made, path)
            self._made[path] = made
        return made

    @staticmethod
    def _load(context: ssl.SSLContext, path: str | None) -> None:
        if path is None:
            context.load_default_certs()
            return
        try:
            context.load_verify_locations(path)
        except OSError:
            is_readable = False
        else:
            is_readable = True
        if not is_readable:
            raise ConfigError(f"AWS_CA_BUNDLE: {path} holds no certificates that can be read")


def is_unknown_issuer(error: BaseException) -> bool:
    """Whether verification with other authorities could succeed."""
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in _UNKNOWN_ISSUER


def _new_context() -> ssl.SSLContext:
    # Verifies certificate and host name; unlike `create_default_context` it logs no keys.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _amazon_context(bundle: str) -> ssl.SSLContext | None:
    context, found = _new_context(), 0
    with open(bundle, "rb") as file:  # noqa: PTH123 - pathlib is slow to import
        text = file.read()
    for start, digest in AMAZON_ROOTS.items():
        certificate = _find_certificate(text, start, digest)
        if certificate is not None:
            context.load_verify_locations(cadata=certificate)
            found += 1
    return context if found else None


def _find_certificate(bundle: bytes, start: bytes, digest: str) -> bytes | None:
    import hashlib
    from binascii import Error, a2b_base64

    at = bundle.find(start)
    while at >= 0:
        try:
            certificate = a2b_base64(bundle[at : bundle.find(_END, at)])
        except Error:
            certificate = b""
        if hashlib.sha256(certificate).hexdigest() == digest:
            return certificate
        at = bundle.find(start, at + 1)
    return None


def _bundle_path() -> str | None:
    """The bundle of certifi, botocore or the system, in botocore's order."""
    for package in ("certifi", "botocore"):
        for folder in _folders(package):
            path = os.path.join(folder, "cacert.pem")  # noqa: PTH118 - pathlib is slow to import
            if os.path.isfile(path):  # noqa: PTH113 - as above
                return path
    return ssl.get_default_verify_paths().cafile


def _folders(package: str) -> Iterable[str]:
    """A package's folders, without importing it or `importlib.util`, which is slow to load."""
    for finder in sys.meta_path:
        spec = finder.find_spec(package, None)
        if spec is not None:
            return spec.submodule_search_locations or ()
    return ()
