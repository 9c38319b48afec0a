"""Whatever order the stream, the answers and the look-ups come in, the books end up as the venue's.

A story happens at the venue; its stream messages are kept and then delivered in every order, each
of them possibly twice, around the answer to the order, which may be lost. After every message the
exposure that the engine counts covers what the venue could still do.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kairos.domain.instruments import Action, Outcome
from kairos.messages.commands import TimeInForce
from kairos.messages.trading import OrderStatus, VenueFill, VenueOrder
from tests.support.fake_venue import FakeVenue, Fault
from tests.support.gateway import CONTRACT, MARKET, Desk, buy, play

Story = Callable[[FakeVenue], None]
State = tuple[int, int, int, int, bool]


def filled_in_three(venue: FakeVenue) -> None:
    for quantity in (4, 3, 3):
        venue.fill("v1", quantity * CONTRACT)


def canceled_half_way(venue: FakeVenue) -> None:
    venue.fill("v1", 4 * CONTRACT)
    venue.fill("v1", CONTRACT)
    venue.end("v1", OrderStatus.CANCELED)


def expired_unfilled(venue: FakeVenue) -> None:
    venue.end("v1", OrderStatus.EXPIRED)


def one_fill_void(venue: FakeVenue) -> None:
    venue.fee = 0
    fill = venue.fill("v1", 4 * CONTRACT)
    venue.fill("v1", 6 * CONTRACT)
    venue.void(fill)


def fee_said_later(venue: FakeVenue) -> None:
    venue.fee = None
    fill = venue.fill("v1", 10 * CONTRACT)
    venue.charge(fill, 12_345)


STORIES = [filled_in_three, canceled_half_way, expired_unfilled, one_fill_void, fee_said_later]


def state(desk: Desk) -> State:
    account = desk.engine.account
    desk.check_settled()
    return account.ledger.cash, desk.held(), account.reserved, account.cost, bool(account.orders)


def run(story: Story, order: tuple[int, ...], *, fault: Fault | None, client_ids: bool) -> State:
    """Deliver the story's messages by their numbers; those that are not named come much later."""
    result: list[State] = []

    async def script(desk: Desk) -> None:
        if fault is not None:
            desk.fault("place", fault)
        desk.submit(buy())
        await desk.clock.settle()
        story(desk.venue)
        for number in order:
            if number < len(desk.stream):
                desk.hear(desk.stream[number])
                desk.check_exposure()
        await desk.wait(30)
        for number, message in enumerate(desk.stream):
            if number not in order:
                desk.hear(message)
                desk.check_exposure()
        await desk.wait(60)
        result.append(state(desk))

    desk = play(script, stream_at_once=False, client_ids=client_ids)
    assert desk.breaks() == []
    assert len(desk.venue.placed) == 1
    return result[0]


@pytest.mark.parametrize("client_ids", [True, False], ids=["client_ids", "no_client_ids"])
@pytest.mark.parametrize("fault", [None, Fault.LOSE_REPLY, Fault.HANG_THEN_DO])
@pytest.mark.parametrize("story", STORIES)
def test_every_order_of_messages_ends_in_the_venue_s_books(
    story: Story,
    fault: Fault | None,
    client_ids: bool,
) -> None:
    orders = list(permutations(range(6)))
    chosen = Random(7).sample(orders, 30)
    chosen += [(), (5, 4, 3, 2, 1, 0), (1, 1, 3, 3), (0, 1, 2, 3, 4, 5, 6)]
    assert len({run(story, order, fault=fault, client_ids=client_ids) for order in chosen}) == 1


def test_a_cancel_may_cross_with_anything() -> None:
    """A cancel is asked for at every point of a story, and its answer may be lost."""
    states = set()
    for at in range(6):
        for fault in (None, Fault.LOSE_REPLY, Fault.LOSE_REQUEST):
            states.add(_canceled_at(at, fault)[1:])
    assert {held for held, *_ in states} <= {number * CONTRACT for number in (0, 4, 7, 10)}
    assert all(not reserved and not still_open for _, reserved, _, still_open in states)


def _canceled_at(at: int, fault: Fault | None) -> State:
    result: list[State] = []

    async def script(desk: Desk) -> None:
        if fault is not None:
            desk.fault("cancel", fault)
        for step in range(6):
            if step == at:
                desk.cancel()
                await desk.wait(0.1 * (at % 2))
            if step == 0:
                desk.submit(buy())
                if at == 0:
                    desk.cancel()
            if step == 1:
                await desk.clock.settle()
            if step > 1 and desk.venue.placed and not desk.venue.at("c1").status.is_final:
                desk.venue.fill("v1", (4, 3, 3)[min(step - 2, 2)] * CONTRACT) if step < 5 else None
            for message in reversed(desk.stream):
                desk.hear(message)
                desk.check_exposure()
        await desk.wait(90)
        result.append(state(desk))

    play(script, stream_at_once=False)
    return result[0]


steps = st.lists(
    st.sampled_from(
        ["buy", "sell", "ioc", "fill", "cancel", "amend", "expire", "void", "hear", "wait", "lose"]
    ),
    min_size=3,
    max_size=25,
)


@given(steps, st.integers(0, 2**32), st.booleans())
@settings(max_examples=120, deadline=None)
def test_long_days_end_in_the_venue_s_books(day: list[str], seed: int, client_ids: bool) -> None:
    """Several orders, both actions, lost answers, a stream out of order and with repeats."""
    draw = Random(seed)

    async def script(desk: Desk) -> None:
        for number, step in enumerate(day):
            await _step(desk, draw, step, number)
            desk.check_exposure()
        await desk.wait(120)
        for message in desk.stream:
            desk.hear(message)
        await desk.wait(120)
        for rest in list(desk.venue._orders.values()):
            if not rest.order.status.is_final:
                desk.venue.end(rest.order.venue_order_id, OrderStatus.EXPIRED)
        for message in desk.stream:
            desk.hear(message)
        await desk.wait(120)
        desk.check_settled()

    desk = play(script, stream_at_once=False, client_ids=client_ids)
    sent = [order.client_order_id for order in desk.venue.placed]
    assert len(sent) == len(set(sent)), "an order was sent twice"


async def _step(desk: Desk, draw: Random, step: str, number: int) -> None:
    venue = desk.venue
    open_ones = [r.order for r in venue._orders.values() if not r.order.status.is_final]
    one = draw.choice(open_ones) if open_ones else None
    match step:
        case "buy" | "ioc" | "sell":
            await _order(desk, draw, step, number)
        case "lose":
            desk.fault(draw.choice(["place", "cancel", "amend"]), draw.choice(list(Fault)[:2]))
        case "fill" if one is not None and one.quantity > one.filled and _covered(desk, one):
            venue.fill(one.venue_order_id, draw.randint(1, (one.quantity - one.filled) // CONTRACT)
                       * CONTRACT)  # fmt: skip
        case "expire" if one is not None:
            venue.end(one.venue_order_id, OrderStatus.EXPIRED)
        case "cancel" | "amend" if desk.engine.account.orders:
            name = draw.choice(sorted(desk.engine.account.orders))
            if step == "cancel":
                desk.cancel(name)
            else:
                desk.amend(name, 5_000, draw.randint(1, 9))
        case "void" if venue._fills:
            fill = draw.choice(venue._fills)
            if fill.action is Action.SELL and fill.state.value == "pending":
                venue.fee = 0
                venue.void(fill) if not fill.fee else None
        case "hear" if desk.stream:
            desk.hear(draw.choice(desk.stream))
        case _:
            await desk.wait(draw.random() * 4)


async def _order(desk: Desk, draw: Random, step: str, number: int) -> None:
    if draw.random() < 0.3:
        desk.venue.taken_at_once = CONTRACT if step != "sell" else 0
    desk.submit(
        buy(
            f"c{number}", draw.randint(1, 9), draw.choice([4_900, 5_000]),
            action=Action.SELL if step == "sell" else Action.BUY,
            tif=TimeInForce.IOC if step == "ioc" else TimeInForce.GTC,
        )
    )  # fmt: skip
    if draw.random() < 0.5:
        await desk.clock.settle()


def _covered(desk: Desk, order: VenueOrder) -> bool:
    """A venue without margin sells nothing that the account does not hold."""
    held = desk.venue.held()[MARKET, Outcome.YES]
    return order.action is Action.BUY or held >= order.quantity - order.filled


def test_the_stories_have_at_least_three_messages_to_shuffle() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.clock.settle()
        filled_in_three(desk.venue)
        kinds = [type(message) for message in desk.stream]
        assert kinds == [VenueOrder] + [VenueFill, VenueOrder] * 3

    play(script, stream_at_once=False)
