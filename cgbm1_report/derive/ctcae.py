"""Laboratory toxicity grades by CTCAE v5.0, as data: one line per grade, the highest that is met wins.

Only the lower end of each grade is written down: the upper end is the next grade. A limit that is not
known leaves its grades untold; the record has no grade only where none of the others is met.
Comparisons are made on whole millionths (a value of 2.1 is not above 1.5 x 1.4, though its binary
number is). Source: NCI CTCAE v5.0 (2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

Limit = Literal["ULN", "LLN", "BASE", "VALUE"]
#: When a rule holds: always; with a normal or an abnormal baseline; with or without its medication or symptom.
When = Literal["always", "normal", "abnormal", "told", "untold"]


@dataclass(frozen=True)
class Cut:
    """``grade`` is met by a value ``sign`` (above, from, below) ``times`` the ``limit``."""

    grade: int
    sign: Literal[">", ">=", "<"]
    times: float
    limit: Limit
    when: When = "always"


@dataclass(frozen=True)
class Scale:
    """The grades of one test in one direction; ``told`` names the flag its conditions ask for."""

    term: str
    cuts: tuple[Cut, ...]
    told: str = ""


def _multiples(limit: Limit, times: tuple[float, ...], when: When, first: Literal[">", ">="] = ">") -> tuple[Cut, ...]:
    return tuple(Cut(grade, first if grade == 1 else ">", by, limit, when) for grade, by in enumerate(times, start=1))


def _above(values: tuple[float, ...], *, first: int = 2) -> tuple[Cut, ...]:
    return tuple(Cut(grade, ">", value, "VALUE") for grade, value in enumerate(values, start=first))


def _below(*values: float) -> tuple[Cut, ...]:
    """Grade 1 below the lower limit of normal, the next ones below absolute values."""
    return (Cut(1, "<", 1, "LLN"), *(Cut(grade, "<", value, "VALUE") for grade, value in enumerate(values, start=2)))


def _hepatic(term: str, normal: tuple[float, ...], abnormal: tuple[float, ...], first: Literal[">", ">="]) -> Scale:
    return Scale(term, _multiples("ULN", normal, "normal") + _multiples("BASE", abnormal, "abnormal", first))


HIGH: dict[str, Scale] = {
    "ALT": _hepatic("Alanine aminotransferase increased", (1, 3, 5, 20), (1.5, 3, 5, 20), ">="),
    "AST": _hepatic("Aspartate aminotransferase increased", (1, 3, 5, 20), (1.5, 3, 5, 20), ">="),
    "ALP": _hepatic("Alkaline phosphatase increased", (1, 2.5, 5, 20), (2, 2.5, 5, 20), ">="),
    "GGT": _hepatic("GGT increased", (1, 2.5, 5, 20), (2, 2.5, 5, 20), ">="),
    "BILI": _hepatic("Blood bilirubin increased", (1, 1.5, 3, 10), (1, 1.5, 3, 10), ">"),
    "INR": Scale(
        "INR increased",
        _multiples("VALUE", (1.2, 1.5, 2.5), "untold") + _multiples("BASE", (1, 1.5, 2.5), "told"),
        told="ANTICOAG",
    ),
    "CREAT": Scale(
        "Creatinine increased",
        (*_multiples("ULN", (1, 1.5, 3, 6), "always"), Cut(2, ">", 1.5, "BASE"), Cut(3, ">", 3, "BASE")),
    ),
    "SODIUM": Scale("Hypernatremia", (Cut(1, ">", 1, "ULN"), *_above((150, 155, 160)))),
    "K": Scale("Hyperkalemia", (Cut(1, ">", 1, "ULN"), *_above((5.5, 6, 7)))),
}

LOW: dict[str, Scale] = {
    "ALB": Scale("Hypoalbuminemia", _below(30, 20)),
    "SODIUM": Scale("Hyponatremia", (*_below(130, 125, 120), Cut(3, "<", 130, "VALUE", "told")), told="HYPONAT"),
    "K": Scale(
        "Hypokalemia",
        (Cut(1, "<", 1, "LLN"), Cut(2, "<", 1, "LLN", "told"), Cut(3, "<", 3, "VALUE"), Cut(4, "<", 2.5, "VALUE")),
        told="HYPOKAL",
    ),
    "PLAT": Scale("Platelet count decreased", _below(75, 50, 25)),
    "WBC": Scale("White blood cell decreased", _below(3, 2, 1)),
    "NEUT": Scale("Neutrophil count decreased", _below(1.5, 1, 0.5)),
    "LYM": Scale("Lymphocyte count decreased", _below(0.8, 0.5, 0.2)),
    "HGB": Scale("Anemia", _below(100, 80)),
}

#: Tests that are graded by another limit where the baseline was abnormal.
BASELINE_RULED = tuple(
    sorted({name for scales in (LOW, HIGH) for name, one in scales.items() if any(cut.when == "abnormal" for cut in one.cuts)})
)

#: Preferred terms that tell symptomatic hyponatremia and hypokalemia, in both spellings of MedDRA.
SYMPTOM_TERMS = {"HYPONAT": ("HYPONATRAEMIA", "HYPONATREMIA"), "HYPOKAL": ("HYPOKALAEMIA", "HYPOKALEMIA")}

#: What stands behind the term where a rule that asks for the baseline had none.
NO_BASELINE = "graded as a normal baseline: baseline missing"


def _millionths(values: pd.Series) -> Floats:
    """Tenths of millionths, so that 1.5 times a limit is a whole number too."""
    return np.rint(values.to_numpy(dtype="float64") * 1e6)


def _is_met(cut: Cut, value: Floats, limit: Floats) -> tuple[Flags, Flags]:
    """Where a cut is met, and where that cannot be told for want of its limit."""
    left, right = value * 10, limit * round(cut.times * 10)
    with np.errstate(invalid="ignore"):
        met = {">": left > right, ">=": left >= right, "<": left < right}[cut.sign]
    return met, np.isnan(right)


def _limits(records: pd.DataFrame) -> dict[Limit, Floats]:
    # Before treatment there is no baseline to compare with: those records are graded as if it were normal.
    base = records["BASE"].where(records["POST"])
    return {
        "ULN": _millionths(records["ANRHI"]),
        "LLN": _millionths(records["ANRLO"]),
        "BASE": _millionths(base),
        "VALUE": np.full(len(records), 1e6),
    }


def _holds(cut: Cut, abnormal: Flags, told: Flags, base_known: Flags) -> Flags:
    everywhere = np.ones(len(told), dtype=bool)
    # A medication that asks for the baseline cannot have it where there is none.
    told_by_base = told & base_known
    return {
        "always": everywhere if cut.limit != "BASE" else base_known,
        "normal": ~abnormal,
        "abnormal": abnormal,
        "told": told_by_base if cut.limit == "BASE" else told,
        "untold": ~told_by_base,
    }[cut.when]


def _grade_scale(scale: Scale, value: Floats, limits: Mapping[Limit, Floats], told: Flags, *, baseline_rule: bool) -> Floats:
    base_known = ~np.isnan(limits["BASE"])
    with np.errstate(invalid="ignore"):
        abnormal = (limits["BASE"] > limits["ULN"]) & baseline_rule
    grade, untold = np.zeros(len(value)), np.isnan(value)
    for cut in scale.cuts:
        met, unknown = _is_met(cut, value, limits[cut.limit])
        holds = _holds(cut, abnormal, told, base_known)
        grade = np.where(met & holds, np.maximum(grade, cut.grade), grade)
        untold |= unknown & holds
    return np.where((grade == 0) & untold, np.nan, grade)


def derive_ctcae(records: pd.DataFrame, *, baseline_rule: bool = True) -> pd.DataFrame:
    """CTCAE v5.0 grades of laboratory records, low and high.

    A record with a value but without a grade is one whose reference limit is missing, or whose test
    CTCAE does not grade in that direction. Records before treatment, the baseline among them, are
    graded as with a normal baseline.

    Parameters
    ----------
    records
        One row per record: ``PARAMCD``, ``AVAL``, ``ANRLO``, ``ANRHI`` and ``BASE`` in SI units, and
        flags ``POST`` (after the first dose), ``ANTICOAG`` (on an anticoagulant), ``HYPONAT``,
        ``HYPOKAL`` (symptomatic).
    baseline_rule
        False grades the hepatic tests by the upper limit of normal whatever the baseline was.

    Returns
    -------
    DataFrame
        ``ATOXGRL``, ``ATOXGRH`` (0 to 4 or NaN) and ``ATOXDSCL``, ``ATOXDSCH`` (CTCAE term, with a
        note where the rule asks for a baseline that is missing), same index.
    """
    positions = records.groupby("PARAMCD", sort=False).indices
    value, limits = _millionths(records["AVAL"]), _limits(records)
    baseless = (records["POST"] & records["BASE"].isna()).to_numpy()
    found = {}
    for direction, scales in (("L", LOW), ("H", HIGH)):
        grades, terms = np.full(len(records), np.nan), np.full(len(records), None, dtype=object)
        for paramcd in scales.keys() & positions.keys():
            rows, scale = positions[paramcd], scales[paramcd]
            told = records[scale.told].to_numpy(dtype=bool)[rows] if scale.told else np.zeros(len(rows), dtype=bool)
            part = {name: limit[rows] for name, limit in limits.items()}
            grades[rows] = _grade_scale(scale, value[rows], part, told, baseline_rule=baseline_rule)
            asks = any(cut.limit == "BASE" for cut in scale.cuts)
            noted = asks & baseless[rows] & (told if scale.told else True)
            terms[rows] = np.where(noted, f"{scale.term} ({NO_BASELINE})", scale.term)
        terms[np.isnan(grades)] = None
        found[f"ATOXGR{direction}"] = pd.Series(grades, index=records.index)
        found[f"ATOXDSC{direction}"] = pd.Series(terms, index=records.index, dtype="str")
    return pd.DataFrame(found)[["ATOXGRL", "ATOXGRH", "ATOXDSCL", "ATOXDSCH"]]


def combine_grades(low: pd.Series, high: pd.Series, paramcd: pd.Series) -> pd.Series:
    """One grade per record of the two directions: the worse one.

    A grade of 0 needs every direction CTCAE grades for the test to be known.
    """
    unknown = (paramcd.isin(list(LOW)) & low.isna()) | (paramcd.isin(list(HIGH)) & high.isna())
    worst = low.where(~(high > low.fillna(-1)), high)
    return worst.mask(unknown & ~(worst > 0))
