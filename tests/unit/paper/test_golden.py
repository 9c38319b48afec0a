"""One session worked out by hand, to the nanosecond and the micro-dollar."""

from __future__ import annotations

from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.messages.commands import TimeInForce
from kairos.messages.events import OrderAccepted, OrderClosed, OrderFilled
from tests.support.paper import CONTRACT, MARKET, MS, Session


def test_a_session_worked_out_by_hand() -> None:
    """Orders reach the venue after 100 ms and are heard of 10 ms later.

    Fees: 7 % of contracts x price x (1 - price) to take, 1.75 % to make, each fill raised to
    $0.0001; every notional is a multiple of $0.0001, so rounding adds nothing.
    """
    session = Session()
    session.snapshot(yes=[(45, 100), (44, 50)], no=[(50, 10), (48, 4), (40, 30)])
    session.buy("entry", 52, 20)
    session.at(150).no(50, -10)
    session.at(160).no(48, -4)
    session.at(200).yes(52, 7)  # joins behind our remaining 6
    session.at(250).trade(52, 2, taker=Outcome.NO)
    session.at(251).yes(52, -2)  # the same 2 contracts
    session.at(300).cancel("entry")
    session.at(350).trade(51, 3, taker=Outcome.NO)  # through our price
    session.at(420).wait(0)
    session.submit("hedge", Action.BUY, Outcome.NO, 48, 6, TimeInForce.IOC)
    session.at(2_000).wait(0)

    taker, maker = Liquidity.TAKER, Liquidity.MAKER
    entry, hedge = "paper-realistic-1", "paper-realistic-2"
    assert session.reports == [
        OrderAccepted(110 * MS, "entry", entry),
        # 0.07 x 10 x 0.50 x 0.50 = 0.1750
        OrderFilled(
            110 * MS, "entry", f"{entry}-1", 5_000, 10 * CONTRACT, 175_000, taker, "book_cross"
        ),
        # 0.07 x 4 x 0.52 x 0.48 = 0.069888
        OrderFilled(
            110 * MS, "entry", f"{entry}-2", 5_200, 4 * CONTRACT, 69_900, taker, "book_cross"
        ),
        # 0.0175 x 2 x 0.52 x 0.48 = 0.008736
        OrderFilled(260 * MS, "entry", f"{entry}-3", 5_200, 2 * CONTRACT, 8_800, maker, "queue"),
        # 0.0175 x 3 x 0.52 x 0.48 = 0.013104
        OrderFilled(
            360 * MS, "entry", f"{entry}-4", 5_200, 3 * CONTRACT, 13_200, maker, "trade_through"
        ),
        OrderClosed(410 * MS, "entry", "canceled"),
        OrderAccepted(530 * MS, "hedge", hedge),
        # The 5 left of the bid at 52 are 5 NO at 48: 0.07 x 5 x 0.48 x 0.52 = 0.08736
        OrderFilled(
            530 * MS, "hedge", f"{hedge}-1", 4_800, 5 * CONTRACT, 87_400, taker, "book_cross"
        ),
        OrderClosed(530 * MS, "hedge", "immediate_or_cancel_remainder"),
    ]
    assert session.venue.holdings.positions == {MARKET: 14 * CONTRACT}
