"""ADEFF: scores of a visit put together from results worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from cgbm1_report.derive.adeff import derive_adeff
from cgbm1_report.derive.adlb import derive_adlb
from cgbm1_report.protocol.clinical import Meld
from cgbm1_report.protocol.trial import Trial
from tests.drawn import our_trial
from tests.oracle import assert_close, read_oracle
from tests.test_adlb import day, lb, switched
from tests.test_windows import subjects

TRIAL = our_trial()
MELD_CASES = {case["case"]: case for case in read_oracle("e01")["cases"]}
VISIT = {"visit": "DAY 28", "visitnum": 28.0}


def labs(rel: int = 28, *, creat: float | None = 150, bili: float | None = 256.5, inr: float | None = 1.65, **more: object):
    """Creatinine and bilirubin in umol/L and INR of one visit; the defaults are case h of E.1, MELD 27.335378."""
    values = {"CREAT": creat, "BILI": bili, "INR": inr}
    return [{"rel": rel, "test": test, "value": value, **VISIT, **more} for test, value in values.items() if value is not None]


def findings(domain: str, *rows: tuple) -> pd.DataFrame:
    """Findings of subject S-1 on day 28: test, value, and if it matters dtc, visitnum, tpt."""
    made = [
        {
            "USUBJID": "S-1",
            f"{domain}SEQ": float(number),
            f"{domain}TESTCD": row[0],
            f"{domain}STRESN": row[1],
            f"{domain}DTC": (row[2] if len(row) > 2 else None) or day(28),
            "VISITNUM": (row[3] if len(row) > 3 else None) or 28.0,
            f"{domain}TPT": row[4] if len(row) > 4 else None,
            "VISIT": "DAY 28",
        }
        for number, row in enumerate(rows, start=1)
    ]
    return pd.DataFrame(made)


def procedures(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["PRDECOD", "PRSTDTC", "PRENDTC", "PRAIRWAY"]).assign(USUBJID="S-1")


#: The whole visit of E.2 case 1: HE 1, MAP 82, SpO2 97 % on room air.
CASE_1 = {
    "RS": findings("RS", ("HEGRADE", 1.0)),
    "VS": findings("VS", ("MAP", 82.0), ("OXYSAT", 97.0)),
    "RE": findings("RE", ("FIO2", 0.21)),
}
LABS_1 = labs(bili=205.2, creat=150, inr=2.0)


def adeff(rows: list[dict], trial: Trial = TRIAL, adsl: pd.DataFrame | None = None, **domains: pd.DataFrame) -> pd.DataFrame:
    subject = subjects() if adsl is None else adsl
    sdtm = {"LB": lb(*rows), **domains}
    return derive_adeff(sdtm, derive_adlb(sdtm, subject, trial), subject, trial)


def value(found: pd.DataFrame, paramcd: str) -> float:
    rows = found.loc[found["PARAMCD"] == paramcd, "AVAL"]
    assert len(rows) <= 1
    return float(rows.iloc[0]) if len(rows) else math.nan


def test_meld_of_a_visit_in_umol_equals_r():
    found = adeff(labs())
    assert_close(value(found, "MELD"), MELD_CASES["h"]["meld"])
    assert value(found, "MELDUNOS") == MELD_CASES["h"]["meldunos"]
    components = found.loc[found["PARAMCD"] == "MELD", [f"COMP{n}" for n in range(1, 7)]].iloc[0]
    # 150 / 88.4, 256.5 / 17.1; none is touched by the bounds
    np.testing.assert_allclose(components, [1.6968325791855203, 15.0, 1.65] * 2)


@pytest.mark.parametrize("missing", ["creat", "bili", "inr"])
def test_a_visit_without_a_component_has_no_meld(missing):
    assert math.isnan(value(adeff(labs(**{missing: None})), "MELD"))


@pytest.mark.parametrize(
    ("sessions", "dialysed"),
    [
        # sample on day 28 = 2025-04-07; the week before is 2025-03-31 to 2025-04-06
        ([("2025-04-01", "2025-04-01"), ("2025-04-03", "2025-04-03")], True),
        ([("2025-03-31", "2025-03-31"), ("2025-04-06", "2025-04-06")], True),  # both ends belong to it
        ([("2025-04-05", "2025-04-06")], True),  # one procedure over two days
        ([("2025-04-03", None), ("2025-04-05", None)], True),  # without an end: its day
        ([("2025-04-03T08:00", "2025-04-03T12:00"), ("2025-04-03T20:00", "2025-04-03T22:00")], False),  # one day twice
        ([("2025-03-30", "2025-03-31")], False),  # only one day inside
        ([("2025-04-06", "2025-04-07")], False),  # the day of the sample does not count
        ([("2025-04", None)], False),  # a month is no day
    ],
)
def test_dialysis_on_two_days_of_the_week_before_sets_creatinine_to_four(sessions, dialysed):
    # E.1 case d: creatinine 1.5, bilirubin 15 mg/dL, INR 2.2
    rows = labs(creat=1.5 * 88.4, bili=15 * 17.1, inr=2.2)
    pr = procedures(*(("RENAL REPLACEMENT THERAPY", start, end, None) for start, end in sessions))
    found = value(adeff(rows, PR=pr), "MELD")
    # not dialysed, all inputs between the bounds: the bare formula
    assert_close(found, MELD_CASES["d"]["meld"] if dialysed else MELD_CASES["d"]["meld_raw"])


def test_one_ventilation_without_its_day_is_no_ventilation():
    pr = procedures(("MECHANICAL VENTILATION", "2025-04", None, None)).assign(PRSEQ=1.0)
    assert value(adeff(LABS_1, **CASE_1, PR=pr), "CLIFCOF") == value(adeff(LABS_1, **CASE_1), "CLIFCOF")


def test_switch_without_bounds_gives_the_bare_formula_and_unos_stays_bounded():
    # E.1 case c: creatinine 5.2
    rows = labs(creat=5.2 * 88.4, bili=15 * 17.1, inr=2.2)
    found = adeff(rows, trial=switched(meld_bounds="none"))
    assert_close(value(found, "MELD"), MELD_CASES["c"]["meld_raw"])
    assert value(found, "MELDUNOS") == MELD_CASES["c"]["meldunos"]


def test_switch_to_round_meld():
    assert value(adeff(labs(), trial=switched(meld_round=True)), "MELD") == 27.0


def test_components_lie_within_one_day_and_the_score_has_the_latest():
    rows = [*labs(28, inr=None), *labs(29, creat=None, bili=None)]
    found = adeff(rows)
    assert found.loc[found["PARAMCD"] == "MELD", "ADT"].tolist() == [pd.Timestamp("2025-04-08")]
    assert math.isnan(value(adeff([*labs(28, inr=None), *labs(30, creat=None, bili=None)]), "MELD"))


def test_of_two_results_the_one_that_stands_for_the_visit_is_scored():
    # day 28: INR 1.65 on day 28, a repeat of 3.0 on day 29: day 28 is nearer the target
    rows = [*labs(28), {"rel": 29, "test": "INR", "value": 3.0, **VISIT}]
    assert_close(value(adeff(rows), "MELD"), MELD_CASES["h"]["meld"])


def test_score_before_the_first_infusion_is_the_baseline():
    # 2025-03-10, infusion 10:00; a repeat of the bilirubin filed under the same visit at 11:00 is not used
    visit = {"visit": "DAY 0 PRE-DOSE", "visitnum": 2.0}
    rows = [
        *labs(0, dtc="2025-03-10T08:00", **visit),
        {"rel": 0, "dtc": "2025-03-10T11:00", "test": "BILI", "value": 600, **visit},
        *labs(28, bili=171.0),
    ]
    found = adeff(rows)
    meld = found[found["PARAMCD"] == "MELD"]
    assert meld["ABLFL"].tolist()[0] == "Y"
    assert_close(meld["BASE"].iloc[1], MELD_CASES["h"]["meld"])
    # 10 x 0.378 x ln(10/15) = -1.53265814
    assert_close(meld["CHG"].iloc[1], -1.5326581, 1e-7)
    assert meld["ANL02FL"].tolist()[1] == "Y"


def test_clif_of_a_visit_equals_hand_calculation():
    found = adeff(LABS_1, **CASE_1)
    expected = {"CLIFLIV": 2, "CLIFKID": 1, "CLIFBRA": 2, "CLIFCOA": 2, "CLIFCIR": 1, "CLIFRES": 1}
    expected |= {"CLIFCOF": 9, "OFCOUNT": 0, "OFREG": 1}  # 205.2 umol/L is 12 mg/dL: score 2, yet failure by the registry
    assert {name: value(found, name) for name in expected} == expected
    total = found.loc[found["PARAMCD"] == "CLIFCOF", [f"COMP{n}" for n in range(1, 7)]].iloc[0]
    np.testing.assert_allclose(total, [12.0, 150 / 88.4, 1, 2.0, 82, 97 / 0.21])


@pytest.mark.parametrize("missing", ["RS", "VS", "RE"])
def test_a_missing_organ_leaves_the_total_missing_and_the_other_organs_there(missing):
    found = adeff(LABS_1, **{name: frame for name, frame in CASE_1.items() if name != missing})
    assert math.isnan(value(found, "CLIFCOF"))
    assert math.isnan(value(found, "OFCOUNT"))
    assert value(found, "CLIFLIV") == 2


def test_pressure_is_taken_of_systolic_and_diastolic_of_one_time():
    # 110/60 at 08:00 = 76.7; 90/50 at 09:00 = 63.3 is the later one and counts
    rows = (("SYSBP", 110.0, "2025-04-07T08:00"), ("DIABP", 60.0, "2025-04-07T08:00"))
    found = adeff(LABS_1, VS=findings("VS", *rows))
    assert_close(found.loc[found["PARAMCD"] == "CLIFCIR", "COMP1"].iloc[0], 76.66666666666667)
    later = (("SYSBP", 90.0, "2025-04-07T09:00"), ("DIABP", 50.0, "2025-04-07T09:00"))
    assert value(adeff(LABS_1, VS=findings("VS", *rows, *later)), "CLIFCIR") == 2
    # systolic and diastolic of different times make no pressure
    assert math.isnan(value(adeff(LABS_1, VS=findings("VS", rows[0], later[1])), "CLIFCIR"))


def test_vital_signs_after_an_infusion_do_not_enter_the_score():
    rows = (("MAP", 82.0, "2025-04-07T08:00", 28.0, "PRE-DOSE"), ("MAP", 60.0, "2025-04-07T12:00", 28.0, "+1H"))
    assert value(adeff(LABS_1, VS=findings("VS", *rows)), "CLIFCIR") == 1


@pytest.mark.parametrize(
    ("domain", "rows", "expected"),
    [
        ("RE", [("PFRATIO", 190.0), ("FIO2", 0.21)], 3),  # collected P/F before S/F 462
        ("RE", [("PFRATIO", 30.0), ("FIO2", 0.21)], 1),  # impossible P/F: S/F
        ("RE", [("FIO2", 0.5)], 3),  # S/F 97/0.5 = 194
    ],
)
def test_oxygenation_index(domain, rows, expected):
    assert value(adeff(LABS_1, **{**CASE_1, domain: findings(domain, *rows)}), "CLIFRES") == expected


@pytest.mark.parametrize(
    ("po2", "unit", "sample", "fraction", "expected"),
    [
        # E.19: 8.0 kPa = 60.00496 mmHg at 50 %: 120 -> 3; without it S/F 97/0.5 = 194 -> 3, so use 0.27: S/F 359 -> 1
        (60.0, "mmHg", "T08:00", "T09:00", 2),  # P/F 222 within 60 minutes
        (60.0, "mmHg", "T08:00", "T09:01", 1),  # an hour and a minute: S/F
        (60.0, "mmHg", "T08:00", "", 1),  # no time: S/F
        (8.0, "kPa", "T08:00", "T08:00", 2),
    ],
)
def test_blood_gas_counts_with_a_fraction_of_the_same_hour(po2, unit, sample, fraction, expected):
    gas = {"rel": 28, "dtc": day(28) + sample, "test": "PO2", "value": po2, "unit": unit, **VISIT}
    re = findings("RE", ("FIO2", 0.27, day(28) + fraction))
    assert value(adeff([*LABS_1, gas], **{**CASE_1, "RE": re}), "CLIFRES") == expected


@pytest.mark.parametrize(
    ("procedure", "expected"),
    [
        # score on 2025-04-07
        (("MECHANICAL VENTILATION", "2025-04-05", "2025-04-07", None), {"CLIFRES": 3, "CLIFBRA": 2}),
        (("MECHANICAL VENTILATION", "2025-04-05", "2025-04-07", "Y"), {"CLIFRES": 1, "CLIFBRA": 3}),
        (("MECHANICAL VENTILATION", "2025-04-05", "2025-04-06", None), {"CLIFRES": 1, "CLIFBRA": 2}),
        (("RENAL REPLACEMENT THERAPY", "2025-04-06", "2025-04-06", None), {"CLIFKID": 3, "OFCOUNT": 1, "OFREG": 1}),
        (("RENAL REPLACEMENT THERAPY", "2025-04-05", "2025-04-05", None), {"CLIFKID": 1, "OFCOUNT": 0}),
    ],
)
def test_organ_support_scores_on_the_days_it_is_given(procedure, expected):
    found = adeff(LABS_1, PR=procedures(procedure), **CASE_1)
    assert {name: value(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("drug", "expected"),
    [
        (("NOREPINEPHRINE", "VASOPRESSOR", None, "2025-04-07", "2025-04-07"), 3),
        (("NOREPINEPHRINE", "VASOPRESSOR", None, "2025-04-01", None), 3),  # ongoing
        (("NOREPINEPHRINE", "VASOPRESSOR", None, "2025-04-08", None), 1),
        (("TERLIPRESSIN", "COMPLICATION TREATMENT", "Septic shock", "2025-04-07", None), 3),
        (("TERLIPRESSIN", "COMPLICATION TREATMENT", "Hepatorenal syndrome", "2025-04-07", None), 1),
        (("TERLIPRESSIN", "COMPLICATION TREATMENT", None, "2025-04-07", None), 1),
    ],
)
def test_vasopressors_score_the_circulation(drug, expected):
    cm = pd.DataFrame([drug], columns=["CMDECOD", "CMSCAT", "CMINDC", "CMSTDTC", "CMENDTC"]).assign(USUBJID="S-1")
    assert value(adeff(LABS_1, CM=cm, **CASE_1), "CLIFCIR") == expected


def test_an_organ_assessed_two_days_away_is_missing():
    late = {**CASE_1, "RS": findings("RS", ("HEGRADE", 1.0, day(30)))}
    assert math.isnan(value(adeff(LABS_1, **late), "CLIFCOF"))
    next_day = {**CASE_1, "RS": findings("RS", ("HEGRADE", 1.0, day(29)))}
    found = adeff(LABS_1, **next_day)
    assert value(found, "CLIFCOF") == 9
    assert found.loc[found["PARAMCD"] == "CLIFCOF", "ADT"].tolist() == [pd.Timestamp("2025-04-08")]


def test_encephalopathy_grade_is_a_parameter_of_its_own():
    found = adeff([{"rel": 28, "value": 300}], RS=findings("RS", ("HEGRADE", 2.0), ("MELDSITE", 25.0)))
    row = found.loc[0]
    assert (row["PARAMCD"], row["AVAL"], row["SRCDOM"], row["SRCSEQ"], row["AVISITN"]) == ("HEGRADE", 2.0, "RS", 1.0, 28.0)


@pytest.mark.parametrize(
    ("shots", "iqr", "flag"), [(10, 30, "Y"), (9, 30, "N"), (10, 30.5, "N"), (None, 31, "N"), (None, 12, None), (10, None, None)]
)
def test_stiffness_measurement_is_kept_and_its_quality_flagged(shots, iqr, flag):
    rows = [("LSM", 24.5), *([("LSMNVAL", float(shots))] if shots else []), *([("LSMIQRM", float(iqr))] if iqr else [])]
    found = adeff([{"rel": 28, "value": 300}], XL=findings("XL", *rows)).loc[0]
    assert (found["PARAMCD"], found["AVAL"]) == ("LSM", 24.5)
    assert pd.isna(found["LSMQFL"]) if flag is None else found["LSMQFL"] == flag


def test_scores_after_a_transplant_are_kept_but_not_analysed():
    rows = [*labs(-1, visit="SCREENING", visitnum=1.0), *labs(28)]
    found = adeff(rows, adsl=subjects(LTDT="2025-04-01"))
    after = found[(found["PARAMCD"] == "MELD") & (found["VISITNUM"] == 28)].iloc[0]
    assert (after["POSTLTFL"], after["ANL01FL"]) == ("Y", "Y")
    assert pd.isna(after["ANL02FL"])


def test_the_order_of_source_records_decides_nothing():
    sdtm = {"LB": lb(*LABS_1, *labs(29, inr=3.0), *labs(-1, visit="SCREENING", visitnum=1.0)), **CASE_1}
    turned = {name: frame.iloc[::-1].reset_index(drop=True) for name, frame in sdtm.items()}
    made = [derive_adeff(one, derive_adlb(one, subjects(), TRIAL), subjects(), TRIAL) for one in (sdtm, turned)]
    pd.testing.assert_frame_equal(*made)


def test_an_empty_cut_gives_an_empty_dataset():
    assert len(derive_adeff({}, derive_adlb({}, subjects(), TRIAL), subjects(), TRIAL)) == 0


@pytest.mark.parametrize(("second", "expected"), [(29, 2), (27, 2), (28, 3)])
def test_of_two_grades_of_a_visit_the_one_nearest_the_target_day_counts(second, expected):
    # grade 1 (score 2) on day 28; grade 3 (score 3) the day after, the day before, or later on day 28
    dtc = day(second) + "T20:00"
    rs = findings("RS", ("HEGRADE", 1.0, day(28) + "T08:00"), ("HEGRADE", 3.0, dtc))
    assert value(adeff(LABS_1, **{**CASE_1, "RS": rs}), "CLIFBRA") == expected


def test_on_the_day_of_the_first_infusion_the_last_grade_before_it_counts():
    visit = {"visit": "DAY 0 PRE-DOSE", "visitnum": 2.0}
    rows = labs(0, dtc="2025-03-10T08:00", **visit)
    rs = findings("RS", ("HEGRADE", 1.0, "2025-03-10T07:00", 2.0), ("HEGRADE", 3.0, "2025-03-10T11:00", 2.0))
    assert value(adeff(rows, RS=rs), "CLIFBRA") == 2


@pytest.mark.parametrize(("fraction", "expected"), [(0.21, 1), (1.0, 3), (21.0, math.nan), (0.0, math.nan), (0.2, math.nan)])
def test_a_fraction_that_is_none_makes_no_index(fraction, expected):
    """21 (per cent) would make SpO2/FiO2 4.6, a respiratory failure nobody has."""
    found = value(adeff(LABS_1, **{**CASE_1, "RE": findings("RE", ("FIO2", fraction))}), "CLIFRES")
    assert math.isnan(found) if math.isnan(expected) else found == expected


def source(found: pd.DataFrame, paramcd: str) -> list[object]:
    row = found[found["PARAMCD"] == paramcd].iloc[0]
    return row[["SRCDOM", "SRCVAR", "SRCSEQ"]].tolist()


def test_each_sub_score_leads_to_the_record_it_was_made_from():
    rows = (("OXYSAT", 97.0), ("SYSBP", 110.0), ("DIABP", 60.0))
    found = adeff(LABS_1, **{**CASE_1, "VS": findings("VS", *rows)})
    assert source(found, "CLIFCIR") == ["VS", "VSSTRESN", 2.0]  # the systolic pressure
    assert source(found, "CLIFRES") == ["VS", "VSSTRESN", 1.0]  # the saturation
    assert source(found, "CLIFBRA") == ["RS", "RSSTRESN", 1.0]
    assert source(adeff(LABS_1, **CASE_1), "CLIFCIR") == ["VS", "VSSTRESN", 1.0]  # the measured mean
    collected = findings("RE", ("FIO2", 0.21), ("PFRATIO", 190.0))
    assert source(adeff(LABS_1, **{**CASE_1, "RE": collected}), "CLIFRES") == ["RE", "RESTRESN", 2.0]


def test_a_sub_score_without_a_measurement_leads_to_the_treatment_that_scores_it():
    pr = procedures(("PARACENTESIS", "2025-04-07", None, None), ("MECHANICAL VENTILATION", "2025-04-05", "2025-04-07", None))
    cm = pd.DataFrame([("NOREPINEPHRINE", "VASOPRESSOR", "2025-04-07")], columns=["CMDECOD", "CMSCAT", "CMSTDTC"])
    found = adeff(LABS_1, PR=pr.assign(PRSEQ=[1.0, 2.0]), CM=cm.assign(USUBJID="S-1", CMSEQ=7.0))
    assert source(found, "CLIFRES") == ["PR", "PRDECOD", 2.0]
    assert source(found, "CLIFCIR") == ["CM", "CMDECOD", 7.0]
    airway = adeff(LABS_1, PR=pr.assign(PRSEQ=[1.0, 2.0], PRAIRWAY="Y"))
    assert source(airway, "CLIFBRA") == ["PR", "PRDECOD", 2.0]


def with_meld(**changed: object) -> Trial:
    """The trial with other numbers in its MELD."""
    rule = Meld.model_validate(TRIAL.parameter("MELD").meld.model_dump() | changed)
    return TRIAL.model_copy(
        update={"parameters": TRIAL.parameters | {"MELD": TRIAL.parameter("MELD").model_copy(update={"meld": rule})}}
    )


def with_clif(**changed: object) -> Trial:
    """The trial with other times in its organ failure scores."""
    return TRIAL.model_copy(update={"clif_c_of": TRIAL.clif_c_of.model_copy(update=changed)})


def test_days_of_dialysis_and_of_components_are_the_trials():
    twice = procedures(
        ("RENAL REPLACEMENT THERAPY", "2025-04-01", None, None), ("RENAL REPLACEMENT THERAPY", "2025-04-05", None, None)
    )
    found = {
        name: value(adeff(LABS_1, trial=trial, **{**CASE_1, "PR": twice}), "MELD")
        for name, trial in {
            "as declared": TRIAL,
            "three days": with_meld(dialysis={"creatinine": 4.0, "days": 3, "within_days": 7}),
            "five days before": with_meld(dialysis={"creatinine": 4.0, "days": 2, "within_days": 5}),
        }.items()
    }
    undialysed = value(adeff(LABS_1, **CASE_1), "MELD")
    assert found["as declared"] > undialysed
    assert found["three days"] == found["five days before"] == undialysed


def test_treatment_and_gas_belong_to_a_visit_for_as_long_as_the_trial_says():
    pr = procedures(("RENAL REPLACEMENT THERAPY", "2025-04-06", None, None))
    kidney = {
        days: value(adeff(LABS_1, trial=with_clif(rrt_days_before=days), **{**CASE_1, "PR": pr}), "CLIFKID") for days in (0, 1)
    }
    assert kidney[1] == 3
    assert kidney[0] < 3
