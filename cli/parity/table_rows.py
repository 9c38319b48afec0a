"""Checks of the rows that state one function's value: fees, keys, scores, outcomes, gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any

from cli.parity.compare import Mismatch, compare
from cli.parity.fields import (
    need,
    need_flag,
    need_integer,
    need_list,
    need_object,
    need_text,
    need_tuples,
)
from kairos.domain.profile_v1.contracts import build_event
from kairos.domain.profile_v1.execution import Position, Request, gate
from kairos.domain.profile_v1.fees import exact_fee, fee, max_contracts
from kairos.domain.profile_v1.quotes import validate_quote
from kairos.domain.profile_v1.scoring import score_snapshot
from kairos.domain.profile_v1.settlement import outcome_of
from kairos.domain.profile_v1.strikes import bounds_payload, bounds_ticker

Row = Mapping[str, Any]


def check_fee(row: Row) -> Iterator[Mismatch]:
    price, contracts = need(row, "price_cents"), need(row, "contracts")
    yield from compare(need(row, "expected"), fee(price, contracts), "expected")
    if "exact_decimal_ceil" in row:
        stated, exact = need_text(row, "exact_decimal_ceil"), exact_fee(price, contracts)
        if _decimal(stated) != exact:
            yield Mismatch("exact_decimal_ceil", stated, str(exact))


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def check_idempotency(row: Row) -> Iterator[Mismatch]:
    event = build_event(
        need_text(row, "event_type"),
        need_object(row, "payload_in"),
        source=need_text(row, "event_json.source"),
        ts_event=need_integer(row, "event_json.ts_event"),
    )
    yield from compare(need(row, "digest_source"), event.digest_source, "digest_source")
    yield from compare(need(row, "expected_key"), event.idempotency_key, "expected_key")
    yield from compare(need(row, "payload_full"), event.payload, "payload_full")
    yield from compare(need(row, "event_json"), event.envelope(), "event_json")
    yield from compare(need(row, "subject"), event.subject, "subject")
    yield from compare(need(row, "dlq_subject"), event.dead_letter_subject, "dlq_subject")


def check_score(row: Row) -> Iterator[Mismatch]:
    score = score_snapshot(need_object(row, "snapshot"), need(row, "outcome"))
    yield from compare(need_object(row, "expected"), asdict(score), "expected")


def check_outcome(row: Row) -> Iterator[Mismatch]:
    yield from compare(need(row, "expected"), outcome_of(need_object(row, "market")), "expected")


def check_bounds_payload(row: Row) -> Iterator[Mismatch]:
    bounds = bounds_payload(need_object(row, "market"))
    yield from compare(need_list(row, "expected"), bounds, "expected")


def check_bounds_ticker(row: Row) -> Iterator[Mismatch]:
    bounds = bounds_ticker(need_text(row, "ticker"))
    yield from compare(need_list(row, "expected"), bounds, "expected")


def check_quote_validate(row: Row) -> Iterator[Mismatch]:
    verdict = validate_quote(need_object(row, "row"))
    yield from compare(need_list(row, "expected"), verdict, "expected")


def check_max_contracts(row: Row) -> Iterator[Mismatch]:
    bought = max_contracts(need(row, "budget"), need(row, "price_cents"))
    yield from compare(need(row, "expected"), bought, "expected")


def check_exec_gate(row: Row) -> Iterator[Mismatch]:
    request = Request(
        market_id=need_text(row, "request.market_id"),
        side=need(row, "request.side"),
        now_ts=need_integer(row, "request.now_ts"),
        kill_switch_active=need_flag(row, "request.kill_switch_active"),
        max_open_positions=need_integer(row, "request.max_open_positions"),
        cooldown_seconds=need_integer(row, "request.cooldown_seconds"),
    )
    held = [Position(*one) for one in need_tuples(row, "open_positions", str, str, int)]
    closed = [Position(*one) for one in need_tuples(row, "recently_closed", str, str, int)]
    yield from compare(need(row, "expected"), gate(request, held, closed), "expected")
