"""The reviewer: each of its rules finds numbers that cannot all be true, and says nothing of those that can."""

from __future__ import annotations

import pandas as pd
import pytest

from cgbm1_report.listed import Item, Listed
from cgbm1_report.recount import Facts
from cgbm1_report.recount.reviewer import LOOKS, RULES, review, review_closely
from cgbm1_report.rows import Is, Key, as_key, write_key
from tests.drawn import draw

_COLUMNS = {"Placebo": "Placebo", "Low": "Low", "Total": None}
EVENTS = Listed((Item("TE", "TE", "TRTEMFL"), Item("SERIOUS", "SAE", "AESER", words={"Y": "Yes"})), key=("AESEQ",))
PLAIN = Listed((Item("VALUE", "Value", "AESTRESN"),), key=("AESEQ",))
GRADED = Listed((Item("VALUE", "Value", "AESTRESN", marks={"ATOXGR": {"2": "2"}}),), key=("AESEQ",))
FACTS = [
    Facts("T1", 2, ("ADAE", "ADSL"), "SAFFL", "TRT01A", _COLUMNS, highest={"highest ATOXGR": "ATOXGR"}, listings=("L4",)),
    Facts("T2", 2, ("ADAE", "ADSL"), "SAFFL", "TRT01A", _COLUMNS, where={"AESER": "Y"}, listings=("L4", "L2", "L9")),
    Facts("L1", 2, ("ADAE", "ADSL"), "SAFFL", "TRT01A", _COLUMNS),
    Facts("L2", 2, ("ADAE", "ADSL"), "SAFFL", "TRT01A", _COLUMNS, where={"AESER": "Y"}),
    Facts("L3", 2, ("ADCE", "ADSL"), "SAFFL", "TRT01A", _COLUMNS),
    Facts("L4", 2, ("ADAE", "ADSL"), "SAFFL", "TRT01A", _COLUMNS, listed=EVENTS),
    Facts("L5", 2, ("ADAE", "ADSL"), "SAFFL", "TRT01A", _COLUMNS, listed=PLAIN),
    Facts("L6", 2, ("ADAE", "ADSL"), "SAFFL", "TRT01A", _COLUMNS, listed=GRADED),
    Facts("T3", 2, ("ADTTE", "ADSL"), "SAFFL", "TRT01A", _COLUMNS, counted_of={("SEX", "M"): ({"NINF": Is(">=", 2)},)}),
]

#: Of every kind of number some that are true together. A row is written ``AEBODSYS=Blood AEDECOD=Anaemia``; ``AGE`` alone has no level.
TRUE = """
output | row                               | column  | context               | stats
T1     | TRTEMFL=Y                         | Placebo | tabulate              | n=2 N=3 p=0.66666666666667 n_events=4
T1     | TRTEMFL=Y                         | Low     | tabulate              | n=1 N=4 p=0.25 n_events=1
T1     | TRTEMFL=Y                         | Total   | tabulate              | n=3 N=7 p=0.42857142857143 n_events=5
T1     | TRTEMFL=Y                         | Placebo | proportion_ci         | conf.low=0.0943 conf.high=0.9916
T1     | TRTEMFL=Y AESER=Y                 | Placebo | tabulate              | n=2 N=3 p=0.66666666666667 n_events=2
T1     | TRTEMFL=Y AESER=Y                 | Low     | tabulate              | n=0 N=4 p=0 n_events=0
T1     | TRTEMFL=Y AESER=Y                 | Total   | tabulate              | n=2 N=7 p=0.28571428571429 n_events=2
T1     | AEBODSYS=Blood                    | Placebo | hierarchical          | n=2 N=3 p=0.66666666666667
T1     | AEBODSYS=Blood AEDECOD=Anaemia    | Placebo | hierarchical          | n=1 N=3 p=0.33333333333333
T1     | AEBODSYS=Blood highest_ATOXGR=1   | Placebo | hierarchical          | n=0 N=3 p=0
T1     | AEBODSYS=Blood AEDECOD=Anaemia highest_ATOXGR=1 | Placebo | hierarchical | n=1 N=3 p=0.33333333333333   # of the class another grade is highest
T2     | TRTEMFL=Y                         | Placebo | tabulate              | n=2 N=3 p=0.66666666666667 n_events=2
T1     | AGE                               | Placebo | summary               | N=3 mean=50 sd=10 median=50 p25=40 p75=60 min=40 max=60
T1     | SEX                               | Placebo | missing               | N_nonmiss=3
T1     | SEX=F                             | Placebo | tabulate              | n=2 N=3 p=0.66666666666667
T1     | SEX=M                             | Placebo | tabulate              | n=1 N=3 p=0.33333333333333
T3     | SEX=M                             | Placebo | tabulate              | n=1 N=2 p=0.5                                # of those with two infusions
T3     | PARAMCD=LTFS                      | Placebo | tabulate              | n=3 N=3 p=1
T3     | PARAMCD=LTFS CNSR=0               | Placebo | tabulate              | n=1 N=3 p=0.33333333333333
T3     | PARAMCD=LTFS CNSR=>0              | Placebo | tabulate              | n=2 N=3 p=0.66666666666667
T3     | PARAMCD=MELD observed=Y           | Placebo | tabulate              | n=2 N=2 p=1                                  # of those expected
T3     | PARAMCD=MELD observed=N           | Placebo | tabulate              | n=0 N=2 p=0
T3     | PARAMCD=LTFS time=28              | Placebo | survival_survfit      | estimate=0.9 conf.low=0.8 conf.high=0.95 n.risk=3
T3     | PARAMCD=LTFS time=90              | Placebo | survival_survfit      | estimate=0.7 conf.low=0.5 conf.high=0.8 n.risk=2
T3     | PARAMCD=LTFS time=180             | Placebo | survival_survfit      | estimate=nan conf.low=nan conf.high=nan n.risk=0   # beyond all follow-up
T3     | PARAMCD=LTFS time=60              | Low     | survival_survfit      | n.risk=3                                           # below a figure
T3     | PARAMCD=TTLT CNSR=0 time=28       | Placebo | tidycmprsk_cuminc     | estimate=0.1 conf.low=0.05 conf.high=0.2 n.risk=3
T3     | PARAMCD=TTLT CNSR=0 time=90       | Placebo | tidycmprsk_cuminc     | estimate=0.12 conf.low=0.06 conf.high=0.2 n.risk=2
T3     | PARAMCD=TTLT CNSR=5 time=90       | Placebo | tidycmprsk_cuminc     | estimate=0.18 conf.low=0.1 conf.high=0.3 n.risk=2
T3     | PARAMCD=LTFS cut=90               | Low     | regression            | estimate=0.5 conf.low=0.3 conf.high=0.9 p.value=0.02
T3     | PARAMCD=LTFS cut=90               | Low     | survival_survdiff     | statistic=6 p.value=0.0143
T3     | PARAMCD=LTFS time=90              | Low     | survival_survfit_diff | estimate=0.1 conf.low=-0.1 conf.high=0.3 p.value=0.3
"""
#: What is listed of records: output, row, column, text.
LISTED = """
output | row               | column | text
L1     | USUBJID=A AESEQ=1 | START  | Day 3
L1     | USUBJID=A AESEQ=2 | START  | Day 4
L2     | USUBJID=A AESEQ=1 | START  | Day 3
L2     | USUBJID=A AESEQ=1 | END    | Day 9
L3     | USUBJID=A AESEQ=1 | START  | Day 5    # the record of another dataset
L5     | USUBJID=A AESEQ=1 | VALUE  | 1.8
L6     | USUBJID=A AESEQ=1 | VALUE  | 1.8 2    # with its grade, as it is declared
"""
#: Another listing, a row a record.
EVENTS_LISTED = """
row               | SUBJECT | GROUP   | TE | SERIOUS
USUBJID=A AESEQ=1 | A       | Placebo | Y  | Yes
USUBJID=A AESEQ=2 | A       | Placebo | Y  | N
USUBJID=A AESEQ=3 | A       | Placebo | Y  | N
USUBJID=A AESEQ=4 | A       | Placebo | N  | Yes     # before treatment
USUBJID=B AESEQ=1 | B       | Placebo | Y  | Yes
USUBJID=C AESEQ=1 | C       | Low     | Y  | N
"""
LISTED += "".join(
    f"L4 | {row['row']} | {name} | {row[name]}\n" for row in draw(EVENTS_LISTED).to_dict("records") for name in row if name != "row"
)


def _key(text: str) -> Key:
    parts = [part.replace("_", " ").partition("=") for part in text.split()]
    return as_key((name, level or None) for name, _, level in parts)


def _results(text: str, listed: str = LISTED) -> pd.DataFrame:
    drawn = draw(text)
    records = [
        (one.output, write_key(_key(one.row)), one.column, one.context, name, float(value))
        for one in drawn.itertuples()
        for name, _, value in (stat.partition("=") for stat in one.stats.split())
    ]
    records_of = draw(listed)
    texts = records_of.assign(row=[write_key(_key(row)) for row in records_of["row"]], context="text", stat_name="text")
    numbers = pd.DataFrame(records, columns=["output", "row", "column", "context", "stat_name", "stat"])
    return pd.concat([numbers, texts.rename(columns={"text": "stat_fmt"})], ignore_index=True)


def test_numbers_that_are_true_together_raise_no_doubt() -> None:
    assert [str(problem) for problem in review(_results(TRUE), FACTS)] == []


#: Of each rule what is planted (a number of TRUE and what stands for it), and what is said of it.
PLANTED = {
    "share_is_of_its_denominator": ("n=2 N=3 p=0.66666666666667 n_events=4", "n=2 N=3 p=0.667 n_events=4", "2 of 3 is not 0.667"),
    "summary_is_in_order": ("median=50 p25=40", "median=50 p25=55", "p25 55"),
    "interval_holds_its_estimate": ("conf.low=0.0943", "conf.low=0.7", "0.666667 is not in 0.7, 0.9916"),
    "p_and_interval_agree": ("conf.high=0.9 p.value=0.02", "conf.high=0.9 p.value=0.2", "p 0.2 beside 0.3, 0.9"),
    "part_is_no_more_than_its_whole": (
        "AEDECOD=Anaemia    | Placebo | hierarchical          | n=1 N=3 p=0.33333333333333",
        "AEDECOD=Anaemia    | Placebo | hierarchical          | n=3 N=3 p=1",
        "3 subjects, and 2 of AEBODSYS Blood",
    ),
    "total_is_its_columns": ("n=3 N=7 p=0.42857142857143 n_events=5", "n=4 N=7 p=0.57142857142857 n_events=5", "4 in all, 3 in its"),
    "curve_falls": ("estimate=0.7 conf.low=0.5 conf.high=0.8 n.risk=2", "estimate=0.95 conf.low=0.5 conf.high=0.99 n.risk=2", "after"),
    "incidence_rises": ("estimate=0.12 conf.low=0.06", "estimate=0.08 conf.low=0.06", "estimate 0.08 after 0.1"),
    "ended_and_free_are_all": ("estimate=0.18 conf.low=0.1", "estimate=0.28 conf.low=0.1", "0.4 have ended, 0.7 have not"),
    "categories_are_all": ("N_nonmiss=3", "N_nonmiss=2", "2 with a value, 3 in its categories"),
    "events_and_censored_are_all": (
        "CNSR=>0              | Placebo | tabulate              | n=2 N=3 p=0.66666666666667",
        "CNSR=>0              | Placebo | tabulate              | n=1 N=3 p=0.33333333333333",
        "3 subjects, 2 with an event or censored",
    ),
    "observed_and_missing_are_expected": (
        "observed=N           | Placebo | tabulate              | n=0 N=2 p=0",
        "observed=N           | Placebo | tabulate              | n=1 N=2 p=0.5",
        "2 observed and 1 missing of 2 expected",
    ),
    "one_question_has_one_answer": (
        "n=2 N=3 p=0.66666666666667 n_events=2\nT1     | AGE", "n=1 N=3 p=0.33333333333333 n_events=1\nT1     | AGE", "n 1, and 2 in T1",
    ),
    "landmark_has_somebody_at_risk": ("estimate=nan conf.low=nan conf.high=nan n.risk=0", "estimate=nan n.risk=1", "1 at risk, and"),
    "record_says_the_same_everywhere": (
        "L2     | USUBJID=A AESEQ=1 | START  | Day 3", "L2     | USUBJID=A AESEQ=1 | START  | Day 2", "says 'Day 2', and 'Day 3' in L1",
    ),
    "listing_shows_what_its_tables_count": (
        "L4 | USUBJID=B AESEQ=1 | SERIOUS | Yes", "L4 | USUBJID=B AESEQ=1 | SERIOUS | N",
        "counts 2 subjects with 2 records, and L4 lists 1 with 1",
    ),
    "same_population_has_same_number": ("| n=1 N=4 p=0.25 n_events=1", "| n=1 N=5 p=0.2 n_events=1", "N 4, and 5 in T1"),
}  # fmt: skip


def test_every_rule_has_a_case_that_fires() -> None:
    assert set(PLANTED) == set(RULES)


@pytest.mark.parametrize("rule", PLANTED)
def test_numbers_that_cannot_all_be_true_are_named_with_the_rule_they_break(rule: str) -> None:
    right, wrong, said = PLANTED[rule]
    assert (TRUE + LISTED).count(right) == 1
    found = review(_results(TRUE.replace(right, wrong), LISTED.replace(right, wrong)), FACTS)
    own = [problem for problem in found if problem.rule == rule.replace("_", " ")]
    assert any(said in problem.message for problem in own), [str(problem) for problem in found]


#: Of each look what is planted in TRUE, and what is said of it.
SELDOM = {
    "hazard_ratio_is_on_the_side_of_the_difference": (
        "estimate=0.1 conf.low=-0.1 conf.high=0.3 p.value=0.3", "estimate=-0.1 conf.low=-0.3 conf.high=0.1 p.value=0.3",
        "T3, PARAMCD LTFS, cut 90, Low: hazard ratio 0.5 beside a difference of -0.1",
    ),
    "log_rank_is_on_the_side_of_the_hazard_ratio": (
        "statistic=6 p.value=0.0143", "statistic=3 p.value=0.0833",
        "T3, PARAMCD LTFS, cut 90, Low: log-rank p 0.0833 beside 0.0200 of the hazard ratio",
    ),
}  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
def test_what_is_seldom_true_is_told_and_stops_nothing(look: str) -> None:
    right, seldom, said = SELDOM[look]
    assert TRUE.count(right) == 1
    changed = _results(TRUE.replace(right, seldom))
    assert (review_closely(_results(TRUE), FACTS), review_closely(changed, FACTS)) == (([], []), ([], [said]))
