"""Who they are and how ill they are when they come: drawn again until eligible, or until not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.protocol.trial import Trial
from cgbm1_report.simulate import design, design_findings
from cgbm1_report.simulate.accrual import find_parts
from cgbm1_report.simulate.scores import BILI_PER_MG, CREAT_PER_MG, meld, registry_failures
from cgbm1_report.simulate.streams import Flags, Floats, draw_within, pick, stream, text_where

_YEAR = 365.25


def describe_patients(people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """Add demography, disease and the screening and day 0 values that decide eligibility.

    Grain: one row per subject, as given. Everybody with an arm is eligible at screening and on day 0;
    a screen failure breaks a laboratory criterion (``broken_…``) or has another ``reason``.
    """
    people = people.copy()
    _demography(people, stream(seed, "DM"))
    _disease(people, find_parts(trial).escalation, stream(seed, "disease"))
    _severity(people, stream(seed, "severity"))
    return people


def _demography(people: pd.DataFrame, rng: np.random.Generator) -> None:
    n = len(people)
    mean, sd, low, high = design.AGE
    years = draw_within(lambda size: rng.normal(mean, sd, size), low + 0.01, high + 0.99, n)
    people["SEX"] = text_where(rng.random(n) < design.MALE_SHARE, "M", "F")
    birth = (people["consent"] - pd.to_timedelta(np.ceil(years * _YEAR), unit="D")).dt.normalize()
    # Nobody shares birth date, sex and site with another: it would look like one person taking part twice.
    alike = birth.groupby([birth, people["SEX"], people["site"]]).cumcount()
    birth = birth - pd.to_timedelta(alike, unit="D")
    people["birth"] = birth.astype("datetime64[s]")
    passed = people["consent"].dt.month * 100 + people["consent"].dt.day >= birth.dt.month * 100 + birth.dt.day
    people["AGE"] = (people["consent"].dt.year - birth.dt.year - (~passed).astype(int)).astype(float)
    male = (people["SEX"] == "M").to_numpy()
    people["height"] = np.round(rng.normal(np.where(male, 170, 159), 6), 0)
    body_mass = draw_within(lambda size: rng.normal(23.2, 2.8, size), 17, 34, n)
    people["weight"] = np.round(body_mass * (people["height"] / 100) ** 2, 1)


def _disease(people: pd.DataFrame, escalation: int, rng: np.random.Generator) -> None:
    n = len(people)
    mixed = pick(rng, list(design.ETIOLOGY_ESCALATION), list(design.ETIOLOGY_ESCALATION.values()), n)
    one = pick(rng, list(design.ETIOLOGY_RANDOMISED), list(design.ETIOLOGY_RANDOMISED.values()), n)
    people["etiology"] = np.where(people["phase"] == escalation, mixed, one)
    people["cirrhosis"] = rng.random(n) < design.CIRRHOSIS_SHARE
    precipitant = pick(rng, list(design.PRECIPITANT), list(design.PRECIPITANT.values()), n)
    flare_without_hbv = (precipitant == "HBV FLARE") & (people["etiology"] != "HEPATITIS B").to_numpy()
    people["precipitant"] = np.where(flare_without_hbv, "UNKNOWN", precipitant)
    mean, sd, low, high = design_findings.HBV_LOG10
    people["hbv_log"] = draw_within(lambda size: rng.normal(mean, sd, size), low, high, n)
    people["ascites"] = rng.random(n) < design.ASCITES_SHARE
    gap = (people["anchor"] - people["consent"]).dt.days
    for code, share in design.PREVALENT.items():
        # A creatinine rise within seven days shows only where screening and day 0 are that close.
        possible = (gap <= 6) if code == "AKI" else pd.Series(True, index=people.index)
        people[f"prevalent_{code}"] = (
            (rng.random(n) < share / max(possible[people["arm"] >= 0].mean(), 0.05)) & possible & (people["arm"] >= 0)
        )
    people["blood_gas"] = rng.random(n) < design.BLOOD_GAS_SHARE
    low_map = draw_within(lambda size: rng.normal(*design_findings.MAP, size), 66, 115, n)
    people["map"] = low_map
    people["frailty"] = rng.standard_normal(n)
    people["speed"] = np.exp(0.2 * rng.standard_normal(n))


def _severity(people: pd.DataFrame, rng: np.random.Generator) -> None:
    """Draw the laboratory values of screening and day 0 until they are what the subject's fate asks for."""
    failed = (people["arm"] < 0).to_numpy()
    by_laboratory = failed & (rng.random(len(people)) < 0.7)
    people["other_reason"] = failed & ~by_laboratory
    people["hiv"] = people["other_reason"] & (rng.random(len(people)) < 0.1)
    aki = people["prevalent_AKI"].to_numpy()
    drawn = pd.DataFrame(index=people.index, columns=_DRAWN, dtype="float64")
    pending = np.ones(len(people), dtype=bool)
    while pending.any():
        rows = np.flatnonzero(pending)
        local = (people["site"].to_numpy() == design.SITES)[rows]
        values = _draw(rng, len(rows), by_laboratory[rows], aki[rows], local)
        drawn.iloc[rows] = values.to_numpy()
        pending[rows] = ~np.where(by_laboratory[rows], _breaks(values, "1").any(axis=1), _eligible(values))
    people[_DRAWN] = drawn
    people["prevalent_HE"] = people["he"] >= 1
    broken = _breaks(drawn, "1")
    for column in broken:
        people[f"broken_{column}"] = broken[column] & failed
    people["meld"] = meld(drawn["BILI_1"].to_numpy(), drawn["INR_1"].to_numpy(), drawn["CREAT_1"].to_numpy())


#: _1 is screening, _0 is day 0
_DRAWN = ["BILI_1", "INR_1", "CREAT_1", "BILI_0", "INR_0", "CREAT_0", "he", "vasopressor"]


def _draw(rng: np.random.Generator, n: int, wide: Flags, aki: Flags, local: Flags) -> pd.DataFrame:
    first = rng.standard_normal(n)
    rho = design.BILI_INR_BASE_CORRELATION
    second = rho * first + np.sqrt(1 - rho**2) * rng.standard_normal(n)
    bili = design.BILI[0] * np.exp(design.BILI[1] * np.where(wide, 1.8, 1.0) * first)
    inr = design.INR[0] + design.INR[1] * np.where(wide, 2.0, 1.0) * second
    # Screen failures all bleed: the one criterion they break is a laboratory limit.
    inr = np.where(wide, np.clip(inr, design.INR[2], 5.0), inr)
    bili = np.where(wide, np.clip(bili, 60.0, 950.0), bili)
    creat = np.where(aki, rng.uniform(55, 80, n), rng.normal(design.CREAT[0], design.CREAT[1], n))
    noise = rng.standard_normal((3, n))
    later_inr = design.BILI_INR_CORRELATION * noise[0] + np.sqrt(1 - design.BILI_INR_CORRELATION**2) * noise[1]
    values = {
        "BILI_1": bili,
        "INR_1": inr,
        "CREAT_1": np.maximum(creat, design.CREAT[2]),
        "BILI_0": bili * np.exp(0.06 * noise[0]),
        "INR_0": inr * np.exp(0.05 * later_inr),
        "CREAT_0": creat * np.where(aki, 1.6, 1.0) * np.exp(0.06 * noise[2]),
        "he": rng.choice(len(design.HE_SHARES), n, p=design.HE_SHARES).astype(float),
        "vasopressor": (rng.random(n) < design.VASOPRESSOR_SHARE).astype(float),
    }
    for when in ("_1", "_0"):
        values["BILI" + when] = as_reported(values["BILI" + when], local, BILI_PER_MG, 1)
        values["CREAT" + when] = as_reported(values["CREAT" + when], local, CREAT_PER_MG, 0)
        values["INR" + when] = np.round(values["INR" + when], 2)
    return pd.DataFrame(values, columns=_DRAWN)


def as_reported(value: Floats, local: Flags, per_unit: float, decimals: int) -> Floats:
    """A value as the laboratory rounds it: in its own unit with two decimals, or in the standard unit."""
    return np.where(local, np.round(np.round(value / per_unit, 2) * per_unit, 6), np.round(value, decimals))


def _breaks(values: pd.DataFrame, when: str) -> pd.DataFrame:
    bili, inr, creat = (values[f"{test}_{when}"].to_numpy() for test in ("BILI", "INR", "CREAT"))
    failures = registry_failures(bili, inr, creat, values["he"].to_numpy(), values["vasopressor"].to_numpy())
    return pd.DataFrame(
        {
            "MELD": meld(bili, inr, creat) >= design.MELD_LIMIT,
            "TBIL": bili < design.TBIL_LIMIT,
            "FAILURES": failures >= design.ORGAN_FAILURE_LIMIT,
        },
        index=values.index,
    )


def _eligible(values: pd.DataFrame) -> Flags:
    """Eligible on both days, and inside the ranges the patients are drawn from."""
    fine = ~(_breaks(values, "1") | _breaks(values, "0")).any(axis=1)
    for test, limits in (("BILI", design.BILI[2:]), ("INR", design.INR[2:]), ("CREAT", design.CREAT[2:])):
        fine &= values[f"{test}_1"].between(*limits) & values[f"{test}_0"].between(*limits)
    return fine.to_numpy()
