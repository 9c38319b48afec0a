"""`kairos journal`: look into a journal, prove that it is whole, take a capture out of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cli import exits
from cli.console import emit_json, say, show_table, warn
from hotpath.journal import JournalInfo, VerifyReport, export, inspect, verify
from kairos.errors import UsageError

_EPILOG: Final = """\
examples:
  kairos journal inspect runs/demo/journal
  kairos journal inspect runs/demo/journal --json | jq '.counts[] | select(.src == "engine")'
  kairos journal verify runs/demo/journal && echo whole
  kairos journal export runs/demo/journal inputs.jsonl.zst --src kalshi_ws --src coinbase_ws
  kairos journal export runs/demo/journal hour.jsonl.gz \\
      --since 2026-05-13T15:00:00Z --until 2026-05-13T16:00:00Z

A journal is text: zstdcat, jq and grep read it too (docs/journal.md). Reading needs no lock; the
journal may be in use.

exit codes: 0 done · 1 a closed segment is damaged · 2 usage · 3 no journal, or it cannot be read
"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_NS_END: Final = 253_402_300_800 * 1_000_000_000  # the year 10 000, where datetime ends
_MICROSECOND: Final = timedelta(microseconds=1)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "journal",
        help="inspect, verify or export a journal",
        description="Look into a journal, prove that it is whole, take a capture out of it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_action(actions, "inspect", _inspect, "what it holds: segments, times, kinds of records")
    _add_action(actions, "verify", _verify, "check every checksum of every segment")
    add = _add_action(
        actions, "export", _export, "write its records as a capture file"
    ).add_argument
    add("out", type=Path, metavar="OUT", help="*.jsonl, *.jsonl.gz or *.jsonl.zst")
    add("--src", action="append", metavar="NAME", help="only this source; repeatable")
    add("--type", action="append", metavar="NAME", help="only this type; repeatable")
    add(
        "--since",
        type=_time_ns,
        metavar="TIME",
        help="first receive time: ISO 8601 with zone, or ns",
    )
    add("--until", type=_time_ns, metavar="TIME", help="receive time to stop before")
    add("--force", action="store_true", help="replace OUT if it exists")


def _add_action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    act: Callable[[argparse.Namespace], int],
    help_text: str,
) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=help_text,
        description=f"Journal: {help_text}.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="the journal's directory")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(act=act)
    return parser


def run(args: argparse.Namespace) -> int:
    """Raises the journal's errors; `cli.main` turns them into messages and exit codes."""
    act: Callable[[argparse.Namespace], int] = args.act
    return act(args)


def _time_ns(text: str) -> int:
    """`2026-05-13T15:00:00Z` or nanoseconds since the epoch."""
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither ISO 8601 (2026-05-13T15:00:00Z) nor nanoseconds"
        ) from None
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone; add Z for UTC")
    return (moment - _EPOCH) // _MICROSECOND * 1000


def _inspect(args: argparse.Namespace) -> int:
    info = inspect(args.directory)
    if args.json:
        emit_json(asdict(info))
    else:
        _show_info(info)
    return exits.OK


def _show_info(info: JournalInfo) -> None:
    show_table(
        f"Segments of {info.directory}",
        ["first", "status", "records", "received from", "to (UTC)", "text", "on disk"],
        [
            [
                f"{segment.first_record:,}",
                segment.status,
                f"{segment.records:,}",
                _moment(segment.first_recv_ns, "%m-%d %H:%M:%S"),
                _moment(segment.last_recv_ns, "%m-%d %H:%M:%S"),
                _size(segment.bytes),
                _size(segment.stored_bytes),
            ]
            for segment in info.segments
        ],
    )
    show_table(
        "Records",
        ["source", "type", "records"],
        [[each.src or "-", each.type or "-", f"{each.records:,}"] for each in info.counts],
    )
    for segment in info.segments:
        if segment.problem is not None:
            warn(f"{segment.name}: {segment.problem}")
    if info.unreadable:
        warn(f"{info.unreadable:,} records are no JSON objects")
    first, last = _moment(info.first_recv_ns), _moment(info.last_recv_ns)
    say(f"{info.records:,} records received from {first} to {last} UTC")
    say(f"{_size(info.bytes)} of text, {_size(info.stored_bytes)} on disk")


def _verify(args: argparse.Namespace) -> int:
    report = verify(args.directory)
    if args.json:
        emit_json({**asdict(report), "ok": report.ok, "records": report.records})
    else:
        _show_checks(report)
    return exits.OK if report.ok else exits.FAILED


def _show_checks(report: VerifyReport) -> None:
    for check in report.segments:
        if check.damage is not None:
            place = f"{report.directory / check.name}:{check.damage.line}"
            warn(f"{place}: {check.status}: {check.damage}")
    if report.ok:
        say(f"segments: {len(report.segments)}, records: {report.records:,}, every checksum holds")
        if any(check.status == "torn" for check in report.segments):
            say("The end is unfinished: it is being written now, or opening will cut it off.")
    else:
        damaged = sum(check.status == "corrupt" for check in report.segments)
        say(
            f"{damaged} of {len(report.segments)} segments are damaged. Restore them from a copy, "
            "or move them and every older segment out of the directory."
        )


def _export(args: argparse.Namespace) -> int:
    if args.since is not None and args.until is not None and args.since >= args.until:
        raise UsageError("--since must be before --until")
    report = export(
        args.directory,
        args.out,
        sources=args.src,
        types=args.type,
        since_ns=args.since,
        until_ns=args.until,
        overwrite=args.force,
    )
    if report.torn is not None:
        warn(f"{report.torn.path}: unfinished from line {report.torn.damage.line} on, left out")
    if report.untimed:
        warn(f"{report.untimed:,} records left out: they have no recv_ns to compare")
    if args.json:
        emit_json(asdict(report))
    else:
        say(f"{report.records:,} records -> {report.out}")
    return exits.OK


def _moment(time_ns: int | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    if time_ns is None:
        return "-"
    if not 0 <= time_ns < _TIME_NS_END:
        return f"{time_ns} ns"
    return (_EPOCH + timedelta(microseconds=time_ns // 1000)).strftime(form)


def _size(size: int) -> str:
    amount, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:,.{0 if unit == 'B' else 1}f} {unit}"
