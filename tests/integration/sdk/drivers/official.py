"""Drives kalshi_python_async: its host is a setting of its configuration."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Coroutine
from typing import Any

sdk: Any = importlib.import_module("kalshi_python_async")
serve: Any = importlib.import_module("loop").serve
state: dict[str, Any] = {}
loop = asyncio.new_event_loop()


def run(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
    return plain(loop.run_until_complete(asyncio.wait_for(work, 20)))


def client() -> Any:  # noqa: ANN401
    return state["client"]


def plain(value: Any) -> Any:  # noqa: ANN401
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)


async def opened(base_url: str, key_id: str, private_key: str) -> str:
    configuration = sdk.Configuration(host=base_url)
    configuration.api_key_id = key_id
    configuration.private_key_pem = private_key
    state["client"] = sdk.KalshiClient(configuration)
    return "open"


serve(
    {
        "open": lambda base_url, key_id, private_key: run(opened(base_url, key_id, private_key)),
        "place": lambda order: run(client()._orders_api.create_order_v2(**order)),
        "cancel": lambda order_id, ticker: run(
            client()._orders_api.cancel_order_v2(order_id, market_ticker=ticker)
        ),
        "order": lambda order_id: run(client()._orders_api.get_order(order_id)),
        "open_orders": lambda: run(client()._orders_api.get_orders(status="resting")),
        "fills": lambda: run(client()._portfolio_api.get_fills()),
        "positions": lambda: run(client()._portfolio_api.get_positions()),
        "balance": lambda: run(client()._portfolio_api.get_balance()),
        "market": lambda ticker: run(client()._market_api.get_market(ticker)),
        "close_client": lambda: run(client().close()),
    },
    plain,
)
