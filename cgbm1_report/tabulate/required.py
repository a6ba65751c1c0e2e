"""What an output needs of a dataset and does not find there: what mends it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from cgbm1_report.errors import DataError, find_near
from cgbm1_report.protocol.schema import schema_values

_MEND = "correct the data, or trial.yaml where it declares them; if both are right, tell who maintains cgbm1-report"


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


def tell_mending(name: str, variable: str, value: object, expected: Collection[object]) -> str:
    """What mends a value that an output does not expect: a sign tells what has variables of its own (``--L`` and ``--H``)."""
    text = str(value)
    if text[:1] not in ("-", "+") or text[1:] not in map(str, expected) or not schema_values(name, f"{variable}L"):
        return _MEND
    ways = f"code the direction in {variable}L and {variable}H, and {variable} without a sign"
    return f"{ways}; or leave the number of the output out of trial.yaml: outputs"
