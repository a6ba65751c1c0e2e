"""The sections of trial.yaml agree, or reading it says which do not, all at once, with the place and the remedy."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from cgbm1_report.derive import derive_adam
from cgbm1_report.errors import PlanError, ReportError
from cgbm1_report.outputs.catalogue import catalogue, left_out
from cgbm1_report.protocol.outcomes import tell_unmade
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.validate import validate_adam
from tests.small_study import CUTOFF, decisions, small_study
from tests.trial_leaves import FILE, make_trial, protocol


def read(change: Callable[[Any], object]) -> Trial:
    """The trial with something of its file changed."""
    data = copy.deepcopy(protocol())
    change(data)
    return make_trial(data, FILE)


def outcome(data: Any, code: str) -> Any:
    return next(one for one in data["outcomes"] if one["id"] == code)


def visit(data: Any, phase: int, name: str) -> Any:
    return next(one for one in data["phases"][phase]["visits"] if one["visit"] == name)


#: What is changed; what is said, at which place.
CASES: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "compliance of cells in a blind phase": (
        lambda data: data["phases"][2].update(compliance_of="cells"),
        "compliance is to be told of cells in phase 2, which is blind, where cells are not seen", "phases.2.compliance_of",
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
    "a change without a baseline": (
        lambda data: outcome(data, "P1-SEC-03").update(baseline_needed=False), "but it needs no baseline", "outcomes.5.outputs",
    ),
    "a landmark without a day": (
        lambda data: outcome(data, "P1-SEC-02").update(nominal_days=[]), "but it names no day", "outcomes.4.outputs",
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
        lambda data: data["study"].update(followup_days=200),
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


def platelets(data: Any) -> None:
    """An outcome that no table by visit is made of yet."""
    data["outcomes"].append(
        {**outcome(data, "P1-SEC-04"), "id": "P1-SEC-18", "registry_order": 99, "paramcd": "PLAT",
         "outputs": [{"number": "T14.2.30.1", "methods": ["summary", "change"]}]}
    )  # fmt: skip


def test_an_outcome_that_no_output_answers_is_named_as_not_made() -> None:
    trial = read(platelets)
    assert "T14.2.30.1" not in catalogue(trial)
    assert left_out(trial)["T14.2.30.1"] == "values by visit (P1-SEC-18); change from baseline (P1-SEC-18)"


def test_an_outcome_without_an_output_is_named_as_not_made() -> None:
    trial = read(lambda data: outcome(data, "P1-SEC-16").update(outputs=[]))
    assert left_out(trial)["P1-SEC-16"] == "it names no output"


def test_an_outcome_under_the_number_of_another_output_is_refused() -> None:
    def change(data: Any) -> None:
        outcome(data, "P1-SEC-04")["outputs"][0]["number"] = "T14.3.4.1.1"
        outcome(data, "P2-SEC-24")["outputs"][0]["number"] = "T14.3.4.1.2"

    with pytest.raises(PlanError, match=r"output T14\.3\.4\.1 is declared twice"):
        catalogue(read(change))


def test_without_an_outcome_its_table_is_not_made_and_the_others_are() -> None:
    trial = read(lambda data: data.update(outcomes=[one for one in data["outcomes"] if one["paramcd"] != "GGT"]))
    assert set(catalogue(read(lambda data: None))) - set(catalogue(trial)) == {"T14.2.14.1", "T14.2.14.2"}


def test_days_of_survival_and_the_end_of_follow_up_may_change_and_the_data_they_name_stay_valid() -> None:
    """Periods of events, counted complications and ends of follow-up are named by their days: the codelists follow."""

    def change(data: Any) -> None:
        outcome(data, "P1-SEC-02").update(nominal_days=[60, 90, 180])
        outcome(data, "P2-SEC-19").update(nominal_days=[60, 180])
        data["study"].update(followup_days=200)

    trial = read(change)
    assert list(trial.event_periods) == ["Day 0-60", "Day 61-90", "Day 91-180"]
    sdtm = small_study(trial)
    adam = derive_adam(sdtm, trial, CUTOFF, decisions())
    assert "COMP60FL" in adam["ADCE"]
    assert "COMPLETED, LAST CONTACT BEFORE DAY 200" in set(adam["ADTTE"]["CNSDTDSC"])
    assert validate_adam(adam, trial, derived=adam, sdtm=sdtm).empty
