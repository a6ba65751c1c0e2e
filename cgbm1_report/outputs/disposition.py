"""14.1 Who was screened, who was treated, who stayed, and who they were."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from cgbm1_report.analyse.counts import analyse_selections
from cgbm1_report.protocol.sections import Characteristic
from cgbm1_report.protocol.trial import POOLED, TOTAL, Trial
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.builders import Rows, category_rows, join_rows, measure_rows
from cgbm1_report.tabulate.declare import Summary, footnote_texts, output
from cgbm1_report.tabulate.table import Line, count_percent
from cgbm1_report.tabulate.view import View

_NO_REASON = "REASON MISSING"


class _Counting:
    """Collects rows of a table that counts subjects, in the order in which they are added."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.counted: list[tuple[Key, pd.DataFrame]] = []
        self.lines: list[Line] = []

    def add(self, label: str, subjects: pd.DataFrame, *, under: str = "", indent: int = 0, total_only: bool = False) -> None:
        """Add one row: how many of ``subjects``, in percent of the column's N."""
        key = (("disposition", under), ("reason", label)) if under else (("disposition", label),)
        columns = tuple(c for c in self.view.column_keys if c in (TOTAL, POOLED)) if total_only else self.view.column_keys
        self.counted.append((key, subjects))
        self.lines.append(Line(key, label, count_percent, indent, columns=columns))

    def add_reasons(self, label: str, subjects: pd.DataFrame, reason: str, *, total_only: bool = False) -> None:
        """Add one row and under it one row per reason, the most frequent first; the reasons are all its subjects."""
        self.add(label, subjects, total_only=total_only)
        reasons = subjects[reason].fillna(_NO_REASON)
        frequent = reasons.value_counts()
        for text in sorted(frequent.index, key=lambda value: (value == _NO_REASON, -frequent[value], value)):
            self.add(text.capitalize(), subjects[reasons == text], under=label, indent=1, total_only=total_only)

    def summary(self) -> Summary:
        """Count all rows at once. A cell that is not printed has no result."""
        numbers = analyse_selections(self.counted, self.view.column_keys, self.view.population_counts)
        printed = {(line.row, column) for line in self.lines for column in line.columns or ()}
        kept = [cell in printed for cell in zip(numbers["row"], numbers["column"], strict=True)]
        return Summary(numbers[kept], self.lines, "Subjects, n (%)")


def _of_disposition(trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    entered = "RANDDT" if trial.phases[phase].reference else "ENRLDT"
    doses = ("NINF",) if len(trial.phases[phase].infusions) > 1 else ()
    followed = ("CMPLDAY",) if trial.registry_days(phase, "LTFS") else ()
    return {"ADSL": (entered, "EOSSTT", "EOTSTT", "DCSREAS", "DCTREAS", "SAFFL", "LTFL", *doses, *followed)}


@output(
    "T14.1.1", "Subject Disposition", population="SCR", source=("ADSL",), footnotes=("F1", "F11"), variables=_of_disposition,
)  # fmt: skip
def disposition(view: View) -> Summary:
    """Screened, enrolled, treated, followed: every subject accounted for."""
    subjects = view.subjects_with("EOSSTT", "EOTSTT", "SAFFL", "LTFL")
    for reason in ("DCSREAS", "DCTREAS"):
        view.require("ADSL", subjects, reason)
    entered = subjects["RANDDT"].notna() if view.trial.phases[view.phase].reference else subjects["ENRLDT"].notna()
    table = _Counting(view)
    table.add("Screened", subjects, total_only=True)
    failed = ~entered & (subjects["EOSSTT"] == "DISCONTINUED")
    table.add_reasons("Screen failure", subjects[failed], "DCSREAS", total_only=True)
    waiting = subjects[~entered & ~failed]
    if len(waiting):
        # An interim cut finds subjects who have consented and are neither in nor out.
        table.add("In screening at data cut-off", waiting, total_only=True)
    table.add("Randomised" if view.trial.phases[view.phase].reference else "Enrolled", subjects[entered])
    _add_treatment(table, subjects[entered], view)
    for day in view.trial.registry_days(view.phase, "LTFS"):
        table.add(f"Completed day {day}", subjects[entered & (subjects["CMPLDAY"] >= day)])
    left = subjects[entered & (subjects["EOSSTT"] == "DISCONTINUED")]
    table.add("Completed study", subjects[entered & (subjects["EOSSTT"] == "COMPLETED")])
    table.add_reasons("Discontinued study", left, "DCSREAS")
    table.add("Ongoing at data cut-off", subjects[entered & (subjects["EOSSTT"] == "ONGOING")])
    table.add("Liver transplantation", subjects[entered & (subjects["LTFL"] == "Y")])
    return table.summary()


def _add_treatment(table: _Counting, entered: pd.DataFrame, view: View) -> None:
    planned = len(view.trial.phases[view.phase].infusions)
    table.add("Not dosed", entered[entered["SAFFL"] != "Y"])
    for number in range(1, planned + 1) if planned > 1 else ():
        plural = "s" if number > 1 else ""
        table.add(f"Received at least {number} infusion{plural}", entered[entered["NINF"] >= number])
    table.add("Completed treatment", entered[entered["EOTSTT"] == "COMPLETED"])
    table.add_reasons("Discontinued treatment", entered[entered["EOTSTT"] == "DISCONTINUED"], "DCTREAS")


def _of_populations(trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    return {"ADSL": tuple(population.flag for population in trial.populations if phase in population.phases)}


@output(
    "T14.1.2", "Analysis Populations", population="SCR", source=("ADSL",), footnotes=("F1",), variables=_of_populations,
)  # fmt: skip
def populations(view: View) -> Summary:
    """Each analysis set, with why subjects are not in it."""
    flags = [population.flag for population in view.trial.populations if view.phase in population.phases]
    subjects = view.subjects_with(*flags)
    table, windowed = _Counting(view), False
    for population in view.trial.populations:
        if view.phase not in population.phases:
            continue
        table.add(population.label, subjects[subjects[population.flag] == "Y"], total_only=population.code == "SCR")
        reason = f"{population.code}EXCL" if f"{population.code}EXCL" in subjects else "DLTEXCL"
        if reason in subjects and reason.startswith(population.code[:3]):
            excluded = subjects[subjects[reason].notna()]
            if len(excluded):
                table.add_reasons(f"Excluded from {population.label}", excluded, reason)
                windowed |= reason == "DLTEXCL"
    # Who was not observed to a day of the escalation is told so: only that page names a day.
    notes = footnote_texts(view, ["F11"]) if windowed and "F11" in view.trial.footnotes else ()
    return replace(table.summary(), footnotes=notes)


def _characteristic(view: View, item: Characteristic) -> Rows:
    if item.categories is None:
        return measure_rows(view, view.subjects, item.variable, item.label, item.dp or 0)
    # A year-2 cut may hold a category that trial.yaml does not know: it is refused.
    return category_rows(view, view.subjects, item.variable, item.label, item.categories)


@output(
    "T14.1.4",
    "Demographic and Baseline Characteristics",
    population={1: "SAF", 2: "FAS"},
    source=("ADSL",),
    footnotes=("F1",),
    needs={"demographics": lambda trial: bool(trial.demographics)},
    variables=lambda trial, phase: {"ADSL": tuple(item.variable for item in trial.demographics)},
)
def demographics(view: View) -> Summary:
    """Age, sex, race, height, weight: what trial.yaml lists, in its order."""
    return Summary(*join_rows(_characteristic(view, item) for item in view.trial.demographics), "Characteristic")
