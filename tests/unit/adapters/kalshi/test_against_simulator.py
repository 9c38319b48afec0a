"""Our adapter over real sockets against the simulated venue, which was written without it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from kairos.bootstrap import (
    KALSHI_DEMO,
    KalshiCatalogue,
    KalshiKey,
    KalshiTrading,
    kalshi_catalogue,
    kalshi_trading,
    kalshi_transport,
)
from kairos.domain.instruments import Action, Outcome
from kairos.domain.refusals import Refusal
from kairos.errors import OutcomeUnknown, VenueRefused
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.trading import OrderStatus
from tests.support.sim_kalshi import TICKER, Venue, run, venue

CREATE = {"path": "*/events/orders", "method": "POST"}


@dataclass
class VenueClock:
    """The venue's time is ours; sleeping lets it pass."""

    venue: Venue

    def now_ns(self) -> int:
        return self.venue.clock.now_ns()

    async def sleep(self, seconds: float) -> None:
        self.venue.pass_time(seconds)


@dataclass
class Ours:
    trading: KalshiTrading
    catalogue: KalshiCatalogue
    at: Venue


@asynccontextmanager
async def ours(kind: str = "ed25519") -> AsyncIterator[Ours]:
    async with venue(kind=kind) as at:
        config = replace(
            KALSHI_DEMO, rest_origin=at.server.base_url.removesuffix("/trade-api/v2"),
            tier="prestige", timeout_seconds=1.0,
        )  # fmt: skip
        clock, transport = VenueClock(at), kalshi_transport(config)
        member = at.alice.credentials
        key = KalshiKey.from_pem(member.key_id, member.private_key_pem)

        def over(group: str) -> KalshiTrading:
            return kalshi_trading(
                config, key, clock, transport, order_group_id=group, jitter=lambda: 0.5,
                exchange_index=2,
            )  # fmt: skip

        try:
            group = await over("").groups.create(1_000_000_000)
            listed = kalshi_catalogue(config, clock, transport, jitter=lambda: 0.5)
            yield Ours(over(group), listed, at)
        finally:
            await transport.close()


def order(
    outcome: Outcome = Outcome.YES, price: int = 5_600, client_id: str = "c-1", **more: object
) -> SubmitOrder:
    plain = SubmitOrder(
        1, client_id, TICKER, outcome, Action.BUY, price, 10_000_000, TimeInForce.GTC,
        post_only=False, reduce_only=False,
    )  # fmt: skip
    fields = {name: getattr(plain, name) for name in plain.__struct_fields__}
    return SubmitOrder(**(fields | more))


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_an_order_rests_is_found_and_is_cancelled(kind: str) -> None:
    async def scenario() -> None:
        async with ours(kind) as us:
            placed = await us.trading.place(order(Outcome.NO, 4_400))
            assert placed.status is OrderStatus.RESTING
            found = await us.trading.find("c-1", TICKER)
            assert found is not None
            assert (found.outcome, found.price) == (Outcome.NO, 4_400)
            assert found.expires_ns is not None
            assert [each.venue_order_id for each in await us.trading.open_orders()] == [
                placed.venue_order_id
            ]
            await us.trading.cancel(placed.venue_order_id, TICKER)
            ended = await us.trading.order(placed.venue_order_id, TICKER)
            assert ended is not None
            assert ended.status is OrderStatus.CANCELED
            await us.trading.cancel(placed.venue_order_id, TICKER)

    run(scenario)


def test_a_trade_moves_fills_position_and_cash_alike() -> None:
    async def scenario() -> None:
        async with ours() as us:
            before = (await us.trading.balance()).cash
            await us.at.bob.placed("ask", "0.5000", "4.00")
            placed = await us.trading.place(order())
            assert (placed.filled, placed.remaining) == (4_000_000, 6_000_000)
            (fill,) = await us.trading.fills(0)
            assert (fill.price, fill.quantity, fill.notional) == (5_000, 4_000_000, 2_000_000)
            (position,) = await us.trading.positions()
            assert (position.outcome, position.quantity) == (Outcome.YES, 4_000_000)
            await us.trading.cancel_all()
            us.at.pass_time(1.0)
            assert fill.fee is not None
            after = (await us.trading.balance()).cash
            assert before - after == fill.notional + fill.fee

    run(scenario)


def test_a_reply_lost_after_acceptance_is_unknown_and_then_found() -> None:
    async def scenario() -> None:
        async with ours() as us:
            await us.at.fault(fault="lose_replies", count=1, **CREATE)
            with pytest.raises(OutcomeUnknown):
                await us.trading.place(order())
            found = await us.trading.find("c-1", TICKER)
            assert found is not None
            assert found.status is OrderStatus.RESTING
            with pytest.raises(VenueRefused) as duplicate:
                await us.trading.place(order())
            assert duplicate.value.reason == Refusal.ALREADY_PLACED
            assert await us.trading.find("c-2", TICKER) is None

    run(scenario)


def test_a_failure_before_acceptance_is_unknown_and_then_proved_absent() -> None:
    async def scenario() -> None:
        async with ours() as us:
            await us.at.fault(fault="fail", status=503, count=1, **CREATE)
            with pytest.raises(OutcomeUnknown):
                await us.trading.place(order())
            assert await us.trading.find("c-1", TICKER) is None

    run(scenario)


@pytest.mark.parametrize(
    ("bad", "refusal"),
    [
        (order(price=5_650), Refusal.PRICE_OFF_GRID),
        (order(quantity=100_000_000_000), Refusal.INSUFFICIENT_BALANCE),
        (order(market="NOWHERE"), Refusal.NOT_FOUND),
        (order(time_in_force=TimeInForce.FOK), Refusal.NOT_FILLED),
    ],
)
def test_the_venues_own_words_have_our_names(bad: SubmitOrder, refusal: Refusal) -> None:
    async def scenario() -> None:
        async with ours() as us:
            with pytest.raises(VenueRefused) as error:
                await us.trading.place(bad)
            assert error.value.reason == refusal, error.value

    run(scenario)


def test_a_post_only_order_that_crosses_is_named() -> None:
    async def scenario() -> None:
        async with ours() as us:
            await us.at.bob.placed("ask", "0.5000")
            with pytest.raises(VenueRefused) as error:
                await us.trading.place(order(post_only=True))
            assert error.value.reason == Refusal.POST_ONLY_CROSSED

    run(scenario)


def test_orders_end_by_themselves_unless_renewed() -> None:
    async def scenario() -> None:
        async with ours() as us:
            dying = await us.trading.place(order(client_id="c-1"))
            kept = await us.trading.place(order(client_id="c-2", price=5_500))
            resting = await us.trading.find("c-2", TICKER)
            assert resting is not None
            await us.trading.renew(resting, us.at.clock.now_ns() + 60_000_000_000)
            us.at.pass_time(16.0)
            assert [each.venue_order_id for each in await us.trading.open_orders()] == [
                kept.venue_order_id
            ]
            ended = await us.trading.order(dying.venue_order_id, TICKER)
            assert ended is not None
            assert ended.status is OrderStatus.CANCELED

    run(scenario)


def test_triggering_the_group_ends_everything_and_stops_more() -> None:
    async def scenario() -> None:
        async with ours() as us:
            await us.trading.place(order())
            group = us.trading.orders._group
            await us.trading.groups.trigger(group)
            assert await us.trading.open_orders() == []
            with pytest.raises(VenueRefused) as error:
                await us.trading.place(order(client_id="c-2"))
            assert error.value.reason == Refusal.GROUP_TRIGGERED
            await us.trading.groups.reset(group)
            await us.trading.place(order(client_id="c-3"))

    run(scenario)


def test_an_amendment_and_a_decrease_change_what_rests() -> None:
    async def scenario() -> None:
        async with ours() as us:
            await us.trading.place(order())
            resting = await us.trading.find("c-1", TICKER)
            assert resting is not None
            await us.trading.amend(resting, 5_500, 12_000_000)
            changed = await us.trading.find("c-1", TICKER)
            assert changed is not None
            assert (changed.price, changed.quantity) == (5_500, 12_000_000)
            await us.trading.orders.decrease(changed.venue_order_id, TICKER, 3_000_000)
            left = await us.trading.find("c-1", TICKER)
            assert left is not None
            assert left.quantity == 3_000_000

    run(scenario)


def test_batches_and_market_wide_cancels() -> None:
    async def scenario() -> None:
        async with ours() as us:
            await us.at.bob.placed("ask", "0.6000")
            answers = await us.trading.place_batch(
                [order(client_id="c-1"), order(client_id="c-2", price=7_000, post_only=True)]
            )
            assert not isinstance(answers[0], Exception)
            assert isinstance(answers[1], VenueRefused)
            assert answers[1].reason == Refusal.POST_ONLY_CROSSED
            await us.trading.cancel_all(TICKER)
            assert await us.trading.open_orders() == []

    run(scenario)


def test_the_catalogue_reads_the_venue_without_a_key() -> None:
    async def scenario() -> None:
        async with ours() as us:
            await us.at.bob.placed("ask", "0.6000")
            market = await us.catalogue.market(TICKER)
            assert market is not None
            assert market.is_trading
            assert market.attributes["exchange_index"] == "2"
            listed = await us.catalogue.markets({"series_ticker": "KXBTC15M"})
            assert TICKER in {each.market for each in listed}
            assert us.catalogue.quarantined == {}
            book = await us.catalogue.orderbook(TICKER)
            assert book.no == ((4_000, 10_000_000),)
            assert (await us.catalogue.orderbooks([TICKER]))[0] == book
            assert await us.catalogue.market("NOWHERE") is None

    run(scenario)


def test_limits_are_learnt_over_the_wire() -> None:
    async def scenario() -> None:
        async with ours() as us:
            limits = await us.trading.exchange.learn_limits()
            assert limits.usage_tier == "prestige"
            assert (await us.trading.exchange.status()).trading_active
            assert (await us.trading.exchange.schedule()).standard_hours

    run(scenario)
