"""What a live session was, as the first record of its journal: a replay needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from hotpath.assembly import Role, RunSettings
from hotpath.journal import read_records
from kairos.errors import InputError

_FIRST_RECORDS: Final = 16
_KIND: Final = "session"


class SessionRecord(msgspec.Struct, frozen=True):
    """The role of a session and every setting that decides, with the code that ran it."""

    role: Role
    settings: RunSettings
    code_version: str


class _Line(msgspec.Struct):
    src: str
    type: str
    data: msgspec.Raw


_line_of = msgspec.json.Decoder(_Line).decode


def session_line(recv_ns: int, record: SessionRecord) -> bytes:
    line = {"recv_ns": recv_ns, "src": "kairos", "type": _KIND, "data": record}
    return msgspec.json.encode(line)


def read_session(journal: Path) -> SessionRecord | None:
    """The session that a journal is of; None for the journal of a run over recordings.

    Raises InputError when it names something that this version does not know.
    """
    for record in _first(journal):
        try:
            line = _line_of(record)
        except msgspec.DecodeError:
            continue
        if (line.src, line.type) == ("kairos", _KIND):
            return _read(journal, line.data)
    return None


def _first(journal: Path) -> Iterator[bytes]:
    return islice(read_records(journal, lambda _torn: None), _FIRST_RECORDS)


def _read(journal: Path, data: msgspec.Raw) -> SessionRecord:
    try:
        return msgspec.json.decode(data, type=SessionRecord)
    except msgspec.ValidationError as error:
        problem = f"the session it records cannot be understood ({error})"
        raise InputError(journal, problem, "Replay it with the version that wrote it", 1) from error
