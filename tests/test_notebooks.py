"""Notebooks run isolated, in time, and fail by name."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest

from cgbm1_report.errors import DataError, PlanError, ReportError, ToolError
from cgbm1_report.notebook import run as notebooks
from cgbm1_report.notebook.normalise import normalise_notebook
from cgbm1_report.notebook.run import NotebookJob, run_notebooks
from cgbm1_report.notebook.source import refuse_shown_twice, refuse_unknown
from tests.drawn import our_trial

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def write_notebook(path: Path, *cells: str, parameters: str | None = None) -> Path:
    made = [nbformat.v4.new_markdown_cell("# A heading")]
    if parameters is not None:
        made.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    made += [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=KERNEL), path)
    return path


def run(
    tmp_path: Path, *cells: str, name: str = "one", parameters: str | None = None, values: dict | None = None, **options
) -> dict:
    source = write_notebook(tmp_path / f"{name}.ipynb", *cells, parameters=parameters)
    target = tmp_path / "executed" / f"{name}.ipynb"
    run_notebooks([NotebookJob(source, target, values or {})], **options)
    return json.loads(target.read_text("utf-8"))


def outputs(notebook: dict) -> list[dict]:
    return [output for cell in notebook["cells"] if cell["cell_type"] == "code" for output in cell["outputs"]]


def test_parameters_reach_the_cells_as_values_and_never_as_code(tmp_path):
    hostile = "x'); import os; os._exit(3) #\n{{< include /etc/passwd >}}"
    done = run(tmp_path, "print(repr(name))", parameters="name = ''", values={"name": hostile})
    assert "".join(outputs(done)[0]["text"]) == repr(hostile) + "\n"


def test_unknown_parameter_is_refused_before_any_notebook_runs(tmp_path):
    good = write_notebook(tmp_path / "good.ipynb", "1", parameters="phase = 1")
    bad = write_notebook(tmp_path / "bad.ipynb", "1", parameters="phase = 1\ndose_group = ''")
    jobs = [
        NotebookJob(good, tmp_path / "out" / "good.ipynb", {"phase": 2}),
        NotebookJob(bad, tmp_path / "out" / "bad.ipynb", {"dose_gruop": "Low"}),
    ]
    with pytest.raises(ReportError) as error:
        run_notebooks(jobs)
    assert "bad.ipynb" in str(error.value)
    assert "'dose_gruop'" in str(error.value)
    assert "phase, dose_group" in str(error.value)
    assert not (tmp_path / "out").exists()


def test_file_that_is_no_notebook_is_refused_by_name(tmp_path):
    broken = tmp_path / "broken.ipynb"
    broken.write_text("{}")
    with pytest.raises(ReportError, match=r"broken\.ipynb.*cannot be read as a notebook"):
        run_notebooks([NotebookJob(broken, tmp_path / "x.ipynb")])


def test_raising_cell_names_notebook_cell_and_exception_and_the_others_still_run(tmp_path):
    bad = write_notebook(tmp_path / "bad.ipynb", "print('before')", "# a comment\nvalue = {}['absent']", "print('after')")
    good = write_notebook(tmp_path / "good.ipynb", "print('fine')")
    jobs = [NotebookJob(bad, tmp_path / "out" / "bad.ipynb"), NotebookJob(good, tmp_path / "out" / "good.ipynb")]
    seen = []
    with pytest.raises(ReportError) as error:
        run_notebooks(jobs, on_progress=lambda job, event: seen.append((job.source.name, event)))
    message = str(error.value)
    assert len(error.value.problems) == 1
    assert "bad.ipynb" in message
    assert "cell 3 (# a comment)" in message
    assert "KeyError: 'absent'" in message
    assert "value = {}['absent']" in message
    assert "\x1b" not in message
    kept = json.loads((tmp_path / "out" / "bad.ipynb").read_text("utf-8"))
    assert any("before" in "".join(output.get("text", "")) for output in outputs(kept))
    assert not any("after" in "".join(output.get("text", "")) for output in outputs(kept))
    assert ("bad.ipynb", "failed") in seen
    assert ("good.ipynb", "done") in seen
    assert ("bad.ipynb", "cell 3 of 4") in seen


def test_two_failing_notebooks_are_reported_together_in_their_order(tmp_path):
    first = write_notebook(tmp_path / "first.ipynb", "import os\nfor _ in range(10**6): pass\n1 / 0")
    second = write_notebook(tmp_path / "second.ipynb", "2 / 0")
    with pytest.raises(ReportError) as error:
        run_notebooks([NotebookJob(first, tmp_path / "a" / "1.ipynb"), NotebookJob(second, tmp_path / "a" / "2.ipynb")])
    assert [Path(problem.file).name for problem in error.value.problems] == ["first.ipynb", "second.ipynb"]


@pytest.mark.parametrize(
    ("end", "how"),
    [("os._exit(7)", "exit code 7"), ("os.kill(os.getpid(), 11)", "signal 11")],
    ids=["exit", "segmentation fault"],
)
def test_process_that_dies_is_an_error_with_the_cell_it_died_in(tmp_path, end, how):
    with pytest.raises(ReportError) as error:
        run(tmp_path, "import os", f"os.write(2, b'last words'); {end}")
    message = str(error.value)
    assert "one.ipynb" in message
    assert "cell 3" in message
    assert how in message
    assert "last words" in message


def test_notebook_that_leaves_early_without_an_error_is_an_error(tmp_path):
    with pytest.raises(ReportError, match=r"one\.ipynb: cell 2 .*ends the notebook \(exit: 0\)"):
        run(tmp_path, "import sys; sys.exit(0)", "print('the output the report needs')")


@pytest.mark.parametrize(
    "cell", ["while True: pass", "try:\n    while True: pass\nexcept Exception:\n    pass"], ids=["plain", "swallowing"]
)
def test_notebook_over_its_time_is_ended_and_named(tmp_path, cell):
    with pytest.raises(ReportError, match=r"one\.ipynb.*cell 2.*took longer than 0\.3 s"):
        run(tmp_path, cell, timeout=0.3)


@pytest.mark.parametrize(
    ("cell", "timeout", "told"),
    [
        ("while True: pass", 0.3, "cell 2: took longer than 0.3 s"),
        ("raise ValueError('S-001 has ALT 40')", 60, "cell 2: failed"),  # what it says may be a value of the data
        ("import os; os._exit(3)", 60, "cell 2: the notebook's process died (exit code 3)"),
    ],
)
def test_log_that_tells_no_value_names_the_cell(tmp_path, cell, timeout, told):
    with pytest.raises(ReportError) as error:
        run(tmp_path, cell, timeout=timeout)
    assert [one.closed for one in error.value.problems] == [told]


def test_notebook_that_cannot_be_interrupted_is_ended_from_outside(tmp_path, monkeypatch):
    # The cell blocks the signal, as C code that never comes back to the interpreter would.
    monkeypatch.setattr(notebooks, "GRACE", 0.3)
    with pytest.raises(ReportError, match=r"one\.ipynb.*cell 2.*took longer than 0\.3 s and was ended"):
        run(tmp_path, "import signal; signal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass", timeout=0.3)


def test_state_set_in_one_notebook_is_not_seen_in_the_next(tmp_path):
    setter = write_notebook(
        tmp_path / "setter.ipynb",
        "import pandas as pd, os\npd.leaked = True\nos.environ['LEAKED'] = '1'\npd.options.display.width = 7",
    )
    reader = write_notebook(
        tmp_path / "reader.ipynb",
        "import pandas as pd, os\n(hasattr(pd, 'leaked'), 'LEAKED' in os.environ, pd.options.display.width)",
    )
    target = tmp_path / "out" / "reader.ipynb"
    run_notebooks([NotebookJob(setter, tmp_path / "out" / "setter.ipynb"), NotebookJob(reader, target)], workers=1)
    assert outputs(json.loads(target.read_text()))[0]["data"]["text/plain"] == ["(False, False, 80)"]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system does not list the threads of a process")
def test_process_has_one_thread_and_its_libraries_before_the_first_cell(tmp_path):
    # A pool of threads that exists when a process is forked hangs the child; Python counts only its own.
    done = run(
        tmp_path, "import os, sys\n('pandas' in sys.modules, 'scipy.stats' in sys.modules, len(os.listdir('/proc/self/task')))"
    )
    assert outputs(done)[0]["data"]["text/plain"] == ["(True, True, 1)"]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system does not list the threads of a process")
def test_what_ran_before_notebooks_in_the_same_process_changes_nothing_in_theirs(tmp_path):
    # All processes are forked from one; where something else began it, it has loaded no libraries.
    cells = ["import os\nlen(os.listdir('/proc/self/task'))", "from matplotlib import pyplot\nfigure = pyplot.figure()"]
    source = write_notebook(tmp_path / "one.ipynb", *cells)
    script = tmp_path / "first_something_else.py"
    script.write_text(
        "from pathlib import Path\nimport operator\n"
        "from cgbm1_report.system.workers import Workers\n"
        "from cgbm1_report.notebook.run import NotebookJob, run_notebooks\n"
        "with Workers(2) as workers:\n    assert workers.call(operator.add, 1, 2).result() == 3\n"
        f"run_notebooks([NotebookJob(Path({str(source)!r}), Path({str(tmp_path / 'done.ipynb')!r}))], timeout=20)\n"
    )
    subprocess.run([sys.executable, script], check=True)
    threads, figure = outputs(json.loads((tmp_path / "done.ipynb").read_text("utf-8")))
    assert threads["data"]["text/plain"] == ["1"]
    assert figure["output_type"] == "display_data"


def test_cells_run_in_the_folder_of_the_executed_notebook_even_with_braces_in_its_name(tmp_path):
    source = write_notebook(tmp_path / "one.ipynb", "import os; os.path.basename(os.getcwd())")
    target = tmp_path / "cut {2026}" / "one.ipynb"
    run_notebooks([NotebookJob(source, target)])
    assert outputs(json.loads(target.read_text()))[0]["data"]["text/plain"] == ["'cut {2026}'"]


def test_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    source = write_notebook(tmp_path / "one.ipynb", "1")
    with pytest.raises(ReportError, match="cannot be made"):
        run_notebooks([NotebookJob(source, tmp_path / "file" / "one.ipynb")])


TRICKY = (
    "import sys\nprint('out 1')\nprint('err', file=sys.stderr)\nprint('out 2')\n'value'",
    "from IPython.display import display, HTML\n"
    "print('before')\ndisplay({'text/html': '<b>é ≥</b>', 'text/markdown': '```{=typst}\\n#a\\n```'}, raw=True)\nprint('after')\n"
    "display(HTML('<i>x</i>'))",
    "class Rich:\n    def _repr_html_(self):\n        return '<p>rich</p>'\n"
    "    def _repr_mimebundle_(self, include=None, exclude=None):\n"
    "        return {'text/markdown': 'md', 'text/plain': 'plain'}, {'text/markdown': {'k': 1}}\nRich()",
    "None",
    "'hidden';",
    "%%capture kept\nprint('captured')",
    "kept.stdout",
    "!echo from the shell",
    "%time 1 + 1;\n_ = 3",
    "import pandas as pd\npd.DataFrame({'a': [1, 2], 'b': ['x', None]})",
    "handle = display('first', display_id='known')\nprint('between')",
    "handle.update('second')",
    "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('kept')",
    "class Picture:\n    def _repr_png_(self):\n        return bytes([137, 80, 78, 71, 13, 10, 26, 10, 0])\nPicture()",
    "def f():\n    'doc'\nlist(map(lambda x: x * 2, range(3)))",
    "await __import__('asyncio').sleep(0, 'awaited')",
    "from matplotlib import pyplot as plt\nfigure = plt.figure(figsize=(0.2, 0.2), dpi=20)",
    "import __main__; [__name__, __main__.f is f, In[-2][:6], _i[:4]]",
)


def test_both_engines_give_equal_notebooks(tmp_path):
    cells = tuple(cell for cell in TRICKY if not cell.startswith("%time"))
    source = write_notebook(tmp_path / "tricky.ipynb", *cells, parameters="phase = 1")
    preloaded, stock = tmp_path / "preloaded" / "tricky.ipynb", tmp_path / "stock" / "tricky.ipynb"
    run_notebooks([NotebookJob(source, preloaded, {"phase": 2})])
    run_notebooks([NotebookJob(source, stock, {"phase": 2})], engine="stock")
    for path in (preloaded, stock):
        normalise_notebook(path)
    assert json.loads(preloaded.read_text("utf-8")) == json.loads(stock.read_text("utf-8"))
    assert preloaded.read_bytes() == stock.read_bytes()


def test_kernels_talk_by_sockets_that_nobody_else_may_open(tmp_path, monkeypatch):
    """A port may be taken by another kernel between choice and use, and any user of the machine may listen to it."""
    long = tmp_path / ("longer-than-the-path-of-a-socket" * 4)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    monkeypatch.setattr(tempfile, "tempdir", None)
    source = write_notebook(
        tmp_path / "asks.ipynb",
        "import json, os, stat\nfrom ipykernel.connect import get_connection_info\ninfo = json.loads(get_connection_info())\n"
        "print(info['transport'], stat.filemode(os.stat(os.path.dirname(os.path.dirname(info['ip']))).st_mode))",
    )
    target = tmp_path / "out" / "asks.ipynb"
    run_notebooks([NotebookJob(source, target)], engine="stock")
    assert "ipc drwx------" in target.read_text("utf-8")


def test_kernel_that_cannot_start_says_why(tmp_path):
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit('no room for a kernel')")
    job = NotebookJob(write_notebook(tmp_path / "fine.ipynb", "1 + 1"), tmp_path / "out" / "fine.ipynb")
    with pytest.raises(PlanError, match=r"(?s)fine.ipynb: before its first cell: .*Kernel died.*no room for a kernel"):
        run_notebooks([job], engine="stock", environment={"PYTHONPATH": str(tmp_path)})


def test_stock_engine_reports_a_dead_kernel_a_raising_cell_and_a_slow_one(tmp_path):
    dead = write_notebook(tmp_path / "dead.ipynb", "import os; os._exit(1)")
    bad = write_notebook(tmp_path / "bad.ipynb", "raise LookupError('no such arm')")
    slow = write_notebook(tmp_path / "slow.ipynb", "import signal; signal.pause()")
    jobs = [NotebookJob(path, tmp_path / "out" / path.name) for path in (dead, bad, slow)]
    with pytest.raises(ReportError) as error:
        run_notebooks(jobs, engine="stock", workers=3, timeout=4)
    first, second, third = (str(problem) for problem in error.value.problems)
    assert "dead.ipynb: cell 2 (import os; os._exit(1)): the notebook's process died" in first
    assert "LookupError: no such arm" in second
    assert "slow.ipynb" in third
    assert "took longer than 4 s" in third


def test_notebook_whose_process_the_system_killed_is_no_fault_of_the_notebook(tmp_path):
    """As where memory is not enough: the same build may go well the next time."""
    source = write_notebook(tmp_path / "killed.ipynb", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(
        ToolError,
        match=r"process was ended by signal 9 \(killed\): the system does this where memory runs out, or somebody ended it.*more memory.*who",
    ):
        run_notebooks([NotebookJob(source, tmp_path / "out" / "killed.ipynb")])


@pytest.mark.parametrize("engine", ["preloaded", "stock"])
def test_what_a_cell_raised_says_whose_it_is_to_mend(engine, tmp_path):
    """An output that cannot be made of the data is the data's fault; whatever else a cell raises is the notebook's."""
    lacking = "from cgbm1_report.errors import DataError; raise DataError('has no AESER', file='ADAE')"
    data = write_notebook(tmp_path / "data.ipynb", lacking)
    plan = write_notebook(tmp_path / "plan.ipynb", "raise LookupError('no such arm')")
    jobs = {path: NotebookJob(path, tmp_path / engine / path.name) for path in (data, plan)}
    for paths, kind in (([data], DataError), ([plan], PlanError), ([data, plan], ReportError)):
        with pytest.raises(ReportError) as error:
            run_notebooks([jobs[path] for path in paths], engine=engine)
        assert type(error.value) is kind
        assert len(error.value.problems) == len(paths)


def test_what_keeps_an_output_from_being_made_is_told_once_with_the_documents_it_stands_in(tmp_path):
    raised = "from cgbm1_report.errors import DataError; raise DataError('{} (Events) cannot be made: ADAE: {}', remedy='mend it')"
    names = {
        "all": ("T14.3.1.2.1", "has no AESER"),
        "low": ("T14.3.1.2.1-P1LOW", "has no AESER"),
        "high": ("T14.3.1.2.1-P1HIGH", "is empty"),
    }
    jobs = [
        NotebookJob(write_notebook(tmp_path / f"{name}.ipynb", raised.format(*said)), tmp_path / "out" / f"{name}.ipynb")
        for name, said in names.items()
    ]
    with pytest.raises(DataError) as error:
        run_notebooks(jobs)
    first, other = error.value.problems
    assert "T14.3.1.2.1 (Events) cannot be made" in first.message
    assert first.place.endswith("; also T14.3.1.2.1-P1LOW in low.ipynb, cell 2")
    assert "is empty" in other.message
    assert "also" not in other.place


def test_normalised_runs_are_equal_byte_by_byte_and_name_no_folder(tmp_path):
    source = write_notebook(tmp_path / "one.ipynb", "object()", "print('x')", parameters="phase = 1")
    runs = []
    for name in ("first", "second"):
        target = tmp_path / name / "one.ipynb"
        run_notebooks([NotebookJob(source, target, {"phase": 2})])
        normalise_notebook(target)
        runs.append(target.read_bytes())
    assert runs[0] == runs[1]
    assert str(tmp_path).encode() not in runs[0]
    assert b"<object at 0x0>" in runs[0]
    nbformat.validate(nbformat.reads(runs[0].decode(), as_version=4))


def test_normalising_what_is_no_notebook_is_a_clear_error(tmp_path):
    path = tmp_path / "list.ipynb"
    path.write_text("[]")
    with pytest.raises(ReportError, match=r"list\.ipynb.*cannot be normalised"):
        normalise_notebook(path)


def test_a_failing_cell_has_the_number_its_author_counts(tmp_path):
    """Papermill puts a cell of its own below the parameters."""
    for parameters, own in ((None, 3), ("phase = 1", 4)):
        values = {"phase": 2} if parameters else {}
        with pytest.raises(ReportError) as error:
            run(tmp_path, "1", "1 / 0", parameters=parameters, values=values)
        assert error.value.problems[0].place == f"cell {own} (1 / 0)"


def test_an_error_of_ours_is_told_in_one_line_without_a_traceback(tmp_path):
    cell = "from cgbm1_report.errors import DataError; raise DataError('has no AESER', file='ADAE', remedy='supply it')"
    with pytest.raises(ReportError) as error:
        run(tmp_path, cell)
    assert error.value.problems[0].message == "DataError: ADAE: has no AESER Remedy: supply it"
    assert error.value.problems[0].remedy == "mend what the message says; the cell only shows it"


#: Cells of notebooks that are run for phase 1, one after the other; what is refused before any of them runs.
SHOWN_TWICE = (
    ([['report.show("T14.1.4")', 'report.show_section("14.1")']], []),
    ([["if False:\n    report.show('T14.1.4')", 'report.show("T14.1.4")']], []),
    ([['plot.show("block")', 'report.show("T14.1.4")', "%matplotlib inline"]], []),
    ([['report.show("T14.1.4")\nreport.show("t14.1.4.1")']], ['n0.ipynb: cell 2 (show("t14.1.4.1")): T14.1.4.1 is shown twice']),
    (
        [['report.show_section("14.1")', 'report.show("T14.1.4", page=2)']],
        ['n0.ipynb: cell 3 (show("T14.1.4")): T14.1.4.1 is shown twice: first by n0.ipynb, cell 2'],
    ),
    ([['report.show_section("14.3.2")'] * 2], ['n0.ipynb: cell 3 (show_section("14.3.2")): section 14.3.2 is shown twice']),
    (
        [['report.show("T14.1.4")'], ["1", 'report.show("T14.1.4")']],
        ['n1.ipynb: cell 3 (show("T14.1.4")): T14.1.4.1 is shown twice: first by n0.ipynb, cell 2'],
    ),
)


@pytest.mark.parametrize(("cells", "told"), SHOWN_TWICE)
def test_an_output_that_would_be_shown_twice_is_told_before_any_notebook_runs(cells, told, tmp_path):
    paths = [write_notebook(tmp_path / f"n{at}.ipynb", *own) for at, own in enumerate(cells)]
    found = []
    try:
        refuse_shown_twice([(path, phase, "all") for path in paths for phase in (1, 2)], our_trial())
    except PlanError as error:
        found = [str(problem).removeprefix(f"{tmp_path}/") for problem in error.problems]
    assert [line[: len(begin)] for line, begin in zip(found, told, strict=True)] == told
    if not any("section" in line for line in told):
        refuse_shown_twice([(path, 1, "all") for path in paths], our_trial(), only=["T14.3.1.2.1"])


OPENED = "import cgbm1_report as cg\nreport = cg.open_report(folder, phase)"
#: Cells of a notebook below the one that opens a report; what of them is refused before it runs, and the remedy.
ASKED_FOR = (
    # as people write it, of either phase, a section
    (['report.show("t14.1.4")', 'report.show("T14.2.1.2")', 'report.show_section("14.3.1")', 'report.section("16.2.7")'], []),
    # what is not sure to run, what is made elsewhere, and what is no report
    (["if phase == 3:\n    report.show('T14.9.9')", "n = number if phase == 3 else report.value('T14.9.9')"], []),
    (["report.show(number)", 'plot.show("block")', 'report.output("T14.1.4").as_gt().show("browser")'], []),
    # its own, which is refused by its own reason
    (["@output('T14.9.9', 'Own', population='SAF', source=('ADAE',))\ndef own(view): ...", 'report.show("T14.9.9")'], []),
    (
        ['report.show("T14.1.44")'],
        ["cell 3 (show(\"T14.1.44\")): output 'T14.1.44' is unknown | did you mean T14.1.4.1, T14.1.4.2?"],
    ),
    (
        ['men = report.value("F14.1.4", row={"SEX": "M"})', "report.write(f\"{report.value(number='T99')} men\")"],
        [
            "cell 3 (value(\"F14.1.4\")): output 'F14.1.4' is unknown | did you mean T14.1.4.1, T14.1.4.2?",
            "cell 4 (value(\"T99\")): output 'T99' is unknown | cgbm1-report list names every output",
        ],
    ),
    (['report.show_section("14.9")'], ["cell 3 (show_section(\"14.9\")): section '14.9' is unknown | did you mean"]),
    (['cg.open_report(folder).output("T14.1.44")'], ["cell 3 (output(\"T14.1.44\")): output 'T14.1.44' is unknown | did you mean"]),
)


@pytest.mark.parametrize(("cells", "told"), ASKED_FOR)
def test_a_number_that_nothing_has_is_told_before_any_notebook_runs(cells, told, tmp_path):
    """Each line once, though both phases run the notebook."""
    path = write_notebook(tmp_path / "n.ipynb", OPENED, *cells)
    problems = []
    try:
        refuse_unknown([(path, phase, "all") for phase in (1, 2)], our_trial())
    except PlanError as error:
        problems = list(error.problems)
    assert {problem.file for problem in problems} <= {str(path)}
    found = [f"{problem.place}: {problem.message} | {problem.remedy}" for problem in problems]
    assert [line[: len(begin)] for line, begin in zip(found, told, strict=True)] == told


def test_words_of_another_study_are_left_out_and_those_of_every_study_stay(tmp_path):
    words = {"of both": [], "of ours": ["study:OURS"], "of either": ["study:OURS", "study:THEIRS"], "of theirs": ["study:THEIRS"]}
    cells = [nbformat.v4.new_markdown_cell(text, metadata={"tags": tags}) for text, tags in words.items()]
    cells += [nbformat.v4.new_code_cell("1", metadata={"tags": ["study:OURS"]})]  # what a cell does is done in every study
    for study, said in (
        ("", list(words)),
        ("OURS", ["of both", "of ours", "of either"]),
        ("THEIRS", ["of both", "of either", "of theirs"]),
    ):
        place = tmp_path / f"{study}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), place)
        normalise_notebook(place, study)
        left = json.loads(place.read_text("utf-8"))["cells"]
        assert ["".join(one["source"]) for one in left] == [*said, "1"]


def test_every_paragraph_of_the_package_that_speaks_of_its_trial_is_tagged_with_it():
    """What stays in the report of another study names nothing that only this one has."""
    ours = f"study:{our_trial().study.studyid}"
    for file in sorted((Path(__file__).parents[1] / "notebooks").glob("0*.ipynb")):
        for cell in nbformat.read(file, as_version=4).cells:
            if cell.cell_type == "markdown" and ours not in cell.metadata.get("tags", ()):
                assert cell.source.startswith("The statistical methods are printed from the values of the protocol file"), (
                    cell.source
                )
