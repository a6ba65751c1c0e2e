"""What mends a value that a schema refuses, by what its check asks: a date of no calendar cannot be right, a term may be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import pandas as pd

from cgbm1_report.protocol.schema import has_schema, read_schema

#: Of what only schemas/ say, and the data may know better.
REMEDY: Final = "correct the data; if they are right, tell whoever maintains cgbm1-report what it should expect"
#: Of a value that is not there.
MISSING: Final = "give the value that is missing"
#: Of a date that cannot be read, and of one that is less precise than its variable asks.
_DATE: Final = "write a day that the calendar has, as YYYY-MM-DD; of a day that is not wholly known the year and month, or the year"
_PRECISION: Final = "have the rest of the date asked for, and write what is known of it"
#: Of a flag, and of a grade or score: such a list is whole, and nothing is added to it.
_COMPLETE: Final = "correct the value: it is one of these, and no other can be right"
_OF_THE_TRIAL: Final = "correct the value; if it is right, trial.yaml lacks it"
_FLAG: Final = frozenset("YN")
#: By the checks over several variables.
_OF_RECORDS: Final[Mapping[str, str]] = {
    "present_when": "give the value that is missing, or correct what it is asked for by",
    "absent_when": "remove the value, or correct what it is held against",
    "only_where": "remove the value, or correct what it is held against",
    "allowed_where": "correct one of the two values",
    "ends_on_or_after": "correct the start or the end",
    "plausible": "have the value and its unit confirmed, or correct them",
}


def mend_value(check: Any, dataset: str, variable: str) -> str:
    """What mends a value that a check of one variable refuses; of dates see `mend_dates`."""
    if check.name == "isin":
        if is_complete(check.statistics["allowed_values"]):
            return _COMPLETE
        columns = read_schema(dataset)["columns"] if has_schema(dataset) else {}
        return _OF_THE_TRIAL if "in_trial" in columns.get(variable, {}) else REMEDY
    return "write it in this form" if check.name == "str_matches" else REMEDY


def is_complete(allowed: Collection[object]) -> bool:
    """Whether a list is one of flags, or the grades or scores of a scale."""
    texts = [f"{value:g}" if isinstance(value, float) else str(value) for value in allowed]
    return set(texts) <= _FLAG or all(len(text) == 1 and text.isdecimal() for text in texts)


def mend_dates(unread: pd.Series) -> pd.Series:
    """What mends each date that is refused: as no date, or as not precise enough."""
    return pd.Series(_DATE, index=unread.index, dtype="str").where(unread, _PRECISION)


def mend_records(name: str) -> str:
    """What mends a record that a check over several variables refuses."""
    return _OF_RECORDS.get(name, REMEDY)
