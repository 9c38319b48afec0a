"""Compares profile v1, profile v2 and the market's own mid on recorded KXBTC15M sessions.

    python -m benchmarks.compare_models [FILE or DIRECTORY ...] [--outcomes CSV] [--json]

Without files it takes the level-2 and ticker recordings beside the checkout (`../shared`). Nothing
is fitted: both models run with their defaults over all files in order, as one engine would, and
keep what they learnt from one file to the next. Every market is asked about once a second; a moment
counts only when all three have an opinion and the spot is at most 3 s old. The market's opinion is
the middle of its live book, or of its ticker quote in recordings without a book.

Intervals: 95 %, from 10,000 draws of whole markets with a fixed seed. They cannot know that the
markets of one day share its weather: treat them as the least that is unknown.
Exit codes: 0 compared, 2 usage or an unreadable file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.model_samples import Collected, collect
from benchmarks.model_scores import (
    FORECASTERS,
    PAIRS,
    RESAMPLES,
    SCORES,
    SEED,
    Figures,
    as_json,
    calibration,
    figures,
    groups,
    verdicts,
)
from benchmarks.workload import RECORDINGS
from hotpath.outcomes import beside, read_outcomes
from kairos.domain.scoring import Calibration
from kairos.errors import KairosError, UsageError
from kairos.services.score import Interval

PATTERNS: Final = ("kxbtc15m_l2_*.jsonl*", "kxbtc15m_ticker_top5_*.jsonl*")
CAVEAT: Final = (
    "Of so many comparisons one in twenty looks like more than chance by chance alone, and the\n"
    "markets of one day share its weather: a single day on either side changes these figures."
)
_NS: Final = 1_000_000_000


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        paths = input_files(args.inputs or [RECORDINGS])
        outcomes = read_outcomes(args.outcomes or beside(paths))
        found = collect(paths, outcomes)
        results = [figures(group, args.resamples, args.seed) for group in groups(found.markets)]
    except KairosError as error:
        print(error, file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps(document(found, results, len(paths)), indent=2))
    else:
        print(report(found, results, len(paths)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks.compare_models",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inputs", nargs="*", type=Path, help="captures, or directories of them")
    parser.add_argument(
        "--outcomes",
        action="append",
        type=Path,
        help="CSV of results; default: those beside the captures",
    )
    parser.add_argument("--resamples", type=int, default=RESAMPLES, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    return parser


def input_files(inputs: Sequence[Path]) -> list[Path]:
    """Files as given and the KXBTC15M recordings of directories. UsageError when there are none."""
    files = [
        path
        for each in inputs
        for path in (
            sorted(found for pattern in PATTERNS for found in each.glob(pattern))
            if each.is_dir()
            else [each]
        )
    ]
    if not files:
        looked = ", ".join(str(each) for each in inputs)
        raise UsageError(f"no KXBTC15M recordings in {looked}: name files or directories")
    return files


# As text


def report(found: Collected, results: Sequence[Figures], files: int) -> str:
    """Everything for a person: what was compared, scores, differences, calibration, verdicts."""
    parts = ["\n".join(_facts(found, files))]
    for score in SCORES:
        parts.append(f"{score.replace('_', ' ')}, lower is better (95 % interval)")
        parts.append("\n".join(_scores(results, score, FORECASTERS)))
        parts.append(f"{score.replace('_', ' ')} differences; below 0 the first is better")
        parts.append("\n".join(_scores(results, score, [f"{a}-{b}" for a, b in PAIRS])))
    parts.append("calibration over all markets: said → how often YES came (moments)")
    parts.append("\n".join(_calibration(calibration(found.markets))))
    parts += [f"{each.name}\n" + "\n".join(f"  {v}" for v in verdicts(each)) for each in results]
    parts.append(CAVEAT)
    return "\n\n".join(parts)


def _facts(found: Collected, files: int) -> list[str]:
    days = sorted({f"{_day(each.close_ns)}" for each in found.markets})
    moments = sum(len(each.samples) for each in found.markets)
    lines = [
        f"{files} files, {len(found.markets)} settled markets, {moments:,} moments, "
        f"on {len(days)} days: {', '.join(days)}"
    ]
    silent = ", ".join(f"{name} {count:,}" for name, count in sorted(found.silent.items()))
    lines.append(f"moments left out because somebody had no opinion: {silent or 'none'}")
    if found.unsettled:
        lines.append(f"left out, outcome unknown: {', '.join(found.unsettled)}")
    lines += [f"damaged: {each.path}:{each.line}: {each.problem}" for each in found.damages]
    return lines


def _day(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // _NS, UTC).date().isoformat()


def _scores(results: Sequence[Figures], score: str, names: Sequence[str]) -> list[str]:
    head = f"  {'':<30}{'markets':>8}{'moments':>9}" + "".join(f"{name:>28}" for name in names)
    return [head] + [
        f"  {each.name:<30}{each.markets:>8}{each.moments:>9,}"
        + "".join(f"{_interval(each.intervals[score][name]):>28}" for name in names)
        for each in results
    ]


def _interval(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    return f"{interval.mean:.4f} ({interval.low:.4f} {interval.high:.4f})"


def _calibration(tables: dict[str, Calibration]) -> list[str]:
    lines = [f"  {'said':<12}" + "".join(f"{who:>26}" for who in tables)]
    for bins in zip(*(table.bins() for table in tables.values()), strict=True):
        cells = [
            "-"
            if each.mean_probability is None or each.yes_rate is None
            else f"{each.mean_probability:.3f} → {each.yes_rate:.3f} ({each.evaluations:,})"
            for each in bins
        ]
        label = f"{bins[0].low:.1f} to {bins[0].high:.1f}"
        lines.append(f"  {label:<12}" + "".join(f"{cell:>26}" for cell in cells))
    return lines


# As data


def document(found: Collected, results: Sequence[Figures], files: int) -> dict[str, Any]:
    return {
        "files": files,
        "markets": [
            {
                "market": each.market,
                "close": _day(each.close_ns),
                "source": each.source,
                "outcome": each.outcome,
                "outcome_source": each.outcome_source,
                "moments": len(each.samples),
            }
            for each in found.markets
        ],
        "unsettled": found.unsettled,
        "silent": dict(found.silent),
        "damaged": [str(each.path) for each in found.damages],
        "groups": [as_json(each) for each in results],
        "calibration": {
            who: [each._asdict() for each in table.bins()]
            for who, table in calibration(found.markets).items()
        },
    }


if __name__ == "__main__":
    sys.exit(main())
