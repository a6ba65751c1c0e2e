"""14.2.5 Complications of the disease."""

from __future__ import annotations

from collections.abc import Iterator

from cgbm1_report.analyse.counts import analyse_counts
from cgbm1_report.analyse.numbers import join_numbers
from cgbm1_report.derive.adce import counted_days
from cgbm1_report.outputs.compare import compare_counts, comparison_lines
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.declare import Declaration, Summary, family
from cgbm1_report.tabulate.layout import interval_line, with_intervals
from cgbm1_report.tabulate.table import Line, count_percent
from cgbm1_report.tabulate.view import View, refuse_unexpected

ANY = "Any complication"


def complications(view: View) -> Summary:
    """Subjects with any complication and with each term, through each horizon, compared with the reference."""
    horizons = counted_days(view.trial)
    events = view.records("ADCE", "COMPTERM", *horizons)
    terms = [complication.term for complication in view.trial.complications]
    counted = events[(events[list(horizons)] == "Y").any(axis="columns")]
    refuse_unexpected("ADCE", counted, "COMPTERM", terms)
    parts, lines = [], []
    for flag, day in sorted(horizons.items(), key=lambda horizon: horizon[1]):
        head = f"Within {day} days after the first dose"
        counted = events[events[flag] == "Y"]
        any_key = f"{head} | {ANY}"
        keys = [f"{head} | {term}" for term in terms]
        whole = analyse_counts(counted, [], view.column_keys, view.population_counts, keys=[any_key], prefix=any_key)
        single = analyse_counts(counted, ["COMPTERM"], view.column_keys, view.population_counts, keys=keys, prefix=head)
        numbers = with_intervals(join_numbers([whole, single]))
        parts += [numbers, compare_counts(numbers, view)]
        lines.append(Line(head, head, block=True))
        for key in (any_key, *keys):
            lines += [Line(key, key.rpartition(" | ")[2], count_percent, 1), interval_line(key, indent=2)]
            lines += comparison_lines(key, view, 2)
    return Summary(join_numbers(parts), lines, "Complication, n (%)", stub_width=4.0)


@family("Complications")
def complication_tables(trial: Trial) -> Iterator[Declaration]:
    """The table of the trial's own complication terms."""
    yield Declaration(
        "T14.2.5", f"Complications within {trial.study.followup_days} Days", "SAF", ("ADCE",), ("F6", "F7", "F23"), complications,
        where="COMPFL = Y", comparisons=("F7",), needs={"complications": lambda trial: bool(trial.complications)},
        variables={"ADCE": ("USUBJID", "COMPTERM", *counted_days(trial))},
    )  # fmt: skip
