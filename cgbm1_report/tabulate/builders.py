"""Rows of a table with their numbers: what an output is put together from.

Each builder gives `Rows`; ``Summary(*join_rows(parts), "Stub label")`` is a table of them. Each has an example that runs in
``docs/analysts.md`` (A table of your own).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import pandas as pd

from cgbm1_report.analyse.continuous import analyse_continuous
from cgbm1_report.analyse.counts import analyse_categories, analyse_counts, analyse_selections
from cgbm1_report.analyse.numbers import (
    FISHER,
    PROPORTION_CI,
    PROPORTION_DIFFERENCE,
    Record,
    join_numbers,
    list_statistics,
    make_numbers,
    take_counts,
)
from cgbm1_report.analyse.proportions import clopper_pearson, fisher_exact, miettinen_nurminen
from cgbm1_report.protocol.schema import schema_values
from cgbm1_report.protocol.wording import print_condition
from cgbm1_report.rows import MISSING_LEVEL, Key
from cgbm1_report.tabulate.layout import continuous_lines, decimals_of_extremes, interval_line
from cgbm1_report.tabulate.table import NOT_ESTIMABLE, Line, Show, count_of, count_percent, numbers, p_value
from cgbm1_report.tabulate.view import View, refuse_unexpected

#: The name of an exact interval's line, and of the lines of a comparison.
EXACT, OF_DIFFERENCE, FISHER_P = "95% CI", "95% CI of the difference", "Fisher exact p"

_SAYS_LITTLE = ("UNKNOWN", "OTHER")


class Rows(NamedTuple):
    """Numbers and the lines that print them."""

    numbers: pd.DataFrame
    lines: list[Line]


class Selection(NamedTuple):
    """A row that counts the subjects of these records."""

    key: Key
    label: str
    records: pd.DataFrame


def join_rows(parts: Iterable[Rows]) -> Rows:
    """Rows below rows, as one table has them: ``Summary(*join_rows([count_rows(…), measure_rows(…)]), "Stub label")``."""
    kept = list(parts)
    return Rows(join_numbers(part.numbers for part in kept), [line for part in kept for line in part.lines])


def head_row(key: Key, label: str, *, indent: int = 0) -> Rows:
    """A heading; the rows it heads are indented below it (``indent=1`` of their builder).

    Its key counts nothing: a variable without a level, or a part in small letters.
    """
    return Rows(make_numbers([]), [Line(key, label, indent=indent, block=indent == 0)])


def count_rows(
    view: View,
    selections: Sequence[Selection],
    *,
    show: Show = count_percent,
    denominators: Mapping[str, int] | None = None,
    indent: int = 0,
    block: bool = False,
) -> Rows:
    """A row per selection: its subjects, each once, of the column's population or of other ``denominators``.

    Parameters
    ----------
    selections
        Key, label and records of each row. The key says what the records are, so that the second count can choose them
        too: ``Selection((("SEX", "F"),), "Women", women)``.
    show
        How a cell prints: `count_percent`, or as `tabulate.table` has `count`, `count_percent_events`, `out_of_percent`.
    denominators
        Of whom the percentages are, by column, where it is not the population: `analyse.counts.count_population` of records.
    indent, block
        How far the rows stand in; whether a space stands above each.
    """
    base = view.population_counts if denominators is None else denominators
    counted = analyse_selections([(one.key, one.records) for one in selections], view.column_keys, base)
    return Rows(counted, [Line(one.key, one.label, show, indent, block=block) for one in selections])


def count_levels(
    view: View,
    records: pd.DataFrame,
    levels: Mapping[str, Mapping[str, str]],
    *,
    prefix: Key = (),
    show: Show = count_percent,
    denominators: Mapping[str, int] | None = None,
    indent: int = 0,
) -> Rows:
    """A row per combination of levels, zeros included; the levels of all but the last variable head theirs.

    ``levels`` are of each variable, outermost first, the values with the words that print them. A value that is none
    of them is refused.
    """
    base = view.population_counts if denominators is None else denominators
    lines = _level_lines(prefix, list(levels.items()), show, indent)
    keys = [line.row for line in lines if line.show]
    return Rows(analyse_counts(records, list(levels), view.column_keys, base, keys=keys, prefix=prefix), lines)


def _level_lines(prefix: Key, levels: Sequence[tuple[str, Mapping[str, str]]], show: Show, indent: int) -> list[Line]:
    (variable, words), *inner = levels
    lines = []
    for level, label in words.items():
        key = (*prefix, (variable, level))
        if inner:
            lines += [Line(key, label, indent=indent, block=indent == 0), *_level_lines(key, inner, show, indent + 1)]
        else:
            lines.append(Line(key, label, show, indent))
    return lines


def category_rows(
    view: View, subjects: pd.DataFrame, variable: str, label: str, words: Mapping[str, str] | Sequence[str], *, indent: int = 0
) -> Rows:
    """A heading, the number of subjects with a value, and one row per category.

    ``words`` are the values with what prints them, or the values alone. Missing values have a row where there are some.

    Raises
    ------
    ReportError
        A value is none of them.
    """
    told = dict(words) if isinstance(words, Mapping) else dict(zip(words, words, strict=True))
    refuse_unexpected("ADSL", subjects, variable, told, optional=True)
    counted = analyse_categories(subjects, variable, list(told), view.column_keys)
    whole: Key = ((variable, None),)
    told |= {MISSING_LEVEL: MISSING_LEVEL} if subjects[variable].isna().any() else {}
    lines = [
        Line(whole, f"{label}, n (%)", None, indent, block=indent == 0),
        Line(whole, "n", count_of("N_nonmiss"), indent + 1, statistic="n"),
        *(Line(((variable, level),), text, count_percent, indent + 1) for level, text in told.items()),
    ]
    return Rows(counted, lines)


def measure_rows(
    view: View, records: pd.DataFrame, variable: str, label: str, dp: int, *, prefix: Key = (), dp_extreme: int | None = None,
    indent: int = 0, confidence: bool = False,
) -> Rows:  # fmt: skip
    """A heading, and below it n, mean (SD), median, quartiles and range of a measured variable.

    Parameters
    ----------
    records
        Subjects (``view.subjects_with("AGE")``), or the records of one parameter (``view.records(…)``, chosen). Each
        record counts, so that n is that of subjects only where each has one; a missing value counts nowhere.
    variable
        What is summarised, a number: ``"AGE"``, ``"AVAL"``, ``"CHG"``.
    label
        The heading, with the unit: ``"Age (years)"``.
    dp
        Decimals that values are collected with: mean, median and quartiles print one more, the SD two more, minimum and
        maximum as many, or one more where values have more.
    prefix
        What the records are besides, as parts of a key: ``(("PARAMCD", code), ("AVISIT", visit))``. Without it the second
        count takes all records that ``where`` of the output leaves.
    dp_extreme
        Decimals of minimum and maximum, whatever the values have.
    confidence
        Whether the 95% confidence interval of the mean has a row.
    indent
        How far the heading stands in.

    Returns
    -------
    Rows
        Of the key ``(*prefix, (variable, None))``; each line has the last part ``("statistic", "Median")``.
    """
    extreme = decimals_of_extremes(records[variable], dp) if dp_extreme is None else dp_extreme
    measured = analyse_continuous(records, variable, view.column_keys, prefix=prefix, confidence=confidence)
    key = (*prefix, (variable, None))
    return Rows(measured, continuous_lines(key, label, dp, dp_extreme=extreme, indent=indent, confidence=confidence))


def with_exact_interval(rows: Rows) -> Rows:
    """Below each counted row the exact 95% interval (Clopper-Pearson) of its proportion."""
    records: list[Record] = []
    for row, cells in take_counts(rows.numbers).items():
        for column, (n, total) in cells.items():
            limits = clopper_pearson(n, total)
            records += list_statistics(row, column, PROPORTION_CI, {"conf.low": limits.lo, "conf.high": limits.hi})

    def below(line: Line) -> list[Line]:
        return [interval_line(line.row, EXACT, context=PROPORTION_CI, percent=True, indent=line.indent + 1, columns=line.columns)]

    return Rows(join_numbers([rows.numbers, make_numbers(records)]), _add_below(rows.lines, below))


def compare_rows(rows: Rows, view: View, *, difference: bool = True, fisher: bool = True) -> Rows:
    """Below each counted row its comparison with the reference column: difference with score interval, Fisher's p, as asked for.

    Without a reference column: the rows as they are.
    """
    reference = view.reference
    if reference is None or not view.compared or not (difference or fisher):
        return rows
    records: list[Record] = []
    for row, cells in take_counts(rows.numbers).items():
        n_0, total_0 = cells[reference]
        for column in view.compared:
            n_1, total_1 = cells[column]
            if difference:
                limits = miettinen_nurminen(n_1, total_1, n_0, total_0)
                apart = n_1 / total_1 - n_0 / total_0 if total_0 and total_1 else float("nan")
                stats = {"estimate": apart, "conf.low": limits.lo, "conf.high": limits.hi}
                records += list_statistics(row, column, PROPORTION_DIFFERENCE, stats)
            if fisher:
                records += list_statistics(row, column, FISHER, {"p.value": fisher_exact(n_1, total_1, n_0, total_0)})

    def below(line: Line) -> list[Line]:
        apart = difference_lines(line.row, view, PROPORTION_DIFFERENCE, indent=line.indent + 1)
        p = Line(line.row, FISHER_P, p_value, line.indent + 1, statistic=FISHER_P, context=FISHER, columns=view.compared)
        return [*(apart if difference else ()), *([p] if fisher else ())]

    return Rows(join_numbers([rows.numbers, make_numbers(records)]), _add_below(rows.lines, below))


def difference_lines(row: Key, view: View, context: str, *, indent: int) -> list[Line]:
    """The difference of two proportions and its interval, in percentage points, under the compared columns."""
    name = f"Difference vs {view.reference} (percentage points)"
    show = numbers(("estimate",), 1, missing=NOT_ESTIMABLE, percent=True)
    return [
        Line(row, name, show, indent, statistic=name, context=context, columns=view.compared),
        interval_line(
            row, OF_DIFFERENCE, context=context, percent=True, indent=indent, missing=NOT_ESTIMABLE, columns=view.compared
        ),
    ]


def _add_below(lines: Sequence[Line], below: Callable[[Line], list[Line]]) -> list[Line]:
    """Each counted row, what stands below it already, and what is added."""
    found: list[Line] = []
    for _, group in groupby(lines, key=lambda line: line.row):
        own = list(group)
        found += own
        if own[0].show is not None and not own[0].statistic:
            found += below(own[0])
    return found


def coded_order(dataset: str, variable: str, found: pd.Series, last: Sequence[str] = ()) -> list[str]:
    """The distinct values of a variable as a table lists them: in the order of its codelist, free ones by falling frequency.

    What says little stands last, whatever its place in the codelist: unknown, other, and then ``last``.
    """
    listed, _ = schema_values(dataset, variable) or ((), True)
    places, frequent, end = {text: place for place, text in enumerate(listed)}, found.value_counts(), (*_SAYS_LITTLE, *last)

    def rank(text: str) -> tuple[int, int, int, str]:
        return end.index(text) if text in end else -1, places.get(text, len(places)), -int(frequent[text]), text

    return sorted(map(str, frequent.index), key=rank)


def codelist_words(dataset: str, variable: str) -> dict[str, str]:
    """The values of a variable's codelist with the words that print them, in its order but for what says little, which is last."""
    listed, _ = schema_values(dataset, variable) or ((), True)
    told = coded_order(dataset, variable, pd.Series(listed, dtype="str"))
    return {value: print_condition(value.capitalize()) for value in told}


def record_keys(records: pd.DataFrame, *variables: str) -> list[Key]:
    """The key of each record: these variables with their values as text. Days of a date, numbers without idle zeros."""
    texts = [_key_texts(records[name]) for name in variables]
    return [tuple(zip(variables, levels, strict=True)) for levels in zip(*texts, strict=True)]


def _key_texts(values: pd.Series) -> list[str | None]:
    if pd.api.types.is_datetime64_any_dtype(values):
        texts = values.dt.strftime("%Y-%m-%d")
    elif pd.api.types.is_numeric_dtype(values):
        texts = values.map("{:.15g}".format, na_action="ignore")
    else:
        texts = values
    return [None if text != text else str(text) for text in texts.astype("object")]
