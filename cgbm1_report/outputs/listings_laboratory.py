"""16.2.8 Listings of laboratory results and vital signs, a row for each sample, and of the screens for liver injury."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cgbm1_report.derive.adlbhy import PEAKS
from cgbm1_report.outputs.listings import (
    MARKS,
    codes_of,
    declares,
    list_laboratory,
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
from cgbm1_report.tabulate.records import DateItem, FirstItem, Item, Listed, list_records
from cgbm1_report.tabulate.view import View

#: Number, title, categories and notes of the listings of laboratory results.
_LABORATORY: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "L16.2.8.1": ("Hematology", ("HEMATOLOGY",), ()),
    "L16.2.8.2": ("Chemistry", ("CHEMISTRY", "OTHER"), ("Liver tests, with their grades: listing 16.2.6.4.",)),
    "L16.2.8.3": ("Coagulation", ("COAGULATION",), ()),
}


@family("Listings of laboratory results")
def laboratory_listings(trial: Trial) -> Iterator[Declaration]:
    """All results of a category: a row for each sample, a column for each parameter, marked with range and grade."""

    def body_of(codes: tuple[str, ...], *notes: str) -> Callable[[View], Listing]:
        return lambda view: list_laboratory(view, codes, *notes)

    for number, (title, categories, notes) in _LABORATORY.items():
        codes, titled = codes_of(trial, *categories), f"dataset: ADLB and category: {' or '.join(categories)}"
        yield Declaration(
            number, title, "SAF", ("ADLB",), ("F5",), body_of(codes, *notes), where={"PARAMCD": codes}, total=False,
            listed=list_samples(result_items(trial, codes, MARKS), sample_of(trial)), needs=declares(codes, titled),
            variables={"ADLB": ("USUBJID", "PARAMCD", "AVAL", "ANRIND", *sample_of(trial))},
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
        needs=declares(codes, "dataset: ADVS"), variables={"ADVS": ("USUBJID", "PARAMCD", "AVAL", *sample)},
    )  # fmt: skip


_WORDS = Listed(
    (
        Item("PARCAT1", "Category", width=1.2, align="left", sentence=True),
        Item("PARAM", "Test", width=2.4, align="left"),
        Item("VISIT", "Visit", width=1.75, align="left", sentence=True),
        DateItem("DATE", "Date (study day)", ("", "ADT", "ADY"), 1.5),
        FirstItem("RESULT", "Result\nas collected", ("ORRES", "AVALC"), 1.5, "left"),
        Item("ORRESU", "Unit", width=0.9, align="left"),
        Item("ANRIND", "Reference\nrange", width=1.0, align="left", sentence=True),
    ),
    sort=("PARCAT1", "PARAMCD", "ADT", "ASEQ"),
    key=("ASEQ",),
)


@output(
    "L16.2.8.4", "Urinalysis, Serology, Pregnancy", population="SAF", source=("ADLBQ", "ADSL"), total=False, listed=_WORDS,
    variables={"ADLBQ": ("USUBJID", "ASEQ", "PARAMCD", "PARAM", "PARCAT1", "AVALC", "ORRES", "ORRESU", "ANRIND", "ADT", "VISIT")},
)  # fmt: skip
def qualitative_listing(view: View) -> Listing:
    """Every result that is told in a word or has no listing of its own, as collected."""
    return list_records(view, view.records("ADLBQ", "ASEQ", "PARAMCD", "PARAM", "PARCAT1"))


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
    needs={"liver_injury with its parameters": declares_injury},
)  # fmt: skip
def screen_listing(view: View) -> Listing:
    """Every subject who meets a screen for drug-induced liver injury, with the highest multiples of the liver tests."""
    records = view.records("ADLBHY", "PARAMCD", "AVAL", "AVALC", "ADT", "ADY", "SAFFL")
    met = choose(records, {"PARAMCD": SCREENS, **_MET})["USUBJID"]
    rules = rules_of(view)
    notes = (*tell_screens(rules), *tell_levels(rules)) if len(met) else ()
    return list_records(view, records[records["USUBJID"].isin(met)], footnotes=notes)
