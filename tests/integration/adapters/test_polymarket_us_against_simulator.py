"""Our Polymarket US adapter over real sockets against the simulated venue and its bad days."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from kairos.adapters.polymarket_us.auth import Credentials
from kairos.adapters.polymarket_us.parsing import MarketStream
from kairos.adapters.polymarket_us.private import OrderChanged, OrdersListed, PrivateStream
from kairos.adapters.polymarket_us.stream import MarketsStream, PrivateStreamOfAccount
from kairos.adapters.polymarket_us.trading import PolymarketUsTrading
from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.refusals import Refusal
from kairos.errors import OutcomeUnknown, VenueRefused
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.events import BookSnapshot, InputQuarantined, MarketTrading, VenueTrade
from kairos.messages.trading import OrderStatus
from local.venues.polymarket_us.server import ServerSettings
from tests.support.ours_against_simulators import polymarket_us, submit
from tests.support.sim_polymarket import run
from tests.support.sim_polymarket_us import SLUG, STEADY, Venue, venue

SETTLES = replace(STEADY, is_driven=True, visible_s=0.05, cancel_s=0.05)


def order(client_order_id: str, **more: object) -> SubmitOrder:
    return submit(client_order_id, market=SLUG, **more)


async def refusal(trading: PolymarketUsTrading, intent: SubmitOrder) -> VenueRefused:
    with pytest.raises(VenueRefused) as caught:
        await trading.place(intent)
    return caught.value


async def inject(v: Venue, **fault: object) -> None:
    async with v.http.post(f"{v.server.url}/_sim/faults", json=fault) as reply:
        assert reply.status == 200, await reply.text()


def test_an_order_for_no_rests_in_the_long_book_until_it_is_canceled() -> None:
    async def scenario() -> None:
        async with venue(STEADY) as v, polymarket_us(v.alice) as ours:
            trading = ours.trading
            intent = order("a-1", outcome=Outcome.NO, price=3_900, quantity=12_000_000)
            placed = await trading.place(intent)
            assert placed.status is OrderStatus.PENDING
            found = await trading.order(placed.venue_order_id, SLUG)
            assert found is not None
            assert (found.outcome, found.price, found.quantity, found.status) == (
                Outcome.NO, 3_900, 12_000_000, OrderStatus.RESTING,
            )  # fmt: skip
            await v.bob.take("BUY_LONG", "0.61", 5)
            fill = (await trading.fills(0))[0]
            assert (fill.client_order_id, fill.price, fill.quantity, fill.liquidity) == (
                "a-1", 3_900, 5_000_000, Liquidity.MAKER,
            )  # fmt: skip
            held = await trading.positions()
            assert [(p.outcome, p.quantity) for p in held] == [(Outcome.NO, 5_000_000)]
            await trading.cancel(placed.venue_order_id, SLUG)
            ended = await trading.order(placed.venue_order_id, SLUG)
            assert ended is not None
            assert (ended.status, ended.filled) == (OrderStatus.CANCELED, 5_000_000)
            # What was bought, and the maker's rebate.
            cash = 1_000_000_000 - 1_950_000 - (fill.fee or 0)
            assert (await trading.balance()).cash == cash
            assert fill.fee is not None

    run(scenario)


def test_the_venue_s_own_delays_are_waited_for() -> None:
    async def scenario() -> None:
        async with venue(SETTLES) as v, polymarket_us(v.alice) as ours:
            placed = await ours.trading.place(order("d-1"))
            await ours.trading.cancel(placed.venue_order_id, SLUG)
            found = await ours.trading.order(placed.venue_order_id, SLUG)
            assert found is not None
            assert found.status is OrderStatus.CANCELED

    run(scenario)


def test_an_immediate_order_is_answered_with_what_became_of_it() -> None:
    async def scenario() -> None:
        async with venue(STEADY) as v, polymarket_us(v.alice) as ours:
            await v.bob.placed("BUY_SHORT", "0.50", 4)
            ioc = TimeInForce.IOC
            placed = await ours.trading.place(order("i-1", time_in_force=ioc))
            assert (placed.status, placed.filled) == (OrderStatus.CANCELED, 4_000_000)
            fill = (await ours.trading.fills(0))[0]
            # 4 × 0.0695 × 0.25 is 6.95 cents: seven.
            assert (fill.fee, fill.liquidity) == (70_000, Liquidity.TAKER)
            assert (await ours.trading.balance()).cash == 1_000_000_000 - 2_000_000 - 70_000

    run(scenario)


def test_a_lost_reply_is_found_by_the_journaled_intent() -> None:
    async def scenario() -> None:
        intent = order("lost-1", price=4_200)
        async with venue(STEADY) as v, polymarket_us(v.alice, intent) as ours:
            await inject(v, fault="lose_replies", count=1, path="/v1/orders", method="POST")
            with pytest.raises(OutcomeUnknown):
                await ours.trading.place(intent)
            found = await ours.trading.find("lost-1", SLUG)
            assert found is not None
            assert (found.client_order_id, found.status) == ("lost-1", OrderStatus.RESTING)

    run(scenario)


def test_a_lost_reply_of_an_order_that_filled_is_found_by_its_trade() -> None:
    async def scenario() -> None:
        intent = order("lost-2", time_in_force=TimeInForce.IOC)
        async with venue(STEADY) as v, polymarket_us(v.alice, intent) as ours:
            await v.bob.placed("BUY_SHORT", "0.50", 10)
            await inject(v, fault="lose_replies", count=1, path="/v1/orders", method="POST")
            with pytest.raises(OutcomeUnknown):
                await ours.trading.place(intent)
            found = await ours.trading.find("lost-2", SLUG)
            assert found is not None
            assert (found.status, found.filled) == (OrderStatus.FILLED, 10_000_000)

    run(scenario)


def test_an_order_that_failed_before_it_arrived_is_unknown_until_it_cannot_arrive() -> None:
    async def scenario() -> None:
        intent = order("gone-1")
        async with venue(STEADY) as v, polymarket_us(v.alice, intent) as ours:
            await inject(v, fault="fail", status=503, count=1, path="/v1/orders", method="POST")
            with pytest.raises(OutcomeUnknown):
                await ours.trading.place(intent)
            with pytest.raises(OutcomeUnknown) as caught:
                await ours.trading.find("gone-1", SLUG)
            assert caught.value.reason == "not_found_yet"
        old = order("gone-2", ts_ns=time.time_ns() - 200_000_000_000)
        async with venue(STEADY) as v, polymarket_us(v.alice, old) as ours:
            assert await ours.trading.find("gone-2", SLUG) is None

    run(scenario)


def test_two_orders_alike_are_never_guessed_between() -> None:
    async def scenario() -> None:
        intent = order("twin-1", price=4_200)
        async with venue(STEADY) as v, polymarket_us(v.alice, intent) as ours:
            for _ in range(2):
                await v.alice.placed("BUY_LONG", "0.42", 10)
            with pytest.raises(OutcomeUnknown) as caught:
                await ours.trading.find("twin-1", SLUG)
            assert caught.value.reason == "ambiguous"

    run(scenario)


def test_every_refusal_of_the_venue_has_its_name() -> None:
    async def scenario() -> None:
        async with venue(STEADY) as v, polymarket_us(v.alice) as ours:
            trading = ours.trading
            await v.bob.placed("BUY_SHORT", "0.60", 10)
            ioc = TimeInForce.IOC
            cases = [
                (Refusal.INSUFFICIENT_BALANCE,
                 order("x-1", price=6_000, quantity=5_000_000_000, time_in_force=ioc)),
                (Refusal.INSUFFICIENT_BALANCE, order("x-2", action=Action.SELL)),
                (Refusal.NOT_FOUND, submit("x-3", market="nothing-of-the-kind")),
            ]  # fmt: skip
            for expected, intent in cases:
                assert (await refusal(trading, intent)).reason == expected, intent
            await v.control("market", slug=SLUG, state="MARKET_STATE_HALTED")
            halted = await refusal(trading, order("x-4", time_in_force=ioc))
            assert halted.reason == Refusal.MARKET_CLOSED
            await inject(v, fault="clock_skew", millis=120_000)
            assert (await refusal(trading, order("x-5"))).reason == Refusal.CLOCK_SKEW
            async with v.http.delete(f"{v.server.url}/_sim/faults"):
                pass
            v.server.exchange.members.revoke(v.alice.credentials.key_id)
            assert (await refusal(trading, order("x-6"))).reason == Refusal.WRONG_KEY

    run(scenario)


def test_what_the_venue_would_cut_short_is_refused_here() -> None:
    async def scenario() -> None:
        async with venue(STEADY) as v, polymarket_us(v.alice) as ours:
            listed = await ours.catalogue.markets({"closed": "false"})
            assert [each.is_trading for each in listed] == [True, True]
            fine = await refusal(ours.trading, order("f-1", price=5_555))
            assert fine.reason == Refusal.PRICE_OFF_GRID
            part = await refusal(ours.trading, order("f-2", quantity=10_500_000))
            assert part.reason == Refusal.SIZE_BELOW_MINIMUM
            assert v.server.exchange.records == {}

    run(scenario)


def test_post_only_that_would_take_is_rejected_on_the_private_stream() -> None:
    async def scenario() -> None:
        async with venue(STEADY) as v, polymarket_us(v.alice) as ours:
            await v.bob.placed("BUY_SHORT", "0.50", 10)
            resting = await ours.trading.place(order("p-0", price=4_000))
            stream = PrivateStreamOfAccount(_credentials(v), v.server.ws_url)
            stream.opened()
            parser = PrivateStream("c", ours.trading.client_order_id)
            address = stream.address(time.time_ns())
            async with v.http.ws_connect(address.url, headers=dict(address.headers)) as socket:
                for frame in stream.first_frames(()):
                    await socket.send_str(frame.message.decode())
                events: list[object] = []
                while not any(isinstance(e, OrdersListed) for e in events):
                    message = await socket.receive(3)
                    events.extend(parser.events(time.time_ns(), message.data.encode()))
                snapshot = next(e for e in events if isinstance(e, OrdersListed))
                assert [o.venue_order_id for o in snapshot.orders] == [resting.venue_order_id]
                placed = await ours.trading.place(order("p-1", post_only=True))
                while not any(isinstance(e, OrderChanged) for e in events):
                    message = await socket.receive(3)
                    events.extend(parser.events(time.time_ns(), message.data.encode()))
                changed = next(e for e in events if isinstance(e, OrderChanged))
                assert changed.order.venue_order_id == placed.venue_order_id
                assert changed.refusal == Refusal.POST_ONLY_CROSSED

    run(scenario)


def test_too_many_requests_are_a_refusal_with_a_second_of_silence() -> None:
    async def scenario() -> None:
        async with venue(ServerSettings(is_driven=False)) as v, polymarket_us(v.alice) as ours:
            refused: VenueRefused | None = None
            for n in range(40):
                try:
                    await ours.trading.place(order(f"r-{n}", price=1_000))
                except VenueRefused as problem:
                    refused = problem
                    break
            assert refused is not None
            assert (refused.reason, refused.status) == (Refusal.RATE_LIMITED, 429)
            assert (refused.retry_after_ns or 0) >= 1_000_000_000

    run(scenario)


def test_a_batch_and_its_cancels_and_an_amended_order() -> None:
    async def scenario() -> None:
        async with venue(STEADY) as v, polymarket_us(v.alice) as ours:
            trading = ours.trading
            placed = await trading.place_many([order(f"b-{n}", price=1_000) for n in range(3)])
            ids = [each.venue_order_id for each in placed]
            await trading.cancel_many([(ids[0], SLUG)])
            resting = await trading.open_orders()
            assert [each.client_order_id for each in resting] == ["b-1", "b-2"]
            amended = await trading.amend(resting[0], 1_200, 20_000_000)
            assert amended.remaining == 20_000_000
            await trading.cancel_all(SLUG)
            assert await trading.open_orders() == []

    run(scenario)


def test_our_parser_reads_whole_books_trades_and_states() -> None:
    async def scenario() -> None:
        async with venue(STEADY) as v:
            stream = MarketsStream(_credentials(v), v.server.ws_url)
            stream.opened()
            parser = MarketStream("c")
            address = stream.address(time.time_ns())
            events: list[object] = []
            async with v.http.ws_connect(address.url, headers=dict(address.headers)) as socket:

                async def hear(until: type[object], count: int = 1) -> None:
                    while sum(isinstance(event, until) for event in events) < count:
                        message = await socket.receive(3)
                        events.extend(parser.take(time.time_ns(), message.data.encode()))

                for frame in stream.first_frames([SLUG]):
                    await socket.send_str(frame.message.decode())
                await hear(MarketTrading)
                await v.alice.placed("BUY_LONG", "0.40", 10)
                await v.bob.take("BUY_SHORT", "0.40", 4)
                await hear(VenueTrade)
                await hear(BookSnapshot, 3)
                trade = next(e for e in events if isinstance(e, VenueTrade))
                assert trade.taker is Outcome.NO
                book = [e for e in events if isinstance(e, BookSnapshot)][-1]
                assert (book.yes, book.no) == (((4_000, 6_000_000),), ())
                await v.control("market", slug=SLUG, state="MARKET_STATE_SUSPENDED")
                await hear(MarketTrading, 2)
                await inject(v, fault="drift", change="rename", field="bids", count=1)
                await v.control("market", slug=SLUG, state="MARKET_STATE_OPEN")
                await hear(InputQuarantined)
                for frame in stream.resync_frames([SLUG]):
                    await socket.send_str(frame.message.decode())
                await hear(BookSnapshot, 5)

    run(scenario)


def _credentials(v: Venue) -> Credentials:
    return Credentials(v.alice.credentials.key_id, v.alice.credentials.secret)
