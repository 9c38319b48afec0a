"""Captures are read whole, in time order, in bounded memory; damage is named."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.feeds import capture_files
from hotpath.feeds.capture_files import Chunk, Damage, chunked, line_time, merge_chunks, read_chunks
from kairos.errors import InputError

SECOND = 1_000_000_000
START = 1_795_013_165 * SECOND


def timed(second: float, name: str = "a") -> bytes:
    return json.dumps({"recv_ns": START + int(second * SECOND), "name": name}).encode()


LINES = [timed(second) for second in range(200)]
TEXT = b"\n".join(LINES) + b"\n"


def compress(data: bytes, kind: str) -> bytes:
    match kind:
        case "gz":
            return gzip.compress(data)
        case "zst":
            return zstandard.ZstdCompressor().compress(data)
        case _:
            return data


def read(path: Path) -> tuple[list[bytes], list[Damage]]:
    damages: list[Damage] = []
    lines: list[bytes] = []
    for chunk in read_chunks(path, damages.append):
        assert chunk.first_line == len(lines) + 1
        lines += chunk.lines
    return lines, damages


def written(folder: Path, data: bytes, name: str = "c.jsonl") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", ["plain", "gz", "zst"])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_every_line_is_read_whatever_the_packing(tmp_path: Path, kind: str, end: bytes) -> None:
    path = written(tmp_path, compress(b"\n".join(LINES) + end, kind))
    assert read(path) == (LINES, [])


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_archives_put_end_to_end_are_one_recording(tmp_path: Path, kind: str) -> None:
    """`cat a.gz b.gz` is how recorders append."""
    parts = [compress(b"\n".join(LINES[i : i + 50]) + b"\n", kind) for i in range(0, 200, 50)]
    assert read(written(tmp_path, b"".join(parts))) == (LINES, [])


@pytest.mark.parametrize("kind", ["plain", "gz", "zst"])
@settings(max_examples=25, deadline=None)
@given(size=st.integers(4, 400), lines=st.integers(1, 60))
def test_block_borders_cut_no_line(
    tmp_path_factory: pytest.TempPathFactory, kind: str, size: int, lines: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capture_files, "CHUNK_BYTES", size)
        text = b"\n".join(LINES[:lines]) + b"\n"
        path = written(tmp_path_factory.mktemp("cut"), compress(text, kind))
        assert read(path) == (LINES[:lines], [])


@pytest.mark.parametrize("kind", ["gz", "zst"])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_truncated_archive_is_used_as_far_as_it_goes(
    tmp_path: Path, kind: str, share: float
) -> None:
    random.seed(5)
    noisy = [line + bytes(random.choices(b"abcdefgh", k=60)) for line in LINES * 40]
    packed = compress(b"\n".join(noisy) + b"\n", kind)
    path = written(tmp_path, packed[: int(len(packed) * share)])
    lines, (damage,) = read(path)
    assert 0 < len(lines) <= len(noisy)
    assert lines[:-1] == noisy[: len(lines) - 1]
    assert "ends in the middle" in damage.problem
    assert damage.path == path
    assert damage.line <= len(lines) + 1
    assert damage.remedy


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_a_corrupt_archive_is_damage_not_a_traceback(tmp_path: Path, kind: str) -> None:
    random.seed(6)
    noisy = [line + bytes(random.choices(b"abcdefgh", k=60)) for line in LINES * 40]
    packed = bytearray(compress(b"\n".join(noisy) + b"\n", kind))
    for offset in range(len(packed) // 2, len(packed) // 2 + 40):
        packed[offset] ^= 0xFF
    lines, damages = read(written(tmp_path, bytes(packed)))
    assert len(damages) == 1
    assert len(lines) > len(noisy) // 4, "what came before was used"


def test_garbage_after_an_archive_is_damage(tmp_path: Path) -> None:
    lines, (damage,) = read(written(tmp_path, gzip.compress(TEXT) + b"\x00" * 512))
    assert lines == LINES
    assert "corrupt" in damage.problem


EMPTY = [b"", b"   ", gzip.compress(b"", mtime=0), zstandard.ZstdCompressor().compress(b"")]


@pytest.mark.parametrize("data", EMPTY)
def test_an_empty_file_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError, match="empty") as refused:
        read(written(tmp_path, data))
    assert refused.value.remedy


@pytest.mark.parametrize("data", [b"\x7fELF\x00\x01", b"\x89PNG\r\n\x1a\n\x00\x00", bytes(5_000)])
@pytest.mark.parametrize("kind", ["plain", "gz", "zst"])
def test_binary_data_is_refused(tmp_path: Path, data: bytes, kind: str) -> None:
    with pytest.raises(InputError, match="binary"):
        read(written(tmp_path, compress(data, kind)))


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_an_archive_of_which_nothing_is_left_says_what_is_wrong_with_it(
    tmp_path: Path, kind: str
) -> None:
    with pytest.raises(InputError, match="ends in the middle"):
        read(written(tmp_path, compress(TEXT, kind)[:9]))


def test_paths_that_are_no_readable_file_are_refused_with_a_remedy(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    inside_a_file = written(tmp_path, TEXT) / "x"
    for path in (tmp_path, tmp_path / "missing", loop, inside_a_file, tmp_path / ("n" * 300)):
        with pytest.raises(InputError) as refused:
            read(path)
        assert str(path) in str(refused.value)
        assert refused.value.remedy


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_files, "LINE_BYTES_MAX", 10_000)
    monkeypatch.setattr(capture_files, "CHUNK_BYTES", 1_000)
    with pytest.raises(InputError, match="longer") as refused:
        read(written(tmp_path, TEXT + b"x" * 50_000))
    assert refused.value.line is not None


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_a_bomb_is_taken_a_chunk_at_a_time(tmp_path: Path, kind: str) -> None:
    """256 MB of one line repeated pack into a few kilobytes; they must not all be in memory."""
    piece = (b'{"recv_ns":1}' + b" " * 1_000 + b"\n") * 1_000
    if kind == "gz":
        with gzip.open(tmp_path / "c", "wb", compresslevel=1) as stream:
            for _ in range(64):
                stream.write(piece)
    else:
        with zstandard.open(tmp_path / "c", "wb") as stream:
            for _ in range(256):
                stream.write(piece)
    tracemalloc.start()
    count = sum(len(chunk.lines) for chunk in read_chunks(tmp_path / "c", lambda _damage: None))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count in (64_000, 256_000)
    assert peak < 80 << 20


# The time of a line, and files in time order.


@pytest.mark.parametrize(
    ("line", "time"),
    [
        (b'{"recv_ns": 5}', 5),
        (b'{"recv_ns":5,"venue_ts_ms":7}', 5),
        (b'{"venue_ts_ms": 7}', 7_000_000),
        (b'{"venue_ts":"1970-01-01T00:00:01.5+00:00"}', 1_500_000_000),
        (b'{"venue_ts":"1970-01-01T01:00:01.5+01:00"}', 1_500_000_000),
        (b'{"venue_ts":"1970-01-01T00:00:01.5"}', None),
        (b'{"venue_ts":"yesterday noon"}', None),
        (b'{"recv_ns":"5"}', None),
        (b"garbage", None),
        (b"", None),
    ],
)
def test_a_line_sorts_by_the_time_it_shows(line: bytes, time: int | None) -> None:
    assert line_time(line) == time


def source(*lines: bytes, name: str = "f", size: int = 3) -> Iterator[Chunk]:
    for first in range(0, len(lines), size):
        yield Chunk(Path(name), first + 1, list(lines[first : first + size]), 0)


def merged(*sources: Iterator[Chunk]) -> list[bytes]:
    return [line for chunk in merge_chunks(sources) for line in chunk.lines]


def test_files_are_read_in_time_order_however_they_are_named() -> None:
    late, early = [timed(s) for s in range(10, 20)], [timed(s) for s in range(10)]
    assert merged(source(*late), source(*early)) == early + late


def test_files_that_overlap_are_read_line_by_line() -> None:
    even, odd = [timed(s) for s in range(0, 20, 2)], [timed(s) for s in range(1, 20, 2)]
    assert merged(source(*even), source(*odd)) == [timed(s) for s in range(20)]


def test_lines_keep_their_file_and_number_when_merged() -> None:
    chunks = merge_chunks(
        [source(*[timed(s) for s in (0, 2, 4)], name="a"), source(timed(1), timed(3), name="b")]
    )
    assert [(chunk.path.name, chunk.first_line) for chunk in chunks] == [
        ("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3),
    ]  # fmt: skip


def test_a_line_without_a_time_stays_behind_the_line_before_it() -> None:
    first = [timed(0), b"garbage", timed(4)]
    second = [timed(1), timed(2)]
    assert merged(source(*first), source(*second)) == [
        timed(0), b"garbage", timed(1), timed(2), timed(4),
    ]  # fmt: skip


@pytest.mark.parametrize("at", [0, 3, 9])
def test_one_absurd_time_does_not_send_the_rest_of_a_file_to_the_end(at: int) -> None:
    damaged = [timed(s) for s in range(0, 20, 2)]
    damaged[at] = timed(10**8)
    odd = [timed(s) for s in range(1, 20, 2)]
    order = merged(source(*damaged), source(*odd))
    rest = [line for line in order if line != damaged[at]]
    assert rest == sorted(rest)


def test_files_that_do_not_overlap_pass_through_in_whole_chunks() -> None:
    sizes = [
        len(chunk.lines)
        for chunk in merge_chunks(
            [source(*[timed(s) for s in range(6)]), source(*[timed(s) for s in range(6, 12)])]
        )
    ]
    assert sizes == [3, 3, 3, 3]


def test_records_of_a_journal_look_like_a_file() -> None:
    chunks = list(chunked(Path("j"), iter(LINES), size=64))
    assert [line for chunk in chunks for line in chunk.lines] == LINES
    assert [chunk.first_line for chunk in chunks] == [1, 65, 129, 193]
