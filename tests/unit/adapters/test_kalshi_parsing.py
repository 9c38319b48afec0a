"""Kalshi frames, current and old, become exact events or are refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from kairos.bootstrap import LineDecoder
from kairos.domain.instruments import NO_LEG, YES_LEG, Outcome
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    ChannelReply,
    ChannelSubscribed,
    IndexValue,
    InputQuarantined,
    MarketDefined,
    MarketDetermined,
    VenueQuote,
    VenueTrade,
)
from tests.support import tape

SECOND = 1_000_000_000


def events(
    raw: dict[str, Any], *, use_yes_price: bool = False, src: str = "kalshi_ws"
) -> list[Any]:
    parsed = LineDecoder(use_yes_price=use_yes_price).decode(tape.line(raw, src=src))
    return list(parsed) if isinstance(parsed, tuple) else [parsed]


def refused(raw: dict[str, Any]) -> tuple[str, str]:
    """(reason, field) of a frame that must be quarantined."""
    (event,) = LineDecoder().decode(tape.line(raw))  # type: ignore[misc]
    assert isinstance(event, InputQuarantined)
    assert event.detail
    return event.reason, event.field


def changed(raw: dict[str, Any], **msg: object) -> dict[str, Any]:
    """The frame with fields of `msg` replaced; None removes one."""
    fields = raw["msg"] | msg
    return raw | {"msg": {name: value for name, value in fields.items() if value is not None}}


DELTA = tape.delta(7, "0.5600", "-54.00", "no", ts_ms=1_795_013_166_000, clock=4_182_061)


def test_delta_keeps_sign_price_and_clock() -> None:
    assert events(DELTA) == [
        BookDelta(
            tape.START_NS, tape.CONN, 2, 7, tape.MARKET, NO_LEG, 5_600, -54_000_000,
            1_795_013_166_000_000_000, 4_182_061,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("price", "units"), [("0.0010", 10), ("0.001", 10), ("0.56", 5_600), ("1", 10_000), ("0", 0)]
)
def test_prices_are_exact_however_many_decimals_are_written(price: str, units: int) -> None:
    assert events(changed(DELTA, price_dollars=price))[0].price == units


@pytest.mark.parametrize(
    ("size", "units"), [("0.01", 10_000), ("-3", -3_000_000), ("2.5", 2_500_000)]
)
def test_fractional_contracts_are_exact(size: str, units: int) -> None:
    assert events(changed(DELTA, delta_fp=size))[0].change == units


@pytest.mark.parametrize("side", [("yes", YES_LEG), ("no", NO_LEG)])
def test_side_names_the_leg(side: tuple[str, int]) -> None:
    assert events(changed(DELTA, side=side[0]))[0].leg == side[1]


def test_optional_fields_stay_unknown_when_absent() -> None:
    (event,) = events(changed(DELTA, ts_ms=None, clock=None))
    assert (event.venue_ns, event.clock) == (None, None)


def test_own_change_and_queue_time_are_known_fields() -> None:
    decoder = LineDecoder()
    own = changed(DELTA, client_order_id="kr-1", subaccount=3) | {"sending_ts_ms": 1}
    assert isinstance(decoder.decode(tape.line(own)), BookDelta)
    assert not decoder.unknown_fields


def test_use_yes_price_flips_the_no_side_only() -> None:
    assert events(DELTA, use_yes_price=True)[0].price == 4_400
    assert events(changed(DELTA, side="yes"), use_yes_price=True)[0].price == 5_600


def test_use_yes_price_flips_the_no_side_of_snapshots() -> None:
    frame = tape.snapshot(1, [("0.3000", "1.00")], [("0.3000", "2.00")])
    (event,) = events(frame, use_yes_price=True)
    assert (event.yes, event.no) == (((3_000, 1_000_000),), ((7_000, 2_000_000),))


def test_a_recorded_subscribe_command_says_which_price_a_connection_has() -> None:
    decoder = LineDecoder()
    command = {
        "id": 1, "cmd": "subscribe",
        "params": {"channels": ["orderbook_delta"], "use_yes_price": True},
    }  # fmt: skip
    assert decoder.decode(tape.line(command)) == ()
    flipped = decoder.decode(tape.line(DELTA))
    other = decoder.decode(tape.line(DELTA, conn="conn-b"))
    assert isinstance(flipped, BookDelta)
    assert isinstance(other, BookDelta)
    assert (flipped.price, other.price) == (4_400, 5_600)


def test_absent_sides_of_a_snapshot_are_empty() -> None:
    (event,) = events(tape.snapshot(1))
    assert event == BookSnapshot(tape.START_NS, tape.CONN, 2, 1, tape.MARKET, (), (), None)


def test_one_sided_snapshot_keeps_the_side_there_is() -> None:
    (event,) = events(tape.snapshot(1, None, [("0.0800", "300.00"), ("0.2200", "0.01")]))
    assert (event.yes, event.no) == ((), ((800, 300_000_000), (2_200, 10_000)))


def test_snapshot_that_answers_a_command_carries_an_id_and_is_read() -> None:
    (event,) = events(tape.snapshot(1, [("0.3000", "1.00")]) | {"id": 127})
    assert isinstance(event, BookSnapshot)


def test_subscribed_names_sid_and_channel() -> None:
    assert events(tape.subscribed(sid=9)) == [
        ChannelSubscribed(tape.START_NS, tape.CONN, 9, "orderbook_delta")
    ]


def test_replies_use_up_a_number_and_say_what_the_sid_carries() -> None:
    assert events(tape.ok(22, ["A", "B"])) == [
        ChannelReply(tape.START_NS, tape.CONN, 2, 22, ("A", "B"))
    ]
    assert events({"type": "unsubscribed", "id": 1, "sid": 2, "seq": 23}) == [
        ChannelReply(tape.START_NS, tape.CONN, 2, 23, ())
    ]
    assert events({"type": "ok", "sid": 2, "seq": 24})[0].markets is None


def test_the_reply_to_list_subscriptions_is_no_error() -> None:
    assert events({"type": "ok", "id": 3, "msg": [{"channel": "trade", "sid": 3}]}) == []


def test_ticker_becomes_a_quote() -> None:
    (event,) = events(tape.ticker("0.4500", "0.5300"))
    assert isinstance(event, VenueQuote)
    assert (event.yes_bid, event.yes_ask, event.last_quantity) == (4_500, 5_300, 1_000_000)


def test_trade_counts_in_sequence_and_names_the_taker() -> None:
    reply, trade = events(tape.trade(5, "0.3600", "136.00", "no"))
    assert reply == ChannelReply(tape.START_NS, tape.CONN, 3, 5)
    assert isinstance(trade, VenueTrade)
    assert (trade.yes_price, trade.quantity, trade.taker) == (3_600, 136_000_000, Outcome.NO)


def test_index_value_is_read_from_the_text_inside() -> None:
    reply, value = events(tape.index("68000.12", seq=42))
    assert reply.seq == 42
    assert isinstance(value, IndexValue)
    assert (value.index, value.value) == ("BRTI", 68_000.12)


def test_created_market_is_defined_with_its_own_grid() -> None:
    frame = tape.lifecycle(
        "created", close_ts=1_795_014_000,
        additional_metadata={"strike_type": "greater", "floor_strike": 80_499.99},
        price_ranges=[{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
    )  # fmt: skip
    _, event = events(frame)
    assert event == MarketDefined(
        tape.START_NS, tape.MARKET, "greater", "80499.99", None, 1_795_014_000 * SECOND,
        ((0, 10_000, 100),),
    )  # fmt: skip


def test_a_message_about_the_close_alone_says_nothing_about_grid_or_strike() -> None:
    _, event = events(tape.lifecycle("close_date_updated", close_ts=1_795_014_900))
    assert (event.grid, event.strike_type, event.floor_strike) == (None, None, None)


def test_a_strike_without_its_type_is_not_lost() -> None:
    _, event = events(tape.lifecycle("metadata_updated", floor_strike=80_077.29))
    assert (event.strike_type, event.floor_strike) == (None, "80077.29")


@pytest.mark.parametrize(("result", "outcome"), [("yes", Outcome.YES), ("no", Outcome.NO)])
def test_determined_market_says_what_it_paid(result: str, outcome: Outcome) -> None:
    _, event = events(tape.lifecycle("determined", result=result))
    assert event == MarketDetermined(tape.START_NS, tape.MARKET, outcome, "lifecycle")


@pytest.mark.parametrize("result", ["scalar", "maybe", "YES"])
def test_a_result_that_pays_neither_side_is_counted_not_dropped(result: str) -> None:
    assert refused(tape.lifecycle("determined", result=result)) == (
        "unsupported_result", "msg.result",
    )  # fmt: skip


def test_an_unknown_lifecycle_event_is_counted_not_dropped() -> None:
    assert refused(tape.lifecycle("evaporated"))[0] == "unknown_type"


@pytest.mark.parametrize(
    "ranges",
    [
        [{"start": "0.0000", "end": "1.0000", "step": "0.0000"}],
        [{"start": "0.9000", "end": "0.1000", "step": "0.0100"}],
    ],
)
def test_price_ranges_that_make_no_grid_are_refused_on_their_line(ranges: object) -> None:
    frame = tape.lifecycle("price_level_structure_updated", price_ranges=ranges)
    assert refused(frame) == ("bad_price_range", "price_ranges")


@pytest.mark.parametrize("close_ts", [-5, 0, 4_200_000_000, 10**15])
def test_a_close_at_no_possible_time_is_refused(close_ts: int) -> None:
    assert (
        refused(tape.lifecycle("close_date_updated", close_ts=close_ts))[0] == "time_out_of_range"
    )


BAD_DELTAS: list[tuple[dict[str, Any], str, str]] = [
    ({"price_dollars": "1.0001"}, "price_out_of_range", "price"),
    ({"price_dollars": "-0.0100"}, "price_out_of_range", "price"),
    ({"price_dollars": "0.56001"}, "bad_number", "price"),
    ({"price_dollars": " 0.5600"}, "bad_number", "price"),
    ({"price_dollars": "٠.٥"}, "bad_number", "price"),
    ({"price_dollars": "nan"}, "bad_number", "price"),
    ({"price_dollars": ""}, "bad_number", "price"),
    ({"price_dollars": 0.56}, "wrong_type", "msg.price_dollars"),
    ({"delta_fp": "1e5"}, "bad_number", "delta_fp"),
    ({"delta_fp": "--1.00"}, "bad_number", "delta_fp"),
    ({"delta_fp": "+1.00"}, "bad_number", "delta_fp"),
    ({"delta_fp": ".50"}, "bad_number", "delta_fp"),
    ({"delta_fp": "1."}, "bad_number", "delta_fp"),
    ({"delta_fp": "0.1234567"}, "bad_number", "delta_fp"),
    ({"delta_fp": "9" * 14 + ".00"}, "bad_number", "delta_fp"),
    ({"delta_fp": -54}, "wrong_type", "msg.delta_fp"),
    ({"side": "maybe"}, "bad_side", "side"),
    ({"side": "YES"}, "bad_side", "side"),
    ({"market_ticker": 5}, "wrong_type", "msg.market_ticker"),
    ({"ts_ms": "soon"}, "wrong_type", "msg.ts_ms"),
    ({"clock": 1.5}, "wrong_type", "msg.clock"),
]


@pytest.mark.parametrize(("fields", "reason", "field"), BAD_DELTAS)
def test_a_delta_that_says_something_impossible_is_refused(
    fields: dict[str, Any], reason: str, field: str
) -> None:
    found = refused(changed(DELTA, **fields))
    assert found[0] == reason
    assert field in found[1]


@pytest.mark.parametrize("name", ["market_ticker", "price_dollars", "delta_fp", "side"])
def test_nothing_is_made_up_for_a_missing_field(name: str) -> None:
    reason, field = refused(changed(DELTA, **{name: None}))
    assert reason == "missing_field"
    assert field.endswith(name)


@pytest.mark.parametrize("name", ["sid", "seq", "msg", "type"])
def test_a_frame_without_its_envelope_is_refused(name: str) -> None:
    assert refused({key: value for key, value in DELTA.items() if key != name})[0] in {
        "missing_field", "unknown_type",
    }  # fmt: skip


@pytest.mark.parametrize("value", ["7", 7.0, True, None, [7]])
def test_a_sequence_number_of_the_wrong_type_is_refused(value: object) -> None:
    assert refused(DELTA | {"seq": value})[0] == "wrong_type"


@pytest.mark.parametrize(
    "levels",
    [[["0.30", "1.00", "x"]], [["0.30"]], [[0.30, 1]], {"0.30": "1.00"}, "0.30"],
)
def test_a_snapshot_with_misshapen_levels_is_refused(levels: object) -> None:
    frame = tape.snapshot(1)
    assert refused(frame | {"msg": frame["msg"] | {"yes_dollars_fp": levels}})[0] == "wrong_type"


@pytest.mark.parametrize("kind", ["orderbook_delat", "fill", "user_order", "pyth_value", ""])
def test_types_we_do_not_read_are_counted_as_unknown(kind: str) -> None:
    assert refused(DELTA | {"type": kind})[0] == "unknown_type"


def test_unknown_fields_are_tolerated_and_counted_by_name() -> None:
    decoder = LineDecoder()
    frame = changed(DELTA, novelty=1) | {"novel": [1]}
    assert isinstance(decoder.decode(tape.line(frame)), BookDelta)
    assert dict(decoder.unknown_fields) == {"novel": 1, "msg.novelty": 1}


@pytest.mark.parametrize("code", [10, 25])
def test_an_error_that_ends_the_subscription_is_not_shrugged_off(code: int) -> None:
    assert refused({"type": "error", "sid": 2, "msg": {"code": code, "msg": "gone"}}) == (
        f"channel_error_{code}", "msg.code",
    )  # fmt: skip


def test_other_errors_change_nothing() -> None:
    assert (
        events({"type": "error", "id": 1, "msg": {"code": 8, "msg": "Unknown channel name"}}) == []
    )


@pytest.mark.parametrize("code", [[10], {"a": 1}, "25", None])
def test_an_error_code_that_is_no_number_is_quarantined(code: object) -> None:
    assert refused({"type": "error", "sid": 2, "msg": {"code": code}}) == ("wrong_type", "msg.code")


@pytest.mark.parametrize("count", ["0.00", "-3.00"])
def test_a_trade_of_nothing_or_less_is_refused(count: str) -> None:
    assert refused(tape.trade(5, "0.3600", count)) == ("bad_size", "count_fp")


def test_a_trade_without_a_side_is_refused() -> None:
    frame = tape.trade(5, "0.3600", "1.00")
    assert refused(changed(frame, taker_outcome_side=None))[0] == "missing_field"
    assert refused(changed(frame, taker_outcome_side="both"))[0] == "bad_side"


def test_an_older_trade_names_its_side_differently() -> None:
    frame = changed(tape.trade(5, "0.3600", "1.00"), taker_outcome_side=None, taker_side="no")
    assert events(frame)[1].taker is Outcome.NO


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (tape.index("0"), "bad_number"),
        (tape.index("-1.5"), "bad_number"),
        (tape.index("6.8e4"), "bad_number"),
        (tape.index("68000", name="BRTI", inner="ETHUSD_RTI"), "conflicting_fields"),
        (changed(tape.index("1"), data="{"), "bad_index_data"),
        (changed(tape.index("1"), data="[" * 20_000), "bad_index_data"),
        (changed(tape.index("1"), data='{"id":"BRTI","time":1}'), "bad_index_data"),
    ],
)
def test_an_index_value_that_cannot_be_is_refused(raw: dict[str, Any], reason: str) -> None:
    assert refused(raw)[0] == reason


def test_a_negative_size_in_a_quote_is_refused() -> None:
    assert refused(changed(tape.ticker("0.4500", "0.5300"), last_trade_size_fp="-1.00")) == (
        "bad_size", "last_trade_size_fp",
    )  # fmt: skip


# The old format: whole cents and whole contracts.

CENTS = {
    "type": "orderbook_delta", "sid": 2, "seq": 7,
    "msg": {"market_ticker": tape.MARKET, "price": 96, "delta": -54, "side": "yes"},
}  # fmt: skip


def test_old_delta_in_cents_is_exact() -> None:
    (event,) = events(CENTS)
    assert (event.price, event.change, event.leg) == (9_600, -54_000_000, YES_LEG)


def test_old_snapshot_in_cents_is_exact() -> None:
    frame = {
        "type": "orderbook_snapshot", "sid": 2, "seq": 1,
        "msg": {"market_ticker": tape.MARKET, "yes": [[42, 13]], "no": [[7, 2], [5, 1]]},
    }  # fmt: skip
    (event,) = events(frame)
    assert event.yes == ((4_200, 13_000_000),)
    assert event.no == ((700, 2_000_000), (500, 1_000_000))


def test_old_snapshot_without_a_side_is_one_sided() -> None:
    frame = {
        "type": "orderbook_snapshot", "sid": 2, "seq": 1,
        "msg": {"market_ticker": tape.MARKET, "no": [[7, 2]]},
    }  # fmt: skip
    (event,) = events(frame)
    assert (event.yes, event.no) == ((), ((700, 2_000_000),))


def test_interim_delta_with_both_spellings_is_read_when_they_agree() -> None:
    both = changed(CENTS, price_dollars="0.9600", delta_fp="-54.00")
    assert events(both)[0].change == -54_000_000


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"price_dollars": "0.9500"}, "conflicting_fields"),
        ({"delta_fp": "-53.00"}, "conflicting_fields"),
        ({"price": 101}, "price_out_of_range"),
        ({"price": -1}, "price_out_of_range"),
        ({"price": "96"}, "wrong_type"),
        ({"delta": 1.5}, "wrong_type"),
        ({"delta": None}, "missing_field"),
        ({"side": "both"}, "bad_side"),
    ],
)
def test_old_delta_that_cannot_be_trusted_is_refused(fields: dict[str, Any], reason: str) -> None:
    assert refused(changed(CENTS, **fields))[0] == reason


def test_use_yes_price_holds_for_old_tapes_too() -> None:
    assert events(changed(CENTS, side="no"), use_yes_price=True)[0].price == 400
