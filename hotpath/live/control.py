"""What people want to be traded, from a file that a person or a program may change at any time.

`{"state": "REDUCING", "who": "ada", "why": "fed day"}`. Who cannot read it does not trade.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

import msgspec

from kairos.domain.risk.trading_state import TradingState
from kairos.errors import InputError

_BYTES_MAX: Final = 4_096
_REMEDY: Final = 'Write {"state": "ACTIVE", "who": "…", "why": "…"}, or REDUCING, or HALTED'


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody's decision; there is no state to assume."""

    state: TradingState
    who: str
    why: str


class Control(Protocol):
    """Where the decision is kept."""

    def read(self) -> Wanted:
        """Raises InputError when nobody knows."""
        ...


class ControlFile:
    """A file with one decision in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Wanted:
        try:
            with self._path.open("rb") as file:
                content = file.read(_BYTES_MAX)
            return msgspec.json.decode(content, type=Wanted)
        except OSError as error:
            problem = f"the trading state cannot be read ({error.strerror})"
            raise InputError(self._path, problem, _REMEDY) from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            problem = f"this is no trading state ({error})"
            raise InputError(self._path, problem, _REMEDY) from error


class FixedControl:
    """A decision that was made on the command line, and stands."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted

    def read(self) -> Wanted:
        return self._wanted
