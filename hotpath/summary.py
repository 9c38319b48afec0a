"""The figures of a run as summary.json states them (schema: docs/summary.schema.json)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import to_builtins

from hotpath.engine import Engine
from hotpath.run_record import Opinions, RunRecord, Settled
from hotpath.session import Session
from kairos.domain.book import BinaryBook, BookState
from kairos.domain.instruments import Outcome
from kairos.domain.scoring import NOTHING_SCORED, Score
from kairos.domain.units import cash_dollars, contracts, dollars


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the shell knows about a run and the engine does not."""

    files: tuple[str, ...]
    profile: str
    fills: str
    wall_seconds: float
    settings: Mapping[str, str]
    code_version: str
    decisions_sha256: str


def summarise(
    facts: RunFacts,
    session: Session,
    engine: Engine,
    record: RunRecord,
    counts: Mapping[tuple[str, str], int],
    unknown_fields: Mapping[str, int],
) -> dict[str, Any]:
    """All top-level keys of summary.json. Cash in dollar strings, times in nanoseconds."""
    start_ns = session.first_ns
    span = (engine.now_ns - start_ns) / 1e9 if start_ns is not None else 0.0
    wall = facts.wall_seconds
    return {
        "schema_version": 1,
        "files": list(facts.files),
        "profile": facts.profile,
        "fill_model": facts.fills,
        "messages": session.messages,
        "messages_by_type": _by_source(counts),
        "start_ns": start_ns,
        "end_ns": engine.now_ns if start_ns is not None else None,
        "span_seconds": span,
        "wall_seconds": wall,
        "messages_per_second": session.messages / wall if wall > 0 else 0.0,
        "quarantined": dict(sorted(session.quarantine.counts.items())),
        "quarantine_samples": {
            reason: [sample._asdict() for sample in samples]
            for reason, samples in sorted(session.quarantine.samples.items())
        },
        "unknown_fields": dict(sorted(unknown_fields.items())),
        "clock": {"went_back": session.clock_back, "jumps_refused": session.clock_jumps},
        "spot": {
            "missed_trades": engine.spot.missed,
            "duplicates": engine.spot.duplicates,
            "outliers": engine.spot.outliers,
            "other_products": engine.spot.other_products,
        },
        "sequence_gaps": sum(engine.books.gaps.values()),
        "connections": _connections(engine),
        "books": {name: _book(market.book) for name, market in sorted(engine.markets.items())},
        "coverage": {
            name: {"observed_seconds": each.observed, "live_seconds": each.live}
            for name, each in sorted(record.coverage.items())
        },
        "decisions": {
            "total": sum(record.verdicts.values()),
            "by_outcome": dict(sorted(record.verdicts.items())),
            "by_reason": dict(record.reasons.most_common()),
        },
        "orders": {"submitted": record.submitted, "ended": dict(sorted(record.order_ends.items()))},
        "risk": _risk(record),
        "fills": {"total": sum(record.fills.values()), "by_evidence": dict(record.fills)},
        "pnl": _pnl(engine),
        "scores": scores(record.opinions, record, engine),
        "latency": session.latency.percentiles(),
        "settlements": [_settlement(each) for each in record.settlements],
        "settings": dict(sorted(facts.settings.items())),
        "code_version": facts.code_version,
        "decisions_sha256": facts.decisions_sha256,
    }


def _risk(record: RunRecord) -> dict[str, Any]:
    return {
        "denied": record.denied,
        "denied_by_reason": dict(record.denials.most_common()),
        "breaches": dict(sorted(record.breaches.items())),
        "state_changes": record.state_changes,
        "states": [to_builtins(change) for change in record.states],
    }


def _by_source(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    by_source: dict[str, dict[str, int]] = {}
    for (source, kind), count in sorted(counts.items()):
        by_source.setdefault(source, {})[kind] = count
    return by_source


def _connections(engine: Engine) -> dict[str, dict[str, int]]:
    books = engine.books
    names = sorted({*books.epochs, *books.gaps, *books.resyncs, *books.channels})
    return {
        name: {
            "epochs": books.epochs[name],
            "sequence_gaps": books.gaps[name],
            "resyncs": books.resyncs[name],
        }
        for name in names
    }


def _book(book: BinaryBook) -> dict[str, str | None]:
    bid, ask = book.yes_bid, book.yes_ask
    return {
        "best_bid": None if bid is None else dollars(bid),
        "best_ask": None if ask is None else dollars(ask),
        "state": book.state.value,
        "reason": book.reason,
        "sha256": book.sha256(),
    }


def _pnl(engine: Engine) -> dict[str, Any]:
    """Realised results; what is still held is stated apart, at cost and at the last bid."""
    ledger = engine.account.ledger
    ledger.check()
    result = ledger.result
    value = ledger.value(_bids(engine))
    return {
        "gross": cash_dollars(result.realised),
        "fees": cash_dollars(result.fees),
        "net": cash_dollars(result.net),
        "unrealised": cash_dollars(value.unrealised),
        "open_positions": [
            {
                "market": each.market,
                "outcome": each.outcome.value,
                "contracts": contracts(each.quantity),
                "cost": cash_dollars(each.cost),
            }
            for each in ledger.positions()
        ],
    }


def _bids(engine: Engine) -> dict[tuple[str, Outcome], int]:
    """The bid each position could be sold at; none where nobody bids or the book is not live."""
    marks = {}
    for position in engine.account.ledger.positions():
        market = engine.markets[position.market]
        bid = market.book.yes_bid if position.outcome is Outcome.YES else market.book.no_bid
        if bid is not None and market.book.state is BookState.LIVE:
            marks[position.market, position.outcome] = bid
    return marks


def scores(opinions: Mapping[str, Opinions], record: RunRecord, engine: Engine) -> dict[str, Any]:
    """Brier and log loss of model and market over the markets whose outcome is known."""
    model = market = NOTHING_SCORED
    settled = 0
    for name, each in opinions.items():
        outcome = engine.markets[name].outcome
        if outcome is not None:
            model = model.plus(each.model.resolve(outcome))
            market = market.plus(each.market.resolve(outcome))
            settled += 1
    return {
        "settled_markets": settled,
        "evaluations": model.evaluations,
        "model": _score(model),
        "market": _score(market),
    }


def _score(score: Score) -> dict[str, float | None]:
    return {"brier": score.brier, "log_loss": score.log_loss}


def _settlement(settled: Settled) -> dict[str, str]:
    return {
        "market": settled.market,
        "outcome": settled.outcome.value,
        "source": settled.source,
        "yes_held": contracts(settled.yes_held),
        "no_held": contracts(settled.no_held),
        "net": cash_dollars(settled.net),
    }
