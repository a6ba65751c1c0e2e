"""What the monitoring board's package counts that no report does. Numbers are counted by hand from what is drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.build.recounted import tell_facts
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.recount import recount
from cgbm1_report.tabulate.table import Output, Table
from tests.drawn import draw, our_trial, read_cells, stamp_of

TRIAL = our_trial()
STAMP = replace(stamp_of(TRIAL), cutoff="2025-06-20")
FLAGS = {"PHASE": 2.0, "SCRNFL": "Y"}

#: 2025-06-02 is a Monday. E was screened on a Sunday and randomised on the Monday after; nobody came in the week between.
SUBJECTS = draw(
    """
    USUBJID$ | RFICDT     | RANDDT     | SAFFL | FASFL | EOSSTT       | LTFL | LTDT       | TRTSDT
    A        | 2025-06-02 | 2025-06-04 | Y     | Y     | ONGOING      | .    | .          | 2025-06-05
    B        | 2025-06-03 | .          | N     | N     | DISCONTINUED | .    | .          | .
    C        | 2025-06-04 | 2025-06-06 | Y     | Y     | DISCONTINUED | Y    | 2025-07-03 | 2025-06-06
    D        | 2025-06-19 | 2025-06-20 | Y     | Y     | ONGOING      | Y    | 2025-07-19 | 2025-06-20
    E        | 2025-06-08 | 2025-06-16 | Y     | Y     | ONGOING      | .    | .          | 2025-06-16
    """
).assign(**FLAGS)
#: A missed one visit and is in the study; C missed one and is not; D came late.
VISITS = draw(
    """
    USUBJID$ | AVISIT | EXPFL | ATTEND
    A        | Day 7  | Y     | ON SCHEDULE
    A        | Day 14 | Y     | MISSED
    C        | Day 7  | Y     | MISSED
    D        | Day 7  | Y     | OUT OF WINDOW
    D        | Day 14 | .     | .
    E        | Day 7  | .     | .
    """
)
FINDINGS = draw(
    """
    RULE | SEVERITY    | DATASETS | COUNT
    V05  | Warning     | AE       | 4
    V02  | Warning     | LB, VS   | 7
    V32  | Information | CUT      | 1
    """
)
RECORD = draw(
    """
    PHASE | SCOPE   | USUBJID$ | UNBLDTC$   | REASON
    2     | SUBJECT | A        | 2025-06-10 | EMERGENCY
    2     | SUBJECT | E        | 2025-06-18 | SAFETY REPORTING
    """
)
DATA = {"ADSL": SUBJECTS, "ADSV": VISITS, "FINDINGS": FINDINGS, "UNBLINDING": RECORD}


def show(number: str, trial: Trial = TRIAL, **data: pd.DataFrame) -> Output:
    return make(find(number, trial, scope="dsmb"), trial, DATA | data, STAMP, pooled=True)


def rows_of(table: Output) -> dict[str, list[str]]:
    assert isinstance(table, Table)
    return {row.label: list(row.cells.values()) for row in table.rows}


def test_weeks_of_recruitment_are_counted_from_monday_to_sunday_and_go_on_to_the_cutoff() -> None:
    # Screened in the week and to date, randomised in the week and to date.
    assert rows_of(show("DSMB-1a")) == {
        "2025-06-02 to 2025-06-08": ["4", "4", "2", "2"],
        "2025-06-09 to 2025-06-15": ["0", "4", "0", "2"],
        "2025-06-16 to 2025-06-22": ["1", "5", "2", "4"],
    }
    figure = show("DSMB-1b").ard
    counts = figure[figure["stat_name"] == "n"].groupby("variable")["stat"].agg(list).to_dict()
    assert counts == {"RFICDT": [4.0, 4.0, 5.0], "RANDDT": [2.0, 2.0, 4.0]}
    assert "Planned: 90 subjects randomised" in " ".join(show("DSMB-1b").footnotes)


def test_recruitment_that_is_over_has_no_weeks_behind_it_and_one_without_a_plan_says_so() -> None:
    small = TRIAL.model_copy(update={"arms": tuple(arm.model_copy(update={"planned_n": (1, 1)}) for arm in TRIAL.arms)})
    first = SUBJECTS[SUBJECTS["USUBJID"].isin(["A", "B", "C"])]
    three = pd.concat([first, first[first["USUBJID"] == "C"].assign(USUBJID="F")], ignore_index=True)
    assert list(rows_of(show("DSMB-1a", small, ADSL=three))) == ["2025-06-02 to 2025-06-08"]
    unplanned = TRIAL.model_copy(update={"arms": tuple(arm.model_copy(update={"planned_n": None}) for arm in TRIAL.arms)})
    assert "The protocol states no planned number of subjects." in show("DSMB-1a", unplanned).footnotes


def test_visit_is_overdue_where_its_subject_is_still_in_the_study() -> None:
    table = show("DSMB-9a")
    assert read_cells(table, "Subjects with a visit missed") == ["2 (66.7) [2]"]  # of A, C, D, who were expected somewhere
    assert read_cells(table, "Subjects in the study with a visit overdue") == ["1 (50.0) [1]"]  # of A and D
    assert read_cells(table, "Day 7: expected, n | Missed") == ["1 (33.3)"]
    assert read_cells(table, "Day 7: expected, n | Missed | Overdue, n/N (%)") == ["0/2"]
    assert read_cells(table, "Day 14: expected, n | Missed | Overdue, n/N (%)") == ["1/1 (100.0)"]


def test_findings_unblindings_and_transplantations_are_counted() -> None:
    counted = {label.partition(":")[0]: cells for label, cells in rows_of(show("DSMB-9b")).items()}
    assert counted == {"Warning": ["11"], "V02": ["7"], "V05": ["4"], "Information": ["1"], "V32": ["1"]}
    unblinded = show("DSMB-10b")
    assert read_cells(unblinded, "Subjects unblinded one by one") == ["2 (50.0)"]
    assert read_cells(unblinded, "Subjects unblinded one by one | Emergency") == ["1 (25.0)"]
    assert "The phase as a whole has not been unblinded." in unblinded.footnotes
    # C on day 27 after the first dose, D on day 29.
    days = rows_of(show("DSMB-5c"))
    assert [days[name] for name in ("Liver transplantation", "Days 0–28", "Days 29–90")] == [
        ["2 (50.0)"],
        ["1 (25.0)"],
        ["1 (25.0)"],
    ]


@pytest.mark.parametrize("number", ["DSMB-1a", "DSMB-1b", "DSMB-5c", "DSMB-9a", "DSMB-9b", "DSMB-10b"])
def test_second_count_asks_for_every_number_and_sees_one_that_is_wrong(number: str, tmp_path: Path) -> None:
    for name, frame in DATA.items():
        frame.to_parquet(tmp_path / f"{name.lower()}.parquet", index=False)
    facts = [tell_facts(number, find(number, TRIAL, scope="dsmb"), TRIAL, pooled=True)]
    ard = show(number).ard
    found = recount(tmp_path, ard, facts)
    assert (found.differences, found.unasked[number]) == ([], {})
    first = ard.index[ard["stat_name"].isin(["n", "sum"])][0]
    ard.loc[first, "stat"] += 1
    assert len(recount(tmp_path, ard, facts).differences) == 1
