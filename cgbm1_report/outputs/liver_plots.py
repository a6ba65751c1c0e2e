"""14.3.4.1 as a figure: subjects by the highest values of an enzyme and of bilirubin (eDISH, cholestatic panel)."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cgbm1_report.analyse.numbers import VALUE, Record, join_numbers, make_numbers, take_counts
from cgbm1_report.derive.adlbhy import ALP, BILIRUBIN, BOTH, PEAKS, QUADRANTS, STANDS, criterion_of
from cgbm1_report.outputs.liver_injury import (
    EITHER,
    LEVELS,
    QUADRANT_WORDS,
    SHARES,
    count_quadrants,
    declares_injury,
    rules_of,
    tell_rise,
)
from cgbm1_report.protocol.clinical import LiverInjury
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.declare import Drawing, output
from cgbm1_report.tabulate.derivation import Derived
from cgbm1_report.tabulate.quadrants import HEIGHT, SIGNS, WIDTH, Panel, Points, draw_quadrants
from cgbm1_report.tabulate.table import NO_VALUE
from cgbm1_report.tabulate.view import View

#: Where the words of each quadrant stand: the enzyme runs to the right, bilirubin up.
_PLACES = dict(zip(STANDS, ("upper right", "lower right", "upper left", "lower left"), strict=True))
_Counts = Mapping[Key, Mapping[str, tuple[int, int]]]


def _read_points(view: View, records: pd.DataFrame, paramcd: str) -> pd.DataFrame:
    """Of each subject who stands in a quadrant both highest values, X with the parameter it is of, and Y, and who has a ring."""
    enzymes, level = QUADRANTS[paramcd]
    stands = records[records["PARAMCD"] == paramcd].set_index("USUBJID")
    codes = [PEAKS[test][level] for test in enzymes]
    own = records[records["PARAMCD"].isin(codes) & records["AVAL"].notna()].sort_values("AVAL", ascending=False, kind="stable")
    highest = own.drop_duplicates("USUBJID").set_index("USUBJID").reindex(stands.index)
    bilirubin = records[records["PARAMCD"] == PEAKS[BILIRUBIN][level]].set_index("USUBJID")["AVAL"].reindex(stands.index)
    ringed = stands["AVALC"].eq(BOTH) & stands["CRIT1FL"].eq("Y")
    found = pd.DataFrame(
        {"COLUMN": stands["COLUMN"], "OF": highest["PARAMCD"], "X": highest["AVAL"], "Y": bilirubin, "RING": ringed}
    )
    return found.rename_axis("USUBJID").reset_index().sort_values("USUBJID", ignore_index=True)


def _panel(view: View, points: pd.DataFrame, paramcd: str, counts: _Counts) -> Panel:
    (enzyme, *_), level = QUADRANTS[paramcd]
    rules, name, of = rules_of(view), ALP if enzyme == ALP else EITHER, LEVELS[level]
    groups = {str(column): own for column, own in points.groupby("COLUMN")}
    drawn = {
        column: Points(
            own["X"].tolist(), own["Y"].tolist(), own["RING"].tolist(), [who.rpartition("-")[2] for who in own["USUBJID"]]
        )
        for column, own in groups.items()
    }
    limits = criterion_of(rules, enzyme)[1], criterion_of(rules, BILIRUBIN)[1]
    corners = {_PLACES[stands]: _corner(view, paramcd, stands, counts) for stands in STANDS}
    title = f"{name} and bilirubin, multiples of {of if of == 'ULN' else f'the {of}'}"
    return Panel(title, f"Highest {name} (multiple)", "Highest bilirubin (multiple)", limits, drawn, corners)


def _corner(view: View, paramcd: str, stands: str, counts: _Counts) -> list[str]:
    """The name of a quadrant with its counts, a sign for each treatment; of how many bilirubin followed in time."""
    key = (("PARAMCD", paramcd), ("AVALC", stands))
    words = [QUADRANT_WORDS[QUADRANTS[paramcd][0]][stands], _tell_counts(counts[key])]
    if stands == BOTH:
        words.append(f"within {rules_of(view).within_days} days: {_tell_counts(counts[(*key, ('CRIT1FL', 'Y'))])}")
    return words


def _tell_counts(own: Mapping[str, tuple[int, int]]) -> str:
    told = [f"{n}/{total}" if total else NO_VALUE for n, total in own.values()]
    # Blanks that do not break: others a PDF folds into one.
    return (
        "\u00a0\u00a0 ".join(f"{sign}\u00a0{text}" for sign, text in zip(SIGNS, told, strict=False)) if len(told) > 1 else told[0]
    )


def _list_values(points: pd.DataFrame, level: int) -> list[Record]:
    """Both values of every point, each by its parameter."""
    named = [points["OF"], pd.Series(PEAKS[BILIRUBIN][level], points.index)]
    return [
        ((("PARAMCD", code), ("USUBJID", who), ("AVAL", None)), column, VALUE, "value", value, [who])
        for code_of, variable in zip(named, ("X", "Y"), strict=True)
        for code, who, column, value in zip(code_of, points["USUBJID"], points["COLUMN"], points[variable], strict=True)
    ]


def _in_words(view: View, paramcd: str, counts: _Counts) -> str:
    words = QUADRANT_WORDS[QUADRANTS[paramcd][0]]
    told = []
    for column in view.column_keys:
        own = {stands: counts[("PARAMCD", paramcd), ("AVALC", stands)][column] for stands in STANDS}
        within = counts[("PARAMCD", paramcd), ("AVALC", BOTH), ("CRIT1FL", "Y")][column][0]
        ranges = [f"{words[stands]} {n}" for stands, (n, _) in own.items()]
        ranges[0] += f" ({within} within {rules_of(view).within_days} days)"
        told.append(f"{column}, of {own[BOTH][1]} with values: {', '.join(ranges)}")
    return f"{view.parameter(paramcd).label}: {'; '.join(told)}."


def _tell_notes(rules: LiverInjury) -> list[str]:
    """What lines, counts and rings mean, in few words: they stand below a picture."""
    lines = f"{EITHER} {tell_rise(rules, 'ALT')}, ALP {tell_rise(rules, ALP)}, bilirubin {tell_rise(rules, BILIRUBIN)}"
    descriptive = "Liver tests are raised before treatment: the panels are descriptive."
    return [
        Derived(
            f"Lines: {lines}. n/N: of the subjects with both values after the first dose. Ringed, and within {rules.within_days} "
            "days: both rose, and bilirubin peaked on the day of the enzyme's peak or so many days after it.",
            f"Lines: {lines}. n/N: of the subjects with both values. Ringed, and within {rules.within_days} days: as the supplied "
            "data say it (CRIT1FL).",
        ),
        Derived(
            f"Level before treatment: mean of the {rules.level_days} days before the first infusion, of at least "
            f"{rules.level_values} values, else the baseline. New lower baseline: lowest mean of two consecutive earlier values "
            f"after the first dose, where below that level. {descriptive}",
            f"Level before treatment, new lower baseline: as the supplied data say them (ADLBHY). {descriptive}",
        ),
    ]


@output(
    "F14.3.4.1", "eDISH: ALT or AST and ALP vs Bilirubin, Multiples of ULN, of Baseline and of the New Lower Baseline",
    population="SAF", source=("ADLBHY",), total=False, shares=SHARES, listings=("L16.2.8.6",),
    variables={"ADLBHY": ("USUBJID", "PARAMCD", "AVAL", "AVALC", "CRIT1FL")},
    needs={"liver_injury with its parameters": declares_injury},
)  # fmt: skip
def edish(view: View) -> Drawing:
    """Each subject by the highest values after the first dose, in the quadrants of the rules, counted by treatment."""
    records = view.records("ADLBHY", "PARAMCD", "AVAL", "AVALC", "CRIT1FL", only=True)
    counted = join_numbers(count_quadrants(view, records, code).numbers for code in QUADRANTS)
    counts = take_counts(counted)
    points = {code: _read_points(view, records, code) for code in QUADRANTS}
    values = make_numbers(
        {(one[0], one[1]): one for code, own in points.items() for one in _list_values(own, QUADRANTS[code][1])}.values()
    )
    rules = rules_of(view)
    days = f"within {rules.within_days} days"
    panels = [_panel(view, own, code, counts) for code, own in points.items()]
    headings = {column.key: f"{column.label} (N={column.N})".replace("\n", " ") for column in view.columns}
    named = not view.trial.phases[view.phase].blinded
    svg = draw_quadrants(panels, headings, f"Bilirubin peak {days}", named=named)
    notes = _tell_notes(rules)
    if named:
        notes.append("Points are named by the last part of the subject's number, where that can be read.")
    if any((own[["X", "Y"]] <= 0).any(axis=None) for own in points.values()):
        notes.append("A highest value of 0 has no logarithm: its point stands left of all others, or below them.")
    said = " ".join(_in_words(view, code, counts) for code in QUADRANTS)
    return Drawing(
        join_numbers([counted, values]),
        svg,
        f"Highest liver tests of each subject. {said}",
        width_in=WIDTH,
        height_in=HEIGHT,
        footnotes=notes,
    )
