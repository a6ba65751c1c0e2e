"""VS, RE, RS, XL, MB, IS: what is measured besides blood chemistry."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgbm1_report.simulate import design, scores
from cgbm1_report.simulate.events import DATE, MINUTE
from cgbm1_report.simulate.laboratory import NOT_DONE, UNWRITTEN
from cgbm1_report.simulate.streams import Flags, Floats, stream
from cgbm1_report.simulate.trajectories import Course
from cgbm1_report.trial import Trial

#: Time points after an infusion: name, minutes from its start
_POINTS = (("END", 60), ("+1H", 120), ("+4H", 300))
_AIR = 0.21


def measure_state(samples: pd.DataFrame, people: pd.DataFrame, course: Course, seed: int) -> pd.DataFrame:
    """The state of the patient at each planned visit, before any record is made of it.

    Grain: one row per planned visit: encephalopathy, pressures, saturation, oxygen, fever.
    """
    rng = stream(seed, "state")
    state = samples[samples["planned"] & ~samples["twin"]].reset_index(drop=True)
    pid, day = state["pid"].to_numpy(), state["day"].fillna(-1.0).to_numpy()
    own = people.loc[pid].reset_index(drop=True)
    n = len(state)
    state["he"] = np.where(day <= 0, own["he"], course.encephalopathy(pid, day))
    ill = ~own["lasting"].to_numpy() & (day >= own["event_day"].fillna(9999).to_numpy() - 5)
    arterial = np.clip(own["map"].to_numpy() + rng.normal(0, 5, n) - np.where(ill, 10, 0), 52, 118)
    state["DIABP"] = np.round(arterial - rng.uniform(12, 17, n))
    state["SYSBP"] = np.round(3 * arterial - 2 * state["DIABP"])
    state["MAP"] = np.round((state["SYSBP"] + 2 * state["DIABP"]) / 3)
    oxygen = (ill | (state["he"] >= 3).to_numpy()) & (day > 0) & (rng.random(n) < 0.4)
    state["FIO2"] = np.where(oxygen, np.round(rng.choice([0.29, 0.33, 0.4], n), 2), _AIR)
    state["OXYSAT"] = np.round(np.where(oxygen, rng.uniform(92, 97, n), rng.uniform(95, 99.4, n)))
    state["HR"] = np.round(np.clip(rng.normal(82, 9, n), 52, 135))
    state["RESP"] = np.round(np.clip(rng.normal(18, 2, n), 12, 34))
    state["TEMP"] = np.round(np.where(course.feverish(pid, day), rng.normal(38.4, 0.3, n), rng.normal(36.7, 0.25, n)), 1)
    state["WEIGHT"] = np.round(own["weight"] + np.where(day > 0, rng.normal(0, 0.8, n), 0), 1)
    state["HEIGHT"] = own["height"]
    state["breathing_missing"] = (rng.random(n) < design.MISSING["RESPIRATION"]) & (day > 0)
    state["no_map"] = own["site"] == design.SITES
    return state


def _base(state: pd.DataFrame, rows: Flags | pd.Series) -> pd.DataFrame:
    return state.loc[rows, ["pid", "VISITNUM", "VISIT", "date", "start", "form"]].reset_index(drop=True)


def _number(table: pd.DataFrame, domain: str, value: Floats | pd.Series, dp: int, unit: str | None, missing: Flags | pd.Series) -> None:
    """Results of one numeric test, as collected and standardised in the same unit."""
    gone = np.asarray(missing, dtype=bool)
    number = np.asarray(value, dtype=float)
    text = np.where(gone, None, np.char.mod(f"%.{dp}f", number))
    table[f"{domain}ORRES"] = table[f"{domain}STRESC"] = pd.Series(text, dtype="str")
    table[f"{domain}STRESN"] = np.where(gone, np.nan, number)
    table[f"{domain}ORRESU"] = table[f"{domain}STRESU"] = pd.Series(np.where(gone, None, unit), dtype="str")
    table[f"{domain}STAT"] = pd.Series(np.where(gone, NOT_DONE, None), dtype="str")
    table["form"] = np.where(gone & (table["form"] != UNWRITTEN), DATE, table["form"])


def measure_vitals(state: pd.DataFrame, infusions: pd.DataFrame, people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """VS: vital signs at every planned visit and around every infusion.

    Grain: one row per subject, visit, time point and test.
    """
    rng = stream(seed, "VS")
    infused = pd.MultiIndex.from_frame(infusions.loc[infusions["given"], ["pid", "day"]])
    quiet = state[~state["post_dose"]]
    frames = []
    for test in ("SYSBP", "DIABP", "MAP", "HR", "RESP", "TEMP", "OXYSAT", "WEIGHT", "HEIGHT"):
        rows = quiet if test != "HEIGHT" else quiet[~(quiet["day"] >= 0)]
        rows = rows[~rows["no_map"]] if test == "MAP" else rows
        table = _base(rows, np.ones(len(rows), dtype=bool))
        gone = ~rows["attended"].to_numpy() | ((rows["breathing_missing"] & (test == "OXYSAT")).to_numpy())
        parameter = trial.parameter(test)
        _number(table, "VS", rows[test], parameter.dp, parameter.si_unit, gone)
        table["VSTESTCD"], table["VSTEST"] = test, parameter.label
        before = pd.MultiIndex.from_frame(rows[["pid", "day"]]).isin(infused) & rows["attended"].to_numpy()
        table["VSTPT"] = pd.Series(np.where(before, "PRE-DOSE", None), dtype="str")
        frames.append(table)
    frames.append(_after_infusions(rng, state, infusions, trial))
    table = pd.concat(frames, ignore_index=True)
    return _flag_before(table, people, "VS", ["VSTESTCD"])


def _after_infusions(rng: np.random.Generator, state: pd.DataFrame, infusions: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Vital signs at the end of each infusion and one and four hours later."""
    visits = state.loc[state["attended"] & (state["day"] >= 0)]
    visits = visits[["pid", "day", "VISITNUM", "VISIT", "post_dose", "SYSBP", "DIABP", "HR", "RESP", "TEMP", "OXYSAT"]]
    here = infusions[infusions["given"]].merge(visits, on=["pid", "day"], how="inner")
    # After the first infusion there is a visit of its own; the later ones have one visit.
    rows = here[(here["day"] != 0) | here["post_dose"]]
    frames = []
    for name, minutes in _POINTS:
        for test, sd in (("SYSBP", 6.0), ("DIABP", 4.0), ("HR", 5.0), ("RESP", 1.0), ("TEMP", 0.2), ("OXYSAT", 0.8)):
            parameter = trial.parameter(test)
            table = rows[["pid", "VISITNUM", "VISIT", "date"]].reset_index(drop=True)
            table["start"] = rows["start"].reset_index(drop=True) + pd.to_timedelta(minutes, unit="m")
            table["form"] = MINUTE
            value = rows[test].to_numpy() + rng.normal(0, sd, len(rows)) + (0.15 if test == "TEMP" and minutes > 100 else 0.0)
            value = np.minimum(value, 100) if test == "OXYSAT" else value
            _number(table, "VS", np.round(value, parameter.dp), parameter.dp, parameter.si_unit, np.zeros(len(rows), dtype=bool))
            table["VSTESTCD"], table["VSTEST"], table["VSTPT"] = test, parameter.label, name
            frames.append(table)
    return pd.concat(frames, ignore_index=True)


def measure_breathing(state: pd.DataFrame, laboratory: pd.DataFrame, people: pd.DataFrame, seed: int) -> pd.DataFrame:
    """RE: fraction of oxygen breathed at every planned visit; its ratio to PO2 in some of those with blood gases."""
    rows = state[~state["post_dose"]].reset_index(drop=True)
    table = _base(rows, np.ones(len(rows), dtype=bool))
    _number(table, "RE", rows["FIO2"], 2, None, ~rows["attended"] | rows["breathing_missing"])
    table["RETESTCD"], table["RETEST"] = "FIO2", "Fraction of Inspired Oxygen"
    gases = laboratory.loc[laboratory["LBTESTCD"] == "PO2", ["pid", "VISITNUM", "LBSTRESN", "start"]]
    ratio = rows.drop(columns="start").merge(gases, on=["pid", "VISITNUM"])
    ratio = ratio[(ratio["pid"] % 2 == 0) & ratio["attended"] & ~ratio["breathing_missing"]].reset_index(drop=True)
    measured = _base(ratio, np.ones(len(ratio), dtype=bool))
    _number(measured, "RE", np.round(ratio["LBSTRESN"] / ratio["FIO2"]), 0, "mmHg", np.zeros(len(ratio), dtype=bool))
    measured["RETESTCD"], measured["RETEST"] = "PFRATIO", "PaO2/FiO2 Ratio"
    return _flag_before(pd.concat([table, measured], ignore_index=True), people, "RE", ["RETESTCD"])


def assess(state: pd.DataFrame, laboratory: pd.DataFrame, people: pd.DataFrame, procedures: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """RS: encephalopathy at every planned visit; the scores the site entered at the visits that have them."""
    rows = state[~state["post_dose"]].reset_index(drop=True)
    grade = _base(rows, np.ones(len(rows), dtype=bool))
    _number(grade, "RS", rows["he"], 0, None, ~rows["attended"])
    grade["RSTESTCD"], grade["RSTEST"], grade["RSCAT"] = "HEGRADE", "Hepatic Encephalopathy Grade", "WEST-HAVEN"
    scored = _scored(rows, laboratory, people, procedures, trial)
    frames = [grade]
    for code, test, category, dp in (
        ("MELDSITE", "MELD Score Entered by Site", "MELD", 1),
        ("CLIFSITE", "CLIF-C OF Score Entered by Site", "CLIF-C OF", 0),
        ("ACLFGRD", "ACLF Grade", "ACLF GRADE", 0),
    ):
        known = scored[scored[code].notna() & ((code != "ACLFGRD") | (scored["target"] == 0))]
        table = _base(known, np.ones(len(known), dtype=bool))
        _number(table, "RS", np.round(known[code], dp), dp, None, np.zeros(len(known), dtype=bool))
        table["RSTESTCD"], table["RSTEST"], table["RSCAT"] = code, test, category
        frames.append(table)
    return _flag_before(pd.concat(frames, ignore_index=True), people, "RS", ["RSTESTCD"])


def _scored(rows: pd.DataFrame, laboratory: pd.DataFrame, people: pd.DataFrame, procedures: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """Scores a site works out by hand; it leaves them to the sponsor in patients with organ support."""
    main = laboratory[laboratory["LBTESTCD"].isin(["BILI", "INR", "CREAT"])].sort_values("LBNAM", ascending=False, kind="stable")
    main = main.drop_duplicates(["pid", "VISITNUM", "LBTESTCD"], keep="last")
    values = main.pivot(index=["pid", "VISITNUM"], columns="LBTESTCD", values="LBSTRESN").reset_index()
    days = {day for number in trial.phase_numbers for code in ("MELD", "CLIFCOF") for day in trial.registry_days(number, code)}
    due = rows[rows["target"].isin([0.0, *days]) & rows["attended"]]
    merged = due.merge(values, on=["pid", "VISITNUM"])
    supported = people.index[people["vasopressor"] > 0].union(
        pd.Index(procedures.loc[procedures["PRDECOD"].isin(["RENAL REPLACEMENT THERAPY", "MECHANICAL VENTILATION"]), "pid"])
    )
    merged = merged[~merged["pid"].isin(supported)].reset_index(drop=True)
    bili, inr, creat = (merged[test].to_numpy() for test in ("BILI", "INR", "CREAT"))
    saturation = np.where(merged["breathing_missing"], np.nan, merged["OXYSAT"] / merged["FIO2"])
    he = merged["he"].to_numpy()
    parts = scores.clif_subscores(bili, inr, creat, he, merged["MAP"].to_numpy(), saturation)
    merged["MELDSITE"] = scores.meld(bili, inr, creat)
    # A collected blood gas ratio goes before the saturation; the site does not work that out.
    gases = merged["pid"].map(people["blood_gas"]).to_numpy(dtype=bool)
    merged["CLIFSITE"] = np.where(gases, np.nan, parts.sum(axis=0))
    merged["ACLFGRD"] = np.where(gases, np.nan, scores.aclf_grade(parts, creat, he))
    return merged


def measure_stiffness(state: pd.DataFrame, people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """XL: liver stiffness with its quality, on the registry's days."""
    rng = stream(seed, "XL")
    rows = _on_registry_days(state, people, trial, "LSM")
    own = people.loc[rows["pid"]].reset_index(drop=True)
    n = len(rows)
    mean, sd, low, high = design.LSM
    start = np.clip(mean + sd * stream(seed, "XL start").standard_normal(len(people)), low, high)[rows["pid"]]
    drift = np.where(own["lasting"], design.SLOPE["LSM"] * rows["day"], 0.0)
    value = np.clip(np.round((start + drift) * np.exp(0.06 * rng.standard_normal(n)), 1), low, high)
    poor = rng.random(n) < 0.06
    shots = np.where(poor, rng.integers(6, 10, n), rng.integers(10, 14, n))
    spread = np.where(poor, rng.uniform(25, 42, n), rng.uniform(6, 28, n))
    gone = ~rows["attended"].to_numpy() | (rng.random(n) < design.MISSING["LSM"])
    frames = []
    for code, test, result, dp, unit in (
        ("LSM", trial.parameter("LSM").label, value, 1, "kPa"),
        ("LSMIQRM", "LSM IQR/Median", spread, 0, "%"),
        ("LSMNVAL", "LSM Number of Valid Shots", shots, 0, None),
    ):
        table = _base(rows, np.ones(n, dtype=bool))
        _number(table, "XL", np.round(result, dp), dp, unit, gone)
        frames.append(table.assign(XLTESTCD=code, XLTEST=test))
    method = _base(rows, ~gone)
    method["XLORRES"] = method["XLSTRESC"] = "TRANSIENT ELASTOGRAPHY"
    frames.append(method.assign(XLTESTCD="LSMMETH", XLTEST="LSM Method"))
    return _flag_before(pd.concat(frames, ignore_index=True), people, "XL", ["XLTESTCD"])


def _on_registry_days(state: pd.DataFrame, people: pd.DataFrame, trial: Trial, code: str) -> pd.DataFrame:
    phase = people["phase"].to_numpy()[state["pid"]]
    due = np.zeros(len(state), dtype=bool)
    for number in trial.phase_numbers:
        days = trial.registry_days(number, code)
        due |= (phase == number) & state["target"].isin([0.0, *days] if days else []).to_numpy()
    return state[due & ~state["post_dose"].to_numpy()].reset_index(drop=True)


def culture(state: pd.DataFrame, people: pd.DataFrame, seed: int) -> pd.DataFrame:
    """MB: hepatitis B surface antigen at screening, viral load then and from the fourth week on."""
    rng = stream(seed, "MB")
    screened = state[~(state["day"] >= 0)]
    antigen = _base(screened, np.ones(len(screened), dtype=bool))
    positive = (people["etiology"] == "HEPATITIS B").reindex(screened["pid"]).to_numpy()
    antigen["MBORRES"] = antigen["MBSTRESC"] = pd.Series(np.where(positive, "POSITIVE", "NEGATIVE"), dtype="str")
    antigen["MBTESTCD"], antigen["MBTEST"] = "HBSAG", "Hepatitis B Virus Surface Antigen"
    viral = (people["etiology"] == "HEPATITIS B").reindex(state["pid"]).to_numpy()
    rows = state[viral & (~(state["day"] >= 0) | (state["target"] >= 28))].reset_index(drop=True)
    start = people["hbv_log"].to_numpy()[rows["pid"]]
    load = start - 0.03 * rows["day"].clip(lower=0).fillna(0).to_numpy() + rng.normal(0, 0.15, len(rows))
    number = np.round(10 ** np.maximum(load, 1.4))
    table = _base(rows, np.ones(len(rows), dtype=bool))
    _number(table, "MB", number, 0, "IU/mL", ~rows["attended"] | ((rng.random(len(rows)) < 0.03) & (rows["target"] >= 28)))
    table["MBTESTCD"], table["MBTEST"] = "HBVVLD", "Hepatitis B Virus Viral Load"
    return _flag_before(pd.concat([antigen, table], ignore_index=True), people, "MB", ["MBTESTCD"])


def measure_antibodies(state: pd.DataFrame, people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """IS: antibodies against HLA class I and II with their intensity on the registry's days, HIV at screening."""
    rng = stream(seed, "IS")
    rows = _on_registry_days(state, people, trial, "HLAAB")
    n = len(rows)
    rank = np.clip(people["rank"].to_numpy(), 0, 2)
    before = rng.random((2, len(people))) < design.HLA_POSITIVE / 2
    new = rng.random((2, len(people))) < np.asarray(design.HLA_NEW)[rank] / 2
    gone = ~rows["attended"].to_numpy() | (rng.random(n) < design.MISSING["HLA"])
    frames = []
    for place, name in enumerate(("1", "2")):
        had = before[place][rows["pid"]] | (new[place][rows["pid"]] & (rows["day"] > 0).to_numpy())
        level = np.round(np.where(had, rng.uniform(1500, 9000, n), rng.uniform(80, 700, n)))
        unclear = rng.random(n) < design.HLA_INDETERMINATE
        text = np.where(unclear, "INDETERMINATE", np.where(had, "POSITIVE", "NEGATIVE"))
        result = _base(rows, np.ones(n, dtype=bool))
        result["ISORRES"] = result["ISSTRESC"] = pd.Series(np.where(gone, None, text), dtype="str")
        result["ISSTAT"] = pd.Series(np.where(gone, NOT_DONE, None), dtype="str")
        roman = "I" * (place + 1)
        frames.append(result.assign(ISTESTCD=f"HLA{name}AB", ISTEST=f"Anti-HLA Class {roman} Antibody", ISSCAT="ANTI-HLA"))
        strength = _base(rows, np.ones(n, dtype=bool))
        _number(strength, "IS", level, 0, "MFI", gone)
        strength["ISSTRESC"] = pd.Series([None] * n, dtype="str")
        frames.append(strength.assign(ISTESTCD=f"HLA{name}MFI", ISTEST=f"Anti-HLA Class {roman} Antibody MFI", ISSCAT="ANTI-HLA"))
    screened = state[~(state["day"] >= 0)]
    hiv = _base(screened, np.ones(len(screened), dtype=bool))
    positive = people["hiv"].reindex(screened["pid"]).to_numpy()
    hiv["ISORRES"] = hiv["ISSTRESC"] = pd.Series(np.where(positive, "POSITIVE", "NEGATIVE"), dtype="str")
    frames.append(hiv.assign(ISTESTCD="HIV12AB", ISTEST="HIV-1/2 Antibody", ISSCAT="HIV"))
    return _flag_before(pd.concat(frames, ignore_index=True), people, "IS", ["ISTESTCD"])


def _flag_before(table: pd.DataFrame, people: pd.DataFrame, domain: str, test: list[str]) -> pd.DataFrame:
    """Order the records and flag the last result before the first infusion (--LOBXFL)."""
    point = [f"{domain}TPT"] if f"{domain}TPT" in table else []
    table = table.sort_values(["pid", "date", "VISITNUM", "start", *test, *point], kind="stable", ignore_index=True)
    own = people.loc[table["pid"]].reset_index(drop=True)
    dosed_at = (own["anchor"] + pd.to_timedelta(own["dose_minute"], unit="m")).where(own["dosed"])
    result = table[f"{domain}STRESC"] if f"{domain}STRESC" in table else table[f"{domain}ORRES"]
    if f"{domain}STRESN" in table:
        result = result.where(result.notna(), table[f"{domain}STRESN"].astype("str").where(table[f"{domain}STRESN"].notna()))
    before = result.notna() & (table["start"] <= dosed_at)
    last = table[before].sort_values(["start", "VISITNUM"], kind="stable").drop_duplicates(["pid", *test], keep="last").index
    table[f"{domain}LOBXFL"] = pd.Series(np.where(table.index.isin(last), "Y", None), dtype="str")
    return table

