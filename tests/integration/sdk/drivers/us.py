"""Drives polymarket-us: both of its hosts are arguments of the constructor."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Coroutine
from typing import Any

sdk: Any = importlib.import_module("polymarket_us")
serve: Any = importlib.import_module("loop").serve
state: dict[str, Any] = {}
loop = asyncio.new_event_loop()


def run(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
    return loop.run_until_complete(asyncio.wait_for(work, 20))


def client() -> Any:  # noqa: ANN401
    return state["client"]


def open_client(url: str, key_id: str, secret: str) -> str:
    state["client"] = sdk.PolymarketUS(
        key_id=key_id, secret_key=secret, gateway_base_url=url, api_base_url=url, max_retries=0
    )
    return "open"


async def subscribe(slug: str) -> str:
    """Both websockets; what they say is kept until it is asked for."""
    for name, socket in (("markets", client().ws.markets()), ("private", client().ws.private())):
        heard: list[Any] = []
        state[f"{name}.heard"] = heard
        socket.on("message", heard.append)
        await socket.connect()
        state[name] = socket
    await state["markets"].subscribe_market_data("b-1", [slug])
    await state["markets"].subscribe_trades("t-1", [slug])
    await state["private"].subscribe_all("s-1", "SUBSCRIPTION_TYPE_ORDER_SNAPSHOT")
    await state["private"].subscribe_orders("o-1")
    await state["private"].subscribe_positions("p-1")
    await state["private"].subscribe_account_balance("c-1")
    return "subscribed"


async def close() -> None:
    for name in ("markets", "private"):
        if name in state:
            await state[name].close()
    client().close()
    state.clear()


async def hear(channel: str, name: str, count: int) -> list[Any]:
    """The first `count` messages that hold `name`."""
    while True:
        found = [each[name] for each in state[f"{channel}.heard"] if name in each]
        if len(found) >= count:
            return found[:count]
        await asyncio.sleep(0.01)


serve({
    "open": open_client,
    "close_client": lambda: run(close()),
    "create": lambda order: client().orders.create(order),
    "create_many": lambda orders: client().orders.create_many({"orders": orders}),
    "cancel": lambda order_id, slug: client().orders.cancel(order_id, {"marketSlug": slug}),
    "cancel_all": lambda: client().orders.cancel_all(),
    "modify": lambda order_id, change: client().orders.modify(order_id, change),
    "preview": lambda order: client().orders.preview({"request": order}),
    "close": lambda slug: client().orders.close_position(
        {"marketSlug": slug, "synchronousExecution": True}
    ),
    "order": lambda order_id: client().orders.retrieve(order_id),
    "open_orders": lambda: client().orders.list(),
    "positions": lambda: client().portfolio.positions(),
    "activities": lambda: client().portfolio.activities(),
    "balances": lambda: client().account.balances(),
    "markets": lambda: client().markets.list({"closed": False}),
    "market": lambda slug: client().markets.retrieve_by_slug(slug),
    "book": lambda slug: client().markets.book(slug),
    "bbo": lambda slug: client().markets.bbo(slug),
    "subscribe": lambda slug: run(subscribe(slug)),
    "hear": lambda channel, name, count: run(hear(channel, name, count)),
})  # fmt: skip
