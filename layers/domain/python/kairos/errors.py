"""The one tree of exceptions. Catch the level you can act on.

KairosError
├── UsageError            the command line or a settings file is wrong; nothing was started
├── InputError            a file cannot be used: says which, where in it, and the remedy
├── Malformed             one message cannot be trusted; it is quarantined, the session goes on
├── VenueError            a venue could not do what was asked; says which, why and the remedy
│   ├── VenueRefused      proved: it did not happen
│   ├── VenueUnreachable  proved: nothing was sent
│   └── OutcomeUnknown    it was sent and may have happened; only a look-up or a report proves it
└── Corrupt               an invariant is broken (journal, ledger, book); stop, do not guess
    └── JournalCorrupt    a closed journal segment does not match its checksums
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class KairosError(Exception):
    """Root of every error raised on purpose."""


class UsageError(KairosError):
    """The user asked for something that cannot be done as asked."""


class InputError(KairosError):
    """A file cannot be used. Carries what a person needs to mend it."""

    def __init__(
        self, path: Path | str, problem: str, remedy: str, line: int | None = None
    ) -> None:
        where = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{where}: {problem}. {remedy}")
        self.path = str(path)
        self.line = line
        self.problem = problem
        self.remedy = remedy


class Malformed(KairosError):
    """A message that is missing something, or says something impossible.

    `reason` is the stable code the message is counted under; `field` is where it is wrong.
    """

    def __init__(self, reason: str, field: str, detail: str) -> None:
        super().__init__(f"{reason}: {field}: {detail}")
        self.reason = reason
        self.field = field
        self.detail = detail


class Corrupt(KairosError):
    """Something that must always hold does not."""


class JournalCorrupt(Corrupt):
    """A journal segment that was closed does not match its own checksums."""


class VenueError(KairosError):
    """A venue could not do what was asked. `remedy` says what a person can do."""

    def __init__(self, venue: str, reason: str, detail: str, remedy: str) -> None:
        super().__init__(f"{venue}: {reason}: {detail}. {remedy}")
        self.venue = venue
        self.reason = reason
        self.detail = detail
        self.remedy = remedy


class VenueRefused(VenueError):
    """The venue proved that it did not do it. `reason` is a `kairos.domain.refusals.Refusal`.

    `status` is the HTTP status, `retry_after_ns` how long the venue asked us to wait.
    """

    def __init__(
        self,
        venue: str,
        reason: str,
        detail: str,
        remedy: str,
        *,
        status: int | None = None,
        retry_after_ns: int | None = None,
    ) -> None:
        super().__init__(venue, reason, detail, remedy)
        self.status = status
        self.retry_after_ns = retry_after_ns


class VenueUnreachable(VenueError):
    """No connection, or no budget to send: not a byte of the request left."""


class OutcomeUnknown(VenueError):
    """The request left and no proof came back: a timeout, a lost connection, a 5xx, nonsense."""
