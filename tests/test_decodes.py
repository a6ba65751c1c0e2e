"""Numbers and names of visits and treatments in supplied ADaM: one to one in a dataset, alike in all, and those of trial.yaml."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report import validate
from cgbm1_report.build.refused import tell_unmet
from cgbm1_report.protocol.trial import make_trial
from cgbm1_report.read.cut import read_cut
from tests.drawn import plain_protocol

#: The CDISC pilot's protocol: Week 8 is AVISITN 8, Week 16 is 16, the baseline visit is 0.
PILOT = {name: one for name, one in plain_protocol(Path(__file__).parent / "pilot" / "trial.yaml").items() if name != "datasets"}
TRIAL = make_trial(PILOT, Path("trial.yaml"))
ADSL = pd.DataFrame({"USUBJID": ["1"], "TRT01P": "Placebo", "TRT01A": "Placebo", "TRT01PN": 0.0, "TRT01AN": 0.0})


def supplied(cells: str) -> dict[str, pd.DataFrame]:
    """Records of one subject: ``ADLB ALT 8 Week_8, ADVS PULSE - Week_8``; nothing is ``-``."""
    rows = [one.split() for one in cells.split(",")]
    table = pd.DataFrame(rows, columns=["DATASET", "PARAMCD", "AVISITN", "AVISIT"])
    table["AVISITN"] = pd.to_numeric(table["AVISITN"], errors="coerce")
    table["AVISIT"] = table["AVISIT"].where(table["AVISIT"] != "-").str.replace("_", " ").astype("str")
    whole = table.assign(USUBJID="1", ADT=pd.date_range("2024-01-01", periods=len(table)).astype("datetime64[s]"), AVAL=1.0)
    return {"ADSL": ADSL, **{str(name): own.drop(columns="DATASET") for name, own in whole.groupby("DATASET")}}


def told(adam: dict[str, pd.DataFrame], rule: str) -> list[str]:
    found = validate.validate_adam(adam, TRIAL, keys_only=True)
    own = found[(found["rule"] == rule) & found["usubjid"].isna() & found["message"].str.contains("AVISIT|TRT|PARAM|missing")]
    return sorted((own["severity"] + " " + own["dataset"] + " " + own["variable"] + ": " + own["message"]).tolist())


#: Records | what is found of them: severity, dataset, variable, the beginning of the message.
VISITS = """
# Alike everywhere.
ADLB ALT 8 Week_8, ADVS PULSE 8 Week_8 |
# In pharmaverse's data ADVS counts weeks and ADLB counts visits: under "Week 8" stood the values of another week.
ADLB ALT 7 Week_8, ADVS PULSE 8 Week_8 | E ADLB AVISITN: 'Week 8' has AVISITN 7 in 1 record, and trial.yaml gives 'Week 8' 8 ; W ADVS AVISITN: AVISIT 'Week 8' is not
ADLB ALT 8 Week_6, ADLB AST 8 Week_6 | E ADLB AVISIT: AVISITN 8 is 'Week 6' in 2 records, and trial.yaml calls 8 'Week 8'
# A letter is no other name, and the baseline is told by its flag.
ADLB ALT 8 WEEK_8 |
ADLB ALT 3 Baseline | W ADLB AVISITN: 'Baseline' has AVISITN 3
# Without a number nothing is read by number.
ADLB ALT - Week_8 | E ADLB AVISITN: 'Week 8' has no AVISITN in 1 record ; W ADLB AVISITN: is missing in 1 record of Week 8
ADLB ALT - Unscheduled | W ADLB AVISITN: is missing in 1 record of Unscheduled: outputs by visit leave them out
# Without a name it is read all the same, and trial.yaml names it.
ADLB ALT 8 - |
# Visits that nobody declares: one to one within a parameter, and between datasets a question.
ADLB ALT 2 Week_2, ADLB ALT 2 Week_3 | E ADLB AVISIT: ALT: AVISITN '2' has the AVISIT 'Week 2' (records: 1) and 'Week 3' (records: 1)
ADLB ALT 2 Week_2, ADLB ALT 3 Week_2 | E ADLB AVISITN: ALT: AVISIT 'Week 2' has the AVISITN '2' (records: 1) and '3' (records: 1)
ADLB ALT 2 Week_2, ADLB AST 2 Week_3 |
ADLB ALT 2 Week_2, ADVS PULSE 2 Week_3 | W ADVS AVISIT: AVISITN '2' is not the same AVISIT everywhere: ADLB 'Week 2' (records: 1), ADVS 'Week 3' (records: 1)
# What trial.yaml does not report is the sponsor's own.
ADLB OTHER 8 Week_6 |
"""


@pytest.mark.parametrize("case", [one for one in VISITS.strip().splitlines() if not one.startswith("#")])
def test_a_visit_has_one_number_and_one_name(case: str) -> None:
    cells, expected = case.split("|")
    found = told(supplied(cells), "V10")
    wanted = [one.strip() for one in expected.split(" ; ") if one.strip()]
    assert len(found) == len(wanted), found
    assert all(one.startswith(begin) for one, begin in zip(found, wanted, strict=True)), found


def test_numbers_of_treatments_stand_for_one_treatment_each() -> None:
    low = ADSL.assign(USUBJID="2", TRT01P="Xanomeline Low Dose", TRT01A="Xanomeline Low Dose", TRT01AN=54.0)
    found = told({"ADSL": pd.concat([ADSL, low], ignore_index=True)}, "V02")
    # TRT01PN 0 of both, though trial.yaml says 54 of the second.
    assert [one[:2] for one in found] == ["E ", "W "]
    assert "TRT01PN '0' has the TRT01P 'Placebo' (records: 1) and 'Xanomeline Low Dose' (records: 1)" in found[0]
    assert "'Xanomeline Low Dose' has the TRT01PN 0 (records: 1), and trial.yaml gives it trt01pn 54" in found[1]


def test_a_parameter_has_one_unit_in_all_datasets() -> None:
    adam = supplied("ADLB ALT 8 Week_8, ADVS ALT 8 Week_8")
    adam["ADLB"] = adam["ADLB"].assign(PARAM="ALT (U/L)")
    adam["ADLBHY"] = adam["ADLB"].assign(PARAM="ALT (ukat/L)", PARAMCD="HYLAW")
    assert told(adam, "V02") == []
    again = {**adam, "ADLB": pd.concat([adam["ADLB"], adam["ADLB"].assign(PARAM="ALT (ukat/L)", AVISITN=9.0, AVISIT="Week 9")])}
    assert validate.validate_adam(again, TRIAL, keys_only=True)["message"].str.contains("PARAMCD ALT is 'ALT .ukat/L.' here").any()


#: PARAM and AVALU of records of PULSE, which trial.yaml has in beats/min | what is found: severity and variable.
UNITS = """
Pulse Rate (beats/min) ; beats/min |
Pulse Rate (BEATS/MIN) ; . |
Pulse Rate ; . |
# Nothing else tells the unit, and no record has the declared one.
Pulse Rate (Hz) ; . | E PARAM
Pulse Rate (1/s) ; . | E PARAM
# AVALU tells it; what brackets hold besides may be anything.
Pulse Rate (Hz) ; beats/min | W PARAM
# A method, and no unit.
Pulse Rate (Plethysmograph) ; . | W PARAM
# The same unit under another name.
Pulse Rate (bpm) ; . |
Pulse Rate (beats/min) ; Hz | E AVALU
# Only what stands at the end is a unit.
Pulse Rate (supine) at rest ; . |
"""


@pytest.mark.parametrize("case", [one for one in UNITS.strip().splitlines() if not one.startswith("#")])
def test_values_stand_in_the_unit_they_are_headed_with(case: str) -> None:
    said, expected = case.split("|")
    param, unit = (one.strip() for one in said.split(";"))
    adam = supplied("ADVS PULSE 8 Week_8")
    adam["ADVS"] = adam["ADVS"].assign(PARAM=param, AVALU=pd.Series([None if unit == "." else unit], dtype="str"))
    found = validate.validate_adam(adam, TRIAL, keys_only=True)
    own = found[found["rule"] == "V21"]
    assert (own["severity"] + " " + own["variable"]).tolist() == ([expected.strip()] if expected.strip() else [])


#: AVALU of two records of PULSE (beats/min), and what PARAM says of both | what is found.
PARTLY = """
beats/min beats/min ; Pulse Rate (beats/min) |
beats/min . ; Pulse Rate (beats/min) | W AVALU
# Nothing but PARAM tells the unit of the second, and it tells another.
beats/min . ; Pulse Rate (Hz) | E PARAM, W AVALU
# Everybody says what AVALU is: PARAM alone has another.
beats/min beats/min ; Pulse Rate (Hz) | W PARAM
"""


@pytest.mark.parametrize("case", [one for one in PARTLY.strip().splitlines() if not one.startswith("#")])
def test_a_unit_that_some_records_lack_is_a_question(case: str) -> None:
    said, expected = case.split("|")
    units, param = said.split(";")
    adam = supplied("ADVS PULSE 8 Week_8, ADVS PULSE 9 Week_9")
    told_units = pd.Series([None if unit == "." else unit for unit in units.split()], dtype="str")
    adam["ADVS"] = adam["ADVS"].assign(PARAM=param.strip(), AVALU=told_units)
    own = validate.validate_adam(adam, TRIAL, keys_only=True).query("rule == 'V21'")
    assert ", ".join(own["severity"] + " " + own["variable"]) == expected.strip()


#: The unit of data | that of trial.yaml | whether they are one.
SPELT = """
10E9/L     10^9/L     one
x10*9/L    10^9/L     one
10⁹/L      10^9/L     one
GI/L       10^9/L     one
10^3/uL    10^9/L     one
TI/L       10^12/L    one
µmol/L     umol/L     one
mcmol/L    umol/L     one
°C         C          one
mg/dL      umol/L     two
10^6/L     10^9/L     two
10^12/L    10^9/L     two
F          C          two
months     days       two
"""


@pytest.mark.parametrize("case", SPELT.strip().splitlines())
def test_units_that_are_spelt_otherwise_are_one_unit(case: str) -> None:
    there, declared, expected = case.split()
    adam = supplied("ADVS PULSE 8 Week_8")
    adam["ADVS"] = adam["ADVS"].assign(PARAM=f"Pulse Rate ({there})")
    pulse = TRIAL.parameters["PULSE"].model_copy(update={"si_unit": declared})
    trial = TRIAL.model_copy(update={"parameters": {**TRIAL.parameters, "PULSE": pulse}})
    found = validate.validate_adam(adam, trial, keys_only=True)
    assert found.loc[found["rule"] == "V21", "severity"].tolist() == ([] if expected == "one" else ["E"])


def test_a_record_without_a_value_needs_no_unit() -> None:
    one = supplied("ADVS PULSE 8 Week_8")["ADVS"].assign(PARAM="Pulse Rate (beats/min)", AVALU="beats/min")
    # Of three records one was not measured; the third was, and nobody says in what.
    empty = one.assign(AVISITN=9.0, AVISIT="Week 9", AVAL=float("nan"), AVALU=pd.Series([None], dtype="str"))
    untold = one.assign(AVISITN=10.0, AVISIT="Week 10", AVALU=pd.Series([None], dtype="str"))
    for parts, told in (
        ([one, empty], []),
        ([one, empty, untold], ["PULSE has no unit in 1 of 2 records with AVAL, and one in the others"]),
    ):
        found = validate.validate_adam(
            {**supplied("ADVS PULSE 8 Week_8"), "ADVS": pd.concat(parts, ignore_index=True)}, TRIAL, keys_only=True
        )
        found = found[found["rule"] == "V21"]
        assert found["message"].tolist() == told
        assert found["remedy"].str.startswith("fill AVALU").all()


#: What PARAM says of one record and of another, and AVALU of both | what is found. PULSE is printed in beats/min, OWN in no unit.
POOLED = """
PULSE ; Pulse Rate (beats/min) ; Pulse Rate (Hz) ; . | E PARAM
PULSE ; Pulse Rate             ; Pulse Rate (1/s) ; . | E PARAM
# Nobody says that the others have a unit there: the brackets may hold anything.
PULSE ; Pulse Rate             ; Pulse Rate (Hz) ; . | W PARAM
PULSE ; Pulse Rate (beats/min) ; Pulse Rate (Plethysmograph) ; . | W PARAM
OWN   ; Own (mg/dL)            ; Own (umol/L) ; . | E AVALU
OWN   ; Own (mg/dL)            ; Own (MG/DL) ; . |
OWN   ; Own (fasting)          ; Own (mg/dL) ; . |
OWN   ; Own (mg/dL)            ; Own (umol/L) ; mg/dL |
"""


@pytest.mark.parametrize("case", [one for one in POOLED.strip().splitlines() if not one.startswith("#")])
def test_values_of_two_units_that_a_summary_would_have_in_one_number_are_an_error(case: str) -> None:
    said, expected = case.split("|")
    code, *params, unit = (one.strip() for one in said.split(";"))
    adam = supplied(f"ADVS {code} 8 Week_8")
    one, other = (
        adam["ADVS"].assign(PARAM=text, AVISITN=day, AVISIT=f"Week {day}") for text, day in zip(params, (8, 9), strict=True)
    )
    records = pd.concat([one, other], ignore_index=True)
    adam["ADVS"] = records.assign(AVALU=pd.Series([None if unit == "." else unit] * 2, dtype="str"))
    own = TRIAL.parameters["PULSE"].model_copy(update={"si_unit": None})
    trial = TRIAL.model_copy(update={"parameters": {**TRIAL.parameters, "OWN": own}})
    found = validate.validate_adam(adam, trial, keys_only=True)
    found = found[found["rule"] == "V21"]
    assert (found["severity"] + " " + found["variable"]).tolist() == ([expected.strip()] if expected.strip() else [])


def test_of_two_names_of_a_parameter_the_one_that_fewer_records_have_is_the_odd_one() -> None:
    """The first record has it: what comes first is not what is right."""
    adam = supplied("ADLB ALT 8 Week_8")
    weeks = [adam["ADLB"].assign(PARAM=f"ALT ({unit})", AVISITN=float(at), AVISIT=f"Week {at}")
             for at, unit in ((7, "ukat/L"), (8, "U/L"), (9, "U/L"))]  # fmt: skip
    adam["ADLB"] = pd.concat(weeks, ignore_index=True)
    found = validate.validate_adam(adam, TRIAL, keys_only=True)
    told = found.loc[found["variable"].eq("PARAM") & found["rule"].eq("V02"), "message"].tolist()
    assert told == ["PARAMCD ALT is 'ALT (ukat/L)' here and 'ALT (U/L)' elsewhere"]


def test_what_an_outcome_is_about_and_no_record_has_is_said(tmp_path: Path) -> None:
    (tmp_path / "adam").mkdir()
    outcome = {
        "id": "K", "phase": 1, "type": "secondary", "registry_order": 1, "registry_title": "Pulse", "paramcd": "PULSE", "dataset": "ADVS",
        "nominal_days": [56, 112], "baseline_needed": True, "favourable": "decrease",
        "outputs": [{"number": "T14.2.40.1", "population": "FAS", "methods": ["change"]}],
    }  # fmt: skip
    own = make_trial({**PILOT, "outcomes": [outcome], "outputs": ["T14.1.4.1"]}, Path("trial.yaml"))
    for name, frame in supplied("ADVS PULSE 8 Week_8, ADLB ALT 16 Week_16").items():
        frame.to_parquet(tmp_path / "adam" / f"{name.lower()}.parquet")
    told = tell_unmet(read_cut(tmp_path, own), own)
    # Week 16 has records of the laboratory alone; of vital signs there is one.
    assert "trial.yaml: outcomes.0.nominal_days: no record of ADVS with PARAMCD PULSE has AVISITN 16 (Week 16)" in told
    assert not [one for one in told if "AVISITN 8 " in one or "PARAMCD 'PULSE'" in one]
    assert "trial.yaml: parameters.WEIGHT: no record of ADVS has PARAMCD 'WEIGHT'" in told
