"""The CLOB's public endpoints: books, prices, ticks, fees, markets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from kairos.domain.instruments import Outcome
from local.venues.core.faults import Faults
from local.venues.polymarket import text
from local.venues.polymarket.errors import ApiError
from local.venues.polymarket.exchange import Exchange
from local.venues.polymarket.gate import Call, Route
from local.venues.polymarket.markets import Market
from local.venues.polymarket.wire import TokenItem, read_body

PAGE: Final = 500
_TAKER_CAP_BPS: Final = 1_000
_encode: Final = msgspec.json.Encoder().encode


class MarketApi:
    """Answers without any key."""

    def __init__(self, exchange: Exchange, faults: Faults) -> None:
        self._exchange = exchange
        self._faults = faults

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/ok", lambda _call: "OK"),
            Route("GET", "/time", self.time),
            Route("GET", "/version", lambda _call: {"version": 2}),
            Route("GET", "/book", lambda call: self.book(call.text("token_id"))),
            Route("POST", "/books", self._many(self.book)),
            Route("GET", "/midpoint", lambda call: self.midpoint(call.text("token_id"))),
            Route("POST", "/midpoints", self._named(lambda t, _s: self.midpoint(t)["mid"])),
            Route("GET", "/price", lambda c: self.price(c.text("token_id"), c.text("side"))),
            Route("POST", "/prices", self._named(lambda t, s: {s: self.price(t, s)["price"]})),
            Route("GET", "/spread", lambda call: self.spread(call.text("token_id"))),
            Route("POST", "/spreads", self._named(lambda t, _s: self.spread(t)["spread"])),
            Route("GET", "/last-trade-price", lambda c: self.last(c.text("token_id"))),
            Route("POST", "/last-trades-prices", self._many(self._last_named)),
            Route("GET", "/tick-size", self.tick_size),
            Route("GET", "/neg-risk", self.neg_risk),
            Route("GET", "/fee-rate", self.fee_rate),
            Route("GET", "/clob-markets/{market}", self.clob_market),
            Route("GET", "/markets-by-token/{token}", self.by_token),
            Route("GET", "/simplified-markets", self.listing),
            Route("GET", "/sampling-markets", self.listing),
            Route("GET", "/fees/builder-fees/{code}", self.builder_fees),
        ]

    def time(self, _call: Call) -> int:
        now_ns = self._exchange.clock.now_ns() + self._faults.skew_ns()
        return int(text.seconds(now_ns))

    def _market(self, token: str) -> Market:
        market = self._exchange.by_token.get(token)
        if market is None:
            raise ApiError(404, "No orderbook exists for the requested token id")
        return market

    def book(self, token: str) -> dict[str, Any]:
        market = self._market(token)
        if not market.is_trading:
            raise ApiError(404, "No orderbook exists for the requested token id")
        return book_body(market, token)

    def _many(self, one: Callable[[str], Any]) -> Callable[[Call], Any]:
        def handler(call: Call) -> list[Any]:
            items = read_body(call.body, list[TokenItem])
            known = [i.token_id for i in items if i.token_id in self._exchange.by_token]
            return [one(token) for token in known]

        return handler

    def _named(self, one: Callable[[str, str], Any]) -> Callable[[Call], Any]:
        def handler(call: Call) -> dict[str, Any]:
            items = read_body(call.body, list[TokenItem])
            return {item.token_id: one(item.token_id, item.side) for item in items}

        return handler

    def midpoint(self, token: str) -> dict[str, str]:
        bid, ask = self._market(token).top(token)
        if bid is None or ask is None:
            raise ApiError(404, "No orderbook exists for the requested token id")
        return {"mid": text.half(bid + ask)}

    def price(self, token: str, side: str) -> dict[str, str]:
        """BUY is the best bid, SELL the best ask."""
        if side not in ("BUY", "SELL"):
            raise ApiError(400, "Invalid side")
        bid, ask = self._market(token).top(token)
        best = bid if side == "BUY" else ask
        return {"price": "0" if best is None else text.price(best)}

    def spread(self, token: str) -> dict[str, str]:
        bid, ask = self._market(token).top(token)
        if bid is None or ask is None:
            raise ApiError(404, "No orderbook exists for the requested token id")
        return {"spread": text.price(ask - bid)}

    def last(self, token: str) -> dict[str, str]:
        market = self._market(token)
        last = market.last_of(token)
        if last is None:
            return {"price": "0.5", "side": ""}
        return {"price": text.price(last), "side": market.last_side}

    def _last_named(self, token: str) -> dict[str, str]:
        return {"token_id": token, **self.last(token)}

    def tick_size(self, call: Call) -> dict[str, float]:
        return {"minimum_tick_size": self._market(call.text("token_id")).tick / 10_000}

    def neg_risk(self, call: Call) -> dict[str, bool]:
        return {"neg_risk": self._market(call.text("token_id")).spec.neg_risk}

    def fee_rate(self, call: Call) -> dict[str, int]:
        """A cap of old; the rate is in `/clob-markets`."""
        market = self._market(call.text("token_id"))
        return {"base_fee": _TAKER_CAP_BPS if market.fees is not None else 0}

    def by_token(self, call: Call) -> dict[str, str]:
        spec = self._market(call.path("token")).spec
        return {
            "condition_id": spec.condition_id,
            "primary_token_id": spec.yes_token,
            "secondary_token_id": spec.no_token,
        }

    def clob_market(self, call: Call) -> dict[str, Any]:
        market = self._exchange.markets.get(call.path("market"))
        if market is None:
            raise ApiError(404, "market not found")
        spec = market.spec
        cap = 0 if market.fees is None else _TAKER_CAP_BPS
        body: dict[str, Any] = {
            "t": [
                {"t": spec.yes_token, "o": spec.labels[0]},
                {"t": spec.no_token, "o": spec.labels[1]},
            ],
            "mts": market.tick / 10_000,
            "mos": spec.quantity_min // 1_000_000,
            "mbf": cap,
            "tbf": cap,
        }
        if market.fees is not None:
            body["fd"] = {"r": float(spec.fee_rate), "e": 1, "to": True}
        # The venue leaves flags out that are false.
        return body | ({"nr": True} if spec.neg_risk else {}) | (
            {"itode": True} if spec.delay_ns else {}
        )  # fmt: skip

    def listing(self, call: Call) -> dict[str, Any]:
        start = text.offset(call.text("next_cursor"))
        if start is None:
            raise ApiError(400, "invalid next_cursor")
        markets = list(self._exchange.markets.values())
        more = start + PAGE if start + PAGE < len(markets) else None
        data = [legacy_market(each) for each in markets[start : start + PAGE]]
        cursor = text.cursor(more)
        return {"limit": PAGE, "count": len(data), "next_cursor": cursor, "data": data}

    def builder_fees(self, call: Call) -> dict[str, int]:
        raise ApiError(404, f"unknown builder code {call.path('code')[:80]}")


def book_body(market: Market, token: str) -> dict[str, Any]:
    """The whole book of a token, with the hash by which a client checks it."""
    bids, asks = market.levels(token)
    last = market.last_of(token)
    body: dict[str, Any] = {
        "market": market.id,
        "asset_id": token,
        "timestamp": text.ms(market.changed_ns or market.spec.open_ns),
        "hash": "",
        "bids": [{"price": text.price(p), "size": text.size(q)} for p, q in bids],
        "asks": [{"price": text.price(p), "size": text.size(q)} for p, q in asks],
        "min_order_size": text.size(market.spec.quantity_min),
        "tick_size": text.price(market.tick),
        "neg_risk": market.spec.neg_risk,
        "last_trade_price": "" if last is None else text.price(last),
    }
    return hashed(body)


def hashed(body: dict[str, Any]) -> dict[str, Any]:
    """A book with its hash: SHA-1 of itself without one, keys in this order."""
    digest = hashlib.sha1(_encode({**body, "hash": ""}), usedforsecurity=False).hexdigest()
    return {**body, "hash": digest}


def legacy_market(market: Market) -> dict[str, Any]:
    """A market as the CLOB's older lists have it."""
    spec, result = market.spec, market.result
    return {
        "condition_id": spec.condition_id,
        "question": spec.question,
        "market_slug": spec.slug,
        "active": True,
        "closed": not market.is_trading,
        "accepting_orders": market.is_trading,
        "enable_order_book": market.is_trading,
        "minimum_order_size": spec.quantity_min // 1_000_000,
        "minimum_tick_size": market.tick / 10_000,
        "neg_risk": spec.neg_risk,
        "end_date_iso": text.iso(spec.close_ns),
        "tokens": [
            {
                "token_id": spec.token(outcome),
                "outcome": spec.label(outcome),
                "price": (market.last_of(spec.token(outcome)) or 5_000) / 10_000,
                "winner": result is outcome,
            }
            for outcome in Outcome
        ],
    }
