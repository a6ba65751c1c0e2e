"""Results in another unit than the trial's never become analysis values."""

from __future__ import annotations

import pandas as pd
import pytest

from cgbm1_report.derive.adeff import derive_adeff
from cgbm1_report.derive.adlb import derive_adlb
from cgbm1_report.derive.advs import derive_advs
from cgbm1_report.derive.units import check_units, standard_units
from cgbm1_report.errors import ReportError
from tests.drawn import our_trial
from tests.test_adeff import LABS_1, findings
from tests.test_adlb import adlb, lb
from tests.test_windows import subjects

TRIAL = our_trial()


def test_unit_of_a_logarithm_is_the_collected_one() -> None:
    units = standard_units(TRIAL, "ADLB")
    assert (units["HBVVLD"], units["INTLK6"], units["HGB"]) == ("IU/mL", "pg/mL", "g/L")


@pytest.mark.parametrize(
    ("test", "value", "unit"),
    [
        ("HGB", 14.0, "g/dL"),  # would be grade 3 anemia
        ("ALB", 4.0, "g/dL"),
        ("BILI", 12.0, "mg/dL"),
        ("PLAT", 150.0, "10^3/uL"),  # the same number, yet not the declared unit: the site says what it means
        ("K", 4.0, "furlong"),
    ],
)
def test_laboratory_result_in_another_unit_is_refused(test: str, value: float, unit: str) -> None:
    with pytest.raises(ReportError, match=f"1 results of {test} in {unit!r}".replace("^", r"\^")):
        adlb({"rel": 28, "test": test, "value": value, "unit": unit})


def test_all_wrong_units_are_named_at_once_and_a_result_without_a_number_needs_none() -> None:
    rows = [{"rel": 28, "test": "HGB", "value": 14, "unit": "g/dL"}, {"rel": 28, "test": "K", "value": 4, "unit": "mg/dL"}]
    with pytest.raises(ReportError) as raised:
        adlb(*rows, {"rel": 28, "test": "ALB", "text": "HAEMOLYSED", "unit": "g/dL"})
    assert [problem.place for problem in raised.value.problems] == ["LBSTRESU", "LBSTRESU"]


def test_viral_load_in_copies_is_refused() -> None:
    mb = pd.DataFrame({"USUBJID": ["S-1"], "MBTESTCD": ["HBVVLD"], "MBSTRESN": [1e6], "MBSTRESU": ["copies/mL"]})
    with pytest.raises(ReportError, match="HBVVLD in 'copies/mL', expected 'IU/mL'"):
        derive_adlb({"MB": mb}, subjects(), TRIAL)


def test_blood_pressure_in_kilopascal_is_refused() -> None:
    vs = findings("VS", ("MAP", 10.9)).assign(VSSTRESU="kPa")
    with pytest.raises(ReportError, match="MAP in 'kPa', expected 'mmHg'"):
        derive_advs({"VS": vs}, subjects(), TRIAL)


@pytest.mark.parametrize(
    ("domain", "test", "value", "unit"),
    [
        ("RE", "PFRATIO", 53.0, "kPa"),  # 398 mmHg: sub-score 1; taken for mmHg it would be 3
        ("XL", "LSM", 2.1, "m/s"),
    ],
)
def test_measurement_behind_a_score_in_another_unit_is_refused(domain: str, test: str, value: float, unit: str) -> None:
    sdtm = {"LB": lb(*LABS_1), domain: findings(domain, (test, value)).assign(**{f"{domain}STRESU": unit})}
    laboratory = derive_adlb(sdtm, subjects(), TRIAL)
    with pytest.raises(ReportError, match=f"{test} in {unit!r}"):
        derive_adeff(sdtm, laboratory, subjects(), TRIAL)


def test_blood_gas_in_an_unknown_unit_is_refused() -> None:
    sdtm = {"LB": lb(*LABS_1, {"rel": 28, "test": "PO2", "value": 9.0, "unit": "cmH2O", "visitnum": 28.0})}
    laboratory = derive_adlb(sdtm, subjects(), TRIAL)
    with pytest.raises(ReportError, match="PO2 in 'cmH2O', expected 'mmHg'"):
        derive_adeff(sdtm, laboratory, subjects(), TRIAL)


def test_nothing_is_refused_of_a_test_without_a_declared_unit() -> None:
    frame = pd.DataFrame({"LBTESTCD": ["HCG"], "LBSTRESN": [1.0], "LBSTRESU": ["IU/L"]})
    declared = frame["LBTESTCD"].map(standard_units(TRIAL, "ADLB"))
    assert declared.isna().all()
    # A unit is refused by an error; there is nothing else it could say.
    assert check_units(frame, "LB", declared) is None
