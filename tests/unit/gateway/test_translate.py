"""A venue with one book tells a sale as a purchase of the other outcome; we book what we asked."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hotpath.gateway.translate import order_fill, terms_of
from kairos.domain.instruments import Action, Liquidity, Outcome, Venue
from kairos.domain.units import notional
from kairos.messages.trading import FillState, OrderStatus, VenueFill, VenueOrder
from kairos.services.breaks import OurOrder, Ours, ReconcileSettings, Theirs, compare
from tests.support.gateway import CONTRACT, MARKET, buy

SELL = msgspec.structs.replace(buy("c1", 3, 6_000), action=Action.SELL)
SETTINGS = ReconcileSettings(cash_excludes_resting=False, cash_tolerance=0)


def told(price: int, quantity: int) -> VenueFill:
    return VenueFill(
        Venue.KALSHI, "f1", "v1", None, MARKET, Outcome.NO, Action.BUY, price, quantity,
        notional(price, quantity), 0, Liquidity.TAKER, FillState.FINAL, 1,
    )  # fmt: skip


def resting(price: int) -> VenueOrder:
    return VenueOrder(
        Venue.KALSHI, "v1", "c1", MARKET, Outcome.NO, Action.BUY, price, 3 * CONTRACT, 0,
        OrderStatus.RESTING, "", None, None, None,
    )  # fmt: skip


@given(st.integers(1, 9_999), st.integers(1, 10**9).map(lambda size: size * 10_000))
def test_a_sale_brings_what_the_purchase_of_the_other_outcome_leaves_of_a_dollar(
    price: int, quantity: int
) -> None:
    fill = order_fill(told(price, quantity), SELL)
    assert fill.price == 10_000 - price
    assert fill.notional is not None
    assert fill.notional + notional(price, quantity) == quantity


def test_a_purchase_is_booked_as_it_is_told() -> None:
    fill = msgspec.structs.replace(told(4_000, CONTRACT), outcome=Outcome.YES)
    assert order_fill(fill, buy("c1", 1, 4_000)).price == 4_000
    assert order_fill(fill, buy("c1", 1, 4_000)).notional == 400_000


def test_a_resting_sale_that_the_venue_calls_a_purchase_is_the_same_order() -> None:
    terms = terms_of(resting(4_000), SELL)
    assert terms is not None
    assert terms.price == 6_000
    mine = OurOrder("c1", "v1", MARKET, Outcome.YES, Action.SELL, 6_000, 3 * CONTRACT, 0, True)
    ours = Ours((mine,), lambda _fill: True, {}, frozenset(), {}, 0, 0)
    theirs = Theirs((resting(4_000),), (), {}, 0)
    assert not list(compare(ours, theirs, SETTINGS))
    theirs = theirs._replace(orders=(resting(4_100),))
    assert [each.kind for each in compare(ours, theirs, SETTINGS)] == ["order_differs"]
