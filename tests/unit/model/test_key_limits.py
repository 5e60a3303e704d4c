"""A private key that would take long to load is refused before anything parses it."""

import base64
from typing import Any

import pytest

from rotator.errors import CredentialsError
from rotator.model.client_credentials import ClientCredentials
from rotator.model.providers import resolve
from tests.support.big_keys import MERSENNE, pem_of, rsa_numbers

# RFC 7518 section 6.3: Base64urlUInt, without leading zeros.
OF_4096_BITS = {"n": 4096, "e": 17, "d": 4096, "p": 2048, "q": 2048, "dp": 2048, "dq": 2048}


def number(bits: int) -> str:
    encoded = base64.urlsafe_b64encode((2**bits - 1).to_bytes((bits + 7) // 8, "big"))
    return encoded.decode().rstrip("=")


def jwk(**bits: int) -> dict[str, Any]:
    sizes = OF_4096_BITS | {"qi": 2048} | bits
    return {"kty": "RSA"} | {name: number(size) for name, size in sizes.items()}


def check(private_key: object, **fields: object) -> None:
    """As `init` and `credentials set` check credentials, and each mint."""
    given = {"client_id": "client", "token_url": "https://as.example", "private_key": private_key}
    resolve(ClientCredentials.from_fields(given | fields))


@pytest.mark.parametrize("name", ["n", "e", "d", "p", "q", "dp", "dq", "qi"])
def test_number_of_a_jwk_that_is_too_long_is_named_with_its_limit(name: str) -> None:
    bits = 4096 if name in {"n", "e", "d"} else 2048

    with pytest.raises(CredentialsError) as caught:
        check(jwk(**{name: bits + 40}))

    assert str(caught.value) == (
        f"private_key: its number {name} has more than {bits:,} bits; use an RSA key with at most"
        " 4,096 bits, or an EC key"
    )


def test_rsa_key_of_4096_bits_is_taken() -> None:
    check(jwk())
    check({"kty": "RSA"} | {name: f"{text}==" for name, text in jwk().items()} | {"kid": "=" * 999})


def test_jwk_without_its_primes_is_refused() -> None:
    without = {name: text for name, text in jwk().items() if name in {"kty", "n", "e", "d"}}

    with pytest.raises(CredentialsError, match="lacks p, q, dp, dq or qi; export it with these"):
        check(without)


def test_pem_that_is_too_long_is_refused_beside_a_certificate_too() -> None:
    pem = pem_of(rsa_numbers(MERSENNE[4253], MERSENNE[4423]))
    assert len(pem) > 6000

    for text in (pem, f"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n{pem}"):
        with pytest.raises(CredentialsError, match="more than 4,500 characters; use an RSA key"):
            check(text)


def test_pem_beside_a_chain_of_certificates_is_taken() -> None:
    certificate = f"-----BEGIN CERTIFICATE-----\n{'A' * 2000}\n-----END CERTIFICATE-----\n"

    check(
        f"-----BEGIN PRIVATE KEY-----\n{'A' * 3200}\n-----END PRIVATE KEY-----\n{certificate * 4}"
    )


@pytest.mark.parametrize("text", ["{", '{"a":' * 9000, '{"n": 5, "kty": "RSA"}', "[]"])
def test_key_that_is_no_jwk_is_left_to_whoever_loads_it(text: str) -> None:
    check(text)


def test_key_that_no_request_uses_is_not_checked() -> None:
    check(jwk(n=9000), client_secret="p8e-x", auth_method="client_secret_post")
