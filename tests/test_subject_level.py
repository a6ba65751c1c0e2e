"""Subject level as a whole: what holds for any study, whatever the order of records and at every data cut."""

from __future__ import annotations

from random import Random
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.derive.adae import derive_adae
from cgbm1_report.derive.adce import derive_adce
from cgbm1_report.derive.addlt import derive_addlt
from cgbm1_report.derive.adex import derive_adex, derive_exposure_summary
from cgbm1_report.derive.adsl import add_exposure, add_populations, derive_subjects
from cgbm1_report.derive.adtte import derive_adtte
from tests.drawn import our_trial
from tests.sdtm_cases import complications, disposition, events, infusions, subjects, table

TRIAL = our_trial()
ARMS = [arm.armcd for arm in TRIAL.arms]
CONSENT = pd.Timestamp("2025-03-01")
Sdtm = dict[str, pd.DataFrame]


def draw_course(draw: Random) -> dict[str, Any]:
    """One subject's course in days from consent; None is never. Day 9 is randomisation, day 10 the first infusion."""
    return {
        "arm": draw.choice([*ARMS, "-"]),
        "infusions": draw.randint(0, 4),
        "percent": draw.choice([100, 100, 95, 89, 40]),
        "wrong": draw.random() < 0.3,  # the first infusion is another product of the phase
        "ends": draw.choice(["COMPLETED", "LOST TO FOLLOW-UP", "WITHDRAWAL BY SUBJECT", "DEATH", "DEATH"]),
        "end": draw.randint(11, 200),
        "transplant": draw.choice([None, None, 10, 17, draw.randint(11, 150)]),
        "event": draw.choice([None, draw.randint(10, 120)]),
        "complication": draw.choice([None, draw.randint(10, 120)]),
        "partial": draw.random() < 0.3,  # of a death only year and month are known
        "deviated": draw.random() < 0.1,
    }


#: Many subjects at once: a derivation costs the same for one and for forty.
COURSES = st.integers(0, 10_000).map(Random).map(lambda draw: [draw_course(draw) for _ in range(40)])


def date(day: int) -> str:
    return f"{CONSENT + pd.Timedelta(days=day):%Y-%m-%d}"


def rows_of(number: int, course: dict[str, Any], seen: int) -> dict[str, list[tuple[Any, ...]]]:
    """Records of one subject known on a day: none is dated after it, none after the end."""
    who, treated = f"S{number:02}", course["arm"] != "-"
    end = course["end"] if treated else 5
    known = min(seen, end)
    arm = TRIAL.arm(course["arm"]) if treated else None
    phase = arm.phase if arm else 1 + number % 2
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in ("EX", "DS", "SS", "AE", "CE", "PR", "DV")}
    found["SS"] = [(who, "SURVSTAT", "ALIVE", date(day)) for day in range(0, known + 1, 7) if day < end]
    if arm and phase == 2 and known >= 9:
        found["DS"].append((who, "RANDOMIZED", date(9), "-"))
    doses = [a.dose_per_infusion_e6_cells_per_kg for a in TRIAL.arms_of(phase)]
    for one in TRIAL.phases[phase].infusions[: course["infusions"]] if arm else ():
        day = 10 + one.target_day
        if day <= known:
            dose = doses[-1] if course["wrong"] and one.infusion == 1 else arm.dose_per_infusion_e6_cells_per_kg
            found["EX"].append((who, f"{date(day)}T10:00", str(dose), f"INFUSION {one.infusion}", str(course["percent"])))
    if arm and course["end"] <= seen:
        found["DS"].append((who, course["ends"], date(end), "STUDY PARTICIPATION"))
        found["DS"].append((who, "OTHER", date(end), "STUDY TREATMENT"))
    died = arm is not None and course["ends"] == "DEATH" and course["end"] <= seen
    death = date(end)[:7] if course["partial"] else date(end)
    found["DM"] = [(who, course["arm"], str(phase), death if died else "-", "Y" if died else "-")]
    for domain, day, values in (
        ("PR", course["transplant"], ("LIVER TRANSPLANTATION",)),
        ("AE", course["event"], ("RELATED", "Y", "Y")),
        ("CE", course["complication"], ("Infection",)),
    ):
        if arm and day is not None and day <= known:
            found[domain].append((who, *values, date(day)))
    if course["deviated"] and arm:
        found["DV"].append((who, "OTHER", "IMPORTANT", "Y"))
    return found


HEADS = {
    "DM": (subjects, "USUBJID ARMCD SCRPHASE DTHDTC DTHFL"),
    "EX": (infusions, "USUBJID EXSTDTC EXDOSE EXTPT EXACVOL"),
    "DS": (disposition, "USUBJID DSDECOD DSSTDTC DSSCAT"),
    "SS": (table, "USUBJID SSTESTCD SSSTRESC SSDTC"),
    "AE": (events, "USUBJID AEREL AEDLT AEDLTSRC AESTDTC"),
    "CE": (complications, "USUBJID CETERM CESTDTC"),
    "PR": (table, "USUBJID PRDECOD PRSTDTC"),
    "DV": (table, "USUBJID DVDECOD DVCAT DVPPSFL"),
}


def study(courses: list[dict[str, Any]], seen: int = 400) -> Sdtm:
    """SDTM of the courses as known on a day."""
    parts = [rows_of(number, course, seen) for number, course in enumerate(courses)]
    sdtm = {}
    for domain, (make, head) in HEADS.items():
        lines = ["  ".join(head.split()), *("  ".join(row) for part in parts for row in part[domain])]
        sdtm[domain] = make("\n".join(lines))
    ex = sdtm["EX"]
    sdtm["EX"] = ex.assign(EXWT=60.0, EXPLVOL=100.0, EXPLCEL=60 * ex["EXDOSE"], EXTOTCEL=0.6 * ex["EXDOSE"] * ex["EXACVOL"])
    return sdtm


def derive(sdtm: Sdtm, seen: int = 400) -> Sdtm:
    """ADSL without baselines, and the datasets made of events and exposure."""
    cutoff = (CONSENT + pd.Timedelta(days=seen)).date()
    adsl = derive_subjects(sdtm, TRIAL, cutoff)
    exposure = derive_exposure_summary(sdtm, adsl, TRIAL, cutoff)
    adsl = add_exposure(adsl, exposure, TRIAL)
    adex, adae, adce = derive_adex(sdtm, adsl, exposure, TRIAL), derive_adae(sdtm, adsl, TRIAL), derive_adce(sdtm, adsl, TRIAL)
    addlt = derive_addlt(adae, adsl, TRIAL)
    adsl = add_populations(adsl, adex, addlt, sdtm, TRIAL)
    return {"ADSL": adsl, "ADEX": adex, "ADDLT": addlt, "ADTTE": derive_adtte(adsl, adae, adce, TRIAL)}


@settings(max_examples=2, deadline=None, derandomize=True)
@given(courses=COURSES, seed=st.integers(0, 1000))
def test_the_order_of_records_decides_nothing(courses: list[dict[str, Any]], seed: int) -> None:
    sdtm = study(courses)
    mixed = {name: frame.sample(frac=1, random_state=seed) for name, frame in sdtm.items()}
    straight, turned = derive(sdtm), derive(mixed)
    for name, frame in straight.items():
        pd.testing.assert_frame_equal(frame, turned[name], obj=name)


@settings(max_examples=4, deadline=None, derandomize=True)
@given(courses=COURSES, seen=st.sampled_from([5, 9, 17, 30, 60, 400]))
def test_populations_and_dates_of_a_subject_agree(courses: list[dict[str, Any]], seen: int) -> None:
    adam = derive(study(courses, seen), seen)
    adsl, adtte = adam["ADSL"], adam["ADTTE"]
    flags = {name: adsl[name].eq("Y") for name in ("SCRNFL", "RANDFL", "SAFFL", "FASFL", "PPROTFL", "DLTEVFL")}
    first = adsl["PHASE"].eq(1)
    assert flags["SCRNFL"].all()
    assert (flags["FASFL"] == flags["SAFFL"].where(first, flags["RANDFL"])).all()
    assert not (flags["PPROTFL"] & ~(flags["FASFL"] & flags["SAFFL"])).any()
    assert not (flags["DLTEVFL"] & ~(flags["SAFFL"] & first)).any()
    assert (adsl["RANDFL"].isna() == first).all()
    assert (adsl["DLTEVFL"].isna() == ~first).all()
    assert (adsl["PPSEXCL"].notna() == (flags["FASFL"] & ~flags["PPROTFL"])).all()
    assert (adsl["DLTEXCL"].notna() == (first & flags["SAFFL"] & ~flags["DLTEVFL"])).all()
    for name in ("TRT01A", "TRTSDT", "CUMDOSE", "DOSECOMP", "FUPDAYS", "EOTSTT"):
        assert (adsl[name].notna() == flags["SAFFL"]).all(), name
    assert (adsl["NINF"].gt(0) == flags["SAFFL"]).all()
    assert (adsl["LTDT"].isna() | (adsl["LTDT"] >= adsl["ANCHDT"])).all()
    assert adsl["LSTALV0"].notna().all()
    assert (adtte.groupby("USUBJID").size() == 6).all()
    assert set(adtte["USUBJID"]) == set(adsl.loc[adsl["ANCHDT"].notna(), "USUBJID"])
    assert adtte[["SRCDOM", "SRCVAR"]].notna().all(axis=None)
    assert (adtte["SRCSEQ"].notna() == adtte["SRCDOM"].isin(["ADAE", "ADCE"])).all()
    assert (adtte["AVAL"] == (adtte["ADT"] - adtte["STARTDT"]).dt.days).all()


@settings(max_examples=3, deadline=None, derandomize=True)
@given(courses=COURSES, days=st.lists(st.integers(5, 220), min_size=2, max_size=2, unique=True).map(sorted))
def test_a_later_cut_loses_nothing_and_moves_no_event(courses: list[dict[str, Any]], days: list[int]) -> None:
    early, late = (derive(study(courses, day), day) for day in days)
    for name in ("SAFFL", "FASFL", "RANDFL", "DLTEVFL", "DTHFL", "LTFL"):
        before, after = (adam["ADSL"].set_index("USUBJID")[name].eq("Y") for adam in (early, late))
        assert not (before & ~after).any(), name
    given_before = early["ADEX"].loc[early["ADEX"]["EXSEQ"].notna(), ["USUBJID", "PARAMCD", "EXSEQ", "AVAL", "AVALC", "ADTM"]]
    assert len(given_before.merge(late["ADEX"])) == len(given_before)
    keys = ["USUBJID", "PARAMCD"]
    toxic = early["ADDLT"].loc[
        early["ADDLT"]["PARAMCD"].str.startswith("DLT") & early["ADDLT"]["AVALC"].eq("Y"), [*keys, "AVALC", "ADT"]
    ]
    assert len(toxic.merge(late["ADDLT"])) == len(toxic)
    happened = early["ADTTE"].loc[early["ADTTE"]["CNSR"].isin([0, 4, 5]), [*keys, "CNSR", "ADT", "EVNTDESC", "CNSDTDSC"]]
    assert len(happened.merge(late["ADTTE"])) == len(happened)
    both = early["ADTTE"].merge(late["ADTTE"], on=keys)
    assert len(both) == len(early["ADTTE"])
    # Where nothing had happened by the first cut, nothing is dated before its last contact.
    assert (both["STARTDT_x"] <= both["STARTDT_y"]).all()
    assert (both["ADT_x"] <= both["ADT_y"]).all()


def test_the_highest_dose_really_given_is_the_treatment_for_safety() -> None:
    """One of four placebo infusions was the medium dose, one of four low ones too."""
    usual = {"percent": 100, "ends": "COMPLETED", "end": 195, "transplant": None, "event": None, "complication": None}
    usual |= {"partial": False, "deviated": False, "infusions": 4}
    courses = [{**usual, "arm": arm, "wrong": wrong} for arm in ("P2PBO", "P2LOW") for wrong in (True, False)]
    adsl = derive(study(courses))["ADSL"]
    assert adsl["TRT01P"].tolist() == ["Placebo", "Placebo", "Low", "Low"]
    assert adsl["TRT01A"].tolist() == ["Medium", "Placebo", "Medium", "Low"]
    assert adsl["CUMDOSE"].tolist() == [2.0, 0.0, 5.0, 4.0]


def test_a_transplant_on_the_day_of_an_infusion_leaves_both() -> None:
    """Second infusion and transplant on elapsed day 7: both count, the two infusions after it were not due."""
    course = {"arm": "P2LOW", "infusions": 2, "percent": 95, "wrong": False, "ends": "COMPLETED", "end": 195, "transplant": 17}
    adam = derive(study([{**course, "event": None, "complication": None, "partial": False, "deviated": False}]))
    subject = adam["ADSL"].iloc[0]
    assert (subject["NINF"], round(subject["DOSECOMP"], 9), subject["LTADY"], subject["PPROTFL"]) == (2, 95, 8, "Y")
    ltfs = adam["ADTTE"].query("PARAMCD == 'LTFS'").iloc[0]
    assert (ltfs["AVAL"], ltfs["CNSR"], ltfs["EVNTDESC"]) == (7, 0, "LIVER TRANSPLANT")
