"""What the market's opinion is, which files are taken, and a whole comparison on a made-up tape."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.compare_models import input_files, main
from benchmarks.model_samples import market_mid
from hotpath.market import Market
from kairos.domain.book import BinaryBook, BookState
from kairos.domain.grid import LINEAR_CENT, grid
from kairos.errors import UsageError
from kairos.messages.events import VenueQuote
from local.market_generator import SessionSettings, write_session

SECOND = 1_000_000_000
NOW = 1_000 * SECOND


def quoted_market(bid: int, ask: int, state: BookState) -> Market:
    book = BinaryBook("M", grid(LINEAR_CENT))
    book.replace([(bid, 1_000_000)], [(10_000 - ask, 1_000_000)])
    book.state = state
    return Market("M", book)


def quote(bid: int, ask: int, recv_ns: int = NOW) -> VenueQuote:
    return VenueQuote(recv_ns, "c", "M", bid, ask, 5_000, 1, recv_ns)


def test_a_live_book_is_the_markets_opinion_before_any_ticker() -> None:
    market = quoted_market(4_000, 4_400, BookState.LIVE)
    assert market_mid(market, quote(1_000, 2_000), NOW) == (0.42, "book")


def test_without_a_live_book_a_fresh_quote_is() -> None:
    market = quoted_market(4_000, 4_400, BookState.STALE)
    assert market_mid(market, quote(1_000, 2_000), NOW) == (0.15, "ticker")
    assert market_mid(market, quote(1_000, 2_000, NOW - 4 * SECOND), NOW) is None
    assert market_mid(market, None, NOW) is None


@pytest.mark.parametrize(("bid", "ask"), [(0, 500), (9_500, 10_000), (5_000, 5_000), (600, 500)])
def test_an_empty_or_crossed_side_is_no_opinion(bid: int, ask: int) -> None:
    market = quoted_market(4_000, 4_400, BookState.RESYNCING)
    assert market_mid(market, quote(bid, ask), NOW) is None


def test_a_directory_stands_for_its_fifteen_minute_recordings(tmp_path: Path) -> None:
    for name in (
        "kxbtc15m_ticker_top5_a.jsonl.gz",
        "kxbtc15m_l2_b.jsonl",
        "kxbtc15m_trades_c.jsonl",
    ):
        (tmp_path / name).touch()
    other = tmp_path / "other.jsonl"
    found = [path.name for path in input_files([tmp_path, other])]
    assert found == ["kxbtc15m_l2_b.jsonl", "kxbtc15m_ticker_top5_a.jsonl.gz", "other.jsonl"]


def test_no_recordings_at_all_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no KXBTC15M recordings"):
        input_files([tmp_path])


def test_a_file_that_cannot_be_read_ends_with_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "missing.jsonl")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_a_generated_session_is_compared_from_end_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = tmp_path / "session.jsonl.gz"
    settings = SessionSettings(seed=5, minutes=20, deltas_per_second=2.0, ladder=False)
    write_session(settings, capture)
    assert main([str(capture), "--json", "--resamples", "50"]) == 0
    data = json.loads(capsys.readouterr().out)
    everything = data["groups"][0]
    assert everything["markets"] == len(data["markets"]) > 0
    assert everything["moments"] == sum(each["moments"] for each in data["markets"]) > 100
    assert everything["verdicts"][0].endswith("too few to say anything; 10 are the least")
    assert main([str(capture), "--resamples", "50"]) == 0
    assert "calibration" in capsys.readouterr().out
