"""The eight event contracts of profile v1: what an envelope may hold, and its idempotency key.

Reproduces although it is wrong: keys name a state, not an occurrence, so open → closed → open ends
on closed, and a corrected strike with unchanged times is dropped as a duplicate (D20); neither
source nor version is part of a hashed payload; times are whole seconds (D30). Payloads are read
leniently: an integral float or numeric text passes for an int, an int or numeric text for a float.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kairos.domain.profile_v1.coercion import Fields
from kairos.domain.profile_v1.payloads import FieldSpec, optional, read_payload, required
from kairos.errors import Malformed

SCHEMA_VERSION: Final = 1
KEY_DIGITS: Final = 24
DEAD_LETTER_PREFIX: Final = "dlq."

_ENVELOPE: Final = frozenset(
    {"event_type", "schema_version", "ts_event", "source", "idempotency_key", "payload"}
)


@dataclass(frozen=True, slots=True)
class EventContract:
    """One event type: its subject, its payload, and what its key is made of.

    Every `key_parts` field must be there, or the key is made from the whole payload;
    `blank_parts` may be missing and count as empty text.
    """

    subject: str
    fields: Mapping[str, FieldSpec]
    key_parts: tuple[str, ...]
    blank_parts: tuple[str, ...] = ()
    versioned: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """A validated envelope. `digest_source` is the text its key is hashed from."""

    event_type: str
    ts_event: int
    source: str
    idempotency_key: str
    payload: dict[str, Any]
    digest_source: str

    @property
    def subject(self) -> str:
        return REGISTRY[self.event_type].subject

    @property
    def dead_letter_subject(self) -> str:
        return DEAD_LETTER_PREFIX + self.subject

    def envelope(self) -> dict[str, Any]:
        """The JSON object that goes on the bus."""
        return {
            "event_type": self.event_type,
            "schema_version": SCHEMA_VERSION,
            "ts_event": self.ts_event,
            "source": self.source,
            "idempotency_key": self.idempotency_key,
            "payload": self.payload,
        }


_TIMES = ("close_ts", "expected_expiration_ts", "expiration_ts")
_SIDES = ("yes_bid", "yes_ask", "no_bid", "no_ask")

REGISTRY: Final[Mapping[str, EventContract]] = {
    "spot_tick": EventContract(
        "market.spot_ticks",
        required(ts=int, product_id=str, price=float)
        | optional(float, "best_bid", "best_ask", "bid_qty", "ask_qty")
        | optional(int, "sequence_num"),
        ("product_id", "ts", "sequence_num"),
    ),
    "quote_update": EventContract(
        "market.quote_updates",
        required(ts=int, market_id=str)
        | optional(str, "source_msg_id")
        | optional(float, *_SIDES, "yes_mid", "no_mid", "p_mid"),
        ("market_id", "ts", "source_msg_id"),
    ),
    "market_lifecycle": EventContract(
        "market.lifecycle",
        required(market_id=str, status=str) | optional(int, *_TIMES, "settlement_ts"),
        ("market_id", "status"),
        (*_TIMES, "settlement_ts"),
    ),
    "contract_update": EventContract(
        "market.contract_updates",
        required(ticker=str)
        | optional(float, "lower", "upper")
        | optional(str, "strike_type")
        | optional(int, *_TIMES, "settled_ts", "outcome"),
        ("ticker",),
        (*_TIMES, "settled_ts", "outcome"),
    ),
    "edge_snapshot": EventContract(
        "strategy.edge_snapshots",
        required(asof_ts=int, market_id=str, prob_yes=float, ev_take_yes=float)
        | required(ev_take_no=float, sigma_annualized=float, spot_price=float)
        | optional(int, "quote_ts", "spot_ts", "settlement_ts", "horizon_seconds")
        | optional(str, "strike", "raw_json")
        | optional(float, "prob_yes_raw", *_SIDES, "yes_mid", "no_mid")
        | optional(int, "spot_age_seconds", "quote_age_seconds"),
        ("asof_ts", "market_id"),
        versioned=True,
    ),
    "opportunity_decision": EventContract(
        "strategy.opportunity_decisions",
        required(ts_eval=int, market_id=str, eligible=bool, would_trade=bool)
        | optional(str, "side", "reason_not_eligible", "raw_json")
        | optional(object, "strike")
        | optional(float, "ev_raw", "ev_net", "spot_price", "sigma", "tau")
        | optional(float, "p_model", "p_market", *(f"best_{side}" for side in _SIDES))
        | optional(float, "spread", "cost_buffer")
        | optional(int, "settlement_ts", "strategy_version"),
        ("ts_eval", "market_id", "side"),
        versioned=True,
    ),
    "execution_order": EventContract(
        "execution.orders",
        required(ts_order=int, order_id=str, market_id=str, side=str, status=str)
        | optional(float, "price_cents")
        | optional(str, "reason", "opportunity_idempotency_key")
        | {
            "action": FieldSpec(str, default="open"),
            "quantity": FieldSpec(int, default=1, minimum=1),
            "paper": FieldSpec(bool, default=True),
        },
        ("order_id", "status"),
    ),
    "execution_fill": EventContract(
        "execution.fills",
        required(ts_fill=int, fill_id=str, order_id=str, market_id=str, side=str)
        | optional(float, "price_cents")
        | optional(int, "outcome")
        | optional(str, "reason")
        | {
            "action": FieldSpec(str, default="open"),
            "quantity": FieldSpec(int, default=1, minimum=1),
            "paper": FieldSpec(bool, default=True),
        },
        ("fill_id",),
    ),
}


def build_event(
    event_type: str, payload: Fields, *, source: str, ts_event: int, key: str | None = None
) -> Event:
    """Validate a payload and give it its key, unless it has one.

    Raises Malformed with the field for an unknown type or a payload outside its contract.
    """
    contract = _contract(event_type)
    complete = read_payload(contract.fields, payload)
    text = digest_source(event_type, complete)
    return Event(event_type, ts_event, source, key or _key(event_type, text), complete, text)


def parse_event(envelope: Fields, now_ts: int) -> Event:
    """Validate a whole envelope; `now_ts` stands in where the producer left its time out.

    Raises Malformed with the field; the caller sends such a message to its dead-letter subject.
    """
    extra = sorted(set(envelope) - _ENVELOPE)
    if extra:
        raise Malformed("unexpected_field", extra[0], "the envelope has no such field")
    head = read_payload(
        required(event_type=str, schema_version=int, source=str)
        | optional(int, "ts_event")
        | optional(str, "idempotency_key"),
        {name: value for name, value in envelope.items() if name != "payload"},
    )
    _contract(head["event_type"])
    if head["schema_version"] != SCHEMA_VERSION:
        raise Malformed("version_mismatch", "schema_version", f"only {SCHEMA_VERSION} is known")
    payload = envelope.get("payload")
    if not isinstance(payload, Mapping):
        raise Malformed("missing_field", "payload", "an event carries an object")
    ts_event = now_ts if head["ts_event"] is None else head["ts_event"]
    return build_event(
        head["event_type"],
        payload,
        source=head["source"],
        ts_event=ts_event,
        key=head["idempotency_key"],
    )


def digest_source(event_type: str, payload: Fields) -> str:
    """The text a key is hashed from: its parts joined by `|`, or the canonical payload."""
    contract = _contract(event_type)
    parts = [_part(payload.get(name)) for name in contract.key_parts]
    if "" in parts:
        return canonical_json(payload)
    parts += [_part(payload.get(name)) for name in contract.blank_parts]
    if contract.versioned:
        parts.append(_part(payload.get("strategy_version") or "v1"))
    return "|".join(parts)


def canonical_json(payload: Fields) -> str:
    """The payload with sorted keys, no spaces, ASCII only, nulls for what was not set."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _part(value: object) -> str:
    return "" if value is None else str(value).strip()


def _key(event_type: str, text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{event_type}:v{SCHEMA_VERSION}:{digest[:KEY_DIGITS]}"


def _contract(event_type: str) -> EventContract:
    contract = REGISTRY.get(event_type)
    if contract is None:
        raise Malformed(
            "unknown_event_type", "event_type", f"{event_type!r} is not in the registry"
        )
    return contract
