"""One measurement per visit: the way components of a score are brought together."""

from __future__ import annotations

import pandas as pd

#: What a visit of a subject is known by; KEY is VISITNUM rounded, so that 7.01 is 7.01 in every domain.
KEYS = ["USUBJID", "KEY"]
ONE_DAY = pd.Timedelta(days=1)


def visit_key(visitnum: pd.Series) -> pd.Series:
    """VISITNUM as whole hundredths of hundredths: 28.01 of two domains may differ in its last bit."""
    return (visitnum * 1e4).round()


def pick_latest(records: pd.DataFrame, value: str) -> pd.DataFrame:
    """Take the last value of each visit: by date and time (a missing time is 00:00), then sequence number.

    Parameters
    ----------
    records
        ``USUBJID, VISITNUM, ADT, ADTM``, the value, and ``SRCSEQ``.

    Returns
    -------
    DataFrame
        One row per subject and visit: ``USUBJID, KEY``, the value, ``ADT, ADTM, SRCSEQ``.
    """
    known = records[records[value].notna() & records["ADT"].notna() & records["VISITNUM"].notna()]
    known = known.assign(KEY=visit_key(known["VISITNUM"]), MOMENT=known["ADTM"].fillna(known["ADT"]))
    ordered = known.sort_values(["MOMENT", "SRCSEQ", value])
    return ordered.drop_duplicates(KEYS, keep="last")[[*KEYS, value, "ADT", "ADTM", "SRCSEQ"]]
