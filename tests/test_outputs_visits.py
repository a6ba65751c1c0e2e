"""What is told by visit: vital signs, who came, and of whom values of efficacy are there. Numbers are counted by hand from what is drawn."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from cgbm1_report.derive.adsv import derive_adsv
from cgbm1_report.derive.advs import derive_advs
from cgbm1_report.derive.labels import OCCURRENCE_SUBJECT
from cgbm1_report.derive.populations import derive_effday
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.tabulate.table import Table
from cgbm1_report.validate import validate_adam
from tests.drawn import draw, our_trial, read_cells, stamp_of
from tests.sdtm_cases import table
from tests.test_windows import subjects

TRIAL = our_trial()
STAMP = stamp_of(TRIAL)

#: First infusion of S-1: 2025-03-10T10:00; the second begins before midnight. Pulse.
MEASURED = table(
    """
    VSSTRESN  VSTPT     VSDTC             VISIT            VISITNUM
    80        -         2025-03-08        SCREENING        1
    82        PRE-DOSE  2025-03-10T09:30  DAY 0 PRE-DOSE   2
    95        END       2025-03-10T11:00  DAY 0 POST-DOSE  2.5
    93        END       2025-03-10T11:05  DAY 0 POST-DOSE  2.5    # measured again: the later counts
    84        PRE-DOSE  2025-03-17T21:00  DAY 7            7      # stands for the visit
    99        END       2025-03-17T23:30  DAY 7            7      # nearer to nothing else, and touched by the infusion
    91        +1H       2025-03-18T00:30  DAY 7            7      # of the infusion before midnight
    77        -         2025-03-16T09:00  UNSCHEDULED      3.01   # a day off the target
    70        PRE-DOSE  2025-03-24T09:00  DAY 14           14     # of an infusion that was not given
    """
).assign(USUBJID="S-1", VSTESTCD="HR", VSSTAT=None)
INFUSED = table(
    """
    USUBJID  EXSEQ  EXTPT       EXSTDTC
    S-1      1      INFUSION 1  2025-03-10T10:00
    S-1      2      INFUSION 2  2025-03-17T22:00
    """
)


def vital_signs() -> pd.DataFrame:
    measured = MEASURED.assign(VSSEQ=[float(number) for number in range(1, len(MEASURED) + 1)])
    return derive_advs({"VS": measured, "EX": INFUSED}, subjects(), TRIAL)


def test_one_measurement_stands_for_a_visit_and_one_for_each_time_point_of_an_infusion() -> None:
    made = vital_signs()
    visits = made.loc[made["ANL03FL"] == "Y", ["AVISITN", "AVAL"]]
    assert visits.to_numpy().tolist() == [[0, 82], [7, 84], [14, 70]]
    around = made.loc[made["ANL04FL"] == "Y", ["INFNUM", "ATPTN", "AVAL"]]
    assert around.to_numpy().tolist() == [[1, 1, 82], [1, 2, 93], [2, 1, 84], [2, 2, 99], [2, 3, 91]]


@pytest.mark.parametrize(("flag", "place"), [("ANL03FL", 4), ("ANL04FL", 2)])
def test_second_record_of_a_visit_or_time_point_is_a_finding_of_supplied_data(flag: str, place: int) -> None:
    """Pulse of day 7 a day early beside that of the day; the first of two at the end of the first infusion beside the second."""
    advs = vital_signs()
    assert pd.isna(advs.loc[place, flag])
    advs.loc[place, flag] = "Y"
    found = validate_adam({"ADSL": subjects(), "ADVS": advs}, TRIAL)
    assert found.loc[(found["rule"] == "V10") & (found["variable"] == flag), "dataset"].tolist() == ["ADVS", "ADVS"]


def test_vital_signs_are_told_by_visit_and_around_each_infusion() -> None:
    adsl = draw("USUBJID | PHASE | TRT01P | TRT01A | SAFFL\nS-1 | 1 | Low | Low | Y\nS-2 | 1 | Low | Low | Y")
    made = make(find("T14.3.5.1.1", TRIAL), TRIAL, {"ADSL": adsl, "ADVS": vital_signs()}, STAMP)
    assert isinstance(made, Table)
    told = {
        "Heart Rate, Baseline | Low (N=2)": ("82.0", None),
        "Heart Rate, Day 7 | Low (N=2)": ("84.0", "2.0"),
        "Heart Rate, infusion 1, end | Low (N=2)": ("93.0", "11.0"),
        "Heart Rate, infusion 2, before | Low (N=2)": ("84.0", "2.0"),
        "Heart Rate, infusion 2, +1 h | Low (N=2)": ("91.0", "9.0"),
    }
    heads = [column.key for column in made.columns]
    for path, medians in told.items():
        cells = dict(zip(heads, read_cells(made, path), strict=False))
        assert (cells["AVAL Median"], cells.get("CHG Median") or None) == medians, path


#: Phase 1, low dose. Days are counted from 2025-03-10; the data end on elapsed day 40, 2025-04-19.
FOLLOWED = draw(
    """
    USUBJID | PHASE | ANCHDT     | DTHDT      | LTDT
    whole   | 1     | 2025-03-10 | .          | .
    dies    | 1     | 2025-03-10 | 2025-04-07 | .             # on day 28: not alive at its end
    lives   | 1     | 2025-03-10 | 2025-04-08 | .             # on day 29
    liver   | 1     | 2025-03-10 | 2025-04-10 | 2025-03-24    # transplanted on day 14, before the death
    failed  | 1     | .          | .          | .
    """
)


def test_values_are_expected_until_the_day_before_death_or_transplantation_and_not_after_the_cut_off() -> None:
    assert derive_effday(FOLLOWED, TRIAL, date(2025, 4, 19)).fillna(-99).tolist() == [40, 27, 28, 13, -99]
    assert derive_effday(FOLLOWED, TRIAL, None).fillna(-99).tolist() == [180, 27, 28, 13, -99]


def test_observed_and_missing_are_the_subjects_of_whom_a_value_was_expected() -> None:
    adsl = FOLLOWED.assign(EFFDAY=derive_effday(FOLLOWED, TRIAL, None), TRT01P="Low", TRT01A="Low", SAFFL="Y", FASFL="Y")[:4]
    values = draw(
        """
        USUBJID | PARAMCD | AVISITN | AVISIT | ANL02FL
        whole   | MELD    | 14      | Day 14 | Y
        dies    | MELD    | 28      | Day 28 | Y        # of day 26: analysed, and not alive on day 28
        lives   | MELD    | 28      | Day 28 | .        # not analysed: without a baseline
        lives   | MELD    | 14      | Day 14 | Y
        liver   | MELD    | 7       | Day 7  | Y
        """
    )
    adam = {"ADSL": adsl, "ADEFF": values, "ADLB": values[:0], "ADIS": values[:0]}
    made = make(find("T14.2.24.1", TRIAL), TRIAL, adam, STAMP)
    assert isinstance(made, Table)
    told = {
        "Expected, n (%) | Day 7": "4 (100.0)",
        "Expected, n (%) | Day 14": "3 (75.0)",
        "Expected, n (%) | Day 28": "2 (50.0)",
        "MELD, Day 7, observed": "1/4 (25.0)",
        "MELD, Day 7, missing": "3/4 (75.0)",
        "MELD, Day 14, observed": "2/3 (66.7)",
        "MELD, Day 28, observed": "0/2",
        "MELD, Day 28, missing": "2/2 (100.0)",
    }
    assert {path: read_cells(made, path)[0] for path in told} == told


#: Phase 1 at a data cut-off of 2025-05-20, elapsed day 71 of those dosed on 2025-03-10: day 60 may be attended up to day 65.
CAME = draw(
    """
    USUBJID | PHASE | ANCHDT     | TRTSDT     | DTHDT      | EOSDT      | EOSSTT       | FUPDAYS
    whole   | 1     | 2025-03-10 | 2025-03-10 | .          | .          | ONGOING      | 72
    dies    | 1     | 2025-03-10 | 2025-03-10 | 2025-04-10 | 2025-04-10 | DISCONTINUED | 32       # on day 31, the last of the window of day 28
    left    | 1     | 2025-03-10 | 2025-03-10 | .          | 2025-04-02 | DISCONTINUED | 25       # on day 23, the last of the window of day 21
    young   | 1     | 2025-04-20 | 2025-04-20 | .          | .          | ONGOING      | 31       # day 30 at the cut-off: day 28 is still to come
    failed  | 1     | .          | .          | .          | .          | DISCONTINUED | .
    later   | 1     | 2025-03-10 | 2025-03-10 | 2025-04-11 | 2025-04-11 | DISCONTINUED | 33       # died on day 32: the window of day 28 had closed
    through | 1     | 2025-03-10 | 2025-03-10 | .          | 2025-05-12 | COMPLETED    | 64       # on day 63, in the window of day 60
    today   | 1     | 2025-04-19 | 2025-04-19 | .          | .          | ONGOING      | 32       # day 31 at the cut-off: it can come today
    over    | 1     | 2025-04-18 | 2025-04-18 | .          | .          | ONGOING      | 33       # day 32
    """
).assign(SAFFL="Y", TRT01A="Low", TRT01P="Low")
HELD = table(
    """
    USUBJID  VISITNUM  VISIT    SVSTDTC     SVOCCUR
    whole    3         DAY 3    2025-03-13  -
    whole    7         DAY 7    2025-03-15  -          # day 5, window 6 to 8
    whole    28        DAY 28   2025-04-07  N          # recorded, not held
    whole    60        DAY 60   2025-05-14  -          # day 65
    left     28        DAY 28   2025-04-12  -          # came all the same, on day 33
    young    3         DAY 3    2025-04-22  -
    young    7         DAY 7    2025-04-27  -
    young    14        DAY 14   2025-05-04  -
    young    21        DAY 21   2025-05-11  -
    failed   1         SCREENING  2025-03-01  -
    """
)


def attendance() -> pd.DataFrame:
    texts = {name: pd.Series([None] * len(CAME), dtype="str") for name in OCCURRENCE_SUBJECT if name not in CAME}
    adsl = CAME.assign(**texts, **dict.fromkeys(("TRT01PN", "TRT01AN")))
    return derive_adsv({"SV": HELD}, adsl, TRIAL, date(2025, 5, 20))


def test_visit_is_expected_of_who_could_come_and_attended_in_its_window_or_out_of_it() -> None:
    made = attendance()
    told = made.assign(AVISITN=made["AVISITN"].astype(int)).pivot(index="USUBJID", columns="AVISITN", values="ATTEND").fillna("-")
    assert told.columns.tolist() == [3, 7, 14, 21, 28, 60, 90, 180]
    on, out, missed = "ON SCHEDULE", "OUT OF WINDOW", "MISSED"
    assert {who: own.tolist() for who, own in told.iterrows()} == {
        "whole": [on, out, missed, missed, missed, on, "-", "-"],
        "dies": [missed, missed, missed, missed, "-", "-", "-", "-"],
        "left": [missed, missed, missed, "-", out, "-", "-", "-"],
        "young": [on, on, on, on, "-", "-", "-", "-"],
        "later": [missed, missed, missed, missed, missed, "-", "-", "-"],
        "through": [missed, missed, missed, missed, missed, missed, "-", "-"],
        "today": [missed, missed, missed, missed, "-", "-", "-", "-"],
        "over": [missed, missed, missed, missed, missed, "-", "-", "-"],
    }


def test_attendance_is_of_the_subjects_expected() -> None:
    made = make(find("T14.1.10.1", TRIAL), TRIAL, {"ADSL": CAME[:4], "ADSV": attendance()}, STAMP)
    assert isinstance(made, Table)
    told = {
        "Follow-up (days) | Median": "31.5",  # of 25, 31, 32 and 72
        "Day 7: expected, n": "4",
        "Day 7: expected, n | On schedule": "1 (25.0)",
        "Day 7: expected, n | Out of window": "1 (25.0)",
        "Day 7: expected, n | Missed": "2 (50.0)",
        "Day 28: expected, n": "2",  # whole missed it, left came all the same; dies and young had not seen its window close
        "Day 28: expected, n | Out of window": "1 (50.0)",
        "Day 60: expected, n": "1",
        "Day 90: expected, n | Missed": "-",
    }
    assert {path: read_cells(made, path)[0] for path in told} == told
