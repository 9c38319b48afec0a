"""Books stay true to the venue's numbering, and say so when they cannot."""

from __future__ import annotations

import pytest

from kairos.domain.book import BookState
from tests.support import tape
from tests.support.engine import Replay
from tests.support.tape import CONN, MARKET, OTHER

LIVE, GAPPED, RESYNCING, STALE = (
    BookState.LIVE, BookState.GAPPED, BookState.RESYNCING, BookState.STALE,
)  # fmt: skip
YES = [("0.4400", "13.00")]
NO = [("0.5300", "20.00")]


def opened() -> Replay:
    """Two markets live on one sid; the next number is 3."""
    return Replay().feed(
        tape.line(tape.subscribed()),
        tape.line(tape.snapshot(1, YES, NO)),
        tape.line(tape.snapshot(2, YES, NO, market=OTHER)),
    )


def states(replay: Replay) -> tuple[BookState, BookState]:
    return replay.book(MARKET).state, replay.book(OTHER).state


def test_a_snapshot_makes_a_book_live() -> None:
    replay = opened()
    assert states(replay) == (LIVE, LIVE)
    assert (replay.book(MARKET).yes_bid, replay.book(MARKET).yes_ask) == (4_400, 4_700)
    assert replay.heard.states(MARKET) == ["live:snapshot"]


def test_numbers_count_across_the_markets_of_a_sid() -> None:
    replay = opened().feed(
        tape.line(tape.delta(3, "0.4500", "1.00")),
        tape.line(tape.delta(4, "0.4500", "1.00", market=OTHER)),
        tape.line(tape.delta(5, "0.4500", "-1.00")),
    )
    assert states(replay) == (LIVE, LIVE)
    assert replay.quarantined == {}


def test_gap_marks_every_market_of_the_sid() -> None:
    replay = opened().feed(tape.line(tape.delta(4, "0.4500", "1.00")))
    assert states(replay) == (GAPPED, GAPPED)
    assert replay.book(OTHER).reason == "sequence_gap:3..3"
    assert replay.engine.books.gaps[CONN] == 1
    assert replay.book(MARKET).yes_bid == 4_400, "the delta after the gap must not be applied"


def test_gap_leaves_other_sids_and_connections_alone() -> None:
    replay = opened().feed(
        tape.line(tape.snapshot(1, YES, NO, market="A", sid=7)),
        tape.line(tape.snapshot(1, YES, NO, market="B"), conn="conn-b"),
        tape.line(tape.delta(9, "0.4500", "1.00")),
    )
    assert replay.book("A").state is LIVE
    assert replay.book("B").state is LIVE


def test_only_a_fresh_snapshot_heals_a_gap_and_only_its_own_market() -> None:
    replay = opened().feed(
        tape.line(tape.delta(5, "0.4500", "1.00")),
        tape.line(tape.delta(6, "0.4500", "1.00")),
        tape.line(tape.snapshot(7, [("0.1000", "1.00")], None)),
    )
    assert states(replay) == (LIVE, GAPPED)
    assert replay.book(MARKET).yes_bid == 1_000
    assert replay.engine.books.resyncs[CONN] == 1
    assert replay.quarantined == {"delta_while_gapped": 2}


def test_replies_use_up_numbers() -> None:
    replay = opened().feed(
        tape.line(tape.ok(3, [MARKET, OTHER])), tape.line(tape.delta(4, "0.4500", "1.00"))
    )
    assert states(replay) == (LIVE, LIVE)


def test_a_lost_reply_is_a_gap_like_any_other() -> None:
    replay = opened().feed(tape.line(tape.ok(4, [MARKET, OTHER])))
    assert states(replay) == (GAPPED, GAPPED)


def test_a_market_taken_off_the_subscription_is_no_longer_live() -> None:
    """Its sid goes on being heard, so it would never become stale."""
    replay = opened().feed(
        tape.line(tape.ok(3, [OTHER])), tape.line(tape.delta(4, "0.4500", "1.00"))
    )
    assert states(replay) == (RESYNCING, LIVE)
    assert replay.quarantined == {"delta_before_snapshot": 1}


def test_an_unsubscribed_sid_leaves_nothing_live() -> None:
    replay = opened().feed(tape.line({"type": "unsubscribed", "id": 5, "sid": 2, "seq": 3}))
    assert states(replay) == (RESYNCING, RESYNCING)


def test_the_same_message_twice_is_refused_and_harms_nothing() -> None:
    line = tape.line(tape.delta(3, "0.4500", "1.00"))
    replay = opened().feed(line, line, tape.line(tape.delta(4, "0.4500", "1.00")))
    assert states(replay) == (LIVE, LIVE)
    assert replay.book(MARKET).quantity_at(0, 4_500) == 2_000_000
    assert replay.quarantined == {"duplicate_sequence": 1}


def test_an_older_message_again_is_refused_and_harms_nothing() -> None:
    lines = [tape.line(tape.delta(seq, "0.4500", "1.00")) for seq in range(3, 8)]
    replay = opened().feed(*lines, lines[1])
    assert states(replay) == (LIVE, LIVE)
    assert replay.quarantined == {"stale_sequence": 1}


def test_a_snapshot_twice_is_refused_and_harms_nothing() -> None:
    line = tape.line(tape.snapshot(3, [("0.1000", "1.00")], None))
    replay = opened().feed(line, line)
    assert states(replay) == (LIVE, LIVE)
    assert replay.quarantined == {"duplicate_sequence": 1}


def test_another_snapshot_under_a_used_number_leaves_nothing_sure() -> None:
    replay = opened().feed(tape.line(tape.snapshot(1, [("0.1000", "1.00")], None)))
    assert states(replay) == (GAPPED, GAPPED)
    assert replay.quarantined == {"stale_sequence": 1}


def test_numbering_that_starts_over_unannounced_never_prices_the_old_book() -> None:
    """Subscription and reconnect both unheard: new numbers 1, 2, 3 … must not meet the old book."""
    replay = opened()
    for seq in range(3, 8):
        replay.feed(tape.line(tape.delta(seq, "0.4500", "1.00")))
    replay.feed(tape.line(tape.snapshot(1, [("0.1000", "1.00")], None)))
    for seq in range(2, 12):
        replay.feed(tape.line(tape.delta(seq, "0.1000", "1.00")))
        assert replay.book(MARKET).state is not LIVE


def test_a_snapshot_numbered_too_high_does_not_hide_the_deltas_it_skips() -> None:
    """Its number is wrong, its content right: what follows has numbers that seem used."""
    replay = opened().feed(
        tape.line(tape.snapshot(4, YES, NO)),  # truly number 3
        tape.line(tape.delta(4, "0.4500", "1.00")),
        tape.line(tape.delta(5, "0.4600", "1.00")),
    )
    assert replay.book(MARKET).state is not LIVE


def test_a_number_that_went_wrong_once_does_not_silence_the_sid_for_good() -> None:
    replay = opened().feed(
        tape.line(tape.delta(3 + 10**9, "0.4500", "1.00")),
        tape.line(tape.delta(4, "0.4500", "1.00")),
        tape.line(tape.delta(5, "0.4500", "1.00")),
        tape.line(tape.snapshot(6, YES, NO)),
        tape.line(tape.delta(7, "0.4500", "1.00")),
    )
    assert replay.book(MARKET).state is LIVE
    assert replay.book(MARKET).yes_bid == 4_500


@pytest.mark.parametrize(
    "opening",
    [
        tape.recorder("ws_connected"),
        tape.line(tape.subscribed()),  # the same sid again
        tape.line(tape.subscribed(sid=5)),  # the same channel under another sid
    ],
)
def test_a_new_connection_voids_every_book_of_the_old(opening: bytes) -> None:
    replay = opened().feed(opening)
    assert states(replay) == (RESYNCING, RESYNCING)
    assert replay.engine.books.epochs[CONN] == 1
    sid = 5 if b'"sid": 5' in opening else 2
    replay.feed(
        tape.line(tape.delta(3, "0.4500", "1.00", sid=sid)),
        tape.line(tape.snapshot(4, YES, NO, sid=sid)),
    )
    assert states(replay) == (LIVE, RESYNCING)
    assert replay.quarantined == {"delta_before_snapshot": 1}


def test_a_subscription_of_another_channel_is_no_new_connection() -> None:
    replay = opened().feed(tape.line(tape.subscribed("trade", 3)))
    assert states(replay) == (LIVE, LIVE)


def test_a_reconnect_of_one_feed_leaves_the_others() -> None:
    replay = opened().feed(
        tape.line(tape.snapshot(1, YES, NO, market="B"), conn="conn-b"),
        tape.recorder("ws_connected"),
    )
    assert replay.book("B").state is LIVE


def test_a_capture_that_starts_in_the_middle_has_no_book_until_a_snapshot() -> None:
    replay = Replay().feed(
        tape.line(tape.delta(700, "0.4500", "1.00")),
        tape.line(tape.snapshot(701, YES, NO)),
        tape.line(tape.delta(702, "0.4500", "1.00")),
    )
    assert replay.book(MARKET).state is LIVE
    assert replay.quarantined == {"delta_before_snapshot": 1}


def test_a_snapshot_on_another_sid_takes_the_market_along() -> None:
    replay = opened().feed(
        tape.line(tape.snapshot(1, [("0.1000", "1.00")], None, sid=7)),
        tape.line(tape.delta(2, "0.2000", "1.00", sid=7)),
    )
    assert replay.book(MARKET).yes_bid == 2_000
    replay.feed(tape.line(tape.delta(3, "0.4500", "1.00", sid=2)))
    assert replay.book(MARKET).state is GAPPED, "two sids claim to carry it"


@pytest.mark.parametrize(
    ("price", "change", "reason"),
    [("0.4455", "1.00", "price_off_grid"), ("0.4400", "-14.00", "negative_level")],
)
def test_a_change_the_book_cannot_take_breaks_that_book_only(
    price: str, change: str, reason: str
) -> None:
    replay = opened().feed(tape.line(tape.delta(3, price, change)))
    assert states(replay) == (GAPPED, LIVE)
    assert replay.quarantined == {reason: 1}
    assert replay.book(MARKET).yes_bid == 4_400


@pytest.mark.parametrize(
    "levels", [[("0.4455", "1.00")], [("0.4400", "-1.00")], [("0.44", "1.00"), ("0.4400", "1.00")]]
)
def test_an_impossible_snapshot_is_refused_and_leaves_no_live_book(
    levels: list[tuple[str, str]],
) -> None:
    replay = opened().feed(tape.line(tape.snapshot(3, levels, None)))
    assert states(replay) == (GAPPED, LIVE)
    assert sum(replay.quarantined.values()) == 1


def test_an_unreadable_change_breaks_the_book_it_names() -> None:
    replay = opened().feed(tape.line(tape.delta(3, "0.4500", "many")))
    assert states(replay) == (GAPPED, LIVE)
    assert replay.book(MARKET).reason == "unreadable:bad_number"
    replay.feed(tape.line(tape.delta(4, "0.4500", "1.00", market=OTHER)))
    assert states(replay) == (GAPPED, LIVE), "its number was counted: no gap"


def test_an_unreadable_change_that_names_no_market_breaks_all_of_the_sid() -> None:
    raw = tape.delta(3, "0.4500", "1.00")
    del raw["msg"]["market_ticker"]
    assert states(opened().feed(tape.line(raw))) == (GAPPED, GAPPED)


def test_an_unreadable_change_that_names_no_sid_breaks_all_of_the_connection() -> None:
    raw = tape.delta(3, "0.4500", "1.00")
    del raw["sid"]
    replay = opened().feed(
        tape.line(tape.snapshot(1, YES, NO, market="B"), conn="conn-b"), tape.line(raw)
    )
    assert states(replay) == (GAPPED, GAPPED)
    assert replay.book("B").state is LIVE


def test_an_unreadable_ticker_breaks_no_book() -> None:
    raw = tape.ticker("0.4500", "0.5300")
    raw["msg"]["yes_bid_dollars"] = "cheap"
    assert states(opened().feed(tape.line(raw))) == (LIVE, LIVE)


def test_an_ended_subscription_is_no_longer_live() -> None:
    replay = opened().feed(
        tape.line({"type": "error", "sid": 2, "msg": {"code": 25, "msg": "buffer overflow"}})
    )
    assert states(replay) == (GAPPED, GAPPED)


def test_a_line_that_is_nothing_is_found_out_by_its_missing_number() -> None:
    replay = opened().feed(b"\xff\x00garbage", tape.line(tape.delta(4, "0.4500", "1.00")))
    assert states(replay) == (GAPPED, GAPPED)


def test_a_crossed_moment_keeps_the_book_live() -> None:
    replay = opened().feed(tape.line(tape.delta(3, "0.4800", "1.00")))
    assert replay.book(MARKET).crossed
    assert states(replay) == (LIVE, LIVE)


def heartbeat_at(seconds: float) -> bytes:
    return tape.line(tape.heartbeat(1), seconds * 1_000, src="coinbase_ws")


def test_a_silent_sid_makes_its_books_stale_and_the_next_message_revives_them() -> None:
    replay = opened().feed(*(heartbeat_at(second) for second in range(33)))
    assert states(replay) == (STALE, STALE)
    replay.feed(tape.line(tape.delta(3, "0.4500", "1.00"), 33_000))
    assert states(replay) == (LIVE, LIVE)
    assert replay.heard.states(OTHER)[-2:] == ["stale:channel_silent", "live:heard_again"]


def test_a_stale_book_that_missed_something_is_not_revived() -> None:
    replay = opened().feed(*(heartbeat_at(second) for second in range(33)))
    replay.feed(tape.line(tape.delta(5, "0.4500", "1.00"), 33_000))
    assert states(replay) == (GAPPED, GAPPED)


def test_a_quiet_market_on_a_busy_sid_is_not_stale() -> None:
    replay = opened()
    for second in range(40):
        replay.feed(tape.line(tape.delta(3 + second, "0.4500", "1.00"), second * 1_000))
    assert states(replay) == (LIVE, LIVE)


def test_a_described_grid_keeps_the_levels() -> None:
    replay = Replay().feed(tape.line(tape.snapshot(1, YES, NO, market="NEW-1")))
    ranges = [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}]
    replay.feed(tape.line(tape.lifecycle("created", market="NEW-1", price_ranges=ranges)))
    assert replay.book("NEW-1").state is LIVE
    assert (replay.book("NEW-1").yes_bid, replay.book("NEW-1").grid.size) == (4_400, 99)


def test_a_grid_that_cannot_hold_the_levels_makes_the_book_gapped_and_says_so() -> None:
    replay = Replay().feed(tape.line(tape.snapshot(1, [("0.4410", "1.00")], None, market="NEW-1")))
    ranges = [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}]
    replay.feed(tape.line(tape.lifecycle("created", market="NEW-1", price_ranges=ranges)))
    assert replay.heard.states("NEW-1") == ["live:snapshot", "gapped:grid_changed"]


def test_a_later_message_without_a_grid_does_not_undo_the_one_the_venue_gave() -> None:
    cent = [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}]
    replay = Replay().feed(
        tape.line(tape.lifecycle("price_level_structure_updated", 1, price_ranges=cent)),
        tape.line(tape.lifecycle("close_date_updated", 2, close_ts=1_795_014_000)),
        tape.watch(81_087.33, "2026-11-18T15:00:00Z"),
    )
    assert replay.book(MARKET).grid.size == 99


def test_there_is_an_end_to_how_many_markets_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotpath.books.MARKETS_MAX", 3)
    replay = Replay()
    for number in range(5):
        replay.feed(tape.line(tape.ticker("0.4500", "0.5300", market=f"KXBTC-{number}")))
        replay.feed(tape.line(tape.snapshot(number + 1, YES, NO, market=f"KXBTC-{number}")))
        replay.feed(tape.line(tape.lifecycle("created", number + 1, f"KXBTC-{number}", close_ts=1)))
    assert len(replay.engine.markets) == 3
    assert replay.quarantined["too_many_markets"] == 6
