"""Single values and days anew, in SQL: what a figure shows of one record of one subject."""

from __future__ import annotations

from collections.abc import Mapping

from cgbm1_report.recount.conditions import quote
from cgbm1_report.recount.counts import Answers
from cgbm1_report.recount.database import Database, View
from cgbm1_report.rows import Key


def tell_anew(database: Database, view: View, rows: Mapping[int, Key]) -> Answers:
    """The last variable of each row, in the one record that the parts before it choose: of a date its day, else its value.

    The day of a value is that of the date among the parts before it.

    Of several records it is the mean, which no first count gives. A row whose last part has a level tells nothing.
    """
    wanted: dict[tuple[str, str], dict[int, Key]] = {}
    for number, row in rows.items():
        if row[-1][1] is None:
            for variable, _ in row:
                if database.is_date(view.dataset, variable):
                    wanted.setdefault(("day", variable), {})[number] = row[:-1]
            if not database.is_date(view.dataset, row[-1][0]):
                wanted.setdefault(("value", row[-1][0]), {})[number] = row[:-1]
    answers: Answers = {}
    for (name, variable), own in wanted.items():
        told = f"r.{quote(variable)}"
        told = (
            f"date_diff('day', CAST(r.day_zero AS DATE), CAST({told} AS DATE))" if name == "day" else f"TRY_CAST({told} AS DOUBLE)"
        )
        for asked, given in database.match(view, own):
            for row, head, value in database.ask(f"SELECT h.row, r.head, avg({told}) {asked} GROUP BY ALL", given):
                if value is not None:
                    answers.setdefault((row, head), {})[name] = float(value)
    return answers
