"""Kalshi's public REST endpoints: exchange, catalogue, books, trades, candlesticks, archive."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.domain.units import NANOSECONDS_PER_SECOND
from local.venues.core.faults import Faults
from local.venues.kalshi import frames
from local.venues.kalshi.candles import Candle
from local.venues.kalshi.errors import ApiError
from local.venues.kalshi.exchange import Exchange
from local.venues.kalshi.markets import Market, Status, Trade
from local.venues.kalshi.rate_limits import DEFAULT_COST, ENDPOINT_COSTS
from local.venues.kalshi.rest import PREFIX, Answer, Call, Route, page
from local.venues.kalshi.text import when

# The filter's words and what they stand for.
_STATUSES: Final = {
    "unopened": {Status.INITIALIZED},
    "open": {Status.ACTIVE},
    "paused": {Status.INACTIVE},
    "closed": {Status.CLOSED, Status.DETERMINED},
    "settled": {Status.FINALIZED},
}
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PERIODS: Final = (1, 60, 1440)
_BOOKS_MAX: Final = 100
_CANDLES_MAX: Final = 10_000
_ARCHIVE_NS: Final = 90 * 86_400 * NANOSECONDS_PER_SECOND
_DAY_NS: Final = 86_400 * NANOSECONDS_PER_SECOND


class MarketData:
    """Reads the exchange; changes nothing."""

    def __init__(self, exchange: Exchange, faults: Faults) -> None:
        self._exchange = exchange
        self._faults = faults

    def routes(self) -> list[Route]:
        paths = {
            "/exchange/status": self.status,
            "/exchange/schedule": self.schedule,
            "/exchange/user_data_timestamp": self.user_data_timestamp,
            "/series": self.series_list,
            "/series/fee_changes": self.series_fee_changes,
            "/series/{series}": self.series,
            "/series/{series}/markets/{ticker}/candlesticks": self.candlesticks,
            "/series/{series}/events/{event}/candlesticks": self.event_candlesticks,
            "/events": self.events,
            "/events/multivariate": self.multivariate,
            "/events/fee_changes": self.event_fee_changes,
            "/events/{event}": self.event,
            "/events/{event}/metadata": self.event_metadata,
            "/markets": self.markets,
            "/markets/trades": self.trades,
            "/markets/orderbooks": self.orderbooks,
            "/markets/candlesticks": self.batch_candlesticks,
            "/markets/{ticker}": self.market,
            "/markets/{ticker}/orderbook": self.orderbook,
            "/account/endpoint_costs": self.endpoint_costs,
            "/historical/cutoff": self.cutoff,
            "/historical/markets": self.archived_markets,
            "/historical/trades": self.archived_trades,
            "/historical/markets/{ticker}": self.archived_market,
            "/historical/markets/{ticker}/candlesticks": self.archived_candlesticks,
        }
        return [Route("GET", PREFIX + path, handler) for path, handler in paths.items()]

    # --- exchange -----------------------------------------------------------------------------

    def status(self, _call: Call) -> Answer:
        trading = self._exchange.trading
        flags = {
            "exchange_active": trading.exchange_active,
            "trading_active": trading.exchange_active and trading.trading_active,
            "intra_exchange_transfers_active": trading.exchange_active,
        }
        indices = sorted({m.spec.exchange_index for m in self._exchange.markets.values()} | {0})
        statuses = [
            {"exchange_index": index, "description": f"index {index}", **flags} for index in indices
        ]
        return Answer({**flags, "exchange_index_statuses": statuses})

    def schedule(self, _call: Call) -> Answer:
        now_ns = self._exchange.clock.now_ns()
        hours = [{"open_time": "00:00", "close_time": "24:00"}]
        week = {
            "start_time": when(now_ns - now_ns % _DAY_NS),
            "end_time": when(now_ns - now_ns % _DAY_NS + 365 * _DAY_NS),
            **dict.fromkeys(_DAYS, hours),
        }
        return Answer({"schedule": {"standard_hours": [week], "maintenance_windows": []}})

    def user_data_timestamp(self, _call: Call) -> Answer:
        return Answer({"as_of_time": when(self._exchange.clock.now_ns())})

    def endpoint_costs(self, _call: Call) -> Answer:
        costs = [{"method": m, "path": p, "cost": c} for m, p, c in ENDPOINT_COSTS]
        return Answer({"default_cost": DEFAULT_COST, "endpoint_costs": costs})

    # --- catalogue ----------------------------------------------------------------------------

    def series_list(self, call: Call) -> Answer:
        now_ns, category = self._exchange.clock.now_ns(), call.text("category")
        every = self._exchange.series.values()
        chosen = [s for s in every if not category or s.category == category]
        return Answer({"series": [frames.series_body(series, now_ns) for series in chosen]})

    def series(self, call: Call) -> Answer:
        series = self._exchange.series.get(call.path("series"))
        if series is None:
            raise ApiError(404, "not_found", "series not found")
        return Answer({"series": frames.series_body(series, self._exchange.clock.now_ns())})

    def series_fee_changes(self, _call: Call) -> Answer:
        return Answer({"series_fee_change_arr": []})

    def event_fee_changes(self, _call: Call) -> Answer:
        return Answer({"event_fee_changes": [], "cursor": ""})

    def multivariate(self, _call: Call) -> Answer:
        return Answer({"events": [], "cursor": ""})

    def events(self, call: Call) -> Answer:
        series, names = call.text("series_ticker"), _names(call.text("tickers"))
        wanted = _STATUSES.get(call.text("status"))
        nested = call.flag("with_nested_markets")

        def keep(markets: list[Market]) -> bool:
            spec = markets[0].spec
            return (
                (not series or spec.series_ticker == series)
                and (not names or spec.event_ticker in names)
                and (wanted is None or any(market.status in wanted for market in markets))
            )

        every = list(self._by_event().values())
        chosen, cursor = page(every, keep, min(call.limit(), 200), call.text("cursor"))
        bodies = [frames.event_body(markets, with_markets=nested) for markets in chosen]
        return Answer({"events": bodies, "cursor": cursor})

    def event(self, call: Call) -> Answer:
        markets = self._event(call.path("event"))
        body = frames.event_body(markets, with_markets=call.flag("with_nested_markets"))
        return Answer({"event": body, "markets": [frames.market_body(m) for m in markets]})

    def event_metadata(self, call: Call) -> Answer:
        markets = self._event(call.path("event"))
        details = [
            {"market_ticker": market.ticker, "image_url": "", "color_code": ""}
            for market in markets
        ]
        return Answer({"image_url": "", "market_details": details, "settlement_sources": []})

    def markets(self, call: Call) -> Answer:
        return self._list_markets(call, set(Status))

    def market(self, call: Call) -> Answer:
        return Answer({"market": frames.market_body(self._exchange.market(call.path("ticker")))})

    def archived_markets(self, call: Call) -> Answer:
        """The archive of a simulated venue is everything that has settled here."""
        return self._list_markets(call, {Status.FINALIZED})

    def archived_market(self, call: Call) -> Answer:
        market = self._exchange.market(call.path("ticker"))
        if market.status is not Status.FINALIZED:
            raise ApiError(404, "not_found", "market is not in the archive")
        return Answer({"market": frames.market_body(market)})

    def _list_markets(self, call: Call, statuses: set[Status]) -> Answer:
        asked = call.text("status")
        if asked and asked not in _STATUSES:
            raise ApiError(400, "invalid_parameters", "invalid parameters", "status")
        wanted = statuses & _STATUSES.get(asked, set(Status))
        names, event = _names(call.text("tickers")), call.text("event_ticker")
        series = call.text("series_ticker")
        low, high = call.whole("min_close_ts"), call.whole("max_close_ts")

        def keep(market: Market) -> bool:
            close_s = market.close_ns // NANOSECONDS_PER_SECOND
            return (
                market.status in wanted
                and (not names or market.ticker in names)
                and (not event or market.spec.event_ticker == event)
                and (not series or market.spec.series_ticker == series)
                and (low is None or close_s >= low)
                and (high is None or close_s <= high)
            )

        every = list(self._exchange.markets.values())
        chosen, cursor = page(every, keep, call.limit(), call.text("cursor"))
        return Answer({"markets": [frames.market_body(m) for m in chosen], "cursor": cursor})

    def _by_event(self) -> dict[str, list[Market]]:
        events: dict[str, list[Market]] = {}
        for market in self._exchange.markets.values():
            events.setdefault(market.spec.event_ticker, []).append(market)
        return events

    def _event(self, ticker: str) -> list[Market]:
        markets = self._by_event().get(ticker)
        if markets is None:
            raise ApiError(404, "not_found", "event not found")
        return markets

    # --- books and trades ---------------------------------------------------------------------

    def orderbook(self, call: Call) -> Answer:
        depth = call.whole("depth") or 0
        if not 0 <= depth <= 100:
            raise ApiError(400, "invalid_parameters", "invalid parameters", "depth")
        return Answer(
            {"orderbook_fp": self._book(self._exchange.market(call.path("ticker")), depth)}
        )

    def orderbooks(self, call: Call) -> Answer:
        tickers = call.request.query.getall("tickers", [])
        if not 1 <= len(tickers) <= _BOOKS_MAX:
            raise ApiError(400, "invalid_parameters", "invalid parameters", "tickers")
        books = [
            {"ticker": ticker, "orderbook_fp": self._book(self._exchange.market(ticker), 0)}
            for ticker in tickers
        ]
        return Answer({"orderbooks": books})

    def _book(self, market: Market, depth: int) -> dict[str, Any]:
        yes, no = (frames.levels(market, leg)[-depth:] for leg in (YES_LEG, NO_LEG))
        if self._faults.crosses(market.ticker):
            yes, no = [*yes, ["0.9900", "1.00"]], [*no, ["0.9900", "1.00"]]
        return {"yes_dollars": yes, "no_dollars": no}

    def trades(self, call: Call) -> Answer:
        ticker = call.text("ticker")
        source = self._exchange.market(ticker).trades if ticker else self._exchange.tape
        low, high = call.whole("min_ts"), call.whole("max_ts")
        if call.text("is_block_trade") == "true":
            return Answer({"trades": [], "cursor": ""})

        def keep(trade: Trade) -> bool:
            second = trade.ts_ns // NANOSECONDS_PER_SECOND
            return (low is None or second >= low) and (high is None or second <= high)

        chosen, cursor = page(list(source), keep, call.limit(), call.text("cursor"))
        return Answer({"trades": [frames.rest_trade(t) for t in chosen], "cursor": cursor})

    def archived_trades(self, call: Call) -> Answer:
        return self.trades(call)

    # --- candlesticks -------------------------------------------------------------------------

    def candlesticks(self, call: Call) -> Answer:
        ticker = call.path("ticker")
        candles = [candle.body() for candle in self._candles(call, ticker)]
        return Answer({"ticker": ticker, "candlesticks": candles})

    def archived_candlesticks(self, call: Call) -> Answer:
        ticker = call.path("ticker")
        candles = [candle.historical_body() for candle in self._candles(call, ticker)]
        return Answer({"ticker": ticker, "candlesticks": candles})

    def batch_candlesticks(self, call: Call) -> Answer:
        tickers = _names(call.text("market_tickers"))
        if not 1 <= len(tickers) <= _BOOKS_MAX:
            raise ApiError(400, "invalid_parameters", "invalid parameters", "market_tickers")
        markets = [
            {
                "market_ticker": ticker,
                "candlesticks": [candle.body() for candle in self._candles(call, ticker)],
            }
            for ticker in tickers
        ]
        return Answer({"markets": markets})

    def event_candlesticks(self, call: Call) -> Answer:
        markets = self._event(call.path("event"))
        tickers = [market.ticker for market in markets]
        candles = [[c.body() for c in self._candles(call, ticker)] for ticker in tickers]
        return Answer({
            "market_tickers": tickers,
            "market_candlesticks": candles,
            "adjusted_end_ts": call.whole("end_ts") or 0,
        })  # fmt: skip

    def _candles(self, call: Call, ticker: str) -> Iterable[Candle]:
        start, end = call.whole("start_ts"), call.whole("end_ts")
        period = call.whole("period_interval")
        if start is None or end is None or period not in _PERIODS or start > end:
            raise ApiError(400, "invalid_parameters", "invalid parameters", "period_interval")
        if (end - start) // (60 * period) > _CANDLES_MAX:
            raise ApiError(400, "invalid_parameters", "too many candlesticks")
        return self._exchange.market(ticker).candles.between(start, end, period)

    def cutoff(self, _call: Call) -> Answer:
        at = when(self._exchange.clock.now_ns() - _ARCHIVE_NS)
        names = (
            "market_settled_ts", "trades_created_ts", "orders_updated_ts",
            "market_positions_last_updated_ts",
        )  # fmt: skip
        return Answer(dict.fromkeys(names, at))


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]
