"""What could not be used, by reason, with enough of it for a person to go and look."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from hotpath.feeds.capture_files import Damage

SAMPLES_PER_REASON: Final = 20


class Sample(NamedTuple):
    """One message that was not used: where it is and what was wrong with it."""

    file: str
    line: int
    field: str
    detail: str


class Quarantine:
    """Counts by reason, and the first few of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.samples: dict[str, list[Sample]] = {}

    def add(self, reason: str, sample: Sample) -> None:
        self.counts[reason] += 1
        kept = self.samples.setdefault(reason, [])
        if len(kept) < SAMPLES_PER_REASON:
            kept.append(sample)

    def add_damage(self, damage: Damage) -> None:
        """A file that ended badly counts like a message: something was there and is lost."""
        self.add("damaged_file", Sample(str(damage.path), damage.line, "file", damage.problem))
