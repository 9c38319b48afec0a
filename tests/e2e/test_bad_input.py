"""`kairos replay` on damaged captures: a clear message or a count, and never a wrong book."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.support import tape
from tests.support.cli import Teller
from tests.support.repository import ROOT
from tests.support.tape import CONN, MARKET, OTHER

YES = [("0.4400", "13.00"), ("0.0010", "5.00")]
NO = [("0.5300", "20.00")]


def good() -> list[bytes]:
    """Two markets, a dozen changes, a spot beside them: best bid 0.4500, best ask 0.4600."""
    lines = [
        tape.recorder("ws_connected"),
        tape.watch(81_087.33, "2026-11-18T15:00:00Z", at_ms=1),
        tape.line(tape.subscribed(), 2),
        tape.line(tape.snapshot(1, YES, NO), 3),
        tape.line(tape.snapshot(2, None, NO, market=OTHER), 4),
    ]
    for number in range(3, 13):
        side, price = ("yes", "0.4500") if number % 2 else ("no", "0.5400")
        lines.append(tape.line(tape.delta(number, price, "1.00", side), 100 * number))
        lines.append(
            tape.line(tape.match("81356.97", 1_000 + number), 100 * number + 1, src="coinbase_ws")
        )
    return lines


class Replayed:
    """What `kairos replay` made of a file, in words and figures."""

    def __init__(self, tell: Teller, path: Path, *more: object) -> None:
        out = path.parent / "run"
        told = tell(
            "replay", path, "--out", out, "--fills", "realistic", "--json", "--quiet", *more
        )
        self.code, self.err = told.code, told.err
        self.summary: dict[str, Any] = told.json() if told.out else {}

    def book(self, market: str = MARKET) -> dict[str, Any]:
        found: dict[str, Any] = self.summary["books"][market]
        return found


def written(folder: Path, lines: list[bytes], name: str = "capture.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def replayed(tell: Teller, folder: Path, lines: list[bytes]) -> Replayed:
    result = Replayed(tell, written(folder, lines))
    assert "Traceback" not in result.err
    return result


def test_the_undamaged_capture_is_whole(tell: Teller, tmp_path: Path) -> None:
    result = replayed(tell, tmp_path, good())
    assert result.code == 0
    assert result.summary["quarantined"] == {}
    assert result.summary["sequence_gaps"] == 0
    assert result.summary["connections"][CONN] == {"epochs": 1, "resyncs": 0, "sequence_gaps": 0}
    mine, other = result.book(), result.book(OTHER)
    assert (mine["best_bid"], mine["best_ask"], mine["state"]) == ("0.4500", "0.4600", "live")
    assert (other["best_bid"], other["best_ask"]) == (None, "0.4700")


def shifted(raw: dict[str, Any]) -> bytes:
    return tape.line(raw, 1_300)


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "no json": (b"this is not JSON", "not_json"),
    "cut in the middle": (shifted(tape.delta(13, "0.4500", "1.00"))[:-30], "not_json"),
    "no text": (
        shifted(tape.delta(13, "0.4500", "1.00")).replace(b"KXBTC", b"\xff\xfeBTC"), "not_json",
    ),
    "nested without end": (b'{"src":"kalshi_ws","x":' + b"[" * 50_000, "not_json"),
    "no object": (b"[1, 2, 3]", "not_an_object"),
    "unknown type": (shifted({"type": "orderbook_delat", "sid": 2, "seq": 13}), "unknown_type"),
    "unknown source": (
        tape.line({"type": "book"}, 1_300, src="polymarket_ws"), "unknown_source",
    ),
    "no source": (b'{"recv_ns": 1795013165000000000, "raw": {"type": "ok"}}', "missing_field"),
    "missing field": (
        shifted({"type": "orderbook_delta", "sid": 2, "seq": 13, "msg": {"side": "yes"}}),
        "missing_field",
    ),
    "wrong type": (shifted(tape.delta(13, "0.4500", "1.00") | {"seq": "13"}), "wrong_type"),
    "price outside": (shifted(tape.delta(13, "1.4500", "1.00")), "price_out_of_range"),
    "price no number": (shifted(tape.delta(13, "cheap", "1.00")), "bad_number"),
    "size no number": (shifted(tape.delta(13, "0.4500", "many")), "bad_number"),
    "bad side": (shifted(tape.delta(13, "0.4500", "1.00", "maybe")), "bad_side"),
    "price off the grid": (shifted(tape.delta(13, "0.4550", "1.00")), "price_off_grid"),
    "level below nothing": (shifted(tape.delta(13, "0.4500", "-99.00")), "negative_level"),
    "snapshot below nothing": (shifted(tape.snapshot(13, [("0.4500", "-1.00")])), "bad_size"),
    "level twice": (
        shifted(tape.snapshot(13, [("0.4500", "1.00"), ("0.45", "2.00")])), "duplicate_level",
    ),
    "change before its snapshot": (
        shifted(tape.delta(13, "0.4500", "1.00", market="KXBTC15M-NEW")), "delta_before_snapshot",
    ),
    "number again": (shifted(tape.delta(12, "0.4500", "1.00")), "duplicate_sequence"),
    "number of old": (shifted(tape.delta(5, "0.4500", "1.00")), "stale_sequence"),
    "no possible time": (
        shifted(tape.delta(13, "0.4500", "1.00")).replace(b"1795013166300000000", b"17950131"),
        "time_out_of_range",
    ),
    "strike of no kind": (
        shifted(tape.lifecycle("created", strike_type="custom", close_ts=1_795_014_000)),
        "unsupported_strike_type",
    ),
    "spot of nothing": (tape.line(tape.match("0", 2_000), 1_300, src="coinbase_ws"), "bad_number"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_message_that_cannot_be_used_is_counted_by_reason_with_file_and_line(
    tell: Teller, tmp_path: Path, name: str
) -> None:
    line, reason = UNREADABLE[name]
    lines = [*good(), line]
    result = replayed(tell, tmp_path, lines)
    assert result.code == 0
    assert result.summary["quarantined"] == {reason: 1}
    (sample,) = result.summary["quarantine_samples"][reason]
    assert (sample["file"], sample["line"]) == (str(tmp_path / "capture.jsonl"), len(lines))
    assert sample["detail"]
    book = result.book()
    untouched = (book["best_bid"], book["best_ask"]) == ("0.4500", "0.4600")
    assert untouched or book["state"] != "live"


def test_fields_nobody_knows_are_counted_and_change_nothing(tell: Teller, tmp_path: Path) -> None:
    novel = tape.delta(13, "0.4500", "1.00", novelty={"a": 1}) | {"novel": 1}
    result = replayed(tell, tmp_path, [*good(), shifted(novel)])
    assert result.summary["quarantined"] == {}
    assert result.summary["unknown_fields"] == {"msg.novelty": 1, "novel": 1}
    assert result.book()["state"] == "live"


def test_a_lost_message_is_a_gap_and_heals_with_a_snapshot(tell: Teller, tmp_path: Path) -> None:
    lines = good()
    del lines[9]
    gapped = replayed(tell, tmp_path, lines)
    assert gapped.summary["sequence_gaps"] == 1
    assert gapped.book()["state"] == gapped.book(OTHER)["state"] == "gapped"
    healed = replayed(tell, tmp_path, [*lines, shifted(tape.snapshot(13, YES, NO))])
    assert healed.summary["connections"][CONN] == {"epochs": 1, "resyncs": 1, "sequence_gaps": 1}
    assert (healed.book()["state"], healed.book(OTHER)["state"]) == ("live", "gapped")


def test_time_that_goes_back_is_counted(tell: Teller, tmp_path: Path) -> None:
    late = tape.line(tape.delta(13, "0.4400", "1.00"), 500)
    result = replayed(tell, tmp_path, [*good(), late])
    assert result.summary["clock"]["went_back"] == 1
    assert result.summary["quarantined"] == {}
    assert result.book()["state"] == "live"


def test_one_time_far_ahead_is_counted_and_not_believed(tell: Teller, tmp_path: Path) -> None:
    lines = good()
    lines[10] = lines[10].replace(b"179501316", b"199501316", 1)
    result = replayed(tell, tmp_path, lines)
    assert result.summary["clock"]["jumps_refused"] == 1
    assert result.summary["span_seconds"] < 5
    assert result.book()["state"] == "live"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_truncated_archive_is_used_as_far_as_it_goes_and_named(
    tell: Teller,
    tmp_path: Path,
    pack: Any,  # noqa: ANN401
) -> None:
    fill = [
        tape.recorder("fault", {"n": str(n) + os.urandom(40).hex()}, 1_300) for n in range(4_000)
    ]
    packed = pack(b"\n".join([*good(), *fill]) + b"\n")
    path = tmp_path / "capture.bin"
    path.write_bytes(packed[: len(packed) * 3 // 4])
    result = Replayed(tell, path)
    assert result.code == 0
    assert result.summary["quarantined"]["damaged_file"] == 1
    (damage,) = result.summary["damaged_files"]
    assert damage["file"] == str(path)
    assert damage["line"] > 1_000
    assert "ends in the middle" in damage["problem"]
    assert f"{path}:{damage['line']}" in result.err
    assert result.book()["best_bid"] == "0.4500"


def test_line_ends_of_windows_and_blank_lines_are_no_damage(tell: Teller, tmp_path: Path) -> None:
    path = tmp_path / "capture.jsonl"
    path.write_bytes(b"\r\n\r\n".join(good()))
    result = Replayed(tell, path)
    assert result.summary["quarantined"] == {}
    assert result.book()["best_bid"] == "0.4500"


def test_a_mark_of_byte_order_costs_the_line_it_is_on_and_says_so(
    tell: Teller, tmp_path: Path
) -> None:
    path = tmp_path / "capture.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join(good()))
    result = Replayed(tell, path)
    assert result.summary["quarantined"] == {"not_json": 1}
    assert result.summary["quarantine_samples"]["not_json"][0]["line"] == 1


UNUSABLE = {
    "utf16.jsonl": ("\n".join('{"a": 1}' for _ in range(50))).encode("utf-16"),
    "blank.jsonl": b"\n\n  \n",
    "other.jsonl": b'{"a": 1}\n{"b": 2}\n',
    "prose.txt": b"Call me Ishmael.\nSome years ago\n",
    "noise.bin": bytes(range(1, 256)) * 40,
    "half.zst": zstandard.ZstdCompressor().compress(b"{}\n" * 1_000)[:10],
    "null.jsonl": b"null\n" * 10,
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_holds_no_message_is_refused_with_a_remedy(
    tell: Teller, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(UNUSABLE[name])
    result = Replayed(tell, path)
    assert result.code == 3
    assert str(path) in result.summary["error"]["message"]
    assert "Traceback" not in result.err
    assert len(result.summary["error"]["message"].split(". ")) > 1, "what is wrong, and the remedy"


def test_paths_that_lead_to_no_file_are_refused(tell: Teller, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    capture = written(tmp_path, good())
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nothing")
    for path in (
        loop,
        dangling,
        capture / "x",
        tmp_path / ("n" * 300),
        tmp_path,
        Path("/dev/null"),
    ):
        told = tell("replay", path, "--out", tmp_path / "run", "--quiet")
        assert told.code == 3, path
        assert str(path) in told.err
        assert "Traceback" not in told.err


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_refused(tell: Teller, tmp_path: Path) -> None:
    path = written(tmp_path, good())
    path.chmod(0)
    assert "permission" in Replayed(tell, path).err.lower()


def test_one_bad_file_among_good_ones_is_named(tell: Teller, tmp_path: Path) -> None:
    first = written(tmp_path, good())
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    told = tell("replay", first, empty, "--out", tmp_path / "run", "--quiet")
    assert told.code == 3
    assert f"{empty}: the file is empty" in told.err


def test_the_same_file_twice_counts_every_message_of_the_second_as_known(
    tell: Teller, tmp_path: Path
) -> None:
    path = written(tmp_path, good())
    told = tell("replay", path, path, "--out", tmp_path / "run", "--json", "--quiet")
    summary = told.json()
    assert summary["books"][MARKET]["best_bid"] == "0.4500"
    assert summary["spot"]["duplicates"] == 10
    assert set(summary["quarantined"]) <= {"duplicate_sequence", "stale_sequence"}


def test_a_directory_to_write_to_that_cannot_be_written_is_a_usage_error(
    tell: Teller, tmp_path: Path
) -> None:
    path = written(tmp_path, good())
    (tmp_path / "run" / "decisions.jsonl").mkdir(parents=True)
    result = Replayed(tell, path)
    assert result.code == 2
    assert "decisions.jsonl" in result.err


OUTCOMES = {
    "binary": b"\x80\x81\x82",
    "other columns": b"a,b\n1,2\n",
    "maybe": b"ticker,result\nA,maybe\n",
    "two minds": b"ticker,result\nA,yes\nA,no\n",
    "endless field": b'ticker,result\nA,"' + b"y" * 200_000 + b'"\n',
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcomes_that_cannot_be_used_are_refused_with_file_and_remedy(
    tell: Teller, tmp_path: Path, name: str
) -> None:
    outcomes = tmp_path / "outcomes.csv"
    outcomes.write_bytes(OUTCOMES[name])
    result = Replayed(tell, written(tmp_path, good()), "--outcomes", outcomes)
    assert result.code == 3
    assert str(outcomes) in result.err


def test_another_process_another_zone_and_another_place_give_the_same_hashes(
    tmp_path: Path,
) -> None:
    """A small run whose decisions depend on nothing but its lines."""
    path = written(tmp_path, good())
    seen = set()
    for seed, zone in (("0", "UTC"), ("4242", "Asia/Kathmandu")):
        folder = tmp_path / f"at-{seed}"
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", "replay", str(path), "--out", str(folder / "run"),
             "--json", "--quiet", "--fills", "realistic"],
            capture_output=True, text=True, check=True, cwd=folder,
            env=os.environ | {
                "PYTHONHASHSEED": seed, "TZ": zone,
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers/domain/python")]),
            },
        )  # fmt: skip
        summary = json.loads(done.stdout)
        seen.add(
            (
                summary["decisions_sha256"],
                summary["books"][MARKET]["sha256"],
                (folder / "run" / "decisions.jsonl").read_bytes(),
            )
        )
    assert len(seen) == 1
    assert summary["decisions"]["total"] > 0
