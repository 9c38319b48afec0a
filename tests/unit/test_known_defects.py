"""One test for each defect of the original system that concerns decoding, books, engine, session.

The defects of volatility (D1 to D4) are in `tests/unit/domain/test_volatility.py`, of fees (D8) in
the fee tests; here is the behaviour that replaces the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from hotpath.account import Account
from hotpath.assembly import kalshi_fees
from hotpath.engine import Engine, EngineSettings
from hotpath.spot import Spot
from hotpath.strategies.btc_edge import BtcEdge, BtcEdgeSettings
from kairos.bootstrap import LineDecoder, ranges_of
from kairos.domain.book import BookState
from kairos.domain.contract import contract
from kairos.domain.fair_value import probability, settlement_moments
from kairos.domain.instruments import Liquidity, Outcome
from kairos.domain.volatility import SECONDS_PER_YEAR
from kairos.messages.commands import Command, Decision, SubmitOrder
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    Event,
    IndexValue,
    InputQuarantined,
    MarketDefined,
    MarketDetermined,
    MarketTrading,
    OrderFilled,
    OrderRejected,
    SpotHeartbeat,
    SpotTrade,
    VenueQuote,
)
from tests.support import tape
from tests.support.engine import Replay
from tests.support.risk import desk
from tests.support.tape import MARKET, MS, SECOND, START_NS

CLOSE = START_NS + 600 * SECOND
STRIKE = 81_000.0
CONTRACT = 1_000_000


class Desk:
    """Engine and v2 strategy on hand-made events; remembers every decision and order."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401
        self.now_ns = START_NS
        self.said: list[Command] = []
        engine_settings = EngineSettings()
        account = Account(engine_settings.ledger, engine_settings.opening_cash)
        spot = Spot()
        strategy = BtcEdge(
            replace(BtcEdgeSettings(), **settings), account, spot, lambda m, t: kalshi_fees(m, t)
        )
        self.engine = Engine(strategy, engine_settings, account, spot, desk(account), ranges_of)
        self._trade = 0
        self._seq = 0

    def handle(self, event: Event) -> Sequence[Command]:
        said = self.engine.handle(event)
        self.said.extend(said)
        return said

    def at(self, seconds: float) -> None:
        self.now_ns = START_NS + int(seconds * SECOND)

    def define(self, market: str = MARKET, strike: float = STRIKE, close_ns: int = CLOSE) -> None:
        self.handle(
            MarketDefined(
                self.now_ns, market, "greater_or_equal", f"{strike:.2f}", None, close_ns, None
            )
        )

    def book(self, bid: int | None, ask: int | None, size: int = 100, market: str = MARKET) -> None:
        """A fresh snapshot with one level a side."""
        self._seq += 1
        yes = () if bid is None else ((bid, size * CONTRACT),)
        no = () if ask is None else ((10_000 - ask, size * CONTRACT),)
        self.handle(BookSnapshot(self.now_ns, "k", 2, self._seq, market, yes, no, None))

    def delta(self, leg: int, price: int, contracts: int, market: str = MARKET) -> None:
        self._seq += 1
        self.handle(
            BookDelta(
                self.now_ns, "k", 2, self._seq, market, leg, price, contracts * CONTRACT, None, None
            )
        )

    def spot(self, price: float) -> None:
        self._trade += 1
        self.handle(SpotTrade(self.now_ns, "s", "BTC-USD", price, self._trade, self.now_ns))

    def warm_up(self, seconds: int = 180, price: float = STRIKE) -> None:
        """A calm spot until the volatility is ready."""
        for second in range(seconds):
            self.at(second)
            self.spot(price + second % 3)

    @property
    def decisions(self) -> list[Decision]:
        return [said for said in self.said if isinstance(said, Decision)]

    @property
    def orders(self) -> list[SubmitOrder]:
        return [said for said in self.said if isinstance(said, SubmitOrder)]

    def last(self) -> Decision:
        return self.decisions[-1]


def ready(**settings: Any) -> Desk:  # noqa: ANN401
    """A warm desk with a defined market and a fair book."""
    desk = Desk(**settings)
    desk.define()
    desk.warm_up()
    desk.book(4_900, 5_100)
    return desk


def test_the_settlement_is_an_average_of_a_minute_not_the_last_price() -> None:
    """D5: the variance is that of the mean of 60 prints, about T - 40 s, and the realised part of
    the last minute is fixed."""
    sigma, spot = 0.5, 80_000.0
    rate = sigma * sigma * spot * spot / SECONDS_PER_YEAR
    for seconds, factor in ((240.0, 0.913), (600.0, 0.966), (3_600.0, 0.994)):
        _, variance = settlement_moments(spot, seconds, 0.0, 0, sigma)
        assert math.sqrt(variance / (rate * seconds)) == pytest.approx(factor, abs=0.002)
    mean, variance = settlement_moments(spot, 9.5, 50 * (spot + 60), 50, sigma)
    sure, _ = probability(spot + 20, math.inf, mean, variance, 1.0, 0.0)
    assert sure > 0.99, "fifty prints 60 dollars up leave ten no chance"


def test_the_index_is_preferred_to_the_proxy_in_the_last_minute() -> None:
    """D5: Kalshi streams the settlement index; its prints are the settlement."""
    desk = ready()
    desk.at(541)
    desk.spot(STRIKE)
    for second in range(541, 600):
        desk.at(second)
        desk.book(4_900, 5_100)
        desk.handle(SpotHeartbeat(desk.now_ns, "s", "BTC-USD", desk._trade, desk.now_ns))
        desk.handle(IndexValue(desk.now_ns, "k", "BRTI", STRIKE + 50.0, desk.now_ns))
    likely = desk.last().probability
    assert likely is not None
    assert likely > 0.999, "the proxy at the strike says nothing against it"


def test_strict_and_inclusive_strikes_are_kept_apart() -> None:
    """D6: "above 72 749.99" and "at least 72 749.99" differ at 72 749.99."""
    above = contract("A", "greater", "72749.99", None, 0)
    at_least = contract("B", "greater_or_equal", "72749.99", None, 0)
    assert above.outcome("72749.99") is Outcome.NO
    assert at_least.outcome("72749.99") is Outcome.YES
    assert at_least.lower < 72_749.99 < above.lower


def test_strike_types_nobody_can_judge_are_refused_not_guessed() -> None:
    """D6: functional, custom and structured strikes were inferred from whatever was there."""
    replay = Replay().feed(
        tape.line(
            tape.lifecycle(
                "created", strike_type="functional", floor_strike=1, close_ts=1_795_014_000
            )
        )
    )
    assert replay.quarantined == {"unsupported_strike_type": 1}
    assert replay.engine.markets[MARKET].contract is None


def test_an_outcome_is_never_the_payout_compared_with_a_strike() -> None:
    """D7: a YES settled at 100 cents was read as a bitcoin price of 100, below any strike."""
    decoder = LineDecoder()
    frame = tape.lifecycle("determined", result="yes", settlement_value="1.0000")
    _, event = decoder.decode(tape.line(frame))  # type: ignore[misc]
    assert isinstance(event, MarketDetermined)
    assert event.outcome is Outcome.YES


def test_the_last_change_is_never_lost_to_a_throttle() -> None:
    """D12: of two changes within ten seconds the second is the one that is priced."""
    desk = ready()
    desk.at(181)
    desk.book(4_800, 5_000)
    desk.at(181.001)
    desk.book(4_500, 4_700)
    assert (desk.last().yes_bid, desk.last().yes_ask) == (4_500, 4_700)
    assert desk.last().ts_ns == desk.now_ns


def test_a_quiet_market_on_a_live_connection_is_not_stale() -> None:
    """D12: quotes that did not change went stale, because only changes were heard."""
    desk = ready()
    desk.define("KXBTC15M-QUIET")
    desk.book(4_900, 5_100, market="KXBTC15M-QUIET")
    for second in range(181, 240):
        desk.at(second)
        desk.delta(0, 1_000, 1)  # another market of the same sid
        desk.handle(SpotHeartbeat(desk.now_ns, "s", "BTC-USD", desk._trade, desk.now_ns))
    desk.spot(STRIKE + 5)
    quiet = [each for each in desk.decisions if each.market == "KXBTC15M-QUIET"][-1]
    assert "book_stale" not in quiet.reasons
    assert "spot_stale" not in quiet.reasons


def test_ages_are_measured_when_a_decision_is_made() -> None:
    """D13: a snapshot's age was frozen; data 70 s old were acted on as fresh."""
    desk = ready()
    desk.at(181)
    desk.spot(STRIKE + 1)
    assert "book_stale" not in desk.last().reasons
    desk.at(215)
    desk.spot(STRIKE + 2)
    assert desk.last().reasons == ("book_stale",)
    desk.at(230)
    desk.book(4_800, 5_000)
    assert desk.last().reasons == ("spot_stale",)


def test_a_market_is_evaluated_once_for_each_change() -> None:
    """D14: the same moment was evaluated again and again, so a limit per tick leaked."""
    desk = ready()
    before = len(desk.decisions)
    desk.at(181)
    desk.book(4_800, 5_000)
    desk.delta(0, 1_000, 1)  # deep: nothing that is priced has changed
    desk.spot(STRIKE + 1)
    assert len(desk.decisions) == before + 2


def test_a_take_that_is_refused_is_no_position() -> None:
    """D15: a decision to take blocked the market until settlement, executed or not."""
    desk = ready(min_ev=0.01)
    desk.at(181)
    desk.book(2_800, 3_000)
    (order,) = desk.orders
    market = desk.engine.markets[MARKET]
    assert market.in_flight == 1
    desk.handle(OrderRejected(desk.now_ns, order.client_order_id, "insufficient_funds"))
    assert (market.in_flight, market.yes_held, desk.engine.account.exposure) == (0, 0, 0)
    desk.at(205)
    desk.spot(STRIKE + 1)
    assert len(desk.orders) == 2


def test_positions_come_from_fills_alone() -> None:
    """D15: decision and execution kept separate books that drifted apart."""
    desk = ready(min_ev=0.01)
    desk.at(181)
    desk.book(2_800, 3_000)
    (order,) = desk.orders
    bought = 4 * CONTRACT
    desk.handle(
        OrderFilled(
            desk.now_ns,
            order.client_order_id,
            "f1",
            3_000,
            bought,
            60_000,
            Liquidity.TAKER,
            "depth",
        )
    )
    assert desk.engine.markets[MARKET].yes_held == 4 * CONTRACT
    assert desk.engine.account.ledger.held(MARKET, Outcome.YES) == 4 * CONTRACT


@pytest.mark.parametrize(("bid", "ask", "known", "missing"), [
    (None, 5_000, "ev_yes", "ev_no"), (4_800, None, "ev_no", "ev_yes"),
])  # fmt: skip
def test_a_one_sided_market_is_evaluated_and_recorded(
    bid: int | None, ask: int | None, known: str, missing: str
) -> None:
    """D16: a market with one side empty vanished, because both EVs were required."""
    desk = ready()
    desk.at(181)
    desk.book(bid, ask)
    decision = desk.last()
    assert decision.ts_ns == desk.now_ns
    assert getattr(decision, known) is not None
    assert getattr(decision, missing) is None


def test_an_empty_market_is_recorded_with_its_reason() -> None:
    """D16: nothing to trade is a decision, too."""
    desk = ready()
    desk.at(181)
    desk.book(None, None)
    assert "no_ask" in desk.last().reasons
    assert (desk.last().ev_yes, desk.last().ev_no, desk.last().ev_net) == (None, None, None)


def test_what_is_taken_is_what_the_evidence_on_record_says() -> None:
    """D17: the check that EV follows from probability, price and fee never saw its inputs."""
    desk = ready(min_ev=0.01)
    desk.at(181)
    desk.book(2_800, 3_000)
    taken = desk.last()
    assert (taken.verdict, taken.reasons) == ("TAKE", ())
    assert taken.probability is not None
    assert taken.uncertainty is not None
    fee = 0.07 * 0.3 * 0.7
    assert taken.ev_yes == pytest.approx(taken.probability - 0.30 - fee, abs=2e-4)
    haircut = taken.uncertainty + BtcEdgeSettings().cost_buffer
    assert taken.ev_yes is not None
    assert taken.ev_net is not None
    assert taken.ev_net == pytest.approx(taken.ev_yes - haircut)
    assert taken.ev_net >= 0.01


def test_passes_are_recorded_with_their_reasons_in_order() -> None:
    """D18: only takes were published, so nobody could learn from what was not taken."""
    desk = ready()
    desk.at(181)
    desk.book(4_000, 6_000, size=1)
    decision = desk.last()
    assert decision.verdict == "PASS"
    assert decision.reasons == ("spread_too_wide", "ev_below_threshold")
    assert decision.probability is not None


def test_a_wild_spot_print_moves_no_price() -> None:
    """D19: nothing asked whether a spot price could be true."""
    desk = ready()
    before = desk.last().spot
    desk.at(181)
    desk.spot(STRIKE * 10)
    desk.at(181.5)
    desk.book(4_800, 5_000)
    assert desk.last().spot == before
    assert desk.engine.spot.outliers == 1


def test_a_wild_index_print_moves_no_price() -> None:
    """D19: one print of the index at a tenth of the price makes a basis of minus 73 000 dollars."""
    desk = ready()
    before = desk.last().spot
    assert before is not None
    desk.at(181)
    desk.handle(IndexValue(desk.now_ns, "k", "BRTI", STRIKE / 10, desk.now_ns))
    desk.book(4_800, 5_000)
    assert desk.last().spot == pytest.approx(before, rel=0.01)


def test_another_assets_index_is_not_bitcoins() -> None:
    """D19: the channel carries every index that was asked for."""
    desk = ready()
    before = desk.last().spot
    desk.at(181)
    desk.handle(IndexValue(desk.now_ns, "k", "ETHUSD_RTI", 2_000.0, desk.now_ns))
    desk.book(4_800, 5_000)
    assert desk.last().spot == before


def test_a_contract_on_another_asset_is_not_priced_from_bitcoin() -> None:
    """D19: an ether strike of 2 000 looks certain beside a spot of 81 000."""
    desk = ready()
    desk.define("KXETH15M-26NOV181000-00", 2_000.0)
    desk.book(4_900, 5_100, market="KXETH15M-26NOV181000-00")
    assert not [order for order in desk.orders if order.market.startswith("KXETH")]


def test_a_crossed_book_is_never_traded_on() -> None:
    """D19: a bid above the ask is a moment between two messages."""
    desk = ready()
    desk.at(181)
    desk.book(5_100, 2_900)
    assert "book_crossed" in desk.last().reasons
    assert desk.orders == []


def test_a_market_that_reopens_is_open() -> None:
    """D20: of open, closed, open the third was dropped as a duplicate of the first."""
    desk = ready()
    market = desk.engine.markets[MARKET]
    seen = []
    for active in (True, False, True):
        desk.handle(MarketTrading(desk.now_ns, MARKET, active))
        seen.append(market.is_open(desk.now_ns))
    assert seen == [True, False, True]
    desk.at(181)
    desk.spot(STRIKE + 1)
    assert desk.last().ts_ns == desk.now_ns, "and it is priced again"


def test_a_strike_corrected_at_the_same_times_is_taken() -> None:
    """D20: the key of an update left the bounds out, so a correction was a duplicate."""
    desk = ready()
    desk.define(strike=STRIKE + 500)
    made = desk.engine.markets[MARKET].contract
    assert made is not None
    assert made.lower == pytest.approx(STRIKE + 500 - 0.005)


def test_nothing_said_about_a_contract_is_not_taken_for_nothing_known() -> None:
    """D21: a failed fetch published nulls, and the market vanished."""
    desk = ready()
    before = desk.engine.markets[MARKET].contract
    desk.handle(MarketDefined(desk.now_ns, MARKET, None, None, None, None, None))
    assert desk.engine.markets[MARKET].contract == before
    desk.at(181)
    desk.spot(STRIKE + 1)
    assert desk.last().probability is not None


def test_older_news_does_not_replace_newer() -> None:
    """D22: an older quote overwrote a newer one; books go by sequence, spot by trade id."""
    desk = ready()
    desk.at(181)
    for contracts in (10, 20, 30):
        desk.delta(0, 4_800, contracts)
    late = BookDelta(
        desk.now_ns, "k", 2, desk._seq - 1, MARKET, 0, 4_800, 999 * CONTRACT, None, None
    )
    desk.handle(late)
    assert desk.engine.markets[MARKET].book.quantity_at(0, 4_800) == 60 * CONTRACT
    desk.spot(STRIKE + 1)
    desk.handle(SpotTrade(desk.now_ns, "s", "BTC-USD", STRIKE - 1, desk._trade - 1, START_NS))
    assert desk.engine.spot.price == STRIKE + 1


def test_spot_ticks_out_of_order_or_again_do_not_unready_the_volatility() -> None:
    """D28: a replayed tick broke the test of the span, and sigma was lost."""
    desk = ready()
    desk.at(181)
    assert desk.last().sigma is not None
    for number in (5, 3, 170, 170, 1):
        desk.handle(SpotTrade(START_NS, "s", "BTC-USD", STRIKE, number, START_NS))
    desk.spot(STRIKE + 1)
    assert "sigma_not_ready" not in desk.last().reasons


def test_a_busy_spot_does_not_starve_the_volatility() -> None:
    """D28: above five ticks a second a cap on rows left too short a span."""
    desk = Desk()
    desk.define()
    for tick in range(20_000):
        desk.at(tick / 100)
        desk.spot(STRIKE + tick % 3)
    desk.book(4_900, 5_100)
    assert "sigma_not_ready" not in desk.last().reasons


def test_what_is_over_is_let_go() -> None:
    """D29: state was never evicted."""
    desk = Desk()
    strategy = desk.engine.strategy
    assert isinstance(strategy, BtcEdge)
    for window in range(200):
        desk.at(window * 900)
        name = f"KXBTC15M-{window}"
        desk.define(name, close_ns=desk.now_ns + 900 * SECOND)
        desk.handle(MarketDetermined(desk.now_ns, name, Outcome.YES, "lifecycle"))
    assert len(strategy.active) == 0


def test_events_within_a_second_keep_their_order_and_their_time() -> None:
    """D30: whole seconds left no order inside them; orders had the same key."""
    desk = ready()
    for step in range(3):
        desk.at(181 + step / 1_000)
        desk.book(4_900 - 100 * step, 5_100 - 100 * step)
    times = [each.ts_ns for each in desk.decisions[-3:]]
    assert times == [START_NS + 181 * SECOND + step * MS for step in range(3)]
    assert [each.yes_bid for each in desk.decisions[-3:]] == [4_900, 4_800, 4_700]


def test_a_lost_message_is_noticed() -> None:
    """D34: without sequence numbers a lost change stayed in the book for good."""
    replay = Replay().feed(
        tape.line(tape.snapshot(1, [("0.4400", "13.00")], [("0.5300", "20.00")])),
        tape.line(tape.delta(3, "0.4500", "1.00")),
    )
    assert replay.book(MARKET).state is BookState.GAPPED


def test_todays_messages_are_read_and_yesterdays_names_are_not_made_up() -> None:
    """D37: against today's field names the original would see no ask and never trade, silently."""
    decoder = LineDecoder()
    quote = decoder.decode(tape.line(tape.ticker("0.4500", "0.5300")))
    assert isinstance(quote, VenueQuote)
    assert (quote.yes_bid, quote.yes_ask) == (4_500, 5_300)
    old = tape.ticker("0.4500", "0.5300")
    old["msg"] = {"market_ticker": MARKET, "yes_bid": 45, "yes_ask": 53, "price": 53, "ts": 1}
    (refused,) = decoder.decode(tape.line(old))  # type: ignore[misc]
    assert isinstance(refused, InputQuarantined)
    assert refused.reason == "missing_field"
