"""14.3.4.4: how high liver tests rose, and the screens for drug-induced liver injury."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import pandas as pd

from cgbm1_report.derive.adlbhy import (
    BEFORE,
    BILIRUBIN_RISE,
    CHOLESTASIS,
    CRITERIA,
    ENZYME_RISE,
    ENZYMES,
    PEAKS,
    VALUES,
    WITHIN,
)
from cgbm1_report.protocol.trial import Trial
from cgbm1_report.rows import Is, Key, Meaning, Part
from cgbm1_report.tabulate.builders import Selection, count_rows, head_row, join_rows
from cgbm1_report.tabulate.declare import Summary, output
from cgbm1_report.tabulate.view import View

#: Multiples that transaminases are counted by.
_ENZYME_MULTIPLES = (3, 5, 10, 20)
#: What the multiples are of, as PEAKS has them for each test.
_LEVELS = ("ULN", "level before treatment", "new lower baseline")
_EITHER = " or ".join(ENZYMES)
_SCREENS = ("HYSLAW", "HYSBASE", "HYSNADIR")


class _Rise(NamedTuple):
    """Subjects whose highest multiple of one of these parameters reached a bound."""

    key: Key
    label: str
    paramcds: tuple[str, ...]
    sign: Literal[">=", ">"]
    times: int

    @property
    def part(self) -> Part:
        return self.key[-1]


def _rises(number: int) -> Iterator[tuple[str, list[_Rise]]]:
    """Each test, and the transaminases together, with the bounds their highest multiple of one level is counted by."""
    signs = {">=": "≥", ">": ">"}
    for test, peaks in PEAKS.items():
        code = peaks[number]
        sign, least = CRITERIA[test]
        bounds = _ENZYME_MULTIPLES if test in ENZYMES else (least,)
        told: Literal[">=", ">"] = ">" if sign == ">" else ">="
        own = [(("PARAMCD", code), ("AVAL", f"{sign}{times}")) for times in bounds]
        yield code, [_Rise(key, f"{signs[sign]}{times}", (code,), told, times) for key, times in zip(own, bounds, strict=True)]
    both = tuple(PEAKS[test][number] for test in ENZYMES)
    either = [((f"{_EITHER}, times {_LEVELS[number]}", f">={times}"),) for times in _ENZYME_MULTIPLES]
    yield "", [_Rise(key, f"≥{times}", both, ">=", times) for key, times in zip(either, _ENZYME_MULTIPLES, strict=True)]


def _means_either() -> Mapping[Part, Meaning]:
    """What the rows of the transaminases together mean: the one or the other."""
    return {
        rise.part: tuple({"PARAMCD": Is("=", code), "AVAL": Is(">=", rise.times)} for code in rise.paramcds)
        for number in range(len(_LEVELS))
        for code, rises in _rises(number)
        for rise in rises
        if not code
    }


def _reach(records: pd.DataFrame, rise: _Rise) -> pd.DataFrame:
    own = records[records["PARAMCD"].isin(list(rise.paramcds))]
    return own[own["AVAL"] >= rise.times if rise.sign == ">=" else own["AVAL"] > rise.times]


def _tell_criteria() -> tuple[str, ...]:
    """What the page's words mean, of the values that decide."""
    return (
        f"Potential Hy's law: {_EITHER} ≥{ENZYME_RISE} × ULN and bilirubin >{BILIRUBIN_RISE} × ULN on the same day or within "
        f"{WITHIN.days} days after it, without ALP ≥{CHOLESTASIS} × ULN from the one day to the other.",
        f"The adjusted screens ask for the same rises of {_EITHER} and bilirubin as multiples of the level before treatment, or of "
        "the new lower baseline (ULN where that is below ULN, the level before treatment where there is none yet); a test whose "
        "level before treatment was not above ULN does not meet them, and ALP plays no part.",
        f"Level before treatment: mean of the values of the {BEFORE.days} days before the first infusion, where there are at least "
        f"{VALUES}, else the baseline.",
        "New lower baseline: lowest mean of two consecutive earlier values after the first dose, where it is below the level "
        "before treatment.",
        "Evaluable: subjects with results after the first dose and the level they are compared with.",
    )


def _declares_all(trial: Trial) -> bool:
    return {*_SCREENS, *(code for peaks in PEAKS.values() for code in peaks)} <= trial.parameters.keys()


@output(
    "T14.3.4.4", "Potential Hy's Law and Baseline-Adjusted Criteria", population="SAF", source=("ADLBHY",),
    footnotes=("F1",), variables={"ADLBHY": ("USUBJID", "PARAMCD", "AVAL", "AVALC")}, meanings=_means_either(),
    needs={"screens for liver injury": _declares_all},
)  # fmt: skip
def liver_injury(view: View) -> Summary:
    """Subjects by the highest multiple of each liver test, of three levels, and by the screens that combine them.

    These patients start above the limits: multiples of their own level tell an injury that multiples of ULN hide, and
    the level that they improved to tells one before the old level is reached again.
    """
    records = view.records("ADLBHY", "PARAMCD", "AVAL", "AVALC", only=True)
    parts = []
    for number, level in enumerate(_LEVELS):
        parts.append(head_row((("multiples of", level),), f"Highest multiple of {level if level == 'ULN' else 'the ' + level}"))
        for code, rises in _rises(number):
            known = records[records["PARAMCD"].eq(code) & records["AVAL"].notna()]
            name = view.parameter(code).label if code else _EITHER
            whole = Selection((("PARAMCD", code), ("AVAL", None)), f"{name}, evaluable", known)
            parts.append(count_rows(view, [whole], indent=1) if code else head_row(((rises[0].part[0], None),), name, indent=1))
            parts.append(count_rows(view, [Selection(one.key, one.label, _reach(records, one)) for one in rises], indent=2))
    parts.append(head_row((("screens", None),), "Screens for liver injury"))
    for code in _SCREENS:
        own = view.coded("ADLBHY", code)
        label = view.parameter(code).label
        told = Selection((("PARAMCD", code), ("AVALC", None)), f"{label}, evaluable", own)
        parts.append(count_rows(view, [told], indent=1))
        met = Selection((("PARAMCD", code), ("AVALC", "Y")), "Criteria met", own[own["AVALC"] == "Y"])
        parts.append(count_rows(view, [met], indent=2))
    return Summary(*join_rows(parts), "Liver test, n (%)\n  Highest multiple", stub_width=4.4, footnotes=_tell_criteria())
