"""Two buffers between the caller and the disk: one fills while the other is written.

The caller copies records into a buffer while they are still in the processor's cache; checksum and
write, which release the interpreter lock, run on one thread of their own. When both buffers are
full the caller writes one itself: that is the back-pressure, and why nothing can pile up or be
dropped. `flush` also writes on the caller's thread, so its guarantee does not rest on another.
"""

from __future__ import annotations

import threading
from pathlib import Path

from hotpath.journal.writer import SegmentWriter
from kairos.errors import InputError


class _Buffer:
    __slots__ = ("records", "size", "view")

    def __init__(self, capacity: int) -> None:
        self.view = memoryview(bytearray(capacity))
        self.size = 0
        self.records = 0

    def add(self, chunk: bytes, records: int) -> None:
        end = self.size + len(chunk)
        self.view[self.size : end] = chunk
        self.size = end
        self.records += records

    def clear(self) -> None:
        self.size = self.records = 0


class BlockWriter:
    """`add` and `flush` belong to one thread, the caller's. Errors of either thread reach it."""

    def __init__(self, segments: SegmentWriter, directory: Path, block_bytes: int) -> None:
        self._segments = segments
        self._directory = directory
        self._capacity = block_bytes
        self._filling = _Buffer(block_bytes)
        self._waiting = _Buffer(block_bytes)
        self._lock = threading.Lock()  # whoever holds it may write and may swap the buffers
        self._wake = threading.Event()
        self._stopping = False
        self._failure: InputError | None = None
        self._records = segments.next_record
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    @property
    def records(self) -> int:
        """Written or in a buffer, since the journal began."""
        return self._records

    @property
    def failed(self) -> bool:
        return self._failure is not None

    def add(self, chunk: bytes, records: int) -> None:
        """Take `records` lines. InputError once the disk has refused anything."""
        if self._failure is not None:
            raise self._failure
        if self._filling.size + len(chunk) > self._capacity:
            self._hand_over()
            if len(chunk) > self._capacity:
                self._filling = _Buffer(len(chunk))  # a burst of giants makes a giant block
        self._filling.add(chunk, records)
        self._records += records

    def _hand_over(self) -> None:
        with self._lock:
            self._write(self._waiting)  # only has something when the thread did not keep up
            self._filling, self._waiting = self._waiting, self._filling
        self._wake.set()

    def flush(self) -> None:
        """Everything added is in the file when this returns. InputError when it cannot be."""
        with self._lock:
            self._write(self._waiting)
            self._write(self._filling)
        if self._segments.has_full:
            self._wake.set()

    def _write(self, buffer: _Buffer) -> None:
        if self._failure is not None:
            raise self._failure
        if not buffer.records:
            return
        try:
            self._segments.write_block(buffer.view[: buffer.size], buffer.records)
            buffer.clear()
        except OSError as error:
            raise self.fail(error) from error
        except BaseException as error:
            self.fail(error)  # an interrupted write must not be repeated
            raise

    def fail(self, error: BaseException) -> InputError:
        """Nothing is written after a failure: what the file holds by now is unknown."""
        if self._failure is not None:
            return self._failure
        reason = (error.strerror if isinstance(error, OSError) else None) or repr(error)
        self._failure = InputError(
            self._directory,
            f"the journal cannot be written: {reason}. Records from number "
            f"{self._segments.next_record} on are not in it",
            "Stop, free space or mend the disk, then open it again: it recovers to its last "
            "whole block",
        )
        return self._failure

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._segments.sync_every_s)
            self._wake.clear()
            try:
                with self._lock:
                    self._write(self._waiting)
                self._segments.settle()
            except OSError as error:
                self.fail(error)
                return
            except InputError:
                return  # kept in `_failure`; the caller's next step raises it

    def keep_from(self) -> int:
        """See SegmentWriter.keep_from."""
        with self._lock:
            return self._segments.keep_from()

    def close(self) -> None:
        """Close the segments, after `flush` and `stop`. InputError when anything ever failed."""
        if self._failure is not None:
            raise self._failure
        try:
            self._segments.close()
        except OSError as error:
            raise self.fail(error) from error

    def stop(self) -> None:
        """End the thread. What is still in the buffers stays there: flush first."""
        self._stopping = True
        self._wake.set()
        self._thread.join()
