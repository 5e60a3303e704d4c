"""Certificates for a server and a client, made up on the spot."""

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Identity:
    """A self-signed certificate and its key, both PEM."""

    certificate: str
    private_key: str

    @classmethod
    def of(cls, name: str, *, address: str = "127.0.0.1", ends_in_s: int = 3600) -> "Identity":
        """A certificate for `name` and for `address`, valid for an hour unless told otherwise."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(seconds=ends_in_s))
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.IPAddress(ipaddress.ip_address(address)), x509.DNSName(name)]
                ),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(
            certificate.public_bytes(serialization.Encoding.PEM).decode(),
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
        )


def server_context(
    identity: Identity,
    folder: Path,
    *,
    client: Identity | None = None,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> ssl.SSLContext:
    """For a server that is `identity` and, with `client`, wants that client's certificate.

    `newest` is the newest version of TLS that it speaks.
    """
    chain, key = folder / "server.pem", folder / "server.key"
    chain.write_text(identity.certificate)
    key.write_text(identity.private_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if newest < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = newest
    context.maximum_version = newest
    context.load_cert_chain(chain, key)
    if client is not None:
        context.load_verify_locations(cadata=client.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
