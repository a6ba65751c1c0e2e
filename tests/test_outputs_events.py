"""Tables of adverse events on small drawn data: every number counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.protocol.trial import read_trial
from cgbm1_report.tabulate.chosen import choose, tell_chosen
from cgbm1_report.tabulate.table import Table
from tests.drawn import draw, read_cells, stamp_of

TRIAL = read_trial()
STAMP = stamp_of(TRIAL)

#: Columns: Placebo of 2 subjects, Low of 2, Medium of 1, Total of 5.
ADSL = """
USUBJID | PHASE | SAFFL | TRT01P  | TRT01A  | TRTSDT
2-01    | 2     | Y     | Placebo | Placebo | 2025-01-01
2-02    | 2     | Y     | Placebo | Placebo | 2025-01-01
2-03    | 2     | Y     | Low     | Low     | 2025-01-01
2-04    | 2     | Y     | Low     | Low     | 2025-01-01
2-05    | 2     | Y     | Medium  | Medium  | 2025-01-01
"""

ADAE = """
USUBJID | AESEQ | TRTEMFL | AEBODSYS   | AEDECOD | ATOXGR$ | RELGR1      | AESER | AEACN            | AEOUT               | AESDTH | AESIFL
2-01    | 1     | Y       | Infections | Sepsis  | 5       | NOT RELATED | Y     | DRUG WITHDRAWN   | FATAL               | Y      | .
2-02    | 1     | Y       | Infections | Sepsis  | 3       | RELATED     | Y     | DOSE NOT CHANGED | RECOVERED/RESOLVED  | .      | .
2-02    | 2     | Y       | Infections | Sepsis  | 2       | NOT RELATED | N     | DOSE NOT CHANGED | RECOVERED/RESOLVED  | .      | .    # milder, of the same term
2-03    | 1     | Y       | General    | Pyrexia | 1       | RELATED     | N     | DOSE NOT CHANGED | RECOVERED/RESOLVED  | .      | .
2-03    | 2     | Y       | General    | Pyrexia | .       | RELATED     | N     | DOSE NOT CHANGED | RECOVERED/RESOLVED  | .      | .    # grade missing
2-03    | 3     | Y       | General    | Chills  | 3       | RELATED     | Y     | DRUG WITHDRAWN   | RECOVERED/RESOLVED  | .      | .
2-04    | 1     | Y       | General    | Pyrexia | .       | NOT RELATED | N     | .                | .                   | .      | .    # nothing but a missing grade
2-05    | 1     | Y       | General    | Pyrexia | 4       | NOT RELATED | N     | DOSE NOT CHANGED | NOT RECOVERED/NOT RESOLVED | Y | .  # results in death, its outcome not yet known
2-05    | 2     | .       | General    | Chills  | 3       | RELATED     | Y     | DRUG WITHDRAWN   | FATAL               | Y      | .    # before treatment: never counts
"""


def table(number: str, data: dict[str, pd.DataFrame] | None = None, **options: object) -> Table:
    adam = {"ADSL": draw(ADSL), "ADAE": draw(ADAE), **(data or {})}
    made = make(find(number, TRIAL), TRIAL, adam, STAMP, **options)  # type: ignore[arg-type]
    assert isinstance(made, Table)
    return made


@pytest.mark.parametrize(
    ("number", "rows"),
    [
        ("T14.3.1.6.2", {
            "Subjects with at least one TEAE of grade 3 or higher": ["2 (100.0)", "1 (50.0)", "1 (100.0)", "4 (80.0)"],
            "General": ["0", "1 (50.0)", "1 (100.0)", "2 (40.0)"],  # as many as of infections: G before I
            "General | Chills": ["0", "1 (50.0)", "0", "1 (20.0)"],
            "General | Pyrexia": ["0", "0", "1 (100.0)", "1 (20.0)"],
            "Infections": ["2 (100.0)", "0", "0", "2 (40.0)"],
            "Infections | Sepsis": ["2 (100.0)", "0", "0", "2 (40.0)"],
        }),
        ("T14.3.2.1.2", {
            "Subjects with at least one serious TEAE": ["2 (100.0) [2]", "1 (50.0) [1]", "0", "3 (60.0) [3]"],
            "Infections": ["2 (100.0) [2]", "0", "0", "2 (40.0) [2]"],
            "Infections | Sepsis": ["2 (100.0) [2]", "0", "0", "2 (40.0) [2]"],
            "General": ["0", "1 (50.0) [1]", "0", "1 (20.0) [1]"],
            "General | Chills": ["0", "1 (50.0) [1]", "0", "1 (20.0) [1]"],
        }),
        ("T14.3.2.2.2", {
            "Subjects with at least one related serious TEAE": ["1 (50.0)", "1 (50.0)", "0", "2 (40.0)"],
            "General": ["0", "1 (50.0)", "0", "1 (20.0)"],
            "General | Chills": ["0", "1 (50.0)", "0", "1 (20.0)"],
            "Infections": ["1 (50.0)", "0", "0", "1 (20.0)"],
            "Infections | Sepsis": ["1 (50.0)", "0", "0", "1 (20.0)"],
        }),
        ("T14.3.2.4.2", {
            "Subjects with at least one TEAE leading to discontinuation of study treatment": ["1 (50.0)", "1 (50.0)", "0", "2 (40.0)"],
            "General": ["0", "1 (50.0)", "0", "1 (20.0)"],
            "General | Chills": ["0", "1 (50.0)", "0", "1 (20.0)"],
            "Infections": ["1 (50.0)", "0", "0", "1 (20.0)"],
            "Infections | Sepsis": ["1 (50.0)", "0", "0", "1 (20.0)"],
        }),
        ("T14.3.2.5.2", {
            "Subjects with at least one TEAE with fatal outcome": ["1 (50.0)", "0", "1 (100.0)", "2 (40.0)"],
            "General": ["0", "0", "1 (100.0)", "1 (20.0)"],
            "General | Pyrexia": ["0", "0", "1 (100.0)", "1 (20.0)"],
            "Infections": ["1 (50.0)", "0", "0", "1 (20.0)"],
            "Infections | Sepsis": ["1 (50.0)", "0", "0", "1 (20.0)"],
        }),
    ],
)  # fmt: skip
def test_a_kind_of_events_is_counted_by_class_and_term_and_nothing_else_is(number: str, rows: dict[str, list[str]]) -> None:
    made = table(number)
    assert {path: read_cells(made, path) for path in rows} == rows
    assert [row.label for row in made.rows] == [path.rpartition(" | ")[2] for path in rows]


def test_serious_and_fatal_events_are_told_in_the_source_line() -> None:
    assert table("T14.3.2.2.2").source == "ADAE, ADSL; SAFFL = Y, TRTEMFL = Y, RELGR1 = RELATED, AESER = Y"
    assert table("T14.3.2.5.2").source == "ADAE, ADSL; SAFFL = Y, TRTEMFL = Y, AEOUT = FATAL or AESDTH = Y"


def test_records_are_chosen_by_one_of_several_values_and_by_one_of_several_variables() -> None:
    records = draw("""
    AEOUT   | AESDTH | ATOXGR$
    FATAL   | .      | 5       # both
    .       | Y      | 4       # one is enough
    Y       | FATAL  | 4       # each value in its own variable
    FATAL   | Y      | 2
    FATAL   | Y      | .       # a missing grade is none
    """)
    chosen = {"AEOUT|AESDTH": ("FATAL", "Y"), "ATOXGR": ("4", "5")}
    assert choose(records, chosen).index.tolist() == [0, 1]
    assert tell_chosen(chosen) == "AEOUT = FATAL or AESDTH = Y, ATOXGR = 4 or 5"
    assert len(choose(records, {})) == 5
