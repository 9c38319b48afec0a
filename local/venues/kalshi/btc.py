"""A Bitcoin session on the simulated Kalshi: its markets, its other traders, its index."""

from __future__ import annotations

import json
from typing import Any, Final

from kairos.domain.grid import grid
from kairos.domain.instruments import Outcome
from kairos.domain.units import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from local.market_generator import kalshi_frames
from local.market_generator.chance import Chance
from local.market_generator.contracts import HOURLY, QUARTER_HOUR, Contract
from local.venues.btc.session import BtcSession
from local.venues.core.flow import FlowSettings, SeededFlow
from local.venues.kalshi.markets import Market, MarketSpec, SeriesSpec
from local.venues.kalshi.server import KalshiServer
from local.venues.kalshi.stream import Stream

EXCHANGE_INDEX: Final = 2
_INDEX_DELAY_NS: Final = 65 * NANOSECONDS_PER_MILLISECOND
_FIFTH_NS: Final = NANOSECONDS_PER_SECOND // 5
_PRINTS_PER_TURN_MAX: Final = 1_000
# Actions per simulated second of the other participants, at activity 1.
_ACTIVITY: Final = {QUARTER_HOUR.ticker: 20.0, HOURLY.ticker: 2.0}

SERIES: Final = (
    SeriesSpec(
        QUARTER_HOUR.ticker, "Bitcoin price up down", "Crypto", "fifteen_min", EXCHANGE_INDEX,
        tags=("BTC", "15 min"),
    ),
    SeriesSpec(
        HOURLY.ticker, "Bitcoin price above or below", "Crypto", "hourly", EXCHANGE_INDEX,
        tags=("BTC", "Hourly"),
    ),
)  # fmt: skip


def list_session(venue: KalshiServer, session: BtcSession, activity: float = 1.0) -> None:
    """Plan every market of the session on the venue and let its index print."""
    for series in SERIES:
        venue.exchange.add_series(series)
    chance = session.chances.orders

    def outcome_of(spec: MarketSpec) -> tuple[Outcome, str]:
        return session.outcome(session.contracts[spec.ticker])

    def give_flow(market: Market, now_ns: int) -> None:
        venue.exchange.flows[market.ticker] = _flow(
            venue, session, market, now_ns, activity, chance
        )

    venue.lifecycle.outcome_of = outcome_of
    venue.lifecycle.on_open = give_flow
    for contract in session.contracts.values():
        venue.lifecycle.plan(market_spec(contract))
    venue.features.append(IndexFeed(session, venue.stream))


def market_spec(contract: Contract) -> MarketSpec:
    """The listing of a generated contract."""
    series = contract.series
    strike = f"{contract.strike_cents // 100}.{contract.strike_cents % 100:02d}"
    sign = ">" if series.strict else "≥"
    return MarketSpec(
        ticker=contract.ticker,
        event_ticker=contract.event_ticker,
        series_ticker=series.ticker,
        market_id=contract.market_id,
        title="Bitcoin price at the close",
        open_ns=contract.open_ns,
        close_ns=contract.close_ns,
        exchange_index=EXCHANGE_INDEX,
        ranges=series.grid.bands,
        structure=series.grid.name,
        yes_sub_title=f"{sign} ${strike}",
        strike_type=series.strike_type,
        floor_strike=strike,
        strike_at_open=not series.strike_known_at_listing,
        settle_after_ns=series.settlement_delay_ns,
        custom_strike=None if series.strike_known_at_listing else {"round_digits": "2"},
    )


def _flow(
    venue: KalshiServer,
    session: BtcSession,
    market: Market,
    now_ns: int,
    activity: float,
    chance: Chance,
) -> SeededFlow:
    """Others trade as soon as the market opens; a market that opened earlier starts now."""
    rate = _ACTIVITY[market.spec.series_ticker] * activity
    return SeededFlow(
        market.ticker, grid(market.spec.ranges), session.fair, venue.exchange.desk,
        FlowSettings(actions_per_second=rate), Chance(chance.bits(64)), now_ns,
    )  # fmt: skip


class IndexFeed:
    """BRTI once a second with the venue's averages, and five times a second without."""

    def __init__(self, session: BtcSession, stream: Stream) -> None:
        self._session = session
        self._stream = stream
        self._next_ns = session.generator.start_ns

    def advance(self, now_ns: int) -> None:
        """Print everything that is due; an idle venue skips what nobody could have heard."""
        until_ns = min(now_ns, self._session.end_ns) - _INDEX_DELAY_NS
        behind = (until_ns - self._next_ns) // _FIFTH_NS
        if behind > _PRINTS_PER_TURN_MAX:
            self._next_ns += (behind - _PRINTS_PER_TURN_MAX) * _FIFTH_NS
        while self._next_ns <= until_ns:
            self._print(self._next_ns)
            self._next_ns += _FIFTH_NS

    def _print(self, source_ns: int) -> None:
        received_ns = source_ns + _INDEX_DELAY_NS // 2
        self._stream.index_printed(self._tick(source_ns, received_ns), is_5hz=True)
        if source_ns % NANOSECONDS_PER_SECOND == 0:
            body = kalshi_frames.index_value(self._session.path, source_ns, received_ns)
            self._stream.index_printed(body, is_5hz=False)

    def _tick(self, source_ns: int, received_ns: int) -> dict[str, Any]:
        path = self._session.path
        cents = int(path.reference[path.step(source_ns)] * 100 + 0.5)
        source_ms = source_ns // NANOSECONDS_PER_MILLISECOND
        value = f"{cents // 100}.{cents % 100:02d}"
        upstream = {"type": "value", "id": kalshi_frames.INDEX, "time": source_ms, "value": value}
        return {
            "index_id": kalshi_frames.INDEX,
            "value_usd": f"{value}000000",
            "source_ts_ms": source_ms,
            "received_at": received_ns // NANOSECONDS_PER_MILLISECOND,
            "data": json.dumps(upstream, separators=(",", ":")),
        }
