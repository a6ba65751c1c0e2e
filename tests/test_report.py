"""The whole run: whole or absent, the same twice, blind until unblinded."""

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from pypdf import PdfReader

from cgbm1_report.build import make as make_module
from cgbm1_report.build.failed import forget_failed
from cgbm1_report.build.gate import pooled_phases
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.errors import PlanError, ReportError
from cgbm1_report.notebook.receipts import PLACE
from cgbm1_report.notebook.session import open_report
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.read.cut import read_cut
from cgbm1_report.tabulate.files import file_stem
from cgbm1_report.tabulate.results import ARD_COLUMNS
from tests.drawn import our_trial
from tests.quarto_standin import write_quarto
from tests.test_ars_json import faults

FEW = ("T14.1.4.1", "T14.3.1.2.2", "F14.2.1.2", "L16.2.7.1.1")
ANY_TEAE = '[["TRTEMFL","Y"]]'
REFERENCE = Path(__file__).parents[1] / "templates" / "reference.docx"
PILOT = Path(__file__).parent / "pilot" / "trial.yaml"


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def few(final_cut, read_once, tmp_path_factory) -> Path:
    """Of what was read of the cut once per run; the build that must be equal to it reads anew."""
    out = tmp_path_factory.mktemp("build") / "few"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_module, "read_data", read_once)
        return build_report(Request(cut=final_cut, out=out, only=FEW))


#: No count asks for what was reported, only for what it was coded to.
HOSTILE = '<script>alert(1)</script> {{< include /etc/passwd >}} ```x``` #eval("1") \\input{a} | ]]> \x07 广州 =1+1'


@pytest.fixture(scope="module")
def pilot(pilot_cut, tmp_path_factory) -> Path:
    """The public pilot study, the verbatim term of its first event hostile."""
    folder = tmp_path_factory.mktemp("pilot")
    (folder / "cut" / "adam").mkdir(parents=True)
    adam = dict(read_cut(pilot_cut, read_trial(PILOT)).adam)
    adam["ADAE"] = adam["ADAE"].assign(AETERM=adam["ADAE"]["AETERM"].mask(adam["ADAE"].index == 0, HOSTILE))
    for name, frame in adam.items():
        frame.to_parquet(folder / "cut" / "adam" / f"{'adlbc' if name == 'ADLB' else name.lower()}.parquet")
    return build_report(Request(cut=folder / "cut", out=folder / "build", trial=PILOT))


def test_section_shows_itself_again_to_an_analyst_and_once_in_a_build(few, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *_, metadata, **__: shown.append(metadata[PLACE]["is"]))
    report = open_report(few, 1)
    for _ in range(2):
        report.show_section("14.1")
    assert shown == ["heading", "lead", "output", "output"], "the head once, the section's only output again"
    with pytest.raises(PlanError, match=r"section 14\.1 is shown twice in one notebook"):
        replace(report, building=True).show_section("14.1")


def test_an_analyst_is_told_in_one_line_what_is_not_there(few, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle))
    report = open_report(few, 1)
    # Made with the eyes of an open phase, a blind one would be seen.
    for number in ("T14.3.1.2.2", "t14.3.1.2.2", "Table 14-3-1-2-2"):
        report.show(number)
        with pytest.raises(PlanError, match="is of phase 2, and this report was opened for phase 1"):
            report.output(number)
    assert report.output("t14.1.4").number == "T14.1.4.1"
    other = f'is of phase 2, and this report was opened for phase 1: open cg.open_report("{few}", phase=2)'
    assert shown == [{"text/plain": f"{number} {other}"} for number in ("T14.3.1.2.2", "t14.3.1.2.2", "Table 14-3-1-2-2")]
    with pytest.raises(PlanError) as lost:
        report.data["adsll"]
    told = "NoDatasetError: 'adsll' is no dataset of this build [rule: report.data] Remedy: did you mean ADSL"
    (line,) = lost.value._render_traceback_()
    assert line.startswith(told)
    assert report.data["adsl"].equals(report.data["ADSL"])  # as in a cut, letter case means nothing
    assert "ADXX" not in report.data
    assert report.data.get("ADXX") is None
    with pytest.raises(PlanError, match=r"'T14\.1\.44' is unknown.*did you mean T14\.1\.4"):
        report.show("T14.1.44")


def test_an_analyst_finds_outputs_by_words_and_datasets_by_name(few):
    report = open_report(few, "2")
    assert repr(report) == "<Report few: Phase 2, 106 outputs>"
    assert repr(report.output("T14.1.4")) == "<Table 14.1.4.2: Demographic and Baseline Characteristics>"
    listed = report.list()
    assert list(listed.columns) == ["title", "population", "code", "section", "data"]
    assert listed.index.str.endswith(".2").all()
    # By title, by section in other letters, by dataset; all words, in any order.
    assert list(report.find("baseline DEMOGRAPHIC").index) == ["T14.1.4.2", "T14.1.5.2", "L16.2.4.2.2"]
    assert {"T14.2.1.2", "F14.2.1.2"} < set(report.find("efficacy").index)
    assert set(report.find("adis").index) == {number for number, data in listed["data"].items() if "ADIS" in data.split(", ")}
    assert report.find("qqqq").empty
    assert repr(report.find("qqqq")) == 'nothing holds "qqqq"'
    assert set(listed["code"]) >= {"SAF", "FAS"}
    pd.testing.assert_frame_equal(report.adae, report.data["ADAE"])
    assert "adae" in dir(report)
    with pytest.raises(AttributeError, match="no such dataset: did you mean ADAE"):
        report.adaee  # noqa: B018
    with pytest.raises(PlanError, match=r"phase three is not declared.*use one of \(1, 2\)"):
        open_report(few, "three")


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ({"row": {"SX": "M"}}, "did you mean SEX?"),
        ({"row": {"SEX": "m"}}, "did you mean SEX = M?"),
        ({"row": {"SEX": "M"}, "column": "Ttoal"}, r"did you mean Total\? it has: "),
        ({"row": {"SEX": "M"}, "column": "Total", "stat": "nn"}, r"did you mean n\b.*it has: "),
    ],
)
def test_what_was_meant_by_a_misspelt_row_column_or_statistic_is_named(few, asked, near):
    report = open_report(few, 1)
    for ask in (report.value, report.who):
        with pytest.raises(PlanError, match=near):
            ask("T14.1.4", **{"column": "Total", **asked})


def test_words_that_nothing_holds_are_told_with_those_near(few):
    lost = open_report(few, 1).find("laboratry livr")
    assert lost.empty
    assert repr(lost).startswith('nothing holds "laboratry livr"; near: laboratory, ')
    assert "liver" in repr(lost)
    assert lost._repr_html_().startswith("<p>nothing holds &quot;laboratry livr&quot;; near: laboratory")
    # What is made of it is a frame as any other, and shows itself whole.
    assert list(lost.reset_index().columns) == ["number", *lost.columns]


def test_who_stands_behind_a_count_are_the_subjects_of_the_data(few):
    report = open_report(few, 1)
    adsl = report.adsl
    own = adsl[(adsl["PHASE"] == 1) & (adsl["FASFL"] == "Y")]
    men = report.who("T14.1.4", row={"SEX": "M"}, column="Total")
    assert men["USUBJID"].tolist() == own.loc[own["SEX"] == "M", "USUBJID"].tolist()
    assert len(men) == int(report.value("T14.1.4", row={"SEX": "M"}, column="Total", stat="n")) > 0
    assert list(men.columns) == list(adsl.columns)
    low = report.who("T14.1.4", row={"SEX": "M"}, column="Low")
    assert low["USUBJID"].tolist() == own.loc[(own["SEX"] == "M") & (own["TRT01P"] == "Low"), "USUBJID"].tolist()
    with pytest.raises(PlanError, match=r"of T14\.1\.4\.1 counts no subjects.*name a count of subjects"):
        report.who("T14.1.4", row={"AGE": None}, column="Total", stat="mean")


def test_an_output_that_a_cell_ends_with_is_shown_as_printed(few, monkeypatch):
    from IPython.core.formatters import DisplayFormatter

    shell = SimpleNamespace(display_formatter=DisplayFormatter())
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    report = open_report(few, 1)
    shown, _ = shell.display_formatter.format(report.output("T14.1.4"))
    assert "<table" in shown["text/html"]
    assert shown["text/plain"].startswith("Table 14.1.4.1 Demographic and Baseline Characteristics")
    shown, _ = shell.display_formatter.format(report)
    assert shown == {"text/plain": "<Report few: Phase 1, 98 outputs>"}


def test_an_analyst_sees_an_output_that_the_build_did_not_select(few, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle))
    report = open_report(few, 1)
    report.show("F14.2.1")
    assert list(shown[0]) == ["text/html", "text/markdown", "image/png", "text/plain"]
    assert " | Low | n.risk: 3\n" in shown[0]["text/plain"], "a figure's numbers stand in its text"


def test_a_long_listing_is_a_page_on_a_screen_and_whole_where_quarto_makes_a_document(few, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle["text/html"].count("<tr>")))
    monkeypatch.setattr("cgbm1_report.emit.bundle.PAGE_ROWS", 20)
    report = open_report(few, 1)
    rows = len(report.output("L16.2.7.1").rows)
    report.show("L16.2.7.1")
    report.show("L16.2.7.1", page="all")
    monkeypatch.setenv("QUARTO_EXECUTE_INFO", "execute-info.json")
    report.show("L16.2.7.1")
    # The row of the notes, besides those of the records.
    assert shown[0] <= 20 + 1 < rows
    assert shown[1:] == [rows + 1] * 2


@pytest.mark.parametrize("number", [14.2, 14, None])
def test_number_that_is_no_text_is_refused_in_words(few, number):
    report = open_report(few, 1)
    for ask in (report.show_section, report.section, report.show, report.output):
        with pytest.raises(PlanError, match=r"is no text.*in quotes"):
            ask(number)


def test_build_folder_holds_everything_it_promises(few):
    names = {path.name for path in few.iterdir()}
    assert {"report.html", "report.docx", "report.pdf", "index.html", "outputs", "adam", "ard.parquet", "ars.json"} <= names
    assert {"notebooks", "findings.html", "findings.csv", "findings.json", "findings.xlsx", "manifest.json", "build.log"} <= names
    for number in FEW:
        for suffix in ("html", "docx", "pdf", "rtf", "csv", "json"):
            assert (few / "outputs" / f"{file_stem(number)}.{suffix}").stat().st_size > 100


def test_a_notebook_of_a_build_renders_with_quarto_by_itself(few, tmp_path):
    """A user's first try, ``quarto render NOTEBOOK --to typst``, in a copy of the folder."""
    folder = shutil.copytree(few / "notebooks", tmp_path / "notebooks")
    quarto = write_quarto(tmp_path / "bin")
    for target, name in (("typst", "pdf"), ("docx", "docx"), ("html", "html")):
        command = [quarto, "render", "03_safety_phase2.ipynb", "--to", target, "--output", f"made.{name}"]
        subprocess.run(command, cwd=folder, check=True, env=os.environ | {"SOURCE_DATE_EPOCH": "315532800"})
    pages = [page.extract_text() for page in PdfReader(folder / "made.pdf").pages]
    assert "14.3.1 Displays of Adverse Events" in pages[1]
    assert any("Table 14.3.1.2.2" in page and "Protocol" in page for page in pages)
    assert "Safety" in (folder / "made.html").read_text("utf-8")
    with zipfile.ZipFile(folder / "made.docx") as package:
        assert any("Protocol" in package.read(name).decode() for name in package.namelist() if "header" in name)
    assert all(
        isinstance(cell["source"], list) for path in folder.glob("*.ipynb") for cell in json.loads(path.read_text())["cells"]
    )


def test_manifest_names_every_file_with_its_hash_and_every_output(few):
    manifest = json.loads((few / "manifest.json").read_text())
    files = {str(path.relative_to(few)) for path in few.rglob("*") if path.is_file()} - {"manifest.json"}
    assert files == set(manifest["files"])
    for name, expected in manifest["files"].items():
        assert hashlib.sha256((few / name).read_bytes()).hexdigest() == expected
    assert manifest["outputs"] == dict.fromkeys(sorted(FEW, key=list(manifest["outputs"]).index), "made")
    assert any(name.endswith("dm.xpt") for name in manifest["inputs"])
    assert manifest["engine"]["name"] in ("embedded", "quarto")
    assert manifest["packages"]["pandas"].startswith("3")


@pytest.mark.usefixtures("shared_cuts_are_read")
@pytest.mark.parametrize(("formats", "whole"), [(("rtf",), set()), (("docx", "html"), {"report.docx", "report.html"})])
def test_formats_decide_the_report_and_every_output(formats, whole, young_cut, tmp_path):
    out = build_report(Request(cut=young_cut, out=tmp_path / "b", only=("T14.1.4.1",), dose_group="all", phase=1, formats=formats))
    assert {path.name for path in out.glob("report.*")} == whole
    made = {path.name for path in (out / "outputs").iterdir()}
    assert made == {f"t-14-1-4-1.{suffix}" for suffix in (*formats, "csv", "json")}
    index = (out / "index.html").read_text()
    assert set(re.findall(r'href="outputs/([^"]+)"', index)) == made
    assert not (out / "results").exists()


@pytest.mark.usefixtures("shared_cuts_are_read")
def test_sponsors_template_styles_report_and_outputs_and_is_named_by_its_hash(young_cut, tmp_path):
    template = tmp_path / "sponsor.docx"
    with zipfile.ZipFile(REFERENCE) as ours, zipfile.ZipFile(template, "w") as theirs:
        for name in ours.namelist():
            theirs.writestr(name, ours.read(name).replace(b'"Arial"', b'"Georgia"'))
    request = Request(cut=young_cut, out=tmp_path / "b", only=("T14.1.4.1",), phase=1, formats=("docx",), reference_doc=template)
    out = build_report(request)
    for path in (out / "report.docx", out / "outputs" / "t-14-1-4-1.docx"):
        with zipfile.ZipFile(path) as package:
            styles = package.read("word/styles.xml")
        assert b"Georgia" in styles
        assert b"Arial" not in styles
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["look"] == {"reference_doc": {"sha256": hashlib.sha256(template.read_bytes()).hexdigest()}}


def test_results_of_all_outputs_stand_in_one_frame(few):
    ard = pd.read_parquet(few / "ard.parquet")
    assert list(ard.columns) == list(ARD_COLUMNS)
    assert set(ard["output"]) == set(FEW)
    cell = ard[(ard["output"] == "T14.3.1.2.2") & (ard["row"] == ANY_TEAE) & (ard["stat_name"] == "n")]
    assert (cell["stat"] == cell["subjects"].map(len)).all()


def test_analysis_results_standard_holds_every_number_that_is_printed(few):
    event = json.loads((few / "ars.json").read_text(encoding="utf-8"))
    assert faults(event) == []
    assert [output["id"] for output in event["outputs"]] == ["T14.1.4.1", "F14.2.1.2", "T14.3.1.2.2", "L16.2.7.1.1"]
    ard = pd.read_parquet(few / "ard.parquet")
    printed = ard[ard["stat_fmt"].notna() & (ard["context"] != "text")]
    ours = Counter(zip(printed["output"], printed["context"], printed["stat_name"], printed["stat_fmt"], strict=True))
    told = Counter(
        (analysis["id"].rpartition(".")[0], *result["operationId"].removeprefix("METHOD.").split(".", 1), result["formattedValue"])
        for analysis in event["analyses"]
        for result in analysis["results"]
        if "formattedValue" in result
    )
    assert sum(told.values()) > 400
    assert told == ours
    with_value = sum("rawValue" in result for analysis in event["analyses"] for result in analysis["results"])
    assert with_value == int(ard["stat"].notna().sum())


def test_pdf_pages_are_numbered_true_and_carry_the_protocol(few):
    pages = [page.extract_text() for page in PdfReader(few / "report.pdf").pages]
    numbered = [re.search(r"Page (\d+) of (\d+)", text) for text in pages]
    assert all(found is None or (int(found[1]), int(found[2])) == (index, len(pages)) for index, found in enumerate(numbered, 1))
    assert sum(found is not None for found in numbered) >= len(pages) - 1
    assert all("NCT06740149" in text for text in pages)
    assert any("Table 14.3.1.2.2" in text for text in pages)


@pytest.mark.long  # Of one output, in every file: test_chain.py.
def test_two_builds_of_one_cut_are_byte_identical(few, final_cut, tmp_path):
    again = build_report(Request(cut=final_cut, out=tmp_path / "again", only=FEW))
    assert digest(again) == digest(few)


@pytest.mark.long  # Of single cells in both engines: test_cells.py.
@pytest.mark.usefixtures("shared_cuts_are_read")
def test_stock_engine_gives_the_same_outputs_as_the_preloaded_one(young_cut, tmp_path):
    """Of one notebook in one format; the formats are made of the same notebook afterwards."""
    asked = {"only": FEW[:1], "phase": 1, "dose_group": "all", "formats": ("html",)}
    built = [
        build_report(Request(cut=young_cut, out=tmp_path / one, notebook_engine=one, **asked)) for one in ("stock", "preloaded")
    ]
    stock, ours = ({name: value for name, value in digest(one).items() if name.startswith(("outputs/", "ard.parquet", "notebooks/"))} for one in built)  # fmt: skip
    assert stock == ours
    assert {"ard.parquet", "outputs/t-14-1-4-1.html"} <= stock.keys()


def test_pilot_study_has_its_published_counts_of_subjects_with_any_teae(pilot):
    """Published: Placebo 65 of 86, Xanomeline Low 77 of 84, Xanomeline High 76 of 84."""
    ard = pd.read_parquet(pilot / "ard.parquet")
    anyone = ard[(ard["output"] == "T14.3.1.2.1") & (ard["row"] == ANY_TEAE)]
    n = anyone[anyone["stat_name"] == "n"].set_index("column")["stat"]
    total = anyone[anyone["stat_name"] == "N"].set_index("column")["stat"]
    assert (n["Placebo"], total["Placebo"]) == (65, 86)
    assert (n["Xanomeline Low Dose"], total["Xanomeline Low Dose"]) == (77, 84)
    assert (n["Xanomeline High Dose"], total["Xanomeline High Dose"]) == (76, 84)
    # CDISC pilot clinical study report, Table 14-5.01: application site pruritus.
    pruritus = ard[
        (ard["variable_level"] == "APPLICATION SITE PRURITUS") & (ard["stat_name"] == "n") & (ard["output"] == "T14.3.1.2.1")
    ]
    assert pruritus.set_index("column")["stat"].tolist() == [6, 22, 22, 50]
    for name in ("report.docx", "report.pdf"):
        assert (pilot / name).stat().st_size > 10_000


@pytest.mark.usefixtures("shared_cuts_are_read")
def test_phase_two_is_pooled_while_the_cut_holds_no_unblinding_record(young_cut, tmp_path):
    trial = our_trial()
    assert pooled_phases(trial, read_cut(young_cut, trial)) == {2}
    # Of each kind of output one: every page of a blind phase is among the snapshots.
    only = (
        "T14.1.1",
        "T14.1.4",
        "T14.1.9",
        "T14.2.1",
        "T14.3.1.2",
        "T14.3.4.1",
        "F14.2.1",
        "F14.3.4.1",
        "L16.2.5.1",
        "L16.2.7.1",
        "A16.1.9",
    )
    out = build_report(Request(cut=young_cut, out=tmp_path / "blind", phase=2, only=only, formats=("html",)))
    ard = pd.read_parquet(out / "ard.parquet")
    tables = ard[ard["output"].str.startswith("T")]
    assert set(tables["column"]) == {"All subjects"}
    adsl = pd.read_parquet(out / "adam" / "adsl.parquet")
    second = adsl[adsl["PHASE"] == 2]
    hidden = [
        name
        for name in ("TRT01P", "TRT01A", "ARM", "ARMCD", "ACTARM", "ACTARMCD", "RANDNO", "CUMDOSE", "TRT01PN")
        if name in second
    ]
    assert second[hidden].isna().all().all()
    assert not [path for path in (out / "notebooks").iterdir() if "P2" in path.name]
    # The methods say what was planned for whom; no page of data names an arm.
    pages = [file for file in (out / "outputs").glob("*.html") if not file.name.startswith("a-16-1-9")]
    assert pages
    assert [file.name for file in pages if "Placebo" in file.read_text("utf-8")] == []
    with pytest.raises(ReportError, match="phase 2 is blinded"):
        open_report(out, 2, "P2LOW")


def test_unblinding_record_opens_the_phase(final_cut):
    trial = our_trial()
    assert pooled_phases(trial, read_cut(final_cut, trial)) == frozenset()


@pytest.mark.parametrize(
    ("request_of", "message"),
    [
        (lambda cut: Request(cut=cut / "nowhere"), "nowhere"),
        (lambda cut: Request(cut=cut, only=("T99.1",)), "T99.1"),
        (lambda cut: Request(cut=cut, phase=3), "phase 3 is not declared"),
        (lambda cut: Request(cut=cut, dose_group="P9"), "'P9' is not declared"),
        (lambda cut: Request(cut=cut, formats=("doc",)), "format 'doc' is unknown"),
        (lambda cut: Request(cut=cut, trial=Path("absent.yaml")), "absent.yaml"),
    ],
    ids=["missing cut", "unknown output", "unknown phase", "unknown arm", "unknown format", "missing trial.yaml"],
)
def test_wrong_request_is_one_clear_error_and_leaves_nothing(request_of, message, final_cut, tmp_path):
    from dataclasses import replace

    with pytest.raises(ReportError, match=re.escape(message)):
        build_report(replace(request_of(final_cut), out=tmp_path / "out" / "build"))
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def damaged(cut: Path, tmp_path: Path, damage) -> Path:
    copy = tmp_path / "cut"
    shutil.copytree(cut, copy)
    damage(copy)
    return copy


def truncate(cut: Path) -> None:
    file = cut / "sdtm" / "lb.xpt"
    file.write_bytes(file.read_bytes()[:-3000])


def test_truncated_xpt_stops_the_build_and_names_the_file(final_cut, tmp_path):
    cut = damaged(final_cut, tmp_path, truncate)
    with pytest.raises(ReportError, match=r"lb\.xpt"):
        build_report(Request(cut=cut, out=tmp_path / "build"))
    assert [path.name for path in tmp_path.iterdir()] == ["cut"]


def test_raising_notebook_stops_the_build_and_an_earlier_build_stays(pilot, pilot_cut, tmp_path):
    target = tmp_path / "build"
    shutil.copytree(pilot, target)
    before = digest(target)
    study = tmp_path / "study"
    study.mkdir()
    shutil.copyfile(PILOT, study / "trial.yaml")
    notebook = json.loads((PILOT.parent / "pilot.ipynb").read_text())
    notebook["cells"][4]["source"] = ['raise RuntimeError("the writer slipped")']
    (study / "pilot.ipynb").write_text(json.dumps(notebook))
    kept = tmp_path / "build-failed" / "pilot_phase1.ipynb"
    with pytest.raises(ReportError, match="the writer slipped") as error:
        build_report(Request(cut=pilot_cut, out=target, trial=study / "trial.yaml"))
    assert digest(target) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build", "build-failed", "study"]
    (problem,) = error.value.problems
    # The author's fifth cell; of the executed copy, which has its parameters in a cell of their own, the sixth.
    assert problem.place == 'cell 5 (raise RuntimeError("the writer slipped"))'
    assert problem.remedy == f"mend the cell; what ran of it is kept in {kept}"
    assert "the writer slipped" in kept.read_text()
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    forget_failed(target)
    assert not kept.parent.exists()


def test_output_that_no_notebook_shows_stops_the_build(pilot_cut, tmp_path):
    study = tmp_path / "study"
    study.mkdir()
    shutil.copyfile(PILOT, study / "trial.yaml")
    notebook = json.loads((PILOT.parent / "pilot.ipynb").read_text())
    notebook["cells"] = [cell for cell in notebook["cells"] if "L16.2.7.1" not in "".join(cell["source"])]
    (study / "pilot.ipynb").write_text(json.dumps(notebook))
    with pytest.raises(ReportError, match=r"L16\.2\.7\.1\.1 is declared, but no notebook shows it"):
        build_report(Request(cut=pilot_cut, out=tmp_path / "build", trial=study / "trial.yaml"))
    assert not (tmp_path / "build").exists()


def test_folder_that_is_no_build_is_never_replaced(final_cut, tmp_path):
    precious = tmp_path / "thesis"
    precious.mkdir()
    (precious / "chapter1.txt").write_text("words")
    with pytest.raises(ReportError, match="is not a build"):
        build_report(Request(cut=final_cut, out=precious))
    assert (precious / "chapter1.txt").read_text() == "words"


@pytest.mark.runs(*(["setpriv"] if os.geteuid() == 0 else []))
def test_no_write_permission_is_a_clear_error(final_cut, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    # Root writes anywhere, but for a root without that power, which a folder's own bits hold as any user.
    as_user = ["setpriv", "--inh-caps=-dac_override", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    done = subprocess.run([*as_user, sys.executable, "-m", "cgbm1_report.cli", "build", str(final_cut), "--out", str(locked / "build")], capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 74
    assert f"{locked}: cannot be written: Permission denied" in done.stderr
    assert "choose a folder you may write to" in done.stderr
    assert list(locked.iterdir()) == []


def test_a_file_where_the_folder_should_go_is_a_clear_error(final_cut, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReportError, match="cannot be written") as caught:
        build_report(Request(cut=final_cut, out=tmp_path / "file" / "build"))
    assert "choose a folder you may write to" in str(caught.value)


def test_hostile_verbatim_term_is_harmless_text_in_every_format(pilot):
    out = pilot
    page = (out / "report.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    pages = (page.extract_text() for page in PdfReader(out / "outputs" / "l-16-2-7-1-1.pdf").pages)
    text = next(text for text in pages if "广州" in text)
    assert "{{< include" in re.sub(r"\s+", " ", text)
    with zipfile.ZipFile(out / "report.docx") as package:
        assert "&lt;script&gt;alert(1)" in package.read("word/document.xml").decode()
    for file in (out / "outputs").iterdir():
        assert b"root:x:0:0" not in file.read_bytes()
