"""Writes `events/venues/`: small generated messages of every type, for contract tests to read.

Run `python -m local.market_generator.samples` after a change of the venues' formats.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from local.market_generator.session import generate
from local.market_generator.settings import MINUTE_NS, FaultKind, SessionSettings

SAMPLES_MAX: Final = 12
LEVELS_MAX: Final = 5
EVENTS: Final = Path(__file__).resolve().parents[2] / "events" / "venues"
# Seventeen quiet minutes with a close of both series, and snapshots for every reason.
SETTINGS: Final = SessionSettings(
    seed=3,
    start_ns=SessionSettings(seed=3).start_ns + 30 * MINUTE_NS,
    minutes=17,
    deltas_per_second=8.0,
    matches_per_second=3.0,
    faults=(FaultKind.SEQUENCE_GAP, FaultKind.RECONNECT),
)
_FOLDERS: Final = {"kalshi_ws": "kalshi", "coinbase_ws": "coinbase"}

Message = dict[str, Any]


def sample_messages(settings: SessionSettings) -> dict[str, list[Message]]:
    """Messages by `venue/type`: a few of every shape, spread over the session."""
    shapes: dict[str, dict[str, list[Message]]] = defaultdict(lambda: defaultdict(list))
    for line in generate(settings):
        envelope = json.loads(line)
        if envelope["src"] in _FOLDERS:
            message = envelope["raw"]
            name = f"{_FOLDERS[envelope['src']]}/{envelope['type']}"
            shapes[name][_shape(message)].append(message)
    return {name: _spread(groups) for name, groups in sorted(shapes.items())}


def write_samples(folder: Path, samples: dict[str, list[Message]]) -> None:
    """One file per type: a JSON array with one message per line."""
    for name, messages in samples.items():
        target = folder / f"{name}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(message, separators=(",", ":")) for message in messages]
        target.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def _shape(message: Message) -> str:
    """What makes one message look different from another of its type."""
    body = message.get("msg", {})
    series = str(body.get("market_ticker", "")).split("-")[0]
    return " ".join([series, str(body.get("event_type")), *sorted(message), *sorted(body)])


def _spread(groups: dict[str, list[Message]]) -> list[Message]:
    each = max(1, SAMPLES_MAX // len(groups))
    return [
        _trimmed(messages[index * len(messages) // each])
        for messages in groups.values()
        for index in range(min(each, len(messages)))
    ][:SAMPLES_MAX]


def _trimmed(message: Message) -> Message:
    """A snapshot with its best levels only is still a snapshot, and can be read."""
    body = message.get("msg", {})
    best = {key: body[key][-LEVELS_MAX:] for key in body if key.endswith("_dollars_fp")}
    return message | {"msg": body | best} if best else message


if __name__ == "__main__":
    write_samples(EVENTS, sample_messages(SETTINGS))
