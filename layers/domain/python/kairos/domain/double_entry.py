"""Every change of an account as postings that sum to zero, so that nothing can appear or vanish.

Amounts are micro-dollars; a debit is positive. What we have (cash, cash set aside, positions at
cost) and what we spent (fees) are debits; where it came from (equity, realised profit) are credits.
The sum over all accounts is therefore zero after every entry, and `DoubleEntry.check` proves it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

from kairos.domain.units import cash_dollars
from kairos.errors import Corrupt


class Book(StrEnum):
    """The named accounts."""

    CASH = "cash"
    RESERVED = "reserved"  # cash that open buys may still take
    POSITIONS = "positions"  # what is held, at cost
    FEES = "fees"
    REALISED = "realised"
    EQUITY = "equity"  # what was brought in: opening cash, deposits, adopted positions


class Posting(NamedTuple):
    book: Book
    amount: int


class Entry(NamedTuple):
    """One change: why, about what (an order, fill or market), and what it moved."""

    kind: str
    reference: str
    postings: tuple[Posting, ...]


class DoubleEntry:
    """The balances of the named accounts. `record` hears every entry, if anyone keeps them."""

    __slots__ = ("_balances", "_record", "entries")

    def __init__(self, record: Callable[[Entry], None] | None = None) -> None:
        self._balances = dict.fromkeys(Book, 0)
        self._record = record
        self.entries = 0

    def balance(self, book: Book) -> int:
        return self._balances[book]

    @property
    def balances(self) -> Mapping[Book, int]:
        return dict(self._balances)

    def post(self, kind: str, reference: str, *postings: Posting) -> None:
        """Book one change. Raises Corrupt, changing nothing, when it does not sum to zero."""
        if sum(amount for _, amount in postings):
            raise Corrupt(f"{kind} of {reference} does not balance: {postings}")
        moved = tuple(posting for posting in postings if posting.amount)
        if not moved:
            return
        for book, amount in moved:
            self._balances[book] += amount
        self.entries += 1
        if self._record is not None:
            self._record(Entry(kind, reference, moved))

    def check(self) -> None:
        """Prove that all accounts sum to zero, else Corrupt."""
        total = sum(self._balances.values())
        if total:
            each = ", ".join(f"{book} {cash_dollars(n)}" for book, n in self._balances.items())
            raise Corrupt(f"the accounts sum to {cash_dollars(total)}: {each}")
