"""What was wrong with the input, down to the line of the file, and how to check the result."""

from __future__ import annotations

from cli.report import wording
from cli.report.data import MarketQuality, Quarantine, ReportData
from cli.report.markup import (
    Column,
    Figures,
    Html,
    code,
    element,
    join,
    paragraph,
    section,
    table,
    text,
)


def quality_section(data: ReportData) -> Html:
    return section(
        "quality",
        "Data quality",
        _markets(data),
        _quarantine(data),
        element("div", _connections(data), _clock(data), class_="pair"),
        _messages(data),
    )


def reproduction_section(data: ReportData) -> Html:
    return section(
        "reproduction",
        "Reproduce it",
        paragraph(
            "The same files, settings and code give the same decisions, to the last bit: "
            "replay them and compare the hashes."
        ),
        _run(data),
        element("div", _settings(data), _books(data), class_="pair"),
    )


def _markets(data: ReportData) -> Html:
    if not data.quality.markets:
        return paragraph("No market was observed.")
    columns = [
        Column("Market"),
        Figures("Open in this run"),
        Figures("Observed"),
        Figures("Book not live"),
        Figures("Share not live"),
        Figures("Coverage"),
    ]
    return table(
        "Coverage: the share of its open time in which a market's book was known and trusted",
        columns,
        (_market(row) for row in data.quality.markets),
    )


def _market(row: MarketQuality) -> list[Html]:
    words = (
        row.market,
        wording.duration(row.open_ns),
        wording.duration(row.observed_ns),
        wording.duration(row.not_live_ns),
        wording.share(row.not_live_ns, row.observed_ns),
        wording.share(row.observed_ns - row.not_live_ns, row.open_ns),
    )
    return [text(word) for word in words]


def _quarantine(data: ReportData) -> Html:
    if not data.quality.quarantine:
        return paragraph("No message was quarantined.")
    columns = [
        Column("Reason"),
        Figures("Messages"),
        Figures("Share"),
        Column("Where to look (first few)"),
    ]
    return table(
        "Quarantined messages: not trusted, and nothing was concluded from them",
        columns,
        (
            [
                code(row.reason),
                text(wording.count(row.count)),
                text(wording.share(row.count, data.header.messages)),
                _samples(row),
            ]
            for row in data.quality.quarantine
        ),
    )


def _samples(row: Quarantine) -> Html:
    return join(
        element("div", code(f"{sample.file}:{sample.line}"), text(f" {sample.detail}"))
        for sample in row.samples
    )


def _connections(data: ReportData) -> Html:
    if not data.quality.connections:
        return paragraph("No connection carried sequence numbers.")
    columns = [Column("Connection"), Figures("Sequence gaps"), Figures("Resyncs")]
    return table(
        "Connections",
        columns,
        (
            [text(row.connection), text(wording.count(row.gaps)), text(wording.count(row.resyncs))]
            for row in data.quality.connections
        ),
    )


def _clock(data: ReportData) -> Html:
    if not data.quality.clock:
        return paragraph("No clock anomaly was found.")
    columns = [Column("Clock anomaly"), Figures("Times"), Column("Detail")]
    return table(
        "Clocks",
        columns,
        (
            [code(row.kind), text(wording.count(row.count)), text(row.detail)]
            for row in data.quality.clock
        ),
    )


def _messages(data: ReportData) -> Html:
    if not data.quality.messages:
        return paragraph("No message was read.")
    columns = [Column("Source"), Column("Type"), Figures("Messages"), Figures("Share")]
    return table(
        "Messages read",
        columns,
        (
            [
                text(row.source),
                text(row.type),
                text(wording.count(row.count)),
                text(wording.share(row.count, data.header.messages)),
            ]
            for row in data.quality.messages
        ),
    )


def _run(data: ReportData) -> Html:
    header = data.header
    rate = (
        f" ({wording.count(round(header.messages / header.wall_seconds))} a second)"
        if header.wall_seconds
        else ""
    )
    rows = [
        ("Decisions, SHA-256", code(header.decisions_sha256)),
        ("Code", code(header.code_version)),
        ("Profile", text(header.profile)),
        ("Fill model", text(header.fill_model)),
        ("Seed", text("none" if header.seed is None else str(header.seed))),
        ("Span", text(f"{wording.utc(header.start_ns)} to {wording.utc(header.end_ns)} UTC")),
        (
            "Speed",
            text(
                f"{wording.counted(header.messages, 'message')} in "
                f"{wording.number(header.wall_seconds, 2)} s{rate}"
            ),
        ),
        ("Files", join(element("div", code(file)) for file in header.files)),
    ]
    return table(
        "The run", [Column("Item"), Column("Value")], ([text(name), value] for name, value in rows)
    )


def _settings(data: ReportData) -> Html:
    if not data.header.settings:
        return paragraph("No setting was recorded with this run.")
    return table(
        "Settings in force",
        [Column("Setting"), Column("Value")],
        ([code(name), code(value)] for name, value in data.header.settings.items()),
    )


def _books(data: ReportData) -> Html:
    if not data.books:
        return paragraph("No book was built.")
    return table(
        "Books at the end, SHA-256",
        [Column("Market"), Column("Hash")],
        ([text(row.market), code(row.sha256)] for row in data.books),
    )
