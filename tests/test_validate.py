"""The gate: every rule fires on the case it is for, and stays silent on the one beside it."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from cgbm1_report import validate
from cgbm1_report.build import findings as forms
from cgbm1_report.build.findings.page import emit_findings_html
from cgbm1_report.build.findings.workbook import emit_findings_xlsx
from cgbm1_report.derive import blind_adam, blind_sdtm, find_open_subjects
from cgbm1_report.errors import ReportError
from cgbm1_report.iso8601 import is_iso8601, parse_moments
from cgbm1_report.protocol.conventions import Conventions
from cgbm1_report.protocol.sections import Population
from cgbm1_report.validate import rules, schemas
from cgbm1_report.validate.findings import collect_findings
from cgbm1_report.validate.source import Source
from cgbm1_report.validate.texts import RULE_TEXTS
from tests.drawn import our_trial
from tests.small_study import CUTOFF, DEAD, FAILED, MEDIUM, PLACEBO, SECOND, SENTINEL, decisions, draw, escalated, small_study

TRIAL = our_trial()
Sdtm = dict[str, pd.DataFrame]


def set_value(sdtm: Sdtm, dataset: str, subject: str, key: float | None, **values: object) -> None:
    """Change one record, named by its subject and --SEQ (or VISITNUM); DM needs no key."""
    frame = sdtm[dataset].copy()
    rows = frame["USUBJID"] == subject
    if key is not None:
        rows &= frame["VISITNUM" if dataset == "SV" else f"{dataset}SEQ"] == key
    assert rows.sum() == 1
    for name, value in values.items():
        frame.loc[rows, name] = value
    sdtm[dataset] = frame


def add(sdtm: Sdtm, dataset: str, drawing: str) -> None:
    """Add drawn records."""
    sdtm[dataset] = pd.concat([sdtm[dataset], draw(drawing, dataset)], ignore_index=True)


def drop(sdtm: Sdtm, dataset: str, subject: str, key: float | None = None) -> None:
    frame = sdtm[dataset]
    rows = frame["USUBJID"] == subject
    if key is not None:
        rows &= frame["VISITNUM" if dataset == "SV" else f"{dataset}SEQ"] == key
    sdtm[dataset] = frame[~rows].reset_index(drop=True)


def find(
    sdtm: Sdtm, rule: str, cutoff: date | None = CUTOFF, src: pd.DataFrame | None = None, trial: object = TRIAL
) -> pd.DataFrame:
    """Findings of one rule: its registered checks, and what the schemas find under its id."""
    for module in rules.RULE_MODULES:
        import_module(f"cgbm1_report.validate.{module}")
    decided = decisions() if src is None else src
    source = Source(sdtm, trial, cutoff, decided, lambda: escalated(sdtm, decided, trial, cutoff))
    # Dates of datasets that are as drawn are parsed once for the whole file.
    source._moments.update({place: parsed for place, parsed in drawn_moments().items() if sdtm.get(place[0]) is BASE[place[0]]})
    found = [rules.run_rule(entry, source) for entry in rules.RULES.values() if entry.id == rule]
    if rule in ("V02", "V03", "V04", "V22"):
        changed = [name for name, frame in sdtm.items() if not frame.equals(BASE[name])] if sdtm is not BASE else []
        for name in changed:
            found += [part[part["rule"] == rule] for part in schemas.check_frame(sdtm[name], name, TRIAL)]
    return collect_findings(found)


BASE = small_study(TRIAL)


@cache
def drawn_moments() -> dict[tuple[str, str], pd.DataFrame]:
    source = Source(BASE, TRIAL, CUTOFF, None)
    return {(name, variable): source.moments(name, variable) for name in BASE for variable in source.date_variables(name)}


def changed(*edits: Callable[[Sdtm], None]) -> Sdtm:
    sdtm = dict(BASE)
    for edit in edits:
        edit(sdtm)
    return sdtm


def edit(dataset: str, subject: str, key: float | None, **values: object) -> Callable[[Sdtm], None]:
    return lambda sdtm: set_value(sdtm, dataset, subject, key, **values)


def also(dataset: str, drawing: str) -> Callable[[Sdtm], None]:
    return lambda sdtm: add(sdtm, dataset, drawing)


def without(dataset: str, subject: str, key: float | None = None) -> Callable[[Sdtm], None]:
    return lambda sdtm: drop(sdtm, dataset, subject, key)


def test_small_study_passes_the_gate() -> None:
    findings = validate.validate_sdtm(BASE, TRIAL, CUTOFF, decisions())
    assert not (findings["severity"] == "E").any()
    # Visits are drawn for some only, the arms are small, no reference ranges are drawn: expected warnings; partial dates are counted.
    assert set(findings["rule"]) == {"V02", "V24", "V29", "V30"}
    validate.raise_on_errors(findings)


# What is changed, the rule that must see it, and where: subject, variable, severity.
FIRES = {
    # V01: a subject nobody knows
    "unknown subject": ("V01", [edit("AE", MEDIUM, 1, USUBJID="NCT06740149-01-999")], "NCT06740149-01-999", "USUBJID", "E"),
    # V02: values, dates, visits
    "day that does not exist": ("V02", [edit("AE", MEDIUM, 1, AESTDTC="2025-02-30")], MEDIUM, "AESTDTC", "E"),
    "unknown codelist value": ("V02", [edit("AE", MEDIUM, 1, AEOUT="Cured")], MEDIUM, "AEOUT", "E"),
    "unknown arm": ("V02", [edit("DM", MEDIUM, None, ARMCD="P2XXL")], MEDIUM, "ARMCD", "E"),
    "value missing where it is needed": ("V02", [edit("AE", MEDIUM, 1, AEDECOD=None)], MEDIUM, "AEDECOD", "E"),
    "infusion without a time": ("V02", [edit("EX", MEDIUM, 1, EXSTDTC="2025-06-10")], MEDIUM, "EXSTDTC", "E"),
    "criterion of no phase": ("V02", [also("IE", f"USUBJID | IESEQ | IETESTCD | IECAT | IEORRES\n{FAILED} | 1 | P3I01 | INCLUSION | N")],
                              FAILED, "IETESTCD", "E"),
    "inclusion criterion answered Y": ("V02", [also("IE", f"USUBJID | IESEQ | IETESTCD | IECAT | IEORRES\n{FAILED} | 1 | P2I02 | INCLUSION | Y")],
                                       FAILED, "IEORRES", "E"),
    "visit under another number": ("V02", [edit("SV", MEDIUM, 14, VISITNUM=15.0)], MEDIUM, "VISITNUM", "E"),
    "visit of no plan": ("V02", [edit("SV", MEDIUM, 14, VISIT="DAY 15")], MEDIUM, "VISIT", "E"),
    "unscheduled visit with another number": ("V02", [edit("LB", MEDIUM, 5, VISITNUM=14.02)], MEDIUM, "VISITNUM", "E"),
    "unscheduled visit on a planned number": ("V02", [edit("LB", MEDIUM, 5, VISITNUM=14.0, VISIT="UNSCHEDULED 14.00")], MEDIUM, "VISIT", "E"),
    # V03: keys
    "key twice": ("V03", [edit("LB", MEDIUM, 2, LBSEQ=1.0)], MEDIUM, "LBSEQ", "E"),
    "result twice": ("V03", [edit("LB", SENTINEL, 2, LBTESTCD="BILI", LBSTRESC="300", LBSTRESN=300.0)], SENTINEL, "LBSTRESN", "W"),
    # V04: order
    "event ends before it starts": ("V04", [edit("AE", MEDIUM, 1, AEENDTC="2025-06-19")], MEDIUM, "AEENDTC", "E"),
    "event ends in the month before": ("V04", [edit("AE", MEDIUM, 1, AEENDTC="2025-05")], MEDIUM, "AEENDTC", "E"),
    "dosed before consent": ("V04", [edit("DM", MEDIUM, None, RFICDTC="2025-06-11")], MEDIUM, "RFICDTC", "E"),
    "randomised after the first infusion": ("V04", [edit("DS", MEDIUM, 1, DSSTDTC="2025-06-11")], MEDIUM, "DSSTDTC", "E"),
    "left before the last infusion": ("V04", [edit("DS", MEDIUM, 2, DSSTDTC="2025-06-30")], MEDIUM, "DSSTDTC", "E"),
    "dead before the first infusion": ("V04", [edit("DM", DEAD, None, DTHDTC="2025-06-11")], DEAD, "DTHDTC", "E"),
    # V05: death
    "sample three days after death": ("V05", [edit("LB", DEAD, 1, LBDTC="2025-06-25T08:00")], DEAD, "LBDTC", "E"),
    "event in the month after death": ("V05", [edit("AE", DEAD, 1, AESTDTC="2025-07")], DEAD, "AESTDTC", "E"),
    "contact alive after death": ("V05", [edit("SS", DEAD, 1, SSSTRESC="ALIVE")], DEAD, "SSDTC", "E"),
    # V06: arms and products
    "no arm and no reason": ("V06", [edit("DM", FAILED, None, ARMNRS=None)], FAILED, "ARMNRS", "E"),
    "an arm and a reason for none": ("V06", [edit("DM", MEDIUM, None, ARMNRS="NOT ASSIGNED")], MEDIUM, "ARMNRS", "E"),
    "text of another arm": ("V06", [edit("DM", MEDIUM, None, ARM="Phase 2: Low Dose Group")], MEDIUM, "ARM", "E"),
    "screened for the other phase": ("V06", [edit("DM", MEDIUM, None, SCRPHASE=1.0)], MEDIUM, "SCRPHASE", "E"),
    "placebo with cells": ("V06", [edit("EX", PLACEBO, 1, EXDOSE=1.0)], PLACEBO, "EXDOSE", "E"),
    "actual arm of another dose": ("V06", [edit("EX", MEDIUM, 1, EXDOSE=4.0)], MEDIUM, "ACTARMCD", "E"),
    "dosed without an actual arm": ("V06", [edit("DM", MEDIUM, None, ACTARMCD=None, ACTARM=None)], MEDIUM, "ACTARMCD", "E"),
    "actual arm without an infusion": ("V06", [without("EX", SENTINEL)], SENTINEL, "ACTARMCD", "E"),
    "other treatment without a deviation": ("V06", [edit("DM", DEAD, None, ARMCD="P2MED", ARM="Phase 2: Medium Dose Group")], DEAD, "ACTARMCD", "W"),
    # V12: death
    "dead without a date": ("V12", [edit("DM", DEAD, None, DTHDTC=None)], DEAD, "DTHFL", "E"),
    "date of death without the flag": ("V12", [edit("DM", DEAD, None, DTHFL=None)], DEAD, "DTHFL", "E"),
    "fatal event of a living subject": ("V12", [edit("AE", MEDIUM, 1, AEOUT="FATAL")], MEDIUM, "DTHFL", "E"),
    "dead without a cause": ("V12", [without("DD", DEAD), without("AE", DEAD)], DEAD, "DTHFL", "W"),
    # V13: seriousness
    "serious without a criterion": ("V13", [edit("AE", SECOND, 1, AESHOSP=None)], SECOND, "AESER", "E"),
    "criterion without serious": ("V13", [edit("AE", MEDIUM, 1, AESLIFE="Y")], MEDIUM, "AESER", "E"),
    "grade 5 that recovered": ("V13", [edit("AE", MEDIUM, 1, AETOXGR="5")], MEDIUM, "AEOUT", "E"),
    # V17: nobody twice
    "phase 1 subject in phase 2": ("V17", [edit("DM", MEDIUM, None, PRIORID=SENTINEL)], MEDIUM, "PRIORID", "E"),
    "birth date, sex and site of a phase 1 subject": ("V17", [edit("DM", PLACEBO, None, BRTHDTC="1980-01-02")], PLACEBO, "BRTHDTC", "W"),
    # V18: infusions
    "second infusion in a single-infusion arm": (
        "V18",
        [also("EX", f"USUBJID | EXSEQ | EXTRT | EXDOSE | EXSTDTC | EXENDTC | EXTPT\n{SENTINEL} | 2 | CG-BM1 | 1 | 2025-02-17T10:00 | 2025-02-17T11:00 | INFUSION 2"),
         edit("DM", SENTINEL, None, RFXENDTC="2025-02-17")],
        SENTINEL, "EXSEQ", "E",
    ),
    "infusions three days apart": ("V18", [edit("EX", MEDIUM, 2, EXSTDTC="2025-06-13T10:00", EXENDTC="2025-06-13T11:00")], MEDIUM, "EXSTDTC", "E"),
    "infusion recorded twice": ("V18", [edit("EX", MEDIUM, 2, EXTPT="INFUSION 1")], MEDIUM, "EXTPT", "E"),
    "first infusion is not number 1": ("V18", [without("EX", MEDIUM, 1), edit("DM", MEDIUM, None, RFSTDTC="2025-06-17", RFXSTDTC="2025-06-17")],
                                       MEDIUM, "EXTPT", "E"),
    "reference date is not the first infusion": ("V18", [edit("DM", MEDIUM, None, RFSTDTC="2025-06-11")], MEDIUM, "RFSTDTC", "E"),
    "infusion outside its window": ("V18", [edit("EX", MEDIUM, 4, EXSTDTC="2025-07-05T10:00", EXENDTC="2025-07-05T11:00"),
                                            edit("DM", MEDIUM, None, RFXENDTC="2025-07-05")], MEDIUM, "EXSTDTC", "W"),
    "missed infusion without a deviation": ("V18", [without("EX", MEDIUM, 3)], MEDIUM, "EXTPT", "W"),
    # V20: DLT
    "unrelated DLT": ("V20", [edit("AE", SECOND, 1, AEREL="NOT RELATED")], SECOND, "AEREL", "W"),
    "DLT of grade 2": ("V20", [edit("AE", SECOND, 1, AETOXGR="2")], SECOND, "AETOXGR", "W"),
    "DLT on elapsed day 181": ("V20", [edit("AE", SECOND, 1, AESTDTC="2025-09-12", AEENDTC="2025-09-13")], SECOND, "AESTDTC", "W"),
    # V21: units
    "creatinine in mg/dL under the name umol/L": ("V21", [edit("LB", MEDIUM, 3, LBORRES="0.9", LBORRESU="mg/dL", LBSTRESN=0.9)], MEDIUM, "LBSTRESN", "E"),
    "result in another unit": ("V21", [edit("LB", MEDIUM, 3, LBORRESU="mg/dL", LBSTRESU="mg/dL")], MEDIUM, "LBSTRESU", "E"),
    "conversion nobody knows": ("V21", [edit("LB", MEDIUM, 5, LBORRESU="furlong")], MEDIUM, "LBORRESU", "E"),
    # V22: plausibility
    "bilirubin of 1500": ("V22", [edit("LB", SENTINEL, 1, LBORRES="1500", LBSTRESN=1500.0)], SENTINEL, "LBSTRESN", "W"),
    "ICG-R15 of 130%": ("V22", [edit("LB", DEAD, 3, LBORRES="130", LBSTRESN=130.0)], DEAD, "LBSTRESN", "E"),
    "temperature of 44": ("V22", [edit("VS", SENTINEL, 1, VSSTRESN=44.0)], SENTINEL, "VSSTRESN", "W"),
    # V24: visits
    "visit outside its window": ("V24", [edit("SV", MEDIUM, 14, SVSTDTC="2025-06-27")], MEDIUM, "SVSTDTC", "W"),
    "visit of the other phase": ("V24", [edit("SV", MEDIUM, 14, VISITNUM=3.0, VISIT="DAY 3")], MEDIUM, "VISIT", "W"),
    "scheduled results missing": ("V24", [also("SV", f"USUBJID | VISITNUM | VISIT | SVSTDTC\n{MEDIUM} | 28 | DAY 28 | 2025-07-08")], MEDIUM, "LBSTAT", "W"),
    # V25: complications
    "complication without an event": ("V25", [edit("AE", MEDIUM, 1, AEDECOD="Nausea")], MEDIUM, "CETERM", "W"),
    "hyponatremia with sodium 138": ("V25", [edit("LB", MEDIUM, 5, LBSTRESN=138.0)], MEDIUM, "CETERM", "W"),
    "kidney injury without a rise": (
        "V25",
        [edit("CE", MEDIUM, 1, CETERM="Acute kidney injury"),
         also("LB", f"USUBJID | LBSEQ | LBTESTCD | LBSTRESN | LBDTC\n{MEDIUM} | 6 | CREAT | 85 | 2025-06-22")],
        MEDIUM, "CETERM", "W",
    ),
    # V26: ends
    "event goes on after death": ("V26", [edit("AE", DEAD, 1, AEENDTC=None)], DEAD, "AEENDTC", "W"),
    "resolved without an end": ("V26", [edit("AE", MEDIUM, 1, AEENDTC=None)], MEDIUM, "AEENDTC", "W"),
    # V28: screen failures
    "screen failure with an infusion": ("V28", [also("EX", f"USUBJID | EXSEQ | EXTRT\n{FAILED} | 1 | CG-BM1")], FAILED, "EXTRT", "E"),
    # V29: randomisation
    "randomisation number twice": ("V29", [edit("DM", PLACEBO, None, RANDNO="R001")], PLACEBO, "RANDNO", "W"),
    "randomised without a number": ("V29", [edit("DM", PLACEBO, None, RANDNO=None)], PLACEBO, "RANDNO", "W"),
    "number without a randomisation": ("V29", [edit("DM", FAILED, None, RANDNO="R009")], FAILED, "RANDNO", "W"),
    # V32: cut-off and years
    "measured one day after the cut-off": ("V32", [edit("VS", SENTINEL, 1, VSDTC="2026-01-01")], SENTINEL, "VSDTC", "E"),
    "sample of the year 2005": ("V32", [edit("LB", SENTINEL, 1, LBDTC="2005-02-05")], SENTINEL, "LBDTC", "E"),
    "history of the year 1066": ("V32", [edit("MH", SENTINEL, 1, MHSTDTC="1066")], SENTINEL, "MHSTDTC", "E"),
}  # fmt: skip


@pytest.mark.parametrize("case", FIRES)
def test_rule_sees_what_it_is_for(case: str) -> None:
    rule, edits, subject, variable, severity = FIRES[case]
    findings = find(changed(*edits), rule)
    hit = findings[(findings["usubjid"] == subject) & (findings["variable"] == variable) & (findings["severity"] == severity)]
    assert len(hit), f"{rule} did not fire; it found\n{findings.to_string()}"
    assert (hit["rule"] == rule).all()
    assert hit["message"].str.len().gt(0).all()
    assert hit["remedy"].str.len().gt(0).all()


# Cases beside those above that are right: the rule adds nothing to what it says of the unchanged study.
SILENT = {
    "unscheduled visit with its number": ("V02", [edit("LB", MEDIUM, 5, VISITNUM=14.12, VISIT="UNSCHEDULED 14.12")]),
    "result measured again a minute later": ("V03", [edit("LB", SENTINEL, 2, LBTESTCD="BILI", LBSTRESC="300", LBSTRESN=300.0, LBDTC="2025-02-05T08:01")]),
    "event ends on the day it starts": ("V04", [edit("AE", MEDIUM, 1, AEENDTC="2025-06-20")]),
    "event ends in the month it starts": ("V04", [edit("AE", MEDIUM, 1, AEENDTC="2025-06")]),
    "consent on the day of the infusion": ("V04", [edit("DM", MEDIUM, None, RFICDTC="2025-06-09")]),
    "sample on the day of death": ("V05", [edit("LB", DEAD, 1, LBDTC="2025-06-22T20:00")]),
    "event in the month of death": ("V05", [edit("AE", DEAD, 1, AESTDTC="2025-06")]),
    "death of the month only, event on a day of it": ("V05", [edit("DM", DEAD, None, DTHDTC="2025-06"), edit("AE", DEAD, 1, AEENDTC="2025-06-30")]),
    "one higher dose makes the actual arm": (
        "V06",
        [edit("EX", DEAD, 1, EXDOSE=2.0), edit("DM", DEAD, None, ACTARMCD="P2MED", ACTARM="Phase 2: Medium Dose Group"),
         also("DV", f"USUBJID | DVSEQ | DVTERM | DVDECOD | DVCAT | DVSTDTC\n{DEAD} | 1 | wrong dose | DOSING | IMPORTANT | 2025-06-12")],
    ),
    "randomised, never dosed": (
        "V06",
        [without("EX", PLACEBO), edit("DM", PLACEBO, None, ACTARMCD=None, ACTARM=None, ARMNRS="ASSIGNED, NOT TREATED")],
    ),
    "dead with DD only": ("V12", [without("AE", DEAD)]),
    "earlier participation in the same phase": ("V17", [edit("DM", MEDIUM, None, PRIORID=FAILED)]),
    "another year of birth": ("V17", [edit("DM", SENTINEL, None, BRTHDTC="1970"), edit("DM", PLACEBO, None, BRTHDTC="1971")]),
    "birth date of a phase 1 subject, other sex": ("V17", [edit("DM", PLACEBO, None, BRTHDTC="1980-01-02", SEX="F")]),
    "birth date of a phase 1 subject, other site": ("V17", [edit("DM", PLACEBO, None, BRTHDTC="1980-01-02", SITEID="02")]),
    "infusions four days apart": ("V18", [edit("EX", MEDIUM, 2, EXSTDTC="2025-06-15T08:00", EXENDTC="2025-06-15T09:00"),
                                          edit("EX", MEDIUM, 3, EXSTDTC="2025-06-22T10:00")]),
    "missed infusion with a deviation": (
        "V18",
        [without("EX", MEDIUM, 3), also("DV", f"USUBJID | DVSEQ | DVTERM | DVDECOD | DVCAT | DVSTDTC\n{MEDIUM} | 1 | missed | DOSING | MINOR | 2025-06-24")],
    ),
    "infusion missed because of death": ("V18", [edit("DM", DEAD, None, DTHDTC="2025-06-21")]),
    "DLT without a causality": ("V20", [edit("AE", SECOND, 1, AEREL=None)]),
    "DLT on elapsed day 180": ("V20", [edit("AE", SECOND, 1, AESTDTC="2025-09-11", AEENDTC="2025-09-12")]),
    # 0.9 mg/dL x 88.4 = 79.56 umol/L, printed as 80: 0.55% off, beyond the tolerance; 79.6 is within
    "creatinine converted": ("V21", [edit("LB", MEDIUM, 3, LBORRES="0.9", LBORRESU="mg/dL", LBSTRESN=79.6)]),
    "value below the limit of quantification": ("V21", [edit("LB", MEDIUM, 3, LBORRES="<2.0", LBORRESU="furlong", LBSTRESN=None)]),
    "ratio without a unit": ("V21", [edit("LB", MEDIUM, 2, LBORRESU=None, LBSTRESU=None)]),
    "bilirubin of 1200": ("V22", [edit("LB", SENTINEL, 1, LBORRES="1200", LBSTRESN=1200.0)]),
    "visit on the last day of its window": ("V24", [edit("SV", MEDIUM, 14, SVSTDTC="2025-06-26")]),
    "event seven days from the complication": ("V25", [edit("AE", MEDIUM, 1, AESTDTC="2025-06-14")]),
    "kidney injury with a rise of 27": (
        "V25",
        [edit("CE", MEDIUM, 1, CETERM="ACUTE KIDNEY INJURY"), edit("AE", MEDIUM, 1, AEDECOD="Acute kidney injury"),
         also("LB", "USUBJID | LBSEQ | LBTESTCD | LBSTRESN | LBDTC\nM | 6 | CREAT | 80 | 2025-06-19\nM | 7 | CREAT | 107 | 2025-06-21")],
    ),
    "event ends with death": ("V26", [edit("AE", DEAD, 1, AEENDTC="2025-06-22")]),
    "measured on the cut-off": ("V32", [edit("VS", SENTINEL, 1, VSDTC="2025-12-31T23:59")]),
    "sample of the year before the first consent": ("V32", [edit("LB", SENTINEL, 1, LBDTC="2024-12-30")]),
}  # fmt: skip


@cache
def said_of_the_base(rule: str) -> list[str]:
    return find(BASE, rule)["message"].tolist()


@pytest.mark.parametrize("case", SILENT)
def test_rule_is_silent_beside_it(case: str) -> None:
    rule, edits = SILENT[case]
    before = said_of_the_base(rule)
    after = find(changed(*edits), rule)
    new = after[~after["message"].isin(before)]
    assert new.empty, new.to_string()


# Eligibility (A.5): what is changed, the criterion the data then contradict.
CONTRADICTED = {
    "seventeen years old": ([edit("DM", MEDIUM, None, AGE=17.0)], "P2I02"),
    "no chronic liver disease": ([without("MH", MEDIUM)], "P2I03A"),
    "bilirubin 170": ([edit("LB", PLACEBO, 1, LBSTRESN=170.0)], "P2I03B"),
    "no bleeding tendency, encephalopathy or HRS": ([edit("LB", PLACEBO, 2, LBSTRESN=1.4)], "P2I03C"),
    "no hepatitis B": ([without("MB", PLACEBO), edit("MH", PLACEBO, 1, MHTERM="alcoholic", MHDECOD="Alcoholic liver disease")], "P2I04"),
    # MELD by hand: cr 200/88.4 = 2.2624 mg/dL, bili 299.3/17.1 = 17.503, INR 1.8:
    # 10*(0.957*0.81644 + 0.378*2.86237 + 1.12*0.58779) + 6.43 = 31.65
    "MELD of 31.6": ([edit("LB", MEDIUM, 3, LBSTRESN=200.0)], "P2I05"),
    "woman without a pregnancy test": ([without("LB", MEDIUM, 4)], "P2I06"),
    "pregnancy test eight days before": ([edit("LB", MEDIUM, 4, LBDTC="2025-06-02")], "P2I06"),
    "pregnant": ([edit("LB", MEDIUM, 4, LBSTRESC="POSITIVE")], "P2E06"),
    "encephalopathy of grade 4": ([also("RS", f"USUBJID | RSSEQ | RSTESTCD | RSSTRESN | VISITNUM | RSDTC\n{MEDIUM} | 1 | HEGRADE | 4 | 1 | 2025-06-08")], "P2E04"),
    # bilirubin 299 (>= 205.2), creatinine 180 (>= 176.8) and INR 2.5 (>= 2.5)
    "three organs fail": ([edit("LB", MEDIUM, 3, LBSTRESN=180.0), edit("LB", MEDIUM, 2, LBSTRESN=2.5)], "P2E05"),
    "malignant tumour": ([edit("MH", MEDIUM, 1, MHBODSYS="Neoplasms benign, malignant and unspecified")], "P2E07"),
    "artificial liver seven days before": ([also("PR", f"USUBJID | PRSEQ | PRDECOD | PRSTDTC\n{MEDIUM} | 1 | ARTIFICIAL LIVER SUPPORT | 2025-06-03")], "P2E09"),
    "HIV positive": ([also("IS", f"USUBJID | ISSEQ | ISTESTCD | ISSTRESC | VISITNUM | ISDTC\n{MEDIUM} | 1 | HIV12AB | POSITIVE | 1 | 2025-06-08")], "P2E10"),
    "transplanted before": ([also("PR", f"USUBJID | PRSEQ | PRDECOD | PRSTDTC\n{MEDIUM} | 1 | LIVER TRANSPLANTATION | 2015")], "P2E11"),
    "heart attack two months before": ([edit("MH", MEDIUM, 1, MHTERM="heart attack", MHDECOD="Acute myocardial infarction", MHSTDTC="2025-04")], "P2E14"),
    "stem cells before": ([edit("CM", MEDIUM, 1, CMTRT="mesenchymal stem cells")], "P2E15"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTED)
def test_data_that_contradict_a_criterion_are_a_question(case: str) -> None:
    edits, code = CONTRADICTED[case]
    findings = find(changed(*edits), "V23")
    hit = findings[findings["value"] == code]
    assert len(hit) == 1, findings.to_string()
    assert (hit["severity"] == "W").all()


@pytest.mark.parametrize(
    "answer",
    [
        also("IE", f"USUBJID | IESEQ | IETESTCD | IECAT | IEORRES\n{MEDIUM} | 1 | P2I02 | INCLUSION | N"),
        also(
            "DV",
            f"USUBJID | DVSEQ | DVTERM | DVDECOD | DVCAT | DVSTDTC\n{MEDIUM} | 9 | entered | ELIGIBILITY | IMPORTANT | 2025-06-10",
        ),
    ],
)
def test_criterion_recorded_in_ie_or_dv_is_no_question(answer: Callable[[Sdtm], None]) -> None:
    assert find(changed(edit("DM", MEDIUM, None, AGE=17.0), answer), "V23").empty


def test_eligible_subjects_raise_no_question() -> None:
    assert find(BASE, "V23").empty


@pytest.mark.parametrize(
    "edits",
    [
        [edit("LB", MEDIUM, 4, LBDTC="2025-06-03")],  # test exactly seven days before
        [
            without("LB", MEDIUM, 4),
            edit("MH", MEDIUM, 1, MHTERM="Postmenopausal", MHCAT="CHRONIC LIVER DISEASE", MHDECOD="Hepatitis B"),
        ],
        [also("PR", f"USUBJID | PRSEQ | PRDECOD | PRSTDTC\n{MEDIUM} | 1 | ARTIFICIAL LIVER SUPPORT | 2025-06-02")],  # day -8
        [edit("MH", SENTINEL, 1, MHSTDTC="2024-07", MHDECOD="Myocardial infarction")],  # seven months before consent
    ],
)
def test_eligibility_edges_are_inside(edits: list[Callable[[Sdtm], None]]) -> None:
    found = find(changed(*edits), "V23")
    assert found[~found["value"].isin(["P1I04"])].empty, found.to_string()


def test_meld_just_under_the_limit_is_queried() -> None:
    # cr 165/88.4 = 1.8665: 10*(0.957*0.62407 + 0.378*2.86237 + 1.12*0.58779) + 6.43 = 29.81
    findings = find(changed(edit("LB", MEDIUM, 3, LBSTRESN=165.0)), "V23")
    assert findings["message"].str.contains(r"MELD 29\.8").sum() == 1


# Escalation. S1 is the sentinel (dosed 2025-02-10), S2 the second subject (2025-03-15, elapsed day 33).
def test_second_subject_waits_for_the_sentinel() -> None:
    early = changed(edit("EX", SECOND, 1, EXSTDTC="2025-03-02T09:00", EXENDTC="2025-03-02T10:00"))
    findings = find(early, "V19")
    assert findings["usubjid"].tolist() == [SECOND]
    assert "elapsed day 20" in findings["message"].iloc[0]


def test_second_subject_may_be_dosed_on_day_28_after_review() -> None:
    day28 = changed(edit("EX", SECOND, 1, EXSTDTC="2025-03-10T09:00", EXENDTC="2025-03-10T10:00"))
    reviewed = draw("COHORT | REVIEW | REVDTC | DECISION\nLOW | SENTINEL | 2025-03-10 | CONTINUE", "SRC_DECISIONS")
    assert find(day28, "V19", src=reviewed).empty


def test_second_subject_waits_for_the_review() -> None:
    late = draw("COHORT | REVIEW | REVDTC | DECISION\nLOW | SENTINEL | 2025-03-16 | CONTINUE", "SRC_DECISIONS")
    assert "reviewed" in find(BASE, "V19", src=late)["message"].iloc[0]


def test_sentinel_with_a_dlt_is_followed_only_by_decision() -> None:
    toxic = changed(
        edit("EX", SECOND, 1, EXSTDTC="2025-02-24T09:00", EXENDTC="2025-02-24T10:00"),
        also("AE", f"USUBJID | AESEQ | AEDECOD | AESTDTC | AEDLT | AEDLTSRC\n{SENTINEL} | 1 | Rash | 2025-02-12 | Y | Y"),
    )
    go_on = draw("COHORT | REVIEW | REVDTC | DECISION\nLOW | SENTINEL | 2025-02-20 | CONTINUE", "SRC_DECISIONS")
    hold = draw("COHORT | REVIEW | REVDTC | DECISION\nLOW | SENTINEL | 2025-02-20 | HOLD", "SRC_DECISIONS")
    assert find(toxic, "V19", src=go_on).empty
    assert find(toxic, "V19", src=hold)["usubjid"].tolist() == [SECOND]
    # The day before the toxicity: it does not answer it.
    too_soon = draw("COHORT | REVIEW | REVDTC | DECISION\nLOW | SENTINEL | 2025-02-11 | CONTINUE", "SRC_DECISIONS")
    assert find(toxic, "V19", src=too_soon)["usubjid"].tolist() == [SECOND]


def test_next_level_opens_after_the_decision_to_escalate() -> None:
    medium = changed(edit("DM", SECOND, None, ARMCD="P1MED", ACTARMCD="P1MED"))
    assert find(medium, "V19")["usubjid"].tolist() == [SECOND]
    decided = draw("COHORT | REVIEW | REVDTC | DECISION\nLOW | COHORT | 2025-03-14 | ESCALATE", "SRC_DECISIONS")
    found = find(medium, "V19", src=decided)
    assert found["severity"].tolist() == ["W"], "opened by decision; that one subject is too few for it is a warning"


@pytest.mark.parametrize("date", [None, "2025-06"])
def test_a_treated_subject_of_a_randomised_phase_was_randomised_on_a_known_day(date: str | None) -> None:
    findings = find(changed(edit("DS", MEDIUM, 1, DSSTDTC=date)), "V04")
    assert findings["message"].tolist() == ["no randomisation with a complete date"]
    assert findings["usubjid"].tolist() == [MEDIUM]
    assert findings["severity"].tolist() == ["E"]


def test_seven_evaluable_subjects_are_too_many() -> None:
    more = "\n".join(f"X{number} | 1 | 2025-04-{number + 10}T09:00 | 2025-04-{number + 10}T10:00 | 60 | 60" for number in range(5))
    people = "\n".join(f"X{number} | P1LOW | P1LOW | 1" for number in range(5))
    edits = [
        also("EX", f"USUBJID | EXSEQ | EXSTDTC | EXENDTC | EXTOTCEL | EXPLCEL\n{more}"),
        also("DM", f"USUBJID | ARMCD | ACTARMCD | SCRPHASE\n{people}"),
    ]
    assert "7 evaluable" in find(changed(*edits), "V19")["message"].iloc[0]
    # One of the seven got half of the cells and had no DLT: it does not count.
    assert find(changed(*edits, edit("EX", "X4", 1, EXTOTCEL=30.0)), "V19").empty


def test_planned_visit_that_did_not_take_place_is_named() -> None:
    findings = find(BASE, "V24")
    assert ((findings["usubjid"] == MEDIUM) & (findings["value"] == "DAY 28")).sum() == 1
    # The cut-off on elapsed day 20 of M: day 28 is not due.
    due = find(BASE, "V24", cutoff=date(2025, 6, 30))
    assert due[(due["usubjid"] == MEDIUM) & (due["value"] == "DAY 28")].empty
    # Dosed on 2025-06-10: the window of day 28 closes on day 31, 2025-07-11.
    ended = "USUBJID | DSSEQ | DSDECOD | DSCAT | DSSCAT | DSSTDTC\nM | 9 | {} | DISPOSITION EVENT | STUDY PARTICIPATION | {}"
    ends = {
        "died on its last day": [edit("DM", MEDIUM, None, DTHDTC="2025-07-11")],
        "died on the day after": [edit("DM", MEDIUM, None, DTHDTC="2025-07-12")],
        "withdrew on its last day": [also("DS", ended.format("WITHDRAWAL BY SUBJECT", "2025-07-11"))],
        "completed in it": [also("DS", ended.format("COMPLETED", "2025-07-11"))],
        "completed before it": [also("DS", ended.format("COMPLETED", "2025-07-04"))],
    }
    found = {how: find(changed(*edits), "V24") for how, edits in ends.items()}
    missed = {how for how, one in found.items() if ((one["usubjid"] == MEDIUM) & (one["value"] == "DAY 28")).any()}
    assert missed == {"died on the day after", "completed in it"}


def test_missing_result_with_not_done_is_no_finding() -> None:
    visit = also("SV", f"USUBJID | VISITNUM | VISIT | SVSTDTC\n{MEDIUM} | 28 | DAY 28 | 2025-07-08")
    missing = find(changed(visit), "V24")
    tests = missing.loc[missing["variable"] == "LBSTAT", "value"].iloc[0].split(", ")
    # Registry days of phase 2 at day 28: liver tests, ICG, three cytokines (INTLK6 and TNF by their test codes),
    # and creatinine, which MELD and CLIF-C OF of that day are made from.
    assert set(tests) == {"CREAT", "INR", "AST", "ALT", "ALB", "ALP", "GGT", "BILI", "ICGR15", "INTLK6", "TNF", "HGF"}
    rows = "\n".join(f"{MEDIUM} | {20 + i} | {test} | NOT DONE | 28 | DAY 28" for i, test in enumerate(tests))
    done = find(changed(visit, also("LB", f"USUBJID | LBSEQ | LBTESTCD | LBSTAT | VISITNUM | VISIT\n{rows}")), "V24")
    assert (done["variable"] != "LBSTAT").all()


def test_arm_sizes_are_held_against_the_plan() -> None:
    assert len(find(BASE, "V29")) == 3
    planned = TRIAL.model_copy(update={"arms": tuple(arm.model_copy(update={"planned_n": (2, 2)}) for arm in TRIAL.arms)})
    assert find(BASE, "V29", trial=planned).empty  # one randomised, two planned: within one


def test_remedy_of_a_refused_value_is_by_what_its_check_asks() -> None:
    """A date that no calendar has and a grade beyond CTCAE cannot be right; a term that only our list lacks may be."""
    rows = BASE["AE"].assign(AESER="X", AETOXGR="7", AESTDTC="2025-13-40", AEDECOD=None, AEACN="DOSE INCREASED", AEREL="PERHAPS")
    found = pd.concat(schemas.check_frame(rows, "AE", TRIAL))
    told = {
        name: set(found.loc[found["variable"] == name, "remedy"])
        for name in ("AESER", "AETOXGR", "AESTDTC", "AEDECOD", "AEACN", "AEREL")
    }
    assert told["AESER"] == told["AETOXGR"] == {"correct the value: it is one of these, and no other can be right"}
    assert [remedy.partition(",")[0] for remedy in told["AESTDTC"]] == ["write a day that the calendar has"]
    assert told["AEDECOD"] == {"give the value that is missing"}
    assert [remedy.partition(",")[0] for remedy in told["AEACN"]] == ["correct the data; if they are right"]
    assert told["AEREL"] == {"correct the value; if it is right, trial.yaml lacks it"}
    late = pd.concat(schemas.check_frame(BASE["AE"].assign(AESTDTC="2025-07-10", AEENDTC="2025-07-01"), "AE", TRIAL))
    assert "correct the start or the end" in set(late.loc[late["rule"] == "V04", "remedy"])


def test_each_partial_date_is_one_finding_that_says_whether_it_is_imputed() -> None:
    """Sums per variable among them made the number of findings neither that of dates nor that of variables."""
    findings = find({**BASE, "MH": BASE["MH"].assign(MHENDTC=["2020-05", *[None] * (len(BASE["MH"]) - 1)])}, "V30")
    assert findings.groupby(["dataset", "variable"]).size().to_dict() == {
        ("CM", "CMSTDTC"): 1,
        ("MH", "MHENDTC"): 1,
        ("MH", "MHSTDTC"): 5,
    }
    assert findings["usubjid"].notna().all()
    (told,) = findings.loc[findings["variable"] == "MHENDTC", "message"]
    assert told == "of 2020-05 only the month is known; it is not imputed"


def test_unknown_cutoff_is_said() -> None:
    findings = find(BASE, "V32", cutoff=None)
    assert findings["severity"].tolist() == ["W"]


def test_missing_dataset_and_variable_are_one_finding_each() -> None:
    sdtm = {name: frame for name, frame in BASE.items() if name != "PR"}
    sdtm["AE"] = sdtm["AE"].drop(columns=["AESER"])
    findings = validate.validate_sdtm(sdtm, TRIAL, CUTOFF, decisions())
    errors = findings[(findings["rule"] == "V02") & (findings["severity"] == "E")]
    assert errors[["dataset", "variable"]].fillna("").to_numpy().tolist() == [["AE", "AESER"], ["PR", ""]]


def test_rules_survive_data_that_are_nothing_like_sdtm() -> None:
    strange = {
        "DM": pd.DataFrame({"USUBJID": [1.0, 2.0]}),
        "LB": pd.DataFrame({"WHAT": ["x"]}),
        "AE": pd.DataFrame({"USUBJID": ["a"], "AESTDTC": [3.0], "AETOXGR": [5.0]}),
        "EX": pd.DataFrame(),
    }
    findings = validate.validate_sdtm(strange, TRIAL)
    assert (findings["severity"] == "E").any()
    assert not validate.validate_sdtm({}, TRIAL).empty


def test_one_finding_per_check_and_record_never_per_column() -> None:
    sdtm = changed(edit("AE", MEDIUM, 1, AEENRTPT="ONGOING"))  # AEENTPT must then be filled
    parts = pd.concat(schemas.check_frame(sdtm["AE"], "AE", TRIAL))
    assert parts[["usubjid", "key", "variable"]].to_numpy().tolist() == [[MEDIUM, "AESEQ 1", "AEENTPT"]]


def test_wrong_type_is_one_finding_for_the_variable() -> None:
    frame = BASE["LB"].assign(LBSTRESN=BASE["LB"]["LBORRES"])
    parts = pd.concat(schemas.check_frame(frame, "LB", TRIAL))
    assert parts[["variable", "message"]].to_numpy().tolist() == [["LBSTRESN", "is text, not a number"]]


# ISO 8601: text, first moment, last moment. Frames of B.6; 2024 is a leap year.
MOMENTS = [
    ("2025", "2025-01-01T00:00:00", "2025-12-31T23:59:59"),
    ("2025-02", "2025-02-01T00:00:00", "2025-02-28T23:59:59"),
    ("2024-02", "2024-02-01T00:00:00", "2024-02-29T23:59:59"),
    ("2025-02-03", "2025-02-03T00:00:00", "2025-02-03T23:59:59"),
    ("2025-02-03T04:05", "2025-02-03T04:05:00", "2025-02-03T04:05:59"),
    ("2025-02-03T04:05:06", "2025-02-03T04:05:06", "2025-02-03T04:05:06"),
    ("2025-02-03T04", "2025-02-03T04:00:00", "2025-02-03T04:59:59"),
    ("2025-02-03T04:05:06.999", "2025-02-03T04:05:06", "2025-02-03T04:05:06"),
    ("2025-02-03T04:05:06,5", "2025-02-03T04:05:06", "2025-02-03T04:05:06"),
]
NO_DATES = ["2025-02-30", "2025-13", "2025-00", "2025-1-1", "--03", "2025---01", "2025-02-03T24:00", "2025-02-03T10:", "2025-02-03 10:00",
            "2025-02-03\n", " 2025", "20250203", "２０２５", "2023-02-29", ""]  # fmt: skip


@pytest.mark.parametrize(("text", "first", "last"), MOMENTS)
def test_partial_date_stands_for_every_moment_it_can_mean(text: str, first: str, last: str) -> None:
    moments = parse_moments(pd.Series([text]))
    assert moments["first"].iloc[0] == pd.Timestamp(first)
    assert moments["last"].iloc[0] == pd.Timestamp(last)


@pytest.mark.parametrize("text", NO_DATES)
def test_other_text_is_no_date(text: str) -> None:
    assert not is_iso8601(pd.Series([text])).iloc[0]
    assert parse_moments(pd.Series([text], dtype="str")).isna().all(axis=None)


# --- ADaM ---------------------------------------------------------------------------------------


def pilot_like() -> dict[str, pd.DataFrame]:
    adsl = pd.DataFrame(
        {
            "STUDYID": ["X"] * 2,
            "USUBJID": ["1", "2"],
            "TRT01P": ["Low", "Placebo"],
            "TRT01A": ["Low", "Placebo"],
            "SAFFL": ["Y", "N"],
        }
    )
    adae = pd.DataFrame(
        {"USUBJID": ["1", "1"], "AESEQ": [1.0, 2.0], "TRTEMFL": ["Y", None], "ASTDT": pd.to_datetime(["2025-01-01", None])}
    )
    return {"ADSL": adsl, "ADAE": adae}


def test_another_study_needs_only_what_the_code_relies_on() -> None:
    assert validate.validate_adam(pilot_like(), TRIAL, keys_only=True).empty
    # A trial.yaml that no ADaM can be derived by describes another study's, whatever its outcomes: the same by default.
    other = TRIAL.model_copy(update={"clif_c_of": None})
    assert other.outcomes
    assert validate.validate_adam(pilot_like(), other).empty
    full = validate.validate_adam(pilot_like(), TRIAL)
    assert (full["message"] == "the variable is not there").sum() > 50


@pytest.mark.parametrize(
    ("dataset", "values", "rule", "variable"),
    [
        ("ADAE", {"USUBJID": ["1", "9"]}, "V01", "USUBJID"),
        ("ADAE", {"AESEQ": [1.0, 1.0]}, "V03", "AESEQ"),
        ("ADSL", {"USUBJID": ["1", "1"]}, "V03", "USUBJID"),
        ("ADSL", {"TRT01P": ["Low", "Huge"]}, "V02", "TRT01P"),
        ("ADSL", {"TRT01A": ["<script>", "Low"]}, "V02", "TRT01A"),
        ("ADSL", {"SAFFL": ["1", "0"]}, "V02", "SAFFL"),
        ("ADAE", {"ASTDT": ["2025-01-01", None]}, "V02", "ASTDT"),
    ],
)
def test_supplied_adam_is_checked_for_the_essentials(
    dataset: str, values: dict[str, list[object]], rule: str, variable: str
) -> None:
    adam = pilot_like()
    adam[dataset] = adam[dataset].assign(**values)
    findings = validate.validate_adam(adam, TRIAL, keys_only=True)
    told = set(zip(findings["rule"], findings["variable"], findings["severity"], strict=True))
    # A subject twice in ADSL breaks its key, and V01, which wants one record per subject.
    once = {("V01", "USUBJID", "E")} if (dataset, rule) == ("ADSL", "V03") else set()
    assert told == {(rule, variable, "E")} | once


# Outputs count records by these terms: "Death" for DEATH was counted nowhere. Dataset, variable, value, whether it is refused.
TERMS = [
    ("ADTTE", "EVNTDESC", "Death", True),
    ("ADTTE", "EVNTDESC", "DEATH", False),
    ("ADTTE", "CNSR", 7.0, True),
    ("ADAE", "AEOUT", "Fatal", True),
    ("ADAE", "AESER", "yes", True),
    ("ADAE", "AESDTH", "N", False),
    ("ADAE", "AEACN", "WITHDRAWN", True),
    ("ADAE", "RELGR1", "Related", True),
    ("ADSL", "EOSSTT", "Completed", True),
    ("ADSL", "FASFL", "1", True),
]


@pytest.mark.parametrize(("dataset", "variable", "value", "refused"), TERMS)
def test_value_that_outputs_would_not_count_is_refused(dataset: str, variable: str, value: object, refused: bool) -> None:
    times = pd.DataFrame({"USUBJID": ["1", "2"], "PARAMCD": "LTFS", "AVAL": [10.0, 20.0]})
    adam = {**pilot_like(), "ADTTE": times}
    adam[dataset] = adam[dataset].assign(**{variable: [value, 1.0 if variable == "CNSR" else None]})
    findings = validate.validate_adam(adam, TRIAL, keys_only=True)
    told = findings[["rule", "severity", "dataset", "variable"]].to_numpy().tolist()
    assert told == ([["V02", "E", dataset, variable]] if refused else [])


# OS ends by Death, as these data spell it, PFS as it does here. Parameter, CNSR, EVNTDESC, what is told.
EVENTS = [
    ("OS", 0.0, "Death", None),
    ("OS", 0.0, "DEATH", "OS: DEATH is none of Death"),
    ("OS", 0.0, "Progression", "OS: Progression is none of Death"),  # an event of PFS alone
    ("PFS", 0.0, "Progression", None),
    ("OS", 1.0, "Alive", None),  # why it was censored, as admiral writes it
    ("TTP", 0.0, "Anything", None),  # no words are declared
]


@pytest.mark.parametrize(("paramcd", "cnsr", "told", "expected"), EVENTS)
def test_events_of_another_study_are_those_of_their_parameter_and_censorings_its_own(
    paramcd: str, cnsr: float, told: str, expected: str | None
) -> None:
    events = {"OS": {"Death": "Death"}, "PFS": {"Death": "Death", "Progression": "Progression"}, "TTP": {}}
    parameters = {code: TRIAL.parameters["OS"].model_copy(update={"events": own}) for code, own in events.items()}
    trial = TRIAL.model_copy(update={"parameters": {**TRIAL.parameters, **parameters}})
    times = pd.DataFrame({"USUBJID": ["1"], "PARAMCD": paramcd, "AVAL": 10.0, "CNSR": cnsr, "EVNTDESC": told})
    findings = validate.validate_adam({**pilot_like(), "ADTTE": times}, trial, keys_only=True)
    assert findings[["rule", "severity", "message"]].to_numpy().tolist() == ([["V02", "E", expected]] if expected else [])


def test_event_of_a_parameter_that_is_not_reported_is_the_other_study_s_own() -> None:
    other = pd.DataFrame({"USUBJID": ["1"], "PARAMCD": "TTDE", "AVAL": [10.0], "EVNTDESC": "Dermatologic event"})
    assert validate.validate_adam({**pilot_like(), "ADTTE": other}, TRIAL, keys_only=True).empty


def test_dataset_that_has_visits_elsewhere_has_one_record_of_each() -> None:
    """Here ADLBHY has a record per subject and parameter."""
    screens = pd.DataFrame({"USUBJID": ["1", "1"], "PARAMCD": ["HYLAW", "HYLAW"], "AVISITN": [2.0, 4.0]})
    assert validate.validate_adam({**pilot_like(), "ADLBHY": screens}, TRIAL, keys_only=True).empty
    twice = validate.validate_adam({**pilot_like(), "ADLBHY": screens.assign(AVISITN=2.0)}, TRIAL, keys_only=True)
    assert twice["rule"].tolist() == ["V03", "V03"]
    without = validate.validate_adam({**pilot_like(), "ADLBHY": screens.drop(columns="AVISITN")}, TRIAL, keys_only=True)
    assert without["rule"].tolist() == ["V03", "V03"]


# What the standard asks of any study's ADaM: dataset, record, what is wrong with it, and the finding there is of it.
# The supplied values are given in `another_study`; each line changes one record of it. RECORDS: without the events, which
# would be at odds with it, too.
BELIEVED = [
    ("ADSL", 0, {"AGE": -5.0}, ("V02", "E", "AGE", "is outside 0 to 120")),  # years by the schema
    ("ADSL", 0, {"AGE": 130.0, "AGEU": "MONTHS"}, None),  # a child's
    ("ADSL", 0, {"WEIGHTBL": -70.0}, ("V02", "E", "WEIGHTBL", "-70 is below 0")),
    ("ADSL", 0, {"TRT01A": None, "RECORDS": None}, ("V06", "E", "TRT01A", "is missing although the subject is in SAFFL")),
    ("ADSL", 0, {"TRT01P": None}, ("V06", "E", "TRT01P", "is missing although the subject is in FASFL PPROTFL")),
    ("ADSL", 0, {"TRT01P": None, "ARMNRS": "NOT ASSIGNED"}, None),  # why there is none is told
    ("ADSL", 1, {"TRT01A": None, "RECORDS": None}, None),  # in no population by actual treatment
    ("ADSL", 0, {"TRTSDT": None, "RECORDS": None}, ("V14", "E", "SAFFL", "Y, but TRTSDT is missing")),
    ("ADSL", 0, {"TRTEDT": "2025-02-28"}, ("V04", "E", "TRTEDT", "2025-02-28 is before TRTSDT 2025-03-01")),
    # What comes after the treatment came before it: to the last contact there would be no time at risk.
    ("ADSL", 0, {"LSTALVDT": "2025-02-28"}, ("V04", "W", "LSTALVDT", "2025-02-28 is before TRTSDT 2025-03-01")),
    ("ADSL", 0, {"LSTALVDT": "2025-03-01"}, None),
    ("ADSL", 0, {"EOSDT": "2025-02-28"}, ("V04", "W", "EOSDT", "2025-02-28 is before TRTSDT 2025-03-01")),
    ("ADSL", 0, {"LTDT": "2025-02-28"}, ("V04", "E", "LTDT", "2025-02-28 is before TRTSDT 2025-03-01")),
    ("ADSL", 0, {"DTHFL": "Y", "DTHDT": "2025-02-28"}, ("V04", "E", "DTHDT", "2025-02-28 is before TRTSDT 2025-03-01")),
    # A category that trial.yaml does not name, in the words of the standard or not.
    ("ADSL", 0, {"SEX": "MALE"}, ("V02", "W", "SEX", "'MALE' of 1 record is none of M, F, U, which trial.yaml names")),
    ("ADSL", 0, {"DTHDT": "2025-05-01"}, ("V12", "E", "DTHFL", "is not Y although DTHDT is filled")),
    ("ADSL", 0, {"DTHFL": "Y"}, ("V12", "W", "DTHDT", "is missing although DTHFL is Y")),
    (
        "ADSL",
        0,
        {"TRT01P": "<b>"},
        (
            "V02",
            "E",
            "TRT01P",
            "'<b>' of 1 subject is the column of no arm of trial.yaml (ARMS): it is left empty where there was no treatment, of screen failures too",
        ),
    ),
    ("ADLB", 1, {"ASTDT": "2025-03-02", "AENDT": "1999-03-02"}, ("V04", "E", "AENDT", "1999-03-02 is before ASTDT 2025-03-02")),
    ("ADAE", 0, {"AENDT": "2025-03-02"}, ("V04", "E", "AENDT", "2025-03-02 is before ASTDT 2025-03-05")),
    ("ADAE", 0, {"AEOUT": "FATAL"}, ("V12", "E", "AEOUT", "FATAL, but DTHFL of the subject is not Y")),
    # An event that was over before the first dose did not come with it; one that began before may have become worse.
    (
        *("ADAE", 0, {"ASTDT": "2025-02-20", "AENDT": "2025-02-27"}),
        ("V07", "E", "TRTEMFL", "Y, but the event ended on 2025-02-27, before TRTSDT 2025-03-01"),
    ),
    (
        *("ADAE", 0, {"ASTDT": "2025-02-20"}),
        ("V07", "W", "TRTEMFL", "Y, but the event began on 2025-02-20, before TRTSDT 2025-03-01"),
    ),
    ("ADAE", 0, {"ASTDT": "2025-02-01", "ASTDTF": "D"}, None),  # the day was imputed
    ("ADAE", 0, {"TRTA": "Placebo"}, ("V06", "E", "TRTA", "Placebo on 1 record, ADSL has Low")),
    ("ADAE", 0, {"SAFFL": "N"}, ("V14", "E", "SAFFL", "N on 1 record, ADSL has Y")),
    ("ADLB", 1, {"CHG": 999.0}, ("V09", "E", "CHG", "999, AVAL and BASE give 4")),  # 14 - 10
    ("ADLB", 1, {"PCHG": 4.0}, ("V09", "E", "PCHG", "4, AVAL and BASE give 40")),  # 100 x 4 / 10
    ("ADLB", 1, {"BASE": 9.0, "CHG": 5.0, "PCHG": None}, ("V08", "E", "BASE", "BILI: is not AVAL of the baseline record")),
    ("ADLB", 1, {"PARAMCD": "OTHER", "CHG": 999.0}, None),  # a parameter the trial does not report
    ("ADTTE", 0, {"AVAL": -4.0}, ("V11", "E", "AVAL", "-4 days, a time is not negative")),
    ("ADTTE", 0, {"AVAL": None}, ("V11", "E", "AVAL", "LTFS: is missing")),
    ("ADTTE", 0, {"CNSR": None}, ("V11", "E", "CNSR", "LTFS: is missing")),
    ("ADTTE", 0, {"AVAL": 12.0}, ("V11", "E", "AVAL", "12 days, ADT - STARTDT gives 10")),
    # An event is known from a contact of its day, and the last one was on 11 March; a later censoring is another question.
    (
        *("ADTTE", 0, {"CNSR": 0.0, "ADT": "2025-03-12", "AVAL": 11.0}),
        ("V11", "W", "ADT", "LTFS: the event of 2025-03-12 is after LSTALVDT 2025-03-11 of ADSL"),
    ),
    ("ADTTE", 0, {"ADT": "2025-03-12", "AVAL": 11.0}, None),
]


def another_study() -> dict[str, pd.DataFrame]:
    """Two subjects of another study, each with an event, a baseline, a value after it and a time to an event."""
    days = [("2025-03-01", "2025-03-11"), ("2025-03-02", "2025-03-22")]
    first, last = (pd.to_datetime([day[end] for day in days]).astype("datetime64[s]") for end in (0, 1))
    subjects = {"STUDYID": "X", "USUBJID": ["1", "2"]}
    arms = {"TRT01P": ["Low", "Placebo"], "TRT01A": ["Low", "Placebo"]}
    flags = {"SAFFL": ["Y", None], "FASFL": ["Y", "N"], "PPROTFL": ["Y", None], "DTHFL": [None, None]}
    body = {"AGE": [30.0, 40.0], "AGEU": "YEARS", "WEIGHTBL": [70.0, 80.0], "ARMNRS": [None, None]}
    adsl = pd.DataFrame({**subjects, **arms, **flags, **body, "TRTSDT": first, "TRTEDT": last, "DTHDT": pd.NaT})
    adsl = adsl.assign(SEX=["M", "F"], LSTALVDT=last, EOSDT=pd.NaT, LTDT=pd.NaT)
    events = {"AESEQ": 1.0, "TRTEMFL": ["Y", None], "ASTDT": pd.to_datetime("2025-03-05"), "ASTDTF": [None, None]}
    outcome = {"AENDT": pd.NaT, "AEOUT": [None, None], "TRTA": ["Low", "Placebo"], "SAFFL": ["Y", None]}
    adae = pd.DataFrame({**subjects, **events, **outcome})
    visits = {"USUBJID": ["1", "1"], "PARAMCD": "BILI", "ASEQ": [1.0, 2.0], "ABLFL": ["Y", None], "AVISITN": [0.0, 7.0]}
    visits |= {"ASTDT": pd.NaT, "AENDT": pd.NaT}
    adlb = pd.DataFrame({**visits, "AVAL": [10.0, 14.0], "BASE": 10.0, "CHG": [None, 4.0], "PCHG": [None, 40.0]})
    times = {"PARAMCD": "LTFS", "STARTDT": first, "ADT": last, "AVAL": [10.0, 20.0], "CNSR": 1.0}
    return {"ADSL": adsl, "ADAE": adae, "ADLB": adlb, "ADTTE": pd.DataFrame({**subjects, **times})}


LOST = ": no table of serious events has it"
# Of an event: AESER and criteria of seriousness; the severity and what is told.
SERIOUS = [
    ({"AESER": "Y", "AESHOSP": "Y"}, None),
    ({"AESER": "N", "AESHOSP": "N"}, None),
    ({"AESER": "N", "AESHOSP": "Y"}, ("W", "is N, and Y is AESHOSP")),
    ({"AESER": "N", "AESHOSP": "Y", "AESLIFE": "Y"}, ("W", "is N, and Y is AESLIFE AESHOSP")),
    ({"AESER": None, "AESMIE": "Y"}, ("W", "is missing, and Y is AESMIE")),
    ({"AESER": "N", "AESDTH": "Y"}, ("W", f"is N, and the event was fatal{LOST}")),
    ({"AESER": "N", "ATOXGR": "5", "AESHOSP": "Y"}, ("W", f"is N, and the event was fatal{LOST}")),
]


@pytest.mark.parametrize(("values", "expected"), SERIOUS)
def test_supplied_event_that_meets_a_criterion_is_serious(values: dict[str, object], expected: tuple[str, str] | None) -> None:
    adam = pilot_like()
    adam["ADAE"] = adam["ADAE"].iloc[:1].assign(**values)
    findings = validate.validate_adam(adam, TRIAL, keys_only=True)
    told = findings[["rule", "severity", "variable", "message"]].to_numpy().tolist()
    assert told == ([["V13", expected[0], "AESER", expected[1]]] if expected else [])


def test_subjects_of_the_analysis_set_without_a_time_that_others_have_are_named() -> None:
    adam = another_study()
    adam["ADSL"]["FASFL"] = "Y"
    adam["ADTTE"].loc[0, "PARAMCD"] = "TTDE"
    findings = validate.validate_adam(adam, TRIAL, keys_only=True)
    assert findings[["rule", "severity", "variable", "message"]].to_numpy().tolist() == [
        ["V11", "W", "PARAMCD", "LTFS has no record of 1 of 2 subjects with FASFL = Y: 1"]
    ]


def test_deaths_without_a_fatal_event_are_counted_and_named() -> None:
    adam = pilot_like()
    adam["ADSL"] = adam["ADSL"].assign(DTHFL="Y")
    adam["ADAE"] = adam["ADAE"].assign(AESDTH=["Y", None])
    findings = validate.validate_adam(adam, TRIAL, keys_only=True)
    assert findings[["rule", "severity", "message"]].to_numpy().tolist() == [
        ["V12", "I", "of 1 of 2 subjects who died ADAE has no fatal event: 2"]
    ]


def test_another_study_that_says_the_same_everywhere_has_no_finding() -> None:
    assert validate.validate_adam(another_study(), TRIAL, keys_only=True).empty


@pytest.mark.parametrize(("dataset", "record", "values", "expected"), BELIEVED)
def test_another_study_s_values_are_not_believed(
    dataset: str, record: int, values: dict[str, object], expected: tuple[str, str, str, str] | None
) -> None:
    adam = another_study()
    if "RECORDS" in values:
        del adam["ADAE"]
    for variable, value in [(name, one) for name, one in values.items() if name != "RECORDS"]:
        dated = pd.api.types.is_datetime64_any_dtype(adam[dataset][variable]) and value is not None
        adam[dataset].loc[record, variable] = pd.Timestamp(str(value)) if dated else value
    findings = validate.validate_adam(adam, TRIAL, keys_only=True)
    told = list(zip(*(findings[name] for name in ("rule", "severity", "variable", "message")), strict=True))
    arms = ", ".join(sorted({arm.column for arm in TRIAL.arms}))
    assert told == ([(*expected[:3], expected[3].replace("ARMS", arms))] if expected else [])


# BASE -10, AVAL -6: the change is 4, by hand 40 per cent of 10 and -40 per cent of -10. Of a baseline above 0 the two are one.
PERCENTS = [
    ("BASE", -10.0, -40.0, None),
    ("ABS(BASE)", -10.0, 40.0, None),
    ("BASE", -10.0, 40.0, "40, AVAL and BASE give -40 of BASE; it is that of ABS(BASE)"),
    ("ABS(BASE)", -10.0, -40.0, "-40, AVAL and BASE give 40 of ABS(BASE); it is that of BASE"),
    ("ABS(BASE)", -10.0, 30.0, "30, AVAL and BASE give 40"),
    ("ABS(BASE)", 10.0, 40.0, None),
    ("ABS(BASE)", 10.0, -40.0, "-40, AVAL and BASE give 40"),
]


@pytest.mark.parametrize(("declared", "base", "percent", "expected"), PERCENTS)
def test_a_percent_change_is_of_what_trial_yaml_says_and_the_message_tells_the_other_convention(
    declared: Literal["BASE", "ABS(BASE)"], base: float, percent: float, expected: str | None
) -> None:
    adam = another_study()
    told = {"AVAL": [base, base + 4.0], "BASE": base, "CHG": [None, 4.0], "PCHG": [None, percent]}
    adam["ADLB"] = adam["ADLB"].assign(**told)
    trial = TRIAL.model_copy(update={"conventions": Conventions(percent_change_of=declared)})
    findings = validate.validate_adam(adam, trial, keys_only=True)
    assert findings["message"].tolist() == ([expected] if expected else [])
    assert findings["remedy"].str.contains("conventions.percent_change_of", regex=False).all()


#: Variable that ADSL and ADAE have | value in ADSL | in ADAE | what is found.
CARRIED = [
    ("ITTFL", "Y", "N", ("V14", "E", "N on 1 record, ADSL has Y")),
    ("TRT01A", "Low", "Placebo", ("V06", "E", "Placebo on 1 record, ADSL has Low")),
    ("AGE", 30.0, 31.0, ("V01", "W", "31 on 1 record, ADSL has 30")),
    ("RACE", "WHITE", "ASIAN", ("V01", "W", "ASIAN on 1 record, ADSL has WHITE")),
    ("AGE", 30.0, 30.0, None),
    # A number of one name that ADSL tells in words is another variable.
    ("REGION1", "North", 1.0, None),
    ("REGION1N", 1.0, 2.0, ("V01", "W", "2.0 on 1 record, ADSL has 1.0")),
]


@pytest.mark.parametrize(("variable", "of_adsl", "carried", "expected"), CARRIED)
def test_what_records_carry_of_their_subject_is_what_adsl_says(
    variable: str, of_adsl: object, carried: object, expected: tuple[str, str, str] | None
) -> None:
    intent = Population(code="ITT", flag="ITTFL", label="Intent-to-treat", treatment="TRT01P", phases=(2,))
    trial = TRIAL.model_copy(update={"populations": (*TRIAL.populations, intent)})
    adam = another_study()
    adam["ADSL"] = adam["ADSL"].assign(ITTFL="Y")
    adam["ADSL"].loc[adam["ADSL"]["USUBJID"] == "1", variable] = of_adsl
    adam["ADAE"] = adam["ADAE"][adam["ADAE"]["USUBJID"] == "1"].assign(**{variable: carried})
    found = validate.validate_adam(adam, trial, keys_only=True)
    told = found[found["dataset"] == "ADAE"]
    assert list(zip(told["rule"], told["severity"], told["message"], strict=True)) == ([expected] if expected else [])


def test_an_arm_that_is_not_declared_is_named_in_every_dataset_that_carries_it() -> None:
    adam = another_study()
    adam["ADSL"]["TRT01A"] = adam["ADSL"]["TRT01A"].replace("Low", "Middle")
    adam["ADAE"]["TRTA"] = adam["ADAE"]["TRTA"].replace("Low", "Middle")
    adam["ADLB"] = adam["ADLB"].assign(TRTP="Low", TRTA="Middle")
    found = validate.validate_adam(adam, TRIAL, keys_only=True)
    told = found.loc[found["message"].str.startswith("'Middle' of ")]
    assert sorted(zip(told["dataset"], told["severity"], told["variable"], strict=True)) == [
        ("ADAE", "W", "TRTA"), ("ADLB", "W", "TRTA"), ("ADSL", "E", "TRT01A"),
    ]  # fmt: skip


def test_several_baselines_of_a_parameter_are_told_apart_by_basetype() -> None:
    adam = another_study()
    adam["ADLB"] = adam["ADLB"].assign(ABLFL="Y", BASE=[10.0, 14.0], CHG=[0.0, 0.0], PCHG=[0.0, 0.0])
    twice = validate.validate_adam(adam, TRIAL, keys_only=True)
    assert set(zip(twice["rule"], twice["message"], strict=True)) == {("V08", "BILI has more than one baseline")}
    adam["ADLB"] = adam["ADLB"].assign(BASETYPE=["LAST", "FIRST"])
    assert validate.validate_adam(adam, TRIAL, keys_only=True).empty


@pytest.mark.parametrize("declared", [False, True])
def test_baselines_that_blinding_leaves_alike_are_not_told_twice(declared: bool) -> None:
    """Of a blind phase BASETYPE is not seen, and nobody can tell two baselines apart; where trial.yaml says that it is, anybody can."""
    trial = TRIAL.model_copy(update={"seen_blind": {"ADLB": ("BASETYPE",)} if declared else {}})
    adam = another_study()
    adam["ADLB"] = adam["ADLB"].assign(ABLFL="Y", BASE=[10.0, 14.0], CHG=[0.0, 0.0], PCHG=[0.0, 0.0], BASETYPE=["LAST", "FIRST"])
    alike = adam | {"ADLB": adam["ADLB"].assign(BASETYPE="LAST")}
    told = []
    for one in (adam, alike):
        seen = blind_adam(one, trial, {1, 2}, [])
        told.append(validate.validate_adam(seen, trial, keys_only=True, blinded={1, 2})["message"].unique().tolist())
    assert told == [[], ["BILI has more than one baseline"] if declared else []]
    # A subject of an open phase is held to it.
    opened = adam["ADSL"]["USUBJID"].tolist()
    seen = blind_adam(alike, trial, {2}, opened)
    found = validate.validate_adam(seen, trial, keys_only=True, blinded={2}, subjects=opened)
    assert found["message"].unique().tolist() == ["BILI has more than one baseline"]


def test_baseline_that_was_derived_from_several_records_is_the_other_study_s_own() -> None:
    adam = another_study()
    adam["ADLB"] = adam["ADLB"].assign(ABLFL=None)
    assert validate.validate_adam(adam, TRIAL, keys_only=True).empty


# Whether trial.yaml says that the first day counts, the times of 10 and 20 days, and the finding there is of them.
COUNTED = [
    (False, [10.0, 20.0], []),
    (True, [11.0, 21.0], []),
    # Published data often count the day of the start, and are read at their own days: told, and no error.
    (False, [11.0, 21.0], [("I", "AVAL is ADT - STARTDT + 1: a day of trial.yaml is a value of AVAL; switches.tte_plus_one: true makes it a day after the start")]),
    (True, [10.0, 20.0], [("E", "AVAL is ADT - STARTDT, and trial.yaml says switches.tte_plus_one: true")]),
    (False, [10.0, 21.0], [("E", "21 days, ADT - STARTDT gives 20")]),
]  # fmt: skip


@pytest.mark.parametrize(("counted", "days", "said"), COUNTED)
def test_times_of_another_study_are_counted_alike(counted: bool, days: list[float], said: list[tuple[str, str]]) -> None:
    trial = TRIAL.model_copy(update={"switches": TRIAL.switches.model_copy(update={"tte_plus_one": counted})})
    adam = another_study()
    adam["ADTTE"] = adam["ADTTE"].assign(AVAL=days)
    findings = validate.validate_adam(adam, trial, keys_only=True)
    assert list(zip(findings["severity"], findings["message"], strict=True)) == said
    assert set(findings["rule"]) <= {"V11"}


#: What is changed of the two times of another study | what is found of them.
TOLD = [
    ({"STARTDT": [None, "2025-03-02"]}, [("E", "LTFS: is missing, and AVAL is there")]),
    ({"STARTDT": None}, [("W", "LTFS has no STARTDT in any of 2 records: nobody can check AVAL")]),
    ({"CNSR": [0.0, 1.0], "EVNTDESC": "RELAPSE"}, [("E", "LTFS has EVNTDESC 'RELAPSE', with CNSR 0 in 1 record and another CNSR in 1: 2")]),
    ({"CNSR": 1.0, "EVNTDESC": ["DEATH", "LAST CONTACT"]}, [("E", "LTFS has EVNTDESC 'DEATH', which is its event by trial.yaml, censored in 1 record")]),
    ({"CNSR": 0.0, "EVNTDESC": "DEATH"}, [("W", "LTFS has CNSR 0 in all of its 2 records: nobody is censored")]),
    ({"CNSR": [0.0, 1.0], "EVNTDESC": ["DEATH", "LAST CONTACT"]}, []),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), TOLD)
def test_times_of_another_study_have_their_start_and_a_censoring_that_their_text_does_not_contradict(changes, said) -> None:
    adam = another_study()
    for name, value in changes.items():
        values = pd.Series(value if isinstance(value, list) else [value] * 2)
        kind = {"STARTDT": "datetime64[s]", "EVNTDESC": "str"}.get(name, "float64")
        adam["ADTTE"][name] = pd.to_datetime(values).astype(kind) if name == "STARTDT" else values.astype(kind)
    found = validate.validate_adam(adam, TRIAL, keys_only=True)
    found = found[found["rule"] == "V11"]
    assert list(zip(found["severity"], found["message"], strict=True)) == said


def test_adam_without_subjects_is_an_error() -> None:
    assert validate.validate_adam({"ADAE": pilot_like()["ADAE"]}, TRIAL, keys_only=True)["rule"].tolist() == ["V01"]


# --- findings -----------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "a\x1b[31mred",
    "\u202eevil",
    "</td>&\"'",
    "x" * 5000,
]


def hostile_findings() -> pd.DataFrame:
    n = len(HOSTILE)
    frame = pd.DataFrame(dict.fromkeys(validate.COLUMNS, HOSTILE))
    return frame.assign(severity=["E", "W"] * (n // 2))


def test_hostile_text_is_text_on_the_page() -> None:
    page = emit_findings_html(hostile_findings(), title="<b>x</b>")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<b>x</b>" not in page
    assert page.count("<script>") == 1
    assert "\x1b" not in page
    assert not re.search(r"(src|href)\s*=", page.replace("&quot;", ""))


def test_page_counts_by_severity_rule_and_dataset() -> None:
    findings = validate.validate_sdtm(changed(edit("AE", MEDIUM, 1, AEOUT="Cured")), TRIAL, CUTOFF, decisions())
    page = emit_findings_html(findings)
    assert "The gate is closed" in page
    assert "By rule" in page
    assert "By dataset" in page
    assert "id='filter'" in page
    assert "Cured" in page
    assert "The gate is open" in emit_findings_html(validate.empty_findings())


def starts_a_formula(cell: str) -> bool:
    """A plain negative number is a number."""
    return cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not re.fullmatch(r"-\d+", cell)


def test_spreadsheet_takes_no_cell_for_a_formula() -> None:
    rows = list(csv.reader(io.StringIO(forms.findings_to_csv(hostile_findings()))))
    assert rows[0] == list(validate.COLUMNS)
    assert len(rows) == len(HOSTILE) + 1
    assert not [cell for row in rows[1:] for cell in row if starts_a_formula(cell)]
    assert rows[2][5] == "'" + HOSTILE[1]


def test_json_holds_counts_and_every_finding() -> None:
    content = json.loads(forms.findings_to_json(hostile_findings()))
    assert content["counts"] == {"E": 5, "W": 5, "I": 0}
    assert [row["message"] for row in content["findings"]] == HOSTILE
    assert json.loads(forms.findings_to_json(validate.empty_findings()))["findings"] == []


def test_terminal_gets_no_control_characters() -> None:
    text = forms.findings_to_text(hostile_findings())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.splitlines()[-1] == "findings: 5 error, 5 warning, 0 information"


def test_findings_are_written_in_four_forms(tmp_path) -> None:
    forms.write_findings(hostile_findings(), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"findings.{form}" for form in ("csv", "html", "json", "xlsx")
    ]


def test_workbook_has_a_frozen_filtered_header_and_no_formula() -> None:
    content = emit_findings_xlsx(hostile_findings())
    book = load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["Findings", "Counts"]
    sheet = book["Findings"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", f"A1:K{len(HOSTILE) + 1}")
    assert sheet.column_dimensions["H"].width > sheet.column_dimensions["A"].width
    rows = list(sheet.iter_rows())
    assert [cell.value for cell in rows[0]] == list(validate.COLUMNS)
    assert len(rows) == len(HOSTILE) + 1
    cells = [cell for row in rows for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert not [cell.value for cell in cells if starts_a_formula(cell.value)]
    assert rows[2][7].value == "'" + HOSTILE[1]
    assert {row[0].value: [cell.value for cell in row[2:]] for row in book["Counts"].iter_rows()}["all"] == [5, 5, 0]
    assert "<f>" not in zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml").decode()


def test_workbook_of_the_same_findings_has_the_same_bytes() -> None:
    # openpyxl stamps core.xml and the members of the package with the clock; a day apart must show nothing.
    content = emit_findings_xlsx(hostile_findings())
    package = zipfile.ZipFile(io.BytesIO(content))
    assert {member.date_time for member in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    told = load_workbook(io.BytesIO(content)).properties
    assert (told.created, told.modified) == (datetime(1980, 1, 1), datetime(1980, 1, 1))
    assert emit_findings_xlsx(hostile_findings()) == content


def test_workbook_keeps_long_and_coded_text_whole_or_cut_at_what_a_cell_holds() -> None:
    # "_x0041_" would be read as "A"; a cell holds 32,767 characters.
    frame = pd.DataFrame([dict.fromkeys(validate.COLUMNS, "_x0041_"), dict.fromkeys(validate.COLUMNS, "y" * 40_000)])
    sheet = load_workbook(io.BytesIO(emit_findings_xlsx(frame.assign(severity="E"))))["Findings"]
    assert sheet["H2"].value == "_x005F_x0041_"
    assert len(sheet["H3"].value) == 32_767


def test_workbook_without_findings_is_a_workbook() -> None:
    sheet = load_workbook(io.BytesIO(emit_findings_xlsx(validate.empty_findings())))["Findings"]
    assert sheet.max_row == 1


# rule  subject key      variable message   what it is
BEFORE = """
V02     A       AESEQ 1  AEOUT    Cured
V02     A       AESEQ 1  AEOUT    missing
V04     A       AESEQ 2  AEENDTC  early
V24     B       VISIT    -        late
"""
NOW = """
V02     A       AESEQ 1  AEOUT    missing
V04     A       AESEQ 2  AEENDTC  earlier
V04     A       AESEQ 3  AEENDTC  early
V24     B       VISIT    -        late
V24     B       VISIT    -        later
"""


def drawn_findings(text: str) -> pd.DataFrame:
    lines = [re.split(r"\s{2,}", line) for line in text.strip().splitlines()]
    frame = pd.DataFrame(lines, columns=["rule", "usubjid", "key", "variable", "message"]).replace("-", np.nan)
    return collect_findings([frame.assign(severity="E", dataset="AE", value=np.nan, remedy="mend")])


def test_findings_since_an_earlier_cut_are_new_standing_or_closed() -> None:
    found = validate.compare_findings(drawn_findings(NOW), drawn_findings(BEFORE))
    told = found[["status", "rule", "key", "message"]].to_numpy().tolist()
    assert told == [
        ["new", "V04", "AESEQ 2", "earlier"],
        ["new", "V24", "VISIT", "later"],  # of two findings on one visit the one that was there stands
        ["standing", "V02", "AESEQ 1", "missing"],
        ["standing", "V04", "AESEQ 3", "early"],  # renumbered: what the record says goes before its number
        ["standing", "V24", "VISIT", "late"],
        ["closed", "V02", "AESEQ 1", "Cured"],  # as it was
    ]


def test_finding_keeps_its_identity_when_records_are_sorted_and_renumbered() -> None:
    wrong = [
        edit("AE", DEAD, 1, AEENDTC="2025-06-24"),
        edit("LB", DEAD, 1, LBDTC="2025-06-25"),
        edit("LB", MEDIUM, 3, LBORRES="95"),
    ]
    before = changed(*wrong)
    after = dict(before)
    for name in ("AE", "LB", "CM", "MH"):
        turned = after[name].iloc[::-1].reset_index(drop=True)
        after[name] = turned.assign(**{f"{name}SEQ": turned.groupby("USUBJID").cumcount() + 11.0})
    old, new = (validate.validate_sdtm(sdtm, TRIAL, CUTOFF, decisions()) for sdtm in (before, after))
    assert (old["severity"] == "E").sum() >= 3
    assert set(validate.compare_findings(new, old)["status"]) == {"standing"}
    # A value that was mended and a new fault in another record of the same subject are told apart.
    mended = dict(after)
    mended["AE"] = mended["AE"].assign(AEENDTC=mended["AE"]["AEENDTC"].replace("2025-06-24", "2025-06-22"))
    told = validate.compare_findings(validate.validate_sdtm(mended, TRIAL, CUTOFF, decisions()), old)
    # The end of the fatal event was after the death (V05), and not the date of the death (V12).
    assert told.loc[told["status"] != "standing", ["status", "variable"]].to_numpy().tolist() == [["closed", "AEENDTC"]] * 2


def test_terminal_prints_the_one_finding_that_it_would_hide() -> None:
    # Of a rule three warnings are printed: of four the fourth takes the line that would say so, of five two are hidden.
    for number, hidden in ((4, []), (5, ["… 2 more of severity W"])):
        rows = [{"severity": "W", "rule": "V24", "dataset": "SV", "usubjid": f"S{i}", "message": "late"} for i in range(number)]
        lines = forms.findings_to_text(collect_findings([pd.DataFrame(rows).reindex(columns=validate.COLUMNS)])).splitlines()
        assert [line for line in lines if line.startswith("…")] == hidden
        assert sum(line.startswith("W V24 SV") for line in lines) == number - 2 * bool(hidden)


def test_terminal_has_errors_first_few_warnings_and_a_line_per_rule_last() -> None:
    warnings = [
        {"severity": "W", "rule": "V24", "dataset": "SV", "usubjid": f"S{i}", "message": f"late {i:03d}"} for i in range(300)
    ]
    error = {"severity": "E", "rule": "V04", "dataset": "AE", "usubjid": "S1", "message": "ends early"}
    imputed = {"severity": "I", "rule": "V30", "dataset": "AE", "usubjid": "S1", "message": "month only"}
    findings = collect_findings([pd.DataFrame([*warnings, error, imputed]).reindex(columns=validate.COLUMNS)])
    lines = forms.findings_to_text(findings).splitlines()
    assert lines[:2] == ["Error:", "E V04 AE S1: ends early"]
    assert [line for line in lines if line.startswith("W V24")] == [f"W V24 SV S{i}: late {i:03d}" for i in (0, 1, 10)]
    assert "… 297 more of severity W" in lines
    assert not any("month only" in line for line in lines)
    assert lines[-6:] == [
        "   rule  findings subjects  what is checked (datasets)",
        "E  V04          1        1  order of dates (AE)",
        "W  V24        300      300  visits (SV)",
        "I  V30          1        1  partial dates (AE)",
        "298 not printed: --all prints every finding, --out DIR writes them to files",
        "findings: 1 error, 300 warning, 1 information",
    ]
    everything = forms.findings_to_text(findings, every=True).splitlines()
    assert sum(line.startswith("W V24 ") for line in everything) == 300
    assert "month only" in "\n".join(everything)
    assert not any("not printed" in line for line in everything)


def test_terminal_has_the_remedies_of_each_rule_the_commonest_first_and_never_more_than_three() -> None:
    # Five remedies of one rule, the last of three findings; a note has none to be worked on.
    told = ["mend a", "mend b", "mend c", "mend d", *["mend \x1be"] * 3]
    rows = [{"severity": "E", "rule": "V04", "dataset": "AE", "message": "ends early", "remedy": remedy} for remedy in told]
    rows += [{"severity": "I", "rule": "V30", "dataset": "AE", "message": "month only", "remedy": "none"}]
    findings = collect_findings([pd.DataFrame(rows).reindex(columns=validate.COLUMNS)])
    lines = forms.findings_to_text(findings).splitlines()
    at = lines.index("E  V04          7        0  order of dates (AE)")
    assert [line.strip() for line in lines[at + 1 : at + 5]] == [
        "remedy: mend \N{REPLACEMENT CHARACTER}e",
        "remedy: mend a",
        "remedy: mend b",
        "and 2 more, in what --out DIR writes",
    ]
    assert lines[at + 5].startswith("I  V30")


def test_page_groups_findings_by_rule_with_text_and_remedy_once() -> None:
    rows = [
        {"severity": "W", "rule": "V24", "dataset": "SV", "usubjid": f"S{i}", "message": "late", "remedy": "mend"}
        for i in range(300)
    ]
    rows += [{"severity": "E", "rule": "V32", "dataset": "VS", "usubjid": "S1", "message": "after", "remedy": "correct"}]
    page = emit_findings_html(collect_findings([pd.DataFrame(rows).reindex(columns=validate.COLUMNS)]))
    groups = re.findall(r"<details data-s='(.)' data-severity='.' data-rule='(V..)'( open)?>", page)
    # Errors come first and are open; three hundred warnings open with a click.
    assert groups == [("E", "V32", " open"), ("W", "V24", "")]
    assert page.count("mend.") == 1
    assert "visits in their window" in page.lower()
    assert page.count("<tr data-dataset='SV'") == 300


def test_finding_names_its_visit_and_its_file() -> None:
    found = validate.validate_sdtm(
        changed(edit("LB", DEAD, 1, LBDTC="2025-06-25"), edit("DM", PLACEBO, None, RANDNO="R001")), TRIAL, CUTOFF
    )
    told = validate.name_files(found, ["sdtm/lb.xpt", "sdtm/dm.xpt", "sdtm/suppdm.xpt"])
    late = told[(told["rule"] == "V05") & (told["dataset"] == "LB")].iloc[0]
    assert (late["visit"], late["key"], late["variable"], late["file"]) == ("SCREENING", "LBSEQ 1", "LBDTC", "sdtm/lb.xpt")
    # RANDNO is a supplemental qualifier: that is the file to correct.
    twice = told[(told["rule"] == "V29") & (told["variable"] == "RANDNO")]
    assert set(twice["file"]) == {"sdtm/suppdm.xpt"}


def test_every_rule_that_is_registered_has_a_text() -> None:
    for module in rules.RULE_MODULES + rules.ADAM_RULE_MODULES:
        import_module(f"cgbm1_report.validate.{module}")
    used = {entry.id for entry in rules.RULES.values()} | {entry.id for entry in rules.ADAM_RULES.values()}
    # V22 is asked by schemas/, V33 of what blinding took out.
    assert used | {"V22", "V33"} == set(RULE_TEXTS) == {f"V{number:02d}" for number in range(1, 34)}


def test_every_form_tells_the_status_and_counts_closed_findings_as_no_errors(tmp_path) -> None:
    found = validate.compare_findings(drawn_findings(NOW), drawn_findings(BEFORE))
    content = json.loads(forms.findings_to_json(found))
    assert content["counts"] == {"E": 5, "W": 0, "I": 0}
    assert content["since"] == {"new": 2, "standing": 3, "closed": 1}
    lines = forms.findings_to_text(found).splitlines()
    assert lines[:2] == ["Error:", "new E V04 AE A AESEQ 2 AEENDTC: earlier"]
    assert lines[-2:] == ["findings: 5 error, 0 warning, 0 information", "since the earlier cut: 2 new, 3 standing, 1 closed"]
    rows = list(csv.reader(io.StringIO(forms.findings_to_csv(found))))
    assert rows[0] == ["status", *validate.COLUMNS]
    assert [row[0] for row in rows[1:]] == ["new"] * 2 + ["standing"] * 3 + ["closed"]
    page = emit_findings_html(found)
    assert "2 new, 3 standing, 1 closed" in page
    assert "<td class='status'>closed</td>" in page
    book = load_workbook(io.BytesIO(emit_findings_xlsx(found)))
    assert [cell.value for cell in book["Findings"]["A"]] == ["status", *(row[0] for row in rows[1:])]
    counts = {row[1].value: row[2].value for row in book["Counts"].iter_rows() if row[0].value == "status"}
    assert counts == {"New since the earlier cut": 2, "Standing since the earlier cut": 3, "Closed since the earlier cut": 1}


def test_closed_errors_leave_the_gate_open() -> None:
    found = validate.compare_findings(validate.empty_findings(), drawn_findings(BEFORE))
    assert found["status"].tolist() == ["closed"] * 4
    validate.raise_on_errors(found)
    assert "The gate is open" in emit_findings_html(found)
    nothing = validate.compare_findings(validate.empty_findings(), validate.empty_findings())
    assert list(nothing.columns) == ["status", *validate.COLUMNS]
    assert "0 new, 0 standing, 0 closed" in forms.findings_to_text(nothing)
    assert "The gate is open" in emit_findings_html(nothing)


@given(st.lists(st.sampled_from("abcd"), max_size=8), st.lists(st.sampled_from("abcd"), max_size=8))
@settings(max_examples=25, deadline=None)
def test_each_finding_of_either_cut_is_told_once(now: list[str], before: list[str]) -> None:
    def drawn(messages: list[str]) -> pd.DataFrame:
        return collect_findings(
            [drawn_findings("\n".join(f"V02  A  AESEQ 1  AEOUT  {one}" for one in messages))] if messages else []
        )

    counts = (
        validate.compare_findings(drawn(now), drawn(before))["status"]
        .value_counts()
        .reindex(["new", "standing", "closed"], fill_value=0)
    )
    assert counts["new"] + counts["standing"] == len(now)
    assert counts["closed"] + counts["standing"] == len(before)
    assert counts["standing"] == min(len(now), len(before))


def test_gate_names_the_first_twenty_errors_and_the_count() -> None:
    many = pd.DataFrame([{column: f"{column} {i:02d}" for column in validate.COLUMNS} | {"severity": "E"} for i in range(25)])
    with pytest.raises(ReportError) as error:
        validate.raise_on_errors(many)
    assert len(error.value.problems) == 22
    assert "25 errors" in str(error.value)
    assert "message 19" in str(error.value)
    assert "message 20" not in str(error.value)
    assert "5 more" in str(error.value)
    assert "20 of 25 errors are named here" in error.value.problems[-1].message
    assert error.value.findings == {"E": 25, "W": 0, "I": 0}
    assert copy.copy(error.value).findings == {"E": 25, "W": 0, "I": 0}  # as a process hands it on
    with pytest.raises(ReportError) as error:
        validate.raise_on_errors(many, Path("/cuts/a cut"))
    for problem in (error.value.problems[0], error.value.problems[-1]):
        assert "`cgbm1-report validate '/cuts/a cut' --out DIR`" in problem.remedy
    with pytest.raises(ReportError) as error:
        validate.raise_on_errors(many, Path("/cuts/one"), Path("/the protocols/trial.yaml"))
    for problem in (error.value.problems[0], error.value.problems[-1]):
        assert "`cgbm1-report validate /cuts/one --trial '/the protocols/trial.yaml' --out DIR`" in problem.remedy
    validate.raise_on_errors(many.assign(severity="W"))


def test_blind_phase_keeps_treatment_out_of_the_findings() -> None:
    """A wrong dose in each phase: that of the open phase is told, of the other neither subject nor value."""
    sdtm = changed(edit("EX", MEDIUM, 1, EXDOSE=4.0), edit("AE", MEDIUM, 1, AEOUT="Cured"), edit("EX", SECOND, 1, EXDOSE=4.0))
    subjects = find_open_subjects(sdtm, {}, TRIAL, {2})
    seen = validate.Blinded(blind_sdtm(sdtm, TRIAL, {2}, subjects), subjects)
    findings = validate.validate_sdtm(sdtm, TRIAL, CUTOFF, decisions(), blinded=seen)
    of_dose = findings[findings["rule"] == "V06"]
    assert "highest dose" in of_dose[of_dose["usubjid"] == SECOND]["message"].iloc[0]
    withheld = of_dose[of_dose["usubjid"].isna()]
    # The actual arm, and the one infusion of another dose than planned.
    told = withheld[["dataset", "variable", "value"]].to_numpy().tolist()
    assert told == [["DM", "ACTARMCD", "withheld"], ["EX", "EXDOSE", "withheld"]]
    assert MEDIUM not in set(of_dose["usubjid"])
    assert not withheld["message"].str.contains("dose|4").any()
    assert "Cured" in findings[findings["variable"] == "AEOUT"]["value"].tolist()


def test_findings_do_not_depend_on_the_order_of_records() -> None:
    sdtm = changed(
        edit("AE", MEDIUM, 1, AEOUT="Cured"),
        edit("EX", MEDIUM, 2, EXSTDTC="2025-06-13T10:00"),
        edit("LB", DEAD, 1, LBDTC="2025-06-25"),
    )
    turned = {name: frame.iloc[::-1].reset_index(drop=True) for name, frame in sdtm.items()}
    straight = validate.validate_sdtm(sdtm, TRIAL, CUTOFF, decisions())
    pd.testing.assert_frame_equal(straight, validate.validate_sdtm(turned, TRIAL, CUTOFF, decisions()))


def test_two_checks_of_one_name_are_refused() -> None:
    with pytest.raises(KeyError):
        rules.rule("V01", "E", "again", "none")(rules.RULES["subjects_are_known"].check)
