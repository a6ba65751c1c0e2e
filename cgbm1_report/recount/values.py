"""Single values and days anew, in SQL: what a figure shows of one record of one subject."""

from __future__ import annotations

from collections.abc import Mapping

from cgbm1_report.recount.conditions import quote
from cgbm1_report.recount.counts import Answers
from cgbm1_report.recount.database import Database, View
from cgbm1_report.rows import Key


def tell_anew(database: Database, view: View, rows: Mapping[int, Key]) -> Answers:
    """The last variable of each row, in the one record that the parts before it choose: of a date its day, else its value.

    Of several records it is the mean, which no first count gives. A row whose last part has a level tells nothing.
    """
    by_variable: dict[str, dict[int, Key]] = {}
    for number, row in rows.items():
        if row[-1][1] is not None:
            continue
        by_variable.setdefault(row[-1][0], {})[number] = row[:-1]
    answers: Answers = {}
    for variable, own in by_variable.items():
        name, dated = f"r.{quote(variable)}", database.is_date(view.dataset, variable)
        told = f"date_diff('day', CAST(r.day_zero AS DATE), CAST({name} AS DATE))" if dated else f"TRY_CAST({name} AS DOUBLE)"
        for asked, given in database.match(view, own):
            answer = database.ask(f"SELECT h.row, r.head, avg({told}) {asked} GROUP BY ALL", given)
            found = {(row, head): float(value) for row, head, value in answer if value is not None}
            answers |= {place: {"day" if dated else "value": value} for place, value in found.items()}
    return answers
