"""Rows of coded terms below their classes, the most frequent first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from cgbm1_report.analyse.counts import analyse_counts
from cgbm1_report.analyse.numbers import HIERARCHICAL, join_numbers
from cgbm1_report.distinct import unite_spellings
from cgbm1_report.rows import NO_TERM, Key
from cgbm1_report.tabulate.builders import Rows
from cgbm1_report.tabulate.table import Line, Show
from cgbm1_report.tabulate.view import View

#: What prints a row's key.
Words = Callable[[Key], str]


def print_level(key: Key) -> str:
    """The innermost level of a key as it is."""
    return key[-1][1] or ""


def name_terms(records: pd.DataFrame, everybody: pd.DataFrame, terms: Sequence[str]) -> pd.DataFrame:
    """Records whose terms each have one spelling, that of most records of ``everybody``; what is not coded is named so."""
    spelt = {term: unite_spellings(everybody[term]) for term in terms}
    return records.assign(**{term: records[term].replace(spelt[term]).fillna(NO_TERM) for term in terms})


def order_terms(numbers: pd.DataFrame, column: str, *, outer: int = 0, words: Words = print_level) -> list[Key]:
    """Row keys by number of subjects in the deciding column, the most frequent first, then A to Z as printed.

    A term keeps its place under its class. The first ``outer`` parts, which all rows share, have no number of their own.
    """
    chosen = numbers[(numbers["stat_name"] == "n") & (numbers["column"] == column)]
    counts: dict[Key, float] = dict(zip(chosen["row"], chosen["stat"], strict=True))

    def place(key: Key) -> list[tuple[float, str, Key]]:
        wholes = [key[:depth] for depth in range(outer + 1, len(key) + 1)]
        return [(-counts[whole], words(whole), whole) for whole in wholes]

    return sorted(counts, key=place)


def count_terms(view: View, records: pd.DataFrame, terms: Sequence[str], *, prefix: Key = ()) -> pd.DataFrame:
    """Subjects with a record of each class and of each of its terms; without a subject no row."""
    columns, base = view.column_keys, view.population_counts
    depths = [list(terms[:depth]) for depth in range(1, len(terms) + 1)]
    return join_numbers(analyse_counts(records, by, columns, base, prefix=prefix, context=HIERARCHICAL) for by in depths)


def term_rows(
    view: View, records: pd.DataFrame, terms: Sequence[str], show: Show, *, prefix: Key = (), words: Words = print_level
) -> Rows:
    """Classes with their terms, the most frequent first; below a ``prefix``, which has a row of its own, they are indented."""
    counted, outer = count_terms(view, records, terms, prefix=prefix), len(prefix)
    lines = [
        Line(key, words(key), show, len(key) - 1, block=len(key) == 1)
        for key in order_terms(counted, view.deciding_column, outer=outer, words=words)
    ]
    return Rows(counted, lines)
