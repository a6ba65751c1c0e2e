"""LB: samples, results, units, ranges, what is below the limit and what was not done."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.simulate import design
from cgbm1_report.simulate.streams import Flags, Floats, stream
from cgbm1_report.simulate.events import DATE, MINUTE
from cgbm1_report.simulate.trajectories import Course
from cgbm1_report.trial import Trial

UNWRITTEN = 0
NOT_DONE = "NOT DONE"
CENTRAL, LOCAL = "CENTRAL", "LOCAL"
#: Tests scheduled by the registry's days; the others are taken at every visit.
_BY_REGISTRY = ("ICGR15", "IL6", "TNFA", "HGF")
_NEVER_MISSED = ("BILI", "INR", "CREAT", "HCG")


def take_samples(visits: pd.DataFrame, people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """Blood samples: one per visit (missed ones too), and a second, local one here and there.

    Adds to the visit: ``minute`` of the day, ``form`` of the date, ``LBNAM``, ``LBTPT``, ``special``
    (pre-dose or screening: what is first before dosing), ``post_dose``.
    """
    rng = stream(seed, "samples")
    samples = visits.copy()
    twins = samples[samples["planned"] & samples["attended"] & (samples["day"] > 0) & (rng.random(len(samples)) < design.LOCAL_TWIN_SHARE)]
    samples["twin"] = False
    samples = pd.concat([samples, twins.assign(twin=True)], ignore_index=True)
    n = len(samples)
    own = people.loc[samples["pid"]].reset_index(drop=True)
    samples["post_dose"] = samples["planned"] & (samples["target"] == 0) & samples["VISIT"].isin(_post_dose_visits(trial))
    samples["minute"] = np.where(samples["post_dose"], own["dose_minute"] + 240, rng.integers(7 * 60, 9 * 60, n))
    local = ~samples["planned"] | samples["twin"] | (own["site"] == design.SITES)
    samples["LBNAM"] = pd.Series(np.where(local, LOCAL, CENTRAL), dtype="str")
    samples["local_unit"] = local & (own["site"] == design.SITES)
    first_day = samples["target"] == 0
    samples["LBTPT"] = pd.Series(np.where(samples["post_dose"], "POST-DOSE", np.where(first_day, "PRE-DOSE", None)), dtype="str")
    timeless = rng.random(n) < np.where(local & ~samples["post_dose"], 0.25, design.TIMELESS_SHARE)
    samples["form"] = np.where(samples["attended"], np.where(timeless, DATE, MINUTE), UNWRITTEN)
    samples["start"] = samples["date"] + pd.to_timedelta(samples["minute"], unit="m")
    samples["SEX"] = own["SEX"]
    return samples


def _post_dose_visits(trial: Trial) -> set[str]:
    return {v.visit for phase in trial.phases.values() for v in phase.visits if v.target_day == 0 and v.avisitn is None}


def measure_laboratory(samples: pd.DataFrame, people: pd.DataFrame, course: Course, trial: Trial, seed: int) -> pd.DataFrame:
    """LB: every test of every sample that is due, done or not.

    Grain: one row per sample and test. Values are in the unit of the laboratory (LBORRES) and the
    standard unit (LBSTRESN); below the limit of quantitation only LBORRES and LBSTRESC (``<1.5``).
    """
    rng = stream(seed, "LB")
    pid, day = samples["pid"].to_numpy(), samples["day"].fillna(-1.0).to_numpy()
    shared = rng.standard_normal(len(samples))
    frames = []
    for code, lab in design.LABS.items():
        if code not in trial.parameters:
            continue
        due = _due(samples, people, trial, code)
        scatter = rng.standard_normal(len(samples))
        if code in ("BILI", "BILDIR"):
            scatter = shared
        if code in ("INR", "PT"):
            scatter = design.BILI_INR_CORRELATION * shared + np.sqrt(1 - design.BILI_INR_CORRELATION**2) * scatter
        value = course.value(code, pid, day)
        noisy = np.clip(value * np.exp(lab.cv * scatter), *lab.bounds)
        if code == "SODIUM":
            noisy = np.where(value <= 127, np.minimum(noisy, 129), noisy)
        noisy = _decided(code, samples, people, noisy)
        frames.append(_results(rng, code, lab, samples, noisy, due, trial))
    frames += [_pregnancy(samples, people), _oxygen(rng, samples, people)]
    table = pd.concat(frames, ignore_index=True)
    table["LBSTRESC"] = table["LBSTRESC"].astype("str")
    return _flag_last_before(table, people)


def _due(samples: pd.DataFrame, people: pd.DataFrame, trial: Trial, code: str) -> Flags:
    """Whether a test is taken with a sample."""
    planned = (samples["planned"] & ~samples["post_dose"] & ~samples["twin"]).to_numpy()
    target = samples["target"].to_numpy()
    if code in _BY_REGISTRY:
        phase = people["phase"].to_numpy()[samples["pid"]]
        due = np.zeros(len(samples), dtype=bool)
        for number in trial.phase_numbers:
            days = trial.registry_days(number, code)
            due |= (phase == number) & np.isin(target, [0, *days] if days else [])
        return due & planned
    if code == "AFP":
        return planned & (np.isnan(target) | (target >= design.FOLLOWED_DAYS))
    if code == "LACT":
        return planned & people["blood_gas"].to_numpy()[samples["pid"]]
    post_dose = (samples["post_dose"] & (code in design.POST_DOSE_TESTS)).to_numpy()
    extra = ((~samples["planned"] | samples["twin"]) & (code in design.UNSCHEDULED_TESTS)).to_numpy()
    return planned | post_dose | extra


def _decided(code: str, samples: pd.DataFrame, people: pd.DataFrame, value: Floats) -> Floats:
    """The values of screening and before the dose that decided eligibility stand as they were drawn."""
    if code not in ("BILI", "INR", "CREAT"):
        return value
    pid = samples["pid"].to_numpy()
    screened = (samples["planned"] & ~(samples["day"] >= 0)).to_numpy()
    pre_dose = (samples["LBTPT"] == "PRE-DOSE").to_numpy()
    first, second = (people[f"{code}_{when}"].to_numpy()[pid] for when in ("1", "0"))
    return np.where(screened, first, np.where(pre_dose, second, value))


def _results(
    rng: np.random.Generator, code: str, lab: design.Lab, samples: pd.DataFrame, value: Floats, due: Flags, trial: Trial
) -> pd.DataFrame:
    """One test's records: what was due, in the laboratory's unit and the standard unit."""
    parameter = trial.parameter(code)
    rows = np.flatnonzero(due)
    table = _of_sample(samples, rows)
    n = len(rows)
    local = samples["local_unit"].to_numpy()[rows] & (lab.local is not None)
    unit, per_unit, local_dp = lab.local or (parameter.si_unit or "", 1.0, parameter.dp)
    standard = np.round(value[rows], parameter.dp)
    original = np.where(local, np.round(value[rows] / per_unit, local_dp), standard)
    standard = np.where(local, np.round(original * per_unit, 6), standard)
    missing = _missing(rng, code, samples, rows)
    lloq, below_share = design.LLOQ.get(code, (np.nan, 0.0))
    below = ~missing & ((standard < lloq) | ((rng.random(n) < below_share) & (samples["day"].to_numpy()[rows] > 0)))
    done = ~missing & ~below
    written = np.where(local, np.char.mod(f"%.{local_dp}f", original), np.char.mod(f"%.{parameter.dp}f", original))
    plain = np.where(local, np.char.mod("%.3f", standard), np.char.mod(f"%.{parameter.dp}f", standard))
    limit = f"<{lloq:g}"
    table["LBTESTCD"], table["LBTEST"], table["LBCAT"] = parameter.testcd or code, parameter.label, lab.category
    table["LBORRES"] = pd.Series(np.where(done, written, np.where(below, limit, None)), dtype="str")
    table["LBORRESU"] = pd.Series(np.where(missing, None, np.where(local, unit, parameter.si_unit)), dtype="str")
    table["LBSTRESC"] = pd.Series(np.where(done, plain, np.where(below, limit, None)), dtype="str")
    table["LBSTRESN"] = np.where(done, standard, np.nan)
    table["LBSTRESU"] = pd.Series(np.where(missing, None, parameter.si_unit), dtype="str")
    table["LBLLOQ"] = lloq
    _ranges(table, lab.limits, np.where(local, per_unit, 1.0), missing)
    _not_done(table, samples, rows, missing)
    return table


def _of_sample(samples: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    return samples[["pid", "VISITNUM", "VISIT", "date", "start", "form", "LBNAM", "LBTPT", "SEX"]].iloc[rows].reset_index(drop=True)


def _missing(rng: np.random.Generator, code: str, samples: pd.DataFrame, rows: np.ndarray) -> Flags:
    """Not done: the visit was missed, or the test at a planned visit was. Eligibility is always known."""
    share = design.MISSING.get(code, design.LAB_MISSING)
    drawn = rng.random(len(rows)) < share
    planned = samples["planned"].to_numpy()[rows]
    decides = (~(samples["day"] > 0)).to_numpy()[rows] & (code in _NEVER_MISSED)
    return ~samples["attended"].to_numpy()[rows] | (drawn & planned & ~decides)


def _not_done(table: pd.DataFrame, samples: pd.DataFrame, rows: np.ndarray, missing: Flags) -> None:
    away = ~samples["attended"].to_numpy()[rows]
    table["LBSTAT"] = pd.Series(np.where(missing, NOT_DONE, None), dtype="str")
    table["LBREASND"] = pd.Series(np.where(away, "VISIT MISSED", np.where(missing, "SAMPLE NOT USABLE", None)), dtype="str")
    table["form"] = np.where(missing & ~away, DATE, table["form"])


def _ranges(
    table: pd.DataFrame,
    limits: tuple[tuple[float | None, float | None], tuple[float | None, float | None]],
    per_unit: Floats,
    missing: Flags,
) -> None:
    """Normal range of the subject's sex in both units, and where the value lies in it."""
    male = (table["SEX"] == "M").to_numpy()
    low, high = (
        np.where(male, np.nan if a is None else float(a), np.nan if b is None else float(b)) for a, b in zip(*limits, strict=True)
    )
    for side, limit in (("LO", low), ("HI", high)):
        table[f"LBSTNR{side}"] = np.where(missing, np.nan, limit)
        text = np.char.mod("%.3g", limit / per_unit)
        table[f"LBORNR{side}"] = pd.Series(np.where(missing | np.isnan(limit), None, text), dtype="str")
    value = table["LBSTRESN"].to_numpy()
    known = ~np.isnan(value) & ~np.isnan(high)
    where = np.select([value < low, value > high], ["LOW", "HIGH"], "NORMAL")
    table["LBNRIND"] = pd.Series(np.where(known, where, None), dtype="str")


def _pregnancy(samples: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """HCG of women at screening and before the dose."""
    wanted = samples["planned"] & ~(samples["day"] > 0) & ~samples["post_dose"] & (samples["SEX"] == "F")
    table = _of_sample(samples, np.flatnonzero(wanted))
    table["LBTESTCD"], table["LBTEST"], table["LBCAT"] = "HCG", "Choriogonadotropin", "PREGNANCY TEST"
    table["LBORRES"] = table["LBSTRESC"] = "NEGATIVE"
    return table


def _oxygen(rng: np.random.Generator, samples: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """PO2 of those whose blood gases are taken; local laboratories report kPa."""
    wanted = samples["planned"] & samples["attended"] & ~samples["post_dose"] & ~samples["twin"]
    rows = np.flatnonzero(wanted & people["blood_gas"].reindex(samples["pid"]).to_numpy())
    table = _of_sample(samples, rows)
    local = samples["local_unit"].to_numpy()[rows]
    tension = np.clip(rng.normal(88, 6, len(rows)), 68, 105)
    original = np.where(local, np.round(tension / design.PO2_KPA, 2), np.round(tension, 0))
    table["LBTESTCD"], table["LBTEST"], table["LBCAT"] = "PO2", "Partial Pressure Oxygen", "BLOOD GAS"
    table["LBSTRESN"] = np.where(local, np.round(original * design.PO2_KPA, 4), original)
    table["LBORRES"] = pd.Series(np.where(local, np.char.mod("%.2f", original), np.char.mod("%.0f", original)), dtype="str")
    table["LBSTRESC"] = pd.Series(np.char.mod("%.1f", table["LBSTRESN"].to_numpy()), dtype="str")
    table["LBORRESU"] = pd.Series(np.where(local, "kPa", "mmHg"), dtype="str")
    table["LBSTRESU"] = "mmHg"
    _ranges(table, ((80.0, 100.0), (80.0, 100.0)), np.where(local, design.PO2_KPA, 1.0), np.zeros(len(rows), dtype=bool))
    # Blood gases are timed to the minute: the ratio to the oxygen breathed asks for it.
    table["form"] = MINUTE
    return table


def _flag_last_before(table: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Order the records, and flag the last result before the first infusion (LBLOBXFL)."""
    order = {code: place for place, code in enumerate(dict.fromkeys(table["LBTESTCD"]))}
    place = table["LBTESTCD"].map(order)
    central = table["LBNAM"] == CENTRAL
    table = table.assign(place=place, central=central).sort_values(
        ["pid", "date", "VISITNUM", "central", "start", "place"], ignore_index=True
    )
    own = people.loc[table["pid"]].reset_index(drop=True)
    dosed_at = (own["anchor"] + pd.to_timedelta(own["dose_minute"], unit="m")).where(own["dosed"])
    known = table["start"].where(table["form"] == MINUTE, table["date"])
    before = table["LBSTRESC"].notna() & (table["start"] <= dosed_at)
    ranked = table.assign(known=known)[before].sort_values(["known", "central", "VISITNUM"], kind="stable")
    last = ranked.drop_duplicates(["pid", "LBTESTCD"], keep="last").index
    table["LBLOBXFL"] = pd.Series(np.where(table.index.isin(last), "Y", None), dtype="str")
    return table.drop(columns=["place", "central", "SEX"])
