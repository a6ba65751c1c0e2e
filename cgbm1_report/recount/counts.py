"""Counts and summaries anew, in SQL."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from cgbm1_report.recount.conditions import quote
from cgbm1_report.recount.database import Database, View
from cgbm1_report.rows import UNNAMED, Key, Shift

#: What the data say of rows by their numbers: by column, by statistic.
Answers = dict[tuple[int, str], dict[str, float]]
_NAN = float("nan")
_NOTHING = dict.fromkeys(("mean", "sd", "median", "p25", "p75", "min", "max"), _NAN)


def ask_counted(database: Database, view: View, rows: Mapping[int, Key]) -> list[tuple[int, str, int, list[int]]]:
    """Of each row and column how many subjects have its records, and where these stand in the file."""
    answer = []
    for asked, values in database.match(view, rows):
        told = f"SELECT h.row, r.head, count(DISTINCT r.USUBJID), list(r.record ORDER BY r.record) {asked} GROUP BY h.row, r.head"
        answer += database.ask(told, values)
    return answer


def ask_summarised(database: Database, view: View, rows: Mapping[int, Key], variable: str) -> list[tuple[Any, ...]]:
    """Of each row and column the summary of a variable, in the order of `summarise_anew`, and where its records stand."""
    name, answer = f"r.{quote(variable)}", []
    for asked, given in database.match(view, rows):
        answer += database.ask(
            "SELECT row, head, n, total, mean, sd, quantile_sas(l, 0.5), quantile_sas(l, 0.25), quantile_sas(l, 0.75), "
            "l[1], l[n], records "
            f"FROM (SELECT h.row, r.head, count(*) AS n, sum({name}) AS total, avg({name}) AS mean, stddev_samp({name}) AS sd, "
            f"list_sort(list(CAST({name} AS DOUBLE))) AS l, list(r.record ORDER BY r.record) AS records "
            f"{asked} WHERE {name} IS NOT NULL GROUP BY h.row, r.head)",
            given,
        )
    return answer


def count_anew(database: Database, view: View, rows: Mapping[int, Key]) -> Answers:
    """Subjects of each row, each once, its records, and of how many subjects of the column they are."""
    found = {(row, head): (persons, len(records)) for row, head, persons, records in ask_counted(database, view, rows)}
    answers: Answers = {}
    for row in rows:
        for head, total in view.subjects.items():
            persons, records = found.get((row, head), (0, 0))
            share = persons / total if total else _NAN
            answers[row, head] = {"n": persons, "N": total, "p": share, "n_events": records, "N_nonmiss": persons}
    return answers


def count_highest_anew(database: Database, view: View, rows: Mapping[int, Key], variable: str) -> Answers:
    """Subjects of each row but its last part, whose highest value is that part's level, or who have none, or any."""
    wholes: dict[Key, int] = {}
    for row in rows.values():
        wholes.setdefault(row[:-1], len(wholes))
    found: dict[tuple[int, str, str], int] = {}
    for asked, values in database.match(view, {number: whole for whole, number in wholes.items()}):
        highest = f"SELECT h.row, r.head, r.USUBJID, max(TRY_CAST(r.{quote(variable)} AS DOUBLE)) AS top {asked} GROUP BY ALL"
        answer = database.ask(f"SELECT row, head, CAST(top AS VARCHAR), count(*) FROM ({highest}) GROUP BY ALL", values)
        found |= {(row, head, _level(top)): persons for row, head, top, persons in answer}
    answers: Answers = {}
    for number, row in rows.items():
        level = None if row[-1][1] in UNNAMED else row[-1][1]
        for head, total in view.subjects.items():
            persons = found.get((wholes[row[:-1]], head, _level(level)), 0)
            if row[-1][1] is None:
                # Without a level: whoever has any value.
                persons = sum(own for (at, of, top), own in found.items() if (at, of) == (wholes[row[:-1]], head) and top)
            answers[number, head] = {"n": persons, "N": total, "p": persons / total if total else _NAN}
    return answers


def count_shifts_anew(database: Database, views: tuple[View, View], rows: Mapping[int, Key], shift: Shift) -> Answers:
    """Subjects of each row by their baseline (its last part but one) and the worst they had after it (the last).

    ``views`` are all records of the subjects, which tell the baseline, and those after it. Whoever has none of a series
    has neither.
    """
    series: dict[Key, int] = {}
    for row in rows.values():
        series.setdefault(row[:-2], len(series))
    numbered = {number: key for key, number in series.items()}
    names = f"max(r.{quote(shift.baseline)})", f"max(list_position(?, r.{quote(shift.variable)}))"
    found: dict[tuple[int, str, str], list[str | int | None]] = {}
    for place, (view, name, given) in enumerate(zip(views, names, ((), (list(shift.levels),)), strict=True)):
        for asked, values in database.match(view, numbered):
            told = f"SELECT h.row, r.head, r.USUBJID, {name} {asked} GROUP BY ALL"
            for at, head, subject, value in database.ask(told, [*given, *values]):
                found.setdefault((at, head, subject), [None, None])[place] = value
    stand = Counter((at, head, base, int(worst or 0)) for (at, head, _), (base, worst) in found.items())
    seen = Counter((at, head) for at, head, _ in found)
    ranks = {level: at for at, level in enumerate(shift.levels, 1)}
    answers: Answers = {}
    for number, row in rows.items():
        at, (base, worst) = series[row[:-2]], (None if level in UNNAMED else level for _, level in row[-2:])
        for head, total in views[0].subjects.items():
            without = total - seen[at, head] if base is None and worst is None else 0
            persons = stand[at, head, base, ranks[worst] if worst else 0] + without
            answers[number, head] = {"n": persons, "N": total, "p": persons / total if total else _NAN}
    return answers


def _level(text: str | None) -> str:
    return "" if text is None else f"{float(text):g}"


def summarise_anew(database: Database, view: View, rows: Mapping[int, Key]) -> Answers:
    """Summaries of the last variable of each row, over the records that the parts before it choose."""
    by_variable: dict[str, dict[int, Key]] = {}
    for number, row in rows.items():
        by_variable.setdefault(row[-1][0], {})[number] = row[:-1]
    answers: Answers = {
        (row, head): {"N": 0.0, "sum": 0.0, **_NOTHING, "std.error": _NAN, "conf.low": _NAN, "conf.high": _NAN}
        for row in rows
        for head in view.subjects
    }
    for variable, own in by_variable.items():
        for row, head, *values, _ in ask_summarised(database, view, own, variable):
            told = dict(zip(("N", "sum", *_NOTHING), (_NAN if value is None else float(value) for value in values), strict=True))
            error = told["sd"] / math.sqrt(told["N"]) if told["N"] else _NAN
            answers[row, head] = {**told, "std.error": error, **_mean_interval(told)}
    return answers


def summarise_logarithms_anew(database: Database, view: View, rows: Mapping[int, Key]) -> Answers:
    """Geometric summaries of the last variable of each row; none of them where a value has no logarithm."""
    names = ("geom_mean", "geom_cv", "conf.low", "conf.high")
    answers: Answers = {(row, head): {"N": 0.0, **dict.fromkeys(names, _NAN)} for row in rows for head in view.subjects}
    by_variable: dict[str, dict[int, Key]] = {}
    for number, row in rows.items():
        by_variable.setdefault(row[-1][0], {})[number] = row[:-1]
    for variable, own in by_variable.items():
        name = f"CAST(r.{quote(variable)} AS DOUBLE)"
        logarithm = f"CASE WHEN {name} > 0 THEN ln({name}) END"
        for asked, given in database.match(view, own):
            answer = database.ask(
                f"SELECT h.row, r.head, count(*), avg({logarithm}), stddev_samp({logarithm}), min({name}), max({name}) "
                f"{asked} WHERE {name} IS NOT NULL GROUP BY h.row, r.head",
                given,
            )
            for row, head, count, mean, sd, low, high in answer:
                told = (count, mean, sd if low < high else 0.0) if low > 0 else (count, _NAN, _NAN)
                answers[row, head] = {"N": float(count), **dict(zip(names, _geometric(*told), strict=True))}
    return answers


def _geometric(count: int, mean: float, sd: float) -> tuple[float, float, float, float]:
    """Mean, coefficient of variation and 95% limits of what has these logarithms."""
    varied = count > 1
    limits = _mean_interval({"N": count, "mean": mean, "sd": sd}) if varied and sd > 0 else {}
    low, high = (math.exp(limits[name]) if limits else _NAN for name in ("conf.low", "conf.high"))
    return math.exp(mean), math.sqrt(math.expm1(sd**2)) if varied else _NAN, low, high


def _mean_interval(told: Mapping[str, float]) -> dict[str, float]:
    """The 95% t interval of the mean."""
    if told["N"] < 2:
        return {"conf.low": _NAN, "conf.high": _NAN}
    from scipy.special import stdtrit

    half = float(stdtrit(told["N"] - 1, 0.975)) * told["sd"] / math.sqrt(told["N"])
    return {"conf.low": told["mean"] - half, "conf.high": told["mean"] + half}
