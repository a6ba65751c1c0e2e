"""Supplied ADaM: every rule fires on one altered cell, and stays silent on the one beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cgbm1_report import validate
from cgbm1_report.build import gate
from cgbm1_report.build.gate import read_data, validate_everything
from cgbm1_report.derive import blind_adam, blind_sdtm, derive_adam, find_open_subjects
from cgbm1_report.errors import ReportError
from cgbm1_report.read.cut import read_cut
from cgbm1_report.validate import rules
from cgbm1_report.validate.findings import collect_findings
from cgbm1_report.validate.procedures import decisive_procedures_are_dated
from cgbm1_report.validate.source import Source
from cgbm1_report.validate.supplied import Supplied, numbers_differ
from tests.drawn import our_trial
from tests.small_study import CUTOFF, DEAD, FAILED, MEDIUM, PLACEBO, SECOND, SENTINEL, decisions, draw, small_study

TRIAL = our_trial()
Frames = dict[str, pd.DataFrame]

# Results after the first infusion, so that there are changes, visits, grades and scores to look at.
# M: day 28 twice (2025-07-08 on the target, 2025-07-10 two days late), day 60 once.
LATER = """
USUBJID | LBSEQ | LBTESTCD | LBCAT       | LBORRES | LBORRESU | LBSTRESC | LBSTRESN | LBSTRESU | LBNAM | LBSTNRLO | LBSTNRHI | VISITNUM | VISIT             | LBDTC
M       | 11    | BILI     | CHEMISTRY   | 250     | umol/L   | 250      | 250      | umol/L   | LOCAL | 4        | 23       | 28       | DAY 28            | 2025-07-08T08:00
M       | 12    | INR      | COAGULATION | 1.5     | ratio    | 1.5      | 1.5      | ratio    | LOCAL | 0.8      | 1.2      | 28       | DAY 28            | 2025-07-08T08:00
M       | 13    | CREAT    | CHEMISTRY   | 90      | umol/L   | 90       | 90       | umol/L   | LOCAL | 57       | 104      | 28       | DAY 28            | 2025-07-08T08:00
M       | 14    | BILI     | CHEMISTRY   | 240     | umol/L   | 240      | 240      | umol/L   | LOCAL | 4        | 23       | 28.01    | UNSCHEDULED 28.01 | 2025-07-10T08:00
M       | 15    | BILI     | CHEMISTRY   | 200     | umol/L   | 200      | 200      | umol/L   | LOCAL | 4        | 23       | 60       | DAY 60            | 2025-08-09T08:00
"""
# What CLIF-C OF needs beside the laboratory, at M's baseline.
GRADES = """
USUBJID | RSSEQ | RSTESTCD | RSCAT      | RSSTRESN | RSSTRESC | VISITNUM | VISIT          | RSDTC
M       | 1     | HEGRADE  | WEST-HAVEN | 1        | 1        | 2        | DAY 0 PRE-DOSE | 2025-06-09T08:00
M       | 2     | MELDSITE | MELD       | 23.8     | 23.8     | 2        | DAY 0 PRE-DOSE | 2025-06-09T08:00
"""
SIGNS = """
USUBJID | VSSEQ | VSTESTCD | VSSTRESN | VSSTRESU | VISITNUM | VISIT          | VSDTC
M       | 11    | MAP      | 80       | mmHg     | 2        | DAY 0 PRE-DOSE | 2025-06-09T08:00
M       | 12    | OXYSAT   | 97       | %        | 2        | DAY 0 PRE-DOSE | 2025-06-09T08:00
"""
OXYGEN = """
USUBJID | RESEQ | RETESTCD | RESTRESN | VISITNUM | VISIT          | REDTC
M       | 1     | FIO2     | 0.21     | 2        | DAY 0 PRE-DOSE | 2025-06-09T08:00
"""


@cache
def study() -> Frames:
    """The small study with later results."""
    sdtm = small_study(TRIAL)
    for dataset, drawing in {"LB": LATER, "RS": GRADES, "VS": SIGNS, "RE": OXYGEN}.items():
        sdtm[dataset] = pd.concat([sdtm[dataset], draw(drawing, dataset)], ignore_index=True)
    return sdtm


@cache
def derived() -> Frames:
    """Its ADaM, without the labels, which pandas would copy with every step."""
    adam = derive_adam(study(), TRIAL, CUTOFF, decisions())
    for frame in adam.values():
        frame.attrs = {}
    return adam


def altered(dataset: str, place: dict[str, object], **values: object) -> Frames:
    """The derived ADaM with one record changed."""
    frame = derived()[dataset].copy()
    rows = np.logical_and.reduce([frame[name] == value for name, value in place.items()])
    assert rows.sum() == 1, place
    for name, value in values.items():
        frame.loc[rows, name] = value
    return {**derived(), dataset: frame}


def find(adam: Frames, sdtm: Frames | None = None, recompute: bool = True, rule: str = "V") -> pd.DataFrame:
    """Findings of the registered rules about supplied ADaM, or of one; the schemas have tests of their own."""
    for module in rules.ADAM_RULE_MODULES:
        rules.import_module(f"cgbm1_report.validate.{module}")
    plain = {name: frame.reset_index(drop=True) for name, frame in adam.items()}
    source = Source(sdtm or study(), TRIAL, CUTOFF, None) if recompute else None
    given = Supplied(plain, TRIAL, derived() if recompute else None, source)
    # Of our own study's data the rules that are another study's alone are not asked.
    asked = (entry for entry in rules.ADAM_RULES.values() if entry.studies != "other")
    return collect_findings(rules.run_rule(entry, given) for entry in asked if entry.id.startswith(rule))


LAB = {"USUBJID": MEDIUM, "PARAMCD": "BILI"}
DAY_28, AGAIN, DAY_60, BASELINE = ({**LAB, "SRCSEQ": float(number)} for number in (11, 14, 15, 1))
TOTAL = {"USUBJID": MEDIUM, "PARAMCD": "CLIFCOF"}
BRAIN = {"USUBJID": MEDIUM, "PARAMCD": "CLIFBRA"}
MELD = {"USUBJID": MEDIUM, "PARAMCD": "MELD", "VISITNUM": 2.0}
LTFS = {"USUBJID": DEAD, "PARAMCD": "LTFS"}
EVENT = {"USUBJID": MEDIUM, "AESEQ": 1.0}
DAY = pd.Timestamp

# rule, dataset and variable of the finding, the record, the altered cells. Ids name the defect of the catalogue.
FIRES = {
    "V02 visit under another number": ("V02", "ADLB", "VISITNUM", DAY_60, {"VISITNUM": 28.0}),
    "V03 value is not its source's": ("V03", "ADLB", "AVAL", {"USUBJID": MEDIUM, "PARAMCD": "SODIUM"}, {"AVAL": 136.0}),
    "V03 record without source": ("V03", "ADAE", "USUBJID", EVENT, {"AESEQ": 99.0}),
    "V06 TRT01P is another arm's": ("V06", "ADSL", "TRT01P", {"USUBJID": MEDIUM}, {"TRT01P": "Low"}),
    "V06 D37 TRT01A while all EX are placebo": ("V06", "ADSL", "TRT01A", {"USUBJID": PLACEBO}, {"TRT01A": "Low", "TRT01AN": 1.0}),
    "V06 record of another treatment": ("V06", "ADAE", "TRTA", EVENT, {"TRTA": "Low"}),
    "V07 D06 event before the infusion": ("V07", "ADAE", "TRTEMFL", EVENT, {"TRTEMFL": None}),
    "V08 D07 two baselines": ("V08", "ADLB", "ABLFL", DAY_28, {"ABLFL": "Y"}),
    "V08 D08 unit slip in BASE": ("V08", "ADLB", "BASE", DAY_28, {"BASE": 17.5}),
    "V08 baseline lost": ("V08", "ADLB", "ABLFL", BASELINE, {"ABLFL": None}),
    "V09 D09 sign reversed": ("V09", "ADLB", "CHG", DAY_28, {"CHG": 49.3}),
    "V09 PCHG wrong": ("V09", "ADLB", "PCHG", DAY_28, {"PCHG": -16.0}),
    "V09 D10 PCHG with BASE 0": ("V09", "ADLB", "PCHG", DAY_28, {"BASE": 0.0, "CHG": 250.0, "PCHG": 100.0}),
    "V09 change lost": ("V09", "ADLB", "CHG", DAY_28, {"CHG": None}),
    "V09 change before the infusion": ("V09", "ADLB", "CHG", BASELINE, {"CHG": 0.0}),
    "V10 D11 Day 28 with number 21": ("V10", "ADLB", "AVISIT", DAY_28, {"AVISITN": 21.0}),
    "V10 wrong window": ("V10", "ADLB", "AVISITN", DAY_60, {"AVISITN": 90.0, "AVISIT": "Day 90"}),
    "V10 D12 two analysis records": ("V10", "ADLB", "ANL01FL", AGAIN, {"ANL01FL": "Y"}),
    "V11 D13 death not counted": ("V11", "ADTTE", "CNSR", LTFS, {"CNSR": 1.0, "EVNTDESC": None, "CNSDTDSC": "ALIVE AT DAY 180"}),
    "V11 D14 one day too many": ("V11", "ADTTE", "AVAL", LTFS, {"AVAL": 11.0}),
    "V11 event on another day": ("V11", "ADTTE", "CNSR", LTFS, {"ADT": DAY("2025-06-21"), "AVAL": 9.0}),
    "V11 wrong description": ("V11", "ADTTE", "EVNTDESC", LTFS, {"EVNTDESC": "LIVER TRANSPLANT"}),
    "V12 death flag lost": ("V12", "ADSL", "DTHFL", {"USUBJID": DEAD}, {"DTHFL": None}),
    "V12 death on another day": ("V12", "ADSL", "DTHDT", {"USUBJID": DEAD}, {"DTHDT": DAY("2025-06-21")}),
    "V14 D18 SAFFL without EX": ("V14", "ADSL", "SAFFL", {"USUBJID": FAILED}, {"SAFFL": "Y"}),
    "V14 per-protocol flag": ("V14", "ADSL", "PPROTFL", {"USUBJID": MEDIUM}, {"PPROTFL": "N"}),
    "V14 DLTEVFL in phase 2": ("V14", "ADSL", "DLTEVFL", {"USUBJID": MEDIUM}, {"DLTEVFL": "Y"}),
    "V14 record of another population": ("V14", "ADAE", "SAFFL", EVENT, {"SAFFL": "N"}),
    "V15 D19 sub-score 0": ("V15", "ADEFF", "AVAL", BRAIN, {"AVAL": 0.0}),
    "V15 D19 total 5": ("V15", "ADEFF", "AVAL", TOTAL, {"AVAL": 5.0}),
    "V15 D20 not the sum": ("V15", "ADEFF", "AVAL", TOTAL, {"AVAL": 10.0}),
    # 10 x (0.957 ln 80 + 0.378 ln 299.3 + 1.12 ln 1.8) + 6.43: creatinine and bilirubin in umol/L
    "V16 D21 umol/L": ("V16", "ADEFF", "AVAL", MELD, {"AVAL": 76.495}),
    "V16 just beyond the tolerance": ("V16", "ADEFF", "AVAL", MELD, {"AVAL": 23.832962 + 3e-6}),
    "V27 creatinine as on dialysis": ("V27", "ADEFF", "COMP4", MELD, {"COMP4": 4.0}),
    "V28 screen failure analysed": ("V28", "ADSL", "FASFL", {"USUBJID": FAILED}, {"FASFL": "Y"}),
    "V31 range": ("V31", "ADLB", "ANRIND", DAY_28, {"ANRIND": "NORMAL"}),
    "V31 D31 grade": ("V31", "ADLB", "ATOXGR", DAY_28, {"ATOXGR": "3"}),
    "V31 D31 shift": ("V31", "ADLB", "SHIFT1", {"USUBJID": MEDIUM, "PARAMCD": "INR", "SRCSEQ": 12.0}, {"SHIFT1": "2 to 4"}),
}


@pytest.mark.parametrize("case", FIRES)
def test_rule_finds_the_altered_cell(case: str) -> None:
    rule, dataset, variable, place, values = FIRES[case]
    found = find(altered(dataset, place, **values), rule=rule)
    hit = found[(found["dataset"] == dataset) & (found["variable"] == variable)]
    assert hit["usubjid"].isin([place["USUBJID"]]).any(), found[["rule", "dataset", "variable", "message"]].to_string()


# The same cells, altered in a way that means nothing: rounding, or a variable no rule is about.
SILENT: dict[str, tuple[str, dict[str, object], dict[str, object]]] = {
    "V02 unscheduled visit": ("ADLB", AGAIN, {"VISIT": "UNSCHEDULED 28.01"}),
    "V03 rounding of a value": ("ADLB", {"USUBJID": MEDIUM, "PARAMCD": "SODIUM"}, {"AVAL": 126.0 * (1 + 1e-12)}),
    "V06 text of the arm": ("ADSL", {"USUBJID": MEDIUM}, {"ARM": "another wording"}),
    "V07 term reworded": ("ADAE", EVENT, {"AETERM": "low sodium"}),
    "V08 rounding of a baseline": ("ADLB", DAY_28, {"BASE": 299.3 * (1 + 1e-12)}),
    "V09 change within the tolerance": ("ADLB", DAY_28, {"CHG": -49.3 * (1 + 1e-9)}),
    "V09 per cent within the tolerance": ("ADLB", DAY_28, {"PCHG": -100 * 49.3 / 299.3 * (1 + 1e-9)}),
    "V10 target of the window": ("ADLB", DAY_28, {"AWU": None}),
    "V11 source of the event": ("ADTTE", LTFS, {"SRCDOM": "DM"}),
    "V12 cause of death": ("ADSL", {"USUBJID": DEAD}, {"DTHCAUS": "SHOCK"}),
    "V14 reason for exclusion": ("ADSL", {"USUBJID": MEDIUM}, {"PPSEXCL": "none"}),
    "V15 component for the listing": ("ADEFF", TOTAL, {"COMP5": 81.0}),
    "V16 within the tolerance": ("ADEFF", MELD, {"COMP1": 0.9}),
    "V27 creatinine as used, rounding": ("ADEFF", MELD, {"COMP4": 1.0 + 1e-12}),
    "V28 screened set": ("ADSL", {"USUBJID": FAILED}, {"SCRNFL": "Y"}),
    "V31 indicator as it was": ("ADLB", DAY_28, {"ANRIND": "HIGH", "ATOXGR": "0"}),
}


@pytest.mark.parametrize("case", SILENT)
def test_rules_are_silent_beside_it(case: str) -> None:
    dataset, place, values = SILENT[case]
    assert find(altered(dataset, place, **values), rule=case[:3]).empty


def test_meld_within_a_millionth_is_the_same_meld() -> None:
    adam = derived()
    value = adam["ADEFF"].set_index(["USUBJID", "PARAMCD", "VISITNUM"]).loc[(MEDIUM, "MELD", 2.0), "AVAL"]
    assert find(altered("ADEFF", MELD, AVAL=float(value) + 9e-7), rule="V16").empty


def test_adam_derived_from_the_same_sdtm_has_no_finding() -> None:
    assert validate.validate_adam(derived(), TRIAL, derived=derived(), sdtm=study()).empty
    # Alone it is consistent, too.
    assert find(derived(), recompute=False).empty


def test_derived_adam_of_the_synthetic_cut_read_back_has_no_finding(final_data: tuple[Frames, Frames], tmp_path: Path) -> None:
    sdtm, adam = final_data
    (tmp_path / "adam").mkdir()
    for name, frame in adam.items():
        plain = frame.copy()
        plain.attrs = {}
        plain.to_parquet(tmp_path / "adam" / f"{name.lower()}.parquet", index=False)
    supplied = read_cut(tmp_path, TRIAL).adam
    assert set(supplied) == set(adam)
    assert validate.validate_adam(supplied, TRIAL, derived=adam, sdtm=sdtm).empty


def test_unknown_subject_is_one_error_d01() -> None:
    found = validate.validate_adam(altered("ADAE", EVENT, USUBJID="NCT06740149-99-999"), TRIAL, derived=derived(), sdtm=study())
    unknown = found[found["usubjid"] == "NCT06740149-99-999"]
    assert unknown[["severity", "rule"]].to_numpy().tolist() == [["E", "V01"]]


def test_repeated_record_is_found_by_its_key_d02() -> None:
    adam = {**derived(), "ADLB": pd.concat([derived()["ADLB"], derived()["ADLB"].iloc[[6]]], ignore_index=True)}
    found = validate.validate_adam(adam, TRIAL, derived=derived(), sdtm=study())
    assert {"E", "W"} <= set(found.loc[found["rule"] == "V03", "severity"])


def test_record_left_out_is_named() -> None:
    adam = {**derived(), "ADAE": derived()["ADAE"].iloc[1:]}
    found = find(adam)
    assert found[["rule", "usubjid"]].to_numpy().tolist() == [["V03", str(derived()["ADAE"]["USUBJID"].iloc[0])]]
    assert "AESEQ 1" in found["message"].iloc[0]


def test_subject_left_out_of_adsl_is_named() -> None:
    adsl = derived()["ADSL"]
    found = find({**derived(), "ADSL": adsl[adsl["USUBJID"] != FAILED]})
    assert found[["rule", "usubjid"]].to_numpy().tolist() == [["V01", FAILED]]


def test_baseline_on_a_sample_after_the_infusion_is_an_error_d34() -> None:
    frame = derived()["ADLB"].copy()
    bili = (frame["USUBJID"] == MEDIUM) & (frame["PARAMCD"] == "BILI")
    frame.loc[bili, "ABLFL"] = frame.loc[bili, "SRCSEQ"].eq(11).map({True: "Y", False: None})
    found = find({**derived(), "ADLB": frame}, recompute=False)
    assert (found["rule"] + found["variable"] + found["message"]).str.contains("V08ABLFL.*after the first infusion").sum() == 1


@pytest.mark.parametrize(
    ("point", "told", "mend"),
    [
        (None, "BILI: is not AVAL of the baseline record", "copy the value of the record with ABLFL = Y"),
        # Before and after the dose are two measurements: which baseline the later one has, the study decides.
        (
            "POST-DOSE",
            "BILI at ATPT POST-DOSE, one of several: is not AVAL of the baseline record",
            "give each ATPT with a BASE of its own",
        ),
    ],
)
def test_another_baseline_of_a_time_point_is_told_with_the_time_point(point: str | None, told: str, mend: str) -> None:
    adam = altered("ADLB", AGAIN, BASE=999.0)
    if point:
        again = adam["ADLB"]["SRCSEQ"].eq(AGAIN["SRCSEQ"]) & adam["ADLB"]["PARAMCD"].eq("BILI")
        adam["ADLB"] = adam["ADLB"].assign(ATPT=again.map({True: point, False: "PRE-DOSE"}))
    found = find(adam, recompute=False, rule="V08")
    rows = found[found["message"].str.contains("is not AVAL", regex=False)]
    assert len(rows) == 1
    assert told in rows["message"].iloc[0]
    assert rows["remedy"].iloc[0].startswith(mend)


def test_transplant_in_pr_without_ltfl_and_event_d35() -> None:
    sdtm = {**study(), "PR": draw("USUBJID | PRSEQ | PRDECOD | PRSTDTC\nM | 1 | LIVER TRANSPLANTATION | 2025-08-01", "PR")}
    with_transplant = derive_adam(sdtm, TRIAL, CUTOFF, decisions())
    found = validate.validate_adam(derived(), TRIAL, derived=with_transplant, sdtm=sdtm)
    rows = found[found["usubjid"] == MEDIUM]
    assert {("V27", "W", "LTFL"), ("V11", "E", "CNSR")} <= set(zip(rows["rule"], rows["severity"], rows["variable"], strict=True))


def test_one_record_has_one_finding_per_rule_with_its_source() -> None:
    visits = find(altered("ADLB", DAY_28, AVISITN=21.0), rule="V10")
    assert len(visits) == 1
    assert "LB LBSEQ 11" in visits["key"].iloc[0]


def test_procedure_without_its_day_is_a_question() -> None:
    for day, expected in (("2025-08", 1), ("2025-08-01", 0)):
        pr = draw(f"USUBJID | PRSEQ | PRDECOD | PRSTDTC\nM | 1 | RENAL REPLACEMENT THERAPY | {day}", "PR")
        found = list(decisive_procedures_are_dated(Source({**study(), "PR": pr}, TRIAL, CUTOFF, None)))
        assert sum(map(len, found)) == expected


def test_site_meld_may_differ_by_one_point() -> None:
    for value, expected in ((24.8, 0), (24.9, 1)):
        rs = study()["RS"].copy()
        rs.loc[rs["RSTESTCD"] == "MELDSITE", "RSSTRESN"] = value
        found = find(derived(), {**study(), "RS": rs}, rule="V16")
        assert found["rule"].tolist() == ["V16"] * expected


def test_derived_records_are_counted_and_held_against_no_source() -> None:
    """Two minima and a value carried forward, which no SDTM gives and which repeat the flags of a visit."""
    adlb = derived()["ADLB"]
    made = adlb[adlb["ANL01FL"] == "Y"].head(3).assign(DTYPE=["MINIMUM", "MINIMUM", "LOCF"])
    made["ASEQ"] += 10_000
    both = pd.concat([adlb.assign(DTYPE=None), made], ignore_index=True).astype({"DTYPE": "str"})
    found = validate.validate_adam({**derived(), "ADLB": both}, TRIAL, derived=derived(), sdtm=study())
    assert found[["severity", "rule", "dataset", "variable"]].to_numpy().tolist() == [["I", "V10", "ADLB", "DTYPE"]]
    assert found["message"].iloc[0].startswith("derived from others and no visits: 3 records with DTYPE (LOCF, MINIMUM)")


def test_what_blinding_removed_is_not_missed() -> None:
    subjects = find_open_subjects(study(), derived(), TRIAL, {2})
    sdtm = blind_sdtm(study(), TRIAL, {2}, subjects)
    blind = blind_adam(derive_adam(sdtm, TRIAL, CUTOFF, decisions()), TRIAL, {2}, subjects)
    supplied = blind_adam(derived(), TRIAL, {2}, subjects)
    options = {"derived": blind, "sdtm": sdtm, "blinded": {2}, "subjects": subjects}
    assert validate.validate_adam(supplied, TRIAL, **options).empty
    # An open subject's treatment is missed all the same.
    adsl = supplied["ADSL"].assign(TRT01A=supplied["ADSL"]["TRT01A"].mask(supplied["ADSL"]["USUBJID"] == SENTINEL))
    found = validate.validate_adam({**supplied, "ADSL": adsl}, TRIAL, **options)
    assert set(found["usubjid"]) == {SENTINEL}


@pytest.mark.parametrize(("left", "right", "differ"), [(1.0, 1.0 + 9e-9, False), (1.0, 1.0 + 2e-8, True), (0.0, 0.0, False)])
def test_numbers_are_compared_relatively(left: float, right: float, differ: bool) -> None:
    assert numbers_differ(pd.Series([left]), pd.Series([right])).tolist() == [differ]


def write_cut(folder: Path, edit: Callable[[Frames], Frames] = lambda adam: adam) -> Path:
    """A cut with the study's SDTM and an ADaM beside it, as parquet."""
    adam = edit(dict(derived()))
    for kind, frames in (("sdtm", study()), ("adam", adam)):
        (folder / kind).mkdir(parents=True)
        for name, frame in frames.items():
            plain = frame.copy()
            plain.attrs = {}
            plain.to_parquet(folder / kind / f"{name.lower()}.parquet", index=False)
    (folder / "cut.json").write_text('{"cutoff": "2025-12-31"}', encoding="utf-8")
    decisions().to_csv(folder / "src_decisions.csv", index=False)
    (folder / "unblinding.csv").write_text(
        "PHASE,SCOPE,USUBJID,UNBLDTC,REASON,NAME\n2,PHASE,,2025-12-31,final analysis,A. Statistician\n", encoding="utf-8"
    )
    return folder


def test_cut_with_both_is_one_table_of_findings(tmp_path: Path) -> None:
    wrong = write_cut(tmp_path / "wrong", lambda adam: {**adam, "ADLB": altered("ADLB", DAY_28, CHG=49.3)["ADLB"]})
    found = validate_everything(read_cut(wrong, TRIAL), TRIAL)
    assert found.loc[found["dataset"].isin(derived()), ["rule", "variable"]].to_numpy().tolist() == [["V09", "CHG"]]
    assert found["dataset"].isin(study()).any()


@pytest.mark.parametrize("use_adam", [False, True])
def test_wrong_supplied_adam_stops_the_build(tmp_path: Path, use_adam: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is found in the SDTM, which is not asked again here."""
    monkeypatch.setattr(gate, "_validate_sdtm", lambda _: collect_findings([]))
    monkeypatch.setattr(gate, "_derive", lambda _: dict(derived()))
    wrong = write_cut(tmp_path / "cut", lambda adam: {**adam, "ADLB": altered("ADLB", DAY_28, CHG=49.3)["ADLB"]})
    with pytest.raises(ReportError, match="V09"):
        read_data(wrong, TRIAL, use_adam=use_adam)


def test_sdtm_that_cannot_be_derived_from_is_a_finding_not_a_crash(tmp_path: Path) -> None:
    cut = write_cut(tmp_path / "cut")
    dm = study()["DM"]
    pd.concat([dm, dm.iloc[[0]]]).to_parquet(cut / "sdtm" / "dm.parquet", index=False)
    found = validate_everything(read_cut(cut, TRIAL), TRIAL)
    assert found["message"].str.contains("nothing can be derived").sum() == 1
    assert SECOND not in set(found.loc[found["dataset"].isin(derived()), "usubjid"])
