"""Everything the event engine knows about the world, rebuilt from its market events.

Reproduces although it is wrong: spot ticks are kept in order of arrival, neither sorted nor
de-duplicated nor checked (D19, D28); a failed contract fetch wipes strikes with nulls (D21);
order is decided by whole seconds (D30); markets are never evicted (D29), so the maps grow with
the number of markets ever seen, while spot is bounded by `max_spot_points`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kairos.domain.profile_v1.coercion import Fields, truthy_timestamp
from kairos.domain.profile_v1.spot_history import SpotHistory, Tick


@dataclass(frozen=True, slots=True)
class Quote:
    """The last quote of a market, in cents; None is an empty side."""

    ts: int
    yes_bid: float | None
    yes_ask: float | None
    no_bid: float | None
    no_ask: float | None


@dataclass(frozen=True, slots=True)
class Market:
    """What lifecycle events said. Times are UNIX seconds."""

    ts_event: int
    status: str | None
    close_ts: int | None
    expected_expiration_ts: int | None
    expiration_ts: int | None
    settlement_ts: int | None


@dataclass(frozen=True, slots=True)
class Contract:
    """What contract events said. Strikes are dollars, times UNIX seconds."""

    ts_event: int
    ticker: str
    lower: float | None
    upper: float | None
    strike_type: str | None
    close_ts: int | None
    expected_expiration_ts: int | None
    expiration_ts: int | None
    settled_ts: int | None
    outcome: int | None


class LiveState:
    """The event engine's memory of one product and its markets.

    `last_good_sigma` is the fallback when no estimate can be made; `tick_edges` keeps it.
    """

    def __init__(self, max_spot_points: int, product_id: str = "BTC-USD") -> None:
        self.product_id = product_id
        self.spot_history = SpotHistory(max_spot_points)
        self.spot: Tick | None = None
        self.quotes: dict[str, Quote] = {}
        self.markets: dict[str, Market] = {}
        self.contracts: dict[str, Contract] = {}
        self.last_good_sigma: float | None = None

    def apply_spot(self, ts: int, price: float) -> None:
        """Append a last trade; it becomes the spot unless an earlier arrival is newer."""
        self.spot_history.append(ts, price)
        if self.spot is None or ts >= self.spot[0]:
            self.spot = (ts, price)

    def apply_quote(
        self,
        market_id: str,
        ts: int,
        *,
        yes_bid: float | None,
        yes_ask: float | None,
        no_bid: float | None,
        no_ask: float | None,
    ) -> None:
        """Replace the whole quote, unless what is held is newer; of equals the later wins."""
        held = self.quotes.get(market_id)
        if held is None or ts >= held.ts:
            self.quotes[market_id] = Quote(ts, yes_bid, yes_ask, no_bid, no_ask)

    def apply_lifecycle(
        self,
        market_id: str,
        ts_event: int,
        status: str,
        *,
        close_ts: int | None = None,
        expected_expiration_ts: int | None = None,
        expiration_ts: int | None = None,
        settlement_ts: int | None = None,
    ) -> None:
        """Set the status and whichever times are given, unless what is held is newer."""
        held = self.markets.get(market_id) or Market(ts_event, None, None, None, None, None)
        if ts_event < held.ts_event:
            return
        self.markets[market_id] = Market(
            ts_event,
            normal_status(status),
            _newer(close_ts, held.close_ts),
            _newer(expected_expiration_ts, held.expected_expiration_ts),
            _newer(expiration_ts, held.expiration_ts),
            _newer(settlement_ts, held.settlement_ts),
        )

    def apply_contract(
        self,
        ticker: str,
        ts_event: int,
        *,
        lower: float | None,
        upper: float | None,
        strike_type: str | None,
        close_ts: int | None = None,
        expected_expiration_ts: int | None = None,
        expiration_ts: int | None = None,
        settled_ts: int | None = None,
        outcome: int | None = None,
    ) -> None:
        """Overwrite the strikes even with nothing, the rest only with something."""
        held = self.contracts.get(ticker)
        if held is None:
            held = Contract(ts_event, ticker, None, None, None, None, None, None, None, None)
        if ts_event < held.ts_event:
            return
        self.contracts[ticker] = Contract(
            ts_event,
            ticker,
            lower,
            upper,
            strike_type,
            _newer(close_ts, held.close_ts),
            _newer(expected_expiration_ts, held.expected_expiration_ts),
            _newer(expiration_ts, held.expiration_ts),
            _newer(settled_ts, held.settled_ts),
            _newer(outcome, held.outcome),
        )

    def apply_payload(self, event_type: str, ts_event: int, payload: Fields) -> None:
        """Apply one validated market event (§ `contracts.build_event`); others change nothing."""
        if event_type == "spot_tick":
            if payload["product_id"] == self.product_id:
                self.apply_spot(payload["ts"], payload["price"])
        elif event_type == "quote_update":
            sides = {side: payload[side] for side in ("yes_bid", "yes_ask", "no_bid", "no_ask")}
            self.apply_quote(payload["market_id"], payload["ts"], **sides)
        elif event_type == "market_lifecycle":
            self.apply_lifecycle(ts_event=ts_event, **payload)
        elif event_type == "contract_update":
            self.apply_contract(ts_event=ts_event, **payload)

    def close_time(self, contract: Contract) -> int | None:
        """When the contract closes: its own times first, then the market's. Zero is missing."""
        market = self.markets.get(contract.ticker)
        own = (contract.close_ts, contract.expected_expiration_ts)
        if market is None:
            return truthy_timestamp(*own)
        return truthy_timestamp(
            *own, market.close_ts, market.expected_expiration_ts, market.settlement_ts
        )

    def open_contracts(self, status: str | None) -> Iterator[Contract]:
        """Contracts whose market has the status, or whose status nobody ever told."""
        wanted = normal_status(status) if status else None
        for contract in self.contracts.values():
            market = self.markets.get(contract.ticker)
            known = market.status if market is not None else None
            if wanted is None or known is None or known == wanted:
                yield contract


def normal_status(status: str) -> str:
    """Lower case, and `active` is called `open`."""
    text = status.strip().lower()
    return "open" if text == "active" else text


def _newer(given: int | None, held: int | None) -> int | None:
    return held if given is None else given
