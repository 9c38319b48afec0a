"""Runs input files through an assembled session and gathers everything a report needs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cli.progress import Meter
from cli.run_charts import RunCharts
from hotpath.assembly import RECORDED, Role, Run, RunSettings, StrategyOf, assemble, code_version
from hotpath.engine import Engine
from hotpath.feeds.capture_files import Chunk, Damage, chunked, line_time, merge_chunks, read_chunks
from hotpath.feeds.live.lanes import MergingDecoder
from hotpath.heap import no_collector
from hotpath.journal import Journal, JournalSettings, Torn, is_journal, read_records
from hotpath.outcomes import KnownOutcome
from hotpath.run_record import RunRecord
from hotpath.session import Sink
from hotpath.summary import RunFacts, summarise
from kairos.errors import InputError
from kairos.messages.commands import Command
from kairos.messages.events import MarketDetermined, OrderReport

_PACE_SLACK_SECONDS: Final = 0.001


@dataclass(slots=True)
class Finished:
    """A run that is over: the figures, and what the charts are drawn from."""

    summary: dict[str, Any]
    charts: RunCharts
    run: Run
    record: RunRecord


@dataclass(slots=True)
class Job:
    """What to run. `speed` 0 means as fast as possible, else that multiple of real time."""

    paths: Sequence[Path]
    settings: RunSettings
    outcomes: Mapping[str, KnownOutcome]
    directory: Path | None
    speed: float = 0.0
    journal: Path | None = None
    quiet: bool = False
    title: str = "replay"
    role: Role = RECORDED
    strategy: StrategyOf | None = None
    damages: list[Damage] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


class Fan:
    """Tells the record first, then the charts."""

    def __init__(self, record: RunRecord, charts: RunCharts) -> None:
        self._sinks: tuple[Sink, Sink] = (record, charts)

    def commands(self, commands: Sequence[Command]) -> None:
        for sink in self._sinks:
            sink.commands(commands)

    def report(self, report: OrderReport, engine: Engine) -> None:
        for sink in self._sinks:
            sink.report(report, engine)

    def settled(self, event: MarketDetermined, yes_held: int, no_held: int, engine: Engine) -> None:
        for sink in self._sinks:
            sink.settled(event, yes_held, no_held, engine)

    def timer(self, now_ns: int, engine: Engine) -> None:
        for sink in self._sinks:
            sink.timer(now_ns, engine)


def execute(job: Job) -> Finished:
    """Run the whole input once. Raises InputError when nothing in it can be used."""
    record, charts = RunRecord(job.directory), RunCharts()
    try:
        with closing(_Recording(job)) as recording:
            run = assemble(
                job.settings, Fan(record, charts), job.outcomes, recording.journal,
                role=job.role, strategy=job.strategy,
                decoder=MergingDecoder(use_yes_price=job.settings.use_yes_price),
            )  # fmt: skip
            started = time.perf_counter()
            with no_collector():
                _feed(job, run)
                run.session.finish()
            wall = time.perf_counter() - started
        _refuse_useless(job, run)
    except BaseException:
        record.discard()
        raise
    digest = record.close()
    facts = RunFacts(
        tuple(str(path) for path in job.paths), job.settings.profile,
        job.settings.fill_model.value, wall, run.settings, code_version(), digest,
    )  # fmt: skip
    decoder = run.decoder
    summary = summarise(
        facts, run.session, run.engine, record, decoder.counts, decoder.unknown_fields
    )
    summary["damaged_files"] = [
        {"file": str(d.path), "line": d.line, "problem": d.problem, "remedy": d.remedy}
        for d in job.damages
    ]
    return Finished(summary, charts, run, record)


def _refuse_useless(job: Job, run: Run) -> None:
    """Lines that are all quarantined are not a recording: better an error than empty figures."""
    session = run.session
    understood = sum(
        count for (_, kind), count in run.decoder.counts.items() if kind != "quarantined"
    )
    if not understood:
        samples = [s for each in session.quarantine.samples.values() for s in each]
        first = min(samples, key=lambda s: s.line) if samples else None
        raise InputError(
            job.paths[0] if first is None else first.file,
            "no line in it is a message that Kairos can read"
            + (f" (first problem: {first.field}: {first.detail})" if first else ""),
            "Give a capture (see docs/replay.md) or a journal directory.",
            None if first is None else first.line,
        )


def _feed(job: Job, run: Run) -> None:
    def on_damage(damage: Damage) -> None:
        job.damages.append(damage)
        run.session.quarantine.add_damage(damage)

    total = sum(_size(path) for path in job.paths)
    done: dict[Path, int] = {}
    pace = _Pacer(job.speed)
    with Meter(job.title, total, quiet=job.quiet) as meter:
        for chunk in merge_chunks([_open(path, on_damage) for path in job.paths]):
            for part in pace.parts(chunk):
                run.session.feed(part)
            done[chunk.path] = chunk.bytes_read
            meter.advance_to(sum(done.values()))


def _open(path: Path, on_damage: Callable[[Damage], None]) -> Iterator[Chunk]:
    try:
        journal = path.is_dir() and is_journal(path)
    except OSError:
        journal = False  # opening it will say what is wrong with the path
    if not journal:
        return read_chunks(path, on_damage)

    def on_torn(torn: Torn) -> None:
        remedy = "Run `kairos journal verify`; what came before was used."
        on_damage(Damage(torn.path, torn.damage.line, f"the journal ends: {torn.damage}", remedy))

    return chunked(path, read_records(path, on_torn))


def _size(path: Path) -> int:
    """Bytes of a file, for the progress bar; what cannot be opened is refused when it is."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


class _Recording:
    """The journal of a run, when one was asked for; closed segments are compressed at the end."""

    def __init__(self, job: Job) -> None:
        self.journal: Journal | None = None
        if job.journal is None:
            return
        digest = hashlib.sha256(repr(job.settings).encode()).hexdigest()
        self.journal = Journal.open(
            JournalSettings(directory=job.journal),
            clock=time.time_ns,
            code_version=code_version(),
            settings_sha256=digest,
        )
        if self.journal.recovery is not None:
            job.notices.append(str(self.journal.recovery))

    def close(self) -> None:
        if self.journal is not None:
            self.journal.maintain(time.time_ns())
            self.journal.close()


class _Pacer:
    """Lets lines through at a multiple of the pace they were recorded at."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start_wall = 0.0
        self._start_ns: int | None = None

    def parts(self, chunk: Chunk) -> Iterator[Chunk]:
        if not self._speed:
            yield chunk
            return
        for offset, line in enumerate(chunk.lines):
            self._wait(line_time(line))
            yield Chunk(chunk.path, chunk.first_line + offset, [line], chunk.bytes_read)

    def _wait(self, time_ns: int | None) -> None:
        if time_ns is None:
            return
        if self._start_ns is None:
            self._start_ns, self._start_wall = time_ns, time.monotonic()
        due = self._start_wall + (time_ns - self._start_ns) / 1e9 / self._speed
        ahead = due - time.monotonic()
        if ahead > _PACE_SLACK_SECONDS:
            time.sleep(ahead)
