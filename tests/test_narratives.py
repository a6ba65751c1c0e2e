"""14.3.3 Narratives: which events have one, what their sentences say, and physicians' texts from cut to cut."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.derive.narratives import match_texts, withhold_texts
from cgbm1_report.emit import emit_html
from cgbm1_report.errors import DataError
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.outputs.narrative_texts import find_unwritten, give_events, print_texts
from cgbm1_report.protocol.narratives import Phrase, read_narrative_words
from cgbm1_report.read.cut import Cut, read_cut
from cgbm1_report.read.narratives import check_narratives
from cgbm1_report.recount import recount
from cgbm1_report.tabulate.narrated import Speaker
from cgbm1_report.tabulate.table import Table
from cgbm1_report.validate.reading import say_changed, say_unheard
from tests.drawn import our_trial, stamp_of

TRIAL = our_trial()
#: Of phase 1; who has no dose group is not dosed.
SUBJECTS = """
USUBJID | TRT01A | AGE | SEX | DTHFL | DTHDT
A       | Low    | 40  | M   | Y     | 2025-03-20   # of its event 2
B       | Low    | 50  | F   | Y     | 2025-04-02   # of no event
C       | Medium | 60  | M   | .     | .
D       | Medium | 30  | F   | .     | .            # has no event that is told
E       | .      | 45  | M   | Y     | 2025-03-01   # never dosed
"""
EVENTS = """
USUBJID | AESEQ | AEDECOD   | AETERM    | ASTDT      | AESTDTC    | AESER | AEOUT     | AESDTH | DLTFL | AESIFL | ATOXGR
A       | 1     | Nausea    | sick      | 2025-03-10 | 2025-03-10 | N     | RECOVERED/RESOLVED | .      | .     | .      | 4        # severe, and no more
A       | 2     | Sepsis    | sepsis    | 2025-03-18 | 2025-03-18 | Y     | FATAL     | Y      | .     | Y      | 5
B       | 1     | Pyrexia   | fever     | 2025-03-11 | 2025-03-11 | N     | RECOVERED/RESOLVED | .      | .     | Y      | 2        # of special interest, of grade 2
C       | 1     | Pyrexia   | fever     | 2025-03-12 | 2025-03-12 | N     | RECOVERED/RESOLVED | .      | Y     | Y      | 3
C       | 2     | Headache  | headache  | 2025-03-13 | 2025-03-13 | Y     | RECOVERED/RESOLVED | .      | .     | .      | .
E       | 1     | Sepsis    | sepsis    | 2025-03-01 | 2025-03-01 | Y     | FATAL     | Y      | .     | .      | 5
"""
RESULTS = """
USUBJID | ASEQ | PARAMCD | AVAL  | ADT        | ADY | ABLFL | ANRLO | ANRHI | ANRIND | ATOXGR
A       | 1    | ALT     | 20    | 2025-02-20 | -10 | .     | 5     | 40    | NORMAL | 0       # before the window, no baseline
A       | 2    | ALT     | 41.5  | 2025-03-01 | -1  | Y     | 5     | 40    | HIGH   | 1       # the baseline
A       | 3    | ALT     | 60    | 2025-03-11 | 10  | .     | 5     | 40    | HIGH   | 1       # seven days before event 2
A       | 4    | ALT     | 70    | 2025-03-25 | 24  | .     | 5     | 50    | HIGH   | 2       # seven days after it
A       | 5    | ALT     | 80    | 2025-03-26 | 25  | .     | 5     | 40    | HIGH   | 2       # eight days after it
A       | 6    | GLUC    | 5     | 2025-03-18 | 17  | .     | .     | .     | .      | .       # no parameter of narratives
"""
NUMBERS = {"AGE", "AESEQ", "ASEQ", "AVAL", "ADY", "ANRLO", "ANRHI", "EXSEQ", "INFNUM"}
DATES = {"DTHDT", "ASTDT", "ADT"}
TEXTS = """
USUBJID | AESEQ | AETERM | AESTDTC    | TEXT
A       | 2     | sepsis | 2025-03-18 | of the sepsis
B       | .     | .      | .          | of the death
"""


def draw(text: str) -> pd.DataFrame:
    """A drawn table; what stands behind ``#`` is a comment."""
    lines = [line.partition("#")[0].split("|") for line in text.strip().splitlines()]
    header, *rows = [[cell.strip() for cell in line] for line in lines]
    frame = pd.DataFrame([[None if cell == "." else cell for cell in row] for row in rows], columns=header, dtype="str")
    kinds = dict.fromkeys(NUMBERS & set(frame), "float64") | dict.fromkeys(DATES & set(frame), "datetime64[s]")
    return frame.astype(kinds)


def study(**other: pd.DataFrame) -> dict[str, pd.DataFrame]:
    subjects = draw(SUBJECTS).assign(PHASE=1.0)
    subjects = subjects.assign(SAFFL=subjects["TRT01A"].notna().map({True: "Y", False: "N"}))
    return {"ADSL": subjects, "ADAE": draw(EVENTS), "ADLB": draw(RESULTS), **other}


@cache
def whole() -> Table:
    """The narratives of the study."""
    return tell(study())


def tell(adam: dict[str, pd.DataFrame]) -> Table:
    made = make(catalogue(TRIAL)["N14.3.3.1"], TRIAL, adam, stamp_of(TRIAL))
    assert isinstance(made, Table)
    return made


def said(table: Table, item: str) -> list[tuple[str, str, str]]:
    """Subject, event and text of the lines of an item."""
    cells = [row.cells for row in table.rows]
    return [(one["SUBJECT"], one["EVENT"], one["TEXT"]) for one in cells if one["ITEM"] == item]


def test_event_is_told_once_with_every_reason_that_holds_and_a_death_of_no_event_is_told_too() -> None:
    serious, special = "Serious adverse event", "Adverse event of special interest of grade 3 or higher"
    assert said(whole(), "Narrative for") == [
        ("A", "Sepsis", f"Death; {serious}; {special}"),
        ("B", "Death", "Death"),
        ("C", "Pyrexia", f"Dose-limiting toxicity; {special}"),
        ("C", "Headache", serious),
    ]


def test_what_is_near_an_event_is_told_with_the_baseline_and_nothing_else() -> None:
    (line,) = [text for who, _, text in said(whole(), "Laboratory: ALT (U/L)") if who == "A"]
    assert line == ("Baseline, study day -1: 42 H [5–40] grade 1; study day 10: 60 H grade 1; study day 24: 70 H [5–50] grade 2")
    assert "Laboratory: AFP (µg/L)" not in {row.cells["ITEM"] for row in whole().rows}


def test_narratives_stand_by_the_number_of_the_subject_and_each_subject_is_linked_once() -> None:
    # By dose group, the first of them would come last.
    adam = study()
    adam["ADSL"]["TRT01A"] = adam["ADSL"]["TRT01A"].mask(adam["ADSL"]["USUBJID"] == "A", "High")
    table = tell(adam)
    assert list(dict.fromkeys(row.cells["SUBJECT"] for row in table.rows)) == ["A", "B", "C"]
    assert [name for _, name in table.marks] == ["A: Sepsis", "B: Death", "C: Pyrexia; Headache"]
    assert [table.rows[at].cells["ITEM"] for at, _ in table.marks] == ["Subject"] * 3


def test_grade_that_is_relative_to_the_baseline_is_said_to_be_so() -> None:
    note = (
        "After an abnormal baseline, hepatic tests are graded against baseline: a result far above the normal range may have a "
        "low grade, or none; results before the first dose are graded by the range."
    )
    assert note in whole().footnotes


def test_infusion_before_the_event_is_told_and_a_dose_that_is_none_is_not() -> None:
    """C had an infusion of placebo, and one of cells; its fever came a day after the second."""
    doses = draw("""
USUBJID | EXSEQ | PARAMCD | AVAL | ADT        | ADY | INFNUM
C       | 1     | DOSE    | 0    | 2025-03-04 | 1   | 1
C       | 2     | DOSE    | 0.99 | 2025-03-11 | 8   | 2
C       | 1     | ADJFL   | .    | 2025-03-04 | 1   | 1
C       | 2     | ADJFL   | .    | 2025-03-11 | 8   | 2
""")
    events = draw(EVENTS).assign(LDOSEDTM=pd.to_datetime(draw(EVENTS)["USUBJID"].map({"C": "2025-03-11T10:00"})), INFNUM=2.0)
    table = tell(study(ADEX=doses, ADAE=events))
    assert said(table, "Study drug")[-1] == (
        "C", "Subject", "Infusion 1 on 2025-03-04 (study day 1); infusion 2 on 2025-03-11 (study day 8)",
    )  # fmt: skip
    assert said(table, "Dose given") == [("C", "Subject", "Infusion 2: 0.99 million cells/kg")]
    last = said(table, "Last infusion before onset")
    assert last == [("C", name, "Infusion 2 on 2025-03-11") for name in ("Pyrexia", "Headache")]


def test_grade_that_is_missing_is_said_to_be_missing_on_the_course_and_not_said_of_the_event() -> None:
    table = whole()
    assert ("C", "Subject", "Headache, grade not recorded, serious") in [
        (row.cells["SUBJECT"], row.cells["EVENT"], row.cells["TEXT"]) for row in table.rows
    ]
    assert ("C", "Headache", "Headache, reported as “headache”; began 2025-03-13") in said(table, "Event")


def recounted(table: Table, adam: dict[str, pd.DataFrame], folder: Path) -> list[str]:
    for name, frame in adam.items():
        frame.to_parquet(folder / f"{name.lower()}.parquet", index=False)
    made = recount(folder, table.ard, [tell_facts(table.number, catalogue(TRIAL)[table.number], TRIAL)])
    assert made.compared[table.number] > 40
    return [str(one) for one in made.differences]


#: What is wrong in the data after the narratives were made of them, and what the second count says.
FAULTS = [
    ("ADLB", "AVAL", 3, 71.0, "ADT 2025-03-25, ASEQ 4, AVAL"),
    ("ADSL", "AGE", 0, 41.0, "USUBJID A, AGE"),
    ("ADSL", "TRT01A", 2, "Low", "USUBJID C, TRT01A"),
    ("ADAE", "AETERM", 1, "other", "AESEQ 2, AETERM"),
    ("ADAE", "AESER", 0, "Y", "A, AESEQ 1, Serious adverse event"),
    ("ADAE", "DLTFL", 3, None, "C, AESEQ 1, Dose-limiting toxicity"),
    ("ADSL", "DTHFL", 2, "Y", "C, without an event, Death"),
]


def test_second_count_asks_every_value_of_its_record_and_of_which_events_there_are_narratives(tmp_path: Path) -> None:
    adam = study()
    assert recounted(whole(), adam, tmp_path) == []


def test_values_and_narratives_that_the_data_do_not_have_are_found_all_at_once(tmp_path: Path) -> None:
    wrong = study()
    for dataset, variable, row, value, _ in FAULTS:
        values = wrong[dataset][variable]
        wrong[dataset] = wrong[dataset].assign(**{variable: values.where(values.index != row, value)})
    found = recounted(whole(), wrong, tmp_path)
    assert [place for *_, place in FAULTS if not any(place in one for one in found)] == []


def test_every_number_of_a_sentence_is_a_value_of_the_data() -> None:
    """A sentence that holds a number of its own is refused; what it names is a fact with its record."""
    with pytest.raises(ValueError, match="holds a number"):
        Phrase(text="within 7 days")
    records = pd.DataFrame({"USUBJID": ["A"], "AVAL": [1.25], "PARAMCD": ["INR"]})
    speaker = Speaker(read_narrative_words(), {}, {"INR": 1})
    told = speaker.say("ADLB", records, [Phrase(text="INR {AVAL:parameter}, as {AVAL:2}, raw {AVAL}"), Phrase(text=" {ABSENT}")])
    assert told.texts.tolist() == ["INR 1.3, as 1.25, raw 1.25"]
    assert told.facts[["VARIABLE", "STAT", "SAID"]].to_numpy().tolist() == [
        ["AVAL", 1.25, "1.3"], ["AVAL", 1.25, "1.25"], ["AVAL", 1.25, "1.25"],
    ]  # fmt: skip


# ---- what physicians write


def test_text_stays_with_its_event_when_numbers_and_letter_case_change() -> None:
    events = draw(EVENTS).assign(AESEQ=lambda own: own["AESEQ"] + 5, AETERM=lambda own: own["AETERM"].str.upper())
    heard = match_texts(draw(TEXTS), events, draw(SUBJECTS), TRIAL)
    assert heard.texts[["USUBJID", "AESEQ", "TEXT"]].fillna(-1).to_numpy().tolist() == [
        ["A", 7.0, "of the sepsis"],
        ["B", -1, "of the death"],
    ]
    assert heard.lost.empty


#: What became of the event of a text, and why its text is printed nowhere.
LOST = [
    ("withdrawn", "", "this cut has no such event"),
    ("another event has its number", "A | 2 | Nausea | sick | 2025-03-18 | 2025-03-18", "this cut has no such event"),
    ("begins on another day", "A | 2 | Sepsis | sepsis | 2025-03-19 | 2025-03-19", "this cut has no such event"),
    (
        "two events cannot be told apart",
        "A | 4 | Sepsis | sepsis | 2025-03-18 | 2025-03-18\nA | 5 | Sepsis | sepsis | 2025-03-18 | 2025-03-18",
        "several events have this term and day: AESEQ does not tell which",
    ),
]


@pytest.mark.parametrize(("case", "rows", "why"), LOST, ids=[case for case, *_ in LOST])
def test_text_whose_event_is_gone_is_named_and_printed_under_no_other(case: str, rows: str, why: str) -> None:
    events = draw(f"USUBJID | AESEQ | AEDECOD | AETERM | ASTDT | AESTDTC\n{rows}")
    heard = match_texts(draw(TEXTS), events, draw(SUBJECTS), TRIAL)
    assert heard.texts["TEXT"].tolist() == ["of the death"]
    assert heard.lost[["USUBJID", "WHY"]].to_numpy().tolist() == [["A", why]]


def test_number_tells_which_of_two_events_of_one_term_and_day_is_meant() -> None:
    events = draw("USUBJID | AESEQ | AETERM | AESTDTC\nA | 2 | sepsis | 2025-03-18\nA | 3 | sepsis | 2025-03-18")
    heard = match_texts(draw(TEXTS), events, draw(SUBJECTS), TRIAL)
    assert heard.texts["AESEQ"].iloc[0] == 2.0
    assert heard.lost.empty


def test_text_written_of_a_blind_cut_finds_its_event_once_the_term_may_be_seen() -> None:
    """And the other way round: a file written of all stays right for who sees the blind cut."""
    events = draw("USUBJID | AESEQ | AETERM | AESTDTC\nA | 2 | Rash after placebo | 2025-03-18\nA | 3 | Rash | 2025-03-18")
    blind = events.assign(AETERM=["withheld", "Rash"])
    texts = blind.assign(TEXT=["of the one", "of the other"])
    for file, cut in ((texts, events), (texts.assign(AETERM=events["AETERM"]), blind), (texts, blind)):
        heard = match_texts(file, cut, draw(SUBJECTS), TRIAL)
        assert heard.texts[["AESEQ", "TEXT"]].to_numpy().tolist() == [[2.0, "of the one"], [3.0, "of the other"]]


def _cut(**other: object) -> Cut:
    data = study()
    return Cut(Path(), {}, {"ADAE": data["ADAE"], "ADSL": data["ADSL"]}, None, None, None, True, {}, {}, **other)  # type: ignore[arg-type]


#: Texts whose event or death the cut still has, and that no narrative would print.
UNTOLD = """
USUBJID | AESEQ | AETERM | AESTDTC    | DTHDTC     | TEXT
A       | 1     | sick   | 2025-03-10 | .          | of the nausea      # no more serious
A       | 2     | sepsis | 2025-03-18 | 2025-03-20 | kept
A       | .     | .      | .          | .          | of a death         # told with the sepsis it is of
B       | .     | .      | .          | 2025-04-02 | kept too
E       | 1     | sepsis | 2025-03-01 | 2025-03-01 | of the never dosed # not analysed
"""


def test_text_that_no_narrative_would_print_is_a_finding_that_quotes_nothing() -> None:
    heard = give_events(_cut(narratives=draw(UNTOLD)), study(), TRIAL, (), ())
    assert heard is not None
    assert heard.texts["TEXT"].tolist() == ["kept", "kept too"]
    found = say_unheard(heard.lost).fillna("").to_dict("records")
    assert [(one["severity"], one["usubjid"], one["key"]) for one in found] == [
        ("W", "A", "AESEQ 1"), ("W", "A", ""), ("W", "E", "AESEQ 1"),
    ]  # fmt: skip
    assert {one["remedy"] for one in found} == {
        "take its row out of narratives.csv, or leave it: it is printed again when the event has a narrative"
    }
    assert {one["message"] for one in found} == {
        "a text of a narrative is not printed: the event is there, but has no narrative of its own any more"
    }


#: What the file says an event was, what it is in the cut, and what is said of the text.
CHANGED = [
    ("nothing has changed", "Y | 4 | RECOVERED/RESOLVED", "Y | 4 | RECOVERED/RESOLVED", ""),
    ("another grade", "Y | 3 | RECOVERED/RESOLVED", "Y | 4 | RECOVERED/RESOLVED", "AETOXGR 3, now 4"),
    ("serious no more, and recovered", "Y | 3 | NOT RECOVERED/NOT RESOLVED", "N | 3 | RECOVERED/RESOLVED",
     "AESER Y, now N; AEOUT NOT RECOVERED/NOT RESOLVED, now RECOVERED/RESOLVED"),
    ("a grade that was missing", "Y | . | FATAL", "Y | 5 | FATAL", "AETOXGR missing, now 5"),
    ("a grade that is missing now", "Y | 5 | FATAL", "Y | . | FATAL", "AETOXGR 5, now missing"),
    ("a file that says nothing of the event", ". | . | .", "Y | 5 | FATAL", ""),
]  # fmt: skip
RECORD = "AESER | AETOXGR | AEOUT"


@pytest.mark.parametrize(("case", "then", "now", "said"), CHANGED, ids=[case for case, *_ in CHANGED])
def test_text_whose_event_has_changed_since_is_printed_and_told_with_both_values(case: str, then: str, now: str, said: str) -> None:
    texts = draw(f"USUBJID | AESEQ | AETERM | AESTDTC | TEXT | {RECORD}\nA | 2 | sepsis | 2025-03-18 | of the sepsis | {then}")
    events = draw(f"USUBJID | AESEQ | AETERM | AESTDTC | {RECORD}\nA | 2 | Sepsis | 2025-03-18 | {now}")
    heard = match_texts(texts, events, draw(SUBJECTS), TRIAL)
    assert heard.texts["TEXT"].tolist() == ["of the sepsis"]
    assert heard.changed["WHY"].tolist() == ([said] if said else [])
    assert say_changed(heard.changed)["message"].tolist() == (
        [f"a text of a narrative was written before its event changed: {said}"] if said else []
    )


def test_file_without_what_events_were_says_of_none_that_it_changed() -> None:
    assert match_texts(draw(TEXTS), draw(EVENTS), draw(SUBJECTS), TRIAL).changed.empty


#: What the file says of a death that is no event, what it is in the cut, what is said of its text, and whether the file said so.
DEATHS = [
    ("as it was", "2025-04-02 | HAEMORRHAGE", "2025-04-02 | HAEMORRHAGE", "", True),
    ("another day and cause", "2025-04-02 | HAEMORRHAGE", "2025-05-12 | SEPSIS",
     "DTHDTC 2025-04-02, now 2025-05-12; DTHCAUS HAEMORRHAGE, now SEPSIS", True),
    ("a day that is known by now", "2025-04 | SEPSIS", "2025-04-02 | SEPSIS", "DTHDTC 2025-04, now 2025-04-02", True),
    ("a cause that was not known", "2025-04-02 | .", "2025-04-02 | SEPSIS", "DTHCAUS missing, now SEPSIS", True),
    ("a file that says nothing of it", ". | .", "2025-04-02 | SEPSIS", "DTHDTC 2025-04-02; DTHCAUS SEPSIS", False),
    ("a cut that says nothing of it", ". | .", ". | .", "", True),
]  # fmt: skip


@pytest.mark.parametrize(("case", "then", "now", "why", "known"), DEATHS, ids=[case for case, *_ in DEATHS])
def test_text_of_a_death_that_is_no_event_is_held_against_its_date_and_cause(
    case: str, then: str, now: str, why: str, known: bool
) -> None:
    texts = draw(f"USUBJID | AESEQ | AETERM | AESTDTC | TEXT | DTHDTC | DTHCAUS\nB | . | . | . | of the death | {then}")
    people = draw(f"USUBJID | DTHFL | DTHDTC | DTHCAUS\nA | Y | 2025-03-20 | SEPSIS\nB | Y | {now}")
    heard = match_texts(texts, draw(EVENTS), people, TRIAL)
    assert heard.texts["TEXT"].tolist() == ["of the death"]
    said = "was written before its event changed:" if known else "does not say of which date and cause of death it was written, now"
    found = say_changed(heard.changed)
    assert found["message"].tolist() == ([f"a text of a narrative {said} {why}"] if why else [])
    assert found["key"].tolist() == ([""] if why else [])


def test_text_of_a_death_in_a_file_without_its_columns_is_told_and_one_of_an_event_that_led_to_it_is_not() -> None:
    people = draw("USUBJID | DTHFL | DTHDTC | DTHCAUS\nA | Y | 2025-03-20 | SEPSIS\nB | Y | 2025-04-02 | BLEEDING")
    heard = match_texts(draw(TEXTS), draw(EVENTS), people, TRIAL)
    assert heard.changed[["USUBJID", "WHY"]].to_numpy().tolist() == [["B", "DTHDTC 2025-04-02; DTHCAUS BLEEDING"]]


def test_text_of_an_event_that_led_to_death_is_held_against_the_death_too_and_no_other_is() -> None:
    """Of A the sepsis is fatal and the nausea is not; its death was two days earlier when they were written."""
    people = draw("USUBJID | DTHFL | DTHDTC | DTHCAUS\nA | Y | 2025-03-20 | SEPSIS")
    texts = draw("""
USUBJID | AESEQ | AETERM | AESTDTC    | TEXT          | AEOUT              | DTHDTC     | DTHCAUS
A       | 1     | sick   | 2025-03-10 | of the nausea | RECOVERED/RESOLVED | .          | .
A       | 2     | sepsis | 2025-03-18 | of the sepsis | FATAL              | 2025-03-18 | SEPSIS
""")
    heard = match_texts(texts, draw(EVENTS), people, TRIAL)
    assert heard.changed[["AESEQ", "WHY"]].to_numpy().tolist() == [[2.0, "DTHDTC 2025-03-18, now 2025-03-20"]]


def test_narrative_says_below_a_text_of_a_death_that_the_death_has_changed_or_was_not_noted() -> None:
    for then, line in (
        ("2025-03-30", "[Physician’s text: written before the event changed: DTHDTC 2025-03-30, now 2025-04-02]"),
        (".", "[Physician’s text: not known to be of this death, because narratives.csv does not say of which it was written: DTHDTC 2025-04-02]"),
    ):  # fmt: skip
        texts = draw(f"USUBJID | AESEQ | AETERM | AESTDTC | TEXT | DTHDTC\nB | . | . | . | of the death | {then}")
        heard = give_events(_cut(narratives=texts), study(), TRIAL, (), ())
        assert heard is not None
        rows = [row for row in tell(study(NARRATIVES=heard.texts)).rows if dict(row.key).get("item") == "Physician’s text"]
        assert [row.cells["TEXT"] for row in rows if row.cells["SUBJECT"] == "B"] == ["Of the death", line]


#: An event of the cut, and what is said of the text of a sepsis of 18 March whose event is not there.
MOVED = [
    ("begins a day later", "A | 2 | sepsis | 2025-03-19", "AESEQ 2 of this term begins 2025-03-19 now"),
    ("begins on an unknown day, with another number", "A | 3 | Sepsis | .", "AESEQ 3 of this term begins on a day that is not recorded now"),
    ("has another term", "A | 2 | septic shock | 2025-03-18", "AESEQ 2, which began that day, has another term now"),
    ("is another's", "C | 2 | sepsis | 2025-03-19", ""),
    ("another event", "A | 5 | headache | 2025-03-18", ""),
]  # fmt: skip


@pytest.mark.parametrize(("case", "event", "said"), MOVED, ids=[case for case, *_ in MOVED])
def test_text_whose_event_is_gone_names_the_event_that_may_be_meant_with_both_days(case: str, event: str, said: str) -> None:
    events = draw(f"USUBJID | AESEQ | AETERM | AESTDTC\n{event}")
    heard = match_texts(draw(TEXTS).iloc[:1], events, draw(SUBJECTS), TRIAL)
    assert heard.lost[["WHY", "NOW"]].to_numpy().tolist() == [["this cut has no such event", said]]
    told = "a text of a narrative is not printed: this cut has no such event (began 2025-03-18"
    assert say_unheard(heard.lost)["message"].tolist() == [f"{told}; {said})" if said else f"{told})"]


def test_event_that_another_text_is_of_is_not_named_as_what_a_lost_text_may_mean() -> None:
    events = draw("USUBJID | AESEQ | AETERM | AESTDTC\nA | 3 | sepsis | 2025-03-25")
    texts = draw(
        "USUBJID | AESEQ | AETERM | AESTDTC | TEXT\nA | 2 | sepsis | 2025-03-18 | one\nA | 3 | sepsis | 2025-03-25 | other"
    )
    heard = match_texts(texts, events, draw(SUBJECTS), TRIAL)
    assert (heard.texts["TEXT"].tolist(), heard.lost["NOW"].tolist(), len(heard.moved)) == (["other"], [""], 0)


def test_narrative_says_beside_a_text_that_its_event_has_changed_and_in_its_place_that_it_is_of_another_day() -> None:
    """Of A the sepsis was of grade 3; the fever of C began a day earlier in the file; B is told as before."""
    texts = draw("""
USUBJID | AESEQ | AETERM | AESTDTC    | TEXT          | AETOXGR | DTHDTC
A       | 2     | sepsis | 2025-03-18 | of the sepsis | 3       | 2025-03-20
B       | .     | .      | .          | of the death  | .       | 2025-04-02
C       | 1     | fever  | 2025-03-11 | of the fever  | 3       | .
""")
    heard = give_events(_cut(narratives=texts), study(), TRIAL, (), ())
    assert heard is not None
    rows = tell(study(NARRATIVES=heard.texts)).rows
    lines = [row.cells for row in rows if dict(row.key).get("item") == "Physician’s text"]
    assert [(one["SUBJECT"], one["EVENT"], one["TEXT"]) for one in lines] == [
        ("A", "Sepsis", "Of the sepsis"),
        ("A", "Sepsis", "[Physician’s text: written before the event changed: AETOXGR 3, now 5]"),
        ("B", "Death", "Of the death"),
        ("C", "Pyrexia", "[Physician’s text: not printed, because it is of such an event that began 2025-03-11]"),
        ("C", "Headache", "[Physician’s text: not written yet]"),
    ]
    # The line in the place of a text is none.
    assert find_unwritten(study(NARRATIVES=heard.texts), TRIAL)["USUBJID"].tolist() == ["C", "C"]
    blind = give_events(_cut(narratives=texts), study(), TRIAL, {2}, ("B", "C"))
    assert blind is not None
    assert [line for line in blind.texts["TEXT"].dropna() if "AETOXGR" in line] == [
        "of the sepsis\n[Physician’s text: written before the event changed: AETOXGR]"
    ]


def test_narratives_note_each_text_whose_event_is_gone_and_print_it_nowhere() -> None:
    """The nausea of A is no more serious; the fever of C began a day earlier in the file; nobody is called Z any more."""
    texts = draw("""
USUBJID | AESEQ | AETERM | AESTDTC    | TEXT           | AESER
A       | 1     | sick   | 2025-03-10 | of the nausea  | Y
A       | 2     | sepsis | 2025-03-18 | of the sepsis  | .
C       | 1     | fever  | 2025-03-11 | of the fever   | .
Z       | 3     | coma   | 2025-03-11 | of who is gone | .
""")
    heard = give_events(_cut(narratives=texts), study(), TRIAL, (), ())
    assert heard is not None
    table = tell(study(NARRATIVES=print_texts(heard)))
    assert [note for note in table.footnotes if "is printed nowhere" in note] == [
        "Physician’s text of A is printed nowhere: the event is there, but has no narrative of its own any more (AESER Y, now N).",
        "Physician’s text of C is printed nowhere: this cut has no such event "
        "(began 2025-03-11; AESEQ 1 of this term begins 2025-03-12 now).",
        "Physician’s text of Z is printed nowhere: this cut has no such event (began 2025-03-11).",
    ]
    lines = [row.cells["TEXT"] for row in table.rows if dict(row.key).get("item") == "Physician’s text"]
    assert "Of the sepsis" in lines
    assert not {"Of the nausea", "Of the fever", "Of who is gone"} & set(lines)
    # Of a phase that is blind no value is told, not even that the event is another day's.
    blind = give_events(_cut(narratives=texts), study(), TRIAL, {2}, ("C", "Z"))
    assert blind is not None
    assert (
        blind.notes["NOTE"][0]
        == "Physician’s text of A is printed nowhere: the event is there, but has no narrative of its own any more."
    )


def test_text_of_an_event_that_has_no_narrative_any_more_says_what_changed() -> None:
    texts = draw("USUBJID | AESEQ | AETERM | AESTDTC | TEXT | AESER\nA | 1 | sick | 2025-03-10 | of the nausea | Y")
    heard = give_events(_cut(narratives=texts), study(), TRIAL, (), ())
    assert heard is not None
    assert say_unheard(heard.lost)["message"].tolist() == [
        "a text of a narrative is not printed: the event is there, but has no narrative of its own any more (AESER Y, now N)"
    ]
    assert heard.changed.empty


def test_text_that_names_a_treatment_of_a_blind_phase_is_withheld_of_its_subjects() -> None:
    texts = pd.DataFrame({"USUBJID": ["blind", "blind", "open"], "TEXT": ["was on placebo", "recovered", "was on placebo"]})
    assert withhold_texts(texts, TRIAL, {2}, ["open"])["TEXT"].tolist() == ["withheld", "recovered", "was on placebo"]


HOSTILE = "<script>alert(1)</script> {AGE} \\input{x} [a](http://b)\n\n=cmd|' /C calc'!A0"


def test_text_is_printed_as_it_is_a_line_a_paragraph_and_is_never_markup() -> None:
    texts = pd.DataFrame({"USUBJID": ["A"], "AESEQ": [2.0], "TEXT": [HOSTILE]})
    table = tell(study(NARRATIVES=texts))
    lines = [row.cells for row in table.rows if dict(row.key).get("item") == "Physician’s text"]
    assert [one["TEXT"] for one in lines if one["EVENT"] == "Sepsis"] == HOSTILE.split("\n\n")
    assert [one["TEXT"] for one in lines if one["EVENT"] == "Headache"] == ["[Physician’s text: not written yet]"]
    page = emit_html(table)
    assert "&lt;script&gt;" in page
    assert "<script" not in page


#: Rows of narratives.csv that are refused, and what is said.
REFUSED = [
    ("AESEQ,AETERM,AESTDTC,TEXT\n1,x,2025,y\n", "has no USUBJID"),
    ("USUBJID,AESEQ,AETERM,AESTDTC,TEXT\n,1,x,2025,y\n", "names no subject"),
    ("USUBJID,AESEQ,AETERM,AESTDTC,TEXT\nA,one,x,2025,y\n", "no number"),
    ("USUBJID,AESEQ,AETERM,AESTDTC,TEXT\nA,1,x,2025,y\nA,1,x,2025,z\n", "another text"),
]


@pytest.mark.parametrize(("content", "message"), REFUSED)
def test_file_of_texts_that_cannot_be_understood_is_refused_with_its_row(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "sdtm").mkdir()
    (tmp_path / "sdtm" / "dm.csv").write_text("STUDYID,DOMAIN,USUBJID\nX,DM,A\n")
    (tmp_path / "narratives.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        read_cut(tmp_path, TRIAL)


def test_row_without_a_text_says_nothing_yet() -> None:
    rows = draw("USUBJID | AESEQ | AETERM | AESTDTC | TEXT\nA | 1 | x | 2025 | .\nA | 2 | y | 2025 | z")
    assert check_narratives(rows, "narratives.csv")["AESEQ"].tolist() == [2.0]
