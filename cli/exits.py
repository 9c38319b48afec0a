"""Exit codes, the same for every command."""

from __future__ import annotations

from typing import Final

OK: Final = 0
FAILED: Final = 1  # the command ran and its check did not hold
USAGE: Final = 2  # the command line or a settings file is wrong
INPUT: Final = 3  # an input file cannot be used
INTERRUPTED: Final = 130
