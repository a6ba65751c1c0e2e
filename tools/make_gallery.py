"""Makes the pictures of the README from a build: a number that is opened, the page of a subject.

    python tools/make_gallery.py demo/report

Needs the Chromium that the tests use. Run it after a change of how these pages look.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs"
#: The table that is opened, and of which row and column.
TABLE, ROW, COLUMN = "T14_3_1_2_2", 2, 4


def make(build: Path) -> list[Path]:
    """Write both pictures; where they went."""
    from playwright.sync_api import sync_playwright

    from tests.programs import find_program

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_program("chromium"), args=["--disable-gpu"])
        page = browser.new_context(offline=True, viewport={"width": 1280, "height": 760}).new_page()
        made = [picture_number(page, build), picture_subject(page, build)]
        browser.close()
    return made


def picture_number(page: Any, build: Path) -> Path:
    page.goto((build / "report.html").as_uri())
    page.wait_for_function("() => document.documentElement.classList.contains('interactive')")
    page.evaluate("name => document.getElementById(name).scrollIntoView()", TABLE)
    page.wait_for_selector(f"#{TABLE} button.cg-number")
    row = page.locator(f"#{TABLE} table.gt_table tbody tr").nth(ROW)
    row.locator("th, td").nth(COLUMN).locator("button").click()
    page.wait_for_selector("dialog[open] .grid-row")
    target = DOCS / "number.png"
    page.screenshot(path=target)
    return target


def picture_subject(page: Any, build: Path) -> Path:
    """Of all subjects the one with most adverse events."""
    told = (build / "interactive" / "data" / "adae.js").read_text(encoding="ascii")
    events = json.loads(told[told.index(",") + 1 : -3])["variables"]["USUBJID"]
    wide = events["wide"]
    codes = [events["codes"][at : at + wide] for at in range(0, len(events["codes"]), wide)]
    most = max(dict.fromkeys(codes), key=codes.count)
    letters = [chr(code) for code in range(35, 127) if chr(code) not in "\\<&'`"]
    who = events["of"][sum(letters.index(letter) * len(letters) ** power for power, letter in enumerate(reversed(most)))]
    page.goto(f"{(build / 'interactive' / 'profile.html').as_uri()}#{who}")
    page.wait_for_selector("section svg")
    target = DOCS / "subject.png"
    page.screenshot(path=target)
    return target


if __name__ == "__main__":
    sys.path.insert(0, str(DOCS.parent))
    make(Path(sys.argv[1]).resolve())
