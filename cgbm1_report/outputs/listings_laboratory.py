"""16.2.8 Listings of laboratory results and vital signs, a row for each sample, and of the screens for liver injury."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pandas as pd

from cgbm1_report.derive.adlbhy import PEAKS
from cgbm1_report.outputs.listings import (
    OUTSIDE,
    OUTSIDE_NOTE,
    OUTSIDE_SIGN,
    Notes,
    codes_of,
    declares,
    list_results,
    list_samples,
    result_items,
    sample_of,
)
from cgbm1_report.outputs.liver_injury import SCREENS, declares_injury, rules_of, tell_levels, tell_screens
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Is, Meaning
from cgbm1_report.tabulate.chosen import choose
from cgbm1_report.tabulate.declare import Declaration, Listing, family, output
from cgbm1_report.tabulate.records import DateItem, Item, Listed, list_records
from cgbm1_report.tabulate.table import round_half_up
from cgbm1_report.tabulate.view import View

#: Number, title and categories of the listings of laboratory results; what another listing has alone is none of theirs.
_LABORATORY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "L16.2.8.1": ("Hematology", ("HEMATOLOGY",)),
    "L16.2.8.2": ("Chemistry", ("LIVER", "CHEMISTRY", "OTHER")),
    "L16.2.8.3": ("Coagulation", ("COAGULATION",)),
}
_ELSEWHERE = ("ICGR15",)
_MARKS = {**OUTSIDE, "ATOXGR": {grade: grade for grade in "1234"}}
_GRADE_NOTE = "A number from 1 to 4 behind a value: its CTCAE grade, where it has one."
_NOTES: Notes = {OUTSIDE_NOTE: OUTSIDE_SIGN, _GRADE_NOTE: " [1-4]$"}


def _tell_ranges(view: View, codes: tuple[str, ...]) -> tuple[str, ...]:
    """The normal ranges of the results that are listed, of several of a parameter each."""
    records = view.records("ADLB", "PARAMCD", "ANRLO", "ANRHI", only=True).dropna(subset=["ANRLO", "ANRHI"], how="all")
    told = []
    for code, one in ((code, view.parameter(code)) for code in codes):
        own = records.loc[records["PARAMCD"] == code, ["ANRLO", "ANRHI"]].drop_duplicates().sort_values(["ANRLO", "ANRHI"])
        ranges = [_tell_range(low, high, one.dp) for low, high in own.itertuples(index=False)]
        told += [f"{one.name} {' or '.join(ranges)}"] if ranges else []
    return (f"Normal ranges, in the units above: {'; '.join(told)}.",) if told else ()


def _tell_range(low: float, high: float, dp: int) -> str:
    if pd.isna(low) or pd.isna(high):
        return f"≤{round_half_up(high, dp)}" if pd.isna(low) else f"≥{round_half_up(low, dp)}"
    return f"{round_half_up(low, dp)}–{round_half_up(high, dp)}"


@family("Listings of laboratory results")
def laboratory_listings(trial: Trial) -> Iterator[Declaration]:
    """All results of a category: a row for each sample, a column for each parameter, marked with range and grade."""

    def body_of(codes: tuple[str, ...]) -> Callable[[View], Listing]:
        def list_category(view: View) -> Listing:
            made = list_results(view, "ADLB", {"PARAMCD": codes}, ("AVAL", "ANRIND"), _NOTES)
            return replace(made, footnotes=(*_tell_ranges(view, codes), *made.footnotes)) if len(made.records) else made

        return list_category

    for number, (title, categories) in _LABORATORY.items():
        codes = tuple(code for code in codes_of(trial, *categories) if code not in _ELSEWHERE)
        yield Declaration(
            number, title, "SAF", ("ADLB",), ("F5",), body_of(codes), where={"PARAMCD": codes}, total=False,
            listed=list_samples(result_items(trial, codes, _MARKS), sample_of(trial)), needs=declares(codes),
            variables={"ADLB": ("USUBJID", "PARAMCD", "AVAL", "ANRLO", "ANRHI", "ANRIND", *sample_of(trial))},
            given={"F5": ("ADLB", "ATOXGR")},
        )  # fmt: skip


@family("Listing of vital signs")
def vital_sign_listings(trial: Trial) -> Iterator[Declaration]:
    """All vital signs: a row for each visit or time around an infusion, a column for each sign."""
    codes = tuple(code for code, one in trial.parameters.items() if one.dataset == "ADVS")
    point = Item("ATPT", "Around an\ninfusion", width=0.9, align="left", sentence=True)
    sample = sample_of(trial, "ATPTN", "ATPT")
    yield Declaration(
        "L16.2.8.7", "Vital Signs", "SAF", ("ADVS",), (),
        lambda view: list_results(view, "ADVS", {"PARAMCD": codes}, ("AVAL", "ATPT"), {}),
        where={"PARAMCD": codes}, total=False, listed=list_samples(result_items(trial, codes, {}), sample, point),
        needs=declares(codes), variables={"ADVS": ("USUBJID", "PARAMCD", "AVAL", *sample)},
    )  # fmt: skip


_MET = {"AVALC": "Y"}


def _screened(trial: Trial, _: int) -> Listed:
    """A row for each subject who meets a screen: which and when, and the highest multiples."""
    items: list[Item] = [
        DateItem(
            code, f"{trial.parameter(code).label},\nfirst day (study day)", ("", "ADT", "ADY"), 1.5, of={"PARAMCD": code, **_MET}
        )
        for code in SCREENS
    ]
    for code in (codes[level] for level in (0, 1) for codes in PEAKS.values()):
        peak = trial.parameter(code)
        items.append(Item(code, f"{peak.label}\n(multiple)", "AVAL", 0.8, "right", dp=peak.dp, of={"PARAMCD": code}))
    meets: Meaning = tuple({"ADLBHY": Is("has", {"PARAMCD": Is("=", code), "AVALC": Is("=", "Y")})} for code in SCREENS)
    return Listed(tuple(items), sort=("sample",), key=("sample",), sample=("SAFFL",), chosen=meets)


@output(
    "L16.2.8.6", "Subjects Meeting Hy's Law Screens", population="SAF", source=("ADLBHY",), total=False, listed=_screened,
    variables={"ADLBHY": ("USUBJID", "PARAMCD", "AVAL", "AVALC", "ADT", "ADY", "SAFFL")},
    needs={"rules and parameters of liver injury": declares_injury},
)  # fmt: skip
def screen_listing(view: View) -> Listing:
    """Every subject who meets a screen for drug-induced liver injury, with the highest multiples of the liver tests."""
    records = view.records("ADLBHY", "PARAMCD", "AVAL", "AVALC", "ADT", "ADY", "SAFFL")
    met = choose(records, {"PARAMCD": SCREENS, **_MET})["USUBJID"]
    rules = rules_of(view)
    notes = (*tell_screens(rules), *tell_levels(rules)) if len(met) else ()
    return list_records(view, records[records["USUBJID"].isin(met)], footnotes=notes)
