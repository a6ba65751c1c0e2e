"""The second count of listings: records, rows, order and cells by hand, told alike by both computations; faults found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.listed import DateItem, FirstItem, Item, JoinedItem, Listed, RangeItem, Ranked, ReasonItem
from cgbm1_report.recount import Facts, recount
from cgbm1_report.rows import Is, number_repeats, read_key, write_key
from cgbm1_report.tabulate.records import list_records
from cgbm1_report.tabulate.results import list_texts
from cgbm1_report.tabulate.view import View
from tests.drawn import draw, our_trial, stamp_of

TRIAL = our_trial()
ADSL = """
USUBJID | PHASE | SAFFL | TRT01A  | AGE  | SEX | DTHFL | DTHDT      | CAUSE  | DTHCAUS
Z9      | 2     | Y     | Low     | 44.5 | M   | Y     | 2025-01-05 | SEPSIS | septic shock  # half a year: 45
A2      | 2     | Y     | Placebo | 61.4 | F   | Y     | 2025-02-01 | SEPSIS | Sepsis        # after whoever had the first dose column
A1      | 2     | Y     | Placebo | 2.5  | F   | Y     | .          | .      | .             # 3, and no even 2
B1      | 2     | N     | Placebo | 50   | M   | Y     | 2025-02-01 | SEPSIS | Sepsis        # not of the population
B2      | 1     | Y     | Placebo | 50   | M   | .     | .          | .      | .             # of the other phase
"""
ADAE = """
USUBJID | AESEQ | AETERM | AEDECOD | AESEV        | AESER | AESTDTC          | ASTDT      | ASTDTF | ASTDY | AEENDTC$ | AENDT      | AENDY | AEENRTPT | AGE
A1      | 2     | fever  | Fever   | MILD ACLF    | Y     | 2025-01          | 2025-01-01 | D      | 1     | .       | .          | .     | ONGOING  | 99  # age is the subject's
A1      | 10    | chill  | .       | .            | N     | 2025-01-01T08:00 | 2025-01-01 | .      | 1     | 2025    | 2025-12-31 | 365   | .        | 99  # the number 10 comes after 2
A1      | 3     | it's   | It's    | SEVERE       | Y     | .                | .          | .      | .     | .       | .          | .     | .        | 99  # without a date: last
A2      | 1     | fever  | Fever   | MILD         | N     | 2024-12-31       | 2024-12-31 | .      | -1    | .       | .          | .     | .        | 99
Z9      | 1     | fever  | Fever   | MILD         | N     | 2025-01-05       | 2025-01-05 | .      | 5     | .       | .          | .     | .        | 99
B1      | 1     | fever  | Fever   | MILD         | N     | 2025-01-05       | 2025-01-05 | .      | 5     | .       | .          | .     | .        | 99
B2      | 1     | fever  | Fever   | MILD         | N     | 2025-01-05       | 2025-01-05 | .      | 5     | .       | .          | .     | .        | 99
Z9      | 2     | cough  | Cough   | NOT KNOWN    | N     | 2025-01-05       | 2025-01-05 | .      | 5     | .       | .          | .     | .        | 99  # not chosen
"""
EVENTS = Listed(
    (
        Item("WHO", "Age/Sex", ("AGE", "SEX"), join="/", dp=0, once=True),
        Item("TERM", "Term", ("AEDECOD", "AETERM"), join=" / "),
        Item("SEVERITY", "Severity", "AESEV", sentence=True, missing="Missing"),
        Item("SERIOUS", "Serious", "AESER", words={"Y": "Yes", "N": "No"}),
        DateItem("START", "Start", ("AESTDTC", "ASTDT", "ASTDY")),
        DateItem("END", "End", ("AEENDTC", "AENDT", "AENDY")),
        ReasonItem("WHY", "Why", reasons={"Serious": {"AESER": "Y"}, "Known": {"AESEV": ("MILD", "SEVERE")}}),
        Item("NOTHING", "None", "AENOTHING", optional=True),
    ),
    sort=("ASTDT", "AESEQ"),
    key=("AESEQ",),
)
#: By hand: dose column, subject, start, number.
EVENT_ROWS = """
USUBJID | AESEQ$ | GROUP   | WHO  | TERM          | SEVERITY  | SERIOUS | START           | END        | WHY
A1      | 2      | Placebo | 3/F  | Fever / fever | Mild ACLF | Yes     | 2025-01 (1D)    | Ongoing    | Serious
A1      | 10     | Placebo | 3/F  | _/ chill      | Missing   | No      | 2025-01-01 (1)  | 2025 (365) | .
A1      | 3      | Placebo | 3/F  | It's / it's   | Severe    | Yes     | .               | .          | Serious, Known
A2      | 1      | Placebo | 61/F | Fever / fever | Mild      | No      | 2024-12-31 (-1) | .          | Known
Z9      | 1      | Low     | 45/M | Fever / fever | Mild      | No      | 2025-01-05 (5)  | .          | Known
"""
ADLB = """
USUBJID | PARAMCD | AVAL  | ANRIND | ANRLO | ANRHI | BASE  | ADT        | AVISITN | ASEQ | HIGHTERM | LOWTERM | GRADEH$ | GRADE$
A1      | ALT     | 2.675 | HIGH   | 0.5   | 2     | 1     | 2025-01-02 | 1       | 3    | up       | down    | 3       | 3
A1      | ALT     | 1.25  | .      | .     | 2     | .     | 2025-01-02 | 1       | 1    | up       | .       | 1       | 1   # the first of two
A1      | NA      | 140.5 | LOW    | 141   | .     | 140   | 2025-01-02 | 1       | 2    | up       | low     | 1       | 3   # 141, away from zero
A1      | NA      | .     | .      | .     | .     | .     | 2025-01-03 | 2       | 4    | .        | .       | .       | .   # no result
A2      | NA      | -0.04 | .      | .     | .     | -2.5  | .          | .       | 1    | .        | .       | .       | .   # 0, without a sign
"""
_DP = {"ALT": 2, "NA": 0}
SAMPLES = Listed(
    (
        DateItem("DATE", "Date", ("", "ADT", "")),
        *(Item(code, code, "AVAL", dp=_DP, of={"PARAMCD": code}, marks={"ANRIND": {"HIGH": "H", "LOW": "L"}}) for code in _DP),
    ),
    sort=("ADT", "sample"),
    key=("ADT", "sample"),
    sample=("ADT", "AVISITN"),
    repeats=("ASEQ",),
)
SAMPLE_ROWS = """
USUBJID | ADT$       | sample$ | GROUP   | DATE       | ALT$   | NA$
A1      | 2025-01-02 | 1       | Placebo | 2025-01-02 | 1.25   | 141 L
A1      | 2025-01-02 | 2       | Placebo | 2025-01-02 | 2.68 H | .
A2      | .          | 1       | Placebo | .          | .      | 0
"""
RESULTS = Listed(
    (
        Item("VALUE", "Value", "AVAL", dp=_DP),
        RangeItem("RANGE", "Range", ("ANRLO", "ANRHI"), dp=1),
        Item("PLAIN", "Value as it is", "AVAL"),
        FirstItem("GRADED", "Term", ("HIGHTERM", "LOWTERM"), same={"HIGHTERM": ("GRADEH", "GRADE")}),
    ),
    sort=(Ranked("PARAMCD", ("NA", "ALT")), "ASEQ"),
    key=("PARAMCD", "ASEQ"),
)
RESULT_ROWS = """
USUBJID | PARAMCD | ASEQ$ | GROUP   | VALUE$ | RANGE$     | PLAIN$ | GRADED
A1      | NA      | 2     | Placebo | 141    | >=141.0    | 140.5  | low
A1      | NA      | 4     | Placebo | .      | .          | .      | .
A1      | ALT     | 1     | Placebo | 1.25   | <=2.0      | 1.25   | up
A1      | ALT     | 3     | Placebo | 2.68   | 0.5 to 2.0 | 2.675  | up
A2      | NA      | 1     | Placebo | 0      | .          | -0.04  | .
"""
DEATHS = Listed(
    (
        JoinedItem(
            "WHAT", "", missing="cause not recorded",
            parts=(Item("", "", "DTHFL", words={"Y": "Death"}), Item("", "", "CAUSE", sentence=True), Item("", "", "DTHCAUS")),
        ),
        DateItem("DATE", "", ("", "DTHDT", "")),
    ),
    sort=("DTHDT", ""), key=("",), dataset="ADSL", chosen=({"DTHFL": Is("=", "Y")},),
)  # fmt: skip
GRAVE = Listed(
    (Item("WHAT", "What", "AETERM"), DateItem("DATE", "Date", ("AESTDTC", "ASTDT", "ASTDY")), Item("SAE", "SAE", "AESER")),
    sort=("ASTDT", "AESEQ"), key=("AESEQ",), chosen=({"AESER": Is("=", "Y")},), also=(DEATHS,),
)  # fmt: skip
#: A death stands among the events of its subject by its day; a cause that says what its group says is said once.
GRAVE_ROWS = """
USUBJID | AESEQ$ | GROUP   | WHAT                          | DATE         | SAE
A1      | 2      | Placebo | fever                         | 2025-01 (1D) | Y
A1      | 3      | Placebo | it's                          | .            | Y
A1      | .      | Placebo | Death / cause not recorded    | .            | .
A2      | .      | Placebo | Death / Sepsis                | 2025-02-01   | .
Z9      | .      | Low     | Death / Sepsis / septic shock | 2025-01-05   | .
"""
LISTINGS = {
    "events": (EVENTS, EVENT_ROWS, "ADAE"),
    "samples": (SAMPLES, SAMPLE_ROWS, "ADLB"),
    "results": (RESULTS, RESULT_ROWS, "ADLB"),
    "grave": (GRAVE, GRAVE_ROWS, "ADAE"),
}


def _rows(name: str) -> pd.DataFrame:
    """The rows of a listing by hand; a blank that a text begins with is drawn as a line."""
    drawn = draw(LISTINGS[name][1])
    return drawn.assign(**{one: drawn[one].str.replace("_", " ", regex=False) for one in drawn})


def _facts(name: str, columns: Mapping[str, str | None] | None = None) -> Facts:
    listed, _, dataset = LISTINGS[name]
    own = {"Placebo": "Placebo", "Low": "Low"} if columns is None else columns
    facts = Facts(name, 2, (dataset, "ADSL"), "SAFFL", "TRT01A", own, listed=listed, abbreviations=("ACLF",))
    return replace(facts, where={"AETERM": ("fever", "chill", "it's")}) if dataset == "ADAE" else facts


def _results(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The results of a listing that prints these rows."""
    listed = LISTINGS[name][0]
    names = ("USUBJID", *listed.key)
    levels = rows[list(names)].astype("object").where(rows[list(names)].notna(), None)
    keys = number_repeats([tuple(zip(names, own, strict=True)) for own in levels.itertuples(index=False, name=None)])
    printed = rows.drop(columns=list(listed.key)).rename(columns={"USUBJID": "SUBJECT"})
    return list_texts(name, printed[[one for one in printed if one != "PARAMCD"]], keys)


@pytest.fixture(scope="module")
def adam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adam")
    for name, drawn in {"adsl": ADSL, "adae": ADAE, "adlb": ADLB}.items():
        draw(drawn).to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def _differences(adam: Path, name: str, rows: pd.DataFrame, facts: Facts | None = None) -> list[str]:
    return [str(one) for one in recount(adam, _results(name, rows), [facts or _facts(name)]).differences]


@pytest.mark.parametrize("name", LISTINGS)
def test_listing_as_it_is_counted_by_hand_is_what_the_second_count_tells(name: str, adam: Path) -> None:
    rows = _rows(name)
    found = recount(adam, _results(name, rows), [_facts(name)])
    cells = len(rows) * (rows.shape[1] - len(LISTINGS[name][0].key))
    assert ([str(one) for one in found.differences], found.unasked, found.compared) == ([], {name: {}}, {name: cells})


@pytest.mark.parametrize("name", LISTINGS)
def test_listing_as_it_is_counted_by_hand_is_what_is_printed(name: str, adam: Path) -> None:
    listed, _, dataset = LISTINGS[name]
    data = {file.stem.upper(): pd.read_parquet(file) for file in adam.glob("*.parquet")}
    view = View(TRIAL, data, 2, TRIAL.population("SAF"), stamp_of(TRIAL), with_total=False, listed=listed)
    records = view.records(dataset)
    records = records[records["AETERM"] != "cough"] if dataset == "ADAE" else records
    if listed.also:
        made = list_records(view, records[records["AESER"] == "Y"], also=[view.subjects[view.subjects["DTHFL"] == "Y"]])
    else:
        made = list_records(view, records)
    right = _results(name, _rows(name))
    assert [read_key(row) for row in right["row"].unique()] == number_repeats(made.keys)
    printed = {column.key: made.records[column.key].fillna("").tolist() for column in made.columns}
    assert printed == {str(one): own["stat_fmt"].tolist() for one, own in right.groupby("column", sort=False)}


def _cell(column: str, at: int, text: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        changed = rows.copy()
        changed.loc[at, column] = text
        return changed

    return change


def _swap(rows: pd.DataFrame) -> pd.DataFrame:
    changed = rows.copy()
    changed.loc[[3, 4], "START"] = rows.loc[[4, 3], "START"].to_numpy()
    return changed


#: What is done wrong in the rows of a listing, in words, with how it is told.
FAULTS: dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "a row is lost": ("events", lambda rows: rows.drop(index=2), "a record is not listed [rule"),
    "a row stands twice": ("events", lambda rows: rows.loc[[0, 0, 1, 2, 3, 4]], "is listed, and the data have none"),
    "all rows are lost": ("events", lambda rows: rows.iloc[:0], "a record is not listed, and so are 4 more"),
    "two rows have each other's start": ("events", _swap, "and 1 more in this column"),
    "a study day is another": ("events", _cell("START", 3, "2024-12-31 (0)"), "'2024-12-31 (0)', then as '2024-12-31 (-1)'"),
    "an imputed day has no mark": ("events", _cell("START", 0, "2025-01 (1)"), "then as '2025-01 (1D)'"),
    "an imputed date is printed as collected": ("events", _cell("START", 0, "2025-01-01 (1D)"), "then as '2025-01 (1D)'"),
    "an end that has not come is blank": ("events", _cell("END", 0, ""), "first printed as '', then as 'Ongoing'"),
    "an age is rounded to even": ("events", _cell("WHO", 0, "2/F"), "then as '3/F'"),
    "an age is the record's": ("events", _cell("WHO", 0, "99/F"), "then as '3/F'"),
    "a code is another's": ("events", _cell("SERIOUS", 3, "Yes"), "first printed as 'Yes', then as 'No'"),
    "a reason is lost": ("events", _cell("WHY", 2, "Known"), "then as 'Serious, Known'"),
    "a dose group is another": ("events", _cell("GROUP", 4, "Placebo"), "then as 'Low'"),
    "numbers are ordered as texts": ("events", lambda rows: rows.loc[[1, 0, 2, 3, 4]], "stands behind a record that comes after it"),
    "subjects stand before dose columns": ("events", lambda rows: rows.loc[[4, 0, 1, 2, 3]], "comes after it (1 such)"),
    "who has no date comes first": ("events", lambda rows: rows.loc[[2, 0, 1, 3, 4]], "stands behind a record"),
    "a value is blank": ("samples", _cell("NA", 2, ""), "first printed as '', then as '0'"),
    "a value is cut, not rounded": ("samples", _cell("ALT", 1, "2.67 H"), "then as '2.68 H'"),
    "a value out of range has no mark": ("samples", _cell("ALT", 1, "2.68"), "then as '2.68 H'"),
    "a value is another parameter's": ("samples", _cell("ALT", 0, "141 L"), "first printed as '141 L', then as '1.25'"),
    "of two results one is lost": ("samples", lambda rows: rows.drop(index=1), "a record is not listed"),
    "a value is rounded twice": ("results", _cell("VALUE", 3, "2.7"), "then as '2.68'"),
    "a range is of another parameter": ("results", _cell("RANGE", 2, "<=3.0"), "then as '<=2.0'"),
    "parameters are ordered by their letters": ("results", lambda rows: rows.loc[[2, 3, 0, 1, 4]], "stands behind a record"),
    "a death is not listed": ("grave", lambda rows: rows.drop(index=3), "a record is not listed [rule"),
    "a death is another's": ("grave", _cell("WHAT", 3, "Death / Sepsis / septic shock"), "then as 'Death / Sepsis'"),
    "a death stands before the events": ("grave", lambda rows: rows.loc[[2, 0, 1, 3, 4]], "stands behind a record"),
    "a column is lost": ("results", lambda rows: rows.drop(columns="RANGE"), "is not printed [rule"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_in_a_listing_is_told(fault: str, adam: Path) -> None:
    name, change, told = FAULTS[fault]
    found = _differences(adam, name, change(_rows(name)))
    assert len(found) == 1, found
    assert told in found[0]


def test_listing_of_another_population_is_told(adam: Path) -> None:
    """B1 is not of the population, and stands in the listing; nobody of it does."""
    rows = _rows("events")
    other = pd.concat([rows, rows.loc[[4]].assign(USUBJID="B1", GROUP="Placebo", WHO="50/M")], ignore_index=True)
    assert ["B1" in one and "the data have none" in one for one in _differences(adam, "events", other)] == [True]


def test_dose_group_has_its_own_records_alone(adam: Path) -> None:
    low = replace(_facts("events", {"Low": "Low"}), arm="Low")
    assert _differences(adam, "events", _rows("events").loc[[4]], low) == []
    assert ["is listed, and the data have none" in one for one in _differences(adam, "events", _rows("events"), low)] == [True]


def test_blinded_listing_has_no_dose_group_and_no_order_of_doses(adam: Path) -> None:
    blinded = _facts("events", {"All subjects": None})
    rows = _rows("events")
    assert _differences(adam, "events", rows.drop(columns="GROUP"), blinded) == []
    assert ["then as ''" in one for one in _differences(adam, "events", rows, blinded)] == [True]


def test_text_of_a_variable_that_no_data_have_is_named_and_not_passed_over(adam: Path) -> None:
    own = replace(EVENTS, items=(*EVENTS.items, Item("MADE", "Made", "AEMADE")))
    rows = _rows("events").assign(MADE="words of a program")
    found = recount(adam, _results("events", rows), [replace(_facts("events"), listed=own)])
    assert (found.differences, found.unasked) == ([], {"events": {"words, no dataset has AEMADE": 5}})


def test_words_of_an_output_that_declares_no_columns_are_named(adam: Path) -> None:
    found = recount(adam, _results("events", _rows("events")), [replace(_facts("events"), listed=None)])
    assert (found.compared, found.unasked) == ({"events": 0}, {"events": {"words, its columns are not declared": 45}})


def test_text_of_data_is_never_part_of_a_question(adam: Path, tmp_path: Path) -> None:
    hostile = "x'); DROP TABLE ADSL; --"
    draw(ADSL).to_parquet(tmp_path / "adsl.parquet", index=False)
    draw(ADLB).assign(HIGHTERM=hostile).to_parquet(tmp_path / "adlb.parquet", index=False)
    rows = _rows("results")
    right = rows.assign(GRADED=rows["GRADED"].mask(rows["GRADED"].eq("up"), hostile))
    assert write_key(read_key(_results("results", right)["row"].iloc[0])) == '[["USUBJID","A1"],["PARAMCD","NA"],["ASEQ","2"]]'
    assert _differences(tmp_path, "results", right) == []
