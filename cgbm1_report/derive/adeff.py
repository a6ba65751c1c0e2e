"""ADEFF: MELD, CLIF-C OF with its organs, hepatic encephalopathy and liver stiffness.

A score belongs to a visit (VISITNUM) that has creatinine, bilirubin and INR. Of several results the one
is taken that would stand for the visit; components lie within one calendar day, and the score has the
date of the latest one. What is missing is not guessed: a visit without a component has no total.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cgbm1_report.collected import scores
from cgbm1_report.collected.intervals import find_overlap, flag_overlap
from cgbm1_report.collected.procedures import is_dialysed
from cgbm1_report.derive.domains import take_domain, yes_no
from cgbm1_report.derive.organs import (
    read_oxygenation,
    read_pressure,
    read_renal_replacement,
    read_vasopressors,
    read_ventilation,
    read_vitals,
)
from cgbm1_report.derive.units import check_units, standard_units
from cgbm1_report.derive.visits import KEYS, SOURCE, pick_record, visit_key
from cgbm1_report.derive.windows import derive_bds, finish_bds, read_dates, say_where
from cgbm1_report.protocol.clinical import SUBSCORES
from cgbm1_report.protocol.trial import Trial

Sdtm = Mapping[str, pd.DataFrame]

_LABS = ("CREAT", "BILI", "INR")
#: Measurements a score may lead to, the first one that is there.
_SOURCES = {
    **dict.fromkeys(("MELD", "MELDUNOS", "CLIFKID"), ("CREAT",)),
    **dict.fromkeys(("CLIFCOF", "OFCOUNT", "OFREG", "CLIFLIV"), ("BILI",)),
    "CLIFCOA": ("INR",),
    # An organ that was not measured is scored by its treatment, and leads to it.
    "CLIFBRA": ("HE", "AIRWAY"),
    "CLIFCIR": ("MAP", "VASOPRESSOR"),
    "CLIFRES": ("PF", "SF", "VENTILATED"),
}


def derive_adeff(sdtm: Sdtm, adlb: pd.DataFrame, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """ADEFF, one row per subject, parameter and visit.

    MELD, MELDUNOS; CLIFCOF, CLIFLIV … CLIFRES, OFCOUNT, OFREG; HEGRADE; LSM with LSMQFL. COMP1 to
    COMP8 hold what a value was made from: for MELD creatinine, bilirubin (mg/dL) and INR as measured,
    then as used, then creatinine and bilirubin in their standard units; for CLIFCOF, OFCOUNT and OFREG
    bilirubin, creatinine (mg/dL), encephalopathy grade,
    INR, mean arterial pressure (mmHg) and the oxygenation index; for a sub-score its measurement and
    (0 or 1) its treatment; for CLIFRES PaO2/FiO2, SpO2/FiO2, ventilation; for LSM valid shots and
    IQR/median (%). SRCDOM, SRCVAR and SRCSEQ lead to the record of COMP1: of a mean pressure computed from
    two to the systolic one, of an oxygenation index to the arterial oxygen or the saturation. A sub-score
    without a measurement leads to the procedure or medication that scores it.

    Parameters
    ----------
    sdtm
        RS, VS, RE, XL, PR, CM, and LB for blood gases.
    adlb
        ADLB of the same cut.
    adsl
        One row per subject.
    trial
        Parameters, conversions, windows, switches.

    Raises
    ------
    ReportError
        A conversion that the scores need is not declared; all of them at once.
    """
    _require_units(sdtm, trial)
    visits, hegrade, dialysis = _read_visits(adlb, trial), _read_hegrade(sdtm), read_renal_replacement(sdtm)
    organs = _add_organs(visits, hegrade, sdtm, adsl, trial)
    records = [
        _derive_meld_records(visits, dialysis, trial),
        _derive_clif_records(organs, dialysis, sdtm, trial),
        hegrade,
        _read_lsm(sdtm, trial),
    ]
    frame = derive_bds(pd.concat(records, ignore_index=True), adsl, trial)
    return finish_bds(frame, "ADEFF")


def _require_units(sdtm: Sdtm, trial: Trial) -> None:
    """Refuse at once all conversions the scores need and the trial lacks."""
    pressures = take_domain(sdtm, "LB", ("LBTESTCD",))["LBTESTCD"].eq("PO2").any()
    asked = {(name, scores.read_meld(trial).unit) for name in _LABS[:2]}
    asked |= {(one.measure, one.unit) for organ in scores.read_clif(trial).organs for one in organ.inputs if one.unit}
    foreign = [name for name in _LABS if any(unit != trial.parameter(name).si_unit for other, unit in asked if other == name)]
    scores.require_conversions(trial, (*foreign, *(("PO2",) if pressures else ())))


def _read_visits(adlb: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Visits with creatinine, bilirubin and INR near each other: their values, dates and times."""
    labs = adlb[adlb["PARAMCD"].isin(_LABS) & adlb["AVAL"].notna() & adlb["ADT"].notna() & adlb["VISITNUM"].notna()]
    after = labs["ONTRTFL"].notna()
    # Before the first infusion the latest counts, after it the one nearest the target day of its window.
    distance = labs["AWTDIFF"].abs().fillna(np.inf).where(after, 0.0)
    labs = labs.assign(KEY=visit_key(labs["VISITNUM"]), AFTER=after, DISTANCE=distance, EARLY=-labs["ASEQ"])
    ordered = labs.sort_values(["DISTANCE", "EARLY"])
    picked = ordered.drop_duplicates([*KEYS, "PARAMCD"]).set_index(KEYS)
    wide = picked[picked["PARAMCD"] == _LABS[0]][["VISITNUM", "VISIT"]]
    for name in _LABS:
        part = picked.loc[picked["PARAMCD"] == name, ["AVAL", "ADT", "ADTM", "AFTER", "ASEQ"]]
        named = [name, *(f"{name}_{what}" for what in ("ADT", "ADTM", "AFTER", "SRCSEQ"))]
        wide = wide.join(part.set_axis(named, axis=1), how="inner")
        wide = wide.assign(**{f"{name}_SRCDOM": "ADLB", f"{name}_SRCVAR": "AVAL"})
    dates = wide[[f"{name}_ADT" for name in _LABS]]
    wide["FIRST"], wide["ADT"] = dates.min(axis=1), dates.max(axis=1)
    within = wide[wide["ADT"] - wide["FIRST"] <= pd.Timedelta(days=scores.read_meld(trial).components_within_days)].reset_index()
    return _add_time(within).sort_values(KEYS, ignore_index=True)


def _add_time(visits: pd.DataFrame) -> pd.DataFrame:
    """ADTM of the latest component if all of its day are timed; ATPT tells whether all are before the first infusion."""
    last_day = [visits[f"{name}_ADT"] == visits["ADT"] for name in _LABS]
    times = pd.concat([visits[f"{name}_ADTM"].where(day) for name, day in zip(_LABS, last_day, strict=True)], axis=1)
    untimed = pd.concat([visits[f"{name}_ADTM"].isna() & day for name, day in zip(_LABS, last_day, strict=True)], axis=1)
    after = visits[[f"{name}_AFTER" for name in _LABS]].any(axis=1)
    point = pd.Series("PRE-DOSE", index=visits.index, dtype="str").mask(after, "POST-DOSE")
    return visits.assign(ADTM=times.max(axis=1).mask(untimed.any(axis=1)), ATPT=point)


def _make_records(visits: pd.DataFrame, paramcd: str, value: object, components: tuple[object, ...]) -> pd.DataFrame:
    names = ("AVAL", *(f"COMP{number}" for number in range(1, len(components) + 1)))
    values = [np.asarray(one, dtype="float64") for one in (value, *components)]
    known = ~np.isnan(values[0])
    kept: pd.DataFrame = visits[known]
    base = kept[["USUBJID", "VISITNUM", "VISIT", "ADT", "ADTM", "ATPT"]]
    found = {name: one[known] for name, one in zip(names, values, strict=True)}
    return base.assign(PARAMCD=paramcd, **found, **_find_source(kept, _SOURCES[paramcd]))


def _find_source(visits: pd.DataFrame, names: tuple[str, ...]) -> dict[str, pd.Series]:
    """SRCDOM, SRCVAR and SRCSEQ of the first of the named measurements and treatments each visit has."""
    found = {what: visits[f"{names[0]}_{what}"] for what in SOURCE}
    for name in names[1:]:
        there = found["SRCSEQ"].notna()
        found = {what: one.where(there, visits[f"{name}_{what}"]) for what, one in found.items()}
    return found


def _derive_meld_records(visits: pd.DataFrame, dialysis: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    rule, bounded = scores.read_meld(trial), trial.switches.meld_bounds == "unos"
    dialysed = is_dialysed(visits, dialysis, rule.dialysis).to_numpy()
    creat, bili = (scores.value_in(rule.unit, visits[name], name, trial) for name in _LABS[:2])
    inr = visits["INR"].to_numpy(dtype="float64")
    used = scores.bound_meld_inputs(creat, bili, inr, dialysed, rule=rule, bounded=bounded)
    meld = scores.derive_meld(creat, bili, inr, dialysed, rule=rule, bounded=bounded)
    if trial.switches.meld_round:
        meld = scores.round_meld(meld)
    measured = (visits["CREAT"], visits["BILI"])
    parts = [_make_records(visits, "MELD", meld, (creat, bili, inr, *used, *measured))]
    limits = trial.parameters["MELDUNOS"].range if "MELDUNOS" in trial.parameters else None
    if limits is not None:
        # What is reported for allocation is bounded whatever the analysis does.
        reported = scores.derive_meldunos(scores.derive_meld(creat, bili, inr, dialysed, rule=rule), limits)
        parts.append(_make_records(visits, "MELDUNOS", reported, (creat, bili, inr, *used)))
    return pd.concat(parts)


def _add_component(visits: pd.DataFrame, name: str, found: pd.DataFrame, near_days: int) -> pd.DataFrame:
    """Join one measurement of the visit if it lies within so many days of the others; the visit's dates widen with it."""
    sources = {what: f"{name}_{what}" for what in SOURCE}
    joined = visits.merge(found[[*KEYS, name, "ADT", *SOURCE]].rename(columns={"ADT": "DAY", **sources}), on=KEYS, how="left")
    first, last = joined[["FIRST", "DAY"]].min(axis=1), joined[["ADT", "DAY"]].max(axis=1)
    near = joined["DAY"].notna() & (last - first <= pd.Timedelta(days=near_days))
    # A later day than the blood samples' has no time of its own here.
    moved = near & (last > joined["ADT"])
    widened = joined.assign(FIRST=joined["FIRST"].mask(near, first), ADT=joined["ADT"].mask(near, last))
    kept = {one: joined[one].where(near) for one in (name, *sources.values())}
    return widened.assign(**kept, ADTM=joined["ADTM"].mask(moved)).drop(columns="DAY")


def _add_treatment(visits: pd.DataFrame, name: str, days: pd.DataFrame, domain: str) -> pd.DataFrame:
    """The treatment that covers the day of each visit, as a source."""
    sequence = find_overlap(visits, days, "SRCSEQ")
    found = {f"{name}_SRCDOM": domain, f"{name}_SRCVAR": f"{domain}DECOD"}
    told = {what: say_where(sequence.notna(), text) for what, text in found.items()}
    return visits.assign(**told, **{f"{name}_SRCSEQ": sequence})


def _add_organs(visits: pd.DataFrame, hegrade: pd.DataFrame, sdtm: Sdtm, adsl: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Measurements of brain, circulation and respiration beside the blood tests of each visit."""
    vitals = read_vitals(sdtm)
    oxygen = read_oxygenation(sdtm, vitals, adsl, trial)
    grades = pick_record(hegrade.rename(columns={"AVAL": "HE"}), "HE", adsl, trial)
    pressure = read_pressure(vitals, adsl, trial)
    for name, found in (("HE", grades), ("MAP", pressure), ("PF", oxygen["PF"]), ("SF", oxygen["SF"])):
        visits = _add_component(visits, name, found, scores.read_clif(trial).components_within_days)
    return visits


def _derive_clif_records(visits: pd.DataFrame, dialysis: pd.DataFrame, sdtm: Sdtm, trial: Trial) -> pd.DataFrame:
    ventilation, vasopressors = read_ventilation(sdtm), read_vasopressors(sdtm)
    lungs, airway = ventilation[~ventilation["AIRWAY"]], ventilation[ventilation["AIRWAY"]]
    for name, days, domain in (("VENTILATED", lungs, "PR"), ("AIRWAY", airway, "PR"), ("VASOPRESSOR", vasopressors, "CM")):
        visits = _add_treatment(visits, name, days, domain)
    inputs = scores.OrganInputs(
        bili=visits["BILI"],
        creat=visits["CREAT"],
        he=visits["HE"],
        inr=visits["INR"],
        map=visits["MAP"],
        pf=visits["PF"],
        sf=visits["SF"],
        rrt=flag_overlap(visits, dialysis, days_before=scores.read_clif(trial).rrt_days_before),
        vasopressor=flag_overlap(visits, vasopressors),
        ventilated=flag_overlap(visits, lungs),
        airway=flag_overlap(visits, airway),
    )
    return _make_clif_records(visits, inputs, trial)


def _make_clif_records(visits: pd.DataFrame, inputs: scores.OrganInputs, trial: Trial) -> pd.DataFrame:
    subscores = scores.derive_clif_subscores(inputs, trial)
    index = np.where(np.isnan(np.asarray(inputs.pf)), inputs.sf, inputs.pf)
    bili, creat = (_scored_in(code, visits[name], name, trial) for code, name in (("CLIFLIV", "BILI"), ("CLIFKID", "CREAT")))
    total = (bili, creat, inputs.he, inputs.inr, inputs.map, index)
    made_from: dict[str, tuple[object, ...]] = {
        "CLIFLIV": (bili,),
        "CLIFKID": (creat, inputs.rrt),
        "CLIFBRA": (inputs.he, inputs.airway),
        "CLIFCOA": (inputs.inr,),
        "CLIFCIR": (inputs.map, inputs.vasopressor),
        "CLIFRES": (inputs.pf, inputs.sf, inputs.ventilated),
    }
    parts = [_make_records(visits, name, subscores[name], made_from[name]) for name in SUBSCORES]
    parts.append(_make_records(visits, "CLIFCOF", scores.derive_clifcof(subscores), total))
    parts.append(_make_records(visits, "OFCOUNT", scores.derive_ofcount(subscores, trial), total))
    parts.append(_make_records(visits, "OFREG", scores.derive_ofreg(inputs, subscores, trial), total))
    return pd.concat(parts)


def _scored_in(code: str, values: pd.Series, name: str, trial: Trial) -> np.ndarray:
    """A laboratory value in the unit its organ is scored in."""
    (organ,) = (one for one in scores.read_clif(trial).organs if one.code == code)
    return scores.value_in(next((one.unit for one in organ.inputs if one.measure == name), None), values, name, trial)


def _read_hegrade(sdtm: Sdtm) -> pd.DataFrame:
    """West-Haven grades as records of HEGRADE."""
    rs = take_domain(sdtm, "RS", ("RSTESTCD", "RSDTC", "VISIT", "RSTPT"), ("RSSEQ", "RSSTRESN", "VISITNUM"))
    rs = rs[(rs["RSTESTCD"] == "HEGRADE") & rs["RSSTRESN"].notna()]
    found = rs[["USUBJID", "VISIT", "VISITNUM"]].assign(PARAMCD="HEGRADE", AVAL=rs["RSSTRESN"], ATPT=rs["RSTPT"])
    return found.assign(SRCDOM="RS", SRCVAR="RSSTRESN", SRCSEQ=rs["RSSEQ"]).join(read_dates(rs, "RSDTC"))


def _read_lsm(sdtm: Sdtm, trial: Trial) -> pd.DataFrame:
    """Liver stiffness (kPa) as records of LSM; LSMQFL tells whether the measurement was a valid one."""
    xl = take_domain(sdtm, "XL", ("XLTESTCD", "XLSTRESU", "XLDTC", "VISIT"), ("XLSEQ", "XLSTRESN", "VISITNUM"))
    check_units(xl, "XL", xl["XLTESTCD"].map(standard_units(trial, "ADEFF")))
    xl = xl.assign(KEY=visit_key(xl["VISITNUM"])).sort_values("XLSEQ")
    keys = ["USUBJID", "KEY", "XLDTC"]
    lsm = xl[(xl["XLTESTCD"] == "LSM") & xl["XLSTRESN"].notna()].reset_index(drop=True)
    for name, testcd in (("COMP1", "LSMNVAL"), ("COMP2", "LSMIQRM")):
        quality = xl[xl["XLTESTCD"] == testcd].drop_duplicates(keys, keep="last").rename(columns={"XLSTRESN": name})
        lsm = lsm.merge(quality[[*keys, name]], on=keys, how="left")
    rule = trial.parameters["LSM"].quality if "LSM" in trial.parameters else None
    shots, spread = (rule.shots_at_least, rule.iqr_percent_at_most) if rule else (np.nan, np.nan)
    good, bad = (lsm["COMP1"] >= shots) & (lsm["COMP2"] <= spread), (lsm["COMP1"] < shots) | (lsm["COMP2"] > spread)
    found = lsm[["USUBJID", "VISIT", "VISITNUM", "COMP1", "COMP2"]].assign(PARAMCD="LSM", AVAL=lsm["XLSTRESN"])
    found = found.assign(LSMQFL=yes_no(good, good | bad), SRCDOM="XL", SRCVAR="XLSTRESN", SRCSEQ=lsm["XLSEQ"])
    return found.join(read_dates(lsm, "XLDTC"))
