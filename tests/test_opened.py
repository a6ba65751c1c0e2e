"""Numbers of the HTML report open to the records behind them: in a real browser, and held against who counted first."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import axe_playwright_python
import pandas as pd
import pyarrow as pa
import pytest
from playwright.sync_api import sync_playwright
from pypdf import PdfReader

from benchmarks.pages import ROWS, write_long
from cgbm1_report.build import make as make_module
from cgbm1_report.build.interactive.packed import pack_values
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.emit.html import PART
from cgbm1_report.readback import verify_build
from cgbm1_report.readback.opened import check_opened
from cgbm1_report.system.manifest import read_manifest
from cgbm1_report.tabulate.files import file_stem
from tests.emit_readers import squeezed
from tests.programs import find_program
from tests.test_browser import STRANGERS, Watched

pytestmark = pytest.mark.runs("chromium")
#: Counts of subjects, events, the worst grade, shifts, shares, visits; means, logarithms; a listing; a figure.
ONLY = (
    "T14.1.1.2", "T14.1.4.2", "T14.1.7.2", "T14.1.10.2", "T14.3.1.2.2", "T14.3.1.3.2", "T14.3.4.1.2", "T14.3.4.3.2", "T14.2.8.2",
    "L16.2.7.1.2", "F14.2.1.2",
)  # fmt: skip
#: Of a kind that another output shows already: counts in columns, changes by visit.
TWICE = ("14.1.4.2", "14.1.7.2", "14.1.10.2", "14.3.4.3.2", "14.2.8.2")
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def build(final_cut: Path, read_once: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_module, "read_data", read_once)
        out = tmp_path_factory.mktemp("opened") / "build"
        return build_report(Request(cut=final_cut, out=out, only=ONLY, phase=2, formats=("html",)))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=find_program("chromium"), args=["--disable-gpu"])
        yield made
        made.close()


@pytest.fixture
def watched(browser: Any) -> Iterator[Watched]:
    """A page offline, its policy in force; what it says on the console, and what it asks for beside files of its folder."""
    context = browser.new_context(offline=True, accept_downloads=True, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    watch = Watched(page)
    page.on("pageerror", lambda error: watch.happened.append(f"error {error}"))
    page.on("console", lambda said: watch.happened.append(f"{said.type}: {said.text}"))
    page.on("request", lambda asked: asked.url.startswith(("file://", "blob:")) or watch.happened.append(f"request {asked.url}"))
    yield watch
    context.close()


def open_report(watched: Watched, build: Path, at: str = "") -> Any:
    page = watched.page
    page.goto(f"{(build / 'report.html').as_uri()}{'#' * bool(at)}{at}")  # type: ignore[attr-defined]
    page.wait_for_function("() => document.documentElement.classList.contains('interactive')")  # type: ignore[attr-defined]
    return page


def open_profile(watched: Watched, build: Path, who: str) -> Any:
    page = watched.page
    page.goto(f"{(build / 'interactive' / 'profile.html').as_uri()}#{who}")  # type: ignore[attr-defined]
    page.wait_for_selector("h1")  # type: ignore[attr-defined]
    return page


def cell(page: Any, output: str, row: int, column: int) -> Any:
    """The button of a number, once its table is near."""
    page.evaluate("name => document.getElementById(name).scrollIntoView()", output)
    page.wait_for_selector(f"#{output} button.cg-number")
    return page.locator(f"#{output} table.gt_table tbody tr").nth(row).locator("th, td").nth(column).locator("button.cg-number")


# ---- what is opened is what was counted first


def opened_sets(build: Path) -> Iterator[tuple[str, str, str, list[str]]]:
    """Of each count of subjects that opens: output, row, column, and whose records it opens to."""
    who = pd.read_parquet(build / "adam" / "adsl.parquet")["USUBJID"]
    holders = {path.stem.upper(): pd.read_parquet(path) for path in (build / "adam").glob("*.parquet")}
    for number in read_manifest(build)["outputs"]:
        stem = file_stem(number)
        told = json.loads((build / "interactive" / "outputs" / f"{stem}.js").read_text()[len(f'cgData("outputs/{stem}",') : -3])
        content = json.loads((build / "outputs" / f"{stem}.json").read_text())
        for row, column, _, analyses in told["cells"]:
            for context, records, _, _, stats in analyses:
                if records is not None and context in ("tabulate", "hierarchical") and any(name == "n" for name, *_ in stats):
                    name, steps = told["sets"][records]
                    places = pd.Series(steps, dtype="int64").cumsum()
                    found = who[places] if name == "ADSL" else holders[name]["USUBJID"][places]
                    line = content["rows"][row]
                    yield (
                        number,
                        json.dumps(line["key"], separators=(",", ":"), ensure_ascii=False),
                        content["columns"][column - 1]["key"],
                        sorted(set(found)),
                    )


def test_subjects_that_a_count_opens_to_are_those_who_were_counted_first(build: Path) -> None:
    """The results name them (`subjects`); what opens comes of the second count, which has never seen that."""
    ard = pd.read_parquet(build / "ard.parquet")
    counted = ard[ard["subjects"].notna() & (ard["stat_name"] == "n")]
    first = {(one.output, one.row, one.column): sorted(one.subjects) for one in counted.itertuples()}
    compared, differ = 0, []
    for output, row, column, subjects in opened_sets(build):
        if (output, row, column) in first:
            compared += 1
            differ += [(output, row, column)] * (first[output, row, column] != subjects)
    assert differ == []
    assert compared > 1000


def test_every_count_and_summary_that_is_printed_opens(build: Path) -> None:
    ard = pd.read_parquet(build / "ard.parquet")
    printed = ard[ard["stat_fmt"].notna() & ard["context"].isin(["hierarchical", "missing", "summary", "geometric"])]
    log = [json.loads(line) for line in (build / "build.log").read_text().splitlines()]
    opened = next(line["opened"] for line in log if line["what"] == "proved")
    again = {
        "n",
        "N",
        "p",
        "n_events",
        "N_nonmiss",
        "mean",
        "sd",
        "median",
        "p25",
        "p75",
        "min",
        "max",
        "sum",
        "geom_mean",
        "geom_cv",
    }
    assert opened >= int(printed["stat_name"].isin(again).sum()) > 3000
    assert check_opened(build, list(read_manifest(build)["outputs"])).findings == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        # A record that a count opens to is another one.
        ("outputs/t-14-3-1-2-2.js", r'(\["ADAE",\[\d+,)(\d+)', lambda found: f"{found[1]}{int(found[2]) + 1}", "of the records that the page opens"),
        # A number beside its records is not what the cell prints.
        ("outputs/t-14-1-4-2.js", r'\["mean",[\d.]+,', lambda _: '["mean",41.0,', "has other results than the cell"),
        # A value of the data was changed: who was counted is not who opens.
        ("data/adae.js", r'"AESER":\{"label":"[^"]*","of":\["N","Y"\]', lambda found: found[0].replace('"N","Y"', '"Y","N"'), "says other values of AESER"),
        # A file that no page can read.
        ("outputs/t-14-1-4-2.js", r"\A", lambda _: "x", "cannot be read by a page"),
    ],
    ids=["records", "number", "data", "file"],
)  # fmt: skip
def test_what_opens_to_something_else_is_found(
    build: Path, tmp_path: Path, file: str, old: str, new: Callable[[re.Match[str]], str], said: str
) -> None:
    changed = Path(shutil.copytree(build, tmp_path / "build"))
    place = changed / "interactive" / file
    text, times = re.subn(old, new, place.read_text(encoding="ascii"), count=1)
    assert times == 1
    place.write_text(text, encoding="ascii")
    found = check_opened(changed, list(read_manifest(build)["outputs"])).findings
    assert found
    assert any(said in one.message for one in found), found


def test_build_of_an_earlier_version_whose_pages_open_nothing_is_verified(build: Path, tmp_path: Path) -> None:
    older = Path(shutil.copytree(build, tmp_path / "build"))
    shutil.rmtree(older / "interactive")
    manifest = read_manifest(older)
    found = {one.message for one in verify_build(older, manifest).findings}
    # Of a build that had it, it is missing.
    assert "is missing" in found
    manifest["files"] = {name: told for name, told in manifest["files"].items() if not name.startswith("interactive/")}
    done = verify_build(older, manifest)
    assert (done.findings, done.opened) == ((), 0)


#: What values are, and how a page says them: one of all, few, many.
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["Y"] * 5, "same"),
        ([None, None], "same"),
        (["a", None, "b", "a"], "of"),
        ([1.0, 2.5, None, 1.0], "of"),
        (list(map(str, range(9000))) * 2, "of"),
        ([at + 0.5 for at in range(200)], "list"),
        (["</script><script>", '"', "\u2028", "腹水"], "of"),
    ],
)
def test_values_are_unpacked_as_they_were(values: list[Any], kind: str, tmp_path: Path, watched: Watched) -> None:
    told = pack_values(
        pa.chunked_array([values], type=pa.string() if any(isinstance(one, str) for one in values) else pa.float64())
    )
    assert kind in told
    from cgbm1_report.assets import asset
    from cgbm1_report.build.interactive.packed import write_script
    from cgbm1_report.readback.opened import _unpack

    assert [None if one is None else one for one in _unpack(told, len(values))] == values
    write_script(tmp_path / "x" / "data" / "adsl.js", "data/ADSL", {"rows": len(values), "variables": {"V": {"label": "", **told}}})
    script = asset("templates", "page", "data.js").read_text()
    (tmp_path / "page.html").write_text(f"<html data-interactive='x'><body><script>{script}</script></body></html>")
    page = watched.page
    page.goto((tmp_path / "page.html").as_uri())  # type: ignore[attr-defined]
    assert page.evaluate("async () => (await cg.dataset('ADSL')).values('V')") == values  # type: ignore[attr-defined]


# ---- the page


def test_every_number_of_the_page_is_counted_again_and_equal(watched: Watched, build: Path) -> None:
    page = open_report(watched, build)
    told = page.evaluate("() => cg.countAll()")
    assert told["unequal"] == []
    assert told["outputs"] == len(ONLY)
    log = [json.loads(line) for line in (build / "build.log").read_text().splitlines()]
    # Two programs count what opens: the page, and who reads the build back.
    assert told["numbers"] == next(line["opened"] for line in log if line["what"] == "proved")
    assert watched.happened == []
    # The drawing of a figure says by an address of its own what it is.
    assert [one for one in page.evaluate(STRANGERS) if not one.startswith("rdf:")] == []


#: A cell of each kind, by its output and the text of its row; what of it is counted again.
KINDS = {
    "subjects and per cent": ("T14_1_1_2", "n", {"n", "%"}),
    "subjects and events": ("T14_3_1_2_2", "n_events", {"n", "%", "Number of Events"}),
    "worst grade": ("T14_3_1_3_2", "n", {"n", "%"}),
    "mean and deviation": ("T14_1_4_2", "mean", {"Mean", "SD"}),
    "median": ("T14_1_4_2", "median", {"Median"}),
    "least and most": ("T14_1_4_2", "min", {"Min", "Max"}),
    "change by visit": ("T14_3_4_1_2", "mean", {"Mean", "SD"}),
    "shift of grades": ("T14_3_4_3_2", "n", {"n", "%"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_number_opens_to_its_subjects_and_records(kind: str, watched: Watched, build: Path) -> None:
    output, stat, wanted = KINDS[kind]
    page = open_report(watched, build)
    stem = file_stem(output.replace("_", "."))
    row, column = page.evaluate(
        """async ([stem, stat]) => { const output = await cg.output(stem);
        const counted = cell => cell[3].some(one => one[1] !== null && output.sets[one[1]][1].length > 1 && one[4].some(told => told[0] === stat));
        return output.cells.find(counted).slice(0, 2) }""",
        [stem, stat],
    )
    number = cell(page, output, row, column)
    text = squeezed(number.inner_text())
    number.click()
    dialog = page.locator("dialog[open]")
    assert "equal" in dialog.locator(".verdict").inner_text()
    assert text in squeezed(dialog.locator("h2").inner_text())
    rows = dialog.locator(".cg-stats tbody tr")
    told = {one.locator("th").inner_text(): one.locator("td").all_inner_texts() for one in rows.all()}
    assert wanted <= told.keys()
    # The numbers of the cell are those that are told, and each is equal.
    assert all(texts[0] in text and texts[2] == "equal" for texts in told.values())
    count = int(dialog.locator("h3").inner_text().split()[0].replace(",", ""))
    assert dialog.locator(".grid-count").inner_text() == f"{count:,} rows"
    subjects = dialog.locator(".cg-subjects a").all_text_contents()
    assert len(subjects) == len(set(subjects)) > 0
    if "n" in told:
        assert told["n"][:2] == [str(len(subjects)), str(len(subjects))]
    if "Number of Events" in told:
        assert told["Number of Events"][1] == str(count)
    assert watched.happened == []


def test_a_number_that_is_not_that_of_its_records_is_said_to_be_wrong(watched: Watched, build: Path, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(build, tmp_path / "build"))
    place = changed / "interactive" / "outputs" / "t-14-3-1-2-2.js"
    # The first cell opens to one record less.
    place.write_text(re.sub(r'(\["ADAE",\[\d+),\d+', r"\1", place.read_text(), count=1))
    page = open_report(watched, changed)
    cell(page, "T14_3_1_2_2", 0, 1).click()
    assert page.locator("dialog[open] .verdict.wrong").inner_text().startswith("Not equal")
    assert page.evaluate("() => cg.countAll()")["unequal"][0]["output"] == "Table 14.3.1.2.2"
    # And where the page itself prints another number than the results have.
    page.keyboard.press("Escape")
    page.evaluate("() => { document.querySelector('#T14_3_1_2_2 tbody tr:nth-child(2) td button').textContent = '29 (99.9) [99]' }")
    cell(page, "T14_3_1_2_2", 1, 1).click()
    assert page.locator("dialog[open] .verdict.wrong").count() == 1


def test_the_number_of_an_output_leads_to_it_however_it_is_written(watched: Watched, build: Path) -> None:
    page = open_report(watched, build)
    target = "() => document.querySelector(':target')?.id"
    for asked in ("T14.3.1.2.2", "t14.1.1.2", "T14_3_1_2_2"):
        page.evaluate("asked => { location.hash = asked }", asked)
        page.wait_for_function(f"id => ({target})() === id", arg=asked.upper().replace(".", "_"))
    # What leads nowhere stays as it was asked.
    page.evaluate("() => { location.hash = 'T99.9' }")
    assert page.evaluate("() => location.hash") == "#T99.9"
    assert watched.happened == []


def test_numbers_are_reached_and_opened_by_keys(watched: Watched, build: Path) -> None:
    page = open_report(watched, build)
    first = cell(page, "T14_3_1_2_2", 0, 1)
    # One stop of Tab for a table, arrows within it.
    assert page.locator("#T14_3_1_2_2 button.cg-number[tabindex='0']").count() == 1
    first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(
        "() => document.activeElement === document.querySelector('#T14_3_1_2_2 tbody tr:nth-child(2) td:nth-child(3) button')"
    )
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] .verdict")
    assert page.evaluate("() => document.activeElement.id") == "cg-dialog-title"
    # Tab goes round within the window: its last link is before its first button, and the first after the last.
    focused = "() => document.activeElement.closest('dialog .grid-row') ? 'row' : document.activeElement.className"
    for keys, expected in (("Tab", "cg-close"), ("Shift+Tab", "row"), ("Tab", "cg-close"), ("Shift+Tab", "row")):
        page.keyboard.press(keys)
        # Of a list that is drawn as far as it is in sight the last link leads on to those below it.
        while keys == "Tab" and page.evaluate(focused) == "row":
            page.keyboard.press(keys)
        assert page.evaluate(focused) == expected, keys
    # What was focused behind it by other means leads back into it.
    page.evaluate("() => document.querySelector('header.edge button').focus()")
    assert page.evaluate("() => document.activeElement.id") == "cg-dialog-title"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    assert page.evaluate("() => document.activeElement.closest('td').cellIndex") == 2
    # A click beside the window closes it, and opens nothing that is behind.
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] .verdict")
    page.mouse.click(4, 400)
    page.wait_for_selector("dialog[open]", state="detached")
    assert not page.locator(".cg-shade").is_visible()
    assert watched.happened == []


def test_records_of_many_variables_are_reached_by_keys_and_only_those_in_sight_are_drawn(watched: Watched, build: Path) -> None:
    """ADAE has some fifty variables: of those far aside no cell is in the page until they come into sight."""
    page = open_report(watched, build)
    cell(page, "T14_3_1_2_2", 0, 1).click()
    box = page.locator("dialog[open] .grid-box")
    count = int(box.get_attribute("aria-colcount"))
    drawn = "box => [...box.querySelectorAll('.grid-row:first-child [role=cell]')].map(cell => Number(cell.getAttribute('aria-colindex')))"
    first = box.evaluate(drawn)
    assert first == list(range(1, len(first) + 1))
    assert 5 < len(first) < count
    assert box.locator("[role=columnheader]").count() == box.locator(".grid-filters input").count() == count
    # The filter of the last column is a stop of Tab, and brings its column into sight.
    box.locator(".grid-filters input").nth(count - 2).focus()
    page.keyboard.press("Tab")
    page.wait_for_selector(f"dialog[open] .grid-row [aria-colindex='{count}']")
    last = box.evaluate(drawn)
    assert last == list(range(last[0], count + 1))
    assert last[0] > 1
    # A cell stands below its filter and its head.
    lefts = (
        "box => ['columnheader', 'cell'].map(role => [...box.querySelectorAll(`[role=${role}][aria-colindex='${box.ariaColCount}']`)]"
        ".map(one => Math.round(one.getBoundingClientRect().left))).flat()"
    )
    assert len(set(box.evaluate(lefts))) == 1
    # Subjects fold away and come back.
    fold = page.locator("dialog[open] .cg-fold")
    shown = fold.get_attribute("aria-expanded") == "true"
    assert page.locator("dialog[open] .cg-subjects").is_visible() == shown
    fold.click()
    assert page.locator("dialog[open] .cg-subjects").is_visible() != shown
    assert watched.happened == []


def test_listing_is_sorted_filtered_and_leads_to_the_subject(watched: Watched, build: Path) -> None:
    content = json.loads((build / "outputs" / "l-16-2-7-1-2.json").read_text())
    heads = [column["label"] for column in content["columns"]]
    page = open_report(watched, build)
    page.evaluate("() => document.getElementById('L16_2_7_1_2').scrollIntoView()")
    page.click("#L16_2_7_1_2 .cg-tools button")
    grid = page.locator("dialog[open] .grid")
    assert grid.locator(".grid-count").inner_text() == f"{len(content['rows']):,} rows"
    # Far fewer lines are in the page than the listing has.
    assert grid.locator(".grid-row").count() < min(90, len(content["rows"]))
    at = next(at for at, head in enumerate(heads) if "Preferred" in head or "Term" in head)
    terms = [row["cells"].get(content["columns"][at]["key"], "") for row in content["rows"]]
    word = re.sub(r"[^A-Za-z]+", " ", terms[0]).split()[0]
    grid.locator(".grid-filter").fill(word)
    texts = [" ".join(row["cells"].values()).lower() for row in content["rows"]]
    found = sum(word.lower() in text for text in texts)
    assert grid.locator(".grid-count").inner_text() == f"{found:,} of {len(content['rows']):,} rows"
    grid.locator(".grid-filter").fill("")
    grid.locator("[role=columnheader] button").nth(0).click()
    grid.locator("[role=columnheader] button").nth(0).click()
    assert grid.locator("[aria-sort=descending]").count() == 1
    subjects = [row["cells"]["SUBJECT"] for row in content["rows"]]
    assert grid.locator(".grid-row [role=cell]").first.inner_text() == max(subjects)
    with page.expect_download() as saved:
        grid.get_by_text("Save as CSV").click()
    lines = Path(saved.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == len(content["rows"]) + 1
    grid.locator(".grid-row a").first.click()
    page.wait_for_selector("h1:has-text('Subject ')")
    assert max(subjects) in page.inner_text("h1")
    assert watched.happened == []


def test_listing_of_20000_rows_is_laid_out_where_it_is_in_sight_and_is_sorted_and_filtered(
    watched: Watched, build: Path, tmp_path: Path
) -> None:
    """Its page as the product writes it: every row is in it, without scripts too; those far away cost nothing until they are near."""
    listing = "L16_2_7_1_2"
    write_long(build, tmp_path, listing)
    page = open_report(watched, tmp_path)
    drawn = f"""() => [...document.querySelectorAll('#{listing} tbody')]
      .filter((part) => part.rows[0].cells[0].checkVisibility({{ contentVisibilityAuto: true }})).length"""
    assert page.locator(f"#{listing} tbody tr").count() == ROWS
    assert page.locator(f"#{listing} tbody").count() == ROWS / PART
    assert page.evaluate(drawn) < 10
    # Heads stand over their columns, in the first part and in the last, which is laid out when a reader comes to it.
    page.evaluate(f"() => document.querySelector('#{listing} tbody:last-of-type tr:last-child').scrollIntoView()")
    near = "tbody:last-of-type tr:last-child').cells[0].checkVisibility({ contentVisibilityAuto: true })"
    page.wait_for_function(f"() => document.querySelector('#{listing} {near}")
    lefts = page.evaluate(
        """(name) => [`${name} thead tr:last-child`, `${name} tbody tr`, `${name} tbody:last-of-type tr:last-child`].map((rows) =>
          [...document.querySelector(rows).cells].map((cell) => Math.round(cell.getBoundingClientRect().left)))""",
        f"#{listing}",
    )
    assert lefts[0] == lefts[1] == lefts[2]
    assert page.evaluate(drawn) < 20
    # What a screen reader is told is a table still.
    row = page.locator(f"#{listing} tbody tr").nth(3)
    assert page.locator(f"#{listing}").get_by_role("columnheader").count() == len(lefts[0])
    assert row.get_by_role("cell").count() == len(lefts[0])

    page.evaluate("name => document.getElementById(name).scrollIntoView()", listing)
    page.click(f"#{listing} .cg-tools button")
    grid = page.locator("dialog[open] .grid")
    assert grid.locator(".grid-count").inner_text() == f"{ROWS:,} rows"
    grid.locator("[role=columnheader] button").nth(0).click()
    first = grid.locator(".grid-row [role=cell]").first.inner_text()
    grid.locator(".grid-filter").fill(first)
    told = grid.locator(".grid-count").inner_text()
    texts = page.evaluate(f"() => [...document.querySelectorAll('#{listing} tbody tr')].map((row) => row.cells[0].textContent)")
    assert told == f"{sum(first in text for text in texts):,} of {ROWS:,} rows"
    grid.locator(".grid-box").evaluate("(box) => { box.scrollTop = box.scrollHeight }")
    # Scrolled to its end, the last of the rows that were found is in the page.
    last = int(told.split()[0].replace(",", "")) + 2
    page.wait_for_selector(f"dialog[open] .grid-row[aria-rowindex='{last}']")
    assert watched.happened == []


def test_search_finds_terms_and_subjects(watched: Watched, build: Path) -> None:
    page = open_report(watched, build)
    page.fill("#contents-filter", "hepat")
    page.wait_for_selector(".cg-found summary")
    # Each stands below the one before it, where it can be read and clicked.
    boxes = page.evaluate(
        "() => [...document.querySelectorAll('.cg-found summary')].map((one) => { const box = one.getBoundingClientRect();"
        " return [box.top, box.bottom, box.width, one.scrollWidth]; })"
    )
    assert len(boxes) > 1
    assert all(above[1] <= below[0] for above, below in pairwise(boxes))
    assert all(width >= 150 and inside <= width + 1 for _, _, width, inside in boxes)
    page.fill("#contents-filter", "pyrexia")
    page.wait_for_selector(".cg-found summary")
    assert re.fullmatch(r"Pyrexia \(\d+\)", page.locator(".cg-found summary").first.inner_text())
    page.locator(".cg-found summary").first.click()
    page.locator(".cg-found details a").first.click()
    page.wait_for_selector("tr.cg-hit")
    assert "Pyrexia" in page.inner_text("tr.cg-hit th")
    who = pd.read_parquet(build / "adam" / "adsl.parquet")["USUBJID"].iloc[-1]
    page.fill("#contents-filter", who[-6:])
    page.wait_for_function("who => [...document.querySelectorAll('.cg-found a')].some(one => one.textContent === who)", arg=who)
    page.locator(f".cg-found a:has-text('{who}')").click()
    page.wait_for_selector(f"h1:has-text('Subject {who}')")
    assert watched.happened == []


def test_figure_is_enlarged_and_says_its_values(watched: Watched, build: Path) -> None:
    page = open_report(watched, build)
    page.evaluate("() => document.getElementById('F14_2_1_2').scrollIntoView()")
    page.click("#F14_2_1_2 .cg-tools button:has-text('Enlarge')")
    before = page.locator(".cg-view svg").bounding_box()["width"]
    page.click("dialog[open] button:has-text('Larger')")
    assert page.locator(".cg-view svg").bounding_box()["width"] > 1.2 * before
    page.keyboard.press("Escape")
    page.click("#F14_2_1_2 .cg-tools button:has-text('Values')")
    results = json.loads((build / "outputs" / "f-14-2-1-2.json").read_text())["results"]
    assert page.locator("dialog[open] .grid-count").inner_text() == f"{len(results):,} rows"
    assert watched.happened == []


def test_page_without_its_folder_says_so_and_is_read_as_before(browser: Any, build: Path, tmp_path: Path) -> None:
    shutil.copy(build / "report.html", tmp_path / "report.html")
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    page.wait_for_selector("p.cg-tools:has-text('Numbers cannot be opened here')")
    assert page.locator("button.cg-number").count() == 0
    page.close()


# ---- the page of a subject


def test_profile_shows_the_course_of_a_subject(watched: Watched, build: Path) -> None:
    adam = {name: pd.read_parquet(build / "adam" / f"{name.lower()}.parquet") for name in ("ADSL", "ADAE", "ADLB")}
    who = adam["ADAE"].loc[adam["ADAE"]["PHASE"] == 2, "USUBJID"].mode().iloc[0]
    events = adam["ADAE"][adam["ADAE"]["USUBJID"] == who]
    page = open_profile(watched, build, who)
    page.wait_for_selector("section svg")
    said = page.inner_text("main")
    assert f"Subject {who}" in said
    course = page.locator("section svg").first
    named = course.locator(".line-text title").all_text_contents()
    assert set(events.loc[events["ASTDT"].notna(), "AEDECOD"]) <= set(named)
    # A day as the data have it: the first infusion is day 1.
    values = adam["ADLB"].query("USUBJID == @who and PARAMCD == 'BILI' and AVAL == AVAL and ADT == ADT").sort_values("ADT")
    told = page.locator("svg[aria-label^='Bilirubin']").first.get_attribute("aria-label")
    assert re.findall(r"day (-?\d+) ", told) == [f"{day:.0f}" for day in values["ADY"]]
    page.click("button:has-text('Next')")
    page.wait_for_function("who => !document.querySelector('h1').textContent.includes(who)", arg=who)
    assert watched.happened == []


#: Right edges of what is drawn of a subject's time, the line of a moment, and the last day on the axis.
TIMES = """name => {
  const course = document.querySelector('section svg'), box = one => one.getBBox();
  const words = [...course.querySelectorAll('.moment-text')].findIndex(one => one.textContent.startsWith(name));
  return {
    spans: [...course.querySelectorAll('.span')].map(one => box(one).x + box(one).width),
    arrows: [...course.querySelectorAll('.going-on')].map(one => box(one).x),
    line: Number(course.querySelectorAll('.moment')[words].getAttribute('x1')),
    ticks: [...document.querySelectorAll('section svg .tick-text')].map(one => Number(one.getAttribute('x'))),
  };
}"""


def test_profile_says_how_its_grades_are_read(watched: Watched, build: Path) -> None:
    """A value twice the upper limit without a grade looks wrong to who does not know of the baseline."""
    who = pd.read_parquet(build / "adam" / "adlb.parquet")["USUBJID"].iloc[0]
    page = open_profile(watched, build, who)
    told = page.inner_text("section:has(h2:text-is('Laboratory')) .explained")
    assert told == (
        "Grades by NCI CTCAE v5.0; after an abnormal baseline, hepatic tests are graded against baseline: a result far above the "
        "normal range may have a low grade, or none; results before the first dose are graded by the range."
    )
    assert page.locator("section:has(h2:text-is('Scores')) .explained").count() == 0


def test_no_bar_and_no_day_of_a_profile_lies_after_a_death(watched: Watched, build: Path) -> None:
    subjects = pd.read_parquet(build / "adam" / "adsl.parquet")
    who = subjects.loc[(subjects["DTHDT"] - subjects["TRTSDT"]).idxmin(), "USUBJID"]
    page = open_profile(watched, build, who)
    page.wait_for_selector("section svg")
    drawn = page.evaluate(TIMES, "Died")
    assert drawn["spans"]
    assert max(drawn["spans"]) <= drawn["line"] + 0.01
    assert max(drawn["ticks"]) <= drawn["line"] + 0.01
    assert drawn["arrows"] == []


def test_what_goes_on_ends_with_follow_up_and_has_an_arrow(watched: Watched, build: Path) -> None:
    adam = {name: pd.read_parquet(build / "adam" / f"{name.lower()}.parquet") for name in ("ADSL", "ADCM")}
    completed = adam["ADSL"].query("EOSSTT == 'COMPLETED' and DTHDT != DTHDT")["USUBJID"]
    going_on = adam["ADCM"][adam["ADCM"]["AENDT"].isna() & adam["ADCM"]["USUBJID"].isin(completed)]
    page = open_profile(watched, build, going_on["USUBJID"].iloc[0])
    page.wait_for_selector("section svg")
    drawn = page.evaluate(TIMES, "End of study")
    assert drawn["arrows"]
    assert drawn["arrows"] == pytest.approx([drawn["line"]] * len(drawn["arrows"]))
    assert "Arrow: no end recorded; the bar ends with follow-up." in page.inner_text("main")


def test_grades_of_a_course_do_not_lie_over_each_other(watched: Watched, build: Path) -> None:
    graded = pd.read_parquet(build / "adam" / "adlb.parquet").query(
        "ATOXGRN > 0 and PARAMCD in ['BILI', 'INR', 'CREAT', 'ALT', 'AST', 'PLAT']"
    )
    # Of two values of a day the grades would lie at one place.
    twice = graded[graded.duplicated(["USUBJID", "PARAMCD", "ADT"], keep=False)]
    for who in dict.fromkeys([graded["USUBJID"].mode().iloc[0], twice["USUBJID"].iloc[0]]):
        page = open_profile(watched, build, who)
        page.wait_for_selector(".beside")
        boxes = page.evaluate(
            "() => [...document.querySelectorAll('section svg')].map(svg => [...svg.querySelectorAll('.beside')].map(one => {"
            " const x = Number(one.getAttribute('x')), y = Number(one.getAttribute('y')); return [x, y, one.getComputedTextLength()]; }))"
        )
        assert sum(map(len, boxes)) == len(graded[graded["USUBJID"] == who])
        for drawn in boxes:
            for at, (x, y, width) in enumerate(drawn):
                for other_x, other_y, other_width in drawn[:at]:
                    # A digit is six units high.
                    assert abs(y - other_y) >= 6 or x >= other_x + other_width or other_x >= x + width


def test_notes_are_kept_saved_and_loaded_with_another_cut(watched: Watched, build: Path, tmp_path: Path) -> None:
    who = pd.read_parquet(build / "adam" / "adsl.parquet")["USUBJID"].iloc[-1]
    page = open_profile(watched, build, who)
    page.locator(".note select").first.select_option("Query sent")
    page.locator(".note textarea").first.fill("Dose <b>unclear</b>")
    page.reload()
    page.wait_for_selector(".note")
    assert page.locator(".note textarea").first.input_value() == "Dose <b>unclear</b>"
    with page.expect_download() as saved:
        page.click("button:has-text('Save notes')")
    file = tmp_path / "notes.json"
    saved.value.save_as(file)
    told = json.loads(file.read_text())
    assert [(one["subject"], one["mark"], one["text"]) for one in told["notes"]] == [(who, "Query sent", "Dose <b>unclear</b>")]
    # With the next cut: another browser, a note on somebody who is not in it.
    told["notes"].append({**told["notes"][0], "subject": "NOBODY-1"})
    file.write_text(json.dumps(told))
    page.evaluate("() => localStorage.clear()")
    page.reload()
    page.wait_for_selector(".note")
    assert page.locator(".note textarea").first.input_value() == ""
    page.set_input_files("input[type=file]", file)
    page.wait_for_selector(".notes-status:has-text('2 notes loaded; not in this cut: NOBODY-1')")
    assert page.locator(".note textarea").first.input_value() == "Dose <b>unclear</b>"
    # What was written here since is not lost by loading the file once more; what is no note is told.
    page.locator(".note textarea").first.fill("Answered")
    told["notes"] += [None, {"subject": who}]
    file.write_text(json.dumps(told))
    page.set_input_files("input[type=file]", file)
    heard = (
        "1 note loaded; 1 of this page is newer and stays; 2 of the file are no notes and were left out; not in this cut: NOBODY-1"
    )
    page.wait_for_selector(f".notes-status:has-text('{heard}')")
    assert page.locator(".note textarea").first.input_value() == "Answered"
    # Of another study: refused.
    file.write_text(json.dumps({**told, "study": "OTHER"}))
    page.set_input_files("input[type=file]", file)
    page.wait_for_selector(".notes-status:has-text('these notes are of OTHER')")
    assert watched.happened == []


def test_a_subject_is_printed_on_one_page(watched: Watched, build: Path) -> None:
    subjects = pd.read_parquet(build / "adam" / "adsl.parquet")["USUBJID"].tolist()
    for subject in subjects[:: max(len(subjects) // 6, 1)]:
        page = open_profile(watched, build, subject)
        page.wait_for_selector(f"h1:has-text('{subject}')")
        printed = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True)))
        assert len(printed.pages) == 1, subject
        assert "Program: cgbm1-report" in printed.pages[0].extract_text()


def test_nobody_and_a_hostile_name_are_said_as_text(watched: Watched, build: Path) -> None:
    page = open_profile(watched, build, "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    page.wait_for_selector("[role=status]:has-text('There is no subject')")
    assert "<img src=x onerror=alert(1)>" in page.inner_text("main")
    assert page.evaluate(STRANGERS) == []
    assert watched.happened == []


# ---- for everybody


def test_light_and_dark_are_chosen_and_kept(watched: Watched, build: Path) -> None:
    page = open_report(watched, build)
    paper = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.click("button.theme")
    assert page.evaluate(paper) == "rgb(21, 24, 28)"
    assert page.evaluate("() => getComputedStyle(document.querySelector('.cg-output td')).color") == "rgb(230, 230, 230)"
    page = open_profile(watched, build, "")
    assert page.evaluate(paper) == "rgb(21, 24, 28)"
    page.emulate_media(media="print")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    assert watched.happened == []


#: Rows like those above them, each cell of which axe would look at; and outputs like those of their kind.
LIKE_OTHERS = ", ".join(
    ["table.gt_table tbody tr:nth-child(n+4)", *(f"#{one.replace('.', '_')}" for one in ONLY if one[1:] in TWICE)]
)


def test_cells_of_the_report_are_aligned_as_the_heads_of_their_columns(watched: Watched, build: Path) -> None:
    page = open_report(watched, build)
    told = page.evaluate("""() => [...document.querySelectorAll("table.gt_table")].map(table => {
      const ways = [...table.querySelectorAll("thead tr:last-child th")].map(head => head.style.textAlign);
      const cells = [...table.querySelectorAll("tbody td:not([colspan])")];
      return [cells.length, cells.filter(cell => getComputedStyle(cell).textAlign !== ways[cell.cellIndex]).length] })""")
    assert len(told) >= 5
    assert sum(cells for cells, _ in told) > 5000
    assert [wrong for _, wrong in told] == [0] * len(told)


def violations(page: Any, theme: str, within: str = "html") -> list[str]:
    """What axe finds on a page without what is like other parts of it, or in a part; in the dark nothing is other than colours."""
    page.evaluate("left => document.querySelectorAll(left).forEach(one => one.remove())", LIKE_OTHERS)
    page.evaluate(AXE)
    asked = {"resultTypes": ["violations"], **({"runOnly": ["color-contrast"]} if theme == "dark" else {})}
    found = page.evaluate("([within, asked]) => axe.run(within, asked)", [within, asked])["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(theme: str, browser: Any, build: Path) -> None:
    context = browser.new_context(bypass_csp=True, color_scheme=theme, viewport={"width": 1400, "height": 900})
    watch = Watched(context.new_page())
    page = open_report(watch, build)
    found = {}
    for output in ("T14_1_1_2", "L16_2_7_1_2"):
        page.evaluate("name => document.getElementById(name).scrollIntoView()", output)
        page.wait_for_timeout(100)
    page.evaluate("() => scrollTo(0, 0)")
    found["report"] = violations(page, theme)
    page = open_report(watch, build)
    cell(page, "T14_3_1_2_2", 0, 1).click()
    page.wait_for_selector("dialog[open] .verdict")
    found["number"] = violations(page, theme, ".cg-dialog")
    who = pd.read_parquet(build / "adam" / "adsl.parquet")["USUBJID"].iloc[-1]
    page = open_profile(watch, build, who)
    page.wait_for_selector("section svg")
    page.locator("details.records summary").first.click()
    found["profile"] = violations(page, theme)
    if theme == "light":
        for name in ("index", "findings", "outputs/t-14-3-1-2-2", "outputs/l-16-2-7-1-2", "outputs/f-14-2-1-2"):
            page.goto((build / f"{name}.html").as_uri())
            found[name] = violations(page, theme)
    context.close()
    assert {name: told for name, told in found.items() if told} == {}
