"""The session keeps time, names what it could not use, and settles what is known."""

from __future__ import annotations

import pytest

from hotpath.feeds.capture_files import Damage
from hotpath.outcomes import KnownOutcome
from hotpath.quarantine import SAMPLES_PER_REASON
from kairos.domain.book import BookState
from kairos.domain.instruments import Outcome
from tests.support import tape
from tests.support.engine import TAPE, Replay
from tests.support.tape import MARKET, OTHER, SECOND, START_NS

YES = [("0.4400", "13.00")]
NO = [("0.5300", "20.00")]
YEAR_MS = 365 * 24 * 3_600 * 1_000.0


def beats(*seconds: float) -> list[bytes]:
    """Heartbeats of the spot feed: lines that only pass time."""
    return [tape.line(tape.heartbeat(1), second * 1_000, src="coinbase_ws") for second in seconds]


def test_a_timer_fires_at_every_whole_second() -> None:
    replay = Replay().feed(*beats(0.5, 0.9, 1.2, 3.0, 3.5))
    assert replay.heard.timers == [START_NS + n * SECOND for n in (1, 2, 3)]


def test_a_long_silence_fires_the_first_and_the_last_timer_only() -> None:
    replay = Replay().feed(*beats(0.5, 3_600.5, 3_601.5))
    assert replay.heard.timers == [START_NS + n * SECOND for n in (1, 3_600, 3_601)]


def test_timers_come_before_what_happened_after_them() -> None:
    replay = Replay().feed(*beats(0.5), tape.line(tape.snapshot(1, YES, NO), 1_500))
    assert replay.heard.timers == [START_NS + SECOND]
    assert replay.engine.now_ns == START_NS + 1_500 * tape.MS


def test_receive_times_that_go_back_are_counted_and_do_not_turn_the_clock_back() -> None:
    replay = Replay().feed(*beats(5.0, 4.0, 4.5, 6.0))
    assert replay.session.clock_back == 2
    assert replay.engine.now_ns == START_NS + 6 * SECOND
    assert replay.heard.timers == [START_NS + 6 * SECOND]


def test_a_message_with_an_earlier_time_still_counts() -> None:
    replay = Replay().feed(
        tape.line(tape.snapshot(1, YES, NO), 5_000),
        tape.line(tape.delta(2, "0.4500", "1.00"), 1_000),
    )
    assert replay.book(MARKET).yes_bid == 4_500


def test_one_receive_time_far_ahead_is_not_the_time() -> None:
    replay = Replay().feed(
        *beats(0.5),
        tape.line(tape.snapshot(1, YES, NO), YEAR_MS),
        *beats(1.5, 2.5),
    )
    assert replay.session.clock_jumps == 1
    assert replay.engine.now_ns == START_NS + 2_500 * tape.MS
    assert replay.book(MARKET).state is BookState.LIVE


def test_a_real_jump_of_the_clock_is_followed() -> None:
    replay = Replay().feed(*beats(0.5), *beats(7_200.5, 7_201.5))
    assert replay.session.clock_jumps == 0
    assert replay.engine.now_ns == START_NS + 7_201_500 * tape.MS


def test_a_receive_time_far_ahead_is_doubted_at_the_end_of_a_chunk_too() -> None:
    """Chunks end every megabyte, and after every line with --speed or overlapping files."""
    replay = Replay().feed(*beats(0.5), tape.line(tape.snapshot(1, YES, NO), YEAR_MS))
    replay.feed(*beats(1.5, 2.5))
    assert replay.engine.now_ns == START_NS + 2_500 * tape.MS


def test_the_first_receive_time_is_doubted_like_any_other() -> None:
    replay = Replay().feed(tape.line(tape.snapshot(1, YES, NO), YEAR_MS), *beats(1.5, 2.5, 3.5))
    assert replay.engine.now_ns == START_NS + 3_500 * tape.MS


def test_a_time_that_goes_back_in_the_first_second_does_not_turn_the_clock_back() -> None:
    """Three lines agree on the time; a fourth an hour before them is the one that is wrong."""
    replay = Replay().feed(*beats(0.1, 0.2, 0.3))
    replay.feed(*beats(0.4 - 3_600))
    assert replay.engine.now_ns == START_NS + 300 * tape.MS
    assert replay.session.first_ns == START_NS + 100 * tape.MS


def test_what_cannot_be_used_is_named_by_file_line_field_and_detail() -> None:
    replay = Replay().feed(
        *beats(0.5), b"garbage", tape.line(tape.delta(1, "0.4500", "many"), 1_000)
    )
    assert replay.quarantined == {"not_json": 1, "bad_number": 1}
    (sample,) = replay.session.quarantine.samples["bad_number"]
    assert (sample.file, sample.line, sample.field) == (str(TAPE), 3, "delta_fp")
    assert "many" in sample.detail


def test_what_the_books_refuse_is_named_by_file_and_line_too() -> None:
    replay = Replay().feed(
        tape.line(tape.snapshot(1, YES, NO)),
        tape.line(tape.delta(2, "0.4455", "1.00")),
        *beats(1.0),
        tape.line(tape.delta(3, "0.4500", "1.00"), 1_100),
    )
    samples = replay.session.quarantine.samples
    assert (samples["price_off_grid"][0].line, samples["price_off_grid"][0].field) == (2, MARKET)
    assert samples["delta_while_gapped"][0].line == 4


def test_samples_are_bounded_and_counts_are_not() -> None:
    replay = Replay().feed(*[b"garbage"] * 100)
    assert replay.quarantined == {"not_json": 100}
    assert len(replay.session.quarantine.samples["not_json"]) == SAMPLES_PER_REASON


def test_a_damaged_file_counts_like_a_message() -> None:
    replay = Replay()
    replay.session.quarantine.add_damage(Damage(TAPE, 7, "ends in the middle", "fetch it again"))
    assert replay.quarantined == {"damaged_file": 1}


def test_blank_lines_are_no_messages() -> None:
    replay = Replay().feed(*beats(0.5), b"", b"  ", *beats(0.6))
    assert replay.session.messages == 2
    assert replay.quarantined == {}


# Settlement

CLOSE_TEXT, CLOSE_MS = "2026-11-18T15:00:00Z", 835_000.0  # START_NS is 14:46:05
NEXT_TEXT = "2026-11-18T15:15:00Z"


def watched(strike: float = 81_087.33, market: str = MARKET, close: str = CLOSE_TEXT) -> bytes:
    return tape.watch(strike, close, market=market)


def test_an_official_outcome_settles_a_few_seconds_after_the_close() -> None:
    replay = Replay({MARKET: KnownOutcome(Outcome.YES, "official.csv")}).feed(watched())
    replay.feed(*beats(CLOSE_MS / 1_000 + 3.5, CLOSE_MS / 1_000 + 4.5))
    assert replay.heard.settlements == []
    replay.feed(*beats(CLOSE_MS / 1_000 + 6.5))
    assert replay.heard.settlements == [(MARKET, "YES", "official.csv")]


def test_an_official_outcome_is_not_used_before_the_close() -> None:
    replay = Replay({MARKET: KnownOutcome(Outcome.YES, "official.csv")}).feed(watched(), *beats(9))
    assert replay.engine.markets[MARKET].outcome is None


@pytest.mark.parametrize(("strike", "outcome"), [(81_087.33, "YES"), (81_087.32, "NO")])
def test_the_next_strike_of_the_series_settles_the_window_before(
    strike: float, outcome: str
) -> None:
    replay = Replay().feed(
        watched(),
        watched(strike, OTHER, NEXT_TEXT),
        *beats(CLOSE_MS / 1_000 + 5.5, CLOSE_MS / 1_000 + 6.5),
    )
    assert replay.heard.settlements == [(MARKET, outcome, "next_strike")]


def test_the_venues_word_settles_at_once_and_once() -> None:
    """`determined` is followed by `settled`, which says the same."""
    replay = Replay().feed(
        watched(),
        tape.line(tape.lifecycle("determined", 1, result="no"), CLOSE_MS + 1_000),
        tape.line(tape.lifecycle("settled", 2, result="no"), CLOSE_MS + 2_000),
        tape.line(tape.lifecycle("settled", 3), CLOSE_MS + 3_000),
    )
    assert replay.heard.settlements == [(MARKET, "NO", "lifecycle")]
    assert replay.quarantined == {}


def test_outcomes_that_disagree_are_a_conflict_and_the_official_one_stands() -> None:
    replay = Replay({MARKET: KnownOutcome(Outcome.YES, "official.csv")}).feed(
        watched(), tape.line(tape.lifecycle("determined", 1, result="no"), CLOSE_MS + 1_000)
    )
    replay.session.finish()
    assert replay.quarantined == {"outcome_conflict": 1}
    assert replay.heard.settlements == [(MARKET, "YES", "official.csv")]


def test_a_venue_that_changes_its_mind_is_a_conflict_and_its_first_word_stands() -> None:
    replay = Replay().feed(
        watched(),
        tape.line(tape.lifecycle("determined", 1, result="no"), CLOSE_MS + 1_000),
        tape.line(tape.lifecycle("determined", 2, result="yes"), CLOSE_MS + 2_000),
    )
    assert replay.quarantined == {"outcome_conflict": 1}
    assert replay.heard.settlements == [(MARKET, "NO", "lifecycle")]


def test_the_end_of_a_session_settles_what_is_known() -> None:
    replay = Replay({MARKET: KnownOutcome(Outcome.NO, "official.csv")}).feed(watched(), *beats(9))
    replay.session.finish()
    assert replay.heard.settlements == [(MARKET, "NO", "official.csv")]


def test_an_outcome_nobody_knows_is_not_guessed() -> None:
    replay = Replay().feed(watched(), *beats(CLOSE_MS / 1_000 + 100))
    replay.session.finish()
    assert replay.heard.settlements == []


def test_a_market_beyond_the_last_one_kept_is_refused_with_its_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hotpath.books.MARKETS_MAX", 1)
    replay = Replay().feed(watched(), watched(81_000.0, OTHER, NEXT_TEXT))
    assert replay.quarantined == {"too_many_markets": 1}
