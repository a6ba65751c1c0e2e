"""14.3.4.5: laboratory results of grade 3 or higher after the first infusion; the listings of results by their grade."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from cgbm1_report.analyse.counts import analyse_counts, take_highest
from cgbm1_report.analyse.numbers import join_numbers
from cgbm1_report.outputs.laboratory_shifts import AFTER, graded_tests
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows, join_rows
from cgbm1_report.tabulate.chosen import Chosen, choose
from cgbm1_report.tabulate.declare import Declaration, Listing, Summary, family, output
from cgbm1_report.tabulate.records import DateItem, FirstItem, Item, Listed, RangeItem, Ranked, list_records
from cgbm1_report.tabulate.table import Line, count_percent
from cgbm1_report.tabulate.view import View

_SEVERE = ("3", "4")
_FROM = ">=3"
#: Parts of keys that are the highest grade of a subject in a direction.
_HIGHEST = {"highest ATOXGRL": "ATOXGRL", "highest ATOXGRH": "ATOXGRH"}


def _severe_rows(view: View, records: pd.DataFrame, direction: str) -> dict[str, Rows]:
    """Of each test graded in a direction: subjects with grade 3 or higher, and below them by their worst grade."""
    grade = f"ATOXGR{direction}"
    top = f"highest {grade}"
    tests = graded_tests(view, records, direction)
    severe = records[records[grade].isin(_SEVERE) & records["PARAMCD"].isin(list(tests))]
    worst = take_highest(severe, ["PARAMCD"], severe[grade].astype("float64"))
    whole: list[Key] = [(("PARAMCD", code), (grade, _FROM)) for code in tests]
    parts: list[Key] = [(("PARAMCD", code), (top, one)) for code in tests if code in set(severe["PARAMCD"]) for one in _SEVERE]
    counted = analyse_counts(
        severe.assign(**{grade: _FROM}), ["PARAMCD", grade], view.column_keys, view.population_counts, keys=whole
    )
    below = analyse_counts(
        worst.assign(**{top: worst[grade]}), ["PARAMCD", top], view.column_keys, view.population_counts, keys=parts
    )
    numbers = join_numbers([counted, below[below["stat_name"] != "n_events"]])
    of = numbers["row"].map(lambda key: key[0][1])
    lines = {code: [Line(key, text, count_percent, block=True)] for key, (code, text) in zip(whole, tests.items(), strict=True)}
    for key in parts:
        lines[str(key[0][1])].append(Line(key, f"Worst grade {key[1][1]}", count_percent, 1))
    return {code: Rows(numbers[of == code], own) for code, own in lines.items()}


@output(
    "T14.3.4.5", "Laboratory Results of CTCAE Grade 3 or Higher by Worst Grade", population="SAF", source=("ADLB",),
    footnotes=("F1", "F5", "F19"), where=AFTER, highest=_HIGHEST, listings=("L14.3.4.1", "L16.2.8.5"),
    variables={"ADLB": ("USUBJID", "PARAMCD", "ONTRTFL", "ATOXGR", "ATOXGRL", "ATOXGRH")},
)  # fmt: skip
def severe_grades(view: View) -> Summary:
    """Subjects with grade 3 or higher after the first infusion: in any test, then in each test that is graded."""
    records = view.records("ADLB", "PARAMCD", "ONTRTFL", "ATOXGR", "ATOXGRL", "ATOXGRH", only=True)
    records = choose(records, AFTER)
    overall = Selection(
        (("ATOXGR", _FROM),), "Any laboratory result of grade 3 or higher", records[records["ATOXGR"].isin(_SEVERE)]
    )
    low, high = (_severe_rows(view, records, direction) for direction in "LH")
    parts = [one[code] for code in view.trial.parameters for one in (low, high) if code in one]
    rows = join_rows([count_rows(view, [overall], block=True), *parts])
    return Summary(*rows, "Test, direction: grade 3 or higher, n (%)\n  Worst grade, n (%)", stub_width=4.2)


#: A result has the term of the direction that its grade is of.
_GRADED = {"ATOXDSCH": ("ATOXGRH", "ATOXGR"), "ATOXDSCL": ("ATOXGRL", "ATOXGR")}


def graded_results(trial: Trial, _: int) -> Listed:
    tests, dp = trial.parameters, {code: own.dp for code, own in trial.parameters.items()}
    return Listed(
        (
            Item(
                "TEST", "Test (unit)", "PARAMCD", width=2.2, align="left", words={code: own.heading for code, own in tests.items()}
            ),
            Item("VISIT", "Visit", width=1.6, align="left"),
            DateItem("DATE", "Date (study day)", ("LBDTC", "ADT", "ADY"), width=1.5),
            Item("VALUE", "Value (unit\nof the test)", "AVAL", align="right", dp=dp),
            RangeItem("RANGE", "Normal range (unit\nof the test)", ("ANRLO", "ANRHI"), width=1.3, dp=dp),
            Item("BEFORE", "Baseline (unit\nof the test)", "BASE", align="right", dp=dp),
            Item("GRADE", "Grade", "ATOXGR", width=0.7),
            FirstItem("TERM", "CTCAE term", ("ATOXDSCH", "ATOXDSCL"), 2.4, "left", same=_GRADED),
        ),
        sort=(Ranked("PARAMCD", tuple(tests)), "ADT", "ASEQ"),
        key=("PARAMCD", "ADT", "ASEQ"),
    )


#: The listings of results by their grade, of those after the start of the first infusion.
_LISTINGS = {
    "L14.3.4.1": ("Laboratory Results of CTCAE Grade 3 or Higher", _SEVERE),
    "L16.2.8.5": ("Abnormal Laboratory Values with CTCAE Grade", ("1", "2", *_SEVERE)),
}
_READ = (
    "PARAMCD", "AVAL", "ANRLO", "ANRHI", "BASE", "ADT", "ADY", "ASEQ", "VISIT", "ONTRTFL", "ATOXGR", "ATOXGRL", "ATOXGRH",
    "ATOXDSCL", "ATOXDSCH",
)  # fmt: skip


@family("Listings of graded laboratory results")
def graded_listings(_: Trial) -> Iterator[Declaration]:
    """Every result of these grades after the start of the first infusion, with its range and the baseline."""

    def body_of(chosen: Chosen) -> Callable[[View], Listing]:
        return lambda view: list_records(view, choose(view.records("ADLB", *_READ, only=True), chosen))

    for number, (title, grades) in _LISTINGS.items():
        chosen: Chosen = {**AFTER, "ATOXGR": grades}
        yield Declaration(
            number, title, "SAF", ("ADLB",), ("F5", "F19"), body_of(chosen), where=chosen, total=False, listed=graded_results,
            variables={"ADLB": ("USUBJID", *_READ)},
        )  # fmt: skip
