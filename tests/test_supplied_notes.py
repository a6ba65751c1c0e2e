"""Of analysis data that were supplied no page tells how this program would have derived them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pandas as pd
import pytest

from cgbm1_report.errors import ReportError
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.tabulate.declare import PROTOCOL
from cgbm1_report.tabulate.derivation import Derived, derived
from cgbm1_report.tabulate.make import footnote_texts
from cgbm1_report.tabulate.table import Figure, Output, Table
from cgbm1_report.tabulate.view import View
from tests.drawn import draw, our_trial, read_cells, stamp_of
from tests.test_snapshots import derive_whole
from tests.test_trial_whole import read

TRIAL = our_trial()
DERIVED = stamp_of(TRIAL)
SUPPLIED = replace(DERIVED, supplied=True)
ENTRIES = catalogue(TRIAL, scope="dose group")
#: How this program tells when something was, and what it does with dates that are not whole.
_OURS = re.compile(r"first infusion|first dose\b|counts unless|missed counting|half of it|window of the visit|the one nearest")


def page(number: str, *, supplied: bool, data: dict[str, pd.DataFrame] | None = None) -> Output:
    own = derive_whole("full")[0] if data is None else data
    return make(ENTRIES[number], TRIAL, own, SUPPLIED if supplied else DERIVED)


def words_of_the_program(output: Output, number: str) -> Iterator[str]:
    """Notes and heads of a page, but for what the study's own trial.yaml says and what is counted of dates on the spot."""
    entry = ENTRIES[number]
    view = View(TRIAL, derive_whole("full")[0], entry.phase, TRIAL.population(entry.population), output.stamp)
    study = {*footnote_texts(view, list(entry.declared.footnotes)), *(line.label for _, line in TRIAL.characteristics())}
    yield from (note for note in output.footnotes if note not in study)
    if isinstance(output, Table):
        heads = (text for column in output.columns for text in (column.spanner, column.label))
        yield from (text for text in heads if text and " ".join(text.split()) not in study)


def test_no_page_of_supplied_data_tells_how_this_program_derives_them():
    told = {}
    for number, entry in ENTRIES.items():
        if not entry.source or entry.source == (PROTOCOL,):
            continue
        output = page(number, supplied=True)
        found = [text for text in words_of_the_program(output, number) if _OURS.search(text) and text != "First dose"]
        told |= {number: found} if found else {}
    assert told == {}


def test_the_same_pages_of_derived_data_tell_it():
    told = [text for text in words_of_the_program(page("T14.1.8.1", supplied=False), "T14.1.8.1") if _OURS.search(text)]
    assert told == [
        "Concomitant: begun at or after the start of the first infusion; an incomplete date counts unless it excludes that."
    ]


@pytest.mark.parametrize(
    ("number", "note"),
    [
        ("T14.3.1.1.1", "Leading to discontinuation of the study: as the supplied data say it (ENDSTFL)."),
        ("T14.1.8.1", "Concomitant: as the supplied data say it (ONTRTFL)."),
        ("L16.2.4.5.1", "On treatment: as the supplied data say it (ONTRTFL)."),
        ("T14.1.7.1", "Prior, concomitant: as the supplied data say it (PREFL, CONFL)."),
        ("T14.1.10.1", "Expected: as the supplied data say it (EXPFL). Percentages are of these."),
        ("T14.3.5.1.1", "By visit: as the supplied data say it (ANL03FL)."),
        ("L14.3.2.1.1", "Study day: as the supplied data count it."),
    ],
)
def test_a_note_on_what_is_derived_names_the_variable_where_it_was_supplied(number, note):
    assert note in page(number, supplied=True).footnotes
    assert note not in page(number, supplied=False).footnotes


@pytest.mark.parametrize(
    ("number", "ours", "theirs"),
    [
        ("T14.3.4.2.1", "Worst grade after the start of the first infusion", "Worst grade of results flagged ONTRTFL"),
        ("T14.3.4.3.1", "Lowest after the start of the first infusion", "Lowest of results flagged ONTRTFL"),
    ],
)
def test_heads_of_shifts_name_the_flag_of_supplied_data_and_the_numbers_are_the_same(number, ours, theirs):
    own, supplied = page(number, supplied=False), page(number, supplied=True)
    assert isinstance(own, Table)
    assert isinstance(supplied, Table)
    assert ours in {column.spanner for column in own.columns}
    assert theirs in {column.spanner for column in supplied.columns}
    assert [dict(row.cells) for row in own.rows] == [dict(row.cells) for row in supplied.rows]


def test_a_curve_of_supplied_times_does_not_say_from_where_they_count():
    own, supplied = page("F14.2.1.1", supplied=False), page("F14.2.1.1", supplied=True)
    assert isinstance(own, Figure)
    assert isinstance(supplied, Figure)
    assert "Days after the first dose" in own.svg
    assert "Days after the first dose" not in supplied.svg


def test_a_note_of_supplied_data_is_printed_once_however_many_notes_it_stands_for():
    notes = page("T14.3.4.4.1", supplied=True).footnotes
    assert [note for note in notes if "ADLBHY" in note] == [
        "Levels, multiples, rises, ranges and screens: as the supplied data say them (ADLBHY)."
    ]


def test_a_note_on_what_is_derived_is_a_text_and_says_what_is_true_of_either():
    note = derived("Prior", "taken before", "PREFL", "CONFL", further="Both may be.")
    assert note == "Prior: taken before. Both may be."
    assert isinstance(note, Derived)
    assert note.supplied == "Prior: as the supplied data say it (PREFL, CONFL). Both may be."


DEATHS = """
USUBJID | PHASE | SAFFL | TRT01P | TRT01A | AGE | SEX | TRTSDT     | TRTEDT     | DTHFL | DTHDT      | DTHDTF | DTHADY | DTHCAUS    | DTHCGR1
1-01    | 1     | Y     | Low    | Low    | 50  | F   | 2025-01-01 | 2025-01-01 | Y     | 2025-01-11 | .      | 11     | Infarction | CARDIAC
1-02    | 1     | Y     | Low    | Low    | 50  | M   | 2025-01-01 | 2025-01-01 | Y     | 2025-01-21 | .      | 21     | Infarction | CARDIAC
1-03    | 1     | Y     | Low    | Low    | 50  | M   | 2025-01-01 | 2025-01-01 | Y     | 2025-01-31 | .      | 31     | Unclear    | OTHER
1-04    | 1     | Y     | Low    | Low    | 50  | M   | 2025-01-01 | 2025-01-01 | .     | .          | .      | .      | .          | .
"""


@pytest.mark.parametrize(
    ("groups", "causes"),
    [
        ([], ["Cardiac", "Other"]),
        ([{"group": "VASCULAR", "words": ["STROKE"]}], ["Vascular", "Other", "Cardiac"]),
    ],
)
def test_causes_of_death_are_those_of_the_trial_and_what_else_the_data_have(groups, causes):
    trial = read(lambda data: data.update(causes_of_death=groups))
    table = make(catalogue(trial)["T14.3.2.3.1"], trial, {"ADSL": draw(DEATHS)}, SUPPLIED)
    assert isinstance(table, Table)
    at = [row.label for row in table.rows].index("Cause of death")
    assert [row.label for row in table.rows[at + 1 : at + 1 + len(causes)]] == causes
    assert table.rows[at + 1 + len(causes)].indent == 0
    # By hand: two and one of four subjects.
    assert read_cells(table, "Cause of death | Cardiac")[-1] == "2 (50.0)"
    assert read_cells(table, "Cause of death | Other")[-1] == "1 (25.0)"


def test_a_table_of_deaths_has_no_head_without_rows_where_the_trial_names_no_days_of_survival():
    def without(data):
        data["outcomes"] = [one for one in data["outcomes"] if one["paramcd"] != "LTFS"]
        data["event_tables"]["on_treatment_days"] = None

    trial = read(without)
    assert trial.event_periods == {}
    table = make(catalogue(trial)["T14.3.2.3.1"], trial, {"ADSL": draw(DEATHS)}, SUPPLIED)
    assert isinstance(table, Table)
    labels = [row.label for row in table.rows]
    assert labels[:2] == ["Deaths", "Cause of death"]
    # No day is shown, and no note says how days are counted.
    assert not [note for note in table.footnotes if "day 0" in note]
    dated = make(ENTRIES["T14.3.2.3.1"], TRIAL, {"ADSL": draw(DEATHS)}, SUPPLIED)
    assert [note for note in dated.footnotes if "day 0" in note]


def test_a_listing_of_deaths_has_a_transplantation_where_that_is_an_event_of_the_trial():
    def without(data):
        for code in ("LTFS", "TTLT", "OSLTC"):
            data["parameters"].pop(code, None)
        data["outcomes"] = [one for one in data["outcomes"] if one["paramcd"] != "LTFS"]

    def heads(trial):
        entry = catalogue(trial)["L16.2.7.5.1"]
        return [column.key for column in make(entry, trial, {"ADSL": draw(DEATHS)}, stamp_of(trial)).columns]

    assert "TRANSPLANT" in heads(TRIAL)
    assert "TRANSPLANT" not in heads(read(without))


def test_a_subject_last_seen_before_the_first_dose_is_refused_where_time_at_risk_is_counted():
    adsl = draw(DEATHS).assign(LSTALVDT=pd.Timestamp("2025-02-01"))
    adsl.loc[2, "LSTALVDT"] = pd.Timestamp("2024-12-31")
    events = {
        "AEBODSYS": "Cardiac",
        "AEDECOD": "Infarction",
        "RELGR1": "RELATED",
        "ATOXGR": "3",
        "AESER": "Y",
        "AESIFL": None,
        "AESICAT": None,
    }
    adae = adsl[["USUBJID"]].assign(TRTEMFL="Y", ASTDT=pd.Timestamp("2025-01-05"), **events)
    with pytest.raises(ReportError, match="LSTALVDT is before TRTSDT") as caught:
        make(ENTRIES["T14.3.1.9.1"], TRIAL, {"ADSL": adsl, "ADAE": adae}, SUPPLIED)
    assert "1-03" in str(caught.value)
