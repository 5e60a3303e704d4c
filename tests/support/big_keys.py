"""RSA keys of known primes, which no search has to find."""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

MERSENNE = {bits: 2**bits - 1 for bits in (1279, 2203, 2281, 4253, 4423)}
"""Primes, by their size in bits (OEIS A000043)."""


def rsa_numbers(p: int, q: int) -> RSAPrivateNumbers:
    """The key with these primes."""
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = RSAPublicNumbers(65537, p * q)
    return RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)


def pem_of(numbers: RSAPrivateNumbers) -> str:
    """The key as PEM, without a check of its primes."""
    key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
