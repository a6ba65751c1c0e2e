"""Findings of a cut held against those of an earlier one: what is new, what stands, what is closed."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.validate.findings import COLUMNS, STATUSES, collect_findings

#: What makes two findings of two cuts the same one. The message is not part of it: a finding whose
#: value was changed but that still holds is standing.
IDENTITY = ("rule", "dataset", "usubjid", "key", "variable")


def _number(findings: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    """What a finding is told by, with missing values as empty text, and its count among its like."""
    told = findings[list(by)].astype("str").fillna("")
    return told.assign(_nth=told.groupby(list(by), sort=False).cumcount())


def _matched(left: pd.DataFrame, right: pd.DataFrame, by: tuple[str, ...]) -> tuple[pd.Series, pd.Series]:
    """Findings of either side that have one of the other side for themselves."""
    ours, theirs = (pd.MultiIndex.from_frame(_number(frame, by)) for frame in (left, right))
    return pd.Series(ours.isin(theirs), index=left.index), pd.Series(theirs.isin(ours), index=right.index)


def compare_findings(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Tell which findings of a cut are new since an earlier cut, which stand, and which are closed.

    Two findings are the same if rule, dataset, subject, key and variable are the same. Where several
    findings share all five, those of equal message are matched first and the rest one to one, so that
    each finding answers for one only. The key holds sequence numbers: records that were renumbered
    between the cuts close one finding and open another.

    Parameters
    ----------
    now, before
        Findings of the later and the earlier cut, judged by the same protocol.

    Returns
    -------
    DataFrame
        One row per finding of either cut: ``status`` (``new``, ``standing``, ``closed``), then the
        variables of a finding; a standing one as it is now, a closed one as it was. Sorted by
        status, then as findings are.
    """
    left, right = now.reset_index(drop=True), before.reset_index(drop=True)
    same_now, same_before = _matched(left, right, (*IDENTITY, "message"))
    rest_now, rest_before = _matched(left[~same_now], right[~same_before], IDENTITY)
    stands = same_now | rest_now.reindex(left.index, fill_value=False)
    stood = same_before | rest_before.reindex(right.index, fill_value=False)
    parts = {"new": left[~stands], "standing": left[stands], "closed": right[~stood]}
    told = [collect_findings([parts[status]]).assign(status=status) for status in STATUSES]
    return pd.concat(told, ignore_index=True)[["status", *COLUMNS]].astype("str")
