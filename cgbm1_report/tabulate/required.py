"""What an output needs of a dataset, and where it stands that the dataset has it not."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.errors import DataError, find_near


def require_variable(name: str, frame: pd.DataFrame, variable: str, adam: Mapping[str, pd.DataFrame]) -> None:
    """Refuse a dataset without a variable an output needs; what is a variable of its subjects is taken from them.

    Raises
    ------
    ReportError
        Says what the dataset has that is nearly called so, or that ADSL has it, and how the records come by it there.
    """
    if variable in frame:
        return
    remedy = f"supply {variable} in {name}"
    if name != "ADSL" and "ADSL" in adam and variable in adam["ADSL"]:
        taken = f'records.merge(view.subjects_with("{variable}")[["USUBJID", "{variable}"]], on="USUBJID")'
        remedy += f"; or, in a function of your own, take it from ADSL, which has it: {taken}"
    elif near := find_near(variable, map(str, frame), 1, likeness=0.85):
        remedy += f"; it has {near[0]}, if that was meant"
    raise DataError(f"has no {variable}", file=name, rule="variables an output needs", remedy=remedy)
