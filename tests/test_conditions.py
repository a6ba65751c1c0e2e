"""A condition is true, false or neither of each subject: nothing holds of a value that is missing."""

from __future__ import annotations

import pandas as pd
import pytest

from cgbm1_report.explore.conditions import hold_condition

FRAME = pd.DataFrame(
    {
        "USUBJID": ["a", "b", "c", "d"],
        "AGE": [40.0, 60.0, None, 70.0],
        "SEX": pd.Series(["F", "M", "F", None], dtype="str"),
        "DTHDT": pd.to_datetime(["2025-01-01", None, None, "2025-02-01"]),
    }
)

# A condition                           | of whom it holds | of whom nobody knows: by SQL's three values
CONDITIONS = """
AGE >= 60                               | b d  | c
AGE != 60                               | a d  | c
not AGE == 60                           | a d  | c
~(AGE == 60)                            | a d  | c
AGE in [40, 70]                         | a d  | c
AGE not in [40, 70]                     | b    | c
not (AGE in [40, 70])                   | b    | c
40 < AGE <= 70                          | b d  | c
SEX != 'M'                              | a c  | d
SEX == 'F' and AGE != 60                | a    | c d
SEX == 'F' or AGE != 60                 | a c d |
not (SEX == 'F' or AGE != 60)           | b    |
SEX == 'F' & AGE < 50                   | a    | c
SEX == 'F' | AGE > 65                   | a c d |
SEX == 'F | M'                          |      | d
DTHDT != '2025-01-01'                   | d    | b c
DTHDT == '2025-01-01'                   | a    | b c
DTHDT in ['2025-01-01', '2025-03-01']   | a    | b c
DTHDT not in ['2025-01-01']             | d    | b c
'2025-01-01' < DTHDT                    | d    | b c
DTHDT.isna()                            | b c  |
DTHDT.notna() and AGE > 50              | d    |
SEX.fillna('N') != 'M'                  | a c d |
AGE.fillna(0) < 50                      | a c  |
SEX.fillna('N') != 'M' and AGE > 50     | d    | c
AGE == AGE                              | a b d |
AGE != AGE                              | c    |
SEX.str.startswith('F')                 | a c  | d
"""


@pytest.mark.parametrize("case", CONDITIONS.strip().splitlines())
def test_nothing_holds_of_a_missing_value_however_it_is_negated(case: str) -> None:
    condition, holds, unknown = (part.strip() for part in case.rsplit("|", 2))
    found = hold_condition(FRAME, condition)
    assert found is not None
    assert FRAME.loc[found.fillna(False).astype(bool), "USUBJID"].tolist() == holds.split()
    assert FRAME.loc[found.isna(), "USUBJID"].tolist() == unknown.split()


@pytest.mark.parametrize("asked", ["AGE", "AGE + 1", "AGE > 50 and AGE", "SEX.str.lower()"])
def test_what_is_not_true_or_false_is_no_condition(asked: str) -> None:
    assert hold_condition(FRAME, asked) is None


@pytest.mark.parametrize("asked", ["index > 3", "WEIGHT > 3", "AGE >"])
def test_what_cannot_be_asked_is_refused(asked: str) -> None:
    with pytest.raises((NameError, SyntaxError)):
        hold_condition(FRAME, asked)
