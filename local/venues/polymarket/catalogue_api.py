"""Gamma (what is listed), the data API (what is held) and the website's location check."""

from __future__ import annotations

import json
from typing import Any, Final

from kairos.domain.instruments import Action, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR, notional
from local.venues.polymarket import text
from local.venues.polymarket.errors import ApiError
from local.venues.polymarket.exchange import Exchange
from local.venues.polymarket.gate import Call, Route
from local.venues.polymarket.market_api import legacy_market
from local.venues.polymarket.markets import Market, Status
from local.venues.polymarket.signatures import checksummed

PAGE_DEFAULT: Final = 20
PAGE_MAX: Final = 500
_NOT_FOUND: Final = "not found"


class CatalogueApi:
    """Public, and of three hosts at once: their paths do not meet."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/markets/keyset", self.markets),
            Route("GET", "/events/keyset", self.events),
            Route("GET", "/markets/slug/{slug}", self.by_slug),
            Route("GET", "/markets/{market}", self.market),
            Route("GET", "/v2/positions", self.positions),
            Route("GET", "/api/geoblock", self.geoblock),
            Route("GET", "/deployed", lambda _call: {"deployed": True}),
        ]

    # --- Gamma --------------------------------------------------------------------------------

    def _chosen(self, call: Call) -> list[Market]:
        closed = call.text("closed")
        ids = call.request.query.getall("condition_ids", [])
        slugs = call.request.query.getall("slug", [])
        return [
            market
            for market in self._exchange.markets.values()
            if (not closed or (closed == "true") is not market.is_trading)
            and (not ids or market.id in ids)
            and (not slugs or market.spec.slug in slugs)
        ]

    def markets(self, call: Call) -> dict[str, Any]:
        rows = [self.gamma(market) for market in self._chosen(call)]
        return _page(call, rows, "markets")

    def events(self, call: Call) -> dict[str, Any]:
        rows = [{**_event(m), "markets": [self.gamma(m)]} for m in self._chosen(call)]
        return _page(call, rows, "events")

    def by_slug(self, call: Call) -> dict[str, Any]:
        for market in self._exchange.markets.values():
            if market.spec.slug == call.path("slug"):
                return self.gamma(market)
        raise ApiError(404, _NOT_FOUND)

    def market(self, call: Call) -> dict[str, Any]:
        """The CLOB asks by condition id, Gamma by its own number."""
        name = call.path("market")
        market = self._exchange.markets.get(name)
        if market is not None:
            return legacy_market(market)
        for number, each in enumerate(self._exchange.markets.values(), 1):
            if str(number) == name:
                return self.gamma(each)
        raise ApiError(404, _NOT_FOUND)

    def gamma(self, market: Market) -> dict[str, Any]:
        spec = market.spec
        prices = _outcome_prices(market)
        tokens = json.dumps(list(spec.tokens))
        body: dict[str, Any] = {
            "id": str(list(self._exchange.markets).index(spec.condition_id) + 1),
            "question": spec.question,
            "conditionId": spec.condition_id,
            "slug": spec.slug,
            "outcomes": json.dumps(list(spec.labels)),
            "outcomePrices": json.dumps(prices),
            "active": market.status is not Status.UNOPENED,
            "closed": market.status in (Status.CLOSED, Status.RESOLVED),
            "archived": False,
            "acceptingOrders": market.is_trading,
            "enableOrderBook": market.is_trading,
            "orderPriceMinTickSize": market.tick / PRICE_PER_DOLLAR,
            "orderMinSize": spec.quantity_min // 1_000_000,
            "negRisk": spec.neg_risk,
            "startDate": text.iso(spec.open_ns),
            "endDate": text.iso(spec.close_ns),
            "eventStartTime": text.iso(spec.open_ns),
            "feesEnabled": market.fees is not None,
            "volume": text.size(market.volume),
            "events": [_event(market)],
        }
        if spec.is_position:
            body |= {"version": "v2", "positionIds": list(spec.tokens)}
        else:
            body["clobTokenIds"] = tokens
        if market.fees is not None:
            rate = float(spec.fee_rate)
            schedule = {"rate": rate, "exponent": 1, "takerOnly": True, "rebateRate": 0.2}
            body |= {"feeSchedule": schedule, "feeType": "crypto_fees"}
        return body

    # --- data ---------------------------------------------------------------------------------

    def positions(self, call: Call) -> dict[str, Any]:
        wallet = call.text("user").lower()
        account = self._exchange.members.accounts.get(wallet)
        held = {} if account is None else account.positions
        rows = [self._position(wallet, *key, quantity) for key, quantity in held.items()]
        start, limit = text.offset(call.text("cursor")), call.whole("limit", 100, 1_000)
        if start is None:
            raise ApiError(400, "invalid cursor")
        end = start + limit
        has_more = end < len(rows)
        pagination = {"has_more": has_more, "next_cursor": text.cursor(end) if has_more else None}
        return {"data": rows[start:end], "pagination": pagination}

    def _position(
        self, wallet: str, market_id: str, outcome: Outcome, quantity: int
    ) -> dict[str, Any]:
        market = self._exchange.markets[market_id]
        spec, other = market.spec, outcome.other
        bought, cost = self._bought(wallet, market, outcome)
        average = cost * PRICE_PER_DOLLAR // bought if bought else 0
        last = market.last_of(spec.token(outcome)) or 5_000
        value, paid = notional(last, quantity), notional(average, quantity)
        numbers = {
            "current_size": quantity, "total_size": bought, "entry_cost_usdc": paid,
            "entry_fees_usdc": 0, "total_cost_usdc": paid, "current_value": value,
            "realized_pnl": 0, "unrealized_pnl": value - paid, "total_pnl": value - paid,
        }  # fmt: skip
        return {
            "proxy_wallet": checksummed(wallet),
            "token_id": spec.token(outcome),
            "opposite_token_id": spec.token(other),
            "condition_id": spec.condition_id,
            **{name: number / 1_000_000 for name, number in numbers.items()},
            "avg_price": average / PRICE_PER_DOLLAR,
            "current_price": last / PRICE_PER_DOLLAR,
            "percent_pnl": 0.0, "percent_realized_pnl": 0.0,
            "status": "OPEN", "redeemable": False, "mergeable": False,
            "negative_risk": spec.neg_risk, "archived": False, "verified": True,
            "title": spec.question, "slug": spec.slug,
            "outcome": spec.label(outcome), "opposite_outcome": spec.label(other),
            "outcome_index": 0 if outcome is Outcome.YES else 1,
        }  # fmt: skip

    def _bought(self, wallet: str, market: Market, outcome: Outcome) -> tuple[int, int]:
        """(micro-contracts, micro-dollars) of everything a wallet bought of an outcome."""
        quantity = cost = 0
        for trade in self._exchange.settlement.trades.values():
            if trade.market is not market or trade.status == "FAILED":
                continue
            sides = [(trade.taker, trade.price, trade.quantity)]
            sides += [(made.order, made.price, made.quantity) for made in trade.makers]
            for order, price, part in sides:
                if (order.owner, order.outcome, order.action) == (wallet, outcome, Action.BUY):
                    quantity, cost = quantity + part, cost + notional(price, part)
        return quantity, cost

    # --- the website --------------------------------------------------------------------------

    def geoblock(self, _call: Call) -> dict[str, Any]:
        mode = self._exchange.mode
        return {
            "blocked": mode.is_blocked,
            "ip": "127.0.0.1",
            "country": mode.country,
            "region": "",
        }


def _page(call: Call, rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    start, limit = text.offset(call.text("after_cursor")), call.whole("limit", PAGE_DEFAULT, 500)
    if start is None:
        raise ApiError(400, "invalid after_cursor")
    end = start + max(1, limit)
    page: dict[str, Any] = {name: rows[start:end]}
    if end < len(rows):
        page["next_cursor"] = text.cursor(end)
    return page


def _event(market: Market) -> dict[str, Any]:
    spec = market.spec
    series = [{"id": "1", "slug": spec.series, "title": spec.series}] if spec.series else []
    return {
        "id": str(int(spec.condition_id[2:10], 16)),
        "slug": spec.slug,
        "title": spec.question,
        "active": market.status is not Status.UNOPENED,
        "closed": market.status in (Status.CLOSED, Status.RESOLVED),
        "series": series,
    }


def _outcome_prices(market: Market) -> list[str]:
    if market.result is not None:
        return ["1", "0"] if market.result is Outcome.YES else ["0", "1"]
    last = market.last_price or 5_000
    return [text.price(last), text.price(PRICE_PER_DOLLAR - last)]
