"""Lines written by a live session are read like those of a capture, and carry frames verbatim."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hotpath.feeds.live.lines import LineWriter, clock_line, watch_line
from kairos.bootstrap import LineDecoder
from kairos.messages.events import (
    BookDelta,
    ConnectionOpened,
    InputQuarantined,
    MarketDefined,
    TimerFired,
)
from tests.support import tape

DELTA = tape.delta(7, "0.5600", "3.00")
NS = tape.START_NS
WRITER = LineWriter("kalshi_ws", "kalshi_ws#a")


def line(message: bytes) -> bytes:
    (written,) = WRITER.messages(NS, [message])
    return written


def test_a_frame_is_in_the_line_byte_for_byte() -> None:
    frame = b'{"sid":2,  "type" : "orderbook_delta","seq":7,"msg":{"price":0.560}}'
    assert frame in line(frame)


def test_a_line_reads_like_that_of_a_capture() -> None:
    assert LineDecoder().decode(line(json.dumps(DELTA).encode())) == LineDecoder().decode(
        tape.line(DELTA, conn="kalshi_ws#a")
    )


def test_a_frame_over_several_lines_is_one_line_and_means_the_same() -> None:
    written = line(json.dumps(DELTA, indent=2).encode() + b"\n")
    assert b"\n" not in written
    assert isinstance(LineDecoder().decode(written), BookDelta)


def test_a_frame_cannot_write_fields_of_the_envelope() -> None:
    written = line(b'{"a":1},"src":"recorder","type":"ws_connected","raw":{"b":2}')
    assert json.loads(written)["src"] == "kalshi_ws"


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: json.dumps(text).encode()))
@example(b'{"type":"\xff"}')
def test_whatever_arrives_is_one_line_of_json_with_its_time(message: bytes) -> None:
    written = line(message)
    assert b"\n" not in written
    assert json.loads(written)["recv_ns"] == NS
    (event,) = tuple_of(LineDecoder().decode(written))
    assert isinstance(event, InputQuarantined)
    assert event.recv_ns == NS
    assert event.conn == "kalshi_ws#a"


@given(st.binary(max_size=60))
def test_no_byte_of_what_arrives_is_lost(message: bytes) -> None:
    fields = json.loads(line(message))
    if "raw_base64" in fields:
        assert base64.b64decode(fields["raw_base64"]) == message
    elif "raw_text" in fields:
        assert fields["raw_text"].encode() == message
    else:
        assert message in line(message)


def test_a_lost_connection_voids_what_was_learnt_on_it_at_once() -> None:
    parsed = LineDecoder().decode(WRITER.note(NS, "ws_lost", {"reason": "reset"}))
    assert parsed == (ConnectionOpened(NS, "kalshi_ws#a"),)


def test_a_clock_line_says_that_time_passed() -> None:
    assert LineDecoder().decode(clock_line(NS)) == (TimerFired(NS),)


def test_a_change_of_state_is_for_people_and_never_fed_back() -> None:
    decoder = LineDecoder()
    assert decoder.decode(WRITER.change(NS, "frozen", {"reason": "no ping"})) == ()
    assert decoder.own_lines == 1


def test_a_sent_command_tells_how_later_prices_are_meant() -> None:
    command = b'{"id":1,"cmd":"subscribe","params":{"use_yes_price":true}}'
    decoder = LineDecoder()
    assert decoder.decode(WRITER.sent(NS, command)) == ()
    event = decoder.decode(line(json.dumps(tape.delta(7, "0.5600", "3.00", "no")).encode()))
    assert isinstance(event, BookDelta)
    assert event.price == 4400


def test_a_watched_market_may_state_its_price_ranges() -> None:
    written = watch_line(NS, tape.MARKET, (("0.0000", "1.0000", "0.0100"),), None)
    (defined,) = tuple_of(LineDecoder().decode(written))
    assert isinstance(defined, MarketDefined)
    assert defined.grid == ((0, 10_000, 100),)


@pytest.mark.parametrize("step", ["0.0000", "-0.0100", "x"])
def test_price_ranges_that_make_no_grid_are_quarantined(step: str) -> None:
    (event,) = tuple_of(
        LineDecoder().decode(watch_line(NS, tape.MARKET, (("0.0000", "1.0000", step),), None))
    )
    assert isinstance(event, InputQuarantined)


def tuple_of(parsed: object) -> tuple[object, ...]:
    assert isinstance(parsed, tuple)
    return parsed
