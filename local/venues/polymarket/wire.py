"""Bodies that clients of the CLOB send, typed."""

from __future__ import annotations

from typing import Final, Literal, TypeVar

import msgspec

from local.venues.polymarket.errors import ApiError
from local.venues.polymarket.signatures import OrderMessage

Body = TypeVar("Body")
OrderType = Literal["GTC", "GTD", "FOK", "FAK"]
SALT_MAX: Final = 2**53 - 1
_SIDES: Final = {"BUY": 0, "SELL": 1}


class SignedOrder(msgspec.Struct, kw_only=True, rename="camel"):
    """An order of the second or third exchange; amounts are base units as text."""

    salt: int
    maker: str
    signer: str
    token_id: str
    maker_amount: str
    taker_amount: str
    side: Literal["BUY", "SELL"]
    expiration: str
    signature_type: int
    timestamp: str
    metadata: str
    builder: str
    signature: str

    def message(self) -> OrderMessage:
        """Raises ValueError for numbers that are none."""
        if not 0 < self.salt <= SALT_MAX:
            raise ValueError("salt")
        return OrderMessage(
            self.salt, self.maker, self.signer, _whole(self.token_id), _whole(self.maker_amount),
            _whole(self.taker_amount), _SIDES[self.side], self.signature_type,
            _whole(self.timestamp), self.metadata, self.builder,
        )  # fmt: skip


class PostOrder(msgspec.Struct, kw_only=True, rename="camel"):
    """The body of `POST /order`, and one item of `POST /orders`."""

    order: SignedOrder
    owner: str
    order_type: OrderType
    defer_exec: bool = False
    post_only: bool = False


class CancelOne(msgspec.Struct):
    """The body of `DELETE /order`."""

    order_id: str = msgspec.field(name="orderID")


class CancelMarket(msgspec.Struct):
    """The body of `DELETE /cancel-market-orders`; at least one of the two."""

    market: str = ""
    asset_id: str = ""


class Beat(msgspec.Struct):
    """The body of `POST /v1/heartbeats`."""

    heartbeat_id: str


class TokenItem(msgspec.Struct):
    """One token of a plural question (`/books`, `/midpoints`, …)."""

    token_id: str
    side: str = ""


class Auth(msgspec.Struct, rename="camel"):
    """Credentials of the user channel."""

    api_key: str
    secret: str
    passphrase: str


class Frame(msgspec.Struct, kw_only=True):
    """What a client says on a websocket: the first frame, or a change of what it hears."""

    type: str = ""
    operation: str = ""
    assets_ids: list[str] = []
    markets: list[str] | None = None
    auth: Auth | None = None
    custom_feature_enabled: bool | None = None


def read_body(body: bytes, kind: type[Body]) -> Body:
    """Raises ApiError (400)."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if "`timestamp`" in str(error) and "missing" in str(error):
            # An order of the first exchange, which is dead.
            raise ApiError(400, "order_version_mismatch") from error
        raise ApiError(400, "Invalid order payload") from error


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 80):
        raise ValueError(f"{text[:20]!r} is no whole number")
    return int(text)
