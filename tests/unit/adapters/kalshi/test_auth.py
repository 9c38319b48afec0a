"""Signatures are those of the published vectors, keys are told apart, and nothing shows a key."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from kairos.bootstrap import KalshiKey, PreparedHeaders
from kairos.errors import UsageError
from tests.support.kalshi_rest import a_key, pem_of
from tests.support.repository import ROOT

VECTORS: dict[str, Any] = msgspec.json.decode(
    Path(ROOT / "tests" / "contract" / "vectors" / "kalshi_auth.json").read_bytes()
)
PATH = "/trade-api/v2/portfolio/events/orders"
CREATE = ("POST", PATH)


def ed25519_key() -> KalshiKey:
    seed = b64decode(VECTORS["ed25519_seed_b64"])
    return KalshiKey.from_pem("key-id", pem_of(Ed25519PrivateKey.from_private_bytes(seed)))


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def rsa_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def verify(public: RSAPublicKey, signature_b64: str, message: str) -> None:
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    public.verify(b64decode(signature_b64), message.encode(), pss, hashes.SHA256())


@pytest.mark.parametrize("index", range(len(VECTORS["ed25519"])))
def test_ed25519_signatures_are_the_published_ones(index: int) -> None:
    vector, request = VECTORS["ed25519"][index], VECTORS["rsa_pss"][index]
    path = "/" + request["url"].split("/", 3)[3]
    headers = ed25519_key().headers(request["method"].lower(), path, request["timestamp_ms"])
    assert headers == {
        "KALSHI-ACCESS-KEY": "key-id",
        "KALSHI-ACCESS-TIMESTAMP": str(request["timestamp_ms"]),
        "KALSHI-ACCESS-SIGNATURE": vector["signature_b64"],
    }
    assert vector["message"] == request["message"]


@pytest.mark.parametrize("vector", VECTORS["rsa_pss"], ids=lambda vector: vector["url"])
def test_our_pss_parameters_verify_the_published_signatures(vector: dict[str, Any]) -> None:
    public = load_pem_public_key(VECTORS["rsa_public_key_pem"].encode())
    assert isinstance(public, RSAPublicKey)
    verify(public, vector["signature_b64"], vector["message"])


def test_our_pss_parameters_verify_an_independent_signature() -> None:
    vector = VECTORS["independent_rsa_pss_vector"]
    public = load_pem_public_key(vector["public_key_pem"].encode())
    assert isinstance(public, RSAPublicKey)
    verify(public, vector["signature_b64"], vector["message"])


@pytest.mark.parametrize("vector", VECTORS["rsa_pss"], ids=lambda vector: vector["url"])
def test_rsa_signs_the_same_text_so_that_it_verifies(
    rsa_key: rsa.RSAPrivateKey, vector: dict[str, Any]
) -> None:
    key = KalshiKey.from_pem("key-id", rsa_pem(rsa_key))
    path = "/" + vector["url"].split("/", 3)[3]
    headers = key.headers(vector["method"], path, vector["timestamp_ms"])
    verify(rsa_key.public_key(), headers["KALSHI-ACCESS-SIGNATURE"], vector["message"])
    with pytest.raises(InvalidSignature):
        verify(rsa_key.public_key(), headers["KALSHI-ACCESS-SIGNATURE"], vector["message"] + "/")


def test_the_key_type_is_read_from_the_file(rsa_key: rsa.RSAPrivateKey) -> None:
    assert ed25519_key().algorithm == "ed25519"
    assert KalshiKey.from_pem("id", rsa_pem(rsa_key)).algorithm == "rsa"


def test_neither_query_nor_fragment_is_signed() -> None:
    key = ed25519_key()
    plain = key.headers("GET", "/trade-api/v2/markets", 1)
    assert key.headers("GET", "/trade-api/v2/markets?limit=5&a=b", 1) == plain
    assert key.headers("GET", "/trade-api/v2/markets#top", 1) == plain
    assert key.headers("GET", "/trade-api/v2/markets/", 1) != plain


def bad_pems() -> list[tuple[str, bytes]]:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
    locked = Ed25519PrivateKey.from_private_bytes(b"s" * 32).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
    )
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    good = pem_of(Ed25519PrivateKey.from_private_bytes(b"s" * 32))
    return [
        ("short rsa", rsa_pem(short)),
        ("encrypted", locked),
        ("other curve", curve),
        ("public", VECTORS["rsa_public_key_pem"].encode()),
        ("nothing", b""),
        ("text", b"not a key"),
        ("cut", good[:60]),
    ]


@pytest.mark.parametrize(("name", "pem"), bad_pems(), ids=lambda each: str(each)[:12])
def test_what_is_no_usable_key_is_refused_without_showing_it(name: str, pem: bytes) -> None:
    with pytest.raises(UsageError) as refused:
        KalshiKey.from_pem("key-id", pem)
    assert "Kalshi private key" in str(refused.value)
    for line in pem.splitlines()[1:-1]:
        assert line.decode() not in str(refused.value)


@pytest.mark.parametrize("key_id", ["", "a b", "a\nb", "ключ"])
def test_a_key_id_that_cannot_be_a_header_is_refused(key_id: str) -> None:
    with pytest.raises(UsageError):
        KalshiKey.from_pem(key_id, pem_of(Ed25519PrivateKey.generate()))


def test_a_key_shows_its_id_and_nothing_else() -> None:
    assert repr(a_key()) == "KalshiKey('key-id', ed25519, private key not shown)"


def test_prepared_headers_are_those_of_the_key_and_each_is_used_once() -> None:
    key = a_key()
    prepared = PreparedHeaders(key, *CREATE, spare=3)
    prepared.refill(1_000_000)
    taken = [prepared.take(1_000_000 + wait) for wait in (0, 10, 20, 30, 40)]
    stamps = [int(each["KALSHI-ACCESS-TIMESTAMP"]) for each in taken]
    assert stamps[:3] == [1_000_000, 1_000_001, 1_000_002]
    assert stamps[3:] == [1_000_030, 1_000_040]
    assert taken == [key.headers(*CREATE, stamp) for stamp in stamps]


def test_headers_that_are_too_old_are_never_given_out() -> None:
    prepared = PreparedHeaders(a_key(), *CREATE, age_ms_max=2_000)
    prepared.refill(1_000_000)
    assert prepared.take(1_002_000)["KALSHI-ACCESS-TIMESTAMP"] == "1000000"
    assert prepared.take(1_009_000)["KALSHI-ACCESS-TIMESTAMP"] == "1009000"


def test_refilling_replaces_what_is_past_half_its_age() -> None:
    prepared = PreparedHeaders(a_key(), *CREATE, spare=2, age_ms_max=2_000)
    prepared.refill(1_000_000)
    prepared.refill(1_001_500)
    assert prepared.take(1_001_500)["KALSHI-ACCESS-TIMESTAMP"] == "1001500"


def test_a_clock_set_back_does_not_leave_headers_from_the_future() -> None:
    prepared = PreparedHeaders(a_key(), *CREATE)
    prepared.refill(9_000_000)
    assert prepared.take(1_000_000)["KALSHI-ACCESS-TIMESTAMP"] == "1000000"


def test_an_age_that_the_venue_may_refuse_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="may be 1"):
        PreparedHeaders(a_key(), *CREATE, age_ms_max=20_000)


def test_prepared_headers_do_not_show_signatures() -> None:
    prepared = PreparedHeaders(a_key(), *CREATE)
    prepared.refill(1_000)
    assert repr(prepared) == f"PreparedHeaders(POST {PATH}, 8 ready)"
