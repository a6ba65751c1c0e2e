"""Laboratory toxicity grades by NCI CTCAE, read from ``schemas/ctcae.yaml``: the highest cut that is met wins.

A limit that is not known leaves its grades untold; the record has no grade only where none of the
others is met. Comparisons are made on whole numbers (a value of 2.1 is not above 1.5 x 1.4, though its
binary number is). Source: NCI CTCAE v5.0 (2017) and v6.0 (2025).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cgbm1_report.assets import asset
from cgbm1_report.protocol.yamlfile import read_yaml

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

Version = Literal[5, 6]
Direction = Literal["L", "H"]
_SIGNS = {"above": np.greater, "from": np.greater_equal, "below": np.less, "upto": np.less_equal}


@dataclass(frozen=True)
class Cut:
    """``grade`` is met by a value ``sign`` ``times`` the limits named by ``of``, all of them.

    ``times`` and ``plus`` have one number per unit of the scale. ``when`` says for which records it holds.
    """

    grade: int
    sign: str
    times: tuple[float, ...]
    of: tuple[str, ...]
    plus: tuple[float, ...]
    when: str


@dataclass(frozen=True)
class Scale:
    """The grades of one test in one direction; ``told`` names the flag its conditions ask for."""

    term: str
    cuts: tuple[Cut, ...]
    units: tuple[str, ...] = ()
    told: str = ""

    @property
    def asks_baseline(self) -> bool:
        return any("BASE" in cut.of for cut in self.cuts)

    @property
    def baseline_ruled(self) -> bool:
        """Whether the trial's baseline rule moves its limits: an abnormal baseline raises what counts as a toxicity."""
        return any(cut.when == "high baseline" or len(cut.of) > 1 for cut in self.cuts)


def _per_unit(value: Any, units: int) -> tuple[float, ...]:
    return tuple(value) if isinstance(value, list) else (float(value),) * units


def _read_cut(given: dict[str, Any], units: int) -> Cut:
    (sign,) = _SIGNS.keys() & given.keys()
    return Cut(
        given["grade"], sign, _per_unit(given[sign], units), tuple(given["of"].split(" and ")),
        _per_unit(given.get("plus", 0), units), given.get("when", ""),
    )  # fmt: skip


@cache
def read_scales(version: Version) -> Mapping[Direction, Mapping[str, Scale]]:
    """The scales of one version of CTCAE: direction, then PARAMCD."""
    found: dict[Direction, dict[str, Scale]] = {"L": {}, "H": {}}
    for one in read_yaml(asset("schemas", "ctcae.yaml"))["scales"]:
        if version in one["versions"]:
            units = tuple(one.get("units", ()))
            cuts = tuple(_read_cut(cut, max(1, len(units))) for cut in one["cuts"])
            found[one["direction"]][one["test"]] = Scale(one["term"], cuts, units, one.get("told", ""))
    return found


def baseline_ruled_tests(version: Version) -> frozenset[str]:
    """Tests that are graded by another limit where the baseline was abnormal."""
    scales = read_scales(version).values()
    return frozenset(name for one in scales for name, scale in one.items() if scale.baseline_ruled)


#: Preferred terms that tell symptomatic hyponatremia and hypokalemia, in both spellings of MedDRA.
SYMPTOM_TERMS = {"HYPONAT": ("HYPONATRAEMIA", "HYPONATREMIA"), "HYPOKAL": ("HYPOKALAEMIA", "HYPOKALEMIA")}

#: What stands behind the term where a rule that asks for the baseline had none.
NO_BASELINE = "graded as a normal baseline: baseline missing"


def _millionths(values: pd.Series) -> Floats:
    return np.rint(values.to_numpy(dtype="float64") * 1e6)


@dataclass(frozen=True)
class _Records:
    """Records of one test and unit: values and limits in whole millionths, what is known of the baseline."""

    value: Floats
    limits: Mapping[str, Floats]
    high: Flags
    low: Flags
    post: Flags
    told: Flags

    @property
    def based(self) -> Flags:
        return ~np.isnan(self.limits["BASE"])

    def select(self, rows: NDArray[np.intp], told: Flags) -> _Records:
        part = {name: limit[rows] for name, limit in self.limits.items()}
        return _Records(self.value[rows], part, self.high[rows], self.low[rows], self.post[rows], told)


def _prepare(records: pd.DataFrame) -> _Records:
    # Before treatment there is no baseline to compare with: those records are graded as if it were normal.
    post = records["POST"].to_numpy(dtype=bool)
    base = _millionths(records["BASE"].where(records["POST"]))
    low, high = _millionths(records["ANRLO"]), _millionths(records["ANRHI"])
    limits = {"ULN": high, "LLN": low, "BASE": base, "VALUE": np.full(len(records), 1e6)}
    with np.errstate(invalid="ignore"):
        is_high, is_low = base > high, base < low
    if "BNRIND" in records:
        # The range indicator of the baseline record knows the limits of its own day and laboratory.
        told = records["BNRIND"].notna().to_numpy()
        is_high = np.where(told, (records["BNRIND"] == "HIGH").to_numpy() & post, is_high)
        is_low = np.where(told, (records["BNRIND"] == "LOW").to_numpy() & post, is_low)
    return _Records(_millionths(records["AVAL"]), limits, is_high, is_low, post, np.zeros(len(records), dtype=bool))


def _is_met(cut: Cut, unit: int, records: _Records, of: tuple[str, ...]) -> tuple[Flags, Flags]:
    """Where a cut is met, and where that cannot be told for want of a limit."""
    met, missed = np.ones(len(records.value), dtype=bool), np.zeros(len(records.value), dtype=bool)
    unknown = missed.copy()
    # Hundredths of millionths: 0.75 times a limit is a whole number too.
    times, plus = round(cut.times[unit] * 100), round(cut.plus[unit] * 100) * 1e6
    for name in of:
        limit = records.limits[name] * times + plus
        with np.errstate(invalid="ignore"):
            passed = _SIGNS[cut.sign](records.value * 100, limit)
        known = ~np.isnan(limit)
        if name == "BASE" and len(of) > 1:
            # Before treatment the other limit alone decides.
            passed, known = passed | ~records.post, known | ~records.post
        met, missed, unknown = met & passed, missed | (known & ~passed), unknown | ~known
    return met, unknown & ~missed


def _holds(cut: Cut, records: _Records, *, baseline_rule: bool) -> Flags:
    based, told = records.based, records.told
    abnormal = records.high & baseline_rule
    with np.errstate(invalid="ignore"):
        below = records.value < records.limits["LLN"]
    return {
        "": based if cut.of == ("BASE",) else np.ones(len(told), dtype=bool),
        "normal baseline": ~abnormal,
        "high baseline": abnormal,
        "low baseline": records.low,
        "no low baseline": ~records.low,
        "below LLN": below & based,
        "told": told,
        "untold": ~told,
    }[cut.when]


def _grade_scale(scale: Scale, unit: int, records: _Records, *, baseline_rule: bool) -> Floats:
    grade, untold = np.zeros(len(records.value)), np.isnan(records.value)
    if any(cut.when == "told" and "BASE" in cut.of for cut in scale.cuts):
        # A medication that asks for the baseline cannot have it where there is none.
        records = replace(records, told=records.told & records.based)
    for cut in scale.cuts:
        of = cut.of if baseline_rule else tuple(name for name in cut.of if name != "BASE" or len(cut.of) == 1)
        met, unknown = _is_met(cut, unit, records, of)
        holds = _holds(cut, records, baseline_rule=baseline_rule)
        grade = np.where(met & holds, np.maximum(grade, cut.grade), grade)
        untold |= unknown & holds
    return np.where((grade == 0) & untold, np.nan, grade)


def _unit_place(scale: Scale, unit: str | None) -> int | None:
    """Which of the scale's units a record has; without one of them it is not graded. Case tells no unit from another."""
    if not scale.units or unit is None:
        return 0
    folded = [known.casefold() for known in scale.units]
    return folded.index(unit.casefold()) if unit.casefold() in folded else None


def _positions(records: pd.DataFrame) -> list[tuple[str, str | None, NDArray[np.intp]]]:
    """Test, unit and rows of the records that share them; unit None: in the first unit of its scale, "": in no unit."""
    stated = "AVALU" in records
    names = [records["PARAMCD"], records["AVALU"].fillna("")] if stated else [records["PARAMCD"]]
    found: list[tuple[str, str | None, NDArray[np.intp]]] = []
    for key, rows in records.groupby(names, sort=False).indices.items():
        test, unit = (key[0], key[1]) if isinstance(key, tuple) else (key, None)
        found.append((str(test), None if unit is None else str(unit), np.asarray(rows, dtype=np.intp)))
    return found


def derive_ctcae(records: pd.DataFrame, *, version: Version = 5, baseline_rule: bool = True) -> pd.DataFrame:
    """CTCAE grades of laboratory records, low and high.

    A record with a value but without a grade is one whose reference limit is missing, whose unit the
    criteria do not know, or whose test CTCAE does not grade in that direction. Records before treatment,
    the baseline among them, are graded as with a normal baseline.

    Parameters
    ----------
    records
        One row per record: ``PARAMCD``, ``AVAL``, ``ANRLO``, ``ANRHI`` and ``BASE``, and flags ``POST``
        (after the first dose), ``ANTICOAG`` (on an anticoagulant), ``HYPONAT``, ``HYPOKAL`` (symptomatic).
        May have ``AVALU``, the unit (without it: SI units), ``BNRIND``, the range indicator of the
        baseline (without it or where it is missing: BASE against the limits of the record), ``FASTING``
        and ``SYMPTOMS`` (of a raised lipase or amylase; without them: neither).
    version
        5 or 6.
    baseline_rule
        False grades the hepatic tests by the upper limit of normal whatever the baseline was.

    Returns
    -------
    DataFrame
        ``ATOXGRL``, ``ATOXGRH`` (0 to 4 or NaN) and ``ATOXDSCL``, ``ATOXDSCH`` (CTCAE term, with a
        note where the rule asks for a baseline that is missing), same index.
    """
    positions, whole = _positions(records), _prepare(records)
    baseless = whole.post & ~whole.based
    never = np.zeros(len(records), dtype=bool)
    found = {}
    for direction, scales in read_scales(version).items():
        grades, terms = np.full(len(records), np.nan), np.full(len(records), None, dtype=object)
        for test, unit, rows in positions:
            scale = scales.get(test)
            place = _unit_place(scale, unit) if scale else None
            if scale is None or place is None:
                continue
            told = (records[scale.told].to_numpy(dtype=bool) if scale.told in records else never)[rows]
            grades[rows] = _grade_scale(scale, place, whole.select(rows, told), baseline_rule=baseline_rule)
            noted = scale.asks_baseline & baseless[rows] & (told if scale.told else True)
            terms[rows] = np.where(noted, f"{scale.term} ({NO_BASELINE})", scale.term)
        terms[np.isnan(grades)] = None
        found[f"ATOXGR{direction}"] = pd.Series(grades, index=records.index)
        found[f"ATOXDSC{direction}"] = pd.Series(terms, index=records.index, dtype="str")
    return pd.DataFrame(found)[["ATOXGRL", "ATOXGRH", "ATOXDSCL", "ATOXDSCH"]]


def combine_grades(low: pd.Series, high: pd.Series, paramcd: pd.Series, *, version: Version = 5) -> pd.Series:
    """One grade per record of the two directions: the worse one.

    A grade of 0 needs every direction CTCAE grades for the test to be known.
    """
    scales = read_scales(version)
    unknown = (paramcd.isin(list(scales["L"])) & low.isna()) | (paramcd.isin(list(scales["H"])) & high.isna())
    worst = low.where(~(high > low.fillna(-1)), high)
    return worst.mask(unknown & ~(worst > 0))
