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
from cgbm1_report.render import pandoc
from cgbm1_report.system.importing import deaf_to_current_folder, without_current_folder
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


@pytest.mark.parametrize("engine", ["preloaded", "stock"])
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

    from cgbm1_report.tabulate import draw

    plain = draw._save(draw._canvas(1, 1))
    monkeypatch.setitem(mpl.rcParams, "figure.facecolor", "red")
    assert draw._save(draw._canvas(1, 1)) == plain
