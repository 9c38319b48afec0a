"""Lines of Polymarket and Polymarket US: whole frames, read by the venues' own parsers.

Connections of these venues are named after their source, as `polymarket_clob_ws#a`; others get it
put before their name, so that a line under a wrong source never speaks for another's connection.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

from kairos.adapters.capture.envelope import RECV_NS_MAX, RECV_NS_MIN
from kairos.adapters.polymarket import parsing as polymarket
from kairos.adapters.polymarket.recorded import Tokens
from kairos.adapters.polymarket_us import parsing as polymarket_us
from kairos.errors import Malformed
from kairos.messages.events import Event

SOURCES: Final = frozenset({polymarket.SOURCE, polymarket_us.SOURCE})
# What a venue says of our account goes to the gateway, whose events are the engine's input.
PRIVATE_SOURCES: Final = frozenset(
    {"kalshi_private", "polymarket_user_ws", "polymarket_us_private_ws"}
)
CONNECTIONS_MAX: Final = 64
_LISTING: Final = b'"kairos_listing"'
_MARK: Final = b'"polymarket_'
_KIND = re.compile(rb'"event_type"\s*:\s*"([a-z_]{1,40})"')
_US_KINDS: Final = (b"marketDataLite", b"marketData", b"trade", b"heartbeat", b"error")
_NOT_EVENTS: Final = (polymarket_us.LiteQuote, polymarket_us.StreamRefused)


class _Line(msgspec.Struct, gc=False):
    recv_ns: Annotated[int, msgspec.Meta(ge=RECV_NS_MIN, le=RECV_NS_MAX)]
    src: Literal["polymarket_clob_ws", "polymarket_us_ws"]
    raw: msgspec.Raw
    conn: str | None = None


class Frame(NamedTuple):
    """A frame that was read: what it is counted as, and its events."""

    source: str
    kind: str
    events: tuple[Event, ...]


_decode = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.Encoder().encode


class VenueLines:
    """Reads the frames of one session, in order."""

    def __init__(self) -> None:
        self._polymarket = polymarket.MarketParser()
        self._us: dict[str, polymarket_us.MarketStream] = {}
        self._tokens: Tokens | None = Tokens()  # until somebody says which tokens make a market

    def take(self, line: bytes) -> Frame | None:
        """The quick way: None for a line that is not whole, or not one of these venues'."""
        if _MARK not in line:
            return None
        try:
            envelope = _decode(line)
            return self._frame(envelope.src, envelope.recv_ns, envelope.conn, bytes(envelope.raw))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Malformed):
            return None

    def odd(self, source: str, recv_ns: int, conn: str | None, fields: dict[str, Any]) -> Frame:
        """The long way, for verbatim text and old envelopes. Raises Malformed."""
        return self._frame(source, recv_ns, conn, _frame_of(fields))

    def connected(self, recv_ns: int, conn: str, kind: object) -> tuple[Event, ...]:
        """A recorder's note that a connection opened or was lost; nothing where it is not ours."""
        if kind not in ("ws_connected", "ws_lost"):
            return ()
        if conn.startswith(polymarket.SOURCE):
            return self._polymarket.opened(recv_ns, conn)
        if conn.startswith(polymarket_us.SOURCE):
            return self._us_stream(conn).opened(recv_ns)
        return ()

    def _frame(self, source: str, recv_ns: int, conn: str | None, frame: bytes) -> Frame:
        name = conn or source
        name = name if name.startswith(source) else f"{source}:{name}"
        if source == polymarket_us.SOURCE:
            return Frame(source, _us_kind(frame), self._us_events(recv_ns, name, frame))
        found = _KIND.search(frame)
        kind = found[1].decode() if found else "words"
        return Frame(source, kind, self._polymarket_events(recv_ns, name, frame))

    def _polymarket_events(self, recv_ns: int, conn: str, frame: bytes) -> tuple[Event, ...]:
        parse = self._polymarket.parse
        if self._tokens is not None and _LISTING in frame:
            self._tokens = None
        if self._tokens is None:
            return parse(recv_ns, conn, frame)
        rewritten = self._tokens.rewrite(frame)
        return tuple(event for each in rewritten for event in parse(recv_ns, conn, each))

    def _us_events(self, recv_ns: int, conn: str, frame: bytes) -> tuple[Event, ...]:
        opening: tuple[Event, ...] = ()
        if conn not in self._us:
            opening = self._us_stream(conn).opened(recv_ns)
        said = self._us[conn].take(recv_ns, frame)
        return (*opening, *(each for each in said if not isinstance(each, _NOT_EVENTS)))

    def _us_stream(self, conn: str) -> polymarket_us.MarketStream:
        stream = self._us.get(conn)
        if stream is None:
            if len(self._us) >= CONNECTIONS_MAX:
                raise Malformed("too_many_connections", "conn", f"over {CONNECTIONS_MAX}")
            stream = self._us[conn] = polymarket_us.MarketStream(conn)
        return stream


def _frame_of(fields: dict[str, Any]) -> bytes:
    """The frame as it was sent, or what is the same JSON."""
    raw, text, damaged = (fields.get(name) for name in ("raw", "raw_text", "raw_base64"))
    if raw is not None:
        return _encode(raw)
    if isinstance(text, str):
        return text.strip().encode()
    if isinstance(damaged, str):
        try:
            return base64.b64decode(damaged, validate=True)
        except binascii.Error as error:
            raise Malformed("not_json", "raw_base64", str(error)) from error
    raise Malformed("missing_field", "raw", "no venue message on the line")


def _us_kind(frame: bytes) -> str:
    """The payload that a frame names first."""
    found = {frame.find(b'"%b"' % name): name for name in _US_KINDS if b'"%b"' % name in frame}
    return found[min(found)].decode() if found else "untyped"
