"""A journal's records of orders, as a process writes them before it sends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from kairos.messages.commands import SubmitOrder
from kairos.messages.journal_lines import ShellEvent, event_line


def journaled(sent: Iterable[SubmitOrder], heard: Iterable[ShellEvent]) -> Iterator[bytes]:
    """The orders, then what was heard of them."""
    for order in sent:
        yield msgspec.json.encode({"src": "engine", "type": "SubmitOrder", "data": order})
    for event in heard:
        yield event_line(event)
