"""The pages in a real browser: nothing of a hostile text runs, nothing is fetched, our own scripts work.

The Chromium of the system, driven by Playwright's core. Where a test asks what could run, the pages'
own content security policy is switched off: the text must be harmless without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from pypdf import PdfReader

from cgbm1_report import emit
from cgbm1_report.build.findings import write_findings
from cgbm1_report.render import emit_index
from cgbm1_report.tabulate.table import Column, Row
from tests.emit_cases import SVG, figure, summary_table
from tests.emit_readers import squeezed
from tests.hostile_texts import HOSTILE
from tests.programs import find_program
from tests.test_hostile_texts import QUOTED, drawn, everywhere, findings_of, report_of, told

CHROMIUM = find_program("chromium")
pytestmark = pytest.mark.runs("chromium")

#: What must be nowhere in a page: handlers, addresses that run, frames, what loads or leads elsewhere.
STRANGERS = """() => [...document.querySelectorAll('*')].flatMap(node => [
  ...(/^(iframe|frame|object|embed|base|form|link|animate|set|foreignobject)$/i.test(node.localName) ? [node.localName] : []),
  ...(node.localName === 'meta' && /refresh/i.test(node.httpEquiv) ? ['refresh'] : []),
  ...[...node.attributes].filter(one => /^on/i.test(one.name) || /^\\s*(javascript|vbscript|https?|ftp):/i.test(one.value)
    || (/^(src|href|action|srcset|xlink:href)$/i.test(one.name) && /^\\s*(\\/\\/|javascript:|https?:)/i.test(one.value))
  ).filter(one => !one.name.startsWith('xmlns')).map(one => one.name + '=' + one.value)])"""


@dataclass
class Watched:
    """A page and what happened while it was open."""

    page: object
    happened: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=CHROMIUM, args=["--disable-gpu"])
        yield made
        made.close()


@pytest.fixture(params=[True, False], ids=["without policy", "with policy"])
def watched(browser, request: pytest.FixtureRequest) -> Iterator[Watched]:
    context = browser.new_context(bypass_csp=request.param, offline=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    watch = Watched(page)

    def refuse(dialog) -> None:
        watch.happened.append(f"dialog {dialog.message}")
        dialog.dismiss()

    page.on("dialog", refuse)
    page.on("pageerror", lambda error: watch.happened.append(f"error {error}"))
    page.on("console", lambda said: watch.happened.append(f"{said.type}: {said.text}"))
    page.on("popup", lambda other: watch.happened.append(f"window {other.url}"))
    page.on("request", lambda asked: asked.url.startswith(("file://", "data:")) or watch.happened.append(f"request {asked.url}"))
    yield watch
    context.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of page there is, each with every hostile text."""
    folder = tmp_path_factory.mktemp("pages")
    raws = [text.raw for text in HOSTILE]
    words = "\n\n".join(raw.encode("utf-8", "replace").decode("utf-8") for raw in raws)
    made = report_of(folder, raws, ("html",), words=words)
    (made / "report.html").rename(folder / "report.html")
    every = "\n".join(raws)
    columns = (Column("c", "c", None, 1.0, "left"), Column("d", every, None, 1.0, "left", every))
    rows = tuple(Row((("row", str(at)),), raw, at % 3, {"c": raw, "d": raw}) for at, raw in enumerate(raws))
    outputs = {
        "summary": summary_table(number="T14.1.1", columns=columns, rows=rows, blocks=(), footnotes=tuple(raws), title=every),
        "listing": everywhere("L16.2.1", every, listing=True),
        "figure": drawn("F14.1.1", every),
    }
    for name, output in outputs.items():
        (folder / f"{name}.html").write_text(emit.emit_html_page(output), encoding="utf-8")
    write_findings(findings_of(QUOTED), folder)
    links = {raw: [f"outputs/{raw}.html"] for raw in QUOTED}
    (folder / "index.html").write_text(emit_index([f"x/{raw}" for raw in QUOTED], links), encoding="utf-8")
    return folder


def open_page(watched: Watched, path: Path) -> object:
    watched.page.goto(path.as_uri(), wait_until="load")
    return watched.page


def provoke(page) -> None:
    """What a reader does to a page by accident: every pointer, key and focus event on every element."""
    page.evaluate(
        """() => { for (const node of document.querySelectorAll('body *')) for (const kind of
        ['mouseover', 'mouseenter', 'focus', 'load', 'error', 'toggle', 'begin', 'animationstart'])
        node.dispatchEvent(new Event(kind)) }"""
    )


def assert_nothing_happened(watched: Watched, path: Path) -> None:
    assert watched.page.evaluate("() => window.ran") is None
    assert watched.page.url.split("#")[0] == path.as_uri()
    assert len(watched.page.frames) == 1
    assert watched.happened == []


@pytest.mark.parametrize("name", ["report", "summary", "listing", "figure", "findings", "index"])
def test_page_says_every_text_and_nothing_of_it_runs(name: str, watched: Watched, pages: Path) -> None:
    path = pages / f"{name}.html"
    page = open_page(watched, path)
    # An author's own words may hold a link, which leads nowhere until it is clicked.
    assert page.evaluate(STRANGERS) == (["href=https://evil.invalid"] if name == "report" else [])
    provoke(page)
    scripts = {"report": 1, "findings": 1}.get(name, 0)
    assert page.locator("script").count() == scripts
    said = squeezed(page.evaluate("() => document.body.textContent"))
    wanted = (
        [told(raw) for raw in QUOTED]
        if name == "findings"
        else [text.printed for text in HOSTILE if text.raw in QUOTED or name != "index"]
    )
    missing = [text for text in wanted if squeezed(text) not in said]
    assert missing == []
    assert_nothing_happened(watched, path)


def test_contents_of_the_report_are_searched_for_hostile_words(watched: Watched, pages: Path) -> None:
    page = open_page(watched, pages / "report.html")
    page.fill("#contents-filter", "DROP TABLE AE")
    found = page.locator("nav.contents a:visible")
    outputs = [text for text in found.all_inner_texts() if re.match(r"(Table|Figure) ", text)]
    assert len(outputs) == 2
    assert all("'; DROP TABLE AE;--" in text for text in outputs)
    assert page.inner_text("#contents-count") == "2 titles found"
    found.first.click()
    assert page.evaluate("() => location.hash") == "#" + page.evaluate("() => document.querySelector(':target').id")
    page.fill("#contents-filter", "<script>")
    assert page.locator("nav.contents a:visible").count() >= 4
    assert_nothing_happened(watched, pages / "report.html")


def test_findings_are_filtered_by_hostile_words_and_values(watched: Watched, pages: Path) -> None:
    page = open_page(watched, pages / "findings.html")
    total = len(QUOTED)
    assert page.inner_text("#shown") == f"{total} of {total} shown"
    page.fill("#filter", "fldSimple")
    assert page.inner_text("#shown") == f"1 of {total} shown"
    page.click("#reset")
    assert page.inner_text("#shown") == f"{total} of {total} shown"
    hostile = next(text.raw for text in HOSTILE if text.name == "attribute breakout, single")
    page.select_option("#dataset", value=hostile)
    assert page.inner_text("#shown") == f"1 of {total} shown"
    assert page.locator("#findings td.value:visible").all_inner_texts() == [hostile]
    page.click("#close")
    page.click("#open")
    assert_nothing_happened(watched, pages / "findings.html")


def test_a_figure_of_eight_notes_is_printed_on_one_page(browser, tmp_path: Path) -> None:
    """A picture of 9 by 4.8 inches would leave them 465 - 346 points, less what its title and the lines below it take."""
    drawn = SVG.replace('width="90pt" height="50pt"', 'width="648pt" height="346pt"')
    made = figure(svg=drawn, width_in=9.0, height_in=4.8, footnotes=tuple(f"Note {at}." for at in range(8)))
    path = tmp_path / "figure.html"
    path.write_text(emit.emit_html_page(made), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    printed = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True)))
    page.close()
    assert len(printed.pages) == 1
    assert "Note 7." in printed.pages[0].extract_text()
