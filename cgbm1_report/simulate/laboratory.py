"""LB: samples, results, units, ranges, what is below the limit and what was not done."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cgbm1_report.protocol.trial import Trial
from cgbm1_report.simulate import design, design_findings
from cgbm1_report.simulate.events import DATE, MINUTE
from cgbm1_report.simulate.streams import Flags, Floats, Ints, stream, text_where
from cgbm1_report.simulate.trajectories import Course

UNWRITTEN = 0
NOT_DONE = "NOT DONE"
CENTRAL, LOCAL = "CENTRAL", "LOCAL"
#: Tests scheduled by the registry's days; the others are taken at every visit.
_BY_REGISTRY = ("ICGR15", "IL6", "TNFA", "HGF")
_NEVER_MISSED = ("BILI", "INR", "CREAT", "HCG")


def take_samples(visits: pd.DataFrame, people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """Blood samples: one per visit (missed ones too), and a second, local one here and there.

    Adds to the visit: ``start`` of the sampling, ``form`` of its date, ``LBNAM``, ``LBTPT``, ``post_dose``,
    ``twin`` (the second sample) and ``local_unit`` (the laboratory reports in its own unit).
    """
    rng = stream(seed, "samples")
    samples = visits.copy()
    # A second laboratory only where the first one is central.
    central = (people["site"] != design.SITES).reindex(samples["pid"]).to_numpy()
    drawn = rng.random(len(samples)) < design_findings.LOCAL_TWIN_SHARE
    twins = samples[samples["planned"] & samples["attended"] & (samples["day"] > 0) & central & drawn]
    samples["twin"] = False
    samples = pd.concat([samples, twins.assign(twin=True)], ignore_index=True)
    n = len(samples)
    own = people.loc[samples["pid"]].reset_index(drop=True)
    samples["post_dose"] = samples["planned"] & (samples["target"] == 0) & samples["VISIT"].isin(_post_dose_visits(trial))
    samples["minute"] = np.where(samples["post_dose"], own["dose_minute"] + 240, rng.integers(7 * 60, 9 * 60, n))
    local = ~samples["planned"] | samples["twin"] | (own["site"] == design.SITES)
    samples["LBNAM"] = text_where(local, LOCAL, CENTRAL)
    samples["local_unit"] = local & (own["site"] == design.SITES)
    first_day = samples["target"] == 0
    samples["LBTPT"] = text_where(samples["post_dose"], "POST-DOSE", text_where(first_day, "PRE-DOSE"))
    # What is taken after the dose on the day of the dose is nothing without its time.
    share = np.where(local, design_findings.TIMELESS_LOCAL_SHARE, design_findings.TIMELESS_SHARE)
    timeless = (rng.random(n) < share) & ~samples["post_dose"]
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
    tests = _tests(trial)
    pid, day = samples["pid"].to_numpy(), samples["day"].fillna(-1.0).to_numpy()
    shared = rng.standard_normal(len(samples))
    rho = design.BILI_INR_CORRELATION
    results = []
    values: dict[str, Floats] = {}
    for code, lab in design_findings.LABS.items():
        if code not in tests.index:
            continue
        scatter = rng.standard_normal(len(samples))
        if code == "BILI":
            scatter = shared
        if code == "INR":
            scatter = rho * shared + np.sqrt(1 - rho**2) * scatter
        value = course.value(code, pid, day)
        if code in design_findings.FOLLOWS:
            leader, power = design_findings.FOLLOWS[code]
            value = value * (values[leader] / course.start(leader, pid)) ** power
        noisy = np.clip(value * np.exp(lab.cv * scatter), *lab.bounds)
        if code == "SODIUM":
            noisy = np.where(value <= 127, np.minimum(noisy, 129), noisy)
        values[code] = _decided(code, samples, people, noisy)
    _count_parts(values)
    for code, value in values.items():
        rows = np.flatnonzero(_due(samples, people, trial, code))
        results.append(_results(rng, code, samples, value, rows, tests.loc[[code]]))
    results += [_pregnancy(samples), _oxygen(rng, samples, people, tests.loc[["PO2"]])]
    table = _write_down(pd.concat(results, ignore_index=True), samples, tests)
    return _flag_last_before(table, people)


def _count_parts(values: dict[str, Floats]) -> None:
    """Cells counted apart become shares of the whole they were counted in: together never more than it."""
    for whole, parts in design_findings.PARTS.items():
        counted = [part for part in parts if part in values]
        if whole in values and counted:
            total = sum(values[part] for part in counted) + design_findings.UNCOUNTED * values[whole]
            for part in counted:
                values[part] = values[part] / total * values[whole]


def _tests(trial: Trial) -> pd.DataFrame:
    """What is fixed about each test. Grain: one row per test, indexed by its parameter code."""
    rows = {}
    for code, lab in design_findings.LABS.items():
        if code not in trial.parameters:
            continue
        parameter = trial.parameter(code)
        unit, per_unit, local_dp = lab.local or (parameter.si_unit, 1.0, parameter.dp)
        rows[code] = (
            parameter.testcd or code,
            parameter.label,
            lab.category,
            parameter.si_unit,
            parameter.dp,
            unit,
            per_unit,
            local_dp,
        )
    rows["PO2"] = ("PO2", "Partial Pressure Oxygen", "BLOOD GAS", "mmHg", 0, "kPa", design_findings.PO2_KPA, 2)
    rows["HCG"] = ("HCG", "Choriogonadotropin", "PREGNANCY TEST", None, 0, None, 1.0, 0)
    names = ["LBTESTCD", "LBTEST", "LBCAT", "unit", "dp", "local_unit", "per_unit", "local_dp"]
    tests = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    limits = {code: lab.limits for code, lab in design_findings.LABS.items()} | {"PO2": ((80.0, 100.0), (80.0, 100.0))}
    none = ((None, None), (None, None))
    for place, sex in enumerate(("M", "F")):
        for side, name in enumerate(("LO", "HI")):
            tests[name + sex] = np.asarray([limits.get(code, none)[place][side] for code in tests.index], dtype=float)
    tests["lloq"] = [design_findings.LLOQ.get(code, (np.nan, 0.0))[0] for code in tests.index]
    return tests


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
        return np.asarray(planned & (np.isnan(target) | (target >= trial.study.followup_days)))
    if code == "LACT":
        return np.asarray(planned & people["blood_gas"].to_numpy()[samples["pid"]])
    post_dose = (samples["post_dose"] & (code in design_findings.POST_DOSE_TESTS)).to_numpy()
    extra = ((~samples["planned"] | samples["twin"]) & (code in design_findings.UNSCHEDULED_TESTS)).to_numpy()
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
    rng: np.random.Generator, code: str, samples: pd.DataFrame, value: Floats, rows: np.ndarray, tests: pd.DataFrame
) -> pd.DataFrame:
    """One test's numbers: what was due, in the laboratory's unit and the standard unit.

    Grain: one row per sample (``row``); ``missing`` was not done, ``below`` is under the limit of quantitation.
    """
    n, test = len(rows), tests.iloc[0]
    local = samples["local_unit"].to_numpy()[rows] & (test["local_unit"] != test["unit"])
    standard = np.round(value[rows], test["dp"])
    original = np.where(local, np.round(value[rows] / test["per_unit"], test["local_dp"]), standard)
    standard = np.where(local, np.round(original * test["per_unit"], 6), standard)
    missing = _missing(rng, code, samples, rows)
    share = design_findings.LLOQ.get(code, (np.nan, 0.0))[1]
    below = (standard < test["lloq"]) | (rng.random(n) < share)
    numbers = {"row": rows, "code": code, "original": original, "standard": standard, "local": local}
    return pd.DataFrame(numbers | {"missing": missing, "below": ~missing & below})


def _missing(rng: np.random.Generator, code: str, samples: pd.DataFrame, rows: np.ndarray) -> Flags:
    """Not done: the visit was missed, or the test at a planned visit was. Eligibility is always known."""
    share = design_findings.MISSING.get(code, design_findings.LAB_MISSING)
    drawn = rng.random(len(rows)) < share
    planned = samples["planned"].to_numpy()[rows]
    decides = (~(samples["day"] > 0)).to_numpy()[rows] & (code in _NEVER_MISSED)
    return np.asarray(~samples["attended"].to_numpy()[rows] | (drawn & planned & ~decides))


def _pregnancy(samples: pd.DataFrame) -> pd.DataFrame:
    """HCG of women at screening and before the dose: a text result."""
    wanted = samples["planned"] & ~(samples["day"] > 0) & ~samples["post_dose"] & (samples["SEX"] == "F")
    rows = np.flatnonzero(wanted)
    numbers = {"row": rows, "code": "HCG", "original": np.nan, "standard": np.nan, "local": False, "missing": False, "below": False}
    return pd.DataFrame(numbers, index=pd.RangeIndex(len(rows)))


def _oxygen(rng: np.random.Generator, samples: pd.DataFrame, people: pd.DataFrame, tests: pd.DataFrame) -> pd.DataFrame:
    """PO2 of those whose blood gases are taken; local laboratories report kPa."""
    wanted = samples["planned"] & samples["attended"] & ~samples["post_dose"] & ~samples["twin"]
    rows = np.flatnonzero(wanted & people["blood_gas"].reindex(samples["pid"]).to_numpy())
    test, local = tests.iloc[0], samples["local_unit"].to_numpy()[rows]
    tension = np.clip(rng.normal(88, 6, len(rows)), 68, 105)
    original = np.where(local, np.round(tension / test["per_unit"], 2), np.round(tension, 0))
    standard = np.where(local, np.round(original * test["per_unit"], 4), original)
    return pd.DataFrame(
        {"row": rows, "code": "PO2", "original": original, "standard": standard, "local": local, "missing": False, "below": False}
    )


def decimals(value: Floats, places: Ints) -> NDArray[np.str_]:
    """Text of numbers, each with its own number of decimals."""
    text = np.full(len(value), "", dtype="U24")
    for count in np.unique(places):
        rows = places == count
        text[rows] = np.char.mod(f"%.{count}f", value[rows])
    return text


def _write_down(results: pd.DataFrame, samples: pd.DataFrame, tests: pd.DataFrame) -> pd.DataFrame:
    """Numbers become LB variables: texts, units, ranges, what is below a limit, what was not done."""
    rows = results["row"].to_numpy()
    kept = ["pid", "VISITNUM", "VISIT", "date", "start", "form", "LBNAM", "LBTPT", "SEX", "attended"]
    table = samples[kept].iloc[rows].reset_index(drop=True)
    test = tests.loc[results["code"]].reset_index(drop=True)
    local, missing, below = (results[name].to_numpy() for name in ("local", "missing", "below"))
    negative = (results["code"] == "HCG").to_numpy()
    original, standard = results["original"].to_numpy(), results["standard"].to_numpy()
    limit = "<" + np.char.mod("%g", test["lloq"].to_numpy())
    for name in ("LBTESTCD", "LBTEST", "LBCAT"):
        table[name] = test[name].astype("str")
    for name, value, places in (
        ("LBORRES", original, np.where(local, test["local_dp"], test["dp"])),
        ("LBSTRESC", standard, np.where(local, 3, test["dp"])),
    ):
        text = np.where(below, limit, decimals(value, places)).astype(object)
        table[name] = text_where(negative, "NEGATIVE", text_where(~missing, text))
    table["LBORRESU"] = text_where(local, test["local_unit"], test["unit"]).mask(missing)
    table["LBSTRESU"] = test["unit"].astype("str").mask(missing)
    table["LBSTRESN"] = np.where(missing | below, np.nan, standard)
    table["LBLLOQ"] = test["lloq"]
    _ranges(table, test, np.where(local, test["per_unit"], 1.0), missing)
    away = ~table["attended"].to_numpy()
    table["LBSTAT"] = text_where(missing, NOT_DONE)
    table["LBREASND"] = text_where(missing & away, "VISIT MISSED", text_where(missing, "SAMPLE NOT USABLE"))
    # Blood gases are timed to the minute: the ratio to the oxygen breathed asks for it.
    timed = np.where(results["code"] == "PO2", MINUTE, table["form"])
    table["form"] = np.where(missing & ~away, DATE, timed)
    return table.drop(columns="attended")


def _ranges(table: pd.DataFrame, test: pd.DataFrame, per_unit: Floats, missing: Flags) -> None:
    """Normal range of the subject's sex in both units, and where the value lies in it."""
    male = (table["SEX"] == "M").to_numpy()
    low, high = (np.where(male, test[side + "M"], test[side + "F"]) for side in ("LO", "HI"))
    for side, limit in (("LO", low), ("HI", high)):
        table[f"LBSTNR{side}"] = np.where(missing, np.nan, limit)
        text = np.char.mod("%.3g", limit / per_unit).astype(object)
        table[f"LBORNR{side}"] = text_where(missing | np.isnan(limit), None, text)
    value = table["LBSTRESN"].to_numpy()
    known = ~np.isnan(value) & ~np.isnan(high)
    where = np.select([value < low, value > high], ["LOW", "HIGH"], "NORMAL").astype(object)
    table["LBNRIND"] = text_where(known, where)


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
    table["LBLOBXFL"] = text_where(table.index.isin(last), "Y")
    return table.drop(columns=["place", "central", "SEX"])
