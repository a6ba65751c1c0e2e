"""How long a reader waits for the pages: the report from disk, a number that is opened, a listing of 20,000 rows.

Seconds are told by the browser itself: from the start of the navigation to the end of its load, from the click to the picture.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cgbm1_report.emit import anchor, emit_html
from cgbm1_report.notebook.session import open_report
from cgbm1_report.render.html import levelled
from cgbm1_report.render.parts import Shown
from cgbm1_report.system.manifest import read_manifest
from cgbm1_report.tabulate.table import Table

ROWS = 20_000
_READY = "() => document.documentElement.classList.contains('interactive')"
#: From a click to what is drawn after it.
_OPENED = """selector => new Promise(done => { const start = performance.now(); document.querySelector(selector).click();
  const look = () => document.querySelector('dialog[open] .grid-row')
    ? requestAnimationFrame(() => done(performance.now() - start)) : requestAnimationFrame(look);
  look() })"""
#: The first two rows of a table that have numbers, from 1.
_ROWS = """selector => [...document.querySelectorAll(selector)].map((row, at) => row.querySelector('button.cg-number') ? at + 1 : 0)
  .filter(Boolean).slice(0, 2)"""
_SORTED = """() => { const start = performance.now(); document.querySelector('[role=columnheader] button').click();
  return performance.now() - start }"""


@contextmanager
def open_page() -> Iterator[Any]:
    """A page of the Chromium that the tests use."""
    from playwright.sync_api import sync_playwright

    from tests.programs import find_program

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_program("chromium"), args=["--disable-gpu"])
        yield browser.new_context(offline=True, viewport={"width": 1400, "height": 900}).new_page()
        browser.close()


def _load(page: Any, file: Path) -> float:
    page.goto(file.as_uri(), wait_until="load", timeout=120_000)
    page.wait_for_function(_READY)
    return float(page.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventEnd")) / 1000


def measure_report(build: Path, table: str, times: int = 5) -> dict[str, float]:
    """Median seconds of a report: until it is loaded, and until a first number of a table, and another, is opened."""
    found: dict[str, list[float]] = {"report": [], "first number": [], "number": []}
    with open_page() as page:
        for _ in range(times):
            found["report"].append(_load(page, build / "report.html"))
            page.evaluate("name => document.getElementById(name).scrollIntoView()", table)
            page.wait_for_selector(f"#{table} button.cg-number")
            row = page.evaluate(_ROWS, f"#{table} tbody tr")
            found["first number"].append(page.evaluate(_OPENED, f"#{table} tbody tr:nth-child({row[0]}) button.cg-number") / 1000)
            page.keyboard.press("Escape")
            page.wait_for_timeout(100)
            found["number"].append(page.evaluate(_OPENED, f"#{table} tbody tr:nth-child({row[1]}) button.cg-number") / 1000)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def repeat_rows(table: Table, rows: int = ROWS) -> Table:
    """A listing whose rows stand in it so often that there are so many, with those that begin a subject."""
    times = rows // len(table.rows) + 1
    blocks = [at * len(table.rows) + block for at in range(times) for block in table.blocks]
    return replace(table, rows=(table.rows * times)[:rows], blocks=tuple(block for block in blocks if block < rows))


def write_long(build: Path, folder: Path, listing: str) -> Path:
    """The report with one listing alone, which has 20,000 rows, as the product writes it."""
    text = (build / "report.html").read_text(encoding="utf-8")
    # The rules of its columns are among those of the report's.
    begins = text.index("<main")
    made = open_report(build, int(listing[-1])).output(find_number(build, listing))
    if not isinstance(made, Table):
        raise ValueError(f"{listing} is no listing")
    shown = levelled(Shown(emit_html(repeat_rows(made)), (), ""))
    page = folder / "report.html"
    title = text[begins : text.index("</div>", begins) + len("</div>")]
    whole = f'{text[:begins]}{title}<div class="shown" id="output-1">{shown}</div>{text[text.index("</main>") :]}'
    page.write_text(whole, encoding="utf-8")
    shutil.copytree(build / "interactive", folder / "interactive")
    return page


def find_number(build: Path, name: str) -> str:
    """The output of a build that pages know by this name."""
    return next(number for number in read_manifest(build)["outputs"] if anchor(number) == name)


def measure_listing(build: Path, listing: str, times: int = 5) -> dict[str, float]:
    """Median seconds of a listing of 20,000 rows: until its page is loaded, until it can be sorted, until it is sorted."""
    found: dict[str, list[float]] = {"listing": [], "grid": [], "sorted": []}
    with tempfile.TemporaryDirectory() as scratch, open_page() as page:
        file = write_long(build, Path(scratch), listing)
        for _ in range(times):
            found["listing"].append(_load(page, file))
            page.evaluate("name => document.getElementById(name).scrollIntoView()", listing)
            page.wait_for_selector(f"#{listing} .cg-tools button")
            found["grid"].append(page.evaluate(_OPENED, f"#{listing} .cg-tools button") / 1000)
            found["sorted"].append(page.evaluate(_SORTED) / 1000)
    return {name: statistics.median(seconds) for name, seconds in found.items()}
