"""The sections of trial.yaml agree, or reading it says which do not, all at once, with the place and the remedy."""

from __future__ import annotations

import copy
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cgbm1_report.derive import derive_adam
from cgbm1_report.errors import PlanError, ReportError
from cgbm1_report.outputs.catalogue import catalogue, left_out
from cgbm1_report.protocol.derived import tell_underivable
from cgbm1_report.protocol.outcomes import tell_unmade
from cgbm1_report.protocol.trial import Trial, read_trial
from cgbm1_report.validate import validate_adam
from tests.small_study import CUTOFF, decisions, small_study
from tests.trial_leaves import FILE, make_trial, protocol


def read(change: Callable[[Any], object]) -> Trial:
    """The trial with something of its file changed."""
    data = copy.deepcopy(protocol())
    change(data)
    return make_trial(data, FILE)


RESPONSE = {"label": "Response", "where": {"AVALC": ["CR"]}, "without_result": "left_out"}


def outcome(data: Any, code: str) -> Any:
    return next(one for one in data["outcomes"] if one["id"] == code)


def follow(data: Any, last: int) -> None:
    """Another end of follow-up, to which the registry counts complications."""
    data["study"]["followup_days"] = last
    for code in ("P1-SEC-12", "P2-SEC-22"):
        outcome(data, code)["nominal_days"] = []


def visit(data: Any, phase: int, name: str) -> Any:
    return next(one for one in data["phases"][phase]["visits"] if one["visit"] == name)


#: What is changed; what is said, at which place.
CASES: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "compliance of cells in a blind phase": (
        lambda data: data["phases"][2].update(compliance_of="cells"),
        "compliance is to be told of cells in phase 2, which is blind, where cells are not seen", "phases.2.compliance_of",
    ),
    "a sign that is no laboratory parameter": (
        lambda data: next(one for one in data["complications"] if one["code"] == "AKI")["sign"].update(paramcd="WEIGHT"),
        "WEIGHT is no laboratory parameter", "complications.5.sign.paramcd",
    ),
    "a sign that is a limit and a rise": (
        lambda data: next(one for one in data["complications"] if one["code"] == "AKI")["sign"].update(below=3),
        "is a result below a limit, or a rise with its times_baseline", "complications.5.sign",
    ),
    "compliance of cells beside a placebo": (
        lambda data: data["phases"][2].update(compliance_of="cells", blinded=False),
        "compliance is to be told of cells in phase 2, which has Placebo, which has no cells", "phases.2.compliance_of",
    ),
    "a day of the registry that is no visit": (
        lambda data: outcome(data, "P1-SEC-02").update(nominal_days=[30, 90, 180]),
        "outcome P1-SEC-02 names day 30, which is no analysis visit of phase 1", "outcomes.4.nominal_days",
    ),
    "another day of the primary outcome": (
        lambda data: outcome(data, "P2-PRI-03").update(nominal_days=[100]),
        "outcome P2-PRI-03 names day 100, which is no analysis visit of phase 2", "outcomes.2.nominal_days",
    ),
    "a day of a laboratory outcome that is no visit": (
        lambda data: outcome(data, "P1-SEC-04").update(nominal_days=[3, 7, 14, 20, 28, 90]),
        "outcome P1-SEC-04 names day 20", "outcomes.6.nominal_days",
    ),
    "a day after follow-up": (
        lambda data: data["study"].update(followup_days=120),
        "outcome P1-SEC-02 names day 180, after follow-up ends on day 120", "outcomes.4.nominal_days",
    ),
    "a day named twice": (
        lambda data: outcome(data, "P1-SEC-02").update(nominal_days=[28, 28]), "names day 28 twice", "outcomes.4.nominal_days",
    ),
    "an outcome of no parameter": (
        lambda data: outcome(data, "P1-SEC-02").update(paramcd="LTFZ"), "LTFZ, which is no parameter of ADTTE", "outcomes.4.paramcd",
    ),
    "an outcome in another dataset than its parameter": (
        lambda data: outcome(data, "P1-SEC-03").update(dataset="ADVS"), "its parameter AST in ADLB", "outcomes.5.dataset",
    ),
    "an outcome in a dataset nobody knows": (
        lambda data: outcome(data, "P1-SEC-03").update(dataset="ADXX"), "ADXX, which is none of the analysis", "outcomes.5.dataset",
    ),
    "an outcome in an undeclared phase": (
        lambda data: outcome(data, "P1-SEC-03").update(phase=3), "P1-SEC-03 is in phase 3, which is not declared", "outcomes.5.phase",
    ),
    "an outcome twice": (lambda data: outcome(data, "P1-SEC-03").update(id="P1-SEC-02"), "P1-SEC-02 stands twice", "outcomes"),
    "a comparison where there is no reference": (
        lambda data: outcome(data, "P1-SEC-03")["outputs"][0]["methods"].append("ancova"),
        "has ancova, which compares, but phase 1 has no reference", "outcomes.5.outputs",
    ),
    "a slope of the dose without an analysis of covariance": (
        lambda data: outcome(data, "P2-SEC-20")["outputs"][1].update(methods=["mmrm"], model={"dose": "TRT01PN"}),
        "tests the slope of TRT01PN, and has no analysis of covariance", "outcomes.",
    ),
    "a change without a baseline": (
        lambda data: outcome(data, "P1-SEC-03").update(baseline_needed=False), "but it needs no baseline", "outcomes.5.outputs",
    ),
    "a landmark without a day": (
        lambda data: outcome(data, "P1-SEC-02").update(nominal_days=[]), "but it names no day", "outcomes.4.outputs",
    ),
    "a response that no output tells": (
        lambda data: outcome(data, "P1-SEC-04").update(response=RESPONSE), "declares a response that none of its outputs tells",
        "outcomes.6.response",
    ),
    "a response of times to an event": (
        lambda data: outcome(data, "P2-PRI-03").update(response=RESPONSE), "and ADTTE holds no results of parameters",
        "outcomes.2.response",
    ),
    "responders beside values": (
        lambda data: (outcome(data, "P1-SEC-04").update(response=RESPONSE),
                      outcome(data, "P1-SEC-04")["outputs"][0]["methods"].append("rate")),
        "is asked who responds, and for values by visit", "outcomes.6.outputs",
    ),
    "a response that is no value of the parameter": (
        lambda data: outcome(data, "P1-SEC-15").update(response=RESPONSE), "responds by AVALC CR, which its parameter HLAAB does not",
        "outcomes.",
    ),
    "two flags of a parameter": (
        lambda data: outcome(data, "P1-SEC-04").update(visit_flag="ANL01FL"), "are analysed by ANL01FL and by ANL02FL", "outcomes.",
    ),
    "two parameters under one number": (
        lambda data: outcome(data, "P1-SEC-04")["outputs"][0].update(number="T14.2.11.1"),
        "of different parameters are answered by the same T14.2.11.1", "outcomes.6.outputs",
    ),
    "a number of another phase": (
        lambda data: outcome(data, "P1-SEC-04")["outputs"][0].update(number="T14.2.10.2"), "no number of an output of phase 1", "",
    ),
    "an output that is to show nothing": (
        lambda data: outcome(data, "P1-SEC-04")["outputs"][0].update(methods=[]), "asks nothing of T14.2.10.1", "outcomes.6.outputs",
    ),
    "an assumption that is not documented": (
        lambda data: outcome(data, "P1-PRI-01").update(assumptions=["A-99"]), "A-99, which is no documented assumption", "",
    ),
    "windows that overlap": (
        lambda data: visit(data, 1, "DAY 14").update(analysis_window=[11, 18]), "overlap on day 18", "phases.1.visits",
    ),
    "windows that leave a day out": (
        lambda data: visit(data, 2, "DAY 60").update(analysis_window=[47, 75]), "leave out days 45 to 46", "phases.2.visits",
    ),
    "a window without its day": (
        lambda data: visit(data, 1, "DAY 28").update(target_day=24), "day 24 of visit DAY 28 of phase 1 is not in its window", "",
    ),
    "a window that ends before it begins": (
        lambda data: visit(data, 1, "DAY 28").update(protocol_window=[31, 25]), "ends before it begins", "phases.1.visits.7",
    ),
    "one visit with two numbers": (
        lambda data: visit(data, 1, "DAY 28").update(visitnum=29), "visit DAY 28 has the numbers 29, 28", "phases",
    ),
    "two baselines": (
        lambda data: visit(data, 1, "DAY 0 POST-DOSE").update(baseline=True), "two visits of phase 1 carry the baseline", "",
    ),
    "infusions out of order": (
        lambda data: data["phases"][2]["infusions"].reverse(), "infusions of phase 2 are numbered 4, 3, 2, 1", "phases.2.infusions",
    ),
    "infusions nearer than is allowed": (
        lambda data: data["phases"][2].update(min_days_between_infusions=8), "are 7 days apart, 8 are due", "phases.2.min",
    ),
    "an infusion outside its window": (
        lambda data: data["phases"][2]["infusions"][1].update(target_day=10), "day 10 of infusion 2 of phase 2", "",
    ),
    "an arm in an undeclared phase": (lambda data: data["arms"][0].update(phase=4), "is in phase 4, which is not declared", "arms.0"),
    "a column of no arm": (
        lambda data: data["phases"][1]["columns"].insert(0, "Mega"), "column Mega of phase 1 is no arm's", "phases.1.columns",
    ),
    "two arms in one column": (
        lambda data: data["arms"][1].update(column="Low"), "two arms of phase 1 print in column Low", "phases.1.columns",
    ),
    "a reference that is the total": (
        lambda data: data["phases"][2].update(reference="Total"), "reference Total is not a column of phase 2", "phases.2.reference",
    ),
    "more subjects at least than at most": (
        lambda data: data["arms"][0].update(planned_n=[6, 3]), "plans 6 to 3 subjects", "arms.0.planned_n",
    ),
    "a population of an undeclared phase": (
        lambda data: data["populations"][0].update(phases=[1, 3]), "population SCR is for phase 3", "populations.0.phases",
    ),
    "two populations with one flag": (
        lambda data: data["populations"][0].update(flag="SAFFL"), "two populations have the flag SAFFL", "populations",
    ),
    "two populations with one label": (
        lambda data: data["populations"][2].update(label="Full Analysis Set"),
        "two populations are printed as 'Full Analysis Set'", "populations",
    ),
    "two categories with the same words": (
        lambda data: data["demographics"][3].update(categories={"ASIAN": "Asian", "OTHER": "Asian"}),
        "two categories of RACE are printed as 'Asian'", "demographics",
    ),
    "an arm in the column of all arms": (
        lambda data: (data["arms"][0].update(column="All subjects"), data["phases"][1].update(columns=["All subjects", "Medium", "High"])),
        "an arm of phase 1 prints in column All subjects, which holds all arms", "phases.1.columns",
    ),
    "an escalation's population without an escalation": (
        lambda data: data.pop("dose_escalation"), "population DLTE is of the dose escalation, which is not declared", "",
    ),
    "a parameter in a dataset nobody knows": (
        lambda data: data["parameters"]["SODIUM"].update(dataset="ADBL"), "parameter SODIUM is in dataset ADBL", "parameters.SODIUM",
    ),
    "two parameters of one test": (
        lambda data: data["parameters"]["SODIUM"].update(testcd="K"), "two parameters of ADLB are made from the test K", "parameters",
    ),
    "a footnote with a value nobody knows": (
        lambda data: data["footnotes"].update(F1="of {subjects}"), "footnote F1 names {subjects}", "footnotes.F1",
    ),
    "a data cut-off that is no date": (
        lambda data: data["study"].update(data_cutoff="June 2025"), "'June 2025' is no date", "study.data_cutoff",
    ),
    "liver injury without its rules": (
        lambda data: data.pop("liver_injury"), "HYSLAW is derived, and nothing says what of a liver test is a rise", "parameters.HYSLAW",
    ),
    "rules of liver injury without what they derive": (
        lambda data: [data["parameters"].pop(code) for code, one in list(data["parameters"].items()) if one["dataset"] == "ADLBHY"],
        "no parameter is derived by these rules", "liver_injury",
    ),
    "a rise in another unit than its test": (
        lambda data: data["parameters"]["MBILRB"].update(si_unit="mg/dL"),
        "MBILRB is a rise of BILI, which is in umol/L, not in mg/dL", "parameters.MBILRB.si_unit",
    ),
    "rises of a test that has none": (
        lambda data: data["liver_injury"]["rises"].update(GGT=[100]), "GGT is no test whose rise is derived", "liver_injury.rises",
    ),
    "a box plot of no laboratory parameter": (
        lambda data: data["liver_injury"].update(box_plots=["ALT", "MELD"]), "MELD is no laboratory parameter", "liver_injury.box_plots",
    ),
    "a box plot twice": (
        lambda data: data["liver_injury"].update(box_plots=["ALT", "ALT"]), "ALT stands twice", "liver_injury.box_plots",
    ),
    "multiples that fall": (
        lambda data: data["liver_injury"].update(transaminase_multiples=[5, 3]), "transaminase_multiples do not rise: 5, 3", "liver_injury",
    ),
    "a definition of no population": (
        lambda data: data["documentation"]["populations"].update(ITT="all"), "population ITT is not declared", "documentation",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_is_refused_with_its_place_and_remedy(name: str) -> None:
    change, said, place = CASES[name]
    with pytest.raises(ReportError) as caught:
        read(change)
    found = [problem for problem in caught.value.problems if said in problem.message]
    assert found, str(caught.value)
    assert all(problem.place.startswith(place) and problem.remedy and problem.file for problem in found)


def test_everything_that_cannot_be_is_said_at_once() -> None:
    def change(data: Any) -> None:
        for change_one, _, _ in [CASES[name] for name in ("windows that overlap", "a column of no arm", "two baselines")]:
            change_one(data)

    with pytest.raises(ReportError) as caught:
        read(change)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda data: outcome(data, "P1-SEC-02").update(nominal_days=[28, 60, 90, 180]),
        lambda data: data["outcomes"].remove(outcome(data, "P1-SEC-07")),
        lambda data: data["switches"].update(multiplicity="holm"),
        lambda data: follow(data, 200),
        lambda data: data["parameters"]["OS"].update(events={"Death": "Death"}),
        lambda data: (
            visit(data, 1, "DAY 14").update(analysis_window=[11, 16]) or visit(data, 1, "DAY 21").update(analysis_window=[17, 24])
        ),
    ],
)
def test_what_can_be_is_read(change: Callable[[Any], object]) -> None:
    assert read(change).outcomes


def test_what_outcomes_ask_for_and_no_output_makes_is_told_with_the_outcomes() -> None:
    trial = read(lambda data: data.update(outcomes=[outcome(data, code) for code in ("P2-SEC-20", "P2-SEC-23", "P2-SEC-24")]))
    shows = ("summary", "change", "change_interval", "percent_change")
    told = tell_unmade(trial, {"T14.2.6.2": shows, "T14.2.11.2": ("summary", "change"), "T14.2.10.2": shows})
    assert told == {
        "T14.2.7.2": "ANCOVA of the change by visit (P2-SEC-20); MMRM of the change (P2-SEC-20)",
        "in T14.2.11.2": "95% CI of the mean change (P2-SEC-23); percent change from baseline (P2-SEC-23)",
        "T14.2.17.2": "ANCOVA of the change by visit (P2-SEC-23, P2-SEC-24); MMRM of the change (P2-SEC-23, P2-SEC-24)",
    }


def antibodies(data: Any) -> None:
    """An outcome whose results are words, of which no table by visit is made."""
    data["outcomes"].append(
        {**outcome(data, "P1-SEC-15"), "id": "P1-SEC-18", "registry_order": 99,
         "outputs": [{"number": "T14.2.30.1", "methods": ["summary", "change"]}]}
    )  # fmt: skip


def test_an_outcome_that_no_output_answers_is_named_as_not_made() -> None:
    trial = read(antibodies)
    assert "T14.2.30.1" not in catalogue(trial)
    assert left_out(trial)["T14.2.30.1"] == "values by visit (P1-SEC-18); change from baseline (P1-SEC-18)"


def test_an_outcome_without_an_output_is_named_as_not_made() -> None:
    trial = read(lambda data: outcome(data, "P1-SEC-16").update(outputs=[]))
    assert left_out(trial)["P1-SEC-16"] == "it names no output"


def test_an_outcome_under_the_number_of_another_output_is_refused() -> None:
    def change(data: Any) -> None:
        outcome(data, "P1-SEC-04")["outputs"][0]["number"] = "T14.3.4.1.1"
        outcome(data, "P2-SEC-24")["outputs"][0]["number"] = "T14.3.4.1.2"

    with pytest.raises(PlanError, match=r"output T14\.3\.4\.1 is declared twice") as caught:
        catalogue(read(change))
    (problem,) = caught.value.problems
    assert problem.file == "trial.yaml"
    assert re.fullmatch(r"outcomes\.\d+\.outputs\.0\.number, outcomes\.\d+\.outputs\.0\.number", problem.place)
    assert "cgbm1-report list" in problem.remedy


def test_what_an_outcome_asks_of_a_named_output_and_it_does_not_show_is_told():
    def change(data: Any) -> None:
        outcome(data, "P2-PRI-03")["outputs"][0]["methods"].append("rate")
        data["outputs"] = ["T14.2.1.2"]

    assert left_out(read(change)) == {"in T14.2.1.2": "rate with exact 95% CI (P2-PRI-03)"}


def test_without_an_outcome_its_table_is_not_made_and_the_others_are() -> None:
    trial = read(lambda data: data.update(outcomes=[one for one in data["outcomes"] if one["paramcd"] != "GGT"]))
    assert set(catalogue(read(lambda data: None))) - set(catalogue(trial)) == {"T14.2.14.1", "T14.2.14.2"}


def test_days_of_survival_and_the_end_of_follow_up_may_change_and_the_data_they_name_stay_valid() -> None:
    """Periods of events, counted complications and ends of follow-up are named by their days: the codelists follow."""

    def change(data: Any) -> None:
        outcome(data, "P1-SEC-02").update(nominal_days=[60, 90, 180])
        outcome(data, "P2-SEC-19").update(nominal_days=[60, 180])
        follow(data, 200)

    trial = read(change)
    assert list(trial.event_periods) == ["Day 0-60", "Day 61-90", "Day 91-180"]
    sdtm = small_study(trial)
    adam = derive_adam(sdtm, trial, CUTOFF, decisions())
    assert "COMP60FL" in adam["ADCE"]
    assert "COMPLETED, LAST CONTACT BEFORE DAY 200" in set(adam["ADTTE"]["CNSDTDSC"])
    assert validate_adam(adam, trial, derived=adam, sdtm=sdtm).empty


#: One value of the file put in place of another, as YAML (nothing: the key is taken out); what is said of it. Places are paths
#: of keys; in a list a position, or the value of the member's first key.
EDITS = """
study.followup_days            | true                     | says true or false
study.followup_days            | 100000000000000000000    | less than or equal to 36500
study.title                    | "Safety\\nand Efficacy"  | holds U+000A, which nobody sees
study.studyid                  | ""                       | is an empty text
study.sponsor                  |                          | is not given
study.sponsor                  | null                     | is empty
study.studyid                  | 6740149                  | is no text: 6740149
study.data_cutoff              | 20250601                 | '20250601' is no date
study.data_cutoff              | 2025-W03-1               | is no date
study.meddra_version           | [27.0]                   | is no text: [27.0]
study.sponsors                 | another                  | is no key that stands here
phases.2.label                 | Phase 1                  | the label Phase 1 stands twice
phases.1.blinded               | true                     | phase 1 is blinded, and no population of it has the flag RANDFL
phases.1.min_days_between_infusions | 4                   | plans 1 infusion, and days between them
phases.2.min_days_between_infusions | -4                  | greater than or equal to 1
phases.1.visits.2.5.visitnum   | 2.51                     | which is that of an unscheduled visit
phases.1.visits.3.analysis_window | [3, 5]                | the first analysis window of phase 1 opens on day 3
phases.1.visits.3.analysis_window | [-5, 5]               | the first analysis window of phase 1 opens on day -5
phases.2.visits.28.protocol_window | [20, 60]             | may be held on days 20 to 60, and is analysed on days 25 to 44
arms.P1LOW.armcd               | ../x                     | is no name of a file
arms.P1LOW.armcd               | all                      | means that there is no arm
arms.P1LOW.armcd               | SCRNFAIL                 | means that there is no arm
arms.P1LOW.armcd               | p1med                    | differ by the case of letters alone
arms.P1LOW.armcd               | "P1LOW "                 | begins or ends with a blank
arms.P1LOW.armcd               | "P1LOW\\u200b"           | holds U+200B, which nobody sees
arms.P1LOW.column_label        | Low 9x10^6 cells/kg      | says a number, 'Low 9x10^6 cells/kg', beside the dose
arms.P1MED.column_label        | Low 1.0x10^6 cells/kg    | says a number
arms.P1LOW.dose_per_infusion_e6_cells_per_kg | .nan       | is no number
arms.P1LOW.dose_per_infusion_e6_cells_per_kg | .inf       | is no number
outcomes.P1-SEC-04.outputs.T14.2.10.1.number | T14.3.99.1 | stands in no section of ICH E3
outcomes.P1-SEC-04.outputs.T14.2.10.1.methods | [change, change] | method change stands twice
outcomes.P2-SEC-20.outputs.T14.2.7.2.population | DLTE | T14.2.7.2 of outcome P2-SEC-20 is of DLTE, which is no analysis set of phase 2
outcomes.P2-SEC-20.outputs.T14.2.6.2.model | {factors: [SITEID]} | T14.2.6.2 of outcome P2-SEC-20 says what a model is of and names none
outcomes.P2-SEC-20.outputs.T14.2.7.2.model | {weights: observed} | T14.2.7.2 of outcome P2-SEC-20 weighs levels of no factor
outcomes.P2-SEC-20.outputs.T14.2.7.2.model | {factor: SITEID} | is no key that stands here
outcomes.P2-SEC-23.outputs.T14.2.17.2.dtypes | [LOCF]    | T14.2.17.2 is of other subjects or records for outcome P2-SEC-23 than for P2-SEC-01
phases.1.visits.3.analysed_as  | {avisitn: 1, avisit: Week 1} | analysed_as a name of its own: it has a target_day and no analysis_window
outcomes.P1-SEC-12.nominal_days | [90]                    | events are counted to the end of follow-up, day 180
outcomes.P1-SEC-04.nominal_days | [true]                  | says true or false
parameters.ALT.dp              | -1                       | greater than or equal to 0
parameters.ALT.dp              | 100                      | less than or equal to 10
parameters.ALT.dp              | true                     | says true or false
parameters.ALT.label           | Aspartate Aminotransferase | stands twice
parameters.ALT.short           | AST                      | the name of ADLB AST stands twice
parameters.ALT.codelist        | [LOW, HIGH]              | ALT has a unit, so that its values are numbers
parameters.ALT.events          | {DEATH: Death}           | ALT is no time to an event
parameters.ALT.range           | [0, 10]                  | range says nothing of ALT
parameters.PLAT.testcd         | platelets                | is no name of a variable or a code
parameters.NINF                |                          | NINF of exposure is no parameter, and the others of it are
parameters.DLT28               |                          | DLT28 of dose-limiting toxicity is no parameter
parameters.OFCOUNT             |                          | OFCOUNT of organ failure is no parameter
parameters.DURMIN.si_unit      | h                        | DURMIN is derived in min, not in h
parameters.LTFS.si_unit        | weeks                    | LTFS is derived in days, not in weeks
parameters.LTFS.events         | {DEATH: Death}           | LTFS ends by DEATH, LIVER TRANSPLANT, not by DEATH
parameters.OS.events           | {DEATH: Death, LIVER TRANSPLANT: LT} | OS ends by DEATH, not by
subgroups.AGEGR1.variable      | AGE1                     | AGE1 is no line of demographics or baseline_disease, which would give its words
subgroups.AGEGR1.variable      | AGE                      | AGE is a number, and nothing parts it
subgroups.SEX.at               | 2                        | SEX has categories that are no numbers
subgroups.SEX.variable         | AGEGR1                   | AGEGR1 stands twice
parameters.TTLT.competing      | {'4': Transplant}        | the event of TTLT is ruled out where CNSR is 5, not 4
parameters.OS.competing        | {'5': Death}             | the event of OS is ruled out where CNSR is nothing, not 5
parameters.DLT28.codelist      | ["YES", "NO"]            | DLT28 is derived as N, Y, not as YES, NO
parameters.HLAAB.codelist      | [POSITIVE, NEGATIVE]     | is derived as INDETERMINATE, NEGATIVE, POSITIVE
parameters.HLAAB.codelist      | []                       | at least 1 item
parameters.INFCOMP.compliant   | [110, 90]                | ends before it begins
parameters.MELDUNOS.range      | [40, 6]                  | ends before it begins
parameters.BILI.si_unit        | mg/dL                    | BILI is in mg/dL, its limit in umol/L
parameters.CREAT.si_unit       | mmol/L                   | CREAT is in mmol/L, and no conversion makes mg/dL of it
parameters.MELD.meld.unit      | g/L                      | no conversion makes g/L of it
parameters.MELD.meld.lower_bound | 0                      | greater than 0
parameters.MELD.meld.creatinine_cap | 0.5                 | ends before it begins
parameters.MELD.meld.dialysis.days | 9                    | on 9 days cannot be had within 7
conversions.BILI.divide        | -17.1                    | above 0
conversions.BILI.divide        | .inf                     | is no number
conversions.BILI.to_unit       | umol/L                   | is from umol/L to itself
conversions.BILI.param         | CREAT                    | CREAT has several conversions
conversions.BILI.param         | BILX                     | BILX is no parameter
conversions                    | []                       | no conversion makes mg/dL of it
clif_c_of.organs.CLIFLIV.inputs.BILI.bands | [{score: 2, at_least: 12}, {score: 3, above: 6}] | does not lie beyond
clif_c_of.organs.CLIFLIV.inputs.BILI.bands | [{score: 2, at_least: 6}, {score: 3, below: 3}] | does not lie beyond
clif_c_of.organs.CLIFLIV.inputs.BILI.bands | [{score: 2, at_least: 6}, {score: 2, above: 12}] | two bands of BILI score 2
clif_c_of.organs.CLIFLIV.inputs.BILI.bands | []           | at least 1 item
clif_c_of.organs.CLIFLIV.inputs.BILI.unit |               | the limits of BILI name no unit
clif_c_of.organs.CLIFCIR.inputs.MAP.unit | kPa            | MAP is scored as collected, not in kPa
clif_c_of.organs.CLIFLIV.inputs.BILI.measure | INR        | INR is in ratio, and no conversion makes mg/dL of it
clif_c_of.organs.CLIFCIR.support | {}                     | fails from 3, which nothing scores
clif_c_of.pf_valid             | [700, 40]                | ends before it begins
clif_c_of.rrt_days_before      | -1                       | greater than or equal to 0
clif_c_of.aclf_grade.encephalopathy | [2, 1]              | ends before it begins
dose_escalation.observation_days | 200                    | watched for to day 200, after follow-up ends on day 180
teae.end_day                   | 999                      | treatment-emergent to day 999, after follow-up
teae.end_day                   | -1                       | greater than or equal to 0
complications.HRS.term         | ACUTE KIDNEY INJURY      | complication acute kidney injury stands twice
complications.HRS.code         | AKI                      | complication aki stands twice
complications.HRS.baseline_flag | AKIBL                   | baseline flag AKIBL stands twice
complications.HRS.baseline_flag | HRS BL                  | is no name of a variable
causes_of_death.HEMORRHAGE.group | INFECTION/SEPSIS      | group INFECTION/SEPSIS stands twice
causes_of_death.HEMORRHAGE.group | OTHER                 | group OTHER stands twice
causes_of_death.HEMORRHAGE.words | []                    | at least 1 item
populations.SAF.label          | Full Analysis Set        | two populations are printed as 'Full Analysis Set'
populations.RAND.phases        | []                       | at least 1 item
seen_blind                     | {ADXX: [AGE2]}           | ADXX is none of the analysis datasets
seen_blind                     | {ADSL: [AGE]}            | whether AGE is seen of a blind phase, schemas/adam/adsl.yaml says
seen_blind                     | {ADSL: [TRT02A]}         | TRT02A is a treatment by its name
seen_blind                     | {ADSL: [ARM]}            | ARM is a treatment by its name
seen_blind                     | {ADAE: [aesev]}          | aesev of ADAE is no name of a variable or a code
populations.DLTE.flag          | DLTFL                    | no population has the flag DLTEVFL
populations.RAND.flag          | RNDFL                    | phase 2 is blinded, and no population of it has the flag RANDFL
demographics.AGE.variable      | AGEX                     | AGEX is no variable of ADSL
demographics.SEX.categories    | {}                       | at least 1 item
demographics.SEX.categories    | {M: Sex, F: Sex}         | two categories of SEX are printed as 'Sex'
demographics.WEIGHTBL.label    | Height (cm)              | the label Height (cm) stands twice
baseline_disease.BILIBL.of     | BILIX                    | BILIX is no parameter
baseline_disease.BILIBL.of     | INR                      | the parameter INR stands twice
baseline_disease.BILIBL.label  | Bilirubin                | needs a label, or the parameter that names it
baseline_disease.HEGRBL.categories | {NONE: None}         | HEGRBL is a number
baseline_disease.ETIOL.variable | AGE                     | AGE stands twice
eligibility.adult.years        | 400                      | less than or equal to 120
eligibility.meld.query_from    | 31                       | ends before it begins
eligibility.encephalopathy.grade | 9                      | less than or equal to 4
eligibility.organ_failures.count | 9                      | 9 organs cannot fail of 6
eligibility.bilirubin.unit     | mg/dL                    | BILI is in umol/L, its limit in mg/dL
eligibility.pregnancy_test.days | -7                      | greater than or equal to 0
eligibility.adult              |                          | checked by adult, which has no limits
ie_criteria.1.P1I02.ietest     | Age >= 18 years          | says a number, 'Age >= 18 years', beside the limits
ie_criteria.1.P1I02.ietestcd   | P1I01                    | criterion P1I01 stands twice
ie_criteria.1.P1I02.ietestcd   | P1I02LONGER              | is no name of a variable or a code
ie_criteria.5                  | []                       | phase 5 is not declared
ie_criteria."1"                | []                       | ie_criteria names a phase twice
relatedness.related            | []                       | at least 1 item
relatedness.codelist           | [NOT RELATED, POSSIBLY RELATED, PROBABLY RELATED, RELATED, RELATED] | answer RELATED stands twice
aesi.HYPERSENS.code            | INFUSRX                  | category INFUSRX stands twice
aesi.HYPERSENS.code            | A;B                      | category A;B is no code
aesi.HYPERSENS.terms           | [Rash, rash]             | term rash stands twice
aesi.HYPERSENS.terms           | [""]                     | is an empty text
aesi.INFUSRX.hours_after_infusion | .nan                  | is no number
narratives.reasons             | []                       | at least 1 item
narratives.laboratory          | [ALT, ALTX]              | ALTX is no parameter
narratives.laboratory          | [ALT, ALT]               | laboratory parameter ALT stands twice
unblinding.opens               | SUBJECT                  | it cannot open a whole phase
unblinding.reasons             | {PHASE: []}              | no record could open a phase
unblinding.file                | ../unblinding.csv        | no name of a file of its own
unblinding.file                | src_decisions.csv        | no name of a file of its own
footnotes.F23                  | within 180 days          | says '180 days' in figures
footnotes.F1                   | "a\\u0000b"              | holds U+0000
footnotes.F1                   | "{followup_days:03d}"    | names {followup_days:03d}
abbreviations.""               | nothing                  | is an empty text
abbreviations." ALT"           | alanine                  | begins or ends with a blank
groups.AGEGR1.limits            | [60, 45]                | do not rise
groups.AGEGR1.limits            | [50, 60]                | AGEGR1 is grouped <50, 50-<60, >=60, and printed as <45, 45-<60, >=60
groups.AGEGR1.of                | SEX                     | SEX is no number of ADSL
groups.AGEGR2                   | {of: AGE, limits: [50]} | AGEGR2 is no variable that groups are derived in
parameters.ALT.quality          | {shots_at_least: 10, iqr_percent_at_most: 30} | quality says nothing of ALT
datasets                       | {adzz: foo}              | adzz is none of the analysis datasets
datasets                       | {adlb: ../x}             | is no name of a file
datasets                       | {adlb: "a b"}            | is no name of a file
datasets                       | {adlb: -x}               | is no name of a file
datasets                       | {adlb: adsl}             | adsl is another analysis dataset
datasets                       | {adlb: labs, advs: LABS} | file labs stands twice
datasets                       | {adlb: [adlbc, adlbc]}   | file adlbc stands twice
datasets                       | {adlb: [adlbc, adsl]}    | adsl is another analysis dataset
datasets                       | {adlb: []}               | no file is named
demographics.AGE.own           | true                     | AGE is a variable of schemas/adam/adsl.yaml
demographics.AGE.variable      | HOBBY                    | HOBBY is no variable of ADSL
outputs                        | [T14.1.4.1, T14.1.4.1]   | output T14.1.4.1 stands twice
"""


def edited(line: str) -> tuple[str, Any, str]:
    place, value, said = (cell.strip() for cell in line.split(" | "))
    data = copy.deepcopy(protocol())
    inner, keys = data, shlex.split(place.replace(".", " ").replace("2 5 ", "2.5 "))
    if "outputs" in keys and keys[0] == "outcomes":
        keys = [*keys[:3], ".".join(keys[3:-1]), keys[-1]]
    *before, last = keys
    for key in before:
        inner = member(inner, key)
    if isinstance(inner, dict) and int_like(last) in inner and last not in ("1",):
        last = int_like(last)
    if value:
        inner[last] = yaml.safe_load(value)
    else:
        del inner[last]
    return place, data, said


def int_like(key: str) -> Any:
    return int(key) if key.isdigit() else key


def member(inner: Any, key: str) -> Any:
    if isinstance(inner, dict):
        return inner[key] if key in inner else inner[int_like(key)]
    return next(one for one in inner if str(next(iter(one.values()))) == key)


@pytest.mark.parametrize("line", EDITS.strip().splitlines())
def test_an_edited_value_is_refused_with_its_place_and_remedy(line: str) -> None:
    _, data, said = edited(line)
    with pytest.raises(PlanError) as caught:
        make_trial(data, FILE)
    found = [problem for problem in caught.value.problems if said in f"{problem.message} {problem.place}"]
    assert found, str(caught.value)
    assert all(problem.place and problem.remedy and problem.file for problem in caught.value.problems)


#: How the file is written; what is said of it, nothing where it is read as it is meant.
WRITTEN = """
followup_days: 180             | followup_days: 0264        | 0264 is read as another number
followup_days: 180             | followup_days: 3:00        | 3:00 is read as another number
followup_days: 180             | followup_days: 1_80        | 1_80 is read as another number
followup_days: 180             | followup_days: "180"       |
followup_days: 180             | followup_days: 180.0       |
divide: 17.1}                  | divide: 17,1}              | conversions.0
blinded: false                 | blinded: no                |
columns: [Low, Medium, High, Total] | columns: [Low Medium, High, Total] | column Low Medium of phase 1 is no arm's
switches:                      | switches: &s               |
tte_plus_one: false            | <<: {tte_plus_one: true}   |
teae:                          | teae: {end_day: 90}#       | not YAML
ctcae: 5                       | ctcae: 5\\n  ctcae: 6      | key 'ctcae' stands twice
study:                         | %TAB                       | not YAML
codelist: [Y, N]               | codelist: [yes, no]        | says true or false
abbreviations:                 | abbreviations:\\n  NO: nitric oxide | is no text: False
"""


@pytest.mark.parametrize("line", WRITTEN.strip().splitlines())
def test_a_file_is_read_as_people_read_it_or_refused(line: str, tmp_path: Path) -> None:
    before, after, said = (cell.strip() for cell in line.split(" | " if line.count(" | ") == 2 else "|"))
    text = FILE.read_text(encoding="utf-8")
    assert before in text
    changed = text.replace(before, after.replace("\\n", "\n").replace("%TAB", "\tstudy:"), 1)
    file = tmp_path / "trial.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + changed.replace("\n", "\r\n").encode("utf-8"))
    if not said:
        assert read_trial(file).arms
        return
    with pytest.raises(PlanError) as caught:
        read_trial(file)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("written", "read_as"),
    [("27.10", "27.10"), ("27.0", "27.0"), ("2025-03-01", "2025-03-01"), ("'B3 2025'", "B3 2025"), ("28", "28")],
)
def test_the_version_of_a_dictionary_is_the_text_that_was_written(written: str, read_as: str, tmp_path: Path) -> None:
    file = tmp_path / "trial.yaml"
    file.write_text(FILE.read_text("utf-8").replace("meddra_version: null", f"meddra_version: {written}"), "utf-8")
    assert read_trial(file).study.meddra_version == read_as


@pytest.mark.parametrize("text", ["", "# a comment\n", "- a\n- b\n", "hello"])
def test_a_file_without_sections_says_so(text: str, tmp_path: Path) -> None:
    file = tmp_path / "trial.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(PlanError, match=r"is empty|holds no sections"):
        read_trial(file)


#: What a trial that derives its data from SDTM cannot leave out: the sections and parameters taken out; what is said.
UNDERIVABLE: dict[str, tuple[Callable[[Any], object], str]] = {
    "scores of organs": (lambda data: data.pop("clif_c_of"), "how organ failure is scored"),
    "the formula of MELD": (lambda data: data["parameters"]["MELD"].pop("meld"), "how MELD is computed"),
    "limits of compliance": (lambda data: data["parameters"]["INFCOMP"].pop("compliant"), "the limits of the compliance"),
    "a flag that is derived": (
        lambda data: data["populations"][3].update(flag="ITTFL"), "flag ITTFL of population FAS is none that is derived",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNDERIVABLE)
def test_what_sdtm_needs_is_told_before_the_data_are_checked(name: str) -> None:
    change, said = UNDERIVABLE[name]
    told = [str(problem) for problem in tell_underivable(read(change), "trial.yaml")]
    assert len(told) == 1
    assert said in told[0]
    assert not tell_underivable(read(lambda data: None), "trial.yaml")
