"""Figures of means over time, of adverse events, of subjects' courses and of their flow: what is drawn, counted by hand."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.tabulate.abbreviations import drawn_words
from cgbm1_report.tabulate.table import Figure
from tests.drawn import draw, our_trial, stamp_of
from tests.test_outputs import ADSL

TRIAL = our_trial()

MELD = """
USUBJID | AVAL | CHG | AVISITN | AVISIT   | ABLFL | ANL02FL
1-01    | 24   | .   | 0       | Baseline | Y     | .
1-02    | 26   | .   | 0       | Baseline | Y     | .
1-03    | 22   | .   | 0       | Baseline | Y     | .
1-04    | 30   | .   | 0       | Baseline | Y     | .
1-01    | 20   | -4  | 28      | Day 28   | .     | Y
1-02    | 25   | -1  | 28      | Day 28   | .     | Y
1-03    | 40   | 18  | 28      | Day 28   | .     | .    # after a transplantation: of no efficacy
1-04    | 27   | -3  | 28      | Day 28   | .     | Y
"""


def draw_figure(number: str, **data: pd.DataFrame) -> Figure:
    data = {"ADSL": draw(ADSL).assign(EOSSTT="COMPLETED"), **data}
    made = make(find(number, TRIAL), TRIAL, data, stamp_of(TRIAL))
    assert isinstance(made, Figure)
    return made


def numbers(made: Figure) -> dict[tuple[str, str, str], float]:
    """What is drawn: of each row, by its levels, of each column each statistic."""
    rows = made.ard["row"].map(lambda text: " | ".join(level or name for name, level in json.loads(text)))
    return dict(zip(zip(rows, made.ard["column"], made.ard["stat_name"], strict=True), made.ard["stat"], strict=True))


def change_figure(meld: str = MELD) -> Figure:
    records = draw(meld).assign(PARAMCD="MELD")
    return draw_figure("F14.2.3.1", ADEFF=records, ADLB=records.iloc[:0])


def test_mean_change_has_its_standard_error_and_its_number_and_leaves_out_what_is_no_efficacy():
    found = numbers(change_figure())
    # Low, day 28: -4 and -1; mean -2.5, SD 3/√2, SE 3/√2/√2.
    assert found["MELD | Day 28 | CHG", "Low", "mean"] == pytest.approx(-2.5)
    assert found["MELD | Day 28 | CHG", "Low", "std.error"] == pytest.approx(1.5)
    assert found["MELD | Day 28 | CHG", "Low", "N"] == 2
    assert found["MELD | Baseline | AVAL", "Low", "N"] == 3
    # One value has no spread, and nobody no mean.
    assert found["MELD | Day 28 | CHG", "Medium", "mean"] == -3
    assert pd.isna(found["MELD | Day 28 | CHG", "Medium", "std.error"])
    assert pd.isna(found["MELD | Day 28 | CHG", "High", "mean"])
    assert found["MELD | Day 28 | CHG", "High", "N"] == 0


def test_share_still_followed_is_of_all_subjects_of_the_arm():
    found = numbers(change_figure())
    assert [found["MELD | Day 28", "Low", name] for name in ("n", "N")] == [2, 3]
    assert found["MELD | Day 28", "Low", "p"] == pytest.approx(2 / 3)
    assert found["MELD | Day 90", "Low", "n"] == 0


def test_words_of_the_mean_changes_say_each_mean_with_its_error_and_number():
    said = change_figure().alt
    assert "MELD: Low: day 28 −2.5 (1.50; 2); Medium: day 28 −3.0 (not estimable; 1); High: no value." in said
    assert "Low: day 0 100.0% (3), day 3 0.0% (0), day 7 0.0% (0), day 14 0.0% (0), day 28 66.7% (2)" in said


def test_every_line_of_the_mean_changes_is_named_at_its_end_and_numbered_under_the_axis():
    texts = drawn_words(change_figure().svg)
    # In the key with its dose; beside the numbers of six panels; at its end where it has a value: MELD and who is followed.
    assert texts.count("Low") == 6 + 2
    assert texts.count("High") == 6, "nobody has no line to be named"
    assert "Low 1.0×10⁶ cells/kg (N=3)" in texts
    assert texts.count("No value") == 4


def test_subjects_still_followed_in_an_early_cut_are_said_to_be_among_all():
    records = draw(MELD).assign(PARAMCD="MELD")
    adsl = draw(ADSL).assign(EOSSTT="ONGOING")
    made = make(find("F14.2.3.1", TRIAL), TRIAL, {"ADSL": adsl, "ADEFF": records, "ADLB": records.iloc[:0]}, stamp_of(TRIAL))
    assert "Subjects whose follow-up goes on are among N on days they have not reached." in made.footnotes
    assert not any("goes on" in note for note in change_figure().footnotes)


ARMS = """
USUBJID | TRT01A
2-01    | Placebo
2-02    | Placebo
2-03    | Placebo
2-04    | Placebo
2-05    | Low
2-06    | Low
2-07    | Medium
"""

EVENTS = """
USUBJID | AEDECOD   | TRTEMFL
2-01    | Pyrexia   | Y
2-05    | Pyrexia   | Y
2-05    | Pyrexia   | Y    # again: one subject
2-06    | Pyrexia   | Y
2-05    | Chills    | Y
2-07    | Headache  | .    # before treatment
"""


def dot_figure(events: str = EVENTS, arms: str = ARMS) -> Figure:
    adsl = draw(arms).assign(PHASE=2.0, SAFFL="Y", TRT01P=lambda own: own["TRT01A"], RANDDT=pd.Timestamp("2025-06-01"))
    return draw_figure("F14.3.1.1.2", ADSL=adsl, ADAE=draw(events).assign(AEBODSYS="General"))


def test_dots_are_shares_of_the_arms_and_differences_from_the_reference_in_decreasing_frequency():
    made = dot_figure()
    found = numbers(made)
    assert [found["Pyrexia", arm, "p"] for arm in ("Placebo", "Low", "Medium")] == [0.25, 1.0, 0.0]
    assert found["Pyrexia", "Low", "estimate"] == pytest.approx(0.75)
    assert found["Chills", "Low", "estimate"] == pytest.approx(0.5)
    assert found["Pyrexia", "Medium", "estimate"] == pytest.approx(-0.25)
    places = [made.svg.index(f">{term}</text>") for term in ("Pyrexia", "Chills")]
    assert places == sorted(places)
    assert "Headache" not in made.svg
    assert made.alt.startswith(
        "Subjects with an adverse event by preferred term. Pyrexia: Placebo 25.0%, Low 100.0%, Medium 0.0%, "
    )
    assert "Medium − Placebo −25.0 (" in made.alt


def test_differences_from_an_arm_of_nobody_are_not_estimable_and_of_no_event_the_picture_says_so():
    nobody = dot_figure(arms="\n".join(line for line in ARMS.splitlines() if "Placebo" not in line))
    assert "Not estimable" in drawn_words(nobody.svg)
    assert "Low 100.0%, Medium 0.0%;" in nobody.alt
    none = dot_figure(events="USUBJID | AEDECOD | TRTEMFL\n2-07 | Headache | .")
    assert "No event" in drawn_words(none.svg)
    assert none.alt == "Adverse events by preferred term: no event."


def test_terms_beyond_the_room_of_the_picture_are_counted_below_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cgbm1_report.outputs.event_dots.MOST_ROWS", 1)
    made = dot_figure()
    assert "Drawn: the most frequent 1 of 2 terms; the table of risk differences has all of them." in made.footnotes
    assert {row for row, _, _ in numbers(made)} == {"Pyrexia"}


COURSES = """
USUBJID | TRT01A | ANCHDT     | LSTALVDT   | EOSSTT       | DTHDT      | LTDT
1-01    | Low    | 2025-01-01 | 2025-02-10 | DISCONTINUED | 2025-02-10 | 2025-01-15   # transplanted on day 14, died on day 40
1-02    | Low    | 2025-01-08 | 2025-01-18 | ONGOING      | .          | .            # seen on day 10, still followed
1-03    | Medium | 2025-02-01 | 2025-08-01 | COMPLETED    | .          | .            # day 181
"""


def swimmer_figure(courses: str = COURSES) -> Figure:
    adsl = draw(courses).assign(PHASE=1.0, SAFFL="Y", TRT01P=lambda own: own["TRT01A"])
    infusions = adsl[["USUBJID"]].assign(INFNUM=1.0, ADT=adsl["ANCHDT"])
    toxic = adsl[["USUBJID"]].assign(PARAMCD="DLT180", AVALC=["Y", "N", "N"], ADT=adsl["ANCHDT"] + pd.Timedelta(days=3))
    return draw_figure("F14.2.6.1", ADSL=adsl, ADEX=infusions, ADDLT=toxic)


def test_swimmer_has_each_subject_with_his_last_day_and_what_happened_on_which_day():
    made = swimmer_figure()
    found = {row: day for (row, _, name), day in numbers(made).items() if name == "day"}
    assert found == {
        "1-01 | LSTALVDT": 40, "1-02 | LSTALVDT": 10, "1-03 | LSTALVDT": 181,
        "1-01 | 1 | ADT": 0, "1-02 | 1 | ADT": 0, "1-03 | 1 | ADT": 0,
        "1-01 | DLT180 | Y | ADT": 3, "1-01 | LTDT": 14, "1-01 | DTHDT": 40,
    }  # fmt: skip
    assert "1-01: infusion on day 0, dose-limiting toxicity on day 3, liver transplantation on day 14, death on day 40" in made.alt
    assert "1-02: infusion on day 0, known alive to day 10, ongoing." in made.alt
    assert "High 4.0×10⁶ cells/kg (N=0): no subject." in made.alt


def test_key_of_the_swimmer_names_what_is_drawn_and_nothing_else():
    texts = drawn_words(swimmer_figure().svg)
    assert [text for text in texts if text in ("Infusion", "Dose-limiting toxicity", "Liver transplantation", "Death")] == [
        "Infusion", "Dose-limiting toxicity", "Liver transplantation", "Death",
    ]  # fmt: skip
    assert "Ongoing at data cut-off" in texts
    alone = drawn_words(swimmer_figure(COURSES.replace("ONGOING     ", "COMPLETED   ")).svg)
    assert "Ongoing at data cut-off" not in alone


#: Of seven screened one failed screening; Placebo: one never dosed, one dead; Low: one lost after day 28; Medium: one ongoing.
FLOW = """
USUBJID | TRT01P  | TRT01A  | RANDDT     | SAFFL | FASFL | PPROTFL | PPSEXCL   | NINF | EOTSTT       | DCTREAS | EOSSTT       | DCSREAS           | LTFL | CMPLDAY
2-01    | Placebo | Placebo | 2025-06-01 | Y     | Y     | Y       | .         | 2    | DISCONTINUED | DEATH   | DISCONTINUED | DEATH             | .    | .
2-02    | Placebo | .       | 2025-06-01 | N     | Y     | N       | NOT DOSED | 0    | .            | .       | COMPLETED    | .                 | .    | 180
2-03    | Low     | Low     | 2025-06-01 | Y     | Y     | Y       | .         | 4    | COMPLETED    | .       | COMPLETED    | .                 | Y    | 180
2-04    | Low     | Low     | 2025-06-01 | Y     | Y     | Y       | .         | 4    | COMPLETED    | .       | DISCONTINUED | LOST TO FOLLOW-UP | .    | 28
2-05    | Low     | Low     | 2025-06-01 | Y     | Y     | Y       | .         | 4    | COMPLETED    | .       | COMPLETED    | .                 | .    | 180
2-06    | Medium  | Medium  | 2025-06-01 | Y     | Y     | Y       | .         | 4    | COMPLETED    | .       | ONGOING      | .                 | .    | 90
2-07    | .       | .       | .          | N     | N     | N       | .         | 0    | .            | .       | DISCONTINUED | SCREEN FAILURE    | .    | .
"""
ADIE = """
USUBJID | IETESTCD | IETEST               | IECAT
2-07    | P2I05    | MELD score under 30  | INCLUSION
"""


def flow_figure(adie: str = ADIE) -> Figure:
    adsl = draw(FLOW).assign(PHASE=2.0, SCRNFL="Y", RANDFL=lambda own: own["RANDDT"].notna().map({True: "Y", False: "N"}))
    return draw_figure("F14.1.1.2", ADSL=adsl, ADIE=draw(adie))


def test_criterion_longer_than_its_box_is_cut_before_its_number_and_stands_whole_in_the_words():
    long = "Imaging suggests an intrahepatic solid nodular lesion, and the investigator judges that this makes an infusion unsafe"
    made = flow_figure(ADIE.replace("MELD score under 30 ", long))
    assert any(text.startswith("Imaging suggests") and text.endswith("… (n=1)") for text in drawn_words(made.svg))
    assert f"{long} (n=1)" in made.alt
    assert "Words cut short (…) stand whole in the table of disposition." in made.footnotes
    assert not any("cut short" in note for note in flow_figure().footnotes)


def test_flow_leads_from_screening_to_the_analysis_sets_of_each_arm():
    made = flow_figure()
    said = made.alt
    assert said.startswith(
        "Flow of subjects. Screened (n=7), Screen failure (n=1), Inclusion criterion not met (n=1), MELD score under 30 (n=1), "
        "Randomised (n=6). Placebo: Randomised (n=2); Dosed (n=1), Not dosed (n=1), Received at least 4 infusions (n=0), "
        "Completed treatment (n=0), Discontinued treatment (n=1); "
        "Completed day 28 (n=1), Completed day 90 (n=1), Completed day 180 (n=1); Completed study (n=1), Discontinued study (n=1), "
        "Death (n=1), Lost to follow-up (n=0), "
    )
    assert "Completed day 28 (n=3), Completed day 90 (n=2), Completed day 180 (n=2); Completed study (n=2)" in said, "Low"
    assert "Medium 2.0×10⁶ cells/kg: Randomised (n=1); Dosed (n=1), Not dosed (n=0)" in said
    assert "Ongoing at data cut-off (n=1)" in said
    assert "Per-Protocol Set (n=1), Excluded from Per-Protocol Set (n=1)" in said, "Placebo"


def test_every_box_of_the_flow_says_what_the_tables_of_disposition_and_populations_say():
    drawn = flow_figure()
    texts = drawn_words(drawn.svg)
    assert {"Screened (n=7)", "Not randomised", "MELD score under 30 (n=1)", "Placebo", "Analysed"} <= set(texts)
    adsl = draw(FLOW).assign(PHASE=2.0, SCRNFL="Y", RANDFL=lambda own: own["RANDDT"].notna().map({True: "Y", False: "N"}))
    data = {"ADSL": adsl, "ADIE": draw(ADIE)}
    found, seen = numbers(drawn), 0
    for number in ("T14.1.1.2", "T14.1.2.2"):
        rows = {row for row, _, _ in found}
        for (row, column, name), value in numbers(make(find(number, TRIAL), TRIAL, data, stamp_of(TRIAL))).items():
            if row in rows and name in ("n", "N"):
                seen += 1
                assert found[row, column, name] == value
    assert seen > 100
