"""ADTTE: the worked survival rows, censoring, competing events, order of events on one day."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.derive.adtte import completion_opens, derive_adtte
from cgbm1_report.derive.dates import DATE, impute_death
from cgbm1_report.derive.labels import BDS_SUBJECT
from cgbm1_report.protocol.trial import Trial
from tests.drawn import our_trial
from tests.oracle import read_oracle
from tests.sdtm_cases import changed, shown, table

TRIAL = our_trial()
E16 = read_oracle("e16")
DATES = ("TRTSDT", "ANCHDT", "DTHDT", "LTDT", "LSTALV0", "LSTALVDT")
EMPTY_EVENTS = table("USUBJID  AESEQ  ASTDT  TRTEMFL  RELGR1").assign(ASTDT=pd.Series(dtype=DATE))
EMPTY_COMPLICATIONS = table("USUBJID  CESEQ  ASTDT  COMPFL").assign(ASTDT=pd.Series(dtype=DATE))


def subjects(rows: pd.DataFrame) -> pd.DataFrame:
    """ADSL of survival facts: texts of dates become dates, a partial death is completed, the rest is ordinary."""
    adsl = rows.reindex(columns=[*rows.columns, *(name for name in DATES if name not in rows)])
    for name in DATES:
        if name != "DTHDT":
            adsl[name] = pd.to_datetime(adsl[name].astype("str")).astype(DATE)
    adsl["DTHDT"] = impute_death(adsl["DTHDT"].astype("str"), adsl["LSTALV0"])["date"]
    adsl["LSTALVDT"] = adsl["DTHDT"].fillna(adsl["LSTALV0"])
    usual = dict.fromkeys(("SAFFL", "FASFL", "PPROTFL"), "Y")
    usual |= {name.replace("TRT", "TRT01"): pd.NA for name in ("TRTP", "TRTPN", "TRTA", "TRTAN")}
    adsl = adsl.assign(**{k: v for k, v in usual.items() if k not in adsl}, STUDYID="S", SITEID="01")
    return adsl if "PHASE" in adsl else adsl.assign(PHASE=2.0)


@pytest.fixture(scope="module")
def worked() -> pd.DataFrame:
    """The worked subjects, USUBJID = case, all in one derivation, by case and parameter."""
    cases = pd.DataFrame(E16["cases"])
    adsl = subjects(
        pd.DataFrame(
            {
                "USUBJID": cases["case"].astype("str"),
                "TRTSDT": cases["trtsdt"],
                "ANCHDT": cases["trtsdt"].fillna(cases["randdt"]),
                "DTHDT": cases["dthdtc"],
                "LTDT": cases["ltdt"],
                "LSTALV0": cases["lstalv0"],
                "EOSSTT": cases["eosstt"].astype("str"),
                "DCSREAS": cases["dcsreas"].astype("str"),
            }
        )
    )
    return derive_adtte(adsl, EMPTY_EVENTS, EMPTY_COMPLICATIONS, TRIAL).set_index(["USUBJID", "PARAMCD"])


@pytest.mark.parametrize("case", [*E16["cases"], *E16["other_params"]], ids=lambda case: f"{case['case']} {case['param']}")
def test_worked_survival_rows_are_as_by_hand(worked: pd.DataFrame, case: dict[str, Any]) -> None:
    row = worked.loc[(str(case["case"]), case["param"])]
    for variable in ("ADT", "AVAL", "CNSR", "EVNTDESC", "CNSDTDSC"):
        assert shown(row[variable]) == case[variable.lower()], variable
    if "startdt" in case:
        assert shown(row["STARTDT"]) == case["startdt"]


def one(
    text: str, trial: Trial = TRIAL, adae: pd.DataFrame = EMPTY_EVENTS, adce: pd.DataFrame = EMPTY_COMPLICATIONS
) -> pd.DataFrame:
    drawn = table(text)
    usual = {"ANCHDT": "2025-03-10", "TRTSDT": "2025-03-10", "EOSSTT": "ONGOING", "DCSREAS": None}
    drawn = drawn.assign(**{name: value for name, value in usual.items() if name not in drawn})
    return derive_adtte(subjects(drawn), adae, adce, trial).set_index(["USUBJID", "PARAMCD"])


def row(adtte: pd.DataFrame, subject: str, paramcd: str) -> tuple[Any, ...]:
    found = adtte.loc[(subject, paramcd)]
    return (found["AVAL"], found["CNSR"], shown(found["EVNTDESC"]) or shown(found["CNSDTDSC"]))


def test_a_completer_counts_as_followed_up_from_the_window_of_the_last_visit() -> None:
    """The window of the last visit opens on elapsed day 166: 2025-08-23."""
    assert completion_opens(TRIAL) == {1.0: 166.0, 2.0: 166.0}
    found = one(
        """
        USUBJID  EOSSTT     LSTALV0
        A        COMPLETED  2025-08-23   # 166
        B        COMPLETED  2025-08-22   # 165
        C        COMPLETED  2025-09-05   # 179
        D        COMPLETED  2025-09-06   # 180
        """
    )
    early = "COMPLETED, LAST CONTACT BEFORE DAY 180"
    assert row(found, "A", "LTFS") == (166, 1, early)
    assert row(found, "B", "LTFS") == (165, 2, "WITHDRAWN")
    assert row(found, "C", "OS") == (179, 1, early)
    assert row(found, "D", "TTAE1") == (180, 1, "ALIVE AT DAY 180")


def test_death_and_transplant_on_one_day_is_a_transplant() -> None:
    found = one("USUBJID  DTHDT  LTDT  EOSSTT  DCSREAS\nA  2025-05-01  2025-05-01  DISCONTINUED  DEATH")
    assert row(found, "A", "LTFS") == (52, 0, "LIVER TRANSPLANT")
    assert row(found, "A", "OS") == (52, 0, "DEATH")
    assert row(found, "A", "OSLTC") == (52, 4, "LIVER TRANSPLANT")
    assert row(found, "A", "TTLT") == (52, 0, "LIVER TRANSPLANT")


def test_events_are_spelt_as_the_trial_spells_them_and_censorings_as_ever() -> None:
    spelt = {"LTFS": {"Death": "Died", "LIVER TRANSPLANT": "LT"}, "OSLTC": {"death": "Died"}}
    own = {code: TRIAL.parameter(code).model_copy(update={"events": events}) for code, events in spelt.items()}
    trial = TRIAL.model_copy(update={"parameters": {**TRIAL.parameters, **own}})
    found = one("USUBJID  DTHDT  LTDT\nA  2025-05-01  -\nB  -  2025-05-01", trial)
    assert row(found, "A", "LTFS") == (52, 0, "Death")
    assert row(found, "B", "LTFS") == (52, 0, "LIVER TRANSPLANT")
    assert row(found, "A", "OSLTC") == (52, 0, "death")
    assert row(found, "B", "OSLTC") == (52, 4, "LIVER TRANSPLANT")
    assert row(found, "A", "OS") == (52, 0, "DEATH")


def test_what_happens_after_the_follow_up_leaves_the_subject_alive_at_its_end() -> None:
    """A transplant on day 185 proves life on day 180 although no other contact does."""
    found = one(
        """
        USUBJID  DTHDT       LTDT        LSTALV0     EOSSTT        DCSREAS
        A        -           2025-09-11  2025-07-01  ONGOING       -
        B        2025-12-01  2025-05-01  2025-10-01  DISCONTINUED  DEATH
        """
    )
    for paramcd in ("LTFS", "OS", "OSLTC", "TTLT"):
        assert row(found, "A", paramcd) == (180, 1, "ALIVE AT DAY 180")
    assert row(found, "B", "LTFS") == (52, 0, "LIVER TRANSPLANT")
    assert row(found, "B", "OS") == (180, 1, "ALIVE AT DAY 180")
    assert row(found, "B", "OSLTC") == (52, 4, "LIVER TRANSPLANT")


EVENTS = table(
    """
    USUBJID  AESEQ  ASTDT       TRTEMFL  RELGR1
    A        1      2025-03-20  Y        NOT RELATED
    A        2      2025-04-01  Y        RELATED
    A        3      2025-03-25  Y        RELATED        # the first related one
    A        4      2025-03-01  -        RELATED        # before treatment
    B        1      2025-05-20  Y        RELATED        # on the day of death
    C        1      2025-05-21  Y        RELATED        # after it
    """
)
EVENTS["ASTDT"] = pd.to_datetime(EVENTS["ASTDT"]).astype(DATE)
COMPLICATIONS = table("USUBJID  CESEQ  ASTDT  COMPFL\nA  1  2025-04-02  Y\nA  2  2025-03-11  -\nB  7  2025-03-10  Y")
COMPLICATIONS["ASTDT"] = pd.to_datetime(COMPLICATIONS["ASTDT"]).astype(DATE)


def test_first_related_event_and_first_complication_with_death_competing() -> None:
    drawn = """
        USUBJID  DTHDT       LSTALV0     EOSSTT        DCSREAS
        A        -           2025-06-01  DISCONTINUED  LOST TO FOLLOW-UP
        B        2025-05-20  2025-05-20  DISCONTINUED  DEATH
        C        2025-05-20  2025-05-20  DISCONTINUED  DEATH
    """
    found = one(drawn, adae=EVENTS, adce=COMPLICATIONS)
    assert row(found, "A", "TTAE1") == (15, 0, "RELATED TEAE")
    assert row(found, "A", "TTCOMP") == (23, 0, "COMPLICATION")
    assert row(found, "A", "LTFS") == (83, 2, "LOST TO FOLLOW-UP")
    assert row(found, "B", "TTAE1") == (71, 0, "RELATED TEAE")
    assert row(found, "B", "TTCOMP") == (0, 0, "COMPLICATION")
    assert row(found, "C", "TTAE1") == (71, 5, "DEATH")
    assert row(found, "C", "TTCOMP") == (71, 5, "DEATH")
    source = found.loc[("A", "TTAE1"), ["SRCDOM", "SRCVAR", "SRCSEQ"]].tolist()
    assert source == ["ADAE", "ASTDT", 3.0]
    assert found.loc[("B", "LTFS"), ["SRCDOM", "SRCVAR"]].tolist() == ["ADSL", "DTHDT"]


def test_follow_up_and_windows_come_from_the_trial() -> None:
    """A trial followed for 90 days whose last visit opens on day 83."""
    study = TRIAL.study.model_copy(update={"followup_days": 90})
    phases = {n: p.model_copy(update={"visits": tuple(v for v in p.visits if v.avisitn != 180)}) for n, p in TRIAL.phases.items()}
    short = TRIAL.model_copy(update={"study": study, "phases": phases})
    drawn = """
        USUBJID  EOSSTT     LSTALV0     DTHDT
        A        COMPLETED  2025-06-01  -           # elapsed day 83
        B        ONGOING    2025-06-30  -
        C        ONGOING    2025-06-30  2025-06-09  # died on day 91
    """
    found = one(drawn, short)
    assert row(found, "A", "LTFS") == (83, 1, "COMPLETED, LAST CONTACT BEFORE DAY 90")
    assert row(found, "B", "LTFS") == (90, 1, "ALIVE AT DAY 90")
    assert row(found, "C", "OS") == (90, 1, "ALIVE AT DAY 90")


def test_the_switch_adds_one_day_to_the_value_and_to_nothing_else() -> None:
    drawn = "USUBJID  DTHDT\nA  2025-09-06"
    plain, plus = one(drawn), one(drawn, changed(tte_plus_one=True))
    assert row(plain, "A", "OS") == (180, 0, "DEATH")
    assert row(plus, "A", "OS") == (181, 0, "DEATH")


def test_a_parameter_the_trial_does_not_declare_has_no_records() -> None:
    few = TRIAL.model_copy(update={"parameters": {"OS": TRIAL.parameters["OS"]}})
    assert one("USUBJID  LSTALV0\nA  2025-04-01", few).index.get_level_values("PARAMCD").tolist() == ["OS"]
    none = TRIAL.model_copy(update={"parameters": {}})
    assert len(one("USUBJID  LSTALV0\nA  2025-04-01", none)) == 0


def test_a_subject_without_anchor_date_has_no_row_and_one_never_dosed_no_relative_day() -> None:
    found = one("USUBJID  ANCHDT  TRTSDT  LSTALV0\nA  -  -  2025-03-08\nB  2025-03-08  -  2025-03-20")
    assert set(found.index.get_level_values("USUBJID")) == {"B"}
    assert found["ADY"].isna().all()


def test_columns_types_and_labels() -> None:
    found = one("USUBJID  LSTALV0\nA  2025-04-01").reset_index()
    assert set(BDS_SUBJECT) - {"SITEID"} <= set(found.columns)
    kinds = found.dtypes.astype(str)
    assert kinds[["STARTDT", "ADT", "TRTSDT"]].eq(DATE).all()
    assert kinds[["AVAL", "CNSR", "ADY", "ASEQ", "SRCSEQ", "PARAMN"]].eq("float64").all()
    assert kinds[["EVNTDESC", "CNSDTDSC", "PARAM", "SRCVAR"]].eq("str").all()
    assert found["PARAM"].iloc[0] == "Liver Transplant-Free Survival (days)"


day = st.one_of(st.none(), st.integers(0, 220))


@settings(max_examples=8, deadline=None)
@given(
    rows=st.lists(
        st.tuples(day, day, st.integers(0, 220), st.sampled_from(["ONGOING", "DISCONTINUED", "COMPLETED"])), min_size=1, max_size=6
    ),
    order=st.randoms(use_true_random=False),
)
def test_every_row_ends_one_way_inside_follow_up_and_order_decides_nothing(rows: list[Any], order: Any) -> None:
    start = pd.Timestamp("2025-03-10")
    texts = [[None if n is None else f"{start + pd.Timedelta(days=n):%Y-%m-%d}" for n in r[:3]] + [r[3]] for r in rows]
    drawn = pd.DataFrame(texts, columns=["DTHDT", "LTDT", "LSTALV0", "EOSSTT"]).assign(
        USUBJID=[f"S{i}" for i in range(len(rows))], ANCHDT="2025-03-10", TRTSDT="2025-03-10", DCSREAS=None
    )
    adsl = subjects(drawn)
    shuffled = list(adsl.index)
    order.shuffle(shuffled)
    found = derive_adtte(adsl, EVENTS.iloc[:0], COMPLICATIONS.iloc[:0], TRIAL)
    again = derive_adtte(adsl.loc[shuffled], EVENTS.iloc[:0], COMPLICATIONS.iloc[:0], TRIAL)
    pd.testing.assert_frame_equal(found, again)
    assert found["AVAL"].between(0, 180).all()
    assert (found["EVNTDESC"].notna() == found["CNSR"].eq(0)).all()
    assert (found["CNSDTDSC"].notna() == found["CNSR"].ne(0)).all()
    wide = found.pivot(index="USUBJID", columns="PARAMCD", values="AVAL")
    # Losing the liver or the life is never later than losing the life.
    assert (wide["LTFS"] <= wide["OS"]).all()
    assert (wide["LTFS"] == wide["OSLTC"]).all()
