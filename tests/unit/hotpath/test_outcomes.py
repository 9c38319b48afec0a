"""What markets settled on: official files, and the next strike."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotpath.outcomes import beside, implied_by_next_strike, read_outcomes
from kairos.domain.contract import contract
from kairos.domain.instruments import Outcome
from kairos.errors import InputError

YES, NO = Outcome.YES, Outcome.NO


def written(folder: Path, text: str, name: str = "s.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_results_are_read_and_unknown_ones_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "close,ticker,result\n1,A,yes\n2,B,No\n3,C,\n")
    assert {m: k.outcome for m, k in read_outcomes([path]).items()} == {"A": YES, "B": NO}
    assert read_outcomes([path])["A"].source == "s.csv"


def test_winning_tickers_are_yes(tmp_path: Path) -> None:
    path = written(tmp_path, "event_ticker,yes_tickers\nE,A;B\nF,\n")
    assert {m: k.outcome for m, k in read_outcomes([path]).items()} == {"A": YES, "B": YES}


def test_files_that_agree_are_read_together(tmp_path: Path) -> None:
    one = written(tmp_path, "ticker,result\nA,yes\n", "one.csv")
    two = written(tmp_path, "event_ticker,yes_tickers\nE,A\n", "two.csv")
    assert read_outcomes([one, two])["A"].outcome is YES


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("ticker,result\nA,yes\nA,no\n", 3, "A is NO here"),
        ("ticker,result\nA,yes\n\n\nB,maybe\n", 5, "result"),
        ("ticker,result\nA,1\n", 2, "result"),
        ("result,ticker\nyes\n", 2, "ticker"),
        ("ticker,result\n  ,yes\n", 2, "ticker"),
        ("a,b\n1,2\n", None, "neither"),
        ("", None, "neither"),
        ('ticker,result\nA,"' + "y" * 200_000 + '"\n', 2, "CSV"),
        ('ticker,"' + "y" * 200_000 + '"\n', 1, "CSV"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_why(
    tmp_path: Path, text: str, line: int | None, word: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=word) as refused:
        read_outcomes([path])
    assert (refused.value.path, refused.value.line) == (str(path), line)
    assert refused.value.remedy


@pytest.mark.parametrize("content", [b"\xff\xfe\x00ticker", b"\x80\x81"])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_outcomes([path])


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_outcomes([tmp_path / name])


def test_outcomes_are_found_beside_captures(tmp_path: Path) -> None:
    (tmp_path / "settlement").mkdir()
    (tmp_path / "btc").mkdir()
    official = written(tmp_path / "settlement", "ticker,result\n", "kx_settlements.csv")
    written(tmp_path / "settlement", "x", "notes.csv")
    assert beside([tmp_path / "btc" / "a.jsonl", tmp_path / "btc" / "b.jsonl"]) == [official]


def test_a_loop_of_links_has_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert beside([tmp_path / "a"]) == []


def test_the_next_strike_is_the_settlement_value_of_the_window_before() -> None:
    window = contract("A", "greater_or_equal", "81087.33", None, 0)
    at, below = (implied_by_next_strike(window, value) for value in ("81087.33", "81087.32"))
    assert at is not None
    assert below is not None
    assert (at.outcome, at.source, below.outcome) == (YES, "next_strike", NO)


def test_a_next_strike_that_is_no_number_implies_nothing() -> None:
    window = contract("A", "greater_or_equal", "81087.33", None, 0)
    assert implied_by_next_strike(window, "TBD") is None
