"""14.3.1 The frequent preferred terms as a picture: shares of the treatments beside their differences from the reference."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from cgbm1_report.analyse.numbers import PROPORTION_DIFFERENCE, take_counts
from cgbm1_report.outputs.adverse_events import BY_TERM, EMERGENT, EVERY, LISTINGS, choose_kinds
from cgbm1_report.outputs.event_frequency import frequent_terms, tell_frequent
from cgbm1_report.protocol.trial import TOTAL, Trial
from cgbm1_report.tabulate.builders import Rows, compare_rows
from cgbm1_report.tabulate.declare import Declaration, Drawing, family
from cgbm1_report.tabulate.draw_dots import MOST_ROWS, Dots, draw_dots
from cgbm1_report.tabulate.table import round_half_up
from cgbm1_report.tabulate.view import View

_SIZE = (9.4, 5.0)


def _take_rows(rows: Rows, view: View, drawn: Collection[str]) -> list[Dots]:
    """Of each term the shares and the differences, per cent and percentage points; nobody has no share."""
    nan = float("nan")
    apart = rows.numbers[rows.numbers["context"] == PROPORTION_DIFFERENCE]
    names = ("row", "column", "stat_name", "stat")
    found = {(row, column, name): 100 * stat for row, column, name, stat in zip(*(apart[one] for one in names), strict=True)}
    made = []
    for row, cells in take_counts(rows.numbers).items():
        shares = {column: 100 * n / total if total else nan for column, (n, total) in cells.items() if column in drawn}
        told = {
            column: tuple(found[row, column, name] for name in ("estimate", "conf.low", "conf.high")) for column in view.compared
        }
        made.append(Dots(str(row[-1][1]), shares, {column: (one, low, high) for column, (one, low, high) in told.items()}))
    return made


def event_dots(view: View) -> Drawing:
    """The terms of the table of risk differences, in its order, with its numbers."""
    percent = view.trial.event_tables.compared_percent or 0
    (events,) = choose_kinds(view, [EVERY])
    terms = frequent_terms(view, events, percent)
    kept = [line.row for line in terms.lines[:MOST_ROWS]]
    numbers = terms.numbers[terms.numbers["row"].isin(kept)]
    order = {row: place for place, row in enumerate(kept)}
    numbers = numbers.sort_values("row", key=lambda own: own.map(order), kind="stable", ignore_index=True)
    rows = compare_rows(Rows(numbers, terms.lines[: len(kept)]), view, fisher=False)
    # All arms together decide the order, as in the table, and are not drawn.
    headings = {column.key: f"{column.label} (N={column.N})".replace("\n", " ") for column in view.columns if column.key != TOTAL}
    dots = _take_rows(rows, view, headings)
    svg = draw_dots(dots, headings, view.compared, reference=view.reference, xlabel="Subjects with the event (%)", size=_SIZE)
    notes = list(tell_frequent(view, percent))
    if len(kept) < len(terms.lines):
        notes.append(
            f"Drawn: the most frequent {len(kept)} of {len(terms.lines)} terms; the table of risk differences has all of them."
        )
    return Drawing(rows.numbers, svg, _in_words(dots, view), *_SIZE, footnotes=notes)


def _in_words(dots: list[Dots], view: View) -> str:
    if not dots:
        return "Adverse events by preferred term: no event."
    told = "; ".join(f"{row.label}: {_shares(row.shares)}{_differences(row.apart, view)}" for row in dots)
    return f"Subjects with an adverse event by preferred term. {told}."


def _shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{column} {_print(share)}%" for column, share in shares.items() if share == share)


def _differences(apart: Mapping[str, tuple[float, float, float]], view: View) -> str:
    told = [
        f"{column} − {view.reference} {_print(one)} ({_print(low)} to {_print(high)})"
        for column, (one, low, high) in apart.items()
        if one == one
    ]
    return f", {', '.join(told)}" if told else ""


def _print(value: float) -> str:
    return round_half_up(value, 1).replace("-", "−")


@family("Dot plot of adverse events")
def dot_figures(trial: Trial) -> Iterator[Declaration]:
    """The picture of the phases that have a reference."""
    of_terms = f"(Preferred Terms ≥{trial.event_tables.compared_percent or 0:g}%)"
    yield Declaration(
        "F14.3.1.1", f"AE Dot Plot with Risk Difference {of_terms}", "SAF",
        ("ADAE",), ("F2", "F7", "F21"), event_dots, tuple(number for number, phase in trial.phases.items() if phase.reference),
        where=EMERGENT, comparisons=("F7",), variables={"ADAE": BY_TERM}, listings=LISTINGS,
        alone=f"AE Dot Plot {of_terms}",
        needs={"event_tables.compared_percent": lambda trial: trial.event_tables.compared_percent is not None},
    )  # fmt: skip
