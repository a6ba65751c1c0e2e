"""14.3.4.2 and 14.3.4.3: where laboratory results stood at baseline and at their worst after the first infusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from cgbm1_report.analyse.counts import analyse_counts
from cgbm1_report.analyse.numbers import join_numbers
from cgbm1_report.analyse.shifts import find_shifts
from cgbm1_report.derive.ctcae import baseline_ruled_tests, read_scales
from cgbm1_report.outputs.laboratory import OF_LABORATORY
from cgbm1_report.rows import MISSING_LEVEL, Shift
from cgbm1_report.tabulate.builders import Rows, join_rows
from cgbm1_report.tabulate.by_visit import treatment_lines
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.derivation import Derived
from cgbm1_report.tabulate.table import Column, Line, count_percent
from cgbm1_report.tabulate.view import View

#: Records after the first infusion: they alone can be the worst.
AFTER = {"ONTRTFL": "Y"}
GRADES = ("0", "1", "2", "3", "4")
_RANGE = ("LOW", "NORMAL", "HIGH")
_WORST = "worst grade"
_BY_LIMIT = "BTOXGRH, limits alone"
#: By the name of the part of a key that is the baseline: a test is graded in the direction that its row says.
GRADE_SHIFTS = {
    "BTOXGRL": Shift("BTOXGRL", "ATOXGRL", GRADES),
    "BTOXGRH": Shift("BTOXGRH", "ATOXGRH", GRADES),
    _BY_LIMIT: Shift("BTOXGRH", "ATOXGR2", GRADES),
}
#: By the name of the part that is the worst: both ends of the range are asked of every test.
RANGE_SHIFTS = {
    "lowest ANRIND": Shift("BNRIND", "ANRIND", _RANGE[::-1]),
    "highest ANRIND": Shift("BNRIND", "ANRIND", _RANGE),
}
#: Of what is told in levels, what subjects without one have not got; of supplied data by the flag of the results after baseline.
_MISSING = (
    "Missing: no result {} before (row) or after (column) the start of the first infusion; the cells of a group add up to its N."
)
_UNFLAGGED = "Missing: no baseline {0} (row), or none {0} where {1} = Y (column); the cells of a group add up to its N."
_SHOWN = "Baselines that no subject has are not shown."


class _Block(NamedTuple):
    """Rows of one head: of these parameters, by this baseline and these worst levels.

    ``words`` stand with the test's name at each baseline: a page may begin there.
    """

    baseline: str
    worst: tuple[str, ...]
    headings: Mapping[str, str]
    words: str = ""


def graded_tests(view: View, records: pd.DataFrame, direction: str) -> dict[str, str]:
    """Tests with results that CTCAE grades in a direction, L or H, with their heading, in the order of trial.yaml."""
    scales = read_scales(view.trial.switches.ctcae)["L" if direction == "L" else "H"]
    present = set(records["PARAMCD"])
    words = {"L": "low", "H": "high"}[direction]
    return {code: f"{own.heading}, {words}" for code, own in view.trial.parameters.items() if code in scales and code in present}


def _columns(spanners: Mapping[str, str], labels: Mapping[str, str]) -> list[Column]:
    return [
        Column(f"{worst} {level}", label, spanner=spanner, measure=((worst, level),), statistic="n (%)")
        for worst, spanner in spanners.items()
        for level, label in labels.items()
    ]


def _block_rows(
    view: View,
    records: pd.DataFrame,
    block: _Block,
    shifts: Mapping[str, Shift],
    labels: Mapping[str, str],
    columns: Sequence[Column],
) -> dict[str, Rows]:
    """Of each parameter its rows: a baseline that somebody has, and below it the treatments."""
    found: dict[str, Rows] = {}
    frames = []
    for worst in block.worst:
        shift = shifts.get(worst) or shifts[block.baseline]
        after = records["ONTRTFL"].eq("Y")
        told = find_shifts(records, after, view.subjects, list(block.headings), shift, (block.baseline, worst))
        seen = told[["PARAMCD", block.baseline]].drop_duplicates()
        rows = {code: [one for one in labels if one in set(own)] for code, own in seen.groupby("PARAMCD")[block.baseline]}
        keys = [
            (("PARAMCD", code), (block.baseline, level), (worst, reached))
            for code in block.headings for level in rows.get(code, ()) for reached in labels
        ]  # fmt: skip
        frames.append(analyse_counts(told, ["PARAMCD", block.baseline, worst], view.column_keys, view.population_counts, keys=keys))
    numbers = join_numbers(frames)
    numbers = numbers[numbers["stat_name"] != "n_events"]
    shows = {column.key: count_percent for column in columns}
    of = numbers["row"].map(lambda key: key[0][1])
    for code, heading in block.headings.items():
        lines = [Line((("PARAMCD", code), (block.baseline, None)), heading, block=True)]
        for level in rows.get(code, ()):
            label = f"{view.parameter(code).name}{block.words}, {labels[level]}"
            lines += treatment_lines(view, (("PARAMCD", code), (block.baseline, level)), label, shows, (), 1)
        found[code] = Rows(numbers[of == code], lines)
    return found


def _tabulate(
    view: View, records: pd.DataFrame, blocks: Sequence[_Block], shifts: Mapping[str, Shift], labels: Mapping[str, str],
    worst: Mapping[str, str], stub: str, told: str, flag: str,
) -> Summary:  # fmt: skip
    after = view.say("after the start of the first infusion", f"of results flagged {flag}")
    columns = _columns({name: f"{word} {after}" for name, word in worst.items()}, labels)
    made = [_block_rows(view, records, block, shifts, labels, columns) for block in blocks if block.headings and len(view.subjects)]
    parts = [one[code] for code in view.trial.parameters for one in made if code in one]
    several = len(view.columns) > 1
    only = "" if several else f", {view.columns[0].key} (N={view.columns[0].N})"
    head = f"{stub}{only}" + ("\n    Treatment group, n (%)" if several else ", n (%)")
    missing = Derived(_MISSING.format(told), _UNFLAGGED.format(told, flag))
    return Summary(*join_rows(parts), head, columns, stub_width=2.4, footnotes=(missing, _SHOWN) if parts else ())


@output(
    "T14.3.4.2", "Laboratory CTCAE Grades: Shift from Baseline to Worst", population="SAF", source=("ADLB",),
    footnotes=("F1", "F5", "F19"), where=AFTER, shifts=GRADE_SHIFTS, listings=("L14.3.4.1",),
    variables={"ADLB": ("USUBJID", "PARAMCD", "ONTRTFL", "BTOXGRL", "BTOXGRH", "ATOXGRL", "ATOXGRH", "ATOXGR2")},
)  # fmt: skip
def grade_shifts(view: View) -> Summary:
    """Every graded test and direction; hepatic tests a second time by the limits of normal alone.

    These patients start far above the limits: by multiples of the baseline an improving liver has grade 0.
    """
    variables = ("PARAMCD", "ONTRTFL", "BTOXGRL", "BTOXGRH", "ATOXGRL", "ATOXGRH", "ATOXGR2")
    records = view.records("ADLB", *variables, only=True)
    low, high = (graded_tests(view, records, direction) for direction in "LH")
    moved = baseline_ruled_tests(view.trial.switches.ctcae) if view.trial.switches.ctcae_baseline_rule else ()
    alone = {code: f"{text}, graded by the limits of normal alone" for code, text in high.items() if code in moved}
    blocks = [
        _Block("BTOXGRL", (_WORST,), low, " low"),
        _Block("BTOXGRH", (_WORST,), high, " high"),
        _Block(_BY_LIMIT, (_WORST,), alone, " by limits alone"),
    ]
    labels = {**{grade: f"Grade {grade}" for grade in GRADES}, MISSING_LEVEL: MISSING_LEVEL}
    stub = "Test, direction\n  Grade at baseline"
    return _tabulate(view, records, blocks, GRADE_SHIFTS, labels, {_WORST: "Worst grade"}, stub, "with a grade", "ONTRTFL")


@output(
    "T14.3.4.3", "Laboratory Reference Ranges: Shift from Baseline to Worst Low and High", population="SAF", source=("ADLB",),
    footnotes=("F1", "F12"), where=lambda trial: {trial.conventions.after_flag: "Y"}, shifts=RANGE_SHIFTS,
    listings=OF_LABORATORY,
    variables=lambda trial, phase: {"ADLB": ("USUBJID", "PARAMCD", trial.conventions.after_flag, "BNRIND", "ANRIND")},
)  # fmt: skip
def range_shifts(view: View) -> Summary:
    """Every test with a range: from its indicator at baseline to the lowest and to the highest one after it."""
    flag = view.trial.conventions.after_flag
    records = view.records("ADLB", "PARAMCD", flag, "BNRIND", "ANRIND", only=True).rename(columns={flag: "ONTRTFL"})
    ranged = set(records.loc[records["ANRIND"].notna(), "PARAMCD"])
    headings = {code: own.heading for code, own in view.trial.parameters.items() if code in ranged}
    labels = {**{level: level.capitalize() for level in _RANGE}, MISSING_LEVEL: MISSING_LEVEL}
    worst = {"lowest ANRIND": "Lowest", "highest ANRIND": "Highest"}
    blocks = [_Block("BNRIND", tuple(RANGE_SHIFTS), headings)]
    stub = "Test\n  Range at baseline"
    return _tabulate(view, records, blocks, RANGE_SHIFTS, labels, worst, stub, "with a reference range", flag)
