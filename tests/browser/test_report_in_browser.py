"""The report as a browser sees it: charts drawn, figures there, no error, nothing fetched."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cli.report.data import ReportData
from cli.report.page import write_report
from tests.support.html_page import Page
from tests.support.report_data import empty_report_data, maximal_report_data, report_data

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TIMEOUT_S = 60


@pytest.fixture(scope="module")
def browser() -> str:
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    pytest.skip(f"needs one of {', '.join(BROWSERS)} on PATH")


def run(browser: str, profile: Path, *arguments: str) -> str:
    """One headless run of the browser with a profile of its own; returns what it printed."""
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        f"--user-data-dir={profile}",
        "--virtual-time-budget=3000",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    return done.stdout


def rendered(browser: str, folder: Path, data: ReportData) -> str:
    """The document after its script has run."""
    path = folder / "report.html"
    write_report(data, path)
    return run(browser, folder / "profile", "--dump-dom", path.as_uri())


def test_all_charts_are_drawn_without_an_error(browser: str, tmp_path: Path) -> None:
    document = rendered(browser, tmp_path, report_data())
    assert "data-errors" not in document[: document.index("<head>")]
    assert 'data-charts="6"' in document
    assert document.count("<svg") == 6
    assert document.count('class="line-0" d="M') == 4
    assert document.count('class="line-1" d="M') == 2
    assert 'class="shape hollow"' in document
    assert len(re.findall(r'<rect class="bar-1"', document)) == 3


def test_the_figures_are_in_the_rendered_document(browser: str, tmp_path: Path) -> None:
    document = rendered(browser, tmp_path, report_data())
    words = Page(document).text
    for figure in ("+$3.21", "−$1.02", "+$5.10", "73,102", "83.5 %", "0.1812", "$104,160.10"):
        assert figure in words, figure
    assert "NaN" not in words
    assert "undefined" not in words


def test_a_line_breaks_where_its_value_was_unknown(browser: str, tmp_path: Path) -> None:
    document = rendered(browser, tmp_path, report_data())
    equity, first_mid, second_mid, _ = re.findall(r'class="line-0" d="([^"]*)"', document)
    assert [path.count("M") for path in (equity, first_mid, second_mid)] == [1, 2, 2]


def test_an_empty_run_has_no_chart_and_no_error(browser: str, tmp_path: Path) -> None:
    document = rendered(browser, tmp_path, empty_report_data())
    assert 'data-charts="0"' in document
    assert "data-errors" not in document[: document.index("<head>")]
    assert "No market was observed." in document


def test_charts_at_the_point_limit_are_drawn(browser: str, tmp_path: Path) -> None:
    document = rendered(browser, tmp_path, maximal_report_data())
    assert 'data-charts="9"' in document
    assert "data-errors" not in document[: document.index("<head>")]


def test_an_error_in_the_page_would_be_noticed(browser: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(report_data(points=50), path)
    broken = path.read_text(encoding="utf-8").replace('{"kind":"lines"', '{"kind":"surprise"', 1)
    path.write_text(broken, encoding="utf-8")
    document = run(browser, tmp_path / "profile", "--dump-dom", path.as_uri())
    assert "data-errors=" in document[: document.index("<head>")]


@pytest.mark.parametrize("size", ["1280,1600", "400,1600"])
def test_a_screenshot_shows_a_page(browser: str, tmp_path: Path, size: str) -> None:
    path, picture = tmp_path / "report.html", tmp_path / "report.png"
    write_report(report_data(), path)
    arguments = (f"--screenshot={picture}", f"--window-size={size}", path.as_uri())
    run(browser, tmp_path / "profile", *arguments)
    image = picture.read_bytes()
    assert image.startswith(PNG_SIGNATURE)
    # A blank page of this size compresses to a tenth of this.
    assert len(image) > 40_000


class OnePage(BaseHTTPRequestHandler):
    """Serves one page at every path and writes down what was asked for."""

    def __init__(self, page: bytes, asked: list[str], *connection: object) -> None:
        self._page, self._asked = page, asked
        super().__init__(*connection)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(self._page)))
        self.end_headers()
        self.wfile.write(self._page)

    def log_message(self, format: str, *args: object) -> None:
        """The test reads `asked`; nothing belongs on the terminal."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    path = tmp_path / "report.html"
    write_report(report_data(), path)
    asked: list[str] = []
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(OnePage, path.read_bytes(), asked)
    ) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/report.html", asked
        server.shutdown()


def test_opening_the_page_asks_for_the_page_and_nothing_else(
    browser: str, tmp_path: Path, served: tuple[str, list[str]]
) -> None:
    address, asked = served
    document = run(browser, tmp_path / "profile", "--dump-dom", address)
    assert 'data-charts="6"' in document
    assert asked == ["/report.html"]
