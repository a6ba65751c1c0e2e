"""14.1.1 The flow of subjects through a phase, from screening to the analysis sets: the rows of two tables as boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import cast

from cgbm1_report.analyse.numbers import join_numbers, take_counts
from cgbm1_report.outputs.disposition import (
    SCREENED,
    course_of,
    disposition,
    entry_of,
    means_disposition,
    means_populations,
    of_disposition,
    of_populations,
    populations,
    populations_of,
    tell_unexplained,
)  # fmt: skip
from cgbm1_report.protocol.trial import POOLED, TOTAL, Trial
from cgbm1_report.rows import Is, Key, Meaning, Part
from cgbm1_report.tabulate.builders import Rows, Selection, count_rows
from cgbm1_report.tabulate.declare import Drawing, Summary, output
from cgbm1_report.tabulate.draw_flow import Box, draw_flow
from cgbm1_report.tabulate.table import Line
from cgbm1_report.tabulate.view import View

#: Inches of the picture, and of that of one arm alone.
_SIZE, _ALONE = (9.4, 5.0), (9.4, 3.6)
_DOSED: Part = ("disposition", "Dosed")
_NOT_DOSED: Part = ("disposition", "Not dosed")
_Counts = dict[Key, dict[str, tuple[int, int]]]


def _means(trial: Trial, phase: int) -> dict[Part, Meaning]:
    return {**means_disposition(trial, phase), **means_populations(trial, phase), _DOSED: ({"SAFFL": Is("=", "Y")},)}


def _counted_of(trial: Trial, phase: int) -> dict[Part, Meaning]:
    course = course_of(trial, phase)
    return {**course, **populations_of(trial, phase), _DOSED: course[_NOT_DOSED]}


def _variables(trial: Trial, phase: int) -> dict[str, tuple[str, ...]]:
    return {"ADSL": tuple(dict.fromkeys((*of_disposition(trial, phase)["ADSL"], *of_populations(trial, phase)["ADSL"])))}


def _part(table: Summary, entry: str) -> tuple[list[Line], list[Line]]:
    """The printed rows of a table, before and after the head of those who entered."""
    head = next(at for at, line in enumerate(table.lines) if line.row == (("disposition", entry),) and not line.show)
    before, after = (list(own) for own in (table.lines[:head], table.lines[head:]))
    return [line for line in before if line.show], [line for line in after if line.show]


def _boxes(lines: Sequence[Line], means: Mapping[Part, Meaning]) -> list[list[Line]]:
    """The course in boxes: entry, treatment, the days, the end of the study with its reasons. Of infusions the last is told."""
    read = {line.row: {name for way in means[line.row[0]] for name in way} for line in lines}
    infusions = [line for line in lines if "NINF" in read[line.row]]
    boxes: list[list[Line]] = [[lines[0]], []]
    for before, line in pairwise(line for line in lines if line not in infusions[:-1]):
        if ("CMPLDAY" in read[before.row]) != ("CMPLDAY" in read[line.row]):
            boxes.append([])
        if line.indent == 1 or len(boxes) > 2:
            boxes[-1].append(line)
    return [box for box in boxes if box]


def _count_dosed(view: View, account: Summary) -> Rows:
    """Who was dosed, of those who entered."""
    base = {column.key: int(column.N or 0) for column in account.columns or ()}
    dosed = view.subjects[view.subjects["SAFFL"] == "Y"]
    return count_rows(view, [Selection((_DOSED,), "Dosed", dosed)], denominators=base, indent=1)


def _write(lines: Sequence[Line], counts: _Counts, column: str) -> Box:
    """The rows of a box with the numbers of a column; a row stands as far in as in the table."""
    return [f"{' ' * (line.indent - 1)}{line.label} (n={counts[line.row][column][0]})" for line in lines]


def _write_trunk(before: Sequence[Line], entered: Sequence[Line], counts: _Counts, whole: str, entry: str) -> tuple[Box, Box, Box]:
    """What comes before the arms part: who was screened, who was not let in and why, who entered."""
    screened, *failed = before
    return _write([screened], counts, whole), [f"Not {entry}", *_write(failed, counts, whole)], _write(entered, counts, whole)


@output(
    "F14.1.1", "Subject Flow Diagram", population=SCREENED, source=("ADSL", "ADIE"), footnotes=(), variables=_variables,
    meanings=_means, counted_of=_counted_of,
    listings=("L16.2.1.1", "L16.2.1.2", "L16.2.1.3", "L16.2.3.1"),
    needs={f"{TOTAL} in columns of every phase": lambda trial: all(TOTAL in phase.columns for phase in trial.phases.values())},
)  # fmt: skip
def flow(view: View) -> Drawing:
    """Who was screened and not let in, and of each arm who entered, was dosed, stayed to each day, left, and is analysed."""
    account, sets = cast("Summary", disposition(view)), cast("Summary", populations(view))
    entry = entry_of(view.trial, view.phase)
    before, course = _part(account, entry)
    dosed = _count_dosed(view, account)
    course.insert(1, *dosed.lines)
    boxes = _boxes(course, _means(view.trial, view.phase))
    analysed = [line for line in _part(sets, entry)[1] if line.indent == 1]
    shown = {line.row for line in (*before, *analysed, *(line for box in boxes for line in box))}
    numbers = join_numbers([account.numbers, dosed.numbers, sets.numbers])
    numbers = numbers[numbers["row"].isin(shown) & numbers["stat_name"].isin(["n", "N", "p"])].reset_index(drop=True)
    counts = take_counts(numbers)
    arms = {column.key: column.label.replace("\n", " ") for column in view.columns if view.pooled or column.key != TOTAL}
    columns = []
    for arm, name in arms.items():
        begun, *others = (_write(box, counts, arm) for box in (*boxes, analysed))
        columns.append([[name, *begun], *others[:-1], ["Analysed", *others[-1]]])
    # Who was screened belongs to no arm: the document of a dose group begins with who entered.
    trunk = _write_trunk(before, boxes[0], counts, POOLED if view.pooled else TOTAL, entry) if before else None
    size = _SIZE if trunk else _ALONE
    svg = draw_flow(columns, trunk=trunk, size=size)
    named = zip(arms.values(), columns, strict=True)
    told = [f"{name}: {'; '.join(map(_tell, (begun[1:], *others)))}" for name, (begun, *others) in named]
    of_all = [_tell([*trunk[0], *trunk[1][1:], *trunk[2]])] if trunk else []
    alt = f"Flow of subjects. {'. '.join([*of_all, *told])}."
    notes = ["The numbers are those of the tables of disposition and of analysis populations."]
    notes += tell_unexplained(view)
    # A criterion may be longer than a box is wide.
    notes += ["Words cut short (…) stand whole in the table of disposition."] if "… (n=" in svg else []
    return Drawing(numbers, svg, alt, *size, footnotes=notes)


def _tell(box: Box) -> str:
    return ", ".join(line.strip() for line in box)
