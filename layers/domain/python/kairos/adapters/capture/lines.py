"""One line of a capture or journal becomes events, or a quarantine that says exactly why.

Line format: `{"recv_ns": int, "src": feed, "type": …, "conn": …, "raw": {venue message}}`, with
`raw_text` for verbatim text and `venue_ts`/`venue_ts_ms` where no receive time was kept. The common
case is one typed decode; everything else (control lines, old formats, damage) takes `_explain`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from kairos.adapters.capture import control
from kairos.adapters.capture.envelope import (
    RECV_NS_MAX,
    RECV_NS_MIN,
    from_validation,
    integer_of,
    is_time,
    kind_of,
    market_of,
    object_of,
    raw_of,
    recv_ns_of,
    text_of,
)
from kairos.adapters.capture.rows import Rows, is_passed_over
from kairos.adapters.capture.venues import PRIVATE_SOURCES, SOURCES, Frame, VenueLines
from kairos.adapters.coinbase import parsing as coinbase
from kairos.adapters.coinbase.schemas import (
    CoinbaseMessage,
    CoinbaseTicker,
    CoinbaseTickerFields,
    Heartbeat,
    LastMatch,
    Match,
    SampledMatch,
    Subscriptions,
)
from kairos.adapters.kalshi import tolerance
from kairos.adapters.kalshi.parsing import LEGS, PRICES, KalshiParser, Parsed
from kairos.adapters.kalshi.schemas import (
    CentsDelta,
    CentsSnapshot,
    CfBenchmarksValue,
    Error,
    KalshiFrame,
    MarketLifecycle,
    Ok,
    OrderbookDelta,
    OrderbookSnapshot,
    Subscribed,
    Ticker,
    TickerMsg,
    Trade,
    Unsubscribed,
)
from kairos.errors import Malformed
from kairos.messages import journal_lines
from kairos.messages.events import BookDelta, InputQuarantined

_NAMES_MAX: Final = 256


class _Ticker(CoinbaseTickerFields, tag="ticker", tag_field="type"):
    """Both venues have a `ticker`: Kalshi's has a `msg`, Coinbase's a price of its own."""

    msg: TickerMsg | None = None
    sid: int | None = None
    seq: int | None = None
    sending_ts_ms: int | None = None


class _Line(msgspec.Struct, gc=False, kw_only=True):
    """The lines that fill a tape, decoded and checked in one pass; fields as they are written."""

    recv_ns: Annotated[int, msgspec.Meta(ge=RECV_NS_MIN, le=RECV_NS_MAX)]
    src: Literal["kalshi_ws", "coinbase_ws"]
    conn: str | None = None
    raw: (
        OrderbookDelta
        | OrderbookSnapshot
        | _Ticker
        | Trade
        | Subscribed
        | Ok
        | Unsubscribed
        | Error
        | MarketLifecycle
        | CfBenchmarksValue
        | Match
        | LastMatch
        | Heartbeat
        | Subscriptions
    )


KALSHI: Final = "kalshi_ws"
COINBASE: Final = "coinbase_ws"
_UNREADABLE: Final = (
    msgspec.DecodeError, Malformed, KeyError, UnicodeDecodeError, RecursionError,
)  # fmt: skip
_SOURCES: Final[dict[type[Any], str]] = {
    kind: source
    for source, frames in ((KALSHI, get_args(KalshiFrame)), (COINBASE, get_args(CoinbaseMessage)))
    for kind in frames
}
_decode = msgspec.json.Decoder(_Line).decode


def _tag(kind: type[Any]) -> str:
    return str(kind.__struct_config__.tag)


class LineDecoder:
    """Decodes lines of one session. Counts what it saw; says what was wrong.

    `counts` is messages by (source, type); `unknown_fields` counts fields no schema names, which
    are tolerated: a venue adds fields without notice and a book must not die of it.
    """

    def __init__(self, *, use_yes_price: bool = False) -> None:
        self._kalshi = KalshiParser(use_yes_price=use_yes_price)
        self._by_type: defaultdict[type[Any], int] = defaultdict(int)
        self._others: Counter[tuple[str, str]] = Counter()
        self.unknown_fields: Counter[str] = Counter()
        self.own_lines = 0  # our own output inside a journal
        self._venues = VenueLines()
        self._rows = Rows()
        self._conn_seen: str | None = None
        self._conn = KALSHI

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """Messages by (source, type) so far."""
        counts = Counter(self._others)
        for kind, count in self._by_type.items():
            if count:
                counts[_SOURCES[kind], _tag(kind)] += count
        return counts

    def decode_many(self, lines: list[bytes]) -> list[Parsed]:
        """`decode` of each line, quicker: nine of ten are deltas, and their way is written out."""
        try:
            received = list(map(_decode, lines))
        except _UNREADABLE:
            return [self.decode(line) for line in lines]
        kalshi, others = self._kalshi, 0
        parsed: list[Parsed] = []
        prices, legs, quantities, flips = PRICES, LEGS, kalshi.quantities, kalshi.may_flip
        conn_seen, conn = self._conn_seen, self._conn
        add = parsed.append
        for envelope in received:
            frame = envelope.raw
            try:
                if type(frame) is not OrderbookDelta or envelope.src != KALSHI:
                    others += 1
                    add(self._fast(envelope))
                    continue
                if envelope.conn != conn_seen:
                    conn_seen = envelope.conn
                    conn = conn_seen or KALSHI
                msg = frame.msg
                leg, price, ts_ms = legs[msg.side], prices[msg.price_dollars], msg.ts_ms
                if flips and leg:
                    price = kalshi.no_price(conn, price)
                add(
                    BookDelta(
                        envelope.recv_ns, conn, frame.sid, frame.seq, msg.market_ticker, leg, price,
                        quantities[msg.delta_fp], None if ts_ms is None else ts_ms * 1_000_000,
                        msg.clock,
                    )
                )  # fmt: skip
            except _UNREADABLE:
                others += type(frame) is OrderbookDelta and envelope.src == KALSHI
                add(self._explain(lines[len(parsed)]))
        self._conn_seen, self._conn = conn_seen, conn
        self._by_type[OrderbookDelta] += len(parsed) - others
        return parsed

    def decode(self, line: bytes) -> Parsed:
        """The events a line holds: one, or a tuple of several or none."""
        try:
            return self._fast(_decode(line))
        except _UNREADABLE:
            return self._explain(line)  # finds out what it is and says so

    def _fast(self, envelope: _Line) -> Parsed:
        """A message that the schemas name; the source must be one that sends such a message."""
        frame: Any = envelope.raw
        kind, source, conn = type(frame), envelope.src, envelope.conn or envelope.src
        if kind is Match and source == COINBASE:  # most of what is no delta
            parsed: Parsed = coinbase.trade(envelope.recv_ns, conn, frame)
            self._by_type[kind] += 1
            return parsed
        if kind is _Ticker:
            frame = _ticker(frame, source)
            kind = type(frame)
        if _SOURCES[kind] != source:
            raise Malformed("unknown_type", "type", f"{_tag(kind)} is not a message of {source}")
        if source == COINBASE:
            parsed = coinbase.event(envelope.recv_ns, conn, frame)
        else:
            parsed = self._kalshi.event(envelope.recv_ns, conn, frame)
        self._by_type[kind] += 1
        return parsed

    def _count(self, source: str, kind: object) -> None:
        key = (source, str(kind))
        if key not in self._others and len(self._others) >= _NAMES_MAX:
            key = ("other", "other")
        self._others[key] += 1

    def _explain(self, line: bytes) -> Parsed:
        if not line.strip():
            self.own_lines += 1
            return ()
        frame = self._venues.take(line)
        if frame is not None:
            return self._framed(frame)
        fields: dict[str, Any] = {}
        try:
            fields = object_of(line)
            return self._slow(fields)
        except Malformed as problem:
            return self._quarantine(fields, problem)
        except msgspec.ValidationError as error:
            return self._quarantine(fields, from_validation(error))
        except (UnicodeDecodeError, RecursionError) as error:
            return self._quarantine(fields, Malformed("not_json", "line", type(error).__name__))

    def _slow(self, fields: dict[str, Any]) -> Parsed:
        source = text_of(fields, "src")
        if source in control.SILENT_SOURCES:
            self.own_lines += 1
            return ()
        if source == "recorder" and fields.get("type") == control.KNOWN_OUTCOMES:
            self._count(source, control.KNOWN_OUTCOMES)
            return control.known_outcomes(fields)
        if source in PRIVATE_SOURCES:
            self.own_lines += 1  # about us; what follows from it is in the journal as events
            self._count(source, kind_of(fields))
            return ()
        if is_passed_over(source, fields):
            self._count(source, kind_of(fields))
            return ()
        recv_ns = self._rows.borrowed_ns(fields) or recv_ns_of(fields)
        conn = fields.get("conn") or source
        if not isinstance(conn, str):
            raise Malformed("wrong_type", "conn", "is not text")
        if Rows.is_row(source, fields):
            events = self._rows.take(source, recv_ns, fields)
            return self._framed(Frame(source, kind_of(fields), events))
        if source in SOURCES:
            return self._framed(self._venues.odd(source, recv_ns, fields.get("conn"), fields))
        parsed = self._route(source, recv_ns, conn, fields)
        self._count(source, kind_of(fields))
        return parsed

    def _framed(self, frame: Frame) -> Parsed:
        refused = sum(isinstance(event, InputQuarantined) for event in frame.events)
        for _ in range(refused):
            self._count(frame.source, "quarantined")
        if not refused:
            self._count(frame.source, frame.kind)
        return frame.events

    def _route(self, source: str, recv_ns: int, conn: str, fields: dict[str, Any]) -> Parsed:
        match source:
            case "kalshi_ws":
                return self._kalshi_slow(recv_ns, conn, raw_of(fields))
            case "coinbase_ws":
                return self._coinbase_slow(recv_ns, conn, raw_of(fields))
            case "recorder":
                opened = self._venues.connected(recv_ns, conn, fields.get("type"))
                return opened or control.recorder(recv_ns, conn, fields, self._kalshi)
            case journal_lines.SOURCE:
                return (journal_lines.event_from(text_of(fields, "type"), fields.get("data")),)
            case "kalshi_rest_trades":
                return control.rest_trade(recv_ns, conn, raw_of(fields))
            case "kalshi_perp_rest":
                return control.perp_index(recv_ns, conn, fields)
            case _:
                raise Malformed("unknown_source", "src", f"nothing reads {source!r}")

    def _kalshi_slow(self, recv_ns: int, conn: str, raw: dict[str, Any]) -> Parsed:
        if "cmd" in raw:
            return control.command(conn, raw, self._kalshi)
        kind = text_of(raw, "type")
        if _is_cents(kind, raw):
            if kind == "orderbook_delta":
                return self._kalshi.cents_delta(recv_ns, conn, msgspec.convert(raw, CentsDelta))
            frame = msgspec.convert(raw, CentsSnapshot)
            return self._kalshi.cents_snapshot(recv_ns, conn, frame)
        return self._kalshi.event(recv_ns, conn, tolerance.convert(raw, self.unknown_fields))

    def _coinbase_slow(self, recv_ns: int, conn: str, raw: dict[str, Any]) -> Parsed:
        if "type" not in raw:
            return coinbase.sampled_trade(recv_ns, conn, msgspec.convert(raw, SampledMatch))
        message: CoinbaseMessage = msgspec.convert(raw, CoinbaseMessage)
        return coinbase.event(recv_ns, conn, message)

    def _quarantine(self, fields: dict[str, Any], problem: Malformed) -> Parsed:
        raw = fields.get("raw")
        raw = raw if isinstance(raw, dict) else {}
        msg = raw.get("msg")
        recv_ns, source, conn = fields.get("recv_ns"), fields.get("src"), fields.get("conn")
        self._count(source if isinstance(source, str) else "unreadable", "quarantined")
        event = InputQuarantined(
            recv_ns if is_time(recv_ns) else None,
            source if isinstance(source, str) else "",
            conn if isinstance(conn, str) else source if isinstance(source, str) else "",
            problem.reason,
            problem.field,
            problem.detail,
            raw["type"] if isinstance(raw.get("type"), str) else None,
            integer_of(raw.get("sid")),
            integer_of(raw.get("seq")),
            market_of(msg if isinstance(msg, dict) else raw),
        )
        return (event,)


def _ticker(frame: _Ticker, source: str) -> Ticker | CoinbaseTicker:
    """The ticker of the venue that sent it, or Malformed when something of it is missing."""
    if source == COINBASE:
        if frame.msg is not None or None in (
            frame.product_id, frame.price, frame.time, frame.trade_id
        ):  # fmt: skip
            raise Malformed("missing_field", "product_id", "not a whole Coinbase ticker")
        return CoinbaseTicker(frame.product_id, frame.price, frame.time, frame.trade_id)  # type: ignore[arg-type]
    if frame.msg is None or frame.product_id is not None:
        raise Malformed("missing_field", "msg", "not a whole Kalshi ticker")
    return Ticker(frame.msg, frame.sid, frame.seq, frame.sending_ts_ms)


def _is_cents(kind: str, raw: dict[str, Any]) -> bool:
    msg = raw.get("msg")
    if not isinstance(msg, dict):
        return False
    old = {"orderbook_delta": ("price", "delta"), "orderbook_snapshot": ("yes", "no")}
    return any(name in msg for name in old.get(kind, ()))
