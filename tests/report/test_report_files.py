"""A results folder becomes report.html and report.pdf: whole, self-contained, readable."""

from __future__ import annotations

import io
import json
import re
import shutil
import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from xml.etree import ElementTree as ET

import psutil
import pytest
from pypdf import PdfReader

from modelrun.errors import ModelrunError, UserMistake
from modelrun.report import Report, draw
from modelrun.report.contents.chapters import pages
from modelrun.report.page import Page, Table, Text
from modelrun.report.paper.printing import Book, Printed
from modelrun.report.report import Drawing
from modelrun.report.screen.html import html as html_of
from modelrun.report.tables import read

Results = Callable[..., Path]


@pytest.fixture(scope="module")
def rolling(results: Results) -> tuple[Path, Report]:
    """Return the folder and the report of 30 groups over 760 windows."""
    folder = results("rolling", groups=30, windows=760)
    return folder, draw(folder)


@pytest.fixture(scope="module")
def html(rolling: tuple[Path, Report]) -> str:
    return (rolling[0] / "report.html").read_text(encoding="utf-8")


def unquoted(text: str) -> str:
    return text.replace("&#34;", '"').replace("&#39;", "'")


def text_of(pdf: Path) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf.read_bytes())).pages]


def printed(name: str, whole: tuple[Page, ...], *, pictures: bool) -> Printed:
    book = Book(name, pdf=True, pictures=pictures)
    book.print(list(enumerate(whole)), len(whole))
    return book.close()


def test_a_rolling_run_gets_every_chapter_in_its_order(rolling: tuple[Path, Report]) -> None:
    chapters = dict.fromkeys(page.chapter for page in pages(read(rolling[0])))
    assert list(chapters) == [
        "Verdict", "Spread", "Groups", "Over time", "Groups over time", "Significance",
        "Fit quality", "Provenance",
    ]  # fmt: skip


def test_the_pdf_has_all_pages_in_their_order(rolling: tuple[Path, Report]) -> None:
    folder, report = rolling
    texts = text_of(folder / "report.pdf")
    titles = [page.title for page in pages(read(folder))]
    assert len(texts) == report.pages == len(titles)
    for number, (text, title) in enumerate(zip(texts, titles, strict=True), start=1):
        assert f"{number} of {len(titles)}" in text
        assert title[:30] in text.replace("\n", " ")


def test_the_html_page_is_small_and_asks_nothing_of_a_network(html: str) -> None:
    assert len(html.encode()) <= 5_000_000
    without_scripts = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", without_scripts)
    assert "@import" not in html
    assert "url(" not in re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)[0]


def test_every_chart_has_a_picture_for_readers_without_scripts(html: str) -> None:
    pictures = re.findall(r"<noscript>(.*?)</noscript>", html, flags=re.DOTALL)
    assert len(pictures) == len(re.findall(r'class="chart"', html)) > 5
    for picture in pictures:
        assert re.search(r'role="img" aria-label="[^"]{20,}"', picture)
        drawing = ET.fromstring(re.search(r"<svg.*</svg>", picture, re.DOTALL)[0])  # type: ignore[index]
        assert len(list(drawing.iter("{http://www.w3.org/2000/svg}text"))) > 5


def test_the_charts_have_data_for_every_panel(html: str, rolling: tuple[Path, Report]) -> None:
    found = re.search(
        r'<script type="application/json" id="figures">(.*?)</script>', html, re.DOTALL
    )
    assert found is not None
    grids = json.loads(found[1])["grids"]
    spread = grids[0]["panels"]
    assert [panel["title"] for panel in spread] == ["mkt", "smb", "hml", "mom", "Intercept"]
    assert sum(spread[0]["counts"]) <= 22_800
    courses = [grid for grid in grids if grid["shared"]]
    assert [len(grid["panels"]) for grid in courses] == [30] * 5


def test_marks_of_the_charts_are_drawn_where_their_values_are(html: str) -> None:
    # ECharts rounds the place of a mark to two decimals unless its precision is negative.
    assert re.search(r"function marks\(.*?\n  \}", html, re.DOTALL)
    for marks in re.findall(r"function marks\(.*?\n  \}", html, re.DOTALL):
        assert "precision: -1" in marks


LONG = tuple(f"x{i}" for i in range(10))


@pytest.mark.parametrize(
    "options",
    [
        {"groups": 1, "replicates": 200, "terms": LONG},
        {"groups": 30, "windows": 30, "failed": 0.1, "slow": 0.1, "models": ("a", "b")},
        {"groups": 1, "models": tuple(f"quantile-{i}" for i in range(12))},
        {"groups": 80, "models": tuple(f"model-{i}" for i in range(12)), "failed": 0.05},
    ],
    ids=["bootstrap of many terms", "failures over time", "twelve models", "groups of models"],
)
def test_nothing_runs_off_the_paper(
    results: Results, request: pytest.FixtureRequest, options: dict[str, object]
) -> None:
    folder = results(request.node.callspec.id.replace(" ", "-"), **options)
    whole = pages(read(folder))
    paper = PdfReader(io.BytesIO(printed("study", whole, pictures=False).pdf))
    for number, (page, sheet) in enumerate(zip(whole, paper.pages, strict=True), start=1):
        low: list[str] = []

        def visit(text: str, matrix: list[float], place: list[float], *_: object) -> None:
            height = place[5] * matrix[3] + matrix[5]
            if text.strip() and height < 0.55 * 72:
                low.append(" ".join(text.split()))

        sheet.extract_text(visitor_text=visit)
        foot = f"{page.note} {number} of {len(whole)}"
        assert [text for text in low if text not in foot] == [], page.title


def test_the_first_page_speaks_for_all_terms(results: Results) -> None:
    folder = results("many-terms", groups=1, replicates=200, terms=LONG)
    tables = read(folder)
    found = [page for page in pages(tables) if page.chapter == "Replicates"]
    assert len(found) == 2
    unsure = [
        row[0] for page in found for block in page.blocks if isinstance(block, Table)
        for row in block.rows if row[-1] == "no"
    ]  # fmt: skip
    assert unsure
    short = next(
        b for b in pages(tables)[0].blocks if isinstance(b, Text) and b.heading == "In short"
    )
    said = next(text for text in short.paragraphs if text.startswith("Replicates"))
    assert "Every" not in said
    assert not any(page.title.startswith("Every") for page in found)


def test_tables_of_the_html_page_have_captions_and_headers(html: str) -> None:
    tables = re.findall(r"<table>(.*?)</table>", html, flags=re.DOTALL)
    assert len(tables) > 4
    for table in tables:
        assert "<caption>" in table
        assert 'scope="col"' in table


def test_drawing_again_gives_the_same_bytes_and_one_worker_the_same_pages(
    results: Results, tmp_path: Path
) -> None:
    folder = tmp_path / "few"
    shutil.copytree(results("few", groups=5, windows=40), folder)
    found = []
    for _ in range(2):
        draw(folder, workers=2)
        found.append({path.name: path.read_bytes() for path in folder.glob("report.*")})
    assert found[0] == found[1]
    assert set(found[0]) == {"report.html", "report.pdf"}
    texts = text_of(folder / "report.pdf")
    (folder / "report.html").unlink()
    draw(folder, html=False, workers=1)
    assert text_of(folder / "report.pdf") == texts
    assert not (folder / "report.html").exists()


def test_what_is_said_of_the_run_may_come_later_and_changes_no_byte(
    results: Results, tmp_path: Path
) -> None:
    folder = tmp_path / "few"
    shutil.copytree(results("few", groups=5, windows=40), folder)
    whole = json.loads((folder / "run.json").read_text())
    begun = {key: value for key, value in whole.items() if key != "audit"}
    for said in (whole, whole | {f"fact-{i}": "more than there is room for" for i in range(80)}):
        with Drawing(folder, run=begun) as drawing:
            drawing.finish(said)
        found = {path.name: path.read_bytes() for path in folder.glob("report.*")}
        (folder / "run.json").write_text(json.dumps(said))
        draw(folder)
        assert found == {path.name: path.read_bytes() for path in folder.glob("report.*")}
    count = len(pages(read(folder)))
    assert count > len(pages(read(folder, whole)))
    assert f"{count} of {count}" in text_of(folder / "report.pdf")[-1]


@pytest.mark.parametrize("victim", ["press", "fork"])
def test_when_a_printing_process_dies_all_end_and_the_tables_are_said_to_be_complete(
    results: Results, victim: str
) -> None:
    with Drawing(results("few", groups=5, windows=40)) as drawing:
        running = psutil.Process(drawing._press._process.pid)
        ends = time.monotonic() + 60
        while not (forks := running.children()) and time.monotonic() < ends:
            time.sleep(0.02)
        (forks[0] if victim == "fork" else running).kill()
        with pytest.raises(ModelrunError, match="could not be printed; the tables are complete"):
            drawing.finish()
    assert not psutil.wait_procs([running, *forks], timeout=60)[1]


@pytest.mark.parametrize(
    ("options", "there", "absent"),
    [
        ({"groups": 1}, {"Estimates"}, {"Spread", "Groups", "Over time", "Failures"}),
        ({"groups": 10, "failed": 1.1}, {"Failures"}, {"Spread", "Groups", "Significance"}),
        ({"groups": 1, "replicates": 200}, {"Replicates"}, {"Groups", "Over time"}),
        ({"groups": 6, "replicates": 60}, {"Replicates", "Groups"}, {"Over time"}),
        ({"groups": 1, "windows": 60}, {"Over time"}, {"Groups", "Groups over time"}),
        ({"groups": 20, "columns": ("estimate",), "statistics": ()}, {"Groups"}, {"Significance"}),
        ({"groups": 1, "models": ("a", "b", "c")}, {"Models", "Estimates"}, {"Spread"}),
        (
            {"groups": 9, "windows": 50, "failed": 0.1, "slow": 0.1, "models": ("a", "b")},
            {"Models", "Failures", "Over time", "Groups over time"},
            {"Replicates"},
        ),
        ({"groups": 120, "windows": 5}, {"Groups", "Groups over time"}, {"Models"}),
    ],
    ids=["one fit", "all failed", "bootstrap", "bootstrap of groups", "windows alone",
         "estimates alone", "models alone", "failures", "many groups"],
)  # fmt: skip
def test_what_does_not_apply_is_left_out(
    results: Results,
    request: pytest.FixtureRequest,
    options: dict[str, object],
    there: set[str],
    absent: set[str],
) -> None:
    tables = read(results(request.node.callspec.id.replace(" ", "-"), **options))
    chapters = {page.chapter for page in pages(tables)}
    assert there <= chapters
    assert not absent & chapters
    assert {"Verdict", "Provenance"} <= chapters


@pytest.mark.parametrize("kind", ["one fit", "failures", "bootstrap", "all failed", "models alone"])
def test_unusual_runs_can_be_printed_and_shown(results: Results, kind: str) -> None:
    options = {
        "one fit": {"groups": 1},
        "failures": {"groups": 9, "windows": 50, "failed": 0.1, "slow": 0.1, "models": ("a", "b")},
        "bootstrap": {"groups": 1, "replicates": 200},
        "all failed": {"groups": 10, "failed": 1.1},
        "models alone": {"groups": 1, "models": ("a", "b", "c")},
    }[kind]
    whole = pages(read(results(kind.replace(" ", "-"), **options)))
    prints = printed(kind, whole, pictures=True)
    assert len(PdfReader(io.BytesIO(prints.pdf)).pages) == len(whole)
    shown = html_of(kind, whole, dict(prints.pictures))
    assert all(escape(page.title, quote=False) in unquoted(shown) for page in whole)


def test_without_run_json_the_report_counts_in_the_tables(results: Results, tmp_path: Path) -> None:
    copy = tmp_path / "few"
    shutil.copytree(results("few", groups=5, windows=40), copy)
    (copy / "run.json").unlink()
    found = pages(read(copy))
    assert found[0].title == "All 200 fits succeeded"
    assert "Provenance" not in {page.chapter for page in found}


def test_what_run_json_will_say_can_be_handed_over(results: Results) -> None:
    folder = results("few", groups=5, windows=40)
    counts = {"total": 201, "succeeded": 200, "notConverged": 0, "failed": 0, "skipped": 1}
    found = pages(read(folder, {"study": "other", "fits": counts}))
    assert found[0].title == "200 of 201 fits succeeded, 1 was skipped"
    assert "Study other" in found[0].lead


def test_a_folder_without_tables_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match=r"no fits\.parquet in .*give the folder"):
        draw(tmp_path)


def test_text_of_the_data_cannot_become_markup(results: Results) -> None:
    whole = pages(read(results("markup", groups=9, models=("</script><b>a", "b & c"))))
    shown = html_of("<i>study", whole, {})
    assert "<b>a" not in shown
    assert "<i>study" not in shown
    assert "&lt;b&gt;a" in shown
