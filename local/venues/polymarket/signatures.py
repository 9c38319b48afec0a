"""Who signed an order or a login: EIP-712 by hand, recovered and never compared with a copy.

Types and domains are those of the exchange contracts (order struct of eleven fields, versions "2"
and "3") and of the CLOB's login; deposit wallets wrap the order by ERC-7739.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coincurve import PublicKey
from Crypto.Hash import keccak

CHAIN_ID: Final = 137
_DOMAIN: Final = "EIP712Domain(string name,string version,uint256 chainId"
_ORDER: Final = (
    "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,"
    "uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,"
    "bytes32 builder)"
)
_WRAPPED: Final = (
    "TypedDataSign(Order contents,string name,string version,uint256 chainId,"
    "address verifyingContract,bytes32 salt)" + _ORDER
)
_LOGIN: Final = "ClobAuth(address address,string timestamp,uint256 nonce,string message)"
_LOGIN_MESSAGE: Final = "This message attests that I control the given wallet"
_SIGNATURE_BYTES: Final = 65
_TAIL_BYTES: Final = 64 + len(_ORDER) + 2
DEPOSIT_WALLET: Final = 3


def digest_of(data: bytes) -> bytes:
    """Keccak-256."""
    return keccak.new(digest_bits=256, data=data).digest()


@dataclass(frozen=True, slots=True)
class Contract:
    """An exchange contract and the version of the orders it settles."""

    address: str
    version: str


CTF: Final = Contract("0xE111180000d2663C0091e4f400237545B87B996B", "2")
NEG_RISK: Final = Contract("0xe2222d279d744050d28e00520010520000310F59", "2")
POSITIONS: Final = Contract("0xe3333700cA9d93003F00f0F71f8515005F6c00Aa", "3")
CONTRACTS: Final = (CTF, NEG_RISK, POSITIONS)


@dataclass(frozen=True, slots=True)
class OrderMessage:
    """The signed fields of an order; addresses and 32-byte words as 0x text."""

    salt: int
    maker: str
    signer: str
    token_id: int
    maker_amount: int
    taker_amount: int
    side: int
    signature_type: int
    timestamp: int
    metadata: str
    builder: str


def order_hash(message: OrderMessage, contract: Contract) -> str:
    """The order's id at the venue. Raises ValueError for fields that fit no word."""
    return "0x" + _typed(_separator(contract), _order_struct(message)).hex()


def order_signer(message: OrderMessage, contract: Contract, signature: str) -> str | None:
    """The lower-case address whose key signed, None when the signature is none of an order's.

    Of a deposit wallet's order that is the wallet's owner. Raises ValueError as `order_hash`.
    """
    separator, contents = _separator(contract), _order_struct(message)
    raw = _bytes(signature)
    if message.signature_type != DEPOSIT_WALLET:
        return recovered(_typed(separator, contents), raw)
    expected = separator + contents + _ORDER.encode() + len(_ORDER).to_bytes(2, "big")
    if len(raw) != _SIGNATURE_BYTES + _TAIL_BYTES or raw[_SIGNATURE_BYTES:] != expected:
        return None
    return recovered(_typed(separator, _wrapped_struct(message, contents)), raw[:_SIGNATURE_BYTES])


def login_signer(address: str, timestamp: str, nonce: int, signature: str) -> str | None:
    """The lower-case address that signed a login in the name of `address`."""
    separator = digest_of(
        digest_of((_DOMAIN + ")").encode())
        + digest_of(b"ClobAuthDomain")
        + digest_of(b"1")
        + _word(CHAIN_ID)
    )
    struct = digest_of(
        digest_of(_LOGIN.encode())
        + _address(address)
        + digest_of(timestamp.encode())
        + _word(nonce)
        + digest_of(_LOGIN_MESSAGE.encode())
    )
    return recovered(_typed(separator, struct), _bytes(signature))


def recovered(digest: bytes, signature: bytes) -> str | None:
    """The lower-case address behind a 65-byte signature (r, s, v of 27 or 28)."""
    if len(signature) != _SIGNATURE_BYTES or signature[64] not in (27, 28):
        return None
    compact = signature[:64] + bytes((signature[64] - 27,))
    try:
        key = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except ValueError:
        return None
    return address_of(key)


def address_of(key: PublicKey) -> str:
    """A public key's address, lower case."""
    return "0x" + digest_of(key.format(compressed=False)[1:])[12:].hex()


def checksummed(address: str) -> str:
    """EIP-55: the spelling of an address that carries its own check."""
    digits = address.removeprefix("0x").lower()
    marks = digest_of(digits.encode()).hex()
    return "0x" + "".join(
        d.upper() if int(m, 16) >= 8 else d for d, m in zip(digits, marks, strict=False)
    )


def _separator(contract: Contract) -> bytes:
    return digest_of(
        digest_of((_DOMAIN + ",address verifyingContract)").encode())
        + digest_of(b"Polymarket CTF Exchange")
        + digest_of(contract.version.encode())
        + _word(CHAIN_ID)
        + _address(contract.address)
    )


def _order_struct(order: OrderMessage) -> bytes:
    words = [
        digest_of(_ORDER.encode()),
        _word(order.salt),
        _address(order.maker),
        _address(order.signer),
        *(_word(n) for n in (order.token_id, order.maker_amount, order.taker_amount)),
        *(_word(n) for n in (order.side, order.signature_type, order.timestamp)),
        _bytes32(order.metadata),
        _bytes32(order.builder),
    ]
    return digest_of(b"".join(words))


def _wrapped_struct(order: OrderMessage, contents: bytes) -> bytes:
    return digest_of(
        digest_of(_WRAPPED.encode())
        + contents
        + digest_of(b"DepositWallet")
        + digest_of(b"1")
        + _word(CHAIN_ID)
        + _address(order.signer)
        + bytes(32)
    )


def _typed(separator: bytes, struct: bytes) -> bytes:
    return digest_of(b"\x19\x01" + separator + struct)


def _word(number: int) -> bytes:
    if not 0 <= number < 2**256:
        raise ValueError("a number that is no uint256")
    return number.to_bytes(32, "big")


def _address(text: str) -> bytes:
    raw = _bytes(text)
    if len(raw) != 20:
        raise ValueError("a text that is no address")
    return bytes(12) + raw


def _bytes32(text: str) -> bytes:
    raw = _bytes(text)
    if len(raw) != 32:
        raise ValueError("a text that is no 32 bytes")
    return raw


def _bytes(text: str) -> bytes:
    """Hexadecimal text with 0x as bytes; anything else is nothing."""
    try:
        return bytes.fromhex(text[2:]) if text.startswith("0x") else b""
    except ValueError:
        return b""
