"""Our Polymarket adapter over real sockets against the simulated venue and its bad days."""

from __future__ import annotations

import asyncio
import time

import pytest

from kairos.adapters.polymarket.config import Exchange, Limits
from kairos.adapters.polymarket.listings import Listing
from kairos.adapters.polymarket.parsing import MarketParser
from kairos.adapters.polymarket.rest import PolymarketTrading
from kairos.adapters.polymarket.stream import PolymarketUserStream
from kairos.adapters.polymarket.user import FeeAsset, UserParser
from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.refusals import Refusal
from kairos.errors import OutcomeUnknown, VenueRefused
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.events import BookDelta, BookSnapshot, InputQuarantined, VenueTrade
from kairos.messages.trading import FillState, OrderStatus, Placement, VenueFill
from local.venues.polymarket.markets import position_ids_of
from local.venues.polymarket.server import ServerSettings
from local.venues.polymarket.settlement import FeeAsset as TakenIn
from tests.support.ours_against_simulators import (
    MachineClock,
    polymarket,
    polymarket_credentials,
    submit,
)
from tests.support.sim_polymarket import RAIN, Venue, run, spec, venue

STILL = ServerSettings(is_driven=False, settle_s=1)


async def refusal(trading: PolymarketTrading, order: SubmitOrder) -> VenueRefused:
    with pytest.raises(VenueRefused) as caught:
        await trading.place(order)
    return caught.value


def test_an_order_lives_from_placement_over_a_part_to_its_cancel() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            trading = ours.trading
            order = submit("a-1")
            placed = await trading.place(order)
            assert (placed.status, placed.remaining) == (OrderStatus.RESTING, None)
            # The venue's id is the digest that we computed before sending.
            assert placed.venue_order_id == await trading.order_id(order)
            v.give(v.bob, 10)
            await v.bob.placed("SELL", "0.50", "5")
            found = await trading.find("a-1", RAIN.condition_id)
            assert found is not None
            assert (found.status, found.filled, found.quantity) == (
                OrderStatus.RESTING, 5_000_000, 10_000_000,
            )  # fmt: skip
            assert [o.venue_order_id for o in await trading.open_orders()] == [
                placed.venue_order_id
            ]
            fill = (await trading.fills(0))[0]
            assert (fill.client_order_id, fill.quantity, fill.price, fill.fee) == (
                "a-1", 5_000_000, 5_000, 0,
            )  # fmt: skip
            assert fill.liquidity is Liquidity.MAKER
            held = await trading.positions()
            assert [(p.outcome, p.quantity) for p in held] == [(Outcome.YES, 5_000_000)]
            assert (await trading.balance()).cash == 997_500_000
            await trading.cancel(placed.venue_order_id, RAIN.condition_id)
            await trading.cancel(placed.venue_order_id, RAIN.condition_id)
            ended = await trading.order(placed.venue_order_id, RAIN.condition_id)
            assert ended is not None
            assert ended.status is OrderStatus.CANCELED

    run(scenario)


@pytest.mark.parametrize("asset", list(FeeAsset))
@pytest.mark.parametrize("action", list(Action))
def test_what_we_book_of_a_taken_fill_is_what_the_venue_moved(
    asset: FeeAsset, action: Action
) -> None:
    async def scenario() -> None:
        settings = ServerSettings(is_driven=False, fee_asset=TakenIn(asset.value))
        async with venue(settings=settings) as v, polymarket(v.alice, asset) as ours:
            v.give(v.alice, 40)
            v.give(v.bob, 40)
            side = "SELL" if action is Action.BUY else "BUY"
            for price, size in (("0.53", "7.31"), ("0.53", "5.02"), ("0.52", "6")):
                await v.bob.placed(side, price, size)
            cash, shares = await v.alice.cash(), await v.alice.shares()
            limit = 5_300 if action is Action.BUY else 5_200
            await ours.trading.place(submit("t-1", action=action, price=limit, quantity=18_330_000))
            fills = await ours.trading.fills(0)
            assert sum(f.quantity for f in fills if f.liquidity is Liquidity.TAKER) > 0
            sign = 1 if action is Action.BUY else -1
            in_cash = asset is FeeAsset.COLLATERAL or action is Action.SELL
            fees = sum(f.fee or 0 for f in fills) if in_cash else 0
            assert fees > 0 or not in_cash
            moved = sum(f.quantity for f in fills)
            assert await v.alice.shares() - shares == sign * moved
            paid = cash - await v.alice.cash()
            booked = sum(sign * f.price * f.quantity // 10_000 for f in fills) + fees
            if in_cash:
                assert paid == booked
            else:
                # Shares were withheld, the cash was paid for the whole.
                assert paid > booked

    run(scenario)


def test_a_reply_that_is_lost_leaves_an_order_that_is_found() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            await inject(v, fault="lose_replies", count=1, path="/order", method="POST")
            order = submit("lost-1")
            with pytest.raises(OutcomeUnknown):
                await ours.trading.place(order)
            found = await ours.trading.find("lost-1", RAIN.condition_id)
            assert found is not None
            assert (found.status, found.client_order_id) == (OrderStatus.RESTING, "lost-1")
            again = await refusal(ours.trading, order)
            assert again.reason == Refusal.ALREADY_PLACED

    run(scenario)


def test_an_order_that_never_arrived_is_proved_absent() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            await inject(v, fault="fail", status=500, count=1, path="/order", method="POST")
            with pytest.raises(OutcomeUnknown):
                await ours.trading.place(submit("gone-1"))
            assert await ours.trading.find("gone-1", RAIN.condition_id) is None

    run(scenario)


def test_after_a_restart_of_ours_the_journaled_order_is_found() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v:
            order = submit("old-1")
            async with polymarket(v.alice) as before:
                await before.trading.place(order)
            async with polymarket(v.alice) as after:
                with pytest.raises(OutcomeUnknown):
                    await after.trading.find("old-1", RAIN.condition_id)
                await after.trading.remember(order)
                found = await after.trading.find("old-1", RAIN.condition_id)
                assert found is not None
                assert found.status is OrderStatus.RESTING

    run(scenario)


def test_a_restart_of_the_venue_is_a_refusal_with_a_wait_and_then_post_only() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            resting = await ours.trading.place(submit("r-0"))
            await v.control("restart", seconds=2, post_only_seconds=120)
            refused = await refusal(ours.trading, submit("r-1"))
            assert (refused.reason, refused.retry_after_ns) == (
                Refusal.RESTARTING, 2_000_000_000,
            )  # fmt: skip
            v.pass_time(3)
            assert (await refusal(ours.trading, submit("r-2"))).reason == Refusal.EXCHANGE_PAUSED
            placed = await ours.trading.place(submit("r-3", price=4_000, post_only=True))
            assert placed.status is OrderStatus.RESTING
            await ours.trading.cancel(resting.venue_order_id, RAIN.condition_id)

    run(scenario)


def test_a_cancel_goes_through_a_restart() -> None:
    async def scenario() -> None:
        settings = ServerSettings(settle_s=1)
        async with venue(settings=settings) as v, polymarket(v.alice) as ours:
            placed = await ours.trading.place(submit("c-1"))
            await inject(v, fault="fail", status=425, count=2, path="/order", method="DELETE")
            await ours.trading.cancel(placed.venue_order_id, RAIN.condition_id)
            assert await ours.trading.open_orders() == []

    run(scenario)


def test_a_delayed_order_is_pending_and_cannot_be_canceled() -> None:
    async def scenario() -> None:
        slow = spec("slow", delay_ns=250_000_000)
        async with venue(slow, settings=STILL) as v, polymarket(v.alice) as ours:
            v.give(v.bob, 20, slow.yes_token)
            await v.bob.placed("SELL", "0.50", "20", market=slow)
            placed = await ours.trading.place(submit("d-1", market=slow.condition_id))
            assert placed.status is OrderStatus.PENDING
            with pytest.raises(VenueRefused):
                await ours.trading.cancel(placed.venue_order_id, slow.condition_id)
            found = await ours.trading.find("d-1", slow.condition_id)
            assert found is not None
            assert found.status is OrderStatus.PENDING
            v.pass_time(0.3)
            found = await ours.trading.find("d-1", slow.condition_id)
            assert found is not None
            assert (found.status, found.filled) == (OrderStatus.FILLED, 10_000_000)

    run(scenario)


def test_a_fill_that_fails_on_the_chain_is_void_on_the_stream_and_by_rest() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            v.give(v.bob, 10)
            await v.control("settlement", ends="fail", count=1)
            await v.bob.placed("SELL", "0.50")
            await ours.trading.markets.listing(RAIN.condition_id)
            parser = UserParser(ours.trading.reporter)
            stream = PolymarketUserStream(polymarket_credentials(v.alice), v.server.user_ws_url)
            async with v.http.ws_connect(v.server.user_ws_url) as socket:
                for frame in stream.first_frames(()):
                    await socket.send_str(frame.message.decode())
                await socket.send_str("PING")
                assert (await socket.receive(3)).data == "PONG"
                await ours.trading.place(submit("v-1"))
                states = []
                while FillState.VOID not in states:
                    v.pass_time(0.6)
                    message = await socket.receive(3)
                    reports = parser.parse(message.data.encode())
                    states += [r.state for r in reports if isinstance(r, VenueFill)]
            assert states[0] is FillState.PENDING
            assert [f.state for f in await ours.trading.fills(0)] == [FillState.VOID]
            assert await ours.trading.positions() == []
            assert (await ours.trading.balance()).cash == 1_000_000_000

    run(scenario)


def test_without_our_heartbeats_the_venue_cancels_everything() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            await ours.trading.keep_alive()
            placed = await ours.trading.place(submit("h-1"))
            v.pass_time(8)
            # Somebody else used the key: the venue names the id it expects, and we follow.
            expected = v.server.exchange.heartbeats.state()
            assert list(expected) == [v.alice.key.key_id]
            async with polymarket(v.alice) as second:
                await second.trading.keep_alive()
            await ours.trading.keep_alive()
            v.pass_time(8)
            assert len(await ours.trading.open_orders()) == 1
            v.pass_time(4)
            ended = await ours.trading.order(placed.venue_order_id, RAIN.condition_id)
            assert ended is not None
            assert ended.status is OrderStatus.CANCELED

    run(scenario)


def test_where_the_website_says_no_nothing_is_sent() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            await v.control("mode", blocked=True, country="US")
            assert (await refusal(ours.trading, submit("g-1"))).reason == Refusal.REGION_BLOCKED
            assert v.server.exchange.records == {}
            assert (await ours.geoblock.verdict()).blocked

    run(scenario)


def test_the_order_endpoint_decides_about_the_region_in_the_end() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            resting = await ours.trading.place(submit("g-0"))
            await v.control("mode", blocked=True)
            refused = await refusal(ours.trading, submit("g-1", price=4_900))
            assert (refused.reason, refused.status) == (Refusal.REGION_BLOCKED, 403)
            await ours.trading.cancel(resting.venue_order_id, RAIN.condition_id)

    run(scenario)


def test_an_unanswered_website_blocks() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            await inject(v, fault="fail", status=500, count=5, path="/api/geoblock")
            assert (await refusal(ours.trading, submit("g-1"))).reason == Refusal.REGION_BLOCKED

    run(scenario)


def test_too_many_orders_are_a_refusal_with_a_wait_and_cancels_still_pass() -> None:
    async def scenario() -> None:
        loose = Limits(orders_per_second=1_000, orders_burst=1_000, cancel_reserve=10)
        async with venue(settings=STILL) as v, polymarket(v.alice, limits=loose) as ours:
            refused: list[VenueRefused] = []
            for n in range(80):
                try:
                    await ours.trading.place(submit(f"l-{n}", price=100, quantity=5_000_000))
                except VenueRefused as problem:
                    refused.append(problem)
                    break
            assert refused[0].reason == Refusal.RATE_LIMITED
            assert (refused[0].retry_after_ns or 0) >= 1_000_000_000
            await ours.trading.cancel_all()
            assert await ours.trading.open_orders() == []

    run(scenario)


def test_our_own_pace_stays_below_the_venue_s() -> None:
    async def scenario() -> None:
        clock = MachineClock()
        async with venue(settings=STILL) as v, polymarket(v.alice, clock=clock) as ours:
            for n in range(5):
                orders = [submit(f"p-{n}-{i}", price=100, quantity=5_000_000) for i in range(15)]
                placed = await ours.trading.place_many(orders)
                assert all(isinstance(each, Placement) for each in placed)
            # Seventy-five at once are more than the venue takes: we waited, it never refused.
            assert sum(clock.slept) > 0.5

    run(scenario)


def test_every_refusal_of_the_venue_has_its_name() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            v.give(v.bob, 50)
            await v.bob.placed("SELL", "0.60", "10")
            fok = TimeInForce.FOK
            cases = [
                (Refusal.INSUFFICIENT_BALANCE, submit("x-1", quantity=5_000_000_000)),
                (Refusal.POST_ONLY_CROSSED, submit("x-2", price=6_000, post_only=True)),
                (Refusal.NOT_FILLED, submit("x-3", price=6_000, quantity=2 * 10**7,
                                            time_in_force=fok)),
                (Refusal.NOT_FILLED, submit("x-4", price=5_900,
                                            time_in_force=TimeInForce.IOC)),
                (Refusal.PRICE_OFF_GRID, submit("x-5", price=5_555)),
                (Refusal.SIZE_BELOW_MINIMUM, submit("x-6", quantity=4_000_000)),
                (Refusal.INSUFFICIENT_BALANCE, submit("x-7", action=Action.SELL)),
            ]  # fmt: skip
            for expected, order in cases:
                assert (await refusal(ours.trading, order)).reason == expected, order
            await inject(v, fault="clock_skew", millis=120_000)
            assert (await refusal(ours.trading, submit("x-8"))).reason == Refusal.CLOCK_SKEW
            async with v.http.delete(f"{v.server.url}/_sim/faults") as reply:
                assert reply.status == 200
            await v.control("resolve", market=RAIN.condition_id)
            assert (await refusal(ours.trading, submit("x-9"))).reason == Refusal.MARKET_CLOSED
            await v.alice.call("DELETE", "/auth/api-key")
            assert (await refusal(ours.trading, submit("x-10"))).reason == Refusal.WRONG_KEY

    run(scenario)


def test_a_finer_tick_is_learnt_when_an_order_needs_it() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            await ours.trading.place(submit("k-1"))
            await v.control("tick", market=RAIN.condition_id, tick=10)
            placed = await ours.trading.place(submit("k-2", price=4_560))
            assert placed.status is OrderStatus.RESTING

    run(scenario)


@pytest.mark.parametrize("kind", ["neg_risk", "is_position"])
def test_markets_of_every_exchange_take_our_signatures(kind: str) -> None:
    async def scenario() -> None:
        other = spec("other", **{kind: True})
        async with venue(other, settings=STILL) as v, polymarket(v.alice) as ours:
            placed = await ours.trading.place(submit("e-1", market=other.condition_id))
            assert placed.status is OrderStatus.RESTING
            assert position_ids_of("other")[0] == other.condition_id or kind == "neg_risk"

    run(scenario)


def test_a_market_buy_takes_its_cash_s_worth() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            v.give(v.bob, 100)
            await v.bob.placed("SELL", "0.40", "50")
            order = submit("m-1", price=6_000, time_in_force=TimeInForce.IOC)
            placed = await ours.trading.place(order)
            # Six dollars at 0.40 are fifteen, more than the ten that were asked for.
            assert (placed.status, placed.filled) == (OrderStatus.FILLED, 15_000_000)

    run(scenario)


def test_the_catalogue_reads_what_is_listed() -> None:
    async def scenario() -> None:
        closed = spec("closed")
        async with venue(RAIN, closed, settings=STILL) as v, polymarket(v.alice) as ours:
            await v.control("resolve", market=closed.condition_id, outcome="NO")
            listed = await ours.catalogue.markets({"closed": "false"})
            assert [(m.market, m.is_trading) for m in listed] == [(RAIN.condition_id, True)]
            assert listed[0].instruments == RAIN.tokens
            found = await ours.catalogue.market(closed.condition_id)
            assert found is not None
            assert (found.result, found.is_trading) == (Outcome.NO, False)

    run(scenario)


def test_our_parser_follows_the_book_and_doubts_what_cannot_be() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, v.http.ws_connect(v.server.market_ws_url) as ws:
            parser = MarketParser()
            ids = (RAIN.condition_id, RAIN.yes_token, RAIN.no_token)
            parser.list_market(Listing(*ids, 100, 5_000_000, Exchange.CTF, None))
            events: list[object] = []

            async def hear(until: type[object]) -> None:
                while not any(isinstance(event, until) for event in events):
                    message = await ws.receive(3)
                    events.extend(parser.parse(time.time_ns(), "c", message.data.encode()))

            first = {"type": "market", "assets_ids": list(RAIN.tokens)}
            await ws.send_json(first | {"custom_feature_enabled": True})
            await hear(BookSnapshot)
            v.give(v.bob, 10)
            await v.alice.placed("BUY", "0.40")
            await hear(BookDelta)
            await v.bob.placed("SELL", "0.40", "5", kind="FAK")
            await hear(VenueTrade)
            assert not [e for e in events if isinstance(e, InputQuarantined)]
            await inject(v, fault="cross_books", count=1)
            await v.alice.placed("BUY", "0.41")
            await hear(InputQuarantined)
            request = parser.take_requests()[0]
            assert request.market == RAIN.condition_id
            events.clear()
            for operation in ("unsubscribe", "subscribe"):
                await ws.send_json({"operation": operation, "assets_ids": [request.token]})
            await hear(BookSnapshot)
            snapshot = next(e for e in events if isinstance(e, BookSnapshot))
            assert max(price for price, _ in snapshot.yes) == 4_100

    run(scenario)


async def inject(v: Venue, **fault: object) -> None:
    async with v.http.post(f"{v.server.url}/_sim/faults", json=fault) as reply:
        assert reply.status == 200, await reply.text()


def test_a_slow_answer_is_an_unknown_outcome_and_found_later() -> None:
    async def scenario() -> None:
        async with venue(settings=STILL) as v, polymarket(v.alice) as ours:
            await ours.trading.markets.listing(RAIN.condition_id)
            await inject(v, fault="slow_replies", millis=2_000, path="/order")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await ours.trading.place(submit("s-1"))
            async with v.http.delete(f"{v.server.url}/_sim/faults"):
                pass
            found = await ours.trading.find("s-1", RAIN.condition_id)
            assert found is not None
            assert found.status is OrderStatus.RESTING

    run(scenario)
