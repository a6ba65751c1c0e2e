"""What rows and columns of a table are called where they are spoken of: by the labels and heads that the table prints."""

from __future__ import annotations

from cgbm1_report.rows import tell_key
from cgbm1_report.tabulate.table import Column, Row, Table


def name_rows(table: Table) -> list[tuple[str, ...]]:
    """What each row is called: its label behind those that it stands under, as a visit's and a parameter's.

    Of a table without labels, as a listing, the variables and levels that the row is told by.
    """
    if table.stub_label is None:
        return [(tell_key(row.key),) for row in table.rows]
    names, above = [], list[Row]()
    for row in table.rows:
        while above and above[-1].indent >= row.indent:
            above.pop()
        above.append(row)
        labels = [one.label.replace("\n", " ") or tell_key(one.key) for one in above]
        below = [*labels[1:], ""]
        names.append(tuple(label for label, next_one in zip(labels, below, strict=True) if not _repeats(next_one, label)))
    return names


def _repeats(label: str, above: str) -> bool:
    """Whether a label begins with what stands above it but for its unit: ``ALT, Day 3`` below ``ALT (U/L)``."""
    name = above.partition(" (")[0]
    return label.startswith(name) and not label[len(name) : len(name) + 1].isalnum()


def name_column(column: Column) -> str:
    """The first line of a column's head, as a note has room for it."""
    return column.label.partition("\n")[0]


def tell_head(column: Column) -> str:
    """A column's head in one line: what it shows or who is in it, without the dose that stands below a treatment group."""
    lines = column.label.split("\n")
    # A head that is written on several lines for want of room ends them by what joins them: "Age (years)/", "Sex".
    whole = [one for one in lines[1:] if column.N is None]
    return " ".join([lines[0], *whole])


def name_spanner(column: Column) -> str:
    """The head over a column and its neighbours, in one line; of none empty."""
    return (column.spanner or "").replace("\n", " ")
