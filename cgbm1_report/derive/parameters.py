"""Names a parameter on its records as trial.yaml declares it."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.trial import Trial


def add_parameter(records: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Write PARAM, PARAMN (place among the declared parameters) and PARCAT1 by PARAMCD.

    Raises
    ------
    ReportError
        A parameter trial.yaml does not declare.
    """
    codes = records["PARAMCD"].unique()
    declared = {code: trial.parameter(code) for code in codes}
    place = {code: float(number) for number, code in enumerate(trial.parameters, start=1)}
    return records.assign(
        PARAM=records["PARAMCD"].map({code: parameter.param for code, parameter in declared.items()}).astype("str"),
        PARAMN=records["PARAMCD"].map(place).astype("float64"),
        PARCAT1=records["PARAMCD"].map({code: parameter.category for code, parameter in declared.items()}).astype("str"),
    )
