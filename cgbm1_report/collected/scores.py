"""Liver scores as pure functions of arrays: MELD, CLIF-C OF, organ failures, ACLF grade.

Coefficients, bounds, bands and limits are trial.yaml's. Every function takes arrays (or Series) of one length
and returns arrays of that length, NaN where the score cannot be told. Nothing is rounded before it is scored.
Cut-offs are decided on whole numbers of millionths, finer than any laboratory reports: 205.2 umol/L / 17.1 is
11.999999999999998 as a binary number, yet it is exactly 12 mg/dL, and a subject must not be enrolled by that
difference.

Sources: Malinchoc 2000 and Kamath 2001 (MELD), OPTN policy 9 (its bounds), Jalan 2014, J Hepatol 61:1038
(CLIF-C OF, ACLF grade).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cgbm1_report.errors import PlanError, Problem
from cgbm1_report.protocol.clinical import SUBSCORES, ClifCOf, Limit, Meld, Organ
from cgbm1_report.protocol.trial import Trial

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_SCALE = 1e6


def _exact(values: ArrayLike) -> Floats:
    """Values in whole millionths: integers a float64 holds exactly up to 9e9."""
    return np.rint(np.asarray(values, dtype="float64") * _SCALE)


def _told(values: ArrayLike) -> Flags:
    """Read a flag; a missing flag is not set."""
    return pd.array(np.asarray(values), dtype="boolean").fillna(False).to_numpy(dtype=bool)


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype="float64")


def _holds(values: ArrayLike, limit: Limit) -> Flags:
    """Whether each value lies on the side of the limit that counts; a missing value does not."""
    given, at = _exact(values), _exact(limit.value)
    sides: dict[str, Flags] = {"at_least": given >= at, "above": given > at, "at_most": given <= at, "below": given < at}
    return sides[limit.side]


def read_meld(trial: Trial) -> Meld:
    """How the trial computes MELD.

    Raises
    ------
    PlanError
        It does not say.
    """
    rule = trial.parameter("MELD").meld
    if rule is None:
        raise PlanError(
            "MELD is not declared",
            file="trial.yaml",
            rule="parameters.MELD.meld",
            remedy="declare its coefficients and the bounds of its inputs",
        )
    return rule


def read_clif(trial: Trial) -> ClifCOf:
    """How the trial scores organ failure.

    Raises
    ------
    PlanError
        It does not say.
    """
    if trial.clif_c_of is None:
        raise PlanError(
            "organ failure scores are not declared",
            file="trial.yaml",
            rule="clif_c_of",
            remedy="declare the organs and their bands",
        )
    return trial.clif_c_of


def require_conversions(trial: Trial, paramcds: Iterable[str]) -> None:
    """Refuse a trial that lacks a conversion its scores need; all that are lacking are named at once.

    Raises
    ------
    PlanError
        The trial declares no conversion, or several, for a parameter.
    """
    lacking = [paramcd for paramcd in paramcds if len([one for one in trial.conversions if one.param == paramcd]) != 1]
    if lacking:
        raise PlanError.of(
            Problem(f"{paramcd} needs one conversion", file="trial.yaml", rule="conversions", remedy="declare it")
            for paramcd in lacking
        )


def convert_units(values: ArrayLike, paramcd: str, trial: Trial) -> Floats:
    """Values in the other unit that trial.yaml declares for a parameter (umol/L to mg/dL, kPa to mmHg).

    Raises
    ------
    PlanError
        The trial declares no conversion, or several, for the parameter.
    """
    require_conversions(trial, (paramcd,))
    (factor,) = (one for one in trial.conversions if one.param == paramcd)
    if factor.divide is not None:
        return np.asarray(_floats(values) / factor.divide)
    return np.asarray(_floats(values) * float(factor.multiply or np.nan))


def value_in(unit: str | None, values: ArrayLike, paramcd: str, trial: Trial) -> Floats:
    """Values of a parameter, collected in its standard unit, in the unit a rule names; without one as they are.

    Raises
    ------
    PlanError
        The trial declares no conversion from the one to the other.
    """
    declared = trial.parameters.get(paramcd)
    standard = declared.si_unit if declared else None
    if unit is None or unit == standard:
        return _floats(values)
    if not any((one.param, one.from_unit, one.to_unit) == (paramcd, standard, unit) for one in trial.conversions):
        raise PlanError(
            f"{paramcd} is collected in {standard} and asked for in {unit}, and no conversion leads there",
            file="trial.yaml",
            rule="conversions",
            remedy="declare the conversion, or name the standard unit",
        )
    return convert_units(values, paramcd, trial)


def bound_meld_inputs(
    creat: ArrayLike, bili: ArrayLike, inr: ArrayLike, dialysed: ArrayLike, *, rule: Meld, bounded: bool
) -> tuple[Floats, Floats, Floats]:
    """Creatinine, bilirubin (in the unit of the rule) and INR as MELD uses them; as they are where not ``bounded``.

    Creatinine of a dialysed subject is that of the rule where creatinine was measured at all.
    """
    creatinine, bilirubin, ratio = _floats(creat), _floats(bili), _floats(inr)
    if not bounded:
        return creatinine, bilirubin, ratio
    capped = np.clip(creatinine, rule.lower_bound, rule.creatinine_cap)
    creatinine = np.where(_told(dialysed) & ~np.isnan(creatinine), rule.dialysis.creatinine, capped)
    return creatinine, np.maximum(bilirubin, rule.lower_bound), np.maximum(ratio, rule.lower_bound)


def derive_meld(
    creat: ArrayLike, bili: ArrayLike, inr: ArrayLike, dialysed: ArrayLike, *, rule: Meld, bounded: bool = True
) -> Floats:
    """MELD, neither rounded nor capped.

    Parameters
    ----------
    creat, bili, inr
        Creatinine and total bilirubin in the unit of the rule, INR.
    dialysed
        True where the subject was dialysed on as many days before as the rule asks for.
    rule
        Coefficients and bounds.
    bounded
        False applies the bare formula, dialysis not regarded.

    Returns
    -------
    array
        NaN where an input is missing, or not positive without bounds.
    """
    used = bound_meld_inputs(creat, bili, inr, dialysed, rule=rule, bounded=bounded)
    logs = [np.log(np.where(value > 0, value, np.nan)) for value in used]
    weights = rule.coefficients
    total = weights.CREAT * logs[0] + weights.BILI * logs[1] + weights.INR * logs[2]
    return np.asarray(rule.factor * total + rule.constant, dtype="float64")


def round_meld(meld: ArrayLike) -> Floats:
    """MELD as a whole number, halves upwards, decided on millionths."""
    return np.asarray(np.floor(_exact(meld) / _SCALE + 0.5), dtype="float64")


def derive_meldunos(meld: ArrayLike, limits: tuple[float, float]) -> Floats:
    """MELD as it is reported for organ allocation: rounded half up, within its limits."""
    return np.asarray(np.clip(round_meld(meld), *limits), dtype="float64")


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


def limit_pf(pf: ArrayLike, trial: Trial) -> Floats:
    """PaO2/FiO2 with impossible values (outside the limits of trial.yaml, mmHg) set to missing: slips of the pen."""
    ratio, (lowest, highest) = _floats(pf), read_clif(trial).pf_valid
    return np.where((ratio >= lowest) & (ratio <= highest), ratio, np.nan)


@dataclass(frozen=True)
class OrganInputs:
    """What the organ scores are told from, arrays of one length.

    ``bili`` and ``creat`` in their standard units, ``he`` West-Haven grade 0..4, ``inr``, ``map`` in mmHg,
    ``pf`` PaO2/FiO2 in mmHg, ``sf`` SpO2/FiO2 in %; flags ``rrt`` (renal replacement), ``vasopressor``,
    ``ventilated`` (mechanically, for the lungs) and ``airway`` (ventilated only to protect the airway
    in hepatic encephalopathy).
    """

    bili: ArrayLike
    creat: ArrayLike
    he: ArrayLike
    inr: ArrayLike
    map: ArrayLike
    pf: ArrayLike
    sf: ArrayLike
    rrt: ArrayLike
    vasopressor: ArrayLike
    ventilated: ArrayLike
    airway: ArrayLike

    def measure(self, name: str, unit: str | None, trial: Trial) -> Floats:
        """A measurement by the name trial.yaml has for it, in the unit of the rule that asks."""
        values: ArrayLike = getattr(self, name.lower())
        return limit_pf(values, trial) if name == "PF" else value_in(unit, values, name, trial)

    def support(self, name: str) -> Flags:
        """Whether a support was given."""
        return _told(getattr(self, name.lower()))


def _score_organ(organ: Organ, inputs: OrganInputs, trial: Trial) -> Floats:
    """The score of the first input that has a value, 1 where no band holds; a support scores by itself."""
    score = np.full(len(_told(inputs.rrt)), np.nan)
    for one in organ.inputs:
        values = inputs.measure(one.measure, one.unit, trial)
        banded = np.where(np.isnan(values), np.nan, 1.0)
        for band in one.bands:
            banded = np.where(_holds(values, band), np.fmax(banded, band.score), banded)
        score = np.where(np.isnan(score), banded, score)
    for name, support in organ.support.items():
        score = np.where(inputs.support(name), np.fmax(score, support), score)
    return score


def derive_clif_subscores(inputs: OrganInputs, trial: Trial) -> pd.DataFrame:
    """Six CLIF-C OF sub-scores, 1 to 3 each, by the bands of trial.yaml.

    A treatment that scores by itself (renal replacement, vasopressor, ventilation) needs no
    measurement; otherwise a missing measurement gives a missing sub-score. Of several measurements of
    an organ the first that is there counts (PaO2/FiO2 before SpO2/FiO2).

    Returns
    -------
    DataFrame
        Columns ``CLIFLIV … CLIFRES``.
    """
    organs = {organ.code: organ for organ in read_clif(trial).organs}
    return pd.DataFrame({code: _score_organ(organs[code], inputs, trial) for code in SUBSCORES})


def derive_clifcof(subscores: pd.DataFrame) -> Floats:
    """CLIF-C OF total; NaN where a sub-score is missing."""
    return subscores[list(SUBSCORES)].sum(axis=1, skipna=False).to_numpy(dtype="float64")


def flag_organ_failures(subscores: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Tell per organ whether it failed by CLIF-C OF: the sub-score from which trial.yaml calls it so."""
    failing = {organ.code: organ.failure_from for organ in read_clif(trial).organs}
    return pd.DataFrame({code: subscores[code] >= failing[code] for code in SUBSCORES})


def derive_ofcount(subscores: pd.DataFrame, trial: Trial) -> Floats:
    """Count the CLIF-C organ failures, 0 to 6; NaN where a sub-score is missing."""
    count = flag_organ_failures(subscores, trial).sum(axis=1).to_numpy(dtype="float64")
    return np.where(np.isnan(derive_clifcof(subscores)), np.nan, count)


def count_failures(inputs: OrganInputs, trial: Trial) -> Floats:
    """Count the organ failures by the eligibility criterion of trial.yaml; what is missing fails nobody.

    Its limits are not those of CLIF-C OF: bilirubin from 12 mg/dL, where the score asks for more.

    Raises
    ------
    PlanError
        The trial has no such criterion.
    """
    rule = trial.eligibility.organ_failures if trial.eligibility else None
    if rule is None:
        raise PlanError(
            "organ failures of the registry have no limits",
            file="trial.yaml",
            rule="eligibility.organ_failures",
            remedy="declare the organs and their limits",
        )
    count = np.zeros(len(_told(inputs.rrt)))
    for organ in rule.organs:
        failed, known = np.zeros(len(count), dtype=bool), np.zeros(len(count), dtype=bool)
        for limit in organ.limits:
            values = inputs.measure(limit.measure, limit.unit, trial)
            failed |= ~known & _holds(values, limit)
            known |= ~np.isnan(values)
        for name in organ.support:
            failed |= inputs.support(name)
        count += failed
    return count


def derive_ofreg(inputs: OrganInputs, subscores: pd.DataFrame, trial: Trial) -> Floats:
    """OFREG: organ failures by exclusion criterion 5 of the registry, 0 to 6; NaN where CLIF-C OF is missing."""
    return np.where(np.isnan(derive_clifcof(subscores)), np.nan, count_failures(inputs, trial))


def derive_aclf_grade(subscores: pd.DataFrame, creat: ArrayLike, he: ArrayLike, trial: Trial) -> Floats:
    """EASL-CLIF grade of acute-on-chronic liver failure, 0 to 3; NaN where CLIF-C OF is missing.

    The rule is the published one, its cut-offs are trial.yaml's: a single failure is grade 1 if it is the
    kidney's; if another organ's only together with raised creatinine (1.5 to < 2.0 mg/dL) or hepatic
    encephalopathy of low grade (1 to 2); for the brain with raised creatinine alone.

    Parameters
    ----------
    creat
        Creatinine in the unit the kidney is scored in.
    """
    rule, failed = read_clif(trial).aclf_grade, flag_organ_failures(subscores, trial)
    creatinine, grade = _exact(creat), _floats(he)
    injured = (creatinine >= _exact(rule.creatinine.at_least)) & (creatinine < _exact(rule.creatinine.below))
    confused = (grade >= rule.encephalopathy[0]) & (grade <= rule.encephalopathy[1])
    other = failed[["CLIFLIV", "CLIFCOA", "CLIFCIR", "CLIFRES"]].any(axis=1).to_numpy()
    brain, kidney = failed["CLIFBRA"].to_numpy(), failed["CLIFKID"].to_numpy()
    first = kidney | (other & (injured | confused)) | (brain & injured)
    count = derive_ofcount(subscores, trial)
    return np.asarray(np.select([np.isnan(count), count >= 3, count == 2, (count == 1) & first], [np.nan, 3.0, 2.0, 1.0], 0.0))
