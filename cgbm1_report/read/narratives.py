"""What physicians write of events: narratives.csv beside the data, a row an event, kept from cut to cut."""

from __future__ import annotations

import re

import pandas as pd

from cgbm1_report.errors import DataError, Problem

#: The columns of the file: whose event it is, by its number, its term and its begin as collected, and the text.
EVENT = ("USUBJID", "AESEQ", "AETERM", "AESTDTC")
#: What else the event was when the text was written, where the file says it: a text may contradict what it is now.
RECORD = ("AESER", "AETOXGR", "AEREL", "AEOUT", "AEENDTC", "DTHDTC", "DTHCAUS")
#: Of these, what a death was: all that tells one that is no event, and told of an event that led to it.
OF_DEATH = ("DTHDTC", "DTHCAUS")
_RULE = "texts of narratives"
#: What a spreadsheet would run as a formula, or store as a number or a date of its own: of 2025-03 it makes Mar-25.
_CHANGED = re.compile(r"'*(?:[\s\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20].*|\d[\d\s.,:/TtEe+-]*)", re.S)


def guard(text: str) -> str:
    """A text as the file has it for a spreadsheet: an apostrophe stands before one that a spreadsheet would change."""
    return f"'{text}" if _CHANGED.fullmatch(text) else text


def _unguard(text: str) -> str:
    """The text that `guard` was given."""
    return text[1:] if text[:1] == "'" and _CHANGED.fullmatch(text[1:]) else text


def check_narratives(texts: pd.DataFrame, file: str) -> pd.DataFrame:
    """The texts that are written, as they were before `guard`; of a row without one nothing is said yet.

    A death that is no event has a subject, and what it was (`OF_DEATH`).

    Raises
    ------
    DataError
        A column is missing, a number is none, a text has no subject, or an event has two texts.
    """
    lacking = [name for name in (*EVENT, "TEXT") if name not in texts]
    if lacking:
        told = ", ".join(lacking)
        raise DataError(f"has no {told}", file=file, rule=_RULE, remedy=f"its columns are {', '.join((*EVENT, 'TEXT'))}")
    record = [name for name in RECORD if name in texts]
    guarded = ("USUBJID", "AETERM", "AESTDTC", "TEXT", *record)
    texts = texts.assign(**{name: texts[name].map(_unguard, na_action="ignore").astype("str") for name in guarded})
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
    return texts.assign(AESEQ=number.astype("float64"))[[*EVENT, "TEXT", *record]].reset_index(drop=True)
