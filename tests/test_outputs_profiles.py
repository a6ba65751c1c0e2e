"""F14.2.4: values and marks of a dose group, drawn by hand."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.tabulate.table import Figure
from tests.drawn import draw, our_trial, stamp_of

TRIAL = our_trial()
STAMP = stamp_of(TRIAL)

SUBJECTS = """
USUBJID | ANCHDT     | DTHDT      | LTDT
1-01    | 2025-01-01 | .          | 2025-01-15   # transplanted on day 14
1-02    | 2025-01-01 | 2025-02-10 | .            # died on day 40
1-03    | 2025-01-01 | 2025-03-02 | 2025-01-31   # transplanted on day 30, died on day 60
1-04    | 2025-01-01 | 2025-01-03 | .            # died on day 2, no value at all
1-05    | 2025-01-01 | .          | 2025-01-02   # transplanted on day 1, first value on that day
"""

VALUES = """
USUBJID | AVAL | ADT
1-01    | 20   | 2025-01-01
1-01    | 24   | 2025-01-08   # day 7: the last before the transplantation
1-01    | 11   | 2025-01-15   # on the day itself: after it, as the tables have it
1-01    | 8    | 2025-07-01   # day 181
1-02    | 30   | 2025-01-29   # day 28
1-02    | 33   | 2025-02-10   # on the day of death
1-02    | 19   | 2025-02-12   # dated after death
1-03    | 27   | 2025-01-29   # day 28
1-03    | 9    | 2025-03-01   # day 59, after the transplantation
1-05    | 10   | 2025-01-02
"""


def figure(values: str = VALUES, subjects: str = SUBJECTS) -> Figure:
    adsl = draw(subjects).assign(PHASE=1.0, FASFL="Y", SAFFL="Y", TRT01P="Low", TRT01A="Low")
    records = draw(values).assign(ADT=lambda own: pd.to_datetime(own["ADT"]).astype("datetime64[s]"))
    data = {"ADSL": adsl, "ADEFF": records.assign(PARAMCD="MELD"), "ADLB": records.iloc[:0].assign(PARAMCD="BILI")}
    made = make(find("F14.2.4.1", TRIAL, scope="dose group"), TRIAL, data, STAMP, dose_group="P1LOW")
    assert isinstance(made, Figure)
    return made


def numbers(made: Figure) -> dict[str, dict[str, float]]:
    """What is drawn, values by their day and marks by their event: not how many subjects a panel has."""
    ard = made.ard[made.ard["stat_name"] != "n"]
    found = {}
    for text, own in ard.groupby("row"):
        (_, paramcd), (_, who), *_, (last, _) = json.loads(text)
        told = dict(zip(own["stat_name"], own["stat"], strict=True))
        event = {"DTHDT": "Death", "LTDT": "Liver transplantation"}.get(last, f"day {told['day']:.0f}")
        found[f"{paramcd} | {who} | {event}"] = told
    return found


@pytest.mark.parametrize(
    ("mark", "day", "value"),
    [
        ("1-01 | Liver transplantation", 14, 24),  # not 8, the value of day 181, nor 11, of the day itself
        ("1-02 | Death", 40, 33),  # not 19, dated after death
        ("1-03 | Liver transplantation", 30, 27),
        ("1-03 | Death", 60, 27),  # where the course that is drawn ends, not at the value after transplantation
    ],
)
def test_event_is_marked_on_its_day_at_the_last_value_before_it(mark, day, value):
    assert numbers(figure())[f"MELD | {mark}"] == {"day": day, "value": value}


def test_values_from_transplantation_on_and_after_death_are_not_drawn():
    drawn = {row for row in numbers(figure()) if " | day " in row}
    assert drawn == {
        "MELD | 1-01 | day 0",
        "MELD | 1-01 | day 7",
        "MELD | 1-02 | day 28",
        "MELD | 1-02 | day 40",
        "MELD | 1-03 | day 28",
    }


def test_event_without_a_value_before_it_has_no_mark_and_is_told():
    made = figure()
    assert not any(row.startswith(("MELD | 1-04", "MELD | 1-05", "BILI")) for row in numbers(made))
    notes = " ".join(made.footnotes)
    assert "MELD, death of 1 subject and liver transplantation of 1 subject" in notes
    # No bilirubin at all: none of the six events has a height.
    assert "Total Bilirubin, death of 3 subjects and liver transplantation of 3 subjects" in notes
    assert "Values dated after death, not drawn: MELD, 1." in notes
    assert any(note.startswith("Values on or after the day of a liver transplantation") for note in made.footnotes)


def test_value_without_a_date_is_told_and_gives_no_mark_its_height():
    made = figure("USUBJID | AVAL | ADT\n1-02 | 30 | .\n1-01 | 20 | 2025-01-01")
    assert set(numbers(made)) == {"MELD | 1-01 | day 0", "MELD | 1-01 | Liver transplantation"}
    assert "Values without a date, not drawn: MELD, 1." in made.footnotes


def test_derived_records_are_no_values_of_their_day():
    text = """
    USUBJID | AVAL | ADT        | DTYPE
    1-01    | 24   | 2025-01-08 | .
    1-01    | 31   | 2025-01-10 | MAXIMUM   # of the visits before, on the day of the last of them
    """
    assert set(numbers(figure(text))) == {"MELD | 1-01 | day 7", "MELD | 1-01 | Liver transplantation"}
    assert numbers(figure(text))["MELD | 1-01 | Liver transplantation"] == {"day": 14, "value": 24}


def test_of_two_values_of_a_day_the_later_is_the_last():
    text = """
    USUBJID | AVAL | ADT        | ADTM
    1-02    | 30   | 2025-02-10 | 2025-02-10T11:00
    1-02    | 35   | 2025-02-10 | 2025-02-10T07:00
    """
    assert numbers(figure(text))["MELD | 1-02 | Death"] == {"day": 40, "value": 30}


def test_picture_in_words_counts_what_is_drawn():
    assert "3 subjects, from 20.0 to 33.0 score, death of 2 subjects and liver transplantation of 2 subjects marked" in figure().alt


def test_course_without_events_says_nothing_of_marks():
    made = figure(subjects="USUBJID | ANCHDT | DTHDT | LTDT\n1-01 | 2025-01-01 | . | .")
    assert "MELD | 1-01 | day 181" in numbers(made)
    assert not any("mark" in text for text in (*made.footnotes, made.alt))


def test_a_figure_of_nobody_and_of_one_subject_says_so_in_words() -> None:
    nobody = figure(VALUES.split("\n1-01")[0] + "\n1-01 | . | 2025-01-01\n")
    assert nobody.alt.startswith("Individual courses. MELD: no values; ")
    one = figure(VALUES.split("1-02")[0])
    assert one.alt.startswith("Individual courses. MELD: 1 subject, from 20.0 to 24.0 score, ")


def test_outcomes_are_counted_once_a_transplantation_before_the_death_after_it():
    ard = figure().ard
    counts = ard[ard["stat_name"] == "n"].set_index("variable_level")["stat"].to_dict()
    # 1-02 and 1-04 died; 1-01 and 1-05 were transplanted, and 1-03, who died thereafter.
    assert counts == {"Death": 2.0, "Liver transplantation": 3.0}


def test_many_subjects_have_a_panel_per_outcome_and_few_are_named():
    lines = [f"1-{at:02d} | 2025-01-01 | {'2025-02-10' if at % 2 else '.'} | ." for at in range(10)]
    values = "USUBJID | AVAL | ADT\n" + "\n".join(f"1-{at:02d} | 20 | 2025-01-0{1 + at % 5}" for at in range(10))
    many = figure(values, "USUBJID | ANCHDT | DTHDT | LTDT\n" + "\n".join(lines))
    assert "Death (5 subjects)" in many.svg
    assert "Neither death nor transplantation (5 subjects)" in many.svg
    assert not any("named at its end" in note for note in many.footnotes)
    assert any("named at its end" in note for note in figure().footnotes)
    assert "MELD score" in many.svg
    assert "Total Bilirubin (µmol/L)" in many.svg
    assert "Days after the first dose" in many.svg
