"""Damages a tape in one place, in every way that recorders, networks and venues have found."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

GARBAGE = [b"", b"   ", b"{", b"null", b"[1,2]", b"\x00\xff\xfe", b"PONG", b'{"src":"kalshi_ws"}']
ODD_VALUES: list[Any] = [
    None, True, False, 5, -1, 0, 1.5, "x", "", "0", "-1", "1e3", "NaN", [], {}, [1], {"a": 1},
    10**30, "9" * 40,
]  # fmt: skip
YEAR_NS = 365 * 24 * 3600 * 1_000_000_000


class Piece(NamedTuple):
    """One line of a damaged tape. `origin` is the line's place on the tape as it was sent; a
    `touched` line is not what was sent, or not where; an inserted one has no origin."""

    line: bytes
    origin: int | None
    touched: bool = False


Tape = list[Piece]
Mutation = Callable[[random.Random, Tape, int], Tape]


def whole(lines: list[bytes]) -> Tape:
    return [Piece(line, number) for number, line in enumerate(lines)]


def _replaced(tape: Tape, at: int, line: bytes) -> Tape:
    return [*tape[:at], Piece(line, at, touched=True), *tape[at + 1 :]]


def _body(tape: Tape, at: int) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(tape[at].line)
    return body


def _encoded(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _holders(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of a line, outermost first."""
    found = [body]
    for name in ("raw", "data"):
        if isinstance(body.get(name), dict):
            found.append(body[name])
            if isinstance(body[name].get("msg"), dict):
                found.append(body[name]["msg"])
    return found


def _field(chance: random.Random, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    holder = chance.choice(_holders(body))
    return holder, chance.choice(sorted(holder) or [""])


def drop_field(chance: random.Random, tape: Tape, at: int) -> Tape:
    body = _body(tape, at)
    holder, name = _field(chance, body)
    holder.pop(name, None)
    return _replaced(tape, at, _encoded(body))


def rename_field(chance: random.Random, tape: Tape, at: int) -> Tape:
    body = _body(tape, at)
    holder, name = _field(chance, body)
    new = chance.choice([name + "x", name[:-1], name.upper(), "x`y", "", "price", "yes"])
    if name in holder:
        holder[new] = holder.pop(name)
    return _replaced(tape, at, _encoded(body))


def retype_field(chance: random.Random, tape: Tape, at: int) -> Tape:
    body = _body(tape, at)
    holder, name = _field(chance, body)
    holder[name] = chance.choice(ODD_VALUES)
    return _replaced(tape, at, _encoded(body))


def duplicate_field(chance: random.Random, tape: Tape, at: int) -> Tape:
    """The same name twice in one object; JSON readers take the last."""
    body = _body(tape, at)
    _, name = _field(chance, body)
    value = json.dumps(chance.choice(ODD_VALUES)).encode()
    text = tape[at].line
    key = json.dumps(name).encode()
    where = text.find(key)
    if where < 0:
        return _replaced(tape, at, text)
    return _replaced(tape, at, text[:where] + key + b":" + value + b"," + text[where:])


def truncate_line(chance: random.Random, tape: Tape, at: int) -> Tape:
    line = tape[at].line
    return _replaced(tape, at, line[: chance.randrange(len(line))])


def flip_byte(chance: random.Random, tape: Tape, at: int) -> Tape:
    line = bytearray(tape[at].line)
    line[chance.randrange(len(line))] ^= 1 << chance.randrange(8)
    return _replaced(tape, at, bytes(line).replace(b"\n", b" "))


def flip_many_bytes(chance: random.Random, tape: Tape, at: int) -> Tape:
    line = bytearray(tape[at].line)
    for _ in range(8):
        line[chance.randrange(len(line))] = chance.randrange(256)
    return _replaced(tape, at, bytes(line).replace(b"\n", b" "))


def _in_message(
    chance: random.Random, tape: Tape, at: int, names: tuple[str, ...], values: list[Any]
) -> Tape:
    body = _body(tape, at)
    for holder in _holders(body):
        for name in names:
            if isinstance(holder.get(name), list) and holder[name]:
                level = chance.choice(holder[name])
                if isinstance(level, list) and len(level) == 2:
                    level[0 if "price_dollars" in names else 1] = chance.choice(values)
            elif name in holder:
                holder[name] = chance.choice(values)
    return _replaced(tape, at, _encoded(body))


_SIDES = ("yes_dollars_fp", "no_dollars_fp")


def off_grid_price(chance: random.Random, tape: Tape, at: int) -> Tape:
    prices = ["0.5035", "0.0005", "0.0000", "1.0000", "1.0001", "-0.0100", "0.50001", "0.12345"]
    return _in_message(chance, tape, at, ("price_dollars", *_SIDES), prices)


def bad_size(chance: random.Random, tape: Tape, at: int) -> Tape:
    sizes = ["-999999.00", "-0.01", "0.00", "1e9", "999999999999.00", "0.0000001", "9" * 30]
    return _in_message(chance, tape, at, ("delta_fp", *_SIDES), sizes)


def shift_sequence(chance: random.Random, tape: Tape, at: int) -> Tape:
    body = _body(tape, at)
    for holder in _holders(body):
        if isinstance(holder.get("seq"), int):
            holder["seq"] += chance.choice([-100, -2, -1, 1, 2, 3, 1000, 10**12])
    return _replaced(tape, at, _encoded(body))


def wrong_sid(chance: random.Random, tape: Tape, at: int) -> Tape:
    body = _body(tape, at)
    for holder in _holders(body):
        if isinstance(holder.get("sid"), int):
            holder["sid"] = chance.choice([0, -1, 1, 2, 3, 7, 10**9])
    return _replaced(tape, at, _encoded(body))


def other_connection(chance: random.Random, tape: Tape, at: int) -> Tape:
    body = _body(tape, at) | {"conn": chance.choice(["another", "kalshi_ws", "recorder"])}
    return _replaced(tape, at, _encoded(body))


def unknown_type(chance: random.Random, tape: Tape, at: int) -> Tape:
    body = _body(tape, at)
    kinds = ["orderbook_delta2", "fill", "", "ORDERBOOK_DELTA", "ticker", "trade", "ok", "error"]
    holder = chance.choice([each for each in _holders(body) if "type" in each] or [body])
    holder["type"] = chance.choice(kinds)
    return _replaced(tape, at, _encoded(body))


def unknown_source(chance: random.Random, tape: Tape, at: int) -> Tape:
    body = _body(tape, at)
    body["src"] = chance.choice(["polymarket_clob_ws", "kalshi_demo_ws", "coinbase_ws", "engine"])
    return _replaced(tape, at, _encoded(body))


def duplicate_line(chance: random.Random, tape: Tape, at: int) -> Tape:
    return [*tape[: at + 1], Piece(tape[at].line, None, touched=True), *tape[at + 1 :]]


def repeat_line_later(chance: random.Random, tape: Tape, at: int) -> Tape:
    later = chance.randrange(at, len(tape))
    return [*tape[: later + 1], Piece(tape[at].line, None, touched=True), *tape[later + 1 :]]


def drop_line(chance: random.Random, tape: Tape, at: int) -> Tape:
    return tape[:at] + tape[at + 1 :]


def drop_lines(chance: random.Random, tape: Tape, at: int) -> Tape:
    return tape[:at] + tape[at + chance.randrange(1, 6) :]


def swap_lines(chance: random.Random, tape: Tape, at: int) -> Tape:
    other = min(at + chance.randrange(1, 4), len(tape) - 1)
    swapped = list(tape)
    swapped[at], swapped[other] = (
        Piece(tape[other].line, at, touched=True), Piece(tape[at].line, other, touched=True),
    )  # fmt: skip
    return swapped


def insert_garbage(chance: random.Random, tape: Tape, at: int) -> Tape:
    return [*tape[:at], Piece(chance.choice(GARBAGE), None, touched=True), *tape[at:]]


def move_time(chance: random.Random, tape: Tape, at: int) -> Tape:
    body = _body(tape, at)
    moves = [-10 * YEAR_NS, -3_600 * 10**9, -1, 1, 90 * 10**9, 3_600 * 10**9, 40 * YEAR_NS, 10**25]
    if isinstance(body.get("recv_ns"), int):
        body["recv_ns"] += chance.choice(moves)
    return _replaced(tape, at, _encoded(body))


KINDS: dict[str, Mutation] = {
    each.__name__: each
    for each in (
        drop_field, rename_field, retype_field, duplicate_field, truncate_line, flip_byte,
        flip_many_bytes, off_grid_price, bad_size, shift_sequence, wrong_sid, other_connection,
        unknown_type, unknown_source, duplicate_line, repeat_line_later, drop_line, drop_lines,
        swap_lines, insert_garbage, move_time,
    )
}  # fmt: skip
