"""The analyst's study: narrowed, varied, asked; its numbers are the report's, and what is narrowed says so."""

from __future__ import annotations

import functools
import inspect
import json
import logging
import re
import shutil
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import cgbm1_report as cg
from cgbm1_report.build import kept
from cgbm1_report.build.compared import settle_form
from cgbm1_report.build.report import build_report
from cgbm1_report.build.request import Request
from cgbm1_report.build.workbook import write_workbook
from cgbm1_report.compare import compare_sides
from cgbm1_report.compare.sides import Side
from cgbm1_report.errors import ReportError
from cgbm1_report.explore import study as study_module
from cgbm1_report.explore.notebook import write_notebook
from cgbm1_report.explore.progress import follow_steps
from cgbm1_report.explore.sheets import OpenFigure, OpenTable
from cgbm1_report.notebook import session
from cgbm1_report.notebook.run import NotebookJob, run_notebooks
from cgbm1_report.outputs.adverse_events import EMERGENT, read_emergent
from cgbm1_report.protocol.trial import POOLED
from cgbm1_report.rows import read_key
from cgbm1_report.tabulate.builders import Selection, count_rows
from cgbm1_report.tabulate.declare import Drawing, Summary
from cgbm1_report.tabulate.view import View
from tests.drawn import our_trial


@pytest.fixture(scope="module")
def study(final_cut: Path, read_once: Any) -> cg.Study:
    """Phase 2 of the final cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "read_data", read_once)
        return cg.open_cut(final_cut, phase="2")


def test_datasets_stand_in_one_order_whether_the_study_was_derived_or_kept(study: cg.Study) -> None:
    """A build has them A to Z, as a kept study has; a message that names them would else say another thing the second time."""
    assert list(study.data) == sorted(study.data)
    who = study.adae["USUBJID"].iloc[0]
    there = [name for name in sorted(study.data) if "USUBJID" in study.data[name] and study.data[name]["USUBJID"].eq(who).any()]
    assert list(study.profile(who)) == there
    with pytest.raises(ReportError) as caught:
        study.profile(who)["AE"]
    assert str(caught.value).endswith(f"Remedy: there are {', '.join(there)}")


def test_study_of_a_cut_says_what_a_build_of_it_says(study: cg.Study, shared_cuts_are_read: None, tmp_path: Path) -> None:
    made = build_report(Request(cut=study.folder, out=tmp_path / "build", only=("T14.3.1.2.2",), phase=2, formats=("html",)))
    report = cg.open_report(made, 2)
    assert isinstance(report, cg.Study)
    there, here = report.output("T14.3.1.2"), study.output("T14.3.1.2")
    assert here.rows == there.rows
    assert here.columns == there.columns
    pd.testing.assert_frame_equal(here.ard, there.ard)
    assert repr(study) == f"<Study cut: Phase 2, {len(study.list())} outputs>"
    # A build knows no path of the cut that it was made of: its cut-off tells it apart from others.
    # Its data are of everybody: what a package leaves out would be shown as the package's.
    with pytest.raises(ReportError, match="is a build of the report, not of package dsmb"):
        cg.open_report(made, 2, package="dsmb")
    with pytest.raises(ReportError, match=f"derived already .*open the cut of {study.stamp.cutoff} that it was built of"):
        report.what_if(tte_plus_one=True)


def test_rows_behind_a_count_are_of_those_who_were_counted(study: cg.Study) -> None:
    """Which records these are the second count says; who was counted, the first."""
    made = study.output("T14.3.1.2")
    counted = made.ard[(made.ard["stat_name"] == "n") & made.ard["subjects"].map(lambda own: own is not None and len(own) > 2)]
    asked = counted.drop_duplicates("row").head(12)
    for one in asked.itertuples():
        row = dict(read_key(one.row))
        found = study.rows_behind("T14.3.1.2", row, one.column)
        assert found.attrs["dataset"] == "ADAE"
        assert sorted(set(found["USUBJID"])) == sorted(one.subjects)
        events = made.ard[(made.ard["row"] == one.row) & (made.ard["column"] == one.column) & (made.ard["stat_name"] == "n_events")]
        assert len(found) == events["stat"].iloc[0]
        assert all((found[name] == level).all() for name, level in row.items())


def test_results_behind_a_cell_of_a_shift_are_those_of_its_subjects_and_its_test(study: cg.Study) -> None:
    """The cell counts subjects; the worst of each one's results is the level that it stands for."""
    ard = study.output("T14.3.4.2").ard
    counted = ard[
        (ard["stat_name"] == "n") & (ard["stat"] >= 2) & ard["row"].str.contains(r'BTOXGRH","\d"\],\["worst grade","[1-4]')
    ]
    one = counted.sort_values("stat").iloc[-1]
    row = dict(read_key(one["row"]))
    subjects = study.rows_behind("T14.3.4.2", row, one["column"], "n")
    assert subjects.attrs["dataset"] == "ADSL"
    assert sorted(subjects["USUBJID"]) == sorted(one["subjects"])
    results = study.rows_behind("T14.3.4.2", row, one["column"], "n", dataset="ADLB")
    adlb = study.data["ADLB"]
    wanted = adlb[adlb["USUBJID"].isin(one["subjects"]) & (adlb["PARAMCD"] == row["PARAMCD"]) & (adlb["ONTRTFL"] == "Y")]
    if "DTYPE" in wanted:
        wanted = wanted[wanted["DTYPE"].isna()]
    assert results.attrs["dataset"] == "ADLB"
    pd.testing.assert_frame_equal(results, wanted.reset_index(drop=True), check_flags=False)
    assert set(results.groupby("USUBJID")["ATOXGRH"].max()) == {row["worst grade"]}
    assert set(results["BTOXGRH"]) == {row["BTOXGRH"]}
    # Of events that are their own dataset nothing else is given, and of a dataset that it is not made of nothing.
    term = {"AEDECOD": "Pyrexia"}
    events = [study.rows_behind("T14.3.1.2", term, "Total", dataset=name) for name in (None, "adae")]
    pd.testing.assert_frame_equal(*events)
    assert set(study.rows_behind("T14.3.1.2", term, "Total", dataset="ADSL")["USUBJID"]) == set(events[0]["USUBJID"])
    with pytest.raises(ReportError, match=r"is not made of ADLB .*it is one of ADAE, ADSL"):
        study.rows_behind("T14.3.1.2", term, "Total", dataset="ADLB")


def test_rows_behind_a_mean_have_that_mean(study: cg.Study) -> None:
    row = {"AGE": None, "statistic": "Mean (SD)"}
    ages = study.rows_behind("T14.1.4", row, "Total")["AGE"]
    assert study.value("T14.1.4", row, "Total") == f"{ages.mean():.1f} ({ages.std():.2f})"


def test_narrowed_study_counts_whom_the_condition_names_and_says_so(study: cg.Study) -> None:
    old = study.where("AGE >= 50 and SEX == 'M'", label="men of 50 or more")
    adsl = study.data["ADSL"]
    wanted = adsl[(adsl["AGE"] >= 50) & (adsl["SEX"] == "M")]
    assert set(old.data["ADSL"]["USUBJID"]) == set(wanted["USUBJID"])
    assert all(set(frame["USUBJID"]) <= set(wanted["USUBJID"]) for frame in old.data.values() if "USUBJID" in frame)
    made = old.output("T14.1.4")
    assert made.title.endswith("[men of 50 or more]")
    # The line of the source says the label, and what it stands for; the list says what the outputs say.
    assert made.source == "ADSL; FASFL = Y; men of 50 or more: AGE >= 50 and SEX == 'M'"
    assert old.list().loc["T14.1.4.2", "title"] == made.title
    assert old.find("demographic characteristics")["title"].str.endswith("[men of 50 or more]").all()
    assert old.find("men").equals(study.find("men").assign(title=lambda one: one["title"] + " [men of 50 or more]"))
    assert int((wanted["RANDFL"] == "Y").sum()) == made.columns[-1].N
    # The study it was made of is as it was; a second condition joins the first.
    assert not study.output("T14.1.4").title.endswith("]")
    both = old.filter(population="SAF", arm="Low")
    assert both.label == "men of 50 or more; SAF, Low"
    assert both.output("T14.1.4").source.endswith("; men of 50 or more: AGE >= 50 and SEX == 'M'; SAF, Low")
    assert study.filter(arm="lOW").label == "Low"
    assert set(both.data["ADSL"]["TRT01A"]) == {"Low"}


def test_narrowed_study_of_somebody_shows_its_outputs(study: cg.Study) -> None:
    some = study.where("AGE >= 60")
    for number in ("T14.1.1", "T14.3.1.1", "T14.3.1.2", "L16.2.7.1", "F14.2.1"):
        assert "AGE >= 60" in some.output(number).title


def test_other_switches_are_derived_anew(
    study: cg.Study, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from cgbm1_report.build.gate import read_data

    asked = []

    def read(cut: Path, trial: Any, **more: Any) -> Any:
        asked.append(trial.switches.tte_plus_one)
        return read_data(cut, trial, **more)

    monkeypatch.setattr(study_module, "read_data", read)
    caplog.set_level(logging.INFO)
    varied = study.what_if(tte_plus_one=True)
    assert asked == [True]
    steps = [told.partition(":")[0] for told in caplog.messages]
    assert [one for one in steps if one in ("read", "validate", "derive")] == ["read", "validate", "derive"]
    before, now = (one.data["ADTTE"].set_index(["USUBJID", "PARAMCD"])["AVAL"] for one in (study, varied))
    # Times that count their first day are one longer.
    assert ((now - before).dropna() == 1).all()
    assert varied.output("T14.2.1").title.endswith("[what if tte_plus_one = True]")


def test_a_narrowed_study_that_is_varied_is_of_those_of_whom_its_conditions_hold(
    study: cg.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    longer = {**study.data, "ADTTE": study.data["ADTTE"].assign(AVAL=lambda one: one["AVAL"] + 1)}
    monkeypatch.setattr(study_module, "read_data", lambda *_, **__: SimpleNamespace(adam=longer))
    older = study.where("AGE >= 60", label="aged 60 or over")
    varied = older.what_if(tte_plus_one=True)
    adsl = study.data["ADSL"]
    assert set(varied.data["ADSL"]["USUBJID"]) == set(adsl.loc[adsl["AGE"] >= 60, "USUBJID"])
    assert varied.label == "aged 60 or over; what if tte_plus_one = True"
    made = older.output("T14.1.4"), varied.output("T14.1.4")
    assert [dict(row.cells) for row in made[0].rows] == [dict(row.cells) for row in made[1].rows]
    before, now = (one.data["ADTTE"].set_index(["USUBJID", "PARAMCD"])["AVAL"] for one in (older, varied))
    assert ((now - before).dropna() == 1).all()


def test_a_narrowed_study_shows_what_the_whole_one_has_shown(study: cg.Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.show("T14.1.4")
    capsys.readouterr()
    study.where("AGE >= 50").show_section("14.1")
    assert "Demographic" in capsys.readouterr().out


def test_sql_asks_the_datasets_and_nothing_else(study: cg.Study) -> None:
    told = study.sql("SELECT SEX, count(*) AS n FROM adsl WHERE PHASE = 2 AND RANDFL = 'Y' GROUP BY SEX ORDER BY SEX")
    adsl = study.data["ADSL"].query("PHASE == 2 and RANDFL == 'Y'")
    assert dict(zip(told["SEX"], told["n"], strict=True)) == adsl["SEX"].value_counts().to_dict()
    for question, said in (
        (
            "SELECT * FROM adls",
            "adls is no dataset of this study [rule: study.sql] Remedy: did you mean adsl or adis? tables are adae, adce, ",
        ),
        (
            "SELECT * FROM adsl JOIN adea USING (USUBJID)",
            "adea is no dataset of this study [rule: study.sql] Remedy: did you mean adae or adex?",
        ),
        ("WITH x AS (SELECT * FROM addsl) SELECT * FROM x", "addsl is no dataset"),
    ):
        with pytest.raises(ReportError, match=re.escape(said)):
            study.sql(question)
    for question in ("SELECT * FROM read_csv('/etc/hostname')", "SELECT * FROM nowhere", "COPY adsl TO '/tmp/x.csv'"):
        with pytest.raises(ReportError):
            study.sql(question)


#: A question with a name that no column has, and what mends it.
MISNAMED = [
    ('SELECT * FROM adsl WHERE SEX = "M"', "Remedy: a text stands in single quotes, 'M': double quotes name a column"),
    ("SELECT SEXX FROM adsl", "Remedy: did you mean SEX? a text stands in single quotes; DESCRIBE adsl names the columns"),
    ("SELECT AEDECOD FROM adsl", "Remedy: AEDECOD is a column of adae"),
    ("SELECT a.SEXX FROM adsl a", "Remedy: did you mean SEX?"),
]


@pytest.mark.parametrize(("question", "said"), MISNAMED)
def test_sql_says_what_mends_a_name_that_no_column_has(study: cg.Study, question: str, said: str) -> None:
    with pytest.raises(ReportError, match=re.escape(said)):
        study.sql(question)


def test_dataset_goes_by_any_case_of_letters(study: cg.Study) -> None:
    assert "adae" in study.data
    pd.testing.assert_frame_equal(study.data["adae"], study.data["ADAE"])
    with pytest.raises(KeyError, match="'adea' is no dataset of this study"):
        study.data["adea"]


def test_condition_says_whom_it_leaves_out_because_a_value_is_missing(study: cg.Study, caplog: pytest.LogCaptureFixture) -> None:
    """DTHFL is Y or missing: that it is not Y is known of nobody."""
    adsl = study.data["ADSL"]
    with caplog.at_level(logging.WARNING, "cgbm1_report"):
        with pytest.raises(ReportError, match=re.escape("DTHFL is missing of some, who are found by DTHFL.isna()")):
            study.where('DTHFL != "Y"')
        own = adsl[adsl["PHASE"] == 2]
        assert 0 < len(own) < len(adsl)
        assert f"is unknown of {own['DTHFL'].isna().sum()} of {len(own)} subjects of the phase, who are left out" in caplog.text
        caplog.clear()
        study.where("AGE >= 18")
        assert caplog.text == ""


def test_figure_of_a_notebook_is_shown_and_its_drawing_is_said_not_to_be_checked(study: cg.Study) -> None:
    def declare(numbers: Any) -> None:
        @study.own("F14.3.2.9", "Subjects", population="SAF", source=("ADSL",))
        def drawn(view: View) -> Drawing:
            made = count_rows(view, [Selection((("SEX", "M"),), "Men", view.subjects[view.subjects["SEX"] == "M"])]).numbers
            return Drawing(numbers(made), "<svg xmlns='http://www.w3.org/2000/svg'/>", "Men.")

    declare(lambda made: made)
    assert study.recount("F14.3.2.9")["drawing"].startswith("is not checked")
    #: What a function returns as numbers, and what is said of it.
    for wrong, said in (
        (lambda made: made.drop(columns=["row", "stat"]), "the numbers that drawn returns have no row, stat"),
        (lambda made: made["stat"], "the numbers that drawn returns are a Series"),
        (lambda made: made.assign(stat_name="mode"), "have statistics that no result has: mode"),
    ):
        declare(wrong)
        with pytest.raises(ReportError, match=re.escape(said)) as caught:
            study.output("F14.3.2.9")
        assert "with the columns row, column, context, stat_name, stat, subjects" in str(caught.value)


def test_kaplan_meier_estimates_are_those_of_the_report(study: cg.Study) -> None:
    """Of each column and day that the table prints, with its limits."""
    told = study.km("LTFS")
    made = study.output("T14.2.1")
    ard = made.ard[
        (made.ard["context"] == "survival_survfit") & (made.ard["variable"] == "time") & made.ard["row"].str.contains('"LTFS"')
    ]
    days = ard[ard["variable_level"].str.fullmatch(r"\d+", na=False)]
    names = {"estimate": "estimate", "conf.low": "conf_low", "conf.high": "conf_high"}
    compared = 0
    for one in days[days["stat_name"].isin(names) & days["stat"].notna()].itertuples():
        curve = told[(told["column"] == one.column) & (told["time"] <= float(one.variable_level))]
        assert curve[names[one.stat_name]].iloc[-1] == pytest.approx(one.stat)
        compared += 1
    assert compared >= 30


def test_curve_of_a_frame_of_ones_own_is_estimated_as_those_of_adtte(study: cg.Study) -> None:
    own = study.adtte.query("PARAMCD == 'LTFS'").assign(PARAMCD="MINE")
    pd.testing.assert_frame_equal(study.km("MINE", dataset=own), study.km("LTFS"))
    with pytest.raises(ReportError, match=r"dataset has several records of MINE of .*leave one time of each subject"):
        study.km("MINE", dataset=pd.concat([own, own]))
    with pytest.raises(ReportError, match=r"dataset has no CNSR: it holds no times to an event"):
        study.km("MINE", dataset=own.drop(columns="CNSR"))


def test_parameter_of_a_curve_goes_by_its_code_or_its_text_in_any_case_of_letters(study: cg.Study) -> None:
    text = study.data["ADTTE"].query("PARAMCD == 'OS'")["PARAM"].iloc[0]
    for asked in ("os", text, text.upper()):
        pd.testing.assert_frame_equal(study.km(asked), study.km("OS"))


def test_list_takes_words_as_the_command_does(study: cg.Study) -> None:
    pd.testing.assert_frame_equal(study.list("liver adlb"), study.find("liver adlb"))
    assert 0 < len(study.list("liver")) < len(study.list())


def test_printed_subject_says_what_its_record_of_adsl_has(study: cg.Study) -> None:
    """A line a variable, with its label; numbers without idle zeros, days without midnight; and what other records there are."""
    row = study.adsl.query("PHASE == 2 and SEX == 'F'").iloc[0]
    lines = str(study.profile(row["USUBJID"])).splitlines()
    assert lines[0] == f"Subject {row['USUBJID']}"
    assert [" ".join(line.split()) for line in lines if line.split()[:1] in (["SEX"], ["AGE"], ["RFICDT"])] == [
        f"AGE {row['AGE']:g} (Age)",
        "SEX F (Sex)",
        f"RFICDT {row['RFICDT']:%Y-%m-%d} (Date of Informed Consent)",
    ]
    laboratory = int((study.adlb["USUBJID"] == row["USUBJID"]).sum())
    assert f"ADLB {laboratory}," in lines[-1]


def test_profile_finds_a_subject_by_the_end_of_its_number(study: cg.Study) -> None:
    who = study.data["ADAE"].query("PHASE == 2")["USUBJID"].iloc[0]
    found = study.profile(who[-3:]) if study.data["ADSL"]["USUBJID"].str.endswith(who[-3:]).sum() == 1 else study.profile(who)
    assert found.usubjid == who
    assert len(found["ADAE"]) == int((study.data["ADAE"]["USUBJID"] == who).sum())
    assert f"Subject {who}" in found._repr_html_()
    assert repr(found).startswith(f"<Subject {who}: ")


def test_hostile_text_is_no_markup_in_a_profile(study: cg.Study) -> None:
    adsl = study.data["ADSL"]
    hostile = "<script>alert(1)</script>"
    changed = study._of({**dict(study.data), "ADSL": adsl.assign(COUNTRY=hostile)}, "")
    assert hostile not in changed.profile(adsl["USUBJID"].iloc[0])._repr_html_()


def test_study_tells_what_moved_since_an_earlier_cut(young_phase_cut: Path, tmp_path: Path) -> None:
    """One event of another grade: that record, before and after, from either side and by its folder's name."""
    later = Path(shutil.copytree(young_phase_cut, tmp_path / "later"))
    events = pd.read_parquet(later / "sdtm" / "ae.parquet")
    one = events.index[events["AETOXGR"] == "1"][0]
    events.loc[one, "AETOXGR"] = "2"
    events.to_parquet(later / "sdtm" / "ae.parquet", index=False)
    then, now = (cg.open_cut(folder, phase=2) for folder in (young_phase_cut, later))
    for found, old, new in (
        (now.compare(str(young_phase_cut)), "1", "2"),
        (then.compare(now), "2", "1"),
    ):
        moved = {one.dataset: one.records for one in found.datasets if len(one.records)}
        assert list(moved) == ["AE"]
        assert repr(found).startswith("<Comparison of ")
        assert all(len(repr(one)) < 120 for one in (found, found.old, found.new, *found.datasets))
        assert "AETOXGR" in str(found)
        html = found._repr_html_()
        assert all(text in html for text in ("<table", "AETOXGR", events.loc[one, "USUBJID"], "<code>subjects</code>"))
        told = moved["AE"][["subject", "variable", "old", "new"]].values.tolist()
        assert told == [[events.loc[one, "USUBJID"], "AETOXGR", old, new]]


def test_subjects_of_a_comparison_are_those_who_came_went_or_have_another_arm_or_population(young_phase_cut: Path) -> None:
    """One changed in a flag and in much else, one is gone, one is new under another's data: nothing else is told of them."""
    adsl = pd.DataFrame(
        {"USUBJID": ["1", "2", "3"], "TRT01P": ["Low", "Low", "Low"], "SAFFL": "Y", "AGE": [50, 60, 70], "EOSDY": 9}
    )
    later = pd.DataFrame(
        {"USUBJID": ["1", "2", "4"], "TRT01P": ["Low", "High", "Low"], "SAFFL": ["N", "Y", "Y"], "AGE": [51, 60, 20], "EOSDY": 8}
    )
    stamp = cg.open_cut(young_phase_cut, phase=2).stamp
    sides = [Side(name, "cut", {"ADSL": frame}, stamp, frozenset()) for name, frame in (("old", adsl), ("new", later))]
    found = compare_sides(*sides, our_trial())
    assert found.subjects.astype("str").values.tolist() == [
        ["New", "4", "", "", ""],
        ["Gone", "3", "", "", ""],
        ["Arm", "2", "TRT01P", "Low", "High"],
        ["Population", "1", "SAFFL", "Y", "N"],
    ]
    assert set(found.subject_records["variable"]) >= {"AGE", "EOSDY"}


def test_comparison_of_a_blind_and_an_open_cut_is_refused_by_the_name_that_python_has(
    study: cg.Study, young_phase_cut: Path
) -> None:
    with pytest.raises(ReportError, match="in Python unblind=True"):
        study.compare(young_phase_cut)
    # Before anything is read: the argument is the command's switch.
    assert "unblind" in inspect.signature(study.compare).parameters


def test_workbook_of_an_output_is_written_where_it_is_asked_for(study: cg.Study, tmp_path: Path) -> None:
    import openpyxl

    place = study.to_excel("T14.1.4", tmp_path / "x.xlsx")
    texts = [cell.value for row in openpyxl.load_workbook(place).active.iter_rows() for cell in row]
    assert any("Demographic" in str(text) for text in texts)
    # Run All once more writes it again; what somebody else made, or saved since, stays.
    assert study.to_excel("T14.1.4", place).read_bytes() == place.read_bytes()
    book = openpyxl.load_workbook(place)
    book.active["A1"] = "my note"
    book.save(place)
    (tmp_path / "notes.xlsx").write_text("my own notes")
    for file in (place, tmp_path / "notes.xlsx"):
        kept = file.read_bytes()
        with pytest.raises(ReportError, match="exists: it is not overwritten"):
            study.output("T14.1.4").to_excel(file)
        assert file.read_bytes() == kept


def test_phase_that_is_not_declared_is_refused_before_a_notebook_is_written(young_phase_cut: Path, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"phase 3 is not declared in trial.yaml.* name one of 1, 2"):
        write_notebook(young_phase_cut, tmp_path / "x.ipynb", 3)
    assert not (tmp_path / "x.ipynb").exists()


def test_file_that_is_named_as_another_kind_is_refused_before_anything_is_written(study: cg.Study, tmp_path: Path) -> None:
    _declare(study)
    for ask, meant in (
        (lambda: study.to_excel("T14.1.4", tmp_path / "x.csv"), "name it x.xlsx"),
        (lambda: study.output("T14.1.4").to_excel(tmp_path / "x"), "name it x.xlsx"),
        (lambda: study.write_declaration("T14.3.2.9", tmp_path / "mine.py"), "the file is called serious_and_deaths.py"),
        (lambda: write_notebook(study.folder, tmp_path / "x.html", 2), "name it x.ipynb"),
        (lambda: settle_form("xlsx", tmp_path / "x.csv"), "name it x.xlsx"),
        (lambda: settle_form("text", tmp_path / "x.xlsx"), "add --format xlsx, or name it .txt"),
        (lambda: write_workbook(Request(cut=study.folder, only=("T14.1.4.2",)), "xlsx", tmp_path / "x.csv"), "name it x.xlsx"),
    ):
        with pytest.raises(ReportError, match=re.escape(meant)):
            ask()
    (tmp_path / "folder.xlsx").mkdir()
    with pytest.raises(ReportError, match="cannot be written"):
        study.to_excel("T14.1.4", tmp_path / "folder.xlsx")
    with pytest.raises(ReportError, match=r"nowhere: is no folder .*make it first"):
        study.to_excel("T14.1.4", tmp_path / "nowhere" / "x.xlsx")
    with pytest.raises(ReportError, match=r"nowhere: is no folder"):
        study.write_declaration("T14.3.2.9", tmp_path / "nowhere")
    assert [one.name for one in tmp_path.rglob("*")] == ["folder.xlsx"]


def test_study_of_one_arm_has_its_column_and_that_of_all_who_are_left(study: cg.Study) -> None:
    one = study.filter(population="SAF", arm="Low")
    before, made = (each.output("T14.3.1.1") for each in (study, one))
    assert [(column.key, column.N) for column in made.columns] == [(key, before.columns[1].N) for key in ("Low", "Total")]
    assert before.columns[1].key == "Low"
    assert made.title.endswith("[SAF, Low]")
    # The numbers are those of its column before, and all who are left are of it.
    there = {row.key: row.cells["Low"] for row in before.rows}
    assert all(row.cells.get("Low") == row.cells.get("Total") == there[row.key] for row in made.rows)
    assert set(made.ard["column"]) == {"Low", "Total"}
    for number in ("T14.3.1.1", "T14.1.4", "T14.2.1"):
        assert one.recount(number)["unequal"] == 0
    # With nobody to compare with, nothing is compared.
    assert "p.value" not in set(one.output("T14.2.1").ard["stat_name"])
    assert one.output("F14.2.1").ard["column"].isin(["Low", "Total"]).all()
    # Who was planned for the arm and was given another treatment stands where safety tables have them.
    planned = study.data["ADSL"].query("PHASE == 2 and TRT01P == 'Low' and SAFFL == 'Y'")
    assert planned["TRT01A"].value_counts().to_dict() == {"Low": 29, "Medium": 1}
    heads = study.filter(arm="Low").output("T14.3.1.1").columns
    assert [(column.key, column.N) for column in heads] == [("Low", 29), ("Medium", 1), ("Total", 30)]
    # That nobody of an arm meets a condition is a result: its column stays.
    assert [column.key for column in study.where("TRT01P == 'Low'").output("T14.3.1.1").columns] == [
        column.key for column in before.columns
    ]


def test_every_output_of_a_study_of_one_arm_is_counted_again_by_its_columns_alone(study: cg.Study) -> None:
    """The decisions on other dose groups are of no subject, and stand in the data as before: the listing has its arm's."""
    whole = cg.open_cut(study.folder, phase=1)
    one = whole.filter(arm="Low")
    listing = one.output("L16.2.7.2")
    # Who was planned for the arm and given another dose has that dose's column too.
    shown = {column.key for column in one.output("T14.3.1.1").columns}
    assert {row.cells["GROUP"] for row in listing.rows if "GROUP" in row.cells} <= shown < set(whole.trial.phases[1].columns)
    assert 0 < len(listing.rows) < len(whole.output("L16.2.7.2").rows)
    assert one.recount("L16.2.7.2") == {"numbers": len(listing.ard), "unequal": 0, "not_again": 0, "reasons": {}}


def test_a_table_by_plan_of_those_who_received_a_treatment_says_who_was_planned_for_another(study: cg.Study) -> None:
    """One of phase 2 was randomised to Low and received Medium: by what was received he is there, and by plan in a column of his own."""
    said = "One subject randomised to Low received Medium."
    received = study.filter(population="SAF", arm="Medium")
    assert [column.key for column in received.output("T14.1.4").columns] == ["Low", "Medium", "Total"]
    assert said in received.output("T14.1.4").footnotes
    assert said in received.output("T14.3.1.1").footnotes
    # By plan nobody is in another column than that of the plan.
    assert said not in study.filter(population="FAS", arm="Low").output("T14.1.4").footnotes
    assert said not in study.output("T14.1.4").footnotes


def test_study_of_the_reference_alone_compares_it_with_nothing(study: cg.Study) -> None:
    one = study.filter(population="SAF", arm=study.trial.phases[2].reference)
    made = one.output("T14.2.1")
    assert "p.value" not in set(made.ard["stat_name"])
    assert one.recount("T14.2.1")["unequal"] == 0


def test_title_of_an_output_of_one_arm_names_no_difference_that_it_cannot_have(study: cg.Study) -> None:
    one = study.filter(arm="Low")
    assert "with Risk Difference" in study.output("F14.3.1.1").title
    for number in one.list().query("title.str.contains('Difference')").index:
        assert "Difference" not in one.output(number).title, number


def test_everything_public_of_a_study_and_its_outputs_is_held_against_its_parameters() -> None:
    """A method that is new and not held would end in a traceback of what it calls."""
    calls = [cg.open_cut, session.open_report]
    for kind in (cg.Study, cg.Report, OpenTable, OpenFigure):
        # As it is called: what overrides a held one must be held itself.
        named = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
        own = {name: call for name, call in named.items() if inspect.isfunction(call)}
        assert {name for name, call in own.items() if not hasattr(call, "__wrapped__")} <= {"as_gt"}, kind
    assert all(hasattr(call, "__wrapped__") for call in calls)


def test_a_level_of_a_row_may_be_a_number(study: cg.Study) -> None:
    asked = ({"PARAMCD": "LTFS", "time": 90}, {"PARAMCD": "LTFS", "time": 90.0}, {"PARAMCD": "LTFS", "time": "90"})
    assert len({study.value("T14.2.1", row, "Low", "estimate") for row in asked}) == 1


def test_population_is_named_by_its_code_or_its_label_as_the_list_has_both(study: cg.Study) -> None:
    listed = study.list().loc["T14.3.1.1.2"]
    assert listed["code"] == "SAF"
    wanted = study.filter(population="SAF")
    for name in (listed["population"], listed["population"].upper(), "saf"):
        assert study.filter(population=name).label == wanted.label == "SAF"
    pd.testing.assert_frame_equal(study.km("OS", listed["population"]), study.km("OS", "SAF"))
    for ask in (study.filter, lambda population: study.km("OS", population)):
        with pytest.raises(ReportError, match=r"SAFE is no population.*did you mean SAF\? it is one of .*SAF \("):
            ask(population="SAFE")


def test_steps_of_a_derivation_are_told_in_the_log_and_in_one_line_of_a_notebook(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[str] = []
    handle = SimpleNamespace(update=lambda shown, raw: lines.append(shown["text/plain"]))

    def display(shown: Any, **_: Any) -> Any:
        lines.append(f"new line: {shown['text/plain']}")
        return handle

    monkeypatch.setattr("IPython.display.display", display)
    caplog.set_level(logging.INFO)

    def derive() -> None:
        with follow_steps("derived anew") as on_progress:
            on_progress("read", "cut")
            on_progress("derive", "ADaM")

    derive()
    assert lines == []
    assert caplog.messages == ["read: cut", "derive: ADaM"]
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=object()))
    derive()
    assert lines == ["new line: read: cut", "derive: ADaM", "derived anew"]
    with follow_steps("of what is kept nothing is told"):
        pass
    assert len(lines) == 3


def _own(study: cg.Study, **told: Any) -> None:
    """Declare an own output of which this is told."""
    study.own("T14.3.2.9", "Own", **{"population": "SAF", "source": ("ADAE",), **told})(lambda view: view)


#: What is asked, and what is said where it is not there.
WRONG = {
    "no condition": (lambda study: study.where("AGE >"), "cannot be asked of ADSL"),
    # pandas would take numbers for places in the table, and texts for its columns
    "numbers": (lambda study: study.where("AGE + 1"), "it is not true or false of each subject"),
    "a variable alone": (lambda study: study.filter(where="AGE"), 'compare with something: "AGE >= 60"'),
    "texts": (lambda study: study.where("SEX"), "it is not true or false of each subject"),
    "one truth for all": (lambda study: study.where("1 == 1"), "it is not true or false of each subject"),
    "a sign that is none": (lambda study: study.where("AGE => 60"), "it is written as in Python"),
    # the study is open at the other phase
    # A name of Python would be one of the package's own: SEX != @condition once chose everybody.
    "a name of Python": (lambda study: study.where("SEX != @condition"), "names a variable of Python with @, which is not read"),
    "a name of Python in brackets": (lambda study: study.filter(where="AGE > (@data)"), 'write its value into the text: f"AGE'),
    "a frame instead of a text": (lambda study: study.where(study.adsl["AGE"] > 60), "a condition is a text, not Series"),
    "a value given": (lambda study: study.where("SEX = 'M'"), "equal is written =="),
    "a text that nobody has": (lambda study: study.where("SEX == 'm'"), "SEX is F, M"),
    "a number for a subject": (lambda study: study.profile(99999), "there is no subject 99999"),
    "another phase's subjects": (lambda study: study.where("PHASE == 1"), "no subject is left"),
    "no variable": (lambda study: study.where("AGEE > 3"), "did you mean AGE?"),
    "a variable of records": (lambda study: study.where("AESER == 'Y'"), "AESER is a variable of ADAE"),
    "nobody left": (lambda study: study.where("AGE > 900"), "no subject is left"),
    "no population": (lambda study: study.filter(population="SAFE"), "SAFE is no population"),
    "no arm": (lambda study: study.filter(arm="Hgh"), "Hgh is no column of phase 2"),
    "no subject": (lambda study: study.profile("nobody"), "there is no subject nobody"),
    "several subjects": (lambda study: study.profile("1"), "names"),
    "no parameter": (lambda study: study.km("XX"), "ADTTE has no parameter XX"),
    "no switch at all": (lambda study: study.what_if(), "no switch is named"),
    "a row that is none": (lambda study: study.value("T14.3.1.1", 7, "Total"), "7 names no row"),
    "a subject, of many": (lambda study: study.profile("99-999"), "study.adsl names all"),
    "no column in SQL": (lambda study: study.sql("SELECT AGEE FROM adsl"), 'Candidate bindings: "AGE"'),
    "another phase": (lambda study: study.output("T14.3.1.2.1"), 'open cg.open_cut("'),
    "a number of its own phase": (lambda study: study.output("T14.3.1.22"), "did you mean T14.3.1.2.2"),
    "a slip in a number": (lambda study: study.output("T41.1.4"), "did you mean T14.1.4.2"),
    "no statistic": (
        lambda study: study.value("T14.3.1.1", {"TRTEMFL": "Y"}, "Total", "N"),
        "did you mean n? it has: n; n_events; p",
    ),
    "another row's statistic": (
        lambda study: study.who("T14.1.4", {"AGE": "Median"}, "Total", "n"),
        "prints no statistic 'n' in the row AGE, statistic Median [rule: row, column and statistic] Remedy: it has: median",
    ),
    # Six rows of the page have the time: what tells them apart, and of a time that there is not those that there are.
    "a part of a key that several rows have": (
        lambda study: study.value("T14.2.1", {"time": 28}, "Low"),
        "There statistic is 95% CI, Number at risk, Difference vs Placebo (percentage points), ",
    ),
    "a time that there is not": (
        lambda study: study.who("T14.2.1", {"time": 29}, "Low", "n.risk"),
        ". There time is 28, 90, 180",
    ),
    "an estimate, which counts nobody": (
        lambda study: study.who("T14.2.1", {"time": 28}, "Low"),
        "Remedy: name a count, a summary or a number at risk",
    ),
    "two statements": (
        lambda study: study.sql("SELECT 1; SELECT 2"),
        "2 statements are asked at once [rule: study.sql] Remedy: ask one statement in each call",
    ),
    "a comment alone": (lambda study: study.sql("-- SELECT 1"), "is no question [rule: study.sql] Remedy: write SQL"),
    "a label of several rows": (
        lambda study: study.value("T14.1.4", "Median", "Total"),
        "has 4 rows labelled 'Median' [rule: row, column and statistic] Remedy: it has: AGE, statistic Median; HEIGHTBL",
    ),
    "no label": (lambda study: study.value("T14.1.4", "Fmale", "Total"), "did you mean Female"),
    "a p-value": (
        lambda study: study.who("T14.2.1", {"time": "28", "statistic": "p"}, "Low"),
        "is no count and no summary",
    ),
    "a figure as a table": (
        lambda study: study.output("F14.2.1").as_gt(),
        "has no as_gt [rule: outputs of a study] Remedy: it has svg and png",
    ),
    "a table as a figure": (
        lambda study: study.output("T14.1.4").png,
        "has no png [rule: outputs of a study] Remedy: it has columns",
    ),
    "a cut as a build": (
        lambda study: cg.open_report(study.folder),
        'is a data cut (it holds sdtm and cut.json) [rule: cg.open_report] Remedy: open it with cg.open_cut("',
    ),
    "no switch": (lambda study: study.what_if(ttee=True), "ttee is no switch"),
    "no value of a switch": (lambda study: study.what_if(ctcae=9), "ctcae"),
    "a word for a switch that is on or off": (
        lambda study: study.what_if(tte_plus_one="yes"),
        "tte_plus_one is not 'yes' [rule: trial.yaml: switches] Remedy: it may be False or True",
    ),
    "a number for a switch that is on or off": (lambda study: study.what_if(tte_plus_one=1), "tte_plus_one is not 1"),
    "no records of a subject": (
        lambda study: study.profile(study.adae["USUBJID"].iloc[0])["AE"],
        "has no records of 'AE' [rule: study.profile] Remedy: there are ADAE, ",
    ),
    "no count": (lambda study: study.rows_behind("T14.2.1", stat="p.value"), ""),
    "a number for words": (lambda study: study.find(3), "words is not a text: 3 [rule: study.find] Remedy: give a text"),
    "nothing to compare with": (
        lambda study: study.compare(None),
        "other is not a Study, a text or a path: None [rule: study.compare] Remedy: give a Study, a text or a path",
    ),
    "no place of a cut": (lambda study: cg.open_cut(None), "cut is not a text or a path: None [rule: cg.open_cut]"),
    "no place of a build": (lambda study: cg.open_report(None), "folder is not a text or a path: None [rule: cg.open_report]"),
    "a number for a label": (
        lambda study: study.where("AGE >= 60", label=5),
        "label is not a text: 5 [rule: study.where] Remedy: give a text, or leave it out",
    ),
    "several arms": (
        lambda study: study.filter(arm=["Low", "Medium"]),
        "arm is not a text: ['Low', 'Medium'] [rule: study.filter]",
    ),
    "a number for a population": (lambda study: study.filter(population=3), "population is not a text: 3 [rule: study.filter]"),
    "two that are wrong at once": (lambda study: study.filter(population=3, arm=4), "arm is not a text: 4"),
    "more than it takes": (
        lambda study: study.find("liver", "adlb"),
        "too many positional arguments [rule: study.find] Remedy: it takes words",
    ),
    "a number for words of a list": (lambda study: study.list(3), "words is not a text: 3 [rule: study.list]"),
    "the name of a variable for a label": (
        lambda study: study.value("T14.1.4", "AGE", "Total", "mean"),
        "has no row labelled 'AGE' [rule: row, column and statistic] Remedy: did you mean row={\"AGE\": …} with its level, or None?",
    ),
    "the beginning of a label": (
        lambda study: study.value("T14.2.1", "HR", "Low"),
        "has no row labelled 'HR' [rule: row, column and statistic] Remedy: did you mean HR vs Placebo",
    ),
    "a heading by its label": (
        lambda study: study.value("T14.1.4", "Sex, n (%)", "Total"),
        "prints no value in 'Sex, n (%)': it is a heading [rule: row, column and statistic] Remedy: name a row under it: SEX, statistic n; Male; Female",
    ),
    "a heading by its key, of lines that have it too": (
        lambda study: study.value("T14.1.4", {"AGE": None}, "Total"),
        "prints no value in 'Age (years)': it is a heading [rule: row, column and statistic] Remedy: name a row under it: AGE, statistic n; AGE, statistic Mean (SD)",
    ),
    "a heading with a statistic": (
        lambda study: study.value("T14.1.4", "Age (years)", "Total", "mean"),
        "prints no value in 'Age (years)': it is a heading",
    ),
    "a statement that asks nothing": (
        lambda study: study.sql("DROP VIEW adsl"),
        "'DROP VIEW adsl' asks for nothing [rule: study.sql]",
    ),
    "a parameter that there is not": (lambda study: study.km("TTSAE"), "Remedy: it is one of LTFS ("),
    "a condition in the place of a population": (
        lambda study: study.filter("AGE>60"),
        "AGE>60 is no population [rule: study.filter] Remedy: a condition is named, where='AGE>60'; it is one of SCR",
    ),
    # The rows of the other parts that are asked for are what is there, not those of the statistic alone.
    "a statistic of a row that prints none": (
        lambda study: study.value("T14.1.4", {"SEX": "M", "statistic": "Mean"}, "Total"),
        "has no row of SEX = M, statistic = Mean [rule: row, column and statistic] Remedy: did you mean statistic = Median or statistic = Mean (SD)? it has: SEX M. There",
    ),
    "an empty arm": (
        lambda study: study.filter(arm=""),
        "“” is no column of phase 2 [rule: study.filter] Remedy: it is one of Placebo",
    ),
    "an empty population": (
        lambda study: study.filter(population=""),
        "“” is no population [rule: study.filter] Remedy: it is one of SCR",
    ),
    "an empty condition": (lambda study: study.filter(where=" "), "the condition says nothing"),
    "a statistic that is a number": (lambda study: study.value("T14.1.4", {"SEX": "M"}, "Low", 3), "stat is not a text: 3"),
    "a level that is none": (
        lambda study: study.value("T14.2.1", {"time": [90]}, "Low", "estimate"),
        "time = [90] is no level of a row [rule: row, column and statistic] Remedy: write a level as a text",
    ),
    "a dataset that is a number": (
        lambda study: study.rows_behind("T14.1.4", {"SEX": "M"}, "Low", dataset=3),
        "dataset is not a text: 3 [rule: study.rows_behind]",
    ),
    "a number for a file": (lambda study: study.output("T14.1.4").to_excel(3), "file is not a text or a path: 3"),
    "a word for a switch of a call": (lambda study: study.compare(study, unblind="no"), "unblind is not True or False: 'no'"),
    "an own output of no population": (
        lambda study: _own(study, population=None),
        "T14.3.2.9: population is not a text, a tuple of texts or names with their values",
    ),
    "a condition of an own output as a text": (
        lambda study: _own(study, where="AESER=='Y'"),
        """where is not names with their values, as {"AESER": "Y"} or a function: "AESER=='Y'" [rule: study.own]""",
    ),
    "an own output of the other phase": (
        lambda study: _own(study, phases=(1,)),
        "phases= names 1, and this study was opened for phase 2 [rule: study.own] Remedy: leave phases out",
    ),
    "an own output that is no function": (
        lambda study: study.own("T14.3.2.9", "Own", population="SAF", source=("ADAE",))(3),
        "body is not a function: 3",
    ),
    "narrowed": (lambda study: study.where("AGE > 40").compare(study), "compares what lies in folders"),
    "a build": (lambda study: cg.open_cut(study.folder.parent / "nothing"), ""),
}


@pytest.mark.parametrize("asked", WRONG)
def test_what_is_not_there_is_one_message(asked: str, study: cg.Study) -> None:
    ask, said = WRONG[asked]
    with pytest.raises(ReportError) as caught:
        ask(study)
    assert said in str(caught.value)


def test_datasets_of_a_study_are_shown_by_their_names(study: cg.Study) -> None:
    assert repr(study.data).startswith("<Datasets: ADSL") or "ADSL" in repr(study.data)
    assert "DataFrame" not in repr(study.data)
    person = study.profile(study.adsl["USUBJID"].iloc[0])
    assert "adsl" in person
    assert person.get("AE") is None


def test_text_with_an_at_sign_is_a_text(study: cg.Study) -> None:
    with pytest.raises(ReportError, match="no subject is left"):
        study.where("SITEID == 'a@b'")


def test_blind_study_has_no_arms(young_cut: Path) -> None:
    study = cg.open_cut(young_cut, phase=2)
    with pytest.raises(ReportError, match="nobody's arm is known"):
        study.filter(arm="Low")
    with pytest.raises(ReportError, match=r"phase 2 is blinded: nobody's TRT01A is known(.|\n)*leave TRT01A out of the condition"):
        study.where("TRT01A == 'Low'")
    assert set(study.km("OS")["column"]) == {POOLED}
    # What is asked of everybody is asked by one name before and after a phase is opened.
    row = {"TRTEMFL": "Y"}
    assert study.value("T14.3.1.1", row, "Total") == study.value("T14.3.1.1", row, POOLED)
    assert len(study.who("T14.3.1.1", row, "Total")) == int(study.value("T14.3.1.1", row, "Total", "n"))
    assert set(study.rows_behind("T14.3.1.1", row, "Total")["USUBJID"]) == set(study.who("T14.3.1.1", row, POOLED)["USUBJID"])
    # And what is handed to great_tables says that it is blinded.
    html = study.output("T14.3.1.1").as_gt().as_raw_html()
    assert all(text in html for text in (study.stamp.mark, "Phase 2", "Data cut-off", "synthetic"))


def test_row_is_named_as_a_mapping_as_pairs_or_as_the_results_have_it(study: cg.Study) -> None:
    asked = ({"AEDECOD": "Pyrexia"}, (("AEDECOD", "Pyrexia"),))
    ard = study.output("T14.3.1.2").ard
    text = ard.loc[ard["row"].str.contains("Pyrexia"), "row"].iloc[0]
    assert len({study.value("T14.3.1.2", row, "Total") for row in (*asked, text)}) == 1


def test_row_is_named_by_the_label_that_is_printed_where_one_row_has_it(study: cg.Study) -> None:
    """In any case of letters, of the whole table or of the rows of a variable; SEX is coded M."""
    assert {study.value("T14.1.4", row, "total") for row in ({"SEX": "M"}, {"SEX": "Male"}, "Male", "male")} == {"79 (87.8)"}
    ages = study.adsl.query("PHASE == 2 and FASFL == 'Y'")["AGE"]
    assert study.value("T14.1.4", {"AGE": "Median"}, "Total") == f"{ages.median():.1f}"
    assert len(study.who("T14.1.4", "Male", "Total")) == 79
    assert study.rows_behind("T14.1.4", "Male", "Total")["SEX"].tolist() == ["M"] * 79


def test_who_is_behind_a_number_that_counts_nobody_are_those_whose_records_it_is_of(study: cg.Study) -> None:
    adsl, adlb = study.adsl, study.adlb
    full = adsl[(adsl["PHASE"] == 2) & (adsl["FASFL"] == "Y")]
    for row in ({"AGE": None, "statistic": "Mean (SD)"}, {"AGE": "Median"}, {"AGE": "n"}):
        assert set(study.who("T14.1.4", row, "Total")["USUBJID"]) == set(full["USUBJID"])
    # Of a table that has its columns in rows, in which a mean is one of several columns.
    safe = adsl[(adsl["PHASE"] == 2) & (adsl["SAFFL"] == "Y") & (adsl["TRT01A"] == "Low")]
    own = adlb[(adlb["PARAMCD"] == "ALT") & (adlb["ABLFL"] == "Y") & adlb["USUBJID"].isin(safe["USUBJID"]) & adlb["AVAL"].notna()]
    row = {"PARAMCD": "ALT", "AVISIT": "Baseline", "AVAL": None, "statistic": "Mean (SD)"}
    assert set(study.who("T14.3.4.1", row, "Low")["USUBJID"]) == set(own["USUBJID"])


def test_the_lines_of_a_row_that_print_its_statistics_are_of_the_same_records(study: cg.Study) -> None:
    """Whichever of them is asked for, or none of them: the n of a mean counts those whose mean it is."""
    for number, row, column, lines in (
        ("T14.1.4", {"AGE": None}, "Total", ("n", "Mean (SD)", "Median", "Min, Max")),
        ("T14.3.4.1", {"PARAMCD": "ALT", "AVISIT": "Baseline", "AVAL": None}, "Low", ("n", "Mean (SD)", "Median")),
    ):
        whole = study.rows_behind(number, row, column)
        assert len(whole) > 20
        for line in lines:
            pd.testing.assert_frame_equal(study.rows_behind(number, {**row, "statistic": line}, column), whole)
        assert set(study.who(number, row, column)["USUBJID"]) == set(whole["USUBJID"])


def test_cell_of_a_column_that_holds_a_statistic_is_named_as_the_page_has_it(young_cut: Path) -> None:
    """Where one row of the page has the key, as while treatments are pooled, `value` finds the cell: so do those who ask behind it."""
    blind = cg.open_cut(young_cut, phase=2)
    row = {"PARAMCD": "ALT", "AVISIT": "Baseline"}
    printed = blind.value("T14.3.4.1", row, "AVAL n")
    assert str(len(blind.rows_behind("T14.3.4.1", row, "AVAL n"))) == printed
    assert str(len(blind.who("T14.3.4.1", row, "AVAL Mean (SD)"))) == printed


def test_subjects_at_risk_are_those_whose_time_is_not_over(study: cg.Study) -> None:
    """Of the times of ADTTE, by hand: at day 90 whoever is followed for 90 days or more, whatever ended it then."""
    times = study.adtte.merge(study.adsl[["USUBJID", "PHASE", "FASFL", "TRT01P"]], on="USUBJID", suffixes=("", "_OF"))
    own = times[(times["PARAMCD"] == "LTFS") & (times["PHASE"] == 2) & (times["FASFL"] == "Y") & (times["TRT01P"] == "Low")]
    for day in (28, 90, 180):
        there = set(own.loc[own["AVAL"] >= day, "USUBJID"])
        assert set(study.who("T14.2.1", {"time": day}, "Low", "n.risk")["USUBJID"]) == there
        risk = {"time": day, "statistic": "Number at risk"}
        assert str(len(there)) == study.value("T14.2.1", risk, "Low")
        assert set(study.rows_behind("T14.2.1", risk, "Low")["USUBJID"]) == there
    # Of a cumulative incidence those at risk are of every way to end, not of the one it is of.
    ard = study.output("T14.2.4").ard
    risks = ard[(ard["stat_name"] == "n.risk") & ard["row"].str.contains('"CNSR"') & (ard["stat"] > 0)]
    assert len(risks)
    for one in risks.itertuples():
        assert len(study.who("T14.2.4", one.row, one.column, "n.risk")) == one.stat


def test_an_end_of_many_numbers_says_how_many_it_does_not_name(study: cg.Study) -> None:
    ends = study.adsl["USUBJID"].str.endswith("1").sum()
    assert ends > 8
    with pytest.raises(ReportError, match=f"1 names {ends} subjects .* and {ends - 8} more, which study.adsl names"):
        study.profile(1)


def test_what_an_own_function_raises_is_told_with_the_output_and_the_function(study: cg.Study) -> None:
    def wrong(view: View) -> Any:
        raise RuntimeError("too few\nvalues")

    class Counting:
        def __call__(self, view: View) -> Any:
            return {}["AGE"]

    made: dict[str, Any] = {}
    exec("def of_a_text(view): return 1 / 0", made)  # noqa: S102  # as a notebook's magic does: it has no module
    line = wrong.__code__.co_firstlineno + 1
    cases = {
        f"T14.3.2.9.2, line {line}: wrong raised RuntimeError: too few values": wrong,
        "T14.3.2.9.2: wrong raised RuntimeError": functools.partial(wrong),
        "T14.3.2.9.2: Counting raised KeyError: 'AGE'": Counting(),
        "T14.3.2.9.2, line 1: of_a_text raised ZeroDivisionError": made["of_a_text"],
    }
    for said, body in cases.items():
        assert study.own("T14.3.2.9", "Own", population="SAF", source=("ADAE",))(body) is body
        for ask in (study.output, study.show, study.recount):
            with pytest.raises(ReportError) as caught:
                ask("T14.3.2.9")
            assert str(caught.value).startswith(said)
            assert len(str(caught.value).splitlines()) == 1


def test_own_output_that_cannot_be_made_is_none_of_the_study_until_it_is_mended(study: cg.Study) -> None:
    """Asked for by its number it says why each time; a study it can be made of has it all the while."""
    failing = {"now": False}

    def body(view: View) -> Summary:
        if failing["now"]:
            raise RuntimeError("too few values")
        return Summary(*count_rows(view, [Selection((("SEX", "F"),), "Women", view.subjects)]), "n (%)")

    def declare() -> None:
        study.own("T14.3.2.9", "Own", population="SAF", source=("ADAE",))(body)

    def has(asked: cg.Study) -> bool:
        return "T14.3.2.9.2" in asked.list().index

    declare()
    narrowed = study.filter(population="SAF")
    failing["now"] = True
    for _ in range(2):
        with pytest.raises(ReportError, match="too few values"):
            narrowed.show("T14.3.2.9")
        assert (has(study), has(narrowed), has(narrowed.filter(population="FAS"))) == (True, False, False)
    # Nor does it end the section that it is of.
    narrowed.show_section("14.3.2")
    failing["now"] = False
    narrowed.output("T14.3.2.9")
    assert (has(study), has(narrowed)) == (True, True)
    failing["now"] = True
    with pytest.raises(ReportError, match="too few values"):
        study.output("T14.3.2.9")
    assert (has(study), has(study.filter(population="SAF"))) == (False, False)
    declare()
    assert has(study)


def test_list_of_values_chooses_the_records_of_an_own_output_in_both_counts_and_in_the_file(
    study: cg.Study, tmp_path: Path
) -> None:
    @study.own("T14.3.2.11", "Severe TEAEs", population="SAF", source=("ADAE",), where={"TRTEMFL": "Y", "ATOXGR": ["3", "4", "5"]})
    def severe(view: View) -> Summary:
        events = read_emergent(view, "ATOXGR")
        kept = events[events["ATOXGR"].isin(["3", "4", "5"])]
        return Summary(*count_rows(view, [Selection((("TRTEMFL", "Y"),), "Any", kept)]), "n (%)")

    assert study.output("T14.3.2.11").source.endswith("TRTEMFL = Y, ATOXGR = 3 or 4 or 5")
    assert study.recount("T14.3.2.11")["unequal"] == 0
    assert study.write_declaration("T14.3.2.11", tmp_path).name == "severe.py"


def test_variable_of_subjects_that_records_lack_is_said_to_be_taken_from_adsl(study: cg.Study) -> None:
    def by_age(view: View) -> Summary:
        events = read_emergent(view, "AGEGR1")
        return Summary(*count_rows(view, [Selection((), "Any", events)]), "n (%)")

    def taken(view: View) -> Summary:
        events = read_emergent(view).merge(view.subjects_with("AGEGR1")[["USUBJID", "AGEGR1"]], on="USUBJID")
        age = sorted(set(events["AGEGR1"]))[0]
        return Summary(
            *count_rows(view, [Selection((("TRTEMFL", "Y"), ("AGEGR1", age)), age, events[events["AGEGR1"] == age])]), "n"
        )

    told: dict[str, Any] = {"population": "SAF", "source": ("ADAE",), "where": {"TRTEMFL": "Y"}}
    study.own("T14.3.2.12", "By Age", **told)(by_age)
    way = r'records\.merge\(view\.subjects_with\("AGEGR1"\)\[\["USUBJID", "AGEGR1"\]\], on="USUBJID"\)$'
    with pytest.raises(ReportError, match=f"has no AGEGR1 .* supply AGEGR1 in ADAE; .*ADSL, which has it: {way}"):
        study.output("T14.3.2.12")
    # what the message says is what works
    study.own("T14.3.2.12", "By Age", **told)(taken)
    assert study.recount("T14.3.2.12")["unequal"] == 0


def test_an_object_that_can_be_called_makes_an_own_output(study: cg.Study) -> None:
    """It has no name and no module of its own, and is none of the package though a function of the package is in it."""

    def counted(view: View, sex: str) -> Summary:
        own = view.subjects[view.subjects["SEX"] == sex]
        return Summary(*count_rows(view, [Selection((("SEX", sex),), "Any", own)]), "n (%)")

    study.own("T14.3.2.9", "Women", population="SAF", source=("ADSL",))(functools.partial(counted, sex="F"))
    made = study.output("T14.3.2.9")
    assert made.title == "Women [own output, not of the report]"
    assert "counted" not in made.program
    assert study.recount("T14.3.2.9")["unequal"] == 0


def test_cell_of_a_table_that_has_treatments_in_rows_is_none_of_them_before_one_is_named(study: cg.Study) -> None:
    """Four rows have one key there: the last of them, of all subjects, is not what was asked for."""
    row = {"PARAMCD": "ALT", "AVISIT": "Baseline"}
    with pytest.raises(ReportError, match="one for each of Placebo, Low, Medium, Total: name one of these as column"):
        study.value("T14.3.4.1", row, "AVAL Mean (SD)")
    with pytest.raises(ReportError, match="has 'Low' in its rows: name a statistic too"):
        study.value("T14.3.4.1", row, "Low")
    values = study.rows_behind("T14.3.4.1", {**row, "AVAL": None}, "Low", "mean")["AVAL"]
    assert study.value("T14.3.4.1", {**row, "AVAL": None}, "Low", "mean") == f"{values.mean():.1f}"


def test_list_shows_every_title_to_its_end(study: cg.Study) -> None:
    for listed in (study.list(), study.list().head(20), study.find("survival")):
        for shown in (repr(listed), unescape(listed._repr_html_())):
            assert all(title in shown for title in listed["title"])


def test_switches_of_a_study_are_listed_with_their_values(study: cg.Study) -> None:
    listed = study.switches
    assert set(listed.index) == set(type(study.trial.switches).model_fields)
    assert listed.loc["ctcae"].tolist() == ["Version of CTCAE that laboratory results are graded by", 5, "5 or 6"]
    assert listed.loc["tte_plus_one", "may be"] == "False or True"


def test_output_of_another_phase_is_said_to_be_where_it_is_shown_and_refused_where_it_is_asked_for(
    study: cg.Study, capsys: pytest.CaptureFixture[str]
) -> None:
    study.show("T14.1.1.1")
    way = f'open cg.open_cut("{study.folder}", phase=1)'
    assert capsys.readouterr().out == f"T14.1.1.1 is of phase 1, and this report was opened for phase 2: {way}\n"
    for ask in (study.output, study.who, study.rows_behind):
        with pytest.raises(ReportError, match=re.escape(f"Remedy: {way}")):
            ask("T14.1.1.1")


def test_study_shows_an_output_as_text_where_no_notebook_runs(study: cg.Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.show("T14.1.4")
    assert capsys.readouterr().out.startswith("Table 14.1.4.2 Demographic")


def test_the_analysts_notebook_of_a_blinded_phase_runs_from_its_first_cell_to_its_last(young_cut: Path, tmp_path: Path) -> None:
    source = write_notebook(young_cut, tmp_path / "explore.ipynb", 2)
    run_notebooks([NotebookJob(source, tmp_path / "out" / "executed.ipynb")])
    executed = json.loads((tmp_path / "out" / "executed.ipynb").read_text(encoding="utf-8"))
    shown = [cell["outputs"] for cell in executed["cells"] if cell["cell_type"] == "code"]
    assert all(shown[2:])
    assert not any(output["output_type"] == "error" for outputs in shown for output in outputs)


# ---- outputs of one's own

FATAL = ("FATAL", "Deaths among them")


def _of(events: pd.DataFrame, **values: str) -> pd.DataFrame:
    for name, value in values.items():
        events = events[events[name] == value]
    return events


def _declare(study: cg.Study) -> Any:
    @study.own("T14.3.2.9", "Serious TEAEs and Deaths", population="SAF", source=("ADAE",), where={**EMERGENT, "AESER": "Y"})
    def serious_and_deaths(view: View) -> Summary:
        """Any serious event, and the deaths."""
        serious = _of(read_emergent(view, "AESER", "AEOUT"), AESER="Y")
        value, label = FATAL
        key = (("TRTEMFL", "Y"), ("AESER", "Y"))
        rows = [Selection(key, "Any", serious), Selection((*key, ("AEOUT", value)), label, _of(serious, AEOUT=value))]
        return Summary(*count_rows(view, rows), "Subjects, n (%)")

    return serious_and_deaths


def test_output_of_a_notebook_is_counted_shown_and_asked_as_those_of_the_report(study: cg.Study) -> None:
    _declare(study)
    made = study.output("T14.3.2.9")
    assert made.title == "Serious TEAEs and Deaths [own output, not of the report]"
    adsl, adae = study.data["ADSL"], study.data["ADAE"]
    safe = adsl[(adsl["PHASE"] == 2) & (adsl["SAFFL"] == "Y")]["USUBJID"]
    serious = adae[adae["USUBJID"].isin(safe) & (adae["TRTEMFL"] == "Y") & (adae["AESER"] == "Y")]
    n = serious["USUBJID"].nunique()
    assert made.rows[0].cells["Total"] == f"{n} ({100 * n / len(safe):.1f})"
    # Two rows of four columns, each a count, its N, its share and its events.
    assert study.recount("T14.3.2.9") == {"numbers": 32, "unequal": 0, "not_again": 0, "reasons": {}}
    behind = study.rows_behind("T14.3.2.9", {"AEOUT": "FATAL"}, "Total")
    assert sorted(behind["USUBJID"].unique()) == sorted(study.who("T14.3.2.9", {"AEOUT": "FATAL"}, "Total")["USUBJID"])
    assert "T14.3.2.9.2" in study.find("serious teaes and deaths").index
    assert study.where("SEX == 'M'").output("T14.3.2.9").title.endswith("[SEX == 'M'] [own output, not of the report]")


def test_a_value_of_an_own_output_is_that_of_its_last_function(study: cg.Study) -> None:
    narrowed = study.where("AGE >= 18")

    def declare(sex: str) -> None:
        @study.own("T14.3.2.7", "Subjects", population="SAF", source=("ADSL",))
        def counted(view: View) -> Summary:
            own = view.subjects[view.subjects["SEX"] == sex]
            return Summary(*count_rows(view, [Selection((("SEX", sex),), "Any", own)]), "n (%)")

    told = []
    for sex in ("M", "F"):
        declare(sex)
        told.append([one.value("T14.3.2.7", {"SEX": sex}, "Total", "n") for one in (study, narrowed)])
    adsl = study.data["ADSL"]
    safe = adsl[(adsl["PHASE"] == 2) & (adsl["SAFFL"] == "Y")]
    assert told == [[str((safe["SEX"] == sex).sum())] * 2 for sex in ("M", "F")]


def test_own_output_whose_rows_are_not_what_their_keys_say_is_found(study: cg.Study) -> None:
    @study.own("T14.3.2.8", "Wrong", population="SAF", source=("ADAE",), where=EMERGENT)
    def wrong(view: View) -> Summary:
        events = _of(read_emergent(view, "AESER"), AESER="Y")
        return Summary(*count_rows(view, [Selection((("TRTEMFL", "Y"),), "Any", events)]), "n (%)")

    for ask in (study.recount, study.write_declaration):
        with pytest.raises(ReportError, match="a second count, in SQL, gives the same") as caught:
            ask("T14.3.2.8")
        # One line, and whose it is to mend.
        assert len(str(caught.value).splitlines()) == 1
        assert "not what its rows say in " in str(caught.value)
        assert "let the key of the row, and where=" in str(caught.value)
    # From then on nobody takes it for one that was counted twice, until it is declared anew.
    assert study.output("T14.3.2.8").title == "Wrong [own output, not of the report; its rows do not say what it counts]"
    study.own("T14.3.2.8", "Wrong", population="SAF", source=("ADAE",), where=EMERGENT)(wrong)
    assert study.output("T14.3.2.8").title == "Wrong [own output, not of the report]"


def test_body_that_returns_no_table_is_told_what_to_return(study: cg.Study) -> None:
    @study.own("T14.3.2.11", "A Frame", population="SAF", source=("ADAE",), where=EMERGENT)
    def a_frame(view: View) -> Any:
        return read_emergent(view, "AESER")

    for ask in (study.output, study.recount):
        with pytest.raises(ReportError, match=r"a_frame returns a DataFrame .*Remedy: return Summary\(") as caught:
            ask("T14.3.2.11")
        assert len(str(caught.value).splitlines()) == 1


def test_output_of_a_notebook_becomes_a_declared_one_in_one_step(study: cg.Study, tmp_path: Path) -> None:
    """The file declares it, and makes what the notebook made: held before it is written, and here by another process."""
    _declare(study)
    place = study.write_declaration("T14.3.2.9", tmp_path)
    text = place.read_text(encoding="utf-8")
    assert place == tmp_path / "serious_and_deaths.py"
    assert "from cgbm1_report.outputs.adverse_events import EMERGENT, read_emergent" in text
    assert "FATAL = ('FATAL', 'Deaths among them')" in text
    assert '@output("T14.3.2.9", "Serious' in text
    assert "def _of(" in text
    with pytest.raises(ReportError, match="is not overwritten"):
        study.write_declaration("T14.3.2.9", tmp_path)


def test_names_that_a_function_binds_itself_are_its_own(study: cg.Study, tmp_path: Path) -> None:
    """Of comprehensions, loops, imports and inner functions too: nothing of them is looked for in the notebook."""

    @study.own("T14.3.2.10", "By Sex", population="SAF", source=("ADAE",), where=EMERGENT)
    def by_sex(view: View) -> Summary:
        import itertools as tools

        def key_of(code: str) -> Any:
            return (("TRTEMFL", "Y"), ("SEX", code))

        events = read_emergent(view, "SEX")
        rows = [Selection(key_of(sex), label, events[events["SEX"] == sex]) for sex, label in (("M", "Men"), ("F", "Women"))]
        for row in tools.islice(rows, 1):
            assert row.label == "Men"
        return Summary(*count_rows(view, rows), "n (%)")

    assert study.write_declaration("T14.3.2.10", tmp_path).name == "by_sex.py"


def test_what_cannot_be_written_down_is_named(study: cg.Study, tmp_path: Path) -> None:
    ages = study.data["ADSL"]["AGE"]

    @study.own("T14.3.2.7", "On a Frame", population="SAF", source=("ADAE",))
    def on_a_frame(view: View) -> Summary:
        return Summary(*count_rows(view, [Selection((), str(ages.mean()), view.subjects)]), "n (%)")

    with pytest.raises(ReportError, match="stands on ages, which is a Series"):
        study.write_declaration("T14.3.2.7", tmp_path)
    with pytest.raises(ReportError, match="is declared in the package"):
        study.write_declaration("T14.3.1.1", tmp_path)
    assert not list(tmp_path.iterdir())


#: What is declared, and what is said of it.
MISDECLARED = {
    "a number of the package": ({"number": "T14.3.1.1"}, r"names T14\.3\.1\.1\.1 and T14\.3\.1\.1\.2 of the package"),
    # with its phase, 2, behind it
    "its number without the phase": ({"number": "T14.3.1"}, "of the package"),
    "a number that ends as the phase does": ({"number": "T14.3.1.2"}, r"names T14\.3\.1\.2\.1 and"),
    "another phase's whole number": ({"number": "T14.3.1.1.1"}, "of the package"),
    "a number without its kind": ({"number": "14.3.2.9"}, "is no number of an output"),
    "a kind in a small letter": ({"number": "t14.3.2.9"}, "is no number of an output"),
    "a kind that is none": ({"number": "X14.3.2.9"}, "is no number of an output"),
    "a number of no section": ({"number": "T99.1"}, "T99.1"),
    "no population": ({"population": "SAFE"}, "^function <lambda> of the notebook: .* is of population SAFE"),
    "no dataset": ({"source": ("ADXX",)}, "is made from ADXX"),
    "no variable": ({"variables": {"ADAE": ("AEXX",)}}, "AEXX"),
    "no footnote": ({"footnotes": ("F99",)}, "footnote F99"),
    "chosen by no variable": ({"where": {"AESERR": "Y"}}, "where= names AESERR, .*did you mean AESER"),
    "chosen by its small letters": ({"where": {"aeser": "Y"}}, "where= names aeser"),
    "a dataset without its tuple": ({"source": "ADAE"}, r'source=\("ADAE",\)'),
    # A bound stands in a row's key; here it was a text that no record has, and the second count found nobody.
    "chosen by a bound": (
        {"where": {"ATOXGR": ">=3"}},
        r"chooses ATOXGR by '>=3': .* by a value or a list .*ATOXGR has 1, 2, .*\(\"ATOXGR\", \">=3\"\)$",
    ),
    "chosen by a bound among values": ({"where": {"ATOXGR": ["3", " > 3"]}}, "chooses ATOXGR by ' > 3'"),
    "chosen by another value": ({"where": {"AESER": "!=Y"}}, r'name all that are meant, as where=\{"AESER": \["…", "…"\]\}$'),
    "chosen by a number": ({"where": {"ATOXGRN": 3}}, 'chooses ATOXGRN by 3: .*write it so: "3"'),
    "nothing a declaration says": ({"colour": "red"}, "colour"),
}


@pytest.mark.parametrize("case", MISDECLARED)
def test_output_of_a_notebook_is_refused_where_one_of_the_package_would_be(case: str, study: cg.Study) -> None:
    changed, said = MISDECLARED[case]
    told: dict[str, Any] = {"number": "T14.3.2.6", "population": "SAF", "source": ("ADAE",), **changed}
    with pytest.raises(ReportError, match=said):
        study.own(told.pop("number"), "Own", **told)(lambda view: None)


def test_output_of_a_study_writes_itself_as_a_workbook(study: cg.Study, tmp_path: Path) -> None:
    for number in ("T14.1.4", "F14.2.1"):
        assert study.output(number).to_excel(tmp_path / f"{number}.xlsx").read_bytes().startswith(b"PK")


# ---- with the mouse


def test_widget_shows_what_is_chosen(study: cg.Study) -> None:
    """Its leaves by their places: outputs, records, subjects."""
    outputs, records, subjects = study.widget().children[1].children
    words, which, chosen, shown = outputs.children
    words.value = "serious related"
    assert [number for _, number in which.options] == ["T14.3.2.2.2"]
    assert "Related Serious TEAEs" in shown.value
    population, arm, where = chosen.children
    population.value, arm.value, where.value = "SAF", "Low", "AGE >= 50"
    assert "[SAF, Low, AGE &gt;= 50]" in shown.value
    where.value = "AGX > 1"
    assert "cannot be asked of ADSL" in shown.value
    assert "<script" not in shown.value

    (dataset, parameter, visit, subject), told, table = records.children[0].children, *records.children[1:]
    dataset.value = "ADLB"
    own = study.data["ADLB"].query("PHASE == 2")
    assert told.value == f"2000 records of {len(own)}: choose fewer to see the others"
    parameter.value, visit.value = parameter.options[1][1], "Baseline"
    wanted = own.query("PARAM == @parameter.value and AVISIT == 'Baseline'")
    # All of them are on the page, none is left out for the room it takes.
    assert len(json.loads(table._dt_args["data_json"])) == len(table.df) == len(wanted) > 0
    subject.value = wanted["USUBJID"].iloc[0]
    assert set(table.df["USUBJID"]) == {subject.value}

    who, page = subjects.children
    who.value = who.options[5]
    assert f"Subject {who.options[5]}" in page.value


def test_widget_of_a_blind_study_offers_no_treatment(young_cut: Path) -> None:
    outputs = cg.open_cut(young_cut, phase=2).widget().children[1].children[0]
    assert list(outputs.children[2].children[1].options) == [("all", None)]
