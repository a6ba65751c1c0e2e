"""Liver scores as pure functions of arrays: MELD, CLIF-C OF, organ failures, ACLF grade.

Every function takes arrays (or Series) of one length and returns arrays of that length, NaN where the
score cannot be told. Nothing is rounded before it is scored. Cut-offs are decided on whole numbers of
millionths, finer than any laboratory reports: 205.2 umol/L / 17.1 is 11.999999999999998 as a binary
number, yet it is exactly 12 mg/dL, and a subject must not be enrolled by that difference.

Sources: Malinchoc 2000 and Kamath 2001 (MELD), OPTN policy 9 (its bounds), Jalan 2014, J Hepatol 61:1038
(CLIF-C OF, ACLF grade).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.protocol.trial import Trial

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: The six organs of CLIF-C OF, in the order of the published table.
SUBSCORES = ("CLIFLIV", "CLIFKID", "CLIFBRA", "CLIFCOA", "CLIFCIR", "CLIFRES")

#: What :func:`derive_meld` computes; a trial that declares another formula is refused.
MELD_FORMULA = "10*(0.957*ln(cr)+0.378*ln(bili)+1.12*ln(inr))+6.43"

#: PaO2/FiO2 outside these limits (mmHg) is a slip of the pen, not a patient.
PF_VALID = (40.0, 700.0)

_SCALE = 1e6


def _exact(values: ArrayLike) -> Floats:
    """Values in whole millionths: integers a float64 holds exactly up to 9e9."""
    return np.rint(np.asarray(values, dtype="float64") * _SCALE)


def _told(values: ArrayLike) -> Flags:
    """Read a flag; a missing flag is not set."""
    return pd.array(np.asarray(values), dtype="boolean").fillna(False).to_numpy(dtype=bool)


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype="float64")


@dataclass(frozen=True)
class MeldBounds:
    """Bounds of the MELD inputs: all at least ``lower``, creatinine at most ``cap``, ``dialysis`` on dialysis."""

    lower: float
    cap: float
    dialysis: float


def read_meld_bounds(trial: Trial) -> MeldBounds:
    """Bounds the trial declares for MELD (OPTN: 1.0, 4.0, 4.0 mg/dL).

    Raises
    ------
    ReportError
        A bound is not declared, or the declared formula is not the one that is computed.
    """
    meld = trial.parameter("MELD")
    if meld.formula is not None and meld.formula.replace(" ", "") != MELD_FORMULA:
        raise PlanError(
            f"MELD formula {meld.formula!r} is not the one this package computes",
            file="trial.yaml",
            rule="parameters.MELD.formula",
            remedy=f"declare {MELD_FORMULA}",
        )
    if meld.lower_bound_inputs is None or meld.creatinine_cap is None or meld.dialysis_creatinine is None:
        raise PlanError(
            "MELD has no bounds",
            file="trial.yaml",
            rule="parameters.MELD",
            remedy="declare lower_bound_inputs, creatinine_cap and dialysis_creatinine",
        )
    return MeldBounds(meld.lower_bound_inputs, meld.creatinine_cap, meld.dialysis_creatinine)


def require_conversions(trial: Trial, paramcds: Iterable[str]) -> None:
    """Refuse a trial that lacks a conversion its scores need; all that are lacking are named at once.

    Raises
    ------
    ReportError
        The trial declares no conversion, or not exactly one factor, for a parameter.
    """
    lacking = []
    for paramcd in paramcds:
        found = [one for one in trial.conversions if one.param == paramcd]
        if len(found) != 1 or (found[0].divide is None) == (found[0].multiply is None):
            lacking.append(paramcd)
    if lacking:
        raise PlanError.of(
            Problem(
                f"{paramcd} needs one conversion with either divide or multiply",
                file="trial.yaml",
                rule="conversions",
                remedy="declare it",
            )
            for paramcd in lacking
        )


def convert_units(values: ArrayLike, paramcd: str, trial: Trial) -> Floats:
    """Values in the other unit that trial.yaml declares for a parameter (umol/L to mg/dL, kPa to mmHg).

    Raises
    ------
    ReportError
        The trial declares no conversion, or not exactly one factor, for the parameter.
    """
    require_conversions(trial, (paramcd,))
    (factor,) = (one for one in trial.conversions if one.param == paramcd)
    if factor.divide is not None:
        return np.asarray(_floats(values) / factor.divide)
    return np.asarray(_floats(values) * float(factor.multiply or np.nan))


def bound_meld_inputs(
    creat_mgdl: ArrayLike, bili_mgdl: ArrayLike, inr: ArrayLike, dialysed: ArrayLike, *, bounds: MeldBounds | None
) -> tuple[Floats, Floats, Floats]:
    """Creatinine, bilirubin (mg/dL) and INR as MELD uses them; as they are where ``bounds`` is None.

    Creatinine of a dialysed subject is ``bounds.dialysis`` where creatinine was measured at all.
    """
    creat, bili, ratio = _floats(creat_mgdl), _floats(bili_mgdl), _floats(inr)
    if bounds is None:
        return creat, bili, ratio
    creat = np.where(_told(dialysed) & ~np.isnan(creat), bounds.dialysis, np.clip(creat, bounds.lower, bounds.cap))
    return creat, np.maximum(bili, bounds.lower), np.maximum(ratio, bounds.lower)


def derive_meld(
    creat_mgdl: ArrayLike, bili_mgdl: ArrayLike, inr: ArrayLike, dialysed: ArrayLike, *, bounds: MeldBounds | None
) -> Floats:
    """MELD, neither rounded nor capped.

    Parameters
    ----------
    creat_mgdl, bili_mgdl, inr
        Creatinine and total bilirubin in mg/dL, INR.
    dialysed
        True where the subject was dialysed on two or more days of the week before.
    bounds
        Bounds of the inputs; None applies the bare formula, dialysis not regarded.

    Returns
    -------
    array
        NaN where an input is missing, or not positive without bounds.
    """
    creat, bili, ratio = bound_meld_inputs(creat_mgdl, bili_mgdl, inr, dialysed, bounds=bounds)
    creat, bili, ratio = (np.where(value > 0, value, np.nan) for value in (creat, bili, ratio))
    return np.asarray(10 * (0.957 * np.log(creat) + 0.378 * np.log(bili) + 1.12 * np.log(ratio)) + 6.43, dtype="float64")


def round_meld(meld: ArrayLike) -> Floats:
    """MELD as a whole number, halves upwards, decided on millionths."""
    return np.asarray(np.floor(_exact(meld) / _SCALE + 0.5), dtype="float64")


def derive_meldunos(meld: ArrayLike) -> Floats:
    """MELD as it is reported for organ allocation: rounded half up, limited to 6..40."""
    return np.asarray(np.clip(round_meld(meld), 6, 40), dtype="float64")


def derive_map(sysbp: ArrayLike, diabp: ArrayLike) -> Floats:
    """Mean arterial pressure (mmHg) of a systolic and a diastolic pressure: (SBP + 2 DBP) / 3."""
    return (_floats(sysbp) + 2 * _floats(diabp)) / 3


def derive_pf(po2_mmhg: ArrayLike, fio2: ArrayLike) -> Floats:
    """PaO2/FiO2 (mmHg) with FiO2 as a fraction."""
    return _divide_by_fio2(po2_mmhg, fio2)


def derive_sf(spo2: ArrayLike, fio2: ArrayLike) -> Floats:
    """SpO2/FiO2 (%) with FiO2 as a fraction."""
    return _divide_by_fio2(spo2, fio2)


def _divide_by_fio2(values: ArrayLike, fio2: ArrayLike) -> Floats:
    fraction = _floats(fio2)
    return _floats(values) / np.where(fraction > 0, fraction, np.nan)


def limit_pf(pf: ArrayLike) -> Floats:
    """PaO2/FiO2 with impossible values (outside 40..700 mmHg) set to missing."""
    ratio = _floats(pf)
    return np.where((ratio >= PF_VALID[0]) & (ratio <= PF_VALID[1]), ratio, np.nan)


@dataclass(frozen=True)
class OrganInputs:
    """What the organ scores are told from, arrays of one length.

    ``bili_mgdl`` and ``creat_mgdl`` in mg/dL, ``he`` West-Haven grade 0..4, ``inr``, ``map`` in mmHg,
    ``pf`` PaO2/FiO2 in mmHg, ``sf`` SpO2/FiO2 in %; flags ``rrt`` (renal replacement), ``vasopressor``,
    ``ventilated`` (mechanically, for the lungs) and ``airway`` (ventilated only to protect the airway
    in hepatic encephalopathy).
    """

    bili_mgdl: ArrayLike
    creat_mgdl: ArrayLike
    he: ArrayLike
    inr: ArrayLike
    map: ArrayLike
    pf: ArrayLike
    sf: ArrayLike
    rrt: ArrayLike
    vasopressor: ArrayLike
    ventilated: ArrayLike
    airway: ArrayLike


def _score(conditions: list[tuple[Flags, float]], otherwise: float) -> Floats:
    """Take the score of the first condition that holds."""
    return np.asarray(np.select([c for c, _ in conditions], [s for _, s in conditions], otherwise), dtype="float64")


def _banded(values: ArrayLike, low: Any, high: Any) -> Floats:
    """1, 2 or 3 by two limits, NaN where the value is missing; ``low`` and ``high`` tell score 1 and 2."""
    exact = _exact(values)
    return _score([(np.isnan(exact), np.nan), (low(exact), 1.0), (high(exact), 2.0)], 3.0)


def derive_clif_subscores(inputs: OrganInputs, *, liver_cut: str = ">12") -> pd.DataFrame:
    """Six CLIF-C OF sub-scores, 1 to 3 each.

    A treatment that scores 3 by itself (renal replacement, vasopressor, ventilation) needs no
    measurement; otherwise a missing measurement gives a missing sub-score. PaO2/FiO2 goes before
    SpO2/FiO2. Ventilation that only protects the airway in hepatic encephalopathy scores 3 for the
    brain and leaves respiration to the oxygenation index.

    Parameters
    ----------
    inputs
        Measurements and treatments.
    liver_cut
        ``>12``: liver failure above 12 mg/dL, as published; ``>=12``: from 12 mg/dL.

    Returns
    -------
    DataFrame
        Columns ``CLIFLIV … CLIFRES``.
    """
    unit = _SCALE
    rrt, vasopressor, airway = _told(inputs.rrt), _told(inputs.vasopressor), _told(inputs.airway)
    kidney = _banded(inputs.creat_mgdl, lambda x: x < 2 * unit, lambda x: x < 3.5 * unit)
    brain = _banded(inputs.he, lambda x: x < 1 * unit, lambda x: x < 3 * unit)
    pressure = _exact(inputs.map)
    circulation = _score([(np.isnan(pressure), np.nan), (pressure >= 70 * unit, 1.0)], 2.0)
    return pd.DataFrame(
        {
            "CLIFLIV": _banded(
                inputs.bili_mgdl, lambda x: x < 6 * unit, lambda x: x <= 12 * unit if liver_cut == ">12" else x < 12 * unit
            ),
            "CLIFKID": np.where(rrt, 3.0, kidney),
            "CLIFBRA": np.where(airway, 3.0, brain),
            "CLIFCOA": _banded(inputs.inr, lambda x: x < 2 * unit, lambda x: x < 2.5 * unit),
            "CLIFCIR": np.where(vasopressor, 3.0, circulation),
            "CLIFRES": np.where(_told(inputs.ventilated), 3.0, _score_oxygenation(inputs)),
        }
    )


def _score_oxygenation(inputs: OrganInputs) -> Floats:
    pf = _banded(limit_pf(inputs.pf), lambda x: x > 300 * _SCALE, lambda x: x > 200 * _SCALE)
    sf = _banded(inputs.sf, lambda x: x > 357 * _SCALE, lambda x: x > 214 * _SCALE)
    return np.where(np.isnan(pf), sf, pf)


def derive_clifcof(subscores: pd.DataFrame) -> Floats:
    """CLIF-C OF total, 6 to 18; NaN where a sub-score is missing."""
    return subscores[list(SUBSCORES)].sum(axis=1, skipna=False).to_numpy(dtype="float64")


def flag_organ_failures(subscores: pd.DataFrame) -> pd.DataFrame:
    """Tell per organ whether it failed by CLIF-C OF: sub-score 3, for the kidney 2 or 3."""
    failed = subscores[list(SUBSCORES)].eq(3)
    return failed.assign(CLIFKID=subscores["CLIFKID"] >= 2)


def derive_ofcount(subscores: pd.DataFrame) -> Floats:
    """Count the CLIF-C organ failures, 0 to 6; NaN where a sub-score is missing."""
    count = flag_organ_failures(subscores).sum(axis=1).to_numpy(dtype="float64")
    return np.where(np.isnan(derive_clifcof(subscores)), np.nan, count)


def derive_ofreg(inputs: OrganInputs, subscores: pd.DataFrame) -> Floats:
    """Count the organ failures by exclusion criterion 5 of the registry, 0 to 6.

    Its cut-offs differ from CLIF-C OF: bilirubin from 12 mg/dL, creatinine from 2.0 mg/dL (renal
    replacement alone does not count), any mechanical ventilation. NaN where CLIF-C OF is missing.
    """
    unit = _SCALE
    failures = (
        _exact(inputs.bili_mgdl) >= 12 * unit,
        _exact(inputs.creat_mgdl) >= 2 * unit,
        (subscores["CLIFBRA"] == 3).to_numpy(),
        _exact(inputs.inr) >= 2.5 * unit,
        _told(inputs.vasopressor),
        (subscores["CLIFRES"] == 3).to_numpy() | _told(inputs.airway),
    )
    count = np.sum(failures, axis=0).astype("float64")
    return np.where(np.isnan(derive_clifcof(subscores)), np.nan, count)


def derive_aclf_grade(subscores: pd.DataFrame, creat_mgdl: ArrayLike, he: ArrayLike) -> Floats:
    """EASL-CLIF grade of acute-on-chronic liver failure, 0 to 3; NaN where CLIF-C OF is missing.

    A single failure is grade 1 if it is the kidney's; if another organ's only together with creatinine
    1.5 to < 2.0 mg/dL or hepatic encephalopathy grade 1 to 2 (for the brain: creatinine alone).
    """
    failed = flag_organ_failures(subscores)
    creat, grade = _exact(creat_mgdl), _floats(he)
    injured = (creat >= 1.5 * _SCALE) & (creat < 2 * _SCALE)
    confused = (grade >= 1) & (grade <= 2)
    other = failed[["CLIFLIV", "CLIFCOA", "CLIFCIR", "CLIFRES"]].any(axis=1).to_numpy()
    brain, kidney = failed["CLIFBRA"].to_numpy(), failed["CLIFKID"].to_numpy()
    first = kidney | (other & (injured | confused)) | (brain & injured)
    count = derive_ofcount(subscores)
    return _score([(np.isnan(count), np.nan), (count >= 3, 3.0), (count == 2, 2.0), ((count == 1) & first, 1.0)], 0.0)
