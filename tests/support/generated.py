"""A generated session taken apart, with the simplest book that could work to check it by."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from local.market_generator import SessionSettings, generate

Line = dict[str, Any]

SESSION = SessionSettings(
    seed=5,
    start_ns=SessionSettings(seed=5).start_ns + 30 * 60 * 10**9,  # 14:46:05: both series close
    minutes=17,
    deltas_per_second=12.0,
    matches_per_second=3.0,
)


def lines_of(settings: SessionSettings) -> list[Line]:
    return [json.loads(line) for line in generate(settings)]


def of_type(lines: Iterable[Line], source: str, kind: str) -> list[Line]:
    return [line for line in lines if line["src"] == source and line["type"] == kind]


def hundredths(text: str) -> int:
    """`"-12.34"` → -1234, exactly."""
    whole, _, fraction = text.partition(".")
    sign = -1 if whole.startswith("-") else 1
    return int(whole) * 100 + sign * int(fraction)


def tenths_of_cents(text: str) -> float:
    return round(float(text) * 1000, 3)


@dataclass
class NaiveBooks:
    """Levels per market and leg; a market in `broken` waits for a snapshot after a gap."""

    books: dict[str, dict[str, dict[float, int]]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    negative: list[Line] = field(default_factory=list)
    crossed: int = 0
    deltas: int = 0

    def apply(self, line: Line) -> None:
        body = line["raw"].get("msg", {})
        if line["type"] == "orderbook_snapshot":
            self.broken.discard(body["market_ticker"])
            self.books[body["market_ticker"]] = {
                leg: {tenths_of_cents(p): hundredths(q) for p, q in body.get(key, [])}
                for leg, key in (("yes", "yes_dollars_fp"), ("no", "no_dollars_fp"))
            }
        elif line["type"] == "orderbook_delta":
            self._change(line, body)

    def _change(self, line: Line, body: Line) -> None:
        price = tenths_of_cents(body["price_dollars"])
        if body["market_ticker"] in self.broken or price % 1:
            return
        legs = self.books[body["market_ticker"]]
        levels = legs[body["side"]]
        levels[price] = levels.get(price, 0) + hundredths(body["delta_fp"])
        if levels[price] < 0:
            self.negative.append(line)
        if levels[price] <= 0:
            del levels[price]
        self.deltas += 1
        if legs["yes"] and legs["no"] and max(legs["yes"]) + max(legs["no"]) >= 1000:
            self.crossed += 1
