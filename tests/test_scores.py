"""Scores against hand and R numbers: MELD (R 4.2.2), CLIF-C OF, organ failures and ACLF grade (by hand)."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cgbm1_report.collected import scores
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.clinical import ClifCOf, Limit, Meld
from cgbm1_report.protocol.trial import Trial
from tests.drawn import our_trial
from tests.oracle import assert_close, read_oracle

TRIAL = our_trial()
RULE = scores.read_meld(TRIAL)
MELD_CASES = read_oracle("e01")["cases"]
CLIF_CASES = read_oracle("e02")["cases"]
OTHERS = read_oracle("e19")


def _mgdl(case: dict, param: str, name: str) -> float:
    if name in case:  # E.2 form: value and unit
        value = case[name]
        return float(scores.convert_units(value, param, TRIAL)) if case[f"{name}_unit"] == "umol/L" else float(value)
    value = case[f"{name}_mgdl"]
    return float(value) if value is not None else float(scores.convert_units(case[f"{name}_umol"], param, TRIAL))


@pytest.mark.parametrize("case", MELD_CASES, ids=[c["case"] for c in MELD_CASES])
def test_meld_equals_r(case):
    creat, bili = _mgdl(case, "CREAT", "creat"), _mgdl(case, "BILI", "bili")
    dialysed = case["rrt_days"] >= 2
    bounded = scores.derive_meld([creat], [bili], [case["inr"]], [dialysed], rule=RULE)
    raw = scores.derive_meld([creat], [bili], [case["inr"]], [dialysed], rule=RULE, bounded=False)
    assert_close(bounded[0], case["meld"])
    assert_close(raw[0], case["meld_raw"])
    assert scores.derive_meldunos(bounded, (6, 40))[0] == case["meldunos"]


def test_meld_from_umol_equals_meld_from_mgdl():
    # case a of the fixture gives both units: 88.4 umol/L is 1.0 mg/dL, 342 umol/L is 20 mg/dL
    case = MELD_CASES[0]
    creat = scores.convert_units([case["creat_umol"]], "CREAT", TRIAL)
    bili = scores.convert_units([case["bili_umol"]], "BILI", TRIAL)
    assert creat[0] == pytest.approx(1.0, abs=1e-12)
    assert bili[0] == pytest.approx(20.0, abs=1e-12)


@pytest.mark.parametrize("missing", range(3))
def test_meld_is_missing_when_an_input_is_missing(missing):
    inputs = [1.2, 20.0, 1.8]
    inputs[missing] = math.nan
    meld = scores.derive_meld(*[[value] for value in inputs], [True], rule=RULE)
    assert math.isnan(meld[0])
    assert math.isnan(scores.derive_meldunos(meld, (6, 40))[0])


def test_meld_of_impossible_inputs_without_bounds_is_missing():
    assert np.isnan(scores.derive_meld([0.0, -1.0], [10.0, 10.0], [1.5, 1.5], [False, False], rule=RULE, bounded=False)).all()


def test_meldunos_rounds_half_up_and_stays_in_6_to_40():
    # 24.5 -> 25 (binary round-half-even would give 24), 25.49999999999999999 is 25.5 for a clinician's MELD
    values = [24.5, 25.5, 25.4999, 5.2, 40.6, math.nan]
    expected = [25, 26, 25, 6, 40, math.nan]
    np.testing.assert_array_equal(scores.derive_meldunos(values, (6, 40)), expected)


def test_a_trial_that_does_not_say_how_meld_is_computed_is_refused():
    parameters = TRIAL.parameters | {"MELD": TRIAL.parameter("MELD").model_copy(update={"meld": None})}
    with pytest.raises(ReportError, match="MELD is not declared"):
        scores.read_meld(TRIAL.model_copy(update={"parameters": parameters}))


#: 2.0 mg/dL, 20 mg/dL, 2: by hand 10 * (0.957 * 0.693147 + 0.378 * 2.995732 + 1.12 * 0.693147) + 6.43 = 32.150535.
@pytest.mark.parametrize(
    ("changed", "creat", "dialysed", "expected"),
    [
        ({}, 2.0, False, 32.150535),
        ({"coefficients": {"CREAT": 1.957, "BILI": 0.378, "INR": 1.12}}, 2.0, False, 39.082007),  # + 10 ln 2
        ({"coefficients": {"CREAT": 0.957, "BILI": 1.378, "INR": 1.12}}, 2.0, False, 62.107858),  # + 10 ln 20
        ({"coefficients": {"CREAT": 0.957, "BILI": 0.378, "INR": 0.12}}, 2.0, False, 25.219063),  # - 10 ln 2
        ({"factor": 20}, 2.0, False, 57.871070),
        ({"constant": 0}, 2.0, False, 25.720535),
        ({"lower_bound": 3.0}, 2.0, False, 40.572045),  # creatinine and INR become 3
        ({"creatinine_cap": 1.5}, 2.0, False, 29.397418),
        ({"dialysis": {"creatinine": 4.0, "days": 2, "within_days": 7}}, 2.0, True, 38.783953),
        ({"dialysis": {"creatinine": 3.0, "days": 2, "within_days": 7}}, 2.0, True, 36.030836),
    ],
)
def test_every_number_of_the_meld_rule_decides(changed, creat, dialysed, expected):
    rule = Meld.model_validate(RULE.model_dump() | changed)
    assert scores.derive_meld([creat], [20.0], [2.0], [dialysed], rule=rule)[0] == pytest.approx(expected, abs=2e-6)


def test_unknown_conversion_is_refused():
    with pytest.raises(ReportError, match="SODIUM needs one conversion"):
        scores.convert_units([140.0], "SODIUM", TRIAL)


def _per_mgdl(param: str) -> float:
    """What one mg/dL is in the standard unit of a parameter."""
    (one,) = (conversion for conversion in TRIAL.conversions if conversion.param == param)
    return float(one.divide or 0)


def _made(**values: object) -> scores.OrganInputs:
    """Inputs drawn in mg/dL, as they are collected: in umol/L."""
    drawn = {**WELL, **values}
    bili, creat = (drawn.pop(f"{name}_mgdl") * _per_mgdl(name.upper()) for name in ("bili", "creat"))
    return scores.OrganInputs(bili=[bili], creat=[creat], **{name: [value] for name, value in drawn.items()})


def _inputs(case: dict) -> scores.OrganInputs:
    def number(name: str) -> list[float]:
        return [math.nan if case[name] is None else float(case[name])]

    return scores.OrganInputs(
        bili=[_mgdl(case, "BILI", "bili") * _per_mgdl("BILI")],
        creat=[_mgdl(case, "CREAT", "creat") * _per_mgdl("CREAT")],
        he=number("he"),
        inr=number("inr"),
        map=number("map"),
        pf=number("pf"),
        sf=number("sf"),
        rrt=[case["rrt"]],
        vasopressor=[case["vasopressor"]],
        ventilated=[case["ventilation"]],
        airway=[False],
    )


def _same(value: float, expected: float | None) -> bool:
    return math.isnan(value) if expected is None else value == expected


@pytest.mark.parametrize("case", CLIF_CASES, ids=[c["case"] for c in CLIF_CASES])
def test_clif_organ_scores_equal_hand_calculation(case):
    inputs = _inputs(case)
    found = scores.derive_clif_subscores(inputs, TRIAL)
    assert all(_same(found.loc[0, organ], expected) for organ, expected in case["subscores"].items())
    assert _same(scores.derive_clifcof(found)[0], case["clifcof"])
    assert _same(scores.derive_ofcount(found, TRIAL)[0], case["ofcount"])
    assert _same(scores.derive_ofreg(inputs, found, TRIAL)[0], case["ofreg"])
    assert _same(scores.derive_aclf_grade(found, [_mgdl(case, "CREAT", "creat")], inputs.he, TRIAL)[0], case["aclfgrbl"])


#: A subject with no failing organ; one value at a time is changed.
WELL = {
    "bili_mgdl": 1.0,
    "creat_mgdl": 0.8,
    "he": 0,
    "inr": 1.1,
    "map": 85,
    "pf": math.nan,
    "sf": 460,
    "rrt": False,
    "vasopressor": False,
    "ventilated": False,
    "airway": False,
}


def _subscores(trial: Trial = TRIAL, **changed: object) -> pd.Series:
    return scores.derive_clif_subscores(_made(**changed), trial).loc[0]


def _changed_clif(*path: object, value: object) -> Trial:
    """The trial with one value of its organ failure scores changed; refused if it cannot be so."""
    data = json.loads(TRIAL.clif_c_of.model_dump_json(exclude_none=True))
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return TRIAL.model_copy(update={"clif_c_of": ClifCOf.model_validate(data)})


@pytest.mark.parametrize(
    ("organ", "values", "expected"),
    [
        # value just below, on and just above each published limit (J Hepatol 2014; 61:1038, table 2)
        ("CLIFLIV", {"bili_mgdl": [5.99, 6, 12, 12.01]}, [1, 2, 2, 3]),
        ("CLIFKID", {"creat_mgdl": [1.99, 2, 3.49, 3.5]}, [1, 2, 2, 3]),
        ("CLIFBRA", {"he": [0, 1, 2, 3, 4]}, [1, 2, 2, 3, 3]),
        ("CLIFCOA", {"inr": [1.99, 2, 2.49, 2.5]}, [1, 2, 2, 3]),
        ("CLIFCIR", {"map": [69, 70]}, [2, 1]),
        ("CLIFRES", {"pf": [301, 300, 201, 200]}, [1, 2, 2, 3]),
        ("CLIFRES", {"sf": [358, 357, 215, 214]}, [1, 2, 2, 3]),
    ],
)
def test_clif_limits_belong_where_the_published_table_puts_them(organ, values, expected):
    ((name, series),) = values.items()
    assert [_subscores(**{name: value})[organ] for value in series] == expected


@pytest.mark.parametrize("umol", ["102.6", "205.2"])  # 6 and 12 mg/dL exactly
def test_bilirubin_limits_hold_in_umol(umol):
    exact = Decimal(umol) / Decimal("17.1")
    step = Decimal("0.01")
    for shift in (-step, Decimal(0), step):
        value = Decimal(umol) + shift
        mgdl = float(scores.convert_units(float(value), "BILI", TRIAL))
        by_hand = 1 if value / Decimal("17.1") < 6 else 2 if value / Decimal("17.1") <= 12 else 3
        assert _subscores(bili_mgdl=mgdl)["CLIFLIV"] == by_hand
    assert exact in (6, 12)


@pytest.mark.parametrize(
    ("path", "value", "organ", "changed", "before", "after"),
    [
        # the first organ is the liver, then kidney, brain, coagulation, circulation, respiration
        (("organs", 0, "inputs", 0, "bands", 1), {"score": 3, "at_least": 12}, "CLIFLIV", {"bili_mgdl": 12.0}, 2, 3),
        (("organs", 0, "inputs", 0, "bands", 0), {"score": 2, "above": 6}, "CLIFLIV", {"bili_mgdl": 6.0}, 2, 1),
        (("organs", 0, "inputs", 0, "unit"), "umol/L", "CLIFLIV", {"bili_mgdl": 1.0}, 1, 3),  # 17.1 is above 12
        (("organs", 0, "inputs", 0, "measure"), "INR", "CLIFLIV", {"bili_mgdl": 20.0}, 3, "refused"),  # INR is no mg/dL
        (("organs", 1, "inputs", 0, "bands", 1, "at_least"), 3.0, "CLIFKID", {"creat_mgdl": 3.2}, 2, 3),
        (("organs", 1, "support"), {}, "CLIFKID", {"rrt": True}, 3, 1),
        (("organs", 1, "support"), {"RRT": 2}, "CLIFKID", {"rrt": True}, 3, 2),
        (("organs", 2, "inputs", 0, "bands", 0, "at_least"), 2, "CLIFBRA", {"he": 1}, 2, 1),
        (("organs", 3, "inputs", 0, "bands", 0, "at_least"), 1.5, "CLIFCOA", {"inr": 1.5}, 1, 2),
        (("organs", 4, "inputs", 0, "bands", 0), {"score": 2, "at_most": 70}, "CLIFCIR", {"map": 70}, 1, 2),
        (("organs", 4, "support"), {"RRT": 3}, "CLIFCIR", {"vasopressor": True}, 3, 1),
        (("organs", 5, "inputs", 0, "bands", 1, "at_most"), 150, "CLIFRES", {"pf": 180}, 3, 2),
        (("organs", 5, "inputs", 1, "bands", 0, "at_most"), 470, "CLIFRES", {"sf": 460}, 1, 2),
        (("pf_valid",), (160, 700), "CLIFRES", {"pf": 150, "sf": 460}, 3, 1),
    ],
)
def test_every_field_of_an_organ_decides(path, value, organ, changed, before, after):
    assert _subscores(**changed)[organ] == before
    trial = _changed_clif(*path, value=value)
    if after == "refused":
        with pytest.raises(ReportError, match="no conversion leads there"):
            _subscores(trial, **changed)
    else:
        assert _subscores(trial, **changed)[organ] == after


def test_failure_and_grade_follow_the_trial():
    inputs = _made(bili_mgdl=18.0, creat_mgdl=1.6)
    found = scores.derive_clif_subscores(inputs, TRIAL)
    assert scores.derive_ofcount(found, TRIAL)[0] == 1
    assert scores.derive_ofcount(found, _changed_clif("organs", 3, "failure_from", value=2))[0] == 1
    assert scores.derive_ofcount(found.assign(CLIFCOA=2), _changed_clif("organs", 3, "failure_from", value=2))[0] == 2
    assert scores.derive_aclf_grade(found, [1.6], [0], TRIAL)[0] == 1
    for end, value in (("at_least", 1.7), ("below", 1.6)):
        assert scores.derive_aclf_grade(found, [1.6], [0], _changed_clif("aclf_grade", "creatinine", end, value=value))[0] == 0
    assert scores.derive_aclf_grade(found, [0.8], [2], TRIAL)[0] == 1
    assert scores.derive_aclf_grade(found, [0.8], [2], _changed_clif("aclf_grade", "encephalopathy", value=(1, 1)))[0] == 0


@pytest.mark.parametrize("given", [{}, {"at_least": 2, "above": 2}, {"from": 2}, {"at_least": "two"}])
def test_a_limit_has_one_end(given):
    with pytest.raises(ValidationError):
        Limit.model_validate(given)


def test_a_score_without_one_of_its_organs_is_refused():
    with pytest.raises(ValidationError, match="CLIFRES, each once"):
        _changed_clif("organs", 5, "code", value="CLIFLIV")


def test_a_treatment_scores_three_without_its_measurement():
    assert _subscores(creat_mgdl=math.nan, rrt=True)["CLIFKID"] == 3
    assert _subscores(map=math.nan, vasopressor=True)["CLIFCIR"] == 3
    assert _subscores(sf=math.nan, ventilated=True)["CLIFRES"] == 3


def test_ventilation_to_protect_the_airway_scores_the_brain_not_the_lungs():
    found = _subscores(airway=True, he=math.nan)
    assert (found["CLIFBRA"], found["CLIFRES"]) == (3, 1)


def test_pf_goes_before_sf_unless_it_is_impossible():
    assert _subscores(pf=150, sf=460)["CLIFRES"] == 3
    assert _subscores(pf=39, sf=460)["CLIFRES"] == 1  # below 40 mmHg: not valid
    assert _subscores(pf=701, sf=math.nan).isna()["CLIFRES"]


def test_renal_replacement_alone_is_no_organ_failure_of_the_registry():
    inputs = _made(rrt=True)
    found = scores.derive_clif_subscores(inputs, TRIAL)
    assert scores.derive_ofcount(found, TRIAL)[0] == 1
    assert scores.derive_ofreg(inputs, found, TRIAL)[0] == 0


def test_map_pf_and_sf_equal_hand_calculation():
    pressure = OTHERS["map"]
    assert_close(scores.derive_map([pressure["sbp"]], [pressure["dbp"]])[0], pressure["map"])
    sat = OTHERS["sf"]
    assert_close(scores.derive_sf([sat["spo2"]], [sat["fio2"]])[0], sat["sf"])
    for case in OTHERS["pf"]:
        mmhg = scores.convert_units([case["po2_kpa"]], "PO2", TRIAL)
        assert_close(mmhg[0], case["po2_mmhg"])
        ratio = scores.derive_pf(mmhg, [case["fio2"]])
        assert_close(ratio[0], case["pf"])
        assert _subscores(pf=ratio[0])["CLIFRES"] == case["subscore"]


def test_icg_retention_equals_hand_calculation():
    # E.19: 0.42 mg/dL after 15 minutes of the theoretical 1 mg/dL at the start
    icg = OTHERS["icg"]
    assert_close(scores.convert_units([icg["c15_mgdl"]], "ICGR15", TRIAL)[0], icg["r15_pct"])


@pytest.mark.parametrize(("umol", "expected"), [(176.7, 1), (176.8, 2), (309.3, 2), (309.4, 3)])  # x 88.4: 2.0 and 3.5 mg/dL
def test_creatinine_limits_hold_in_umol(umol, expected):
    assert _subscores(creat_mgdl=float(scores.convert_units(umol, "CREAT", TRIAL)))["CLIFKID"] == expected


@pytest.mark.parametrize(("umol", "grade"), [(132.5, 0), (132.6, 1), (176.7, 1)])  # 132.6 / 88.4 = 1.5 mg/dL
def test_creatinine_of_the_aclf_grade_holds_in_umol(umol, grade):
    creat = float(scores.convert_units(umol, "CREAT", TRIAL))
    inputs = _made(bili_mgdl=18.0, creat_mgdl=creat)
    found = scores.derive_clif_subscores(inputs, TRIAL)
    assert scores.derive_aclf_grade(found, [creat], [0], TRIAL)[0] == grade


@pytest.mark.parametrize(
    ("changed", "count"),
    [
        # exclusion criterion 5 of the registry, each cut-off and what lies under it; 205.2 and 176.8 umol/L are exact
        ({"bili_mgdl": 205.2 / 17.1}, 1), ({"bili_mgdl": 205.1 / 17.1}, 0),
        ({"creat_mgdl": 176.8 / 88.4}, 1), ({"creat_mgdl": 176.7 / 88.4}, 0),
        ({"inr": 2.5}, 1), ({"inr": 2.49}, 0),
        ({"he": 3}, 1), ({"he": 2}, 0),
        ({"vasopressor": True}, 1), ({"map": 60}, 0),
        ({"pf": 200}, 1), ({"pf": 201}, 0), ({"sf": 214}, 1), ({"sf": 215}, 0), ({"ventilated": True}, 1),
    ],
)  # fmt: skip
def test_organ_failures_of_the_registry_rule(changed, count):
    inputs = _made(**changed)
    assert scores.derive_ofreg(inputs, scores.derive_clif_subscores(inputs, TRIAL), TRIAL)[0] == count


def test_oxygenation_without_a_fraction_is_missing():
    assert np.isnan(scores.derive_sf([97, 97], [0.0, math.nan])).all()


finite = st.floats(min_value=0.01, max_value=60, allow_nan=False)


@settings(deadline=None, derandomize=True)
@given(creat=finite, bili=finite, inr=st.floats(min_value=0.5, max_value=15), dialysed=st.booleans())
def test_bounded_meld_never_falls_below_its_floor_and_grows_with_bilirubin(creat, bili, inr, dialysed):
    low, high = scores.derive_meld([creat] * 2, [bili, bili * 1.5], [inr] * 2, [dialysed] * 2, rule=RULE)
    assert low >= 6.43 - 1e-12
    assert high >= low


@settings(deadline=None, derandomize=True)
@given(
    bili=finite,
    creat=finite,
    he=st.integers(0, 4),
    inr=finite,
    pressure=finite,
    sf=st.floats(100, 500),
    rrt=st.booleans(),
)
def test_clif_total_lies_in_6_to_18_and_counts_agree(bili, creat, he, inr, pressure, sf, rrt):
    values = {"bili_mgdl": bili, "creat_mgdl": creat, "he": he, "inr": inr, "map": pressure, "sf": sf, "rrt": rrt}
    inputs = _made(**values)
    found = scores.derive_clif_subscores(inputs, TRIAL)
    assert 6 <= scores.derive_clifcof(found)[0] <= 18
    count, grade = scores.derive_ofcount(found, TRIAL)[0], scores.derive_aclf_grade(found, [creat], [he], TRIAL)[0]
    assert min(count, 3) in (grade, grade + 1)  # one failure is grade 0 or 1, two are 2, three and more are 3
