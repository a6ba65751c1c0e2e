"""16.1.9a Trace matrix: every registered outcome, the outputs that answer it, and what of it they show."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cgbm1_report.outputs.catalogue import Entry, catalogue
from cgbm1_report.protocol.registry import METHOD_WORDS, Answer, Outcome
from cgbm1_report.protocol.schema import read_schema
from cgbm1_report.tabulate.builders import record_keys
from cgbm1_report.tabulate.chosen import tell_chosen
from cgbm1_report.tabulate.declare import Listing, output
from cgbm1_report.tabulate.named import output_label
from cgbm1_report.tabulate.table import Column
from cgbm1_report.tabulate.view import View

ANSWERED = "Yes"
NO_OUTPUT = "No: no output is named"


def _days(outcome: Outcome) -> str:
    return ", ".join(map(str, outcome.nominal_days)) or "Whole follow-up"


def _records_of(view: View, outcome: Outcome, entry: Entry | None) -> str:
    """Which records of the analysis data an output shows of an outcome: the dataset, and what chooses them."""
    chosen = dict(entry.declared.chosen_in(view.trial)) if entry and entry.source[:1] == (outcome.dataset,) else {}
    if "PARAMCD" in read_schema(outcome.dataset)["columns"]:
        chosen["PARAMCD"] = outcome.paramcd
    return f"{outcome.dataset}; {tell_chosen(chosen)}" if chosen else outcome.dataset


def _words(methods: list[str]) -> str:
    text = ", ".join(methods)
    return text[:1].upper() + text[1:]


def _answer(view: View, outcome: Outcome, answer: Answer, made: dict[str, Entry]) -> tuple[str, str, str, str]:
    """An output, what of it the outcome is shown by, of which records, and whether it shows all that is asked for."""
    entry = made.get(answer.number)
    shown = [METHOD_WORDS[one] for one in answer.methods if entry and one in entry.declared.methods]
    absent = [METHOD_WORDS[one] for one in answer.methods if METHOD_WORDS[one] not in shown]
    named = f"{output_label(answer.number)} {entry.title}" if entry else f"{output_label(answer.number)}, not in this report"
    return named, _words(shown), _records_of(view, outcome, entry), f"No: {', '.join(absent)}" if absent else ANSWERED


def _trace(view: View) -> Iterator[tuple[str, ...]]:
    made = catalogue(view.trial)
    for outcome in view.trial.outcomes:
        if outcome.phase != view.phase:
            continue
        rests = f" (rests on {', '.join(outcome.assumptions)})" if outcome.assumptions else ""
        measure = f"{outcome.type.capitalize()} {outcome.registry_order}: {outcome.registry_title}{rests}"
        answers = [_answer(view, outcome, one, made) for one in outcome.outputs] or [("", "", "", NO_OUTPUT)]
        yield from ((outcome.id, measure, _days(outcome), *answer) for answer in answers)


#: The columns; what an outcome is stands once with its outputs.
_COLUMNS = (
    Column("ID", "Outcome", width=0.9, align="left", once=True),
    Column("MEASURE", "Registered outcome measure", width=2.3, align="left", once=True),
    Column("DAYS", "Days", width=0.9, align="left", once=True),
    Column("OUTPUT", "Answered by", width=2.1, align="left"),
    Column("SHOWN", "What it shows", width=2.0, align="left"),
    Column("RECORDS", "Records", width=1.3, align="left"),
    Column("ANSWERED", "Answered", width=0.8, align="left"),
)


@output("A16.1.9a", "Outcome-to-TLF Trace Matrix", population="SAF", source=(), total=False)
def trace_matrix(view: View) -> Listing:
    """Each registered outcome of the phase: its days, the outputs that answer it, by which methods, of which records."""
    records = pd.DataFrame(list(_trace(view)), columns=[column.key for column in _COLUMNS], dtype="str")
    opens = records.index[records["ID"] != records["ID"].shift()]
    lacking = sorted(records.loc[records["ANSWERED"] != ANSWERED, "ID"].unique())
    note = f"Outcomes registered: {len(opens)}. Not or not wholly answered: {', '.join(lacking) or 'none'}."
    keys = record_keys(records.rename(columns={"ID": "outcome", "OUTPUT": "output"}), "outcome", "output")
    return Listing(records, list(_COLUMNS), keys, list(opens), footnotes=(note,))
