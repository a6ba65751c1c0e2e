"""A build in its place is kept where nothing has changed, and made anew where anything has."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cgbm1_report.build import make as make_module
from cgbm1_report.build import recipe as recipe_module
from cgbm1_report.build.recipe import Recipe, write_recipe
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request, settle_request
from cgbm1_report.render.engines import Engine
from cgbm1_report.system import program
from tests.drawn import our_trial
from tests.small_cut import write_cut, write_trial
from tests.test_report import digest

# ---- what a recipe is made of

TRIAL = {"file": "trial.yaml of the package", "sha256": "0" * 64}


@pytest.fixture
def cut(final_cut, tmp_path) -> Path:
    """Some files of a cut: no recipe reads what is in them."""
    made = tmp_path / "cut"
    (made / "sdtm").mkdir(parents=True)
    for name in ("dm", "ae", "ex"):
        shutil.copy(final_cut / "sdtm" / f"{name}.xpt", made / "sdtm")
    shutil.copy(final_cut / "cut.json", made)
    return made


def recipe(
    cut: Path, look: str | None = None, used: dict[str, str] = TRIAL, engine: Engine | None = None, **asked: object
) -> Recipe:
    trial = our_trial()
    request = settle_request(Request(cut=cut, **asked), trial)
    return write_recipe(request, trial, used, cut / "trial.yaml", engine or Engine("embedded"), look)


def other_event(cut: Path) -> dict[str, object]:
    file = cut / "sdtm" / "ae.xpt"
    content = bytearray(file.read_bytes())
    content[-1] = ord("X")
    file.write_bytes(content)
    return {}


def file_nobody_reads(cut: Path) -> dict[str, object]:
    (cut / "notes.txt").write_text("words")
    return {}


def dataset_more(cut: Path) -> dict[str, object]:
    shutil.copy(cut / "sdtm" / "ae.xpt", cut / "sdtm" / "mh.xpt")
    return {}


def earlier_build(cut: Path) -> dict[str, object]:
    (cut.parent / "old").mkdir()
    (cut.parent / "old" / "manifest.json").write_text("{}")
    return {"since": cut.parent / "old"}


#: What changes                               how it is asked for then
CHANGES: dict[str, Callable[[Path], dict[str, object]]] = {
    "a value of the cut": other_event,
    "a file that nobody reads": file_nobody_reads,  # the findings name it
    "a dataset": dataset_more,
    "the protocol": lambda _: {"used": {**TRIAL, "sha256": "1" * 64}},
    "whose protocol it is": lambda _: {"used": {**TRIAL, "file": "trial.yaml"}},
    "the Word template": lambda _: {"look": "2" * 64},
    "the engine": lambda _: {"engine": Engine("quarto", "/usr/bin/quarto", "1.9.38")},
    "the phase": lambda _: {"phase": 2},
    "the dose group": lambda _: {"dose_group": "all"},
    "the outputs": lambda _: {"only": ("T14.1.1",)},
    "the formats": lambda _: {"formats": ("html",)},
    "the notebooks' engine": lambda _: {"notebook_engine": "stock"},
    "supplied ADaM": lambda _: {"use_adam": True},
    "the sheet": lambda _: {"paper": "letter"},
    "the status": lambda _: {"status": "final"},
    "what changed since": earlier_build,
    "the package": lambda _: {"package": "src", "dose_group": "P1LOW", "review": "sentinel"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_recipe_is_written_where_what_decides_has_changed(cut, change):
    before = recipe(cut)
    assert before == recipe(cut)
    assert before.number != recipe(cut, **CHANGES[change](cut)).number


def test_another_recipe_is_written_where_the_program_or_what_it_stands_on_has_changed(cut, tmp_path, monkeypatch):
    before = recipe(cut)
    files = dict(program.program_files())
    assert {"build/recipe.py", "schemas/adam/adae.yaml", "templates/page.typ", "notebooks/03_safety.ipynb"} <= set(files)
    assert any(name.startswith("templates/fonts/") for name in files)
    seen = {before.number}
    for name in ("analyse/counts.py", "schemas/adam/adae.yaml", "templates/page.typ", "notebooks/03_safety.ipynb"):
        changed = tmp_path / Path(name).name
        changed.write_bytes(files[name].read_bytes() + b"\n")
        monkeypatch.setattr(program, "program_files", lambda name=name, changed=changed: ({**files, name: changed}).items())
        seen.add(recipe(cut).number)
    monkeypatch.undo()
    assert any(name.startswith("scipy-") for name in program.stands_on())
    monkeypatch.setattr(program, "stands_on", lambda: ["scipy-0.0.1.dist-info"])
    seen.add(recipe(cut).number)
    monkeypatch.undo()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    seen.add(recipe(cut).number)
    assert len(seen) == 7


def test_recipe_is_the_same_wherever_the_cut_lies_and_however_many_processes_build(cut, tmp_path):
    before = recipe(cut)
    cut.rename(tmp_path / "moved")
    assert recipe(tmp_path / "moved", jobs=7, notebook_timeout=5.0, out=tmp_path / "elsewhere") == before


def test_every_option_of_a_build_is_in_the_recipe_or_changes_no_byte():
    asked = set(Request.__dataclass_fields__)
    decides = {
        "phase",
        "dose_group",
        "only",
        "formats",
        "engine",
        "notebook_engine",
        "use_adam",
        "paper",
        "status",
        "package",
        "review",
    }
    assert asked - recipe_module._BESIDE == decides


def test_package_that_must_not_tell_treatment_has_no_recipe(cut):
    assert recipe(cut, package="dsmb") == Recipe("", {})


def test_cut_that_cannot_be_read_has_no_recipe(cut, tmp_path):
    assert recipe(tmp_path / "none") == Recipe("", {})
    (cut / "sdtm" / "ae.csv").write_text("AESEQ\n")  # a second AE
    assert recipe(cut) == Recipe("", {})


def test_recipe_of_files_that_were_changed_while_they_were_read_is_none(cut):
    made = recipe(cut)
    assert made.of(made.cut) == made.number
    assert made.of({**made.cut, "sdtm/ae.xpt": "3" * 64}) == ""


# ---- what is done with it


@pytest.fixture(scope="module")
def built(final_cut, read_once, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_module, "read_data", read_once)
        write_trial(folder / "study", "01_subjects.ipynb")
        return build_report(_ask(final_cut, folder / "build"))


def _ask(cut: Path, out: Path) -> Request:
    """One table, of the one notebook of a study beside it."""
    return Request(cut, out, out.parent / "study" / "trial.yaml", 1, only=("T14.1.4.1",), formats=("html",))


@pytest.fixture
def asked(final_cut, built) -> Request:
    return _ask(final_cut, built)


def events(asked: Request) -> list[str]:
    told: list[str] = []
    build_report(asked, lambda event, _: told.append(event))
    return told


def test_build_is_kept_where_nothing_has_changed(asked, built, monkeypatch):
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the cut was read")

    monkeypatch.setattr(make_module, "read_data", never)
    before, place = digest(built), built.stat().st_ino
    assert events(asked) == ["engine", "kept"]
    assert (digest(built), built.stat().st_ino) == (before, place)


@pytest.mark.parametrize(
    "way", ["asked for", "another format", "a file of it changed", "a file of it gone", "its manifest without one"]
)
def test_build_is_made_where_it_was_asked_for_or_anything_differs(way, asked, built, read_once, tmp_path, monkeypatch):
    monkeypatch.setattr(make_module, "read_data", read_once)
    shutil.copytree(built, tmp_path / "build")
    own = replace(asked, out=tmp_path / "build")
    if way == "asked for":
        own = replace(own, anew=True)
    elif way == "another format":
        own = replace(own, formats=("html", "docx"))
    elif way == "its manifest without one":
        content = json.loads((tmp_path / "build" / "manifest.json").read_text())
        del content["recipe"]
        (tmp_path / "build" / "manifest.json").write_text(json.dumps(content))
    elif way == "a file of it gone":
        (tmp_path / "build" / "report.html").unlink()
    else:
        (tmp_path / "build" / "report.html").write_text("changed")
        # What somebody changed is neither kept nor replaced.
        with pytest.raises(make_module.ReportError, match="was changed since the build"):
            events(own)
        return
    assert "done" in events(own)
    if way != "another format":
        assert digest(tmp_path / "build") == digest(built)


def test_notebook_of_the_sponsor_that_is_changed_while_a_build_is_made_stops_it(tmp_path, monkeypatch):
    """It may have run as it was or as it is: the number of the build would be that of the other."""
    cut, trial = write_cut(tmp_path / "cut"), write_trial(tmp_path / "study", "01_subjects.ipynb")
    notebook, run = trial.with_name("01_subjects.ipynb"), make_module._run

    def change(*given: object) -> object:
        witness = run(*given)
        notebook.write_text(notebook.read_text() + " ")
        return witness

    monkeypatch.setattr(make_module, "_run", change)
    asked = Request(cut=cut, trial=trial, out=tmp_path / "build", only=("T14.1.4.1",), formats=("html",))
    with pytest.raises(make_module.ReportError, match=rf"{notebook.name}: was changed while the build was made"):
        events(asked)
    assert not (tmp_path / "build").exists()
