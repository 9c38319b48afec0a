"""What we read from Kalshi and send to it is what OpenAPI 3.34 and AsyncAPI 2026-10-26 say."""

from __future__ import annotations

import asyncio
import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from kairos.adapters.kalshi import catalogue_schemas, endpoints, private, rest_schemas, schemas
from kairos.adapters.kalshi.stream import KalshiCommands, classify
from kairos.domain.instruments import Action, Outcome, Venue
from kairos.messages.commands import TimeInForce
from kairos.messages.trading import OrderStatus, VenueOrder
from tests.support import kalshi_spec
from tests.support.kalshi_rest import CLIENT_ID, MARKET, catalogue, submit, trading
from tests.support.kalshi_spec import SpecTransport, differences
from tests.support.repository import ROOT, shared
from tests.support.rest import FakeClock

R, C, P, W = rest_schemas, catalogue_schemas, private, schemas

Structs = dict[str, type[msgspec.Struct]]

READ: Structs = {
    "CreateOrderV2Response": R.Created,
    "BatchCreateOrdersV2Response": R.CreatedItems,
    "CancelOrderV2Response": R.Canceled,
    "BatchCancelOrdersV2Response": R.CanceledItems,
    "AmendOrderV2Response": R.Amended,
    "DecreaseOrderV2Response": R.Decreased,
    "CreateOrderGroupResponse": R.CreatedGroup,
    "GetOrderGroupResponse": R.Group,
    "GetOrderResponse": R.OrderReply,
    "GetOrdersResponse": R.OrdersPage,
    "GetFillsResponse": R.FillsPage,
    "GetPositionsResponse": R.PositionsPage,
    "GetSettlementsResponse": R.SettlementsPage,
    "GetBalanceResponse": R.Balance,
    "GetAccountApiLimitsResponse": R.AccountLimits,
    "GetAccountEndpointCostsResponse": R.EndpointCosts,
    "ExchangeStatus": R.ExchangeStatus,
    "GetExchangeScheduleResponse": R.ScheduleReply,
    "GetUserDataTimestampResponse": R.UserDataTimestamp,
    "GetHistoricalCutoffResponse": R.HistoricalCutoff,
    "GetSeriesResponse": C.SeriesReply,
    "GetEventResponse": C.EventReply,
    "GetEventsResponse": C.EventsPage,
    "GetMarketResponse": C.MarketReply,
    "GetMarketsResponse": C.MarketsPage,
    "GetMarketOrderbookResponse": C.OrderbookReply,
    "GetMarketOrderbooksResponse": C.OrderbooksReply,
    "GetTradesResponse": C.TradesPage,
    "GetMarketCandlesticksResponse": C.CandlesticksReply,
    "GetMarketCandlesticksHistoricalResponse": C.ArchivedCandlesticksReply,
}
SENT: Structs = {
    "CreateOrderV2Request": R.CreateOrder,
    "BatchCreateOrdersV2Request": R.CreateOrders,
    "BatchCancelOrdersV2Request": R.CancelItems,
    "AmendOrderV2Request": R.AmendOrderBody,
    "DecreaseOrderV2Request": R.DecreaseOrder,
    "CreateOrderGroupRequest": R.CreateGroup,
    "UpdateOrderGroupLimitRequest": R.LimitGroup,
}
STREAMED: Structs = {
    "fillPayload": P.FillFrame,
    "userOrderPayload": P.UserOrderFrame,
    "marketPositionPayload": P.PositionFrame,
    "orderGroupUpdatesPayload": P.GroupFrame,
    "cfbenchmarksValue5HzPayload": P.FastIndexFrame,
    "cfbenchmarksValuePayload": W.CfBenchmarksValue,
    "orderbookDeltaPayload": W.OrderbookDelta,
    "orderbookSnapshotPayload": W.OrderbookSnapshot,
    "tickerPayload": W.Ticker,
    "tradePayload": W.Trade,
    "subscribedResponsePayload": W.Subscribed,
    "unsubscribedResponsePayload": W.Unsubscribed,
    "okResponsePayload": W.Ok,
    "errorResponsePayload": W.Error,
}

# The ticker channel has no sequence; should it get one, old and new frames must both be readable.
BEYOND = {"tickerPayload.seq: is gone"}


@pytest.fixture(scope="module")
def digest() -> dict[str, Any]:
    return kalshi_spec.load()


def all_differences(digest: dict[str, Any]) -> list[str]:
    return [each for each in _all(digest) if each not in BEYOND]


def _all(digest: dict[str, Any]) -> Iterator[str]:
    rest, stream = digest["openapi"]["schemas"], digest["asyncapi"]["schemas"]
    for name, struct in READ.items():
        yield from differences(struct, name, rest)
    for name, struct in SENT.items():
        yield from differences(struct, name, rest, sent=True)
    for name, frame in STREAMED.items():
        yield from differences(frame, name, stream)


def test_every_field_we_read_or_send_is_specified_with_that_type(digest: dict[str, Any]) -> None:
    assert all_differences(digest) == []


def test_every_reply_type_is_held_against_the_specification(digest: dict[str, Any]) -> None:
    specified = {
        kind[1:]
        for name in {each.name for each in endpoints.USED}
        for kind in digest["openapi"]["paths"][name]["responses"].values()
        if kind is not None and kind.startswith("@")
    }
    assert specified - READ.keys() == set()


def test_every_stream_message_has_the_type_that_selects_it(digest: dict[str, Any]) -> None:
    for name, struct in STREAMED.items():
        (const,) = digest["asyncapi"]["schemas"][name]["type"][2]
        assert struct.__struct_config__.tag == const, name


Mutation = tuple[str, str, str, str]
MUTATIONS: list[Mutation] = [
    ("openapi", "CreateOrderV2Request", "price", "rename"),
    ("openapi", "CreateOrderV2Request", "order_group_id", "rename"),
    ("openapi", "CreateOrderV2Request", "expiration_time", "retype"),
    ("openapi", "CreateOrderV2Request", "cancel_order_on_pause", "remove"),
    ("openapi", "CreateOrderV2Response", "order_id", "remove"),
    ("openapi", "CreateOrderV2Response", "fill_count", "retype"),
    ("openapi", "CreateOrderV2Response", "ts_ms", "optional"),
    ("openapi", "BatchCancelOrdersV2Request.orders[]", "market_ticker", "rename"),
    ("openapi", "BatchCreateOrdersV2Response.orders[]", "error", "rename"),
    ("openapi", "Order", "client_order_id", "rename"),
    ("openapi", "Order", "status", "remove"),
    ("openapi", "Order", "yes_price_dollars", "nullable"),
    ("openapi", "Fill", "fee_cost", "retype"),
    ("openapi", "MarketPosition", "position_fp", "rename"),
    ("openapi", "Market", "price_ranges", "retype"),
    ("openapi", "PriceRange", "step", "rename"),
    ("asyncapi", "fillPayload.msg", "count_fp", "rename"),
    ("asyncapi", "userOrderPayload.msg", "remaining_count_fp", "retype"),
    ("asyncapi", "orderbookDeltaPayload.msg", "delta_fp", "rename"),
    ("asyncapi", "cfbenchmarksValue5HzPayload", "seq", "optional"),
]


@pytest.mark.parametrize(("part", "schema", "field", "how"), MUTATIONS)
def test_a_changed_specification_is_noticed(
    digest: dict[str, Any], part: str, schema: str, field: str, how: str
) -> None:
    changed = copy.deepcopy(digest)
    fields = changed[part]["schemas"][schema]
    told = fields.pop(field)
    if how == "rename":
        fields[f"{field}_2"] = told
    elif how != "remove":
        kinds = {"retype": "boolean" if told[0] != "boolean" else "string", "nullable": "string?"}
        fields[field] = [kinds.get(how, told[0]), told[1] and how != "optional", *told[2:]]
    found = all_differences(changed)
    assert found, f"{schema}.{field} {how} went unnoticed"
    assert all(f"{schema}.{field}" in each for each in found)


def test_a_new_field_that_must_be_sent_is_noticed(digest: dict[str, Any]) -> None:
    changed = copy.deepcopy(digest)
    changed["openapi"]["schemas"]["CreateOrderV2Request"]["tax_lot"] = ["string", True]
    assert "CreateOrderV2Request.tax_lot: must be sent" in all_differences(changed)


RESTING = VenueOrder(
    Venue.KALSHI, "order-1", CLIENT_ID, MARKET, Outcome.NO, Action.BUY, 4_400, 10_000_000, 0,
    OrderStatus.RESTING, "", None, None, None,
)  # fmt: skip
# Where an example of the right types cannot be right in content.
REPLIES: dict[str, Any] = {
    endpoints.CREATE.name: {
        "client_order_id": CLIENT_ID,
        "fill_count": "4.00",
        "remaining_count": "6.00",
    },
    endpoints.CREATE_BATCH.name: {
        "orders": {
            "order_id": "order-1",
            "client_order_id": CLIENT_ID,
            "fill_count": "4.00",
            "remaining_count": "6.00",
            "ts_ms": 1,
        }
    },
    endpoints.CANCEL.name: {"order_id": "order-1"},
    endpoints.CANCEL_BATCH.name: {"orders": {"order_id": "order-1"}},
    endpoints.FILLS.name: {"fills": {"created_time": "2026-11-21T02:30:00Z"}},
    endpoints.HISTORICAL_FILLS.name: {"fills": {"created_time": "2026-11-21T02:30:00Z"}},
    endpoints.LIMITS.name: {
        "read": {"refill_rate": 300, "bucket_capacity": 600},
        "write": {"refill_rate": 300, "bucket_capacity": 600},
    },
    endpoints.USER_DATA_TIMESTAMP.name: {"as_of_time": "2099-01-01T00:00:00Z"},
}
SIDES = {"yes_dollars": [["0.5600", "10.00"]], "no_dollars": []}
REPLIES[endpoints.ORDERBOOK.name] = {"orderbook_fp": SIDES}
REPLIES[endpoints.ORDERBOOKS.name] = {"orderbooks": {"orderbook_fp": SIDES}}
for endpoint in (endpoints.MARKET, endpoints.HISTORICAL_MARKET):
    REPLIES[endpoint.name] = {
        "market": {"price_ranges": [{"start": "0.00", "end": "1.00", "step": "0.01"}]}
    }
for endpoint in (endpoints.MARKETS, endpoints.HISTORICAL_MARKETS):
    REPLIES[endpoint.name] = {"markets": REPLIES[endpoints.MARKET.name]["market"]}


async def use_everything(transport: SpecTransport) -> None:
    """Every call of the adapter once, and every form of an order."""
    clock = FakeClock()
    venue, listed = trading(transport, clock), catalogue(transport, clock)
    await venue.exchange.learn_limits()
    await venue.exchange.status()
    await venue.exchange.schedule()
    for tif in TimeInForce:
        clock.advance(10)
        await venue.place(submit(tif=tif, expires_ns=clock.ns + 60_000_000_000))
    await venue.place(submit(tif=TimeInForce.IOC, reduce_only=True, action=Action.SELL))
    await venue.place(submit(post_only=True, outcome=Outcome.NO))
    assert len(await venue.place_batch([submit()])) == 1
    await venue.amend(RESTING, 4_500, 12_000_000)
    await venue.renew(RESTING, clock.ns + 60_000_000_000)
    await venue.orders.decrease("order-1", MARKET, 5_000_000)
    await venue.cancel("order-1", MARKET)
    await venue.orders.cancel_batch([("order-1", MARKET)])
    await venue.cancel_all()
    clock.advance(10)
    await use_groups_and_portfolio(venue, clock)
    await use_catalogue(listed, clock)


async def use_groups_and_portfolio(venue: Any, clock: FakeClock) -> None:  # noqa: ANN401
    group = await venue.groups.create(100_000_000)
    await venue.groups.group(group)
    await venue.groups.limit(group, 50_000_000)
    await venue.groups.reset(group)
    await venue.groups.trigger(group)
    await venue.groups.delete(group)
    await venue.balance()
    await venue.positions()
    assert len(await venue.fills(0)) == 1
    assert len(await venue.settlements(0)) == 1
    assert len(await venue.open_orders()) == 1
    assert await venue.order("order-1", MARKET) is not None
    assert await venue.find("nobody's", MARKET) is None
    await venue.keep_alive()


async def use_catalogue(listed: Any, clock: FakeClock) -> None:  # noqa: ANN401
    assert len(await listed.markets({"series_ticker": "KXBTC15M", "status": "open"})) == 1
    assert len(await listed.archived_markets({"tickers": MARKET})) == 1
    assert await listed.market(MARKET) is not None
    await listed.series("KXBTC15M")
    await listed.event("KXBTC15M-26NOV202130")
    await listed.events({"series_ticker": "KXBTC15M"})
    await listed.orderbook(MARKET, 10)
    await listed.orderbooks([MARKET, "B"])
    await listed.trades({"ticker": MARKET, "min_ts": "1"})
    await listed.archived_trades({"ticker": MARKET})
    await listed.candlesticks("KXBTC15M", MARKET, 1, 61, 1)
    await listed.archived_candlesticks(MARKET, 1, 61, 60)
    assert listed.quarantined == {}


@pytest.mark.parametrize("whole", [False, True])
def test_every_call_sends_what_is_specified_and_reads_what_may_come(
    digest: dict[str, Any], whole: bool
) -> None:
    transport = SpecTransport(digest, whole=whole, replies=REPLIES)
    asyncio.run(use_everything(transport))
    assert transport.wrong == []
    unused = {each.name for each in endpoints.USED} - transport.seen
    assert unused == {endpoints.HISTORICAL_MARKET.name}


def test_a_changed_path_or_parameter_is_noticed(digest: dict[str, Any]) -> None:
    changed = copy.deepcopy(digest)
    paths = changed["openapi"]["paths"]
    del paths[endpoints.CANCEL.name]["query"]["market_ticker"]
    paths[endpoints.POSITIONS.name]["query"]["count_filter"][0] = "integer"
    transport = SpecTransport(changed, whole=True, replies=REPLIES)
    asyncio.run(use_everything(transport))
    assert sorted(transport.wrong) == [
        "DELETE /portfolio/events/orders/{}: has no parameter market_ticker",
        "GET /portfolio/positions: count_filter=position is no integer",
    ]


def commands() -> list[tuple[str, bytes]]:
    made = KalshiCommands(batch_max=2)
    update = "updateSubscriptionCommandPayload"
    return [
        ("subscribeCommandPayload", made.subscribe("orderbook_delta", ["A", "B", "C"]).frame),
        ("subscribeCommandPayload", made.subscribe("fill").frame),
        ("subscribeCommandPayload", made.subscribe("user_orders").frame),
        ("subscribeCommandPayload", made.subscribe("market_positions").frame),
        ("subscribeCommandPayload", made.subscribe("order_group_updates").frame),
        ("subscribeCommandPayload", made.subscribe("market_lifecycle_v2").frame),
        (
            "subscribeCommandPayload",
            made.subscribe("ticker", ["A"], send_initial_snapshot=True).frame,
        ),
        (
            "subscribeCommandPayload",
            made.subscribe("cfbenchmarks_value_5hz", index_ids=["BRTI"]).frame,
        ),
        (update, made.add_markets(1, ["A"]).frame),
        (update, made.delete_markets(1, ["A"]).frame),
        (update, made.get_snapshot(1, ["A"]).frame),
        (
            "cfbenchmarksUpdateSubscriptionCommandPayload",
            made.index_ids(1, "subscribe_indices", ["BRTI"]).frame,
        ),
        ("unsubscribeCommandPayload", made.unsubscribe([1, 2]).frame),
        ("listSubscriptionsCommandPayload", made.list_subscriptions().frame),
    ]


@pytest.mark.parametrize(("schema", "frame"), commands())
def test_every_command_is_as_specified(digest: dict[str, Any], schema: str, frame: bytes) -> None:
    kinds = digest["asyncapi"]["schemas"]
    assert list(kalshi_spec.wrongs(msgspec.json.decode(frame), f"@{schema}", kinds, schema)) == []


def test_every_error_code_of_the_venue_has_a_kind(digest: dict[str, Any]) -> None:
    kinds = {code: classify(int(code)) for code in digest["asyncapi"]["error_codes"]}
    resubscribe = {code for code, kind in kinds.items() if kind == "resubscribe"}
    assert resubscribe == {"10", "25"}


def test_the_digest_is_that_of_the_published_specifications() -> None:
    openapi = shared("specs/kalshi_openapi_3.34.0.yaml")
    asyncapi = shared("specs/kalshi_asyncapi_2026-10-26.yaml")
    made = subprocess.run(
        [
            _with_yaml(), "-m", "tests.support.kalshi_spec_digest",
            str(openapi.resolve()), str(asyncapi.resolve()),
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(made.stdout) == kalshi_spec.load()
    assert made.stdout == kalshi_spec.DIGEST.read_text()


def _with_yaml() -> str:
    """An interpreter that has PyYAML, which the project does not need otherwise."""
    for each in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        if each and not subprocess.run([each, "-c", "import yaml"], capture_output=True).returncode:
            return each
    pytest.skip("needs an interpreter with PyYAML")
