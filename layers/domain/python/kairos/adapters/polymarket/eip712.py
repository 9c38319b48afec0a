"""Signs Polymarket orders by hand: what can be hashed ahead is, the rest is one packed struct.

An order's id at the venue is its EIP-712 digest, so it is known before anything is sent. Types and
domains: py-clob-client-v2 1.2.1; deposit wallets sign through ERC-7739 (signature type 3).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

import msgspec
from coincurve import PrivateKey
from Crypto.Hash import keccak as _keccak

from kairos.adapters.polymarket.config import CHAIN_ID, CONTRACTS, Exchange
from kairos.errors import UsageError

ORDER_TYPE: Final = (
    "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,"
    "uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,"
    "bytes32 builder)"
)
SALT_MAX: Final = 2**53 - 1  # the venue reads it as a JSON number
ZERO_32: Final = bytes(32)
_DOMAIN_NAME: Final = "Polymarket CTF Exchange"
_WALLET_SIGN_TYPE: Final = (
    "TypedDataSign(Order contents,string name,string version,uint256 chainId,"
    "address verifyingContract,bytes32 salt)"
)
_KEY_TEXT: Final = 64


class SignatureType(IntEnum):
    """Whose funds an order spends and how the exchange checks the signature."""

    EOA = 0
    PROXY = 1
    SAFE = 2
    DEPOSIT_WALLET = 3


class Side(IntEnum):
    """As the order struct numbers it."""

    BUY = 0
    SELL = 1


def keccak256(data: bytes) -> bytes:
    """The hash of Ethereum, which is not the SHA3-256 of the standard library."""
    return _keccak.new(digest_bits=256, data=data).digest()


def word(value: int) -> bytes:
    """An unsigned integer as one 32-byte word."""
    return value.to_bytes(32, "big")


def address_word(address: str) -> bytes:
    """`0x` and 40 hex digits as one word. Raises UsageError for any other text."""
    try:
        raw = bytes.fromhex(address.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 20 or not address.startswith("0x"):
        raise UsageError(f"{address!r} is not an address: 0x and 40 hexadecimal digits")
    return bytes(12) + raw


@lru_cache(maxsize=4_096)
def token_word(token: str) -> bytes:
    """A token id as one word; the same few are traded again and again."""
    return word(int(token))


def domain_separator(name: str, version: str, chain_id: int, contract: str | None) -> bytes:
    """EIP-712 domain; `contract` None leaves `verifyingContract` out of the type."""
    fields = "string name,string version,uint256 chainId"
    tail = word(chain_id)
    if contract is not None:
        fields += ",address verifyingContract"
        tail += address_word(contract)
    return keccak256(
        keccak256(f"EIP712Domain({fields})".encode())
        + keccak256(name.encode())
        + keccak256(version.encode())
        + tail
    )


def typed_digest(separator: bytes, struct_hash: bytes) -> bytes:
    """What is signed: EIP-712's prefix, the domain and the struct."""
    return keccak256(b"\x19\x01" + separator + struct_hash)


@lru_cache(maxsize=64)
def exchange_separator(exchange: Exchange, chain_id: int) -> bytes:
    """The domain of one exchange contract; there are three on one chain."""
    contract = CONTRACTS[exchange]
    return domain_separator(_DOMAIN_NAME, contract.version, chain_id, contract.address)


# The struct's twelve words at once: hash, salt, maker and signer, token, both amounts, side,
# signature type, time, metadata and builder.
_pack: Final = struct.Struct(">32s24xQ64s32s24xQ24xQ31xB31xB24xQ64s").pack
ORDER_TYPEHASH: Final = keccak256(ORDER_TYPE.encode())
_WALLET_TYPEHASH: Final = keccak256((_WALLET_SIGN_TYPE + ORDER_TYPE).encode())
_WALLET_DOMAIN: Final = keccak256(b"DepositWallet") + keccak256(b"1")
_CONTENTS_TAIL: Final = ORDER_TYPE.encode() + len(ORDER_TYPE).to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secp256k1 key and its address; never shows the key."""

    _key: PrivateKey
    address: str

    @classmethod
    def from_hex(cls, text: str) -> SigningKey:
        """32 bytes as hexadecimal, with or without 0x. Raises UsageError without echoing it."""
        digits = text.removeprefix("0x")
        try:
            key = PrivateKey(bytes.fromhex(digits)) if len(digits) == _KEY_TEXT else None
        except ValueError:
            key = None
        if key is None:
            raise UsageError("the Polymarket private key is not 32 bytes of hexadecimal")
        return cls(key, checksummed(keccak256(key.public_key.format(compressed=False)[1:])[12:]))

    def sign(self, digest: bytes) -> bytes:
        """65 bytes r, s, v with v 27 or 28; deterministic (RFC 6979)."""
        raw = self._key.sign_recoverable(digest, hasher=None)
        return raw[:64] + bytes((raw[64] + 27,))

    def __repr__(self) -> str:
        return f"SigningKey({self.address}, <redacted>)"


def checksummed(raw: bytes) -> str:
    """20 bytes as an address in EIP-55 spelling."""
    digits = raw.hex()
    nibbles = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) > 7 else digit
        for digit, nibble in zip(digits, nibbles, strict=False)
    )


class OrderFields(msgspec.Struct, gc=False, frozen=True):
    """The signed part of an order that changes from one to the next. Amounts are base units
    (six decimals), `timestamp_ms` is when it was created; `token_id` is decimal text."""

    salt: int
    token_id: str
    maker_amount: int
    taker_amount: int
    side: Side
    timestamp_ms: int


class SignedOrder(msgspec.Struct, gc=False, frozen=True):
    """`order_id` is the venue's id of the order: the digest with 0x. The signature is hex."""

    order_id: str
    signature: str

    def __repr__(self) -> str:
        return f"SignedOrder({self.order_id}, <redacted>)"


class OrderSigner:
    """Signs for one wallet. `wallet` holds the funds; an EOA is its own wallet.

    `metadata` and `builder` are 32 bytes each. Raises UsageError for an impossible pairing.
    """

    __slots__ = (
        "_chain_id", "_key", "_middle", "_tail", "_wallet_word", "builder_hex", "maker",
        "metadata_hex", "signature_type", "signer",
    )  # fmt: skip

    def __init__(
        self,
        key: SigningKey,
        signature_type: SignatureType,
        wallet: str,
        *,
        chain_id: int = CHAIN_ID,
        metadata: bytes = ZERO_32,
        builder: bytes = ZERO_32,
    ) -> None:
        if signature_type is SignatureType.EOA and wallet.lower() != key.address.lower():
            raise UsageError(f"signature type 0 spends the key's own funds, not {wallet}'s")
        if len(metadata) != 32 or len(builder) != 32:
            raise UsageError("metadata and builder code are 32 bytes each")
        self._key = key
        self._chain_id = chain_id
        self.signature_type = signature_type
        self.maker = wallet
        # A deposit wallet is a contract that signs for itself; our key is one of its owners.
        self.signer = wallet if signature_type is SignatureType.DEPOSIT_WALLET else key.address
        self.metadata_hex, self.builder_hex = "0x" + metadata.hex(), "0x" + builder.hex()
        self._wallet_word = address_word(wallet)
        self._middle = self._wallet_word + address_word(self.signer)
        self._tail = metadata + builder

    @property
    def key_address(self) -> str:
        """The EOA that owns the API key, whatever wallet pays."""
        return self._key.address

    def struct_hash(self, order: OrderFields) -> bytes:
        """EIP-712 hash of the order struct."""
        return keccak256(
            _pack(
                ORDER_TYPEHASH,
                order.salt,
                self._middle,
                token_word(order.token_id),
                order.maker_amount,
                order.taker_amount,
                order.side,
                self.signature_type,
                order.timestamp_ms,
                self._tail,
            )
        )

    def order_id(self, order: OrderFields, exchange: Exchange) -> str:
        """The venue's id of this order, before it is sent."""
        separator = exchange_separator(exchange, self._chain_id)
        return "0x" + typed_digest(separator, self.struct_hash(order)).hex()

    def sign(self, order: OrderFields, exchange: Exchange) -> SignedOrder:
        """The id and the signature that the exchange contract accepts for it."""
        separator = exchange_separator(exchange, self._chain_id)
        contents = self.struct_hash(order)
        digest = typed_digest(separator, contents)
        if self.signature_type is SignatureType.DEPOSIT_WALLET:
            signature = self._wallet_signature(separator, contents)
        else:
            signature = self._key.sign(digest)
        return SignedOrder("0x" + digest.hex(), "0x" + signature.hex())

    def _wallet_signature(self, separator: bytes, contents: bytes) -> bytes:
        """ERC-7739: signed for the wallet's domain, then everything its contract needs to check."""
        nested = keccak256(
            _WALLET_TYPEHASH
            + contents
            + _WALLET_DOMAIN
            + word(self._chain_id)
            + self._wallet_word
            + ZERO_32
        )
        inner = self._key.sign(typed_digest(separator, nested))
        return inner + separator + contents + _CONTENTS_TAIL

    def __repr__(self) -> str:
        return f"OrderSigner({self.maker}, type {int(self.signature_type)}, <redacted>)"
