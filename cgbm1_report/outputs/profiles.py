"""14.2.4 Individual courses of a dose group."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cgbm1_report.analyse.numbers import make_numbers
from cgbm1_report.draw import draw_profiles
from cgbm1_report.outputs.declare import Drawing, output
from cgbm1_report.table import round_half_up
from cgbm1_report.view import View

#: Parameters drawn, in this order, each from the dataset that trial.yaml names for it.
PARAMETERS = ("MELD", "BILI")


def _courses(view: View, paramcd: str) -> pd.DataFrame:
    records = view.records(view.parameter(paramcd).dataset, "PARAMCD", "AVAL", "ADT")
    records = records[(records["PARAMCD"] == paramcd) & records["AVAL"].notna()]
    # No record may be there yet in an early cut: looked up by its labels, the anchor stays a date.
    anchor = view.subjects.set_index("USUBJID")["ANCHDT"].reindex(records["USUBJID"]).set_axis(records.index)
    return records.assign(REL=(records["ADT"] - anchor).dt.days).sort_values(["USUBJID", "REL"])


def _marks(courses: pd.DataFrame, view: View) -> dict[str, tuple[list[float], list[float]]]:
    """Death and transplantation, drawn at their day and the subject's last value before."""
    marks = {}
    last = courses.groupby("USUBJID")["AVAL"].last()
    for label, variable in (("Death", "DTHDT"), ("Liver transplantation", "LTDT")):
        subjects = view.subjects[view.subjects[variable].notna() & view.subjects["USUBJID"].isin(last.index)]
        days = (subjects[variable] - subjects["ANCHDT"]).dt.days
        marks[label] = (days.astype(float).tolist(), subjects["USUBJID"].map(last).tolist())
    return marks


@output(
    "F14.2.4", "Individual MELD and Bilirubin Profiles", population="FAS", source=("ADEFF", "ADLB"), scope="dose group",
    total=False, footnotes=("F11",), needs=lambda trial: all(code in trial.parameters for code in PARAMETERS),
)  # fmt: skip
def individual_profiles(view: View) -> Drawing:
    """One line per subject from screening on, with the day of death or transplantation."""
    panels: list[dict[str, Any]] = []
    numbers: list[tuple[str, str, str, float, list[str] | None]] = []
    for paramcd in PARAMETERS:
        parameter, courses = view.parameter(paramcd), _courses(view, paramcd)
        lines = {
            str(who): (own["REL"].astype(float).tolist(), own["AVAL"].tolist())
            for who, own in courses.groupby("USUBJID", sort=True)
        }
        panels.append(
            {"title": parameter.label, "unit": parameter.si_unit or "score", "lines": lines, "marks": _marks(courses, view)}
        )
        repeats = courses.groupby(["USUBJID", "REL"]).cumcount()
        for who, column, day, value, again in zip(
            courses["USUBJID"], courses["COLUMN"], courses["REL"], courses["AVAL"], repeats, strict=True
        ):
            suffix = f" | {again + 1}" if again else ""
            numbers.append((f"{paramcd} | {who} | day {day}{suffix}", column, "value", value, [who]))
    svg, png = draw_profiles(panels, xlabel="Days since first dose")
    return Drawing(make_numbers(numbers), svg, png, _in_words(panels), height_in=4.6)


def _in_words(panels: list[dict[str, Any]]) -> str:
    texts = []
    for panel in panels:
        values = [value for _, own in panel["lines"].values() for value in own]
        extent = f"from {round_half_up(min(values), 1)} to {round_half_up(max(values), 1)}" if values else "no values"
        texts.append(f"{panel['title']}: {len(panel['lines'])} subjects, {extent} {panel['unit']}")
    return "Individual courses. " + "; ".join(texts) + "."
