"""VS, RE, RS, XL, MB, IS: what is measured besides blood chemistry."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cgbm1_report.protocol.trial import Trial
from cgbm1_report.simulate import design, design_findings, scores
from cgbm1_report.simulate.events import DATE, MINUTE
from cgbm1_report.simulate.laboratory import NOT_DONE, UNWRITTEN, decimals
from cgbm1_report.simulate.streams import Flags, Floats, stream, text_where
from cgbm1_report.simulate.trajectories import Course

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
    ends = [own[name].to_numpy() for name in ("event_day", "death_day")]
    ill = np.any([(day >= end - 5) & (day <= end) for end in ends], axis=0)
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
    state["breathing_missing"] = (rng.random(n) < design_findings.MISSING["RESPIRATION"]) & (day > 0)
    state["no_map"] = own["site"] == design.SITES
    return state


def _records(
    rows: pd.DataFrame, code: str, test: str, value: Floats | pd.Series, dp: int, unit: str | None, gone: Flags | pd.Series
) -> pd.DataFrame:
    """One test's numbers at the visits given; ``gone`` was not done."""
    table = rows[["pid", "VISITNUM", "VISIT", "date", "start", "form"]].reset_index(drop=True)
    table["code"], table["test"], table["unit"], table["dp"] = code, test, unit or "", dp
    table["value"], table["gone"] = np.round(np.asarray(value, dtype=float), dp), np.asarray(gone, dtype=bool)
    return table


def _texts(rows: pd.DataFrame, code: str, test: str, text: str | NDArray[np.str_], gone: Flags | pd.Series) -> pd.DataFrame:
    """One test's texts at the visits given."""
    table = _records(rows, code, test, np.full(len(rows), np.nan), 0, None, gone)
    return table.assign(text=text)


def _write_down(domain: str, parts: list[pd.DataFrame], people: pd.DataFrame) -> pd.DataFrame:
    """Numbers and texts become the variables of a findings domain, in order, with --LOBXFL."""
    table = pd.concat(parts, ignore_index=True)
    point = [f"{domain}TPT"] if f"{domain}TPT" in table else []
    table = table.sort_values(["pid", "date", "VISITNUM", "start", "code", *point], kind="stable", ignore_index=True)
    gone, value = table["gone"].to_numpy(), table["value"].to_numpy()
    written = pd.Series(decimals(value, table["dp"].to_numpy()), dtype="str")
    written = written.where(~np.isnan(value), table.get("text", pd.Series(np.nan, index=table.index))).mask(gone)
    unit = table["unit"].where((table["unit"] != "") & ~gone)
    table = table.rename(columns={"code": f"{domain}TESTCD", "test": f"{domain}TEST"})
    table[f"{domain}ORRES"] = table[f"{domain}STRESC"] = written
    table[f"{domain}STRESN"] = np.where(gone, np.nan, value)
    table[f"{domain}ORRESU"] = table[f"{domain}STRESU"] = unit
    table[f"{domain}STAT"] = text_where(gone, NOT_DONE)
    table["form"] = np.where(gone & (table["form"] != UNWRITTEN), DATE, table["form"])
    own = people.loc[table["pid"]].reset_index(drop=True)
    dosed_at = (own["anchor"] + pd.to_timedelta(own["dose_minute"], unit="m")).where(own["dosed"])
    before = table[written.notna() & (table["start"] <= dosed_at)].sort_values(["start", "VISITNUM"], kind="stable")
    last = before.drop_duplicates(["pid", f"{domain}TESTCD"], keep="last").index
    table[f"{domain}LOBXFL"] = text_where(table.index.isin(last), "Y")
    return table


def measure_vitals(state: pd.DataFrame, infusions: pd.DataFrame, people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """VS: vital signs at every planned visit and around every infusion.

    Grain: one row per subject, visit, time point and test.
    """
    infused = pd.MultiIndex.from_frame(infusions.loc[infusions["given"], ["pid", "day"]])
    quiet = state[~state["post_dose"]]
    parts = []
    for test in ("SYSBP", "DIABP", "MAP", "HR", "RESP", "TEMP", "OXYSAT", "WEIGHT", "HEIGHT"):
        rows = quiet if test != "HEIGHT" else quiet[~(quiet["day"] >= 0)]
        rows = rows[~rows["no_map"]] if test == "MAP" else rows
        gone = ~rows["attended"] | (rows["breathing_missing"] & (test == "OXYSAT"))
        parameter = trial.parameter(test)
        part = _records(rows, test, parameter.label, rows[test], parameter.dp, parameter.si_unit, gone)
        before = pd.MultiIndex.from_frame(rows[["pid", "day"]]).isin(infused) & rows["attended"].to_numpy()
        part["VSTPT"] = text_where(before, "PRE-DOSE")
        parts.append(part)
    parts += _after_infusions(stream(seed, "VS"), state, infusions, trial)
    return _write_down("VS", parts, people)


def _after_infusions(rng: np.random.Generator, state: pd.DataFrame, infusions: pd.DataFrame, trial: Trial) -> list[pd.DataFrame]:
    """Vital signs at the end of each infusion and one and four hours later."""
    visits = state.loc[state["attended"] & (state["day"] >= 0)]
    visits = visits[["pid", "day", "VISITNUM", "VISIT", "post_dose", "SYSBP", "DIABP", "HR", "RESP", "TEMP", "OXYSAT"]]
    here = infusions[infusions["given"]].merge(visits, on=["pid", "day"], how="inner")
    # After the first infusion there is a visit of its own; the later ones have one visit.
    rows = here[(here["day"] != 0) | here["post_dose"]].assign(form=MINUTE)
    parts = []
    for name, minutes in _POINTS:
        timed = rows.assign(start=rows["start"] + pd.to_timedelta(minutes, unit="m"))
        for test, sd in (("SYSBP", 6.0), ("DIABP", 4.0), ("HR", 5.0), ("RESP", 1.0), ("TEMP", 0.2), ("OXYSAT", 0.8)):
            parameter = trial.parameter(test)
            value = rows[test].to_numpy() + rng.normal(0, sd, len(rows)) + (0.15 if test == "TEMP" and minutes > 100 else 0.0)
            value = np.minimum(value, 100) if test == "OXYSAT" else value
            none = np.zeros(len(rows), dtype=bool)
            parts.append(_records(timed, test, parameter.label, value, parameter.dp, parameter.si_unit, none).assign(VSTPT=name))
    return parts


def measure_breathing(state: pd.DataFrame, laboratory: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """RE: fraction of oxygen breathed at every planned visit; its ratio to PO2 in some of those with blood gases."""
    rows = state[~state["post_dose"]].reset_index(drop=True)
    gone = ~rows["attended"] | rows["breathing_missing"]
    breathed = _records(rows, "FIO2", "Fraction of Inspired Oxygen", rows["FIO2"], 2, None, gone)
    gases = laboratory.loc[laboratory["LBTESTCD"] == "PO2", ["pid", "VISITNUM", "LBSTRESN", "start"]]
    ratio = rows.drop(columns="start").merge(gases, on=["pid", "VISITNUM"])
    ratio = ratio[(ratio["pid"] % 2 == 0) & ratio["attended"] & ~ratio["breathing_missing"]]
    none = np.zeros(len(ratio), dtype=bool)
    measured = _records(ratio, "PFRATIO", "PaO2/FiO2 Ratio", ratio["LBSTRESN"] / ratio["FIO2"], 0, "mmHg", none)
    return _write_down("RE", [breathed, measured], people)


def assess(
    state: pd.DataFrame, laboratory: pd.DataFrame, people: pd.DataFrame, procedures: pd.DataFrame, trial: Trial
) -> pd.DataFrame:
    """RS: encephalopathy at every planned visit; the scores the site entered at the visits that have them."""
    rows = state[~state["post_dose"]].reset_index(drop=True)
    grade = _records(rows, "HEGRADE", "Hepatic Encephalopathy Grade", rows["he"], 0, None, ~rows["attended"])
    scored = _scored(rows, laboratory, people, procedures, trial)
    parts = [grade.assign(RSCAT="WEST-HAVEN")]
    for code, test, category, dp in (
        ("MELDSITE", "MELD Score Entered by Site", "MELD", 1),
        ("CLIFSITE", "CLIF-C OF Score Entered by Site", "CLIF-C OF", 0),
        ("ACLFGRD", "ACLF Grade", "ACLF GRADE", 0),
    ):
        known = scored[scored[code].notna() & ((code != "ACLFGRD") | (scored["target"] == 0))]
        parts.append(_records(known, code, test, known[code], dp, None, np.zeros(len(known), dtype=bool)).assign(RSCAT=category))
    return _write_down("RS", parts, people)


def _scored(
    rows: pd.DataFrame, laboratory: pd.DataFrame, people: pd.DataFrame, procedures: pd.DataFrame, trial: Trial
) -> pd.DataFrame:
    """Scores a site works out by hand; it leaves them to the sponsor in patients with organ support."""
    main = laboratory[laboratory["LBTESTCD"].isin(["BILI", "INR", "CREAT"])]
    # Of two laboratories at one visit the later sample is scored, as in the analysis.
    moment = main["start"].where(main["form"] == MINUTE, main["start"].dt.normalize())
    main = main.assign(moment=moment).sort_values(["moment", "LBNAM"], ascending=[True, False], kind="stable")
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
    mean, sd, low, high = design_findings.LSM
    start = np.clip(mean + sd * stream(seed, "XL start").standard_normal(len(people)), low, high)[rows["pid"]]
    drift = np.where(own["lasting"], design_findings.SLOPE["LSM"] * rows["day"], 0.0)
    value = np.clip(np.round((start + drift) * np.exp(0.06 * rng.standard_normal(n)), 1), low, high)
    poor = rng.random(n) < 0.06
    shots = np.where(poor, rng.integers(6, 10, n), rng.integers(10, 14, n))
    spread = np.where(poor, rng.uniform(25, 42, n), rng.uniform(6, 28, n))
    gone = ~rows["attended"].to_numpy() | (rng.random(n) < design_findings.MISSING["LSM"])
    parts = [
        _records(rows, "LSM", trial.parameter("LSM").label, value, 1, trial.parameter("LSM").si_unit, gone),
        _records(rows, "LSMIQRM", "LSM IQR/Median", spread, 0, "%", gone),
        _records(rows, "LSMNVAL", "LSM Number of Valid Shots", shots, 0, None, gone),
        _texts(rows[~gone], "LSMMETH", "LSM Method", "TRANSIENT ELASTOGRAPHY", gone[~gone]),
    ]
    return _write_down("XL", parts, people)


def _on_registry_days(state: pd.DataFrame, people: pd.DataFrame, trial: Trial, code: str) -> pd.DataFrame:
    phase = people["phase"].to_numpy()[state["pid"]]
    due = np.zeros(len(state), dtype=bool)
    for number in trial.phase_numbers:
        days = trial.registry_days(number, code)
        due |= (phase == number) & state["target"].isin([0.0, *days] if days else []).to_numpy()
    chosen: pd.DataFrame = state.loc[due & ~state["post_dose"].to_numpy()]
    return chosen.reset_index(drop=True)


def culture(state: pd.DataFrame, people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """MB: hepatitis B surface antigen at screening, viral load then and from the first survival landmark on."""
    rng = stream(seed, "MB")
    landmark = min(day for number in trial.phase_numbers for day in trial.registry_days(number, "LTFS"))
    hepatitis = people["etiology"] == "HEPATITIS B"
    screened = state[~(state["day"] >= 0)]
    answer = np.where(hepatitis.reindex(screened["pid"]), "POSITIVE", "NEGATIVE")
    none = np.zeros(len(screened), dtype=bool)
    antigen = _texts(screened, "HBSAG", "Hepatitis B Virus Surface Antigen", answer, none)
    viral = hepatitis.reindex(state["pid"]).to_numpy()
    rows = state[viral & (~(state["day"] >= 0) | (state["target"] >= landmark))].reset_index(drop=True)
    start = people["hbv_log"].to_numpy()[rows["pid"]]
    load = start - 0.03 * rows["day"].clip(lower=0).fillna(0).to_numpy() + rng.normal(0, 0.15, len(rows))
    gone = ~rows["attended"] | ((rng.random(len(rows)) < design_findings.LAB_MISSING) & (rows["day"] > 0))
    count = _records(rows, "HBVVLD", "Hepatitis B Virus Viral Load", 10 ** np.maximum(load, 1.4), 0, "IU/mL", gone)
    return _write_down("MB", [antigen, count], people)


def measure_antibodies(state: pd.DataFrame, people: pd.DataFrame, trial: Trial, seed: int) -> pd.DataFrame:
    """IS: antibodies against HLA class I and II with their intensity on the registry's days, HIV at screening."""
    rng = stream(seed, "IS")
    rows = _on_registry_days(state, people, trial, "HLAAB")
    n = len(rows)
    rank = np.clip(people["rank"].to_numpy(), 0, 2)
    before = rng.random((2, len(people))) < design_findings.HLA_POSITIVE / 2
    new = rng.random((2, len(people))) < np.asarray(design_findings.HLA_NEW)[rank] / 2
    gone = ~rows["attended"].to_numpy() | (rng.random(n) < design_findings.MISSING["HLA"])
    parts = []
    for place, name in enumerate(("1", "2")):
        had = before[place][rows["pid"]] | (new[place][rows["pid"]] & (rows["day"] > 0).to_numpy())
        level = np.where(had, rng.uniform(1500, 9000, n), rng.uniform(80, 700, n))
        unclear = rng.random(n) < design_findings.HLA_INDETERMINATE
        text = np.where(unclear, "INDETERMINATE", np.where(had, "POSITIVE", "NEGATIVE"))
        label = "Anti-HLA Class " + "I" * (place + 1) + " Antibody"
        parts.append(_texts(rows, f"HLA{name}AB", label, text, gone).assign(ISSCAT="ANTI-HLA"))
        parts.append(_records(rows, f"HLA{name}MFI", label + " MFI", level, 0, "MFI", gone).assign(ISSCAT="ANTI-HLA"))
    screened = state[~(state["day"] >= 0)]
    answer = np.where(people["hiv"].reindex(screened["pid"]), "POSITIVE", "NEGATIVE")
    parts.append(_texts(screened, "HIV12AB", "HIV-1/2 Antibody", answer, np.zeros(len(screened), dtype=bool)).assign(ISSCAT="HIV"))
    table = _write_down("IS", parts, people)
    # The intensity is a number; the words of ISSTRESC are those of the antibody tests.
    return table.assign(ISSTRESC=table["ISSTRESC"].mask(table["ISSTRESN"].notna()))
