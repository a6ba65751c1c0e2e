"""ADAE: treatment emergence, relatedness, special interest, first occurrences."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cgbm1_report.derive.adae import derive_adae
from cgbm1_report.derive.adsl import derive_subjects
from cgbm1_report.derive.domains import check_required
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.sections import Aesi, Teae
from cgbm1_report.protocol.trial import Trial
from tests.drawn import our_trial
from tests.oracle import read_oracle
from tests.sdtm_cases import changed, emergent_to, events, infusions, shown, subjects

TRIAL = our_trial()
E08 = read_oracle("e08")

DM = subjects(
    """
    USUBJID  ARMCD
    S1       P1LOW
    S2       P2LOW
    S3       P2PBO     # randomised, never dosed
    """
)
EX = infusions(
    """
    USUBJID  EXSTDTC           EXDOSE  EXTPT
    S1       2025-03-10T10:00  1       INFUSION 1
    S2       2025-03-10T10:00  1       INFUSION 1
    S2       2025-03-24T09:00  1       INFUSION 3   # the second was missed
    """
)


ADSL = derive_subjects({"DM": DM, "EX": EX}, TRIAL, None)


def derive(ae: pd.DataFrame, trial: Trial = TRIAL, ex: pd.DataFrame = EX, **domains: pd.DataFrame) -> pd.DataFrame:
    sdtm = {"DM": DM, "EX": ex, "AE": ae, **domains}
    ordinary = ex is EX and not domains
    return derive_adae(sdtm, ADSL if ordinary else derive_subjects(sdtm, trial, None), trial)


def column(adae: pd.DataFrame, variable: str) -> list[Any]:
    """Values of a variable in the order of AESEQ."""
    return [shown(value) for value in adae.sort_values(["USUBJID", "AESEQ"])[variable]]


@pytest.fixture(scope="module")
def worked() -> pd.DataFrame:
    """The twenty worked cases as twenty events of one subject, AESEQ = case."""
    cases = pd.DataFrame(E08["cases"]).astype({"aestdtc": "str", "aeendtc": "str", "aebefinf": "str", "aeenrtpt": "str"})
    ae = events("USUBJID\n" + "S1\n" * len(cases)).assign(
        AESTDTC=cases["aestdtc"], AEENDTC=cases["aeendtc"], AEBEFINF=cases["aebefinf"], AEENRTPT=cases["aeenrtpt"]
    )
    return derive(ae).set_index("AESEQ")


@pytest.mark.parametrize("case", E08["cases"], ids=lambda case: f"case {case['case']}")
def test_worked_onsets_are_imputed_and_flagged_as_by_hand(worked: pd.DataFrame, case: dict[str, Any]) -> None:
    row = worked.loc[case["case"]]
    assert shown(row["TRTSDT"]) == E08["trtsdtm"][:10]
    for variable in ("ASTDT", "ASTDTF", "TRTEMFL", "FUPFL", "AENDT", "AENDTF"):
        assert shown(row[variable]) == case[variable.lower()], variable
    if case["rel"] is not None:
        assert (row["ASTDT"] - row["TRTSDT"]).days == case["rel"]


def test_an_event_is_before_during_or_after_treatment_and_never_two_of_them(worked: pd.DataFrame) -> None:
    periods = worked[["PREFL", "TRTEMFL", "FUPFL"]].eq("Y").sum(axis=1)
    assert (periods == 1).all()
    # A time of onset stays missing where none was recorded: 00:00 is not a time.
    assert worked["ASTDTM"].notna().sum() == 2
    assert worked["ASTTMF"].isna().all()


def test_times_are_compared_to_the_minute() -> None:
    """An onset written 10:00 belongs to an infusion that started at 10:00:30: forms have no seconds."""
    ex = EX.assign(EXSTDTC=EX["EXSTDTC"].str.replace("10:00", "10:00:30"))
    ae = events("USUBJID  AESTDTC\nS1  2025-03-10T10:00\nS1  2025-03-10T09:59")
    assert column(derive(ae, ex=ex), "TRTEMFL") == ["Y", None]


def test_a_form_that_says_before_is_not_believed_of_a_month_after_the_first_dose() -> None:
    ae = events(
        """
        USUBJID  AESTDTC     AEBEFINF
        S1       2025-04     Y          # wholly after 2025-03-10: counts (worst case)
        S1       2025        Y
        S1       -           Y          # no date at all, but before
        S1       2025-03-11  Y          # the complete date decides
        """
    )
    found = derive(ae)
    assert column(found, "TRTEMFL") == ["Y", None, None, "Y"]
    assert column(found, "PREFL") == [None, "Y", "Y", None]
    assert column(found, "ASTDT") == ["2025-04-01", "2025-01-01", None, "2025-03-11"]


def test_an_event_ends_the_study_if_fatal_or_if_treatment_stopped_for_it_in_one_who_left_for_an_event() -> None:
    ae = events(
        """
        USUBJID  AEACN             AEOUT
        S1       DRUG WITHDRAWN    RECOVERED/RESOLVED
        S1       DOSE NOT CHANGED  RECOVERED/RESOLVED   # the other event of one who left for an event
        S2       DRUG WITHDRAWN    RECOVERED/RESOLVED   # left for another reason
        S2       DOSE NOT CHANGED  FATAL
        S3       DRUG WITHDRAWN    -                    # has not left
        """
    )
    ds = pd.DataFrame(
        {
            "USUBJID": ["S1", "S2"],
            "DSSEQ": [1.0, 1.0],
            "DSDECOD": ["ADVERSE EVENT", "WITHDRAWAL BY SUBJECT"],
            "DSCAT": ["DISPOSITION EVENT"] * 2,
            "DSSCAT": ["STUDY PARTICIPATION"] * 2,
            "DSSTDTC": ["2025-05-01"] * 2,
        }
    )
    assert column(derive(ae, DS=ds), "ENDSTFL") == ["Y", None, None, "Y", None]


def test_a_subject_never_dosed_has_no_emergent_event_and_no_relative_day() -> None:
    ds = pd.DataFrame({"USUBJID": ["S3"], "DSSEQ": [1.0], "DSDECOD": ["RANDOMIZED"], "DSCAT": ["PROTOCOL MILESTONE"]})
    found = derive(events("USUBJID  AESTDTC\nS3  2025-03-12"), DS=ds.assign(DSSTDTC="2025-03-08"))
    assert shown(found["ANCHDT"].iloc[0]) == "2025-03-08"
    assert found[["TRTEMFL", "PREFL", "FUPFL", "ASTDY"]].isna().all(axis=None)


def test_an_onset_of_unknown_month_left_open_is_before_treatment_and_never_hides_an_emergent_event() -> None:
    ae = events("USUBJID  AESTDTC\nS1  2024\nS1  2025\nS1  2026")
    found = derive(ae, changed(emergent_to(None), impute_start_month=False))
    assert column(found, "ASTDT") == [None, "2025-03-10", "2026-01-01"]
    assert column(found, "PREFL") == ["Y", None, None]
    assert column(found, "TRTEMFL") == [None, "Y", "Y"]
    assert column(derive(ae, emergent_to(None)), "ASTDT") == ["2024-01-01", "2025-03-10", "2026-01-01"]


def test_the_end_of_the_emergent_period_is_the_trials() -> None:
    ae = events("USUBJID  AESTDTC\nS1  2025-09-07\nS1  2025-04-10")  # elapsed days 181 and 31
    assert column(derive(ae), "TRTEMFL") == [None, "Y"]
    assert column(derive(ae, emergent_to(30)), "FUPFL") == ["Y", "Y"]
    assert column(derive(ae, emergent_to(None)), "TRTEMFL") == ["Y", "Y"]
    endless = TRIAL.model_copy(update={"teae": Teae(end_day=None)})
    assert endless.teae_end_day is None
    assert column(derive(ae, endless), "FUPFL") == [None, None]


def test_duration_counts_both_days_and_is_missing_where_a_month_was_imputed() -> None:
    ae = events(
        """
        USUBJID  AESTDTC     AEENDTC
        S1       2025-03-12  2025-03-12
        S1       2025-03-12  2025-03
        S1       2025-03-12  2025
        S1       2025        2025-03-20
        S1       -           2025-03-20
        S1       2025-03-12  -
        """
    )
    found = derive(ae)
    assert column(found, "ADURN") == [1, 20, None, None, None, None]
    assert column(found, "ADURU") == ["DAYS", "DAYS", None, None, None, None]


def test_an_imputed_end_does_not_outlive_the_subject() -> None:
    dm = DM.assign(DTHFL=pd.Series(["Y", None, None], dtype="str"), DTHDTC=pd.Series(["2025-05-20", None, None], dtype="str"))
    found = derive(events("USUBJID  AESTDTC  AEENDTC\nS1  2025-05-02  2025-05\nS1  2025-05-02  2025"), DM=dm)
    assert column(found, "AENDT") == ["2025-05-20", "2025-05-20"]
    assert column(found, "AENDTF") == ["D", "M"]


def test_relatedness_takes_the_worst_case_for_what_is_not_said() -> None:
    ae = events(
        """
        USUBJID  AESTDTC     AEREL
        S1       2025-03-12  NOT RELATED
        S1       2025-03-12  UNLIKELY RELATED
        S1       2025-03-12  POSSIBLY RELATED
        S1       2025-03-12  PROBABLY RELATED
        S1       2025-03-12  RELATED
        S1       2025-03-12  -
        S1       2025-03-12  Unrelated?        # outside the codelist
        """
    )
    related, unrelated = "RELATED", "NOT RELATED"
    found = derive(ae)
    assert column(found, "RELGR1") == [unrelated, unrelated, related, related, related, related, related]
    assert column(found, "AREL")[5] is None  # listed as missing
    assert TRIAL.relatedness is not None
    lenient = derive(ae, TRIAL.model_copy(update={"relatedness": TRIAL.relatedness.model_copy(update={"missing": "not_related"})}))
    assert column(lenient, "RELGR1")[5:] == [unrelated, related]


def test_the_infusion_before_an_event_and_the_hours_since() -> None:
    ae = events(
        """
        USUBJID  AESTDTC           AEBEFINF
        S2       2025-03-10T09:00  -         # before the first infusion
        S2       2025-03-10T16:30  -         # 6.5 hours after it
        S2       2025-03-10        -         # on its date, no time
        S2       2025-03-10        Y
        S2       2025-03-23        -
        S2       2025-03-24T08:00  -         # an hour before the next
        S2       2025-03-25T09:00  -         # 24 hours after it
        S2       2025-03           -         # the day is not known
        """
    )
    found = derive(ae)
    assert column(found, "INFNUM") == [None, 1, 1, None, 1, 1, 3, None]
    assert column(found, "HRSINF") == [None, 6.5, None, None, None, 334.0, 24.0, None]
    assert column(found, "LDOSEDTM")[5:7] == ["2025-03-10T10:00", "2025-03-24T09:00"]


def test_infusion_reaction_needs_the_box_or_a_listed_term_within_24_hours() -> None:
    """Worked: on the date of an infusion without time counts, the next day without time does not."""
    ae = events(
        """
        USUBJID  AESTDTC           AEDECOD   AEINFREA  AEBEFINF
        S2       2025-03-11T10:00  Pyrexia   -         -         # exactly 24 hours
        S2       2025-03-11T10:01  Pyrexia   -         -
        S2       2025-03-10        PYREXIA   -         -         # letter case says nothing
        S2       2025-03-10        Pyrexia   -         Y
        S2       2025-03-11        Pyrexia   -         -
        S2       2025-03-24        Chills    N         -         # date of the last infusion
        S2       2025-03-10T11:00  Ascites   -         -         # not a listed term
        S2       2025-05-01        Ascites   Y         -         # the investigator's box alone
        S2       2025-03           Pyrexia   -         -         # unknown day: not within 24 hours
        S2       2025-03-10T09:00  Pyrexia   -         -         # before the infusion
        """
    )
    yes = "INFUSRX"
    assert column(derive(ae), "AESICAT") == [yes, None, yes, None, None, yes, None, yes, None, None]


@pytest.mark.parametrize("case", read_oracle("e19")["within_24h"], ids=lambda case: f"{case['ae_date_rel_infusion_days']} days")
def test_worked_onsets_without_time_are_within_24_hours_on_the_date_of_the_infusion(case: dict[str, Any]) -> None:
    day = pd.Timestamp("2025-03-10") + pd.Timedelta(days=case["ae_date_rel_infusion_days"])
    found = derive(events(f"USUBJID  AESTDTC     AEDECOD\nS2       {day:%Y-%m-%d}  Pyrexia"))
    assert column(found, "HRSINF") == [case["hrsinf"]]
    assert column(found, "AESICAT") == ["INFUSRX" if case["within_24h"] else None]


def test_special_interest_by_term_by_organ_class_and_by_several_at_once() -> None:
    ae = events(
        """
        USUBJID  AESTDTC     AEDECOD               AESOC                         AEINFREA
        S2       2025-03-12  Sepsis                Infections and infestations   -
        S2       2025-03-12  Deep vein thrombosis  Vascular disorders            -
        S2       2025-03-12  Urticaria             Skin disorders                Y
        S2       2025-03-12  Urticaria infectious  Skin disorders                -
        S2       2025-03-12  Lymphoma              Neoplasms                     -
        """
    )
    found = derive(ae)
    assert column(found, "AESICAT") == ["INFECTION", "THROMBO", "INFUSRX;HYPERSENS", None, "TUMOR"]
    assert column(found, "AESIFL") == ["Y", "Y", "Y", None, "Y"]


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, ["R", None, "R", "R", None]),
        ({"hours_after_infusion": 25}, ["R", "R", "R", "R", None]),
        ({"hours_after_infusion": 1}, [None, None, "R", "R", None]),
        ({"untimed_onset": "never"}, ["R", None, None, "R", None]),
        ({"investigator_box": False}, ["R", None, "R", None, None]),
        ({"terms": ("Ascites",)}, [None, None, None, "R", None]),
        ({"soc": "Vascular disorders", "hours_after_infusion": 1}, [None, None, "R", "R", "R"]),
        ({"hours_after_infusion": None, "untimed_onset": None}, ["R", "R", "R", "R", None]),
    ],
)
def test_every_field_of_a_special_interest_decides(change: dict[str, Any], codes: list[str | None]) -> None:
    ae = events(
        """
        USUBJID  AESTDTC           AEDECOD      AESOC               AEINFREA
        S2       2025-03-11T10:00  Pyrexia      General disorders   -         # 24 hours after the first infusion
        S2       2025-03-11T10:01  Pyrexia      General disorders   -         # one minute more
        S2       2025-03-10        Pyrexia      General disorders   -         # on its date, no time
        S2       2025-05-01T10:00  Fatigue      General disorders   Y         # the investigator's box
        S2       2025-03-10T10:30  Hypotension  Vascular disorders  -         # half an hour after it
        """
    )
    drawn: dict[str, Any] = {"code": "R", "label": "Reaction", "terms": ("Pyrexia",), "hours_after_infusion": 24}
    aesi = Aesi(**{**drawn, "untimed_onset": "infusion_date", "investigator_box": True, **change})
    assert column(derive(ae, TRIAL.model_copy(update={"aesi": (aesi,)})), "AESICAT") == codes


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "neither preferred terms nor a system organ class"),
        ({"terms": ("Pyrexia",), "hours_after_infusion": 24}, "together"),
        ({"terms": ("Pyrexia",), "untimed_onset": "never"}, "together"),
        ({"terms": ("Pyrexia",), "rule": "PT in list within 24 hours"}, "rule"),
    ],
)
def test_a_special_interest_that_cannot_be_found_is_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Aesi(code="R", label="Reaction", **fields)


def test_what_is_not_known_of_an_onset_counts_or_not_as_the_trial_says() -> None:
    ae = events("USUBJID  AESTDTC\nS1  2025-03-10\nS1  -\nS1  2025-03-10T11:00\nS1  2025-03-11")
    assert column(derive(ae), "TRTEMFL") == ["Y", "Y", "Y", "Y"]
    for field, expected in (("untimed_onset", [None, "Y", "Y", "Y"]), ("missing_onset", ["Y", None, "Y", "Y"])):
        found = derive(ae, TRIAL.model_copy(update={"teae": Teae(**{"end_day": 180, field: "before"})}))
        assert column(found, "TRTEMFL") == expected
        assert column(found, "PREFL") == [None if flag else "Y" for flag in expected]


def test_dlt_follows_the_committee_and_until_it_speaks_the_investigator() -> None:
    ae = events(
        """
        USUBJID  AESTDTC     AEDLT  AEDLTSRC
        S1       2025-03-12  Y      Y
        S1       2025-03-12  N      Y         # confirmed although the investigator said no
        S1       2025-03-12  Y      N         # refuted
        S1       2025-03-12  Y      PENDING
        S1       2025-03-12  Y      -         # not yet put before the committee
        S1       2025-03-12  N      PENDING
        S2       2025-03-12  Y      Y         # phase 2 has no escalation
        """
    )
    assert column(derive(ae), "DLTFL") == ["Y", "Y", None, "Y", "Y", None, None]


def test_onset_periods_end_on_the_registry_days_and_hold_emergent_events_only() -> None:
    ae = events(
        """
        USUBJID  AESTDTC
        S1       2025-03-10T08:00   # the day of the infusion, before it
        S1       2025-03-10T12:00
        S1       2025-04-07         # elapsed day 28
        S1       2025-04-08
        S1       2025-06-08         # 90
        S1       2025-06-09
        S1       2025-09-06         # 180
        S1       2025-09-07
        """
    )
    found = derive(ae)
    assert column(found, "APERIOD") == [None, 1, 1, 2, 2, 3, 3, None]
    assert column(found, "APERIODC")[1::2] == ["Day 0-28", "Day 29-90", "Day 91-180", None]


OCCURRENCES = """
    USUBJID  AESTDTC           AEDECOD    AESOC     AETOXGR
    S1       2025-03-01        Ascites    GI        4         # before treatment: none of the flags
    S1       2025-03-12T09:00  Nausea     GI        -
    S1       2025-03-12        Pyrexia    General   1         # no time: sorts as 00:00, so the first
    S1       2025-03-13        Nausea     GI        2
    S1       2025-03-14        Nausea     GI        2
    S1       2025-03-14        Ascites    GI        3
    S1       2025-10-01        Sepsis     Infect    5         # after day 180
    S2       2025-03-20        Chills     General   -
"""


def test_first_and_worst_occurrences_are_flagged_once_each() -> None:
    found = derive(events(OCCURRENCES))
    flags = {
        "AOCCFL": [3, 8],
        "AOCCSFL": [2, 3, 8],
        "AOCCPFL": [2, 3, 6, 8],
        "AOCCIFL": [6, 8],  # a subject with missing grades only still has one
        "AOCCSIFL": [3, 6, 8],
        "AOCCPIFL": [3, 4, 6, 8],
    }
    for name, rows in flags.items():
        where = [i for i, value in enumerate(column(found, name), start=1) if value == "Y"]
        assert where == rows, name
    assert found.groupby("USUBJID")["ASEQ"].apply(list).to_dict() == {"S1": [1, 2, 3, 4, 5, 6, 7], "S2": [1]}


def test_occurrences_of_one_term_in_two_spellings_are_flagged_once() -> None:
    respelt = OCCURRENCES.replace("2025-03-14        Nausea     GI   ", "2025-03-14        NAUSEA     gi   ")
    assert respelt != OCCURRENCES
    straight, other = derive(events(OCCURRENCES)), derive(events(respelt))
    for name in [name for name in straight.columns if name.startswith("AOCC")]:
        assert column(other, name) == column(straight, name), name
    assert "NAUSEA" in column(other, "AEDECOD")  # the dataset keeps the collected term


def test_grade_is_text_and_number_and_nothing_else() -> None:
    ae = events("USUBJID  AESTDTC\nS1  2025-03-12\nS1  2025-03-12\nS1  2025-03-12").assign(AETOXGR=["3", None, "9"])
    found = derive(ae)
    assert column(found, "ATOXGR") == ["3", None, None]
    assert column(found, "ATOXGRN") == [3.0, None, None]


def test_collected_texts_and_types_stay_with_the_records() -> None:
    found = derive(events("USUBJID  AESTDTC  AEENDTC\nS1  2025-03  2025-04"))
    assert found["AESTDTC"].tolist() == ["2025-03"]
    kinds = found.dtypes.astype(str)
    assert kinds[["ASTDT", "ASTDTM", "AENDT", "LDOSEDTM"]].eq("datetime64[s]").all()
    assert kinds[["AESEQ", "ASEQ", "ASTDY", "ATOXGRN", "INFNUM", "HRSINF", "APERIOD", "TRTPN"]].eq("float64").all()
    assert kinds[["TRTEMFL", "PREFL", "AESICAT", "DLTFL", "ASTTMF", "AELLT"]].eq("str").all()


def test_no_adverse_events_give_an_empty_dataset_of_the_same_shape() -> None:
    some = derive(events("USUBJID  AESTDTC\nS1  2025-03-12"))
    none = derive_adae({"DM": DM, "EX": EX}, derive_subjects({"DM": DM, "EX": EX}, TRIAL, None), TRIAL)
    assert len(none) == 0
    assert list(none.columns) == list(some.columns)
    assert none.dtypes.astype(str).equals(some.dtypes.astype(str))


def test_an_event_of_an_unknown_subject_is_kept_but_nothing_is_said_about_it() -> None:
    found = derive(events("USUBJID  AESTDTC\nXX  2025-03-12\nS1  2025-03-12"))
    assert found.set_index("USUBJID")["TRTEMFL"].eq("Y").to_dict() == {"S1": True, "XX": False}


def test_a_missing_required_variable_names_dataset_and_variable_all_at_once() -> None:
    ae = events("USUBJID  AESTDTC\nS1  2025-03-12").drop(columns=["AESTDTC", "AESOC"])
    with pytest.raises(ReportError) as caught:
        check_required({"DM": DM.drop(columns="AGE"), "AE": ae})
    assert [(p.file, p.place) for p in caught.value.problems] == [("DM", "AGE"), ("AE", "AESOC"), ("AE", "AESTDTC")]


onset = st.one_of(
    st.none(),
    st.integers(-40, 220).flatmap(
        lambda day: st.sampled_from(
            [
                f"{pd.Timestamp('2025-03-10') + pd.Timedelta(days=day):{form}}"
                for form in ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT09:30", "%Y-%m-%dT10:00")
            ]
        )
    ),
)
record = st.tuples(
    st.sampled_from(["S1", "S2"]), onset, onset, st.sampled_from(["Y", "N", None]), st.sampled_from([1.0, 2.0, 3.0, None])
)


@settings(max_examples=8, deadline=None)
@given(records=st.lists(record, min_size=1, max_size=8), order=st.randoms(use_true_random=False))
def test_the_order_of_records_decides_nothing_and_the_periods_exclude_each_other(records: list[Any], order: Any) -> None:
    frame = pd.DataFrame(records, columns=["USUBJID", "AESTDTC", "AEENDTC", "AEBEFINF", "AETOXGR"])
    ae = events("USUBJID\n" + "\n".join(frame["USUBJID"])).assign(
        **{name: frame[name].astype("float64" if name == "AETOXGR" else "str") for name in frame.columns[1:]}
    )
    shuffled = list(ae.index)
    order.shuffle(shuffled)
    found, again = derive(ae), derive(ae.loc[shuffled])
    pd.testing.assert_frame_equal(found, again)
    assert (found[["PREFL", "TRTEMFL", "FUPFL"]].eq("Y").sum(axis=1) == 1).all()
    emergent = found[found["TRTEMFL"].eq("Y")]
    assert emergent["ASTDT"].ge(emergent["TRTSDT"]).all()
    flagged = found[[name for name in found.columns if name.startswith("AOCC")]].eq("Y")
    assert flagged["AOCCFL"].sum() == flagged["AOCCIFL"].sum() == emergent["USUBJID"].nunique()
    assert flagged["AOCCPFL"].sum() == flagged["AOCCPIFL"].sum()
