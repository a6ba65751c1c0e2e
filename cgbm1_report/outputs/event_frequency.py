"""14.3.1 The frequent preferred terms: in decreasing frequency, and compared with the reference."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.analyse.counts import analyse_counts
from cgbm1_report.analyse.numbers import take_counts
from cgbm1_report.outputs.adverse_events import (
    BY_TERM,
    EMERGENT,
    EVERY,
    LISTINGS,
    RELATED,
    RELATION,
    SERIOUS,
    SPECIAL,
    choose_kinds,
    declared_kinds,
    select_kinds,
)
from cgbm1_report.protocol.trial import TOTAL, Trial
from cgbm1_report.protocol.wording import group_noun
from cgbm1_report.tabulate.builders import Rows, Selection, compare_rows, count_rows, join_rows, with_exact_interval
from cgbm1_report.tabulate.declare import Declaration, Summary, family
from cgbm1_report.tabulate.table import Line, count_percent
from cgbm1_report.tabulate.terms import order_terms
from cgbm1_report.tabulate.view import View

#: What the risk differences are of, above the preferred terms.
_COMPARED = (EVERY, RELATED, SERIOUS, SPECIAL)


def frequent_terms(view: View, events: pd.DataFrame, percent: float) -> Rows:
    """Preferred terms that at least so many per cent of the subjects of an arm have, the most frequent over all first.

    The total decides only where there is no other column. What is compared is the share itself, not what is printed of it.
    """
    counted = analyse_counts(events, ["AEDECOD"], view.column_keys, view.population_counts)
    arms = [column for column in view.column_keys if column != TOTAL]
    frequent = {
        row
        for row, cells in take_counts(counted).items()
        if any(total and 100 * n >= percent * total for n, total in (cells[arm] for arm in arms))
    }
    order = [key for key in order_terms(counted, view.deciding_column) if key in frequent]
    return Rows(counted[counted["row"].isin(order)], [Line(key, str(key[-1][1]), count_percent) for key in order])


def tell_frequent(view: View, percent: float) -> tuple[str]:
    """Which preferred terms stand there."""
    whose = (
        "any arm"
        if len(view.column_keys) > 1
        else "all arms together"
        if view.pooled
        else f"the {group_noun(view.trial, view.phase)}"
    )
    return (f"Preferred terms: those of at least {percent:g}% of the subjects of {whose}.",)


def frequent_events(view: View) -> Summary:
    """Any event, then the frequent preferred terms."""
    percent = view.trial.event_tables.frequent_percent or 0
    (events,) = choose_kinds(view, [EVERY])
    overall = count_rows(view, [Selection(EVERY.key, f"Subjects with at least one {EVERY.words}", events)], block=True)
    rows = join_rows([overall, frequent_terms(view, events, percent)])
    return Summary(*rows, "Preferred Term, n (%)", stub_width=4.2, footnotes=tell_frequent(view, percent))


@family("Adverse events in decreasing frequency")
def frequency_tables(trial: Trial) -> Iterator[Declaration]:
    """The table of the trial's own threshold."""
    yield Declaration(
        "T14.3.1.7", f"TEAEs by Preferred Term in Decreasing Frequency (≥{trial.event_tables.frequent_percent or 0:g}%)", "SAF",
        ("ADAE",), ("F2", "F21"), frequent_events, where=EMERGENT, variables={"ADAE": BY_TERM}, listings=LISTINGS,
        needs={"event_tables.frequent_percent": lambda trial: trial.event_tables.frequent_percent is not None},
    )  # fmt: skip


def risk_differences(view: View) -> Summary:
    """Kinds of events with the exact interval of each share, frequent preferred terms, and the differences from the reference."""
    percent = view.trial.event_tables.compared_percent or 0
    selections = select_kinds(view, _COMPARED)
    kinds = with_exact_interval(count_rows(view, selections, block=True))
    rows = compare_rows(join_rows([kinds, frequent_terms(view, selections[0].records, percent)]), view, fisher=False)
    return Summary(
        *rows, "Subjects with at least one\nPreferred Term, n (%)", stub_width=4.2, footnotes=tell_frequent(view, percent)
    )


@family("Risk differences of adverse events")
def difference_tables(trial: Trial) -> Iterator[Declaration]:
    """The table of the phases that have a reference."""
    read = (name for kind in declared_kinds(trial, _COMPARED) for name in kind.variables)
    of_terms = f"of TEAEs (Preferred Terms ≥{trial.event_tables.compared_percent or 0:g}%)"
    yield Declaration(
        "T14.3.1.13", f"Risk Differences {of_terms}", "SAF",
        ("ADAE",), ("F2", "F4", "F6", "F7", "F21"), risk_differences,
        tuple(number for number, phase in trial.phases.items() if phase.reference), where=EMERGENT, comparisons=("F7",),
        variables={"ADAE": tuple(dict.fromkeys((*BY_TERM, *read)))}, methods=("rate", "difference"), listings=LISTINGS,
        needs={"event_tables.compared_percent": lambda trial: trial.event_tables.compared_percent is not None},
        given=RELATION, alone=f"Rates {of_terms}",
    )  # fmt: skip
