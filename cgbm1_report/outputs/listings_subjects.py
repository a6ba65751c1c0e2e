"""16.2.1 to 16.2.3 What became of each subject: disposition, screen failures, assignment, deviations, analysis sets."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.outputs.disposition import (
    CATEGORIES,
    SCREENED,
    UNTOLD,
    entry_of,
    find_criteria,
    find_entered,
    means_disposition,
    means_entered,
    of_populations,
    reason_of,
)
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.protocol.wording import print_condition
from cgbm1_report.rows import Is
from cgbm1_report.tabulate.declare import DOSE_GROUP, Listing, output
from cgbm1_report.tabulate.derivation import derived
from cgbm1_report.tabulate.records import DateItem, Item, Listed, Ranked, ReasonItem, list_records
from cgbm1_report.tabulate.view import View

_UNENDED = "Treatment ongoing in a subject whose study has ended: the end of treatment is not recorded."
_ACCOUNTED = (SCREENED, "FAS")
_CONSENT = DateItem("RFICDT", "Informed consent", ("", "RFICDT", ""), width=1.1)

DISPOSITION = (
    _CONSENT,
    DateItem("TRTSDT", "First dose", ("", "TRTSDT", ""), width=1.1),
    DateItem("TRTEDT", "Last dose\n(study day)", ("", "TRTEDT", "TRTDURD"), width=1.4),
    Item("EOTSTT", "Treatment\nstatus", width=1.2, align="left", sentence=True),
    DateItem("EOTDT", "End of treatment\n(study day)", ("", "EOTDT", "EOTADY"), width=1.5),
    Item("DCTREAS", "Reason treatment\nwas discontinued", width=1.5, align="left", sentence=True),
    Item("EOSSTT", "Study\nstatus", width=1.2, align="left", sentence=True),
    DateItem("EOSDT", "End of study\n(study day)", ("", "EOSDT", "EOSADY"), width=1.5),
    Item("DCSREAS", "Reason study\nwas discontinued", width=1.5, align="left", sentence=True),
)


@output(
    "L16.2.1.1", "Disposition", population=_ACCOUNTED, source=("ADSL",), footnotes=(), total=False,
    variables={"ADSL": ("EOSSTT", "EOSDT", "DCSREAS")}, listed=Listed(DISPOSITION),
)  # fmt: skip
def disposition_listing(view: View) -> Listing:
    """Every subject, from consent to the end of the study; who failed screening has no dose group."""
    subjects = view.subjects_with("EOSSTT")
    unended = (subjects["EOTSTT"] == "ONGOING") & (subjects["EOSSTT"] != "ONGOING") if "EOTSTT" in subjects else pd.Series(False)
    notes = (_UNENDED,) if unended.any() else ()
    return list_records(view, subjects, footnotes=notes, dataset="ADSL")


_FAILED = (
    DateItem("RFICDT", "Informed consent", ("", "RFICDT", ""), width=1.2, once=True),
    Item("DEMOGRAPHY", "Age (years)/\nSex", ("AGE", "SEX"), width=0.9, dp=0, join="/", once=True),
    DateItem("EOSDT", "End of study", ("", "EOSDT", ""), width=1.2, once=True),
    Item("DCSREAS", "Reason", width=1.4, align="left", sentence=True, once=True),
)


def _failures(trial: Trial, phase: int) -> Listed:
    """Every criterion that a screen failure failed; below them who failed none that is recorded: all, where the data have none."""
    failed = means_disposition(trial, phase)["disposition", "Screen failure"]
    words = {one.ietest: print_condition(one.ietest) for one in trial.ie_criteria.get(phase, ())}
    criterion = (
        Item("IECAT", "Criterion", width=1.9, align="left", words=CATEGORIES, optional=True),
        Item("IETESTCD", "Code", width=0.8, align="left", optional=True),
        Item("IETEST", "Text of the criterion", width=3.6, align="left", words=words, optional=True),
    )
    unrecorded = Listed(_FAILED, ("", ""), ("",), dataset="ADSL", chosen=tuple({**way, "ADIE": Is("lacks", {})} for way in failed))
    return Listed((*_FAILED, *criterion), ("ADT", "IESEQ"), ("IESEQ",), dataset="ADIE", chosen=failed, also=(unrecorded,))


@output(
    "L16.2.1.2", "Screen Failures", population=SCREENED, source=("ADSL", "ADIE"), footnotes=(), total=False, listed=_failures,
    variables={"ADSL": ("RFICDT", "EOSSTT", "EOSDT", "DCSREAS")},
)  # fmt: skip
def screen_failure_listing(view: View) -> Listing:
    """Who signed and did not enter, with every criterion that was failed; without one by what else is told.

    ICH E3 (16.2.1) asks for the reason of each who left. The criteria tell more, and of data that have none the reason is listed.
    """
    subjects = view.subjects_with("EOSSTT")
    outside = subjects[~subjects["USUBJID"].isin(find_entered(view, subjects)["USUBJID"])]
    failed = outside[outside["EOSSTT"] == "DISCONTINUED"]
    criteria = find_criteria(view, failed)
    rest = failed[~failed["USUBJID"].isin(criteria["USUBJID"])]
    notes = (UNTOLD,) if len(failed) and "ADIE" not in view.adam else ()
    return list_records(view, criteria, grouped=False, also=(rest,), footnotes=notes)


_PLANNED, _ACTUAL = Item(DOSE_GROUP, "Planned", "TRT01P", 1.2, "left"), Item("TRT01A", "Actual", width=1.2, align="left")
_DOSED = DateItem("TRTSDT", "First dose", ("", "TRTSDT", ""), width=1.3)
#: How subjects came to their treatment, by the way they enter a phase.
ASSIGNMENT = {
    "enrolled": (
        DateItem("ENRLDT", "Enrolled", ("", "ENRLDT", ""), width=1.3),
        _PLANNED, _ACTUAL, _DOSED,
        Item("COHORTSQ", "Order\nwithin cohort", width=1.0, dp=0),
        Item("SENTFL", "Sentinel", width=1.0),
    ),
    "randomised": (
        DateItem("RANDDT", "Randomised", ("", "RANDDT", ""), width=1.3),
        Item("RANDNO", "Randomisation\nnumber", width=1.3),
        _PLANNED, _ACTUAL, _DOSED,
    ),
}  # fmt: skip


@output(
    "L16.2.1.3", "Randomisation / Cohort Assignment", population=_ACCOUNTED, source=("ADSL",), footnotes=(), total=False,
    variables=lambda trial, phase: {"ADSL": tuple(v for item in ASSIGNMENT[entry_of(trial, phase)] for v in item.named if v)},
    listed=lambda trial, phase: Listed(ASSIGNMENT[entry_of(trial, phase)], chosen=means_entered(trial, phase)),
)  # fmt: skip
def assignment_listing(view: View) -> Listing:
    """Which treatment subjects were to receive and which they received; while blind, that they were assigned."""
    return list_records(view, find_entered(view, view.subjects), dataset="ADSL", grouped=False)


def _deviations(trial: Trial, _: int) -> Listed:
    excluded_from = next((population.label for population in trial.populations if population.flag == "PPROTFL"), "")
    excluding = Item("DVPPSFL", f"Excludes from\n{excluded_from}", width=1.4)
    items = (
        DateItem("DATE", "Date\n(study day)", ("DVSTDTC", "ADT", "ADY"), width=1.5),
        Item("DVCAT", "Category", width=1.2, align="left", sentence=True),
        Item("DVDECOD", "Deviation", width=2.0, align="left", sentence=True),
        Item("DVTERM", "Description", width=4.5, align="left"),
        *([excluding] if excluded_from else ()),
    )
    return Listed(items, sort=("ADT", "DVSEQ"), key=("DVSEQ",))


@output(
    "L16.2.2.1", "Protocol Deviations", population=_ACCOUNTED, source=("ADDV",), footnotes=("F22",), total=False,
    variables={"ADDV": ("USUBJID", "DVSEQ", "DVTERM", "DVDECOD", "DVCAT", "DVPPSFL", "ADT")}, listed=_deviations,
)  # fmt: skip
def deviation_listing(view: View) -> Listing:
    """Every deviation, minor ones too, with those that exclude a subject from an analysis."""
    records = view.records("ADDV", "DVSEQ", "DVTERM", "DVDECOD", "DVCAT", "DVPPSFL")
    return list_records(view, records, dataset="ADDV")


#: What the form says of a criterion, and what the data say.
_RECORDED, _RECOMPUTED = {"Y": "Violated", "N": "Not recorded"}, {"Y": "Violated", "N": "Not violated"}
_CHECKED = (
    "Recorded: the case report form names the criterion as violated.",
    derived(
        "Recomputed",
        "told by the data before the first infusion, of a screen failure by those of screening, where data can tell it; "
        "without a value by history, procedures or medication", "IERCFL",
        further="A difference is a question to the site and no verdict.",
    ),
)  # fmt: skip


def _eligibility(trial: Trial, phase: int) -> Listed:
    """Each criterion that the form or the data find violated, in the order of the protocol."""
    declared = trial.ie_criteria.get(phase, ())
    items = (
        Item("IECAT", "Category", width=0.9, align="left", sentence=True),
        Item("IETESTCD", "Code", width=0.8, align="left"),
        Item("IETEST", "Criterion", width=3.4, align="left", words={one.ietest: print_condition(one.ietest) for one in declared}),
        DateItem("DATE", "Date as collected\n(study day)", ("IEDTC", "ADT", "ADY"), width=1.5),
        Item("IENMFL", "Recorded", width=1.1, align="left", words=_RECORDED),
        Item("IERCFL", "Recomputed", width=1.1, align="left", words=_RECOMPUTED, missing="Not checked"),
        Item("IERCVAL", "Value used", width=2.0, align="left"),
    )
    return Listed(items, sort=(Ranked("IETESTCD", tuple(one.ietestcd for one in declared)), "ASEQ"), key=("ASEQ",))


@output(
    "L16.2.2.2", "Eligibility Criteria Not Met and Recomputed Checks", population=_ACCOUNTED, source=("ADIECK", "ADSL"),
    footnotes=("F22",), total=False, listed=_eligibility,
    variables={"ADIECK": ("USUBJID", "ASEQ", "IETESTCD", "IETEST", "IECAT", "ADT", "IENMFL", "IERCFL", "IERCVAL")},
    needs={"ie_criteria": lambda trial: bool(trial.ie_criteria)},
)  # fmt: skip
def eligibility_listing(view: View) -> Listing:
    """Criteria that the form names as violated beside those that the data contradict, with the value that tells it."""
    records = view.records("ADIECK", "ASEQ", "IETESTCD", "IETEST", "IECAT", "IENMFL", "IERCFL")
    return list_records(view, records, dataset="ADIECK", footnotes=_CHECKED if len(records) else ())


#: Sets that everybody is in who entered.
_ENTERED = (SCREENED, "RAND")


def _exclusions(trial: Trial, phase: int) -> Listed:
    """Of which sets, and of each why: who entered and is outside at least one."""
    sets = {reason_of(one.code): one for one in trial.populations if phase in one.phases and one.code not in _ENTERED}
    outside = ReasonItem("SETS", "Excluded from", width=2.6, align="left", join="; ",
                         reasons={one.label: {one.flag: "N"} for one in sets.values()})  # fmt: skip
    why = (Item(name, f"Reason,\n{one.label}", width=2.2, align="left", sentence=True) for name, one in sets.items())
    ways = tuple(
        {**entered, one.flag: Is("=", "N")}
        for entered in means_entered(trial, phase)
        for one in sets.values()
        if one.flag not in entered
    )
    return Listed((outside, *why), chosen=ways)


@output(
    "L16.2.3.1", "Subjects Excluded from Analysis Populations", population=_ACCOUNTED, source=("ADSL",), footnotes=(), total=False,
    variables=of_populations, listed=_exclusions,
)  # fmt: skip
def exclusion_listing(view: View) -> Listing:
    """Who entered the study and is not in every analysis set, with the sets and the reasons."""
    entered = find_entered(view, view.subjects)
    flags = [one.flag for one in view.trial.populations if view.phase in one.phases]
    excluded = entered[(entered[flags] == "N").any(axis="columns")]
    note = (f"Of subjects {entry_of(view.trial, view.phase)}.",) if len(excluded) else ()
    return list_records(view, excluded, footnotes=note)
