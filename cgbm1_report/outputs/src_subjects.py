"""SRC-2, 3, 5, 7, 8 and 10: the subjects of the dose groups that a review looks at, one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd

from cgbm1_report.outputs.disposition import of_disease, unexplained
from cgbm1_report.outputs.dlt import ESCALATES
from cgbm1_report.outputs.listings import (
    EVENTS,
    MARKS,
    declares,
    list_laboratory,
    list_results,
    list_samples,
    result_items,
    sample_of,
)
from cgbm1_report.outputs.listings_treatment import INFUSION, infusion_items
from cgbm1_report.protocol.baseline import Characteristic
from cgbm1_report.protocol.clinical import SUBSCORES
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Is, Meaning
from cgbm1_report.tabulate.chosen import Chosen, choose
from cgbm1_report.tabulate.declare import Listing, output
from cgbm1_report.tabulate.derivation import Derived
from cgbm1_report.tabulate.records import DateItem, Item, Listed, ReasonItem, TimeItem, list_records
from cgbm1_report.tabulate.view import View

#: What days after the first dose are counted from.
_DAYS_APART = "TRTSDT"


# ---- SRC-2: who the subjects are


def _baseline(trial: Trial, _: int) -> Listed:
    """Demographics, then the disease as trial.yaml tells it: what is measured as numbers, what is coded in words."""
    lines = {line.variable: line for line in trial.baseline_disease}
    first = (
        Item("DEMOGRAPHY", "Age (years)/\nSex", ("AGE", "SEX"), 0.75, join="/", dp=0),
        Item("WEIGHTBL", "Weight\n(kg)", width=0.65, dp=1),
        DateItem("TRTSDT", "First dose", ("", "TRTSDT", ""), width=1.0),
    )
    named = (_column(trial, lines[name], width) for name, width in _DISEASE.items() if name in lines)
    present = {trial.complication_labels[one.term]: {one.baseline_flag: "Y"} for one in trial.complications}
    complications = ReasonItem("COMPLICATIONS", "Complications present", width=1.5, align="left", join="; ", reasons=present)
    return Listed((*first, *named, *([complications] if present else ())))


def _column(trial: Trial, line: Characteristic, width: float) -> Item:
    """A characteristic as a column: a measured one with its unit and decimals, a coded one in its words."""
    if line.of is not None:
        parameter = trial.parameter(line.of)
        dp = parameter.dp if parameter.dp_individual is None else parameter.dp_individual
        return Item(line.variable, f"{parameter.name}\n({parameter.unit or 'score'})", width=width, align="right", dp=dp)
    return Item(line.variable, line.label or "", width=width, align="left", words=line.categories)


#: What of the disease a committee looks at beside a dose: cause, severity, and what the laboratory pages begin from; and the
#: widths that leave no word broken.
_DISEASE = {
    "ETIOL": 1.1, "CIRRFL": 0.85, "PRECIP": 1.0, "ACLFGRBL": 0.95, "MELDBL": 0.6, "CLIFBL": 0.65, "BILIBL": 0.8,
    "INRBL": 0.6, "CREATBL": 0.9,
}  # fmt: skip


@output(
    "SRC-2", "Demographics and Baseline Disease by Subject", population="SAF", source=("ADSL",), footnotes=("F12", "F16", "F17"),
    total=False, scope="src", needs={**ESCALATES, "baseline_disease": lambda trial: bool(trial.baseline_disease)},
    variables=lambda trial, phase: {"ADSL": ("AGE", "SEX", "WEIGHTBL", "TRTSDT", *of_disease(trial, phase)["ADSL"])},
    listed=_baseline,
)  # fmt: skip
def baseline_of_subjects(view: View) -> Listing:
    """Of each subject age and sex, the first dose, the disease and how far it was before that dose."""
    lines = [line for line in view.trial.baseline_disease if line.variable in _DISEASE]
    return replace(list_records(view, view.subjects), without=unexplained(lines))


# ---- SRC-3: infusions and what happened on them


def _reaction_codes(trial: Trial) -> tuple[str, ...]:
    """The categories of special interest that are told by the hours after an infusion."""
    return tuple(one.code for one in trial.aesi if one.hours_after_infusion)


def _reactions(trial: Trial) -> Listed:
    """Reactions, below the infusion they followed."""
    meant: Meaning = tuple({"AESICAT": Is("among", code)} for code in _reaction_codes(trial))
    items = (
        Item("INFUSION", "", "INFNUM", dp=0),
        DateItem("DATE", "", ("AESTDTC", "ASTDT", "ASTDY")),
        TimeItem("START", "", "AESTDTC"),
        Item("REACTION", "", ("AEDECOD", "AETERM"), join=" / "),
        Item("HOURS", "", "HRSINF", dp=1),
        Item("GRADE", "", "ATOXGR"),
        Item("SERIOUS", "", "AESER", words={"Y": "Yes", "N": "No"}),
        Item("OUTCOME", "", "AEOUT", sentence=True),
    )
    return Listed(items, sort=("INFNUM", "ASTDT"), key=("", "AESEQ"), dataset="ADAE", chosen=meant)


#: What is told of an infusion itself, with widths that leave room for a reaction beside.
_INFUSED = {"DATE": 1.9, "START": 0.7, "DURMIN": 0.8, "CELLS": 1.4, "DOSE": 1.0, "EXADJ": 1.0}


def _infusions(trial: Trial, phase: int) -> Listed:
    """A row for each infusion, cells planned and given beside its duration; below it a row for each reaction."""
    own = {item.key: item for item in infusion_items(trial, phase)}
    number = Item("INFUSION", own["INFNUM"].label, "INFNUM", 0.8, dp=0)
    infused = tuple(replace(own[key], width=width) for key, width in _INFUSED.items())
    reaction = (
        Item("REACTION", "Reaction: preferred / reported term", "AEDECOD", 1.7, "left"),
        Item("HOURS", "After it\n(hours)", "HRSINF", 0.7, "right"),
        Item("GRADE", "Grade", "ATOXGR", 0.6),
        Item("SERIOUS", "SAE", "AESER", 0.5),
        Item("OUTCOME", "Outcome", "AEOUT", 1.1, "left"),
    )
    also = (_reactions(trial),) if _reaction_codes(trial) else ()
    return Listed(
        (number, *infused, *reaction), sort=("INFNUM", "ADT"), key=("EXSEQ", "AESEQ"), sample=("INFNUM", *INFUSION), also=also,
    )  # fmt: skip


@output(
    "SRC-3", "Infusions and Infusion Reactions", population="SAF", source=("ADEX", "ADAE"), footnotes=("F5", "F22"), total=False,
    scope="src", listed=_infusions, given={"F5": ("ADAE", "ATOXGR")},
    needs={**ESCALATES, "infusions": lambda trial: "ADJFL" in trial.parameters},
    variables={
        "ADEX": ("USUBJID", "PARAMCD", "AVAL", "INFNUM", *INFUSION),
        "ADAE": ("USUBJID", "AEDECOD", "AESICAT", "INFNUM", "HRSINF", "ASTDT", "AESEQ", "AESER", "AEOUT"),
    },
)  # fmt: skip
def infusions_and_reactions(view: View) -> Listing:
    """Every infusion with cells, duration and what was changed, and every reaction to it."""
    infusions = view.records("ADEX", "PARAMCD", "AVAL", "INFNUM", *INFUSION)
    codes = _reaction_codes(view.trial)
    events = view.records("ADAE", "AESICAT", "AESEQ", "AEDECOD").sort_values("AESEQ", kind="stable")
    # An event of several categories has all of them, with ; between them.
    named = [events["AESICAT"].fillna("").str.contains(rf"(?:^|;)\s*{code}\s*(?:;|$)", regex=True) for code in codes]
    reactions = events[pd.concat(named, axis="columns").any(axis="columns")] if codes else events.iloc[:0]
    notes = (_tell_reactions(view.trial),) if len(infusions) else ()
    return list_records(view, infusions, footnotes=notes, also=(reactions,) if codes else ())


def _tell_reactions(trial: Trial) -> str:
    hours = max((one.hours_after_infusion or 0 for one in trial.aesi), default=0)
    below = "has a row below its infusion; an infusion without such a row had none."
    return Derived(
        f"A reaction, within {hours:g} hours of an infusion or ticked by the investigator, {below}",
        f"A reaction, as the supplied data say it (AESICAT), {below}",
    )


# ---- SRC-5: adverse events, told apart by the window that decides


def _windows(days: int) -> Mapping[str, Is]:
    """When events began, told from the first dose: what each is called, and the days it is told by."""
    return {
        f"To day {days}": Is("within", (0, days), since=_DAYS_APART),
        f"After day {days}": Is(">", days, since=_DAYS_APART),
        "Before first dose": Is("<", 0, since=_DAYS_APART),
        "Not known": Is("missing", since=_DAYS_APART),
    }


def _is_in(days: pd.Series, window: Is) -> pd.Series:
    if window.how == "within":
        return days.between(*window.value)  # type: ignore[misc]
    return days.isna() if window.how == "missing" else days.gt(window.value) if window.how == ">" else days.lt(window.value)


_BY_KEY = {item.key: item for item in EVENTS}
#: When an event was and how grave, with widths that break no date.
_DATED = {"START": 1.5, "END": 1.5, "EMERGENT": 0.4, "GRADE": 0.65}
#: What an event is marked with, by the values that tell it.
_MARKED: Mapping[str, Mapping[str, str | tuple[str, ...]]] = {
    "Grade ≥3": {"ATOXGR": ("3", "4", "5")},
    "Serious": {"AESER": "Y"},
    "DLT": {"DLTFL": "Y"},
    "AESI": {"AESIFL": "Y"},
}


def _events(trial: Trial, _: int) -> Listed:
    """A row for each event; those that began in the window and all others are told by different days."""
    parts = [
        Listed(
            (
                Item("WINDOW", "Onset", "SAFFL", 0.9, "left", words={"Y": name}),
                Item("TERM", "Preferred term / Reported term", ("AEDECOD", "AETERM"), 2.3, "left", join=" / "),
                *(replace(_BY_KEY[key], width=width) for key, width in _DATED.items()),
                ReasonItem("MARKED", "Marked", width=1.4, align="left", reasons=_MARKED),
                *(_BY_KEY[key] for key in ("RELATION", "OUTCOME")),
            ),
            sort=("ASTDT", "AESEQ"), key=("AESEQ",), dataset="ADAE", chosen=({"ASTDT": one},),
        )
        for name, one in _windows(trial.observation_days).items()
    ]  # fmt: skip
    return replace(parts[0], also=tuple(parts[1:]))


@output(
    "SRC-5", "Adverse Events by Subject", population="SAF", source=("ADAE",), footnotes=("F5", "F21", "F22"), total=False,
    scope="src", given={"F5": ("ADAE", "ATOXGR")}, needs=ESCALATES, listed=_events,
    variables={
        "ADAE": (
            "USUBJID", "AETERM", "AEDECOD", "AESEQ", "TRTEMFL", "ASTDT", "AEENDTC|AENDT", "ATOXGR", "AESER", "DLTFL", "AESIFL",
            "TRTSDT", "SAFFL",
        ),
    },
)  # fmt: skip
def events_of_subjects(view: View) -> Listing:
    """Every event to the data cut-off, with grade 3 and higher, serious, dose-limiting and special ones marked."""
    events = view.records("ADAE", "AEDECOD", "AESEQ", "ATOXGR", "AESER", "DLTFL", "AESIFL", "SAFFL")
    days = (events["ASTDT"] - events[_DAYS_APART]).dt.days
    window = view.trial.observation_days
    first, *others = (events[_is_in(days, one)] for one in _windows(window).values())
    notes = (
        f"Onset: in days after the first dose; dose-limiting toxicities (DLT) are looked for to day {window}.",
        "Marked: grade 3 or higher, serious, dose-limiting, of special interest (AESI).",
    )
    return list_records(view, first, also=others, footnotes=notes if len(events) else ())


# ---- SRC-7 and SRC-8: how the laboratory and the scores went

#: Liver, coagulation, kidney and platelets, in the order in which a committee reads them.
LABORATORY = ("ALT", "AST", "BILI", "INR", "CREAT", "PLAT")


def _profiles(trial: Trial, _: int) -> Listed:
    """A row for each sample from the baseline to the end of the days that decide: each value with its range and its grade."""
    days = (0, trial.observation_days)
    ways = ({"ADT": Is("within", days, since=_DAYS_APART)}, {"AVISITN": Is("within", days), "ANL01FL": Is("=", "Y")})
    meant: Meaning = tuple({"PARAMCD": Is("=", code), **way} for code in LABORATORY for way in ways)
    return replace(list_samples(result_items(trial, LABORATORY, MARKS), sample_of(trial)), chosen=meant)


def _in_window(trial: Trial) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Samples of these days, and those that stand for a visit of them (a visit has a window)."""
    first, last = 0, trial.observation_days

    def keep(records: pd.DataFrame) -> pd.DataFrame:
        days = (records["ADT"] - records[_DAYS_APART]).dt.days
        return records[days.between(first, last) | (records["AVISITN"].between(first, last) & records["ANL01FL"].eq("Y"))]

    return keep


@output(
    "SRC-7", "Individual Laboratory Profiles with CTCAE Grade", population="SAF", source=("ADLB",), footnotes=("F5", "F19"),
    total=False, scope="src", where={"PARAMCD": LABORATORY}, listed=_profiles, needs={**ESCALATES, **declares(LABORATORY)},
    given={"F5": ("ADLB", "ATOXGR"), "F19": ("ADLB", "ATOXGR")},
    variables=lambda trial, _: {
        "ADLB": ("USUBJID", "PARAMCD", "AVAL", "ANRIND", "ATOXGR", "AVISITN", "ANL01FL", "TRTSDT", *sample_of(trial)),
    },
)  # fmt: skip
def laboratory_profiles(view: View) -> Listing:
    """One row per subject and sample to the end of the window in which dose-limiting toxicities are looked for."""
    days = view.trial.observation_days
    note = f"Samples of the baseline, of the days to day {days} after the first dose, and of the visits to day {days}."
    return list_laboratory(view, LABORATORY, note, keep=_in_window(view.trial))


def _scored(trial: Trial, code: str) -> tuple[Item, Item]:
    """A score and its change from baseline."""
    one = trial.parameter(code)
    dp = one.dp if one.dp_individual is None else one.dp_individual
    of = {"PARAMCD": code}
    return (
        Item(code, f"{one.name}\n(score)", "AVAL", 0.65, "right", dp=dp, of=of),
        Item(f"{code}CHG", "Change\n(score)", "CHG", 0.65, "right", dp=dp, of=of),
    )


_SCORES = ("MELD", "CLIFCOF")


def _scores(trial: Trial, _: int) -> Listed:
    """Both scores with their changes, and the sub-score of each organ."""
    heads = {code: trial.parameter(code).name.removesuffix(" Sub-score") for code in SUBSCORES}
    organs = (
        Item(code, head, "AVAL", max(0.55, 0.08 * len(head)), "right", dp=0, of={"PARAMCD": code}) for code, head in heads.items()
    )
    listed = list_samples((*(item for code in _SCORES for item in _scored(trial, code)), *organs), sample_of(trial))
    wide = {"VISIT": 2.6, "DATE": 2.4}
    return replace(listed, items=tuple(replace(item, width=wide.get(item.key, item.width)) for item in listed.items))


@output(
    "SRC-8", "MELD and CLIF-C OF by Subject", population="SAF", source=("ADEFF",), footnotes=("F12", "F16", "F17"), total=False,
    scope="src", where={"PARAMCD": (*_SCORES, *SUBSCORES)}, listed=_scores,
    needs={**ESCALATES, **declares((*_SCORES, *SUBSCORES))},
    variables=lambda trial, _: {"ADEFF": ("USUBJID", "PARAMCD", "AVAL", "CHG", *sample_of(trial))},
)  # fmt: skip
def scores_of_subjects(view: View) -> Listing:
    """One row per subject and visit: the scores, how far they are from baseline, and which organ made them."""
    note = "Organs: the sub-score of each, 1 to 3."
    return list_results(view, "ADEFF", {"PARAMCD": (*_SCORES, *SUBSCORES)}, ("AVAL", "CHG"), {note: ""})


# ---- SRC-10: vital signs around an infusion

#: The signs that an infusion may move.
SIGNS = ("SYSBP", "DIABP", "HR", "RESP", "TEMP", "OXYSAT")
_AROUND: Chosen = {"PARAMCD": SIGNS, "ANL04FL": "Y"}
#: The planned time points in words.
_POINTS = {"PRE-DOSE": "Before", "END": "End of infusion", "+1H": "1 h after", "+4H": "4 h after"}
_LAST = Derived(
    "Of several measurements at a planned time point the last.",
    "Of several measurements at a planned time point the one that the supplied data flag (ANL04FL).",
)
_POINT = ("INFNUM", "ADT", "ADY", "ATPTN", "ATPT")


def _around(trial: Trial, _: int) -> Listed:
    items = (
        Item("INFUSION", "Infusion\n(number)", "INFNUM", 0.9, dp=0),
        DateItem("DATE", "Date (study day)", ("", "ADT", "ADY"), width=1.5),
        Item("POINT", "Time point", "ATPT", width=1.2, align="left", words=_POINTS),
        *result_items(trial, SIGNS, {}),
    )
    return Listed(items, sort=("INFNUM", "ATPTN", "sample"), key=("INFNUM", "ATPTN", "sample"), sample=_POINT, repeats=("ASEQ",))


@output(
    "SRC-10", "Vital Signs Around Infusion", population="SAF", source=("ADVS",), total=False, scope="src", where=_AROUND,
    listed=_around, needs={**ESCALATES, **declares(SIGNS)},
    variables={"ADVS": ("USUBJID", "PARAMCD", "AVAL", "ANL04FL", *_POINT)},
)  # fmt: skip
def signs_around_infusion(view: View) -> Listing:
    """One row per subject, infusion and planned time point: before it, at its end and in the hours after."""
    records = choose(view.records("ADVS", "AVAL", "ANL04FL", *_POINT), _AROUND)
    note = (_LAST,) if len(records) else ()
    return list_records(view, records, footnotes=note)
