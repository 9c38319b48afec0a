"""What the core needs from the outside, as protocols; adapters and shells provide it."""

from __future__ import annotations

from typing import Protocol


class JournalWriter(Protocol):
    """Where inputs and outputs are written down before anything follows from them."""

    def append(self, record: bytes) -> None:
        """Take one JSON object on one line; it is safe only after `flush`."""
        ...

    def flush(self) -> None:
        """Return when everything appended survives the death of this process."""
        ...
