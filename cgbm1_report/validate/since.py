"""Findings of a cut held against those of an earlier one: what is new, what stands, what is closed."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.validate.findings import COLUMNS, STATUSES, collect_findings

#: What makes two findings of two cuts the same one, the surest first. What a record says goes before
#: its sequence number, which changes when the records are renumbered; at last a finding whose value
#: was changed but that still holds is standing.
_ABOUT = ("rule", "dataset", "usubjid", "variable")
IDENTITIES = (
    (*_ABOUT, "key", "value", "message"),
    (*_ABOUT, "visit", "value", "message"),
    (*_ABOUT, "key"),
)


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

    Two findings can only be the same if rule, dataset, subject and variable are the same. Of those,
    one pair after the other is taken out: first of equal key, value and message; then of equal visit,
    value and message, whatever their sequence number (a re-sequenced or re-sorted delivery closes
    nothing and opens nothing); then of equal key, the value having changed. Each finding answers for
    one only.

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
    stands, stood = pd.Series(False, index=left.index), pd.Series(False, index=right.index)
    for identity in IDENTITIES:
        same_now, same_before = _matched(left[~stands], right[~stood], identity)
        stands |= same_now.reindex(left.index, fill_value=False)
        stood |= same_before.reindex(right.index, fill_value=False)
    parts = {"new": left[~stands], "standing": left[stands], "closed": right[~stood]}
    told = [collect_findings([parts[status]]).assign(status=status) for status in STATUSES]
    return pd.concat(told, ignore_index=True)[["status", *COLUMNS]].astype("str")
