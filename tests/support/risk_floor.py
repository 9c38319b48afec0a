"""An engine with a risk desk and two markets, and whatever a test does to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hotpath.account import Account
from hotpath.engine import Engine, EngineSettings
from hotpath.market import Market
from hotpath.spot import Spot
from kairos.bootstrap import ranges_of
from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.risk.trading_state import TradingState
from kairos.domain.risk.triggers import Signal, TriggerSettings
from kairos.messages.commands import (
    AmendOrder,
    CancelOrder,
    Command,
    OrderDenied,
    SubmitOrder,
    TimeInForce,
    TradingStateChanged,
)
from kairos.messages.events import (
    BookSnapshot,
    Event,
    MarketDefined,
    OrderAccepted,
    OrderClosed,
    OrderFilled,
    SpotTrade,
    TimerFired,
)
from tests.support.engine import SilentStrategy
from tests.support.risk import desk, risk_settings

SECOND = 1_000_000_000
START = 1_795_012_265 * SECOND
CONTRACT = 1_000_000
CLOSE = START + 24 * 3_600 * SECOND
A, B = "KXBTCD-26NOV1810-T80000", "KXBTCD-26NOV1810-T81000"
QUICK = TriggerSettings(start_healthy_seconds_min=0)
ACTIVE, REDUCING, HALTED = TradingState


class Wishful(SilentStrategy):
    """Asks on the next timer for what a test put into `wishes`, and has an estimate."""

    def __init__(self) -> None:
        super().__init__()
        self.wishes: list[Command] = []

    def on_timer(self, now_ns: int) -> Sequence[Command]:
        wishes, self.wishes = self.wishes, []
        return wishes

    def estimate(self, market: Market, now_ns: int) -> float | None:
        return 0.5


class Floor:
    """An engine with a desk, two markets with live books, and whatever the test does to them."""

    def __init__(
        self,
        triggers: TriggerSettings = QUICK,
        watched: Sequence[Signal] = (),
        wanted: TradingState = ACTIVE,
        cash: int = 1_000,
        **limits: int,
    ) -> None:
        engine_settings = EngineSettings(opening_cash=cash * CONTRACT)
        self.account = Account(engine_settings.ledger, engine_settings.opening_cash)
        spot = Spot()
        self.strategy = Wishful()
        self.desk = desk(self.account, spot, risk_settings(triggers, **limits), watched, wanted)
        self.engine = Engine(
            self.strategy, engine_settings, self.account, spot, self.desk, ranges_of
        )
        self.now_ns = START
        self.seq = self.number = 0
        for market in (A, B):
            strike = market.rpartition("T")[2] + ".00"
            self.hear(MarketDefined(START, market, "greater", strike, None, CLOSE, None))
            self.book(market, 4_900, 5_100)

    def hear(self, event: Event) -> Sequence[Command]:
        return self.engine.handle(event)

    def book(self, market: str, bid: int | None, ask: int | None) -> None:
        self.seq += 1
        yes = () if bid is None else ((bid, 1_000 * CONTRACT),)
        no = () if ask is None else ((10_000 - ask, 1_000 * CONTRACT),)
        self.hear(BookSnapshot(self.now_ns, "k", 1, self.seq, market, yes, no, None))

    def spot(self) -> None:
        self.seq += 1
        self.hear(SpotTrade(self.now_ns, "s", "BTC-USD", 80_000.0, None, self.now_ns))

    def pass_time(self, seconds: float = 1.0, *, quotes: bool = True) -> list[Command]:
        """Timers and, unless told otherwise, spot and books that go on being heard."""
        said: list[Command] = []
        for _ in range(max(int(seconds), 1)):
            self.now_ns += int(min(seconds, 1.0) * SECOND)
            if quotes:
                self.spot()
                self.book(A, 4_900, 5_100)
                self.book(B, 4_900, 5_100)
            said += self.hear(TimerFired(self.now_ns))
        return said

    def take_stock(self) -> Sequence[Command]:
        """The next timer at which the desk looks at everything, nothing else having changed."""
        self.now_ns += 10 * SECOND
        return self.hear(TimerFired(self.now_ns))

    def want(self, *orders: Command) -> list[Command]:
        """What becomes of orders the strategy asks for on a timer."""
        self.strategy.wishes = list(orders)
        return self.pass_time()

    def order(
        self, contracts: int = 10, *, market: str = A, price: int = 5_000,
        outcome: Outcome = Outcome.YES, action: Action = Action.BUY,
    ) -> SubmitOrder:  # fmt: skip
        self.number += 1
        return SubmitOrder(
            self.now_ns, f"o{self.number}", market, outcome, action, price, contracts * CONTRACT,
            TimeInForce.GTC, post_only=False, reduce_only=False,
        )  # fmt: skip

    def rest(self, contracts: int = 10, **more: Any) -> str:  # noqa: ANN401
        """An order that left and rests."""
        order = self.order(contracts, **more)
        assert order in self.want(order)
        self.hear(OrderAccepted(self.now_ns, order.client_order_id, "v" + order.client_order_id))
        return order.client_order_id

    def fill(
        self, name: str, contracts: int, price: int = 5_000, fee: int = 0
    ) -> Sequence[Command]:
        self.number += 1
        return self.hear(
            OrderFilled(self.now_ns, name, f"f{self.number}", price, contracts * CONTRACT, fee,
                        Liquidity.TAKER, "test")
        )  # fmt: skip

    def hold(self, contracts: int, market: str = A) -> None:
        name = self.rest(contracts, market=market)
        self.fill(name, contracts)
        self.hear(OrderClosed(self.now_ns, name, "filled"))

    def denied(self, *orders: Command) -> tuple[str, ...]:
        """Why none of the orders left."""
        said = self.want(*orders)
        assert not [each for each in said if isinstance(each, SubmitOrder | AmendOrder)]
        (denial,) = [each for each in said if isinstance(each, OrderDenied)]
        return denial.reasons


def kinds(said: Sequence[Command]) -> list[str]:
    return [type(each).__name__ for each in said]


def canceled(said: Sequence[Command]) -> list[str]:
    return [each.client_order_id for each in said if isinstance(each, CancelOrder)]


def states(said: Sequence[Command]) -> list[tuple[str, str]]:
    return [(each.state, each.reason) for each in said if isinstance(each, TradingStateChanged)]
