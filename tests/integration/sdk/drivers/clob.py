"""Drives py-clob-client-v2: its host is an argument of the constructor."""

from __future__ import annotations

import importlib
from typing import Any

sdk: Any = importlib.import_module("py_clob_client_v2.client")
types: Any = importlib.import_module("py_clob_client_v2.clob_types")
serve: Any = importlib.import_module("loop").serve
state: dict[str, Any] = {}


def client() -> Any:  # noqa: ANN401
    return state["client"]


def open_client(
    url: str, private_key: str, signature_type: int = 0, funder: str | None = None
) -> dict[str, str]:
    state["client"] = sdk.ClobClient(
        url, 137, key=private_key, signature_type=signature_type, funder=funder
    )
    credentials = client().create_or_derive_api_key()
    client().set_api_creds(credentials)
    return {"api_key": credentials.api_key}


def sign(
    token: str, side: str, price: float, size: float, expiration: int, version: int | None
) -> Any:  # noqa: ANN401
    arguments = types.OrderArgsV2(
        token_id=token, price=price, size=size, side=side, expiration=expiration
    )
    options = types.PartialCreateOrderOptions(version=version)
    return client().create_order(arguments, options)


def place(
    token: str, side: str, price: float, size: float, kind: str = "GTC",
    post_only: bool = False, expiration: int = 0, version: int | None = None,
) -> Any:  # noqa: ANN401  # fmt: skip
    signed = sign(token, side, price, size, expiration, version)
    return client().post_order(signed, getattr(types.OrderType, kind), post_only)


def place_many(orders: list[dict[str, Any]]) -> Any:  # noqa: ANN401
    arguments = [
        types.PostOrdersV2Args(order=sign(expiration=0, version=None, **each)) for each in orders
    ]
    return client().post_orders(arguments)


def spend(token: str, amount: float, price: float, kind: str = "FAK") -> Any:  # noqa: ANN401
    arguments = types.MarketOrderArgsV2(token_id=token, amount=amount, side="BUY", price=price)
    signed = client().create_market_order(arguments)
    return client().post_order(signed, getattr(types.OrderType, kind))


def balance(token: str | None = None) -> Any:  # noqa: ANN401
    kind = types.AssetType.CONDITIONAL if token else types.AssetType.COLLATERAL
    return client().get_balance_allowance(
        types.BalanceAllowanceParams(asset_type=kind, token_id=token)
    )


def book_is_as_hashed(token: str) -> bool:
    book = client().get_order_book(token)
    told = book["hash"]
    return bool(client().get_order_book_hash(book) == told)


serve({
    "open": open_client,
    "close_client": state.clear,
    "place": place,
    "place_many": place_many,
    "spend": spend,
    "cancel": lambda order_id: client().cancel_order(types.OrderPayload(orderID=order_id)),
    "cancel_many": lambda order_ids: client().cancel_orders(order_ids),
    "cancel_all": lambda: client().cancel_all(),
    "cancel_market": lambda market: client().cancel_market_orders(
        types.OrderMarketCancelParams(market=market)
    ),
    "order": lambda order_id: client().get_order(order_id),
    "open_orders": lambda: client().get_open_orders(),
    "trades": lambda: client().get_trades(),
    "balance": balance,
    "update_balance": lambda: client().update_balance_allowance(),
    "book": lambda token: client().get_order_book(token),
    "book_hash": book_is_as_hashed,
    "midpoint": lambda token: client().get_midpoint(token),
    "price": lambda token, side: client().get_price(token, side),
    "spread": lambda token: client().get_spread(token),
    "tick": lambda token: client().get_tick_size(token),
    "neg_risk": lambda token: client().get_neg_risk(token),
    "fee_cap": lambda token: client().get_fee_rate_bps(token),
    "market": lambda market: client().get_clob_market_info(market),
    "heartbeat": lambda heartbeat_id: client().post_heartbeat(heartbeat_id),
    "closed_only": lambda: client().get_closed_only_mode(),
    "time": lambda: client().get_server_time(),
    "keys": lambda: client().get_api_keys(),
})  # fmt: skip
