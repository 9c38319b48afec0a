"""The CLOB's private endpoints: keys, orders, trades, balances, heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from local.venues.core.accounts import ApiKey
from local.venues.polymarket import text
from local.venues.polymarket.entry import OrderEntry
from local.venues.polymarket.errors import ApiError
from local.venues.polymarket.gate import Call, Gate, Route
from local.venues.polymarket.records import OrderRecord, TradeRecord
from local.venues.polymarket.signatures import CONTRACTS, checksummed
from local.venues.polymarket.wire import Beat, CancelMarket, CancelOne, PostOrder, read_body

PAGE: Final = 100
BATCH_MAX: Final = 15
_UNLIMITED: Final = str(2**256 - 1)
_REFUSED: Final = {"orderID": "", "status": "", "makingAmount": "", "takingAmount": ""}


class AccountApi:
    """Everything that is signed. `page` is how many rows a page has."""

    def __init__(self, gate: Gate, entry: OrderEntry, page: int = PAGE) -> None:
        self._gate = gate
        self._exchange = gate.exchange
        self._keys = gate.keys
        self._entry = entry
        self._page = page

    def routes(self) -> list[Route]:
        return [*self._key_routes(), *self._order_routes(), *self._reads()]

    def _key_routes(self) -> list[Route]:
        return [
            Route("POST", "/auth/api-key", self.create_key, "login"),
            Route("GET", "/auth/derive-api-key", self.derive_key, "login"),
            Route("GET", "/auth/api-keys", self.keys, "key"),
            Route("DELETE", "/auth/api-key", self.delete_key, "key"),
            Route("GET", "/auth/ban-status/closed-only", self.closed_only, "key"),
        ]

    def _order_routes(self) -> list[Route]:
        return [
            Route("POST", "/order", self.place, "key"),
            Route("POST", "/orders", self.place_many, "key"),
            Route("DELETE", "/order", self.cancel, "key"),
            Route("DELETE", "/orders", self.cancel_many, "key"),
            Route("DELETE", "/cancel-all", self.cancel_all, "key"),
            Route("DELETE", "/cancel-market-orders", self.cancel_market, "key"),
            Route("POST", "/v1/heartbeats", self.beat, "key"),
        ]

    def _reads(self) -> list[Route]:
        return [
            Route("GET", "/data/orders", self.orders, "key"),
            Route("GET", "/data/order/{order_id}", self.order, "key"),
            Route("GET", "/data/trades", self.trades, "key"),
            Route("GET", "/data/pre-migration-orders", lambda _c: self._empty(), "key"),
            Route("GET", "/balance-allowance", self.balance, "key"),
            Route("GET", "/balance-allowance/update", self.update_balance, "key"),
            Route("GET", "/notifications", lambda _call: [], "key"),
            Route("DELETE", "/notifications", lambda _call: "OK", "key"),
            Route("GET", "/order-scoring", lambda _call: {"scoring": False}, "key"),
        ]

    # --- keys ---------------------------------------------------------------------------------

    def create_key(self, call: Call) -> dict[str, str]:
        return _told(self._keys.create(*self._login(call)))

    def derive_key(self, call: Call) -> dict[str, str]:
        return _told(self._keys.derive(*self._login(call)))

    def _login(self, call: Call) -> tuple[str, int]:
        return self._keys.login(call.request.headers, self._gate.clocks_ns())

    def keys(self, call: Call) -> dict[str, list[str]]:
        keys = self._keys.members.keys.values()
        return {"apiKeys": [k.key_id for k in keys if k.account == call.owner.account]}

    def delete_key(self, call: Call) -> str:
        self._keys.members.revoke(call.owner.key_id)
        return "OK"

    def closed_only(self, call: Call) -> dict[str, bool]:
        return {"closed_only": call.owner.account in self._keys.closed_only}

    # --- orders -------------------------------------------------------------------------------

    def place(self, call: Call) -> dict[str, Any]:
        self._entry.check_mode()
        self._gate.charge(call, 1)
        return self._entry.place(call.owner, read_body(call.body, PostOrder))

    def place_many(self, call: Call) -> list[dict[str, Any]]:
        self._entry.check_mode()
        items = read_body(call.body, list[msgspec.Raw])
        if not 0 < len(items) <= BATCH_MAX:
            raise ApiError(400, f"invalid number of orders: 1 to {BATCH_MAX}")
        self._gate.charge(call, len(items))
        return [self._place_item(call.owner, bytes(item)) for item in items]

    def _place_item(self, key: ApiKey, body: bytes) -> dict[str, Any]:
        try:
            return self._entry.place(key, read_body(body, PostOrder))
        except ApiError as error:
            return {"success": False, "errorMsg": error.words, **_REFUSED}

    def cancel(self, call: Call) -> dict[str, Any]:
        self._entry.check_running()
        self._gate.charge(call, 1, cancels=True)
        return self._entry.cancel(call.owner, [read_body(call.body, CancelOne).order_id])

    def cancel_many(self, call: Call) -> dict[str, Any]:
        self._entry.check_running()
        order_ids = read_body(call.body, list[str])
        self._gate.charge(call, max(1, len(order_ids)), cancels=True)
        return self._entry.cancel(call.owner, order_ids)

    def cancel_all(self, call: Call) -> dict[str, Any]:
        self._entry.check_running()
        self._gate.charge(call, 1, cancels=True)
        return self._entry.cancel_where(call.owner)

    def cancel_market(self, call: Call) -> dict[str, Any]:
        self._entry.check_running()
        wanted = read_body(call.body, CancelMarket)
        if not (wanted.market or wanted.asset_id):
            raise ApiError(400, "market or asset_id is needed")
        self._gate.charge(call, 1, cancels=True)
        return self._entry.cancel_where(call.owner, wanted.market, wanted.asset_id)

    def beat(self, call: Call) -> dict[str, str]:
        wanted = read_body(call.body, Beat).heartbeat_id
        now_ns = self._exchange.clock.now_ns()
        return {"heartbeat_id": self._exchange.heartbeats.beat(call.owner.key_id, wanted, now_ns)}

    # --- look-ups -----------------------------------------------------------------------------

    def orders(self, call: Call) -> dict[str, Any]:
        mine = [r for r in self._exchange.open_records() if _asked(call, r)]
        return self._paged(call, [record.body() for record in mine])

    def order(self, call: Call) -> dict[str, Any] | None:
        """An order of the key, ended or not; `null` for any other."""
        record = self._exchange.records.get(call.path("order_id"))
        return None if record is None or record.api_key != call.owner.key_id else record.body()

    def trades(self, call: Call) -> dict[str, Any]:
        """Newest first."""
        trades = reversed(self._exchange.settlement.trades.values())
        owner = call.owner.key_id
        mine = [(t, t.side_of(owner)) for t in trades if t.side_of(owner) and _of(call, t)]
        return self._paged(call, [trade.body(side) for trade, side in mine])

    def _paged(self, call: Call, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        start = text.offset(call.text("next_cursor"))
        if start is None:
            raise ApiError(400, "invalid next_cursor")
        end = start + self._page
        data = rows[start:end]
        cursor = text.cursor(end if end < len(rows) else None)
        return {"limit": self._page, "count": len(data), "next_cursor": cursor, "data": data}

    def _empty(self) -> dict[str, Any]:
        return {"limit": self._page, "count": 0, "next_cursor": text.LAST_CURSOR, "data": []}

    def balance(self, call: Call) -> dict[str, Any]:
        """Base units; open orders are not taken off."""
        kind, token = call.text("asset_type"), call.text("token_id")
        digits = call.text("signature_type") or "0"
        if kind not in ("COLLATERAL", "CONDITIONAL", "CONDITIONAL-V2") or not digits.isdigit():
            raise ApiError(400, "Invalid asset type")
        wallet = self._keys.wallet_of(call.owner, int(digits))
        account = self._keys.members.accounts[wallet]
        held = account.cash
        if kind != "COLLATERAL":
            market = self._exchange.by_token.get(token)
            if market is None:
                raise ApiError(400, "GetBalanceAndAllowance invalid params: assetId invalid")
            held = account.position(market.id, market.spec.outcome(token))
        allowances = {checksummed(each.address): _UNLIMITED for each in CONTRACTS}
        return {"balance": str(held), "allowances": allowances}

    def update_balance(self, call: Call) -> str:
        self.balance(call)
        return ""


def _told(key: ApiKey) -> dict[str, str]:
    secret = key.verifier
    return {"apiKey": key.key_id, "secret": secret.text, "passphrase": secret.passphrase}


def _asked(call: Call, record: OrderRecord) -> bool:
    return (
        record.api_key == call.owner.key_id
        and call.text("market") in ("", record.market.id)
        and call.text("asset_id") in ("", record.token)
        and call.text("id") in ("", record.id)
    )


def _of(call: Call, trade: TradeRecord) -> bool:
    seconds = int(text.seconds(trade.matched_ns))
    after, before = call.whole("after", 0, 10**9 * 9), call.whole("before", 10**10, 10**10)
    token = trade.market.spec.token(trade.taker.outcome)
    return (
        after <= seconds <= before
        and call.text("market") in ("", trade.market.id)
        and call.text("asset_id") in ("", token)
        and call.text("id") in ("", trade.id)
    )
