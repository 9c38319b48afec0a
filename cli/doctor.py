"""`kairos doctor`: can the venues be traded on from here, with these keys, now?"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from cli import environment_file, exits
from cli.console import emit_json, say
from hotpath.feeds.live.clock import SystemClock
from kairos.bootstrap import VENUE_VARIABLES, Variable, missing_variables, open_probe
from kairos.errors import UsageError
from kairos.services.doctor import Finding, Status, examine

_MARKS: Final = {Status.OK: "ok", Status.WARN: "warn", Status.FAIL: "FAIL", Status.SKIPPED: "skip"}


def _listing(variables: Mapping[str, Sequence[Variable]]) -> str:
    rows = []
    for venue, named in variables.items():
        rows.append(f"{venue}:")
        for each in named:
            rest = "" if each.default is None else f" (default: {each.default or 'none'})"
            rows.append(f"  {each.name:<28}{each.meaning}{rest}")
    return "\n".join(rows)


_EPILOG: Final = f"""\
Only reads: no order is placed, changed or canceled. Keys come from the environment, or from the
file .env in this directory; the environment wins. A venue without keys is skipped.

{_listing(VENUE_VARIABLES)}

examples:
  kairos doctor
  kairos doctor --venue kalshi --json
  kairos doctor --venue kalshi --base-url kalshi=http://127.0.0.1:9400

exit codes: 0 no check failed · 1 a check failed · 2 usage · 3 the .env file cannot be used
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "doctor",
        help="check clock, keys, cash, geography, rates and message formats of the venues",
        description="Check every venue that has keys: one line per check, with what to do.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--venue", action="append", choices=sorted(VENUE_VARIABLES), default=None,
        help="only this one; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--base-url", action="append", default=[], metavar="VENUE=URL",
        help="ask this origin instead, a simulated venue for instance; may be repeated",
    )  # fmt: skip
    parser.add_argument("--env-file", type=Path, help="default: .env if it is there")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    venues = list(dict.fromkeys(args.venue or VENUE_VARIABLES))
    origins = _origins(args.base_url, venues)
    stated = environment_file.settings(args.env_file, os.environ)
    findings = asyncio.run(_examine_all(venues, stated, origins))
    _tell(findings, as_json=args.json)
    return exits.FAILED if any(f.status is Status.FAIL for f in findings) else exits.OK


async def _examine_all(
    venues: Sequence[str], stated: Mapping[str, str], origins: Mapping[str, str]
) -> list[Finding]:
    """The venues at the same time: they have nothing to do with each other."""
    each = [examine_venue(venue, stated, origins.get(venue)) for venue in venues]
    return [finding for found in await asyncio.gather(*each) for finding in found]


async def examine_venue(venue: str, stated: Mapping[str, str], origin: str | None) -> list[Finding]:
    title, absent = f"{venue} keys", missing_variables(venue, stated)
    needed = [each.name for each in VENUE_VARIABLES[venue] if each.default is None]
    if absent == needed:
        return [Finding(title, Status.SKIPPED, "no keys", f"Set {', '.join(needed)}")]
    if absent:
        problem = f"{', '.join(absent)} not set"
        return [Finding(title, Status.FAIL, problem, f"Set {', '.join(absent)}")]
    try:
        opened = open_probe(venue, stated, origin, SystemClock(), random.SystemRandom().random)
    except UsageError as error:
        return [Finding(title, Status.FAIL, str(error), "See kairos doctor --help")]
    try:
        return await examine(opened.probe)
    finally:
        await opened.close()


def _origins(texts: Sequence[str], venues: Sequence[str]) -> dict[str, str]:
    origins: dict[str, str] = {}
    for text in texts:
        venue, separator, url = text.partition("=")
        if not separator or venue not in venues or venue in origins:
            known = ", ".join(venues)
            raise UsageError(f"--base-url {text!r}: write VENUE=URL, each venue once, of {known}")
        origins[venue] = url.rstrip("/")
    return origins


def _tell(findings: Sequence[Finding], *, as_json: bool) -> None:
    counts = Counter(finding.status for finding in findings)
    if as_json:
        report: dict[str, Any] = {
            "findings": [asdict(finding) for finding in findings],
            "counts": {status.value: counts[status] for status in Status},
        }
        emit_json(report)
        return
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        remedy = f" -> {finding.remedy}" if finding.remedy else ""
        say(f"{_MARKS[finding.status]:<5}{finding.name:<{width}}  {finding.detail}{remedy}")
    say(", ".join(f"{counts[status]} {status.value}" for status in Status))
