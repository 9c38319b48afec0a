"""One writer per journal directory: the kernel drops the lock with the process, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from hotpath.journal.format import LOCK_NAME
from kairos.errors import UsageError


class DirectoryLock:
    """Holds `journal.lock`, which names the process that holds it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def acquire(cls, directory: Path) -> Self:
        """UsageError when another writer, in this process or any other, has the directory."""
        path = directory / LOCK_NAME
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode("ascii", "replace").strip()
            os.close(fd)
            raise UsageError(
                f"{directory} is being written by process {holder or 'unknown'}: a journal has one "
                "writer. Stop that process, or give this one a directory of its own"
            ) from None
        os.truncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        return cls(fd)

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
