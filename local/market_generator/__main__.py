"""Writes a generated session as a capture: `python -m local.market_generator FILE`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from local.market_generator.session import describe, write_session
from local.market_generator.settings import SessionSettings

# 14:31:05 UTC: two quarter-hour windows and the hourly ladder settle within the half hour.
START_NS: Final = 1_795_012_265_000_000_000


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.market_generator",
        description="Make up a session of markets in the venues' own formats, as a capture.",
    )
    parser.add_argument("path", type=Path, metavar="FILE", help="compressed when it ends in .gz")
    parser.add_argument("--seed", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--minutes", type=int, default=30, help="default: %(default)s")
    args = parser.parse_args()
    settings = SessionSettings(seed=args.seed, start_ns=START_NS, minutes=args.minutes)
    args.path.parent.mkdir(parents=True, exist_ok=True)
    lines = write_session(settings, args.path)
    for fault in describe(settings):
        sys.stdout.write(f"on purpose: {fault.kind.value}: {fault.explanation}\n")
    sys.stdout.write(f"{lines} lines in {args.path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
