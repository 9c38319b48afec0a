"""A process that is killed, or whose disk fills up, loses nothing that a flush had confirmed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from hotpath.journal import Journal, JournalSettings, read_records, verify
from tests.support.journal_child import record

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 20
SEED = 20_261_120


def start(directory: Path, acknowledged: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.support.journal_child", str(directory)]
    return subprocess.Popen([*command, str(acknowledged), *more], cwd=ROOT, stderr=subprocess.PIPE)


def confirmed(acknowledged: Path) -> int:
    return int(acknowledged.read_bytes() or b"0") if acknowledged.exists() else 0


def reopened(directory: Path) -> Journal:
    settings = JournalSettings(directory, segment_bytes_max=128 * 1024, block_bytes=32 * 1024)
    return Journal.open(settings, clock=time.time_ns, code_version="test", settings_sha256="")


def test_kill_at_any_moment_keeps_every_confirmed_record_once_and_in_order(
    tmp_path: Path,
) -> None:
    chance = random.Random(SEED)
    directory = tmp_path / "journal"
    compressed = 0
    for each in range(ROUNDS):
        acknowledged = tmp_path / f"acknowledged-{each}"
        child = start(directory, acknowledged, str(chance.randrange(2**32)))
        wait_until_it_writes(child, acknowledged)
        time.sleep(chance.uniform(0.0, 0.08))
        child.send_signal(signal.SIGKILL)
        _, errors = child.communicate(timeout=30)
        assert child.returncode == -signal.SIGKILL, errors.decode()
        promised = confirmed(acknowledged)
        assert verify(directory).ok
        with reopened(directory) as journal:
            count = journal.records
        assert count >= promised
        for number, line in enumerate(read_records(directory)):
            assert line == record(number)
        assert number == count - 1
        compressed += any(path.suffix == ".zst" for path in directory.iterdir())
    assert verify(directory).ok
    assert compressed > 0


def wait_until_it_writes(child: subprocess.Popen[bytes], acknowledged: Path) -> None:
    deadline = time.monotonic() + 60
    while confirmed(acknowledged) == 0:
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_full_disk_ends_the_writer_with_an_error_and_keeps_what_was_confirmed(
    tmp_path: Path,
) -> None:
    directory, acknowledged = tmp_path / "journal", tmp_path / "acknowledged"
    child = start(directory, acknowledged, "7", "50000")
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 3
    assert b"the journal cannot be written: File too large" in errors
    promised = confirmed(acknowledged)
    with reopened(directory) as journal:
        assert journal.recovery is not None
        assert journal.records >= promised > 0
        count = journal.records
    assert list(read_records(directory)) == [record(n) for n in range(count)]
    assert next(directory.glob("journal-*.jsonl")).stat().st_size <= 51_000
