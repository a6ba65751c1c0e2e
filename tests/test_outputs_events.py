"""Tables of adverse events on small drawn data: every number counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from cgbm1_report.errors import DataError
from cgbm1_report.outputs.catalogue import catalogue, make
from cgbm1_report.tabulate.chosen import choose, tell_chosen
from cgbm1_report.tabulate.table import Table
from tests.drawn import draw, our_trial, read_cells, stamp_of

TRIAL = our_trial()
STAMP = stamp_of(TRIAL)
ENTRIES = catalogue(TRIAL)

#: Columns: Placebo of 2 subjects, Low of 2, Medium of 1, Total of 5.
ADSL = """
USUBJID | PHASE | SAFFL | TRT01P  | TRT01A  | TRTSDT
2-01    | 2     | Y     | Placebo | Placebo | 2025-01-01
2-02    | 2     | Y     | Placebo | Placebo | 2025-01-01
2-03    | 2     | Y     | Low     | Low     | 2025-01-01
2-04    | 2     | Y     | Low     | Low     | 2025-01-01
2-05    | 2     | Y     | Medium  | Medium  | 2025-01-01
"""

ADAE = """
USUBJID | AESEQ | TRTEMFL | AEBODSYS   | AEDECOD | ATOXGR$ | RELGR1      | AESER | AEACN            | AEOUT               | AESDTH | AESIFL
2-01    | 1     | Y       | Infections | Sepsis  | 5       | NOT RELATED | Y     | DRUG WITHDRAWN   | FATAL               | Y      | .
2-02    | 1     | Y       | Infections | Sepsis  | 3       | RELATED     | Y     | DOSE NOT CHANGED | RECOVERED/RESOLVED  | .      | .
2-02    | 2     | Y       | Infections | Sepsis  | 2       | NOT RELATED | N     | DOSE NOT CHANGED | RECOVERED/RESOLVED  | .      | .    # milder, of the same term
2-03    | 1     | Y       | General    | Pyrexia | 1       | RELATED     | N     | DOSE NOT CHANGED | RECOVERED/RESOLVED  | .      | .
2-03    | 2     | Y       | General    | Pyrexia | .       | RELATED     | N     | DOSE NOT CHANGED | RECOVERED/RESOLVED  | .      | .    # grade missing
2-03    | 3     | Y       | General    | Chills  | 3       | RELATED     | Y     | DRUG WITHDRAWN   | RECOVERED/RESOLVED  | .      | .
2-04    | 1     | Y       | General    | Pyrexia | .       | NOT RELATED | N     | .                | .                   | .      | .    # nothing but a missing grade
2-05    | 1     | Y       | General    | Pyrexia | 4       | NOT RELATED | N     | DOSE NOT CHANGED | NOT RECOVERED/NOT RESOLVED | Y | .  # results in death, its outcome not yet known
2-05    | 2     | .       | General    | Chills  | 3       | RELATED     | Y     | DRUG WITHDRAWN   | FATAL               | Y      | .    # before treatment: never counts
"""


def table(number: str, data: dict[str, pd.DataFrame] | None = None, **options: object) -> Table:
    adam = {"ADSL": draw(ADSL), "ADAE": draw(ADAE), **(data or {})}
    made = make(ENTRIES[number], TRIAL, adam, STAMP, **options)  # type: ignore[arg-type]
    assert isinstance(made, Table)
    return made


@pytest.mark.parametrize(
    ("number", "rows"),
    [
        ("T14.3.1.6.2", {
            "Subjects with at least one TEAE of grade 3 or higher": ["2 (100.0)", "1 (50.0)", "1 (100.0)", "4 (80.0)"],
            "General": ["0", "1 (50.0)", "1 (100.0)", "2 (40.0)"],  # as many as of infections: G before I
            "General | Chills": ["0", "1 (50.0)", "0", "1 (20.0)"],
            "General | Pyrexia": ["0", "0", "1 (100.0)", "1 (20.0)"],
            "Infections": ["2 (100.0)", "0", "0", "2 (40.0)"],
            "Infections | Sepsis": ["2 (100.0)", "0", "0", "2 (40.0)"],
        }),
        ("T14.3.2.1.2", {
            "Subjects with at least one serious TEAE": ["2 (100.0) [2]", "1 (50.0) [1]", "0", "3 (60.0) [3]"],
            "Infections": ["2 (100.0) [2]", "0", "0", "2 (40.0) [2]"],
            "Infections | Sepsis": ["2 (100.0) [2]", "0", "0", "2 (40.0) [2]"],
            "General": ["0", "1 (50.0) [1]", "0", "1 (20.0) [1]"],
            "General | Chills": ["0", "1 (50.0) [1]", "0", "1 (20.0) [1]"],
        }),
        ("T14.3.2.2.2", {
            "Subjects with at least one related serious TEAE": ["1 (50.0)", "1 (50.0)", "0", "2 (40.0)"],
            "General": ["0", "1 (50.0)", "0", "1 (20.0)"],
            "General | Chills": ["0", "1 (50.0)", "0", "1 (20.0)"],
            "Infections": ["1 (50.0)", "0", "0", "1 (20.0)"],
            "Infections | Sepsis": ["1 (50.0)", "0", "0", "1 (20.0)"],
        }),
        ("T14.3.2.4.2", {
            "Subjects with at least one TEAE leading to discontinuation of study treatment": ["1 (50.0)", "1 (50.0)", "0", "2 (40.0)"],
            "General": ["0", "1 (50.0)", "0", "1 (20.0)"],
            "General | Chills": ["0", "1 (50.0)", "0", "1 (20.0)"],
            "Infections": ["1 (50.0)", "0", "0", "1 (20.0)"],
            "Infections | Sepsis": ["1 (50.0)", "0", "0", "1 (20.0)"],
        }),
        ("T14.3.2.5.2", {
            "Subjects with at least one TEAE with fatal outcome": ["1 (50.0)", "0", "1 (100.0)", "2 (40.0)"],
            "General": ["0", "0", "1 (100.0)", "1 (20.0)"],
            "General | Pyrexia": ["0", "0", "1 (100.0)", "1 (20.0)"],
            "Infections": ["1 (50.0)", "0", "0", "1 (20.0)"],
            "Infections | Sepsis": ["1 (50.0)", "0", "0", "1 (20.0)"],
        }),
    ],
)  # fmt: skip
def test_a_kind_of_events_is_counted_by_class_and_term_and_nothing_else_is(number: str, rows: dict[str, list[str]]) -> None:
    made = table(number)
    assert {path: read_cells(made, path) for path in rows} == rows
    assert [row.label for row in made.rows] == [path.rpartition(" | ")[2] for path in rows]


def test_serious_and_fatal_events_are_told_in_the_source_line() -> None:
    assert table("T14.3.2.2.2").source == "ADAE, ADSL; SAFFL = Y, TRTEMFL = Y, RELGR1 = RELATED, AESER = Y"
    assert table("T14.3.2.5.2").source == "ADAE, ADSL; SAFFL = Y, TRTEMFL = Y, AEOUT = FATAL or AESDTH = Y"


def test_records_are_chosen_by_one_of_several_values_and_by_one_of_several_variables() -> None:
    records = draw("""
    AEOUT   | AESDTH | ATOXGR$
    FATAL   | .      | 5       # both
    .       | Y      | 4       # one is enough
    Y       | FATAL  | 4       # each value in its own variable
    FATAL   | Y      | 2
    FATAL   | Y      | .       # a missing grade is none
    """)
    chosen = {"AEOUT|AESDTH": ("FATAL", "Y"), "ATOXGR": ("4", "5")}
    assert choose(records, chosen).index.tolist() == [0, 1]
    assert tell_chosen(chosen) == "AEOUT = FATAL or AESDTH = Y, ATOXGR = 4 or 5"
    assert len(choose(records, {})) == 5


def cells(made: Table, rows: dict[str, list[str]]) -> dict[str, list[str]]:
    return {path: read_cells(made, path) for path in rows}


def test_a_subject_counts_at_the_maximum_grade_of_each_row_and_without_one_where_no_grade_is_known() -> None:
    rows = {
        "Subjects with at least one TEAE": ["2 (100.0)", "2 (100.0)", "1 (100.0)", "5 (100.0)"],
        "Subjects with at least one TEAE | Grade 1": ["0", "0", "0", "0"],
        "Subjects with at least one TEAE | Grade 3": ["1 (50.0)", "1 (50.0)", "0", "2 (40.0)"],
        "Subjects with at least one TEAE | Grade 4": ["0", "0", "1 (100.0)", "1 (20.0)"],
        "Subjects with at least one TEAE | Grade 5": ["1 (50.0)", "0", "0", "1 (20.0)"],
        "Subjects with at least one TEAE | Grade missing": ["0", "1 (50.0)", "0", "1 (20.0)"],
        "General | Grade 3": ["0", "1 (50.0)", "0", "1 (20.0)"],
        "General | Grade missing": ["0", "1 (50.0)", "0", "1 (20.0)"],
        # 2-03 had one of grade 1 and one without a grade: 1 is the maximum of what is known.
        "General | Pyrexia | Grade 1": ["0", "1 (50.0)", "0", "1 (20.0)"],
        "General | Pyrexia | Grade missing": ["0", "1 (50.0)", "0", "1 (20.0)"],
        "Infections | Sepsis | Grade 2": ["0", "0", "0", "0"],
        "Infections | Sepsis | Grade 3": ["1 (50.0)", "0", "0", "1 (20.0)"],
    }
    made = table("T14.3.1.3.2")
    assert cells(made, rows) == rows
    # Any, two classes, three terms; of each five grades, and a missing one of any event, General and its Pyrexia.
    assert len(made.rows) == 6 * (1 + 5) + 3
    graded = made.ard[made.ard["variable"] == "highest ATOXGR"]
    assert set(graded["stat_name"]) == {"n", "N", "p"}, "how many events a subject has is not told by its maximum grade"


def test_related_events_have_the_maximum_grade_of_related_events() -> None:
    rows = {
        "Subjects with at least one related TEAE": ["1 (50.0)", "1 (50.0)", "0", "2 (40.0)"],
        "Subjects with at least one related TEAE | Grade 3": ["1 (50.0)", "1 (50.0)", "0", "2 (40.0)"],
        "General | Pyrexia | Grade 1": ["0", "1 (50.0)", "0", "1 (20.0)"],
        "General | Pyrexia | Grade 4": ["0", "0", "0", "0"],
    }
    assert cells(table("T14.3.1.5.2"), rows) == rows


def special() -> pd.DataFrame:
    categories = ["INFECTION", "INFECTION", "INFECTION", "INFUSRX", None, "INFUSRX;HYPERSENS", None, None, None]
    told = pd.Series(categories, dtype="str")
    return draw(ADAE).assign(AESICAT=told, AESIFL=pd.Series("Y", index=told.index, dtype="str").where(told.notna()))


def test_events_of_special_interest_stand_in_every_category_they_belong_to_and_an_empty_category_prints_zero() -> None:
    made = table("T14.3.1.8.2", {"ADAE": special()})
    rows = {
        "Subjects with at least one TEAE of special interest": ["2 (100.0) [3]", "1 (50.0) [2]", "0", "3 (60.0) [5]"],
        "Infusion-related reaction": ["0", "1 (50.0) [2]", "0", "1 (20.0) [2]"],
        "Infusion-related reaction | Grade 1": ["0", "0", "0", "0"],
        "Infusion-related reaction | Grade 3": ["0", "1 (50.0)", "0", "1 (20.0)"],
        "Infusion-related reaction | Chills": ["0", "1 (50.0) [1]", "0", "1 (20.0) [1]"],
        "Infusion-related reaction | Pyrexia": ["0", "1 (50.0) [1]", "0", "1 (20.0) [1]"],
        "Hypersensitivity / anaphylaxis": ["0", "1 (50.0) [1]", "0", "1 (20.0) [1]"],
        "Infection": ["2 (100.0) [3]", "0", "0", "2 (40.0) [3]"],
        "Infection | Grade 5": ["1 (50.0)", "0", "0", "1 (20.0)"],
        "Thromboembolism": ["0", "0", "0", "0"],
        "Tumorigenicity": ["0", "0", "0", "0"],
    }
    assert cells(made, rows) == rows
    assert [row.label for row in made.rows][-2:] == ["Thromboembolism", "Tumorigenicity"], "no grades of nobody"
    assert "An event that belongs to several categories counts in each of them." in made.footnotes


@pytest.mark.parametrize("category", ["OTHER", None])
def test_event_of_special_interest_of_no_declared_category_is_refused(category: str | None) -> None:
    events = special()
    events.loc[0, "AESICAT"] = category
    with pytest.raises(DataError, match=r"AESICAT is .*none of INFUSRX"):
        table("T14.3.1.8.2", {"ADAE": events})


def many(**groups: tuple[int, dict[str, int]]) -> dict[str, pd.DataFrame]:
    """Subjects of each arm, and how many of the first of them have an event of a term; all events are serious and unrelated."""
    people, events = [], []
    for arm, (size, terms) in groups.items():
        names = [f"{arm}-{number:03d}" for number in range(size)]
        people += [(name, arm) for name in names]
        events += [(name, term) for term, count in terms.items() for name in names[:count]]
    adsl = pd.DataFrame(people, columns=["USUBJID", "TRT01A"]).assign(PHASE=2.0, SAFFL="Y", TRT01P=lambda frame: frame["TRT01A"])
    adae = pd.DataFrame(events, columns=["USUBJID", "AEDECOD"]).assign(
        AEBODSYS="Class", TRTEMFL="Y", RELGR1="NOT RELATED", AESER="Y", AESIFL=pd.Series(dtype="str")
    )
    return {"ADSL": adsl, "ADAE": adae}


def test_a_term_is_frequent_by_its_share_in_an_arm_not_by_its_printed_share_nor_by_the_total() -> None:
    # Exact: 1 of 10, 10 %. Almost: 25 of 251, 9.96 %, printed as 10.0. Common: 1 of 10 and 100 of 251, by the total first.
    data = many(Placebo=(10, {"Exact": 1, "Common": 1}), Low=(251, {"Almost": 25, "Common": 100}), Medium=(1, {}))
    made = table("T14.3.1.7.2", data)
    assert [row.label for row in made.rows] == ["Subjects with at least one TEAE", "Common", "Exact"]
    assert read_cells(made, "Exact") == ["1 (10.0)", "0", "0", "1 (0.4)"]
    assert "Almost" not in set(made.ard["variable_level"])
    # Where treatment is not seen all subjects decide: Almost 25 and Exact 1 of 262 are below 10 %.
    assert [row.label for row in table("T14.3.1.7.2", data, pooled=True).rows] == ["Subjects with at least one TEAE", "Common"]


def test_risk_differences_have_the_score_interval_and_kinds_of_events_their_exact_one() -> None:
    data = many(Placebo=(30, {"Infection": 15, "Rash": 3}), Low=(30, {"Infection": 9, "Rare": 1}), Medium=(30, {}))
    made = table("T14.3.1.13.2", data)
    rows = {
        "Any TEAE": ["15 (50.0)", "9 (30.0)", "0", "24 (26.7)"],
        # binom.test(15, 30), binom.test(9, 30), binom.test(0, 30)
        "Any TEAE | 95% CI": ["31.3, 68.7", "14.7, 49.4", "0.0, 11.6", "17.9, 37.0"],
        "Related TEAE": ["0", "0", "0", "0"],
        # The difference and its interval by R and by brute force: -20.0 (-42.7056, 4.9946)
        "Infection | Difference vs Placebo (percentage points)": ["-20.0", "-50.0"],
        "Rash": ["3 (10.0)", "0", "0", "3 (3.3)"],
        # -10.0 (-25.7860, 2.1041)
        "Rash | Difference vs Placebo (percentage points)": ["-10.0", "-10.0"],
        "Rash | 95% CI of the difference": ["-25.8, 2.1", "-25.8, 2.1"],
    }
    assert cells(made, rows) == rows
    assert read_cells(made, "Infection | 95% CI of the difference")[0] == "-42.7, 5.0"
    assert not [row.label for row in made.rows if row.label in ("Rare", "Fisher exact p")], "1 of 30 is below 5 %"
    blind = table("T14.3.1.13.2", data, pooled=True)
    assert not [row.label for row in blind.rows if "Difference" in row.label]
    assert not [note for note in blind.footnotes if "Miettinen" in note]


def followed(times: dict[str, list[tuple[int, bool]]]) -> dict[str, pd.DataFrame]:
    """Of each arm the days at risk of its subjects, and whether an event ended them; who has none was seen as long."""
    rows = [(f"{arm}-{at}", arm, days, event) for arm, told in times.items() for at, (days, event) in enumerate(told)]
    frame = pd.DataFrame(rows, columns=["USUBJID", "TRT01A", "DAYS", "EVENT"]).assign(PHASE=2.0, SAFFL="Y")
    start = pd.Timestamp("2025-01-01")
    last = start + pd.to_timedelta(frame["DAYS"] - 1, unit="D")
    adsl = frame.assign(TRT01P=frame["TRT01A"], TRTSDT=start, LSTALVDT=last.mask(frame["EVENT"], pd.Timestamp("2025-12-31")))
    # Each has another event at the end of the year: the first one counts.
    own = frame[frame["EVENT"]]
    adae = pd.concat([own.assign(ASTDT=last[own.index]), own.assign(ASTDT=pd.Timestamp("2025-06-01"))]).assign(
        TRTEMFL="Y", AEBODSYS="Class", AEDECOD="Term", ATOXGR="1", RELGR1="NOT RELATED", AESER="N", AESIFL="Y", AESICAT="INFECTION"
    )
    return {"ADSL": adsl, "ADAE": adae}


def test_exposure_adjusted_rates_are_those_of_r_and_compared_with_the_reference() -> None:
    low = [
        (10, True),
        (45, True),
        (181, False),
        (181, False),
        (181, False),
        (90, False),
        (28, True),
        (181, False),
        (400, False),
        (5, True),
    ]
    placebo = [*[(30, True)] * 5, (39, True), *[(181, False)] * 4]  # 6 events in 913 days
    made = table("T14.3.1.9.2", followed({"Placebo": placebo, "Low": low, "Medium": [(181, False)]}))
    rows = {
        "Any TEAE": ["6", "4", "0", "10"],
        "Any TEAE | Person-years at risk": ["2.50", "2.97", "0.50", "5.96"],
        # poisson.test(6, 913 / 36525), (4, 1083), (0, 181), (10, 2177): who was seen for 400 days was at risk for 181
        "Any TEAE | EAIR per 100 person-years": ["240.0", "134.9", "0.0", "167.8"],
        "Any TEAE | 95% CI": ["88.1, 522.5", "36.8, 345.4", "0.0, 744.4", "80.5, 308.5"],
        "Any TEAE | Rate ratio vs Placebo": ["0.56", "NE"],
        "Any TEAE | 95% CI of the ratio": ["0.16, 1.99", "NE"],
        "Serious TEAE": ["0", "0", "0", "0"],
        "Serious TEAE | Person-years at risk": ["4.96", "4.71", "0.50", "10.16"],
        "Infection (special interest)": ["6", "4", "0", "10"],
        "Infection (special interest) | EAIR per 100 person-years": ["240.0", "134.9", "0.0", "167.8"],
    }
    assert cells(made, rows) == rows


@pytest.mark.parametrize("number", ["T14.3.1.9.2", "T14.3.1.11.2"])
def test_trial_without_a_causality_scale_has_its_times_of_events_without_related_ones(number: str) -> None:
    data = followed({"Placebo": [(30, True)], "Low": [(45, True)], "Medium": [(181, False)]})
    periods = pd.Series("Day 0-28", index=data["ADAE"].index, dtype="str")
    data["ADAE"] = data["ADAE"].drop(columns="RELGR1").assign(APERIODC=periods)
    trial = TRIAL.model_copy(update={"relatedness": None})
    made = make(catalogue(trial)[number], trial, data, stamp_of(trial))
    assert isinstance(made, Table)
    labels = [row.label for row in made.rows]
    assert "Any TEAE" in labels
    assert "Serious TEAE" in labels
    assert not any("elated" in text for text in (*labels, *made.footnotes))


def test_time_at_risk_without_a_date_is_refused_with_every_subject() -> None:
    data = followed({"Placebo": [(30, True), (40, False)]})
    data["ADSL"].loc[1, "LSTALVDT"] = pd.NaT
    with pytest.raises(DataError, match=r"ADSL: Placebo-1: LSTALVDT is missing"):
        table("T14.3.1.9.2", data)
    data = followed({"Placebo": [(30, True)]})
    data["ADAE"]["ASTDT"] = pd.NaT
    with pytest.raises(DataError, match=r"ADAE: Placebo-0: ASTDT is missing"):
        table("T14.3.1.11.2", {**data, "ADAE": data["ADAE"].assign(APERIODC=pd.Series(dtype="str"))})


def test_an_event_is_counted_in_the_period_it_began_in_of_those_still_at_risk() -> None:
    adsl = draw(ADSL).assign(LSTALVDT=pd.to_datetime(["2025-01-11", "2025-12-01", "2025-01-21", "2025-01-30", "2025-04-01"]))
    adae = draw("""
    USUBJID | TRTEMFL | AEBODSYS | AEDECOD | ATOXGR$ | RELGR1      | AESER | ASTDT      | APERIODC
    2-01    | Y       | Class    | Term    | 3       | RELATED     | N     | 2025-01-06 | Day 0-28    # last seen on day 10
    2-02    | Y       | Class    | Term    | 1       | NOT RELATED | N     | 2025-01-29 | Day 0-28    # day 28
    2-02    | Y       | Class    | Term    | 1       | NOT RELATED | Y     | 2025-01-30 | Day 29-90   # day 29
    2-03    | Y       | Class    | Term    | 1       | NOT RELATED | N     | 2025-04-06 | Day 91-180  # day 95, imputed: last seen on day 20
    """)
    made = table("T14.3.1.11.2", {"ADSL": adsl, "ADAE": adae})
    first, second, third = (f"Days {days} after the first dose" for days in ("0–28", "29–90", "91–180"))
    rows = {
        f"{first} | Subjects at risk, n": ["2", "2", "1", "5"],
        f"{first} | Any TEAE": ["2 (100.0)", "0", "0", "2 (40.0)"],
        f"{first} | TEAE of grade 3 or higher": ["1 (50.0)", "0", "0", "1 (20.0)"],
        # 2-04 was last seen on day 29, 2-05 on day 90; whose event began later was at risk until then.
        f"{second} | Subjects at risk, n": ["1", "2", "1", "4"],
        f"{second} | Any TEAE": ["1 (100.0)", "0", "0", "1 (25.0)"],
        f"{second} | Serious TEAE": ["1 (100.0)", "0", "0", "1 (25.0)"],
        f"{third} | Subjects at risk, n": ["1", "1", "0", "2"],
        f"{third} | Any TEAE": ["0", "1 (100.0)", "-", "1 (50.0)"],
    }
    assert cells(made, rows) == rows
    late = adae.assign(APERIODC=adae["APERIODC"].mask(adae.index == 3))
    assert "TEAEs that began after the last period are in none: 1." in table("T14.3.1.11.2", {"ADSL": adsl, "ADAE": late}).footnotes


def test_an_event_is_near_an_infusion_within_the_hours_and_without_a_time_on_its_date() -> None:
    adex = draw("""
    USUBJID | INFNUM | ADT
    2-01    | 1      | 2025-01-01
    2-01    | 1      | 2025-01-01   # another parameter of the same infusion
    2-01    | 2      | 2025-01-08
    2-02    | 1      | 2025-01-01
    2-03    | 1      | 2025-01-01
    2-03    | 2      | 2025-01-08
    2-04    | .      | 2025-01-08   # a summary of the subject
    """)
    adae = draw("""
    USUBJID | TRTEMFL | AEBODSYS | AEDECOD | INFNUM | HRSINF | ASTDT
    2-01    | Y       | Class    | Chills  | 1      | 24     | 2025-01-02   # exactly
    2-01    | Y       | Class    | Rash    | 1      | 24.02  | 2025-01-02
    2-01    | Y       | Class    | Chills  | 2      | .      | 2025-01-08   # without a time, on the day
    2-02    | Y       | Class    | Chills  | 1      | .      | 2025-01-02   # without a time, on the next day
    2-03    | Y       | Class    | Fever   | 2      | 0      | 2025-01-08
    2-03    | Y       | Class    | Chills  | 2      | 3      | 2025-01-08
    2-03    | Y       | Class    | Chills  | .      | .      | 2025-01-01   # its day was imputed
    2-03    | .       | Class    | Chills  | 1      | 1      | 2025-01-01   # not treatment-emergent
    """)
    made = table("T14.3.1.10.2", {"ADAE": adae, "ADEX": adex})
    assert made.title == "TEAEs within 24 Hours of an Infusion, by Infusion"
    assert [(row.label, list(row.cells.values())) for row in made.rows] == [
        ("Infusion 1", []),
        ("Subjects dosed, n", ["2", "1", "0", "3"]),
        ("Any TEAE", ["1 (50.0)", "0", "-", "1 (33.3)"]),
        ("Chills", ["1 (50.0)", "0", "-", "1 (33.3)"]),
        ("Infusion 2", []),
        ("Subjects dosed, n", ["1", "1", "0", "2"]),
        ("Any TEAE", ["1 (100.0)", "1 (100.0)", "-", "2 (100.0)"]),
        ("Chills", ["1 (100.0)", "1 (100.0)", "-", "2 (100.0)"]),
        ("Fever", ["0", "1 (100.0)", "-", "1 (50.0)"]),
        *[
            (label, texts)
            for number in (3, 4)
            for label, texts in (
                (f"Infusion {number}", []), ("Subjects dosed, n", ["0", "0", "0", "0"]), ("Any TEAE", ["-", "-", "-", "-"]),
            )
        ],
    ]  # fmt: skip


DEATHS = """
USUBJID | PHASE | SAFFL | TRT01P  | TRT01A  | AGE | SEX | TRTSDT     | TRTEDT     | DTHFL | DTHDT      | DTHDTF | DTHADY | DTHCAUS | DTHCGR1
2-01    | 2     | Y     | Placebo | Placebo | 40  | F   | 2025-01-01 | 2025-01-22 | Y     | 2025-01-29 | .      | 29     | Infection/sepsis | INFECTION/SEPSIS  # day 28
2-02    | 2     | Y     | Placebo | Placebo | 41  | F   | 2025-01-01 | 2025-01-22 | Y     | 2025-02-21 | .      | 52     | SHOCK   | OTHER             # 30 days after the last infusion
2-03    | 2     | Y     | Low     | Low     | 42  | M   | 2025-01-01 | 2025-01-22 | Y     | 2025-02-22 | D      | 53     | .       | .                 # 31 days; of the date the month is known
2-04    | 2     | Y     | Low     | Low     | 43  | M   | 2025-01-01 | 2025-01-01 | Y     | 2025-07-01 | .      | 182    | BLEED   | HEMORRHAGE        # day 181
2-05    | 2     | Y     | Medium  | Medium  | 44  | M   | 2025-01-01 | 2025-01-22 | .     | .          | .      | .      | .       | .
"""


def test_deaths_are_counted_by_day_cause_and_treatment() -> None:
    made = table("T14.3.2.3.2", {"ADSL": draw(DEATHS)})
    day, cause = "Day of death after the first dose", "Cause of death"
    rows = {
        "Deaths": ["2 (100.0)", "2 (100.0)", "0", "4 (80.0)"],
        f"{day} | Days 0–28": ["1 (50.0)", "0", "0", "1 (20.0)"],
        f"{day} | Days 29–90": ["1 (50.0)", "1 (50.0)", "0", "2 (40.0)"],
        f"{day} | Days 91–180": ["0", "0", "0", "0"],
        f"{day} | After day 180": ["0", "1 (50.0)", "0", "1 (20.0)"],
        f"{cause} | Multiple organ failure": ["0", "0", "0", "0"],
        f"{cause} | Infection/sepsis": ["1 (50.0)", "0", "0", "1 (20.0)"],
        f"{cause} | Hemorrhage": ["0", "1 (50.0)", "0", "1 (20.0)"],
        f"{cause} | Hepatic encephalopathy/cerebral edema": ["0", "0", "0", "0"],
        f"{cause} | Other": ["1 (50.0)", "0", "0", "1 (20.0)"],
        f"{cause} | Not recorded": ["0", "1 (50.0)", "0", "1 (20.0)"],
        "Deaths on treatment": ["2 (100.0)", "0", "0", "2 (40.0)"],
    }
    assert cells(made, rows) == rows
    assert len(made.rows) == len(rows) + 2, "and two heads"
    assert "On treatment: to 30 days after the last dose." in made.footnotes
    # Of 2-03 the month is known: its day, and so its row, may be another.
    imputed = "Day, month or year of the date of death was imputed for 1 subject (DTHDTF)."
    assert imputed in made.footnotes
    known = {"ADSL": draw(DEATHS).assign(DTHDTF=None)}
    assert not [note for note in table("T14.3.2.3.2", known).footnotes if "imputed" in note]


def test_death_on_a_day_that_is_not_known_stands_in_a_row_of_its_own() -> None:
    adsl = draw(DEATHS)
    adsl.loc[0, "DTHDT"] = pd.NaT
    made = table("T14.3.2.3.2", {"ADSL": adsl})
    assert read_cells(made, "Day of death after the first dose | Day not known") == ["1 (50.0)", "0", "0", "1 (20.0)"]


def test_grave_events_are_listed_with_every_reason_and_deaths_below_them() -> None:
    days = [
        "2025-01-20",
        "2025-01-05",
        "2025-01-06",
        "2025-01-07",
        "2025-01-07",
        "2025-01-08",
        "2025-01-09",
        "2025-01-10",
        "2024-12-30",
    ]
    adae = draw(ADAE).assign(
        AETERM="as told", ASTDT=pd.to_datetime(days), ASTDY=[20, 5, 6, 7, 7, 8, 9, 10, -2], AREL=None, AENDT=pd.NaT
    )
    made = table("L14.3.2.1.2", {"ADSL": draw(DEATHS), "ADAE": adae.astype({"AREL": "str"})})
    wanted = ("SUBJECT", "REASON", "TERM", "START", "EMERGENT", "RELATION")
    assert [[row.cells[name] for name in wanted] for row in made.rows] == [
        ["2-01", "Fatal, Serious, Treatment discontinued", "Infections / Sepsis / as told", "2025-01-20 (20)", "Y", "Missing"],
        ["2-01", "Death", "Death / Infection/sepsis", "2025-01-29 (29)", "", ""],
        ["2-02", "Serious", "Infections / Sepsis / as told", "2025-01-05 (5)", "Y", "Missing"],
        ["2-02", "Death", "Death / Other / SHOCK", "2025-02-21 (52)", "", ""],
        ["2-03", "Serious, Treatment discontinued", "General / Chills / as told", "2025-01-08 (8)", "Y", "Missing"],
        ["2-03", "Death", "Death / cause not recorded", "2025-02-22 (53D)", "", ""],
        ["2-04", "Death", "Death / Hemorrhage / BLEED", "2025-07-01 (182)", "", ""],
        ["2-05", "Fatal, Serious, Treatment discontinued", "General / Chills / as told", "2024-12-30 (-2)", "N", "Missing"],
        ["2-05", "Fatal", "General / Pyrexia / as told", "2025-01-10 (10)", "Y", "Missing"],
    ]  # fmt: skip
    dead = draw(DEATHS).assign(DTHDTC=["2025-01-29", "2025-02-21", "2025-02", "2025-07-01", None])
    collected = table(
        "L14.3.2.1.2", {"ADSL": dead.astype({"DTHDTC": "str"}), "ADAE": adae.assign(AESTDTC=days).astype({"AREL": "str"})}
    )
    assert collected.rows[5].cells["START"] == "2025-02 (53D)", "as collected: the day was imputed"
