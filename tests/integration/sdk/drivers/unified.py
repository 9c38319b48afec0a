"""Drives polymarket-client. Its hosts are an `environment` given to the constructor; an environment
with other hosts than production's is made by the SDK's own `create_environment`."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
from collections.abc import Coroutine
from typing import Any

sdk: Any = importlib.import_module("polymarket")
environments: Any = importlib.import_module("polymarket._internal.environment")
streams: Any = importlib.import_module("polymarket.streams")
serve: Any = importlib.import_module("loop").serve
state: dict[str, Any] = {}
loop = asyncio.new_event_loop()


def run(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
    return loop.run_until_complete(asyncio.wait_for(work, 20))


def client() -> Any:  # noqa: ANN401
    return state["client"]


def plain(value: Any) -> Any:  # noqa: ANN401
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)


def open_client(url: str, private_key: str, wallet: str | None) -> dict[str, str]:
    ws = url.replace("http://", "ws://")
    config = dataclasses.replace(
        environments.PRODUCTION_CONFIG,
        clob_url=url,
        gamma_url=url,
        data_url=url,
        relayer_url=url,
        rfq_url=url,
        clob_market_ws_url=f"{ws}/ws/market",
        clob_user_ws_url=f"{ws}/ws/user",
    )
    environment = environments.create_environment(name="simulated", config=config)
    state["client"] = run(
        sdk.AsyncSecureClient.create(
            private_key=private_key,
            wallet=wallet,
            environment=environment,
            on_rate_limit_update=lambda update: state.update(rate=update.tier),
        )
    )
    return {"wallet": str(client().wallet)}


async def collected(pages: Any) -> list[Any]:  # noqa: ANN401
    return [plain(item) async for page in pages for item in page.items]


async def subscribe(token: str) -> str:
    specs = {"market": streams.MarketSpec(asset_ids=[token]), "user": streams.UserSpec()}
    for name, spec in specs.items():
        state[name] = await client().subscribe(spec)
    return "subscribed"


async def hear(channel: str, count: int) -> list[Any]:
    events: list[Any] = []
    async for event in state[channel]:
        events.append(plain(event))
        if len(events) >= count:
            break
    return events


def place(
    token: str, side: str, price: str, size: str, post_only: bool = False,
    expiration: int | None = None,
) -> Any:  # noqa: ANN401  # fmt: skip
    return plain(
        run(
            client().place_limit_order(
                asset_id=token, price=price, size=size, side=side, post_only=post_only,
                expiration=expiration,
            )
        )
    )  # fmt: skip


def spend(token: str, amount: str, price: str, kind: str = "FAK") -> Any:  # noqa: ANN401
    work = client().place_market_order(
        asset_id=token, side="BUY", amount=amount, max_price=price, order_type=kind
    )
    return plain(run(work))


serve(
    {
        "open": open_client,
        "close_client": lambda: run(client().close()),
        "place": place,
        "spend": spend,
        "cancel": lambda order_id: plain(run(client().cancel_order(order_id=order_id))),
        "cancel_all": lambda: plain(run(client().cancel_all())),
        "order": lambda order_id: plain(run(client().get_order(order_id=order_id))),
        "open_orders": lambda: run(collected(client().list_open_orders())),
        "trades": lambda: run(collected(client().list_account_trades())),
        "positions": lambda: run(collected(client().list_positions())),
        "markets": lambda: run(collected(client().list_markets(closed=False))),
        "balance": lambda: plain(run(client().get_balance_allowance(asset_type="COLLATERAL"))),
        "book": lambda token: plain(run(client().get_order_book(asset_id=token))),
        "midpoint": lambda token: str(run(client().get_midpoint(asset_id=token))),
        "heartbeat": lambda heartbeat_id: plain(
            run(client().send_order_heartbeat(heartbeat_id=heartbeat_id))
        ),
        "rate": lambda: state.get("rate"),
        "subscribe": lambda token: run(subscribe(token)),
        "hear": lambda channel, count: run(hear(channel, count)),
    },
    plain,
)
