"""Damages a tape of Polymarket frames in one place, in the ways networks and venues have found."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from tests.support.mutations import KINDS as LINE_KINDS
from tests.support.mutations import ODD_VALUES, Mutation, Piece, Tape
from tests.support.polymarket import MARKET, NO, OTHER, OTHER_YES, YES

Holder = dict[str, Any]


def _rewritten(tape: Tape, at: int, damage: Callable[[list[Holder]], None]) -> Tape:
    body = json.loads(tape[at].line)
    damage(_holders(body))
    line = json.dumps(body, separators=(",", ":")).encode()
    return [*tape[:at], Piece(line, at, touched=True), *tape[at + 1 :]]


def _holders(body: Any) -> list[Holder]:  # noqa: ANN401
    """Every object of a frame, outermost first."""
    if isinstance(body, list):
        return [found for each in body for found in _holders(each)]
    if not isinstance(body, dict):
        return []
    inner = [found for value in body.values() for found in _holders(value)]
    return [body, *inner]


def drop_field(chance: random.Random, tape: Tape, at: int) -> Tape:
    def damage(holders: list[Holder]) -> None:
        holder = chance.choice(holders)
        holder.pop(chance.choice(sorted(holder) or [""]), None)

    return _rewritten(tape, at, damage)


def rename_field(chance: random.Random, tape: Tape, at: int) -> Tape:
    def damage(holders: list[Holder]) -> None:
        holder = chance.choice(holders)
        name = chance.choice(sorted(holder) or [""])
        new = chance.choice([name + "x", name[:-1], name.upper(), "", "price", "size", "bids"])
        if name in holder:
            holder[new] = holder.pop(name)

    return _rewritten(tape, at, damage)


def retype_field(chance: random.Random, tape: Tape, at: int) -> Tape:
    def damage(holders: list[Holder]) -> None:
        holder = chance.choice(holders)
        holder[chance.choice(sorted(holder) or [""])] = chance.choice(ODD_VALUES)

    return _rewritten(tape, at, damage)


def _set(names: tuple[str, ...], values: list[Any]) -> Mutation:
    """Give one field of these names another value."""

    def mutation(chance: random.Random, tape: Tape, at: int) -> Tape:
        def damage(holders: list[Holder]) -> None:
            having = [(each, name) for each in holders for name in names if name in each]
            if having:
                holder, name = chance.choice(having)
                holder[name] = chance.choice(values)

        return _rewritten(tape, at, damage)

    return mutation


_PRICES = ["0.5035", "0.0005", "0", "1", "1.0001", "-0.01", "0.50001", "0.45", ".5", "5e-1", "0.99"]
_SIZES = ["-1", "-0.01", "0", "1e9", "999999999999", "0.0000001", "9" * 30, "", " 5", "5 ", "12.5"]
_IDS = [YES, NO, OTHER_YES, MARKET, OTHER, "", "0", "7", "0x00", YES + "0"]
_KINDS = [
    "book", "price_change", "last_trade_price", "best_bid_ask", "tick_size_change", "new_market",
    "market_resolved", "kairos_listing", "", "BOOK", "trade", "order",
]  # fmt: skip
_TIMES = ["", "0", "1795000000", "1794999999999", "1795000000001", "9" * 20, "-1", "1.5"]

KINDS: dict[str, Mutation] = {
    "drop_field": drop_field,
    "rename_field": rename_field,
    "retype_field": retype_field,
    "odd_price": _set(("price",), _PRICES),
    "odd_size": _set(("size",), _SIZES),
    "odd_top": _set(("best_bid", "best_ask"), _PRICES),
    "other_market": _set(("market", "asset_id"), _IDS),
    "other_side": _set(("side",), ["BUY", "SELL", "buy", "", "YES"]),
    "other_time": _set(("timestamp",), _TIMES),
    "unknown_type": _set(("event_type",), _KINDS),
} | {
    name: LINE_KINDS[name]
    for name in (
        "truncate_line", "flip_byte", "flip_many_bytes", "duplicate_line", "repeat_line_later",
        "drop_line", "drop_lines", "swap_lines", "insert_garbage",
    )
}  # fmt: skip
