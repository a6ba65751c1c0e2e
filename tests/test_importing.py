"""Nothing of the folder a run is started in, of a user's settings or of PATH is executed or changes a result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cgbm1_report.errors import ReportError
from cgbm1_report.notebook.normalise import normalise_notebook
from cgbm1_report.system import pandoc
from cgbm1_report.system.importing import deaf_to_current_folder
from cgbm1_report.system.processes import run_python
from cgbm1_report.system.search_path import without_current_folder
from tests.test_notebooks import outputs, write_notebook

#: Names of modules that Python, Jupyter, papermill or a renderer import, or run as programs.
SHADOWS = (
    "html",
    "random",
    "json",
    "pypandoc",
    "papermill",
    "ipykernel_launcher",
    "IPython",
    "typst",
    "matplotlib",
    "sitecustomize",
)
SETTINGS = ("ipython_config.py", "ipython_kernel_config.py", "jupyter_config.py", "jupyter_nbclient_config.py")

SEEN = """
import html, os, random, sys
import matplotlib as mpl
from matplotlib import pyplot
here = [place for place in sys.path if os.path.realpath(place or '.') == os.getcwd()]
try:
    import left_by_another
    found = True
except ModuleNotFoundError:
    found = False
[mpl.rcParams['lines.linewidth'], mpl.get_backend().rpartition('.')[2], here, found, 'PROFILE' in globals(), os.environ.get('PYTHONSTARTUP')]
""".strip()


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder, with a home in it, whose files leave their names in ``ran`` when they are executed."""
    mark = f"open({str(tmp_path / 'ran')!r}, 'a').write(__file__ + chr(10))\nPROFILE = 1\nraise ImportError('hostile')\n"
    here, home = tmp_path / "here", tmp_path / "here" / "home"
    for place in (here, tmp_path / "out", tmp_path / "study", home / ".ipython" / "profile_default" / "startup"):
        place.mkdir(parents=True)
        for name in (*(f"{name}.py" for name in SHADOWS), *SETTINGS, "00-first.py"):
            (place / name).write_text(mark)
        (place / "matplotlibrc").write_text("lines.linewidth: 20\n")
    (tmp_path / "out" / "matplotlibrc").unlink()
    (tmp_path / "out" / "left_by_another.py").write_text("")
    for name in (".config/matplotlib/matplotlibrc", ".matplotlib/matplotlibrc"):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text("lines.linewidth: 30\n")
    (home / ".jupyter").mkdir()
    for name in SETTINGS:
        (home / ".jupyter" / name).write_text(mark)
        (home / ".ipython" / "profile_default" / name).write_text(mark)
    (home / "startup.py").write_text(mark)
    return here


@pytest.mark.parametrize("engine", ["preloaded", pytest.param("stock", marks=pytest.mark.long)])
def test_nothing_that_lies_where_a_run_is_started_is_executed_or_heard(engine, hostile, tmp_path):
    source = write_notebook(tmp_path / "study" / "n.ipynb", SEEN)
    target = tmp_path / "out" / "n.ipynb"
    # As the console script does, from a folder of its own.
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "run.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom cgbm1_report.notebook.run import NotebookJob, run_notebooks\n"
        "if __name__ == '__main__':\n    run_notebooks([NotebookJob(Path(sys.argv[1]), Path(sys.argv[2]))], engine=sys.argv[3])\n"
    )
    home = str(hostile / "home")
    environment = {
        **{name: value for name, value in os.environ.items() if name != "IPYTHONDIR"},
        "HOME": home,
        "MPLBACKEND": "Agg",
        "PYTHONSTARTUP": f"{home}/startup.py",
        "MATPLOTLIBRC": str(hostile / "matplotlibrc"),
        "JUPYTER_CONFIG_DIR": f"{home}/.jupyter",
        "XDG_CONFIG_HOME": f"{home}/.config",
    }
    done = subprocess.run(
        [sys.executable, script, source, target, engine], cwd=hostile, env=environment, capture_output=True, text=True, timeout=120
    )
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
    assert done.returncode == 0, done.stderr
    normalise_notebook(target)
    (seen,) = outputs(json.loads(target.read_text("utf-8")))
    assert "".join(seen["data"]["text/plain"]) == "[1.5, 'backend_inline', [], False, False, None]"


#: How the command is started, and where Python is told to import from.
STARTS = {
    "as a module":                       (["-m", "cgbm1_report"], None),
    "as the module of its verbs":        (["-m", "cgbm1_report.cli"], None),
    "a path that ends with a separator": (["-c", "from cgbm1_report.__main__ import main; main()"], "/nonexistent:"),
    "a path that begins with one":       (["-c", "from cgbm1_report.__main__ import main; main()"], ":/nonexistent"),
    "the current folder by its name":    (["-c", "from cgbm1_report.__main__ import main; main()"], "."),
}  # fmt: skip


@pytest.mark.parametrize("start", STARTS)
def test_command_imports_nothing_of_the_current_folder_from_its_first_line_on(start, tmp_path):
    """Python itself imports some modules before any line of a program: these alone are its own affair."""
    first = "import runpy, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    own = subprocess.run([sys.executable, "-c", first], capture_output=True, text=True, check=True).stdout.split()
    for name in sorted({*sys.stdlib_module_names, "typer", "pydantic", "yaml", "pandas"} - {*own, "cgbm1_report"}):
        (tmp_path / f"{name}.py").write_text("open('ran', 'a').write(__file__ + chr(10))\n")
    words, path = STARTS[start]
    safe = [] if words[0] == "-m" else ["-P"]
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    environment |= {"PYTHONPATH": path} if path else {}
    done = subprocess.run(
        [sys.executable, *safe, *words, "define", "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
    assert done.returncode == 0, done.stderr


def test_who_imports_the_package_keeps_their_search_path(tmp_path):
    (tmp_path / "mine.py").write_text("words = 'an analyst has modules of their own'\n")
    code = "import cgbm1_report, mine; print(mine.words)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "an analyst has modules of their own\n", done.stderr


def test_python_file_is_run_without_what_its_search_path_finds_in_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("open('ran', 'w')\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "elsewhere" / "file.py"
    file.write_text("import sys\nprint(*sys.path, sep='\\n')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "lib", "."]))
    done = run_python(file, given=b"", timeout=60)
    places = done.stdout.decode().splitlines()
    assert str(tmp_path / "lib") in places
    assert not {"", str(tmp_path), str(file.parent)} & set(places)
    assert not (tmp_path / "ran").exists()


def test_current_folder_is_no_library_under_any_name(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    kept = [str(tmp_path), "/usr/lib/python3", str(tmp_path / "here" / "below")]
    given = ["", ".", str(tmp_path / "here"), str(tmp_path / "link"), "../here", kept[0], *kept[1:]]
    assert without_current_folder(given) == kept
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([kept[1], ""]))
    monkeypatch.setenv("PYTHONSTARTUP", "start.py")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    with deaf_to_current_folder():
        assert (os.environ["PYTHONPATH"], os.environ["PYTHONSAFEPATH"]) == (kept[1], "1")
        assert "PYTHONSTARTUP" not in os.environ
    assert (os.environ["PYTHONPATH"], os.environ["PYTHONSTARTUP"]) == (os.pathsep.join([kept[1], ""]), "start.py")
    assert "PYTHONSAFEPATH" not in os.environ


def test_no_program_of_the_current_folder_is_run_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "quarto").write_text("#!/bin/sh\n")
    (tmp_path / "quarto").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for entry in ("", ".", "../" + tmp_path.name):
        monkeypatch.setenv("PATH", os.pathsep.join([entry, "/usr/bin"]))
        with deaf_to_current_folder():
            assert os.environ["PATH"] == "/usr/bin"
    monkeypatch.setenv("LD_LIBRARY_PATH", ":/usr/lib:lib")
    with deaf_to_current_folder():
        assert os.environ["LD_LIBRARY_PATH"] == "/usr/lib"


def test_pandoc_is_the_pinned_one_whatever_lies_on_path_and_in_the_home(tmp_path, monkeypatch):
    fake = tmp_path / "bin" / "pandoc"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\necho pandoc 99.9\n")
    fake.chmod(0o755)
    template = tmp_path / ".local" / "share" / "pandoc" / "templates" / "default.html5"
    template.parent.mkdir(parents=True)
    template.write_text("HOSTILE $body$")
    for name, value in (("PATH", str(fake.parent)), ("PYPANDOC_PANDOC", str(fake)), ("HOME", str(tmp_path)), ("XDG_DATA_HOME", "")):
        monkeypatch.setenv(name, value)
    pandoc._pinned.cache_clear()
    pandoc.pandoc_record.cache_clear()
    assert "HOSTILE" not in pandoc.run_pandoc(["-s", "-f", "markdown", "-t", "html"], given=b"a word").decode()
    record = pandoc.pandoc_record()
    assert record["version"].split(".")[0] in {"3", "4"}
    assert len(record["sha256"]) == 64
    assert not (tmp_path / "ran").exists()


def test_pandoc_that_is_missing_or_was_replaced_is_refused(tmp_path, monkeypatch):
    from importlib import metadata

    class Recorded:
        """A file as an installed package lists it: its wheel's SHA-256 is that of nothing."""

        stem, parent = "pandoc", Path("pypandoc/files")
        hash = metadata.FileHash("sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")

        def locate(self) -> Path:
            return tmp_path / "pandoc"

    for listed in ([Recorded()], []):
        monkeypatch.setattr(metadata, "files", lambda _name, listed=listed: listed)
        with pytest.raises(ReportError, match=r"pypandoc-binary: pandoc is not there .*pip install --force-reinstall"):
            pandoc._pinned.__wrapped__()
    (tmp_path / "pandoc").write_bytes(b"")
    monkeypatch.setattr(metadata, "files", lambda _name: [Recorded()])
    assert pandoc._pinned.__wrapped__()[0] == tmp_path / "pandoc"
    (tmp_path / "pandoc").write_bytes(b"another program")
    with pytest.raises(ReportError, match="is not the pandoc of its package"):
        pandoc._pinned.__wrapped__()


def test_figures_are_drawn_by_our_settings_whatever_was_set_before(monkeypatch):
    import matplotlib as mpl

    from cgbm1_report.tabulate.canvas import open_canvas, save_canvas

    plain = save_canvas(open_canvas(1, 1))
    monkeypatch.setitem(mpl.rcParams, "figure.facecolor", "red")
    assert save_canvas(open_canvas(1, 1)) == plain


def test_grammar_that_jupyterlab_brings_is_not_compiled_in_every_process() -> None:
    """With it a process that reads a notebook starts seconds later."""
    asked = (
        "from cgbm1_report.system.importing import leave_grammar_out; leave_grammar_out()\n"
        "import nbformat, sys; print(sorted({'lark', 'rfc3987_syntax.syntax_helpers'} & set(sys.modules)))\n"
        "nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell('words')]))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
