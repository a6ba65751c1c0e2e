"""14.2.5 Complications of the disease."""

from __future__ import annotations

from collections.abc import Iterator

from cgbm1_report.derive.adce import counted_days
from cgbm1_report.errors import number_of
from cgbm1_report.protocol.registry import OF_RESPONSES
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.tabulate.builders import (
    Selection,
    compare_rows,
    count_levels,
    count_rows,
    head_row,
    join_rows,
    with_exact_interval,
)  # fmt: skip
from cgbm1_report.tabulate.declare import Declaration, Summary, family
from cgbm1_report.tabulate.view import View, refuse_unexpected

ANY = "Any complication"
#: The registered outcome the table answers, and what it can show of it.
_NUMBER, OUTCOME = "T14.2.5", "COMPL"


def complications(view: View) -> Summary:
    """Subjects with any complication and with each term, through each horizon, compared with the reference."""
    horizons = counted_days(view.trial)
    events = view.records("ADCE", "COMPTERM", *horizons)
    terms = [complication.term for complication in view.trial.complications]
    counted = events[(events[list(horizons)] == "Y").any(axis="columns")]
    refuse_unexpected("ADCE", counted, "COMPTERM", terms)
    # A trial that registers no such outcome has the whole table.
    asked = view.asked(_NUMBER, OUTCOME).methods or OF_RESPONSES
    parts = []
    for flag, day in sorted(horizons.items(), key=lambda horizon: horizon[1]):
        within, counted = ((flag, "Y"),), events[events[flag] == "Y"]
        terms_of = count_levels(view, counted, {"COMPTERM": view.trial.complication_labels}, prefix=within, indent=1)
        any_of = count_rows(view, [Selection((*within, ("COMPTERM", None)), ANY, counted)], indent=1)
        days = f"Within {number_of(day, 'day')}"
        parts.append(head_row(within, view.say(f"{days} after the first dose", f"{days} ({flag})")))
        counted_rows = join_rows([any_of, terms_of])
        counted_rows = with_exact_interval(counted_rows) if "rate" in asked else counted_rows
        parts.append(compare_rows(counted_rows, view, difference="difference" in asked, fisher="fisher" in asked))
    return Summary(*join_rows(parts), "Complication, n (%)", stub_width=4.0)


@family("Complications")
def complication_tables(trial: Trial) -> Iterator[Declaration]:
    """The table of the trial's own complication terms."""
    yield Declaration(
        _NUMBER, f"Complications within {trial.study.followup_days} Days", "SAF", ("ADCE",), ("F6", "F7", "F23"), complications,
        where={"COMPFL": "Y"}, comparisons=("F7",), needs={"complications": lambda trial: bool(trial.complications)},
        variables={"ADCE": ("USUBJID", "COMPTERM", *counted_days(trial))}, methods=OF_RESPONSES,
        listings=("L16.2.6.9",),
    )  # fmt: skip
