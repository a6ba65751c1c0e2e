"""The status page of a watch as wide as a small screen: nothing of it is beyond the edge, whatever it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from cgbm1_report.watch.page import write_page
from cgbm1_report.watch.record import Entry
from tests.programs import find_program

pytestmark = pytest.mark.runs("chromium")

ABOUT = {
    "program": "cgbm1-report 1",
    "folder": "/a" * 90,
    "options": ["--sign", "/k" * 90],
    "written": "2026-01-15T02:03:04Z",
    "running": False,
    "exit_code": 1,
}
WRONG = {"class": "DataError", "problems": [{"message": "is wrong " * 30, "file": "f" * 120, "remedy": "r" * 200}]}
CUTS = [
    Entry(
        f"2026-01-{day:02d}{'_long' * (3 * (day % 2))}",
        state=state,
        why="has the same files as another: not built again",
        cutoff="2026-01-15",
        finished="2026-01-15T02:03:04Z",
        seconds=1234.0,
        build=f"2026-01-{day:02d}",
        outputs=1234,
        mark="Draft, confidential, Phase 2 blinded",
        findings={"E": 10, "W": 2345, "I": 67890},
        changes={"outputs": 100, "cells": 123_456, "rows": 1000, "columns": 10, "probabilities that crossed a limit": 3},
        before="2026-01-01_long_long",
        compared=True,
        error=WRONG if state == "failed" else {},
    )
    for day, state in enumerate(("done", "failed", "repeated", "waiting"), start=1)
]


@pytest.mark.parametrize("width", [1024, 1400])
def test_status_page_is_no_wider_than_the_window(tmp_path: Path, width: int) -> None:
    file = tmp_path / "status.html"
    file.write_text(write_page(CUTS, ABOUT), encoding="utf-8")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_program("chromium"), args=["--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.goto(file.as_uri())
        wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        box = page.evaluate("(box => [box.scrollWidth, box.clientWidth])(document.querySelector('.wide'))")
        browser.close()
    assert wide[0] <= wide[1] == width
    assert box[0] <= box[1], "nothing has to be scrolled either"
