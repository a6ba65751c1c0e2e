"""The scores a site would enter: MELD, CLIF-C OF, EASL-CLIF grade and the registry's organ failures.

Written a second time on purpose, as published and sharing nothing with `collected.scores`: a site works its scores out by
itself, and what the report computes is held against them (V16).
"""

from __future__ import annotations

import numpy as np

from cgbm1_report.simulate import design
from cgbm1_report.simulate.streams import Floats

BILI_PER_MG = 17.1
CREAT_PER_MG = 88.4


def meld(bili: Floats, inr: Floats, creat: Floats) -> Floats:
    """MELD of the registry's formula, inputs in umol/L, below 1 mg/dL taken as 1, creatinine at most 4."""
    creatinine = np.clip(creat / CREAT_PER_MG, 1.0, 4.0)
    bilirubin = np.maximum(bili / BILI_PER_MG, 1.0)
    return np.asarray(10 * (0.957 * np.log(creatinine) + 0.378 * np.log(bilirubin) + 1.12 * np.log(np.maximum(inr, 1.0))) + 6.43)


def registry_failures(bili: Floats, inr: Floats, creat: Floats, he: Floats, vasopressor: Floats) -> Floats:
    """Number of organ failures of the eligibility rule; respiration is normal in everybody who is screened."""
    limits = design.REGISTRY_FAILURE
    failed = [bili >= limits["BILI"], creat >= limits["CREAT"], inr >= limits["INR"], he >= limits["HE"], vasopressor > 0]
    return np.asarray(np.sum(failed, axis=0), dtype=float)


def clif_subscores(bili: Floats, inr: Floats, creat: Floats, he: Floats, arterial: Floats, saturation: Floats) -> Floats:
    """Six sub-scores (liver, kidney, brain, coagulation, circulation, respiration), one row each; NaN where an input is missing.

    ``saturation`` is SpO2/FiO2 with FiO2 as a fraction. Vasopressors, dialysis and ventilation are not looked at: the caller leaves
    those patients out.
    """
    bilirubin, creatinine = bili / BILI_PER_MG, creat / CREAT_PER_MG
    parts = [
        1.0 + (bilirubin >= 6) + (bilirubin > 12),
        1.0 + (creatinine >= 2) + (creatinine >= 3.5),
        1.0 + (he >= 1) + (he >= 3),
        1.0 + (inr >= 2.0) + (inr >= 2.5),
        1.0 + (arterial < 70),
        1.0 + (saturation <= 357) + (saturation <= 214),
    ]
    inputs = (bili, creat, he, inr, arterial, saturation)
    return np.stack([np.where(np.isnan(value), np.nan, score) for value, score in zip(inputs, parts, strict=True)])


def aclf_grade(subscores: Floats, creat: Floats, he: Floats) -> Floats:
    """EASL-CLIF grade 0 to 3 from the CLIF-C OF failures, creatinine and encephalopathy."""
    failed = subscores == 3
    failed[1] = subscores[1] >= 2
    count = failed.sum(axis=0)
    creatinine = creat / CREAT_PER_MG
    raised = (creatinine >= 1.5) & (creatinine < 2.0)
    other = failed[0] | failed[3] | failed[4] | failed[5]
    first = failed[1] | (other & (raised | ((he >= 1) & (he <= 2)))) | (failed[2] & raised)
    grade = np.select([count >= 3, count == 2, (count == 1) & first], [3.0, 2.0, 1.0], 0.0)
    return np.where(np.isnan(subscores.sum(axis=0)), np.nan, grade)
