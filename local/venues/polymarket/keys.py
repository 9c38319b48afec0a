"""Wallets and API keys of the simulated Polymarket, and the two ways to prove who one is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from coincurve import PrivateKey

from kairos.domain.units import CASH_PER_DOLLAR, NANOSECONDS_PER_SECOND
from local.venues.core.accounts import ApiKey, Members
from local.venues.polymarket.errors import ApiError
from local.venues.polymarket.signatures import address_of, checksummed, login_signer

# The venue states no tolerance; its clients sign with the machine's own second.
WINDOW_NS: Final = 60 * NANOSECONDS_PER_SECOND
_UNAUTHORIZED: Final = "Unauthorized/Invalid api key"
_BAD_LOGIN: Final = "Invalid L1 Request headers"
WALLETS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Wallet:
    """A throwaway key and its address, in the spelling with a check."""

    private_key: str = field(repr=False)
    address: str


def new_wallet(private_key: str | None = None) -> Wallet:
    """`private_key`: 0x and 64 hexadecimal digits; a new one by default."""
    text = private_key or "0x" + secrets.token_hex(32)
    key = PrivateKey(bytes.fromhex(text.removeprefix("0x")))
    return Wallet(text, checksummed(address_of(key.public_key)))


@dataclass(frozen=True, slots=True)
class Funder:
    """Whose key spends a wallet's funds, and by which kind of signature."""

    owner: str
    signature_type: int


@dataclass(frozen=True, slots=True)
class Secret:
    """What an API key signs with; `text` is urlsafe base64."""

    text: str = field(repr=False)
    passphrase: str = field(repr=False)
    nonce: int = 0

    def signature(self, message: bytes) -> str:
        key = base64.urlsafe_b64decode(self.text)
        return base64.urlsafe_b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


class Keys:
    """Every wallet and API key. Accounts are lower-case wallet addresses."""

    def __init__(self, members: Members, seed: int) -> None:
        self.members = members
        self.funders: dict[str, Funder] = {}
        self.closed_only: set[str] = set()
        self._seed = str(seed).encode()

    def add_wallet(
        self, owner: str, dollars: int, signature_type: int = 0, address: str | None = None
    ) -> str:
        """Open the account of a wallet; returns its name. An EOA is its own wallet."""
        name = (address or owner).lower()
        if len(self.funders) >= WALLETS_MAX:
            raise ApiError(400, "the simulator has too many wallets")
        self.members.open(name, dollars * CASH_PER_DOLLAR)
        self.funders[name] = Funder(owner.lower(), signature_type)
        return name

    def wallet_of(self, key: ApiKey, signature_type: int) -> str:
        """The wallet an API key spends by this kind of signature. Raises ApiError."""
        for name, funder in self.funders.items():
            if funder.owner == key.account and funder.signature_type == signature_type:
                return name
        raise ApiError(400, f"no wallet of signature type {signature_type} for this key")

    def wallets(self, owner: str) -> list[str]:
        return [name for name, funder in self.funders.items() if funder.owner == owner]

    # --- API keys -----------------------------------------------------------------------------

    def login(self, headers: Mapping[str, str], clocks_ns: tuple[int, ...]) -> tuple[str, int]:
        """(address, nonce) of who signed an L1 request. Raises ApiError (401)."""
        address, signature = headers.get("POLY_ADDRESS", ""), headers.get("POLY_SIGNATURE", "")
        stamp, nonce = headers.get("POLY_TIMESTAMP", ""), headers.get("POLY_NONCE", "")
        if not (address and signature and nonce.isascii() and nonce.isdigit()):
            raise ApiError(401, _BAD_LOGIN)
        _check_time(stamp, clocks_ns)
        try:
            signer = login_signer(address, stamp, int(nonce), signature)
        except ValueError as error:
            raise ApiError(401, _BAD_LOGIN) from error
        if signer != address.lower():
            raise ApiError(401, _BAD_LOGIN)
        return signer, int(nonce)

    def create(self, owner: str, nonce: int) -> ApiKey:
        """A new key of an address. Raises ApiError (400) when that nonce has one."""
        if self._found(owner, nonce) is not None:
            raise ApiError(400, "Could not create api key")
        if owner not in self.members.accounts:
            self.add_wallet(owner, 0)
        name = str(uuid.UUID(bytes=self._derived("key", owner, nonce)[:16], version=4))
        text = base64.urlsafe_b64encode(self._derived("secret", owner, nonce)).decode()
        secret = Secret(text, self._derived("passphrase", owner, nonce).hex(), nonce)
        key = ApiKey(name, owner, frozenset({"trade"}), secret)
        self.members.add_key(key)
        return key

    def derive(self, owner: str, nonce: int) -> ApiKey:
        found = self._found(owner, nonce)
        if found is None:
            raise ApiError(400, "Could not derive api key!")
        return found

    def _found(self, owner: str, nonce: int) -> ApiKey | None:
        keys = self.members.keys.values()
        mine = (k for k in keys if k.account == owner and k.verifier.nonce == nonce)
        return next(mine, None)

    def _derived(self, part: str, owner: str, nonce: int) -> bytes:
        return hashlib.sha256(self._seed + f"/{part}/{owner}/{nonce}".encode()).digest()

    def authenticate(
        self, headers: Mapping[str, str], method: str, path: str, body: bytes,
        clocks_ns: tuple[int, ...],
    ) -> ApiKey:  # fmt: skip
        """The key that signed an L2 request over the very bytes of its body.

        Raises ApiError (401). `path` is without the query.
        """
        key = self.members.keys.get(headers.get("POLY_API_KEY", ""))
        stamp = headers.get("POLY_TIMESTAMP", "")
        if key is None or headers.get("POLY_ADDRESS", "").lower() != key.account:
            raise ApiError(401, _UNAUTHORIZED)
        _check_time(stamp, clocks_ns)
        expected = key.verifier.signature(f"{stamp}{method}{path}".encode() + body)
        told = (headers.get("POLY_SIGNATURE", ""), headers.get("POLY_PASSPHRASE", ""))
        if not _same(told, (expected, key.verifier.passphrase)):
            raise ApiError(401, _UNAUTHORIZED)
        return key

    def recognize(self, api_key: str, secret: str, passphrase: str) -> ApiKey | None:
        """The key of a user channel's first frame, which carries the secret itself."""
        key = self.members.keys.get(api_key)
        if key is None:
            return None
        known = (key.verifier.text, key.verifier.passphrase)
        return key if _same((secret, passphrase), known) else None


def _same(told: tuple[str, str], known: tuple[str, str]) -> bool:
    pairs = zip(told, known, strict=True)
    return all([hmac.compare_digest(a.encode(), b.encode()) for a, b in pairs])


def _check_time(stamp: str, clocks_ns: tuple[int, ...]) -> None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise ApiError(401, "invalid timestamp")
    sent_ns = int(stamp) * NANOSECONDS_PER_SECOND
    if not any(abs(clock - sent_ns) <= WINDOW_NS for clock in clocks_ns):
        raise ApiError(401, "invalid timestamp")
