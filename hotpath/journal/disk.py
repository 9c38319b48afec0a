"""The two things a journal asks of a disk, so that tests can make either fail."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """Both raise OSError; `write` may write less than it was given and returns how much."""

    def write(self, fd: int, parts: Sequence[bytes | memoryview]) -> int: ...

    def sync(self, fd: int) -> None: ...


class OsDisk:
    """The operating system's."""

    def write(self, fd: int, parts: Sequence[bytes | memoryview]) -> int:
        return os.writev(fd, parts)

    def sync(self, fd: int) -> None:
        os.fsync(fd)


def write_fully(disk: Disk, fd: int, parts: Sequence[bytes | memoryview]) -> None:
    """Write every byte of `parts`, or raise what the disk raised."""
    wanted = sum(len(part) for part in parts)
    done = disk.write(fd, parts)
    while done < wanted:
        rest = memoryview(b"".join(parts))[done:]
        done += disk.write(fd, [rest])


def sync_directory(disk: Disk, directory: Path) -> None:
    """Make the creation, renaming or removal of files in `directory` outlast a power cut."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        disk.sync(fd)
    finally:
        os.close(fd)
