"""What a run leaves behind: decisions.jsonl, orders.jsonl, and the figures of summary.json.

Memory does not grow with the session: decisions go straight to the file, the rest are tallies.
`decisions_sha256` is the hash of the bytes of decisions.jsonl, so `sha256sum` can check it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from hotpath.engine import Engine
from hotpath.market import Market
from kairos.domain.book import BookState
from kairos.domain.instruments import Outcome
from kairos.domain.scoring import CalibrationSums, ScoreSums
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import UsageError
from kairos.messages.commands import (
    CancelOrder,
    Command,
    Decision,
    DecisionSweep,
    OrderDenied,
    RiskBreached,
    SubmitOrder,
    TradingStateChanged,
)
from kairos.messages.events import (
    AmendRejected,
    FeeCharged,
    FillVoided,
    MarketDetermined,
    OrderAccepted,
    OrderAdopted,
    OrderAmended,
    OrderClosed,
    OrderFilled,
    OrderRejected,
    OrderReport,
    OrderUnknown,
)

_FLUSH_BYTES: Final = 1 << 18
STATES_MAX: Final = 100  # changes of the trading state that are kept; all are counted
_encode = msgspec.json.Encoder().encode
_WORDS: Final[dict[type[OrderReport], str]] = {
    OrderUnknown: "unknown",
    OrderAmended: "amended",
    AmendRejected: "amend_rejected",
    FeeCharged: "fee_charged",
    FillVoided: "fill_voided",
    OrderAdopted: "adopted",
}


class Settled(msgspec.Struct, frozen=True):
    """One market's end: what it paid on, how we know, what we held, what it made."""

    market: str
    outcome: Outcome
    source: str
    yes_held: int
    no_held: int
    net: int


class Coverage:
    """Seconds a market was observed while open, and seconds its book was live."""

    __slots__ = ("live", "observed")

    def __init__(self) -> None:
        self.live = 0
        self.observed = 0


class _Lines:
    """Appends JSON lines to a file, buffered, hashing what it writes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._partial = None if path is None else path.with_name(path.name + ".partial")
        self._file = None if self._partial is None else _create(self._partial)
        self._hash = hashlib.sha256()
        self._pending: list[bytes] = []
        self._size = 0

    def add(self, line: bytes) -> None:
        self._pending.append(line)
        self._size += len(line)
        if self._size >= _FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            block = b"\n".join(self._pending) + b"\n"
            self._hash.update(block)
            if self._file is not None:
                self._file.write(block)
            self._pending.clear()
            self._size = 0

    def close(self) -> str:
        """End the file under its own name; the hash of what is in it."""
        self._flush()
        if self._file is not None and self._partial is not None and self._path is not None:
            self._file.close()
            self._partial.replace(self._path)
        return self._hash.hexdigest()

    def discard(self) -> None:
        """The run came to nothing: an earlier run's file stays as it is."""
        if self._file is not None and self._partial is not None:
            self._file.close()
            self._partial.unlink(missing_ok=True)


def _create(path: Path) -> BinaryIO:
    if path.with_name(path.name.removesuffix(".partial")).is_dir():
        raise UsageError(f"{path.name.removesuffix('.partial')} in {path.parent} is a directory")
    try:
        return path.open("wb")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error


class Opinions:
    """What the model and the market said about one market, at the same moments."""

    __slots__ = ("market", "market_bins", "model", "model_bins")

    def __init__(self) -> None:
        self.model = ScoreSums()
        self.market = ScoreSums()
        self.model_bins = CalibrationSums()
        self.market_bins = CalibrationSums()

    def add(self, probability: float, mid: float) -> None:
        self.model.add(probability)
        self.market.add(mid)
        self.model_bins.add(probability)
        self.market_bins.add(mid)


class RunRecord:
    """The session's sink. `close` ends the files and gives the decisions' hash.

    Without a directory nothing is written, and the tallies and the hash are all there is.
    """

    def __init__(self, directory: Path | None) -> None:
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        self._decisions = _Lines(directory and directory / "decisions.jsonl")
        self._orders = _Lines(directory and directory / "orders.jsonl")
        self.verdicts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.order_ends: Counter[str] = Counter()
        self.fills: Counter[str] = Counter()
        self.submitted = 0
        self.denied = 0
        self.denials: Counter[str] = Counter()
        self.breaches: Counter[str] = Counter()
        self.state_changes = 0
        self.states: list[TradingStateChanged] = []
        self.settlements: list[Settled] = []
        self.opinions: dict[str, Opinions] = {}
        self.coverage: dict[str, Coverage] = {}
        self.evaluated_markets: set[str] = set()

    def commands(self, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case Decision():
                    self._decision(command)
                case DecisionSweep():
                    for decision in command.expand():
                        self._decision(decision)
                case SubmitOrder():
                    self.submitted += 1
                    self._order("submitted", command.ts_ns, command)
                case CancelOrder():
                    self._order("cancel_sent", command.ts_ns, command)
                case OrderDenied():
                    self.denied += 1
                    self.denials.update(command.reasons)
                    self._order("denied", command.ts_ns, command)
                case RiskBreached():
                    self.breaches[command.limit] += 1
                case TradingStateChanged():
                    self.state_changes += 1
                    self.states += [command] if len(self.states) < STATES_MAX else []
                case _:
                    pass  # book changes and refusals are counted by the session

    def _decision(self, decision: Decision) -> None:
        self.verdicts[decision.verdict] += 1
        self.evaluated_markets.add(decision.market)
        self.reasons.update(decision.reasons)
        self._decisions.add(_encode(decision))

    def report(self, report: OrderReport, engine: Engine) -> None:
        match report:
            case OrderAccepted():
                self._order("accepted", report.recv_ns, report)
            case OrderRejected():
                self.order_ends[f"rejected:{report.reason}"] += 1
                self._order("rejected", report.recv_ns, report)
            case OrderFilled():
                self.fills[report.evidence] += 1
                self._order("filled", report.recv_ns, report)
            case OrderClosed():
                self.order_ends[report.reason] += 1
                self._order("closed", report.recv_ns, report)
            case _:
                self._order(_WORDS[type(report)], report.recv_ns, report)

    def _order(self, event: str, ts_ns: int, detail: msgspec.Struct) -> None:
        fields: dict[str, Any] = {"event": event, "ts_ns": ts_ns}
        fields |= msgspec.structs.asdict(detail)
        fields.pop("recv_ns", None)
        if "notional" in fields and fields["notional"] is None:
            del fields["notional"]  # it is price × quantity, as nearly always
        self._orders.add(_encode(fields))

    def settled(self, event: MarketDetermined, yes_held: int, no_held: int, engine: Engine) -> None:
        net = engine.account.ledger.market_result(event.market).net
        self.settlements.append(
            Settled(event.market, event.outcome, event.source, yes_held, no_held, net)
        )
        if yes_held or no_held:
            self._order("settled", event.recv_ns, event)

    def timer(self, now_ns: int, engine: Engine) -> None:
        """Once a second: what the model and the market say, and whether the book could be used."""
        for market in engine.markets.values():
            if market.contract is None or not market.is_open(now_ns):
                continue
            coverage = self.coverage.setdefault(market.market_id, Coverage())
            coverage.observed += 1
            if market.book.state is BookState.LIVE:
                coverage.live += 1
                self._score(market, now_ns, engine)

    def _score(self, market: Market, now_ns: int, engine: Engine) -> None:
        """Model and market are scored at the same moments, or not at all."""
        bid, ask = market.book.yes_bid, market.book.yes_ask
        probability = engine.strategy.estimate(market, now_ns)
        if probability is None or bid is None or ask is None or bid >= ask:
            return
        opinions = self.opinions.setdefault(market.market_id, Opinions())
        opinions.add(probability, (bid + ask) / (2 * PRICE_PER_DOLLAR))

    def close(self) -> str:
        self._orders.close()
        return self._decisions.close()

    def discard(self) -> None:
        self._orders.discard()
        self._decisions.discard()
