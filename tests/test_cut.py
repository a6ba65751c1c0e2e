"""Reading a cut: every format gives the same frame, and no damage passes in silence."""

from __future__ import annotations

import datetime
import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgbm1_report.errors import ReportError
from cgbm1_report.read.cut import read_cut
from cgbm1_report.read.folder import hash_cut
from cgbm1_report.read.sas import read_xpt
from cgbm1_report.read.xpt import XptLayout, check_rows, read_layout, read_rows
from cgbm1_report.validate import validate_adam, validate_sdtm
from cgbm1_report.validate.schemas import key_findings
from tests.drawn import opened_trial, our_trial

TRIAL = our_trial()

AE = pd.DataFrame(
    {
        "STUDYID": ["NCT06740149"] * 3,
        "USUBJID": ["007", "008", "009"],
        "AESEQ": [1.0, 1.0, 2.0],
        "AETERM": ["Fever", "", "  "],
        "AESTDTC": ["2025-03", "2025-03-10T10:00", ""],
        "AEPTCD": [10037660.0, np.nan, 1.5],
    }
)
AE_LABELS = {"AETERM": "Reported Term of Us", "AESEQ": "Sequence"}
ADSL = pd.DataFrame(
    {
        "USUBJID": ["007", "008"],
        "AGE": [44.0, np.nan],
        "TRTSDT": [datetime.date(2025, 3, 10), None],
        "TRTSDTM": pd.to_datetime(["2025-03-10T10:30:00", None]),
    }
)


def write_xpt(frame: pd.DataFrame, path: Path, version: int = 5, labels: dict[str, str] | None = None, label: str = "") -> None:
    pyreadstat.write_xport(
        frame, str(path), file_label=label, column_labels=labels, table_name=path.stem.upper()[:8], file_format_version=version
    )


def write_parquet(frame: pd.DataFrame, path: Path, labels: dict[str, str] | None = None, label: str = "") -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [field.with_metadata({"label": (labels or {}).get(field.name, "")}) for field in table.schema]
    pq.write_table(table.cast(pa.schema(fields)).replace_schema_metadata({"label": label}), path)


def json_content(frame: pd.DataFrame, labels: dict[str, str] | None = None, label: str = "") -> dict[str, object]:
    kinds = {name: "string" if frame[name].dtype != "float64" else "double" for name in frame}
    values = [[None if pd.isna(v) else v for v in row] for row in frame.itertuples(index=False)]
    columns = [{"itemOID": f"IT.{n}", "name": n, "label": (labels or {}).get(n, n), "dataType": kinds[n]} for n in frame]
    return {"datasetJSONVersion": "1.1.0", "records": len(frame), "name": "AE", "label": label, "columns": columns, "rows": values}


def write_json(frame: pd.DataFrame, path: Path, labels: dict[str, str] | None = None, label: str = "") -> None:
    content = json_content(frame, labels, label) | {"name": path.stem.upper()}
    if path.suffix == ".ndjson":
        rows = content.pop("rows")
        path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in [content, *rows]), encoding="utf-8")
    else:
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def write_any(frame: pd.DataFrame, path: Path, labels: dict[str, str] | None = None, label: str = "") -> None:
    if path.suffix == ".xpt":
        write_xpt(frame, path, labels=labels, label=label)
    elif path.suffix == ".parquet":
        write_parquet(frame, path, labels, label)
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        write_json(frame, path, labels, label)


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    folder = tmp_path / "cut"
    (folder / "sdtm").mkdir(parents=True)
    return folder


def problems_of(folder: Path) -> list[str]:
    with pytest.raises(ReportError) as error:
        read_cut(folder, opened_trial())
    assert all(problem.remedy or "more" in problem.message for problem in error.value.problems)
    return [str(problem) for problem in error.value.problems]


FORMATS = ["ae.xpt", "ae.parquet", "ae.csv", "ae.json", "ae.ndjson", "AE.XPT"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_frame(cut: Path, name: str) -> None:
    path = cut / "sdtm" / name
    write_any(AE, path.with_suffix(path.suffix.lower()), AE_LABELS, "Adverse Events of Us")
    if name == "AE.XPT":
        path.with_suffix(".xpt").rename(path)
    frame = read_cut(cut).sdtm["AE"]
    assert frame.dtypes.astype(str).to_dict() == {
        "STUDYID": "str", "USUBJID": "str", "AESEQ": "float64", "AETERM": "str", "AESTDTC": "str", "AEPTCD": "float64",
    }  # fmt: skip
    assert frame["USUBJID"].tolist() == ["007", "008", "009"]
    assert frame["AETERM"].isna().tolist() == [False, True, True]
    assert frame["AESTDTC"].fillna(".").tolist() == ["2025-03", "2025-03-10T10:00", "."]
    assert frame["AEPTCD"].fillna(-1).tolist() == [10037660.0, -1.0, 1.5]


@pytest.mark.parametrize("name", ["ae.xpt", "ae.parquet", "ae.json", "ae.ndjson"])
def test_labels_are_kept(cut: Path, name: str) -> None:
    write_any(AE, cut / "sdtm" / name, AE_LABELS, "Adverse Events of Us")
    frame = read_cut(cut).sdtm["AE"]
    assert frame.attrs["labels"]["AETERM"] == "Reported Term of Us"
    assert frame.attrs["labels"]["AESEQ"] == "Sequence"
    assert frame.attrs["label"] == "Adverse Events of Us"


@pytest.mark.parametrize("version", [5, 8])
def test_labels_are_kept_in_both_transport_versions(cut: Path, version: int) -> None:
    write_xpt(AE, cut / "sdtm" / "ae.xpt", version, AE_LABELS, "Adverse Events of Us")
    frame = read_cut(cut).sdtm["AE"]
    assert frame.attrs["labels"]["AETERM"] == "Reported Term of Us"
    assert frame.attrs["label"] == "Adverse Events of Us"
    assert frame["AETERM"].fillna(".").tolist() == ["Fever", ".", "."]


def test_labels_of_the_schema_fill_in(cut: Path) -> None:
    write_any(AE, cut / "sdtm" / "ae.csv")
    frame = read_cut(cut).sdtm["AE"]
    assert frame.attrs["labels"]["AETERM"] == "Reported Term"
    assert frame.attrs["label"] == "Adverse Events"


def test_pandas_attrs_of_parquet_are_labels_too(cut: Path) -> None:
    frame = AE.copy()
    frame.attrs = {"labels": {"AETERM": "From attrs"}, "label": "Set from attrs"}
    frame.to_parquet(cut / "sdtm" / "ae.parquet", index=False)
    read = read_cut(cut).sdtm["AE"]
    assert read.attrs["labels"]["AETERM"] == "From attrs"
    assert read.attrs["label"] == "Set from attrs"


@pytest.mark.parametrize("name", ["adsl.xpt", "adsl.parquet", "adsl.json", "adsl.csv"])
def test_adam_dates_become_dates(cut: Path, name: str) -> None:
    (cut / "adam").mkdir()
    path = cut / "adam" / name
    if name.endswith(".json"):
        columns = [
            {"name": "USUBJID", "dataType": "string"},
            {"name": "AGE", "dataType": "integer"},
            {"name": "TRTSDT", "dataType": "date", "targetDataType": "integer"},
            {"name": "TRTSDTM", "dataType": "datetime", "targetDataType": "integer"},
        ]
        rows = [["007", 44, "2025-03-10", "2025-03-10T10:30:00"], ["008", None, None, None]]
        path.write_text(json.dumps({"columns": columns, "rows": rows}))
    elif name.endswith(".parquet"):
        ADSL.to_parquet(path, index=False)
    elif name.endswith(".xpt"):
        write_xpt(ADSL, path)
    else:
        path.write_text("USUBJID,AGE,TRTSDT,TRTSDTM\n007,44,2025-03-10,2025-03-10T10:30:00\n008,,,\n")
    frame = read_cut(cut).adam["ADSL"]
    assert frame.dtypes.astype(str).tolist() == ["str", "float64", "datetime64[s]", "datetime64[s]"]
    assert frame["TRTSDT"].iloc[0] == pd.Timestamp("2025-03-10")
    assert frame["TRTSDTM"].iloc[0] == pd.Timestamp("2025-03-10T10:30:00")
    assert frame.iloc[1, 1:].isna().all()


@pytest.mark.parametrize(
    ("sas_format", "value", "expected"),
    [  # SAS counts days and seconds from 1 January 1960; 2025-03-10 is day 23810 (65 years of 365 + 17 leap days + 68)
        ("DATE9.", 23810.0, "2025-03-10"),
        ("E8601DA10.", 23810.0, "2025-03-10"),
        ("YYMMDD10.", 23810.0, "2025-03-10"),
        ("DATETIME20.", 23810 * 86400.0 + 3600, "2025-03-10T01:00"),
        ("E8601DT19.", 23810 * 86400.0, "2025-03-10"),
        ("DATE9.", -1.0, "1959-12-31"),
    ],
)
def test_sas_numbers_with_a_date_format_become_dates(cut: Path, sas_format: str, value: float, expected: str) -> None:
    (cut / "adam").mkdir()
    columns = [{"name": "USUBJID", "dataType": "string"}, {"name": "MYDT", "dataType": "double", "displayFormat": sas_format}]
    (cut / "adam" / "adsl.json").write_text(json.dumps({"columns": columns, "rows": [["1", value]]}))
    assert read_cut(cut).adam["ADSL"]["MYDT"].iloc[0] == pd.Timestamp(expected)


@pytest.mark.parametrize("text", ["2025-03", "2025", "2025-02-30"])
def test_analysis_date_without_its_day_is_an_error_and_never_the_first_of_the_month(cut: Path, text: str) -> None:
    (cut / "adam").mkdir(exist_ok=True)
    (cut / "adam" / "addv.csv").write_text(f"STUDYID,USUBJID,DVSEQ,ADT\nS,S-1,1,{text}\n", encoding="utf-8")
    assert any(f"ADT '{text}' is no ISO 8601 date" in problem for problem in problems_of(cut))


def test_sas_number_without_a_format_is_a_date_where_the_schema_says_so(cut: Path) -> None:
    (cut / "adam").mkdir()
    write_xpt(pd.DataFrame({"USUBJID": ["1"], "TRTSDT": [23810.0], "TRTSDTM": [23810 * 86400.0 + 60]}), cut / "adam" / "adsl.xpt")
    frame = read_cut(cut).adam["ADSL"]
    assert frame["TRTSDT"].iloc[0] == pd.Timestamp("2025-03-10")
    assert frame["TRTSDTM"].iloc[0] == pd.Timestamp("2025-03-10T00:01")


def test_folder_that_holds_the_files_directly(tmp_path: Path) -> None:
    write_any(AE, tmp_path / "ae.csv")
    write_any(ADSL.drop(columns=["TRTSDT", "TRTSDTM"]), tmp_path / "adsl.csv")
    (tmp_path / "cut.json").write_text('{"cutoff": "2025-06-30", "synthetic": true, "note": "x"}')
    (tmp_path / "README.md").write_text("not data")
    (tmp_path / "define.xml").write_text("<x/>")
    (tmp_path / "src_decisions.csv").write_text("COHORT,REVIEW,REVDTC,DECISION\nLOW,SENTINEL,2025-03-01,CONTINUE\n")
    cut = read_cut(tmp_path, TRIAL)
    assert list(cut.sdtm) == ["AE"]
    assert list(cut.adam) == ["ADSL"]
    assert cut.cutoff == datetime.date(2025, 6, 30)
    assert cut.synthetic
    assert cut.about["note"] == "x"
    assert cut.src_decisions is not None
    assert cut.src_decisions["DECISION"].tolist() == ["CONTINUE"]
    assert cut.unblinding is None
    assert sorted(cut.files) == ["adsl.csv", "ae.csv", "cut.json", "src_decisions.csv"]
    assert cut.files["ae.csv"] == hashlib.sha256((tmp_path / "ae.csv").read_bytes()).hexdigest()
    assert hash_cut(tmp_path, TRIAL) == cut.files


def test_cutoff_is_taken_from_ts_then_from_the_trial(cut: Path) -> None:
    write_any(AE, cut / "sdtm" / "ae.csv")
    assert read_cut(cut, TRIAL).cutoff is None
    dated = TRIAL.model_copy(update={"study": TRIAL.study.model_copy(update={"data_cutoff": "2024-01-31"})})
    assert read_cut(cut, dated).cutoff == datetime.date(2024, 1, 31)
    (cut / "sdtm" / "ts.csv").write_text("STUDYID,TSSEQ,TSPARMCD,TSVAL\nX,1,DCUTDTC,2025-05-31\n")
    assert read_cut(cut, dated).cutoff == datetime.date(2025, 5, 31)
    (cut / "cut.json").write_text('{"cutoff": "2025-06-30"}')
    assert read_cut(cut, dated).cutoff == datetime.date(2025, 6, 30)
    (cut / "cut.json").write_text('{"cutoff": "soon"}')
    assert "no date" in problems_of(cut)[0]


def test_study_may_name_its_files_otherwise(cut: Path) -> None:
    (cut / "adam").mkdir()
    (cut / "adam" / "adlbc.csv").write_text("USUBJID,PARAMCD,AVAL\n1,ALT,40\n")
    other = TRIAL.model_copy(update={"datasets": {"adlb": "adlbc"}})
    frame = read_cut(cut, other).adam["ADLB"]
    assert frame["AVAL"].tolist() == [40.0]  # the schema of ADLB says number
    assert list(read_cut(cut, TRIAL).adam) == ["ADLBC"]


@pytest.mark.parametrize("stem", ["adtte_onco", "ADTTE_Onco", "adtte_onco-final_2025-05-31", "2adtte"])
def test_name_that_the_study_gives_a_file_may_be_longer_than_that_of_a_dataset(cut: Path, stem: str) -> None:
    (cut / "adam").mkdir()
    (cut / "adam" / f"{stem}.csv").write_text("USUBJID,PARAMCD,AVAL\n1,OS,40\n")
    named = TRIAL.model_copy(update={"datasets": {"adtte": stem.lower()}})
    assert list(read_cut(cut, named).adam) == ["ADTTE"]
    (problem,) = problems_of(cut)
    assert "is no dataset name" in problem
    assert "name it in trial.yaml" in problem
    parts = TRIAL.model_copy(update={"datasets": {"adtte": (stem.lower(), "adtte2")}})
    (cut / "adam" / "adtte2.csv").write_text("USUBJID,PARAMCD,AVAL\n1,PFS,30\n")
    assert sorted(read_cut(cut, parts).adam["ADTTE"]["AVAL"]) == [30.0, 40.0]


def test_study_may_spell_coded_values_its_own_way(cut: Path) -> None:
    (cut / "adam").mkdir()
    (cut / "adam" / "adlb.csv").write_text("USUBJID,PARAMCD,ANRIND\n1,N,N\n1,ALT,H\n1,ALT,X\n1,ALT,\n")
    codes = {"ANRIND": {"N": "NORMAL", "H": "HIGH"}, "BNRIND": {"N": "NORMAL"}}
    other = TRIAL.model_copy(update={"conventions": TRIAL.conventions.model_copy(update={"codes": codes})})
    frame = read_cut(cut, other).adam["ADLB"]
    # What is not told stays, and is refused where it is counted.
    assert frame["ANRIND"].fillna("-").tolist() == ["NORMAL", "HIGH", "X", "-"]
    assert frame["PARAMCD"].tolist() == ["N", "ALT", "ALT", "ALT"]
    assert frame.attrs == read_cut(cut, TRIAL).adam["ADLB"].attrs


def test_study_may_have_a_dataset_in_parts(cut: Path) -> None:
    (cut / "adam").mkdir()
    (cut / "adam" / "adlbc.csv").write_text("USUBJID,PARAMCD,AVAL\n1,ALT,40\n")
    (cut / "adam" / "adlbh.csv").write_text("USUBJID,PARAMCD,AVAL,LBMETHOD\n1,WBC,7.5,COUNT\n")
    other = TRIAL.model_copy(update={"datasets": {"adlb": ("adlbc", "adlbh")}})
    read = read_cut(cut, other)
    assert list(read.adam) == ["ADLB"]
    assert read.adam["ADLB"][["PARAMCD", "AVAL"]].values.tolist() == [["ALT", 40.0], ["WBC", 7.5]]
    assert read.adam["ADLB"]["LBMETHOD"].isna().tolist() == [True, False]
    assert [note.message for note in read.notes] == []
    # Half of a laboratory would be reported as all of it.
    (cut / "adam" / "adlbh.csv").unlink()
    with pytest.raises(ReportError, match="ADLB is delivered without its part adlbh"):
        read_cut(cut, other)


#: What the second part holds beside the first, which has ABLFL and SAFFL | what is said of it, once.
UNEVEN = [
    ("ABLFL,SAFFL\n2,WBC,7.5,Y,Y\n", None),
    ("ABLFL\n2,WBC,7.5,Y\n", "has no SAFFL, which adlbc has: records of this part of ADLB have no value"),
    ("LBMETHOD\n2,WBC,7.5,COUNT\n", "has no SAFFL, ABLFL, which adlbc has: records of this part of ADLB have no value"),
    # A flag of a population that is there and empty is not there; one of a baseline may be.
    ("ABLFL,SAFFL\n2,WBC,7.5,,\n", "has no SAFFL, which adlbc has: records of this part of ADLB have no value"),
]


@pytest.mark.parametrize(("second", "expected"), UNEVEN)
def test_a_part_that_lacks_what_the_other_has_is_named_once_with_its_variables(
    cut: Path, second: str, expected: str | None
) -> None:
    (cut / "adam").mkdir()
    (cut / "adam" / "adlbc.csv").write_text("USUBJID,PARAMCD,AVAL,ABLFL,SAFFL\n1,ALT,40,Y,Y\n2,ALT,41,,Y\n")
    (cut / "adam" / "adlbh.csv").write_text(f"USUBJID,PARAMCD,AVAL,{second}")
    other = TRIAL.model_copy(update={"datasets": {"adlb": ("adlbc", "adlbh")}})
    read = read_cut(cut, other)
    assert [note.message for note in read.notes] == ([expected] if expected else [])
    assert {Path(note.file).name for note in read.notes} <= {"adlbh.csv"}
    adam = {"ADSL": pd.DataFrame({"USUBJID": ["1", "2"], "SAFFL": "Y"}), "ADLB": read.adam["ADLB"]}
    found = validate_adam(adam, other, keys_only=True, uneven=read.uneven)
    assert not (found["variable"] == "SAFFL").any()


#: Two parameters of the first part with their SAFFL, and the second part | of whom V14 asks it: records by subject.
OF_PARTS = """
ALT Y | AST Y | WBC Y | nobody
# The second part lacks the flag, and reading says so.
ALT Y | AST Y | WBC . | nobody
# A parameter without a flag in a part that has it lacks it by itself, whatever the other part has.
ALT Y | AST . | WBC Y | AST has no SAFFL in any record, other parameters have it; ADSL has one for 1 record
ALT Y | AST . | WBC . | AST has no SAFFL in any record, other parameters have it; ADSL has one for 1 record
# One that both parts hold has it in one of them: its records in the other lack it.
ALT Y | AST Y | ALT . | 2: missing on 1 record, ADSL has Y
"""


@pytest.mark.parametrize("case", [one for one in OF_PARTS.strip().splitlines() if not one.startswith("#")])
def test_a_parameter_without_a_flag_in_a_part_that_has_it_is_no_matter_of_the_part(cut: Path, case: str) -> None:
    *told, expected = (one.strip() for one in case.split("|"))
    first, second, third = (one.split() for one in told)
    flag = {".": "", "Y": "Y"}
    (cut / "adam").mkdir()
    (cut / "adam" / "adlbc.csv").write_text(
        f"USUBJID,PARAMCD,AVAL,SAFFL\n1,{first[0]},40,{flag[first[1]]}\n1,{second[0]},41,{flag[second[1]]}\n"
    )
    (cut / "adam" / "adlbh.csv").write_text(f"USUBJID,PARAMCD,AVAL,SAFFL\n2,{third[0]},7.5,{flag[third[1]]}\n")
    other = TRIAL.model_copy(update={"datasets": {"adlb": ("adlbc", "adlbh")}})
    read = read_cut(cut, other)
    adam = {"ADSL": pd.DataFrame({"USUBJID": ["1", "2"], "SAFFL": "Y"}), "ADLB": read.adam["ADLB"]}
    found = validate_adam(adam, other, keys_only=True, uneven=read.uneven)
    found = found[(found["rule"] == "V14") & (found["dataset"] == "ADLB")]
    said = (found["usubjid"] + ": ").fillna("") + found["message"]
    assert said.tolist() == ([] if expected == "nobody" else [expected])
    assert set(found["severity"]) <= {"E"}


# --- dates ----------------------------------------------------------------------------------------


def put_date(cut: Path, content: object, kind: str, name: str = "TRTSDT") -> None:
    """ADSL of one subject whose date is held as the format holds it."""
    (cut / "adam").mkdir(exist_ok=True)
    if kind == "csv":
        (cut / "adam" / "adsl.csv").write_text(f"USUBJID,{name}\n1,\n2,{content}\n", encoding="utf-8")
    else:
        column = {"name": name, "dataType": "datetime", "targetDataType": "integer"}
        text = json.dumps({"columns": [{"name": "USUBJID", "dataType": "string"}, column], "rows": [["1", None], ["2", content]]})
        (cut / "adam" / "adsl.json").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2025-03-10T10:00:00Z", "UTC offset"),
        ("2025-03-10T10:00:00+08:00", "UTC offset"),
        ("2025-03-10T10", "with its day"),  # a minute nobody wrote down
        ("2025-03", "with its day"),
        ("2025---10", "leaves out a part"),
        ("20250310", "basic format"),
        ("23810", "no ISO 8601 date"),  # SAS's number of 2025-03-10, as text
        ("9999-12-31", "outside the years 1900 to 2100"),
        ("0025-03-10", "outside the years 1900 to 2100"),
    ],
)
def test_analysis_date_that_is_not_read_is_refused_by_its_form_with_record_and_variable(
    cut: Path, kind: str, text: str, words: str
) -> None:
    put_date(cut, text, kind)
    (problem,) = problems_of(cut)
    assert words in problem
    assert "record 2" in problem
    assert "TRTSDT" in problem


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_analysis_dates_of_several_zones_are_refused(cut: Path, kind: str) -> None:
    put_date(cut, "2025-03-10T10:00:00+08:00", kind)
    file = cut / "adam" / f"adsl.{kind}"
    first = "null" if kind == "json" else "1,\n"
    file.write_text(file.read_text().replace(first, '"2025-03-10T02:00:00Z"' if kind == "json" else "1,2025-03-10T02:00:00Z\n", 1))
    assert "UTC offset" in problems_of(cut)[0]


@pytest.mark.parametrize("text", ["2025-03-10T10:30:00.999", "2025-03-10 10:30:00", "2025-03-10T10:30:00"])
def test_analysis_moment_is_read_to_the_second(cut: Path, text: str) -> None:
    put_date(cut, text, "csv", "TRTSDTM")
    assert read_cut(cut).adam["ADSL"]["TRTSDTM"].iloc[1] == pd.Timestamp("2025-03-10T10:30:00")


# SAS 9.4 Formats and Informats: Reference. 2025-03-10 is day 23810 and begins with second 23810 * 86400 = 2057184000.
SAS_FORMATS = """
DATE9.       23810       2025-03-10
DATE         23810       2025-03-10
E8601DA10.   23810       2025-03-10
B8601DA8.    23810       2025-03-10
IS8601DA     23810       2025-03-10
MMDDYY10.    23810       2025-03-10
DDMMYYP10.   23810       2025-03-10
YYMMDDN8.    23810       2025-03-10
YYMMDD10     23810       2025-03-10
JULIAN7.     23810       2025-03-10
JULDAY3.     23810       2025-03-10
YEAR4.       23810       2025-03-10   # shows the year, holds the day
MONYY7.      23810       2025-03-10
YYQ6.        23810       2025-03-10
WEEKDATX29.  23810       2025-03-10
WORDDATE18.  23810       2025-03-10
NLDATE20.    23810       2025-03-10
NLDATEL15.   23810       2025-03-10
EURDFDD8.    23810       2025-03-10
DATETIME20.  2057184060  2025-03-10T00:01
DATETIME     2057184060  2025-03-10T00:01
DTDATE9.     2057184060  2025-03-10   # shows the day of a moment
E8601DN10.   2057184060  2025-03-10
B8601DN8.    2057184060  2025-03-10
IS8601DN     2057184060  2025-03-10
E8601DT19.   2057184060  2025-03-10T00:01
B8601DT15.   2057184060  2025-03-10T00:01
DTMONYY7.    2057184060  2025-03-10
DATEAMPM22.  2057184060  2025-03-10T00:01
MDYAMPM      2057184060  2025-03-10T00:01
NLDATM30.    2057184060  2025-03-10T00:01
NLDATMAP     2057184060  2025-03-10T00:01
"""


def put_number(cut: Path, name: str, sas_format: str, value: float) -> None:
    (cut / "adam").mkdir(exist_ok=True)
    columns = [{"name": "USUBJID", "dataType": "string"}, {"name": name, "dataType": "double", "displayFormat": sas_format}]
    (cut / "adam" / "adsl.json").write_text(json.dumps({"columns": columns, "rows": [["1", None], ["2", value]]}))


@pytest.mark.parametrize(
    "line", [line.partition("#")[0].split() for line in SAS_FORMATS.strip().splitlines()], ids=lambda line: line[0]
)
def test_number_is_the_date_its_sas_format_says(cut: Path, line: list[str]) -> None:
    put_number(cut, "MYDT", line[0], float(line[1]))
    dates = read_cut(cut).adam["ADSL"]["MYDT"]
    assert dates.isna().tolist() == [True, False]
    assert dates.iloc[1] == pd.Timestamp(line[2])


@pytest.mark.parametrize("sas_format", ["TIME8.", "TOD5.", "HHMM5.", "BEST12.", "8.2", "F8.", "", "E8601TM8.", "SEXF."])
def test_number_of_another_format_stays_a_number(cut: Path, sas_format: str) -> None:
    put_number(cut, "MYVALUE", sas_format, 23810.0)
    assert read_cut(cut).adam["ADSL"]["MYVALUE"].iloc[1] == 23810.0


@pytest.mark.parametrize(
    ("name", "sas_format", "value", "words"),
    [
        ("TRTSDT", "", 20250310.0, "no SAS date of the years"),  # the year 57403
        ("TRTSDT", "DATE9.", 20250310.0, "no SAS date of the years"),
        ("TRTSDT", "", 2057184000.0, "no SAS date of the years"),  # seconds without a format
        ("TRTSDTM", "", 23810.0, "no SAS datetime of the years"),  # days: would be 06:36 on 1 January 1960
        ("TRTSDTM", "DATETIME20.", 23810.0, "no SAS datetime of the years"),
        ("TRTSDTM", "DATETIME20.", 1e300, "no SAS datetime of the years"),
        ("TRTSDT", "DATE9.", -1e9, "no SAS date of the years"),
        ("TRTSDTM", "E8601DZ20.", 2057184000.0, "format 'E8601DZ20.', which is not read"),  # a moment in UTC
        ("MYDTM", "B8601DX.", 2057184000.0, "format 'B8601DX.', which is not read"),
        ("TRTSDT", "DATETIME20.", 2057184060.0, "has a time of day"),
        ("TRTSDT", "TIME8.", 3600.0, "format 'TIME8.', which is not read"),
        ("TRTSDT", "MYDATE.", 23810.0, "format 'MYDATE.', which is not read"),
    ],
)
def test_number_that_is_no_date_is_refused(cut: Path, name: str, sas_format: str, value: float, words: str) -> None:
    put_number(cut, name, sas_format, value)
    (problem,) = problems_of(cut)
    assert words in problem
    assert name in problem


# --- SUPP-- -------------------------------------------------------------------------------------

SUPP = "STUDYID,RDOMAIN,USUBJID,IDVAR,IDVARVAL,QNAM,QLABEL,QVAL\n"


def write_supp(cut: Path, rows: str, name: str = "suppae", parent: pd.DataFrame = AE) -> None:
    write_any(parent, cut / "sdtm" / f"{name[4:]}.csv")
    (cut / "sdtm" / f"{name}.csv").write_text(SUPP + rows)


def test_qualifiers_become_variables_of_their_record(cut: Path) -> None:
    # Subject 009 has AESEQ 2; "2", "2.0" and 2 name the same record.
    write_supp(cut, "X,AE,009,AESEQ,2.0,AEDLT,DLT of Us,Y\nX,AE,007,AESEQ,1,AEDLT,DLT of Us,N\nX,AE,007,AESEQ,1,OTHER,Other,z\n")
    sdtm = read_cut(cut).sdtm
    assert list(sdtm) == ["AE"]
    assert sdtm["AE"]["AEDLT"].fillna(".").tolist() == ["N", ".", "Y"]
    assert sdtm["AE"]["OTHER"].fillna(".").tolist() == ["z", ".", "."]
    assert sdtm["AE"].attrs["labels"]["AEDLT"] == "DLT of Us"
    assert sdtm["AE"].attrs["labels"]["AETERM"] == "Reported Term"
    # Expected by the schema, said by nobody: there, and missing.
    assert sdtm["AE"]["AEDLTSRC"].isna().all()
    assert sdtm["AE"]["AEDLTSRC"].dtype == "str"


def test_blank_idvar_joins_by_subject_and_numbers_follow_the_schema(cut: Path) -> None:
    dm = pd.DataFrame({"USUBJID": ["007", "008"]})
    write_supp(cut, "X,DM,007,,,SCRPHASE,Phase,2\nX,DM,008,,,SCRPHASE,Phase,1\nX,DM,007,,,RANDNO,Number,0012\n", "suppdm", dm)
    frame = read_cut(cut).sdtm["DM"]
    assert frame["SCRPHASE"].tolist() == [2.0, 1.0]
    assert frame["RANDNO"].fillna(".").tolist() == ["0012", "."]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("X,AE,007,AESEQ,9,AEDLT,DLT,Y\n", "does not exist"),
        ("X,AE,999,AESEQ,1,AEDLT,DLT,Y\n", "does not exist"),
        ("X,AE,007,AESEQ,1,AEDLT,DLT,Y\nX,AE,007,AESEQ,1,AEDLT,DLT,N\n", "stands twice"),
        ("X,AE,007,AESEQ,1,AETERM,Term,Y\n", "is a variable of AE already"),
        ("X,CM,007,AESEQ,1,AEDLT,DLT,Y\n", "RDOMAIN is not AE"),
        ("X,AE,007,CMSEQ,1,AEDLT,DLT,Y\n", "IDVAR is no variable"),
        ("X,AE,007,AESEQ,1,../../x,DLT,Y\n", "no variable name"),
        ("X,AE,007,AESEQ,1,__import__('os'),DLT,Y\n", "no variable name"),
    ],
)
def test_qualifier_without_a_place_is_an_error(cut: Path, rows: str, words: str) -> None:
    write_supp(cut, rows)
    assert any(words in problem for problem in problems_of(cut))


PLACED = AE.assign(AESPID=["A-1", "A-2", "2"])


@pytest.mark.parametrize(
    "rows",
    [
        "X,AE,007,AESEQ,1,AEDLT,DLT,N\nX,AE,007,AESPID,A-1,AEDLT,DLT,Y\n",  # the first won
        "X,AE,007,AESEQ,1,AEDLT,DLT,Y\nX,AE,007,AESPID,A-1,AEDLT,DLT,Y\n",  # the same twice: which will be corrected?
        "X,AE,007,AESEQ,1,AEDLT,DLT,Y\nX,AE,007,,,AEDLT,DLT,N\n",  # of the record, and of its subject
        *(
            f"X,AE,007,AESEQ,1,AEDLT,DLT,Y\nX,AE,007,AESEQ,{text},AEDLT,DLT,{value}\n"
            for text in ("1", "1.0", "01", " 1", "1E0", "+1", "1.")
            for value in "YN"
        ),
    ],
)
def test_record_has_one_value_of_a_qualifier_however_it_is_named(cut: Path, rows: str) -> None:
    write_supp(cut, rows, parent=PLACED)
    problems = problems_of(cut)
    assert len(problems) == 2
    assert all("stands twice for one record" in problem and "AEDLT" in problem for problem in problems)


@pytest.mark.parametrize("text", ["1", "1.0", "01", " 1", "1E0"])
def test_number_of_a_record_may_be_written_in_any_way(cut: Path, text: str) -> None:
    write_supp(cut, f"X,AE,007,AESEQ,{text},AEDLT,DLT,Y\n", parent=PLACED)
    assert read_cut(cut).sdtm["AE"]["AEDLT"].fillna(".").tolist() == ["Y", ".", "."]


def test_qualifiers_by_several_variables_stand_in_their_records(cut: Path) -> None:
    """A text identifier is compared as it is: record "2" is not record 02, nor the record whose number is 2."""
    write_supp(cut, "X,AE,007,AESEQ,1,AEDLT,DLT,N\nX,AE,008,AESPID,A-2,AEDLT,DLT,Y\nX,AE,009,AESPID,2,OTHER,O,z\n", parent=PLACED)
    frame = read_cut(cut).sdtm["AE"]
    assert frame["AEDLT"].fillna(".").tolist() == ["N", "Y", "."]
    assert frame["OTHER"].fillna(".").tolist() == [".", ".", "z"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("X,AE,009,AESPID,02,AEDLT,DLT,Y\n", "does not exist"),
        ("X,AE,007,AESEQ,0x1,AEDLT,DLT,Y\n", "does not exist"),
        ("X,AE,007,AESEQ,,AEDLT,DLT,Y\n", "not both there"),
        ("X,AE,007,,1,AEDLT,DLT,Y\n", "not both there"),
        ("X,AE,007,aeseq,1,AEDLT,DLT,Y\n", "IDVAR is no variable"),
        ("X,AE,007,AESEQ,1,aedlt,DLT,Y\n", "no variable name"),
        ("X,AE,007,AESEQ,1,AESTDTC2,DLT,Y\nX,AE,007,AESEQ,1,AESTDTC23,DLT,Y\n", "first 8 characters"),
        ("X,AE,,AESEQ,1,AEDLT,DLT,Y\n", "does not exist"),
    ],
)
def test_qualifier_of_no_certain_record_is_refused(cut: Path, rows: str, words: str) -> None:
    write_supp(cut, rows, parent=PLACED.assign(AESEQ=[1.0, 1.0, np.nan]))
    assert any(words in problem for problem in problems_of(cut))


def test_qualifier_of_a_subject_with_several_records_is_refused(cut: Path) -> None:
    """Of two events nobody knows which was dose-limiting; a group, such as a visit, names all of its records."""
    parent = pd.concat([PLACED, PLACED.assign(AESEQ=2.0)], ignore_index=True).assign(AEGRPID="G")
    write_supp(cut, "X,AE,007,,,AEDLT,DLT,Y\n", parent=parent)
    assert "its subject has several of AE" in problems_of(cut)[0]
    (cut / "sdtm" / "suppae.csv").write_text(SUPP + "X,AE,007,AEGRPID,G,AEDLT,DLT,Y\n")
    assert read_cut(cut).sdtm["AE"]["AEDLT"].fillna(".").tolist() == ["Y", ".", ".", "Y", ".", "."]


DM_TWICE = pd.DataFrame({"STUDYID": ["NCT06740149"] * 3, "USUBJID": ["007", "008", "007"], "SUBJID": ["7", "8", "9"]})


def test_qualifier_of_a_subject_that_stands_twice_in_dm_is_read_so_that_the_gate_finds_the_subject(cut: Path) -> None:
    """Of DM, with one record a subject, no qualifier names its record: it is DM that is wrong, and SUPPDM that was told."""
    write_supp(cut, "X,DM,007,,,RANDNO,Number,R1\n", "suppdm", DM_TWICE)
    read = read_cut(cut)
    assert read.sdtm["DM"]["RANDNO"].fillna(".").tolist() == ["R1", ".", "R1"]
    found = validate_sdtm(read, opened_trial())
    told = found[(found["rule"] == "V03") & (found["dataset"] == "DM")]
    assert (told["usubjid"].tolist(), set(told["severity"])) == (["007", "007"], {"E"})


def test_record_that_stands_twice_is_told_before_its_qualifiers_that_do(cut: Path) -> None:
    write_supp(cut, "X,DM,007,,,RANDNO,Number,R1\n" * 2, "suppdm", DM_TWICE)
    first, *others = problems_of(cut)
    assert "dm.csv: 007: has more than one record of one USUBJID" in first
    assert [("qualifier stands twice" in other) for other in others] == [True, True]


def test_qualifiers_that_are_numbers_are_refused(cut: Path) -> None:
    write_any(AE, cut / "sdtm" / "ae.csv")
    columns = {"RDOMAIN": "AE", "USUBJID": "007", "IDVAR": "AESEQ", "IDVARVAL": 1.0, "QNAM": "AEDLT", "QLABEL": "DLT", "QVAL": 2.0}
    pd.DataFrame([columns]).to_parquet(cut / "sdtm" / "suppae.parquet", index=False)
    assert "QVAL is no text" in problems_of(cut)[0]
    pd.DataFrame([columns | {"QVAL": "2"}]).to_parquet(cut / "sdtm" / "suppae.parquet", index=False)
    assert read_cut(cut).sdtm["AE"]["AEDLT"].fillna(".").tolist() == ["2", ".", "."]


def test_qualifiers_of_a_dataset_without_subjects_are_refused(cut: Path) -> None:
    write_supp(cut, "X,TS,,TSSEQ,1,TSX,X,Y\n", "suppts", pd.DataFrame({"TSSEQ": [1.0], "TSPARMCD": ["A"]}))
    assert "TS has no USUBJID" in problems_of(cut)[0]


def test_qualifier_that_is_no_number_is_an_error(cut: Path) -> None:
    write_supp(cut, "X,DM,007,,,SCRPHASE,Phase,two\n", "suppdm", pd.DataFrame({"USUBJID": ["007"]}))
    assert "SCRPHASE 'two' is no number" in problems_of(cut)[0]


@pytest.mark.parametrize(
    ("place", "content", "words"),
    [
        # A dose, its cells as a qualifier, and the value of an exposure parameter, each with a remark.
        ("sdtm/ex.csv", 'USUBJID,EXSEQ,EXDOSE\n007,1,0\n007,2,"0,0 (placebo)"\n', "EXDOSE is no number"),
        ("sdtm/suppex.csv", SUPP + "X,EX,007,EXSEQ,1,EXTOTCEL,Cells,none: placebo\n", "EXTOTCEL is no number"),
        ("adam/adex.csv", "USUBJID,PARAMCD,AVAL\n007,CUMDOSE,placebo\n", "AVAL is no number"),
        ("adam/adsl.csv", "USUBJID,TRT01AN\n007,placebo\n", "TRT01AN is no number"),
    ],
)
def test_error_of_reading_never_quotes_what_may_tell_treatment(cut: Path, place: str, content: str, words: str) -> None:
    (cut / "adam").mkdir(exist_ok=True)
    (cut / "sdtm" / "ex.csv").write_text("USUBJID,EXSEQ\n007,1\n")
    (cut / place).write_text(content)
    problem = next(problem for problem in problems_of(cut) if words in problem)
    assert "record" in problem
    assert "placebo" not in problem


def test_supp_without_parent_or_columns_is_an_error(cut: Path) -> None:
    (cut / "sdtm" / "suppae.csv").write_text(SUPP)
    assert "has no parent AE" in problems_of(cut)[0]
    write_any(AE, cut / "sdtm" / "ae.csv")
    (cut / "sdtm" / "suppae.csv").write_text("USUBJID,QNAM\n")
    assert "lacks RDOMAIN" in problems_of(cut)[0]


# --- split domains ------------------------------------------------------------------------------

LBCH = "STUDYID,DOMAIN,USUBJID,LBSEQ,LBTESTCD,LBSTRESN,LBFAST\nX,LB,007,1,ALT,40,Y\nX,LB,008,1,ALT,,N\n"
LBHM = "STUDYID,DOMAIN,USUBJID,LBSEQ,LBTESTCD,LBSTRESN\nX,LB,007,2,PLAT,150.5\n"


def write_parts(cut: Path, **parts: str) -> None:
    for name, text in parts.items():
        (cut / "sdtm" / f"{name}.csv").write_text(text, encoding="utf-8")


def test_parts_of_a_split_domain_are_read_as_the_domain(cut: Path) -> None:
    """SDTMIG 3.4, 4.1.7: LBSEQ counts over all parts; a variable one part lacks is missing in its records."""
    write_parts(cut, lbch=LBCH, lbhm=LBHM)
    cut_read = read_cut(cut, TRIAL)
    assert list(cut_read.sdtm) == ["LB"]
    frame = cut_read.sdtm["LB"]
    assert frame["LBTESTCD"].tolist() == ["ALT", "ALT", "PLAT"]
    assert frame["LBSTRESN"].fillna(-1).tolist() == [40.0, -1.0, 150.5]  # numbers by the schema of LB
    assert frame["LBFAST"].fillna(".").tolist() == ["Y", "N", "."]
    assert frame.attrs["labels"]["LBTESTCD"] == "Lab Test Short Name"
    assert sorted(cut_read.files) == ["sdtm/lbch.csv", "sdtm/lbhm.csv"]


@pytest.mark.parametrize("domain", ["QS", "FA"])
def test_parts_of_a_domain_nobody_reports_from_are_joined_too(cut: Path, domain: str) -> None:
    part = "DOMAIN,USUBJID,{0}SEQ,VISIT,VISITNUM\n{0},007,{1},SCREENING,1\n"
    write_parts(cut, **{f"{domain.lower()}a": part.format(domain, 1), f"{domain.lower()}cb": part.format(domain, 2)})
    assert read_cut(cut, TRIAL).sdtm[domain][f"{domain}SEQ"].astype("float64").tolist() == [1.0, 2.0]


def test_part_without_domain_is_known_by_its_sequence_number(cut: Path) -> None:
    write_parts(cut, lbch=LBCH.replace("X,LB,", "X,,"), lbhm="USUBJID,LBSEQ\n007,2\n")
    assert len(read_cut(cut).sdtm["LB"]) == 3


def test_qualifiers_of_parts_and_of_the_whole_find_their_records(cut: Path) -> None:
    """The same LBSEQ may stand in another part by mistake: qualifiers of a part belong to that part."""
    write_parts(cut, lbch=LBCH, lbhm=LBHM.replace("007,2", "007,1"))
    write_parts(cut, supplbch=SUPP + "X,LB,007,LBSEQ,1,LBX,X,chemistry\n", supplb=SUPP + "X,LB,008,LBSEQ,1,LBW,W,whole\n")
    frame = read_cut(cut).sdtm["LB"]
    assert frame["LBX"].fillna(".").tolist() == ["chemistry", ".", "."]
    assert frame["LBW"].fillna(".").tolist() == [".", "whole", "."]
    (cut / "sdtm" / "supplbxx.csv").write_text(SUPP)
    assert "has no parent LBXX" in problems_of(cut)[0]


def test_number_that_stands_in_two_parts_is_a_finding(cut: Path) -> None:
    write_parts(cut, lbch=LBCH, lbhm=LBHM.replace("007,2", "007,1"))
    frame = read_cut(cut, TRIAL).sdtm["LB"]
    (finding,) = key_findings(frame, "LB")
    assert finding["usubjid"].tolist() == ["007", "007"]
    assert set(finding["message"]) == {"the key USUBJID LBSEQ stands more than once"}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"lb": LBCH, "lbhm": LBHM}, "LB is delivered whole and in parts"),
        ({"lbch": LBCH.replace("X,LB,008", "X,CM,008")}, "is named LBCH, but DOMAIN says CM, LB"),
        ({"ae": "DOMAIN,USUBJID,AESEQ\nCM,007,1\n"}, "is named AE, but DOMAIN says CM"),
        ({"ae": "DOMAIN,USUBJID,AESEQ\nAE,007,1\nae,008,1\n"}, "is named AE, but DOMAIN says ae"),
        ({"aech": "DOMAIN,USUBJID,AESEQ\nCM,007,1\n"}, "is named AECH, but DOMAIN says CM"),
    ],
)
def test_file_that_is_not_the_domain_it_says_is_refused(cut: Path, parts: dict[str, str], words: str) -> None:
    write_parts(cut, **parts)
    assert words in problems_of(cut)[0]


def test_part_of_another_kind_is_refused(cut: Path) -> None:
    write_parts(cut, lbch=LBCH)
    pd.DataFrame({"DOMAIN": ["LB"], "LBFAST": [1.0]}).to_parquet(cut / "sdtm" / "lbhm.parquet", index=False)
    assert "LBFAST of LB is text in one part and a number in another" in problems_of(cut)[0]


# --- damage -------------------------------------------------------------------------------------


def test_missing_folder_file_and_empty_folder(tmp_path: Path) -> None:
    assert "does not exist" in problems_of(tmp_path / "nowhere")[0]
    (tmp_path / "file").write_text("")
    assert "is not a folder" in problems_of(tmp_path / "file")[0]
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README.txt").write_text("nothing")
    assert "holds no dataset" in problems_of(tmp_path / "empty")[0]


@pytest.mark.parametrize("name", ["ae.xpt", "ae.parquet", "ae.csv", "ae.json", "ae.ndjson", "ae.sas7bdat"])
def test_empty_file_is_an_error(cut: Path, name: str) -> None:
    (cut / "sdtm" / name).write_bytes(b"")
    (problem,) = problems_of(cut)
    assert name in problem
    assert "is empty" in problem


@pytest.mark.parametrize("name", ["ae.xpt", "ae.parquet", "ae.csv", "ae.json", "ae.ndjson", "ae.sas7bdat"])
def test_noise_is_an_error(cut: Path, name: str) -> None:
    (cut / "sdtm" / name).write_bytes(bytes(range(256)) * 40)
    (problem,) = problems_of(cut)
    assert name in problem


LONG = pd.DataFrame(
    {"USUBJID": [f"S-{i:04d}" for i in range(60)], "AESEQ": np.arange(60.0), "AETERM": ["word " * 9 + str(i) for i in range(60)]}
)


@pytest.mark.parametrize("version", [5, 8])
@pytest.mark.parametrize("cards", [1, 2, 3, 10])
def test_transport_file_cut_at_a_card_is_an_error(cut: Path, version: int, cards: int) -> None:
    path = cut / "sdtm" / "ae.xpt"
    write_xpt(LONG, path, version)
    whole = path.read_bytes()
    path.write_bytes(whole[: -80 * cards])
    (problem,) = problems_of(cut)
    assert "ae.xpt" in problem
    assert "truncated" in problem


def check_xpt(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    return check_rows(data, read_layout(data, path), path)


@pytest.mark.parametrize("version", [5, 8])
@settings(max_examples=25, deadline=None)
@given(share=st.floats(0.001, 0.999))
def test_transport_file_cut_anywhere_never_loses_rows_in_silence(
    tmp_path_factory: pytest.TempPathFactory, version: int, share: float
) -> None:
    """Whatever is cut off, the file is refused.

    One cut cannot be seen in version 5, which announces no number of rows: where a card ends exactly at the end of a
    row, what is left is itself a whole file. Here that is the cut behind the headers: the file of an empty dataset,
    which the gate reports as such.
    """
    path = tmp_path_factory.mktemp("xpt") / "ae.xpt"
    write_xpt(LONG, path, version)
    whole = path.read_bytes()
    layout = read_layout(whole, path)
    kept = int(len(whole) * share)
    path.write_bytes(whole[:kept])
    rows, rest = divmod(kept - layout.data_start, layout.row_bytes)
    if version == 5 and kept % 80 == 0 and rows >= 0 and rest == 0:
        assert check_xpt(path)[1] == rows
    else:
        with pytest.raises(ReportError):
            check_xpt(path)


def test_transport_file_cut_behind_its_headers_is_an_empty_dataset_or_an_error(tmp_path: Path) -> None:
    """Version 8 announces 60 rows and has none; version 5 announces nothing: what is left is an empty dataset."""
    path = tmp_path / "ae.xpt"
    for version in (8, 5):
        write_xpt(LONG, path, version)
        whole = path.read_bytes()
        path.write_bytes(whole[: read_layout(whole, path).data_start])
        if version == 8:
            with pytest.raises(ReportError, match="announces 60 rows and holds 0"):
                check_xpt(path)
    assert check_xpt(path)[1] == 0


def test_whole_transport_file_has_room_for_its_rows(tmp_path: Path) -> None:
    for rows in (0, 1, 2, 3, 59):
        write_xpt(LONG.head(rows), tmp_path / "ae.xpt") if rows else write_xpt(LONG.head(1), tmp_path / "ae.xpt")
        least, most = check_xpt(tmp_path / "ae.xpt")
        assert least <= max(rows, 1) <= most


def test_short_rows_are_not_confused_with_padding(cut: Path) -> None:
    """Three rows of two bytes fill 6 of 80: the rest of the card is padding, not rows."""
    write_xpt(pd.DataFrame({"USUBJID": ["a", "b", "c"]}), cut / "sdtm" / "ae.xpt")
    assert read_cut(cut).sdtm["AE"]["USUBJID"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("stored", "number"),
    [
        # IBM System/360 Principles of Operation: the sign, a power of 16 plus 64, a fraction below 1.
        ("4110000000000000", 1.0),  # 1/16 * 16
        ("C276A00000000000", -118.625),  # -(0x76.A)
        ("0000000000000000", 0.0),
        ("401999999999999A", 0.1),  # 0x0.1999... of 53 bits
        # SAS cuts numbers of short length behind their first bytes.
        ("4264", 100.0),
        ("C11800", -1.5),
        # Missing values: ., ._, .A, .Z
        ("2E00000000000000", np.nan),
        ("5F00000000000000", np.nan),
        ("4100000000000000", np.nan),
        ("5A0000", np.nan),
        # A letter with a fraction is a number: 0x41 is 16 to the 1st.
        ("4120000000000000", 2.0),
        ("7FFFFFFFFFFFFFFF", np.inf),
    ],
)
def test_number_of_a_transport_file_is_read_as_it_is_stored(stored: str, number: float) -> None:
    data = bytes.fromhex(stored)
    frame = read_rows(data, XptLayout(0, None, ((True, len(data)),)), ["AESEQ"], Path("ae.xpt"))
    np.testing.assert_array_equal(frame["AESEQ"], [number])


@pytest.mark.parametrize("version", [5, 8])
@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.floats(-1e70, 1e70, allow_subnormal=False).filter(lambda value: value == 0 or abs(value) > 1e-70),
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_transport_file_is_read_as_another_reader_reads_it(
    tmp_path_factory: pytest.TempPathFactory, version: int, rows: list[tuple[float, str]]
) -> None:
    """The oracle is ReadStat, which reads the same rows one value at a time."""
    path = tmp_path_factory.mktemp("xpt") / "ae.xpt"
    frame = pd.DataFrame({"USUBJID": "S-1", "AESEQ": [number for number, _ in rows], "AETERM": [text for _, text in rows]})
    write_xpt(frame, path, version)
    expected, _ = pyreadstat.read_xport(str(path))
    pd.testing.assert_frame_equal(
        read_xpt(path.read_bytes(), path).frame, expected.astype({"USUBJID": "str", "AETERM": "str"}), check_exact=True
    )


def test_text_of_a_transport_file_ends_at_its_trailing_blanks_or_at_a_nul() -> None:
    texts = ["fever ", " ab   ", "a\0bc  ", "      ", "\0\0\0\0\0\0", "x     "]
    frame = read_rows("".join(texts).encode(), XptLayout(0, None, ((False, 6),)), ["AETERM"], Path("ae.xpt"))
    assert frame["AETERM"].tolist() == ["fever", " ab", "a", "", "", "x"]


def test_text_of_a_transport_file_that_is_not_utf_8_is_refused(cut: Path) -> None:
    path = cut / "sdtm" / "ae.xpt"
    write_xpt(AE.assign(AETERM="Fever"), path)
    path.write_bytes(path.read_bytes().replace(b"Fever", b"F\xe9ver"))
    (problem,) = problems_of(cut)
    assert "UTF-8" in problem


def test_number_longer_than_eight_bytes_is_refused(cut: Path) -> None:
    path = cut / "sdtm" / "ae.xpt"
    write_xpt(AE, path)
    data = bytearray(path.read_bytes())
    number = data.index(b"AESEQ") - 8
    assert data[number : number + 6] == bytes.fromhex("000100000008")
    data[number + 5] = 9
    path.write_bytes(data)
    (problem,) = problems_of(cut)
    assert "header records that cannot be read" in problem


def test_two_datasets_in_one_transport_file_are_refused(cut: Path) -> None:
    path = cut / "sdtm" / "ae.xpt"
    write_xpt(LONG, path)
    content = path.read_bytes()
    path.write_bytes(content + content[240:])
    assert "more than one dataset" in problems_of(cut)[0]


def test_truncated_parquet_is_an_error(cut: Path) -> None:
    path = cut / "sdtm" / "ae.parquet"
    write_any(LONG, path)
    path.write_bytes(path.read_bytes()[:-50])
    assert "truncated or damaged" in problems_of(cut)[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: json.dumps(c)[:-20], "is not JSON"),
        (lambda c: json.dumps({**c, "rows": c["rows"][:-1]}), "announces 3 rows and holds 2"),
        (lambda c: json.dumps({**c, "rows": [*c["rows"][:-1], c["rows"][-1][:-1]]}), "row 3: 1 row without 6 values"),
        (lambda c: json.dumps({**c, "columns": []}), "has no columns"),
        (lambda c: json.dumps({**c, "columns": [{**c["columns"][0], "dataType": "code"}]}), "data type 'code'"),
        (lambda c: json.dumps({**c, "rows": [[1, *row[1:]] for row in c["rows"]]}), "not text"),
        (lambda c: json.dumps({**c, "rows": [[*row[:2], "x", *row[3:]] for row in c["rows"]]}), "no number"),
        (lambda c: json.dumps({key: value for key, value in c.items() if key != "rows"}), "has no rows"),
        (lambda c: "[" * 100_000, "is not JSON"),
        (lambda c: "[]", "has no columns"),
        (lambda c: json.dumps({**c, "rows": [[*row[:2], float("nan"), *row[3:]] for row in c["rows"]]}), "NaN is not JSON"),
    ],
)
def test_broken_dataset_json_is_an_error(cut: Path, change: Callable[[dict], str], words: str) -> None:
    (cut / "sdtm" / "ae.json").write_text(change(json_content(AE)))
    assert words in problems_of(cut)[0]


def test_broken_line_of_ndjson_is_named(cut: Path) -> None:
    path = cut / "sdtm" / "ae.ndjson"
    write_any(AE, path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], lines[2][:-5], *lines[3:]]))
    assert "line 3" in problems_of(cut)[0]


def test_separators_inside_json_text_end_no_line(cut: Path) -> None:
    write_any(AE.assign(AETERM=["a\u2028b", "c\x85d", "e"]), cut / "sdtm" / "ae.ndjson")
    assert read_cut(cut).sdtm["AE"]["AETERM"].tolist() == ["a\u2028b", "c\x85d", "e"]


def test_csv_rows_of_another_width_are_all_named(cut: Path) -> None:
    (cut / "sdtm" / "ae.csv").write_text("USUBJID,AESEQ,AETERM\n1,1,a\n2,2\n3,3,b,c\n4,4,d\n")
    problems = problems_of(cut)
    assert ["line 3" in problems[0], "line 4" in problems[1], len(problems)] == [True, True, 2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("USUBJID,AETERM\n1,é\n".encode("latin-1"), "UTF-8"),
        ("USUBJID,ÄTERM\n1,x\n".encode("latin-1"), "UTF-8"),
        (b"USUBJID,USUBJID\n1,2\n", "twice"),
        (b"USUBJID,AESEQ\n1,abc\n", "AESEQ 'abc' is no number"),
        (b"USUBJID,<script>\n1,2\n", "not allowed"),
        (b"USUBJID,AESEQ\n1,inf\n", "no number"),
    ],
)
def test_bad_csv_is_an_error(cut: Path, content: bytes, words: str) -> None:
    (cut / "sdtm" / "ae.csv").write_bytes(content)
    assert words in problems_of(cut)[0]


def test_csv_quotes_commas_and_line_breaks(cut: Path) -> None:
    (cut / "sdtm" / "ae.csv").write_text(
        '\ufeffUSUBJID,AESEQ,AETERM\n007,1,"pain, ""sharp""\nand long"\n008,2,=cmd|x\n', encoding="utf-8"
    )
    frame = read_cut(cut).sdtm["AE"]
    assert frame["AETERM"].tolist() == ['pain, "sharp"\nand long', "=cmd|x"]
    assert frame["USUBJID"].tolist() == ["007", "008"]


def test_two_files_for_one_dataset_are_refused(cut: Path) -> None:
    write_any(AE, cut / "sdtm" / "ae.csv")
    write_any(AE, cut / "sdtm" / "ae.xpt")
    (problem,) = problems_of(cut)
    assert "sdtm/ae.csv, sdtm/ae.xpt" in problem


@pytest.mark.parametrize(
    "name", ["ae (1).csv", "a.csv", "1ae.csv", "ae..csv", "aetoolongname.csv", "æ.csv", "--help.csv", "$(id).csv"]
)
def test_file_name_that_is_no_dataset_name_is_refused(cut: Path, name: str) -> None:
    write_any(AE, cut / "sdtm" / "ae.csv")
    (cut / "sdtm" / name).write_text("x\n1\n")
    assert "is no dataset name" in problems_of(cut)[0]


def test_other_files_are_passed_over(cut: Path) -> None:
    write_any(AE, cut / "sdtm" / "ae.csv")
    for name in ("define.xml", "README", "notes.txt", ".ae.csv.swp", "._ae.csv"):
        (cut / "sdtm" / name).write_text("x")
    (cut / "sdtm" / "old.csv").mkdir()
    assert list(read_cut(cut).files) == ["sdtm/ae.csv"]


def test_link_out_of_the_folder_is_refused(cut: Path, tmp_path: Path) -> None:
    write_any(AE, tmp_path / "secret.csv")
    os.symlink(tmp_path / "secret.csv", cut / "sdtm" / "ae.csv")
    assert "leads out of the cut folder" in problems_of(cut)[0]
    os.symlink(tmp_path, cut / "adam")
    assert any("leads out" in problem for problem in problems_of(cut))


def test_link_out_of_the_folder_is_refused_for_companions_too(cut: Path, tmp_path: Path) -> None:
    write_any(AE, cut / "sdtm" / "ae.csv")
    (tmp_path / "elsewhere.json").write_text("{}")
    os.symlink(tmp_path / "elsewhere.json", cut / "cut.json")
    assert "leads out of the cut folder" in problems_of(cut)[0]
    with pytest.raises(ReportError, match="leads out"):
        hash_cut(cut, TRIAL)


def test_file_that_may_not_be_read_is_named(cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_any(AE, cut / "sdtm" / "ae.csv")

    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    problems = problems_of(cut)
    assert "ae.csv" in problems[0]
    assert "Permission denied" in problems[0]


@pytest.mark.parametrize("content", ["{", "[]", "\x00"])
def test_broken_cut_json_is_an_error(cut: Path, content: str) -> None:
    write_any(AE, cut / "sdtm" / "ae.csv")
    (cut / "cut.json").write_text(content)
    assert "cut.json" in problems_of(cut)[0]


def test_everything_wrong_is_said_at_once(cut: Path) -> None:
    (cut / "sdtm" / "ae.xpt").write_bytes(b"")
    (cut / "sdtm" / "dm.csv").write_text("A,B\n1\n")
    (cut / "sdtm" / "lb.json").write_text("{")
    (cut / "sdtm" / "x.csv").write_text("A\n")
    (cut / "cut.json").write_text("{")
    problems = problems_of(cut)
    assert len(problems) == 5
    assert all(any(name in problem for problem in problems) for name in ("ae.xpt", "dm.csv", "lb.json", "x.csv", "cut.json"))


def test_hostile_text_stays_text(cut: Path) -> None:
    terms = ["<script>alert(1)</script>", "../../etc/passwd", "\\input{/etc/passwd}"]
    for name in ("ae.xpt", "ae.json"):
        write_any(AE.assign(AETERM=terms), cut / "sdtm" / name)
        assert read_cut(cut).sdtm["AE"]["AETERM"].tolist() == terms
        (cut / "sdtm" / name).unlink()


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pd.Series([True, False, True]), "true/false"),
        (pd.Series(pd.to_datetime(["2025-01-01"] * 3)).dt.tz_localize("Asia/Shanghai"), "time zone"),
        (pd.Series([[1], [2], [3]]), "list"),
        (pd.Series([1.0, np.inf, 2.0]), "no number"),
    ],
)
def test_parquet_column_of_no_use_is_refused(cut: Path, column: pd.Series, words: str) -> None:
    AE.assign(X=column).to_parquet(cut / "sdtm" / "ae.parquet", index=False)
    assert words in problems_of(cut)[0]


def test_parquet_kinds_become_text_numbers_and_dates(cut: Path) -> None:
    frame = pd.DataFrame(
        {"USUBJID": pd.Categorical(["a", "b"]), "AESEQ": pd.array([1, None], dtype="Int64"), "AETERM": [None, None]}
    )
    frame.to_parquet(cut / "sdtm" / "ae.parquet", index=False)
    read = read_cut(cut).sdtm["AE"]
    assert read.dtypes.astype(str).tolist() == ["str", "float64", "str"]
    assert read["AESEQ"].fillna(-1).tolist() == [1.0, -1.0]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="ascii", min_codepoint=33), max_size=12), st.floats(-1e12, 1e12)),
        min_size=1,
        max_size=8,
    )
)
def test_csv_and_json_hold_what_was_written(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float]]) -> None:
    frame = pd.DataFrame({"USUBJID": [text for text, _ in rows], "AESEQ": [number for _, number in rows]})
    for name in ("ae.csv", "ae.json"):
        folder = tmp_path_factory.mktemp("cut")
        write_any(frame, folder / name)
        read = read_cut(folder).sdtm["AE"]
        assert read["USUBJID"].fillna("").tolist() == frame["USUBJID"].tolist()
        np.testing.assert_allclose(read["AESEQ"], frame["AESEQ"], rtol=1e-15)


@pytest.mark.parametrize("version", [5, 8])
def test_variables_of_a_transport_file_are_described_as_another_reader_describes_them(tmp_path: Path, version: int) -> None:
    """The oracle is ReadStat; the label with an accent takes more bytes than letters."""
    path, frame = tmp_path / "adsl.xpt", ADSL.assign(LONGNAME=1.0)
    labels = {"USUBJID": "Unique Subject Identifier", "AGE": "Âge", "TRTSDTM": "x" * 40}
    write_xpt(frame, path, version, labels, "Subject-Level Analysis")
    _, meta = pyreadstat.read_xport(str(path), metadataonly=True)
    raw = read_xpt(path.read_bytes(), path)
    assert list(raw.frame) == meta.column_names
    assert dict(raw.labels) == {name: label for name, label in meta.column_names_to_labels.items() if label}
    assert raw.label == meta.file_label == "Subject-Level Analysis"
    assert dict(raw.formats) == {"TRTSDT": "DATE", "TRTSDTM": "DATETIME"}
