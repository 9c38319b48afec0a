"""`kairos parity`: prove row by row that profile v1 is the system it claims to reproduce."""

from __future__ import annotations

from cli.parity.command import add_parser, check_files, run
from cli.parity.report import ParityReport

__all__ = ["ParityReport", "add_parser", "check_files", "run"]
