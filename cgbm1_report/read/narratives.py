"""What physicians write of events: narratives.csv beside the data, a row an event, kept from cut to cut."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.errors import DataError, Problem

#: The file in the cut, and its columns: whose event it is, by its number, its term and its begin as collected, and the text.
NARRATIVES = "narratives.csv"
EVENT = ("USUBJID", "AESEQ", "AETERM", "AESTDTC")
_RULE = "texts of narratives"


def check_narratives(texts: pd.DataFrame, file: str) -> pd.DataFrame:
    """The texts that are written; of a row without one nothing is said yet.

    A death that is no event has a subject and no more.

    Raises
    ------
    DataError
        A column is missing, a number is none, a text has no subject, or an event has two texts.
    """
    lacking = [name for name in (*EVENT, "TEXT") if name not in texts]
    if lacking:
        told = ", ".join(lacking)
        raise DataError(f"has no {told}", file=file, rule=_RULE, remedy=f"its columns are {', '.join((*EVENT, 'TEXT'))}")
    texts = texts[texts["TEXT"].notna()]
    number = pd.to_numeric(texts["AESEQ"], errors="coerce")
    found = {
        "names no subject": texts["USUBJID"].isna(),
        "has an AESEQ that is no number": number.isna() & texts["AESEQ"].notna(),
        "is of an event that has another text": texts.duplicated(list(EVENT), keep=False),
    }
    problems = [
        Problem(f"a text {said}", file, _RULE, f"row {row + 2}", "correct the row")
        for said, wrong in found.items()
        for row in texts.index[wrong]
    ]
    if problems:
        raise DataError.of(problems)
    return texts.assign(AESEQ=number.astype("float64"))[[*EVENT, "TEXT"]].reset_index(drop=True)
