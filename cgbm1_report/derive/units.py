"""Refuses results in another unit than the declared one: a hemoglobin of 14 g/dL is no 14 g/L."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.errors import DataError, Problem
from cgbm1_report.protocol.trial import Trial

#: A parameter in logarithms is collected in the unit itself.
_LOG10 = "log10 "


def standard_units(trial: Trial, dataset: str) -> dict[str, str]:
    """Unit in which the results of each test code of an analysis dataset are collected."""
    return {
        parameter.testcd or code: parameter.si_unit.removeprefix(_LOG10)
        for code, parameter in trial.parameters.items()
        if parameter.dataset == dataset and parameter.si_unit
    }


def check_units(frame: pd.DataFrame, domain: str, expected: pd.Series) -> None:
    """Refuse numeric results whose stated unit is not the expected one.

    A result that states no unit is left to the validator, which knows where one may be left out.

    Parameters
    ----------
    frame
        Findings of one domain with ``--TESTCD``, ``--STRESN`` and ``--STRESU``.
    domain
        Two letters of the domain.
    expected
        Expected unit of each record; missing for a test without one.

    Raises
    ------
    ReportError
        Names test, unit and number of all such results at once.
    """
    test, unit = f"{domain}TESTCD", f"{domain}STRESU"
    wrong = expected.notna() & frame[unit].notna() & frame[f"{domain}STRESN"].notna() & (frame[unit] != expected)
    if not wrong.any():
        return
    counts = frame[wrong].assign(EXPECTED=expected).groupby([test, unit, "EXPECTED"]).size().reset_index(name="N")
    raise DataError.of(
        Problem(
            f"{count} results of {testcd} in {given!r}, expected {wanted!r}",
            file=domain,
            rule="V21 standard units",
            place=unit,
            remedy=f"convert {domain}STRESN and its limits to the standard unit",
        )
        for testcd, given, wanted, count in zip(counts[test], counts[unit], counts["EXPECTED"], counts["N"], strict=True)
    )
