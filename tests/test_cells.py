"""What cells print, display, ask and how they end: bounded, and the same in both engines."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from cgbm1_report.errors import ReportError
from cgbm1_report.notebook.bounds import MOST_DISPLAYED, MOST_TEXT, Bounds
from cgbm1_report.notebook.normalise import normalise_notebook
from cgbm1_report.notebook.run import NotebookJob, run_notebooks
from tests.test_notebooks import outputs, run, write_notebook

ENGINES = ("preloaded", "stock")


def both(tmp_path: Path, *cells: str) -> dict[str, dict]:
    """The executed notebook of each engine, normalised."""
    source, done = write_notebook(tmp_path / "n.ipynb", *cells), {}
    for engine in ENGINES:
        target = tmp_path / engine / "n.ipynb"
        run_notebooks([NotebookJob(source, target)], engine=engine)
        normalise_notebook(target)
        done[engine] = json.loads(target.read_text("utf-8"))
    return done


def test_what_a_cell_prints_beyond_its_bound_is_counted_and_the_same_in_both_engines(tmp_path):
    # 25 characters a line: 40,000 lines just fit; the 1,000 others are 25,000 characters.
    done = both(
        tmp_path,
        "for at in range(41_000): print(f'{at:024d}')",
        "import sys\nprint('x' * 999_998)\nprint('abc\\ndef', end='')\nprint('few', file=sys.stderr)",
        "from IPython.display import display\nprint('y' * 999_999)\ndisplay('between')\nprint('gone')",
    )
    assert done["preloaded"] == done["stock"]
    lines, cut, around = (["".join(shown.get("text", "")) for shown in cell["outputs"]] for cell in done["stock"]["cells"][1:])
    assert len(lines) == 1
    assert lines[0].endswith(f"{39_999:024d}\n[1,000 more lines, 25,000 characters of standard output, are left out]\n")
    assert cut[0].endswith("x\na\n[2 more lines, 6 characters of standard output, are left out]\n")
    assert cut[1] == "few\n"
    assert around[-1] == "[1 more line, 5 characters of standard output, are left out]\n"


def test_printing_takes_time_in_proportion_to_what_is_printed(tmp_path):
    """Forty thousand lines took 30 s: each copied all before it."""
    begin = "import time\nbegun = time.process_time()\n"
    done = run(tmp_path, begin + "for at in range(40_000): print(f'{at:024d}')", "time.process_time() - begun", timeout=60)
    (seconds,) = outputs(done)[-1]["data"]["text/plain"]
    assert float(seconds) < 5
    started = time.process_time()
    normalise_notebook(tmp_path / "executed" / "one.ipynb")
    assert time.process_time() - started < 5


def test_bounds_begin_anew_where_a_cell_clears_its_output():
    bounds = Bounds()
    assert bounds.keep("stdout", "x" * (MOST_TEXT + 3)) == "x" * MOST_TEXT
    assert bounds.keep("stdout", "never kept") == ""
    assert bounds.keep("stderr", "its own") == "its own"
    assert bounds.closing_lines() == [("stdout", "\n[1 more line, 13 characters of standard output, are left out]\n")]
    bounds.clear()
    assert bounds.keep("stdout", "again") == "again"
    assert bounds.closing_lines() == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "cell",
    [
        f"from IPython.display import HTML\nHTML('x' * {MOST_DISPLAYED})",
        f"from IPython.display import HTML, display\nfor _ in range(3): display(HTML('x' * {MOST_DISPLAYED // 2}))",
        f"from IPython.display import HTML, display\nh = display('a', display_id='a')\nh.update(HTML('x' * {MOST_DISPLAYED}))",
    ],
    ids=["a value", "many", "an update"],
)
def test_display_that_is_too_large_is_refused_by_its_cell(engine, cell, tmp_path):
    with pytest.raises(ReportError, match=r"cell 2 .*displays 1\d,\d{3},\d{3} characters; a cell may display 10,000,000"):
        run(tmp_path, cell, "1", engine=engine)
    assert (tmp_path / "executed" / "one.ipynb").stat().st_size < 2 * MOST_DISPLAYED


# A cell; what is said of it, in both engines.
ENDINGS = {
    "exit()": "ends the notebook: what is below would be missing",
    "quit()": "ends the notebook: what is below would be missing",
    "exit": "ends the notebook: what is below would be missing",
    "import sys; sys.exit()": "ends the notebook: what is below would be missing",
    "import sys; sys.exit(0)": "ends the notebook (exit: 0): what is below would be missing",
    "import sys; sys.exit('done')": "ends the notebook (exit: done): what is below would be missing",
    "raise SystemExit(3)": "ends the notebook (exit: 3): what is below would be missing",
    "import os; os._exit(0)": "the notebook's process died",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "input('How many? ')": "StdinNotImplementedError: raw_input was called, but this frontend does not support input requests.",
    "import getpass; getpass.getpass()": "StdinNotImplementedError: getpass was called",
    "%no_such_magic": "UsageError: Line magic function `%no_such_magic` not found.",
    "def": "SyntaxError",
}


@pytest.mark.parametrize("engine", ENGINES)
def test_how_a_cell_ends_its_notebook_is_said_with_the_cell_and_alike_in_both_engines(engine, tmp_path):
    jobs = [
        NotebookJob(write_notebook(tmp_path / f"{at:02d}.ipynb", "1", cell), tmp_path / "out" / f"{at:02d}.ipynb")
        for at, cell in enumerate(ENDINGS)
    ]
    with pytest.raises(ReportError) as error:
        run_notebooks(jobs, engine=engine)
    told = {Path(problem.file).stem: problem for problem in error.value.problems}
    for at, (cell, said) in enumerate(ENDINGS.items()):
        problem = told[f"{at:02d}"]
        assert problem.message.startswith(said), cell
        assert problem.place == f"cell 3 ({cell})"


def test_shell_commands_and_magics_that_a_notebook_may_use_are_the_same_in_both_engines(tmp_path):
    done = both(
        tmp_path,
        "!echo from the shell",
        "%%writefile of_mine.txt\ntext",
        "%precision 2\n1.23456",
        "%pwd\nNone",
        "names = !echo a b\nnames",
    )
    assert done["preloaded"] == done["stock"]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_an_exception_says_is_bounded(engine, tmp_path):
    with pytest.raises(ReportError) as error:
        run(tmp_path, "raise ValueError('x' * 20_000_000)", engine=engine)
    message = error.value.problems[0].message
    assert message.startswith("ValueError: x")
    assert "[19,990,000 more characters]" in message
    assert len(message) < 50_000
    assert (tmp_path / "executed" / "one.ipynb").stat().st_size < 1_000_000


@pytest.mark.parametrize("engine", ENGINES)
def test_no_tag_keeps_a_cell_from_running_or_its_error_from_stopping(engine, tmp_path):
    source = write_notebook(tmp_path / "n.ipynb", "print('run')", "1 / 0", "print('after')")
    notebook = json.loads(source.read_text())
    for cell, tag in zip(notebook["cells"][1:], ("skip-execution", "raises-exception"), strict=False):
        cell["metadata"]["tags"] = [tag]
    source.write_text(json.dumps(notebook))
    with pytest.raises(ReportError, match=r"cell 3 \(1 / 0\): ZeroDivisionError"):
        run_notebooks([NotebookJob(source, tmp_path / "out" / "n.ipynb")], engine=engine)
    printed = ["".join(shown.get("text", "")) for shown in outputs(json.loads((tmp_path / "out" / "n.ipynb").read_text()))]
    assert "run\n" in printed
    assert "after\n" not in printed


@pytest.mark.parametrize("kind", ["markdown", "raw", "code"])
def test_paragraphs_of_a_cell_stay_apart_line_by_line(kind, tmp_path):
    """One string of several lines is read by Quarto as one line: "Subjects dosed: 132 subjects withdrew."."""
    text = "Subjects dosed: 13\n\n2 subjects withdrew."
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/markdown": text, "text/plain": text}}
    cell = {
        "cell_type": kind,
        "metadata": {},
        "source": text,
        **({"outputs": [output], "execution_count": 1} if kind == "code" else {}),
    }
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    normalise_notebook(path)
    (made,) = json.loads(path.read_text())["cells"]
    lines = ["Subjects dosed: 13\n", "\n", "2 subjects withdrew."]
    assert made["source"] == lines
    assert [shown["data"] for shown in made.get("outputs", ())] == [{"text/markdown": lines, "text/plain": lines}] * (
        kind == "code"
    )


def test_outputs_of_the_report_are_as_large_as_they_are():
    bounds = Bounds()
    assert bounds.refuse({"text/html": "x" * (MOST_DISPLAYED + 1)}, {"cgbm1_report": {}}) == ""
    assert bounds.refuse({"text/html": "x" * MOST_DISPLAYED}, {}) == ""
    assert bounds.refuse({"image/png": b"x"}, None).startswith("displays 10,000,001 characters")
