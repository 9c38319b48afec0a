"""A line of a capture is read, or quarantined with a reason; it never raises."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.bootstrap import LineDecoder
from kairos.messages.events import (
    BookDelta,
    ConnectionOpened,
    IndexValue,
    InputQuarantined,
    MarketDefined,
    SpotTrade,
    VenueTrade,
)
from tests.support import tape
from tests.support.mutations import KINDS, whole

DELTA = tape.delta(7, "0.5600", "3.00")


def quarantined(line: bytes) -> InputQuarantined:
    parsed = LineDecoder().decode(line)
    assert isinstance(parsed, tuple)
    (event,) = parsed
    assert isinstance(event, InputQuarantined)
    return event


def envelope(**fields: object) -> bytes:
    body = {"recv_ns": tape.START_NS, "src": "kalshi_ws", "conn": tape.CONN, "raw": DELTA} | fields
    return json.dumps({name: value for name, value in body.items() if value is not ...}).encode()


def test_verbatim_text_is_read_like_an_object() -> None:
    decoder = LineDecoder()
    direct = decoder.decode(envelope())
    assert decoder.decode(envelope(raw=..., raw_text=json.dumps(DELTA) + "\n")) == direct


def test_venue_time_stands_in_where_no_receive_time_was_kept() -> None:
    event = LineDecoder().decode(envelope(recv_ns=..., venue_ts_ms=1_795_013_166_000))
    assert isinstance(event, BookDelta)
    assert event.recv_ns == 1_795_013_166_000_000_000
    iso = LineDecoder().decode(envelope(recv_ns=..., venue_ts="2026-11-18T14:46:06+00:00"))
    assert isinstance(iso, BookDelta)
    assert iso.recv_ns == event.recv_ns


def test_connections_are_kept_apart_by_name() -> None:
    decoder = LineDecoder()
    names = [decoder.decode(envelope(conn=conn)) for conn in ("a", "b", ..., "a")]
    assert [event.conn for event in names if isinstance(event, BookDelta)] == [
        "a", "b", "kalshi_ws", "a",
    ]  # fmt: skip


def test_counts_are_by_source_and_type() -> None:
    decoder = LineDecoder()
    decoder.decode(envelope())
    decoder.decode(envelope(raw=tape.snapshot(1)))
    decoder.decode(tape.line(tape.match("1", 1), src="coinbase_ws"))
    decoder.decode(b"{")
    assert decoder.counts == {
        ("kalshi_ws", "orderbook_delta"): 1,
        ("kalshi_ws", "orderbook_snapshot"): 1,
        ("coinbase_ws", "match"): 1,
        ("unreadable", "quarantined"): 1,
    }


def test_the_number_of_names_that_are_counted_is_bounded() -> None:
    decoder = LineDecoder()
    for number in range(600):
        decoder.decode(envelope(src=f"feed-{number}", raw={"type": f"t{number}"}))
        decoder.decode(envelope(raw=DELTA | {f"field-{number}": 1}))
    assert len(decoder.counts) <= 300
    assert len(decoder.unknown_fields) <= 256


NOT_JSON = [
    b'{"recv_ns": 1, "src": "recorder", "type": "\xff"}',
    b"not json",
    b"{",
    b'{"recv_ns": 1',
    b"\x00\x01\x02",
    b"\xef\xbb\xbf{}",
    b'{"a": NaN}',
    envelope() + b"trailing",
    envelope() + envelope(),
    envelope()[: len(envelope()) // 2],
]


@pytest.mark.parametrize("line", NOT_JSON)
def test_what_is_no_json_is_counted_as_such(line: bytes) -> None:
    assert quarantined(line).reason == "not_json"


@pytest.mark.parametrize("line", [b"[]", b"5", b'"kalshi_ws"', b"null", b"true"])
def test_json_that_is_no_object_is_counted_as_such(line: bytes) -> None:
    assert quarantined(line).reason == "not_an_object"


@pytest.mark.parametrize("line", [b"", b"   ", b"\r", b"\t"])
def test_blank_lines_hold_nothing(line: bytes) -> None:
    assert LineDecoder().decode(line) == ()


def test_windows_line_ends_are_read() -> None:
    assert isinstance(LineDecoder().decode(envelope() + b"\r"), BookDelta)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"raw": ...}, "missing_field"),
        ({"raw": None}, "missing_field"),
        ({"raw": []}, "missing_field"),
        ({"raw": ..., "raw_text": "{"}, "not_json"),
        ({"raw": ..., "raw_text": "[]"}, "not_an_object"),
        ({"recv_ns": ...}, "missing_field"),
        ({"recv_ns": "1795013165000000000"}, "wrong_type"),
        ({"recv_ns": 1.5e18}, "wrong_type"),
        ({"recv_ns": ..., "venue_ts": "2026-11-18T14:46:06"}, "bad_time"),
        ({"recv_ns": ..., "venue_ts": "noon"}, "bad_time"),
        ({"conn": ["a"]}, "wrong_type"),
    ],
)
def test_an_envelope_that_cannot_be_used_is_refused(fields: dict[str, Any], reason: str) -> None:
    assert quarantined(envelope(**fields)).reason == reason


@pytest.mark.parametrize("recv_ns", [-5, 0, 10**10, 5 * 10**18, 10**25])
def test_a_receive_time_outside_this_century_is_refused(recv_ns: int) -> None:
    line = envelope(recv_ns=recv_ns, raw=tape.snapshot(1))
    assert quarantined(line).reason == "time_out_of_range"


@pytest.mark.parametrize("recv_ns", [-5, 0, 10**25])
def test_a_delta_at_no_possible_time_is_refused(recv_ns: int) -> None:
    assert quarantined(envelope(recv_ns=recv_ns)).reason == "time_out_of_range"


@pytest.mark.parametrize("src", ["polymarket_ws", "kalshi_demo_ws", ""])
def test_a_source_that_nobody_reads_is_counted(src: str) -> None:
    line = json.dumps({"recv_ns": tape.START_NS, "src": src, "type": "book"}).encode()
    assert quarantined(line).reason == "unknown_source"


@pytest.mark.parametrize("src", ["polymarket_ws", "kalshi_demo_ws", ...])
def test_another_feeds_message_is_not_taken_for_kalshis(src: object) -> None:
    assert quarantined(envelope(src=src)).reason in {"unknown_source", "missing_field"}


def test_our_own_output_in_a_journal_is_not_fed_back() -> None:
    line = b'{"src":"engine","type":"Decision","data":{"market":"A"}}'
    assert LineDecoder().decode(line) == ()


def test_quarantine_keeps_what_could_still_be_read() -> None:
    raw = tape.delta(7, "0.5600", "many")
    event = quarantined(tape.line(raw, 5))
    assert event == InputQuarantined(
        tape.START_NS + 5 * tape.MS, "kalshi_ws", tape.CONN, "bad_number", "delta_fp",
        "'many' is not a plain decimal", "orderbook_delta", 2, 7, tape.MARKET,
    )  # fmt: skip


def test_quarantine_of_a_line_that_is_nothing_knows_nothing() -> None:
    event = quarantined(b"garbage")
    assert event == InputQuarantined(
        None, "", "", "not_json", "line", event.detail, None, None, None, None
    )


BYTES_THAT_ARE_NO_TEXT = [
    envelope().replace(b"KXBTC15M", b"KX\xff\xfe5M", 1),
    envelope().replace(b'"yes"', b'"y\xffs"'),
    envelope().replace(b'"delta_fp"', b'"delta\xfffp"'),
    tape.line(tape.match("1", 1), src="coinbase_ws").replace(b"BTC-USD", b"BTC\x80USD"),
]


@pytest.mark.parametrize("line", BYTES_THAT_ARE_NO_TEXT)
def test_bytes_that_are_no_text_are_quarantined(line: bytes) -> None:
    assert quarantined(line).reason == "not_json"


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"src":"kalshi_ws","x":' + b"[" * 100_000,
        b'{"src":"coinbase_ws","x":' + b'{"a":' * 100_000,
    ],
)
def test_nesting_without_end_is_quarantined(line: bytes) -> None:
    assert quarantined(line).reason == "not_json"


def test_a_field_name_with_a_backtick_in_it_is_survived() -> None:
    assert LineDecoder().decode(envelope(raw=DELTA | {"x`y": 1})) is not None


def test_a_renamed_side_of_a_snapshot_is_not_an_empty_side() -> None:
    raw = tape.snapshot(1, [("0.3000", "1.00")], [("0.6000", "2.00")])
    raw["msg"]["yes_dollars_fq"] = raw["msg"].pop("yes_dollars_fp")
    assert quarantined(tape.line(raw)).market == tape.MARKET


@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_the_decoder_raise(line: bytes) -> None:
    LineDecoder().decode(line)


# Many lines in one call.


def told(decoder: LineDecoder) -> tuple[object, ...]:
    return decoder.counts, decoder.unknown_fields, decoder.own_lines


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_many_lines_in_one_call_are_what_they_are_one_by_one(kind: str) -> None:
    frames = [tape.snapshot(1, [("0.4400", "13.00")]), tape.ok(2, [tape.MARKET])]
    frames += [tape.delta(number, "0.4500", "1.00") for number in range(3, 9)]
    lines = [tape.line(frame, number) for number, frame in enumerate(frames)]
    lines.append(tape.line(tape.match("81356.97", 5), 9, src="coinbase_ws"))
    for number in range(20):
        chance = random.Random(f"{kind} {number}")
        damaged = KINDS[kind](chance, whole(lines), chance.randrange(len(lines)))
        texts = [piece.line for piece in damaged]
        together, apart = LineDecoder(), LineDecoder()
        assert together.decode_many(texts) == [apart.decode(text) for text in texts]
        assert told(together) == told(apart)


def test_messages_glued_together_and_torn_apart_do_not_make_up_for_each_other() -> None:
    """One line with two messages and one message on two lines are three messages on three lines."""
    first, second, third = (
        tape.line(tape.delta(number, "0.4500", "1.00"), number) for number in (1, 2, 3)
    )
    torn = third.index(b', "src"') + 1
    lines = [first + second, third[:torn], third[torn:]]
    decoder = LineDecoder()
    assert decoder.decode_many(lines) == [LineDecoder().decode(line) for line in lines]


# Lines that no venue sent.


def test_a_reconnect_noted_by_the_recorder_opens_a_connection() -> None:
    assert LineDecoder().decode(tape.recorder("ws_connected")) == (
        ConnectionOpened(tape.START_NS, tape.CONN),
    )


def test_a_recorder_that_names_no_connection_speaks_of_kalshi() -> None:
    line = json.dumps({"recv_ns": tape.START_NS, "src": "recorder", "type": "ws_connected"})
    assert LineDecoder().decode(line.encode()) == (ConnectionOpened(tape.START_NS, "kalshi_ws"),)


def test_a_watched_market_is_defined_by_series_strike_and_close() -> None:
    event = MarketDefined(
        tape.START_NS, tape.MARKET, "greater_or_equal", "81087.33", None,
        1_778_502_600_000_000_000, None,
    )  # fmt: skip
    assert LineDecoder().decode(tape.watch(81_087.33, "2026-05-11T12:30:00Z")) == (event,)


def test_a_watched_market_whose_strike_is_not_set_yet_has_none() -> None:
    (event,) = LineDecoder().decode(tape.watch(None, "2026-05-11T12:30:00Z"))  # type: ignore[misc]
    assert isinstance(event, MarketDefined)
    assert event.floor_strike is None


@pytest.mark.parametrize("note", ["market_rotated", "book_top5", "fault", "session"])
def test_the_recorders_notes_change_nothing(note: str) -> None:
    assert LineDecoder().decode(tape.recorder(note)) == ()


@pytest.mark.parametrize("kind", ["ws_disconnected", "", ["ws_connected"], None, 5])
def test_a_note_of_unknown_type_is_counted(kind: object) -> None:
    assert quarantined(tape.recorder(kind)).reason in {"unknown_type", "wrong_type"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "missing_field"),
        ({"market_ticker": 5}, "wrong_type"),
        ({"market_ticker": "A", "strike": "TBD"}, "wrong_type"),
        ({"market_ticker": "A", "close_time": "noon"}, "bad_time"),
        ({"market_ticker": "A", "close_time": "2026-05-11T12:30:00"}, "bad_time"),
        ({"market_ticker": "A", "close_time": "0001-01-01T00:00:00+23:59"}, "time_out_of_range"),
    ],
)
def test_a_watched_market_that_cannot_be_is_refused(data: dict[str, Any], reason: str) -> None:
    assert quarantined(tape.recorder("watch_market", data)).reason == reason


TRADE = {
    "trade_id": "t1", "ticker": tape.MARKET, "yes_price_dollars": "0.3600", "count_fp": "2.50",
    "taker_side": "no", "created_time": "2026-04-27T18:30:01.5Z",
}  # fmt: skip


def test_a_trade_on_a_rest_tape_is_a_trade() -> None:
    event = LineDecoder().decode(envelope(src="kalshi_rest_trades", raw=TRADE))
    assert isinstance(event, VenueTrade)
    assert (event.yes_price, event.quantity) == (3_600, 2_500_000)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"count_fp": "0"}, "bad_size"),
        ({"count_fp": "-1.00"}, "bad_size"),
        ({"taker_side": "both"}, "bad_side"),
        ({"yes_price_dollars": "1.5"}, "price_out_of_range"),
        ({"created_time": "then"}, "bad_time"),
    ],
)
def test_a_trade_on_a_rest_tape_that_cannot_be_is_refused(
    fields: dict[str, Any], reason: str
) -> None:
    assert quarantined(envelope(src="kalshi_rest_trades", raw=TRADE | fields)).reason == reason


def test_the_perpetuals_page_tells_the_index() -> None:
    line = {
        "recv_ns": tape.START_NS, "src": "kalshi_perp_rest", "type": "snapshot",
        "brti_usd": "62958", "brti_ts_ms": 1_785_563_166_000,
    }  # fmt: skip
    event = LineDecoder().decode(json.dumps(line).encode())
    assert isinstance(event, IndexValue)
    assert (event.index, event.value) == ("BRTI", 62_958.0)


def test_spot_lines_take_the_same_way_whatever_their_order_of_fields() -> None:
    raw = tape.match("81356.97", 5)
    straight = LineDecoder().decode(tape.line(raw, src="coinbase_ws"))
    turned = json.loads(tape.line(raw, src="coinbase_ws"))
    backwards = {name: turned[name] for name in reversed(turned)}
    assert isinstance(straight, SpotTrade)
    assert LineDecoder().decode(json.dumps(backwards).encode()) == straight
