"""Entry point of `kairos`: parses, runs one command, turns errors into messages and exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import kairos
from cli import demo, doctor, exits, journal, live, lots, parity, replay, report_command, sim
from cli.console import emit_json, warn
from kairos.errors import InputError, KairosError, UsageError

_EPILOG = """\
Only `live` can place a real order, and only when it is confirmed twice (kairos live --help); paper,
shadow and doctor read from real venues, everything else works on files or on simulated venues.
Every command takes --json and --help. Exit codes: 0 done, 1 a check failed, 2 usage, 3 an input
file cannot be used, 130 interrupted.
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kairos",
        description="Replay, prove and explain trading on prediction markets.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kairos {kairos.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (demo, replay, report_command, parity, journal, lots, sim, doctor):
        command.add_parser(subparsers)
    live.add_parsers(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is the whole truth for a script."""
    args = build_parser().parse_args(argv)
    try:
        code: int = args.run(args)
    except KairosError as error:
        return _failed(error, as_json=bool(getattr(args, "json", False)))
    except KeyboardInterrupt:
        warn("interrupted")
        return exits.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.OK
    return code


def _failed(error: KairosError, *, as_json: bool) -> int:
    if as_json:
        emit_json({"error": {"kind": type(error).__name__, "message": str(error)}})
    warn(str(error))
    match error:
        case UsageError():
            return exits.USAGE
        case InputError():
            return exits.INPUT
        case _:
            return exits.FAILED


if __name__ == "__main__":
    sys.exit(main())
