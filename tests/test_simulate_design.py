"""The synthetic cut against the numbers of its design, and against the variables of the data model.

Expected shares are the design's own; they are compared at eight times the size of the randomised
phase, within four standard errors of a binomial share.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cgbm1_report.protocol.schema import read_schema
from cgbm1_report.read.cut import read_cut
from cgbm1_report.simulate.course import live_through
from tests.drawn import our_trial

SCALE, ARM = 8, 240
VARIABLES = pd.read_csv(Path(__file__).parent / "oracles" / "sdtm_variables.csv", keep_default_na=False)
INFECTIONS = (
    "Pneumonia|Peritonitis bacterial|Urinary tract infection|Upper respiratory tract infection|Fungal infection|Sepsis|Septic shock"
)


@pytest.fixture(scope="module")
def trial() -> SimpleNamespace:
    """Everything that happens in a trial eight times as large; ``dosed``: the treated of its randomised phase."""
    people, tables, _ = live_through(our_trial(), seed=11, scale=SCALE)
    dosed = people[people["randomised"] & people["dosed"]]
    events = tables["AE"][tables["AE"]["pid"].isin(dosed.index)]
    emergent = events[~events["before"] & events["onset"].between(0, 180)]
    return SimpleNamespace(people=people, tables=tables, dosed=dosed, events=emergent)


def within(observed: float, expected: float, n: int, also: float = 0.0) -> bool:
    """Four standard errors of a share, and ``also`` where the design gives no more than a round number."""
    return abs(observed - expected) <= 4 * np.sqrt(expected * (1 - expected) / n) + also


def share_by_arm(trial: SimpleNamespace, rows: pd.Series) -> list[float]:
    """Share of treated subjects with such an event: placebo, low, medium."""
    hit = pd.Series(trial.dosed.index.isin(trial.events.loc[rows, "pid"]), index=trial.dosed.index)
    return [float(share) for share in hit.groupby(trial.dosed["rank"]).mean()]


# --- adverse events ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "percent"),
    [
        (INFECTIONS, (40, 35, 31)),
        ("Pyrexia", (17, 22, 26)),
        ("Hypokalaemia", (25, 25, 25)),
        ("Hyponatraemia", (15, 15, 15)),
        ("Ascites", (28, 28, 28)),
        ("Hepatic encephalopathy", (18, 18, 18)),
        ("Acute kidney injury", (15, 13, 12)),
        ("Upper gastrointestinal haemorrhage", (9, 9, 9)),
        ("Anaemia", (18, 18, 18)),
        ("Platelet count decreased", (14, 14, 14)),
        ("Alanine aminotransferase increased", (6, 6, 6)),
        ("Nausea", (12, 12, 12)),
        ("Headache", (8, 8, 8)),
        ("Rash|Urticaria|Hypersensitivity", (1, 3, 4)),
        ("Chills", (2, 5, 7)),
        ("Deep vein thrombosis", (1, 1, 2)),
    ],
)
def test_as_many_have_an_event_as_designed(trial, terms, percent):
    """Those who die of it are among them; whoever dies early had it in the days there were."""
    shares = share_by_arm(trial, trial.events["AEDECOD"].isin(terms.split("|")))
    assert all(within(share, want / 100, ARM) for share, want in zip(shares, percent, strict=True)), shares


def test_fever_follows_the_infusion_in_as_many_as_designed(trial):
    """Within 24 hours: 2, 7, 10 %."""
    soon = trial.events["AEDECOD"].eq("Pyrexia") & (trial.events["hours"] < 24)
    shares = share_by_arm(trial, soon)
    assert all(within(share, want / 100, ARM) for share, want in zip(shares, (2, 7, 10), strict=True)), shares


def test_related_and_serious_events_are_as_frequent_as_designed(trial):
    """Any related (missing counts as related): 12, 27, 33 %; serious: 44, 40, 37 %."""
    related = ~trial.events["AEREL"].isin(["NOT RELATED", "UNLIKELY RELATED"])
    for rows, percent in ((related, (12, 27, 33)), (trial.events["AESER"] == "Y", (44, 40, 37))):
        shares = share_by_arm(trial, rows)
        assert all(within(share, want / 100, ARM, also=0.02) for share, want in zip(shares, percent, strict=True)), shares


def test_one_carcinoma_in_the_highest_randomised_dose(trial):
    cases = trial.tables["AE"].loc[trial.tables["AE"]["AEDECOD"] == "Hepatocellular carcinoma", "pid"]
    assert trial.people.loc[cases, "rank"].tolist() == [2]


def test_grades_are_mixed_as_designed_and_fatal_events_are_the_deaths(trial):
    """35/33/20/6 of the grades 1 to 4; the share of grade 5 follows from the deaths."""
    grade = trial.events.loc[~trial.events["fatal"], "AETOXGR"].astype(int)
    expected = np.array([35, 33, 20, 6]) / 94
    assert np.allclose(grade.value_counts(normalize=True).sort_index(), expected, atol=0.035)
    assert set(trial.events.loc[trial.events["fatal"], "pid"]) == set(trial.dosed.index[trial.dosed["death_day"].notna()])
    usual = trial.events[trial.events["infusion"].isna() & ~trial.events["fatal"] & (trial.events["onset"] < 60)]
    assert 8 <= usual["onset"].median() <= 14


# --- course --------------------------------------------------------------------------------------


def test_those_who_leave_are_as_many_as_designed(trial):
    """4 % lost, 2 % withdrawn (one of them never dosed), at any time of the follow-up."""
    people = trial.people[trial.people["randomised"]]
    assert within((people["drop_reason"] == "LOST TO FOLLOW-UP").mean(), 0.04, len(people))
    assert within((people["drop_reason"] == "WITHDRAWAL BY SUBJECT").mean(), 0.02, len(people))
    days = people["drop_day"].dropna()
    assert days.between(1, 179).all()
    assert days.max() > 140


def test_patients_are_as_ill_as_designed(trial):
    """Cirrhosis 55 %, encephalopathy 68/15/12/5 %, vasopressor 2 %, complications at baseline, men 85 %."""
    people, n = trial.people[trial.people["arm"] >= 0], len(trial.dosed)
    assert within(people["cirrhosis"].mean(), 0.55, n)
    assert within((trial.people["SEX"] == "M").mean(), 0.85, n)
    assert within((people["vasopressor"] > 0).mean(), 0.02, n)
    for grade, share in enumerate((0.68, 0.15, 0.12, 0.05)):
        assert within((people["he"] == grade).mean(), share, n), grade
    for code, share in {"INFECT": 0.25, "HE": 0.32, "REFASC": 0.04, "HYPONAT": 0.12, "AKI": 0.05}.items():
        assert within(people[f"prevalent_{code}"].mean(), share, n), code
    assert within(people["ascites"].mean(), 0.45, n)
    for precipitant, share in {"HBV FLARE": 0.55, "UNKNOWN": 0.20, "INFECTION": 0.12, "ALCOHOL": 0.08, "DRUG": 0.05}.items():
        assert within((people["precipitant"] == precipitant).mean(), share, n, also=0.01), precipitant
    assert abs(people["AGE"].mean() - 46) < 4 * 10 / np.sqrt(n)
    assert people["AGE"].between(18, 70).all()


@pytest.mark.parametrize(
    ("test", "visit", "median", "spread"),
    [
        ("BILI", 1, 310, 0.35),
        ("INR", 1, 1.95, 0.14),
        ("CREAT", 1, 72, 0.25),
        ("ALT", 1, 180, 0.9),
        ("GGT", 1, 80, 0.5),
        ("ALB", 1, 32, 0.125),
        ("SODIUM", 1, 136, 0.03),
        ("HGB", 1, 118, 0.15),
        ("INTLK6", 2, 24, 1.0),
        ("TNF", 2, 12, 0.6),
        ("HGF", 2, 2400, 0.5),
        ("ICGR15", 2, 43.5, 0.26),
    ],
)
def test_laboratory_starts_where_designed(trial, test, visit, median, spread):
    """Medians of the design; those of ICG follow from its mean 45 and SD 12 (log-normal: 43.5, 0.26).

    Patients with bilirubin above 171 and MELD below 30 only, so that the median of BILI moves a little.
    """
    results = trial.tables["LB"]
    own = results[(results["LBTESTCD"] == test) & (results["VISITNUM"] == visit) & results["pid"].isin(trial.dosed.index)]
    value = own["LBSTRESN"].dropna()
    assert abs(np.log(value.median() / median)) < 5 * spread / np.sqrt(len(value)) + 0.02
    if test == "ICGR15":
        assert abs(value.mean() - 45) < 3
        assert abs(value.std() - 12) < 2


def test_a_death_long_after_transplantation_has_a_failing_graft_before_it(trial):
    """Bilirubin falls to its floor with the graft, and is high again at the end."""
    people, results = trial.people, trial.tables["LB"]
    again = people.loc[people["death_day"] > people["transplant_day"] + 60, ["transplant_day", "death_day"]]
    assert len(again) >= 1
    results = results[(results["LBTESTCD"] == "BILI") & results["LBSTRESN"].notna()]
    for pid, graft, death in again.itertuples():
        own = results[results["pid"] == pid].sort_values("start")
        day = (own["start"].dt.normalize() - people["anchor"][pid]).dt.days
        between = own.loc[(day > graft + 14) & (day < death), "LBSTRESN"]
        assert between.iloc[-1] > 171
        assert between.iloc[-1] > 2 * between.min()


# --- what is missing -----------------------------------------------------------------------------


def test_as_much_is_missing_as_designed(trial):
    """Laboratory 3, ICG 12, cytokines 8 % of what was due at visits that took place; LSM 10, HLA 6 %."""
    results = trial.tables["LB"]
    due = results[(results["VISITNUM"] % 1 == 0) & (results["LBREASND"] != "VISIT MISSED")]
    done = due["LBSTAT"] != "NOT DONE"
    kind = due["LBTESTCD"].map({"ICGR15": "icg", "INTLK6": "cytokine", "TNF": "cytokine", "HGF": "cytokine"}).fillna("other")
    for name, share in {"other": 0.03, "icg": 0.12, "cytokine": 0.08}.items():
        assert within(1 - done[kind == name].mean(), share, int((kind == name).sum()), also=0.003), name
    visits = trial.tables["SV"].set_index(["pid", "VISITNUM"]).index
    for domain, test, share in (("XL", "LSM", 0.10), ("IS", "HLA1AB", 0.06)):
        table = trial.tables[domain][trial.tables[domain][f"{domain}TESTCD"] == test]
        seen = table[pd.MultiIndex.from_frame(table[["pid", "VISITNUM"]]).isin(visits)]
        assert within((seen[f"{domain}STAT"] == "NOT DONE").mean(), share, len(seen)), domain


def test_as_much_is_below_the_limit_as_designed(trial):
    """IL-6 6 %, TNF-alpha 10 %."""
    results = trial.tables["LB"]
    for test, share in (("INTLK6", 0.06), ("TNF", 0.10)):
        texts = results.loc[(results["LBTESTCD"] == test) & (results["LBSTAT"] != "NOT DONE"), "LBSTRESC"]
        assert within(texts.str.startswith("<").mean(), share, len(texts), also=0.005), test


def test_as_many_visits_are_missed_or_late_as_designed(trial):
    """Missed 4 %, out of the window 6 % of the visits that are bound to no infusion."""
    deviations = trial.tables["DV"]["DVDECOD"].value_counts()
    free = trial.tables["SV"][trial.tables["SV"]["VISITNUM"].isin([28, 60, 90])]
    planned = len(free) / 0.96
    late = trial.tables["DV"]["DVTERM"].str.fullmatch("Visit DAY (28|60|90) outside its window").sum()
    missed = trial.tables["DV"]["DVTERM"].str.fullmatch("Visit DAY (28|60|90) missed").sum()
    assert within(late / planned, 0.06, int(planned))
    assert within(missed / planned, 0.04, int(planned))
    assert deviations["VISIT WINDOW"] > 0


def test_partial_dates_are_as_many_as_designed(trial):
    """MH year only 25 %, month 15 %; CM 10 %; AE start 4 % and one year; AE end 5 %; CE 2 %; AE of the first day without time 15 %."""
    tables = trial.tables
    forms = {name: tables[name].loc[tables[name]["start"].notna(), "start_form"] for name in ("MH", "CM", "AE", "CE")}
    for name, length, share in (("MH", 4, 0.25), ("MH", 7, 0.15), ("CM", 7, 0.10), ("AE", 7, 0.04), ("CE", 7, 0.02)):
        assert within((forms[name] == length).mean(), share, len(forms[name])), (name, length)
    assert (forms["AE"] == 4).sum() == 1
    ends = tables["AE"].loc[tables["AE"]["stop"].notna(), "stop_form"]
    assert within((ends == 7).mean(), 0.05, len(ends))
    first = tables["AE"].loc[(tables["AE"]["onset"] == 0) & ~tables["AE"]["before"], "start_form"]
    assert within((first == 10).mean(), 0.15, len(first))


def test_deviations_are_as_many_as_designed(trial):
    """12 % of subjects have one that is not of a visit, 4 % an important one; two are out of the per-protocol set."""
    table, people = trial.tables["DV"], trial.people[trial.people["arm"] >= 0]
    other = table[~table["DVDECOD"].isin(["VISIT WINDOW", "PROCEDURE MISSED"])]
    assert within(people.index.isin(other["pid"]).mean(), 0.12, len(people))
    assert within(people.index.isin(table.loc[table["DVCAT"] == "IMPORTANT", "pid"]).mean(), 0.04, len(people))
    assert table.loc[table["DVPPSFL"] == "Y", "pid"].nunique() == 2


# --- the data model ------------------------------------------------------------------------------

CORE = {"R": (False, True), "E": (True, True), "P": (True, False)}
#: A laboratory test that was not done at a visit that was missed has no date; the schema asks for it in all others.
DATED_WHERE_DONE = ("LB", "LBDTC")
#: Permissible and nobody's: codes of a licensed dictionary, and an earlier participation, which is an error.
NOT_SIMULATED = {("AE", "AEPTCD"), ("AE", "AESOCCD"), ("DM", "PRIORID")}


def test_schemas_hold_every_variable_of_the_data_model_as_it_says():
    """Label, text or number, required and nullable by core, SUPP-- or parent; the oracle is the model's list of variables."""
    wrong = []
    for row in VARIABLES.itertuples():
        column = read_schema(row.domain)["columns"].get(row.variable, {})
        core = (column.get("nullable", False), column.get("required", True))
        expected = (True, True) if (row.domain, row.variable) == DATED_WHERE_DONE else CORE[row.core]
        same = (
            column.get("title") == row.label,
            column.get("dtype") == ("float64" if row.type == "N" else "str"),
            ("iso8601" in column) == (row.type == "X"),
            str(column.get("description", "")).startswith("SUPP") == (row.supp == "Y"),
            core == expected,
        )
        if not all(same):
            wrong.append((row.domain, row.variable, same))
    assert wrong == []
    assert len(VARIABLES) == 185


def test_cut_holds_every_variable_of_the_data_model(final_cut):
    cut = read_cut(final_cut, our_trial())
    frames = {**cut.sdtm, "SRC_DECISIONS": cut.src_decisions}
    absent = {(row.domain, row.variable) for row in VARIABLES.itertuples() if row.variable not in frames[row.domain]}
    assert absent == NOT_SIMULATED


def test_every_serious_event_has_its_narrative(final_cut):
    events = read_cut(final_cut, our_trial()).sdtm["AE"]
    assert (events["AERELSAE"].notna() == (events["AESER"] == "Y")).all()
    assert events["AERELSAE"].dropna().is_unique
