"""The spot: no trade twice, no wild print, no other product, losses counted."""

from __future__ import annotations

from hotpath.spot import Spot
from kairos.messages.events import SpotHeartbeat, SpotTrade


def trade(price: float, number: int | None, product: str = "BTC-USD") -> SpotTrade:
    return SpotTrade(0, "s", product, price, number, 0)


def beat(last: int, product: str = "BTC-USD") -> SpotHeartbeat:
    return SpotHeartbeat(0, "s", product, last, 0)


def heard(*trades: SpotTrade) -> tuple[Spot, list[bool]]:
    spot = Spot()
    return spot, [spot.take(each, at) for at, each in enumerate(trades, 1)]


def test_a_trade_told_twice_counts_once() -> None:
    """The ticker and the match tell the same trade."""
    spot, taken = heard(trade(100.0, 7), trade(100.0, 7), trade(101.0, 8), trade(99.0, 7))
    assert taken == [True, False, True, False]
    assert (spot.price, spot.duplicates, spot.missed) == (101.0, 2, 0)


def test_trades_never_heard_are_counted() -> None:
    spot, _ = heard(trade(100.0, 7), trade(100.0, 11))
    assert spot.missed == 3


def test_a_single_wild_print_is_an_outlier() -> None:
    spot, taken = heard(trade(100.0, 1), trade(10.0, 2), trade(100.1, 3))
    assert taken == [True, False, True]
    assert (spot.price, spot.outliers) == (100.1, 1)


def test_a_real_jump_is_believed_when_it_is_confirmed() -> None:
    spot, taken = heard(*(trade(90.0 + n / 100, n + 2) for n in range(3)))
    spot, taken = heard(trade(100.0, 1), trade(90.0, 2), trade(90.1, 3), trade(90.0, 4))
    assert taken == [True, False, False, True]
    assert spot.price == 90.0


def test_wild_prints_that_disagree_confirm_nothing() -> None:
    spot, taken = heard(
        trade(100.0, 1), trade(90.0, 2), trade(120.0, 3), trade(90.0, 4), trade(120.0, 5)
    )
    assert taken == [True, False, False, False, False]
    assert spot.price == 100.0


def test_a_good_print_between_wild_ones_starts_the_doubt_over() -> None:
    _, taken = heard(
        trade(100.0, 1), trade(90.0, 2), trade(90.0, 3), trade(100.0, 4), trade(90.0, 5)
    )
    assert taken[-1] is False


def test_an_outlier_does_not_keep_the_feed_fresh() -> None:
    spot, _ = heard(trade(100.0, 1), trade(10.0, 2))
    assert spot.heard_ns == 1


def test_another_product_is_not_the_underlying() -> None:
    """A capture may hold several; three prints of another in a row would else become the price."""
    spot, taken = heard(
        trade(80_000.0, 9_000), *(trade(2_000.0, n, "ETH-USD") for n in range(4)),
        trade(80_001.0, 9_001),
    )  # fmt: skip
    assert taken == [True, False, False, False, False, True]
    assert (spot.price, spot.other_products, spot.missed) == (80_001.0, 4, 0)
    spot.heartbeat(beat(99_999, "ETH-USD"), 50)
    assert (spot.missed, spot.heard_ns) == (0, 6)


def test_a_heartbeat_keeps_a_quiet_spot_fresh() -> None:
    spot, _ = heard(trade(100.0, 7))
    spot.heartbeat(beat(7), 50)
    assert spot.heard_ns == 50


def test_a_heartbeat_that_knows_more_does_not_keep_it_fresh() -> None:
    spot, _ = heard(trade(100.0, 7))
    spot.heartbeat(beat(9), 50)
    assert (spot.heard_ns, spot.missed) == (1, 2)


def test_a_trade_that_a_heartbeat_announced_is_still_taken() -> None:
    """Channels of one feed overtake each other: the trade itself may come after."""
    spot, _ = heard(trade(100.0, 7))
    spot.heartbeat(beat(9), 50)
    assert [spot.take(trade(101.0, n), 60) for n in (8, 9)] == [True, True]
    assert (spot.price, spot.missed, spot.duplicates) == (101.0, 0, 0)


def test_a_heartbeat_before_any_trade_makes_no_price() -> None:
    spot = Spot()
    spot.heartbeat(beat(9), 50)
    assert (spot.price, spot.heard_ns, spot.missed) == (None, 0, 0)


def test_one_absurd_number_does_not_silence_the_feed() -> None:
    spot, taken = heard(trade(100.0, 7), trade(100.0, 10**15), trade(101.0, 8), trade(102.0, 9))
    assert taken == [True, False, True, True]
    assert (spot.price, spot.missed, spot.outliers) == (102.0, 0, 1)


def test_an_absurd_first_number_does_not_silence_the_feed() -> None:
    spot, taken = heard(trade(100.0, 10**15), trade(101.0, 8), trade(102.0, 9), trade(103.0, 10))
    assert taken == [True, False, True, True]
    assert spot.price == 103.0


def test_numbers_that_jump_and_go_on_from_there_are_believed() -> None:
    _, taken = heard(trade(100.0, 7), trade(100.0, 9_000_000), trade(100.0, 9_000_001))
    assert taken == [True, False, True]


def test_a_block_of_old_trades_is_no_news() -> None:
    spot, _ = heard(trade(100.0, 9_000_000), trade(100.0, 9_000_001))
    assert not any(spot.take(trade(99.0, n), 9) for n in range(7, 20))
    assert spot.price == 100.0


def test_trades_without_numbers_are_taken_as_they_come() -> None:
    spot, taken = heard(trade(100.0, None), trade(100.0, None))
    assert taken == [True, True]
    assert spot.missed == 0
