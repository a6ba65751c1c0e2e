"""Rules about ADaM whose variables are another study's own: what any report relies on, asked where the variables are there."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.errors import number_of
from cgbm1_report.protocol.outcomes import efficacy_flag, has_responses
from cgbm1_report.protocol.registry import Outcome
from cgbm1_report.validate.presence import whole_finding
from cgbm1_report.validate.rules import adam_rule
from cgbm1_report.validate.schemas import frame_finding
from cgbm1_report.validate.source import as_text, number_text
from cgbm1_report.validate.supplied import Supplied, numbers_differ

#: What happens to a subject who is treated after the treatment has begun, each a date of ADSL. The last dose is a period's end.
#: Tables of time at risk refuse a last contact by themselves: who prints none of them is asked.
AFTERWARDS = {"DTHDT": "E", "LTDT": "E", "LSTALVDT": "W", "EOSDT": "W"}
#: Of a population by planned treatment a subject may have none, where ARMNRS says why the arm is missing (SDTMIG 3.4).
PLANNED, UNASSIGNED = "TRT01P", "ARMNRS"
#: Datasets whose values at visits are told by `conventions.visit_flag`; of outcomes ABLFL tells the baseline.
BY_VISIT = ("ADLB", "ADVS")
#: What mends a flag that begins after the baseline, as admiral's templates set it, where each visit has one record.
_EVERY_VISIT = (
    "write conventions: {visit_flag: null} into trial.yaml, by which the one record of each AVISITN is taken, or set the flag to Y "
    "in the record with ABLFL = Y too"
)
#: So many values of the data are named beside one that they have not, the most frequent ones.
_NAMED = 6
#: Flags that are Y or missing, of which none may mean that nobody asked.
EMPTY = {"ADSL": ("DTHFL",), "ADAE": ("AESDTH", "AESIFL", "ENDSTFL", "DLTFL")}


@adam_rule(
    "V06",
    "E",
    "who is in a population has its treatment",
    "fill the treatment, or ARMNRS where none was planned, or take the subject out of the population",
    studies="any",
)
def subjects_have_their_treatment(given: Supplied) -> Iterator[pd.DataFrame]:
    """Subjects flagged for a population whose treatment variable is missing: they would be in Total and in no arm."""
    if not given.has("ADSL", "USUBJID"):
        return
    excused = given.column("ADSL", UNASSIGNED).notna()
    for treatment in sorted({population.treatment for population in given.trial.populations}):
        if not given.has("ADSL", treatment):
            continue
        without = given.column("ADSL", treatment).isna()
        if treatment == PLANNED:
            without &= ~excused
        flags = [one.flag for one in given.trial.populations if one.treatment == treatment and given.has("ADSL", one.flag)]
        if not flags:
            continue
        flagged = pd.DataFrame({flag: given.column("ADSL", flag) == "Y" for flag in flags}, index=without.index)
        wrong = without & flagged.any(axis="columns")
        named = flagged.dot(pd.Series({flag: f" {flag}" for flag in flags}, dtype="object")).astype("str")
        yield given.findings("ADSL", wrong, treatment, "is missing although the subject is in" + named)


@adam_rule("V04", "E", "nothing of a treated subject ends before the first dose", "correct the date, or TRTSDT", studies="any")
def nothing_ends_before_the_first_dose(given: Supplied) -> Iterator[pd.DataFrame]:
    """The last contact, the death, the transplantation and the end of the study against TRTSDT.

    Person-time would be counted to a day before it began, and a death would fall into the first days of treatment (E). Of a last
    contact and an end of the study it is a question (W): outputs that count time to them are refused.
    """
    first = given.column("ADSL", "TRTSDT")
    for variable, severity in AFTERWARDS.items():
        if given.has("ADSL", variable, "TRTSDT"):
            date = given.column("ADSL", variable)
            message = as_text(date) + " is before TRTSDT " + as_text(first)
            yield given.findings("ADSL", date < first, variable, message, severity=severity)


@adam_rule(
    "V02",
    "W",
    "a category of the data is one that trial.yaml names",
    "name the category in trial.yaml, or correct the value: an output that counts by it is refused",
    studies="other",
)
def categories_are_declared(given: Supplied) -> Iterator[pd.DataFrame]:
    """Texts of ADSL and ADAE of which trial.yaml lists the categories, whether an output of this report counts by them or not."""
    listed = {("ADSL", line.variable): line.categories for _, line in given.trial.characteristics() if line.categories}
    if given.trial.aesi:
        listed["ADAE", "AESICAT"] = {one.code: one.label for one in given.trial.aesi}
    if given.trial.event_periods:
        listed["ADAE", "APERIODC"] = dict.fromkeys(given.trial.event_periods, "")
    for (dataset, variable), categories in listed.items():
        if not given.has(dataset, variable):
            continue
        values = given.adam[dataset][variable]
        texts = values.map("{:g}".format, na_action="ignore") if pd.api.types.is_numeric_dtype(values) else values.astype("str")
        counted = texts[texts.notna() & ~texts.isin(list(categories)) & ~given.of_unseen(dataset, variable)].value_counts()
        for text, count in sorted(counted.items(), key=lambda one: str(one[0])):
            told = f"'{text}' of {number_of(count, 'record')} is none of {', '.join(categories)}, which trial.yaml names"
            yield whole_finding(dataset, variable, told)


@adam_rule("V14", "E", "the safety population is who was treated", "correct SAFFL or TRTSDT", studies="other")
def safety_set_has_a_first_dose(given: Supplied) -> Iterator[pd.DataFrame]:
    """SAFFL = Y without TRTSDT."""
    if given.has("ADSL", "SAFFL", "TRTSDT"):
        wrong = (given.column("ADSL", "SAFFL") == "Y") & given.column("ADSL", "TRTSDT").isna()
        yield given.findings("ADSL", wrong, "SAFFL", "Y, but TRTSDT is missing")


@adam_rule(
    "V12",
    "W",
    "the day of a death is known",
    "fill DTHDT, or leave it empty where only a part of the date is known",
    studies="other",
)
def deaths_have_a_day(given: Supplied) -> Iterator[pd.DataFrame]:
    """DTHFL = Y without DTHDT."""
    if given.has("ADSL", "DTHFL", "DTHDT"):
        wrong = (given.column("ADSL", "DTHFL") == "Y") & given.column("ADSL", "DTHDT").isna()
        yield given.findings("ADSL", wrong, "DTHDT", "is missing although DTHFL is Y")


@adam_rule("V07", "E", "treatment-emergent is what came with treatment", "correct TRTEMFL, or the dates", studies="other")
def emergence_follows_treatment(given: Supplied) -> Iterator[pd.DataFrame]:
    """TRTEMFL = Y of who has no TRTSDT, or of an event that ended before it; one that began before it may have worsened (W).

    Dates are compared where they were not imputed.
    """
    if not given.has("ADAE", "USUBJID", "TRTEMFL") or not given.has("ADSL", "TRTSDT"):
        return
    flagged = (given.column("ADAE", "TRTEMFL") == "Y") & given.column("ADAE", "USUBJID").isin(given.subjects.index)
    first = given.of_subject("ADAE", given.subjects["TRTSDT"])
    start, end = (
        given.column("ADAE", date).where(given.column("ADAE", imputed).isna())
        for date, imputed in (("ASTDT", "ASTDTF"), ("AENDT", "AENDTF"))
    )
    yield given.findings("ADAE", flagged & first.isna(), "TRTEMFL", "Y, but TRTSDT of the subject is missing")
    over, shown = flagged & (end < first), as_text(first)
    yield given.findings("ADAE", over, "TRTEMFL", "Y, but the event ended on " + as_text(end) + ", before TRTSDT " + shown)
    early = flagged & (start < first) & ~over
    message = "Y, but the event began on " + as_text(start) + ", before TRTSDT " + shown
    yield given.findings("ADAE", early, "TRTEMFL", message, severity="W")


def _stands_alone(given: Supplied, dataset: str) -> bool:
    """Whether each subject and parameter has one record at each AVISITN, and at each time point of it where there are any."""
    points = ("ATPT",) if given.has(dataset, "ATPT") else ()
    keys = pd.DataFrame({name: given.column(dataset, name) for name in ("USUBJID", "PARAMCD", "AVISITN", *points)})
    return not keys[keys["AVISITN"].notna()].duplicated().any()


@adam_rule(
    "V08", "W", "a baseline stands at its visit",
    "set the flag to Y in the record with ABLFL = Y too, and give that record the AVISIT and AVISITN of its visit", studies="any",
)  # fmt: skip
def baselines_stand_at_their_visit(given: Supplied) -> Iterator[pd.DataFrame]:
    """Baseline records that tables by visit leave out: not flagged by the flag of visits (conventions.visit_flag), or no AVISITN.

    Their baseline row has fewer values than there are baselines, or is not there at all. Asked of laboratory results and vital
    signs, of these not where infusions are planned: there a flag of its own tells the record of a visit. What the SDTM gives
    too is recomputed.
    """
    flag, infused = given.trial.conventions.visit_flag, any(phase.infusions for phase in given.trial.phases.values())
    for dataset in BY_VISIT[: 1 if infused else None]:
        if not given.has(dataset, "PARAMCD", "ABLFL", "AVISITN") or given.is_recomputed(dataset):
            continue
        baseline = (given.column(dataset, "ABLFL") == "Y") & given.column(dataset, "AVAL").notna()
        flagged = baseline
        if flag and given.has(dataset, flag):
            flagged = baseline & ((given.column(dataset, flag) == "Y") | given.of_unseen(dataset, flag))
            yield _left_out(dataset, flag, "is not Y", baseline, flagged, _EVERY_VISIT if _stands_alone(given, dataset) else None)
        numbered = flagged & given.column(dataset, "AVISITN").notna()
        yield _left_out(dataset, "AVISITN", "is missing", baseline, numbered | ~flagged, None)


@adam_rule(
    "V08",
    "W",
    "a parameter with a change has its baseline",
    "flag the record that BASE was taken from with ABLFL = Y",
    studies="other",
)
def parameters_have_their_baseline(given: Supplied) -> Iterator[pd.DataFrame]:
    """Parameters of which records have BASE and none is flagged ABLFL, in a dataset where other parameters have the flag.

    Tables have no baseline row of them. It is a question: a baseline may be an average of several records, which is not observed.
    """
    for dataset in given.with_variables("PARAMCD", "BASE", "ABLFL"):
        code, flagged = given.column(dataset, "PARAMCD"), given.column(dataset, "ABLFL") == "Y"
        based = given.column(dataset, "BASE").notna() & ~given.of_unseen(dataset, "ABLFL") & ~given.of_unseen(dataset, "BASE")
        counted = pd.DataFrame({"BASED": based, "FLAGGED": flagged}).groupby(code).sum()
        lacking = counted[(counted["BASED"] > 0) & (counted["FLAGGED"] == 0)]
        for paramcd, records in lacking["BASED"].items() if flagged.any() else ():
            told = f"{paramcd} has BASE in {number_of(int(records), 'record')} and ABLFL = Y in none: no table has a baseline of it"
            yield whole_finding(dataset, "ABLFL", told)


@adam_rule(
    "V10", "W", "records of an outcome at its visits are flagged for analysis",
    "set the flag in the record of the visit, or name the flag that the data have: visit_flag of the outcome in trial.yaml",
    studies="other",
)  # fmt: skip
def records_of_outcomes_are_analysed(given: Supplied) -> Iterator[pd.DataFrame]:
    """The flag by which outcomes are analysed: Y in no record of a visit that has values, or in none of a subject who has some.

    Tables show nobody there, or leave the subject out. A visit is one of the outcome's days; of an outcome without days every
    record is asked.
    """
    for outcome in given.trial.outcomes:
        flag, days = efficacy_flag(given.trial, outcome.paramcd), outcome.nominal_days
        asked = ("PARAMCD", flag, *(("AVISITN",) if days else ()))
        if has_responses(outcome.dataset) and given.has(outcome.dataset, *asked):
            yield from _say_unanalysed(given, outcome, flag)


def _say_unanalysed(given: Supplied, outcome: Outcome, flag: str) -> Iterator[pd.DataFrame]:
    dataset, code, outputs = outcome.dataset, outcome.paramcd, f"outputs of outcome {outcome.id}"
    number = given.column(dataset, "AVISITN")
    days = {one.avisitn: one.avisit for one in given.trial.phases[outcome.phase].visits if one.analysed_day in outcome.nominal_days}
    own = _of_outcome(given, outcome)
    own &= given.column(dataset, "AVAL").notna() | given.column(dataset, "AVALC").notna()
    own &= number.isin(list(days)) if outcome.nominal_days else given.column(dataset, "ABLFL") != "Y"
    kept = own & ((given.column(dataset, flag) == "Y") | given.of_unseen(dataset, flag))
    for day, visit in days.items():
        here = own & (number == day)
        if here.any() and not kept[here].any():
            told = f"{code} has Y in none of {number_of(int(here.sum()), 'record')} at {visit} (AVISITN {day})"
            yield whole_finding(dataset, flag, f"{told}: {outputs} have nobody there")
    who = given.column(dataset, "USUBJID")
    lost = len(set(who[own]) - set(who[kept]))
    if lost:
        told = f"{code} has Y in no record of {lost:,} of {number_of(who[own].nunique(), 'subject')} with a value"
        yield whole_finding(dataset, flag, f"{told}: {outputs} leave them out")


@adam_rule(
    "V02", "W", "a value that tells a response is one that the data have",
    "write the value as the data have it (where of the outcome's response in trial.yaml), or confirm that nobody responds by it",
    studies="any",
)  # fmt: skip
def responses_are_values_of_the_data(given: Supplied) -> Iterator[pd.DataFrame]:
    """Values that where of an outcome's response names and no record of its parameter has: nobody responds by a misspelt one.

    Asked of the records of the outcome's phase, flagged for analysis or not. Not of AVALC where the parameter has a codelist:
    trial.yaml and the records are held against that.
    """
    for outcome in given.trial.outcomes:
        for variable in outcome.response.where if outcome.response else ():
            listed = variable == "AVALC" and given.trial.parameters[outcome.paramcd].codelist
            if not listed and given.has(outcome.dataset, "PARAMCD", variable):
                yield from _say_unknown(given, outcome, variable)


def _say_unknown(given: Supplied, outcome: Outcome, variable: str) -> Iterator[pd.DataFrame]:
    dataset, code = outcome.dataset, outcome.paramcd
    own = _of_outcome(given, outcome) & ~given.of_unseen(dataset, variable)
    values = given.adam[dataset].loc[own, variable]
    if not own.any() or pd.api.types.is_numeric_dtype(values):
        # A number that is asked for a text is refused by the output.
        return
    found = values.dropna().astype("str").value_counts()
    asked = outcome.response.where[variable] if outcome.response else ()
    strange = [one for one in asked if one not in found.index]
    if strange:
        most = [f"{text} in {count:,}" for text, count in found.items()][:_NAMED]
        more = [number_of(len(found) - _NAMED, "other value")] if len(found) > _NAMED else []
        there = ", ".join([*most, *more]) or "all are empty"
        told = f"of {number_of(int(own.sum()), 'record')} of {code} none has {' or '.join(strange)} ({there})"
        yield whole_finding(dataset, variable, f"{told}: by that nobody responds in outputs of outcome {outcome.id}")


def _of_outcome(given: Supplied, outcome: Outcome) -> pd.Series:
    """Records of an outcome's parameter, of the subjects of its phase."""
    phase = given.of_subject(outcome.dataset, given.subjects["PHASE"])
    return (given.column(outcome.dataset, "PARAMCD") == outcome.paramcd) & (phase.isna() | (phase == outcome.phase))


@adam_rule(
    "V08", "W", "a baseline is not after the first dose", "flag the last value before the first dose, or confirm the baseline",
    studies="other",
)  # fmt: skip
def baselines_are_before_the_first_dose(given: Supplied) -> Iterator[pd.DataFrame]:
    """ADT of records with ABLFL = Y against TRTSDT of ADSL, by the day: changes from such a baseline leave out what treatment did.

    It is a question: a period of a crossover may have a baseline of its own.
    """
    for dataset in given.with_variables("USUBJID", "PARAMCD", "ABLFL", "ADT") if given.has("ADSL", "TRTSDT") else ():
        day, first = given.column(dataset, "ADT").dt.normalize(), given.of_subject(dataset, given.subjects["TRTSDT"].dt.normalize())
        late = (given.column(dataset, "ABLFL") == "Y") & (day > first)
        message = given.column(dataset, "PARAMCD") + ": Y on " + as_text(day) + ", after TRTSDT " + as_text(first)
        yield given.findings(dataset, late, "ABLFL", message)


def _left_out(dataset: str, variable: str, told: str, baseline: pd.Series, kept: pd.Series, remedy: str | None) -> pd.DataFrame:
    lost = int((baseline & ~kept).sum())
    if not lost:
        return pd.DataFrame()
    counted = f"{lost:,} of {number_of(int(baseline.sum()), 'baseline record')} (ABLFL = Y)"
    found = whole_finding(dataset, variable, f"{told} in {counted}: tables of all results by visit leave them out")
    return found.assign(remedy=remedy)


@adam_rule(
    "V02",
    "W",
    "a flag that no record has was recorded",
    "write N where the answer was no, or confirm that there was none",
    studies="other",
)
def flags_are_recorded(given: Supplied) -> Iterator[pd.DataFrame]:
    """Flags of deaths and events that are there and empty in every record: outputs print 0 of what may not have been recorded.

    Who died is told by DTHDT too, and V12 holds the two together: where it is there, no DTHFL says that nobody died.
    No TRTEMFL although events began on treatment is an error: no table would have any event.
    """
    for dataset, flags in EMPTY.items():
        for flag in flags:
            asked = given.has(dataset, flag) and not (flag == "DTHFL" and given.has(dataset, "DTHDT"))
            if not asked or not len(given.adam[dataset]) or given.column(dataset, flag).notna().any():
                continue
            told = f"has no value in any of {number_of(len(given.adam[dataset]), 'record')}: outputs print 0"
            yield whole_finding(dataset, flag, told)
    if given.has("ADAE", "USUBJID", "TRTEMFL", "ASTDT") and given.column("ADAE", "TRTEMFL").isna().all():
        begun = given.column("ADAE", "ASTDT") >= given.of_subject("ADAE", given.subjects["TRTSDT"])
        if begun.any():
            told = f"has no value in any record, although {number_of(int(begun.sum()), 'event')} began on or after TRTSDT"
            yield whole_finding("ADAE", "TRTEMFL", told, "E")


@adam_rule("V11", "E", "a time to an event is whole", "fill AVAL and CNSR, or leave the record out", studies="other")
def times_are_whole(given: Supplied) -> Iterator[pd.DataFrame]:
    """AVAL and CNSR of ADTTE are there, and no time is negative: who lacks one would leave the number at risk in silence."""
    for variable in ("AVAL", "CNSR"):
        if given.has("ADTTE", "PARAMCD", variable):
            missing = given.column("ADTTE", variable).isna()
            yield given.findings("ADTTE", missing, variable, given.column("ADTTE", "PARAMCD") + ": is missing")
    if given.has("ADTTE", "AVAL"):
        value = given.column("ADTTE", "AVAL")
        negative = given.findings("ADTTE", value < 0, "AVAL", number_text(value) + " days, a time is not negative")
        yield negative.assign(remedy="correct AVAL, or the date of it that is wrong: ADT or STARTDT")


@adam_rule(
    "V11", "E", "times are counted alike from STARTDT",
    "correct AVAL, ADT or STARTDT: AVAL is ADT - STARTDT in days, or one more in all records", studies="other",
)  # fmt: skip
def times_are_counted_alike(given: Supplied) -> Iterator[pd.DataFrame]:
    """AVAL of ADTTE against ADT - STARTDT, or one more, whichever most records have; which of the two is told where it decides.

    A day of trial.yaml is a value of AVAL; with the switch tte_plus_one it is one of the days after the start.
    """
    if not given.has("ADTTE", "AVAL", "ADT", "STARTDT"):
        return
    value, counted = given.column("ADTTE", "AVAL"), given.trial.switches.tte_plus_one
    days = (given.column("ADTTE", "ADT") - given.column("ADTTE", "STARTDT")).dt.days.astype("float64")
    # A time that is missing or negative is named by itself.
    known = days.notna() & (value >= 0)
    one_more = int((known & ~numbers_differ(value, days + 1)).sum() > (known & ~numbers_differ(value, days)).sum())
    rule = "ADT - STARTDT + 1" if one_more else "ADT - STARTDT"
    if one_more and not counted:
        told = f"AVAL is {rule}: a day of trial.yaml is a value of AVAL; switches.tte_plus_one: true makes it a day after the start"
        yield frame_finding("ADTTE", "AVAL", told, severity="I")
    if counted and not one_more and known.any():
        yield frame_finding("ADTTE", "AVAL", f"AVAL is {rule}, and trial.yaml says switches.tte_plus_one: true")
    expected = days + one_more
    wrong = known & numbers_differ(value, expected)
    yield given.findings("ADTTE", wrong, "AVAL", number_text(value) + f" days, {rule} gives " + number_text(expected))
