"""The venue's own Polymarket US client and ours, side by side against one simulated venue."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from kairos.adapters.polymarket_us.build import PolymarketUsConnection
from kairos.adapters.polymarket_us.orders import moment
from kairos.domain.instruments import Action, Outcome
from kairos.domain.refusals import Refusal
from kairos.errors import VenueRefused
from kairos.messages.commands import SubmitOrder, TimeInForce
from local.venues.polymarket_us.records import OrderRecord
from local.venues.polymarket_us.server import ServerSettings
from tests.support.ours_against_simulators import polymarket_us, submit
from tests.support.sdk_drivers import Theirs, theirs
from tests.support.sim_polymarket import run
from tests.support.sim_polymarket_us import SLUG, Venue, usd, venue

SECONDS = 400.0  # the first test may have to make the environment
RUNNING = ServerSettings(rate=10_000)


@dataclass
class Side:
    """Both clients of one account, at the same venue."""

    venue: Venue
    theirs: Theirs
    ours: PolymarketUsConnection

    def record(self, order_id: str) -> OrderRecord:
        return self.venue.server.exchange.records[order_id]


@asynccontextmanager
async def side_by_side() -> AsyncIterator[Side]:
    async with venue(RUNNING) as v:
        settings = {
            "url": v.server.url,
            "key_id": v.alice.credentials.key_id,
            "secret": v.alice.credentials.secret,
        }
        async with (
            theirs("polymarket-us", "us.py", **settings) as them,
            polymarket_us(v.alice, lifetime_seconds=SECONDS) as ours,
        ):
            yield Side(v, them, ours)


def check(work: Callable[[], Any]) -> None:
    run(work, SECONDS)


def order(client_order_id: str, **more: Any) -> SubmitOrder:  # noqa: ANN401
    return submit(client_order_id, market=SLUG, **more)


def wanted(intent: str, long_price: str, quantity: float, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """The body that their user writes; prices are LONG."""
    return {
        "marketSlug": SLUG,
        "intent": f"ORDER_INTENT_{intent}",
        "type": "ORDER_TYPE_LIMIT",
        "price": usd(long_price),
        "quantity": quantity,
        "tif": "TIME_IN_FORCE_GOOD_TILL_CANCEL",
    } | more


def test_equal_parameters_make_equal_orders() -> None:
    async def scenario() -> None:
        cases = [
            ("BUY_LONG", "0.53", Outcome.YES, Action.BUY, 5_300),
            ("BUY_SHORT", "0.61", Outcome.NO, Action.BUY, 3_900),
            ("SELL_LONG", "0.70", Outcome.YES, Action.SELL, 7_000),
        ]
        async with side_by_side() as side:
            # What is bought of NO is set off against the YES that is held: enough for both.
            await side.venue.bob.placed("BUY_SHORT", "0.50", 40)
            await side.venue.alice.take("BUY_LONG", "0.50", 40)
            for n, (intent, long_price, outcome, action, price) in enumerate(cases):
                end_ns = time.time_ns() + 60 * 10**9  # ours never go without one
                dated = {"tif": "TIME_IN_FORCE_GOOD_TILL_DATE", "goodTillTime": moment(end_ns)}
                made = await side.theirs.ask(
                    "create", order=wanted(intent, long_price, 10, **dated)
                )
                placed = await side.ours.trading.place(
                    order(f"o-{n}", outcome=outcome, action=action, price=price, expires_ns=end_ns)
                )
                told, mine = side.record(made["id"]), side.record(placed.venue_order_id)
                for name in ("account", "market", "intent", "kind", "tif", "state", "good_till"):
                    assert getattr(told, name) == getattr(mine, name), name
                for name in ("price", "quantity", "action", "outcome", "time_in_force"):
                    assert getattr(told.order, name) == getattr(mine.order, name), name

    check(scenario)


def test_what_one_places_the_other_sees_and_cancels() -> None:
    async def scenario() -> None:
        async with side_by_side() as side:
            made = await side.theirs.ask("create", order=wanted("BUY_LONG", "0.40", 10))
            placed = await side.ours.trading.place(order("s-1", outcome=Outcome.NO))
            seen = {each["id"] for each in (await side.theirs.ask("open_orders"))["orders"]}
            mine = {each.venue_order_id for each in await side.ours.trading.open_orders()}
            assert seen == mine == {made["id"], placed.venue_order_id}
            await side.theirs.ask("cancel", order_id=placed.venue_order_id, slug=SLUG)
            await side.ours.trading.cancel(made["id"], SLUG)
            assert (await side.theirs.ask("open_orders"))["orders"] == []
            told = (await side.theirs.ask("order", order_id=made["id"]))["order"]
            assert told["state"] == "ORDER_STATE_CANCELED"
            gone = await side.theirs.tried("cancel", order_id="CX0", slug=SLUG)
            assert (gone["kind"], gone["status"]) == ("NotFoundError", 404)

    check(scenario)


def test_fills_positions_cash_and_books_are_the_same_facts_to_both() -> None:
    async def scenario() -> None:
        async with side_by_side() as side:
            v = side.venue
            await v.bob.placed("BUY_SHORT", "0.50", 30)
            now = {"tif": "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL", "synchronousExecution": True}
            made = await side.theirs.ask("create", order=wanted("BUY_LONG", "0.55", 10, **now))
            placed = await side.ours.trading.place(
                order("f-1", price=5_500, quantity=12_000_000, time_in_force=TimeInForce.IOC)
            )
            assert made["executions"][-1]["order"]["cumQuantity"] == 10
            assert placed.filled == 12_000_000
            rows = (await side.theirs.ask("activities"))["activities"]
            fills = await side.ours.trading.fills(0)
            ours_told = {(f.fill_id, f.quantity, f.fee) for f in fills}
            theirs_told = {
                (
                    each["trade"]["id"],
                    int(Decimal(each["trade"]["qtyDecimal"]) * 10**6),
                    int(
                        Decimal(
                            each["trade"]["aggressorExecution"]["commissionNotionalCollected"][
                                "value"
                            ]
                        )
                        * 10**6
                    ),
                )
                for each in rows
            }
            assert ours_told == theirs_told
            held = (await side.theirs.ask("positions"))["positions"][SLUG]
            mine = await side.ours.trading.positions()
            assert [Decimal(held["netPositionDecimal"]) * 10**6] == [p.quantity for p in mine]
            balances = (await side.theirs.ask("balances"))["balances"]
            cash = (await side.ours.trading.balance()).cash
            assert Decimal(str(balances[0]["buyingPower"])) * 10**6 == cash
            book = (await side.theirs.ask("book", slug=SLUG))["marketData"]
            shown = await side.ours.catalogue.book(SLUG)
            assert shown is not None
            levels = [
                (
                    10_000 - int(Decimal(each["px"]["value"]) * 10_000),
                    int(Decimal(each["qty"]) * 10**6),
                )
                for each in book["offers"]
            ]
            assert levels == list(shown.no) == [(5_000, 8_000_000)]

    check(scenario)


def test_what_the_venue_refuses_both_are_told() -> None:
    async def scenario() -> None:
        async with side_by_side() as side:
            v = side.venue
            unknown = await side.theirs.tried(
                "create", order=wanted("BUY_LONG", "0.50", 10, marketSlug="not-a-market-here")
            )
            assert unknown["status"] == 404
            with pytest.raises(VenueRefused) as refused:
                await side.ours.trading.place(submit("x-1", market="not-a-market-here"))
            assert refused.value.reason == Refusal.NOT_FOUND
            now = {"tif": "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL", "synchronousExecution": True}
            for words, cause, intent in (
                ("insufficient buying power", Refusal.INSUFFICIENT_BALANCE, "balance"),
                ("market is not open", Refusal.MARKET_CLOSED, "closed"),
            ):
                size = 9_000 if intent == "balance" else 10
                if intent == "closed":
                    await v.control("market", slug=SLUG, state="MARKET_STATE_HALTED")
                said = await side.theirs.ask("create", order=wanted("BUY_LONG", "0.5", size, **now))
                assert said["executions"][-1]["text"] == words
                ioc = TimeInForce.IOC
                with pytest.raises(VenueRefused) as told:
                    await side.ours.trading.place(
                        order(f"x-{intent}", quantity=size * 10**6, time_in_force=ioc)
                    )
                assert told.value.reason == cause

    check(scenario)


def test_a_price_off_the_grid_is_cut_for_them_and_refused_by_us() -> None:
    async def scenario() -> None:
        async with side_by_side() as side:
            await side.ours.catalogue.market(SLUG)
            made = await side.theirs.ask("create", order=wanted("BUY_LONG", "0.5567", 10))
            assert side.record(made["id"]).order.price == 5_500
            shown = await side.theirs.ask("preview", order=wanted("BUY_LONG", "0.5567", 10))
            assert shown["order"]["price"]["value"] == "0.5500"
            with pytest.raises(VenueRefused) as refused:
                await side.ours.trading.place(order("g-1", price=5_567))
            assert refused.value.reason == Refusal.PRICE_OFF_GRID

    check(scenario)


def test_batches_changes_and_closing_are_served() -> None:
    async def scenario() -> None:
        async with side_by_side() as side:
            v, them = side.venue, side.theirs
            many = await them.ask("create_many", orders=[wanted("BUY_LONG", "0.10", 1)] * 3)
            change = {"marketSlug": SLUG, "price": usd("0.12"), "quantity": 2}
            await them.ask("modify", order_id=many["createdOrderIds"][0], change=change)
            told = (await them.ask("order", order_id=many["createdOrderIds"][0]))["order"]
            assert (told["price"]["value"], told["quantity"]) == ("0.1200", 2)
            gone = await them.ask("cancel_all")
            assert sorted(gone["canceledOrderIds"]) == sorted(many["createdOrderIds"])
            await v.bob.placed("BUY_SHORT", "0.50", 10)
            await v.bob.placed("BUY_LONG", "0.40", 10)
            await v.alice.take("BUY_LONG", "0.50", 5)
            closed = await them.ask("close", slug=SLUG)
            assert closed["executions"][-1]["type"] == "EXECUTION_TYPE_FILL"
            assert await side.ours.trading.positions() == []
            listed = (await them.ask("markets"))["markets"]
            mine = await side.ours.catalogue.markets({"closed": "false"})
            assert [each["slug"] for each in listed] == [each.market for each in mine]
            best = (await them.ask("bbo", slug=SLUG))["marketData"]
            prices = await side.ours.catalogue.best_prices(SLUG)
            assert prices is not None
            assert Decimal(best["bestBid"]["value"]) * 10_000 == prices.bid

    check(scenario)


def test_both_of_its_websockets_hear_what_we_do() -> None:
    async def scenario() -> None:
        async with side_by_side() as side:
            them = side.theirs
            resting = await side.ours.trading.place(order("w-0", price=4_000))
            await them.ask("subscribe", slug=SLUG)
            snapshot = (
                await them.ask("hear", channel="private", name="orderSubscriptionSnapshot", count=1)
            )[0]
            assert [each["id"] for each in snapshot["orders"]] == [resting.venue_order_id]
            await side.venue.bob.take("BUY_SHORT", "0.40", 4)
            update = (
                await them.ask("hear", channel="private", name="orderSubscriptionUpdate", count=1)
            )[0]["execution"]
            assert update["order"]["id"] == resting.venue_order_id
            assert update["type"] == "EXECUTION_TYPE_PARTIAL_FILL"
            moved = await them.ask("hear", channel="private", name="positionSubscription", count=1)
            assert moved[0]["afterPosition"]["netPositionDecimal"] == "4.00"
            books = await them.ask("hear", channel="markets", name="marketData", count=2)
            assert books[-1]["bids"][0]["qty"] == "6.00"
            trade = await them.ask("hear", channel="markets", name="trade", count=1)
            assert trade[0]["quantity"]["value"] == "4.00"

    check(scenario)
