"""What an output selects by a value it never loses: another value is refused by name, or has a row of its own."""

from __future__ import annotations

import pandas as pd
import pytest

from cgbm1_report.analyse.counts import analyse_counts
from cgbm1_report.derive.adtte import derive_adtte
from cgbm1_report.errors import ReportError
from cgbm1_report.outputs.catalogue import find, make
from cgbm1_report.tabulate.table import Table
from cgbm1_report.validate.schemas import trial_terms
from tests.drawn import draw, our_trial, read_cells, stamp_of
from tests.test_adtte import subjects

TRIAL = our_trial()
STAMP = stamp_of(TRIAL)

DATA = {
    "ADSL": """
    USUBJID | PHASE | SCRNFL | SAFFL | FASFL | PPROTFL | DLTEVFL | TRT01P | TRT01A | NINF | ENRLDT     | RANDDT | ANCHDT     | DTHDT | EOSDT      | LSTALV0    | EOSSTT       | DCSREAS         | EOTSTT    | DCTREAS | LTFL | DCOMPGR1 | CMPLDAY
    1-01    | 1     | Y      | Y     | Y     | Y       | Y       | Low    | Low    | 1    | 2025-01-01 | .      | 2025-01-01 | .     | 2025-07-05 | 2025-07-05 | COMPLETED    | .               | COMPLETED | .       | .    | 90-110%  | 180
    1-02    | 1     | Y      | Y     | Y     | Y       | Y       | Low    | Low    | 1    | 2025-01-01 | .      | 2025-01-01 | .     | 2025-03-01 | 2025-03-01 | DISCONTINUED | PHYSICIAN DECISION | COMPLETED | .    | Y    | 90-110%  | 28
    1-03    | 1     | Y      | Y     | Y     | N       | N       | Low    | Low    | 1    | 2025-01-01 | .      | 2025-01-01 | .     | 2025-03-01 | 2025-03-01 | DISCONTINUED | .               | COMPLETED | .       | .    | 90-110%  | 28    # why is not known
    """,
    "ADTTE": """
    USUBJID | PARAMCD | AVAL | CNSR | EVNTDESC         | CNSDTDSC
    1-01    | LTFS    | 180  | 1    | .                | ALIVE AT DAY 180
    1-02    | LTFS    | 50   | 0    | LIVER TRANSPLANT | .
    1-03    | LTFS    | 59   | 2    | .                | WITHDRAWN
    """,
    "ADAE": """
    USUBJID | ASTDT      | ASTDY | AESEQ | TRTEMFL | AEBODSYS | AEDECOD | ATOXGR$ | RELGR1  | AESER | AEACN          | AEOUT | AESDTH | AESIFL | DLTFL | ENDSTFL
    1-01    | 2025-01-04 | 4     | 1     | Y       | Blood    | Anaemia | 3       | RELATED | Y     | DRUG WITHDRAWN | FATAL | Y      | Y      | Y     | Y
    """,
    "ADCE": """
    USUBJID | COMPTERM | COMPFL | COMP28FL | COMP90FL
    1-01    | Infection | Y     | .        | Y
    """,
    "ADDLT": """
    USUBJID | PARAMCD | AVALC
    1-01    | DLT28   | N
    1-01    | DLT180  | N
    """,
    "ADEX": """
    USUBJID | PARAMCD | AVAL | AVALC
    1-01    | ADJFL   | .    | N
    """,
    "ADLB": """
    USUBJID | PARAMCD | AVAL | CHG | PCHG | AVISITN | AVISIT | ABLFL | ANL01FL | ANL02FL
    1-01    | ALT     | 100  | -50 | -33  | 28      | Day 28 | .     | Y       | Y
    """,
}  # fmt: skip


def data(dataset: str = "", record: int = 0, **values: object) -> dict[str, pd.DataFrame]:
    """The drawn cut with other values in one record."""
    made = {name: draw(text) for name, text in DATA.items()}
    for variable, value in values.items():
        made[dataset][variable] = made[dataset][variable].astype("object")
        made[dataset].loc[record, variable] = value
    return made


def table(number: str, adam: dict[str, pd.DataFrame]) -> Table:
    made = make(find(number, TRIAL), TRIAL, adam, STAMP)
    assert isinstance(made, Table)
    return made


cells = read_cells


def test_spellings_of_one_reason_are_one_row() -> None:
    # 1-02 and 1-03 left for one reason, typed in two ways.
    made = table("T14.1.1.1", data("ADSL", 2, DCSREAS="Physician  decision"))
    assert cells(made, "Discontinued study")[-1] == "2 (66.7)"
    assert cells(made, "Discontinued study | Physician decision")[-1] == "2 (66.7)"


@pytest.mark.parametrize("number", ["T14.2.1.1", "F14.2.1.1", "T14.3.1.1.1", "T14.3.1.4.1", "T14.2.5.1", "T14.3.1.12.1",
                                    "T14.1.1.1", "T14.1.2.1", "T14.2.10.1", "T14.3.4.1.1"])  # fmt: skip
def test_output_of_expected_values_is_made(number: str) -> None:
    made = make(find(number, TRIAL), TRIAL, data(), STAMP)
    assert len(made.ard)


@pytest.mark.parametrize(
    ("number", "dataset", "record", "variable", "value"),
    [
        ("T14.2.1.1", "ADTTE", 1, "EVNTDESC", "Death"),  # 0 deaths of 1 event
        ("T14.2.1.1", "ADTTE", 1, "EVNTDESC", "LT"),
        ("T14.2.1.1", "ADTTE", 1, "EVNTDESC", "RELATED TEAE"),  # a kind of event, but not one of this parameter
        ("T14.2.1.1", "ADTTE", 1, "EVNTDESC", None),
        ("T14.2.1.1", "ADTTE", 0, "EVNTDESC", "DEATH"),  # of a record that is censored
        ("T14.2.1.1", "ADTTE", 0, "CNSDTDSC", None),
        ("T14.2.1.1", "ADTTE", 0, "CNSR", None),  # was counted as censored
        ("T14.2.1.1", "ADTTE", 0, "CNSR", 9.0),
        ("F14.2.1.1", "ADTTE", 0, "CNSR", None),
        ("F14.2.1.1", "ADTTE", 0, "AVAL", None),
        ("F14.2.1.1", "ADTTE", 0, "AVAL", -3.0),
        ("T14.3.1.1.1", "ADAE", 0, "AEOUT", "Fatal"),
        ("T14.3.1.1.1", "ADAE", 0, "AESER", "Yes"),
        ("T14.3.1.1.1", "ADAE", 0, "AESER", None),
        ("T14.3.1.1.1", "ADAE", 0, "AEACN", "Drug withdrawn"),
        ("T14.3.1.1.1", "ADAE", 0, "ATOXGR", "GRADE 3"),  # was of no grade
        ("T14.3.1.1.1", "ADAE", 0, "RELGR1", "Related"),
        ("T14.3.1.1.1", "ADAE", 0, "AESDTH", "y"),
        ("T14.3.1.1.1", "ADAE", 0, "AESIFL", "1"),
        ("T14.3.1.1.1", "ADAE", 0, "DLTFL", "TRUE"),
        ("T14.3.1.1.1", "ADAE", 0, "ENDSTFL", "yes"),
        ("T14.3.1.2.1", "ADAE", 0, "TRTEMFL", "YES"),
        ("T14.3.1.4.1", "ADAE", 0, "RELGR1", "related"),
        ("T14.2.5.1", "ADCE", 0, "COMPTERM", "INFECTION"),
        ("T14.2.5.1", "ADCE", 0, "COMPTERM", None),
        ("T14.2.5.1", "ADCE", 0, "COMPFL", "yes"),
        ("T14.3.1.12.1", "ADDLT", 0, "AVALC", "YES"),
        ("T14.3.1.12.1", "ADDLT", 1, "AVALC", None),
        ("T14.3.1.12.1", "ADSL", 0, "DLTEVFL", "y"),
        ("T14.1.1.1", "ADSL", 0, "EOSSTT", "Completed"),
        ("T14.1.1.1", "ADSL", 0, "EOTSTT", "COMPLETE"),
        ("T14.1.1.1", "ADSL", 0, "LTFL", "X"),
        ("T14.1.2.1", "ADSL", 0, "PPROTFL", "YES"),
        ("T14.3.1.2.1", "ADSL", 0, "SAFFL", "yes"),  # the subject was in no column
        ("T14.1.9.1", "ADEX", 0, "AVALC", "YES"),
        ("T14.2.10.1", "ADLB", 0, "ANL02FL", "1"),
        ("T14.3.4.1.1", "ADLB", 0, "ANL01FL", "yes"),
        ("T14.3.4.1.1", "ADLB", 0, "AVISIT", None),
    ],
)
def test_value_an_output_does_not_expect_is_refused_with_dataset_variable_value_and_subject(
    number: str, dataset: str, record: int, variable: str, value: object
) -> None:
    with pytest.raises(ReportError) as caught:
        make(find(number, TRIAL), TRIAL, data(dataset, record, **{variable: value}), STAMP)
    text = str(caught.value)
    assert dataset in text
    assert variable in text
    assert f"1-0{record % 3 + 1}" in text or dataset not in ("ADTTE", "ADSL")
    if value is not None and not isinstance(value, float):
        assert repr(value) in text or "EVNTDESC names an event that CNSR censors" in text


def test_reason_of_a_censoring_in_evntdesc_is_no_event() -> None:
    """ADaM's structure for time to event has the event there, or why it was censored; what describes events describes no censoring."""
    made = table("T14.2.1.1", data("ADTTE", 0, EVNTDESC="Alive"))
    assert made.rows == table("T14.2.1.1", data()).rows


#: CNSR and EVNTDESC of three subjects | whom the refusal names, and what it says of them.
CONTRADICTING = [
    ([1.0, 0.0, 1.0], ["Alive", "Alive", "Alive"], "1-02", "EVNTDESC is what censored records say, and CNSR is 0"),
    ([0.0, 0.0, 1.0], ["Relapse", "Relapse", "Relapse"], "1-03", "EVNTDESC names an event that CNSR censors"),
    # Of a word that trial.yaml has for an event a censoring is wrong, however many there are.
    ([1.0, 0.0, 1.0], ["DEATH", "DEATH", "DEATH"], "1-01", "EVNTDESC names an event that CNSR censors"),
]


@pytest.mark.parametrize(("cnsr", "told", "who", "said"), CONTRADICTING)
def test_record_that_contradicts_the_others_of_its_text_is_the_one_that_is_named(cnsr, told, who, said) -> None:
    adam = data()
    adam["ADTTE"] = adam["ADTTE"].assign(CNSR=cnsr, EVNTDESC=told)
    with pytest.raises(ReportError) as caught:
        table("T14.2.1.1", adam)
    assert f"ADTTE: {who}: LTFS: {said}" in str(caught.value)


def test_words_of_events_may_be_left_to_the_data() -> None:
    parameters = {code: one.model_copy(update={"events": {}}) if code == "OS" else one for code, one in TRIAL.parameters.items()}
    supplied = type(TRIAL).model_validate(TRIAL.model_copy(update={"parameters": parameters}).model_dump())
    assert trial_terms(supplied, "events") == []
    assert trial_terms(TRIAL, "events") == ["COMPLICATION", "DEATH", "LIVER TRANSPLANT", "RELATED TEAE"]


def test_all_unexpected_values_are_told_at_once() -> None:
    adam = data("ADAE", 0, AESER="Yes", AEOUT="Fatal")
    with pytest.raises(ReportError) as caught:
        table("T14.3.1.1.1", adam)
    assert "'Yes'" in str(caught.value)
    assert "'Fatal'" in str(caught.value)


def test_a_subject_with_two_times_is_refused() -> None:
    adam = data("ADTTE", 1, USUBJID="1-01")
    with pytest.raises(ReportError, match="ADTTE: 1-01: LTFS: the subject has two records"):
        table("T14.2.1.1", adam)


def test_kinds_of_events_and_of_censorings_sum_to_their_heads() -> None:
    made = table("T14.2.1.1", data())
    heads = {"0": ("EVNTDESC", 1), ">0": ("CNSDTDSC", 2)}
    total = made.ard[(made.ard["stat_name"] == "n") & (made.ard["column"] == "Total")]
    for level, (inner, expected) in heads.items():
        assert total.loc[(total["variable"] == "CNSR") & (total["variable_level"] == level), "stat"].tolist() == [expected]
        assert total.loc[total["variable"] == inner, "stat"].sum() == expected


def test_description_of_a_censoring_in_two_spellings_is_one_row() -> None:
    made = table("T14.2.1.1", data("ADTTE", 2, CNSDTDSC="Alive at day 180"))
    assert cells(made, "Censored, n (%) | Alive at day 180")[-1] == "2 (66.7)"


def test_who_left_for_a_reason_nobody_gave_has_a_row() -> None:
    made = table("T14.1.1.1", data())
    assert cells(made, "Discontinued study")[-1] == "2 (66.7)"
    assert cells(made, "Discontinued study | Physician decision")[-1] == "1 (33.3)"
    assert cells(made, "Discontinued study | Reason missing")[-1] == "1 (33.3)"


def test_flag_that_says_no_is_as_good_as_none() -> None:
    assert cells(table("T14.3.1.1.1", data("ADAE", 0, AESDTH="N", AEOUT="UNKNOWN")), "TEAE with fatal outcome")[-1] == "0"


@pytest.mark.parametrize(("variable", "value"), [("COHORT", "LOWEST"), ("REVIEW", None)])
def test_decision_about_no_cohort_or_no_review_is_refused(variable: str, value: str | None) -> None:
    decisions = draw("COHORT | REVIEW | REVDTC$ | DECISION\nLOW | COHORT | 2025-03-01 | ENROL 3\nLOW | COHORT | 2025-04-01 | STOP")
    decisions.loc[1, variable] = value
    with pytest.raises(ReportError, match=f"src_decisions.csv: {variable} is"):
        table("T14.3.1.12.1", {**data(), "SRC_DECISIONS": decisions})


def test_events_that_are_derived_are_those_the_trial_declares() -> None:
    drawn = draw("USUBJID | DTHDT$ | LTDT\nA | 2025-02-01 | .\nB | . | 2025-02-01")
    adsl = subjects(drawn.assign(ANCHDT="2025-01-01", TRTSDT="2025-01-01", LSTALV0="2025-01-15", EOSSTT="ONGOING", DCSREAS=pd.NA))
    early = pd.Timestamp("2025-01-05").as_unit("s")
    adae = pd.DataFrame({"USUBJID": ["A"], "AESEQ": [1.0], "ASTDT": [early], "TRTEMFL": ["Y"], "RELGR1": ["RELATED"]})
    adce = pd.DataFrame({"USUBJID": ["A"], "CESEQ": [1.0], "ASTDT": [early], "COMPFL": ["Y"]})
    adtte = derive_adtte(adsl, adae, adce, TRIAL)
    happened = adtte[adtte["CNSR"] == 0]
    derived = {paramcd: set(own) for paramcd, own in happened.groupby("PARAMCD")["EVNTDESC"]}
    assert derived == {
        "LTFS": {"DEATH", "LIVER TRANSPLANT"},
        "OS": {"DEATH"},
        "OSLTC": {"DEATH"},
        "TTLT": {"LIVER TRANSPLANT"},
        "TTAE1": {"RELATED TEAE"},
        "TTCOMP": {"COMPLICATION"},
    }
    assert derived == {paramcd: set(TRIAL.parameter(paramcd).events) for paramcd in derived}


def test_records_of_a_row_nobody_asked_for_stop_the_count() -> None:
    records = draw("USUBJID | COLUMN | TERM\n1 | Low | Fever\n2 | Low | Rash")
    with pytest.raises(ValueError, match="a row that is not printed: Rash"):
        analyse_counts(records, ["TERM"], ["Low"], {"Low": 2}, keys=[(("TERM", "Fever"),)])
    elsewhere = records.assign(COLUMN=["Low", "High"])
    counted = analyse_counts(elsewhere, ["TERM"], ["Low"], {"Low": 2}, keys=[(("TERM", "Fever"),)])
    assert counted.set_index("stat_name").loc["n", "stat"] == 1, "another dose group's records are of no row of this one"


def test_toxicity_without_a_term_or_a_day_is_told_as_it_is() -> None:
    made = table("T14.3.1.12.1", data("ADAE", 0, AEDECOD=None, ASTDY=None, ATOXGR=None))
    assert cells(made, "DLT events | 1-01") == ["Uncoded, grade missing, study day missing"]
