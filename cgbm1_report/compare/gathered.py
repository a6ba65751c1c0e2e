"""Lines of a list of changes that say of many outputs or rows in one what a document would say of each in its own."""

from __future__ import annotations

import pandas as pd

from cgbm1_report.errors import number_of
from cgbm1_report.rows import read_key

_SUBJECT = "USUBJID"
#: So many rows of one subject in an output have a line each in a document.
_MOST_ROWS = 4


def gather_subjects(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of an output that are new or gone, those of one subject in one line where they are many: a narrative has dozens."""
    if rows.empty:
        return rows
    subject = rows["row"].map(lambda row: next((level for name, level in read_key(row)[:1] if name == _SUBJECT), None))
    own = [rows["output"], rows["what"], subject.astype("str")]
    many = subject.notna() & (rows.groupby(own, dropna=False)["row"].transform("size") > _MOST_ROWS)
    count = rows.groupby(own, dropna=False)["row"].transform("size").map(lambda count: number_of(count, "row"))
    said = count + f" of {_SUBJECT} " + subject.astype("str")
    told = rows.assign(
        what=rows["what"].mask(many, "rows " + rows["status"]),
        name=rows["name"].mask(many, said),
        text=rows["text"].mask(many, "the first: " + rows["text"].astype("str")),
    )
    return told[~(many & pd.concat(own, axis="columns").duplicated())]


def count_whole(outputs: pd.DataFrame, each: int) -> pd.DataFrame:
    """Outputs that are new and those that are gone: how many, and which the first ``each`` are."""
    numbers = outputs.groupby("what", sort=False)["output"].agg(tuple).reset_index(name="numbers")
    counts = numbers["numbers"].map(len)
    named = numbers["numbers"].map(lambda own: ", ".join(own[:each]))
    more = counts.map(lambda count: f" and {count - each:,} more" if count > each else "")
    told = counts.map(lambda count: number_of(count, "output"))
    return numbers.assign(output="", name=told, text=named + more)
