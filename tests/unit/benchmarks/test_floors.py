"""A floor that keeps wrong books would be no floor: against the engine, on a generated session."""

from __future__ import annotations

import pytest

from benchmarks import full_engine
from benchmarks.assembling import bare_engine
from benchmarks.edge_tick import V1, V2
from benchmarks.floors import Floor, venue_frame
from benchmarks.growth import idle_markets
from benchmarks.workload import Workload, sliced
from kairos.domain.book import BookState
from local.market_generator import SessionSettings, generate


@pytest.fixture(scope="module")
def session() -> Workload:
    settings = SessionSettings(seed=3, minutes=4, deltas_per_second=20.0, faults=False)
    return Workload([list(generate(settings))], "generated")


def test_floor_and_engine_agree_after_every_delta(session: Workload) -> None:
    row = full_engine.agreement(session)
    assert row.holds is True
    assert row.value == 0
    assert "each of 0 deltas" not in row.floor


def test_frames_and_lines_lead_to_the_same_books(session: Workload) -> None:
    by_line, by_frame = Floor(), Floor()
    by_line.lines(session.lines)
    by_frame.frames([frame for line in session.lines if (frame := venue_frame(line)) is not None])
    assert by_line.books.keys() == by_frame.books.keys()
    assert by_line.spot == by_frame.spot > 0
    for market, legs in by_line.books.items():
        other = by_frame.books[market]
        assert (legs.yes, legs.no, legs.best_yes) == (other.yes, other.no, other.best_yes)


def test_a_wrong_floor_is_noticed(session: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(self: Floor, _frames: object) -> None:
        self.books.setdefault("any", None)  # type: ignore[arg-type]

    monkeypatch.setattr(Floor, "frames", forgetful)
    with pytest.raises(KeyError):
        full_engine.agreement(session)


def test_a_recorders_own_line_has_no_venue_frame() -> None:
    assert venue_frame(b'{"recv_ns":1,"src":"recorder","type":"ws_connected"}') is None
    assert venue_frame(b'{"src":"kalshi_ws","raw":{"type":"ok"}}') == b'{"type":"ok"}'


def test_slices_hold_every_line_once_and_in_order() -> None:
    lines = [str(number).encode() for number in range(60_000)]
    slices = sliced(lines)
    assert [line for chunks in slices for chunk in chunks for line in chunk.lines] == lines
    assert [chunk.first_line for chunks in slices for chunk in chunks][:3] == [1, 4097, 8193]


def test_idle_markets_have_live_books_of_which_nothing_is_heard() -> None:
    engine = bare_engine(silent=True)
    for event in idle_markets(1_795_011_365_000_000_000, defined=False):
        engine.handle(event)
    states = {market.book.state for market in engine.markets.values()}
    assert states == {BookState.LIVE}
    assert len(engine.markets) == 5_000


def test_both_profiles_price_the_whole_ladder() -> None:
    v2 = V2(20, spot_ticks=5_000)
    assert len({strike.dollars for strike in v2.ladder}) == 20
    assert all(1 <= strike.bid < strike.ask <= 99 for strike in v2.ladder)
    assert v2.tick()
    assert len(V1(v2.ladder, spot_ticks=5_000).rescan_and_tick().snapshots) == 20
