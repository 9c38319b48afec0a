"""Finds streams that look open and say nothing, or say something that cannot be.

Evidence, from weak to strong: no sign of life, no data while others have some, a public trade that
moved no book, a quote that contradicts a book older than it. A doubted stream is asked for a whole
book; only what then stays silent is dead. Pure: time is an argument, every time in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final, NamedTuple

from hotpath.feeds.live.settings import FreezeSettings

# Best YES bid and ask of a market's book, None where a side is empty; None: no live book.
Top = tuple[int | None, int | None]
TopOf = Callable[[str], Top | None]

_SECOND: Final = 1_000_000_000
_PROBED_MARKETS: Final = 3  # of a silent connection: enough for an answer
_EMPTY_SIDES: Final = (0, 10_000)  # what a quote says of a side without orders


class Doubt(StrEnum):
    """What speaks against a stream."""

    NO_SIGN_OF_LIFE = "no_sign_of_life"
    SILENT_WHILE_OTHERS_SPEAK = "silent_while_others_speak"
    TRADE_WITHOUT_CHANGE = "trade_without_change"
    QUOTE_CONTRADICTS_BOOK = "quote_contradicts_book"
    MANY_BOOKS_IN_DOUBT = "many_books_in_doubt"


class Suspect(NamedTuple):
    """Ask `conn` for these books: an answer proves that it delivers."""

    conn: str
    markets: tuple[str, ...]
    doubt: Doubt


class Dead(NamedTuple):
    """Give `conn` up and connect again."""

    conn: str
    doubt: Doubt
    detail: str


Verdict = Suspect | Dead


@dataclass(slots=True)
class _Evidence:
    """Something a book should have answered. `asked_ns`: when we asked for the book."""

    since_ns: int
    doubt: Doubt
    quote: tuple[int, int] | None
    asked_ns: int | None = None


@dataclass(slots=True)
class _Link:
    """One connection. `changed` is by market: when its book was last heard of, 0 for never."""

    expects_every_ns: int | None
    alive_ns: int
    data_ns: int
    changed: dict[str, int] = field(default_factory=dict)
    evidence: dict[str, _Evidence] = field(default_factory=dict)
    probed_ns: int | None = None


class FreezeWatch:
    """Tell it what was heard; ask it what to do.

    What it does per message is a few look-ups; `check` grows with the evidence at hand and with the
    number of connections, not with the number of markets.
    """

    def __init__(self, settings: FreezeSettings) -> None:
        self._settings = settings
        self._links: dict[str, _Link] = {}
        self._carriers: dict[str, tuple[str, ...]] = {}
        self._activity: dict[str, int] = {}  # by feed: when it last had data

    # What was heard

    def opened(self, conn: str, now_ns: int, server_every_s: float | None) -> None:
        """A connection is open and has proved as much."""
        self.closed(conn)
        every = None if server_every_s is None else int(server_every_s * _SECOND)
        self._links[conn] = _Link(every, now_ns, now_ns)

    def closed(self, conn: str) -> None:
        """Nothing is expected of it any more."""
        link = self._links.pop(conn, None)
        if link is not None:
            self._release(conn, link.changed)
        self._activity.pop(conn, None)

    def carries(self, conn: str, markets: Iterable[str]) -> None:
        """Books of these markets are due on this connection."""
        link = self._links.get(conn)
        if link is None:
            return
        for market in markets:
            if market not in link.changed:
                link.changed[market] = 0
                self._carriers[market] = (*self._carriers.get(market, ()), conn)

    def drops(self, conn: str, markets: Iterable[str]) -> None:
        link = self._links.get(conn)
        if link is not None:
            known = [market for market in markets if market in link.changed]
            self._release(conn, known)
            for market in known:
                del link.changed[market]
                link.evidence.pop(market, None)

    def _release(self, conn: str, markets: Iterable[str]) -> None:
        for market in markets:
            others = tuple(each for each in self._carriers[market] if each != conn)
            if others:
                self._carriers[market] = others
            else:
                del self._carriers[market]

    def heard(self, conn: str, now_ns: int, messages: int) -> None:
        """`messages` of data came; with 0 it was only proof that the connection is open."""
        link = self._links.get(conn)
        if link is None:
            return
        link.alive_ns = now_ns
        if messages:
            link.data_ns = now_ns
            link.probed_ns = None
            self._activity[conn] = now_ns

    def active(self, feed: str, now_ns: int) -> None:
        """Something else (a spot feed, a REST poll) shows that there is trading now."""
        self._activity[feed] = now_ns

    def changed(self, conn: str, market: str, now_ns: int) -> None:
        """A book was heard of, a change or all of it: that answers all evidence against it."""
        link = self._links.get(conn)
        if link is not None and market in link.changed:
            link.changed[market] = now_ns
            if link.evidence:
                link.evidence.pop(market, None)

    def traded(self, market: str, now_ns: int) -> None:
        """A public trade took resting orders: its book must change, on every connection."""
        slack_ns = int(self._settings.trade_slack_s * _SECOND)
        for conn in self._carriers.get(market, ()):
            link = self._links[conn]
            known = link.evidence.get(market)
            if now_ns - link.changed[market] > slack_ns and (known is None or known.quote):
                link.evidence[market] = _Evidence(now_ns, Doubt.TRADE_WITHOUT_CHANGE, None)

    def quoted(self, market: str, bid: int, ask: int, now_ns: int) -> None:
        """The venue's own word on the top of the book: 0 and 10 000 for empty sides."""
        for conn in self._carriers.get(market, ()):
            evidence = self._links[conn].evidence
            known = evidence.get(market)
            if known is None:
                doubt = Doubt.QUOTE_CONTRADICTS_BOOK
                evidence[market] = _Evidence(now_ns, doubt, (bid, ask))
            elif known.quote is not None:
                known.quote = (bid, ask)  # the latest counts, for as long as the first has stood

    # What follows

    def check(self, now_ns: int, top_of: TopOf) -> list[Verdict]:
        """What to do now. Ask a few times a second."""
        verdicts: list[Verdict] = []
        for conn, link in self._links.items():
            suspects = self._suspects(link, now_ns, top_of)
            dead = self._dead(conn, link, now_ns, suspects)
            if dead is not None:
                verdicts.append(dead)
                continue
            verdicts += self._ask_about(conn, link, suspects, now_ns)
            if link.probed_ns is None and link.changed and self._is_silent(conn, link, now_ns):
                link.probed_ns = now_ns
                probe = tuple(islice(link.changed, _PROBED_MARKETS))
                verdicts.append(Suspect(conn, probe, Doubt.SILENT_WHILE_OTHERS_SPEAK))
        return verdicts

    def _suspects(self, link: _Link, now_ns: int, top_of: TopOf) -> list[str]:
        """Markets whose evidence has stood long enough."""
        long_ns = int(self._settings.contradicted_s * _SECOND)
        found = []
        for market, evidence in list(link.evidence.items()):
            if evidence.quote is not None and _agrees(evidence.quote, top_of(market)):
                del link.evidence[market]
            elif now_ns - evidence.since_ns >= long_ns:
                found.append(market)
        return found

    def _dead(self, conn: str, link: _Link, now_ns: int, suspects: list[str]) -> Dead | None:
        settings = self._settings
        if link.expects_every_ns is not None:
            quiet_ns = now_ns - link.alive_ns
            if quiet_ns > link.expects_every_ns * settings.missed_heartbeats:
                return Dead(conn, Doubt.NO_SIGN_OF_LIFE, f"for {quiet_ns / _SECOND:.1f} s")
        proof_ns = int(settings.proof_s * _SECOND)
        if link.probed_ns is not None and now_ns - link.probed_ns > proof_ns:
            detail = f"did not answer in {settings.proof_s} s"
            return Dead(conn, Doubt.SILENT_WHILE_OTHERS_SPEAK, detail)
        for market in suspects:
            evidence = link.evidence[market]
            if evidence.asked_ns is not None and now_ns - evidence.asked_ns > proof_ns:
                return Dead(conn, evidence.doubt, f"{market} did not come back")
        return self._dead_by_number(conn, link, suspects)

    def _dead_by_number(self, conn: str, link: _Link, suspects: list[str]) -> Dead | None:
        """Many contradicted books among few that move: no need to ask each of them."""
        settings = self._settings
        if len(suspects) < settings.suspects_least:
            return None
        since_ns = min(link.evidence[market].since_ns for market in suspects)
        moving = sum(at > since_ns for at in link.changed.values())
        if len(suspects) < settings.suspects_share * (len(suspects) + moving):
            return None
        detail = f"{len(suspects)} in doubt, {moving} moving"
        return Dead(conn, Doubt.MANY_BOOKS_IN_DOUBT, detail)

    def _ask_about(self, conn: str, link: _Link, suspects: list[str], now_ns: int) -> list[Verdict]:
        by_doubt: dict[Doubt, list[str]] = {}
        for market in suspects:
            evidence = link.evidence[market]
            if evidence.asked_ns is None:
                evidence.asked_ns = now_ns
                by_doubt.setdefault(evidence.doubt, []).append(market)
        return [Suspect(conn, tuple(markets), doubt) for doubt, markets in by_doubt.items()]

    def _is_silent(self, conn: str, link: _Link, now_ns: int) -> bool:
        settings = self._settings
        if now_ns - link.data_ns <= settings.silent_s * _SECOND:
            return False
        lately_ns = now_ns - int(settings.activity_s * _SECOND)
        return any(at > lately_ns for feed, at in self._activity.items() if feed != conn)


def _agrees(quote: tuple[int, int], top: Top | None) -> bool:
    """No live book contradicts nothing: it is not traded from, and is asked for anyway."""
    if top is None:
        return True
    return all(
        said == (empty if shown is None else shown)
        for said, shown, empty in zip(quote, top, _EMPTY_SIDES, strict=True)
    )
