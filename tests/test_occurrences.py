"""Every record of an occurrence dataset leads back to its SDTM record, and no dated record is lost."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cgbm1_report.derive.adae import derive_adae
from cgbm1_report.derive.adce import derive_adce
from cgbm1_report.derive.adcm import derive_adcm
from cgbm1_report.protocol.schema import read_schema, schema_labels
from cgbm1_report.read.adamfiles import write_adam
from cgbm1_report.read.cut import read_cut
from cgbm1_report.read.texts import hold_as_arrow
from tests.drawn import our_trial
from tests.sdtm_cases import shown

TRIAL = our_trial()
DATASETS = ("ADAE", "ADCE", "ADCM", "ADMH", "ADPR", "ADDV", "ADIE")
#: The variable that says when a record began.
START = {
    **{dataset: f"{dataset.removeprefix('AD')}STDTC" for dataset in DATASETS if dataset != "ADIE"},
    "ADIE": "IEDTC",
}


@pytest.fixture(scope="module")
def data(final_data) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    return final_data


@pytest.mark.parametrize("dataset", DATASETS)
def test_each_record_is_one_record_of_its_domain_and_keeps_what_was_collected(data, dataset):
    sdtm, adam = data
    domain = dataset.removeprefix("AD")
    keys = ["USUBJID", f"{domain}SEQ"]
    source, found = sdtm[domain], adam[dataset]
    assert not found.duplicated(keys).any()
    assert found[keys].notna().all(axis=None)
    assert set(map(tuple, found[keys].to_numpy())) == set(map(tuple, source[keys].to_numpy()))
    both = found.merge(source, on=keys, suffixes=("", "_SDTM"), validate="one_to_one")
    for name in (name for name in source if f"{name}_SDTM" in both and name != "STUDYID"):
        assert [shown(v) for v in both[name]] == [shown(v) for v in both[f"{name}_SDTM"]], name


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_variable_is_declared_with_its_type_and_label(data, dataset):
    found = data[1][dataset]
    declared = read_schema(dataset)["columns"]
    assert list(found) == list(declared)
    assert {name: str(found[name].dtype) for name in found} == {name: one["dtype"] for name, one in declared.items()}
    assert found.attrs["labels"] == schema_labels(dataset)


@pytest.mark.parametrize("dataset", DATASETS)
def test_an_analysis_date_that_was_not_collected_says_so(data, dataset):
    # Day missing: D. Month and day missing: M. All missing: Y. A complete date has no flag.
    found = data[1][dataset]
    if "ASTDTF" not in found:
        assert found["ADT"].notna().equals(found[START[dataset]].str.len() >= 10)
        return
    dated = found[found["ASTDT"].notna()]
    length = dated[START[dataset]].str.len().fillna(0)
    expected = length.map({0: "Y", 4: "M", 7: "D"})
    assert [shown(v) for v in dated["ASTDTF"]] == [shown(v) for v in expected]


@pytest.mark.parametrize("form", ["parquet", "xpt", "json"])
def test_written_and_read_back_they_are_the_same(data, form, tmp_path):
    # Missing texts, dates, all-missing variables, labels and types included.
    given_frames = {name: data[1][name] for name in ("ADSL", *DATASETS)}
    write_adam(given_frames, tmp_path / "adam", form)
    found = read_cut(tmp_path).adam
    for name, frame in given_frames.items():
        pd.testing.assert_frame_equal(hold_as_arrow(found[name]), frame, check_exact=True, check_flags=False)
        assert found[name].attrs["labels"] == frame.attrs["labels"]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.tuples(st.integers(0, 700), st.integers(0, 700)))
def test_a_later_cut_keeps_every_dated_record_of_an_earlier_one(data, days):
    sdtm, adam = data
    first, second = (str(pd.Timestamp("2025-01-06") + pd.Timedelta(days=day))[:10] for day in sorted(days))
    made = []
    for last in (first, second):
        seen = {name: sdtm[name][sdtm[name][f"{name}STDTC"].str[:10] <= last] for name in ("AE", "CE", "CM")}
        both = {"EX": sdtm["EX"], **seen}
        made.append(
            {
                "ADAE": derive_adae(both, adam["ADSL"], TRIAL),
                "ADCE": derive_adce(both, adam["ADSL"], TRIAL),
                "ADCM": derive_adcm(both, adam["ADSL"], TRIAL),
            }
        )
    kept = {"ADAE": ["ASTDT", "TRTEMFL", "HRSINF"], "ADCE": ["ASTDT", "COMPFL"], "ADCM": ["ASTDT", "PREFL", "CONFL"]}
    for dataset, names in kept.items():
        keys = ["USUBJID", f"{dataset.removeprefix('AD')}SEQ"]
        early, late = (cut[dataset].set_index(keys)[names].sort_index() for cut in made)
        pd.testing.assert_frame_equal(early, late.loc[early.index])
