"""What is told by visit: vital signs by visit and around infusions. Numbers are counted by hand from the drawn measurements."""

from __future__ import annotations

import pandas as pd
import pytest

from cgbm1_report.derive.advs import derive_advs
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.tabulate.table import Table
from cgbm1_report.validate import validate_adam
from tests.drawn import draw, read_cells, stamp_of
from tests.sdtm_cases import table
from tests.test_windows import subjects

TRIAL = read_trial()
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
        "Heart Rate, infusion 1, at its end | Low (N=2)": ("93.0", "11.0"),
        "Heart Rate, infusion 2, before | Low (N=2)": ("84.0", "2.0"),
        "Heart Rate, infusion 2, 1 h after | Low (N=2)": ("91.0", "9.0"),
    }
    heads = [column.key for column in made.columns]
    for path, medians in told.items():
        cells = dict(zip(heads, read_cells(made, path), strict=False))
        assert (cells["AVAL Median"], cells.get("CHG Median") or None) == medians, path
