"""ADDLT and the DLT-evaluable set: the decision window, the registered measure, who can be judged."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cgbm1_report.derive.adae import derive_adae
from cgbm1_report.derive.addlt import derive_addlt
from cgbm1_report.derive.adsl import derive_subjects
from cgbm1_report.derive.populations import DLT_PENDING, derive_dltevfl
from cgbm1_report.protocol.trial import Trial
from tests.drawn import our_trial
from tests.sdtm_cases import days, disposition, events, infusions, shown, subjects, table

TRIAL = our_trial()


def derive(subject: str, ae: str = "", trial: Trial = TRIAL) -> tuple[pd.DataFrame, pd.DataFrame]:
    """ADDLT and ADSL of subjects drawn as USUBJID, ARMCD, LAST (last contact), DTHDTC, DOSECOMP, END."""
    drawn = table(subject)
    dm = subjects("USUBJID  ARMCD\n" + "\n".join(f"{s}  {a}" for s, a in zip(drawn["USUBJID"], drawn["ARMCD"], strict=True)))
    dm = dm.assign(DTHDTC=drawn["DTHDTC"], DTHFL=drawn["DTHDTC"].notna().map({True: "Y", False: None}).astype("str"))
    ex = infusions("USUBJID  EXSTDTC\n" + "\n".join(f"{s}  2025-03-10T10:00" for s in drawn["USUBJID"]))
    doses = {arm.armcd: arm.dose_per_infusion_e6_cells_per_kg for arm in trial.arms}
    ex["EXDOSE"] = drawn["ARMCD"].map(doses).to_numpy()
    ss = pd.DataFrame({"USUBJID": drawn["USUBJID"], "SSTESTCD": "SURVSTAT", "SSSTRESC": "ALIVE", "SSDTC": drawn["LAST"]})
    gone = drawn[drawn["END"].notna()]
    ds = disposition(
        "USUBJID  DSDECOD  DSSTDTC  DSSCAT\n"
        + "\n".join(f"{s}  {why}  {when}  STUDY PARTICIPATION" for s, why, when in gone[["USUBJID", "END", "LAST"]].to_numpy())
    )
    sdtm = {"DM": dm, "EX": ex, "SS": ss, "DS": ds} | ({"AE": events(ae)} if ae else {})
    adsl = derive_subjects(sdtm, trial, None)
    adsl["DOSECOMP"] = drawn.set_index("USUBJID")["DOSECOMP"].astype("float64").reindex(adsl["USUBJID"]).to_numpy()
    addlt = derive_addlt(derive_adae(sdtm, adsl, trial), adsl, trial)
    return addlt, adsl.assign(**derive_dltevfl(adsl, addlt, trial))


def answers(addlt: pd.DataFrame, subject: str) -> dict[str, Any]:
    own = addlt[addlt["USUBJID"] == subject]
    return dict(zip(own["PARAMCD"], own["AVALC"], strict=True))


EVALUABLE = """
    USUBJID  ARMCD  LAST        DTHDTC      DOSECOMP  END
    A        P1LOW  2025-04-07  -           40        -                  # DLT on the day of infusion
    B        P1LOW  2025-04-07  -           40        -                  # no DLT
    C        P1LOW  2025-04-07  -           95        -                  # observed to elapsed day 28
    D        P1LOW  2025-03-21  2025-03-21  95        DEATH              # unrelated death on day 11
    E        P1LOW  2025-04-06  -           95        LOST TO FOLLOW-UP  # day 27
    F        P1LOW  2025-04-06  2025-04-07  100       DEATH              # a death on day 28 is observed to it
    G        P1LOW  2025-03-20  -           100       -                  # day 10, still under observation
    H        P1LOW  2025-04-07  -           90        -                  # just enough
    I        P1LOW  2025-04-07  -           89.99     -
    J        P2LOW  2025-04-07  -           100       -                  # phase 2
"""
DLT_A = "USUBJID  AESTDTC  AEDLT  AEDLTSRC\nA  2025-03-10T15:00  Y  Y"


def test_who_is_evaluable_for_dose_limiting_toxicity() -> None:
    """A to D worked by hand (infusion stopped at 40 % with and without DLT; 95 % given, alive or dead on day 11)."""
    _, adsl = derive(EVALUABLE, DLT_A)
    found = {s: shown(v) for s, v in zip(adsl["USUBJID"], adsl["DLTEVFL"], strict=True)}
    assert found == {"A": "Y", "B": "N", "C": "Y", "D": "N", "E": "N", "F": "Y", "G": "N", "H": "Y", "I": "N", "J": None}
    why = adsl.set_index("USUBJID")["DLTEXCL"]
    assert why["B"] == why["I"] == "LESS THAN 90% OF PLANNED CELLS RECEIVED"
    assert why["D"] == why["E"] == "NOT OBSERVED TO DAY 28"
    assert why["G"] == DLT_PENDING  # time may mend it: not a subject to replace
    assert why[["A", "C", "F", "H", "J"]].isna().all()


def test_who_left_the_study_is_not_under_observation_though_alive_later() -> None:
    """Withdrawn on day 10 and known alive on day 90: nobody looked for a toxicity between."""
    left = "USUBJID  ARMCD  LAST  DTHDTC  DOSECOMP  END\nA  P1LOW  2025-03-20  -  100  WITHDRAWAL BY SUBJECT"
    _, adsl = derive(left)
    later = adsl.assign(LSTALV0=days("2025-06-08"), LSTALVDT=days("2025-06-08"))
    addlt = derive_addlt(derive_adae({}, later, TRIAL), later, TRIAL)
    assert answers(addlt, "A")["FUP28"] == "N"
    assert set(addlt["ADT"].map(shown)) == {"2025-03-20"}
    evaluable = derive_dltevfl(later, addlt, TRIAL)
    assert evaluable.iloc[0].tolist() == ["N", "NOT OBSERVED TO DAY 28"]


def test_a_subject_never_dosed_is_not_evaluable() -> None:
    dm = subjects("USUBJID  ARMCD\nA  P1LOW\nB  P2LOW")
    adsl = derive_subjects({"DM": dm}, TRIAL, None)
    addlt = derive_addlt(derive_adae({"DM": dm}, adsl, TRIAL), adsl, TRIAL)
    assert len(addlt) == 0
    assert [shown(v) for v in derive_dltevfl(adsl, addlt, TRIAL)["DLTEVFL"]] == ["N", None]


WINDOWS = """
    USUBJID  AESTDTC     AEDLT  AEDLTSRC
    A        2025-04-07  Y      Y         # elapsed day 28
    B        2025-04-08  Y      Y         # 29
    C        2025-09-06  Y      Y         # 180
    D        2025-09-07  Y      Y         # 181
    E        2025-05-01  Y      Y
    E        2025-04-01  Y      PENDING
    F        2025-04-01  Y      N         # refuted by the committee
"""
ALL_ALIVE = "USUBJID  ARMCD  LAST  DTHDTC  DOSECOMP  END\n" + "\n".join(f"{s}  P1MED  2025-09-10  -  100  -" for s in "ABCDEF")


def test_decision_window_and_registered_window_include_their_last_day() -> None:
    found, _ = derive(ALL_ALIVE, WINDOWS)
    assert [answers(found, s)["DLT28"] for s in "ABCDEF"] == ["Y", "N", "N", "N", "Y", "N"]
    assert [answers(found, s)["DLT180"] for s in "ABCDEF"] == ["Y", "Y", "Y", "N", "Y", "N"]
    first = found.set_index(["USUBJID", "PARAMCD"]).loc[("E", "DLT180")]
    assert (shown(first["ADT"]), first["ADY"], first["SRCDOM"], first["SRCSEQ"]) == ("2025-04-01", 23, "ADAE", 2)


def test_without_dlt_the_date_is_the_last_day_the_window_was_observed() -> None:
    found, _ = derive(EVALUABLE, DLT_A)
    dates = found.set_index(["USUBJID", "PARAMCD"])["ADT"].map(shown)
    assert dates[("C", "DLT28")] == "2025-04-07"
    assert dates[("D", "DLT28")] == dates[("D", "FUP28")] == "2025-03-21"
    assert [answers(found, s)["FUP28"] for s in "CDEFG"] == ["Y", "N", "N", "Y", "N"]
    assert found["ADT"].notna().all()


def observed_for(days: int) -> Trial:
    """The trial with another observation of the cohort."""
    rules = TRIAL.dose_escalation
    return TRIAL.model_copy(update={"dose_escalation": rules and rules.model_copy(update={"observation_days": days})})


@pytest.mark.parametrize(("window", "expected"), [(27, "N"), (28, "Y"), (29, "Y")])
def test_the_decision_window_is_the_trials(window: int, expected: str) -> None:
    found, _ = derive(ALL_ALIVE, WINDOWS, observed_for(window))
    assert answers(found, "A")["DLT28"] == expected


def test_a_trial_without_escalation_has_no_rows() -> None:
    none = TRIAL.model_copy(
        update={"dose_escalation": None, "populations": tuple(p for p in TRIAL.populations if p.flag != "DLTEVFL")}
    )
    found, adsl = derive(EVALUABLE, DLT_A, none)
    assert len(found) == 0
    assert adsl["DLTEVFL"].isna().all()


def test_one_row_per_dosed_subject_and_parameter_with_types() -> None:
    found, _ = derive(EVALUABLE, DLT_A)
    assert not found.duplicated(["USUBJID", "PARAMCD"]).any()
    assert found.groupby("USUBJID").size().eq(3).all()
    assert "J" not in set(found["USUBJID"])
    kinds = found.dtypes.astype(str)
    assert kinds["ADT"] == "datetime64[s]"
    assert kinds[["ASEQ", "PARAMN", "SRCSEQ", "ADY"]].eq("float64").all()
