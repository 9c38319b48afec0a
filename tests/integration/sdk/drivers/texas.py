"""Drives kalshi-sdk: its base URL is an argument of the constructor. It signs with RSA only."""

from __future__ import annotations

import importlib
from typing import Any

sdk: Any = importlib.import_module("kalshi.client")
config: Any = importlib.import_module("kalshi.config")
models: Any = importlib.import_module("kalshi.models.orders")
serve: Any = importlib.import_module("loop").serve
state: dict[str, Any] = {}


def client() -> Any:  # noqa: ANN401
    return state["client"]


def plain(value: Any) -> Any:  # noqa: ANN401
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)


def rows(page: Any) -> list[Any]:  # noqa: ANN401
    return [plain(each) for each in page]


def open_client(base_url: str, ws_url: str, key_id: str, private_key: str) -> str:
    settings = config.KalshiConfig(base_url=base_url, ws_base_url=ws_url, max_retries=0)
    state["client"] = sdk.KalshiClient(key_id=key_id, private_key=private_key, config=settings)
    return "open"


serve(
    {
        "open": open_client,
        "close_client": lambda: client().close(),
        "place": lambda order: plain(
            client().orders.create_v2(request=models.CreateOrderV2Request(**order))
        ),
        "cancel": lambda order_id, ticker: plain(
            client().orders.cancel_v2(order_id, market_ticker=ticker, exchange_index=-1)
        ),
        "order": lambda order_id: plain(client().orders.get(order_id)),
        "open_orders": lambda: rows(client().orders.list_all(status="resting")),
        "fills": lambda: rows(client().portfolio.fills_all()),
        "positions": lambda: plain(client().portfolio.positions()),
        "balance": lambda: plain(client().portfolio.balance()),
        "market": lambda ticker: plain(client().markets.get(ticker)),
        "book": lambda ticker: plain(client().markets.orderbook(ticker)),
        "status": lambda: plain(client().exchange.status()),
    },
    plain,
)
