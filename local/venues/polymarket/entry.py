"""Order entry: everything the CLOB checks before an order may touch a book, in its order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kairos.domain.instruments import Action, Liquidity
from kairos.domain.units import NANOSECONDS_PER_SECOND, PRICE_PER_DOLLAR
from kairos.errors import VenueRefused
from kairos.messages.commands import TimeInForce
from local.venues.core.accounts import ApiKey, FeeOf
from local.venues.core.orders import Ending, Order
from local.venues.polymarket import text
from local.venues.polymarket.errors import (
    BAD_EXPIRATION,
    CANCEL_ONLY,
    CROSSES,
    FAK_KILLED,
    FOK_KILLED,
    POST_ONLY_MODE,
    RESTRICTED,
    ApiError,
    from_refusal,
)
from local.venues.polymarket.exchange import Exchange, immediate
from local.venues.polymarket.keys import Keys
from local.venues.polymarket.markets import Market
from local.venues.polymarket.records import DELAYED, OrderRecord
from local.venues.polymarket.settlement import FeeAsset
from local.venues.polymarket.signatures import OrderMessage, order_hash, order_signer
from local.venues.polymarket.wire import PostOrder, SignedOrder

# An order ends this long before the expiration it was given, and must have it ahead of it.
EXPIRES_EARLY_NS: Final = 60 * NANOSECONDS_PER_SECOND
_SPEND_MIN: Final = 1_000_000  # micro-dollars a buy must spend that takes what is there
_SIZE_STEP: Final = 10_000  # base units: sizes have two decimals
GONE: Final = "order can't be found - already canceled or matched"
WAITS: Final = "order is delayed and cannot be canceled"
CANCELS_MAX: Final = 3_000


@dataclass(frozen=True, slots=True)
class Terms:
    """An order as its amounts mean it: price in 1/10 000 dollar, size in micro-contracts."""

    price: int
    quantity: int
    spend: int | None


@dataclass(slots=True)
class OrderEntry:
    """Members' requests against the exchange. Raises ApiError."""

    exchange: Exchange
    keys: Keys

    def check_mode(self) -> None:
        """What nobody may do now, whatever the order is."""
        mode = self.exchange.mode
        if mode.is_blocked:
            raise ApiError(403, RESTRICTED)
        self.check_running()
        if mode.is_cancel_only:
            raise ApiError(503, CANCEL_ONLY)

    def check_running(self) -> None:
        if self.exchange.clock.now_ns() < self.exchange.mode.restarting_until_ns:
            raise ApiError(425, "the matching engine is restarting")

    def place(self, key: ApiKey, post: PostOrder) -> dict[str, Any]:
        """The reply to a new order."""
        now_ns = self.exchange.clock.now_ns()
        if now_ns < self.exchange.mode.post_only_until_ns and not post.post_only:
            raise ApiError(503, POST_ONLY_MODE, {"code": "post_only_mode"})
        if post.owner != key.key_id:
            raise ApiError(400, "the order owner has to be the owner of the API KEY")
        market = self._market(post.order.token_id)
        order_id, wallet = self._signed(key, post.order, market)
        if order_id in self.exchange.records:
            words = "Duplicated. Same order has already been placed, can't be placed again."
            raise ApiError(400, f"order {order_id} is invalid. {words}")
        record = self._record(key, post, market, order_id, wallet)
        return self._enter(record, post)

    def _market(self, token: str) -> Market:
        market = self.exchange.by_token.get(token)
        if market is None or not market.is_trading:
            raise ApiError(400, f"the orderbook {token} does not exist")
        return market

    def _signed(self, key: ApiKey, order: SignedOrder, market: Market) -> tuple[str, str]:
        """(order id, wallet) of an order whose signature is that of the wallet's owner."""
        try:
            message = order.message()
            signer = order_signer(message, market.spec.contract, order.signature)
            order_id = order_hash(message, market.spec.contract)
        except ValueError as error:
            raise ApiError(400, "Invalid order payload") from error
        wallet = order.maker.lower()
        funder = self.keys.funders.get(wallet)
        if signer is None or funder is None or signer != funder.owner:
            raise ApiError(400, "invalid signature")
        if funder.owner != key.account or not _names_signer(message, funder.owner):
            raise ApiError(400, "the order signer address has to be the address of the API KEY")
        if funder.signature_type != order.signature_type:
            raise ApiError(400, "invalid signature")
        return order_id, wallet

    def _record(
        self, key: ApiKey, post: PostOrder, market: Market, order_id: str, wallet: str
    ) -> OrderRecord:
        now_ns = self.exchange.clock.now_ns()
        if key.account in self.keys.closed_only and post.order.side == "BUY":
            raise ApiError(400, f"address '{post.order.maker}' in closed only mode")
        terms = terms_of(post, market, order_id)
        expires_ns = _expiry(post, now_ns)
        tif = immediate(post.order_type) or (TimeInForce.GTD if expires_ns else TimeInForce.GTC)
        order = Order(
            order_id, wallet, market.spec.outcome(post.order.token_id), Action(post.order.side),
            terms.price, terms.quantity, tif, now_ns, expires_ns, post.post_only,
        )  # fmt: skip
        takes = market.book.would_cross(order.side, order.yes_price)
        if post.post_only and tif in (TimeInForce.IOC, TimeInForce.FOK):
            raise ApiError(400, "invalid post-only order: only GTC and GTD orders can be post-only")
        if post.post_only and takes:
            raise ApiError(400, CROSSES)
        return OrderRecord(
            order, wallet, self.keys.funders[wallet].owner, key.key_id, market,
            post.order.token_id, post.order_type, terms.quantity, int(post.order.expiration),
            self._fee_of(market, order, takes), updated_ns=now_ns, spend=terms.spend,
        )  # fmt: skip

    def _fee_of(self, market: Market, order: Order, takes: bool) -> FeeOf:
        """Only a buy that takes, and pays its fee in cash, needs more than its price."""
        in_cash = self.exchange.settlement.fee_asset is FeeAsset.COLLATERAL
        is_charged = takes and in_cash and order.action is Action.BUY

        def fee_of(price: int, quantity: int, liquidity: Liquidity) -> int:
            charged = is_charged and liquidity is Liquidity.TAKER
            return market.fee_of(price, quantity) if charged else 0

        return fee_of

    def _enter(self, record: OrderRecord, post: PostOrder) -> dict[str, Any]:
        market, order = record.market, record.order
        takes = market.book.would_cross(order.side, order.yes_price)
        delay_ns = market.spec.delay_ns if takes else 0
        try:
            self.exchange.enter(record, delay_ns)
        except VenueRefused as refusal:
            raise from_refusal(refusal) from refusal
        if order.ending is Ending.KILLED:
            raise ApiError(400, FOK_KILLED)
        if post.order_type == "FAK" and record.status != DELAYED and not order.filled:
            raise ApiError(400, FAK_KILLED)
        return self._reply(record)

    def _reply(self, record: OrderRecord) -> dict[str, Any]:
        filled = record.order.filled
        buys = record.order.action is Action.BUY
        making, taking = (record.spent, filled) if buys else (filled, record.spent)
        trades = [self.exchange.settlement.trades[each] for each in record.trades]
        return {
            "success": True,
            "errorMsg": "",
            "orderID": record.id,
            "status": record.status.lower() if record.is_open else "matched",
            "makingAmount": text.size(making) if filled else "",
            "takingAmount": text.size(taking) if filled else "",
            "transactionsHashes": [trade.hash for trade in trades if trade.hash],
            "tradeIDs": list(record.trades),
        }

    # --- cancels ------------------------------------------------------------------------------

    def cancel(self, key: ApiKey, order_ids: list[str]) -> dict[str, Any]:
        """What was canceled and what was not, with why."""
        if len(order_ids) > CANCELS_MAX:
            raise ApiError(400, f"too many orders: at most {CANCELS_MAX}")
        canceled: list[str] = []
        refused: dict[str, str] = {}
        for order_id in dict.fromkeys(order_ids):
            record = self.exchange.records.get(order_id)
            if record is None or record.api_key != key.key_id or not record.is_open:
                refused[order_id] = GONE
            elif record.status == DELAYED:
                refused[order_id] = WAITS
            else:
                self.exchange.end(record, Ending.CANCELED)
                canceled.append(order_id)
        return {"canceled": canceled, "not_canceled": refused}

    def cancel_where(self, key: ApiKey, market: str = "", token: str = "") -> dict[str, Any]:
        """Everything of a key, or of one market or token of it."""
        mine = [
            record
            for record in self.exchange.open_records()
            if record.api_key == key.key_id
            and market in ("", record.market.id)
            and token in ("", record.token)
        ]
        return self.cancel(key, [record.id for record in mine])


def terms_of(post: PostOrder, market: Market, order_id: str) -> Terms:
    """Price and size out of the two amounts. Raises ApiError for what is off the grid or small."""
    order = post.order
    maker, taker = int(order.maker_amount), int(order.taker_amount)
    cash, shares = (maker, taker) if order.side == "BUY" else (taker, maker)
    if not cash or not shares:
        raise ApiError(400, f"order {order_id} is invalid. invalid amounts")
    spends = order.side == "BUY" and post.order_type in ("FAK", "FOK")
    price = cash * PRICE_PER_DOLLAR // shares
    if spends:
        # The price of rounded amounts may sit just beside the grid it was meant on.
        price -= price % market.tick
    elif cash * PRICE_PER_DOLLAR != price * shares or shares % _SIZE_STEP:
        raise _off_grid(order_id, cash, shares, market)
    if price % market.tick or not market.tick <= price <= PRICE_PER_DOLLAR - market.tick:
        raise _off_grid(order_id, cash, shares, market)
    if spends and cash < _SPEND_MIN:
        spent = text.size(cash)
        raise ApiError(400, f"invalid amount for a marketable BUY order (${spent}), min size: $1")
    if post.order_type in ("GTC", "GTD") and shares < market.spec.quantity_min:
        least = text.size(market.spec.quantity_min)
        words = f"Size ({text.size(shares)}) lower than the minimum: {least}"
        raise ApiError(400, f"order {order_id} is invalid. {words}")
    return Terms(price, shares, cash if spends else None)


def _off_grid(order_id: str, cash: int, shares: int, market: Market) -> ApiError:
    ratio = text.size(cash * 1_000_000 // shares)
    words = f"Price ({ratio}) breaks minimum tick size rule: {text.price(market.tick)}"
    return ApiError(400, f"order {order_id} is invalid. {words}")


def _expiry(post: PostOrder, now_ns: int) -> int | None:
    """When an order ends; only GTD orders do. Raises ApiError."""
    digits = post.order.expiration
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
        raise ApiError(400, BAD_EXPIRATION)
    expiration_ns = int(digits) * NANOSECONDS_PER_SECOND
    if (post.order_type == "GTD") is not bool(expiration_ns):
        raise ApiError(400, BAD_EXPIRATION)
    if not expiration_ns:
        return None
    if expiration_ns <= now_ns + EXPIRES_EARLY_NS:
        raise ApiError(400, BAD_EXPIRATION)
    return expiration_ns - EXPIRES_EARLY_NS


def _names_signer(message: OrderMessage, owner: str) -> bool:
    """A deposit wallet is its own signer; of the others it is the owner's key."""
    expected = message.maker if message.signature_type == 3 else owner
    return message.signer.lower() == expected.lower()
