"""The arithmetic of a queue position: an estimate that stays inside what is displayed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hotpath.paper.queue import QueuePosition


def test_a_level_that_emptied_leaves_nothing_ahead_even_at_most() -> None:
    queue = QueuePosition(10)
    queue.canceled(10, before=10, after=0)
    queue.resighted(30)
    assert (queue.ahead, queue.ahead_most) == (0, 0)


def test_a_trade_that_filled_another_of_our_orders_still_left_the_level() -> None:
    queue = QueuePosition(10)
    assert queue.traded(reaching=4, reclassified=0) == 0  # our other order got 6 of the 10
    queue.canceled(0, before=0, after=0)
    assert queue.ahead == 0


def test_a_share_is_rounded_against_us() -> None:
    queue = QueuePosition(3)
    queue.canceled(1, before=7, after=6)
    assert queue.ahead == 3


@given(
    ahead=st.integers(0, 100),
    behind=st.integers(0, 100),
    cancels=st.lists(st.integers(1, 100), max_size=8),
)
def test_cancels_keep_the_estimate_inside_the_bound_and_the_level(
    ahead: int, behind: int, cancels: list[int]
) -> None:
    queue, displayed = QueuePosition(ahead), ahead + behind
    for wanted in cancels:
        canceled = min(wanted, displayed)
        queue.canceled(canceled, displayed, displayed - canceled)
        displayed -= canceled
        assert 0 <= queue.ahead <= queue.ahead_most <= min(ahead, displayed)


@given(ahead=st.integers(0, 100), behind=st.integers(0, 100), share=st.floats(0, 1))
def test_a_cancel_that_turns_out_to_be_a_trade_is_as_if_it_had_been_one(
    ahead: int, behind: int, share: float
) -> None:
    displayed = ahead + behind
    quantity = int(displayed * share)
    guessed, known = QueuePosition(ahead), QueuePosition(ahead)
    guessed.canceled(quantity, displayed or 1, displayed - quantity)
    through = guessed.traded(quantity, reclassified=quantity)
    assert through == known.traded(quantity, reclassified=0)
    assert guessed.ahead == known.ahead
