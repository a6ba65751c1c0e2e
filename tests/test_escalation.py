"""The 3+3 states against sequences worked by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cgbm1_report.derive import derive_adam, derive_escalating
from cgbm1_report.derive.escalation import AT_CUTOFF, Cohort, Lower, assess_cohort, derive_escalation
from cgbm1_report.derive.populations import DLT_PENDING
from cgbm1_report.derive.treatment import phases_of
from cgbm1_report.errors import ReportError
from cgbm1_report.protocol.clinical import DoseEscalation
from cgbm1_report.validate import validate_escalation
from cgbm1_report.validate.source import Escalated
from tests.drawn import our_trial
from tests.oracle import read_oracle
from tests.small_study import CUTOFF, escalated, small_study

TRIAL = our_trial()
RULES = TRIAL.dose_escalation
CASES = read_oracle("e18")["cases"]
LEVELS = ["LOW", "MEDIUM", "HIGH"]


def cohort(*subjects: tuple, src: tuple[str, ...] = (), highest: bool = False, lower: Lower | None = None) -> Cohort:
    """Subjects in dosing order: days observed, DLT, evaluable (true if left out)."""
    return Cohort(
        rel=np.array([one[0] for one in subjects], dtype="float64"),
        dlt=np.array([one[1] for one in subjects], dtype=bool),
        evaluable=np.array([one[2] if len(one) > 2 else True for one in subjects], dtype=bool),
        decisions=tuple(src),
        reviewed=bool(src),
        highest=highest,
        lower=lower,
    )


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_state_equals_hand_calculation(case):
    below = Lower(LEVELS[LEVELS.index(case["level"]) - 1], *case["lower"]) if case["lower"] else None
    subjects = [(one["rel"], one["dlt28"], one["evaluable"]) for one in case["subjects"]]
    found = assess_cohort(cohort(*subjects, src=case["src"], highest=case["highest"], lower=below), RULES)
    assert found.state == case["state"]
    if "recommendation" in case:
        assert (found.recommendation, found.mtd) == (case["recommendation"], case["mtd"])


@pytest.mark.parametrize(
    ("subjects", "src", "state"),
    [
        # an inevaluable subject that was replaced no longer holds up the cohort
        ([(28, False), (28, False), (11, False, False), (28, False)], ("ENROL 2",), "R5"),
        ([(28, False), (28, True), (11, False, False), (28, False)], ("ENROL 2",), "R6"),
        ([(28, False), (28, False), (11, False, False), (10, False)], ("ENROL 2",), "W0"),
        # a sentinel lost on day 11 is replaced, not waited for
        ([(11, False, False)], (), "W1"),
        # committee said HOLD after the sentinel's DLT: neither outstanding nor go-ahead
        ([(10, True)], ("HOLD",), "W0"),
        # 1 of 3 with the third at day 27, and at day 28
        ([(28, True), (28, False), (27, False)], ("CONTINUE",), "W0"),
        ([(28, True), (28, False), (28, False)], ("CONTINUE",), "R3"),
        # two DLT stop at once, whoever else is still observed
        ([(28, False), (5, True), (6, True), (1, False)], ("CONTINUE", "ENROL 3"), "R7"),
        # second subject dosed while the first is observed: no rule, wait
        ([(28, False), (3, False)], ("ENROL 2",), "W0"),
        # expansion with one inevaluable of six
        ([(28, False), (28, True), (28, False), (28, False), (28, False), (9, False, False)], ("ENROL 3",), "W1"),
    ],
)
def test_states_between_the_worked_ones(subjects, src, state):
    assert assess_cohort(cohort(*subjects, src=src), RULES).state == state


def test_lower_level_with_two_toxicities_is_no_mtd():
    found = assess_cohort(cohort((5, True), (5, True), lower=Lower("LOW", 6, 2)), RULES)
    assert (found.recommendation, found.mtd) == ("STOP", None)


def changed(**values: object) -> DoseEscalation:
    return DoseEscalation.model_validate(RULES.model_dump() | values)


@pytest.mark.parametrize(
    ("values", "subjects", "before", "after"),
    [
        ({"observation_days": 42}, [(28, False), (28, False), (28, False)], "R5", "W0"),
        ({"cohort_size": 4}, [(28, False), (28, False), (28, False)], "R5", "W0"),
        ({"max_cohort": 5}, [(28, False), (28, True), (28, False), (28, False), (28, False)], "W0", "R8"),
        ({"stop_at_dlt": 3}, [(5, True), (6, True), (1, False)], "R7", "R1"),
        ({"sentinel": 2}, [(28, False), (28, False)], "W0", "R4"),
    ],
)
def test_every_number_of_the_escalation_decides(values, subjects, before, after):
    drawn = cohort(*subjects, src=("HOLD",) if after == "R4" else ())
    assert assess_cohort(drawn, RULES).state == before
    assert assess_cohort(drawn, changed(**values)).state == after


def test_words_and_effects_of_the_committee_are_the_trials():
    toxic = cohort((10, True), src=("HOLD",))
    assert assess_cohort(toxic, RULES).state == "W0"
    assert assess_cohort(toxic, changed(src_decisions=RULES.src_decisions | {"HOLD": "go_on"})).state == "R2"
    told = [
        rule.model_dump() | ({"recommendation": "ADD 3", "followed_by": ("EXPAND",)} if rule.id == "R6" else {})
        for rule in RULES.rules
    ]
    found = assess_cohort(cohort((28, False), (28, True), (28, False)), changed(rules=told))
    assert (found.state, found.recommendation, found.followed_by) == ("R6", "ADD 3", ("EXPAND",))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"rules": RULES.rules[1:]}, "each once"),
        ({"rules": (*RULES.rules[1:], RULES.rules[0])}, "which always holds, last"),
        ({"max_cohort": 3}, "do not grow"),
        ({"stop_at_dlt": 4}, "more than a cohort"),
        ({"src_decisions": {"CONTINUE": "go_on"}}, "is no decision"),
        ({"src_decisions": RULES.src_decisions | {"ESCALATE": "none"}}, "open_next"),
        ({"evaluable_percent": 0}, "greater than 0"),
    ],
)
def test_rules_that_cannot_be_asked_are_refused(values, told):
    with pytest.raises(ValidationError, match=told):
        changed(**{name: [one.model_dump() for one in value] if name == "rules" else value for name, value in values.items()})


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.booleans()), min_size=1, max_size=7),
    st.lists(st.sampled_from(sorted(RULES.src_decisions)), max_size=2),
    st.booleans(),
)
def test_no_escalation_over_two_toxicities_or_before_day_28(drawn, src, highest):
    # a DLT makes a subject evaluable
    subjects = [(rel, dlt, evaluable or dlt) for rel, dlt, evaluable in drawn]
    found = assess_cohort(cohort(*subjects, src=tuple(src), highest=highest), RULES)
    toxic = sum(dlt for _, dlt, _ in subjects)
    if toxic >= 2:
        assert found.recommendation == "STOP"
    if found.recommendation in ("ESCALATE", "MTD NOT REACHED"):
        assert toxic <= 1
        assert all(dlt or rel >= 28 for rel, dlt, evaluable in subjects if evaluable)
        assert sum(evaluable for *_, evaluable in subjects) >= 3
    assert not (highest and found.recommendation == "ESCALATE")


def adsl(*rows: tuple) -> pd.DataFrame:
    """Subjects: cohort, order, first dose, last seen, and if not evaluable why."""
    frame = pd.DataFrame(
        [
            {
                "USUBJID": f"{row[0]}-{row[1]}",
                "COHORT": row[0],
                "COHORTSQ": float(row[1]),
                "TRTSDT": row[2],
                "LSTALVDT": row[3],
                "DOSECOMP": row[5] if len(row) > 5 else 99.0,
                "DLTEVFL": "N" if len(row) > 4 and row[4] else "Y",
                "DLTEXCL": row[4] if len(row) > 4 else None,
                "EOSSTT": "ONGOING",
                "DCSREAS": None,
                "EOSDT": None,
            }
            for row in rows
        ]
    )
    frame["DLTEXCL"] = frame["DLTEXCL"].astype("str")
    return frame.assign(**{name: pd.to_datetime(frame[name]).astype("datetime64[s]") for name in ("TRTSDT", "LSTALVDT", "EOSDT")})


def addlt(**toxic: str) -> pd.DataFrame:
    frame = pd.DataFrame({"USUBJID": [name.replace("_", "-") for name in toxic], "ADT": list(toxic.values())}, dtype="str")
    return frame.assign(PARAMCD="DLT28", AVALC="Y", ADT=pd.to_datetime(frame["ADT"]).astype("datetime64[s]"))


def decisions(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["COHORT", "REVIEW", "REVDTC", "DECISION"], dtype="str")


#: Low: sentinel 01-01, the others 02-05; medium: sentinel 03-20, DLT of the second; all seen to the end.
STORY = adsl(
    ("LOW", 1, "2025-01-01", "2025-07-01"),
    ("LOW", 2, "2025-02-05", "2025-07-01"),
    ("LOW", 3, "2025-02-05", "2025-07-01"),
    ("MEDIUM", 1, "2025-03-20", "2025-07-01"),
    ("MEDIUM", 2, "2025-04-25", "2025-07-01"),
    ("MEDIUM", 3, "2025-04-26", "2025-07-01"),
)
REVIEWS = decisions(
    ("LOW", "SENTINEL", "2025-02-01", "ENROL 2"),
    ("LOW", "COHORT", "2025-03-10", "ESCALATE"),
    ("MEDIUM", "SENTINEL", "2025-04-20", "ENROL 2"),
    ("MEDIUM", "COHORT", "2025-05-30", "ESCALATE"),
)


def test_each_review_is_judged_by_what_was_known_on_its_day():
    found = derive_escalation(STORY, addlt(MEDIUM_2="2025-05-01"), REVIEWS, TRIAL, date(2025, 7, 1))
    columns = ["COHORT", "REVIEW", "NDOSED", "NOBS", "NDLT", "STATE", "RECOM", "AGREE"]
    assert found[columns].fillna("-").to_numpy().tolist() == [
        ["LOW", "SENTINEL", 1, 1, 0, "R4", "ENROL 2", "Y"],
        ["LOW", "COHORT", 3, 3, 0, "R5", "ESCALATE", "Y"],
        ["LOW", AT_CUTOFF, 3, 3, 0, "R5", "ESCALATE", "-"],
        ["MEDIUM", "SENTINEL", 1, 1, 0, "R4", "ENROL 2", "Y"],
        ["MEDIUM", "COHORT", 3, 3, 1, "R6", "ENROL 3", "N"],  # escalated at 1 of 3: the reader must see it
        ["MEDIUM", AT_CUTOFF, 3, 3, 1, "R6", "ENROL 3", "-"],
    ]
    assert found["DECISION"].tolist()[-1] == "ESCALATE"


def test_a_review_before_day_28_of_the_sentinel_recommends_to_wait():
    early = decisions(("LOW", "SENTINEL", "2025-01-28", "ENROL 2"))  # REL 27
    found = derive_escalation(STORY, addlt(), early, TRIAL, date(2025, 1, 30)).loc[0]
    assert (found["STATE"], found["RECOM"], found["AGREE"]) == ("R0", "WAIT", "N")


def test_decisions_before_the_toxicity_of_the_sentinel_do_not_answer_it():
    one = adsl(("LOW", 1, "2025-01-01", "2025-03-01"))
    before = decisions(("LOW", "SENTINEL", "2025-01-05", "CONTINUE"))
    found = derive_escalation(one, addlt(LOW_1="2025-01-10"), before, TRIAL, date(2025, 3, 1))
    assert found["STATE"].tolist() == ["R0", "R1"]
    after = decisions(("LOW", "SENTINEL", "2025-01-12", "CONTINUE"))
    found = derive_escalation(one, addlt(LOW_1="2025-01-10"), after, TRIAL, date(2025, 3, 1))
    assert found["STATE"].tolist() == ["R1", "R2"]
    assert found["AGREE"].isna().all()


def test_a_lost_subject_is_evaluable_until_it_is_lost_and_then_replaced():
    three = adsl(
        ("LOW", 1, "2025-01-01", "2025-07-01"),
        ("LOW", 2, "2025-02-05", "2025-07-01"),
        ("LOW", 3, "2025-02-05", "2025-02-16", "NOT OBSERVED TO DAY 28"),
    )
    reviews = decisions(("LOW", "COHORT", "2025-02-10", "HOLD"), ("LOW", "COHORT", "2025-03-10", "HOLD"))
    found = derive_escalation(three, addlt(), reviews, TRIAL, None)
    assert found["STATE"].tolist() == ["W0", "W1", "W1"]
    assert found["NEVAL"].tolist() == [3, 2, 2]


def test_a_subject_still_observed_counts_as_evaluable():
    one = adsl(("LOW", 1, "2025-01-01", "2025-01-15", DLT_PENDING))
    found = derive_escalation(one, addlt(), None, TRIAL, date(2025, 1, 16)).loc[0]
    assert (found["NEVAL"], found["NOBS"], found["STATE"]) == (1, 0, "R0")


def test_an_infusion_of_too_few_cells_counts_only_with_a_toxicity():
    one = adsl(("LOW", 1, "2025-01-01", "2025-07-01", "LESS THAN 90% OF PLANNED CELLS RECEIVED", 40.0))
    assert derive_escalation(one, addlt(), None, TRIAL, None)["STATE"].tolist() == ["W1"]
    assert derive_escalation(one, addlt(LOW_1="2025-01-01"), None, TRIAL, None)["STATE"].tolist() == ["R1"]


def test_wrong_decisions_are_refused_all_at_once():
    wrong = decisions(("LO", "COHORT", "2025-02", "ESCALATE"), ("LOW", "COHORT", "2025-02-10", "GO"))
    with pytest.raises(ReportError) as caught:
        derive_escalation(STORY, addlt(), wrong, TRIAL, None)
    assert len(caught.value.problems) == 3


def test_a_trial_without_escalation_has_no_states():
    assert derive_escalation(STORY, addlt(), None, TRIAL.model_copy(update={"dose_escalation": None}), None).empty


def test_of_two_reviews_on_one_day_the_sentinels_comes_first_however_they_are_stored():
    both = decisions(("LOW", "COHORT", "2025-03-10", "ESCALATE"), ("LOW", "SENTINEL", "2025-03-10", "ENROL 2"))
    found = derive_escalation(STORY, addlt(), both, TRIAL, None)
    assert found["REVIEW"].tolist()[:2] == ["SENTINEL", "COHORT"]
    pd.testing.assert_frame_equal(found, derive_escalation(STORY, addlt(), both.iloc[::-1], TRIAL, None))


def reviewed(decision: str) -> Escalated:
    """The small study, S1 (dosed 2025-02-10) the sentinel, S2 dosed on its elapsed day 33."""
    return escalated(small_study(), decisions(("LOW", "SENTINEL", "2025-03-12", decision)), TRIAL, CUTOFF)


def test_the_states_follow_from_the_sdtm_of_the_escalation():
    found = reviewed("ENROL 2").states
    assert found[["COHORT", "NDOSED", "STATE", "RECOM"]].to_numpy().tolist() == [
        ["LOW", 1, "R4", "ENROL 2"],  # reviewed on elapsed day 30 of the sentinel
        ["LOW", 2, "W0", "WAIT"],  # two of three dosed
    ]
    assert found["AGREE"].tolist()[0] == "Y"


def test_a_decision_against_the_rules_is_a_warning_and_one_with_them_is_none():
    against = decisions(("LOW", "SENTINEL", "2025-03-12", "ESCALATE"))
    findings = validate_escalation(small_study(), TRIAL, against, reviewed("ESCALATE"))
    warned = findings[(findings["rule"] == "V19") & (findings["severity"] == "W")]
    assert warned["dataset"].tolist() == ["SRC_DECISIONS"]
    assert warned["message"].tolist() == [
        "LOW, sentinel review of 2025-03-12: the committee decided ESCALATE, the rules recommend ENROL 2 (R4)"
    ]
    agreed = decisions(("LOW", "SENTINEL", "2025-03-12", "ENROL 2"))
    findings = validate_escalation(small_study(), TRIAL, agreed, reviewed("ENROL 2"))
    assert "V19" not in set(findings["rule"])


def test_what_the_escalation_is_judged_by_is_the_same_without_all_other_subjects_and_datasets():
    sdtm, phase = small_study(), [float(number) for number in phases_of(TRIAL, "DLTEVFL")]
    whole, own = derive_adam(sdtm, TRIAL, CUTOFF), derive_escalating(sdtm, TRIAL, CUTOFF)
    assert sorted(own) == ["ADAE", "ADCE", "ADDLT", "ADEX", "ADSL"]
    # Baselines, and the groups they make, need scores and the laboratory.
    lacking = [name for name, values in own["ADSL"].items() if values.isna().all()]
    assert not {"DLTEVFL", "COHORT", "COHORTSQ", "DOSECOMP", "TRTSDT", "LSTALVDT"} & set(lacking)
    for name, frame in own.items():
        wanted = whole[name][whole[name]["PHASE"].isin(phase)].reset_index(drop=True)
        assert name == "ADCE" or len(frame) == len(wanted) > 0
        assert frame["PHASE"].isin(phase).all()
        unfilled = lacking if name == "ADSL" else []
        pd.testing.assert_frame_equal(frame.reset_index(drop=True).drop(columns=unfilled), wanted.drop(columns=unfilled))
    assert len(whole["ADSL"]) > len(own["ADSL"])


def test_laboratory_that_cannot_be_derived_keeps_no_rule_of_the_escalation_from_being_asked():
    sdtm = small_study()
    sdtm["LB"] = sdtm["LB"].assign(LBSTRESU="furlong")
    with pytest.raises(ReportError):
        derive_adam(sdtm, TRIAL, CUTOFF)
    assert len(derive_escalating(sdtm, TRIAL, CUTOFF)["ADDLT"])
