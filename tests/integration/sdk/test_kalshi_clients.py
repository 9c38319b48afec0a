"""The two Kalshi clients that people use and ours, side by side against one simulated venue."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from kairos.adapters.kalshi.auth import KalshiKey
from kairos.adapters.kalshi.build import kalshi_account, kalshi_transport
from kairos.adapters.kalshi.config import DEMO
from kairos.adapters.kalshi.rest import KalshiTrading
from kairos.domain.instruments import Action, Outcome
from kairos.domain.refusals import Refusal
from kairos.errors import VenueRefused
from kairos.messages.commands import SubmitOrder
from local.venues.kalshi.records import OrderRecord
from local.venues.kalshi.server import ServerSettings
from tests.support import ours_against_simulators as ours_support
from tests.support.sdk_drivers import Theirs, theirs
from tests.support.sim_kalshi import TICKER, Venue, venue
from tests.support.sim_polymarket import run

TEXAS, OFFICIAL = "kalshi-sdk", "kalshi-python-async"
SCRIPTS = {TEXAS: "texas.py", OFFICIAL: "official.py"}
BOTH = pytest.mark.parametrize("sdk", [TEXAS, OFFICIAL])
SECONDS = 400.0  # the first test may have to make the environments


@dataclass
class Side:
    """Both clients of one account, at the same venue."""

    venue: Venue
    theirs: Theirs
    ours: KalshiTrading

    def record(self, order_id: str) -> OrderRecord:
        return self.venue.server.exchange.records[order_id]


@asynccontextmanager
async def side_by_side(sdk: str) -> AsyncIterator[Side]:
    """RSA keys: the one SDK knows no others."""
    settings = ServerSettings(tier="prestige", is_driven=False)
    async with venue(settings, kind="rsa") as v:
        credentials = v.alice.credentials
        pem = credentials.private_key_pem
        opened = {
            "base_url": v.server.base_url,
            "key_id": credentials.key_id,
            "private_key": pem.decode(),
        }
        if sdk == TEXAS:
            opened["ws_url"] = v.server.ws_url
        config = replace(DEMO, rest_origin=v.server.server.url)
        transport = kalshi_transport(config)
        try:
            async with theirs(sdk, SCRIPTS[sdk], **opened) as them:
                ours = await kalshi_account(
                    config, KalshiKey.from_pem(credentials.key_id, pem),
                    ours_support.MachineClock(), transport, contracts_limit=10_000_000_000,
                    jitter=lambda: 0.5, exchange_index=2,
                )  # fmt: skip
                yield Side(v, them, ours)
        finally:
            await transport.close()


def check(work: Callable[[], Any]) -> None:
    run(work, SECONDS)


def wanted(side: str, price: str, count: str, client_order_id: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """The body that their user writes; prices are YES prices."""
    return {
        "ticker": TICKER,
        "side": side,
        "price": price,
        "count": count,
        "client_order_id": client_order_id,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    } | more


def order(client_order_id: str, **more: Any) -> SubmitOrder:  # noqa: ANN401
    facts: dict[str, Any] = {"market": TICKER, "ts_ns": time.time_ns(), "post_only": True}
    return ours_support.submit(client_order_id, **(facts | more))


def rows(said: Any, name: str) -> list[Any]:  # noqa: ANN401
    """The one gives lists, the other whole pages."""
    found: list[Any] = said if isinstance(said, list) else said[name]
    return found


@BOTH
def test_equal_parameters_make_equal_orders(sdk: str) -> None:
    async def scenario() -> None:
        cases = [
            ("bid", "0.5300", Outcome.YES, Action.BUY, 5_300),
            ("ask", "0.6100", Outcome.NO, Action.BUY, 3_900),
        ]
        async with side_by_side(sdk) as side:
            for n, (book_side, yes_price, outcome, action, price) in enumerate(cases):
                body = wanted(book_side, yes_price, "12.00", f"theirs-{n}", post_only=True)
                made = await side.theirs.ask("place", order=body)
                intent = order(
                    f"ours-{n}", outcome=outcome, action=action, price=price, quantity=12_000_000
                )
                placed = await side.ours.place(intent)
                told, mine = side.record(made["order_id"]), side.record(placed.venue_order_id)
                for name in ("account", "ticker", "exchange_index"):
                    assert getattr(told, name) == getattr(mine, name), name
                for name in ("price", "quantity", "action", "outcome", "post_only", "self_trade"):
                    assert getattr(told.order, name) == getattr(mine.order, name), name
                # Ours never rests without an end and a group; theirs does as it was told.
                assert (told.group_id, mine.group_id is not None) == (None, True)

    check(scenario)


@BOTH
def test_what_one_places_the_other_sees_and_cancels(sdk: str) -> None:
    async def scenario() -> None:
        async with side_by_side(sdk) as side:
            made = await side.theirs.ask("place", order=wanted("bid", "0.4000", "10.00", "t-1"))
            placed = await side.ours.place(order("o-1", price=4_500))
            listed = rows(await side.theirs.ask("open_orders"), "orders")
            mine = {each.venue_order_id for each in await side.ours.open_orders()}
            assert {each["order_id"] for each in listed} == mine
            assert mine == {made["order_id"], placed.venue_order_id}
            await side.theirs.ask("cancel", order_id=placed.venue_order_id, ticker=TICKER)
            await side.ours.cancel(made["order_id"], TICKER)
            assert rows(await side.theirs.ask("open_orders"), "orders") == []

    check(scenario)


@BOTH
def test_fills_positions_and_cash_are_the_same_facts_to_both(sdk: str) -> None:
    async def scenario() -> None:
        async with side_by_side(sdk) as side:
            v = side.venue
            await v.bob.placed("ask", "0.6000", "20.00")
            made = await side.theirs.ask("place", order=wanted("bid", "0.6000", "5.00", "t-1"))
            placed = await side.ours.place(
                order("o-1", price=6_000, quantity=7_000_000, post_only=False)
            )
            theirs_told = {
                (each["order_id"], _number(each, "count"))
                for each in rows(await side.theirs.ask("fills"), "fills")
            }
            ours_told = {(each.venue_order_id, each.quantity) for each in await side.ours.fills(0)}
            assert theirs_told == ours_told
            assert ours_told == {(made["order_id"], 5_000_000), (placed.venue_order_id, 7_000_000)}
            held = (await side.theirs.ask("positions"))["market_positions"][0]
            mine = await side.ours.positions()
            assert [_number(held, "position")] == [each.quantity for each in mine]
            cash = (await side.ours.balance()).cash
            balance = await side.theirs.ask("balance")
            assert int(balance["balance"]) == cash // 10_000

    check(scenario)


@BOTH
def test_what_the_venue_refuses_both_are_told(sdk: str) -> None:
    async def scenario() -> None:
        async with side_by_side(sdk) as side:
            cases = [
                ("insufficient_balance", Refusal.INSUFFICIENT_BALANCE, "0.5000", "9000.00"),
                ("invalid price", Refusal.PRICE_OFF_GRID, "0.5550", "10.00"),
            ]
            for n, (words, cause, price, count) in enumerate(cases):
                said = await side.theirs.tried("place", order=wanted("bid", price, count, f"t-{n}"))
                assert said["status"] == 400
                # The generated client reads errors as its spec has them, not as they are sent:
                # wrapped in `error`, their words are lost on it.
                assert sdk == OFFICIAL or words in str(said).lower(), said
                intent = order(
                    f"o-{n}",
                    price=int(Decimal(price) * 10_000),
                    quantity=int(Decimal(count) * 10**6),
                )
                with pytest.raises(VenueRefused) as refused:
                    await side.ours.place(intent)
                assert refused.value.reason == cause
            again = wanted("bid", "0.1000", "1.00", "same")
            await side.theirs.ask("place", order=again)
            twice = await side.theirs.tried("place", order=again)
            assert twice["status"] == 409

    check(scenario)


def _number(row: dict[str, Any], name: str) -> int:
    """Micro-contracts; the SDKs keep the venue's `_fp` in the name or leave it out."""
    text = row.get(f"{name}_fp", row.get(name))
    return int(Decimal(str(text)) * 10**6)
