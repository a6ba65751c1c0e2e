"""Analysis datasets written and read back: the same frames, labels included, in every format."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cgbm1_report.errors import ReportError
from cgbm1_report.read.adamfiles import date_kind, write_adam
from cgbm1_report.read.cut import read_cut

FORMATS = ("parquet", "xpt", "json")
LABELS = {
    "STUDYID": "Study Identifier",
    "USUBJID": "Unique Subject Identifier",
    "AVAL": "Analysis Value",
    "AVALC": "Analysis Value (C)",
    "ADT": "Analysis Date",
    "ADTM": "Analysis Datetime",
}


def _frame(texts, numbers, days, moments) -> pd.DataFrame:
    """One record per element; None is missing."""
    frame = pd.DataFrame(
        {
            "STUDYID": pd.Series(["S"] * len(texts), dtype="str"),
            "USUBJID": pd.Series([f"S-{n}" for n in range(len(texts))], dtype="str"),
            "AVAL": pd.Series(numbers, dtype="float64"),
            "AVALC": pd.Series(texts, dtype="str"),
            "ADT": pd.Series(pd.to_datetime(days), dtype="datetime64[s]"),
            "ADTM": pd.Series(pd.to_datetime(moments), dtype="datetime64[s]"),
        }
    )
    frame.attrs = {"labels": dict(LABELS), "label": "Laboratory Analysis"}
    return frame


def _content(frame: pd.DataFrame) -> tuple[list[tuple[str, str]], dict[str, str], str, list[list[object]]]:
    """Variables with their types, labels, and every value; None is missing."""
    types = [(str(name), str(frame[name].dtype)) for name in frame]
    values = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return types, frame.attrs["labels"], frame.attrs["label"], values


# Text SAS can hold: no trailing blanks, no control characters; empty text is missing.
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=40)
RECORDS = st.lists(
    st.tuples(
        TEXT | st.none(),
        # The range of IBM hexadecimal floating point, with its 56 bits enough for every double.
        st.floats(-1e60, 1e60, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-60) | st.none(),
        st.dates(datetime(1901, 1, 1).date(), datetime(2099, 12, 31).date()) | st.none(),
        st.datetimes(datetime(1901, 1, 1), datetime(2099, 12, 31)).map(lambda d: d.replace(microsecond=0)) | st.none(),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=RECORDS)
def test_what_is_written_is_read_back(form, records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cut")
    frame = _frame(*map(list, zip(*records, strict=True)))
    write_adam({"ADLB": frame}, folder / "adam", form)
    assert _content(read_cut(folder).adam["ADLB"]) == _content(frame)


@pytest.mark.parametrize("form", FORMATS)
def test_dataset_without_records_keeps_its_variables_and_labels(form, tmp_path):
    frame = _frame([], [], [], [])
    write_adam({"ADLB": frame}, tmp_path / "adam", form)
    found = read_cut(tmp_path).adam["ADLB"]
    assert _content(found) == _content(frame)
    assert len(found) == 0
    assert list(found) == list(LABELS)


@pytest.mark.parametrize("form", FORMATS)
def test_same_frames_give_the_same_bytes(form, tmp_path):
    frame = _frame(["1.5", None], [1.5, None], ["2025-01-06", None], ["2025-01-06T10:30", None])
    first, second = (write_adam({"ADLB": frame}, tmp_path / name, form)[0] for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_midnight_of_a_datetime_variable_stays_a_datetime():
    # ADTM at 00:00 for all records is still a time, ADT with a time of day is no date.
    midnight = pd.Series(pd.to_datetime(["2025-01-06"])).astype("datetime64[s]")
    assert date_kind(midnight.rename("ADTM")) == "datetime"
    assert date_kind(midnight.rename("ADT")) == "date"
    assert date_kind((midnight + pd.Timedelta(hours=1)).rename("ADT")) == "datetime"
    assert date_kind(pd.Series([1.0], name="AVAL")) is None


def test_sas_reads_dates_as_days_and_seconds_since_1960(tmp_path):
    # 1960-01-02 is day 1, 1960-01-01T00:01 is second 60 (SAS 9.4 Language Reference, dates and times).
    import pyreadstat

    frame = _frame([None], [None], ["1960-01-02"], ["1960-01-01T00:01"])
    file = write_adam({"ADLB": frame}, tmp_path, "xpt", np.datetime64("2026-01-01"))[0]
    read, meta = pyreadstat.read_xport(str(file), disable_datetime_conversion=True)
    assert (read["ADT"][0], read["ADTM"][0]) == (1.0, 60.0)
    assert meta.original_variable_types["ADT"].startswith("DATE9")
    assert meta.original_variable_types["ADTM"].startswith("DATETIME20")


def test_dataset_json_says_what_the_standard_asks_for(tmp_path):
    # Required attributes of Dataset-JSON 1.1 and of a numeric date.
    frame = _frame(["<b>µ</b>"], [2.0], ["2025-01-06"], ["2025-01-06T10:30"])
    content = json.loads(write_adam({"ADLB": frame}, tmp_path, "json")[0].read_text(encoding="utf-8"))
    assert {"datasetJSONCreationDateTime", "datasetJSONVersion", "itemGroupOID", "records", "name", "label", "columns"} <= set(
        content
    )
    day = next(column for column in content["columns"] if column["name"] == "ADT")
    assert (day["dataType"], day["targetDataType"], day["displayFormat"]) == ("date", "integer", "DATE9.")
    assert content["rows"] == [["S", "S-0", 2.0, "<b>µ</b>", "2025-01-06", "2025-01-06T10:30:00"]]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda frame: frame.rename(columns={"AVALC": "ANALYSISC"}), "ANALYSISC"),
        (lambda frame: frame.assign(AVALC="µ" * 101), "AVALC"),
    ],
)
def test_transport_refuses_what_it_would_cut_off_and_writes_nothing(change, named, tmp_path):
    frame = change(_frame(["x"], [1.0], [None], [None]))
    with pytest.raises(ReportError, match=named):
        write_adam({"ADSL": _frame(["x"], [1.0], [None], [None]), "ADLB": frame}, tmp_path / "adam", "xpt")
    assert not (tmp_path / "adam").exists()


@pytest.mark.parametrize(
    ("texts", "numbers", "said"),
    [
        # 67 characters of three bytes: 201 bytes; the value, its variable and its record are named.
        (["x", "广" * 67], [1.0, 2.0], ["AVALC, record 2", "广" * 40, "more than 200 bytes"]),
        (["a\0b"], [1.0], ["AVALC, record 1", "NUL"]),
        (["x", "trail "], [1.0, 2.0], ["'trail '", "ends in a blank"]),
        ([""], [1.0], ["is empty"]),
        (["x"], [1e80], ["AVAL, record 1", "1e+80"]),  # would be read back as infinite
        (["x"], [1e-90], ["AVAL, record 1", "1e-90"]),  # would be read back as 0
    ],
)
def test_value_transport_would_change_is_named_and_never_cut(texts, numbers, said, tmp_path):
    frame = _frame(texts, numbers, [None] * len(texts), [None] * len(texts))
    with pytest.raises(ReportError) as caught:
        write_adam({"ADLB": frame}, tmp_path / "adam", "xpt")
    for words in said:
        assert words in str(caught.value)
    assert not (tmp_path / "adam").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_chinese_text_up_to_200_bytes_is_kept_whole(form, tmp_path):
    # 66 characters of three bytes and two of one: 200 bytes.
    frame = _frame(["广州第一人民医院", "广" * 66 + "ab", None], [1.0, None, -0.5], [None] * 3, [None] * 3)
    write_adam({"ADLB": frame}, tmp_path / "adam", form)
    found = read_cut(tmp_path).adam["ADLB"]
    assert _content(found) == _content(frame)


@pytest.mark.parametrize("form", FORMATS)
def test_infinite_number_is_refused_in_every_format(form, tmp_path):
    frame = _frame(["x"], [np.inf], [None], [None])
    with pytest.raises(ReportError, match="AVAL: holds an infinite number"):
        write_adam({"ADLB": frame}, tmp_path / "adam", form)
    assert not (tmp_path / "adam").exists()


def test_label_of_more_than_40_bytes_is_refused(tmp_path):
    frame = _frame(["x"], [1.0], [None], [None])
    frame.attrs["labels"]["AVAL"] = "µ" * 21
    with pytest.raises(ReportError, match="AVAL"):
        write_adam({"ADLB": frame}, tmp_path, "xpt")
