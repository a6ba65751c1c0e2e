"""The second count: by hand on a drawn study, and errors planted in results, each of which it finds."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from cgbm1_report.errors import ReportError
from cgbm1_report.recount import Facts, raise_on_difference, recount
from cgbm1_report.recount.database import Database
from cgbm1_report.rows import Is, Key, write_key
from tests.drawn import draw

#: Three on placebo, three on the low dose, one screened and never treated, one of the other phase.
ADSL = """
USUBJID | PHASE | SAFFL | FASFL | TRT01A$ | TRT01P$ | SEX | AGE | NINF | DTHFL
P1      | 2     | Y     | Y     | Placebo | Placebo | F   | 40  | 4    | .
P2      | 2     | Y     | Y     | Placebo | Placebo | M   | 50  | 2    | Y
P3      | 2     | Y     | Y     | Placebo | Placebo | M   | 60  | 1    | .
L1      | 2     | Y     | Y     | Low     | Placebo | F   | 41  | 4    | .     # randomised to placebo, dosed
L2      | 2     | Y     | Y     | Low     | Low     | .   | 45  | 3    | .
L3      | 2     | Y     | Y     | Low     | Low     | M   | 70  | 4    | Y
S1      | 2     | N     | N     | .       | .       | F   | 30  | .    | .
O1      | 1     | Y     | Y     | Low     | Low     | F   | 33  | 1    | .
"""
ADAE = """
USUBJID | AESEQ | TRTEMFL | AEBODSYS | AEDECOD      | ATOXGR$ | AEOUT     | AESDTH
P1      | 1     | Y       | Blood    | Anaemia      | 1       | RECOVERED | .
P1      | 2     | Y       | Blood    | anaemia      | 3       | RECOVERED | .     # another spelling of the term
P2      | 1     | Y       | Liver    | Ascites      | 5       | FATAL     | Y
P2      | 2     | .       | Liver    | Ascites      | 2       | RECOVERED | .     # before treatment
L1      | 1     | Y       | Blood    | Anaemia      | 2       | RECOVERED | .
L3      | 1     | Y       | Liver    | .            | 4       | UNKNOWN   | Y     # not coded; died of it
S1      | 1     | Y       | Blood    | Anaemia      | 3       | RECOVERED | .     # never treated
O1      | 1     | Y       | Blood    | Anaemia      | 3       | RECOVERED | .     # of the other phase
"""
ADLB = """
USUBJID | PARAMCD | AVISIT | AVAL | DTYPE   | ANL02FL
P1      | ALT     | Day 28 | 10   | .       | Y
P2      | ALT     | Day 28 | 20   | .       | Y
P3      | ALT     | Day 28 | 40   | .       | Y
P3      | ALT     | Day 28 | 90   | .       | .       # not the record that is analysed
P3      | ALT     | Day 28 | 65   | AVERAGE | Y       # derived of the two
L1      | ALT     | Day 28 | 30   | .       | Y
L2      | ALT     | Day 28 | .    | .       | Y
"""
#: Day N of an event has the time N + 1.
ADTTE = """
USUBJID | PARAMCD | AVAL | CNSR
P1      | LTFS    | 31   | 0
P2      | LTFS    | 11   | 0
P3      | LTFS    | 91   | 1
L1      | LTFS    | 41   | 0
L2      | LTFS    | 91   | 1
L3      | LTFS    | 91   | 2
P1      | TTLT    | 31   | 0
P2      | TTLT    | 11   | 5       # died before a transplantation
P3      | TTLT    | 91   | 1
L1      | TTLT    | 41   | 0
L2      | TTLT    | 91   | 1
L3      | TTLT    | 91   | 2
"""
_COLUMNS = {"Placebo": "Placebo", "Low": "Low", "Total": None}
EVENTS = Facts(
    "T14.3.1.1.2", 2, ("ADAE", "ADSL"), "SAFFL", "TRT01A", _COLUMNS, where={"TRTEMFL": "Y"},
    meanings={("AEOUT", "FATAL"): ({"TRTEMFL": Is("=", "Y"), "AEOUT": Is("=", "FATAL")}, {"AESDTH": Is("=", "Y")})},
    counted_of={("SEX", "M"): ({"NINF": Is(">=", 2)},)},
)  # fmt: skip
VALUES = Facts("T14.2.10.2", 2, ("ADLB", "ADSL"), "FASFL", "TRT01P", _COLUMNS, where={"ANL02FL": "Y"})
TIMES = Facts("T14.2.1.2", 2, ("ADTTE", "ADSL"), "SAFFL", "TRT01A", _COLUMNS, day_one=1, compared_with="Placebo")
ANY, ANAEMIA = (("TRTEMFL", "Y"),), (("AEBODSYS", "Blood"), ("AEDECOD", "Anaemia"))
ALT: Key = (("PARAMCD", "ALT"), ("AVISIT", "Day 28"), ("AVAL", None))
DAY_40, CUT = (("PARAMCD", "LTFS"), ("time", "40")), (("PARAMCD", "LTFS"), ("follow-up cut at day", "90"))
FIRST_LT, FIRST_DEATH = ((("PARAMCD", "TTLT"), ("CNSR", way), ("time", "40")) for way in ("0", "5"))
NAN = math.nan

#: What is right, by hand: output, row, column, context, statistic, value.
RIGHT: list[tuple[Facts, Key, str, str, str, float]] = [
    (EVENTS, ANY, "Placebo", "tabulate", "n", 2), (EVENTS, ANY, "Low", "tabulate", "n", 2), (EVENTS, ANY, "Total", "tabulate", "n", 4),
    (EVENTS, ANY, "Total", "tabulate", "N", 6), (EVENTS, ANY, "Placebo", "tabulate", "n_events", 3),
    (EVENTS, ANY, "Placebo", "tabulate", "p", 2 / 3),
    (EVENTS, ANAEMIA, "Placebo", "hierarchical", "n", 1), (EVENTS, ANAEMIA, "Placebo", "hierarchical", "n_events", 2),
    (EVENTS, (*ANY, ("ATOXGR", ">=3")), "Total", "tabulate", "n", 3),
    (EVENTS, (("AEBODSYS", "Liver"), ("AEDECOD", "Uncoded")), "Low", "hierarchical", "n", 1),
    (EVENTS, (*ANY, ("AEOUT", "FATAL")), "Low", "tabulate", "n", 1), (EVENTS, (("SEX", "Missing"),), "Low", "tabulate", "n", 1),
    (EVENTS, (("SEX", "M"),), "Placebo", "tabulate", "n", 1), (EVENTS, (("SEX", "M"),), "Placebo", "tabulate", "N", 2),
    (EVENTS, (("SEX", None),), "Total", "missing", "N_nonmiss", 5),
    (EVENTS, (("NINF", ">=3"),), "Low", "tabulate", "n", 3), (EVENTS, (("NINF", "4"),), "Low", "tabulate", "n", 2),
    (EVENTS, ANY, "Placebo", "proportion_ci", "conf.low", 0.094299324050246131),   # R: binom.test(2, 3)
    (EVENTS, ANY, "Placebo", "proportion_ci", "conf.high", 0.991596241340387374),
    # Planned placebo: P1 to P3 and L1: 10, 20, 30, 40.
    (VALUES, ALT, "Placebo", "summary", "N", 4), (VALUES, ALT, "Placebo", "summary", "mean", 25),
    (VALUES, ALT, "Placebo", "summary", "sd", math.sqrt(500 / 3)), (VALUES, ALT, "Placebo", "summary", "median", 25),
    (VALUES, ALT, "Placebo", "summary", "p25", 15), (VALUES, ALT, "Placebo", "summary", "p75", 35),
    (VALUES, ALT, "Placebo", "summary", "min", 10), (VALUES, ALT, "Placebo", "summary", "max", 40),
    (VALUES, ALT, "Low", "summary", "N", 0), (VALUES, ALT, "Low", "summary", "mean", NAN),
    # Placebo: events on days 10 and 30 of three; low: on day 40 of three.
    (TIMES, DAY_40, "Placebo", "survival_survfit", "estimate", 1 / 3), (TIMES, DAY_40, "Low", "survival_survfit", "estimate", 2 / 3),
    (TIMES, DAY_40, "Placebo", "survival_survfit", "n.risk", 1), (TIMES, DAY_40, "Low", "survival_survfit", "n.risk", 3),
    (TIMES, DAY_40, "Low", "survival_survfit", "std.error", math.sqrt(2 / 27)),
    (TIMES, (("PARAMCD", "LTFS"), ("time", "120")), "Low", "survival_survfit", "estimate", NAN),
    (TIMES, (("PARAMCD", "LTFS"), ("prob", "0.5")), "Placebo", "survival_survfit", "estimate", 31),
    (TIMES, DAY_40, "Low", "survival_survfit_diff", "estimate", 1 / 3),
    # Placebo: of three one died on day 10, and of two one was transplanted on day 30.
    (TIMES, FIRST_LT, "Placebo", "tidycmprsk_cuminc", "estimate", 1 / 3), (TIMES, FIRST_LT, "Placebo", "tidycmprsk_cuminc", "n.risk", 1),
    # Had the death not come, half of its share would have been transplanted: (1/2 * 1/3)^2; then (2/3 * 1/2)^2.
    (TIMES, FIRST_LT, "Placebo", "tidycmprsk_cuminc", "std.error", math.sqrt(1 / 36 + 1 / 9)),
    (TIMES, FIRST_DEATH, "Placebo", "tidycmprsk_cuminc", "estimate", 1 / 3), (TIMES, FIRST_DEATH, "Low", "tidycmprsk_cuminc", "estimate", 0),
    # O - E of low: 1 - (3/6 + 3/5 + 3/4); V: 1/4 + 6/25 + 3/16.
    (TIMES, CUT, "Low", "survival_survdiff", "statistic", (1 - 1.85) ** 2 / 0.6775),
]  # fmt: skip


@pytest.fixture(scope="module")
def adam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adam")
    for name, text in {"adsl": ADSL, "adae": ADAE, "adlb": ADLB, "adtte": ADTTE}.items():
        draw(text).to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def _results(rows: list[tuple[Facts, Key, str, str, str, float]]) -> pd.DataFrame:
    names = ["output", "row", "column", "context", "stat_name", "stat"]
    told = [(facts.number, write_key(row), *rest) for facts, row, *rest in rows]
    return pd.DataFrame(told, columns=names)


def test_second_count_gives_what_was_counted_by_hand(adam: Path) -> None:
    counted = recount(adam, _results(RIGHT), [EVENTS, VALUES, TIMES])
    assert [str(problem) for problem in counted.differences] == []
    assert (sum(counted.compared.values()), counted.unasked) == (len(RIGHT), {key: {} for key in counted.compared})


#: What was done wrong, where (a row of RIGHT by output, row, column, statistic), and what was printed for it.
PLANTED = {
    "a subject is dropped": (ANY, "Total", "n", 3),
    "subjects never treated are counted": (ANY, "Total", "N", 7),
    "events are counted as subjects": (ANY, "Placebo", "n", 3),
    "arms are swapped": (ANAEMIA, "Placebo", "n_events", 1),
    "spellings of a term are counted apart": (ANAEMIA, "Placebo", "n_events", 1.0),
    "the share of a share that was rounded": (ANY, "Placebo", "p", 0.667),
    "percent for a share": (ANY, "Placebo", "p", 200 / 3),
    "grade 3 alone for 3 or higher": ((*ANY, ("ATOXGR", ">=3")), "Total", "n", 1),
    "an event without a term is dropped": ((("AEBODSYS", "Liver"), ("AEDECOD", "Uncoded")), "Low", "n", 0),
    "a death told by AESDTH alone is missed": ((*ANY, ("AEOUT", "FATAL")), "Low", "n", 0),
    "the denominator is everybody": ((("SEX", "M"),), "Placebo", "N", 3),
    "the actual arm for the planned one": (ALT, "Placebo", "N", 3),
    "the mean takes in a record that is not analysed": (ALT, "Placebo", "mean", 38),
    "the SD of a population": (ALT, "Placebo", "sd", math.sqrt(125)),
    "quartiles of another definition": (ALT, "Placebo", "p25", 17.5),
    "a stale value": (ALT, "Placebo", "max", 41),
    "0 for nobody": (ALT, "Low", "mean", 0),
    "the day is off by one": (DAY_40, "Low", "estimate", 1.0),
    "at risk after the event": (DAY_40, "Low", "n.risk", 2),
    "the curve is carried beyond follow-up": ((("PARAMCD", "LTFS"), ("time", "120")), "Low", "estimate", 2 / 3),
    "the median counts elapsed days": ((("PARAMCD", "LTFS"), ("prob", "0.5")), "Placebo", "estimate", 30),
    "a censoring is an event": (DAY_40, "Low", "std.error", 0.3),
    "Wald's interval for the exact one": (ANY, "Placebo", "conf.low", 2 / 3 - 1.96 * math.sqrt(2 / 27)),
    "a log-rank test with Yates": (CUT, "Low", "statistic", (0.85 - 0.5) ** 2 / 0.6775),
}


@pytest.mark.parametrize("what", PLANTED)
def test_planted_error_is_found_and_nothing_else(what: str, adam: Path) -> None:
    row, column, name, wrong = PLANTED[what]
    planted = [(*one[:5], wrong) if one[1:3] == (row, column) and one[4] == name else one for one in RIGHT]
    changed = [one for one, right in zip(planted, RIGHT, strict=True) if one is not right]
    counted = recount(adam, _results(planted), [EVENTS, VALUES, TIMES])
    # A wrong estimate is none of its difference to another arm: each number is asked for itself.
    assert len(counted.differences) == len(changed) == sum(one[1:3] == (row, column) and one[4] == name for one in RIGHT) > 0
    with pytest.raises(ReportError, match="first computed as"):
        raise_on_difference(counted)


def test_what_no_key_asks_is_counted_by_its_reason(adam: Path) -> None:
    rows = [
        (EVENTS, (("disposition", "Screened"),), "Total", "tabulate", "n", 7.0),
        (EVENTS, (("AEREL", "Y"),), "Total", "tabulate", "n", 1.0),
        (EVENTS, ANY, "Total", "value", "value", 1.0),
    ]
    counted = recount(adam, _results(rows), [EVENTS])
    assert counted.compared == {EVENTS.number: 0}
    assert counted.unasked[EVENTS.number] == {
        "tabulate, rows are told in words (disposition)": 1,
        "tabulate, no dataset has AEREL": 1,
        "value, value: nothing computes it": 1,
    }
    assert counted.counts == {"numbers": 0, "unequal": 0, "not_again": 3}


def test_text_of_data_is_a_value_and_never_part_of_a_question(tmp_path: Path) -> None:
    hostile = "x'); DROP TABLE ADSL; --"
    draw(ADSL).to_parquet(tmp_path / "adsl.parquet", index=False)
    draw(ADAE).assign(AEDECOD=hostile).to_parquet(tmp_path / "adae.parquet", index=False)
    row: Key = (("AEDECOD", hostile),)
    counted = recount(tmp_path, _results([(EVENTS, row, "Total", "hierarchical", "n", 4.0)]), [EVENTS])
    assert (counted.compared, counted.differences) == ({EVENTS.number: 1}, [])


#: R survival 3.5-3: coxph(Surv(c(1, 1, 2, 2, 3, 4), c(1, 1, 1, 1, 0, 1)) ~ c(0, 0, 0, 1, 1, 1), ties = "efron").
COX = {
    "estimate": 0.139223060590284, "conf.low": 0.0133756567897914, "conf.high": 1.44912963189362, "p.value": 0.0990250339290486,
}  # fmt: skip


def test_cox_model_is_held_to_the_root_of_its_likelihood(tmp_path: Path) -> None:
    draw("""
    USUBJID | PHASE | SAFFL | TRT01A$
    P1      | 2     | Y     | Placebo
    P2      | 2     | Y     | Placebo
    P3      | 2     | Y     | Placebo
    L1      | 2     | Y     | Low
    L2      | 2     | Y     | Low
    L3      | 2     | Y     | Low
    """).to_parquet(tmp_path / "adsl.parquet", index=False)
    draw("""
    USUBJID | PARAMCD | AVAL | CNSR
    P1      | LTFS    | 2    | 0
    P2      | LTFS    | 2    | 0
    P3      | LTFS    | 3    | 0
    L1      | LTFS    | 3    | 0
    L2      | LTFS    | 4    | 1
    L3      | LTFS    | 5    | 0
    """).to_parquet(tmp_path / "adtte.parquet", index=False)
    rows = [(TIMES, CUT, "Low", "regression", name, value) for name, value in COX.items()]
    assert recount(tmp_path, _results(rows), [TIMES]).differences == []
    wrong = [(TIMES, CUT, "Low", "regression", name, value * 1.001) for name, value in COX.items()]
    assert len(recount(tmp_path, _results(wrong), [TIMES]).differences) == len(COX)


#: R 4.2: lm(y ~ arm + x), predict(…, se.fit = TRUE) at mean(x), confint.
ANCOVA = {
    ("Placebo", "emmeans_emmeans", "estimate"): 2.946236559139785,
    ("Placebo", "emmeans_emmeans", "std.error"): 0.376574430276075,
    ("Low", "emmeans_emmeans", "estimate"): 1.387096774193548,
    ("Low", "emmeans_emmeans", "n"): 3,
    ("Low", "emmeans_contrast", "estimate"): -1.559139784946237,
    ("Low", "emmeans_contrast", "std.error"): 0.548457371279099,
    ("Low", "emmeans_contrast", "df"): 3,
    ("Low", "emmeans_contrast", "conf.low"): -3.304575919779019,
    ("Low", "emmeans_contrast", "p.value"): 0.065496966036825,
}


def test_analysis_of_covariance_is_computed_anew(tmp_path: Path) -> None:
    draw("""
    USUBJID | PHASE | FASFL | TRT01P$
    P1      | 2     | Y     | Placebo
    P2      | 2     | Y     | Placebo
    P3      | 2     | Y     | Placebo
    L1      | 2     | Y     | Low
    L2      | 2     | Y     | Low
    L3      | 2     | Y     | Low
    L4      | 2     | Y     | Low
    """).to_parquet(tmp_path / "adsl.parquet", index=False)
    draw("""
    USUBJID | PARAMCD | AVISIT | BASE | CHG | ANL02FL
    P1      | ALT     | Day 28 | 10   | 1   | Y
    P2      | ALT     | Day 28 | 20   | 2   | Y
    P3      | ALT     | Day 28 | 30   | 4   | Y
    L1      | ALT     | Day 28 | 15   | 0   | Y
    L2      | ALT     | Day 28 | 25   | 1   | Y
    L3      | ALT     | Day 28 | 40   | 5   | Y
    L4      | ALT     | Day 28 | .    | 9   | Y        # without a baseline in no model
    L3      | ALT     | Day 60 | 40   | 7   | Y
    """).to_parquet(tmp_path / "adlb.parquet", index=False)
    row: Key = (("PARAMCD", "ALT"), ("AVISIT", "Day 28"), ("model", "ANCOVA"))
    of: dict[str, Key] = {"emmeans_emmeans": (*row, ("CHG", None)), "emmeans_contrast": (*row, ("contrast", "Placebo"))}
    facts = Facts(
        "T14.2.17.2", 2, ("ADLB", "ADSL"), "FASFL", "TRT01P", {"Placebo": "Placebo", "Low": "Low"}, compared_with="Placebo"
    )
    right = [(facts, of[context], column, context, name, value) for (column, context, name), value in ANCOVA.items()]
    counted = recount(tmp_path, _results(right), [facts])
    assert ([str(problem) for problem in counted.differences], counted.compared) == ([], {facts.number: len(ANCOVA)})
    wrong = [(*one[:5], one[5] * 1.000001 + 1e-6) for one in right]
    assert len(recount(tmp_path, _results(wrong), [facts]).differences) == len(ANCOVA)


def test_a_question_is_asked_anew_of_a_table_that_was_made_anew(tmp_path):
    pd.DataFrame({"USUBJID": ["1"]}).to_parquet(tmp_path / "adsl.parquet")
    with Database(tmp_path, {"ADSL"}) as database:
        for value in (1, 2):
            database.keep("records", f"SELECT {value} AS told")
            for added in (0, 10, 0):
                assert database.ask("SELECT told + ? FROM records", [added]) == [(value + added,)]
