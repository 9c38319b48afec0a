"""Puts the page together and writes it: one file that needs nothing and asks nobody."""

from __future__ import annotations

import os
from base64 import b64encode
from contextlib import suppress
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final

from cli.report import wording
from cli.report.checks import check, every_series
from cli.report.data import POINTS_MAX, Header, ReportData, ReportRefused
from cli.report.judgement import calibration_section, edge_section, latency_section, reason_section
from cli.report.markup import Html, element, join, text
from cli.report.quality import quality_section, reproduction_section
from cli.report.summary import first_screen
from cli.report.trading import market_section, result_section, settlement_section, spot_section
from kairos.errors import InputError

BYTES_MAX: Final = 5_000_000
# What the charts may use of it; measured at under 14 bytes a point, the rest is for tables.
_POINTS_TOTAL_MAX: Final = 250_000
_POINTS_USEFUL_MIN: Final = 100

_CONTENTS: Final = (
    ("summary", "Summary"),
    ("result", "Result"),
    ("settlements", "Settlements"),
    ("markets", "Markets"),
    ("spot", "Underlying"),
    ("reasons", "Why not"),
    ("edge", "Edge"),
    ("calibration", "Calibration"),
    ("latency", "Latency"),
    ("quality", "Data quality"),
    ("reproduction", "Reproduce"),
)


def points_per_series(series: int) -> int:
    """How many points each of `series` lines may have so that the page stays under BYTES_MAX."""
    fair = _POINTS_TOTAL_MAX // max(series, 1)
    return min(POINTS_MAX, max(_POINTS_USEFUL_MIN, fair))


def render(data: ReportData) -> str:
    """The whole page. Raises ReportRefused when `data` does not hold together."""
    check(data)
    style, script = _asset("page.css"), _asset("page.js")
    main = element(
        "main",
        first_screen(data),
        result_section(data),
        settlement_section(data),
        market_section(data),
        spot_section(data),
        reason_section(data),
        edge_section(data),
        calibration_section(data),
        latency_section(data),
        quality_section(data),
        reproduction_section(data),
    )
    body = join([_banner(data.header), _contents(), main, Html(f"<script>{script}</script>")])
    head = _head(data.header.title, style, script)
    return f'<!doctype html>\n<html lang="en">\n{head}\n<body>\n{body}\n</body>\n</html>\n'


def write_report(data: ReportData, path: Path) -> int:
    """Write the page to `path`, all of it or nothing, and return its size in bytes.

    Raises ReportRefused when a series or the page is too large or the data does not hold
    together, InputError when the file cannot be written.
    """
    page = render(data).encode()
    if len(page) > BYTES_MAX:
        raise ReportRefused(_too_large(data, len(page)))
    try:
        _replace(path, page)
    except OSError as error:
        problem = f"the report cannot be written: {error.strerror}"
        raise InputError(path, problem, "Name a file in a folder that can be written") from error
    return len(page)


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        # What cannot be removed now is overwritten by the next attempt.
        with suppress(OSError):
            draft.unlink()
        raise


def _too_large(data: ReportData, size: int) -> str:
    lines = list(every_series(data))
    points = sum(len(line.points) for line in lines)
    return (
        f"the report is {size} bytes, the limit is {BYTES_MAX}: {len(lines)} series with "
        f"{points} points, {len(data.quality.markets)} markets. Thin each series to "
        f"{points_per_series(len(lines))} points, or replay fewer files at once"
    )


def _asset(name: str) -> str:
    return files("cli.report").joinpath(name).read_text(encoding="utf-8")


def _head(title: str, style: str, script: str) -> Html:
    """The policy lets the browser run our script and nothing else, and fetch nothing at all."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return join(
        [
            Html('<head>\n<meta charset="utf-8">\n'),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">\n'),
            Html('<meta name="color-scheme" content="light dark">\n'),
            Html('<link rel="icon" href="data:,">\n'),
            element("title", text(title)),
            Html(f"\n<style>\n{style}</style>\n</head>"),
        ]
    )


def _banner(header: Header) -> Html:
    prices = "recorded prices" if header.origin == "recorded" else "generated prices"
    facts = (
        f"profile {header.profile}",
        f"{header.fill_model} fills",
        wording.span(header.start_ns, header.end_ns),
        wording.counted(len(header.files), "file"),
    )
    return element(
        "header",
        element("h1", text(header.title)),
        element(
            "p",
            element("strong", text(f"SIMULATED, {prices}"), class_="mode"),
            *(element("span", text(fact)) for fact in facts),
            class_="facts",
        ),
    )


def _contents() -> Html:
    links = (element("a", text(name), href=f"#{identity}") for identity, name in _CONTENTS)
    return element("nav", *links, aria_label="Sections")
