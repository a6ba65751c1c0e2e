"""14.3.4.2 as a figure: liver tests by visit as box plots, with the quartiles of Table 14.3.4.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from cgbm1_report.analyse.continuous import analyse_continuous
from cgbm1_report.analyse.numbers import VALUE, Record, expand_total, join_numbers, make_numbers
from cgbm1_report.outputs.laboratory import tell_unflagged, visit_records
from cgbm1_report.outputs.liver_injury import rules_of
from cgbm1_report.protocol.trial import TOTAL, Trial
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.boxes import HEIGHT, WIDTH, Box, Measured, draw_boxes
from cgbm1_report.tabulate.declare import Drawing, output
from cgbm1_report.tabulate.table import round_half_up
from cgbm1_report.tabulate.view import View

#: Whiskers reach to the last value within so many interquartile ranges of the box (Tukey 1977).
_REACH = 1.5
#: Limits of normal with their names; a line where one holds for all.
_LIMITS = {"ANRLO": "LLN", "ANRHI": "ULN"}
_Numbers = Mapping[tuple[Key, str], Mapping[str, float]]


def _variables(trial: Trial, _: int) -> dict[str, tuple[str, ...]]:
    flag = trial.conventions.visit_flag
    return {"ADLB": ("USUBJID", "PARAMCD", "AVAL", "CHG", "AVISIT", "AVISITN", *_LIMITS, *((flag,) if flag else ()))}


def _read_visits(view: View, records: pd.DataFrame) -> dict[str, str]:
    """The visits with values, in their order, each by the number of its day; of no record those of the trial."""
    found = records[["AVISITN", "AVISIT"]].drop_duplicates().sort_values("AVISITN")
    if len(found):
        return {str(name): f"{number:g}" for number, name in zip(found["AVISITN"], found["AVISIT"], strict=True)}
    return {str(visit.avisit): str(visit.avisitn) for visit in view.visits(tuple(view.visit_days))}


def _row(paramcd: str, visit: str) -> Key:
    return (("PARAMCD", paramcd), ("AVISIT", visit), ("AVAL", None))


def _tell_beyond(own: pd.DataFrame, numbers: _Numbers) -> pd.DataFrame:
    """Each value with IN: whether it lies within the whiskers of its visit and treatment."""
    quarters = [
        numbers[_row(code, visit), column] for code, visit, column in zip(own["PARAMCD"], own["AVISIT"], own["COLUMN"], strict=True)
    ]
    low, high = (pd.Series([one[name] for one in quarters], own.index, dtype="float64") for name in ("p25", "p75"))
    reach = _REACH * (high - low) + 1e-9
    return own.assign(IN=(own["AVAL"] >= low - reach) & (own["AVAL"] <= high + reach))


def _box(stats: Mapping[str, float], own: pd.DataFrame) -> Box:
    if not len(own):
        return Box(0)
    within = own.loc[own["IN"], "AVAL"]
    quarters = (stats["p25"], stats["median"], stats["p75"])
    return Box(int(stats["N"]), *quarters, within.min(), within.max(), tuple(sorted(own.loc[~own["IN"], "AVAL"])))


def _list_ends(own: pd.DataFrame) -> list[Record]:
    """The values that are seen by themselves, each by its subject: those beyond the whiskers, and the whiskers' ends."""
    series = [own[name] for name in ("PARAMCD", "AVISIT", "COLUMN")]
    within = own[own["IN"]].groupby([series[at][own["IN"]] for at in range(3)], sort=False)["AVAL"]
    seen = own.loc[[*own.index[~own["IN"]], *within.idxmin(), *within.idxmax()]]
    seen = seen[~seen.index.duplicated()].sort_index()
    return [
        ((("PARAMCD", code), ("AVISIT", visit), ("USUBJID", who), ("AVAL", None)), column, VALUE, "value", value, [who])
        for code, visit, who, column, value in zip(
            *(seen[name] for name in ("PARAMCD", "AVISIT", "USUBJID", "COLUMN", "AVAL")), strict=True
        )
    ]


def _limits_of(own: pd.DataFrame) -> dict[str, float]:
    """Limits of normal that are the same for every value."""
    one = {name: own[variable].unique() for variable, name in _LIMITS.items()}
    return {name: float(values[0]) for name, values in one.items() if len(values) == 1 and pd.notna(values[0])}


def _in_words(view: View, paramcd: str, boxes: Mapping[str, Sequence[Box]], visits: Sequence[str]) -> str:
    """Medians with quartiles of the first and the last visit with values."""
    parameter, told = view.parameter(paramcd), []
    for column, own in boxes.items():
        seen = [_tell_box(visit, box, parameter.dp or 0) for visit, box in zip(visits, own, strict=True) if box.n]
        ends = list(dict.fromkeys([seen[0], seen[-1]])) if seen else ["no values"]
        told.append(f"{column}: {'; '.join(ends)}")
    return f"{parameter.heading}. {'. '.join(told)}."


def _tell_box(visit: str, box: Box, dp: int) -> str:
    median, low, high = (round_half_up(value, dp + 1) for value in (box.median, box.q1, box.q3))
    return f"{visit} n {box.n}, median {median}, quartiles {low} and {high}"


def _summarise(view: View, records: pd.DataFrame, codes: Sequence[str], visits: Sequence[str]) -> pd.DataFrame:
    """What Table 14.3.4.1 has of these tests."""
    levels = [(visit,) for visit in visits]
    return join_numbers(
        analyse_continuous(own, "AVAL", view.column_keys, by=["AVISIT"], prefix=(("PARAMCD", code),), levels=levels)
        for code, own in ((code, records[records["PARAMCD"] == code]) for code in codes)
    )


def _by_cell(summed: pd.DataFrame) -> _Numbers:
    cells: dict[tuple[Key, str], dict[str, float]] = {}
    for row, column, name, value in zip(*(summed[one] for one in ("row", "column", "stat_name", "stat")), strict=True):
        cells.setdefault((row, column), {})[name] = value
    return cells


def _make_boxes(view: View, own: pd.DataFrame, numbers: _Numbers, paramcd: str, visits: Sequence[str]) -> dict[str, list[Box]]:
    """The boxes of a test, by treatment and visit."""
    groups = dict(list(own[own["PARAMCD"] == paramcd].groupby(["AVISIT", "COLUMN"])))
    nothing = own.iloc[:0]
    return {
        column: [_box(numbers[_row(paramcd, visit), column], groups.get((visit, column), nothing)) for visit in visits]
        for column in view.column_keys
    }


@output(
    "F14.3.4.2", "Box Plots of Liver Tests by Visit", population="SAF", source=("ADLB",), footnotes=("F12",), total=False,
    variables=_variables, where=lambda trial: {trial.conventions.visit_flag: "Y"} if trial.conventions.visit_flag else {},
    needs={"liver_injury.box_plots": lambda trial: bool(trial.liver_injury and trial.liver_injury.box_plots)},
    listings=("L16.2.6.4", "L16.2.8.2"),
)  # fmt: skip
def liver_boxes(view: View) -> Drawing:
    """Each liver test at each visit: median, quartiles, whiskers and what lies beyond them, by treatment."""
    codes = rules_of(view).box_plots
    records = visit_records(view, "ADLB", view.trial.conventions.visit_flag, also=tuple(_LIMITS))
    records = records[records["PARAMCD"].isin(codes) & records["AVAL"].notna()]
    visits = _read_visits(view, records)
    summed = _summarise(view, records, codes, list(visits))
    numbers = _by_cell(summed)
    own = _tell_beyond(expand_total(records, view.column_keys, TOTAL).reset_index(drop=True), numbers)
    boxes = {code: _make_boxes(view, own, numbers, code, list(visits)) for code in codes}
    panels = [Measured(view.parameter(code).heading, boxes[code], _limits_of(own[own["PARAMCD"] == code])) for code in codes]
    headings = {column.key: f"{column.label} (N={column.N})".replace("\n", " ") for column in view.columns}
    svg = draw_boxes(
        panels, headings, list(visits.values()), xlabel="Days after the first dose (0: baseline); below them the number of values"
    )
    notes = [
        f"Box: quartiles and median; whiskers: to the last value within {_REACH:g} interquartile ranges; points: those beyond."
    ]
    if any(panel.limits for panel in panels):
        notes.append("Dashed: limits of normal, where one holds for all values of a test.")
    notes += tell_unflagged(view, "ADLB", view.trial.conventions.visit_flag, codes)
    said = " ".join(_in_words(view, code, boxes[code], list(visits)) for code in codes)
    shown = join_numbers([summed, make_numbers(_list_ends(own))])
    return Drawing(shown, svg, f"Box plots by visit. {said}", width_in=WIDTH, height_in=HEIGHT, footnotes=notes)
