"""What commands print: one JSON object, or tables for people. The only module that prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def emit_json(value: Any) -> None:  # noqa: ANN401
    """One JSON object on standard output and nothing else."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def plain(text: str) -> str:
    """What a terminal may show of text that came from outside: no control characters."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def say(text: str) -> None:
    sys.stdout.write(plain(text) + "\n")


def warn(text: str) -> None:
    sys.stderr.write(f"kairos: {plain(text)}\n")


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console(soft_wrap=False).print(table)
