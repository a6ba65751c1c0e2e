"""The second count by days: who was at risk and how long, what happened soon after an infusion, when subjects died."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.outputs.catalogue import catalogue
from cgbm1_report.recount import recount
from cgbm1_report.rows import Key, write_key
from tests.drawn import draw, our_trial

TRIAL = our_trial()
ADSL = """
USUBJID | PHASE | SAFFL | TRT01P  | TRT01A  | TRTSDT     | TRTEDT     | LSTALVDT   | DTHFL | DTHDT      | DTHCGR1
P1      | 2     | Y     | Placebo | Placebo | 2025-01-01 | 2025-01-08 | 2025-01-11 | Y     | 2025-01-11 | ACLF    # day 10
P2      | 2     | Y     | Placebo | Placebo | 2025-01-01 | 2025-01-08 | 2025-12-01 | .     | .          | .
L1      | 2     | Y     | Low     | Low     | 2025-01-01 | .          | 2025-01-30 | Y     | 2025-01-30 | SEPSIS  # day 29
L2      | 2     | Y     | Low     | Low     | 2025-01-01 | 2025-03-01 | 2025-04-01 | Y     | .          | .       # no date
L3      | 2     | Y     | Low     | Low     | 2025-01-01 | 2025-03-01 | 2025-01-21 | Y     | 2025-07-30 | OTHER   # day 210
"""
ADAE = """
USUBJID | TRTEMFL | AEBODSYS | AEDECOD | ATOXGR$ | AESER | ASTDT      | APERIODC   | INFNUM | HRSINF
P1      | Y       | Class    | Fever   | 3       | N     | 2025-01-06 | Day 0-28   | 1      | 120
P2      | Y       | Class    | Fever   | 1       | Y     | 2025-01-30 | Day 29-90  | 1      | .        # not on the day
P2      | Y       | Class    | Chills  | 1       | N     | 2025-01-01 | Day 0-28   | 1      | .        # on the day
L1      | Y       | Class    | Fever   | 1       | N     | 2025-01-02 | Day 0-28   | 1      | 24
L1      | Y       | Class    | Chills  | 1       | N     | 2025-01-02 | Day 0-28   | 1      | 24.5
L3      | Y       | Class    | Fever   | 1       | N     | 2025-04-06 | Day 91-180 | 2      | .        # later than last seen
L2      | .       | Class    | Fever   | 1       | N     | 2025-01-01 | Day 0-28   | 1      | 1        # not emergent
"""
ADEX = """
USUBJID | INFNUM | ADT
P1      | 1      | 2025-01-01
P1      | 1      | 2025-01-01   # another parameter
P2      | 1      | 2025-01-01
L1      | 1      | 2025-01-01
L3      | 1      | 2025-01-01
L3      | 2      | 2025-01-08
"""
ANY: Key = (("TRTEMFL", "Y"),)
SERIOUS: Key = (*ANY, ("AESER", "Y"))
DEAD: Key = (("DTHFL", "Y"),)
SECOND: Key = (("APERIODC", "Day 29-90"),)
NEAR: Key = (("near infusion", "1"),)
Told = list[tuple[str, Key, str, str, str, float]]
#: By hand: output, row, column, context, statistic, value.
RIGHT: Told = [
    # Placebo at risk 6 and 1 days, low 2, 91 and 96: who has an event later than the last contact was at risk until then.
    ("T14.3.1.9.2", ANY, "Placebo", "incidence_rate", "tot_person_time", 7 / 365.25),
    ("T14.3.1.9.2", ANY, "Low", "incidence_rate", "tot_person_time", 189 / 365.25),
    # R: poisson.test(2, 189 / 36525)
    ("T14.3.1.9.2", ANY, "Low", "incidence_rate", "estimate", 386.507936507937),
    ("T14.3.1.9.2", ANY, "Low", "incidence_rate", "conf.low", 46.807904226552),
    ("T14.3.1.9.2", ANY, "Low", "incidence_rate", "conf.high", 1396.199561183162),
    # The ratio of 2 in 189 days to 2 in 7, and its log-normal limit with √(1/2 + 1/2).
    ("T14.3.1.9.2", ANY, "Low", "incidence_rate_ratio", "estimate", 7 / 189),
    ("T14.3.1.9.2", ANY, "Low", "incidence_rate_ratio", "conf.low", 7 / 189 / 7.09907138423134),
    # A serious event on day 30 of P2; P1 was followed for 11 days, the low ones for 30, 91 and 21.
    ("T14.3.1.9.2", SERIOUS, "Placebo", "incidence_rate", "tot_person_time", 41 / 365.25),
    ("T14.3.1.9.2", SERIOUS, "Low", "incidence_rate", "tot_person_time", 142 / 365.25),
    ("T14.3.1.9.2", SERIOUS, "Low", "incidence_rate", "conf.low", 0.0),
    ("T14.3.1.9.2", SERIOUS, "Low", "incidence_rate_ratio", "estimate", float("nan")),
    # On day 29 P2, L1 and L2 were still followed, and L3 had an event later.
    ("T14.3.1.11.2", (("at risk", "Day 29-90"),), "Placebo", "tabulate", "n", 1),
    ("T14.3.1.11.2", (("at risk", "Day 29-90"),), "Low", "tabulate", "n", 3),
    ("T14.3.1.11.2", (("at risk", "Day 0-28"),), "Total", "tabulate", "n", 5),
    ("T14.3.1.11.2", (("at risk", "Day 91-180"),), "Low", "tabulate", "n", 1),
    ("T14.3.1.11.2", (*SECOND, *ANY), "Placebo", "tabulate", "N", 1),
    ("T14.3.1.11.2", (*SECOND, *ANY), "Placebo", "tabulate", "n", 1),
    # Within 24 hours, or on the date of the infusion where no hours are known.
    ("T14.3.1.10.2", (("dosed", "1"),), "Low", "tabulate", "n", 2),
    ("T14.3.1.10.2", (*NEAR, *ANY), "Placebo", "tabulate", "n", 1),
    ("T14.3.1.10.2", (*NEAR, ("AEDECOD", "Chills")), "Placebo", "tabulate", "n", 1),
    ("T14.3.1.10.2", (*NEAR, ("AEDECOD", "Chills")), "Low", "tabulate", "n", 0),
    ("T14.3.1.10.2", (*NEAR, ("AEDECOD", "Fever")), "Low", "tabulate", "n", 1),
    ("T14.3.1.10.2", (*NEAR, *ANY), "Low", "tabulate", "N", 2),
    ("T14.3.2.3.2", (*DEAD, ("day", "Days 0–28")), "Placebo", "tabulate", "n", 1),
    ("T14.3.2.3.2", (*DEAD, ("day", "Days 29–90")), "Low", "tabulate", "n", 1),
    ("T14.3.2.3.2", (*DEAD, ("day", "After day 180")), "Low", "tabulate", "n", 1),
    ("T14.3.2.3.2", (*DEAD, ("day", None)), "Low", "tabulate", "n", 1),
    # To 30 days after the last dose; of L1, whose last dose is not recorded, after the first.
    ("T14.3.2.3.2", (*DEAD, ("on treatment", "Y")), "Placebo", "tabulate", "n", 1),
    ("T14.3.2.3.2", (*DEAD, ("on treatment", "Y")), "Low", "tabulate", "n", 1),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("adam")
    for name, text in {"adsl": ADSL, "adae": ADAE, "adex": ADEX}.items():
        draw(text).to_parquet(found / f"{name}.parquet", index=False)
    return found


def counted(told: Told, folder: Path) -> Any:
    entries = catalogue(TRIAL)
    results = pd.DataFrame(told, columns=["output", "row", "column", "context", "stat_name", "stat"])
    facts = [tell_facts(number, entries[number], TRIAL) for number in results["output"].unique()]
    return recount(folder, results.assign(row=results["row"].map(write_key)), facts)


def test_second_count_by_days_is_what_was_counted_by_hand(folder: Path) -> None:
    found = counted(RIGHT, folder)
    assert [str(problem) for problem in found.differences] == []
    assert sum(found.compared.values()) == len(RIGHT)


def test_second_count_by_days_sees_every_wrong_number(folder: Path) -> None:
    wrong = [(*one[:5], one[5] + 1 if one[5] == one[5] else 1.0) for one in RIGHT]
    assert len(counted(wrong, folder).differences) == len(RIGHT)
