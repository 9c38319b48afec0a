"""The venue's own Polymarket clients and ours, side by side against one simulated venue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from kairos.adapters.polymarket.connect import PolymarketConnection
from kairos.adapters.polymarket.eip712 import SignatureType
from kairos.domain.instruments import Action, Outcome
from kairos.domain.refusals import Refusal
from kairos.errors import VenueRefused
from kairos.messages.commands import TimeInForce
from local.venues.polymarket.markets import MarketSpec
from local.venues.polymarket.records import OrderRecord
from local.venues.polymarket.server import ServerSettings
from local.venues.polymarket.signatures import checksummed
from tests.support.ours_against_simulators import polymarket, submit
from tests.support.sdk_drivers import Theirs, theirs
from tests.support.sim_polymarket import RAIN, Trader, Venue, run, spec, venue

CLOB, UNIFIED = "py-clob-client-v2", "polymarket-client"
SCRIPTS = {CLOB: "clob.py", UNIFIED: "unified.py"}
BOTH = pytest.mark.parametrize("sdk", [CLOB, UNIFIED])
SECONDS = 400.0  # the first test may have to make the environments
RUNNING = ServerSettings(settle_s=0.1)
DEPOSIT = checksummed("0x" + "d0" * 20)


@dataclass
class Side:
    """Both clients of one wallet, at the same venue."""

    venue: Venue
    theirs: Theirs
    ours: PolymarketConnection

    def record(self, order_id: str) -> OrderRecord:
        return self.venue.server.exchange.records[order_id]


@asynccontextmanager
async def side_by_side(sdk: str, *specs: MarketSpec) -> AsyncIterator[Side]:
    async with venue(*(specs or (RAIN,)), settings=RUNNING) as v:
        settings = {"url": v.server.url, "private_key": v.alice.wallet.private_key}
        if sdk == UNIFIED:
            settings["wallet"] = v.alice.wallet.address
        async with theirs(sdk, SCRIPTS[sdk], **settings) as them, polymarket(v.alice) as ours:
            yield Side(v, them, ours)


def _with_wallet(v: Venue, address: str) -> Trader:
    """The same key, spending the funds of a wallet that is a contract."""
    kind = SignatureType.DEPOSIT_WALLET
    v.server.add_member(1_000, v.alice.wallet, int(kind), address)
    return Trader(
        v.server.url, v.alice.wallet, v.alice.key, v.http, signature_type=kind, funds=address
    )


def placed_id(sdk: str, said: dict[str, Any]) -> str:
    order_id: str = said["orderID" if sdk == CLOB else "order_id"]
    return order_id


def asked(sdk: str, price: str, size: str) -> dict[str, Any]:
    """The one takes floats, the other decimal text."""
    if sdk == CLOB:
        return {"price": float(price), "size": float(size)}
    return {"price": price, "size": size}


def units(text: str, scale: int) -> int:
    return int(Decimal(text) * scale)


def check(work: Callable[[], Any]) -> None:
    run(work, SECONDS)


@BOTH
@pytest.mark.parametrize("kind", ["plain", "neg_risk", "is_position"])
def test_equal_parameters_make_equal_orders(sdk: str, kind: str) -> None:
    async def scenario() -> None:
        cases = [("BUY", "0.53", "21.04"), ("SELL", "0.61", "7.5"), ("BUY", "0.07", "100")]
        market = spec("same", **({} if kind == "plain" else {kind: True}))
        async with side_by_side(sdk, market) as side:
            side.venue.give(side.venue.alice, 100, market.no_token)
            for n, (action, price, size) in enumerate(cases):
                token = market.no_token
                # The older client is told which protocol a position belongs to.
                more = {"version": 3} if kind == "is_position" and sdk == CLOB else {}
                said = await side.theirs.ask(
                    "place", token=token, side=action, **asked(sdk, price, size), **more
                )
                placed = await side.ours.trading.place(
                    submit(
                        f"o-{n}", market=market.condition_id, outcome=Outcome.NO,
                        action=Action(action), price=units(price, 10_000),
                        quantity=units(size, 1_000_000),
                    )
                )  # fmt: skip
                told, mine = (
                    side.record(order_id)
                    for order_id in (placed_id(sdk, said), placed.venue_order_id)
                )
                for name in ("wallet", "owner", "api_key", "market", "token", "order_type"):
                    assert getattr(told, name) == getattr(mine, name), name
                for name in ("price", "quantity", "action", "outcome", "time_in_force"):
                    assert getattr(told.order, name) == getattr(mine.order, name), name

    check(scenario)


@BOTH
def test_a_deposit_wallet_s_orders_are_taken_from_both(sdk: str) -> None:
    async def scenario() -> None:
        async with venue(settings=RUNNING) as v:
            settings: dict[str, Any] = {"signature_type": 3, "funder": DEPOSIT}
            if sdk == UNIFIED:
                settings = {"wallet": None}  # it derives the wallet from the key
            url, key = v.server.url, v.alice.wallet.private_key
            async with theirs(sdk, SCRIPTS[sdk], url=url, private_key=key, **settings) as them:
                funds = them.opened["wallet"] if sdk == UNIFIED else DEPOSIT
                trader = _with_wallet(v, funds)
                said = await them.ask(
                    "place", token=RAIN.yes_token, side="BUY", **asked(sdk, "0.5", "10")
                )
                async with polymarket(trader) as ours:
                    placed = await ours.trading.place(submit("w-1"))
            records = v.server.exchange.records
            for order_id in (placed_id(sdk, said), placed.venue_order_id):
                assert records[order_id].wallet == funds.lower()

    check(scenario)


@BOTH
def test_what_one_places_the_other_sees_and_cancels(sdk: str) -> None:
    async def scenario() -> None:
        async with side_by_side(sdk) as side:
            said = await side.theirs.ask(
                "place", token=RAIN.yes_token, side="BUY", **asked(sdk, "0.4", "10")
            )
            placed = await side.ours.trading.place(submit("s-1", price=4_500))
            listed = await side.theirs.ask("open_orders")
            seen = {each["id"] for each in listed}
            mine = {each.venue_order_id for each in await side.ours.trading.open_orders()}
            assert seen == mine == {placed_id(sdk, said), placed.venue_order_id}
            prices = {Decimal(each["price"]) for each in listed}
            assert prices == {Decimal("0.4"), Decimal("0.45")}
            gone = await side.theirs.ask("cancel", order_id=placed.venue_order_id)
            assert gone["canceled"] == [placed.venue_order_id]
            await side.ours.trading.cancel(placed_id(sdk, said), RAIN.condition_id)
            assert await side.theirs.ask("open_orders") == []
            again = await side.theirs.ask("cancel", order_id=placed.venue_order_id)
            assert list(again["not_canceled"]) == [placed.venue_order_id]

    check(scenario)


@BOTH
def test_fills_cash_and_books_are_the_same_facts_to_both(sdk: str) -> None:
    async def scenario() -> None:
        async with side_by_side(sdk) as side:
            v = side.venue
            v.give(v.bob, 50)
            await v.bob.placed("SELL", "0.50", "30")
            said = await side.theirs.ask(
                "place", token=RAIN.yes_token, side="BUY", **asked(sdk, "0.5", "10")
            )
            matched = said["takingAmount" if sdk == CLOB else "taking_amount"]
            assert (said["status"], int(Decimal(matched))) == ("matched", 10)
            await side.ours.trading.place(submit("f-1", quantity=12_000_000))
            await asyncio.sleep(0.4)
            trades = await side.theirs.ask("trades")
            fills = await side.ours.trading.fills(0)
            theirs_told = sorted((each["taker_order_id"], Decimal(each["size"])) for each in trades)
            ours_told = sorted((f.venue_order_id, Decimal(f.quantity) / 10**6) for f in fills)
            assert theirs_told == ours_told
            assert {each["status"] for each in trades} == {"CONFIRMED"}
            balance = await side.theirs.ask("balance")
            assert int(balance["balance"]) == (await side.ours.trading.balance()).cash
            book = await side.theirs.ask("book", token=RAIN.yes_token)
            mine = await side.ours.trading.markets.book(RAIN.yes_token)
            assert mine is not None
            levels = [(Decimal(a["price"]), Decimal(a["size"])) for a in book["asks"]]
            assert levels == [(Decimal(a.price), Decimal(a.size)) for a in mine.asks]
            assert levels == [(Decimal("0.5"), Decimal(8))]

    check(scenario)


@BOTH
def test_a_buy_of_so_many_dollars_buys_the_same(sdk: str) -> None:
    async def scenario() -> None:
        async with side_by_side(sdk) as side:
            v = side.venue
            v.give(v.bob, 100)
            await v.bob.placed("SELL", "0.37", "80")
            amount = 5.0 if sdk == CLOB else "5"
            price = 0.4 if sdk == CLOB else "0.4"
            said = await side.theirs.ask("spend", token=RAIN.yes_token, amount=amount, price=price)
            order = submit("m-1", price=4_000, quantity=12_500_000, time_in_force=TimeInForce.IOC)
            placed = await side.ours.trading.place(order)
            taken = said["takingAmount" if sdk == CLOB else "taking_amount"]
            assert units(taken, 1_000_000) == placed.filled
            records = [side.record(placed_id(sdk, said)), side.record(placed.venue_order_id)]
            assert {(r.spend, r.wanted, r.order.price) for r in records} == {
                (5_000_000, 12_500_000, 4_000)
            }

    check(scenario)


@BOTH
def test_what_the_venue_refuses_both_are_told(sdk: str) -> None:
    async def scenario() -> None:
        async with side_by_side(sdk) as side:
            v = side.venue
            v.give(v.bob, 20)
            await v.bob.placed("SELL", "0.60", "10")
            cases = [
                ("not enough balance", Refusal.INSUFFICIENT_BALANCE, "0.5", "9000", False),
                ("crosses book", Refusal.POST_ONLY_CROSSED, "0.6", "10", True),
            ]
            for n, (words, cause, price, size, post_only) in enumerate(cases):
                said = await side.theirs.tried(
                    "place", token=RAIN.yes_token, side="BUY", post_only=post_only,
                    **asked(sdk, price, size),
                )  # fmt: skip
                assert words in str(said), said
                order = submit(
                    f"x-{n}", price=units(price, 10_000), quantity=units(size, 1_000_000),
                    post_only=post_only,
                )  # fmt: skip
                with pytest.raises(VenueRefused) as refused:
                    await side.ours.trading.place(order)
                assert refused.value.reason == cause
            await v.control("resolve", market=RAIN.condition_id)
            closed = await side.theirs.tried(
                "place", token=RAIN.yes_token, side="BUY", **asked(sdk, "0.5", "10")
            )
            assert "does not exist" in str(closed)
            with pytest.raises(VenueRefused) as gone:
                await side.ours.trading.place(submit("x-9"))
            assert gone.value.reason == Refusal.MARKET_CLOSED

    check(scenario)


def test_a_price_off_the_grid_is_rounded_by_one_and_refused_by_the_others() -> None:
    async def scenario() -> None:
        async with side_by_side(CLOB) as side:
            said = await side.theirs.ask(
                "place", token=RAIN.yes_token, side="BUY", price=0.555, size=10.0
            )
            assert side.record(said["orderID"]).order.price % 100 == 0
            with pytest.raises(VenueRefused) as refused:
                await side.ours.trading.place(submit("g-1", price=5_550))
            assert refused.value.reason == Refusal.PRICE_OFF_GRID
        async with side_by_side(UNIFIED) as side:
            told = await side.theirs.tried(
                "place", token=RAIN.yes_token, side="BUY", price="0.555", size="10"
            )
            assert told["kind"] == "UserInputError"

    check(scenario)


def test_the_float_bug_of_one_client_is_its_own() -> None:
    async def scenario() -> None:
        async with side_by_side(CLOB) as side:
            said = await side.theirs.ask(
                "place", token=RAIN.yes_token, side="BUY", price=0.5, size=141.7
            )
            placed = await side.ours.trading.place(submit("b-1", quantity=141_700_000))
            assert side.record(said["orderID"]).wanted == 141_690_000
            assert side.record(placed.venue_order_id).wanted == 141_700_000
        async with side_by_side(UNIFIED) as side:
            said = await side.theirs.ask(
                "place", token=RAIN.yes_token, side="BUY", price="0.5", size="141.7"
            )
            assert side.record(said["order_id"]).wanted == 141_700_000

    check(scenario)


def test_the_older_client_s_other_calls_are_served() -> None:
    async def scenario() -> None:
        async with side_by_side(CLOB) as side:
            v, them = side.venue, side.theirs
            await v.bob.placed("BUY", "0.40", "10")
            await v.bob.placed("BUY", "0.50", "10", token=RAIN.no_token)
            token = RAIN.yes_token
            assert await them.ask("book_hash", token=token) is True
            assert await them.ask("midpoint", token=token) == {"mid": "0.45"}
            assert await them.ask("price", token=token, side="BUY") == {"price": "0.4"}
            assert await them.ask("spread", token=token) == {"spread": "0.1"}
            assert await them.ask("tick", token=token) == "0.01"
            assert await them.ask("neg_risk", token=token) is False
            assert await them.ask("fee_cap", token=token) == 1_000
            assert (await them.ask("market", market=RAIN.condition_id))["mos"] == 5
            assert await them.ask("closed_only") == {"closed_only": False}
            assert abs(await them.ask("time") - time.time()) < 5
            assert len((await them.ask("keys"))["apiKeys"]) == 1
            orders = [
                {"token": token, "side": "BUY", "price": 0.1 + n / 100, "size": 10.0}
                for n in range(3)
            ]
            many = await them.ask("place_many", orders=orders)
            ids = [each["orderID"] for each in many]
            gone = await them.ask("cancel_many", order_ids=ids[:1])
            assert gone["canceled"] == ids[:1]
            left = await them.ask("cancel_market", market=RAIN.condition_id)
            assert left["canceled"] == ids[1:]

    check(scenario)


@BOTH
def test_the_dead_man_s_switch_is_one_for_both(sdk: str) -> None:
    async def scenario() -> None:
        async with side_by_side(sdk) as side:
            first = await side.theirs.ask("heartbeat", heartbeat_id="")
            again = await side.theirs.ask("heartbeat", heartbeat_id=first["heartbeat_id"])
            assert again["heartbeat_id"] != first["heartbeat_id"]
            # Ours begins with none, is told the right one, and goes on from there.
            await side.ours.trading.keep_alive()
            wrong = await side.theirs.tried("heartbeat", heartbeat_id=again["heartbeat_id"])
            assert "Invalid Heartbeat ID" in str(wrong) or wrong["kind"].endswith("MismatchError")
            await side.ours.trading.place(submit("h-1"))
            side.venue.clock.advance(11)
            await asyncio.sleep(0.1)
            assert await side.theirs.ask("open_orders") == []

    check(scenario)


def test_the_unified_client_reads_the_catalogue_positions_and_both_channels() -> None:
    async def scenario() -> None:
        async with side_by_side(UNIFIED) as side:
            v, them = side.venue, side.theirs
            markets = await them.ask("markets")
            mine = await side.ours.catalogue.markets({"closed": "false"})
            assert [each["condition_id"] for each in markets] == [each.market for each in mine]
            v.give(v.bob, 20)
            await v.bob.placed("SELL", "0.50", "20")
            assert await them.ask("subscribe", token=RAIN.yes_token) == "subscribed"
            book = (await them.ask("hear", channel="market", count=1))[0]
            assert book["type"] == "book"
            placed = await side.ours.trading.place(submit("u-1"))
            events = await them.ask("hear", channel="user", count=4)
            kinds = {each["type"] for each in events}
            assert kinds == {"order", "trade"}
            statuses = [e["payload"]["status"] for e in events if e["type"] == "trade"]
            assert statuses[:2] == ["MATCHED", "MINED"]
            taken = {e["payload"].get("taker_order_id") for e in events} - {None}
            assert taken == {placed.venue_order_id}
            changes = await them.ask("hear", channel="market", count=2)
            assert {each["type"] for each in changes} == {"last_trade_price", "price_change"}
            held = await them.ask("positions")
            ours = await side.ours.trading.positions()
            assert [Decimal(each["current_size"]) for each in held] == [
                Decimal(each.quantity) / 10**6 for each in ours
            ]
            assert await them.ask("rate") in (None, "standard")

    check(scenario)
