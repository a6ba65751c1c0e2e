"""Where subjects stood at baseline and at the worst after it: the records behind shift tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cgbm1_report.rows import MISSING_LEVEL, Shift

_SERIES = ["USUBJID", "PARAMCD"]


def find_shifts(
    records: pd.DataFrame, after: pd.Series, subjects: pd.DataFrame, parameters: Sequence[str], shift: Shift, names: tuple[str, str]
) -> pd.DataFrame:
    """One row per subject and parameter: the level at baseline and the worst after it, ``Missing`` where there is none.

    Every subject has a row of every parameter, so that the rows of a parameter add up to the population.

    Parameters
    ----------
    records
        USUBJID, PARAMCD and the variables of ``shift``. All records of a series have the same baseline.
    after
        Which of the records are after the baseline: they alone can be the worst.
    subjects
        USUBJID and COLUMN, one row per subject.
    names
        What baseline and worst level are called.

    Returns
    -------
    DataFrame
        USUBJID, COLUMN, PARAMCD and the two levels.
    """
    found = subjects[["USUBJID", "COLUMN"]].merge(pd.DataFrame({"PARAMCD": list(parameters)}, dtype="str"), how="cross")
    based = records.dropna(subset=[shift.baseline]).drop_duplicates(_SERIES).set_index(_SERIES)[shift.baseline]
    ranks = (
        records.loc[after, shift.variable].map({level: float(rank) for rank, level in enumerate(shift.levels)}).astype("float64")
    )
    top = ranks.groupby([records.loc[after, name] for name in _SERIES]).max()
    series = pd.MultiIndex.from_frame(found[_SERIES])
    worst = pd.Series(top.reindex(series).to_numpy()).map(dict(enumerate(shift.levels)))
    levels = based.reindex(series).to_numpy(), worst
    told = {name: pd.Series(level, dtype="str").fillna(MISSING_LEVEL).to_numpy() for name, level in zip(names, levels, strict=True)}
    return found.assign(**told)
