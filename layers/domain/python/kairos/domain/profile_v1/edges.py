"""One market's edge: its probability, what each side is worth, and the row that records it.

Reproduces although it is wrong: the horizon runs from the spot tick, so stale spot lengthens it;
a crossed market is only flagged; EVs are totals for n contracts (D9); `settlement_ts` in every
row is the close time (D38).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kairos.domain.profile_v1.coercion import Fields, to_float, truthy_timestamp
from kairos.domain.profile_v1.fees import take_ev
from kairos.domain.profile_v1.probability import Probability, Terminal, probability_yes
from kairos.domain.profile_v1.quotes import is_crossed


@dataclass(frozen=True, slots=True)
class EdgeInputs:
    """What every market of a tick is priced with. Times are UNIX seconds."""

    now_ts: int
    spot_ts: int
    spot_price: float
    sigma: float
    contracts: int


@dataclass(frozen=True, slots=True)
class Asks:
    """A quote in cents as priced; a side that may not be traded has no ask."""

    ts: int | None
    yes_bid: float | None
    yes_ask: float | None
    no_bid: float | None
    no_ask: float | None


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """A priced market. EVs are dollars for the whole order; `evidence` becomes its `raw_json`."""

    ts: int
    market_id: str
    settlement_ts: int
    horizon_seconds: int
    spot_price: float
    sigma_annualized: float
    prob_yes: float
    asks: Asks
    ev_take_yes: float | None
    ev_take_no: float | None
    evidence: dict[str, Any]

    def row(self) -> dict[str, Any]:
        """The record as the original writes it."""
        return {
            "ts": self.ts,
            "market_id": self.market_id,
            "settlement_ts": self.settlement_ts,
            "horizon_seconds": self.horizon_seconds,
            "spot_price": self.spot_price,
            "sigma_annualized": self.sigma_annualized,
            "prob_yes": self.prob_yes,
            "yes_bid": self.asks.yes_bid,
            "yes_ask": self.asks.yes_ask,
            "no_bid": self.asks.no_bid,
            "no_ask": self.asks.no_ask,
            "ev_take_yes": self.ev_take_yes,
            "ev_take_no": self.ev_take_no,
            "raw_json": self.evidence,
        }


def read_asks(quote: Fields) -> Asks:
    """A quote object with whatever `float()` accepts as its prices."""
    return Asks(
        quote.get("ts"),
        to_float(quote.get("yes_bid")),
        to_float(quote.get("yes_ask")),
        to_float(quote.get("no_bid")),
        to_float(quote.get("no_ask")),
    )


def decision_time(contract: Fields) -> int | None:
    """When the contract is decided: close, else expected expiration, else settlement time."""
    return truthy_timestamp(
        contract.get("close_ts"),
        contract.get("expected_expiration_ts"),
        contract.get("settlement_ts"),
    )


def compute_edge(
    contract: Fields,
    asks: Asks,
    inputs: EdgeInputs,
    *,
    horizon_seconds: int | None = None,
    selection_horizon_seconds: int | None = None,
) -> EdgeRow | None:
    """Price one market; None without a ticker, a close time, a probability, or any EV.

    Without `horizon_seconds` the horizon runs from the spot tick to the close.
    """
    ticker = contract.get("ticker") or contract.get("market_id")
    closes = decision_time(contract)
    if not isinstance(ticker, str) or closes is None:
        return None
    remaining = closes - inputs.spot_ts if horizon_seconds is None else horizon_seconds
    horizon = max(remaining, 0)
    probability = probability_yes(
        contract.get("strike_type"),
        contract.get("lower"),
        contract.get("upper"),
        Terminal(inputs.spot_price, inputs.sigma, horizon),
    )
    if probability is None:
        return None
    ev_yes = take_ev(probability.clamped, asks.yes_ask, inputs.contracts)
    ev_no = take_ev(1.0 - probability.clamped, asks.no_ask, inputs.contracts)
    if ev_yes is None and ev_no is None:
        return None
    evidence = _evidence(contract, asks, probability, horizon, selection_horizon_seconds)
    return EdgeRow(
        inputs.now_ts,
        ticker,
        closes,
        horizon,
        inputs.spot_price,
        inputs.sigma,
        probability.clamped,
        asks,
        ev_yes,
        ev_no,
        evidence,
    )


def _evidence(
    contract: Fields,
    asks: Asks,
    probability: Probability,
    horizon: int,
    selection_horizon_seconds: int | None,
) -> dict[str, Any]:
    return {
        "quote_ts": asks.ts,
        "strike_type": contract.get("strike_type"),
        "lower": contract.get("lower"),
        "upper": contract.get("upper"),
        "prob_horizon_seconds": horizon,
        "selection_horizon_seconds": selection_horizon_seconds,
        "prob_yes_raw": probability.raw,
        "prob_yes_clamped": probability.clamped,
        "yes_ask_boundary": asks.yes_ask in (0.0, 100.0),
        "no_ask_boundary": asks.no_ask in (0.0, 100.0),
        "crossed_market": is_crossed(asks.yes_ask, asks.no_ask),
    }
