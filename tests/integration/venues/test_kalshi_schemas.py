"""Everything the simulated Kalshi says during a scenario is what the published specs describe."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from typing import Any

import pytest
from jsonschema import Draft7Validator

from kairos.domain.instruments import Outcome
from tests.support.plain_yaml import load
from tests.support.repository import shared
from tests.support.sim_kalshi import OTHER, TICKER, Reply, Rest, Socket, Venue, run, venue

Seen = list[tuple[str, str, Reply]]
REST = "kalshi_openapi_3.34.0.yaml"
STREAM = "kalshi_asyncapi_2026-10-26.yaml"
IOC = "immediate_or_cancel"
GROUPS = "/portfolio/order_groups"

# Statuses that are answered at the edge and have no schema of their own.
_EDGE = {429: {"error": "too many requests"}}
_PAYLOADS = {
    "subscribed": "subscribedResponsePayload",
    "unsubscribed": "unsubscribedResponsePayload",
    "error": "errorResponsePayload",
    "orderbook_snapshot": "orderbookSnapshotPayload",
    "orderbook_delta": "orderbookDeltaPayload",
    "ticker": "tickerPayload",
    "trade": "tradePayload",
    "fill": "fillPayload",
    "user_order": "userOrderPayload",
    "market_position": "marketPositionPayload",
    "market_lifecycle_v2": "marketLifecycleV2Payload",
    "order_group_updates": "orderGroupUpdatesPayload",
    "cfbenchmarks_value_indexlist": "cfbenchmarksIndexListPayload",
}


@functools.cache
def spec(name: str) -> dict[str, Any]:
    """A specification, with `nullable` in JSON Schema's own words."""
    path = shared(f"specs/{name}")
    read: dict[str, Any] = load(path.read_text())
    return _nullable(read)  # type: ignore[no-any-return]


def _nullable(node: Any) -> Any:  # noqa: ANN401
    if isinstance(node, list):
        return [_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _nullable(value) for key, value in node.items()}
    if inner.pop("nullable", False) is True:
        inner.pop("x-omitempty", None)
        return {"anyOf": [inner, {"type": "null"}]}
    return inner


def problems(document: dict[str, Any], reference: str, body: object) -> list[str]:
    schema = {"$ref": reference, "components": document["components"]}
    found = Draft7Validator(schema).iter_errors(body)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


def operation(document: dict[str, Any], method: str, path: str) -> tuple[str, dict[str, Any]]:
    """The template and the responses of what was asked; the most literal template wins."""
    fitting = []
    for template, operations in document["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in operations:
            fitting.append(template)
    assert fitting, f"{method} {path} is not in the specification"
    template = min(fitting, key=lambda t: t.count("{"))
    responses: dict[str, Any] = document["paths"][template][method.lower()]["responses"]
    return template, responses


def check(document: dict[str, Any], method: str, path: str, reply: Reply) -> list[str]:
    """What is wrong with one reply."""
    template, responses = operation(document, method, path)
    if reply.status in _EDGE:
        return [] if reply.body == _EDGE[reply.status] else [f"{template}: {reply.body}"]
    if reply.status >= 400:
        error = reply.body.get("error", reply.body)
        return problems(document, "#/components/schemas/ErrorResponse", error)
    described = responses.get(str(reply.status))
    if described is None:
        return [f"{method} {template}: status {reply.status} is not described"]
    content = described.get("content")
    if content is None:
        return [] if reply.body is None else [f"{template}: a body where there is none"]
    reference = content["application/json"]["schema"]["$ref"]
    return [f"{method} {template}: {p}" for p in problems(document, reference, reply.body)]


async def trade(v: Venue) -> tuple[str, str]:
    """Rest, fill partly, cancel one: an order that rests and a group."""
    made = await v.alice.call(
        "POST", f"{GROUPS}/create", {"contracts_limit": 90, "exchange_index": 2}
    )
    group = str(made.body["order_group_id"])
    expires = v.clock.now_ns() // 10**9 + 60
    resting = await v.alice.placed(
        "bid", "0.4000", client_order_id="r-1", order_group_id=group, expiration_time=expires
    )
    await v.alice.placed("bid", "0.4100", "2.00")
    await v.bob.place("ask", "0.4000", "3.50", time_in_force=IOC)
    await v.bob.placed("ask", "0.6000")
    gone = await v.alice.placed("ask", "0.7000")
    await v.alice.call("DELETE", f"/portfolio/events/orders/{gone}", market_ticker=TICKER)
    amended = {"ticker": TICKER, "side": "bid", "price": "0.4000", "count": "8.00"}
    await v.alice.call("POST", f"/portfolio/events/orders/{resting}/amend", amended)
    reduced = {"reduce_by": "1.00", "market_ticker": TICKER}
    await v.alice.call("POST", f"/portfolio/events/orders/{resting}/decrease", reduced)
    return resting, group


async def batches(v: Venue) -> None:
    item = {
        "ticker": TICKER, "side": "bid", "price": "0.2000", "count": "1.00",
        "time_in_force": "good_till_canceled", "self_trade_prevention_type": "maker",
    }  # fmt: skip
    path = "/portfolio/events/orders/batched"
    bad = {**item, "price": "0.5050"}
    made = await v.alice.call("POST", path, {"orders": [item, bad]})
    ended = [{"order_id": made.body["orders"][0]["order_id"], "market_ticker": TICKER},
             {"order_id": "nothing"}]  # fmt: skip
    await v.alice.call("DELETE", path, {"orders": ended})


async def read_everything(v: Venue, rest: Rest, order_id: str, group: str) -> None:
    now_s = v.clock.now_ns() // 10**9
    span = {"start_ts": now_s - 7_200, "end_ts": now_s + 7_200, "period_interval": 1}
    event = TICKER.rsplit("-", 1)[0]
    for path in (
        "/exchange/status", "/exchange/schedule", "/exchange/user_data_timestamp", "/series",
        "/series/fee_changes", "/series/KXBTC15M", "/events", "/events/fee_changes",
        "/events/multivariate", f"/events/{event}", f"/events/{event}/metadata", "/markets",
        "/markets/trades", f"/markets/{TICKER}", f"/markets/{TICKER}/orderbook",
        "/account/endpoint_costs", "/account/limits", "/historical/cutoff", "/historical/markets",
        "/historical/trades", "/portfolio/balance", "/portfolio/positions", "/portfolio/fills",
        "/portfolio/settlements", "/portfolio/orders", "/portfolio/orders/queue_positions",
        f"/portfolio/orders/{order_id}", f"/portfolio/orders/{order_id}/queue_position",
        "/portfolio/summary/total_resting_order_value", "/historical/orders", "/historical/fills",
        "/historical/positions", "/account/api_usage_level/volume_progress", GROUPS,
        f"{GROUPS}/{group}", "/markets/KXNO-1", "/portfolio/orders/nothing",
    ):  # fmt: skip
        await rest.call("GET", path)
    await rest.call("GET", "/events", with_nested_markets="true")
    await rest.call("GET", "/markets/orderbooks", tickers=TICKER)
    await rest.call("GET", "/markets/candlesticks", market_tickers=f"{TICKER},{OTHER}", **span)
    await rest.call("GET", f"/series/KXBTC15M/markets/{TICKER}/candlesticks", **span)
    await rest.call("GET", f"/series/KXBTC15M/events/{event}/candlesticks", **span)
    await rest.call("GET", f"/historical/markets/{TICKER}/candlesticks", **span)


async def refuse(v: Venue) -> None:
    await v.alice.place("bid", "0.5050")
    await v.alice.place("bid", "0.4000", client_order_id="r-1")
    await v.alice.place("bid", "0.4000", expiration_time="soon")
    await v.alice.call("DELETE", "/portfolio/events/orders/nothing")


async def manage_groups(v: Venue, group: str) -> None:
    path = f"{GROUPS}/{group}"
    await v.alice.call("PUT", f"{path}/limit", {"contracts_limit_fp": "70.00"})
    await v.alice.call("PUT", f"{path}/trigger", exchange_index=2)
    await v.alice.call("PUT", f"{path}/reset", exchange_index=2)
    await v.alice.call("DELETE", path, exchange_index=2)
    await v.alice.call("DELETE", "/portfolio/events/orders")


def settle(v: Venue) -> None:
    v.server.exchange.settle(v.server.exchange.market(TICKER), Outcome.YES, v.clock.now_ns())


async def listen(socket: Socket, frames: list[dict[str, Any]]) -> None:
    """Keep every frame until the connection ends."""
    while True:
        message = await socket.socket.receive()
        if message.type.name != "TEXT":
            return
        frames.append(json.loads(message.data))


def test_rest_replies_validate_against_the_openapi_document() -> None:
    document = spec(REST)

    async def scenario() -> Seen:
        async with venue() as v:
            order_id, group = await trade(v)
            await batches(v)
            await read_everything(v, v.alice, order_id, group)
            await refuse(v)
            await manage_groups(v, group)
            settle(v)
            for path in ("/portfolio/settlements", "/portfolio/positions", f"/markets/{TICKER}",
                         "/historical/markets", f"/historical/markets/{TICKER}"):  # fmt: skip
                await v.alice.call("GET", path, **_settled(path))
            return v.alice.seen + v.bob.seen

    seen = run(scenario)
    wrong = [line for method, path, reply in seen for line in check(document, method, path, reply)]
    assert not wrong, "\n".join(wrong[:20])
    assert len({operation(document, method, path)[0] for method, path, _ in seen}) >= 45


def _settled(path: str) -> dict[str, str]:
    return {"settlement_status": "all"} if path.endswith("positions") else {}


def test_websocket_frames_validate_against_the_asyncapi_document() -> None:
    document = spec(STREAM)

    async def scenario() -> list[dict[str, Any]]:
        frames: list[dict[str, Any]] = []
        async with venue() as v, v.socket() as socket:
            await socket.send(
                "subscribe",
                channels=["orderbook_delta", "ticker", "trade", "fill", "user_orders",
                          "market_positions", "market_lifecycle_v2", "order_group_updates"],
                market_tickers=[TICKER], send_initial_snapshot=True,
            )  # fmt: skip
            await socket.send("subscribe", channels=["cfbenchmarks_value"], index_ids=["BRTI"])
            reader = asyncio.create_task(listen(socket, frames))
            await asyncio.sleep(0.05)
            _, group = await trade(v)
            await manage_groups(v, group)
            v.server.step()
            settle(v)
            await socket.send("update_subscription", sid=9, action="indexlist")
            await socket.send(
                "update_subscription", sid=1, action="add_markets", market_tickers=[OTHER]
            )
            await socket.send("unsubscribe", sids=[2])
            await socket.send("unsubscribe", sids=[99])
            await asyncio.sleep(0.1)
            await socket.socket.close()
            await reader
        return frames

    frames = run(scenario)
    wrong = []
    for frame in frames:
        name = _PAYLOADS.get(frame["type"], "okResponsePayload")
        wrong += [
            f"{frame['type']}: {line}"
            for line in problems(document, f"#/components/schemas/{name}", frame)
        ]
    assert not wrong, "\n".join(wrong[:20])
    assert {frame["type"] for frame in frames} >= set(_PAYLOADS)


@pytest.mark.parametrize("change", ["remove", "retype"])
def test_the_check_notices_a_drifted_reply(change: str) -> None:
    document = spec(REST)
    body: dict[str, Any] = {
        "order_id": "o", "fill_count": "0.00", "remaining_count": "1.00", "ts_ms": 1,
    }  # fmt: skip
    if change == "remove":
        del body["remaining_count"]
    else:
        body["remaining_count"] = 1.0
    assert check(document, "POST", "/portfolio/events/orders", Reply(201, body, {}))
