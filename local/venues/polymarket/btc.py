"""A Bitcoin session on the simulated Polymarket: an up-or-down market every quarter of an hour."""

from __future__ import annotations

from typing import Final

from kairos.domain.grid import grid
from kairos.domain.instruments import Outcome
from kairos.domain.units import NANOSECONDS_PER_SECOND, PRICE_PER_DOLLAR
from local.market_generator.chance import Chance
from local.market_generator.contracts import Contract
from local.venues.btc.agenda import Agenda
from local.venues.btc.session import BtcSession
from local.venues.core.flow import FlowSettings, SeededFlow
from local.venues.polymarket.markets import MarketSpec, Status, ids_of
from local.venues.polymarket.server import PolymarketServer

SERIES: Final = "btc-up-or-down-15m"
_ACTIONS_PER_SECOND: Final = 15.0
# Marketable orders in these markets wait, so that makers can get away.
_DELAY_NS: Final = NANOSECONDS_PER_SECOND // 4


def list_session(venue: PolymarketServer, session: BtcSession, activity: float = 1.0) -> None:
    """Plan every quarter hour of the session on the venue."""
    venue.features.append(Agenda(session, _Host(venue, session, activity)))


def market_spec(contract: Contract) -> MarketSpec:
    slug = f"btc-updown-15m-{contract.open_ns // NANOSECONDS_PER_SECOND}"
    condition, yes, no = ids_of(slug)
    return MarketSpec(
        condition, yes, no, "Bitcoin Up or Down", slug, contract.open_ns, contract.close_ns,
        delay_ns=_DELAY_NS, labels=("Up", "Down"), series=SERIES,
    )  # fmt: skip


class _Host:
    """See `local.venues.btc.agenda.Host`."""

    def __init__(self, venue: PolymarketServer, session: BtcSession, activity: float) -> None:
        self._exchange = venue.exchange
        self._session = session
        self._rate = _ACTIONS_PER_SECOND * activity
        self._chance = Chance(session.settings.seed + 137)

    def list_contract(self, contract: Contract) -> None:
        self._exchange.add_market(market_spec(contract), Status.UNOPENED)

    def open_contract(self, contract: Contract, now_ns: int) -> None:
        market = self._exchange.markets[market_spec(contract).condition_id]
        market.status = Status.OPEN

        def fair(_market: str, at_ns: int) -> float:
            return self._session.fair(contract.ticker, at_ns)

        self._exchange.flows[market.id] = SeededFlow(
            market.id, grid(((0, PRICE_PER_DOLLAR, market.tick),)), fair, self._exchange.desk,
            FlowSettings(self._rate), Chance(self._chance.bits(64)), now_ns,
        )  # fmt: skip

    def close_contract(self, contract: Contract) -> None:
        self._exchange.close(self._exchange.markets[market_spec(contract).condition_id])

    def settle_contract(self, contract: Contract, outcome: Outcome) -> None:
        market = self._exchange.markets[market_spec(contract).condition_id]
        self._exchange.resolve(market, outcome)
