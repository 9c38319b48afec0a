"""The report as a file: its bounds, its safety, its sameness, and what it refuses."""

from __future__ import annotations

import re
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from cli.report.checks import every_series
from cli.report.data import POINTS_MAX, ReasonCount, ReportData, ReportRefused, Series
from cli.report.page import BYTES_MAX, points_per_series, render, write_report
from kairos.errors import InputError, KairosError
from tests.support.html_page import Page
from tests.support.report_data import (
    MINUTE,
    START_NS,
    empty_report_data,
    maximal_report_data,
    report_data,
    with_result,
)

replace = msgspec.structs.replace
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    '" onfocus=alert(3) x="\'&\u202e\x00'
)


# --- bounds ---------------------------------------------------------------------------------


def test_twelve_full_series_stay_far_below_the_size_limit(tmp_path: Path) -> None:
    data = maximal_report_data()
    assert [len(series.points) for series in every_series(data)] == [POINTS_MAX] * 12
    assert write_report(data, tmp_path / "report.html") < BYTES_MAX / 4


@pytest.mark.parametrize("markets", [1, 40, 400])
def test_points_per_series_keeps_a_page_of_many_markets_within_the_limit(
    tmp_path: Path, markets: int
) -> None:
    points = points_per_series(2 + 2 * markets)
    assert points <= POINTS_MAX
    data = report_data(points=points, markets=markets)
    assert write_report(data, tmp_path / "report.html") <= BYTES_MAX


def test_a_series_with_too_many_points_is_refused_by_name(tmp_path: Path) -> None:
    points = tuple((START_NS + n, 1.0) for n in range(POINTS_MAX + 1))
    data = replace(report_data(), equity=Series("my equity", "micro-dollars", points))
    with pytest.raises(KairosError, match=r"'my equity': 5001 points, the limit is 5000"):
        write_report(data, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_too_many_decisions_in_one_market_are_refused() -> None:
    data = report_data(points=50)
    chart = replace(data.markets[0], decisions=data.markets[0].decisions[:1] * (POINTS_MAX + 1))
    with pytest.raises(ReportRefused, match="decisions of KXBTC15M"):
        render(replace(data, markets=(chart,)))


def test_a_page_over_the_size_limit_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("the report of yesterday")
    data = report_data(points=50)
    settings = {f"setting_{n}": "x" * 1_000 for n in range(5_000)}
    with pytest.raises(KairosError, match=r"the limit is 5000000: .*Thin each series to"):
        write_report(replace(data, header=replace(data.header, settings=settings)), path)
    assert path.read_text() == "the report of yesterday"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


# --- the file -------------------------------------------------------------------------------


def test_the_file_holds_the_page_and_its_size_is_returned(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("older")
    size = write_report(report_data(), path)
    assert path.read_bytes() == render(report_data()).encode()
    assert size == path.stat().st_size
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("where", ["missing/report.html", "file/report.html", "folder"])
def test_a_path_that_cannot_be_written_is_named_with_a_remedy(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"cannot be written: .*Name a file in a folder") as raised:
        write_report(report_data(points=50), tmp_path / where)
    assert raised.value.path == str(tmp_path / where)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_the_same_data_gives_the_same_bytes_also_when_read_back_from_json() -> None:
    data = report_data()
    read_back = msgspec.json.decode(msgspec.json.encode(data), type=ReportData)
    assert render(data) == render(report_data()) == render(read_back)


# --- nothing gets in, nothing gets out --------------------------------------------------------


def hostile_report() -> ReportData:
    data = report_data(points=50)
    header = replace(
        data.header, title=HOSTILE, files=(HOSTILE,), settings={HOSTILE: HOSTILE}, profile=HOSTILE
    )
    markets = tuple(
        replace(chart, market=HOSTILE, mid=replace(chart.mid, name=HOSTILE))
        for chart in data.markets
    )
    spot = replace(
        data.spot[0],
        spot=replace(data.spot[0].spot, name=HOSTILE),
        strikes=(replace(data.spot[0].strikes[0], market=HOSTILE),),
    )
    settlement = replace(data.result.settlements[0], market=HOSTILE, strike=HOSTILE, source=HOSTILE)
    quarantine = replace(data.quality.quarantine[0], reason=HOSTILE)
    return replace(
        data,
        header=header,
        markets=markets,
        spot=(spot,),
        result=replace(data.result, settlements=(settlement,), fills={HOSTILE: 1}),
        decisions=replace(
            data.decisions, reasons=(ReasonCount(HOSTILE, 1),), verdicts={HOSTILE: 1}
        ),
        quality=replace(data.quality, quarantine=(quarantine,)),
    )


def test_hostile_names_add_no_element_and_no_attribute() -> None:
    clean, hostile = Page(render(report_data(points=50))), Page(render(hostile_report()))
    assert hostile.named("img") == []
    assert len(hostile.named("script")) == len(clean.named("script"))
    for tag, attributes in hostile.elements:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)


def test_hostile_names_are_shown_as_they_are_without_invisible_characters() -> None:
    page = render(hostile_report())
    assert "<img src=x onerror=alert(2)>" in Page(page).text
    assert "\u202e" not in page
    assert "\x00" not in page


def test_the_data_of_charts_decodes_to_the_name_that_was_given() -> None:
    page = render(hostile_report())
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    names = [
        line["name"] for block in blocks for line in msgspec.json.decode(block).get("lines", ())
    ]
    assert HOSTILE.replace("\u202e", "\ufffd").replace("\x00", "\ufffd") in names


def test_the_page_refers_to_nothing_outside_itself() -> None:
    page = render(report_data())
    without_namespace = page.replace("http://www.w3.org/2000/svg", "")
    assert "://" not in without_namespace
    for word in ("@import", "url(", " src=", "fetch(", "XMLHttpRequest", "WebSocket", "sendBeacon"):
        assert word not in without_namespace, word
    hrefs = [link["href"] for name in ("a", "link") for link in Page(page).named(name)]
    assert all(href == "data:," or (href or "").startswith("#") for href in hrefs)


def test_the_policy_allows_exactly_the_script_that_is_in_the_page() -> None:
    page = render(report_data(points=50))
    allowed = re.findall(r"script-src 'sha256-([^']+)';", page)
    script = page[page.rindex("<script>") + len("<script>") : page.rindex("</script>")]
    assert [b64decode(digest) for digest in allowed] == [sha256(script.encode()).digest()]
    assert "default-src 'none'" in page


def test_every_link_of_the_contents_leads_somewhere() -> None:
    page = Page(render(empty_report_data()))
    identities = {attributes.get("id") for _, attributes in page.elements}
    assert {(link["href"] or "").removeprefix("#") for link in page.named("a")} <= identities


# --- data that does not hold together -----------------------------------------------------------


def test_a_result_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(ReportRefused, match="gross 4250000 less fees 1041300 is not net 1"):
        render(with_result(report_data(points=50), net=1))


@pytest.mark.parametrize(
    ("part", "change", "complaint"),
    [
        ("header", {"decisions_sha256": "abc"}, "decisions_sha256"),
        ("header", {"wall_seconds": -1.0}, "wall_seconds"),
        ("header", {"start_ns": START_NS + 60 * MINUTE}, "span ends before"),
        ("decisions", {"evaluations": -1}, "evaluations"),
        ("decisions", {"evaluations": "12"}, "evaluations"),
        ("equity", {"unit": "euros"}, "unit"),
        ("equity", {"points": ((2, 1.0), (1, 1.0))}, "time runs backwards at 1"),
        ("equity", {"points": ((1, float("nan")),)}, "unknown is None"),
    ],
)
def test_wrong_fields_are_refused_by_name(
    part: str, change: dict[str, object], complaint: str
) -> None:
    data = report_data(points=50)
    with pytest.raises(ReportRefused, match=complaint):
        render(replace(data, **{part: replace(getattr(data, part), **change)}))


def test_a_settlement_with_a_quantity_of_nothing_is_refused() -> None:
    data = report_data(points=50)
    broken = replace(data.result.settlements[0], held=None)
    with pytest.raises(ReportRefused, match="both an outcome and a quantity"):
        render(with_result(data, settlements=(broken,)))


def test_a_book_dead_for_longer_than_it_was_seen_is_refused() -> None:
    data = report_data(points=50)
    broken = replace(data.quality.markets[0], not_live_ns=60 * MINUTE)
    with pytest.raises(ReportRefused, match="not live for"):
        render(replace(data, quality=replace(data.quality, markets=(broken,))))


def test_unknown_fields_are_refused_when_a_run_is_read_from_json() -> None:
    raw = msgspec.json.decode(msgspec.json.encode(report_data(points=50)))
    raw["header"]["surprise"] = 1
    with pytest.raises(msgspec.ValidationError, match="surprise"):
        msgspec.convert(raw, type=ReportData)
