"""Supplied analysis data: what nobody recorded is no count of 0, and a variable is asked for only where it is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report import validate
from cgbm1_report.errors import ReportError
from cgbm1_report.outputs.catalogue import catalogue, make, require_declared
from cgbm1_report.protocol.trial import make_trial
from cgbm1_report.read.cut import read_cut
from cgbm1_report.tabulate.table import Table
from tests.drawn import draw, plain_protocol, read_cells, stamp_of

PILOT = plain_protocol(Path(__file__).parent / "pilot" / "trial.yaml")
RELATEDNESS = {"codelist": ["PROBABLE", "NONE"], "related": ["PROBABLE"], "missing": "related"}
SCREENED = {"code": "SCR", "flag": "SCRNFL", "label": "Screened", "treatment": "TRT01P", "phases": [1]}
ADSL = """
USUBJID$ | SAFFL | ITTFL | SCRNFL | TRT01P$ | TRT01A$ | TRTSDT     | RANDDT     | EOSSTT       | DCSREAS       | ARMNRS
1        | Y     | Y     | Y      | Placebo | Placebo | 2024-01-01 | 2024-01-01 | COMPLETED    | .             | .
2        | Y     | Y     | Y      | Placebo | Placebo | 2024-01-01 | 2024-01-01 | DISCONTINUED | ADVERSE EVENT | .
3        | N     | N     | Y      | .       | .       | .          | .          | .            | .             | {}
"""
ADAE = """
USUBJID$ | AESEQ | TRTEMFL | AEBODSYS | AEDECOD | AESER | RELGR1  | AEACN            | AEOUT              | AESDTH | ASTDT
1        | 1     | Y       | Skin     | Rash    | N     | RELATED | DOSE NOT CHANGED | RECOVERED/RESOLVED | N      | 2024-01-05
2        | 1     | Y       | Skin     | Rash    | N     | .       | DRUG WITHDRAWN   | RECOVERED/RESOLVED | N      | 2024-01-05
"""


def trial(*outputs: str, **changed: object):
    populations = [*PILOT["populations"], SCREENED] if "T14.1.1.1" in outputs else PILOT["populations"]
    footnotes = {"F1": "Percentages use N", "F2": "As flagged", "F3": "Once", "F4": "Related: {related}"}
    footnotes |= {"F5": "Grades", "F12": "As flagged", "F21": "MedDRA"}
    told = {
        **PILOT,
        "populations": populations,
        "footnotes": footnotes,
        "relatedness": RELATEDNESS,
        "outputs": [*outputs],
        **changed,
    }
    return make_trial({name: one for name, one in told.items() if name != "notebooks"}, Path("trial.yaml"))


def table(number: str, adam: dict[str, pd.DataFrame]) -> Table:
    own = trial(number)
    return make(catalogue(own)[number], own, adam, replace(stamp_of(own), supplied=True))


def events(**values: object) -> dict[str, pd.DataFrame]:
    adae = draw(ADAE).assign(RELGR1=["RELATED", "NOT RELATED"]).assign(**values)
    return {"ADSL": draw(ADSL.format("SCREEN FAILURE")), "ADAE": adae}


#: What no event has recorded | the output that is made of it.
UNRECORDED = [("AEACN", "T14.3.2.4.1"), ("AEOUT", "T14.3.1.1.1"), ("ATOXGR", "T14.3.1.6.1")]


@pytest.mark.parametrize(("variable", "number"), UNRECORDED)
def test_what_no_event_has_recorded_is_not_counted_as_none(variable: str, number: str) -> None:
    with pytest.raises(ReportError, match=f"ADAE: {variable} has no value in any of 2 records of the Safety Population"):
        table(number, events(**{variable: pd.Series([None, None], dtype="str")}))


#: What no event has recorded | rows of the overview that ask it.
ASKING = {
    "AEACN": ["TEAE leading to discontinuation of study treatment"],
    "ATOXGR": ["TEAE of grade 3 or higher", "Related TEAE of grade 3 or higher"],
}


@pytest.mark.parametrize("variable", ASKING)
def test_the_overview_leaves_out_the_rows_that_ask_what_no_event_has_recorded_and_names_them(variable: str) -> None:
    graded = {"ATOXGR": ["3", "1"]} | {variable: pd.Series([None, None], dtype="str")}
    whole, made = table("T14.3.1.1.1", events(ATOXGR=["3", "1"])), table("T14.3.1.1.1", events(**graded))
    kept = [row.label for row in whole.rows if row.label not in ASKING[variable]]
    assert [row.label for row in made.rows] == kept
    assert len(kept) == len(whole.rows) - len(ASKING[variable])
    # Of two treated subjects both have an event, one each.
    assert read_cells(made, "Any TEAE")[-1] == "2 (100.0) [2]"
    (note,) = [one for one in made.footnotes if one.startswith("Not in the supplied data, and not told: ")]
    assert all(f"{row} (" in note for row in ASKING[variable])
    assert ("Grades." in made.footnotes) is (variable != "ATOXGR")


def test_rows_of_variables_a_study_does_not_have_are_left_out_and_named() -> None:
    made = table("T14.3.1.1.1", events())
    # One of two treated subjects had the drug withdrawn.
    assert read_cells(made, "TEAE leading to discontinuation of study treatment")[-1] == "1 (50.0) [1]"
    labels = [row.label for row in made.rows]
    assert not [
        one for one in labels if "grade 3" in one or "special interest" in one or "of the study" in one.replace("study tr", "")
    ]
    notes = " ".join(made.footnotes)
    assert "TEAE of grade 3 or higher (ATOXGR)" in notes
    assert "TEAE leading to discontinuation of the study (ENDSTFL)" in notes
    assert "special interest" not in notes, "trial.yaml declares none: nothing is missed"
    assert "Related: as supplied (RELGR1), related where it is missing." in made.footnotes


def test_a_missing_relation_is_what_trial_yaml_says_it_means(tmp_path: Path) -> None:
    (tmp_path / "adam").mkdir()
    draw(ADAE).to_parquet(tmp_path / "adam" / "adae.parquet")
    draw(ADSL.format(".")).to_parquet(tmp_path / "adam" / "adsl.parquet")
    for missing, expected in (("related", "RELATED"), ("not_related", "NOT RELATED")):
        own = trial("T14.3.1.1.1", relatedness={**RELATEDNESS, "missing": missing})
        assert read_cut(tmp_path, own).adam["ADAE"]["RELGR1"].tolist() == ["RELATED", expected]


@pytest.mark.parametrize(
    ("relations", "said"), [(["RELATED", None], True), (["RELATED", "NOT RELATED"], False), ([None, None], False)]
)
def test_a_relation_that_reading_fills_is_said(tmp_path: Path, relations: list[str | None], said: bool) -> None:
    (tmp_path / "adam").mkdir()
    draw(ADAE).assign(RELGR1=pd.Series(relations, dtype="str")).to_parquet(tmp_path / "adam" / "adae.parquet")
    draw(ADSL.format(".")).to_parquet(tmp_path / "adam" / "adsl.parquet")
    notes = [note.message for note in read_cut(tmp_path, trial("T14.3.1.1.1")).notes]
    assert notes == (["RELGR1 is empty in some records, which are read as RELATED"] if said else [])


#: Lines of the table of who the subjects are | whether a percentage stands in it.
LINES = [
    ([{"variable": "AGE", "label": "Age", "dp": 0}], False),
    ([{"variable": "AGE", "label": "Age", "dp": 0}, {"variable": "EOSSTT", "label": "End", "categories": {"COMPLETED": "Completed", "DISCONTINUED": "Left"}}], True),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "told"), LINES)
def test_a_table_without_a_percentage_does_not_explain_percentages(lines: list[dict[str, object]], told: bool) -> None:
    own = trial("T14.1.4.1", demographics=lines)
    adam = {"ADSL": draw(ADSL.format("SCREEN FAILURE")).assign(AGE=[50.0, 60.0, None])}
    made = make(catalogue(own)["T14.1.4.1"], own, adam, replace(stamp_of(own), supplied=True))
    assert ("Percentages use N." in made.footnotes) is told


def test_an_end_of_study_is_not_asked_of_who_failed_screening() -> None:
    made = table("T14.1.1.1", {"ADSL": draw(ADSL.format("SCREEN FAILURE"))})
    # One of three screened failed; of two randomised one completed.
    assert read_cells(made, "Screen failure")[-1] == "1 (33.3)"
    assert read_cells(made, "Completed study")[-1] == "1 (50.0)"
    with pytest.raises(ReportError, match=r"EOSSTT is missing of 1 subject who did not enter, and nothing says"):
        table("T14.1.1.1", {"ADSL": draw(ADSL.format("."))})


def test_a_footnote_on_days_is_not_asked_for_where_no_row_names_a_day() -> None:
    own, adam = trial("T14.1.1.1", "T14.1.2.1"), {"ADSL": draw(ADSL.format("SCREEN FAILURE")).assign(EFFFL="Y", COMP24FL="Y")}
    require_declared(catalogue(own).values(), own, adam)
    assert "F11" not in own.footnotes


LAB = """
USUBJID$ | PARAMCD | AVAL | CHG | AVISIT   | AVISITN | ABLFL | ANL01FL
1        | ALT     | 20   | .   | Baseline | 0       | Y     | {}
1        | ALT     | 30   | 10  | Week 8   | 8       | N     | Y
"""


@pytest.mark.parametrize(("flag", "told"), [("N", 1), ("Y", 0)])
def test_a_baseline_record_that_is_not_flagged_for_analysis_is_not_left_out_in_silence(flag: str, told: int) -> None:
    own = trial("T14.3.4.1.1", conventions={"visit_flag": "ANL01FL"}, footnotes={"F11": "As named", "F12": "As flagged"})
    adam = {"ADSL": draw(ADSL.format(".")), "ADLB": draw(LAB.format(flag))}
    made = make(catalogue(own)["T14.3.4.1.1"], own, adam, replace(stamp_of(own), supplied=True))
    notes = [one for one in made.footnotes if one.startswith("Not shown: ")]
    assert notes == ["Not shown: 1 of 1 baseline records (ABLFL = Y), which ANL01FL does not flag for analysis."] * told
    assert ("Baseline" in " ".join(row.label for row in made.rows)) == (not told)


#: ANL01FL and AVISITN of the baseline, AVISITN of a second record, visit_flag of trial.yaml | what is said: variable, counts, remedy.
BASELINES = """
N | 0 | 8 | ANL01FL | ANL01FL is not Y in 1 of 1 baseline record (ABLFL = Y)  | visit_flag: null
# Where a visit has two records null would not tell which of them counts.
N | 0 | 0 | ANL01FL | ANL01FL is not Y in 1 of 1 baseline record (ABLFL = Y)  | set the flag to Y
Y | 0 | 8 | ANL01FL |                                                         |
Y | . | 8 | ANL01FL | AVISITN is missing in 1 of 1 baseline record (ABLFL = Y) | AVISITN of its visit
N | 0 | 8 | .       |                                                         |
"""


@pytest.mark.parametrize("case", [one for one in BASELINES.strip().splitlines() if not one.startswith("#")])
@pytest.mark.parametrize("dataset", ["ADLB", "ADVS"])
def test_a_baseline_that_tables_by_visit_leave_out_is_a_question(case: str, dataset: str) -> None:
    flag, number, second, visit_flag, told, remedy = (one.strip() for one in case.split("|"))
    paramcd = {"ADLB": "ALT", "ADVS": "PULSE"}[dataset]
    records = draw(LAB.format(flag)).assign(PARAMCD=paramcd, AVISITN=[float(number.replace(".", "nan")), float(second)])
    own = trial("T14.3.4.1.1", conventions={"visit_flag": None if visit_flag == "." else visit_flag})
    found = validate.validate_adam({"ADSL": draw(ADSL.format(".")), dataset: records}, own, keys_only=True)
    found = found[(found["rule"] == "V08") & found["message"].str.contains("by visit leave them out")]
    said = found["severity"] + found["dataset"] + ": " + found["variable"] + " " + found["message"]
    assert said.tolist() == ([f"W{dataset}: {told}: tables of all results by visit leave them out"] if told else [])
    assert all(remedy in one for one in found["remedy"])


def test_a_baseline_without_a_visit_is_not_left_out_in_silence() -> None:
    own = trial("T14.3.4.1.1", conventions={"visit_flag": None}, footnotes={"F11": "As named", "F12": "As flagged"})
    adlb = draw(LAB.format("Y")).assign(AVISITN=[float("nan"), 8.0])
    made = make(
        catalogue(own)["T14.3.4.1.1"], own, {"ADSL": draw(ADSL.format(".")), "ADLB": adlb}, replace(stamp_of(own), supplied=True)
    )
    assert "Not shown: 1 of 1 baseline records (ABLFL = Y), which have no AVISITN." in made.footnotes


def test_baselines_that_stand_at_several_visits_are_told() -> None:
    """A subject whose test was repeated before the first dose has its baseline there, and the row of the planned visit lacks it."""
    own = trial("T14.3.4.1.1", conventions={"visit_flag": None}, footnotes={"F11": "As named", "F12": "As flagged"})
    drawn = LAB.format("Y") + "2 | ALT | 40 | . | Unscheduled 1.1 | 0.1 | Y | Y\n"
    adam = {"ADSL": draw(ADSL.format(".")), "ADLB": draw(drawn)}
    notes = make(catalogue(own)["T14.3.4.1.1"], own, adam, replace(stamp_of(own), supplied=True)).footnotes
    told = ["Baseline records (ABLFL = Y) stand at several visits: Baseline (1), Unscheduled 1.1 (1)."]
    assert [note for note in notes if "several visits" in note] == told


#: Flags of the first subject or event | what is said of them, of ADSL and ADAE.
FLAGS = """
DTHFL=.   | W ADSL DTHFL
DTHFL=N   |
AESDTH=.  | W ADAE AESDTH
# Events began on treatment, and no table would have any of them.
TRTEMFL=. | E ADAE TRTEMFL
"""


@pytest.mark.parametrize("case", [one for one in FLAGS.strip().splitlines() if not one.startswith("#")])
def test_a_flag_that_no_record_has_is_a_question(case: str) -> None:
    told, expected = (one.strip() for one in case.split("|"))
    name, value = told.split("=")
    adam = {name: frame.copy() for name, frame in events().items()}
    dataset = "ADSL" if name == "DTHFL" else "ADAE"
    adam[dataset][name] = pd.Series([None if value == "." else value] * len(adam[dataset]), dtype="str")
    found = validate.validate_adam(adam, trial("T14.3.1.1.1"), keys_only=True)
    own = found[found["message"].str.contains("has no value in any")]
    assert (own["severity"] + " " + own["dataset"] + " " + own["variable"]).tolist() == ([expected] if expected else [])
