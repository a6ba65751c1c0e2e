"""The analyst's notebook in a JupyterLab that really runs: Run All, and an output's looks in light, in dark and untrusted.

``--expose-app-in-browser`` is JupyterLab's own switch for such tests: commands are given by their ids, as its menus give them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

from cgbm1_report.explore.notebook import write_notebook
from tests.programs import find_program

pytestmark = [pytest.mark.runs("chromium"), pytest.mark.long]

#: The cell that shows a table as the report prints it. Names of elements are taken out of what nobody trusts.
SHOWS = 'study.show("T14.1.4")'
CONNECTED = "jupyterapp?.shell?.currentWidget?.context?.sessionContext?.session?.kernel?.connectionStatus === 'connected'"
#: Of the table's rows: how labels and numbers stand, what a label is indented by, ink and paper.
LOOKS = """(table) => {
  const rows = [...table.querySelectorAll("tbody tr")], look = (node) => getComputedStyle(node);
  const ink = (row) => { const [label, number] = [row.cells[0], row.cells[1]]; return {
    label: look(label).textAlign, number: number ? look(number).textAlign : "", left: parseFloat(look(label).paddingLeft),
    ink: look(label).color, paper: look(row).backgroundColor }; };
  return rows.map(ink);
}"""


@pytest.fixture(scope="module")
def lab(final_cut: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server with folders of its own, and the notebook for a cut; its address and its folder."""
    home = tmp_path_factory.mktemp("lab")
    work = home / "work"
    work.mkdir()
    write_notebook(final_cut, work / "explore.ipynb", 2)
    # All cells are in the page, also those that are far away.
    settings = home / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"windowingMode": "none"}))
    own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
    told = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        "--port=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={work}",
    ]
    with (home / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "jupyterlab", "--expose-app-in-browser", *told]
        server = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)
    try:
        yield _wait_for(home, server), work
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_for(home: Path, server: subprocess.Popen[bytes]) -> str:
    """The address that the server writes down once it listens."""
    for _ in range(600):
        for told in (home / "runtime").glob("jpserver-*.json"):
            text = told.read_text()
            if text.endswith("}"):
                return f"http://127.0.0.1:{json.loads(text)['port']}"
        assert server.poll() is None, (home / "server.log").read_text()
        time.sleep(0.1)
    raise AssertionError((home / "server.log").read_text())


@pytest.fixture(scope="module")
def page(lab: tuple[str, Path]) -> Iterator[Page]:
    """JupyterLab with the notebook, all of whose cells ran; ``told`` are errors of its console and requests to elsewhere."""
    address, _ = lab
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_program("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(120_000)
        page.told = []  # type: ignore[attr-defined]
        page.on("console", lambda one: page.told.append(one.text) if one.type == "error" else None)  # type: ignore[attr-defined]
        page.on("request", lambda one: None if _is_own(one.url, address) else page.told.append(one.url))  # type: ignore[attr-defined]
        _open(page, address, "explore.ipynb")
        _command(page, "notebook:run-all-cells")
        yield page
        browser.close()


def _is_own(url: str, address: str) -> bool:
    return url.removeprefix("blob:").startswith((f"{address}/", "data:"))


def _open(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/lab/tree/{name}?reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_function(f"window.{CONNECTED}")


def _command(page: Page, name: str, **told: str) -> None:
    page.evaluate("async ([name, told]) => { await window.jupyterapp.commands.execute(name, told); }", [name, told])


def _cells(work: Path, page: Page) -> list[dict[str, Any]]:
    _command(page, "docmanager:save")
    notebook = json.loads((work / "explore.ipynb").read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_every_cell_runs_without_error_warning_or_request(lab: tuple[str, Path], page: Page) -> None:
    cells = _cells(lab[1], page)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [one for cell in cells for one in cell["outputs"]]
    assert [one for one in outputs if one["output_type"] in ("error", "stream")] == []
    assert page.told == []  # type: ignore[attr-defined]


def test_widget_shows_what_is_chosen_with_the_mouse(page: Page) -> None:
    page.get_by_role("tab", name="Records").click()
    page.get_by_label("Dataset").select_option("ADTTE")
    told = page.locator(".dt-info", has_text="Showing 1 to 10 of")
    told.wait_for()
    assert told.count() == 1
    page.get_by_role("tab", name="Outputs").click()
    page.get_by_label("Treatment").select_option("Low")
    title = page.locator(".jupyter-widgets section.cg-output h2", has_text="[Low]")
    title.wait_for()
    assert title.count() == 1


def _shown(page: Page) -> Locator:
    return page.locator(".jp-CodeCell", has_text=SHOWS).locator(".jp-OutputArea-output table").first


def _held(looks: list[dict[str, Any]]) -> None:
    """Labels left and some of them indented, numbers right; ink and paper of all rows alike and far from each other."""
    assert {one["label"] for one in looks} == {"left"}
    assert {one["number"] for one in looks if one["number"]} <= {"right", "center"}
    assert len({one["left"] for one in looks}) > 1


def _light(colour: str) -> float:
    """Relative luminance of a colour (WCAG 2.2)."""
    parts = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_table_reads_as_printed_in_both_themes(theme: str, page: Page) -> None:
    _command(page, "apputils:change-theme", theme=theme)
    page.wait_for_function(f"document.body.dataset.jpThemeName === '{theme}'")
    looks = _shown(page).evaluate(LOOKS)
    _held(looks)
    for one in looks:
        dark, light = sorted((_light(one["ink"]), _light(one["paper"])))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, one


def test_table_of_a_notebook_that_nobody_trusts_reads_as_printed(lab: tuple[str, Path], page: Page) -> None:
    """Somebody else's: its signature is not ours, and JupyterLab takes styles and scripts out of it."""
    address, work = lab
    _cells(work, page)
    notebook = json.loads((work / "explore.ipynb").read_text(encoding="utf-8"))
    notebook["metadata"]["by"] = "somebody else"
    for cell in notebook["cells"]:
        # It says of itself that it may be trusted: nobody believes it.
        cell["metadata"] = {**cell["metadata"], "trusted": True}
    (work / "theirs.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    _open(page, address, "theirs.ipynb")
    table = _shown(page)
    table.wait_for()
    assert page.locator(".jp-OutputArea-output style").count() == 0
    _held(table.evaluate(LOOKS))
