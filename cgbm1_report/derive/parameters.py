"""Names a parameter on its records as trial.yaml declares it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.protocol.trial import Trial


def add_parameter(records: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Write PARAM, PARAMN (place among the declared parameters) and PARCAT1 by PARAMCD.

    Raises
    ------
    ReportError
        A parameter trial.yaml does not declare.
    """
    codes, distinct = pd.factorize(records["PARAMCD"], use_na_sentinel=False)
    declared = [trial.parameter(code) for code in distinct]
    place = {code: float(number) for number, code in enumerate(trial.parameters, start=1)}
    return records.assign(
        PARAM=pd.array([parameter.param for parameter in declared], dtype="str").take(codes),
        PARAMN=np.array([place[code] for code in distinct], dtype="float64")[codes],
        PARCAT1=pd.array([parameter.category for parameter in declared], dtype="str").take(codes),
    )
