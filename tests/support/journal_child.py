"""A process that writes a journal until it is killed, or until its disk is full.

    python -m tests.support.journal_child DIRECTORY ACKNOWLEDGED SEED [FILE_BYTES_MAX]

After each flush it writes the number of records so far, 20 digits, to the file ACKNOWLEDGED.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

from hotpath.journal import Journal, JournalSettings
from kairos.errors import InputError


def record(number: int) -> bytes:
    """Record `number`, of a length that follows from it."""
    return b'{"recv_ns":%d,"src":"kalshi_ws","raw":"%b"}' % (number, b"x" * (number * 37 % 500))


def main() -> int:
    directory, acknowledged, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    if len(sys.argv) > 4:
        limit = int(sys.argv[4])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    settings = JournalSettings(directory, segment_bytes_max=128 * 1024, block_bytes=32 * 1024)
    journal = Journal.open(settings, clock=time.time_ns, code_version="child", settings_sha256="")
    threading.Thread(target=_maintain, args=(journal,), daemon=True).start()
    try:
        _write(journal, os.open(acknowledged, os.O_WRONLY | os.O_CREAT), random.Random(seed))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 3


def _maintain(journal: Journal) -> None:
    while True:
        journal.maintain(time.time_ns())
        time.sleep(0.005)


def _write(journal: Journal, acknowledged: int, chance: random.Random) -> NoReturn:
    number = journal.records
    while True:
        for _ in range(chance.choice((1, 5, 50, 1000))):
            journal.append(record(number))
            number += 1
        journal.flush()
        os.pwrite(acknowledged, b"%020d" % number, 0)


if __name__ == "__main__":
    sys.exit(main())
