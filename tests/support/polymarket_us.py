"""Messages of Polymarket US with sane defaults, and its adapter over a scripted transport."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from kairos.adapters.polymarket_us.auth import Credentials
from kairos.adapters.polymarket_us.client import account_client
from kairos.adapters.polymarket_us.config import Settings
from kairos.adapters.polymarket_us.trading import PolymarketUsTrading
from kairos.domain.instruments import Action, Outcome
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.trading import VenueMarket
from tests.support.rest import Answer, FakeClock, ScriptedTransport

Json = dict[str, Any]

MARKET = "aec-nfl-det-buf-2026-11-22"
SECRET = base64.b64encode(bytes(range(32))).decode()
NOW_NS = 1_795_000_000_000_000_000  # 2026-11-18T11:06:40Z
NOW = "2026-11-18T11:06:40.000000000Z"
SECOND = 1_000_000_000


def usd(value: object) -> Json:
    return {"value": str(value), "currency": "USD"}


def encoded(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


# Websocket frames


def book(
    bids: Sequence[tuple[str, str]] = (("0.555", "0.50"), ("0.55", "2.50")),
    offers: Sequence[tuple[str, str]] = (("0.56", "0.80"),),
    **fields: object,
) -> Json:
    data: Json = {
        "marketSlug": MARKET,
        "bids": [{"px": usd(price), "qty": size} for price, size in bids],
        "offers": [{"px": usd(price), "qty": size} for price, size in offers],
        "state": "MARKET_STATE_OPEN",
        "stats": {"lastTradePx": usd("0.55"), "sharesTraded": "150000"},
        "transactTime": NOW,
    }
    return {
        "requestId": "book-1-1",
        "subscriptionType": "SUBSCRIPTION_TYPE_MARKET_DATA",
        "marketData": data | fields,
    }


def lite(**fields: object) -> Json:
    data: Json = {
        "marketSlug": MARKET,
        "bestBid": usd("0.55"),
        "bestAsk": usd("0.56"),
        "lastTradePx": usd("0.555"),
    }
    return {
        "requestId": "lite-1",
        "subscriptionType": "SUBSCRIPTION_TYPE_MARKET_DATA_LITE",
        "marketDataLite": data | fields,
    }


def trade(**fields: object) -> Json:
    data: Json = {
        "marketSlug": MARKET,
        "price": usd("0.56"),
        "quantity": usd("0.80"),
        "tradeTime": NOW,
        "maker": {"side": "ORDER_SIDE_SELL", "intent": "ORDER_INTENT_BUY_SHORT"},
        "taker": {"side": "ORDER_SIDE_BUY", "intent": "ORDER_INTENT_BUY_LONG"},
    }
    return {
        "requestId": "trade-1-1",
        "subscriptionType": "SUBSCRIPTION_TYPE_TRADE",
        "trade": data | fields,
    }


HEARTBEAT: Json = {"heartbeat": {}}


def order(**fields: object) -> Json:
    body: Json = {
        "id": "CX5M98730YHH",
        "marketSlug": MARKET,
        "side": "ORDER_SIDE_SELL",
        "type": "ORDER_TYPE_LIMIT",
        "price": usd("0.61"),
        "quantity": 12,
        "cumQuantity": 0,
        "leavesQuantity": 12,
        "tif": "TIME_IN_FORCE_GOOD_TILL_DATE",
        "goodTillTime": "2026-11-18T11:21:40Z",
        "intent": "ORDER_INTENT_BUY_SHORT",
        "marketMetadata": {"slug": MARKET, "title": "Lions vs Bills", "outcome": "Lions"},
        "state": "ORDER_STATE_NEW",
        "createTime": "2026-11-18T11:06:40.25Z",
    }
    return body | fields


def execution(kind: str = "EXECUTION_TYPE_PARTIAL_FILL", **fields: object) -> Json:
    state = {"cumQuantity": 5, "leavesQuantity": 7, "state": "ORDER_STATE_PARTIALLY_FILLED"}
    body: Json = {
        "id": "exec-1",
        "order": order(**state),
        "lastShares": "5.0000",
        "lastPx": usd("0.6100"),
        "type": kind,
        "transactTime": "2026-11-18T11:06:41.123456789Z",
        "tradeId": "AHNDQ4FBA25W",
        "aggressor": False,
        "commissionNotionalCollected": usd("-0.0100"),
    }
    return body | fields


def order_update(body: Json) -> Json:
    return {
        "requestId": "account-1-orders",
        "subscriptionType": "SUBSCRIPTION_TYPE_ORDER",
        "orderSubscriptionUpdate": {"execution": body},
    }


def order_snapshot(orders: Sequence[Json], *, eof: bool) -> Json:
    return {
        "requestId": "account-1-snapshot",
        "subscriptionType": "SUBSCRIPTION_TYPE_ORDER_SNAPSHOT",
        "orderSubscriptionSnapshot": {"orders": list(orders), "eof": eof},
    }


def position_update(after: Json | None, before: Json | None = None) -> Json:
    return {
        "requestId": "account-1-positions",
        "subscriptionType": "SUBSCRIPTION_TYPE_POSITION",
        "positionSubscription": {"beforePosition": before, "afterPosition": after},
    }


def position(net: str = "-12.5", **fields: object) -> Json:
    body: Json = {
        "netPosition": net.partition(".")[0],
        "netPositionDecimal": net,
        "cost": usd("4.87"),
        "marketMetadata": {"slug": MARKET},
    }
    return body | fields


def balance(power: float = 250.25, currency: str = "USD") -> Json:
    return {"buyingPower": power, "currency": currency, "currentBalance": 300.0}


def balances_update(after: Json | None) -> Json:
    return {
        "requestId": "account-1-cash",
        "subscriptionType": "SUBSCRIPTION_TYPE_ACCOUNT_BALANCE",
        "accountBalancesUpdate": {"balanceChange": {"afterBalance": after}},
    }


# Activities


def own_trade(trade_id: str = "T1", *, aggressor: bool = False, **fields: object) -> Json:
    """A trade of ours: bought NO at 0.39, which is LONG 0.61."""
    ours: Json = {
        "order": {"id": "CX5M98730YHH", "intent": "ORDER_INTENT_BUY_SHORT"},
        "lastShares": "5.0000",
        "lastPx": usd("0.6100"),
        "tradeId": trade_id,
        "transactTime": "2026-11-18T11:06:41Z",
        "commissionNotionalCollected": usd("-0.0100"),
    }
    theirs: Json = {"order": {"intent": "ORDER_INTENT_UNDEFINED"}, "lastShares": "5.0000"}
    body: Json = {
        "id": trade_id,
        "marketSlug": MARKET,
        "state": "TRADE_STATE_NEW",
        "createTime": "2026-11-18T11:06:41Z",
        "isAggressor": aggressor,
        "aggressorExecution": ours if aggressor else theirs,
        "passiveExecution": theirs if aggressor else ours,
    }
    return {"type": "ACTIVITY_TYPE_TRADE", "trade": body | fields}


def activities(rows: Sequence[Json] = (), **fields: object) -> bytes:
    return encoded({"activities": list(rows), "eof": True} | fields)


# The adapter


def intent(**fields: object) -> SubmitOrder:
    """Buy 12 NO at 0.39 until a quarter of an hour later."""
    values: Json = {
        "ts_ns": NOW_NS,
        "client_order_id": "k1-abc",
        "market": MARKET,
        "outcome": Outcome.NO,
        "action": Action.BUY,
        "price": 3_900,
        "quantity": 12_000_000,
        "time_in_force": TimeInForce.GTD,
        "post_only": True,
        "reduce_only": False,
        "expires_ns": NOW_NS + 900 * SECOND,
    }
    return SubmitOrder(**(values | fields))


class FakeIntentLog:
    """Intents and owners as a journal would know them."""

    def __init__(self, *intents: SubmitOrder, owners: dict[str, str] | None = None) -> None:
        self.intents = {each.client_order_id: each for each in intents}
        self.owners = owners or {}

    def intent(self, client_order_id: str) -> SubmitOrder | None:
        return self.intents.get(client_order_id)

    def owner(self, venue_order_id: str) -> str | None:
        return self.owners.get(venue_order_id)


class Venue:
    """The adapter, its script, its clock and its journal."""

    def __init__(
        self,
        *answers: Answer,
        log: FakeIntentLog | None = None,
        listed: VenueMarket | None = None,
    ) -> None:
        self.clock = FakeClock(NOW_NS)
        self.transport = ScriptedTransport(answers)
        self.log = log or FakeIntentLog(intent())
        settings = Settings()
        rest = account_client(
            self.transport, Credentials("key-id", SECRET), self.clock, lambda: 0.5, settings
        )
        self.trading = PolymarketUsTrading(
            rest, self.log, self.clock, settings, lambda _market: listed
        )

    @property
    def sent(self) -> list[tuple[str, str, str, Any]]:
        return [
            (each.method, each.path, each.query, json.loads(each.body) if each.body else None)
            for each in self.transport.requests
        ]
