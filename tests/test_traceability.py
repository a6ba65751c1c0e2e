"""Every analysis value leads back to the record it was made from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

DATASETS = ("ADLB", "ADEFF", "ADTTE", "ADIS", "ADVS", "ADLBHY")


@pytest.fixture(scope="module")
def data(final_data) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    sdtm, adam = final_data
    return {**sdtm, **adam}, adam


def sequence_of(domain: str) -> str:
    """ADAE and ADCE keep the sequence number of their SDTM record; other ADaM has ASEQ."""
    kept = {"ADAE": "AESEQ", "ADCE": "CESEQ"}
    return kept.get(domain, "ASEQ" if domain.startswith("AD") else f"{domain}SEQ")


def follow(records: pd.DataFrame, frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The records with FOUND, the value of the source variable of the source record."""
    parts = []
    for (domain, variable), part in records.groupby(["SRCDOM", "SRCVAR"]):
        source = frames[domain]
        keys = ["USUBJID"] if domain == "ADSL" else ["USUBJID", "SRCSEQ"]
        columns = {variable: "FOUND"} if domain == "ADSL" else {sequence_of(domain): "SRCSEQ", variable: "FOUND"}
        taken = source[["USUBJID", *columns]].rename(columns=columns).astype({"FOUND": object})
        assert not taken.duplicated(keys).any()
        parts.append(part.merge(taken, on=keys, how="left"))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_value_leads_to_a_record_that_is_there_and_filled(data, dataset):
    frames, adam = data
    records = adam[dataset]
    assert len(records)
    assert records[["SRCDOM", "SRCVAR"]].notna().all().all()
    assert (records["SRCSEQ"].notna() | (records["SRCDOM"] == "ADSL")).all()
    followed = follow(records, frames)
    assert len(followed) == len(records)
    lost = followed[followed["FOUND"].isna()]
    assert lost.empty, lost[["USUBJID", "PARAMCD", "SRCDOM", "SRCVAR", "SRCSEQ"]].head().to_string()


def test_sub_score_leads_to_the_visit_of_its_subject(data):
    frames, adam = data
    records = adam["ADEFF"][
        adam["ADEFF"]["PARAMCD"].isin(["CLIFCIR", "CLIFRES"]) & adam["ADEFF"]["SRCDOM"].isin(["VS", "RE", "LB"])
    ]
    assert {"VS", "RE"} <= set(records["SRCDOM"])
    for domain, part in records.groupby("SRCDOM"):
        source = frames[str(domain)].set_index(["USUBJID", f"{domain}SEQ"])["VISITNUM"]
        assert np.allclose(source.reindex(pd.MultiIndex.from_frame(part[["USUBJID", "SRCSEQ"]])), part["VISITNUM"])


def test_antibodies_together_lead_to_the_class_that_decided(data):
    frames, adam = data
    records = adam["ADIS"][adam["ADIS"]["PARAMCD"] == "HLAAB"]
    found = follow(records, frames)
    assert (found["AVALC"] == found["FOUND"]).all()


def test_completed_screen_leads_to_the_bilirubin_of_its_day_and_an_open_one_to_a_transaminase(data):
    _, adam = data
    records = adam["ADLBHY"][adam["ADLBHY"]["PARAMCD"].isin(["HYSLAW", "HYSBASE", "HYSNADIR"])]
    source = adam["ADLB"].set_index(["USUBJID", "ASEQ"])[["PARAMCD", "ADT"]]
    found = source.reindex(pd.MultiIndex.from_frame(records[["USUBJID", "SRCSEQ"]])).set_axis(records.index)
    completed = records["AVALC"] == "Y"
    assert completed.any()
    assert (~completed).any()
    assert (found.loc[completed, "PARAMCD"] == "BILI").all()
    assert (found.loc[completed, "ADT"] == records.loc[completed, "ADT"]).all()
    assert found.loc[~completed, "PARAMCD"].isin(["ALT", "AST"]).all()


def test_laboratory_value_is_the_number_it_leads_to_or_half_the_limit(data):
    frames, adam = data
    found = follow(adam["ADLB"], frames)
    number = found[found["SRCVAR"] == "LBSTRESN"]
    assert np.allclose(number["AVAL"], number["FOUND"].astype("float64"))
    limit = found[found["SRCVAR"] == "LBLLOQ"]
    assert np.allclose(limit["AVAL"], limit["FOUND"].astype("float64") / 2)
    assert (limit["LLOQFL"] == "Y").all()
    load = found[found["SRCVAR"] == "MBSTRESN"]
    assert np.allclose(load["AVAL"], np.log10(load["FOUND"].astype("float64")))
    text = found[found["SRCVAR"].str.endswith("STRESC")]
    assert (text["AVALC"] == text["FOUND"]).all()


def test_score_leads_to_its_first_component(data):
    # COMP1 in mg/dL: creatinine is umol/L / 88.4, bilirubin umol/L / 17.1; INR and the West-Haven grade as they are.
    frames, adam = data
    found = follow(adam["ADEFF"], frames)
    divide = {"MELD": 88.4, "MELDUNOS": 88.4, "CLIFKID": 88.4, "CLIFCOF": 17.1, "OFCOUNT": 17.1, "OFREG": 17.1, "CLIFLIV": 17.1}
    made = found[found["PARAMCD"].isin([*divide, "CLIFCOA", "CLIFBRA"])]
    expected = made["FOUND"].astype("float64") / made["PARAMCD"].map(divide).fillna(1.0)
    assert np.allclose(made["COMP1"], expected, rtol=1e-3)


def test_time_of_an_event_is_the_date_it_leads_to(data):
    frames, adam = data
    found = follow(adam["ADTTE"], frames)
    event = found[found["CNSR"] == 0]
    assert (pd.to_datetime(event["FOUND"]) == event["ADT"]).all()
    # A subject still followed at the end is censored there, not at a later contact.
    rest = found[found["CNSR"] != 0]
    assert (pd.to_datetime(rest["FOUND"]) >= rest["ADT"]).all()
